//! The three hypotheses over simulated deployments: false findings, the window rule, power.

use super::*;
use crate::stats::vectors::{draws, method};
use crate::stats::{PairOutcome, flips};

/// A simulated study. A prompt has a difficulty that both sides share; a deployment answers rightly
/// where it is below its rate, except that some answers are drawn anew and that whole windows of
/// time lift or lower the rate.
#[derive(Clone, Copy)]
struct World {
    prompts: u64,
    /// Rates of the reference and of the tested deployment; of public and of fresh facts.
    other_model: (f64, f64),
    memory: (f64, f64),
    /// Share of answers drawn anew.
    redrawn: f64,
    /// By how much a window moves the tested side's rate, up or down.
    swing: f64,
}

const WINDOWS: u64 = 10;
const STABLE: World = World {
    prompts: 100,
    other_model: (0.9, 0.9),
    memory: (0.9, 0.9),
    redrawn: 0.01,
    swing: 0.0,
};

fn observed(world: World, draw: &mut impl FnMut(u64) -> u64) -> Observed {
    let mut unit = || draw(1 << 40) as f64 / (1u64 << 40) as f64;
    let swings: Vec<f64> = (0..WINDOWS)
        .map(|_| {
            if unit() < 0.5 {
                world.swing
            } else {
                -world.swing
            }
        })
        .collect();
    let mut windows = vec![Tally::default(); WINDOWS as usize];
    let (mut one, mut three, mut prompts) = (Vec::new(), Vec::new(), Vec::new());
    for prompt in 0..world.prompts {
        let window = prompt % WINDOWS;
        let moved = swings[window as usize];
        let [prompt_of_one, text_of_three, asked_twice] = [unit(), unit(), unit()];
        let mut answer = |difficulty: f64, rate: f64| match unit() < world.redrawn {
            true => unit() < rate,
            false => difficulty < rate,
        };
        let mut pair = |difficulty: f64, (base, new): (f64, f64)| WindowPair {
            window,
            outcome: PairOutcome::of(
                Some(answer(difficulty, base)),
                Some(answer(difficulty, new + moved)),
            ),
        };
        one.push(pair(prompt_of_one, world.other_model));
        three.push(pair(text_of_three, world.memory));
        // Two answers of the tested side, half of the study apart.
        let mut tally = Tally::default();
        for at in [window, (window + WINDOWS / 2) % WINDOWS] {
            let right = answer(asked_twice, world.other_model.1 + swings[at as usize]);
            let seen = Tally {
                right: u64::from(right),
                wrong: u64::from(!right),
                void: 0,
            };
            tally += seen;
            windows[at as usize] += seen;
        }
        prompts.push(tally);
    }
    Observed {
        reference: Some(one),
        published: None,
        repeats: Some(Repeated { prompts, windows }),
        memory: Some(Memory {
            pairs: three,
            recitals: None,
        }),
    }
}

/// Shares of studies in which H1, H2 and H3 are found, and in which H1's or H3's independent pairs
/// alone would have been (at .05 each).
struct Found {
    hypotheses: [f64; 3],
    by_pairs_alone: [f64; 2],
}

fn found(world: World, plays: u32, seed: u64) -> Found {
    let mut draw = draws(seed);
    let (mut hypotheses, mut by_pairs_alone) = ([0.0; 3], [0.0; 2]);
    let one = 1.0 / f64::from(plays);
    for _ in 0..plays {
        let seen = observed(world, &mut draw);
        let findings = three_hypotheses(&seen, 0.05, &mut draw);
        let pairs = [findings.other_model, findings.memorised].map(|pairs| pairs.expect("pairs"));
        let unstable = findings.unstable.expect("repeats");
        let tested = [pairs[0].tested, unstable.tested, pairs[1].tested];
        for (sum, tested) in hypotheses.iter_mut().zip(tested) {
            *sum += if tested.holds { one } else { 0.0 };
        }
        for (sum, pairs) in by_pairs_alone.iter_mut().zip(pairs) {
            *sum += if pairs.p_pairs <= 0.05 { one } else { 0.0 };
        }
    }
    Found {
        hypotheses,
        by_pairs_alone,
    }
}

/// Four standard errors of a share at .05.
fn slack(plays: u32) -> f64 {
    4.0 * (0.05 * 0.95 / f64::from(plays)).sqrt()
}

/// Deployments of which nothing is wrong but what H2 asks about.
fn flipping(prompts: u64) -> World {
    World {
        prompts,
        redrawn: 0.4,
        other_model: (0.7, 0.7),
        memory: (0.7, 0.7),
        ..STABLE
    }
}

fn swinging(prompts: u64) -> World {
    World {
        prompts,
        redrawn: 0.1,
        other_model: (0.75, 0.75),
        memory: (0.75, 0.75),
        swing: 0.2,
    }
}

