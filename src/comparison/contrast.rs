//! One side against the base: pairs, tests, bands of length, and the questions on which they differ.

use super::bands::bands;
use super::{ALPHA, Answered, CONFIDENCE, MOST_MISSING, detectable_points};
use crate::number::{counted, percent};
use crate::stats::{Difference, Pairs, holm, mcnemar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Questions that both sides answered, as the tests take them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// Both were right.
    pub both_right: u64,
    /// Both were wrong.
    pub both_wrong: u64,
    /// The base was right and the other wrong.
    pub lose: u64,
    /// The base was wrong and the other right.
    pub win: u64,
    /// Questions without a pair: void on one side, or not asked there.
    pub missing: u64,
}

impl Paired {
    /// Counts a pair in; `None` is void.
    pub fn add(&mut self, base: Option<bool>, other: Option<bool>) {
        match (base, other) {
            (Some(true), Some(true)) => self.both_right += 1,
            (Some(false), Some(false)) => self.both_wrong += 1,
            (Some(true), Some(false)) => self.lose += 1,
            (Some(false), Some(true)) => self.win += 1,
            _ => self.missing += 1,
        }
    }

    /// As the statistics take them.
    pub fn pairs(&self) -> Pairs {
        Pairs {
            lose: self.lose,
            win: self.win,
            n: self.both_right + self.both_wrong + self.lose + self.win,
        }
    }

    /// Share of questions without a pair.
    pub fn missing_share(&self) -> f64 {
        let all = self.pairs().n + self.missing;
        match all {
            0 => 1.0,
            _ => self.missing as f64 / all as f64,
        }
    }
}

/// Pairs with their tests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The pairs.
    #[serde(flatten)]
    pub paired: Paired,
    /// The other's share of right answers less the base's, with Tango's interval.
    pub difference: Difference,
    /// Two-sided mid-p of McNemar's test.
    pub p: f64,
    /// The exact two-sided p-value, which is more careful.
    pub p_exact: f64,
    /// `p` with Holm's correction for what is tested beside it.
    pub p_holm: f64,
}

impl Tested {
    /// Tests pairs.
    pub fn of(paired: Paired) -> Tested {
        let pairs = paired.pairs();
        let tested = mcnemar(pairs.lose, pairs.win);
        Tested {
            paired,
            difference: pairs.interval(CONFIDENCE),
            p: tested.mid,
            p_exact: tested.exact,
            p_holm: tested.mid,
        }
    }
}

/// Lengths that are tested together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The lengths, in tokens.
    pub lengths_tokens: Vec<u64>,
    /// Their pairs; `p_holm` is corrected for the bands.
    #[serde(flatten)]
    pub tested: Tested,
}

/// A question on which two sides differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Differing {
    /// The trial.
    pub trial: u64,
    /// The task's name.
    pub task: String,
    /// The prompt's length in tokens.
    pub length_tokens: u64,
    /// Depth of the asked fact in percent.
    pub depth_percent: f64,
    /// What was asked.
    pub question: String,
    /// What would have been right.
    pub expected: String,
    /// The base's answer.
    pub base: String,
    /// Its class.
    pub base_class: String,
    /// The other's answer.
    pub other: String,
    /// Its class.
    pub other_class: String,
}

/// What is found of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It is worse than the base.
    Worse,
    /// It is better than the base.
    Better,
    /// No difference is shown.
    NoDifference,
    /// Too many pairs are missing for a finding.
    Undecided,
}

/// One side against the base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The base's letter.
    pub base: String,
    /// The other's letter.
    pub other: String,
    /// What is found.
    pub finding: Finding,
    /// The same in a sentence.
    pub sentence: String,
    /// All pairs; `p_holm` is corrected for the other sides.
    pub pooled: Tested,
    /// By length.
    pub bands: Vec<Band>,
    /// Haystacks behind the pairs: questions of one text are not independent of each other.
    pub haystacks: u64,
    /// The questions on which they differ, losses first.
    pub differing: Vec<Differing>,
}

