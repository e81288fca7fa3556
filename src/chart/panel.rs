//! A panel of the heatmap: the cells of one task, with its axes and the row of all depths.

use super::axis::{depth_tick, exact_tick, ordered, short_ticks, thinned};
use super::canvas::{Anchor, Canvas, Frame, Type};
use super::caption::MARGIN_PX;
use super::palette::{BLANK, FAINT, INK, MUTED, VOID, WHITE, contrasting, scale};
use crate::number::{interval_figures, percent};
use crate::summary::{Cell, TaskSummary, WeakRegion};
use anyhow::Result;

const TICK: Type = Type::regular(12.0, INK);
const SMALL: Type = Type::regular(11.0, MUTED);
const NAME: Type = Type::bold(13.0, INK);
const COUNT: Type = Type::regular(11.0, INK);
const VOIDS: Type = Type::regular(11.0, VOID);
const TAG: Type = Type::bold(9.0, VOID);
/// The row of all depths.
const TOTAL_PX: f64 = 34.0;
/// Between the cells and that row.
const TOTAL_GAP_PX: f64 = 5.0;
/// Cells lower than this hold no text.
const LEGIBLE_PX: f64 = 14.0;

/// The cells of one task.
pub struct Panel<'a> {
    task: &'a TaskSummary,
    name: Option<String>,
    /// Shortest first.
    lengths: Vec<u64>,
    /// One for each length; empty where there is no room.
    labels: Vec<String>,
    /// Start of the text first.
    depths: Vec<f64>,
    /// The cells alone.
    pub frame: Frame,
    /// Whether the axis of depths has its title: the first panel of a row says it for all.
    pub titled: bool,
}

/// The tested lengths of a task, shortest first.
pub fn lengths(task: &TaskSummary) -> Vec<u64> {
    ordered(task.cells.iter().map(|cell| cell.length_tokens))
}

