//! The heatmap: accuracy by length and depth, a panel for each task, many of them by kind of use, one scale of colours.

use super::canvas::{Anchor, Canvas, Drawing, Frame, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::palette::{BLANK, FAINT, INK, MUTED, scale};
use super::panel::{Panel, draw_void, lengths, outline};
use crate::number::{grouped, percent, spanned};
use crate::summary::{Cell, Summary, TaskSummary, WeakRegion};
use anyhow::{Result, ensure};

const TICK: Type = Type::regular(12.0, INK);
const SMALL: Type = Type::regular(11.0, MUTED);
/// Left of the cells: depths and the axis' title.
const LEFT_PX: f64 = 62.0;
/// Right of the cells: the colour bar with its labels.
const RIGHT_PX: f64 = 92.0;
/// Columns narrower than this hold no interval.
const LEGIBLE_COLUMN_PX: f64 = 45.0;
/// Below the last panel: the axis' title.
const TITLE_PX: f64 = 22.0;
/// So many panels stand one below the other; more stand side by side, each kind of use by itself.
const STACKED: usize = 3;
/// The name of a kind of use.
const KIND: Type = Type::bold(15.0, INK);
/// Above the panels of a kind, for its name.
const KIND_PX: f64 = 34.0;
/// The cells of all panels side by side.
const CELLS_PX: f64 = 840.0;

/// Draws the picture.
pub fn draw(summary: &Summary) -> Result<Drawing> {
    let layout = Layout::new(summary)?;
    let label = format!(
        "Accuracy of {} by prompt length and depth of the fact; the numbers are in the report.",
        summary.model
    );
    Drawing::new(layout.size(), label, |canvas| layout.draw(canvas))
}

/// Everything placed, nothing drawn.
struct Layout<'a> {
    summary: &'a Summary,
    caption: Caption,
    panels: Vec<Panel<'a>>,
    /// The names of kinds of use with their baselines.
    kinds: Vec<(&'static str, f64)>,
    width_px: f64,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary) -> Result<Layout<'a>> {
        let tasks = || summary.tasks.iter().filter(|task| !task.cells.is_empty());
        let columns = tasks().map(|task| lengths(task).len()).max().unwrap_or(0);
        ensure!(
            columns > 0,
            "there is no heatmap to draw: no cell was asked"
        );
        let across = match tasks().count() {
            0..=STACKED => 1,
            4..=6 => 2,
            7..=18 => 3,
            _ => 4,
        };
        let column_px = match across {
            // A few columns are wide enough for a caption, many still tell their cells apart.
            1 => (700.0 / columns as f64)
                .min(150.0)
                .max(360.0 / columns as f64),
            _ => (CELLS_PX / (across * columns) as f64).min(110.0),
        };
        let pitch = LEFT_PX + column_px * columns as f64;
        let room = pitch * across as f64 + RIGHT_PX;

        let single = tasks().count() == 1;
        let cells = || tasks().flat_map(|task| &task.cells);
        let scored = || cells().filter(|cell| cell.n > 0).map(|cell| cell.n);
        let per_cell = format!("{} per cell", spanned(scored(), "question"));
        let row = "bottom row: all depths,";
        let shown = (column_px >= LEGIBLE_COLUMN_PX).then_some(row);
        let basis = caption::basis(summary, Some(per_cell), shown);
        let shown = match summary.dataset {
            Some(_) => "Share right by prompt length and depth of the answer",
            None => "Accuracy by prompt length and depth of the fact",
        };
        let mut subject = caption::subject(summary, shown, !single);
        subject.splice(0..0, summary.headline());
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;

        let (mut panels, mut kinds) = (Vec::<Panel<'_>>::new(), Vec::new());
        let tallest_px = match (single, across) {
            (true, _) => 380.0,
            (false, 1) => 250.0,
            _ => 120.0,
        };
        let mut bottom = caption.bottom_px;
        for (kind, tasks) in groups(summary, tasks().collect(), across > 1) {
            if let Some(kind) = kind {
                bottom += KIND_PX;
                kinds.push((kind, bottom));
            }
            for row in tasks.chunks(across) {
                let above = bottom;
                for (at, task) in row.iter().enumerate() {
                    let left = MARGIN_PX + LEFT_PX + pitch * at as f64;
                    let mut panel =
                        Panel::new(task, !single, (left, above + 24.0), column_px, tallest_px)?;
                    panel.titled = at == 0;
                    bottom = bottom.max(panel.bottom_px());
                    panels.push(panel);
                }
            }
        }
        Ok(Layout {
            summary,
            caption,
            panels,
            kinds,
            width_px: room + 2.0 * MARGIN_PX,
        })
    }

    /// The left and the right edge of all cells.
    fn edges_px(&self) -> (f64, f64) {
        let frames = self.panels.iter().map(|panel| panel.frame);
        frames.fold((f64::INFINITY, 0.0), |(left, right), frame| {
            (left.min(frame.x), right.max(frame.right()))
        })
    }

    /// The lower edge of the panels with the axis' title.
    fn axis_bottom_px(&self) -> f64 {
        let bottoms = self.panels.iter().map(Panel::bottom_px);
        bottoms.fold(0.0, f64::max) + TITLE_PX
    }

    fn has_unscored(&self) -> bool {
        let mut cells = self.panels.iter().flat_map(Panel::cells);
        cells.any(|cell| cell.is_none_or(|cell| cell.n == 0))
    }

    fn has_void(&self) -> bool {
        let mut cells = self.panels.iter().flat_map(Panel::cells).flatten();
        cells.any(|cell: &Cell| cell.void > 0)
    }

    /// The weakest region, where chance alone would seldom give one like it.
    fn weakest(&self) -> Option<&'a WeakRegion> {
        let verification = self.summary.verification.as_ref()?;
        let region = verification.depth.weakest.as_ref()?;
        (region.is_notable() && self.panels.len() == 1).then_some(region)
    }

    fn size(&self) -> (f64, f64) {
        let key = if self.has_unscored() || self.has_void() || self.weakest().is_some() {
            26.0
        } else {
            0.0
        };
        (self.width_px, self.axis_bottom_px() + key + 34.0)
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        let (left, right) = self.edges_px();
        for (kind, baseline) in &self.kinds {
            canvas.text(kind, left, *baseline, Anchor::Start, KIND)?;
        }
        for panel in &self.panels {
            panel.draw(canvas)?;
        }
        if let (Some(region), Some(panel)) = (self.weakest(), self.panels.first()) {
            panel.outline(canvas, region)?;
        }
        let (width, height) = self.size();
        if let (Some(first), Some(last)) = (self.panels.first(), self.panels.last()) {
            let frame = Frame {
                x: right + 26.0,
                y: first.frame.y,
                width: 13.0,
                height: (last.totals_bottom_px() - first.frame.y).min(240.0),
            };
            let verification = self.summary.verification.as_ref();
            let threshold = verification.map_or(self.summary.threshold, |v| v.tau_verify);
            draw_bar(canvas, threshold, frame)?;
            let (middle, y) = ((left + right) / 2.0, self.axis_bottom_px());
            let title = "prompt length (tokens)";
            canvas.text(title, middle, y - 4.0, Anchor::Middle, TICK)?;
            self.draw_key(canvas, left, height - 22.0)?;
        }
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 22.0)
    }

    /// What hatching and tags mean, where the picture has them.
    fn draw_key(&self, canvas: &mut Canvas<'_>, from: f64, baseline: f64) -> Result<()> {
        const WIDTH_PX: f64 = 24.0;
        // As high as the cells, so that it shows void trials as they do.
        let cell_px = self.panels.iter().map(Panel::row_px).fold(15.0, f64::min);
        let mut sample = Frame {
            x: from,
            y: baseline - 4.0 - cell_px / 2.0,
            width: WIDTH_PX,
            height: cell_px,
        };
        let explain = |sample: &mut Frame, canvas: &mut Canvas<'_>, text: &str| {
            canvas.text(text, sample.right() + 7.0, baseline, Anchor::Start, SMALL)?;
            sample.x += WIDTH_PX + 7.0 + SMALL.width_px(text)? + 24.0;
            anyhow::Ok(())
        };
        if self.has_unscored() {
            canvas.hatching(sample, BLANK, FAINT)?;
            explain(&mut sample, canvas, "nothing scored")?;
        }
        if self.has_void() {
            canvas.rectangle(sample, scale(0.5))?;
            draw_void(canvas, sample, 2)?;
            explain(&mut sample, canvas, "void trials, not scored")?;
        }
        if let Some(region) = self.weakest() {
            outline(canvas, sample)?;
            let (right, n) = (grouped(region.right), grouped(region.n));
            let text = format!("weakest region: {right}/{n} (p = {:.3})", region.p);
            explain(&mut sample, canvas, &text)?;
        }
        Ok(())
    }
}

