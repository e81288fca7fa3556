//! `report`: journals scored and drawn again, asking nothing.

use super::arguments::Report;
use super::folder::{Kept, write_results, write_study};
use super::{Exit, screen};
use anyhow::{Context, Result};

/// Scores and draws each run folder again.
pub fn run(arguments: &Report) -> Result<Exit> {
    let mut summaries = Vec::new();
    for folder in &arguments.run {
        let kept = Kept::read(folder)?;
        let (run, loaded, corpus) = (&kept.run, &kept.loaded, &kept.corpora);
        let summary = match run.study {
            Some(_) => write_study(folder, run, &kept.key, loaded, corpus),
            None => write_results(folder, run, &kept.plan, loaded, corpus),
        };
        let summary = summary.with_context(|| format!("cannot report on {}", folder.display()))?;
        match summary.is_study() {
            _ if arguments.json => {}
            true => super::verify::print_verification(&summary, folder),
            false => super::sweep::print_summary(&summary, folder),
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
