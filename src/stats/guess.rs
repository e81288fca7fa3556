//! A success rate without what guessing gives.

use super::{Tally, clopper_pearson_lower, clopper_pearson_upper};
use serde::{Deserialize, Serialize};

/// A success rate corrected for guesses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuessCorrected {
    /// (rate − guesses) / (1 − guesses), at least 0; none where either was never asked or the
    /// control was always right.
    pub rate: Option<f64>,
    /// One-sided lower bound of the corrected rate; 0 where nothing is known.
    pub lower: f64,
    /// Lower bound of the raw rate that it was made of.
    pub raw_lower: f64,
    /// Upper bound of the guesses that it was made of.
    pub guess_upper: f64,
}

/// Abbott's correction (1925, Journal of Economic Entomology 18:265) of the share of `answers`
/// by the share of right ones in `control`, the same questions where the answer cannot be known.
/// The lower bound holds with 1 − `alpha`: either share gets half of it (Clopper and Pearson).
/// Void questions count in neither.
pub fn guess_corrected(answers: Tally, control: Tally, alpha: f64) -> GuessCorrected {
    let raw_lower = clopper_pearson_lower(answers.right, answers.answered(), alpha / 2.0);
    let guess_upper = clopper_pearson_upper(control.right, control.answered(), alpha / 2.0);
    let corrected = |raw: f64, guesses: f64| {
        (guesses < 1.0).then(|| ((raw - guesses) / (1.0 - guesses)).max(0.0))
    };
    let shares = answers.share().zip(control.share());
    GuessCorrected {
        rate: shares.and_then(|(raw, guesses)| corrected(raw, guesses)),
        lower: corrected(raw_lower, guess_upper).unwrap_or(0.0),
        raw_lower,
        guess_upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::{close, number, vectors, whole};
    use proptest::prelude::*;

    fn tally(right: u64, n: u64) -> Tally {
        Tally {
            right,
            wrong: n - right,
            void: 0,
        }
    }

    #[test]
    fn the_correction_agrees_with_scipy() {
        for vector in vectors("guess_correction") {
            let input = &vector["input"];
            let ours = guess_corrected(
                tally(whole(&input["s"]), whole(&input["n"])),
                tally(whole(&input["g_s"]), whole(&input["g_n"])),
                number(&input["alpha"]),
            );
            for (ours, name) in [
                (ours.rate.expect("a rate"), "corrected"),
                (ours.lower, "lower"),
                (ours.raw_lower, "p_lower_used"),
                (ours.guess_upper, "g_upper_used"),
            ] {
                let expected = number(&vector["expected"][name]);
                assert!(
                    close(ours, expected, number(&vector["rel_tol"])),
                    "{vector}: {name} is {ours}"
                );
            }
        }
    }

    #[test]
    fn without_a_control_or_with_one_that_is_always_right_nothing_is_known() {
        for control in [tally(0, 0), tally(20, 20)] {
            let ours = guess_corrected(tally(60, 60), control, 0.05);
            assert_eq!((ours.rate, ours.lower), (None, 0.0), "{control:?}");
        }
        assert_eq!(guess_corrected(tally(0, 0), tally(0, 60), 0.05).rate, None);
    }

    proptest! {
        #[test]
        fn guesses_only_take_away_and_the_bound_is_below_the_rate(
            n in 1u64..300, share in 0.0..=1.0f64, controls in 1u64..300, guessed in 0.0..0.99f64,
        ) {
            let answers = tally((n as f64 * share) as u64, n);
            let control = tally((controls as f64 * guessed) as u64, controls);
            let ours = guess_corrected(answers, control, 0.05);
            let rate = ours.rate.expect("a rate");
            prop_assert!(0.0 <= ours.lower && ours.lower <= rate + 1e-12);
            prop_assert!(rate <= answers.share().expect("a share") + 1e-12);
            prop_assert!(ours.lower <= ours.raw_lower + 1e-12);
        }
    }
}
