//! Several kinds of use under one plan: how often any verdict is wrong, and what is asked in which order.

use super::*;
use crate::claims::Kind;
use crate::search::Search;
use crate::seed::{Secret, Stream};
use crate::study::{Claim, Headline, Layout, Limits, ladder, verdict};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

fn plan(tokens: u64, kinds: u32) -> Registered {
    let claim = Claim {
        written: tokens.to_string(),
        tokens,
        kind: Kind::Total,
        source: None,
    };
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    Registered {
        rungs: ladder(&claim, 4, 0.85, Layout::Isolated, limits),
        claim,
        tau: 0.85,
        relative: false,
        alpha: 0.05,
        ladder: 4,
        layout: Layout::Isolated,
        block: 5,
        not_served_gap_ms: 0,
        base_questions: 0,
        search: None,
        kinds,
        stop_at_first: false,
    }
}

fn stream(nth: u64) -> Stream {
    Secret::from_hex("0e")
        .expect("hex")
        .key("")
        .stream("kinds", &[nth])
}

/// Headlines of a play in which a question of a kind at a length (tokens) is answered rightly with
/// the chance that `truth` gives.
fn play(studies: &Studies, truth: &dyn Fn(u32, u64) -> f64, nth: u64) -> Vec<Headline> {
    let stream = RefCell::new(stream(nth));
    let answer = |seat: &Seat| {
        let is_right = stream.borrow_mut().unit() < truth(seat.kind, seat.rung_tokens);
        Some(match is_right {
            true => Outcome::Right,
            false => Outcome::Wrong,
        })
    };
    let course = studies.replay(&answer);
    assert_eq!(course.next, Next::Nothing);
    let each = studies.kinds.iter().zip(&course.kinds);
    each.map(|(study, progress)| verdict(study, progress).headline)
        .collect()
}

fn is_verified(headline: &Headline) -> bool {
    matches!(headline, Headline::Verified | Headline::VerifiedExcept)
}

/// Of so many plays, those with any false VERIFIED and those with any false REFUTED. `truth` says
/// for each kind whether it deserves neither.
fn wrong(studies: &Studies, plays: u64, truth: &dyn Fn(u32, u64) -> f64) -> (u64, u64) {
    let (mut verified, mut refuted) = (0, 0);
    for nth in 0..plays {
        let headlines = play(studies, truth, nth);
        let kinds = || (0..).zip(&headlines);
        let longest = studies.registered.claim.tokens;
        // At the threshold both verdicts are wrong, at the claim below it the first one alone.
        let any_verified =
            kinds().any(|(kind, headline)| is_verified(headline) && truth(kind, longest) <= 0.85);
        let any_refuted = kinds()
            .any(|(kind, headline)| *headline == Headline::Refuted && truth(kind, longest) >= 0.85);
        verified += u64::from(any_verified);
        refuted += u64::from(any_refuted);
    }
    (verified, refuted)
}

/// Three kinds, each with the whole of alpha: what an uncorrected family would be.
fn uncorrected(tokens: u64) -> Studies {
    let generous = Registered {
        alpha: 0.15,
        ..plan(tokens, 3)
    };
    generous.studies(&[])
}

#[test]
fn any_wrong_verdict_over_three_kinds_at_the_threshold_stays_within_alpha() {
    const PLAYS: u64 = 4_000;
    // 5 % of the plays, and three standard errors.
    let most = 200.0 + 3.0 * (4_000.0f64 * 0.05 * 0.95).sqrt();
    let at_tau = |_, _| 0.85;
    // One length, so that no other error takes its share.
    let studies = plan(700, 3).studies(&[]);
    assert_eq!(studies.kinds[0].registered.rungs.len(), 1);
    let (verified, refuted) = wrong(&studies, PLAYS, &at_tau);
    assert!((verified as f64) < most, "{verified} false VERIFIED");
    assert!((refuted as f64) < most, "{refuted} false REFUTED");
    // The share is used, not wasted: a third of it would be far below.
    assert!(verified > 100 && refuted > 100, "{verified} {refuted}");
    // Without the division more than twice as many plays hold a wrong verdict.
    let (verified, refuted) = wrong(&uncorrected(700), PLAYS, &at_tau);
    assert!(verified as f64 > 2.0 * most * 0.85, "{verified}");
    assert!(refuted as f64 > 2.0 * most * 0.85, "{refuted}");
}

