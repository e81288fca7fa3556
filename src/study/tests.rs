//! The protocol: what is asked in which order, and what it comes to.

use super::*;
use crate::claims::Kind;
use crate::seed::{Secret, Stream};
use proptest::prelude::*;
use std::collections::HashMap;

fn claim(tokens: u64) -> Claim {
    Claim {
        written: tokens.to_string(),
        tokens,
        kind: Kind::Total,
        source: None,
    }
}

fn registered(tokens: u64, layout: Layout) -> Registered {
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    Registered {
        claim: claim(tokens),
        tau: 0.85,
        relative: false,
        alpha: 0.05,
        ladder: 4,
        layout,
        block: match layout {
            Layout::Isolated => 5,
            Layout::Shared => 25,
        },
        rungs: ladder(&claim(tokens), 4, 0.85, layout, limits),
        not_served_gap_ms: 60_000,
        base_questions: 0,
        search: None,
        kinds: 1,
        stop_at_first: false,
    }
}

fn study(tokens: u64) -> Study {
    registered(tokens, Layout::Isolated).study(Tally::default())
}

fn stream(nth: u64) -> Stream {
    Secret::from_hex("05")
        .expect("hex")
        .key("")
        .stream("plays", &[nth])
}

/// Plays a study to its end with an answer for each seat.
fn played(study: &Study, answer: &mut dyn FnMut(&Seat) -> Outcome) -> Progress {
    let mut known = HashMap::new();
    loop {
        let progress = study.replay(&|seat| known.get(seat).copied());
        match &progress.next {
            Next::Ask(seats) => known.extend(seats.iter().map(|seat| (*seat, answer(seat)))),
            Next::Confirm { seat, .. } => {
                known.insert(*seat, answer(seat));
            }
            Next::Nothing => return progress,
        }
    }
}

#[test]
fn the_ladder_falls_by_four_to_its_floor_and_leaves_room_for_the_answer() {
    let nominal = |tokens| -> Vec<u64> {
        let registered = registered(tokens, Layout::Isolated);
        registered
            .rungs
            .iter()
            .map(|rung| rung.nominal_tokens)
            .collect()
    };
    assert_eq!(
        nominal(10_000_000),
        [9_766, 39_063, 156_250, 625_000, 2_500_000, 10_000_000]
    );
    assert_eq!(nominal(8_192), [512, 2_048, 8_192]);
    assert_eq!(nominal(128_000), [8_000, 32_000, 128_000]);
    assert_eq!(nominal(700), [700]);
    let rungs = registered(8_192, Layout::Isolated).rungs;
    assert_eq!((rungs[2].low_tokens, rungs[2].high_tokens), (7_707, 8_112));
    assert_eq!((rungs[1].low_tokens, rungs[1].high_tokens), (1_946, 2_150));
    let most: Vec<Option<u64>> = rungs.iter().map(|rung| rung.most).collect();
    assert_eq!(most, [Some(400), Some(400), Some(100)]);
    let input = Claim {
        kind: Kind::Input,
        ..claim(8_192)
    };
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    let rungs = ladder(&input, 4, 0.85, Layout::Isolated, limits);
    assert_eq!(rungs[2].high_tokens, 8_176);
}

#[test]
fn a_perfect_model_is_verified_with_twenty_five_questions_a_length() {
    let study = study(10_000_000);
    let progress = played(&study, &mut |_| Outcome::Right);
    assert_eq!(progress.seats.len(), 150);
    assert_eq!(verdict(&study, &progress).headline, Headline::Verified);
    // The scout first, then the claim, then the rest.
    let lengths: Vec<u64> = progress
        .blocks
        .iter()
        .map(|block| block.length_tokens)
        .collect();
    assert_eq!(
        lengths[..7],
        [
            9_766, 39_063, 156_250, 625_000, 2_500_000, 10_000_000, 10_000_000
        ]
    );
    assert_eq!(lengths[10..12], [9_766, 9_766]);
    assert!(progress.blocks.iter().all(|block| block.tally.asked() == 5));
}

#[test]
fn a_model_that_fails_early_never_costs_a_long_prompt() {
    let study = study(10_000_000);
    let progress = played(&study, &mut |seat| match seat.rung_tokens {
        ..20_000 => Outcome::Right,
        _ => Outcome::Wrong,
    });
    let found = verdict(&study, &progress);
    assert_eq!(found.headline, Headline::Refuted);
    assert_eq!(found.witness_tokens, Some(39_063));
    assert_eq!(progress.seats.len(), 10);
}

#[test]
fn a_void_question_is_asked_again_once_and_then_speaks_for_neither_verdict() {
    let study = study(8_192);
    let first = played(&study, &mut |seat| match seat.copy {
        0 if seat.place == 3 => Outcome::Void,
        _ => Outcome::Right,
    });
    assert_eq!(verdict(&study, &first).headline, Headline::Verified);
    assert!(first.seats.iter().any(|seat| seat.copy == 1));
    assert!(first.rungs.iter().all(|rung| rung.tally().void == 0));
    let both = played(&study, &mut |seat| match seat.place {
        3 => Outcome::Void,
        _ => Outcome::Right,
    });
    // A fifth of the questions void: 80 of 100 right cannot be 92 any more.
    let found = verdict(&study, &both);
    assert_eq!(found.headline, Headline::Undecided);
    let top = both.rungs.last().expect("a rung").tally();
    assert!(top.asked() < 100 && top.void * 5 == top.asked(), "{top:?}");
}

