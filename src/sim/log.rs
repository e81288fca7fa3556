//! The server's own account of its requests, a line of JSON each, for tests to compare with.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One request as the server saw it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// Which request this is, from 0.
    pub request: u64,
    /// Which question this is, from 0; `None` where no answer of the model was asked for.
    pub question: Option<u64>,
    /// POST or GET.
    pub method: &'static str,
    /// Its path, without the query.
    pub path: String,
    /// The faults that were drawn, as they were written.
    pub faults: Vec<String>,
    /// HTTP status; `None` where the connection was reset.
    pub status: Option<u16>,
    /// Tokens of the prompt as it came, template included.
    pub received_tokens: Option<u64>,
    /// Tokens of what was read of it.
    pub read_tokens: Option<u64>,
    /// Tokens that the accounts told of.
    pub reported_tokens: Option<u64>,
    /// True where another model than the one in front answered.
    pub relayed: bool,
    /// True where the reply is one that was given before.
    pub cached: bool,
    /// What was answered.
    pub said: Option<String>,
}

/// A file that lines are appended to.
pub struct Log(Mutex<File>);

impl Log {
    /// Creates the file, or empties the one that is there.
    pub fn create(path: &Path) -> Result<Log> {
        let file = File::create(path).with_context(|| {
            format!("cannot write the log {}: name another file", path.display())
        })?;
        Ok(Log(Mutex::new(file)))
    }

    /// Writes one line. It is on its way before the answer is.
    pub fn write(&self, line: &Line) {
        let Ok(mut text) = serde_json::to_string(line) else {
            return;
        };
        text.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not make the server faulty in a way that nobody asked for.
        let _ = file.write_all(text.as_bytes());
    }
}
