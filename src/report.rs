//! What people read: `report.md`, `report.html` and the cells as CSV.

use crate::comparison::Comparison;
use crate::dispute::{Design, Disputed};
use crate::gate::{Baseline, Changes, Gated};
use crate::journal::FoundWindow;
use crate::summary::Summary;

mod advice;
mod comparison;
mod csv;
mod dispute;
mod document;
mod dossier;
mod finding;
mod foreign;
mod gate;
mod html;
mod kinds;
mod ladder;
mod markdown;

/// `report.md`: what was found and what it rests on, with the pictures `accuracy.png` and
/// `heatmap.png` by relative name. `run` is the run folder as the reader would type it, for the
/// commands that check the result again.
pub fn markdown(summary: &Summary, run: &str) -> String {
    markdown::write(&document::of(summary, run))
}

/// The pictures of a report as SVG; an empty one is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pictures<'a> {
    /// The curve.
    pub accuracy: &'a str,
    /// The cells.
    pub heatmap: &'a str,
    /// How far each kind of use reaches.
    pub kinds: &'a str,
}

/// `report.html`: the same as one page that needs nothing beside it. The pictures are SVG, as
/// [`crate::chart`] draws them.
pub fn html(summary: &Summary, run: &str, pictures: &Pictures<'_>) -> String {
    html::write(&document::of(summary, run), pictures)
}

/// The report on a comparison as Markdown, with the picture `accuracy.png` by relative name.
pub fn comparison_markdown(comparison: &Comparison, folder: &str) -> String {
    markdown::write(&comparison::of(comparison, folder))
}

/// The same as one page that needs nothing beside it.
pub fn comparison_html(comparison: &Comparison, folder: &str, picture: &str) -> String {
    let pictures = Pictures {
        accuracy: picture,
        ..Pictures::default()
    };
    html::write(&comparison::of(comparison, folder), &pictures)
}

/// Which difference so many pairs can find, in one sentence: said before anything is asked.
/// `others` are the sides that are held against one base.
pub fn detectable(pairs: u64, haystacks: u64, lengths: usize, others: usize) -> String {
    comparison::detectable(pairs, haystacks, lengths, others)
}

/// The report on a disputed score as Markdown, with the picture `accuracy.png` by relative name.
pub fn dispute_markdown(disputed: &Disputed, folder: &str) -> String {
    markdown::write(&dispute::of(disputed, folder))
}

/// The same as one page that needs nothing beside it.
pub fn dispute_html(disputed: &Disputed, folder: &str, picture: &str) -> String {
    let pictures = Pictures {
        accuracy: picture,
        ..Pictures::default()
    };
    html::write(&dispute::of(disputed, folder), &pictures)
}

/// What so many prompts of a dispute can find, in one sentence: said before anything is asked.
pub fn findable(design: &Design, prompts: u64, pairs: u64) -> String {
    dispute::findable(design, prompts, pairs)
}

/// What a gate came to, as Markdown for the page of a job.
pub fn gate_markdown(gated: &Gated) -> String {
    gate::markdown(gated)
}

/// The same as JUnit XML: a case for all pairs, and one for each band of lengths.
pub fn junit(gated: &Gated) -> String {
    gate::junit(gated)
}

/// The same for Prometheus' textfile collector.
pub fn prometheus(gated: &Gated) -> String {
    gate::prometheus(gated)
}

/// What a new baseline changes, a line each.
pub fn changes(changes: &Changes, before: &Baseline, after: &Baseline) -> Vec<String> {
    gate::changes(changes, before, after)
}

/// The cells of all tasks as CSV by RFC 4180 with lines ended by `\n`: task, length, depth,
/// counts, accuracy and interval as shares. What was not scored has empty fields.
pub fn csv(summary: &Summary) -> String {
    csv::write(summary)
}

/// What the search for the served window found, in one sentence.
pub fn window(found: &FoundWindow) -> String {
    finding::window(found)
}

#[cfg(test)]
mod tests;
