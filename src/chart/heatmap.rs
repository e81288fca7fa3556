//! The heatmap: accuracy by length and depth, a panel for each task.

use super::Picture;
use super::axis::{depth_tick, exact_tick, short_ticks, thinned};
use super::canvas::{self, Anchor, Canvas, Frame, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::palette::{BLANK, FAINT, INK, MUTED, VOID, WHITE, contrasting, scale};
use crate::number::{interval_figures, percent, spanned};
use crate::summary::{Cell, Summary, TaskSummary};
use anyhow::{Result, ensure};

const TICK: Type = Type::regular(12.0, INK);
const SMALL: Type = Type::regular(11.0, MUTED);
const NAME: Type = Type::bold(13.0, INK);
const COUNT: Type = Type::regular(11.0, INK);
const TAG: Type = Type::bold(9.0, VOID);
/// Between cells.
const GAP_PX: f64 = 1.0;
/// The row below the cells: all depths of a length together.
const TOTAL_PX: f64 = 34.0;
/// Left of the cells: depths and the axis' title.
const LEFT_PX: f64 = 62.0;
/// Right of the cells: the colour bar with its labels.
const RIGHT_PX: f64 = 92.0;

/// Draws the picture.
pub fn picture(summary: &Summary) -> Result<Picture> {
    let layout = Layout::new(summary)?;
    let label = format!(
        "Accuracy of {} by prompt length and depth of the fact; the numbers are in the report.",
        summary.model
    );
    canvas::draw(layout.size(), &label, |canvas| layout.draw(canvas))
}

/// Everything placed, nothing drawn.
struct Layout<'a> {
    summary: &'a Summary,
    caption: Caption,
    panels: Vec<Panel<'a>>,
    width_px: f64,
}

/// The cells of one task.
struct Panel<'a> {
    task: &'a TaskSummary,
    name: Option<String>,
    /// Shortest first.
    lengths: Vec<u64>,
    labels: Vec<String>,
    /// Start of the text first.
    depths: Vec<f64>,
    /// The cells alone.
    frame: Frame,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary) -> Result<Layout<'a>> {
        let tasks: Vec<&TaskSummary> = summary
            .tasks
            .iter()
            .filter(|task| !task.cells.is_empty())
            .collect();
        ensure!(
            !tasks.is_empty(),
            "there is no heatmap to draw: no cell was asked"
        );
        let columns = tasks
            .iter()
            .map(|task| lengths(task).len())
            .max()
            .unwrap_or(1);
        let column_px = (700.0 / columns as f64).min(150.0);
        let cells_px = (column_px * columns as f64).max(300.0);
        let room = LEFT_PX + cells_px + RIGHT_PX;

        let single = tasks.len() == 1;
        let cells = || tasks.iter().flat_map(|task| &task.cells);
        let scored = || cells().filter(|cell| cell.n > 0).map(|cell| cell.n);
        let mut basis = vec![
            format!("{} per cell", spanned(scored(), "question")),
            caption::questions(summary),
            format!("bottom row: all depths, {}", caption::intervals(summary)),
            caption::lengths(summary),
        ];
        basis.extend(caption::voids(summary));
        let shown = "Accuracy by prompt length and depth of the fact";
        let subject = caption::subject(summary, shown, !single);
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;

        let mut panels = Vec::new();
        let mut y = caption.bottom_px + 24.0;
        for task in tasks {
            let (lengths, depths) = (lengths(task), depths(task));
            let name = if single {
                None
            } else {
                Some(NAME.shortened(&task.task, room)?)
            };
            if name.is_some() {
                y += 20.0;
            }
            let tallest = if single { 380.0 } else { 250.0 };
            let row_px = (tallest / depths.len() as f64).clamp(9.0, 40.0);
            let frame = Frame {
                x: MARGIN_PX + LEFT_PX,
                y,
                width: cells_px / columns as f64 * lengths.len() as f64,
                height: row_px * depths.len() as f64,
            };
            let column_px = frame.width / lengths.len() as f64;
            let exact: Vec<String> = lengths.iter().map(|length| exact_tick(*length)).collect();
            let mut widest: f64 = 0.0;
            for label in &exact {
                widest = widest.max(TICK.width_px(label)?);
            }
            let labels = if widest + 6.0 <= column_px {
                exact
            } else {
                short_ticks(&lengths)
            };
            y = frame.bottom() + 6.0 + TOTAL_PX + 34.0;
            panels.push(Panel {
                task,
                name,
                lengths,
                labels,
                depths,
                frame,
            });
        }
        Ok(Layout {
            summary,
            caption,
            panels,
            width_px: room + 2.0 * MARGIN_PX,
        })
    }

    fn size(&self) -> (f64, f64) {
        let last = self.panels.last().map_or(0.0, |panel| panel.frame.bottom());
        (
            self.width_px,
            last + 6.0 + TOTAL_PX + 52.0 + MARGIN_PX + 18.0,
        )
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        for panel in &self.panels {
            panel.draw(canvas)?;
        }
        let (width, height) = self.size();
        if let Some(first) = self.panels.first() {
            draw_bar(canvas, self.summary, first.frame)?;
            let axis = height - MARGIN_PX - 36.0;
            let middle = first.frame.x + first.frame.width / 2.0;
            canvas.text(
                "prompt length in tokens",
                middle,
                axis,
                Anchor::Middle,
                TICK,
            )?;
            self.draw_key(canvas, first.frame.x, height - 22.0)?;
        }
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 22.0)
    }

    /// What hatching and tags mean, where the picture has them.
    fn draw_key(&self, canvas: &mut Canvas<'_>, from: f64, baseline: f64) -> Result<()> {
        let holds = |test: fn(&Cell) -> bool| {
            self.panels
                .iter()
                .any(|panel| panel.cells().flatten().any(test))
        };
        let missing = self
            .panels
            .iter()
            .any(|panel| panel.cells().any(|cell| cell.is_none()));
        let mut x = from;
        if missing || holds(|cell| cell.n == 0) {
            let frame = Frame {
                x,
                y: baseline - 10.0,
                width: 18.0,
                height: 12.0,
            };
            canvas.hatching(frame, BLANK, FAINT)?;
            canvas.text("nothing scored", x + 24.0, baseline, Anchor::Start, SMALL)?;
            x += 24.0 + SMALL.width_px("nothing scored")? + 22.0;
        }
        if holds(|cell| cell.void > 0) {
            let corner = Frame {
                x,
                y: baseline - 10.0,
                width: 18.0,
                height: 12.0,
            };
            canvas.rectangle(corner, scale(0.35))?;
            draw_tag(canvas, "2", corner.right(), corner.y, 18.0)?;
            canvas.text(
                "void trials, not scored",
                x + 24.0,
                baseline,
                Anchor::Start,
                SMALL,
            )?;
        }
        Ok(())
    }
}

