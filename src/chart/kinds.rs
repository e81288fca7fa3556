//! How far each kind of use reaches: kinds and their tasks side by side on one axis of lengths.

use super::axis::{LogAxis, exact_tick, short_ticks};
use super::canvas::{Anchor, Canvas, Drawing, Frame, Rgb, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::palette::{FAINT, GRID, INK, MUTED, REFUTED, WHITE, line, scale};
use crate::number::percent;
use crate::summary::{Point, Reach, Summary};
use anyhow::{Result, ensure};

const SMALL: Type = Type::regular(11.0, MUTED);
const KIND: Type = Type::bold(12.5, INK);
const TASK: Type = Type::regular(11.5, INK);
const PLOT_WIDTH_PX: f64 = 560.0;
/// Height of the row of a kind, and of a task below it.
const KIND_PX: f64 = 30.0;
const TASK_PX: f64 = 23.0;
/// Between the edges of the plot and its first and last length.
const INSET_PX: f64 = 26.0;

/// One row: a kind, or a task of the kind above it.
struct Row {
    name: String,
    is_kind: bool,
    curve: Vec<Point>,
    reach: Reach,
    colour: Rgb,
    /// The middle of the row, in pixels.
    y: f64,
}

/// Draws the picture; none where fewer than two kinds or tasks were asked.
pub fn draw(summary: &Summary) -> Result<Drawing> {
    let layout = Layout::new(summary)?;
    let label = format!(
        "How far {} reaches in each kind of use; the numbers are in the report.",
        summary.model
    );
    Drawing::new(layout.size(), label, |canvas| layout.draw(canvas))
}

struct Layout<'a> {
    summary: &'a Summary,
    caption: Caption,
    plot: Frame,
    axis: LogAxis,
    lengths: Vec<u64>,
    rows: Vec<Row>,
    right_px: f64,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary) -> Result<Layout<'a>> {
        let mut lengths: Vec<u64> = caption::points(summary)
            .map(|point| point.length_tokens)
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        ensure!(
            !lengths.is_empty() && !summary.kinds.is_empty(),
            "there are no kinds of use to draw: fewer than two tasks were asked"
        );
        let mut rows = rows(summary);
        let (mut left_px, mut right_px): (f64, f64) = (0.0, 0.0);
        for row in &rows {
            let look = if row.is_kind { KIND } else { TASK };
            left_px = left_px.max(look.width_px(&row.name)? + 16.0);
            right_px = right_px.max(KIND.width_px(&reached(&row.reach, &lengths))? + 14.0);
        }
        let room = left_px + PLOT_WIDTH_PX + right_px;
        let threshold = percent(summary.threshold);
        let confidence = percent(summary.confidence);
        let subject = caption::subject(summary, "How far each kind of use reaches", true);
        let mut basis = vec![
            format!(
                "thick: the {confidence} interval is at or above {threshold} at every tested length so far"
            ),
            format!("thin: accuracy itself is"),
            format!("cross: the interval lies below {threshold}"),
        ];
        basis.extend(caption::basis(summary, None, None));
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;
        let top = caption.bottom_px + 26.0;
        let mut y = top;
        for row in &mut rows {
            let height = if row.is_kind { KIND_PX } else { TASK_PX };
            row.y = y + height / 2.0;
            y += height;
        }
        let plot = Frame {
            x: MARGIN_PX + left_px,
            y: top,
            width: PLOT_WIDTH_PX,
            height: y - top,
        };
        let (smallest, largest) = (lengths[0], lengths[lengths.len() - 1]);
        let largest = match summary.advertised_tokens {
            Some(window) if window <= largest.saturating_mul(4) => largest.max(window),
            _ => largest,
        };
        let ends = (plot.x + INSET_PX, plot.right() - INSET_PX);
        Ok(Layout {
            axis: LogAxis::new(smallest, largest, ends),
            summary,
            caption,
            plot,
            lengths,
            rows,
            right_px,
        })
    }

    fn size(&self) -> (f64, f64) {
        (
            self.plot.right() + self.right_px + MARGIN_PX,
            self.plot.bottom() + 58.0 + MARGIN_PX,
        )
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        let bottom = self.plot.bottom();
        for (length, tick) in self.lengths.iter().zip(short_ticks(&self.lengths)) {
            let x = self.axis.at(*length);
            canvas.line(&[(x, self.plot.y), (x, bottom)], 0.7, GRID)?;
            canvas.text(&tick, x, bottom + 18.0, Anchor::Middle, SMALL)?;
        }
        let middle = self.plot.x + self.plot.width / 2.0;
        canvas.text(
            "prompt length in tokens",
            middle,
            bottom + 36.0,
            Anchor::Middle,
            SMALL,
        )?;
        if let Some(window) = self.summary.advertised_tokens
            && self.axis.at(window) <= self.plot.right()
        {
            let x = self.axis.at(window);
            canvas.dashes((x, self.plot.y - 6.0), (x, bottom), 1.2, MUTED)?;
            let said = format!("advertised {}", exact_tick(window));
            canvas.text(&said, x - 4.0, self.plot.y - 8.0, Anchor::End, SMALL)?;
        }
        for row in &self.rows {
            self.draw_row(canvas, row)?;
        }
        let (width, height) = self.size();
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 20.0)
    }

    fn draw_row(&self, canvas: &mut Canvas<'_>, row: &Row) -> Result<()> {
        let y = row.y;
        let (look, thick) = match row.is_kind {
            true => (KIND, 11.0),
            false => (TASK, 6.0),
        };
        if row.is_kind {
            let top = y - KIND_PX / 2.0;
            canvas.line(
                &[(MARGIN_PX, top), (self.plot.right() + self.right_px, top)],
                0.7,
                FAINT,
            )?;
        }
        canvas.text(&row.name, self.plot.x - 12.0, y + 4.0, Anchor::End, look)?;
        let from = self.plot.x + 4.0;
        for (reach, width) in [
            (row.reach.above_tokens, 2.5),
            (row.reach.passed_tokens, thick),
        ] {
            if let Some(tokens) = reach {
                canvas.line(&[(from, y), (self.axis.at(tokens), y)], width, row.colour)?;
            }
        }
        for point in &row.curve {
            let x = self.axis.at(point.length_tokens);
            let radius = if row.is_kind { 6.5 } else { 5.0 };
            let Some(accuracy) = point.accuracy else {
                canvas.disc(x, y, radius, FAINT)?;
                canvas.disc(x, y, radius - 1.2, WHITE)?;
                continue;
            };
            canvas.disc(x, y, radius, INK)?;
            canvas.disc(x, y, radius - 1.0, scale(accuracy))?;
            let fails = |high: f64| high < self.summary.threshold;
            if point.interval.is_some_and(|interval| fails(interval.high)) {
                let arm = radius * 0.75;
                // White below, so that it shows on dark and on light discs.
                for (width, colour) in [(4.0, WHITE), (2.0, REFUTED)] {
                    for (a, b) in [(-arm, -arm), (-arm, arm)] {
                        canvas.line(&[(x + a, y + b), (x - a, y - b)], width, colour)?;
                    }
                }
            }
        }
        let said = reached(&row.reach, &self.lengths);
        canvas.text(
            &said,
            self.plot.right() + 10.0,
            y + 4.0,
            Anchor::Start,
            look,
        )
    }
}

