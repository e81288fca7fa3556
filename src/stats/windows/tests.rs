//! Exact laws against enumeration, levels under swings, and labels that answer worse.

use super::*;
use crate::stats::vectors::draws;
use proptest::prelude::*;

fn pair(window: u64, outcome: PairOutcome) -> WindowPair {
    WindowPair { window, outcome }
}

/// Windows with these losses less wins.
fn windows(excess: &[i64]) -> Vec<WindowPair> {
    let mut pairs = Vec::new();
    for (window, excess) in excess.iter().enumerate() {
        let outcome = match *excess > 0 {
            true => PairOutcome::Lose,
            false => PairOutcome::Win,
        };
        let window = window as u64;
        pairs.push(pair(window, PairOutcome::Same));
        pairs.push(pair(window, PairOutcome::Missing));
        pairs.extend((0..excess.abs()).map(|_| pair(window, outcome)));
    }
    pairs
}

#[test]
fn signs_of_all_windows_alike_have_one_chance_in_two_to_their_number() {
    let test = window_sign_flips(&windows(&[3, 1, 0, 2, 5, 1]));
    assert_eq!((test.windows, test.excess), (5, 12));
    assert!((test.p - 1.0 / 32.0).abs() < 1e-12);
    // The other way round nothing is lost.
    assert_eq!(window_sign_flips(&windows(&[-3, -1, -2])).p, 1.0);
    let nothing = window_sign_flips(&[]);
    assert_eq!((nothing.windows, nothing.excess, nothing.p), (0, 0, 1.0));
}

// With one pair a window it is the sign test: the exact one-sided McNemar.
#[test]
fn windows_of_one_pair_give_the_exact_sign_test() {
    let excess: Vec<i64> = (0..16).map(|at| if at < 12 { 1 } else { -1 }).collect();
    let p = window_sign_flips(&windows(&excess)).p;
    let exact = crate::stats::mcnemar(12, 4).exact / 2.0;
    assert!((p - exact).abs() < 1e-12, "{p}, {exact}");
}

#[test]
fn runs_have_the_law_that_enumeration_gives() {
    for (n, mask) in [
        (9u32, 0b0_0001_1101u32),
        (8, 0b0011_0110),
        (10, 0b1_1111_0000),
    ] {
        let outcomes = |mask: u32| -> Vec<bool> { (0..n).map(|at| mask >> at & 1 == 1).collect() };
        let runs = |mask: u32| {
            outcomes(mask)
                .windows(2)
                .filter(|two| two[0] != two[1])
                .count()
                + 1
        };
        let alike: Vec<u32> = (0..1 << n)
            .filter(|other: &u32| other.count_ones() == mask.count_ones())
            .collect();
        let few = alike
            .iter()
            .filter(|other| runs(**other) <= runs(mask))
            .count();
        let ours = serial(&outcomes(mask)).expect("a test");
        assert_eq!(ours.runs, runs(mask) as u64);
        let expected = few as f64 / alike.len() as f64;
        assert!(
            (ours.p - expected).abs() < 1e-9,
            "{mask:b}: {ours:?}, {expected}"
        );
    }
    assert_eq!(serial(&[true; 9]), None);
    assert_eq!(serial(&[]), None);
}

#[test]
fn stretches_of_failures_are_found_and_turns_are_not() {
    let stretch: Vec<bool> = (0..60).map(|at| !(20..30).contains(&at)).collect();
    let ours = serial(&stretch).expect("a test");
    assert!(ours.p < 1e-5 && ours.lag_one > 0.8, "{ours:?}");
    let turns: Vec<bool> = (0..60).map(|at| at % 2 == 0).collect();
    let ours = serial(&turns).expect("a test");
    assert!(ours.p > 0.999 && ours.lag_one < -0.9, "{ours:?}");
}

/// Answers to prompts with rates of their own, of three replicas, of which the last loses `worse`.
fn replicas(worse: f64, draw: &mut impl FnMut(u64) -> u64) -> Vec<Labelled> {
    let mut answers = Vec::new();
    for stratum in 0..40 {
        let rate = 0.2 + 0.75 * (stratum % 5) as f64 / 4.0;
        for _ in 0..4 {
            let label = draw(3) + 7;
            let rate = if label == 9 { rate - worse } else { rate };
            let right = (draw(1_000_000) as f64) < rate * 1e6;
            answers.push(Labelled {
                stratum,
                label,
                right,
            });
        }
    }
    answers
}

#[test]
fn a_replica_that_answers_worse_is_found_and_equal_ones_seldom_differ() {
    let mut draw = draws(71);
    let mut found = |worse: f64, plays: usize| {
        let hits = (0..plays).filter(|_| {
            let answers = replicas(worse, &mut draw);
            label_association(&answers, &mut draw).is_some_and(|test| test.p <= 0.05)
        });
        hits.count() as f64 / plays as f64
    };
    // Four standard errors above the level.
    let wrongly = found(0.0, 150);
    assert!(wrongly <= 0.05 + 0.072, "{wrongly}");
    let rightly = found(0.4, 40);
    assert!(rightly > 0.9, "{rightly}");
    let test = label_association(&replicas(0.4, &mut draw), &mut draw).expect("a test");
    let names: Vec<u64> = test.labels.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [7, 8, 9]);
    let asked: u64 = test.labels.iter().map(|(_, tally)| tally.asked()).sum();
    assert_eq!(asked, 160);
}

#[test]
fn labels_that_never_meet_within_a_stratum_tell_nothing() {
    let mut draw = draws(72);
    // Each label had prompts of its own: difficulty and label cannot be told apart.
    let answers: Vec<Labelled> = (0..20)
        .map(|at| Labelled {
            stratum: at / 10,
            label: at / 10,
            right: at < 12,
        })
        .collect();
    assert_eq!(label_association(&answers, &mut draw), None);
    assert_eq!(label_association(&[], &mut draw), None);
}

proptest! {
    #[test]
    fn the_exact_law_of_signs_is_that_of_all_patterns(
        excess in prop::collection::vec(-6i64..7, 0..10),
    ) {
        let observed: i64 = excess.iter().sum();
        let patterns = 1u32 << excess.len();
        let as_large = (0..patterns)
            .filter(|mask| {
                let signed = excess.iter().enumerate();
                let sum: i64 = signed.map(|(at, e)| if mask >> at & 1 == 1 { *e } else { -e }).sum();
                sum >= observed
            })
            .count();
        let ours = window_sign_flips(&windows(&excess));
        prop_assert_eq!(ours.excess, observed);
        prop_assert!((ours.p - as_large as f64 / f64::from(patterns)).abs() < 1e-12);
    }
}
