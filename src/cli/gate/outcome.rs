//! The outcome of a gate, written wherever it was asked for.

use crate::cli::arguments::Gate;
use crate::cli::{folder, screen};
use crate::gate::Gated;
use crate::report;
use anyhow::{Context, Result};
use std::io::Write as _;
use std::path::Path;

/// Writes the outcome into the run folder and, where others are to read it, to the files that
/// were asked for; prints it in one line.
///
/// # Errors
/// When a file cannot be written.
pub fn tell(arguments: &Gate, folder: &Path, gated: &Gated, is_for_others: bool) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(gated).context("cannot write gate.json")?;
    json.push(b'\n');
    folder::write(folder, "gate.json", &json)?;
    let markdown = report::gate_markdown(gated);
    folder::write(folder, "gate.md", markdown.as_bytes())?;
    if is_for_others {
        for (path, content) in [
            (&arguments.junit, report::junit(gated)),
            (&arguments.prometheus, report::prometheus(gated)),
        ] {
            if let Some(path) = path {
                write_whole(path, &content)?;
            }
        }
        append_to_step_summary(&markdown);
    }
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(gated)?);
    } else if !arguments.quiet {
        screen::out(&gated.sentence);
    }
    Ok(())
}

/// Whole or not at all: a collector may read at any time.
fn write_whole(path: &Path, content: &str) -> Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    std::fs::write(&partial, content)
        .and_then(|()| std::fs::rename(&partial, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Set by GitHub's runners: what is appended there stands on the page of the job.
fn append_to_step_summary(markdown: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else {
        return;
    };
    let appended = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(markdown.as_bytes()));
    if let Err(error) = appended {
        screen::note(&format!("the step summary could not be written: {error}"));
    }
}