#[test]
fn a_length_from_which_nothing_comes_back_is_given_up_in_words() {
    let study = study(8_192);
    let progress = played(&study, &mut |seat| match seat.rung_tokens {
        8_192 => Outcome::Void,
        _ => Outcome::Right,
    });
    let found = verdict(&study, &progress);
    assert_eq!(found.headline, Headline::Undecided);
    assert_eq!(
        found.why.as_deref(),
        Some("0 of 10 questions were answered at 8,192 tokens")
    );
}

#[test]
fn three_refusals_a_gap_apart_show_that_a_length_is_not_served() {
    let study = study(1_000_000);
    let mut clock_ms = 0;
    let mut waits = Vec::new();
    let mut known: HashMap<Seat, Outcome> = HashMap::new();
    let progress = loop {
        let progress = study.replay(&|seat| known.get(seat).copied());
        let seats = match &progress.next {
            Next::Ask(seats) => seats.clone(),
            Next::Confirm {
                seat,
                not_before_ms,
            } => {
                waits.push(not_before_ms - clock_ms);
                clock_ms = *not_before_ms;
                vec![*seat]
            }
            Next::Nothing => break progress,
        };
        for seat in seats {
            let outcome = match seat.rung_tokens > 131_072 {
                true => Outcome::NotServed { at_ms: clock_ms },
                false => Outcome::Right,
            };
            known.insert(seat, outcome);
        }
    };
    assert_eq!(waits, [60_000, 60_000]);
    let found = verdict(&study, &progress);
    assert_eq!(found.headline, Headline::NotServed);
    assert_eq!(found.witness_tokens, Some(250_000));
    // 15,625, 62,500 and three of 250,000.
    assert_eq!(progress.seats.len(), 13);
}

#[test]
fn one_refusal_that_does_not_come_again_is_no_end_of_the_window() {
    let study = study(8_192);
    let progress = played(&study, &mut |seat| match (seat.rung_tokens, seat.copy) {
        (8_192, 0) if seat.place == 0 => Outcome::NotServed { at_ms: 0 },
        _ => Outcome::Right,
    });
    assert_eq!(verdict(&study, &progress).headline, Headline::Verified);
}

#[test]
fn a_dead_fifth_is_named_though_the_mean_passes() {
    let mut registered = registered(8_192, Layout::Isolated);
    registered.tau = 0.7;
    let study = registered.study(Tally::default());
    let progress = played(&study, &mut |seat| match seat.stratum() == 2
        && !seat.block.is_multiple_of(4)
    {
        true => Outcome::Wrong,
        false => Outcome::Right,
    });
    let found = verdict(&study, &progress);
    assert_eq!(found.headline, Headline::VerifiedExcept, "{found:?}");
    let band = found.dead_bands.first().expect("a band");
    assert_eq!((band.from_percent, band.to_percent), (40.0, 60.0));
    assert!(band.upper < 0.7);
}

#[test]
fn a_shared_layout_asks_each_haystack_once_in_each_fifth() {
    let study = registered(128_000, Layout::Shared).study(Tally::default());
    let progress = played(&study, &mut |_| Outcome::Right);
    assert_eq!(verdict(&study, &progress).headline, Headline::Verified);
    assert_eq!(progress.seats.len(), 3 * 25);
    for haystack in 0..5 {
        let seats = progress.seats.iter();
        let mut strata: Vec<usize> = seats
            .filter(|seat| seat.rung_tokens == 8_000 && seat.haystack() == haystack)
            .map(Seat::stratum)
            .collect();
        strata.sort_unstable();
        assert_eq!(strata, [0, 1, 2, 3, 4]);
    }
    let rung = &progress.rungs[0];
    assert!(rung.haystacks.iter().all(|tally| tally.right == 5));
}

#[test]
fn a_relative_threshold_is_held_against_both_bounds_of_the_base() {
    let mut registered = registered(128_000, Layout::Isolated);
    registered.relative = true;
    let base = Tally {
        right: 90,
        wrong: 10,
        void: 0,
    };
    let study = registered.study(base);
    assert!((study.taus.0 - 0.85 * clopper_pearson_upper(90, 100, 0.025)).abs() < 1e-12);
    assert!((study.taus.1 - 0.85 * clopper_pearson_lower(90, 100, 0.025)).abs() < 1e-12);
    assert_eq!(study.tests[0].verify.design.alpha_verify, 0.025);
    let nothing = registered.study(Tally {
        right: 0,
        wrong: 100,
        void: 0,
    });
    assert!(nothing.tests[0].refute.is_none());
}

