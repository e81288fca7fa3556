//! The curve of a verification: the ladder with what decided each length, the claim, and what is certified.

use super::axis::{LogAxis, exact_tick};
use super::canvas::{Anchor, Canvas, Drawing, Frame, Rgb, Type};
use super::caption::{self, Caption, MARGIN_PX};
use super::counts::Counts;
use super::palette::{BLANK, CERTIFIED, FAINT, INK, MUTED, REFUTED, VOID, WHITE, line};
use super::plot::{Threshold, draw_grid, draw_thresholds, draw_upright, width_px, y_of};
use crate::claims::Kind;
use crate::stats::Decision;
use crate::study::Headline;
use crate::summary::{RungSummary, Summary, Verification};
use anyhow::{Result, ensure};

const LABEL: Type = Type::bold(12.0, INK);
const HEADING: Type = Type::bold(13.0, INK);
/// Height of a heading of several panels.
const HEADING_PX: f64 = 26.0;
const PLOT_HEIGHT_PX: f64 = 300.0;
/// The same where a panel stands above or below it.
const PANEL_HEIGHT_PX: f64 = 170.0;
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
pub fn draw(summary: &Summary) -> Result<Drawing> {
    let layout = Layout::new(summary)?;
    let label = format!(
        "Verification of {}: {}; accuracy by prompt length. The numbers are in the report.",
        summary.model,
        summary.headline().unwrap_or_default()
    );
    Drawing::new(layout.size(), label, |canvas| layout.draw(canvas))
}

/// Everything placed, nothing drawn: a panel for each kind of use, one below the other.
struct Layout<'a> {
    summary: &'a Summary,
    caption: Caption,
    panels: Vec<Panel<'a>>,
    /// Room on the right for what is written beside the plots.
    right_px: f64,
}

impl<'a> Layout<'a> {
    fn new(summary: &'a Summary) -> Result<Layout<'a>> {
        let mut all = Vec::new();
        for (name, verification) in summary.verifications() {
            ensure!(
                !verification.rungs.is_empty(),
                "there is no curve to draw: the ladder has no length"
            );
            let counts = Counts::of_ladder(&verification.rungs, result);
            all.push((name, verification, thresholds(verification), counts));
        }
        let (mut left_px, mut right_px, mut width): (f64, f64, f64) = (52.0, 0.0, 0.0);
        let (mut smallest, mut largest) = (u64::MAX, 1);
        for (_, verification, thresholds, counts) in &all {
            left_px = left_px.max(counts.titles_px()?);
            for threshold in thresholds {
                right_px = right_px.max(LABEL.width_px(&threshold.name)? + 12.0);
            }
            let lengths = verification.rungs.len();
            width = width.max(width_px(lengths));
            if lengths > 3 {
                width = width.max(LENGTH_PX * lengths as f64);
            }
            let rungs = verification.rungs.iter().chain(&verification.searched);
            let claim_tokens = verification.plan.claim.tokens;
            for tokens in rungs.map(tokens).chain([claim_tokens]) {
                (smallest, largest) = (smallest.min(tokens), largest.max(tokens));
            }
        }
        ensure!(
            !all.is_empty(),
            "there is no curve to draw: no claim was tested"
        );
        let subject = caption::verdict(summary);
        let basis = caption::evidence(summary);
        let room = left_px + width + right_px;
        let caption = Caption::new(&summary.model, &subject, &basis, room)?;
        let mut panels: Vec<Panel<'_>> = Vec::new();
        for (name, verification, thresholds, mut counts) in all {
            let above = panels.last().map_or(caption.bottom_px, Panel::bottom_px);
            let (heading_px, height) = match name {
                Some(_) => (HEADING_PX, PANEL_HEIGHT_PX),
                None => (0.0, PLOT_HEIGHT_PX),
            };
            let plot = Frame {
                x: MARGIN_PX + left_px,
                y: above + 34.0 + heading_px,
                width,
                height,
            };
            let ends = (plot.x + INSET_PX, plot.right() - INSET_PX);
            let axis = LogAxis::new(smallest, largest, ends);
            counts.place(&axis, (plot.x, plot.right() + right_px))?;
            panels.push(Panel {
                heading: name.map(|name| heading(&name, verification)),
                verification,
                plot,
                axis,
                lengths: verification.rungs.iter().map(tokens).collect(),
                thresholds,
                counts,
            });
        }
        Ok(Layout {
            summary,
            caption,
            panels,
            right_px,
        })
    }

    fn size(&self) -> (f64, f64) {
        let last = self.panels.last();
        (
            last.map_or(0.0, |panel| panel.plot.right()) + self.right_px + MARGIN_PX,
            last.map_or(0.0, Panel::bottom_px) + 34.0 + MARGIN_PX,
        )
    }

    fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        self.caption.write(canvas)?;
        for (nth, panel) in (1..).zip(&self.panels) {
            panel.draw(canvas, nth == self.panels.len())?;
        }
        let (width, height) = self.size();
        caption::signature(canvas, self.summary, width - MARGIN_PX, height - 20.0)
    }
}

/// What stands above the panel of one of several kinds: `aggregation (sum): REFUTED, effective
/// length below 40,000 tokens`.
fn heading(name: &str, verification: &Verification) -> String {
    let word = match verification.verdict.headline {
        Headline::VerifiedExcept => "VERIFIED except a part of the depth",
        headline => headline.word(),
    };
    match verification.certified_words() {
        Some(words) => format!("{name}: {word}, effective length {words}"),
        None => format!("{name}: {word}"),
    }
}

/// The ladder of one kind of use, placed.
struct Panel<'a> {
    heading: Option<String>,
    verification: &'a Verification,
    plot: Frame,
    axis: LogAxis,
    /// The ladder, shortest first.
    lengths: Vec<u64>,
    thresholds: Vec<Threshold>,
    counts: Counts,
}

impl Panel<'_> {
    /// The lower edge of the table below the plot.
    fn bottom_px(&self) -> f64 {
        self.plot.bottom() + self.counts.height_px()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, is_last: bool) -> Result<()> {
        if let Some(heading) = &self.heading {
            let y = self.plot.y - HEADING_PX - 4.0;
            canvas.text(heading, MARGIN_PX, y, Anchor::Start, HEADING)?;
        }
        self.draw_certified(canvas)?;
        draw_grid(
            canvas,
            self.plot,
            &self.axis,
            &self.lengths,
            &self.thresholds,
        )?;
        self.counts.draw(canvas, self.plot, &self.axis, is_last)?;
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
        Ok(())
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
        let at = (self.axis.at(claim.tokens), 1.4);
        draw_upright(canvas, self.plot, at, (&said, LABEL))
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
        // Apart from the dashes of the claim.
        canvas.line(&[(x, ends[0]), (x, ends[1])], width_px + 3.0, WHITE)?;
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