/// The tasks of each kind of use, from literal on, and then those of none; all together where they
/// are not parted.
fn groups<'a>(
    summary: &Summary,
    tasks: Vec<&'a TaskSummary>,
    parted: bool,
) -> Vec<(Option<&'static str>, Vec<&'a TaskSummary>)> {
    if !parted || summary.kinds.is_empty() {
        return vec![(None, tasks)];
    }
    let mut rest = tasks;
    let mut groups = Vec::new();
    for kind in &summary.kinds {
        let (own, others): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|task| kind.tasks.contains(&task.task));
        rest = others;
        groups.push((Some(kind.kind.words()), own));
    }
    groups.push(((!rest.is_empty()).then_some("other sets"), rest));
    groups.retain(|(_, tasks)| !tasks.is_empty());
    groups
}

/// The scale of colours, with the threshold marked.
fn draw_bar(canvas: &mut Canvas<'_>, threshold: f64, bar: Frame) -> Result<()> {
    const STEPS: u32 = 120;
    let y_of = |share: f64| bar.bottom() - share * bar.height;
    for step in (0..STEPS).rev() {
        // From the top, each down to the foot, so that no seam of paper shows between two.
        let y = y_of(f64::from(step + 1) / f64::from(STEPS));
        let shade = scale((f64::from(step) + 0.5) / f64::from(STEPS));
        canvas.rectangle(
            Frame {
                y,
                height: bar.bottom() - y,
                ..bar
            },
            shade,
        )?;
    }
    let shares: &[f64] = if bar.height > 90.0 {
        &[0.0, 0.25, 0.5, 0.75, 1.0]
    } else {
        &[0.0, 1.0]
    };
    let right = bar.right();
    for share in shares {
        let y = y_of(*share);
        if (y - y_of(threshold)).abs() > 12.0 {
            canvas.line(&[(right, y), (right + 4.0, y)], 1.0, FAINT)?;
            canvas.text(&percent(*share), right + 8.0, y + 4.0, Anchor::Start, SMALL)?;
        }
    }
    let y = y_of(threshold);
    canvas.line(&[(bar.x - 3.0, y), (right + 4.0, y)], 1.5, INK)?;
    let look = Type::bold(11.0, INK);
    canvas.text(
        &percent(threshold),
        right + 8.0,
        y + 4.0,
        Anchor::Start,
        look,
    )
}
