//! The depth profile of a study: success by length and fifth of the depth, and where it is weakest.

use super::RungSummary;
use crate::seed::RunKey;
use crate::stats::{Fitted, Interval, Tally, clopper_pearson, smooth, weakest_region};
use crate::study::STRATA;
use serde::{Deserialize, Serialize};

/// Confidence of intervals of cells.
const CONFIDENCE: f64 = 0.95;
/// Permutations behind the p-value of the weakest region.
const PERMUTATIONS: u32 = 999;
/// With as few answers as this in a cell, its smoothed band holds the truth somewhat less often
/// than it says (stats: 87 % on a U over depth).
const FEW: u64 = 5;
/// A region is worth pointing out below this p-value.
const NOTABLE: f64 = 0.05;

/// Success by length and depth. No verdict rests on it, but for dead bands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthProfile {
    /// Lengths of ladder and search that were asked, shortest first.
    pub lengths: Vec<DepthRow>,
    /// What the smoothed bands are: `95 %`, or `approximate` where cells have few answers.
    pub bands: String,
    /// Where answers are wrong most clearly more often than elsewhere at the same lengths; none
    /// where no region is worse than another.
    pub weakest: Option<WeakRegion>,
}

/// One length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthRow {
    /// The length it stands for, in tokens.
    pub nominal_tokens: u64,
    /// The fifths of its depth, from the start.
    pub fifths: Vec<DepthCell>,
}

/// A fifth of the depth at one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthCell {
    /// Where it begins, in percent of the haystack.
    pub from_percent: f64,
    /// Where it ends.
    pub to_percent: f64,
    /// Outcomes.
    pub tally: Tally,
    /// Exact interval (Clopper and Pearson, 95 %) of the success rate of what was answered.
    pub interval: Interval,
    /// Rate and band with what the neighbours say.
    pub smoothed: Fitted,
}

/// The weakest region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeakRegion {
    /// Its shortest length, in tokens.
    pub from_tokens: u64,
    /// Its longest length.
    pub to_tokens: u64,
    /// Where it begins, in percent of the haystack.
    pub from_percent: f64,
    /// Where it ends.
    pub to_percent: f64,
    /// Right answers inside.
    pub right: u64,
    /// Answers inside.
    pub n: u64,
    /// Right answers that its lengths alone would give, whatever the depth.
    pub expected_right: f64,
    /// Exact interval of its rate. The region was selected for being weak: fresh questions would
    /// do better on average.
    pub selected_interval: Interval,
    /// Chance of a region as weak as this one anywhere if depth did not matter.
    pub p: f64,
}

impl WeakRegion {
    /// True where chance alone would seldom give a region as weak.
    pub fn is_notable(&self) -> bool {
        self.p < NOTABLE
    }
}

impl DepthProfile {
    /// The profile of these lengths.
    pub fn of<'a>(rungs: impl Iterator<Item = &'a RungSummary>) -> DepthProfile {
        let mut rungs: Vec<&RungSummary> = rungs.filter(|rung| rung.tally.answered() > 0).collect();
        rungs.sort_by_key(|rung| rung.nominal_tokens);
        let cells: Vec<Vec<Tally>> = rungs.iter().map(|rung| rung.strata.clone()).collect();
        let smoothed = smooth(&cells);
        let is_few = |tally: &Tally| tally.answered() <= FEW;
        let lengths = rungs
            .iter()
            .zip(smoothed.cells)
            .map(|(rung, fitted)| DepthRow {
                nominal_tokens: rung.nominal_tokens,
                fifths: (0..).zip(&rung.strata).zip(fitted).map(cell).collect(),
            })
            .collect();
        DepthProfile {
            lengths,
            bands: match cells.iter().flatten().any(is_few) {
                true => "approximate".to_string(),
                false => "95 %".to_string(),
            },
            weakest: weakest(&rungs, &cells),
        }
    }
}

fn cell(((at, tally), smoothed): ((usize, &Tally), Fitted)) -> DepthCell {
    let (from_percent, to_percent) = (edge(at), edge(at + 1));
    DepthCell {
        from_percent,
        to_percent,
        tally: *tally,
        interval: clopper_pearson(tally.right, tally.answered(), CONFIDENCE),
        smoothed,
    }
}

/// Where a fifth begins, in percent.
fn edge(at: usize) -> f64 {
    100.0 * at as f64 / STRATA as f64
}

fn weakest(rungs: &[&RungSummary], cells: &[Vec<Tally>]) -> Option<WeakRegion> {
    let found = weakest_region(cells, PERMUTATIONS, &mut public_draw("weakest region", 0))?;
    let lengths = rungs.get(found.lengths.clone())?;
    Some(WeakRegion {
        from_tokens: lengths.first()?.nominal_tokens,
        to_tokens: lengths.last()?.nominal_tokens,
        from_percent: edge(found.depths.start),
        to_percent: edge(found.depths.end),
        right: found.right,
        n: found.n,
        expected_right: found.expected_right,
        selected_interval: clopper_pearson(found.right, found.n, CONFIDENCE),
        p: found.p,
    })
}

/// Random numbers below a bound for p-values by permutation. They come from a public key, so that
/// everybody who reads the same journal computes the same p: nothing is secret here, and nothing
/// that is asked depends on it.
pub(super) fn public_draw(purpose: &str, coordinate: u64) -> impl FnMut(u64) -> u64 {
    let mut stream = RunKey::public("permutations of a report").stream(purpose, &[coordinate]);
    move |bound| stream.below(bound)
}
