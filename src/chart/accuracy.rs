//! The curve: accuracy by length on a logarithmic axis, with intervals and the counts below.

use super::axis::{LogAxis, exact_tick, ordered, spread};
use super::canvas::{Anchor, Canvas, Drawing, Frame, Rgb, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::counts::Counts;
use super::palette::{BLANK, FAINT, INK, MUTED, WHITE, line};
use super::plot::{Threshold, draw_grid, draw_thresholds, draw_upright, width_px, y_of};
use crate::summary::{Point, Summary};
use anyhow::{Result, ensure};

const SMALL: Type = Type::regular(11.0, MUTED);
const LABEL: Type = Type::bold(12.0, INK);
const PLOT_HEIGHT_PX: f64 = 300.0;
/// Between the left edge of the plot and its first point, and likewise on the right.
const INSET_PX: f64 = 34.0;
/// The height of a name beside its line.
const NAME_PX: f64 = 16.0;

/// Draws the picture.
pub fn draw(summary: &Summary) -> Result<Drawing> {
    let layout = Layout::new(summary)?;
    let label = format!(
        "Accuracy of {} by prompt length; the numbers are in the report.",
        summary.model
    );
    Drawing::new(layout.size(), label, |canvas| layout.draw(canvas))
}

/// Everything placed, nothing drawn.
struct Layout<'a> {
    summary: &'a Summary,
    caption: Caption,
    plot: Frame,
    axis: LogAxis,
    /// Every tested length, shortest first.
    lengths: Vec<u64>,
    counts: Counts,
    /// Room on the right for what is written beside the plot.
    right_px: f64,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary) -> Result<Layout<'a>> {
        let lengths = ordered(caption::points(summary).map(|point| point.length_tokens));
        ensure!(
            !lengths.is_empty(),
            "there is no curve to draw: no length was asked"
        );

        let mut counts = Counts::new(summary, &lengths)?;
        let left_px = counts.titles_px()?.max(52.0);
        let mut right_px: f64 = LABEL.width_px("threshold")? + 12.0;
        if summary.tasks.len() > 1 {
            for task in &summary.tasks {
                right_px = right_px.max(LABEL.width_px(&name(&task.task)?)? + 12.0);
            }
        }
        let width = width_px(lengths.len());
        let room = left_px + width + right_px;
        let single = summary.tasks.len() == 1;
        let basis = caption::basis(summary, None, Some("bars and shade:"));
        let shown = match summary.dataset {
            Some(_) => "Mean credit by prompt length",
            None => "Accuracy by prompt length",
        };
        let subject = caption::subject(summary, shown, !single);
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;

        let plot = Frame {
            x: MARGIN_PX + left_px,
            y: caption.bottom_px + 34.0,
            width,
            height: PLOT_HEIGHT_PX,
        };
        let (smallest, largest) = (lengths[0], lengths[lengths.len() - 1]);
        let (smallest, largest) = match nearby_window(summary, smallest, largest) {
            Some(window) => (smallest.min(window), largest.max(window)),
            None => (smallest, largest),
        };
        let ends = (plot.x + INSET_PX, plot.right() - INSET_PX);
        let axis = LogAxis::new(smallest, largest, ends);
        counts.place(&axis, (plot.x, plot.right() + right_px))?;
        Ok(Layout {
            summary,
            caption,
            plot,
            axis,
            lengths,
            counts,
            right_px,
        })
    }

    fn size(&self) -> (f64, f64) {
        (
            self.plot.right() + self.right_px + MARGIN_PX,
            self.plot.bottom() + self.counts.height_px() + 34.0 + MARGIN_PX,
        )
    }

    /// Where a share lies.
    fn y(&self, share: f64) -> f64 {
        y_of(self.plot, share)
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        let thresholds = [Threshold {
            share: self.summary.threshold,
            name: "threshold".to_owned(),
        }];
        draw_grid(canvas, self.plot, &self.axis, &self.lengths, &thresholds)?;
        self.counts.draw(canvas, self.plot, &self.axis, true)?;
        self.draw_unscored(canvas)?;
        draw_thresholds(canvas, self.plot, &thresholds)?;
        self.draw_window(canvas)?;
        for nth in 0..self.summary.tasks.len() {
            self.draw_shade(canvas, nth)?;
        }
        for nth in 0..self.summary.tasks.len() {
            self.draw_line(canvas, nth)?;
        }
        self.draw_names(canvas)?;
        let (width, height) = self.size();
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 20.0)
    }

    /// Lengths at which no task has a scored answer are hatched, as in the heatmap.
    fn draw_unscored(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        for length in &self.lengths {
            let scored = caption::points(self.summary)
                .any(|point| point.length_tokens == *length && point.n > 0);
            if !scored {
                let x = self.axis.at(*length) - 9.0;
                let frame = Frame {
                    x,
                    y: self.plot.y,
                    width: 18.0,
                    height: self.plot.height,
                };
                canvas.hatching(frame, BLANK, FAINT)?;
            }
        }
        Ok(())
    }

    fn draw_window(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let Some(window) = self.summary.advertised_tokens else {
            return Ok(());
        };
        let said = format!("advertised window: {}", exact_tick(window));
        let (smallest, largest) = (self.lengths[0], self.lengths[self.lengths.len() - 1]);
        let y = self.plot.y - 10.0;
        if nearby_window(self.summary, smallest, largest).is_none() {
            let (at, anchor, said) = if window > largest {
                (self.plot.right(), Anchor::End, format!("{said} →"))
            } else {
                (self.plot.x, Anchor::Start, format!("← {said}"))
            };
            return canvas.text(&said, at, y, anchor, SMALL);
        }
        let at = (self.axis.at(window), 1.2);
        draw_upright(canvas, self.plot, at, (&said, SMALL))
    }

    /// The points of a task that have an accuracy, in stretches that no gap interrupts.
    fn stretches(&self, nth: usize) -> Vec<Vec<(f64, &'a Point, f64)>> {
        // Lines that lie on each other are moved apart by about a mark.
        let tasks = self.summary.tasks.len();
        let aside = 8.0 * (nth as f64 - (tasks as f64 - 1.0) / 2.0);
        let mut stretches = vec![Vec::new()];
        for point in &self.summary.tasks[nth].curve {
            match point.accuracy.filter(|_| point.n > 0) {
                Some(accuracy) => {
                    let place = (self.axis.at(point.length_tokens) + aside, point, accuracy);
                    if let Some(stretch) = stretches.last_mut() {
                        stretch.push(place);
                    }
                }
                None => stretches.push(Vec::new()),
            }
        }
        stretches
    }

    /// True where full marks would run into each other.
    fn is_dense(&self) -> bool {
        self.lengths.len() > 16
    }

    fn draw_shade(&self, canvas: &mut Canvas<'_>, nth: usize) -> Result<()> {
        // Shades that lie on each other add up.
        let shade = if self.summary.tasks.len() > 1 {
            0.1
        } else {
            0.14
        };
        for stretch in self.stretches(nth) {
            let bounds = stretch
                .iter()
                .filter_map(|(x, point, _)| Some((*x, point.interval?)));
            let upper = bounds
                .clone()
                .map(|(x, interval)| (x, self.y(interval.high)));
            let lower = bounds.rev().map(|(x, interval)| (x, self.y(interval.low)));
            let corners: Vec<(f64, f64)> = upper.chain(lower).collect();
            if corners.len() > 2 {
                canvas.polygon(&corners, line(nth), shade)?;
            }
        }
        Ok(())
    }

    fn draw_line(&self, canvas: &mut Canvas<'_>, nth: usize) -> Result<()> {
        let colour = line(nth);
        for stretch in self.stretches(nth) {
            let points: Vec<(f64, f64)> = stretch
                .iter()
                .map(|(x, _, accuracy)| (*x, self.y(*accuracy)))
                .collect();
            if points.len() > 1 {
                canvas.line(&points, 2.0, colour)?;
            }
            for (x, point, _) in &stretch {
                if let Some(interval) = point.interval {
                    let (low, high) = (self.y(interval.low), self.y(interval.high));
                    canvas.line(&[(*x, low), (*x, high)], 1.2, colour)?;
                    for y in [low, high].into_iter().filter(|_| !self.is_dense()) {
                        canvas.line(&[(x - 3.0, y), (x + 3.0, y)], 1.2, colour)?;
                    }
                }
            }
            for (x, y) in points {
                mark(
                    canvas,
                    nth,
                    (x, y),
                    if self.is_dense() { 2.8 } else { 4.2 },
                    colour,
                )?;
            }
        }
        Ok(())
    }

    /// The tasks' names at the ends of their lines, kept apart from each other and from the
    /// threshold's.
    fn draw_names(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        if self.summary.tasks.len() < 2 {
            return Ok(());
        }
        let mut labels: Vec<(f64, Option<usize>)> = vec![(self.y(self.summary.threshold), None)];
        for nth in 0..self.summary.tasks.len() {
            let last = self.stretches(nth).into_iter().flatten().next_back();
            let y = last.map_or(self.plot.bottom(), |(_, _, accuracy)| self.y(accuracy));
            labels.push((y, Some(nth)));
        }
        // The threshold's own label does not move: names find their places above and below it.
        labels.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let fixed = labels
            .iter()
            .position(|label| label.1.is_none())
            .unwrap_or(0);
        let (threshold, _) = labels.remove(fixed);
        let above = (self.plot.y - 24.0, threshold - 8.0);
        let below = (threshold + 8.0, self.plot.bottom() + 60.0);
        let fitting = |(from, to): (f64, f64)| ((to - from) / NAME_PX).max(0.0) as usize;
        // Where there is no room on one side, the names nearest to the threshold go to the other.
        let least = labels.len().saturating_sub(fitting(below));
        let split = fixed.min(fitting(above)).max(least);
        for (side, room) in [(&labels[..split], above), (&labels[split..], below)] {
            let wanted: Vec<f64> = side.iter().map(|label| label.0).collect();
            let heights = vec![NAME_PX; wanted.len()];
            let places = spread(&wanted, &heights, room).unwrap_or(wanted);
            for ((_, nth), y) in side.iter().zip(places) {
                let Some(nth) = *nth else { continue };
                let look = Type {
                    colour: line(nth),
                    ..LABEL
                };
                let name = name(&self.summary.tasks[nth].task)?;
                canvas.text(&name, self.plot.right() + 8.0, y + 4.0, Anchor::Start, look)?;
            }
        }
        Ok(())
    }
}

