//! How a study of several sides ended, where it did not end by itself.

use super::{Exit, screen};
use crate::run::Ended;
use anyhow::{Result, bail};
use std::path::Path;

/// Tells what is kept and how to go on. None where all was asked.
///
/// # Errors
/// When no further question could succeed.
pub fn early(ended: Ended, kept: &str, folder: &Path) -> Result<Option<Exit>> {
    let again = format!(
        "run the same command with --out {} to go on",
        folder.display()
    );
    match ended {
        Ended::Complete => Ok(None),
        Ended::Interrupted => {
            screen::note(&format!("interrupted: {kept} are kept; {again}"));
            Ok(Some(Exit::Interrupted))
        }
        Ended::Capped(cap) => {
            screen::note(&format!(
                "stopped by {cap}: {kept} are kept; {again} with a higher cap"
            ));
            Ok(Some(Exit::Undecided))
        }
        Ended::Fatal(failure) => bail!("{failure}; {kept} are kept; mend it and {again}"),
    }
}
