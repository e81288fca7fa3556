//! Several sides asked the same: pair by pair, whether one is worse, by how much, and how sure that is.

mod answered;
mod bands;
mod contrast;

pub use answered::{Answered, answers};
pub use bands::bands;
pub use contrast::{Band, Contrast, Differing, Finding, Paired, Tested};

use crate::journal::RunFile;
use crate::number::{counted, percent};
use crate::stats::{Interval, Pairs, Sides, detectable_drop, holm, wilson};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Version of `comparison.json`.
pub const COMPARISON_SCHEMA: u32 = 1;
/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;
/// Chance that a side is called better or worse where all are equally good.
pub const ALPHA: f64 = 0.05;
/// Share of missing pairs above which nothing is found.
pub const MOST_MISSING: f64 = 0.2;

/// The chance with which a difference is said to be found.
pub const POWER: f64 = 0.8;

/// The level at which all pairs of the least of so many contrasts are tested at worst: Holm's
/// first step, and half of it where there are several bands of length, which have the other half.
pub fn strictest_level(others: usize, bands: usize) -> f64 {
    let parts = if bands > 1 { 2 } else { 1 };
    ALPHA / (parts * others.max(1)) as f64
}

/// How many whole haystacks must differ, all one way, for the smallest p-value that counts.
pub fn least_haystacks(level: f64) -> u64 {
    1 + (1.0 / level).log2().ceil() as u64
}

/// Which loss such pairs show, in words, if as many differ by chance as differ here.
pub fn detectable_points(pairs: Pairs, haystacks: u64, others: usize, bands: usize) -> String {
    let differ = (pairs.lose + pairs.win) as f64 / pairs.n.max(1) as f64;
    let level = strictest_level(others, bands);
    let least = least_haystacks(level);
    if pairs.n > haystacks && haystacks < least {
        return format!(
            "{} show no loss, however large, since {least} texts at least must differ",
            counted(haystacks, "haystack")
        );
    }
    let drop = detectable_drop(pairs.n, differ, Sides::Two, level, POWER);
    format!(
        "{} of which {} differ show {} with a chance of {}",
        counted(pairs.n, "pair"),
        percent(differ),
        drop.map_or("no loss at all".to_owned(), |drop| format!(
            "a loss of {:.1} points",
            100.0 * drop
        )),
        percent(POWER)
    )
}

/// What sides that were asked the same come to (`comparison.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that computed it.
    pub depthfinder: String,
    /// Chance of a wrong finding over all sides together.
    pub alpha: f64,
    /// Confidence of every interval in this file.
    pub confidence: f64,
    /// Who was asked, the base first.
    pub sides: Vec<SideSummary>,
    /// Every other side against the base.
    pub contrasts: Vec<Contrast>,
}

/// One side by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideSummary {
    /// Its letter: `a` for the base, then `b`, `c` …
    pub name: String,
    /// The target as it was typed.
    pub target: String,
    /// The model's name, as the endpoint gave it.
    pub model: String,
    /// Where its journal lies, below this folder or elsewhere.
    pub folder: String,
    /// Scored questions.
    pub n: u64,
    /// Those of them that were right.
    pub right: u64,
    /// `right / n`; none where nothing was scored.
    pub accuracy: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Void questions by reason.
    pub voids: BTreeMap<String, u64>,
    /// Tokens that this side's server reported for its prompts.
    pub reported_tokens: u64,
    /// What they are to the tokens that the prompts were sized by; none where it reported none.
    pub tokens_ratio: Option<f64>,
}

/// Corrects the p-values of all sides together, once over all pairs of each and once over the
/// bands of all, and decides.
fn settle(contrasts: &mut [Contrast]) {
    let pooled: Vec<f64> = contrasts.iter().map(|one| one.pooled.p).collect();
    for (contrast, p) in contrasts.iter_mut().zip(holm(&pooled)) {
        contrast.pooled.p_holm = p;
    }
    let bands = |contrasts: &[Contrast]| -> Vec<f64> {
        let bands = contrasts.iter().flat_map(|one| &one.bands);
        bands.map(|band| band.tested.p).collect()
    };
    let corrected = holm(&bands(contrasts));
    let all = contrasts.iter_mut().flat_map(|one| &mut one.bands);
    for (band, p) in all.zip(corrected) {
        band.tested.p_holm = p;
    }
    let others = contrasts.len();
    for contrast in contrasts {
        contrast.settle(others);
    }
}

impl SideSummary {
    /// Sums one side up. `sized_tokens` gives the tokens by which a trial's prompt was sized.
    pub fn of(
        name: &str,
        run: &RunFile,
        folder: &str,
        answers: &BTreeMap<u64, Answered>,
        sized_tokens: &dyn Fn(u64) -> Option<u64>,
    ) -> SideSummary {
        let scored = answers.values().filter_map(|answered| answered.right);
        let n = scored.clone().count() as u64;
        let right = scored.filter(|right| *right).count() as u64;
        let mut voids = BTreeMap::new();
        for reason in answers.values().filter_map(|one| one.void.clone()) {
            *voids.entry(reason).or_insert(0) += 1;
        }
        let counted = answers.values().filter_map(|one| {
            let sized = sized_tokens(one.trial)?;
            Some((one.reported_tokens?, sized))
        });
        let (reported_tokens, sized) = counted.fold((0, 0), |(reported, sized), (one, of)| {
            (reported + one, sized + of)
        });
        SideSummary {
            name: name.to_string(),
            target: run.target.clone(),
            model: run.served.model.clone(),
            folder: folder.to_string(),
            n,
            right,
            accuracy: (n > 0).then(|| right as f64 / n as f64),
            interval: (n > 0).then(|| wilson(right, n, CONFIDENCE)),
            voids,
            reported_tokens,
            tokens_ratio: (sized > 0).then(|| reported_tokens as f64 / sized as f64),
        }
    }
}

impl Comparison {
    /// Compares every other side with the first; `sides` are in the order of `answers`, and
    /// `planned` is how many questions each was to be asked.
    pub fn of(
        sides: Vec<SideSummary>,
        answers: &[BTreeMap<u64, Answered>],
        planned: u64,
    ) -> Comparison {
        let mut contrasts: Vec<Contrast> = match answers.split_first() {
            Some((base, others)) => others
                .iter()
                .zip(sides.iter().skip(1))
                .map(|(other, side)| Contrast::of(&sides[0].name, &side.name, base, other, planned))
                .collect(),
            None => Vec::new(),
        };
        settle(&mut contrasts);
        Comparison {
            schema: COMPARISON_SCHEMA,
            depthfinder: env!("CARGO_PKG_VERSION").to_string(),
            alpha: ALPHA,
            confidence: CONFIDENCE,
            sides,
            contrasts,
        }
    }

    /// The worst that was found of any side.
    pub fn finding(&self) -> Finding {
        let found: HashSet<Finding> = self.contrasts.iter().map(|one| one.finding).collect();
        [Finding::Worse, Finding::Undecided, Finding::Better]
            .into_iter()
            .find(|finding| found.contains(finding))
            .unwrap_or(Finding::NoDifference)
    }
}

#[cfg(test)]
mod tests;
