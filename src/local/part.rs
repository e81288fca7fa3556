//! A half-fetched file: its bytes, their running hash, and which file of the server they belong to.

use crate::local::cached::{beside, check_sha256, hash_into, hex, keep};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

/// What the server said of the file that the bytes are of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The `ETag`, where it is a strong one: only those may be used to resume (RFC 9110 §13.1.5).
    pub etag: Option<String>,
    /// The sha256 that the hub announced.
    pub sha256: Option<String>,
}

/// `NAME.part`, open for appending.
pub struct Part {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    len_bytes: u64,
    identity: Identity,
    /// True where bytes of an earlier process are in it.
    inherited: bool,
    /// True where this process has written bytes.
    gained: bool,
}

impl Part {
    /// Opens what an earlier attempt left beside `to`, or begins anew. Reads what is there.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn open(to: &Path) -> Result<Self> {
        let path = beside(to, ".part");
        let cannot = || format!("{} cannot be written", path.display());
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(cannot)?;
        let mut hasher = Sha256::new();
        let len_bytes = hash_into(&mut hasher, &mut file).with_context(cannot)?;
        let identity = std::fs::read(beside(&path, ".of"))
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        Ok(Part {
            path,
            file,
            hasher,
            len_bytes,
            identity,
            inherited: len_bytes > 0,
            gained: false,
        })
    }

    /// How many bytes are here.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Which file they are of, as far as known.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// True where bytes of an earlier process are in it.
    pub fn inherited(&self) -> bool {
        self.inherited
    }

    /// True where this process got some bytes, so that there is a way to the server.
    pub fn gained(&self) -> bool {
        self.gained
    }

    /// Forgets all bytes.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn clear(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.hasher = Sha256::new();
        self.len_bytes = 0;
        self.inherited = false;
        self.belongs_to(Identity::default())
    }

    /// Notes which file the bytes are of, before the first of them is written.
    ///
    /// # Errors
    /// Where the cache cannot be written.
    pub fn belongs_to(&mut self, identity: Identity) -> Result<()> {
        if identity != self.identity {
            let path = beside(&self.path, ".of");
            std::fs::write(&path, serde_json::to_vec(&identity)?)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            self.identity = identity;
        }
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Where the disk is full or the cache cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| {
            format!(
                "{} cannot be written; is the disk full?",
                self.path.display()
            )
        })?;
        self.hasher.update(bytes);
        self.len_bytes += bytes.len() as u64;
        self.gained = true;
        Ok(())
    }

    /// Checks the whole against `sha256` and moves it to its place; gives its sha256.
    ///
    /// # Errors
    /// Where the bytes are others (they are removed then), or the cache cannot be written.
    pub fn finish(self, to: &Path, what: &str, sha256: Option<&str>) -> Result<String> {
        let Part {
            path, file, hasher, ..
        } = self;
        let got = hex(hasher);
        if let Some(pinned) = sha256
            && let Err(refused) = check_sha256(what, &got, pinned)
        {
            drop(file);
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::remove_file(beside(&path, ".of"));
            return Err(refused);
        }
        file.sync_all()
            .with_context(|| format!("{} cannot be written", path.display()))?;
        keep(&path, to, &got)?;
        let _ = std::fs::remove_file(beside(&path, ".of"));
        Ok(got)
    }

    /// True where the bytes so far hash to `sha256`.
    pub fn hashes_to(&self, sha256: &str) -> bool {
        hex(self.hasher.clone()).eq_ignore_ascii_case(sha256)
    }
}
