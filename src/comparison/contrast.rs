//! One side against the base: pairs, tests, bands of length, and the questions on which they differ.

use super::bands::bands;
use super::{Answered, CONFIDENCE, MOST_MISSING, detectable_points, strictest_level};
use crate::number::{counted, percent};
use crate::stats::{Difference, PairOutcome, Pairs, WindowPair, mcnemar, window_sign_flips};
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
    /// Two-sided p-value: by flipping the signs of whole haystacks where one has several pairs,
    /// else `p_pairs`.
    pub p: f64,
    /// Two-sided mid-p of McNemar's test, which takes pairs as independent.
    pub p_pairs: f64,
    /// `p` with Holm's correction for what is tested beside it.
    pub p_holm: f64,
}

impl Tested {
    /// Tests pairs, each with the number of its haystack: questions of one text may be lost
    /// together, and are no independent witnesses.
    pub fn of(paired: Paired, pairs: &[WindowPair]) -> Tested {
        let counts = paired.pairs();
        let p_pairs = mcnemar(counts.lose, counts.win).mid;
        let answered = pairs
            .iter()
            .filter(|pair| pair.outcome != PairOutcome::Missing);
        let mut texts: Vec<u64> = answered.map(|pair| pair.window).collect();
        texts.sort_unstable();
        let is_shared = texts.windows(2).any(|two| two[0] == two[1]);
        let p = match is_shared {
            true => by_haystacks(pairs),
            false => p_pairs,
        };
        Tested {
            paired,
            difference: counts.interval(CONFIDENCE),
            p,
            p_pairs,
            p_holm: p,
        }
    }

    fn is_worse(&self, level: f64) -> bool {
        self.p_holm < level && self.paired.lose > self.paired.win
    }
}

/// Twice the smaller of both one-sided p-values of whole haystacks.
fn by_haystacks(pairs: &[WindowPair]) -> f64 {
    let mirrored: Vec<WindowPair> = pairs
        .iter()
        .map(|pair| WindowPair {
            outcome: match pair.outcome {
                PairOutcome::Lose => PairOutcome::Win,
                PairOutcome::Win => PairOutcome::Lose,
                outcome => outcome,
            },
            ..*pair
        })
        .collect();
    let [lost, won] = [pairs, &mirrored].map(|pairs| window_sign_flips(pairs).p);
    (2.0 * lost.min(won)).min(1.0)
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
        let count = |lengths: Option<&[u64]>, planned: Option<u64>| {
            let mut paired = Paired::default();
            let mut outcomes = Vec::new();
            for (base, other) in &pairs {
                if lengths.is_none_or(|lengths| lengths.contains(&base.length_tokens)) {
                    paired.add(base.right, other.right);
                    outcomes.push(WindowPair {
                        window: base.length_tokens << 20 | u64::from(base.sample),
                        outcome: PairOutcome::of(base.right, other.right),
                    });
                }
            }
            if let Some(planned) = planned {
                paired.missing = planned.saturating_sub(paired.pairs().n);
            }
            Tested::of(paired, &outcomes)
        };
        let lengths: Vec<u64> = pairs.iter().map(|(base, _)| base.length_tokens).collect();
        let by_band: Vec<Band> = bands(&lengths)
            .into_iter()
            .map(|lengths_tokens| Band {
                tested: count(Some(&lengths_tokens), None),
                lengths_tokens,
            })
            .collect();
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
            pooled: count(None, Some(planned)),
            bands: by_band,
            haystacks: haystacks.len() as u64,
            differing: differing.into_iter().map(Differing::of).collect(),
        }
    }

    /// Decides, once all p-values are corrected: half of the level is for all pairs together and
    /// half for the bands, where there are several. `others` are the sides held against the base.
    pub(super) fn settle(&mut self, others: usize) {
        let pooled = self.pooled;
        let level = strictest_level(1, self.bands.len());
        let apart = || self.bands.iter().filter(|_| self.bands.len() > 1);
        let worse_bands: Vec<&Band> = apart().filter(|band| band.tested.is_worse(level)).collect();
        let empty_band = apart().find(|band| band.tested.paired.missing_share() > MOST_MISSING);
        self.finding = if pooled.paired.missing_share() > MOST_MISSING {
            Finding::Undecided
        } else if pooled.is_worse(level) || !worse_bands.is_empty() {
            Finding::Worse
        } else if empty_band.is_some() {
            Finding::Undecided
        } else if pooled.p_holm < level {
            Finding::Better
        } else {
            Finding::NoDifference
        };
        let points = |share: f64| format!("{:+.1}", 100.0 * share);
        let told = |tested: &Tested| {
            let (difference, paired) = (tested.difference, tested.paired);
            format!(
                "{} points ({:.0} % interval {} to {}), p = {} ({}: {} lost, {} won)",
                points(difference.observed),
                100.0 * CONFIDENCE,
                points(difference.low),
                points(difference.high),
                match tested.p_holm {
                    small if small < 0.01 => format!("{small:.1e}"),
                    large => format!("{large:.2}"),
                },
                counted(paired.pairs().n, "pair"),
                paired.lose,
                paired.win
            )
        };
        let (other, base) = (&self.other, &self.base);
        let mut sentence = match self.finding {
            Finding::Undecided => match empty_band {
                Some(band) if pooled.paired.missing_share() <= MOST_MISSING => format!(
                    "{other} against {base}: UNDECIDED, because {} of the questions of {} tokens have no pair; all lengths together {}",
                    percent(band.tested.paired.missing_share()),
                    lengths_in_words(&band.lengths_tokens),
                    told(&pooled)
                ),
                _ => format!(
                    "{other} against {base}: UNDECIDED, because {} of the questions have no pair",
                    percent(pooled.paired.missing_share())
                ),
            },
            Finding::Worse if pooled.is_worse(level) => {
                format!("{other} is WORSE than {base}: {}", told(&pooled))
            }
            Finding::Worse => format!(
                "{other} is WORSE than {base} at some lengths; all together {}",
                told(&pooled)
            ),
            Finding::Better => format!("{other} is BETTER than {base}: {}", told(&pooled)),
            Finding::NoDifference => format!(
                "no difference between {other} and {base} is shown: {}; {}",
                told(&pooled),
                detectable_points(
                    pooled.paired.pairs(),
                    self.haystacks,
                    others,
                    self.bands.len()
                )
            ),
        };
        for band in worse_bands {
            sentence.push_str(&format!(
                "; at {} tokens {}",
                lengths_in_words(&band.lengths_tokens),
                told(&band.tested)
            ));
        }
        if pooled.paired.missing > 0 && self.finding != Finding::Undecided {
            sentence.push_str(&format!(
                "; {} without a pair",
                counted(pooled.paired.missing, "question")
            ));
        }
        self.sentence = sentence;
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
