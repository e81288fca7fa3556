//! Whether answers were remembered rather than read: public facts against fresh ones.

use super::pairs::{Difference, Pairs, mcnemar};
use super::{Interval, clopper_pearson};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

/// How often a famous answer may come against the text by chance: a wrong answer is seldom just
/// that one.
pub const USUAL_RECITALS: f64 = 0.01;

/// Famous answers given where the text says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recitals {
    /// Answers equal to the famous value.
    pub given: u64,
    /// Questions whose text holds another value, and that were answered.
    pub asked: u64,
}

/// What the famous answers come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recited {
    /// Share given against the text; 0 where nothing was asked.
    pub share: f64,
    /// Its Clopper-Pearson interval, 95 %.
    pub interval: Interval,
    /// One-sided p-value of "no more often than [`USUAL_RECITALS`]".
    pub p: f64,
}

impl Recitals {
    /// The share with its interval, and whether it is more than chance.
    pub fn test(self) -> Recited {
        let given = self.given.min(self.asked);
        let p = match (given, Binomial::new(USUAL_RECITALS, self.asked)) {
            (0, _) | (_, Err(_)) => 1.0,
            (given, Ok(law)) => law.sf(given - 1),
        };
        Recited {
            share: given as f64 / self.asked.max(1) as f64,
            interval: clopper_pearson(given, self.asked, 0.95),
            p,
        }
    }
}

/// Public facts against fresh ones in the same text, depth and length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicAdvantage {
    /// Success rate of fresh facts less that of public ones, with Tango's 95 % interval: negative
    /// where public ones are easier.
    pub difference: Difference,
    /// One-sided mid-p value of "public facts are no easier".
    pub p: f64,
}

/// Tests whether public facts are easier than fresh ones. A pair is lost where the public fact was
/// answered rightly and the fresh one was not: the public side is the base.
pub fn public_advantage(pairs: Pairs) -> PublicAdvantage {
    PublicAdvantage {
        difference: pairs.interval(0.95),
        p: mcnemar(pairs.lose, pairs.win).mid_loss,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::{close, number, vectors, whole};

    #[test]
    fn the_share_of_recitals_has_the_interval_of_the_vectors() {
        for vector in vectors("clopper_pearson_one_sided") {
            let input = &vector["input"];
            if number(&input["alpha"]) != 0.025 {
                continue;
            }
            let recitals = Recitals {
                given: whole(&input["s"]),
                asked: whole(&input["n"]),
            };
            let ours = recitals.test().interval;
            let tolerance = number(&vector["rel_tol"]);
            for (ours, name) in [(ours.low, "lower"), (ours.high, "upper")] {
                assert!(close(ours, number(&vector["expected"][name]), tolerance));
            }
        }
    }

    #[test]
    fn two_famous_answers_in_thirty_are_more_than_chance_and_none_is_nothing() {
        let test = |given, asked| Recitals { given, asked }.test();
        // 1 − .99^30 − 30 · .01 · .99^29
        assert!(
            (test(2, 30).p - 0.036_148).abs() < 1e-5,
            "{:?}",
            test(2, 30)
        );
        assert!(test(5, 30).p < 1e-4);
        assert_eq!(test(0, 30).p, 1.0);
        let nothing = test(0, 0);
        assert_eq!((nothing.share, nothing.p), (0.0, 1.0));
        assert_eq!(nothing.interval, Interval::UNKNOWN);
    }

    #[test]
    fn public_facts_that_are_easier_are_found_by_mid_p() {
        let pairs = Pairs {
            lose: 12,
            win: 4,
            n: 60,
        };
        let ours = public_advantage(pairs);
        // Half of the two-sided 0.04905 of stats.md.
        assert!((ours.p - 0.024_52).abs() < 5e-5, "{ours:?}");
        assert!(ours.difference.high < 0.0 && ours.difference.low > -0.3);
    }
}
