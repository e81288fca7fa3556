//! What every length has come to: evidence for and against, at the price of having been looked at.

use super::{Block, Search};
use crate::stats::{Decision, Tally, ln_e_refute, ln_e_verify};
use serde::{Deserialize, Serialize};

/// Lengths closer than this, in ln tokens, are one: a ladder that was divided in another order
/// rounds otherwise.
const SAME: f64 = 0.02;
/// Questions from which on a length without a decision speaks for itself.
const TELLING: u64 = 20;

/// Where the first crossing of the threshold lies, without any assumption about the curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bracket {
    /// Every length of the ladder up to this one was certified, in tokens; none where the first one
    /// was not.
    pub low_tokens: Option<u64>,
    /// The shortest length that was refuted, in tokens; none where no length was.
    pub high_tokens: Option<u64>,
    /// Lengths between that were asked and are neither, shortest first.
    pub undecided: Vec<Undecided>,
}

/// A length that was neither certified nor refuted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// Nominal length in tokens.
    pub tokens: u64,
    /// What its questions came to.
    pub tally: Tally,
}

/// A length and all its questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Length {
    pub tokens: u64,
    pub tally: Tally,
    /// Whether it belongs to the ladder.
    pub is_rung: bool,
    /// Whether it was first asked for the model's sake.
    pub is_models: bool,
    /// ln of the e-value it takes to certify and to refute it.
    pub enough: [f64; 2],
    is_certified: bool,
    is_refuted: bool,
}

/// All lengths, shortest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub lengths: Vec<Length>,
    /// Lengths asked so far that are not of the ladder.
    extras: u32,
}

impl Length {
    /// What it has come to. Evidence in both directions is a contradiction, and decides nothing.
    pub fn decision(&self) -> Decision {
        match (self.is_certified, self.is_refuted) {
            (true, false) => Decision::Verified,
            (false, true) => Decision::Refuted,
            _ => Decision::Open,
        }
    }

    /// Evidence that was crossed once stays crossed, whatever comes after: that is what the bound
    /// on the chance of an error is of (Ville's inequality).
    fn add(&mut self, tally: Tally, tau: f64) {
        self.tally += tally;
        let n = self.tally.asked();
        // Below the threshold no evidence for it, above none against it: the e-values stay under 1.
        let is_above = |right: u64| right as f64 > tau * n as f64;
        let (least, most) = (self.tally.least_right(), self.tally.most_right());
        if is_above(least) {
            self.is_certified |= ln_e_verify(least, n, tau) >= self.enough[0];
        }
        if !is_above(most) {
            self.is_refuted |= ln_e_refute(most, n, tau) >= self.enough[1];
        }
    }
}

impl Standing {
    /// The ladder, nothing asked.
    pub fn new(search: &Search) -> Standing {
        let rungs = search.rungs();
        // Half of alpha on each side is the ladder's. Certifying climbs rung by rung, so that only
        // the first bad rung can be certified falsely and nothing is divided; any good rung can be
        // refuted falsely.
        let certify = (2.0 / search.alpha_each()).ln();
        let refute = (2.0 * rungs.len() as f64 / search.alpha_each()).ln();
        let length = |tokens| Length {
            tokens,
            tally: Tally::default(),
            is_rung: true,
            is_models: false,
            enough: [certify, refute],
            is_certified: false,
            is_refuted: false,
        };
        Standing {
            lengths: rungs.into_iter().map(length).collect(),
            extras: 0,
        }
    }

    /// Adds a block.
    pub fn add(&mut self, search: &Search, block: &Block, is_models: bool) {
        let at = match self.position(block.length_tokens) {
            Some(at) => at,
            None => {
                self.extras += 1;
                let nth = f64::from(self.extras);
                // The other half is spent on lengths as they come up: 1/2 of it, 1/6, 1/12, …
                let enough = (2.0 * nth * (nth + 1.0) / search.alpha_each()).ln();
                let at = self
                    .lengths
                    .partition_point(|length| length.tokens < block.length_tokens);
                let length = Length {
                    tokens: block.length_tokens,
                    tally: Tally::default(),
                    is_rung: false,
                    is_models,
                    enough: [enough, enough],
                    is_certified: false,
                    is_refuted: false,
                };
                self.lengths.insert(at, length);
                at
            }
        };
        self.lengths[at].add(block.tally, search.tau);
    }

    /// The length that is this one but for rounding.
    pub fn position(&self, tokens: u64) -> Option<usize> {
        let distance = |length: &Length| (length.tokens as f64 / tokens as f64).ln().abs();
        (0..self.lengths.len())
            .filter(|at| distance(&self.lengths[*at]) < SAME)
            .min_by(|one, other| {
                distance(&self.lengths[*one]).total_cmp(&distance(&self.lengths[*other]))
            })
    }

    /// The shortest length that was refuted.
    pub fn high(&self) -> Option<u64> {
        self.lengths
            .iter()
            .find(|length| length.decision() == Decision::Refuted)
            .map(|length| length.tokens)
    }

    /// The longest length that was certified with all of the ladder below it. A length beside the
    /// ladder ends the climb where many questions speak against it.
    pub fn low(&self, tau: f64) -> Option<u64> {
        let mut low = None;
        for length in &self.lengths {
            match length.decision() {
                Decision::Verified => low = Some(length.tokens),
                Decision::Refuted => break,
                _ if length.is_rung => break,
                _ => {
                    let n = length.tally.asked();
                    let right = length.tally.least_right() as f64;
                    if n >= TELLING && right < tau * n as f64 {
                        break;
                    }
                }
            }
        }
        low
    }

    /// The lengths strictly between two.
    pub fn between(&self, low: Option<u64>, high: Option<u64>) -> impl Iterator<Item = &Length> {
        self.lengths.iter().filter(move |length| {
            low.is_none_or(|low| length.tokens > low)
                && high.is_none_or(|high| length.tokens < high)
        })
    }

    /// The bracket.
    pub fn bracket(&self, tau: f64) -> Bracket {
        let (low, high) = (self.low(tau), self.high());
        Bracket {
            low_tokens: low,
            high_tokens: high,
            undecided: self
                .between(low, high)
                .filter(|length| length.tally.asked() > 0)
                .filter(|length| length.decision() != Decision::Verified)
                .map(|length| Undecided {
                    tokens: length.tokens,
                    tally: length.tally,
                })
                .collect(),
        }
    }
}