impl<'a> Panel<'a> {
    /// The cell of each place of the grid, row by row.
    fn cells(&self) -> impl Iterator<Item = Option<&'a Cell>> {
        self.depths.iter().flat_map(move |depth| {
            self.lengths
                .iter()
                .map(move |length| self.cell(*length, *depth))
        })
    }

    fn cell(&self, length: u64, depth: f64) -> Option<&'a Cell> {
        let here = |cell: &&Cell| cell.length_tokens == length && cell.depth_percent == depth;
        self.task.cells.iter().find(here)
    }

    fn place(&self, column: usize, row: usize) -> Frame {
        let width = self.frame.width / self.lengths.len() as f64;
        let height = self.frame.height / self.depths.len() as f64;
        Frame {
            x: self.frame.x + width * column as f64,
            y: self.frame.y + height * row as f64,
            width: width - GAP_PX,
            height: height - GAP_PX,
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        if let Some(name) = &self.name {
            canvas.text(name, self.frame.x, self.frame.y - 10.0, Anchor::Start, NAME)?;
        }
        for (at, cell) in self.cells().enumerate() {
            let place = self.place(at % self.lengths.len(), at / self.lengths.len());
            draw_cell(canvas, place, cell)?;
        }
        self.draw_depths(canvas)?;
        self.draw_totals(canvas)
    }

    fn draw_depths(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let row_px = self.frame.height / self.depths.len() as f64;
        for row in thinned(self.depths.len(), row_px, 17.0) {
            let y = self.place(0, row).y + (row_px - GAP_PX) / 2.0 + 4.0;
            let label = depth_tick(self.depths[row]);
            canvas.text(&label, self.frame.x - 8.0, y, Anchor::End, SMALL)?;
        }
        let middle = self.frame.y + self.frame.height / 2.0;
        let title = if self.frame.height > 110.0 {
            "depth of the fact"
        } else {
            "depth"
        };
        canvas.text_upwards(title, MARGIN_PX + 10.0, middle, TICK)
    }

    /// All depths of a length together, with the interval, and the length below.
    fn draw_totals(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let top = self.frame.bottom() + 5.0;
        let baseline = top + TOTAL_PX / 2.0 + 4.0;
        canvas.text("all", self.frame.x - 8.0, baseline, Anchor::End, SMALL)?;
        for (column, (length, label)) in self.lengths.iter().zip(&self.labels).enumerate() {
            let place = Frame {
                y: top,
                height: TOTAL_PX,
                ..self.place(column, 0)
            };
            let middle = place.x + place.width / 2.0;
            let point = self
                .task
                .curve
                .iter()
                .find(|point| point.length_tokens == *length);
            match point.and_then(|point| Some((point, point.accuracy?))) {
                Some((point, accuracy)) if point.n > 0 => {
                    let ground = scale(accuracy);
                    canvas.rectangle(place, ground)?;
                    let colour = contrasting(ground);
                    let bold = Type::bold(12.0, colour);
                    let y = top + if point.interval.is_some() { 15.0 } else { 21.0 };
                    canvas.text(&percent(accuracy), middle, y, Anchor::Middle, bold)?;
                    if let Some(interval) = point.interval {
                        let look = Type::regular(10.0, colour);
                        let said = interval_figures(interval);
                        if look.width_px(&said)? <= place.width - 2.0 {
                            canvas.text(&said, middle, top + 28.0, Anchor::Middle, look)?;
                        }
                    }
                }
                _ => canvas.hatching(place, BLANK, FAINT)?,
            }
            canvas.text(label, middle, top + TOTAL_PX + 18.0, Anchor::Middle, TICK)?;
        }
        Ok(())
    }
}