impl Contrast {
    /// Pairs two sides up. A prompt whose bytes differ is no pair.
    pub fn of(
        base_name: &str,
        other_name: &str,
        base: &BTreeMap<u64, Answered>,
        other: &BTreeMap<u64, Answered>,
        planned: u64,
    ) -> Contrast {
        let pairs: Vec<(&Answered, &Answered)> = base
            .iter()
            .filter_map(|(trial, base)| Some((base, other.get(trial)?)))
            .filter(|(base, other)| base.prompt == other.prompt)
            .collect();
        let count = |lengths: Option<&[u64]>| {
            let mut paired = Paired::default();
            for (base, other) in &pairs {
                if lengths.is_none_or(|lengths| lengths.contains(&base.length_tokens)) {
                    paired.add(base.right, other.right);
                }
            }
            paired
        };
        let mut pooled = count(None);
        pooled.missing = planned.saturating_sub(pooled.pairs().n);
        let lengths: Vec<u64> = pairs.iter().map(|(base, _)| base.length_tokens).collect();
        let mut by_band: Vec<Band> = bands(&lengths)
            .into_iter()
            .map(|lengths_tokens| Band {
                tested: Tested::of(count(Some(&lengths_tokens))),
                lengths_tokens,
            })
            .collect();
        let p: Vec<f64> = by_band.iter().map(|band| band.tested.p).collect();
        for (band, p) in by_band.iter_mut().zip(holm(&p)) {
            band.tested.p_holm = p;
        }
        let mut haystacks: Vec<(u64, u32)> = pairs
            .iter()
            .map(|(base, _)| (base.length_tokens, base.sample))
            .collect();
        haystacks.sort_unstable();
        haystacks.dedup();
        let mut differing: Vec<(&Answered, &Answered)> = pairs
            .iter()
            .copied()
            .filter(
                |(base, other)| matches!((base.right, other.right), (Some(a), Some(b)) if a != b),
            )
            .collect();
        differing
            .sort_by_key(|(base, _)| (base.right != Some(true), base.length_tokens, base.trial));
        Contrast {
            base: base_name.to_string(),
            other: other_name.to_string(),
            finding: Finding::Undecided,
            sentence: String::new(),
            pooled: Tested::of(pooled),
            bands: by_band,
            haystacks: haystacks.len() as u64,
            differing: differing.into_iter().map(Differing::of).collect(),
        }
    }

    /// Decides, with the p-value corrected for all `others` that are held against the base.
    pub(super) fn settle(&mut self, p_holm: f64, others: usize) {
        self.pooled.p_holm = p_holm;
        let paired = self.pooled.paired;
        let worse_band = self
            .bands
            .iter()
            .find(|band| band.tested.p_holm < ALPHA && band.tested.difference.observed < 0.0);
        self.finding = if paired.missing_share() > MOST_MISSING {
            Finding::Undecided
        } else if p_holm < ALPHA && paired.lose > paired.win {
            Finding::Worse
        } else if p_holm < ALPHA {
            Finding::Better
        } else {
            Finding::NoDifference
        };
        let difference = self.pooled.difference;
        let points = |share: f64| format!("{:+.1}", 100.0 * share);
        let interval = format!(
            "{} points ({:.0} % interval {} to {})",
            points(difference.observed),
            100.0 * CONFIDENCE,
            points(difference.low),
            points(difference.high)
        );
        let of = format!(
            "{}: {} lost, {} won",
            counted(paired.pairs().n, "pair"),
            paired.lose,
            paired.win
        );
        self.sentence = match self.finding {
            Finding::Undecided => format!(
                "{} against {}: UNDECIDED, because {} of the questions have no pair",
                self.other,
                self.base,
                percent(paired.missing_share())
            ),
            Finding::Worse => format!(
                "{} is WORSE than {}: {interval}, p = {p_holm:.2e} ({of})",
                self.other, self.base
            ),
            Finding::Better => format!(
                "{} is BETTER than {}: {interval}, p = {p_holm:.2e} ({of})",
                self.other, self.base
            ),
            Finding::NoDifference => format!(
                "no difference between {} and {} is shown: {interval}, p = {p_holm:.2} ({of}); {}",
                self.other,
                self.base,
                detectable_points(paired.pairs(), others)
            ),
        };
        if let Some(band) = worse_band.filter(|_| self.finding == Finding::NoDifference) {
            self.sentence.push_str(&format!(
                "; at {} tokens alone {} points, p = {:.2e} after Holm for the bands",
                lengths_in_words(&band.lengths_tokens),
                points(band.tested.difference.observed),
                band.tested.p_holm
            ));
        }
    }
}

/// The lengths of a band as people say them.
fn lengths_in_words(lengths_tokens: &[u64]) -> String {
    let shown = |tokens: &u64| crate::number::grouped(*tokens);
    match lengths_tokens {
        [] => String::new(),
        [one] => shown(one),
        [first, .., last] => format!("{} to {}", shown(first), shown(last)),
    }
}

impl Differing {
    fn of((base, other): (&Answered, &Answered)) -> Differing {
        let class = |answered: &Answered| answered.class.unwrap_or("void").to_string();
        Differing {
            trial: base.trial,
            task: base.task.to_string(),
            length_tokens: base.length_tokens,
            depth_percent: base.depth_percent,
            question: base.question.clone(),
            expected: base.expected.clone(),
            base: base.text.clone(),
            base_class: class(base),
            other: other.text.clone(),
            other_class: class(other),
        }
    }
}
