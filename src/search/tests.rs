//! The search as a whole: what it asks, what it says, and that it ends.

use super::*;
use proptest::prelude::*;

fn block(length_tokens: u64, right: u64, wrong: u64, void: u64) -> Block {
    Block {
        length_tokens,
        tally: Tally { right, wrong, void },
    }
}

/// Asks until the search ends, each block answered by `answer` from its number and its length.
fn run(seeker: &mut Seeker, mut answer: impl FnMut(usize, u64) -> (u64, u64, u64)) -> Vec<Block> {
    let mut blocks = Vec::new();
    while let Some(length) = seeker.next(&blocks) {
        let (right, wrong, void) = answer(blocks.len(), length);
        blocks.push(block(length, right, wrong, void));
        assert!(blocks.len() < 10_000, "it never ends");
    }
    blocks
}

fn sought(search: Search) -> Seeker {
    Seeker::new(search).expect("sound settings")
}

fn small(precision: Option<f64>) -> Search {
    Search {
        precision,
        most_questions: 600,
        ..Search::new(4_000, 256_000)
    }
}

#[test]
fn the_ladder_divides_the_longest_length_and_ends_at_the_shortest() {
    assert_eq!(
        small(None).rungs(),
        [4, 8, 16, 32, 64, 128, 256].map(|k| k * 1_000)
    );
    let verify = Search {
        ladder_ratio: 4,
        ..small(None)
    };
    assert_eq!(verify.rungs(), [4, 16, 64, 256].map(|k| k * 1_000));
    assert!(Search::new(1_000, 10).rungs().is_empty());
}

#[test]
fn a_model_that_is_always_right_is_certified_to_the_top() {
    let mut seeker = sought(small(Some(0.25)));
    let blocks = run(&mut seeker, |_, _| (5, 0, 0));
    let bracket = seeker.search().bracket(&blocks);
    assert_eq!(bracket.low_tokens, Some(256_000));
    assert_eq!(bracket.high_tokens, None);
    assert_eq!(bracket.undecided, []);
    assert_eq!(seeker.estimate(&blocks), Err(Withheld::NothingRefuted));
    // The e-value of 35 of 35 is the first one above 2 / 0.025.
    assert_eq!(blocks.len(), 7 * 7);
}

#[test]
fn where_nothing_is_answered_nothing_is_said_and_little_is_asked() {
    let mut seeker = sought(small(Some(0.25)));
    let blocks = run(&mut seeker, |_, _| (0, 0, 5));
    let bracket = seeker.search().bracket(&blocks);
    assert_eq!((bracket.low_tokens, bracket.high_tokens), (None, None));
    assert_eq!(blocks.len(), 2);
    assert_eq!(bracket.undecided.len(), 1);
}

#[test]
fn a_sharp_cliff_is_bracketed_and_the_bracket_is_halved() {
    let mut seeker = sought(small(None));
    let blocks = run(&mut seeker, |_, length| match length < 50_000 {
        true => (5, 0, 0),
        false => (0, 5, 0),
    });
    let bracket = seeker.search().bracket(&blocks);
    let (low, high) = (
        bracket.low_tokens.expect("low"),
        bracket.high_tokens.expect("high"),
    );
    assert!(low < 50_000 && 50_000 <= high, "{low}..{high}");
    assert!(
        high as f64 / low as f64 <= seeker.search().bracket_ratio,
        "{low}..{high}"
    );
    let estimate = seeker.estimate(&blocks).expect("one smooth decline");
    assert!(
        estimate.low_tokens < 50_000 && 50_000 < estimate.high_tokens,
        "{estimate:?}"
    );
}

#[test]
fn a_refuted_rung_below_good_ones_is_the_upper_end() {
    let search = small(None);
    let blocks: Vec<Block> = (0..8)
        .flat_map(|_| search.rungs())
        .map(|length| match length {
            16_000 => block(length, 1, 4, 0),
            _ => block(length, 5, 0, 0),
        })
        .collect();
    let bracket = search.bracket(&blocks);
    assert_eq!(bracket.low_tokens, Some(8_000));
    assert_eq!(bracket.high_tokens, Some(16_000));
}

#[test]
fn a_gap_in_the_ladder_ends_what_is_certified() {
    let search = small(None);
    let blocks: Vec<Block> = (0..8)
        .flat_map(|_| [4_000, 8_000, 64_000])
        .map(|length| block(length, 5, 0, 0))
        .collect();
    assert_eq!(search.bracket(&blocks).low_tokens, Some(8_000));
}