/// The kinds with their tasks below them, those of one task by themselves.
fn rows(summary: &Summary) -> Vec<Row> {
    let mut rows = Vec::new();
    for (nth, kind) in summary.kinds.iter().enumerate() {
        let colour = line(nth);
        let mut name = kind.kind.words().to_owned();
        let single = kind.tasks.len() == 1;
        if let (true, Some(task)) = (single, kind.tasks.first()) {
            name = format!("{name} ({task})");
        }
        rows.push(Row {
            name,
            is_kind: true,
            curve: kind.curve.clone(),
            reach: kind.reach,
            colour,
            y: 0.0,
        });
        let own = summary
            .tasks
            .iter()
            .filter(|task| kind.tasks.contains(&task.task));
        rows.extend(own.filter(|_| !single).map(|task| Row {
            name: task.task.clone(),
            is_kind: false,
            curve: task.curve.clone(),
            reach: Reach::of(&task.curve, summary.threshold, &|_| true),
            colour,
            y: 0.0,
        }));
    }
    rows
}

/// How far a row reaches, in a few characters.
fn reached(reach: &Reach, lengths: &[u64]) -> String {
    let longest = lengths.last().copied();
    match (reach.passed_tokens, reach.above_tokens) {
        (Some(tokens), _) if Some(tokens) == longest => format!("≥ {}", exact_tick(tokens)),
        (Some(tokens), _) => exact_tick(tokens),
        (None, Some(tokens)) => format!("? (≈ {})", exact_tick(tokens)),
        (None, None) => match lengths.first() {
            Some(shortest) => format!("< {}", exact_tick(*shortest)),
            None => String::new(),
        },
    }
}
