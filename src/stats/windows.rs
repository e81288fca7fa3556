//! Outcomes that swing with time or with who answers: whole windows flipped, runs, labels.

use super::Tally;
use super::deal::deal;
use super::pairs::{PairOutcome, Pairs};
use serde::{Deserialize, Serialize};
use statrs::function::factorial::ln_binomial;

/// Permutations of [`label_association`].
const PERMUTATIONS: u32 = 999;
/// Figures that differ by rounding alone are equal.
const EQUAL: f64 = 1e-9;

/// A pair and the window of time in which both its sides were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WindowPair {
    /// Any number that names the window.
    pub window: u64,
    /// How the pair came out.
    pub outcome: PairOutcome,
}

/// Whether losses exceed wins by more than swings of whole windows explain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowTest {
    /// Windows in which losses and wins differ in number: the others say nothing.
    pub windows: u64,
    /// Losses less wins, over all windows.
    pub excess: i64,
    /// One-sided p-value of "losses do not exceed wins"; 2^−`windows` at least.
    pub p: f64,
}

/// Flips the signs of whole windows: where the two sides are equally good, each window's losses
/// less its wins is as likely as its negative, however much the outcomes within a window hang
/// together. The p-value is the share of all 2^windows sign patterns with an excess as large as
/// the observed one, exact by adding up the windows one by one (Fisher's randomisation test of
/// 1935, The Design of Experiments §21, with windows as units). Five windows cannot come below .031.
pub fn window_sign_flips(pairs: &[WindowPair]) -> WindowTest {
    let mut excess: std::collections::BTreeMap<u64, i64> = std::collections::BTreeMap::new();
    for pair in pairs {
        *excess.entry(pair.window).or_default() += match pair.outcome {
            PairOutcome::Lose => 1,
            PairOutcome::Win => -1,
            PairOutcome::Same | PairOutcome::Missing => 0,
        };
    }
    let observed: i64 = excess.values().sum();
    let sizes: Vec<usize> = excess
        .values()
        .map(|excess| excess.unsigned_abs() as usize)
        .filter(|size| *size > 0)
        .collect();
    let total: usize = sizes.iter().sum();
    // The chance of each sum, as how many of the units have a positive sign.
    let mut chances = vec![0.0; total + 1];
    chances[0] = 1.0;
    for size in &sizes {
        for at in (0..=total).rev() {
            let flipped = at.checked_sub(*size).map_or(0.0, |from| chances[from]);
            chances[at] = 0.5 * (chances[at] + flipped);
        }
    }
    // A sum of 2 × positive − total is the observed excess or more.
    let from = ((observed + total as i64) / 2).max(0) as usize;
    let p: f64 = chances[from..].iter().sum();
    WindowTest {
        windows: sizes.len() as u64,
        excess: observed,
        p: p.clamp(0.0, 1.0),
    }
}

/// All pairs of the windows together.
pub fn without_windows(pairs: &[WindowPair]) -> Pairs {
    pairs.iter().map(|pair| pair.outcome).collect()
}

/// Whether outcomes that follow each other are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serial {
    /// Correlation of an outcome with the next one, −1…1.
    pub lag_one: f64,
    /// Stretches of equal outcomes.
    pub runs: u64,
    /// One-sided p-value: small where there are too few stretches.
    pub p: f64,
}

/// The runs test of Wald and Wolfowitz (1940, Annals of Mathematical Statistics 11:147) with its
/// exact law: outcomes in the order of asking, which must not follow difficulty. None where all
/// are equal.
pub fn serial(outcomes: &[bool]) -> Option<Serial> {
    let n = outcomes.len() as u64;
    let right = outcomes.iter().filter(|right| **right).count() as u64;
    let wrong = n - right;
    if right == 0 || wrong == 0 {
        return None;
    }
    let changes = outcomes
        .windows(2)
        .filter(|pair| pair[0] != pair[1])
        .count();
    let runs = changes as u64 + 1;
    let ln_all = ln_binomial(n, right);
    // Ways to cut each kind into stretches.
    let ways = |of_right: u64, of_wrong: u64| match (of_right, of_wrong) {
        (a, b) if a == 0 || b == 0 || a > right || b > wrong => 0.0,
        (a, b) => (ln_binomial(right - 1, a - 1) + ln_binomial(wrong - 1, b - 1) - ln_all).exp(),
    };
    let chance = |runs: u64| match runs % 2 {
        0 => 2.0 * ways(runs / 2, runs / 2),
        _ => ways(runs / 2, runs / 2 + 1) + ways(runs / 2 + 1, runs / 2),
    };
    let p: f64 = (2..=runs).map(chance).sum();
    let mean = right as f64 / n as f64;
    let centred = |right: bool| f64::from(u8::from(right)) - mean;
    let products: f64 = outcomes
        .windows(2)
        .map(|pair| centred(pair[0]) * centred(pair[1]))
        .sum();
    Some(Serial {
        lag_one: products / (n as f64 * mean * (1.0 - mean)),
        runs,
        p: p.clamp(0.0, 1.0),
    })
}