impl<'a> Panel<'a> {
    /// Places a panel with its upper left cell at `x` and, below its name where it has one, `y`.
    /// The cells are as high as they can be within `tallest_px`, neither flat nor clumsy.
    pub fn new(
        task: &'a TaskSummary,
        named: bool,
        (x, y): (f64, f64),
        column_px: f64,
        tallest_px: f64,
    ) -> Result<Panel<'a>> {
        let lengths = lengths(task);
        let mut depths: Vec<f64> = task.cells.iter().map(|cell| cell.depth_percent).collect();
        depths.sort_by(f64::total_cmp);
        depths.dedup();
        let row_px = (tallest_px / depths.len() as f64).clamp(9.0, 40.0);
        let frame = Frame {
            x,
            y: if named { y + 22.0 } else { y },
            width: column_px * lengths.len() as f64,
            height: row_px * depths.len() as f64,
        };
        let name = if named {
            Some(NAME.shortened(&task.task, frame.width)?)
        } else {
            None
        };
        let labels = labels(&lengths, column_px)?;
        Ok(Panel {
            task,
            name,
            lengths,
            labels,
            depths,
            frame,
            titled: true,
        })
    }

    /// The lower edge of the row of all depths.
    pub fn totals_bottom_px(&self) -> f64 {
        self.frame.bottom() + TOTAL_GAP_PX + TOTAL_PX
    }

    /// The lower edge with the labels of the lengths.
    pub fn bottom_px(&self) -> f64 {
        self.totals_bottom_px() + if self.has_void() { 40.0 } else { 22.0 }
    }

    /// Height of a row of cells.
    pub fn row_px(&self) -> f64 {
        self.frame.height / self.depths.len() as f64
    }

    fn has_void(&self) -> bool {
        self.task.curve.iter().any(|point| point.void > 0)
    }

    /// The cell of each place of the grid, row by row.
    pub fn cells(&self) -> impl Iterator<Item = Option<&'a Cell>> {
        self.depths.iter().flat_map(move |depth| {
            let cell = move |length: &u64| {
                let is =
                    |cell: &&Cell| cell.length_tokens == *length && cell.depth_percent == *depth;
                self.task.cells.iter().find(is)
            };
            self.lengths.iter().map(cell)
        })
    }

    fn place(&self, column: usize, row: usize) -> Frame {
        let width = self.frame.width / self.lengths.len() as f64;
        let height = self.frame.height / self.depths.len() as f64;
        // In a dense grid wide gaps would be a pattern of their own.
        let gap = if width.min(height) < LEGIBLE_PX {
            0.4
        } else {
            1.0
        };
        Frame {
            x: self.frame.x + width * column as f64,
            y: self.frame.y + height * row as f64,
            width: width - gap,
            height: height - gap,
        }
    }

    /// Draws everything but what all panels share.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        if let Some(name) = &self.name {
            canvas.text(name, self.frame.x, self.frame.y - 10.0, Anchor::Start, NAME)?;
        }
        for (at, cell) in self.cells().enumerate() {
            let place = self.place(at % self.lengths.len(), at / self.lengths.len());
            draw_cell(canvas, place, cell)?;
        }
        self.draw_depths(canvas)?;
        for column in 0..self.lengths.len() {
            self.draw_total(canvas, column)?;
        }
        let baseline = self.totals_bottom_px() - TOTAL_PX / 2.0 + 4.0;
        canvas.text("all", self.frame.x - 8.0, baseline, Anchor::End, SMALL)?;
        if self.has_void() {
            let (x, baseline) = (self.frame.x - 8.0, self.totals_bottom_px() + 35.0);
            canvas.text("void", x, baseline, Anchor::End, VOIDS)?;
        }
        Ok(())
    }

    /// Draws a frame around the cells of a region.
    pub fn outline(&self, canvas: &mut Canvas<'_>, region: &WeakRegion) -> Result<()> {
        let is_in = |length: &u64| (region.from_tokens..=region.to_tokens).contains(length);
        let is_deep = |depth: &f64| (region.from_percent..=region.to_percent).contains(depth);
        let ends = |inside: &mut dyn Iterator<Item = usize>| {
            let first = inside.next()?;
            Some((first, inside.last().unwrap_or(first)))
        };
        let columns = ends(&mut (0..self.lengths.len()).filter(|at| is_in(&self.lengths[*at])));
        let rows = ends(&mut (0..self.depths.len()).filter(|at| is_deep(&self.depths[*at])));
        let (Some(columns), Some(rows)) = (columns, rows) else {
            return Ok(());
        };
        let (first, last) = (self.place(columns.0, rows.0), self.place(columns.1, rows.1));
        let frame = Frame {
            x: first.x,
            y: first.y,
            width: last.right() - first.x,
            height: last.bottom() - first.y,
        };
        outline(canvas, frame)
    }

    fn draw_depths(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let row_px = self.row_px();
        let needed_px = if row_px < 17.0 { 26.0 } else { 17.0 };
        for row in thinned(self.depths.len(), row_px, needed_px) {
            let place = self.place(0, row);
            let label = depth_tick(self.depths[row]);
            let baseline = place.y + place.height / 2.0 + 4.0;
            canvas.text(&label, self.frame.x - 8.0, baseline, Anchor::End, SMALL)?;
        }
        if !self.titled {
            return Ok(());
        }
        let middle = self.frame.y + self.frame.height / 2.0;
        let title = match self.frame.height {
            200.0.. => "depth of the fact (0 % = start)",
            110.0..200.0 => "depth of the fact",
            _ => "depth",
        };
        canvas.text_upwards(title, MARGIN_PX + 10.0, middle, TICK)
    }

    /// All depths of a length together, with the length and its void trials below.
    fn draw_total(&self, canvas: &mut Canvas<'_>, column: usize) -> Result<()> {
        let place = Frame {
            y: self.frame.bottom() + TOTAL_GAP_PX,
            height: TOTAL_PX,
            ..self.place(column, 0)
        };
        let middle = place.x + place.width / 2.0;
        let length = self.lengths[column];
        let mut curve = self.task.curve.iter();
        let point = curve.find(|point| point.length_tokens == length);
        match point
            .and_then(|point| Some((point.accuracy.filter(|_| point.n > 0)?, point.interval)))
        {
            Some((accuracy, interval)) => {
                let ground = scale(accuracy);
                canvas.rectangle(place, ground)?;
                let colour = contrasting(ground);
                // A number stands with its interval or not at all.
                let (figure, said) = (percent(accuracy), interval.map(interval_figures));
                let (bold, small) = (Type::bold(12.0, colour), Type::regular(10.0, colour));
                let room = place.width - 2.0;
                if let Some(said) = said
                    && bold.width_px(&figure)? <= room
                    && small.width_px(&said)? <= room
                {
                    canvas.text(&figure, middle, place.y + 15.0, Anchor::Middle, bold)?;
                    canvas.text(&said, middle, place.y + 28.0, Anchor::Middle, small)?;
                }
            }
            None => canvas.hatching(place, BLANK, FAINT)?,
        }
        if let Some(void) = point.map(|point| point.void).filter(|void| *void > 0) {
            let baseline = place.bottom() + 35.0;
            canvas.text(&void.to_string(), middle, baseline, Anchor::Middle, VOIDS)?;
        }
        let label = &self.labels[column];
        canvas.text(label, middle, place.bottom() + 18.0, Anchor::Middle, TICK)
    }
}

