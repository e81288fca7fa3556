//! Pictures of a summary: SVG with text as paths, and PNG, with the fonts in this binary alone.

use crate::stats::wilson;
use crate::summary::{KindSummary, Point, Summary, TaskSummary};
use anyhow::{Context, Result};
use std::collections::BTreeMap;

mod accuracy;
mod axis;
mod canvas;
mod caption;
mod counts;
mod face;
mod font;
mod heatmap;
mod kinds;
mod ladder;
mod palette;
mod panel;
mod plot;
mod script;

/// A picture in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// SVG whose text is paths: it looks the same everywhere and needs nothing beside it.
    pub svg: String,
    /// PNG at twice the size of the SVG, or one and a half times where it is large.
    pub png: Vec<u8>,
}

/// Accuracy by length: a line with its intervals for each task, the threshold, and the
/// advertised window where it is known; of more tasks than can be told apart a line for each kind
/// of use; of another's set the mean credit; of a verification the ladder with what decided each length,
/// the claim, and what is certified, a panel for each kind of use. An error where the summary has no length at all.
pub fn accuracy(summary: &Summary) -> Result<Picture> {
    match summary.is_study() {
        true => ladder::draw(summary)?.picture(),
        false if summary.tasks.len() > MOST_LINES && !summary.kinds.is_empty() => {
            accuracy::draw(&by_kind(summary))?.picture()
        }
        false if summary.dataset.is_some() => accuracy::draw(&by_credit(summary))?.picture(),
        false => accuracy::draw(summary)?.picture(),
    }
}

/// Lines that can be told apart by their colours; of more tasks the kinds are drawn.
const MOST_LINES: usize = 6;

/// Accuracy by length of several sides that were asked the same: a line for each, all tasks
/// together.
///
/// # Errors
/// When there is no side, or no length.
pub fn sides(title: &str, sides: &[(String, &Summary)]) -> Result<Picture> {
    let (_, first) = sides.first().context("there is no side to draw")?;
    let mut together = (*first).clone();
    together.tasks = sides
        .iter()
        .map(|(name, summary)| pooled(name, summary))
        .collect();
    together.kinds = Vec::new();
    together.model = title.to_owned();
    accuracy::draw(&together)?.picture()
}

/// All tasks of a summary as one.
fn pooled(name: &str, summary: &Summary) -> TaskSummary {
    let mut curve: Vec<Point> = Vec::new();
    for point in summary.tasks.iter().flat_map(|task| &task.curve) {
        match curve
            .iter_mut()
            .find(|known| known.length_tokens == point.length_tokens)
        {
            None => curve.push(point.clone()),
            Some(known) => {
                known.n += point.n;
                known.right += point.right;
                known.void += point.void;
                known.haystacks = known.haystacks.max(point.haystacks);
                known.accuracy = (known.n > 0).then(|| known.right as f64 / known.n as f64);
                known.interval =
                    (known.n > 0).then(|| wilson(known.right, known.n, summary.confidence));
            }
        }
    }
    TaskSummary {
        task: name.to_owned(),
        curve,
        cells: Vec::new(),
        classes: BTreeMap::new(),
        voids: BTreeMap::new(),
    }
}

/// The summary with the kinds of use in place of its tasks.
fn by_kind(summary: &Summary) -> Summary {
    let mut by_kind = summary.clone();
    let of = |kind: &KindSummary| TaskSummary {
        task: kind.kind.words().to_owned(),
        curve: kind.curve.clone(),
        cells: Vec::new(),
        classes: BTreeMap::new(),
        voids: BTreeMap::new(),
    };
    by_kind.tasks = summary.kinds.iter().map(of).collect();
    by_kind
}

/// The summary of a set with mean credits in place of shares right: what its publishers report.
fn by_credit(summary: &Summary) -> Summary {
    let mut by_credit = summary.clone();
    for point in by_credit.tasks.iter_mut().flat_map(|task| &mut task.curve) {
        point.accuracy = point.credit;
        point.interval = point.credit_interval;
    }
    by_credit
}

/// Accuracy by length and depth: a panel for each task. An error where the summary has no cell
/// at all.
pub fn heatmap(summary: &Summary) -> Result<Picture> {
    heatmap::draw(summary)?.picture()
}

/// How far each kind of use reaches: kinds and tasks side by side. None where the summary has no
/// kinds, because fewer than two tasks were asked.
///
/// # Errors
/// When the picture cannot be drawn.
pub fn kinds(summary: &Summary) -> Result<Option<Picture>> {
    match summary.kinds.is_empty() {
        true => Ok(None),
        false => kinds::draw(summary)?.picture().map(Some),
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
