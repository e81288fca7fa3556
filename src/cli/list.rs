//! `tasks` and `corpora`: what is built in.

use super::{Exit, screen};
use crate::corpus::{BUILT_IN, Corpus};
use crate::task::Task;
use anyhow::Result;

/// Lists the tasks.
pub fn tasks() -> Result<Exit> {
    for task in Task::all() {
        screen::out(&format!("{:<16} {}", task.name(), task.entry().measures));
    }
    Ok(Exit::Done)
}

/// Lists the corpora and their texts.
pub fn corpora() -> Result<Exit> {
    for (name, _, what) in BUILT_IN {
        screen::out(&format!("{name:<10} {what}"));
    }
    screen::out("");
    for text in &Corpus::open("en")?.texts {
        if let Some(manifest) = &text.manifest {
            screen::out(&format!(
                "{:>9.2} MB  {}, {} ({}); {}; from the {}",
                manifest.bytes as f64 / 1e6,
                manifest.title,
                manifest.author,
                manifest.year,
                manifest.licence,
                manifest.source
            ));
        }
    }
    Ok(Exit::Done)
}