/// A frame that shows on light and on dark ground.
pub fn outline(canvas: &mut Canvas<'_>, frame: Frame) -> Result<()> {
    for (width_px, colour) in [(5.0, WHITE), (2.4, INK)] {
        let inset = 2.5;
        let (left, top) = (frame.x + inset, frame.y + inset);
        let (right, bottom) = (frame.right() - inset, frame.bottom() - inset);
        // A little beyond the corner, so that no notch is left there.
        let over = width_px / 2.0;
        for (from, to) in [
            ((left - over, top), (right + over, top)),
            ((left - over, bottom), (right + over, bottom)),
            ((left, top), (left, bottom)),
            ((right, top), (right, bottom)),
        ] {
            canvas.line(&[from, to], width_px, colour)?;
        }
    }
    Ok(())
}

/// Labels of the lengths: exact ones where they fit into a column, else short ones, else only
/// some of these.
fn labels(lengths: &[u64], column_px: f64) -> Result<Vec<String>> {
    let widest = |labels: &[String]| -> Result<f64> {
        let mut widest: f64 = 0.0;
        for label in labels {
            widest = widest.max(TICK.width_px(label)?);
        }
        Ok(widest + 8.0)
    };
    let exact: Vec<String> = lengths.iter().map(|length| exact_tick(*length)).collect();
    if widest(&exact)? <= column_px {
        return Ok(exact);
    }
    let mut short = short_ticks(lengths);
    let kept = thinned(short.len(), column_px, widest(&short)?);
    for (nth, label) in short.iter_mut().enumerate() {
        if !kept.contains(&nth) {
            label.clear();
        }
    }
    Ok(short)
}

/// A cell: its colour, its counts where they fit, and its void trials in the corner.
fn draw_cell(canvas: &mut Canvas<'_>, place: Frame, cell: Option<&Cell>) -> Result<()> {
    let void = cell.map_or(0, |cell| cell.void);
    match cell.and_then(|cell| Some((cell, cell.accuracy.filter(|_| cell.n > 0)?))) {
        Some((cell, accuracy)) => {
            let ground = scale(accuracy);
            canvas.rectangle(place, ground)?;
            let counts = format!("{}/{}", cell.right, cell.n);
            let look = Type {
                colour: contrasting(ground),
                ..COUNT
            };
            // The counts stand in the middle, so what the corner takes is taken on both sides.
            let corner = if void > 0 { tag_px(void)? } else { 0.0 };
            let room = place.width - 2.0 * corner - 6.0;
            if place.height >= LEGIBLE_PX && look.width_px(&counts)? <= room {
                let (x, y) = (
                    place.x + place.width / 2.0,
                    place.y + place.height / 2.0 + 4.0,
                );
                canvas.text(&counts, x, y, Anchor::Middle, look)?;
            }
        }
        None => canvas.hatching(place, BLANK, FAINT)?,
    }
    draw_void(canvas, place, void)
}

/// Void trials in the upper right corner of a place: their number, or where there is no room for
/// it a mark alone; the row of void trials below the lengths has the numbers.
pub fn draw_void(canvas: &mut Canvas<'_>, place: Frame, void: u64) -> Result<()> {
    const TAG_HEIGHT_PX: f64 = 11.0;
    const MARK_PX: f64 = 4.0;
    if void == 0 {
        return Ok(());
    }
    let width = tag_px(void)?;
    if place.height < LEGIBLE_PX - 1.0 || place.width < width + 2.0 {
        let x = place.right() - MARK_PX - 1.0;
        let mark = Frame {
            x,
            y: place.y,
            width: MARK_PX + 1.0,
            height: MARK_PX + 1.0,
        };
        canvas.rectangle(mark, WHITE)?;
        let mark = Frame {
            x: x + 1.0,
            width: MARK_PX,
            height: MARK_PX,
            ..mark
        };
        return canvas.rectangle(mark, VOID);
    }
    let tag = Frame {
        x: place.right() - width,
        y: place.y,
        width,
        height: TAG_HEIGHT_PX,
    };
    canvas.rectangle(tag, WHITE)?;
    let middle = tag.x + width / 2.0 + 0.5;
    canvas.text(
        &void.to_string(),
        middle,
        tag.bottom() - 2.5,
        Anchor::Middle,
        TAG,
    )
}

fn tag_px(void: u64) -> Result<f64> {
    Ok(TAG.width_px(&void.to_string())? + 5.0)
}