#[test]
fn kinds_that_fail_or_pass_beside_it_make_no_verdict_wrong_nor_does_stopping_early() {
    const PLAYS: u64 = 2_000;
    let most = 100.0 + 3.0 * (2_000.0f64 * 0.05 * 0.95).sqrt();
    // The first finds all, the second is at the threshold at the claim alone, the third falls.
    let truth = |kind, tokens| match kind {
        0 => 0.995,
        1 if tokens == 8_192 => 0.85,
        1 => 0.99,
        _ if tokens > 2_048 => 0.84,
        _ => 0.99,
    };
    for stop_at_first in [false, true] {
        let registered = Registered {
            stop_at_first,
            ..plan(8_192, 3)
        };
        let (verified, refuted) = wrong(&registered.studies(&[]), PLAYS, &truth);
        assert!((verified as f64) < most, "{stop_at_first}: {verified}");
        assert!((refuted as f64) < most, "{stop_at_first}: {refuted}");
    }
}

#[test]
fn a_perfect_model_is_verified_for_each_of_three_kinds_with_ten_questions_more_a_length() {
    let studies = plan(10_000_000, 3).studies(&[]);
    let course = studies.replay(&|_| Some(Outcome::Right));
    for (study, progress) in studies.kinds.iter().zip(&course.kinds) {
        assert_eq!(verdict(study, progress).headline, Headline::Verified);
        assert_eq!(progress.seats.len(), 6 * 35);
    }
    let registered = &studies.kinds[1].registered;
    assert!((registered.alpha - 0.05 / 3.0).abs() < 1e-12);
    assert_eq!(studies.registered.alpha, 0.05);
    let most = studies.registered.most_questions();
    assert_eq!(
        most,
        plan(10_000_000, 1).most_questions().map(|one| 3 * one)
    );
}

#[test]
fn one_kind_is_a_study_as_it_always_was() {
    let registered = Registered {
        search: Some(Search::new(1_999, 128_000)),
        ..plan(128_000, 1)
    };
    let answer = |seat: &Seat| match seat.rung_tokens > 40_000 {
        true => Some(Outcome::Wrong),
        false => Some(Outcome::Right),
    };
    let alone = registered.study(Tally::default());
    let progress = alone.replay(&answer);
    let studies = registered.studies(&[Tally::default()]);
    let course = studies.replay(&answer);
    assert_eq!(course.seats, progress.seats);
    assert_eq!(course.kinds, [progress]);
    // Nor does its plan name what it has one of.
    let written = serde_json::to_value(&registered).expect("JSON");
    let is_named = |name: &str| written.get(name).is_some();
    assert!(
        !is_named("kinds") && !is_named("stop_at_first"),
        "{written}"
    );
    let read: Registered = serde_json::from_value(written).expect("a plan");
    assert_eq!(read, registered);
    let seat = serde_json::to_value(course.seats[0]).expect("JSON");
    assert!(seat.get("kind").is_none(), "{seat}");
}

#[test]
fn short_lengths_of_all_kinds_come_before_long_ones_of_any() {
    let studies = plan(10_000_000, 3).studies(&[]);
    let course = studies.replay(&|_| Some(Outcome::Right));
    // The scout: a block of each kind at each length below the claim, from the shortest on.
    let scouted: Vec<(u64, u32)> = course.seats[..75]
        .chunks(5)
        .map(|block| (block[0].rung_tokens, block[0].kind))
        .collect();
    let expected: Vec<(u64, u32)> = [9_766, 39_063, 156_250, 625_000, 2_500_000]
        .into_iter()
        .flat_map(|tokens| (0..3).map(move |kind| (tokens, kind)))
        .collect();
    assert_eq!(scouted, expected);
    assert_eq!(course.seats[75].rung_tokens, 10_000_000);
}

