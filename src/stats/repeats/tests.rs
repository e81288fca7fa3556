//! Groups and repeats against vectors from scipy, exact laws, and what must always hold.

use super::*;
use crate::stats::vectors::{close, draws, number, vectors, whole};
use proptest::prelude::*;

fn tally(right: u64, n: u64) -> Tally {
    Tally {
        right,
        wrong: n - right,
        void: 0,
    }
}

/// Right of a group of `n` with this rate.
fn binomial(n: u64, rate: f64, draw: &mut impl FnMut(u64) -> u64) -> Tally {
    let right = (0..n).filter(|_| draw(1_000_000) < (rate * 1e6) as u64);
    tally(right.count() as u64, n)
}

#[test]
fn tarones_score_agrees_with_scipy() {
    for vector in vectors("tarone_z") {
        let list = |name: &str| -> Vec<u64> {
            let list = vector["input"][name].as_array().expect("a list");
            list.iter().map(whole).collect()
        };
        let (rights, sizes) = (list("s"), list("n"));
        let groups: Vec<Tally> = rights
            .iter()
            .zip(&sizes)
            .map(|(right, size)| tally(*right, *size))
            .collect();
        let ours = tarone(&groups).expect("a score");
        for (ours, name) in [(ours.z, "z"), (ours.p, "p_upper")] {
            let expected = number(&vector["expected"][name]);
            assert!(
                close(ours, expected, number(&vector["rel_tol"])),
                "{vector}: {name} is {ours}"
            );
        }
    }
}

#[test]
fn few_groups_get_their_p_value_by_permutation() {
    // Two groups of five: only 5 to 0 either way is as uneven, 2 of 252 ways.
    let uneven = [tally(5, 5), tally(0, 5)];
    let p = heterogeneity(&uneven, &mut draws(3)).expect("a score").p;
    assert!((0.001..0.02).contains(&p), "{p}");
    // From a hundred outcomes on it is the normal law's.
    let many = [tally(50, 60), tally(30, 60)];
    assert_eq!(heterogeneity(&many, &mut draws(3)), tarone(&many));
}

#[test]
fn equal_groups_are_seldom_called_different_and_different_ones_often() {
    let mut draw = draws(4);
    let mut share = |spread: f64, groups: u64, size: u64| {
        let runs = 300;
        let hits = (0..runs).filter(|_| {
            let tallies: Vec<Tally> = (0..groups)
                .map(|at| {
                    binomial(
                        size,
                        0.7 + spread * (at % 2) as f64 - spread / 2.0,
                        &mut draw,
                    )
                })
                .collect();
            heterogeneity(&tallies, &mut draw).is_some_and(|test| test.p <= 0.05)
        });
        hits.count() as f64 / f64::from(runs)
    };
    // Four standard errors above a level of 0.05.
    for (groups, size) in [(10, 5), (20, 10)] {
        let wrongly = share(0.0, groups, size);
        assert!(wrongly <= 0.10, "{groups} of {size}: {wrongly}");
    }
    let found = share(0.5, 20, 10);
    assert!(found > 0.9, "{found}");
}

#[test]
fn where_nothing_can_differ_there_is_no_score() {
    for groups in [
        vec![],
        vec![tally(5, 5), tally(3, 3)],
        vec![tally(0, 5), tally(0, 3)],
        vec![tally(1, 1), tally(0, 1)],
        vec![Tally {
            right: 0,
            wrong: 0,
            void: 9,
        }],
    ] {
        assert_eq!(tarone(&groups), None, "{groups:?}");
        assert_eq!(heterogeneity(&groups, &mut draws(5)), None);
    }
}

