//! The plot of shares by length that curves are drawn into: its grid and its thresholds.

use super::axis::{LogAxis, spread};
use super::canvas::{Anchor, Canvas, Frame, Type};
use super::palette::{FAINT, GRID, INK, MUTED};
use crate::number::percent;
use anyhow::Result;

const SMALL: Type = Type::regular(11.0, MUTED);
/// Labels of the scale keep so far from those of the thresholds.
const APART_PX: f64 = 11.0;

/// Where a share lies in a plot.
pub fn y_of(plot: Frame, share: f64) -> f64 {
    plot.bottom() - share * plot.height
}

/// A share that is marked on the scale, with what it is called.
pub struct Threshold {
    /// The share.
    pub share: f64,
    /// Its name.
    pub name: String,
}

/// Where the labels of thresholds stand: beside their lines, or apart where these lie close.
fn label_places(plot: Frame, thresholds: &[Threshold]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..thresholds.len()).collect();
    let wanted = |at: usize| y_of(plot, thresholds[at].share);
    order.sort_by(|a, b| wanted(*a).total_cmp(&wanted(*b)));
    let sorted: Vec<f64> = order.iter().map(|at| wanted(*at)).collect();
    let heights = vec![15.0; sorted.len()];
    let room = (plot.y - 24.0, plot.bottom() + 24.0);
    let places = spread(&sorted, &heights, room).unwrap_or(sorted);
    let mut by_threshold = vec![0.0; thresholds.len()];
    for (at, place) in order.into_iter().zip(places) {
        by_threshold[at] = place;
    }
    by_threshold
}

/// Draws the grid with the scale at its left; where a threshold has its label, the scale has none.
pub fn draw_grid(
    canvas: &mut Canvas<'_>,
    plot: Frame,
    axis: &LogAxis,
    lengths: &[u64],
    thresholds: &[Threshold],
) -> Result<()> {
    let taken = label_places(plot, thresholds);
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        let y = y_of(plot, share);
        let colour = if step == 0 { FAINT } else { GRID };
        canvas.line(&[(plot.x, y), (plot.right(), y)], 1.0, colour)?;
        if taken.iter().all(|taken| (y - taken).abs() > APART_PX) {
            canvas.text(&percent(share), plot.x - 10.0, y + 4.0, Anchor::End, SMALL)?;
        }
    }
    for length in lengths {
        let x = axis.at(*length);
        canvas.line(&[(x, plot.y), (x, plot.bottom())], 0.7, GRID)?;
    }
    Ok(())
}

/// Draws the thresholds with their figures at the left and their names at the right.
pub fn draw_thresholds(
    canvas: &mut Canvas<'_>,
    plot: Frame,
    thresholds: &[Threshold],
) -> Result<()> {
    let places = label_places(plot, thresholds);
    for (threshold, place) in thresholds.iter().zip(places) {
        let y = y_of(plot, threshold.share);
        canvas.dashes((plot.x, y), (plot.right(), y), 1.2, MUTED)?;
        canvas.text(
            &percent(threshold.share),
            plot.x - 10.0,
            place + 4.0,
            Anchor::End,
            Type::bold(11.0, INK),
        )?;
        canvas.text(
            &threshold.name,
            plot.right() + 8.0,
            place + 4.0,
            Anchor::Start,
            SMALL,
        )?;
    }
    Ok(())
}

/// An upright line at a length of the axis, with what it is called above it, inside the plot's edges.
pub fn draw_upright(
    canvas: &mut Canvas<'_>,
    plot: Frame,
    (x, width_px): (f64, f64),
    (said, look): (&str, Type),
) -> Result<()> {
    let (top, bottom) = ((x, plot.y - 5.0), (x, plot.bottom()));
    canvas.dashes(top, bottom, width_px, look.colour)?;
    let half = look.width_px(said)? / 2.0;
    let middle = x.min(plot.right() - half).max(plot.x + half);
    canvas.text(said, middle, plot.y - 11.0, Anchor::Middle, look)
}

/// The width of a plot that holds so many lengths.
pub fn width_px(lengths: usize) -> f64 {
    match lengths {
        1 => 420.0,
        2 | 3 => 540.0,
        _ => 700.0,
    }
}
