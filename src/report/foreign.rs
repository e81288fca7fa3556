//! The report on another's set: whose questions and rule they are, credits by task and length, some replies.

use super::document::{Block, Document, Picture, ground, head, heading};
use super::finding;
use crate::number::{grouped, interval_figures, percent};
use crate::stats::Interval;
use crate::summary::{Point, SetSummary, Summary, TaskSummary};

/// What the report on a set says.
pub fn of(summary: &Summary, set: &SetSummary, run: &str) -> Document {
    let mut blocks = Vec::new();
    lead(summary, set, &mut blocks);
    blocks.push(heading("Warnings"));
    blocks.push(Block::Bullets(summary.warnings.clone()));
    if summary.tasks.iter().any(|task| !task.curve.is_empty()) {
        blocks.push(Block::Picture(Picture::Accuracy));
    }
    if summary.tasks.iter().any(|task| !task.cells.is_empty()) {
        blocks.push(Block::Picture(Picture::Heatmap));
    }
    if set.tasks.len() > 1 {
        all_lengths(summary, set, &mut blocks);
    }
    for task in &summary.tasks {
        curve(summary, task, &mut blocks);
    }
    blocks.push(note(set));
    samples(set, &mut blocks);
    ground(summary, run, &mut blocks);
    Document {
        title: format!("{}: {} by prompt length", summary.model, set.file),
        blocks,
    }
}

/// What was asked, by whose rule, and what each task came to.
fn lead(summary: &Summary, set: &SetSummary, blocks: &mut Vec<Block>) {
    blocks.push(Block::Lead(format!(
        "Known questions: {} items of {}, which a model may have seen before",
        grouped(set.asked),
        set.file
    )));
    if set.tasks.is_empty() {
        blocks.push(Block::Paragraph("Nothing was asked.".to_owned()));
    }
    for task in &set.tasks {
        let credit = match (task.credit, task.credit_interval) {
            (Some(credit), Some(interval)) => format!(
                "mean credit {} ({} interval {} %), right {}/{}",
                percent(credit),
                percent(summary.confidence),
                interval_figures(interval),
                grouped(task.right),
                grouped(task.n)
            ),
            _ => "nothing was scored".to_owned(),
        };
        let rules = task.rules.join("; or ");
        blocks.push(Block::Paragraph(format!(
            "Task {}: {credit}. Scored by {rules}.",
            task.task
        )));
        let own = summary.tasks.iter().find(|own| own.task == task.task);
        if let Some(own) = own.filter(|own| own.curve.len() > 1) {
            let headline = finding::headline(summary, own);
            let shares = headline.replacen("Accuracy", "Share right", 1);
            blocks.push(Block::Paragraph(shares));
        }
    }
}

/// The table of all tasks.
fn all_lengths(summary: &Summary, set: &SetSummary, blocks: &mut Vec<Block>) {
    blocks.push(heading("All lengths together"));
    let interval = format!("{} interval", percent(summary.confidence));
    let row = |task: &crate::summary::SetTask| {
        vec![
            task.task.clone(),
            share(task.credit),
            figures(task.credit_interval),
            format!("{}/{}", task.right, task.n),
            figures(task.interval),
            grouped(task.void),
        ]
    };
    blocks.push(Block::Table {
        head: head(&[
            ("task", false),
            ("mean credit", true),
            (&interval, true),
            ("right / scored", true),
            (&interval, true),
            ("void", true),
        ]),
        rows: set.tasks.iter().map(row).collect(),
    });
}

/// The table of a task's lengths.
fn curve(summary: &Summary, task: &TaskSummary, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(format!("Credit by length: {}", task.task)));
    let interval = format!("{} interval", percent(summary.confidence));
    let row = |point: &Point| {
        vec![
            grouped(point.length_tokens),
            share(point.credit),
            figures(point.credit_interval),
            format!("{}/{}", point.right, point.n),
            share(point.accuracy),
            figures(point.interval),
            grouped(point.void),
            match point.accuracy_voids_failed {
                Some(accuracy) if point.void > 0 => percent(accuracy),
                _ => "–".to_owned(),
            },
        ]
    };
    blocks.push(Block::Table {
        head: head(&[
            ("length (tokens)", true),
            ("mean credit", true),
            (&interval, true),
            ("right / scored", true),
            ("share right", true),
            (&interval, true),
            ("void", true),
            ("voids as failures", true),
        ]),
        rows: task.curve.iter().map(row).collect(),
    });
}

/// How to read the tables.
fn note(set: &SetSummary) -> Block {
    let lengths = set.lengths();
    let first = lengths.get(..1).unwrap_or_default().to_uppercase();
    Block::Paragraph(format!(
        "{first}{}. Credit is what the set's own rule gives an answer, from 0 to 1, and its mean is \
         what its publishers report. Both intervals are Wilson's; that of a mean credit is as wide \
         as for right and wrong answers of the same mean, and so wider than it need be where \
         credits lie between. Items may share a text, which the set does not say: then the \
         intervals are too narrow. No effective length is told of known questions.",
        lengths.get(1..).unwrap_or_default()
    ))
}

/// The table of some replies.
fn samples(set: &SetSummary, blocks: &mut Vec<Block>) {
    if set.samples.is_empty() {
        return;
    }
    blocks.push(heading("Some replies"));
    let what = "Of each task those of least credit, then those of most. Texts are shortened; the \
                journal holds them whole.";
    blocks.push(Block::Paragraph(what.to_owned()));
    let rows = set.samples.iter().map(|sample| {
        vec![
            sample.task.clone(),
            sample.item.to_string(),
            sample.id.clone(),
            percent(sample.credit),
            sample.expected.clone(),
            sample.reply.clone(),
        ]
    });
    blocks.push(Block::Table {
        head: head(&[
            ("task", false),
            ("item", true),
            ("its name", false),
            ("credit", true),
            ("expected", false),
            ("reply", false),
        ]),
        rows: rows.collect(),
    });
}

fn share(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), percent)
}

fn figures(interval: Option<Interval>) -> String {
    interval.map_or("–".to_owned(), |interval| {
        format!("{} %", interval_figures(interval))
    })
}