#[test]
fn a_stable_deployment_is_seldom_accused() {
    let plays = 400;
    for prompts in [50, 100] {
        let [h1, h2, h3] = found(World { prompts, ..STABLE }, plays, 91).hypotheses;
        for (name, share) in [("H1", h1), ("H2", h2), ("H3", h3)] {
            assert!(share <= 0.05, "{prompts}, {name}: {share}");
        }
    }
}

#[test]
fn flips_are_found_and_not_taken_for_another_model_or_memory() {
    let plays = 400;
    let [h1, h2, h3] = found(flipping(50), plays, 92).hypotheses;
    // stats.md §4: .97 with 50 prompts.
    assert!(h2 > 0.93, "{h2}");
    assert!(h1 <= 0.05 && h3 <= 0.05, "{h1}, {h3}");
}

#[test]
fn swings_of_windows_accuse_falsely_by_pairs_alone_and_not_by_whole_windows() {
    let plays = 400;
    let found = found(swinging(100), plays, 93);
    let [h1, h2, h3] = found.hypotheses;
    assert!(h2 > 0.9, "{h2}");
    // What the rule is there for: stats.md §4 has 7 to 15 % here.
    let [alone_h1, alone_h3] = found.by_pairs_alone;
    assert!(alone_h1 > 0.07 && alone_h3 > 0.07, "{alone_h1}, {alone_h3}");
    assert!(h1 <= 0.05 && h3 <= 0.05, "{h1}, {h3}");
}

#[test]
fn planted_effects_are_found_at_the_power_of_the_design() {
    let plays = 300;
    // stats.md §4; what our deployments come to may differ by their model of difficulty.
    for (prompts, other_model, memory, power) in [
        (50, (0.92, 0.75), (0.95, 0.75), [0.91, 0.97]),
        (100, (0.90, 0.82), (0.95, 0.87), [0.84, 0.86]),
        (200, (0.90, 0.82), (0.95, 0.87), [0.99, 1.00]),
    ] {
        let world = World {
            prompts,
            other_model,
            memory,
            ..STABLE
        };
        let [h1, h2, h3] = found(world, plays, 94).hypotheses;
        assert!(h2 <= 0.05 + slack(plays), "{prompts}: {h2}");
        for (ours, theirs) in [h1, h3].into_iter().zip(power) {
            assert!(ours > theirs - 0.05, "{prompts}: {ours}, {theirs}");
        }
    }
}

/// `cargo test --release --lib stats::hypotheses -- --ignored`, a minute: METHOD.md has this table.
#[test]
#[ignore = "5,000 studies of each deployment; run by the command above"]
fn findings_come_as_often_as_the_method_says() {
    let plays = 5_000;
    let with = |prompts, h1, h3| World {
        prompts,
        other_model: h1,
        memory: h3,
        ..STABLE
    };
    let same = (0.9, 0.9);
    let mut table = String::new();
    for (name, world) in [
        ("stable", STABLE),
        ("40 % of answers drawn anew, rate .7", flipping(100)),
        ("windows swing by .2 up or down", swinging(100)),
        (
            "lower than the reference, .90 to .82",
            with(100, (0.9, 0.82), same),
        ),
        ("public .95, fresh .87", with(100, same, (0.95, 0.87))),
    ] {
        for prompts in [50, 100, 200] {
            let found = found(World { prompts, ..world }, plays, 98);
            let [h1, h2, h3] = found.hypotheses;
            let [alone_h1, alone_h3] = found.by_pairs_alone;
            let is_one_planted = |(base, new): (f64, f64)| base > new;
            for (share, is_planted) in [
                (h1, is_one_planted(world.other_model)),
                (h3, is_one_planted(world.memory)),
                (h2, world.redrawn > 0.05),
            ] {
                assert!(is_planted || share <= 0.05, "{name}, {prompts}: {share}");
            }
            table += &format!(
                "| {name} | {prompts} | {h1:.3} | {h2:.3} | {h3:.3} | {alone_h1:.3}, {alone_h3:.3} |\n"
            );
        }
    }
    assert!(
        method().contains(&table),
        "METHOD.md does not hold\n{table}"
    );
}

#[test]
fn two_answers_a_prompt_give_the_binomial_test_of_flips() {
    let answers = |right| Tally {
        right,
        wrong: 2 - right,
        void: 1,
    };
    let prompts: Vec<Tally> = (0..50).map(|at| answers(u64::from(at < 8))).collect();
    let (mixed, p) = mixed_prompts(&prompts, 0.05);
    assert_eq!(mixed, 8);
    assert!((p - flips(8, 50, 0.05).p).abs() < 1e-12, "{p}");
    // Three answers are mixed one and a half times as often.
    let prompts = vec![Tally {
        right: 1,
        wrong: 2,
        void: 0,
    }];
    assert!((mixed_prompts(&prompts, 0.05).1 - 0.075).abs() < 1e-12);
}

