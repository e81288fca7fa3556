//! The table below the curve: for each length what it is called, and what the curve rests on.

use super::axis::{LogAxis, exact_tick, short_ticks, spread};
use super::canvas::{Anchor, Canvas, Frame, Type};
use super::caption;
use super::palette::{FAINT, INK, MUTED, VOID, line};
use crate::number::percent;
use crate::summary::{Point, RungSummary, Summary};
use anyhow::Result;

const TICK: Type = Type::regular(12.0, INK);
const FIGURE: Type = Type::regular(11.0, MUTED);
const ROW_PX: f64 = 17.0;
/// Between two columns, at least.
const GAP_PX: f64 = 10.0;

/// The table. Its columns stand below the points of the curve, or beside them with a line that
/// leads there.
pub struct Counts {
    lengths: Vec<u64>,
    rows: Vec<Row>,
    /// For each length its label and the middle of its column; none where there is no room.
    columns: Vec<Option<(String, f64)>>,
}

struct Row {
    title: String,
    look: Type,
    /// One for each length.
    values: Vec<String>,
}

impl Counts {
    /// Reads the numbers: accuracy and right of scored for one task, right of scored for each of
    /// several, and void trials where there are any. `lengths` are in rising order.
    pub fn new(summary: &Summary, lengths: &[u64]) -> Result<Counts> {
        let single = summary.tasks.len() == 1;
        let mut rows = Vec::new();
        for (nth, task) in summary.tasks.iter().enumerate() {
            let values = |write: fn(&Point) -> String| -> Vec<String> {
                let at = |length: &u64| {
                    let mut curve = task.curve.iter();
                    let point = curve.find(|point| point.length_tokens == *length);
                    point.map_or(String::new(), write)
                };
                lengths.iter().map(at).collect()
            };
            let counts = values(|point| format!("{}/{}", point.right, point.n));
            if single {
                let shares = values(|point| match point.accuracy {
                    Some(accuracy) if point.n > 0 => percent(accuracy),
                    _ => "–".to_owned(),
                });
                let look = Type {
                    colour: INK,
                    ..FIGURE
                };
                rows.push(Row {
                    title: match summary.dataset {
                        Some(_) => "mean credit".to_owned(),
                        None => "accuracy".to_owned(),
                    },
                    look,
                    values: shares,
                });
                let title = "right / scored".to_owned();
                rows.push(Row {
                    title,
                    look: FIGURE,
                    values: counts,
                });
            } else {
                let title = FIGURE.shortened(&task.task, 120.0)?;
                let look = Type {
                    colour: line(nth),
                    ..FIGURE
                };
                rows.push(Row {
                    title,
                    look,
                    values: counts,
                });
            }
        }
        let void = |length: &u64| {
            let points = caption::points(summary).filter(|point| point.length_tokens == *length);
            match points.map(|point| point.void).sum::<u64>() {
                0 => String::new(),
                void => void.to_string(),
            }
        };
        if caption::voids(summary).is_some() {
            let look = Type {
                colour: VOID,
                ..FIGURE
            };
            let values = lengths.iter().map(void).collect();
            rows.push(Row {
                title: "void".to_owned(),
                look,
                values,
            });
        }
        Ok(Counts {
            lengths: lengths.to_vec(),
            rows,
            columns: Vec::new(),
        })
    }

    /// The numbers of a ladder: what each length came to by `result`, its share of right answers,
    /// and void questions where there are any.
    pub fn of_ladder(rungs: &[RungSummary], result: fn(&RungSummary) -> &'static str) -> Counts {
        let row = |title: &str, look: Type, write: &dyn Fn(&RungSummary) -> String| Row {
            title: title.to_owned(),
            look,
            values: rungs.iter().map(write).collect(),
        };
        let known = |rung: &RungSummary, said: String| match rung.tally.answered() {
            0 => "–".to_owned(),
            _ => said,
        };
        let mut rows = vec![
            row("result", Type::bold(11.0, INK), &|rung| {
                result(rung).to_owned()
            }),
            row(
                "accuracy",
                Type {
                    colour: INK,
                    ..FIGURE
                },
                &|rung| known(rung, rung.rate.map_or(String::new(), percent)),
            ),
            row("right / answered", FIGURE, &|rung| {
                let tally = rung.tally;
                known(rung, format!("{}/{}", tally.right, tally.answered()))
            }),
        ];
        if rungs.iter().any(|rung| rung.tally.void > 0) {
            let look = Type {
                colour: VOID,
                ..FIGURE
            };
            rows.push(row("void", look, &|rung| match rung.tally.void {
                0 => String::new(),
                void => void.to_string(),
            }));
        }
        Counts {
            lengths: rungs.iter().map(|rung| rung.nominal_tokens).collect(),
            rows,
            columns: Vec::new(),
        }
    }

