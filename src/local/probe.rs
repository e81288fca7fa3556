//! Whether this machine runs a llama-server at all: another CPU or an older glibc says no by dying.

use crate::local::watchdog::how_it_ended;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

/// What a trial run said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It starts. Whether it also computes, only a model shows: see `ManagedServer::start`.
    Usable {
        /// The version in its own words.
        version: String,
    },
    /// It does not run here.
    Unusable {
        /// Why, in one line.
        why: String,
    },
}

/// The error form of [`Verdict::Unusable`], to be told apart by `downcast_ref` from a model that
/// cannot be loaded: here the engine built in can take over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Why, in one line.
    pub why: String,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "llama-server does not run on this machine: {}", self.why)
    }
}

impl std::error::Error for Unusable {}

/// Runs `llama-server --version`.
pub async fn probe(server: &Path) -> Verdict {
    probe_within(server, Duration::from_secs(30)).await
}

async fn probe_within(server: &Path, limit: Duration) -> Verdict {
    let unusable = |why: String| Verdict::Unusable { why };
    let mut command = tokio::process::Command::new(server);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some((name, value)) = library_path(server) {
        command.env(name, value);
    }
    let output = match tokio::time::timeout(limit, command.output()).await {
        Err(_) => {
            return unusable(format!(
                "{} said nothing in {} s",
                server.display(),
                limit.as_secs_f64()
            ));
        }
        Ok(Err(error)) => {
            return unusable(format!("{} cannot be started: {error}", server.display()));
        }
        Ok(Ok(output)) => output,
    };
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    if output.status.success() {
        let version = lines()
            .find(|line| line.starts_with("version"))
            .or_else(|| lines().next());
        return Verdict::Usable {
            version: version.unwrap_or("unknown").to_owned(),
        };
    }
    let ended = how_it_ended(shell_status(output.status));
    // The dynamic loader names the missing GLIBC version on its only line.
    unusable(match lines().next_back() {
        Some(line) => format!("{ended} ({line})"),
        None => ended,
    })
}

/// `LD_LIBRARY_PATH` for a server whose own libraries lie beside it, as in a wheel or a release
/// archive; what the user has set comes after it.
pub fn library_path(server: &Path) -> Option<(String, String)> {
    let folder = server.canonicalize().ok()?.parent()?.to_owned();
    let own = std::fs::read_dir(&folder).ok()?.any(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libllama") || name.starts_with("libggml")
        })
    });
    let folders = std::env::var_os("LD_LIBRARY_PATH");
    let folders = folders.iter().flat_map(std::env::split_paths);
    let joined = std::env::join_paths(std::iter::once(folder).chain(folders)).ok()?;
    own.then(|| Some(("LD_LIBRARY_PATH".to_owned(), joined.into_string().ok()?)))?
}

/// The status as a shell would give it: 128 + signal where a signal ended it.
fn shell_status(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(-1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::local::watchdog::tests::script;

    #[tokio::test]
    async fn a_server_that_answers_is_usable() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = script(
            folder.path(),
            "echo 'warming up'; echo 'version: 77 (abc)' >&2",
        );
        assert_eq!(
            probe(&server).await,
            Verdict::Usable {
                version: "version: 77 (abc)".to_owned()
            }
        );
    }

    #[tokio::test]
    async fn a_server_for_another_cpu_is_a_verdict_and_no_crash() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = script(folder.path(), "kill -ILL $$");
        let Verdict::Unusable { why } = probe(&server).await else {
            panic!("it died")
        };
        assert!(why.contains("SIGILL") && why.contains("CPU"), "{why}");
    }

    #[tokio::test]
    async fn the_loaders_complaint_is_passed_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let complaint = "libc.so.6: version `GLIBC_2.38' not found";
        let server = script(
            folder.path(),
            &format!("echo \"x: {}\" >&2; exit 1", complaint.replace('`', "\\`")),
        );
        let Verdict::Unusable { why } = probe(&server).await else {
            panic!("it failed")
        };
        assert!(why.contains(complaint), "{why}");
    }

    #[tokio::test]
    async fn a_server_that_hangs_or_is_none_is_unusable() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = script(folder.path(), "exec sleep 60");
        let verdict = probe_within(&server, Duration::from_millis(200)).await;
        assert!(matches!(verdict, Verdict::Unusable { .. }), "{verdict:?}");
        let verdict = probe(Path::new("/nowhere/llama-server")).await;
        assert!(matches!(verdict, Verdict::Unusable { .. }), "{verdict:?}");
    }

    #[test]
    fn libraries_beside_the_server_are_found_through_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = script(folder.path(), "exit 0");
        assert_eq!(library_path(&server), None);
        std::fs::write(folder.path().join("libllama.so.0"), "").expect("written");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let link = elsewhere.path().join("llama-server");
        std::os::unix::fs::symlink(&server, &link).expect("linked");
        let (_, value) = library_path(&link).expect("its own libraries");
        let real = folder.path().canonicalize().expect("real");
        assert!(value.starts_with(real.to_str().expect("text")), "{value}");
    }
}
