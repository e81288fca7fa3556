//! What a gate comes to: `gate.json`, and the same in a sentence.

use crate::number::counted;
use crate::stats::{Difference, GateRules, GateVerdict, NeutralReason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why an answer is missing that was given before.
pub const CACHED: &str = "cached-reply";

/// What a gate comes to (`gate.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gated {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that computed it.
    pub depthfinder: String,
    /// When it was computed, in milliseconds since 1970.
    pub at_ms: u64,
    /// True where it does not go on: a verdict was reached, or all was asked that can be.
    pub ended: bool,
    /// `pass`, `fail` or `neutral`.
    pub outcome: Outcome,
    /// The same in a sentence.
    pub sentence: String,
    /// The target as typed.
    pub target: String,
    /// The baseline's target as typed.
    pub baseline: String,
    /// The rules.
    pub rules: GateRules,
    /// Pairs asked, missing ones too.
    pub asked: u64,
    /// Pairs without an answer.
    pub missing: u64,
    /// Those by why.
    pub missing_by_reason: BTreeMap<String, u64>,
    /// Answered rightly by the baseline alone.
    pub lose: u64,
    /// Answered rightly by the new one alone.
    pub win: u64,
    /// Texts that the pairs with answers lie on.
    pub texts: u64,
    /// Of them those whose first pair that differed was lost.
    pub texts_lose: u64,
    /// Those whose first pair that differed was won.
    pub texts_win: u64,
    /// New less baseline, with an interval for a fixed number of independent pairs.
    pub difference: Difference,
    /// Logarithm of the e-value against "worse by delta or more", and what PASS needs.
    pub ln_e_pass: f64,
    /// What PASS needs.
    pub ln_pass_at: f64,
    /// Logarithm of the e-value against "no more texts are lost than won".
    pub ln_e_fail: f64,
    /// What FAIL needs.
    pub ln_fail_at: f64,
    /// By length.
    pub bands: Vec<GatedBand>,
}

/// PASS, FAIL or NEUTRAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not worse by the margin.
    Pass,
    /// Worse.
    Fail,
    /// Neither is shown.
    Neutral,
}

impl Outcome {
    /// As people write it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Pass => "PASS",
            Outcome::Fail => "FAIL",
            Outcome::Neutral => "NEUTRAL",
        }
    }
}

/// A band of lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatedBand {
    /// Its lengths in tokens.
    pub lengths_tokens: Vec<u64>,
    /// Pairs with answers.
    pub pairs: u64,
    /// Lost.
    pub lose: u64,
    /// Won.
    pub win: u64,
    /// Texts that they lie on.
    pub texts: u64,
    /// Of them those whose first pair that differed was lost.
    pub texts_lose: u64,
    /// Those whose first pair that differed was won.
    pub texts_win: u64,
    /// True where this band fails by itself.
    pub fails: bool,
}

impl Gated {
    /// The outcome in a sentence.
    pub(super) fn words(&self, verdict: &GateVerdict) -> String {
        let pairs = match (self.lose, self.win) {
            (lose, win) if (lose, win) == (self.texts_lose, self.texts_win) => {
                format!("{lose} lost and {win} won of {} pairs", self.answered())
            }
            (lose, win) => format!(
                "{lose} lost and {win} won of {} pairs, which are {} lost and {} won texts",
                self.answered(),
                self.texts_lose,
                self.texts_win
            ),
        };
        let counts = format!(
            "{pairs} on {}, {:+.1} points",
            counted(self.texts, "text"),
            100.0 * self.difference.observed
        );
        match verdict {
            GateVerdict::Pass => format!(
                "PASS: not worse by {} points or more ({counts}{})",
                points(self.rules.delta),
                self.reasons("; without an answer: ")
            ),
            GateVerdict::Fail { overall, .. } => {
                let failing = self.bands.iter().filter(|band| band.fails);
                let at: Vec<String> = failing.map(GatedBand::words).collect();
                let place = match (overall, at.is_empty()) {
                    (_, true) => "over all lengths".to_string(),
                    (true, false) => format!("over all lengths, most at {}", at.join(" and ")),
                    (false, false) => format!("at {}", at.join(" and ")),
                };
                let reasons = self.reasons("; without an answer: ");
                format!("FAIL: worse {place} ({counts}{reasons})")
            }
            GateVerdict::Neutral(reason @ NeutralReason::Missing { .. }) => {
                let reasons = self.reasons(": ");
                format!("NEUTRAL: {reason}{reasons} ({counts})")
            }
            GateVerdict::Neutral(reason) => format!(
                "NEUTRAL: {reason} ({counts}{})",
                self.reasons("; without an answer: ")
            ),
        }
    }

    /// Why pairs are missing, most often first.
    fn reasons(&self, before: &str) -> String {
        let mut reasons: Vec<(&String, &u64)> = self.missing_by_reason.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| match reason.as_str() {
                CACHED => format!("{count} with the id and the words of an earlier reply, out of a cache of replies that has to be bypassed"),
                reason => format!("{count} {reason}"),
            })
            .collect();
        match reasons.is_empty() {
            true => String::new(),
            false => format!("{before}{}", reasons.join(", ")),
        }
    }

    /// Pairs with answers.
    fn answered(&self) -> u64 {
        self.asked - self.missing
    }

    /// True where pairs without an answer are why there is no verdict.
    pub fn is_for_want_of_answers(&self) -> bool {
        self.outcome == Outcome::Neutral
            && self.missing as f64 > self.rules.most_missing * self.asked as f64
    }
}

impl GatedBand {
    /// Its lengths as people say them.
    pub fn words(&self) -> String {
        let shown = |tokens: &u64| crate::number::grouped(*tokens);
        match self.lengths_tokens.as_slice() {
            [] => String::new(),
            [one] => format!("{} tokens", shown(one)),
            [first, .., last] => format!("{} to {} tokens", shown(first), shown(last)),
        }
    }
}

/// A share in points, with all the digits it has.
fn points(share: f64) -> String {
    // Beyond a millionth of a point stand only the errors of binary fractions.
    format!("{}", (share * 1e8).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_told_with_the_digits_they_have() {
        for (share, told) in [
            (0.05, "5"),
            (0.025, "2.5"),
            (0.07, "7"),
            (0.1, "10"),
            (0.333, "33.3"),
        ] {
            assert_eq!(points(share), told);
        }
    }
}