#[test]
fn void_questions_count_against_both_ends() {
    let search = small(None);
    let bracket_of = |void: u64| {
        let low = (0..12).map(|_| block(4_000, 5 - void, 0, void));
        let high = (0..4).map(|_| block(8_000, 0, 5 - void, void));
        search.bracket(&low.chain(high).collect::<Vec<_>>())
    };
    let clean = bracket_of(0);
    assert_eq!(
        (clean.low_tokens, clean.high_tokens),
        (Some(4_000), Some(8_000))
    );
    let void = bracket_of(3);
    assert_eq!((void.low_tokens, void.high_tokens), (None, None));
    assert_eq!(void.undecided.len(), 2);
}

#[test]
fn what_a_verify_has_asked_is_not_asked_again() {
    let search = small(None);
    // Its ladder has every second rung; 35 right answers each certify them all.
    let verify = [4_000, 16_000, 64_000, 256_000];
    let before: Vec<Block> = verify
        .into_iter()
        .flat_map(|length| [block(length, 5, 0, 0); 7])
        .collect();
    let ladder_of_4 = Search {
        ladder_ratio: 4,
        ..search.clone()
    };
    assert_eq!(ladder_of_4.bracket(&before).low_tokens, Some(256_000));
    let (mut seeker, mut blocks) = (sought(search.clone()), before.clone());
    while let Some(length) = seeker.next(&blocks) {
        assert!(!verify.contains(&length), "{length} is asked again");
        blocks.push(block(length, 5, 0, 0));
    }
    assert_eq!(blocks.len() - before.len(), 3 * 7);
    assert_eq!(search.bracket(&blocks).low_tokens, Some(256_000));
}

/// Answers in the proportions of a curve: 200 questions at every rung.
fn ideal(search: &Search, rate: impl Fn(f64) -> f64) -> Vec<Block> {
    let of = |length: u64| {
        let right = (200.0 * rate(length as f64)).round() as u64;
        block(length, right, 200 - right, 0)
    };
    search.rungs().into_iter().map(of).collect()
}

fn fall(length: f64, middle: f64, slope: f64) -> f64 {
    1.0 / (1.0 + (slope * (length / middle).ln()).exp())
}

#[test]
fn a_fall_in_two_steps_and_a_dip_get_no_interval_and_a_smooth_one_does() {
    let search = Search::new(1_000, 1_000_000);
    let mut seeker = sought(search.clone());
    let smooth = ideal(&search, |length| 0.98 * fall(length, 150e3, 2.0));
    let estimate = seeker.estimate(&smooth).expect("an interval");
    // 0.98 / (1 + (L / 150k)²) is 0.85 at 58,660 tokens.
    assert!(
        estimate.low_tokens < 58_660 && 58_660 < estimate.high_tokens,
        "{estimate:?}"
    );
    assert!(
        estimate.half_width() < 0.3 && estimate.fit_p > 0.1,
        "{estimate:?}"
    );
    let two_steps = ideal(&search, |length| {
        (0.17 * fall(length, 15e3, 8.0) + 0.8) * fall(length, 180e3, 12.0)
    });
    let withheld = seeker.estimate(&two_steps).expect_err("no interval");
    assert!(
        matches!(
            withheld,
            Withheld::Misfit { .. } | Withheld::TwoSteps { .. }
        ),
        "{withheld}"
    );
    let dip = ideal(&search, |length| match (15e3..20e3).contains(&length) {
        true => 0.8,
        false => 0.98 * fall(length, 300e3, 6.0),
    });
    let withheld = seeker.estimate(&dip).expect_err("no interval");
    assert!(
        withheld.to_string().starts_with("no model interval"),
        "{withheld}"
    );
}

#[test]
fn settings_survive_the_way_through_a_file() {
    let search = small(Some(0.25));
    let text = serde_json::to_string(&search).expect("it is written");
    assert_eq!(
        serde_json::from_str::<Search>(&text).expect("it is read"),
        search
    );
}

