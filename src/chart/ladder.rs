//! The curve of a verification: the ladder with what decided each length, the claim, and what is certified.

use super::axis::{LogAxis, exact_tick};
use super::canvas::{Anchor, Canvas, Drawing, Frame, Rgb, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::counts::Counts;
use super::palette::{BLANK, CERTIFIED, FAINT, INK, MUTED, REFUTED, VOID, WHITE, line};
use super::plot::{Threshold, draw_grid, draw_thresholds, y_of};
use crate::claims::Kind;
use crate::stats::Decision;
use crate::summary::{RungSummary, Summary, Verification};
use anyhow::{Result, ensure};

const LABEL: Type = Type::bold(12.0, INK);
const PLOT_HEIGHT_PX: f64 = 300.0;
/// Between the left edge of the plot and its first point, and likewise on the right.
const INSET_PX: f64 = 40.0;
/// Width of the columns of lengths without an answer.
const COLUMN_PX: f64 = 18.0;
/// Height of the strip on the axis.
const STRIP_PX: f64 = 6.0;
/// What a length of the ladder needs at least.
const LENGTH_PX: f64 = 72.0;

/// What became of a length, in a word.
pub fn result(rung: &RungSummary) -> &'static str {
    if rung.not_served {
        return "not served";
    }
    match rung.decision {
        Some(Decision::Verified) => "verified",
        Some(Decision::Refuted) => "refuted",
        Some(Decision::Undecided) => "undecided",
        _ if rung.tally.asked() > 0 => "open",
        _ => "not asked",
    }
}

/// Draws the picture.
pub fn draw(summary: &Summary, verification: &Verification) -> Result<Drawing> {
    let layout = Layout::new(summary, verification)?;
    let label = format!(
        "Verification of {}: {}; accuracy by prompt length. The numbers are in the report.",
        summary.model,
        verification.headline()
    );
    Drawing::new(layout.size(), label, |canvas| layout.draw(canvas))
}

/// Everything placed, nothing drawn.
struct Layout<'a> {
    summary: &'a Summary,
    verification: &'a Verification,
    caption: Caption,
    plot: Frame,
    axis: LogAxis,
    /// The ladder, shortest first.
    lengths: Vec<u64>,
    thresholds: Vec<Threshold>,
    counts: Counts,
    /// Room on the right for what is written beside the plot.
    right_px: f64,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary, verification: &'a Verification) -> Result<Layout<'a>> {
        let rungs = &verification.rungs;
        ensure!(
            !rungs.is_empty(),
            "there is no curve to draw: the ladder has no length"
        );
        let lengths: Vec<u64> = rungs.iter().map(|rung| rung.nominal_tokens).collect();
        let thresholds = thresholds(verification);
        let mut counts = Counts::of_ladder(rungs, result);
        let left_px = counts.titles_px()?.max(52.0);
        let mut right_px: f64 = 0.0;
        for threshold in &thresholds {
            right_px = right_px.max(LABEL.width_px(&threshold.name)? + 12.0);
        }
        let width = match lengths.len() {
            1 => 420.0,
            2 | 3 => 540.0,
            many => (LENGTH_PX * many as f64).max(700.0),
        };
        let room = left_px + width + right_px;
        let subject = caption::verdict(summary, verification);
        let basis = caption::evidence(summary, verification);
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;
        let plot = Frame {
            x: MARGIN_PX + left_px,
            y: caption.bottom_px + 34.0,
            width,
            height: PLOT_HEIGHT_PX,
        };
        let searched = verification.searched.iter();
        let all = || lengths.iter().copied().chain(searched.clone().map(tokens));
        let (smallest, largest) = (all().min().unwrap_or(1), all().max().unwrap_or(1));
        let ends = (plot.x + INSET_PX, plot.right() - INSET_PX);
        let axis = LogAxis::new(smallest, largest.max(verification.plan.claim.tokens), ends);
        counts.place(&axis, (plot.x, plot.right() + right_px))?;
        Ok(Layout {
            summary,
            verification,
            caption,
            plot,
            axis,
            lengths,
            thresholds,
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

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        self.draw_certified(canvas)?;
        draw_grid(
            canvas,
            self.plot,
            &self.axis,
            &self.lengths,
            &self.thresholds,
        )?;
        self.counts.draw(canvas, self.plot, &self.axis)?;
        self.draw_unanswered(canvas)?;
        draw_thresholds(canvas, self.plot, &self.thresholds)?;
        self.draw_claim(canvas)?;
        self.draw_line(canvas)?;
        for rung in &self.verification.searched {
            self.draw_searched(canvas, rung)?;
        }
        for rung in &self.verification.rungs {
            self.draw_rung(canvas, rung)?;
        }
        let (width, height) = self.size();
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 20.0)
    }

    /// The lengths between which the effective one lies: a shade, and a strip on the axis.
    fn draw_certified(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let (low, high) = self.verification.certified();
        if low.is_none() && high.is_none() {
            return Ok(());
        }
        let from = low.map_or(self.plot.x, |tokens| self.axis.at(tokens));
        let to = high.map_or(self.plot.right(), |tokens| self.axis.at(tokens));
        let (top, bottom) = (self.plot.y, self.plot.bottom());
        let shade = [(from, top), (to, top), (to, bottom), (from, bottom)];
        canvas.polygon(&shade, CERTIFIED, 0.12)?;
        let strip = Frame {
            x: from,
            y: bottom,
            width: (to - from).max(2.0),
            height: STRIP_PX,
        };
        canvas.rectangle(strip, CERTIFIED)
    }

    /// Lengths without an answer: hatched, or where they are not served plain with a mark.
    fn draw_unanswered(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let rungs = self.verification.rungs.iter();
        for rung in rungs.filter(|rung| rung.tally.answered() == 0) {
            let middle = self.axis.at(rung.nominal_tokens);
            let column = Frame {
                x: middle - COLUMN_PX / 2.0,
                y: self.plot.y,
                width: COLUMN_PX,
                height: self.plot.height,
            };
            if !rung.not_served {
                canvas.hatching(column, BLANK, FAINT)?;
                continue;
            }
            canvas.rectangle(column, BLANK)?;
            let y = self.plot.y + self.plot.height / 2.0;
            canvas.disc(middle, y, 7.5, VOID)?;
            let bar = Frame {
                x: middle - 4.8,
                y: y - 1.5,
                width: 9.6,
                height: 3.0,
            };
            canvas.rectangle(bar, WHITE)?;
        }
        Ok(())
    }

    fn draw_claim(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let claim = &self.verification.plan.claim;
        let kind = match claim.kind {
            Kind::Total => "",
            Kind::Input => " of input",
        };
        let said = format!("claimed: {}{kind}", exact_tick(claim.tokens));
        let x = self.axis.at(claim.tokens);
        canvas.dashes((x, self.plot.y - 5.0), (x, self.plot.bottom()), 1.4, INK)?;
        let half = LABEL.width_px(&said)? / 2.0;
        let middle = x.min(self.plot.right() - half).max(self.plot.x + half);
        canvas.text(&said, middle, self.plot.y - 12.0, Anchor::Middle, LABEL)
    }

    /// Where the share of right answers of a length lies.
    fn point(&self, rung: &RungSummary) -> Option<(f64, f64)> {
        let y = y_of(self.plot, rung.rate?);
        Some((self.axis.at(rung.nominal_tokens), y))
    }

    fn draw_line(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let (rungs, searched) = (&self.verification.rungs, &self.verification.searched);
        let mut all: Vec<&RungSummary> = rungs.iter().chain(searched).collect();
        all.sort_by_key(|rung| rung.nominal_tokens);
        let points: Vec<(f64, f64)> = all
            .into_iter()
            .filter_map(|rung| self.point(rung))
            .collect();
        match points.len() {
            0 | 1 => Ok(()),
            _ => canvas.line(&points, 1.4, FAINT),
        }
    }

    fn draw_interval(
        &self,
        canvas: &mut Canvas<'_>,
        rung: &RungSummary,
        (width_px, cap_px): (f64, f64),
        colour: Rgb,
    ) -> Result<()> {
        let x = self.axis.at(rung.nominal_tokens);
        let ends = [rung.interval.low, rung.interval.high].map(|share| y_of(self.plot, share));
        canvas.line(&[(x, ends[0]), (x, ends[1])], width_px, colour)?;
        for y in ends {
            canvas.line(&[(x - cap_px, y), (x + cap_px, y)], width_px, colour)?;
        }
        Ok(())
    }

    /// A length of the search: smaller and paler, for it decides nothing but the bracket.
    fn draw_searched(&self, canvas: &mut Canvas<'_>, rung: &RungSummary) -> Result<()> {
        let Some((x, y)) = self.point(rung) else {
            return Ok(());
        };
        self.draw_interval(canvas, rung, (0.8, 1.5), FAINT)?;
        canvas.disc(x, y, 3.4, WHITE)?;
        canvas.disc(x, y, 2.4, MUTED)
    }

    fn draw_rung(&self, canvas: &mut Canvas<'_>, rung: &RungSummary) -> Result<()> {
        let Some(at) = self.point(rung) else {
            return Ok(());
        };
        let colour = match rung.decision {
            Some(Decision::Refuted) => REFUTED,
            Some(Decision::Undecided) => MUTED,
            _ => line(0),
        };
        self.draw_interval(canvas, rung, (1.4, 4.0), colour)?;
        mark(canvas, rung.decision, at, colour)
    }
}

