//! `report`: journals scored and drawn again, asking nothing.

use super::arguments::Report;
use super::folder::{Kept, write_results};
use super::{Exit, screen};
use anyhow::{Context, Result};

/// Scores and draws each run folder again.
pub fn run(arguments: &Report) -> Result<Exit> {
    let mut summaries = Vec::new();
    for folder in &arguments.run {
        let kept = Kept::read(folder)?;
        let summary = write_results(folder, &kept.run, &kept.plan, &kept.loaded, &kept.corpus)
            .with_context(|| format!("cannot report on {}", folder.display()))?;
        if !arguments.json {
            super::sweep::print_summary(&summary, folder);
        }
        summaries.push(summary);
    }
    if arguments.json {
        screen::out(&match summaries.as_slice() {
            [one] => serde_json::to_string_pretty(one)?,
            all => serde_json::to_string_pretty(all)?,
        });
    }
    Ok(Exit::Done)
}
