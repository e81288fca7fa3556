//! Intervals for proportions and sequential tests of them: no number without its error.

mod adjust;
mod banded;
mod best_of;
mod deal;
mod design;
mod detectable;
mod evalue;
mod fisher;
mod gate;
mod grid;
mod guess;
mod hypotheses;
mod memorised;
mod mmd;
mod pairs;
mod repeats;
mod scan;
mod smooth;
mod tally;
mod windows;

pub use adjust::{benjamini_hochberg, holm};
pub use best_of::{BestOf, best_of};
pub use design::{Cuts, Decision, Design, Operating, Test};
pub use detectable::{
    PairLaw, Sides, detectable_drop, noninferiority_power, pairs_for_drop,
    pairs_for_noninferiority, power,
};
pub use evalue::{Side, confidence_sequence, ln_e_bet, ln_e_refute, ln_e_verify};
pub use fisher::fisher_exact;
pub use gate::{
    Gate, GateChances, GateCount, GatePlace, GateRules, GateVerdict, NeutralReason, alpha_fail,
    gate_chances,
};
pub use guess::{GuessCorrected, guess_corrected};
pub use hypotheses::{
    Findings, Memory, Observed, PairFinding, Published, PublishedFinding, Repeated,
    StabilityFinding, Tested, USUAL_FLIPS, detectable_flips, three_hypotheses,
};
pub use memorised::{PublicAdvantage, Recitals, Recited, USUAL_RECITALS, public_advantage};
pub use mmd::{AnswerPair, Discrepancy, MMD_PERMUTATIONS, MixPower, mix_power, model_equality};
pub use pairs::{Difference, GateEvidence, McNemar, PairOutcome, Pairs, Score, mcnemar};
pub use repeats::{
    Flips, Heterogeneity, Repeats, design_effect, flips, heterogeneity, repeat_icc, tarone,
};
pub use scan::{WeakestRegion, weakest_region};
pub use smooth::{Fitted, Smoothed, smooth};
pub use tally::Tally;
pub use windows::{
    Association, Labelled, Serial, WindowPair, WindowTest, label_association, serial,
    window_sign_flips,
};

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::inv_beta_reg;

/// An interval for a proportion, both ends in 0…1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// All that can be said of a proportion that was never observed.
    pub const UNKNOWN: Interval = Interval {
        low: 0.0,
        high: 1.0,
    };
}

/// The smallest tail probability that is computed: below about 1e-50 the inverse of the
/// incomplete beta function panics or never returns (statrs issue 435).
const SMALLEST_ALPHA: f64 = 1e-12;

/// Wilson's score interval for `right` of `n`, two-sided at `confidence` (a share, such as 0.95).
///
/// It is centred well and never leaves 0…1, but its coverage is only right on average; a verdict
/// rests on [`clopper_pearson_lower`] and [`clopper_pearson_upper`] instead. With `n` = 0 it is
/// 0…1. `right` above `n` counts as `n`.
pub fn wilson(right: u64, n: u64, confidence: f64) -> Interval {
    wilson_mean(right.min(n) as f64, n, confidence)
}

/// The same for the mean of `n` credits, each in 0…1, whose sum is `sum`. The variance of a credit
/// is at most that of right and wrong answers of the same mean (Bhatia and Davis 2000), so that the
/// interval is as wide as for those or wider than it need be. A sum above `n` counts as `n`.
pub fn wilson_mean(sum: f64, n: u64, confidence: f64) -> Interval {
    if n == 0 {
        return Interval::UNKNOWN;
    }
    let sum = sum.clamp(0.0, n as f64);
    let tail = tail_probability((1.0 - confidence) / 2.0);
    // Minus the lower quantile: 1 - tail would round the tail away.
    let z = -Normal::standard().inverse_cdf(tail);
    let (count, share) = (n as f64, sum / n as f64);
    let z2 = z * z;
    let centre = share + z2 / (2.0 * count);
    let half = z * (share * (1.0 - share) / count + z2 / (4.0 * count * count)).sqrt();
    let denominator = 1.0 + z2 / count;
    Interval {
        // Both ends are exact where they must be; rounding would leave 1e-17 there.
        low: if sum <= 0.0 {
            0.0
        } else {
            ((centre - half) / denominator).clamp(0.0, share)
        },
        high: if sum >= count {
            1.0
        } else {
            ((centre + half) / denominator).clamp(share, 1.0)
        },
    }
}

/// The exact interval of Clopper and Pearson for `right` of `n`, two-sided at `confidence`
/// (a share): its coverage is never below `confidence`. With `n` = 0 it is 0…1.
pub fn clopper_pearson(right: u64, n: u64, confidence: f64) -> Interval {
    let tail = (1.0 - confidence) / 2.0;
    Interval {
        low: clopper_pearson_lower(right, n, tail),
        high: clopper_pearson_upper(right, n, tail),
    }
}

/// The exact one-sided lower bound: below it lies the truth with probability `alpha` at most.
/// An `alpha` under 1e-12 counts as 1e-12.
pub fn clopper_pearson_lower(right: u64, n: u64, alpha: f64) -> f64 {
    let right = right.min(n);
    if right == 0 {
        return 0.0;
    }
    let (s, wrong) = (right as f64, (n - right) as f64);
    inv_beta_reg(s, wrong + 1.0, tail_probability(alpha)).clamp(0.0, s / n as f64)
}

/// The exact one-sided upper bound: above it lies the truth with probability `alpha` at most.
/// An `alpha` under 1e-12 counts as 1e-12.
pub fn clopper_pearson_upper(right: u64, n: u64, alpha: f64) -> f64 {
    // The same question about the wrong answers, so that the tail is never written as 1 - alpha,
    // where it would lose its digits.
    1.0 - clopper_pearson_lower(n - right.min(n), n, alpha)
}

/// The name of the method that gives this interval for `right` of `n`, found by computing it
/// again: a caption must not claim one method over numbers of another. `None` where neither
/// does, and where `n` = 0 tells nothing.
pub fn method_of(interval: Interval, right: u64, n: u64, confidence: f64) -> Option<&'static str> {
    let is = |other: Interval| {
        (interval.low - other.low).abs() < 1e-9 && (interval.high - other.high).abs() < 1e-9
    };
    match n {
        0 => None,
        _ if is(wilson(right, n, confidence)) => Some("Wilson"),
        _ if is(clopper_pearson(right, n, confidence)) => Some("Clopper-Pearson"),
        _ => None,
    }
}

/// A tail probability that the quantile functions can take. NaN becomes the smallest one, so
/// that nonsense widens an interval and never narrows it.
fn tail_probability(alpha: f64) -> f64 {
    if alpha.is_nan() {
        return SMALLEST_ALPHA;
    }
    alpha.clamp(SMALLEST_ALPHA, 0.5)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