/// The mark of a length: a disc where it is verified, a cross where it is refuted, a hollow lozenge
/// where it is undecided, and a ring where it is open.
fn mark(
    canvas: &mut Canvas<'_>,
    decision: Option<Decision>,
    (x, y): (f64, f64),
    colour: Rgb,
) -> Result<()> {
    match decision {
        Some(Decision::Verified) => {
            canvas.disc(x, y, 6.4, WHITE)?;
            canvas.disc(x, y, 5.0, colour)
        }
        Some(Decision::Refuted) => {
            for (radius, width_px, colour) in [(6.2, 5.6, WHITE), (5.2, 3.0, colour)] {
                for slant in [radius, -radius] {
                    let ends = [(x - radius, y - slant), (x + radius, y + slant)];
                    canvas.line(&ends, width_px, colour)?;
                }
            }
            Ok(())
        }
        Some(Decision::Undecided) => {
            for (radius, colour) in [(8.2, WHITE), (6.8, colour), (4.2, WHITE)] {
                let corners = [
                    (x, y - radius),
                    (x + radius, y),
                    (x, y + radius),
                    (x - radius, y),
                ];
                canvas.polygon(&corners, colour, 1.0)?;
            }
            Ok(())
        }
        _ => {
            for (radius, colour) in [(6.4, WHITE), (5.0, colour), (3.0, WHITE)] {
                canvas.disc(x, y, radius, colour)?;
            }
            Ok(())
        }
    }
}

fn tokens(rung: &RungSummary) -> u64 {
    rung.nominal_tokens
}

/// One threshold, or where it is relative to short contexts one for each verdict.
fn thresholds(verification: &Verification) -> Vec<Threshold> {
    let named = |share: f64, name: &str| Threshold {
        share,
        name: name.to_owned(),
    };
    match verification.plan.relative {
        false => vec![named(verification.tau_verify, "threshold")],
        true => vec![
            named(verification.tau_verify, "verified above"),
            named(verification.tau_refute, "refuted below"),
        ],
    }
}