/// A cell: its colour, its counts where they fit, and its void trials in the corner.
fn draw_cell(canvas: &mut Canvas<'_>, place: Frame, cell: Option<&Cell>) -> Result<()> {
    let scored = cell.and_then(|cell| Some((cell, cell.accuracy.filter(|_| cell.n > 0)?)));
    let void = cell.map_or(0, |cell| cell.void);
    match scored {
        Some((cell, accuracy)) => {
            let ground = scale(accuracy);
            canvas.rectangle(place, ground)?;
            let said = format!("{}/{}", cell.right, cell.n);
            let tag_px = if void > 0 {
                2.0 * TAG.width_px(&void.to_string())? + 8.0
            } else {
                0.0
            };
            let look = Type {
                colour: contrasting(ground),
                ..COUNT
            };
            if place.height >= 14.0 && look.width_px(&said)? + 8.0 + tag_px <= place.width {
                let (x, y) = (
                    place.x + place.width / 2.0,
                    place.y + place.height / 2.0 + 4.0,
                );
                canvas.text(&said, x, y, Anchor::Middle, look)?;
            }
        }
        None => canvas.hatching(place, BLANK, FAINT)?,
    }
    if void > 0 {
        draw_tag(
            canvas,
            &void.to_string(),
            place.right(),
            place.y,
            place.height,
        )?;
    }
    Ok(())
}

/// A count of void trials in the upper right corner of a cell.
fn draw_tag(canvas: &mut Canvas<'_>, count: &str, right: f64, top: f64, height: f64) -> Result<()> {
    let width = TAG.width_px(count)? + 6.0;
    let height = height.min(11.0);
    canvas.rectangle(
        Frame {
            x: right - width,
            y: top,
            width,
            height,
        },
        WHITE,
    )?;
    let middle = right - width / 2.0 + 0.5;
    canvas.text(count, middle, top + height / 2.0 + 3.0, Anchor::Middle, TAG)
}

/// The scale of colours, with the threshold marked.
fn draw_bar(canvas: &mut Canvas<'_>, summary: &Summary, beside: Frame) -> Result<()> {
    const STEPS: u32 = 100;
    let bar = Frame {
        x: beside.right() + 26.0,
        y: beside.y,
        width: 13.0,
        height: beside.height.min(240.0),
    };
    let step = bar.height / f64::from(STEPS);
    for at in 0..STEPS {
        let y = bar.bottom() - step * f64::from(at + 1);
        // A little taller than a step, so that no seam of paper shows between two.
        let height = step + if at == 0 { 0.0 } else { 0.3 };
        let share = (f64::from(at) + 0.5) / f64::from(STEPS);
        canvas.rectangle(Frame { y, height, ..bar }, scale(share))?;
    }
    let y_of = |share: f64| bar.bottom() - share * bar.height;
    let threshold = y_of(summary.threshold);
    let shares: &[f64] = if bar.height > 90.0 {
        &[0.0, 0.25, 0.5, 0.75, 1.0]
    } else {
        &[0.0, 1.0]
    };
    for share in shares {
        let y = y_of(*share);
        if (y - threshold).abs() > 12.0 {
            canvas.line(&[(bar.right(), y), (bar.right() + 4.0, y)], 1.0, FAINT)?;
            canvas.text(
                &percent(*share),
                bar.right() + 8.0,
                y + 4.0,
                Anchor::Start,
                SMALL,
            )?;
        }
    }
    canvas.line(
        &[(bar.x - 3.0, threshold), (bar.right() + 4.0, threshold)],
        1.5,
        INK,
    )?;
    let look = Type::bold(11.0, INK);
    canvas.text(
        &percent(summary.threshold),
        bar.right() + 8.0,
        threshold + 4.0,
        Anchor::Start,
        look,
    )
}

fn lengths(task: &TaskSummary) -> Vec<u64> {
    let mut lengths: Vec<u64> = task.cells.iter().map(|cell| cell.length_tokens).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

fn depths(task: &TaskSummary) -> Vec<f64> {
    let mut depths: Vec<f64> = task.cells.iter().map(|cell| cell.depth_percent).collect();
    depths.sort_by(f64::total_cmp);
    depths.dedup();
    depths
}