#[test]
fn a_kind_that_is_refuted_ends_the_others_only_where_that_was_asked_for() {
    let fails = |seat: &Seat| match seat.kind == 2 && seat.rung_tokens > 16_000 {
        true => Some(Outcome::Wrong),
        false => Some(Outcome::Right),
    };
    let all = plan(10_000_000, 3).studies(&[]);
    let finished = all.replay(&fails);
    assert!(finished.kinds.iter().all(|progress| progress.is_decided));
    let stopping = Registered {
        stop_at_first: true,
        ..plan(10_000_000, 3)
    };
    let stopping = stopping.studies(&[]);
    let stopped = stopping.replay(&fails);
    let decided: Vec<bool> = stopped
        .kinds
        .iter()
        .map(|progress| progress.is_decided)
        .collect();
    assert_eq!(decided, [false, false, true]);
    assert_eq!(stopped.seats[..], finished.seats[..stopped.seats.len()]);
    let longest = stopped.seats.iter().map(|seat| seat.rung_tokens).max();
    assert_eq!(longest, Some(39_063), "nothing longer was paid for");
    let headlines: Vec<Headline> = stopping
        .kinds
        .iter()
        .zip(&stopped.kinds)
        .map(|(study, progress)| verdict(study, progress).headline)
        .collect();
    use Headline::{Refuted, Undecided};
    assert_eq!(headlines, [Undecided, Undecided, Refuted]);
}

#[test]
fn searches_of_all_kinds_follow_all_verdicts() {
    let registered = Registered {
        search: Some(Search::new(1_999, 128_000)),
        ..plan(128_000, 2)
    };
    let studies = registered.studies(&[]);
    let share = studies.kinds[1].registered.search.as_ref();
    assert_eq!(share.map(|search| search.alpha), Some(0.025));
    let fails = |seat: &Seat| match seat.rung_tokens > 40_000 + 40_000 * u64::from(seat.kind) {
        true => Some(Outcome::Wrong),
        false => Some(Outcome::Right),
    };
    let course = studies.replay(&fails);
    for (nth, progress) in course.kinds.iter().enumerate() {
        let search = studies.kinds[nth].registered.search.as_ref();
        let bracket = search.expect("a search").bracket(&progress.blocks);
        let truth = 40_000 + 40_000 * nth as u64;
        let (low, high) = (bracket.low_tokens, bracket.high_tokens);
        assert!(low <= Some(truth) && high > Some(truth), "{bracket:?}");
    }
    // What is asked before any length of a search is every ladder's.
    let rungs: HashSet<u64> = [8_000, 32_000, 128_000].into();
    let first = course
        .seats
        .iter()
        .position(|seat| !rungs.contains(&seat.rung_tokens));
    let ladders = studies.registered.clone();
    let plain = Registered {
        search: None,
        ..ladders
    };
    let verdicts = plain.studies(&[]).replay(&fails).seats.len();
    assert!(first.expect("a search") >= verdicts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn several_kinds_come_to_the_same_wherever_they_were_killed(
        seed in any::<u64>(), at_a_time in 1usize..7,
    ) {
        let studies = plan(40_000, 3).studies(&[]);
        let drawn = |seat: &Seat| {
            let at = [
                seed,
                seat.rung_tokens,
                u64::from(seat.block),
                u64::from(seat.place),
                u64::from(seat.copy),
                u64::from(seat.kind),
            ];
            let key = Secret::from_hex("06").expect("hex").key("");
            match key.stream("seat", &at).below(20) {
                0 => Outcome::Void,
                1..4 => Outcome::Wrong,
                _ => Outcome::Right,
            }
        };
        let whole = studies.replay(&|seat| Some(drawn(seat)));
        let mut known = HashMap::new();
        let halting = loop {
            let course = studies.replay(&|seat| known.get(seat).copied());
            // What was given out keeps its number.
            prop_assert_eq!(&course.seats[..], &whole.seats[..course.seats.len()]);
            let Next::Ask(seats) = &course.next else {
                break course;
            };
            for seat in seats.iter().take(at_a_time) {
                known.insert(*seat, drawn(seat));
            }
        };
        prop_assert_eq!(halting, whole);
    }
}
