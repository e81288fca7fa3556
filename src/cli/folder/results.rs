//! What a run comes to, as files: `summary.json`, the charts, the tables and the reports.

use crate::chart::{self, Picture};
use crate::ground::Corpora;
use crate::journal::{Loaded, RunFile};
use crate::plan::Plan;
use crate::report;
use crate::run::Standing;
use crate::seed::RunKey;
use crate::summary::{Summary, summarize, summarize_set, verdicts, verification};
use anyhow::{Context, Result};
use std::path::Path;

/// Sums a study up, whose trials follow from its answers, and writes the same files.
pub fn write_study(
    folder: &Path,
    run: &RunFile,
    key: &RunKey,
    loaded: &Loaded,
    corpora: &Corpora,
) -> Result<Summary> {
    let standing = Standing::of(run, loaded, corpora, key)
        .with_context(|| format!("{} holds no verification", folder.display()))?;
    let mut summary = summarize(run, &standing.plan, loaded, corpora, run.price);
    if run
        .plan_hash
        .as_ref()
        .is_some_and(|hash| *hash != run.hashed())
    {
        summary.warnings.push(
            "the plan in run.json is not the one whose digest was registered: it was changed since"
                .into(),
        );
    }
    match verdicts(run, &standing, loaded, corpora) {
        Some(verdicts) => summary.verify_kinds(verdicts),
        None => summary.verify(verification(run, &standing, loaded, corpora, 0)),
    }
    write_summary(folder, summary)
}

/// Sums a run up and writes `summary.json`, the charts, the tables and the reports.
pub fn write_results(
    folder: &Path,
    run: &RunFile,
    plan: &Plan,
    loaded: &Loaded,
    corpora: &Corpora,
) -> Result<Summary> {
    write_summary(folder, summarize(run, plan, loaded, corpora, run.price))
}

/// The same for another's set, whose file is not needed.
pub fn write_set(folder: &Path, run: &RunFile, loaded: &Loaded) -> Result<Summary> {
    write_summary(folder, summarize_set(run, loaded, run.price))
}

fn write_summary(folder: &Path, summary: Summary) -> Result<Summary> {
    let mut json = serde_json::to_vec_pretty(&summary).context("cannot write summary.json")?;
    json.push(b'\n');
    write(folder, "summary.json", &json)?;
    // Of a set that states no depth there is no map, and of one of which nothing came back no curve.
    let drawn = |is_drawn: bool, draw: fn(&Summary) -> Result<Picture>| {
        is_drawn.then(|| draw(&summary)).transpose()
    };
    let has_curve = summary.dataset.is_none() || summary.tasks.iter().any(|t| !t.curve.is_empty());
    let has_cells = summary.dataset.is_none() || summary.tasks.iter().any(|t| !t.cells.is_empty());
    let (accuracy, heatmap) = std::thread::scope(|scope| {
        let accuracy = scope.spawn(|| drawn(has_curve, chart::accuracy));
        (accuracy.join(), drawn(has_cells, chart::heatmap))
    });
    let accuracy = accuracy.map_err(|_| anyhow::anyhow!("drawing the curve failed"))??;
    let heatmap = heatmap?;
    for (name, picture) in [("accuracy", &accuracy), ("heatmap", &heatmap)] {
        if let Some(picture) = picture {
            write(folder, &format!("{name}.svg"), picture.svg.as_bytes())?;
            write(folder, &format!("{name}.png"), &picture.png)?;
        }
    }
    let svg = |picture: &Option<Picture>| picture.as_ref().map_or(String::new(), |p| p.svg.clone());
    let kinds = chart::kinds(&summary)?;
    if let Some(kinds) = &kinds {
        write(folder, "kinds.svg", kinds.svg.as_bytes())?;
        write(folder, "kinds.png", &kinds.png)?;
    }
    let name = folder.display().to_string();
    write(folder, "cells.csv", report::csv(&summary).as_bytes())?;
    write(
        folder,
        "report.md",
        report::markdown(&summary, &name).as_bytes(),
    )?;
    write(
        folder,
        "report.html",
        report::html(
            &summary,
            &name,
            &report::Pictures {
                accuracy: &svg(&accuracy),
                heatmap: &svg(&heatmap),
                kinds: kinds.as_ref().map_or("", |picture| &picture.svg),
            },
        )
        .as_bytes(),
    )?;
    Ok(summary)
}

/// Writes one file of a folder.
///
/// # Errors
/// When it cannot be written; the journal is complete then.
pub fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, content).with_context(|| {
        format!(
            "cannot write {}: the journal is complete; `depthfinder report {}` draws it again",
            path.display(),
            folder.display()
        )
    })
}
