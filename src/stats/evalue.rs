//! Evidence that may be looked at any time: e-values for and against a success rate.

use super::Interval;
use statrs::function::beta::{beta_reg, ln_beta};

/// Which hypothesis the evidence speaks against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Evidence that the rate is above the threshold.
    Verify,
    /// Evidence that it is below.
    Refute,
}

/// Prior of the success rate above the threshold, Beta(a, b) cut to (tau, 1].
const VERIFY_PRIOR: (f64, f64) = (1.0, 0.5);
/// Prior below it, cut to [0, tau).
const REFUTE_PRIOR: (f64, f64) = (1.0, 1.0);
/// Bets of [`ln_e_bet`].
const BETS: u32 = 9;

/// Natural logarithm of the e-value against "the rate is at most `tau`" after `right` of `n`
/// successes: a mixture of likelihood ratios over a Beta(1, 1/2) prior cut to (tau, 1].
///
/// Where the rate is at most `tau`, the chance that it ever reaches ln(1/alpha) is at most alpha
/// however often one looks (Ville's inequality). Questions may have different rates whose mean is
/// at most `tau`, as long as one looks only after whole blocks of them.
pub fn ln_e_verify(right: u64, n: u64, tau: f64) -> f64 {
    ln_e_above(right, n, tau, VERIFY_PRIOR)
}

/// [`ln_e_verify`] with another Beta prior cut to (tau, 1].
pub(super) fn ln_e_above(right: u64, n: u64, tau: f64, prior: (f64, f64)) -> f64 {
    // The mass above tau, as the mass of the failures' rate below 1 - tau.
    let mass = |successes: f64, failures: f64| ln_mass_below(failures, successes, 1.0 - tau);
    ln_e(right, n, tau, prior, mass)
}

/// The same against "the rate is at least `tau`", with a Beta(1, 1) prior cut to [0, tau).
pub fn ln_e_refute(right: u64, n: u64, tau: f64) -> f64 {
    let mass = |successes: f64, failures: f64| ln_mass_below(successes, failures, tau);
    ln_e(right, n, tau, REFUTE_PRIOR, mass)
}

fn ln_e(right: u64, n: u64, tau: f64, prior: (f64, f64), mass: impl Fn(f64, f64) -> f64) -> f64 {
    let (a, b) = prior;
    let right = right.min(n);
    let (s, f) = (right as f64, (n - right) as f64);
    ln_beta(s + a, f + b) + mass(s + a, f + b)
        - ln_beta(a, b)
        - mass(a, b)
        - s * tau.ln()
        - f * (1.0 - tau).ln()
}

/// ln I_x(a, b). Where the mass is too small for a number it is −∞: a floor instead (1e-300, say)
/// would let the other terms win and refute true claims. Below the smallest normal number it has
/// too few digits left to be held against its neighbours.
fn ln_mass_below(a: f64, b: f64, x: f64) -> f64 {
    match beta_reg(a, b, x) {
        mass if mass >= f64::MIN_POSITIVE => mass.ln(),
        _ => f64::NEG_INFINITY,
    }
}

/// The e-value's logarithm for scores with partial credit, each 0…1, by betting a fixed share of
/// the wealth on each: the mean over nine shares. Valid for any scores of mean at most (Verify) or
/// at least (Refute) `tau`.
pub fn ln_e_bet(scores: &[f64], tau: f64, side: Side) -> f64 {
    let wealth: Vec<f64> = (1..=BETS)
        .map(|nth| {
            let share = f64::from(nth) / f64::from(BETS + 1);
            let lambda = match side {
                Side::Verify => share / tau,
                Side::Refute => -share / (1.0 - tau),
            };
            scores
                .iter()
                .map(|score| (1.0 + lambda * (score.clamp(0.0, 1.0) - tau)).ln())
                .sum()
        })
        .collect();
    let largest = wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = wealth.iter().map(|ln| (ln - largest).exp()).sum();
    largest + (sum / f64::from(BETS)).ln()
}