#[test]
fn repeats_agree_with_scipy() {
    for vector in vectors("repeat_icc") {
        let input = &vector["input"];
        let (prompts, discordant) = (whole(&input["prompts"]), whole(&input["discordant_pairs"]));
        let both = (whole(&input["total_success"]) - discordant) / 2;
        assert_eq!(whole(&input["repeats"]), 2);
        let answers: Vec<Tally> = (0..prompts)
            .map(|at| match at {
                at if at < discordant => tally(1, 2),
                at if at < discordant + both => tally(2, 2),
                _ => tally(0, 2),
            })
            .collect();
        let ours = repeat_icc(&answers).expect("repeats");
        assert_eq!(ours.prompts, prompts);
        let test = flips(discordant, prompts, 0.05);
        for (ours, name) in [
            (ours.flips, "phi"),
            (ours.within, "within_var"),
            (ours.icc.expect("a correlation"), "icc"),
            (test.lower, "cp_lower95_phi"),
            (test.p, "p_vs_phi0_0_05"),
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
fn the_correlation_is_one_for_fixed_answers_and_none_for_fresh_ones() {
    let fixed: Vec<Tally> = (0..50).map(|at| tally(3 * (at % 2), 3)).collect();
    let repeats = repeat_icc(&fixed).expect("repeats");
    assert_eq!(repeats.icc, Some(1.0));
    // Asking again brings nothing.
    assert_eq!(
        repeats.variance_of_mean(10, 1),
        repeats.variance_of_mean(10, 7)
    );
    let mut draw = draws(6);
    let fresh: Vec<Tally> = (0..4000).map(|_| binomial(4, 0.8, &mut draw)).collect();
    let repeats = repeat_icc(&fresh).expect("repeats");
    assert!(
        repeats.icc.expect("a correlation").abs() < 0.03,
        "{repeats:?}"
    );
    assert!((repeats.flips - 0.32).abs() < 0.02, "{repeats:?}");
    let (one, four) = (
        repeats.variance_of_mean(40, 1),
        repeats.variance_of_mean(10, 4),
    );
    let ratio = one.expect("a variance") / four.expect("a variance");
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
    // A prompt asked once tells nothing of repeats, and without a wrong answer nothing differs.
    assert_eq!(repeat_icc(&[tally(1, 1), tally(0, 1)]), None);
    assert_eq!(repeat_icc(&[tally(2, 2)]).expect("repeats").icc, None);
}

#[test]
fn the_design_effect_agrees_with_the_vectors() {
    for vector in vectors("design_effect") {
        let input = &vector["input"];
        let ours = design_effect(number(&input["m"]), number(&input["rho"]));
        let (expected, tolerance) = (&vector["expected"], number(&vector["rel_tol"]));
        assert!(close(ours, number(&expected["deff"]), tolerance));
        let worth = number(&input["n"]) / ours;
        assert!(close(worth, number(&expected["n_eff"]), tolerance));
    }
}

proptest! {
    #[test]
    fn p_values_of_groups_are_chances_and_order_does_not_matter(
        groups in prop::collection::vec((0u64..20, 0u64..20), 2..12), seed in 0u64..99,
    ) {
        let mut groups: Vec<Tally> = groups
            .into_iter()
            .map(|(right, wrong)| Tally { right, wrong, void: 3 })
            .collect();
        let one = tarone(&groups);
        if let Some(permuted) = heterogeneity(&groups, &mut draws(seed)) {
            prop_assert!(permuted.p > 0.0 && permuted.p <= 1.0);
        }
        groups.reverse();
        if let (Some(one), Some(other)) = (one, tarone(&groups)) {
            prop_assert!((0.0..=1.0).contains(&one.p) && (one.z - other.z).abs() < 1e-9);
        }
    }

    #[test]
    fn one_more_flip_is_never_less_surprising(pairs in 1u64..400, share in 0.0..1.0f64) {
        let discordant = (share * pairs as f64) as u64;
        let (less, more) = (flips(discordant, pairs, 0.05), flips(discordant + 1, pairs, 0.05));
        prop_assert!((0.0..=1.0).contains(&less.p) && more.p <= less.p + 1e-12);
        prop_assert!(more.lower >= less.lower);
    }
}
