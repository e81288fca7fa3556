//! The sequential test against exact figures, and what must always hold.

use super::*;
use crate::stats::vectors::{close, number, vectors, whole};
use proptest::prelude::*;

fn design(most: u64) -> Design {
    Design {
        tau: 0.85,
        alpha_verify: 0.05,
        alpha_refute: 0.05,
        block: 5,
        most: Some(most),
    }
}

fn of(input: &serde_json::Value) -> Test {
    let alpha = |name: &str| input.get(name).map_or(0.05, number);
    Test::new(Design {
        tau: number(&input["tau"]),
        alpha_verify: alpha("alpha_verify"),
        alpha_refute: alpha("alpha_refute"),
        block: whole(&input["B"]),
        most: Some(whole(&input["N"])),
    })
}

#[test]
fn the_last_look_agrees_with_exact_figures() {
    for vector in vectors("final_cuts") {
        let cuts = of(&vector["input"]).cuts.expect("an end");
        let expected = &vector["expected"];
        assert_eq!(
            cuts.verify_from,
            whole(&expected["verify_if_s_ge"]),
            "{vector}"
        );
        assert_eq!(
            cuts.refute_to,
            Some(whole(&expected["refute_if_s_le"])),
            "{vector}"
        );
        let tolerance = number(&vector["rel_tol"]);
        for (ours, name) in [
            (cuts.spent_verify, "alpha_spent_before_verify"),
            (cuts.spent_refute, "alpha_spent_before_refute"),
        ] {
            assert!(
                close(ours, number(&expected[name]), tolerance),
                "{vector}: {ours}"
            );
        }
    }
}

#[test]
fn operating_characteristics_agree_with_exact_figures() {
    let strata = vectors("operating_characteristics_strata");
    for vector in vectors("operating_characteristics").iter().chain(&strata) {
        let input = &vector["input"];
        let rates: Vec<f64> = match input["p_strata"].as_array() {
            Some(rates) => rates.iter().map(number).collect(),
            None => vec![number(&input["p"]); whole(&input["B"]) as usize],
        };
        let ours = of(input).operating(&rates).expect("an end");
        let tolerance = number(&vector["rel_tol"]);
        for (ours, name) in [
            (ours.verified, "P_verified"),
            (ours.refuted, "P_refuted"),
            (ours.mean_questions, "E_n"),
        ] {
            let expected = number(&vector["expected"][name]);
            // Sums of a hundred chances near one keep sixteen digits of one, not of themselves.
            assert!(
                close(ours, expected, tolerance) || (ours - expected).abs() < 1e-15,
                "{vector}: {ours}"
            );
        }
    }
}

#[test]
fn the_first_looks_that_verify_and_refute_are_those_of_the_published_table() {
    let mut open = design(1_000);
    open.most = None;
    let test = Test::new(open);
    let tally = |n: u64, wrong: u64| Tally {
        right: n - wrong,
        wrong,
        void: 0,
    };
    for (wrong, n) in [25, 45, 60, 70, 80, 95, 105, 115, 125]
        .into_iter()
        .enumerate()
    {
        let wrong = wrong as u64;
        assert_eq!(
            test.look(tally(n, wrong)),
            Decision::Verified,
            "{wrong} of {n}"
        );
        assert_eq!(
            test.look(tally(n - 5, wrong)),
            Decision::Open,
            "{wrong} of {}",
            n - 5
        );
    }
    for (n, right) in [
        (5, 1),
        (10, 4),
        (15, 8),
        (20, 11),
        (25, 15),
        (30, 18),
        (40, 26),
        (50, 33),
        (75, 53),
    ] {
        assert_eq!(
            test.look(tally(n, n - right)),
            Decision::Refuted,
            "{right} of {n}"
        );
        assert_eq!(
            test.look(tally(n, n - right - 1)),
            Decision::Open,
            "{} of {n}",
            right + 1
        );
    }
}

#[test]
fn void_questions_speak_for_neither_verdict() {
    let test = Test::new(design(100));
    let tally = |right, wrong, void| Tally { right, wrong, void };
    assert_eq!(test.look(tally(25, 0, 0)), Decision::Verified);
    assert_eq!(test.look(tally(24, 0, 1)), Decision::Open);
    assert_eq!(test.look(tally(1, 4, 0)), Decision::Refuted);
    assert_eq!(test.look(tally(1, 3, 1)), Decision::Open);
    assert_eq!(test.look(tally(0, 0, 100)), Decision::Undecided);
}

proptest! {
    #[test]
    fn neither_error_exceeds_alpha_whatever_the_depths_do(
        rates in prop::collection::vec(0.0..=1.0f64, 5), most in 4u64..40,
        tau in 0.3..0.95f64, alpha in 0.005..0.2f64,
    ) {
        let test = Test::new(Design {
            tau, alpha_verify: alpha, alpha_refute: alpha, block: 5, most: Some(5 * most),
        });
        let mean = rates.iter().sum::<f64>() / 5.0;
        let operating = test.operating(&rates).expect("an end");
        // Exact for the sequential part by the inequality of means; the last look adds a tail
        // that is largest where all rates are equal.
        if mean <= tau {
            prop_assert!(operating.verified <= alpha + 1e-9, "{operating:?}");
        }
        if mean >= tau {
            prop_assert!(operating.refuted <= alpha + 1e-9, "{operating:?}");
        }
        prop_assert!(operating.verified + operating.refuted <= 1.0 + 1e-9);
    }

    #[test]
    fn a_right_answer_more_never_moves_a_look_towards_refuted(
        looks in 1u64..20, right in 0u64..100, void in 0u64..10,
    ) {
        let test = Test::new(design(100));
        let n = looks * 5;
        let (right, void) = (right.min(n), void.min(n - right.min(n)));
        let rank = |tally: Tally| match test.look(tally) {
            Decision::Refuted => 0,
            Decision::Open | Decision::Undecided => 1,
            Decision::Verified => 2,
        };
        let wrong = n - right - void;
        let tally = |right, wrong, void| rank(Tally { right, wrong, void });
        let here = tally(right, wrong, void);
        if wrong > 0 {
            let better = tally(right + 1, wrong - 1, void);
            prop_assert!(better >= here);
        }
        if void > 0 {
            let (better, worse) = (tally(right + 1, wrong, void - 1), tally(right, wrong + 1, void - 1));
            prop_assert!(better >= here && worse <= here);
        }
    }
}
