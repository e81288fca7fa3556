//! Two systems asked the same prompts: whether one is worse, and by how much.

use super::evalue::ln_e_above;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF, Discrete, DiscreteCDF, Normal};

/// Outcomes of prompts that both the base and the new system answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pairs {
    /// The base was right and the new one wrong.
    pub lose: u64,
    /// The base was wrong and the new one right.
    pub win: u64,
    /// All pairs, those with the same outcome too.
    pub n: u64,
}

/// How one pair came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairOutcome {
    /// Both right or both wrong.
    Same,
    /// The base was right and the new one wrong.
    Lose,
    /// The base was wrong and the new one right.
    Win,
    /// One of the two has no answer of the model: says nothing, and is no failure either.
    Missing,
}

impl PairOutcome {
    /// Of two answers, each right, wrong or missing.
    pub fn of(base: Option<bool>, new: Option<bool>) -> PairOutcome {
        match (base, new) {
            (None, _) | (_, None) => PairOutcome::Missing,
            (Some(true), Some(false)) => PairOutcome::Lose,
            (Some(false), Some(true)) => PairOutcome::Win,
            _ => PairOutcome::Same,
        }
    }
}

/// P-values of McNemar's test of "both are equally good".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Exact and two-sided; too careful with few discordant pairs.
    pub exact: f64,
    /// Two-sided, with half of the observed table's own probability: close to its level.
    pub mid: f64,
    /// One-sided mid-p against "the new one is no worse".
    pub mid_loss: f64,
}

/// McNemar's test of pairs of which `lose` were right and then wrong and `win` the other way
/// round; pairs with equal outcomes say nothing. The mid-p version never went above its level in
/// 9595 scenarios (Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology 13:91).
pub fn mcnemar(lose: u64, win: u64) -> McNemar {
    let none = McNemar {
        exact: 1.0,
        mid: 1.0,
        mid_loss: 1.0,
    };
    // Refuses only chances outside 0…1.
    let Ok(law) = Binomial::new(0.5, lose + win) else {
        return none;
    };
    if lose + win == 0 {
        return none;
    }
    let fewer = lose.min(win);
    let (at, up_to) = (law.pmf(fewer), law.cdf(fewer));
    McNemar {
        exact: (2.0 * up_to).min(1.0),
        mid: match lose == win {
            true => 1.0 - 0.5 * at,
            false => 2.0 * (up_to - 0.5 * at),
        }
        .clamp(0.0, 1.0),
        // Both outcomes are equally likely: as many losses or more is as many wins or fewer.
        mid_loss: (law.cdf(win) - 0.5 * law.pmf(win)).clamp(0.0, 1.0),
    }
}

/// A score and the chance of one at least as large where the null hypothesis just holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Standard normal deviate.
    pub z: f64,
    /// One-sided p-value.
    pub p: f64,
}

/// A difference of two success rates, new minus base, each figure in −1…1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// As observed; 0 where there are no pairs.
    pub observed: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Evidence of a gate that may be looked at any time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateEvidence {
    /// Natural logarithm of the e-value against "the new one is worse by the margin or more".
    pub ln_e_pass: f64,
    /// The same against "the new one loses no more pairs than it wins".
    pub ln_e_fail: f64,
}

/// Shares of the largest bet in the passing side's mixture.
const BETS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
/// The largest bet, as a share of what a single loss could take: one loss must not take all.
const LARGEST_BET: f64 = 0.999;

/// What each bet of the passing side's mixture makes of a win, a loss and a tie.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassBets {
    delta: f64,
    bets: [f64; BETS.len()],
    gains: [[f64; 3]; BETS.len()],
}

/// Logarithm of the mean of what the bets have come to, each given by its logarithm.
fn mean_of(wealth: [f64; BETS.len()]) -> f64 {
    let most = wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = wealth.iter().map(|ln| (ln - most).exp()).sum();
    most + (sum / BETS.len() as f64).ln()
}

impl PassBets {
    pub(super) fn new(delta: f64) -> PassBets {
        let bets = BETS.map(|share| share * LARGEST_BET / (1.0 - delta));
        PassBets {
            delta,
            bets,
            gains: bets
                .map(|bet| [1.0 + delta, delta - 1.0, delta].map(|gain| (bet * gain).ln_1p())),
        }
    }

    /// Natural logarithm of the e-value of [`Pairs::gate`].
    pub(super) fn ln_e(&self, pairs: Pairs) -> f64 {
        let ties = (pairs.count() - pairs.lose - pairs.win) as f64;
        mean_of(
            self.gains.map(|[win, lose, tie]| {
                pairs.win as f64 * win + pairs.lose as f64 * lose + ties * tie
            }),
        )
    }

