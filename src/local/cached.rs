//! Files in the cache: who may write one, and whether what lies there is what was verified.

use crate::local::progress::{OnProgress, Progress};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The right to write one file of the cache, held by one process at a time. The system frees it
/// when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _held: File,
}

impl Lock {
    /// Waits for the right to write `path`, making its folder.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub async fn take(path: &Path, on: OnProgress<'_>) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let cannot = || {
            format!(
                "the cache {} cannot be written; name another in DEPTHFINDER_CACHE",
                folder.display()
            )
        };
        std::fs::create_dir_all(folder).with_context(cannot)?;
        // Never removed: whoever waits holds it open, and a new file would be another lock.
        let file = File::create(beside(path, ".lock")).with_context(cannot)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _held: file }),
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("{} cannot be locked", path.display()));
                }
                Err(TryLockError::WouldBlock) if !told => {
                    on(Progress::Step(
                        "waiting for another process that fetches the same file",
                    ));
                    told = true;
                }
                Err(TryLockError::WouldBlock) => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// `path` with something after its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The sha256 of a file in hex, if the file is there and is the pinned one. Hashed once: a stamp
/// beside the file stands for the hash as long as size and time of change are the same.
///
/// # Errors
/// Where the file is there and cannot be read.
pub async fn verified_sha256(
    path: &Path,
    sha256: Option<&str>,
    size_bytes: Option<u64>,
) -> Result<Option<String>> {
    let Ok(found) = path.metadata() else {
        return Ok(None);
    };
    if !found.is_file() || size_bytes.is_some_and(|pinned| pinned != found.len()) {
        return Ok(None);
    }
    let state = state(&found);
    let stamp = std::fs::read_to_string(beside(path, ".stamp")).unwrap_or_default();
    let stamped = stamp
        .strip_suffix(&state)
        .map(str::trim_end)
        .filter(|hex| is_sha256(hex));
    let got = match stamped {
        Some(hex) => hex.to_owned(),
        None => {
            let file = path.to_owned();
            let hex = tokio::task::spawn_blocking(move || hash_file(&file))
                .await
                .context("hashing the model")??;
            // A cache that cannot be written only costs the hash again.
            let _ = std::fs::write(beside(path, ".stamp"), format!("{hex} {state}"));
            hex
        }
    };
    Ok(sha256
        .is_none_or(|pinned| pinned.eq_ignore_ascii_case(&got))
        .then_some(got))
}

/// Moves a complete file of that sha256 to its place, in one step.
///
/// # Errors
/// Where the cache cannot be written.
pub fn keep(complete: &Path, path: &Path, sha256: &str) -> Result<()> {
    std::fs::rename(complete, path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    if let Ok(found) = path.metadata() {
        let _ = std::fs::write(
            beside(path, ".stamp"),
            format!("{sha256} {}", state(&found)),
        );
    }
    Ok(())
}

/// The sha256 of a whole file, hex.
///
/// # Errors
/// Where it cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let cannot = || format!("{} cannot be read", path.display());
    hash_into(&mut hasher, &mut File::open(path).with_context(cannot)?).with_context(cannot)?;
    Ok(hex(hasher))
}

/// Feeds all of `from` to the hasher and returns how many bytes it was.
///
/// # Errors
/// Where it cannot be read.
pub fn hash_into(hasher: &mut Sha256, from: &mut impl Read) -> std::io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut total_bytes = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(total_bytes),
            read => {
                hasher.update(&buffer[..read]);
                total_bytes += read as u64;
            }
        }
    }
}

/// The digest in lower-case hex.
pub fn hex(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// True for 64 hex digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Checks bytes against their pin.
///
/// # Errors
/// Where they are others.
pub fn check_sha256(what: &str, got: &str, pinned: &str) -> Result<()> {
    if !got.eq_ignore_ascii_case(pinned) {
        bail!("refused: {what} has sha256 {got}, not the pinned {pinned}");
    }
    Ok(())
}

fn state(found: &std::fs::Metadata) -> String {
    let changed = found
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    format!(
        "{} {}\n",
        found.len(),
        changed.unwrap_or_default().as_nanos()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // From FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[tokio::test]
    async fn a_file_changed_behind_our_back_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.gguf");
        assert_eq!(
            verified_sha256(&path, None, None).await.expect("readable"),
            None
        );
        std::fs::write(&path, "abc").expect("written");
        for _ in 0..2 {
            let got = verified_sha256(&path, Some(ABC), Some(3))
                .await
                .expect("readable");
            assert_eq!(got.as_deref(), Some(ABC));
        }
        assert!(beside(&path, ".stamp").is_file());
        assert_eq!(
            verified_sha256(&path, Some(ABC), Some(4))
                .await
                .expect("readable"),
            None
        );
        std::fs::write(&path, "abd").expect("written");
        let later = std::time::SystemTime::now() + Duration::from_secs(5);
        File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(later))
            .expect("touched");
        assert_eq!(
            verified_sha256(&path, Some(ABC), Some(3))
                .await
                .expect("readable"),
            None
        );
    }

    #[tokio::test]
    async fn one_at_a_time_may_write_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep").join("m.gguf");
        let first = Lock::take(&path, &mut |_| {}).await.expect("free");
        let mut told = 0;
        let mut count = |_: Progress<'_>| told += 1;
        let second = Lock::take(&path, &mut count);
        let waited = tokio::time::timeout(Duration::from_millis(300), second).await;
        assert!(waited.is_err(), "the second waits");
        assert_eq!(told, 1, "and says so once");
        drop(first);
        Lock::take(&path, &mut |_| {}).await.expect("free again");
    }
}