#[test]
fn holm_runs_over_what_was_looked_at() {
    let mut draw = draws(95);
    let pairs = |lost: u64| -> Vec<WindowPair> {
        let outcome = |at| {
            if at < lost {
                PairOutcome::Lose
            } else {
                PairOutcome::Same
            }
        };
        (0..60)
            .map(|at| WindowPair {
                window: at % 8,
                outcome: outcome(at),
            })
            .collect()
    };
    let nothing = three_hypotheses(&Observed::default(), 0.05, &mut draw);
    assert_eq!(
        (nothing.other_model, nothing.unstable, nothing.memorised),
        (None, None, None)
    );
    // Four losses: p = 1/32, enough alone, and not beside another hypothesis.
    let alone = Observed {
        reference: Some(pairs(4)),
        ..Observed::default()
    };
    let finding = |seen: &Observed, draw: &mut dyn FnMut(u64) -> u64| {
        let findings = three_hypotheses(seen, 0.05, &mut |bound| draw(bound));
        findings.other_model.expect("pairs").tested
    };
    let tested = finding(&alone, &mut draw);
    assert!(
        tested.holds && (tested.p - 0.031_25).abs() < 1e-12,
        "{tested:?}"
    );
    let both = Observed {
        memory: Some(Memory::default()),
        ..alone
    };
    let tested = finding(&both, &mut draw);
    assert!(
        !tested.holds && (tested.adjusted - 0.062_5).abs() < 1e-12,
        "{tested:?}"
    );
}

#[test]
fn famous_answers_against_the_text_are_memory_even_where_fresh_facts_are_read() {
    let mut draw = draws(96);
    let seen = Observed {
        memory: Some(Memory {
            pairs: vec![
                WindowPair {
                    window: 0,
                    outcome: PairOutcome::Same
                };
                40
            ],
            recitals: Some(Recitals {
                given: 9,
                asked: 40,
            }),
        }),
        ..Observed::default()
    };
    let finding = three_hypotheses(&seen, 0.05, &mut draw)
        .memorised
        .expect("pairs");
    assert!(
        finding.tested.holds && finding.p_pairs == 1.0,
        "{finding:?}"
    );
    assert!(finding.recited.expect("recitals").interval.low > 0.1);
}

#[test]
fn an_unstable_deployment_is_judged_by_whole_windows() {
    let mut draw = draws(97);
    // All losses in two windows of ten: many pairs, few windows.
    let pair = |at: u64| WindowPair {
        window: at % 10,
        outcome: if at % 10 < 2 {
            PairOutcome::Lose
        } else {
            PairOutcome::Same
        },
    };
    let mixed = Tally {
        right: 1,
        wrong: 1,
        void: 0,
    };
    let seen = Observed {
        published: None,
        reference: Some((0..100).map(pair).collect()),
        repeats: Some(Repeated {
            prompts: vec![mixed; 40],
            windows: vec![],
        }),
        memory: None,
    };
    let findings = three_hypotheses(&seen, 0.05, &mut draw);
    let finding = findings.other_model.expect("pairs");
    assert!(findings.by_windows && findings.unstable.expect("repeats").tested.holds);
    assert!(
        finding.p_pairs < 1e-5 && !finding.tested.holds,
        "{finding:?}"
    );
    let windows = finding.by_windows.expect("windows");
    assert_eq!((windows.windows, windows.excess, windows.p), (2, 20, 0.25));
}

#[test]
fn a_published_share_is_a_hypothesis_of_the_three_and_gives_way_to_a_reference() {
    let mut draw = draws(98);
    let published = Published {
        windows: vec![
            Tally {
                right: 15,
                wrong: 5,
                void: 0
            };
            10
        ],
        share: 0.9,
        margin: 0.05,
    };
    let alone = Observed {
        published: Some(published),
        memory: Some(Memory::default()),
        ..Observed::default()
    };
    let findings = three_hypotheses(&alone, 0.05, &mut draw);
    let finding = findings.below_published.expect("tested");
    assert!(finding.tested.holds && findings.other_model.is_none());
    assert!((finding.tested.adjusted - 2.0 * finding.tested.p).abs() < 1e-15);
    let both = Observed {
        reference: Some(Vec::new()),
        ..alone
    };
    let findings = three_hypotheses(&both, 0.05, &mut draw);
    assert!(findings.below_published.is_none() && findings.other_model.is_some());
}

#[test]
fn the_flips_that_a_number_of_prompts_shows_are_those_of_plays() {
    let mut draw = draws(99);
    for (prompts, alpha) in [(50, 0.025), (100, 0.05 / 6.0), (200, 0.05)] {
        let chance = detectable_flips(prompts, alpha, 0.8).expect("one does");
        let plays = 2_000;
        let found = (0..plays).filter(|_| {
            let flipped =
                (0..prompts).filter(|_| (draw(1 << 20) as f64) < chance * f64::from(1 << 20));
            flips(flipped.count() as u64, prompts, USUAL_FLIPS).p <= alpha
        });
        let power = found.count() as f64 / f64::from(plays);
        assert!((power - 0.8).abs() < 0.06, "{prompts}: {chance} {power}");
    }
    assert_eq!(detectable_flips(1, 0.01, 0.8), None);
}