/// All rates that neither side has evidence against, each at `alpha_each`: of one look. The
/// intersection over the looks so far holds the truth at all times with 1 − 2 `alpha_each`.
pub fn confidence_sequence(right: u64, n: u64, alpha_each: f64) -> Interval {
    if n == 0 {
        return Interval::UNKNOWN;
    }
    let enough = (1.0 / alpha_each).ln();
    // Both are monotone in the rate, so that halving finds the edge.
    let edge = |is_below: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            match is_below(middle) {
                true => low = middle,
                false => high = middle,
            }
        }
        0.5 * (low + high)
    };
    let low = match right {
        0 => 0.0,
        _ => edge(&|rate| ln_e_verify(right, n, rate) >= enough),
    };
    let high = match right.min(n) == n {
        true => 1.0,
        false => edge(&|rate| ln_e_refute(right, n, rate) < enough),
    };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::{close, number, vectors, whole};
    use proptest::prelude::*;

    #[test]
    fn both_e_values_agree_with_mpmath() {
        for (function, ours) in [
            ("ln_e_verify", ln_e_verify as fn(u64, u64, f64) -> f64),
            ("ln_e_refute", ln_e_refute),
        ] {
            for vector in vectors(function) {
                let input = &vector["input"];
                let ours = ours(
                    whole(&input["s"]),
                    whole(&input["n"]),
                    number(&input["tau"]),
                );
                let expected = number(&vector["expected"]["ln_e"]);
                assert!(
                    close(ours, expected, number(&vector["rel_tol"])),
                    "{vector}: {ours}"
                );
            }
        }
    }

    #[test]
    fn bets_on_partial_credit_agree_with_mpmath() {
        for vector in vectors("ln_e_bet") {
            let input = &vector["input"];
            let scores: Vec<f64> = input["scores"]
                .as_array()
                .expect("scores")
                .iter()
                .map(number)
                .collect();
            let side = match input["side"].as_str() {
                Some("verify") => Side::Verify,
                _ => Side::Refute,
            };
            let ours = ln_e_bet(&scores, number(&input["tau"]), side);
            let expected = number(&vector["expected"]["ln_e"]);
            assert!(
                close(ours, expected, number(&vector["rel_tol"])),
                "{vector}: {ours}"
            );
        }
    }

    #[test]
    fn confidence_sequences_agree_with_mpmath() {
        for vector in vectors("confidence_sequence_single_look") {
            let input = &vector["input"];
            let ours = confidence_sequence(
                whole(&input["s"]),
                whole(&input["n"]),
                number(&input["alpha_each"]),
            );
            let tolerance = number(&vector["rel_tol"]);
            for (ours, name) in [(ours.low, "lower"), (ours.high, "upper")] {
                assert!(
                    close(ours, number(&vector["expected"][name]), tolerance),
                    "{vector}: {ours}"
                );
            }
        }
    }

    // stats.md's trap: a floor of 1e-300 under the incomplete beta function turned this into proof.
    #[test]
    fn a_mass_too_small_for_a_number_is_no_evidence() {
        assert_eq!(ln_e_refute(9_800, 10_000, 0.85), f64::NEG_INFINITY);
        assert_eq!(ln_e_verify(1_000, 10_000, 0.85), f64::NEG_INFINITY);
        // Here it is a number with two digits left, which once grew with another success.
        assert_eq!(
            ln_e_refute(7_316, 10_008, 0.5450839987115806),
            f64::NEG_INFINITY
        );
    }

    proptest! {
        #[test]
        fn e_values_never_overflow_and_grow_with_each_success(
            n in 1u64..20_000, share in 0.0..=1.0f64, tau in 0.05..0.99f64,
        ) {
            let right = ((n as f64 * share) as u64).min(n - 1);
            for more in [right, right + 1] {
                for ln_e in [ln_e_verify(more, n, tau), ln_e_refute(more, n, tau)] {
                    prop_assert!(!ln_e.is_nan() && ln_e < f64::INFINITY);
                }
            }
            prop_assert!(ln_e_verify(right + 1, n, tau) >= ln_e_verify(right, n, tau) - 1e-9);
            prop_assert!(ln_e_refute(right + 1, n, tau) <= ln_e_refute(right, n, tau) + 1e-9);
        }
    }
}