#[test]
fn a_rate_between_the_ends_of_a_relative_threshold_ends_undecided_at_the_last_look() {
    let mut registered = registered(8_192, Layout::Isolated);
    registered.relative = true;
    // 0.85 of a half lies between 0.34 and 0.52; two in five are right.
    let half = Tally {
        right: 50,
        wrong: 50,
        void: 0,
    };
    let study = registered.study(half);
    let mut nth = 0;
    let progress = played(&study, &mut |_| {
        nth += 1;
        match nth % 5 < 2 {
            true => Outcome::Right,
            false => Outcome::Wrong,
        }
    });
    assert_eq!(verdict(&study, &progress).headline, Headline::Undecided);
    assert!(progress.seats.len() as u64 <= registered.most_questions().expect("an end"));
    // Where no model could be refuted, one that finds nothing is given up as soon as it shows.
    let nothing = registered.study(Tally {
        right: 0,
        wrong: 100,
        void: 0,
    });
    let progress = played(&nothing, &mut |_| Outcome::Wrong);
    assert_eq!(verdict(&nothing, &progress).headline, Headline::Undecided);
    assert!(progress.seats.len() as u64 <= registered.most_questions().expect("an end"));
    assert_eq!(
        progress.blocks.len() as u64 * 5,
        progress.seats.len() as u64
    );
}

#[test]
fn an_open_study_has_no_last_look() {
    let mut registered = registered(8_192, Layout::Isolated);
    for rung in &mut registered.rungs {
        rung.most = None;
    }
    assert_eq!(registered.most_tokens(), None);
    let study = registered.study(Tally::default());
    let mut nth = 0;
    let progress = played(&study, &mut |_| {
        nth += 1;
        // Eight in nine: above the threshold, and far from it only after hundreds of questions.
        match nth % 9 {
            0 => Outcome::Wrong,
            _ => Outcome::Right,
        }
    });
    assert_eq!(verdict(&study, &progress).headline, Headline::Verified);
    assert!(progress.rungs.iter().any(|rung| rung.tally().asked() > 400));
}

#[test]
fn a_forecast_tells_a_perfect_model_from_one_that_fails() {
    let study = study(10_000_000);
    let perfect = forecast(&study, 20, &|_, _| 1.0, &mut stream(1));
    assert_eq!((perfect.verified, perfect.mean_questions), (1.0, 150.0));
    let failing = forecast(&study, 20, &|_, _| 0.2, &mut stream(2));
    assert_eq!(failing.refuted, 1.0);
    assert!(failing.mean_tokens < 200_000.0, "{failing:?}");
}

/// The outcome of a seat, by its coordinates and a number alone.
fn drawn(seat: &Seat, seed: u64) -> Outcome {
    let at = [
        seat.rung_tokens,
        u64::from(seat.block),
        u64::from(seat.place),
        u64::from(seat.copy),
        seed,
    ];
    match mixed(&at) % 20 {
        0 => Outcome::Void,
        1..4 => Outcome::Wrong,
        4 if seed.is_multiple_of(3) => Outcome::NotServed { at_ms: 0 },
        _ => Outcome::Right,
    }
}

fn mixed(at: &[u64]) -> u64 {
    Secret::from_hex("06")
        .expect("hex")
        .key("")
        .stream("seat", at)
        .below(u64::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Answers may come in any order and a process may be killed between any two of them: what is
    /// known is then some of what was asked, and the study goes on to the same end.
    #[test]
    fn the_end_is_the_same_whatever_the_order_and_wherever_it_was_killed(
        seed in any::<u64>(), at_a_time in 1usize..7, backwards in any::<bool>(),
    ) {
        let study = study(40_000);
        let whole = played(&study, &mut |seat| drawn(seat, seed));
        let mut known = HashMap::new();
        let halting = loop {
            let progress = study.replay(&|seat| known.get(seat).copied());
            let mut seats = match &progress.next {
                Next::Ask(seats) => seats.clone(),
                Next::Confirm { seat, .. } => vec![*seat],
                Next::Nothing => break progress,
            };
            if backwards {
                seats.reverse();
            }
            for seat in seats.into_iter().take(at_a_time) {
                known.insert(seat, drawn(&seat, seed));
            }
        };
        prop_assert_eq!(verdict(&study, &halting), verdict(&study, &whole));
        prop_assert_eq!(halting, whole);
    }

    #[test]
    fn answers_may_change_places_within_a_block(seed in any::<u64>(), turn in 1u32..5) {
        let study = study(40_000);
        let answer = |seat: &Seat| match drawn(seat, seed) {
            Outcome::Wrong => Outcome::Wrong,
            _ => Outcome::Right,
        };
        let one = played(&study, &mut |seat| answer(seat));
        let turned = played(&study, &mut |seat| {
            answer(&Seat { place: (seat.place + turn) % 5, ..*seat })
        });
        prop_assert_eq!(verdict(&study, &one).headline, verdict(&study, &turned).headline);
        prop_assert_eq!(one.blocks, turned.blocks);
    }
}