    /// Room for the titles of the rows, left of the plot.
    pub fn titles_px(&self) -> Result<f64> {
        let mut widest: f64 = 0.0;
        for row in &self.rows {
            widest = widest.max(row.look.width_px(&row.title)?);
        }
        Ok(widest + GAP_PX)
    }

    /// Height below the plot, without what follows it.
    pub fn height_px(&self) -> f64 {
        28.0 + ROW_PX * self.rows.len() as f64
    }

    /// Places the columns within `room`: exact lengths where that moves none far from its point,
    /// else short ones; and where not even these find room, only those that do, the last one
    /// among them.
    pub fn place(&mut self, axis: &LogAxis, room: (f64, f64)) -> Result<()> {
        const FAR_PX: f64 = 8.0;
        let wanted: Vec<f64> = self.lengths.iter().map(|length| axis.at(*length)).collect();
        let exact = self
            .lengths
            .iter()
            .map(|length| exact_tick(*length))
            .collect();
        let short = short_ticks(&self.lengths);
        for (labels, tolerated) in [(exact, FAR_PX), (short.clone(), f64::INFINITY)] {
            let Some(places) = spread(&wanted, &self.widths(&labels)?, room) else {
                continue;
            };
            let moved = places
                .iter()
                .zip(&wanted)
                .map(|(place, wanted)| (place - wanted).abs());
            if moved.fold(0.0, f64::max) <= tolerated {
                self.columns = labels.into_iter().zip(places).map(Some).collect();
                return Ok(());
            }
        }
        let widths = self.widths(&short)?;
        let last = wanted.len() - 1;
        let reserved = wanted[last] - widths[last] / 2.0;
        let mut free_from = room.0;
        let places = short.into_iter().zip(wanted).zip(widths).enumerate();
        self.columns = places
            .map(|(nth, ((label, x), width))| {
                let (from, to) = (x - width / 2.0, x + width / 2.0);
                let fits = nth == last || from >= free_from && to <= reserved;
                fits.then(|| {
                    free_from = to;
                    (label, x)
                })
            })
            .collect();
        Ok(())
    }

    /// The width of each column, the gap included.
    fn widths(&self, labels: &[String]) -> Result<Vec<f64>> {
        let mut widths = Vec::with_capacity(labels.len());
        for (nth, label) in labels.iter().enumerate() {
            let mut width = TICK.width_px(label)?;
            for row in &self.rows {
                width = width.max(row.look.width_px(&row.values[nth])?);
            }
            widths.push(width + GAP_PX);
        }
        Ok(widths)
    }

    /// Draws ticks, labels and rows below a plot, and the axis' title where it stands last.
    pub fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        plot: Frame,
        axis: &LogAxis,
        is_last: bool,
    ) -> Result<()> {
        let bottom = plot.bottom();
        for (length, column) in self.lengths.iter().zip(&self.columns) {
            let tick = axis.at(*length);
            canvas.line(&[(tick, bottom), (tick, bottom + 5.0)], 1.0, FAINT)?;
            let Some((label, x)) = column else { continue };
            canvas.line(&[(tick, bottom + 5.0), (*x, bottom + 11.0)], 1.0, FAINT)?;
            canvas.text(label, *x, bottom + 24.0, Anchor::Middle, TICK)?;
        }
        let mut y = bottom + 28.0;
        for row in &self.rows {
            y += ROW_PX;
            canvas.text(&row.title, plot.x - GAP_PX, y, Anchor::End, row.look)?;
            for (value, column) in row.values.iter().zip(&self.columns) {
                if let Some((_, x)) = column {
                    canvas.text(value, *x, y, Anchor::Middle, row.look)?;
                }
            }
        }
        if !is_last {
            return Ok(());
        }
        let middle = plot.x + plot.width / 2.0;
        let title = "prompt length (tokens, log scale)";
        canvas.text(title, middle, y + 24.0, Anchor::Middle, TICK)
    }
}
