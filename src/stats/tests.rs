//! Intervals against vectors from mpmath, published figures, and what must always hold.

use super::vectors::{close, vectors};
use super::*;
use proptest::prelude::*;

#[test]
fn one_sided_clopper_pearson_agrees_with_mpmath() {
    for vector in vectors("clopper_pearson_one_sided") {
        let input = &vector["input"];
        let s = input["s"].as_u64().expect("s");
        let n = input["n"].as_u64().expect("n");
        let alpha = input["alpha"].as_f64().expect("alpha");
        let tolerance = vector["rel_tol"].as_f64().expect("rel_tol");
        let lower = vector["expected"]["lower"].as_f64().expect("lower");
        let upper = vector["expected"]["upper"].as_f64().expect("upper");
        assert!(
            close(clopper_pearson_lower(s, n, alpha), lower, tolerance),
            "{vector}"
        );
        assert!(
            close(clopper_pearson_upper(s, n, alpha), upper, tolerance),
            "{vector}"
        );
        let both = clopper_pearson(s, n, 1.0 - 2.0 * alpha);
        assert!(close(both.low, lower, tolerance), "{vector}");
        assert!(close(both.high, upper, tolerance), "{vector}");
    }
}

#[test]
fn the_smallest_all_right_sample_that_verifies_is_found_by_the_lower_bound() {
    for vector in vectors("min_all_success_n") {
        let tau = vector["input"]["tau"].as_f64().expect("tau");
        let alpha = vector["input"]["alpha"].as_f64().expect("alpha");
        let n = vector["expected"]
            .as_u64()
            .or_else(|| vector["expected"]["n"].as_u64())
            .expect("n");
        assert!(clopper_pearson_lower(n, n, alpha) >= tau, "{vector}");
        assert!(clopper_pearson_lower(n - 1, n - 1, alpha) < tau, "{vector}");
    }
}

// Newcombe 1998 (Statistics in Medicine 17:857), table I: score method without continuity
// correction, and the exact method, to four decimals.
#[test]
fn both_methods_agree_with_newcombe_1998() {
    let published = [
        (81, 263, [0.2553, 0.3662], [0.2527, 0.3676]),
        (15, 148, [0.0624, 0.1605], [0.0578, 0.1617]),
        (0, 20, [0.0, 0.1611], [0.0, 0.1684]),
        (1, 29, [0.0061, 0.1718], [0.0009, 0.1776]),
    ];
    for (right, n, score, exact) in published {
        let wilson = wilson(right, n, 0.95);
        let clopper_pearson = clopper_pearson(right, n, 0.95);
        for (ours, theirs) in [
            (wilson.low, score[0]),
            (wilson.high, score[1]),
            (clopper_pearson.low, exact[0]),
            (clopper_pearson.high, exact[1]),
        ] {
            assert!(
                (ours - theirs).abs() < 5.1e-5,
                "{right}/{n}: {ours} is not {theirs}"
            );
        }
    }
}

#[test]
fn nothing_observed_says_nothing() {
    assert_eq!(wilson(0, 0, 0.95), Interval::UNKNOWN);
    assert_eq!(clopper_pearson(0, 0, 0.95), Interval::UNKNOWN);
    assert_eq!(method_of(Interval::UNKNOWN, 0, 0, 0.95), None);
}

#[test]
fn absurd_tail_probabilities_neither_panic_nor_hang() {
    for alpha in [0.0, 1e-300, 1e-60, -1.0, f64::NAN, f64::NEG_INFINITY] {
        let low = clopper_pearson_lower(30, 40, alpha);
        assert_eq!(low, clopper_pearson_lower(30, 40, 1e-12));
        assert!(low > 0.1 && low < 0.3, "{low}");
    }
    for confidence in [1.0, 2.0, f64::NAN] {
        let widest = wilson(30, 40, confidence);
        assert!(widest.low < 0.36 && widest.high > 0.93, "{widest:?}");
    }
}

#[test]
fn the_method_is_told_by_the_numbers() {
    let (right, n) = (12, 15);
    assert_eq!(
        method_of(wilson(right, n, 0.95), right, n, 0.95),
        Some("Wilson")
    );
    assert_eq!(
        method_of(clopper_pearson(right, n, 0.95), right, n, 0.95),
        Some("Clopper-Pearson")
    );
    assert_eq!(method_of(wilson(right, n, 0.9), right, n, 0.95), None);
}

/// The probability that the interval covers `truth`, summed over all outcomes.
fn coverage(method: fn(u64, u64, f64) -> Interval, n: u64, truth: f64) -> f64 {
    let binomial = statrs::distribution::Binomial::new(truth, n).expect("a binomial");
    (0..=n)
        .filter(|right| {
            let interval = method(*right, n, 0.95);
            interval.low <= truth && truth <= interval.high
        })
        .map(|right| statrs::distribution::Discrete::pmf(&binomial, right))
        .sum()
}

#[test]
fn clopper_pearson_covers_any_truth_and_wilson_most() {
    for n in [1, 5, 15, 60] {
        for percent in 1..100 {
            let truth = f64::from(percent) / 100.0;
            assert!(
                coverage(clopper_pearson, n, truth) >= 0.95 - 1e-9,
                "n {n}, {truth}"
            );
        }
        let mean: f64 = (1..1000)
            .map(|step| coverage(wilson, n, f64::from(step) / 1000.0))
            .sum::<f64>()
            / 999.0;
        assert!((0.94..0.985).contains(&mean), "n {n}: {mean}");
    }
}

proptest! {
    #[test]
    fn an_interval_holds_the_observed_share_and_stays_within_0_and_1(
        n in 1u64..3000,
        share in 0.0f64..=1.0,
        confidence in 0.5f64..0.9999,
    ) {
        let right = (share * n as f64).round() as u64;
        let observed = right as f64 / n as f64;
        for interval in [wilson(right, n, confidence), clopper_pearson(right, n, confidence)] {
            prop_assert!(0.0 <= interval.low && interval.high <= 1.0, "{:?}", interval);
            prop_assert!(interval.low <= observed && observed <= interval.high, "{:?}", interval);
        }
    }

    #[test]
    fn one_more_right_answer_raises_both_ends_and_more_confidence_widens(
        n in 2u64..2000,
        share in 0.0f64..1.0,
        confidence in 0.5f64..0.999,
    ) {
        let right = (share * (n - 1) as f64) as u64;
        for method in [wilson, clopper_pearson] {
            let (less, more) = (method(right, n, confidence), method(right + 1, n, confidence));
            prop_assert!(less.low < more.low && less.high < more.high, "{:?} {:?}", less, more);
            let wide = method(right, n, confidence + (1.0 - confidence) / 2.0);
            prop_assert!(wide.low <= less.low && less.high <= wide.high, "{:?} {:?}", less, wide);
        }
    }

    #[test]
    fn turning_right_and_wrong_around_mirrors_the_interval(n in 1u64..2000, share in 0.0f64..1.0) {
        let right = (share * n as f64) as u64;
        for method in [wilson, clopper_pearson] {
            let (one, other) = (method(right, n, 0.95), method(n - right, n, 0.95));
            prop_assert!((one.low - (1.0 - other.high)).abs() < 1e-9);
            prop_assert!((one.high - (1.0 - other.low)).abs() < 1e-9);
        }
    }
}
