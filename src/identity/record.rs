//! The attempts of an identification: a line before and a line after each, flushed before anything else hears of it.

use super::asker::Side;
use crate::journal::Outcome;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Version of the lines and of `identity.json`.
pub const SCHEMA: u32 = 1;

/// The file of the attempts.
pub const FILE: &str = "attempts.jsonl";

/// Written before a question is sent.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptIntent {
    /// Version of the format.
    pub schema: u32,
    /// Its number.
    pub attempt: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// One attempt at one probe.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Version of the format.
    pub schema: u32,
    /// Its number among the attempts, from 0.
    pub attempt: u64,
    /// When the request began, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which side was asked.
    pub side: Side,
    /// The signal that it belongs to.
    pub signal: String,
    /// Its name within the signal.
    pub probe: String,
    /// Length in bytes of the long text that stood before the question; 0 where there was none.
    pub behind_bytes: u64,
    /// What was asked, without the long text.
    pub text: String,
    /// BLAKE3 of the whole prompt in hex.
    pub blake3: String,
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// Sampling temperature; null where it was left to the server.
    pub temperature: Option<f64>,
    /// What came back.
    pub outcome: Outcome,
}

#[derive(Serialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line<'a> {
    Intent(&'a AttemptIntent),
    Attempt(&'a Attempt),
}

/// The file, and what was written to it.
pub struct Record {
    file: Mutex<(File, Vec<Attempt>)>,
    name: String,
    next: AtomicU64,
}

impl Record {
    /// Begins the file of a folder.
    ///
    /// # Errors
    /// When the folder holds one already, or cannot be written.
    pub fn begin(folder: &Path) -> Result<Record> {
        let path = folder.join(FILE);
        if path.exists() {
            bail!(
                "{} holds an identification already: choose another --out",
                folder.display()
            );
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let name = path.display().to_string();
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .with_context(|| format!("cannot write {name}"))?;
        Ok(Record {
            file: Mutex::new((file, Vec::new())),
            name,
            next: AtomicU64::new(0),
        })
    }

    /// The number of the next attempt.
    pub fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes that an attempt is about to be sent.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn intend(&self, intent: &AttemptIntent) -> Result<()> {
        self.write(&Line::Intent(intent), None)
    }

    /// Writes an attempt.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, attempt: Attempt) -> Result<()> {
        self.write(&Line::Attempt(&attempt), Some(&attempt))
    }

    /// Everything that was kept, in the order of the attempts' numbers.
    pub fn attempts(&self) -> Vec<Attempt> {
        let kept = self.file.lock().map(|guard| guard.1.clone());
        let mut attempts = kept.unwrap_or_default();
        attempts.sort_by_key(|attempt| attempt.attempt);
        attempts
    }

    fn write(&self, line: &Line<'_>, attempt: Option<&Attempt>) -> Result<()> {
        let kept = || format!("cannot write {}: earlier lines are kept", self.name);
        let mut bytes = serde_json::to_vec(line).with_context(kept)?;
        bytes.push(b'\n');
        let Ok(mut guard) = self.file.lock() else {
            bail!("{} is in an unknown state after a failed write", self.name);
        };
        guard.0.write_all(&bytes).with_context(kept)?;
        guard.1.extend(attempt.cloned());
        Ok(())
    }

    /// Brings everything to the disk.
    ///
    /// # Errors
    /// When the disk cannot take it.
    pub fn sync(&self) -> Result<()> {
        match self.file.lock() {
            Ok(guard) => guard
                .0
                .sync_data()
                .with_context(|| format!("cannot sync {}", self.name)),
            Err(_) => Ok(()),
        }
    }
}
