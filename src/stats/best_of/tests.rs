//! The best of several runs against exact small cases and simulation.

use super::*;
use crate::stats::vectors::draws;

fn tally(right: u64, n: u64) -> Tally {
    Tally {
        right,
        wrong: n - right,
        void: 1,
    }
}

#[test]
fn one_coin_in_two_throws() {
    // The best of two throws of one fair coin: 3/4. Four prompts' worth of answers say "fair".
    let ours = best_of(&[tally(500, 1000)], 2, 1).expect("a figure");
    assert!((ours.honest - 0.5).abs() < 1e-12);
    assert!((ours.same_questions - 0.75).abs() < 1e-3, "{ours:?}");
    assert!((ours.fresh_questions - 0.75).abs() < 1e-12, "{ours:?}");
}

#[test]
fn one_run_is_honest_and_fixed_answers_gain_only_by_fresh_questions() {
    let prompts: Vec<Tally> = (0..50)
        .map(|at| tally(3 * u64::from(at % 5 > 0), 3))
        .collect();
    let one = best_of(&prompts, 1, 50).expect("a figure");
    assert!((one.same_questions - 0.8).abs() < 1e-9 && (one.fresh_questions - 0.8).abs() < 1e-9);
    let many = best_of(&prompts, 10, 50).expect("a figure");
    assert!((many.same_questions - 0.8).abs() < 1e-9, "{many:?}");
    // 1.54 standard deviations of sqrt(.8 · .2 / 50), the mean of the largest of ten normal ones.
    let expected = 0.8 + 1.538_75 * f64::sqrt(0.16 / 50.0);
    assert!((many.fresh_questions - expected).abs() < 0.01, "{many:?}");
    assert_eq!(best_of(&[], 3, 10), None);
    assert_eq!(best_of(&prompts, 0, 10), None);
    assert_eq!(best_of(&prompts, 3, 0), None);
}

#[test]
fn two_repeats_are_enough_to_foretell_what_the_best_run_would_claim() {
    let mut draw = draws(81);
    // Prompts of which most are sure and a third flips.
    let rates: Vec<f64> = (0..120)
        .map(|at| match at % 6 {
            0 => 0.5,
            1 => 0.8,
            2 => 0.0,
            _ => 1.0,
        })
        .collect();
    let mut right = |rate: f64| u64::from((draw(1_000_000) as f64) < rate * 1e6);
    let (runs, plays) = (8, 2_000);
    let mut best = 0.0;
    for _ in 0..plays {
        let mut run = || rates.iter().map(|rate| right(*rate)).sum::<u64>();
        best += (0..runs).map(|_| run()).max().expect("runs") as f64;
    }
    let truth = best / f64::from(plays) / rates.len() as f64;
    let mut foretold = 0.0;
    for _ in 0..40 {
        let prompts: Vec<Tally> = rates
            .iter()
            .map(|rate| tally(right(*rate) + right(*rate), 2))
            .collect();
        let ours = best_of(&prompts, u64::from(runs as u32), 120).expect("a figure");
        foretold += ours.same_questions / 40.0;
    }
    assert!((foretold - truth).abs() < 0.008, "{foretold}, {truth}");
    // The honest rate is far below: .717.
    assert!(truth > 0.745, "{truth}");
}

#[test]
fn more_runs_claim_more_and_more_questions_less() {
    let prompts: Vec<Tally> = (0..60).map(|at| tally(at % 4, 3)).collect();
    let at = |runs, questions| best_of(&prompts, runs, questions).expect("a figure");
    assert!(at(2, 60).same_questions < at(5, 60).same_questions);
    assert!(at(5, 60).same_questions < at(5, 15).same_questions);
    assert!(at(5, 60).same_questions < at(5, 60).fresh_questions);
    let most = at(1_000_000, 4);
    assert!(most.same_questions <= 1.0 && most.fresh_questions <= 1.0);
}