/// An answer, with who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Labelled {
    /// Number of the prompt, or of whatever shares one difficulty: outcomes are only exchanged
    /// within it.
    pub stratum: u64,
    /// Number of the label: of a `system_fingerprint`, a provider, a replica.
    pub label: u64,
    /// Whether the answer was right.
    pub right: bool,
}

/// Whether right answers come more often with some labels than with others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Association {
    /// Outcomes of each label, in the order of its number.
    pub labels: Vec<(u64, Tally)>,
    /// Sum over labels of the squared distance from what the strata let expect, in its variances.
    pub distance: f64,
    /// P-value by permutation of the outcomes within strata.
    pub p: f64,
}

/// Tests "whoever answers, a prompt has the same chance of a right answer": the outcomes of each
/// stratum are dealt anew over its labels 999 times (the statistic is that of Cochran, Mantel and
/// Haenszel without its covariances, which the permutation makes up for). None where no stratum
/// has two labels and both outcomes: then nothing can be told. `draw` gives a random number below
/// its bound.
pub fn label_association(
    answers: &[Labelled],
    draw: &mut impl FnMut(u64) -> u64,
) -> Option<Association> {
    let mut names: Vec<u64> = answers.iter().map(|answer| answer.label).collect();
    names.sort_unstable();
    names.dedup();
    let place = |label: u64| names.binary_search(&label).unwrap_or(0);
    let mut tallies = vec![Tally::default(); names.len()];
    // Of each stratum: right answers, answers of each label.
    let mut strata: std::collections::BTreeMap<u64, (u64, Vec<u64>)> =
        std::collections::BTreeMap::new();
    for answer in answers {
        let at = place(answer.label);
        tallies[at] += Tally {
            right: u64::from(answer.right),
            wrong: u64::from(!answer.right),
            void: 0,
        };
        let (right, sizes) = strata
            .entry(answer.stratum)
            .or_insert_with(|| (0, vec![0; names.len()]));
        *right += u64::from(answer.right);
        sizes[at] += 1;
    }
    let (mut expected, mut variance) = (vec![0.0; names.len()], vec![0.0; names.len()]);
    for (right, sizes) in strata.values() {
        let n = sizes.iter().sum::<u64>() as f64;
        let share = *right as f64 / n;
        for (at, size) in sizes.iter().enumerate() {
            let size = *size as f64;
            expected[at] += size * share;
            if n > 1.0 {
                variance[at] += size * (n - size) * share * (1.0 - share) / (n - 1.0);
            }
        }
    }
    let distance = |rights: &[u64]| -> f64 {
        let labels = rights.iter().zip(&expected).zip(&variance);
        labels
            .filter(|(_, variance)| **variance > 0.0)
            .map(|((right, expected), variance)| (*right as f64 - expected).powi(2) / variance)
            .sum()
    };
    if variance.iter().all(|variance| *variance <= 0.0) {
        return None;
    }
    let rights: Vec<u64> = tallies.iter().map(|tally| tally.right).collect();
    let observed = distance(&rights);
    let mut dealt = vec![0; names.len()];
    let mut sums = vec![0; names.len()];
    let at_least = (0..PERMUTATIONS)
        .filter(|_| {
            sums.fill(0);
            for (right, sizes) in strata.values() {
                deal(*right, sizes, &mut dealt, draw);
                sums.iter_mut()
                    .zip(&dealt)
                    .for_each(|(sum, dealt)| *sum += dealt);
            }
            distance(&sums) >= observed - EQUAL
        })
        .count();
    Some(Association {
        labels: names.into_iter().zip(tallies).collect(),
        distance: observed,
        p: (1 + at_least) as f64 / f64::from(1 + PERMUTATIONS),
    })
}