#[test]
fn settings_that_make_no_sense_are_refused_in_one_line_and_support_no_bracket() {
    let sound = Search::new(1_000, 1_000_000);
    let absurd = [
        Search {
            shortest_tokens: 0,
            ..sound.clone()
        },
        Search {
            shortest_tokens: 2_000_000,
            ..sound.clone()
        },
        Search {
            tau: f64::NAN,
            ..sound.clone()
        },
        Search {
            tau: 1.0,
            ..sound.clone()
        },
        Search {
            alpha: 0.0,
            ..sound.clone()
        },
        Search {
            ladder_ratio: 1,
            ..sound.clone()
        },
        Search {
            bracket_ratio: f64::NAN,
            ..sound.clone()
        },
        Search {
            precision: Some(-1.0),
            ..sound.clone()
        },
    ];
    for search in absurd {
        let message = Seeker::new(search.clone())
            .expect_err("nonsense")
            .to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        let bracket = search.bracket(&[block(1_000, 5, 0, 0); 20]);
        assert_eq!((bracket.low_tokens, bracket.high_tokens), (None, None));
    }
}

#[test]
fn extreme_settings_end_too() {
    for (shortest, longest) in [(1, 1), (1, 2), (1, u64::MAX)] {
        for (tau, alpha) in [(1e-9, 1e-9), (1.0 - 1e-9, 0.999), (0.5, 1e-300)] {
            let mut seeker = sought(Search {
                tau,
                alpha,
                most_questions: 100,
                ..Search::new(shortest, longest)
            });
            let blocks = run(&mut seeker, |at, _| (at as u64 % 6, 5 - at as u64 % 6, 0));
            assert!(blocks.len() <= 20);
        }
    }
}

/// Outcomes of blocks: right, and void of the rest.
fn outcomes(most: usize) -> impl Strategy<Value = Vec<(u64, u64)>> {
    let outcome = prop_oneof![Just((5, 0)), Just((0, 0)), (0..=5u64, 0..=5u64)];
    prop::collection::vec(outcome, 1..most)
}

fn answered((right, void): (u64, u64)) -> (u64, u64, u64) {
    let void = void.min(5 - right);
    (right, 5 - right - void, void)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_search_ends_whatever_comes_back_and_goes_on_alike_after_a_kill(
        outcomes in outcomes(60), is_precise in any::<bool>(), killed_at in 0usize..120,
    ) {
        let search = small(is_precise.then_some(0.25));
        let mut seeker = sought(search.clone());
        // After the list's end it repeats, so that long searches see all of it.
        let blocks = run(&mut seeker, |at, _| answered(outcomes[at % outcomes.len()]));
        let asked: u64 = blocks.iter().map(|block| block.tally.asked()).sum();
        prop_assert!(asked <= search.most_questions);
        let killed_at = killed_at.min(blocks.len());
        let mut resumed = sought(search.clone());
        for at in killed_at..=blocks.len() {
            let next = blocks.get(at).map(|block| block.length_tokens);
            prop_assert_eq!(resumed.next(&blocks[..at]), next, "block {}", at);
        }
        // And one that is asked of the past again, as a resume from an older file does.
        prop_assert_eq!(resumed.next(&[]), blocks.first().map(|block| block.length_tokens));
        prop_assert_eq!(resumed.estimate(&blocks), sought(search).estimate(&blocks));
    }
}

proptest! {
    #[test]
    fn the_ends_never_cross_and_more_right_answers_at_the_top_never_lower_the_low_one(
        outcomes in prop::collection::vec((0usize..20, 0..=5u64, 0..=5u64), 1..150),
        lift in 0usize..20,
    ) {
        let search = small(None);
        let length = |nth: usize| (256_000.0 * (-(nth as f64) / 3.0).exp2()).round() as u64;
        let good = |nth: usize, right: u64| if nth > 8 { right.max(4) } else { right };
        let of = |is_lifted: bool| -> Vec<Block> {
            outcomes
                .iter()
                .map(|&(nth, right, void)| {
                    let (right, wrong, void) = answered((good(nth, right), void));
                    match is_lifted && nth <= lift {
                        true => block(length(nth), right + wrong, 0, void),
                        false => block(length(nth), right, wrong, void),
                    }
                })
                .collect()
        };
        let (plain, lifted) = (search.bracket(&of(false)), search.bracket(&of(true)));
        for bracket in [&plain, &lifted] {
            if let (Some(low), Some(high)) = (bracket.low_tokens, bracket.high_tokens) {
                prop_assert!(low < high);
            }
        }
        prop_assert!(lifted.low_tokens >= plain.low_tokens, "{:?} {:?}", plain, lifted);
        if let Some(high) = lifted.high_tokens {
            prop_assert!(plain.high_tokens.is_some_and(|plain| plain <= high));
        }
    }
}
