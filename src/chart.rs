//! Pictures of a summary: SVG with text as paths, and PNG, with the fonts in this binary alone.

use crate::summary::Summary;
use anyhow::Result;

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
/// advertised window where it is known; of a verification the ladder with what decided each length,
/// the claim, and what is certified. An error where the summary has no length at all.
pub fn accuracy(summary: &Summary) -> Result<Picture> {
    match &summary.verification {
        Some(verification) => ladder::draw(summary, verification)?.picture(),
        None => accuracy::draw(summary)?.picture(),
    }
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
