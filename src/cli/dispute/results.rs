//! What a dispute's folder holds in the end, computed from everybody's journals.

use crate::chart;
use crate::cli::folder::{self, Kept};
use crate::cli::screen;
use crate::cli::sides::ReadBack;
use crate::dispute::{Course, Design, Disputed, Sides, one_of_each_text};
use crate::journal::RunFile;
use crate::plan::Plan;
use crate::report;
use crate::summary::Summary;
use crate::task::Task;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The part of the plan that a side is asked: public facts are for the target's first asking.
pub(super) fn asked_of(plan: &Plan, place: usize) -> Plan {
    let mut asked = one_of_each_text(plan);
    if place > 0 {
        let is_public = |task: Task| [Task::PUBLIC, Task::PUBLIC_CHANGED].contains(&task);
        asked
            .groups
            .retain(|group| !is_public(group.trials[0].task));
        asked.grid.tasks.retain(|task| !is_public(*task));
    }
    asked
}

/// Reads everybody's answers back, tests them, and writes everything that the folder holds.
pub fn write(folder: &Path, design: &Design) -> Result<Disputed> {
    let mut names = design.askings_folders();
    names.extend(design.reference_folder().map(str::to_owned));
    let mut read: Vec<(ReadBack, Summary, PathBuf)> = Vec::new();
    for name in &names {
        let at = folder.join(name);
        let back = ReadBack::of(&at)?;
        let Kept {
            run,
            loaded,
            corpora,
            plan,
            ..
        } = &back.kept;
        let asked = asked_of(plan, read.len());
        // What this side was never to be asked is no gap in its report.
        let run = RunFile {
            grid: asked.grid.clone(),
            ..run.clone()
        };
        let summary = folder::write_results(&at, &run, &asked, loaded, corpora)?;
        read.push((back, summary, at));
    }
    let first = &read.first().context("a dispute has no side")?.0;
    let course = Course::new(&first.kept.plan, &first.kept.key, design);
    let summaries = names
        .iter()
        .zip(&read)
        .map(|(name, (back, _, _))| back.summary(name, name, first))
        .collect();
    let askings = design.askings as usize;
    let answers: Vec<_> = read
        .iter()
        .map(|(back, _, _)| back.answers.clone())
        .collect();
    let sides = Sides {
        askings: &answers[..askings],
        reference: answers.get(askings),
    };
    let mut stream = first.kept.key.stream("dispute-chance", &[]);
    let disputed = Disputed::of(design, &course, sides, summaries, &mut |below| {
        stream.below(below)
    });
    let lines = lines(&names, &read);
    let lines: Vec<(String, &Summary)> = lines
        .iter()
        .map(|(name, summary)| (name.clone(), summary))
        .collect();
    let model = first.kept.run.served.model.as_str();
    let picture = chart::sides(model, &lines)?;
    let mut json = serde_json::to_vec_pretty(&disputed).context("cannot write dispute.json")?;
    json.push(b'\n');
    let name = folder.display().to_string();
    folder::write(folder, "dispute.json", &json)?;
    folder::write(folder, "accuracy.svg", picture.svg.as_bytes())?;
    folder::write(folder, "accuracy.png", &picture.png)?;
    let markdown = report::dispute_markdown(&disputed, &name);
    folder::write(folder, "report.md", markdown.as_bytes())?;
    let html = report::dispute_html(&disputed, &name, &picture.svg);
    folder::write(folder, "report.html", html.as_bytes())?;
    Ok(disputed)
}

/// What the picture has a line for: fresh facts of everybody, and the target's public ones.
fn lines(names: &[String], read: &[(ReadBack, Summary, PathBuf)]) -> Vec<(String, Summary)> {
    let public = [Task::PUBLIC.name(), Task::PUBLIC_CHANGED.name()];
    let only = |summary: &Summary, keep: &dyn Fn(&str) -> bool| {
        let mut only = summary.clone();
        only.tasks.retain(|task| keep(&task.task));
        only
    };
    let mut lines: Vec<(String, Summary)> = names
        .iter()
        .zip(read)
        .map(|(name, (_, summary, _))| {
            let fresh = only(summary, &|task| !public.contains(&task));
            (format!("fresh facts, {name}"), fresh)
        })
        .collect();
    if let Some((_, summary, _)) = read.first() {
        for (task, words) in public.into_iter().zip(["public facts", "public, changed"]) {
            let of = only(summary, &|name| name == task);
            if !of.tasks.is_empty() {
                lines.push((words.to_owned(), of));
            }
        }
    }
    lines
}

/// Prints what was found, and where the rest is.
pub fn print(disputed: &Disputed, folder: &Path) {
    for conclusion in &disputed.conclusions {
        screen::out(&conclusion.sentence);
    }
    for remark in &disputed.remarks {
        screen::out(&format!("note: {remark}"));
    }
    screen::out(&format!("chart and report: {}", folder.display()));
}
