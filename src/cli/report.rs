//! `report`: journals scored and drawn again, asking nothing.

use super::arguments::Report;
use super::folder::{Kept, write_results, write_study};
use super::{Exit, compare, dispute, screen};
use crate::dispute::Design;
use crate::gate::Baseline;
use anyhow::{Context, Result, ensure};

/// Scores and draws each run folder again.
pub fn run(arguments: &Report) -> Result<Exit> {
    ensure!(
        arguments.baseline.is_none() || arguments.run.len() == 1,
        "--baseline is of one run: give one folder"
    );
    let mut summaries = Vec::new();
    for folder in &arguments.run {
        if let Some(sides) = compare::folders(folder)? {
            let comparison = compare::write(folder, &sides)
                .with_context(|| format!("cannot report on {}", folder.display()))?;
            match arguments.json {
                true => screen::out(&serde_json::to_string_pretty(&comparison)?),
                false => compare::print(&comparison, folder),
            }
            continue;
        }
        if let Some(design) = Design::read(folder)? {
            let disputed = dispute::write(folder, &design)
                .with_context(|| format!("cannot report on {}", folder.display()))?;
            match arguments.json {
                true => screen::out(&serde_json::to_string_pretty(&disputed)?),
                false => dispute::print(&disputed, folder),
            }
            continue;
        }
        if let Some(summary) = super::sweep::dataset::report(folder)? {
            if !arguments.json {
                super::sweep::print_summary(&summary, folder);
            }
            summaries.push(summary);
            continue;
        }
        let kept = Kept::read(folder)?;
        if let Some(path) = &arguments.baseline {
            let baseline = Baseline::of(&kept.run, &kept.loaded)?;
            baseline.check(&kept.plan)?;
            baseline.write(path)?;
            screen::note(&format!(
                "baseline of {} answers written to {}",
                baseline.rows.len(),
                path.display()
            ));
        }
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
    if arguments.json && !summaries.is_empty() {
        screen::out(&match summaries.as_slice() {
            [one] => serde_json::to_string_pretty(one)?,
            all => serde_json::to_string_pretty(all)?,
        });
    }
    Ok(Exit::Done)
}