    /// The same bets on differences of −1 to 1, such as the means of several pairs.
    pub(super) fn ln_e_of(&self, differences: impl Iterator<Item = f64>) -> f64 {
        let mut wealth = [0.0; BETS.len()];
        for difference in differences {
            for (wealth, bet) in wealth.iter_mut().zip(self.bets) {
                *wealth += (bet * (difference + self.delta)).ln_1p();
            }
        }
        mean_of(wealth)
    }
}

impl FromIterator<PairOutcome> for Pairs {
    fn from_iter<I: IntoIterator<Item = PairOutcome>>(outcomes: I) -> Pairs {
        let mut pairs = Pairs::default();
        outcomes.into_iter().for_each(|outcome| pairs.add(outcome));
        pairs
    }
}

impl Pairs {
    /// Counts one more pair; a missing one is not counted at all.
    pub fn add(&mut self, outcome: PairOutcome) {
        match outcome {
            PairOutcome::Missing => return,
            PairOutcome::Lose => self.lose += 1,
            PairOutcome::Win => self.win += 1,
            PairOutcome::Same => {}
        }
        self.n += 1;
    }

    /// Pairs in all, also where the parts say more than `n` does.
    fn count(self) -> u64 {
        self.n.max(self.lose + self.win)
    }

    /// The observed difference of success rates, new minus base; 0 where there are no pairs.
    pub fn difference(self) -> f64 {
        match self.count() {
            0 => 0.0,
            n => (self.win as f64 - self.lose as f64) / n as f64,
        }
    }

    /// Tango's score of "the difference is `difference`" (−1…1): positive where the observed one
    /// is larger (Tango 1998, Statistics in Medicine 17:891). It holds its level with few
    /// discordant pairs, where Wald's does not.
    fn score(self, difference: f64) -> f64 {
        let (n, win, lose) = (self.count() as f64, self.win as f64, self.lose as f64);
        // The chance of a loss that is likeliest under the hypothesis, by a quadratic equation.
        let b = -win - lose + (2.0 * n - win + lose) * difference;
        let c = -lose * difference * (1.0 - difference);
        let chance = ((b * b - 8.0 * n * c).max(0.0).sqrt() - b) / (4.0 * n);
        let above = win - lose - n * difference;
        let variance = n * (2.0 * chance + difference * (1.0 - difference));
        if variance > 0.0 {
            above / variance.sqrt()
        } else if above == 0.0 {
            0.0
        } else {
            above.signum() * f64::INFINITY
        }
    }

    /// Tango's test against "the new one is worse by `delta` (0…1) or more".
    pub fn noninferiority(self, delta: f64) -> Score {
        if self.count() == 0 {
            return Score { z: 0.0, p: 1.0 };
        }
        let z = self.score(-delta);
        Score {
            z,
            p: Normal::standard().sf(z),
        }
    }

    /// Whether the new one is shown not to be worse by `delta` at a level of `alpha`. Where no
    /// pair differs the score is too bold: a new system that loses a share of `delta` would show
    /// no loss with a chance of (1 − `delta`)^n, which then must be at most `alpha` as well.
    pub fn is_noninferior(self, delta: f64, alpha: f64) -> bool {
        let ln_unseen = self.count() as f64 * (1.0 - delta).ln();
        let is_enough = self.lose + self.win > 0 || ln_unseen <= alpha.ln();
        is_enough && self.noninferiority(delta).p <= alpha
    }

    /// Tango's interval of the difference: all values whose two-sided score test at `confidence`
    /// (a share) does not reject.
    pub fn interval(self, confidence: f64) -> Difference {
        let observed = self.difference();
        if self.count() == 0 {
            return Difference {
                observed,
                low: -1.0,
                high: 1.0,
            };
        }
        let tail = super::tail_probability((1.0 - confidence) / 2.0);
        let most = -Normal::standard().inverse_cdf(tail);
        // The score falls as the hypothesis rises, so that halving finds the edge.
        let edge = |mut inside: f64, mut outside: f64| {
            for _ in 0..80 {
                let middle = 0.5 * (inside + outside);
                match self.score(middle).abs() <= most {
                    true => inside = middle,
                    false => outside = middle,
                }
            }
            inside
        };
        Difference {
            observed,
            low: edge(observed, -1.0),
            high: edge(observed, 1.0),
        }
    }

    /// Evidence for and against "no worse by `delta`" (0…1, without 1) that may be looked at any
    /// time, as long as the pairs come in random order: PASS where `ln_e_pass` reaches
    /// ln(1/alpha), FAIL where `ln_e_fail` does, each wrong with a chance of alpha at most.
    ///
    /// The first bets on "the mean of the pairs' differences is above −`delta`" with four fixed
    /// shares; the second is a mixture as of [`super::ln_e_verify`], with a flat prior,
    /// against "half of the pairs that differ are losses".
    pub fn gate(self, delta: f64) -> GateEvidence {
        GateEvidence {
            ln_e_pass: PassBets::new(delta).ln_e(self),
            ln_e_fail: ln_e_above(self.lose, self.lose + self.win, 0.5, (1.0, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests;