/// The advertised window where the axis can reach it without pressing the curve together.
fn nearby_window(summary: &Summary, smallest: u64, largest: u64) -> Option<u64> {
    summary
        .advertised_tokens
        .filter(|window| *window >= smallest / 2 && *window <= largest.saturating_mul(4))
}

/// A task's name, short enough to stand beside its line.
fn name(task: &str) -> Result<String> {
    LABEL.shortened(task, 150.0)
}

/// The mark of a point: another shape for each task, for readers who cannot tell the colours.
fn mark(
    canvas: &mut Canvas<'_>,
    nth: usize,
    (x, y): (f64, f64),
    radius_px: f64,
    colour: Rgb,
) -> Result<()> {
    let shape = |radius: f64| -> Vec<(f64, f64)> {
        match nth % 3 {
            1 => {
                let r = radius * 0.9;
                vec![
                    (x - r, y - r),
                    (x + r, y - r),
                    (x + r, y + r),
                    (x - r, y + r),
                ]
            }
            _ => {
                let r = radius * 1.25;
                vec![(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
            }
        }
    };
    for (radius, colour) in [(radius_px + 1.4, WHITE), (radius_px, colour)] {
        match nth % 3 {
            0 => canvas.disc(x, y, radius, colour)?,
            _ => canvas.polygon(&shape(radius), colour, 1.0)?,
        }
    }
    Ok(())
}
