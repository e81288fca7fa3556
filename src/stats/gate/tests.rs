//! The gate against an exact sum over all its paths, the design's figures, and its own rules.

use super::*;
use crate::stats::PairLaw;
use crate::stats::vectors::{draws, method};
use std::collections::BTreeMap;

const LOSE: PairOutcome = PairOutcome::Lose;
const SAME: PairOutcome = PairOutcome::Same;
const MISSING: PairOutcome = PairOutcome::Missing;

/// A pair of a text of its own.
fn apart(band: usize, text: u64) -> GatePlace {
    let text = text as usize;
    GatePlace { band, text }
}

/// Texts of so many questions each, in turn over three bands, asked in rounds.
fn in_rounds(texts: usize, questions: usize) -> Vec<GatePlace> {
    (0..questions)
        .flat_map(|_| {
            (0..texts).map(|text| GatePlace {
                band: text % 3,
                text,
            })
        })
        .collect()
}

/// Pairs in this order, all in one band and each of a text of its own.
fn play(rules: GateRules, outcomes: impl IntoIterator<Item = PairOutcome>) -> Gate {
    let mut gate = Gate::new(rules, 1);
    for (text, outcome) in (0..).zip(outcomes) {
        if gate.pair(apart(0, text), outcome).is_some() {
            break;
        }
    }
    gate
}

/// Chances of PASS and FAIL and the mean number of pairs of a gate of one band, by adding up the
/// tables that it can stand at after each block.
fn exact(rules: GateRules, law: PairLaw) -> [f64; 3] {
    let pass_at = (1.0 / rules.alpha_pass).ln();
    let fail_at = (1.0 / rules.alpha_fail).ln();
    let mut open = BTreeMap::from([((0u64, 0u64), 1.0f64)]);
    let [mut pass, mut fail, mut mean] = [0.0; 3];
    for n in 1..=rules.n_max {
        let mut next = BTreeMap::new();
        for ((lose, win), chance) in &open {
            let same = 1.0 - law.lose - law.win;
            for (more, share) in [((1, 0), law.lose), ((0, 1), law.win), ((0, 0), same)] {
                *next.entry((lose + more.0, win + more.1)).or_insert(0.0) += chance * share;
            }
        }
        open = next;
        // What is rarer than this can be left out.
        open.retain(|_, chance| *chance > 1e-13);
        if n % rules.block != 0 {
            continue;
        }
        open.retain(|(lose, win), chance| {
            let evidence = Pairs {
                lose: *lose,
                win: *win,
                n,
            }
            .gate(rules.delta);
            let is_fail = evidence.ln_e_fail >= fail_at;
            // A tenth is kept for the end, where it is the same again: a text has one question.
            let ready = if n == rules.n_max { 1.0 } else { 0.9f64 };
            let is_enough = evidence.ln_e_pass + ready.ln() >= pass_at;
            let is_pass = !is_fail && is_enough && evidence.ln_e_fail < pass_at;
            fail += if is_fail { *chance } else { 0.0 };
            pass += if is_pass { *chance } else { 0.0 };
            if is_fail || is_pass || n == rules.n_max {
                mean += *chance * n as f64;
            }
            !is_fail && !is_pass
        });
    }
    [pass, fail, mean]
}

fn rules(delta: f64, n_max: u64) -> GateRules {
    GateRules {
        delta,
        n_max,
        ..GateRules::default()
    }
}

#[test]
fn eighty_pairs_alike_pass_and_nine_losses_of_a_hundred_fail() {
    // stats.md §9.
    let gate = play(rules(0.05, 400), std::iter::repeat_n(SAME, 400));
    assert_eq!(gate.verdict(), Some(&GateVerdict::Pass));
    assert_eq!(gate.asked(), 80);
    assert!((gate.ln_e_pass() - 3.148 - 0.9f64.ln()).abs() < 5e-4);
    // The losses come last, so that the gate is still open when they do; a margin of .001 is
    // beyond what a hundred pairs can show.
    let losses = |count: usize| {
        let alike = std::iter::repeat_n(SAME, 100 - count);
        play(
            rules(0.001, 100),
            alike.chain(std::iter::repeat_n(LOSE, count)),
        )
    };
    let fail = GateVerdict::Fail {
        overall: true,
        bands: vec![],
    };
    assert_eq!(losses(9).verdict(), Some(&fail));
    assert!((losses(9).all().ln_e_fail - 4.628).abs() < 5e-4);
    let neutral = GateVerdict::Neutral(NeutralReason::Undecided { asked: 100 });
    assert_eq!(losses(7).verdict(), Some(&neutral));
    assert!((losses(7).all().ln_e_fail - 3.462).abs() < 5e-4);
}

/// So many texts of one question each in one band.
fn one_band(texts: u64) -> Vec<GatePlace> {
    (0..texts).map(|text| apart(0, text)).collect()
}

#[test]
fn plays_agree_with_the_exact_sum_over_all_paths() {
    let mut draw = draws(61);
    for (rules, law) in [
        (rules(0.1, 200), PairLaw::unchanged(0.1)),
        (
            rules(0.1, 200),
            PairLaw {
                lose: 0.15,
                win: 0.05,
            },
        ),
        (rules(0.05, 200), PairLaw::unchanged(0.05)),
    ] {
        let [pass, fail, mean] = exact(rules, law);
        let plays = 3_000;
        let ours = gate_chances(rules, &one_band(200), &[law], 0.0, plays, &mut draw);
        // Four standard errors.
        let near = |ours: f64, exact: f64| {
            let error = (exact * (1.0 - exact) / plays as f64).sqrt();
            (ours - exact).abs() <= 4.0 * error + 1e-9
        };
        assert!(near(ours.pass, pass), "{law:?}: {ours:?}, {pass}");
        assert!(near(ours.fail, fail), "{law:?}: {ours:?}, {fail}");
        assert!(
            (ours.mean_pairs / mean - 1.0).abs() < 0.05,
            "{law:?}: {ours:?}, {mean}"
        );
    }
}

// stats.md §5, 8,000 simulations: delta .10, 200 pairs at most, E_fail of 100.
#[test]
fn one_band_has_the_operating_characteristics_of_the_design() {
    for (discordance, pass, fail, mean) in [
        (0.0, 1.0, 0.0, 40.0),
        (0.05, 0.995, 0.001, 70.0),
        (0.10, 0.94, 0.002, 96.0),
        (0.20, 0.68, 0.004, 135.0),
    ] {
        let ours = exact(rules(0.1, 200), PairLaw::unchanged(discordance));
        assert!((ours[0] - pass).abs() < 0.02, "{discordance}: {ours:?}");
        assert!((ours[1] - fail).abs() < 0.002, "{discordance}: {ours:?}");
        assert!((ours[2] - mean).abs() < 3.0, "{discordance}: {ours:?}");
    }
    for (lose, win, fail) in [(0.11, 0.01, 0.91), (0.15, 0.05, 0.54)] {
        let ours = exact(rules(0.1, 200), PairLaw { lose, win });
        assert!(
            (ours[1] - fail).abs() < 0.02 && ours[0] < 0.03,
            "{lose}: {ours:?}"
        );
    }
    let ours = exact(
        rules(0.1, 200),
        PairLaw {
            lose: 0.21,
            win: 0.01,
        },
    );
    assert!(
        ours[1] > 0.99 && (57.0 - 2.0..82.0).contains(&ours[2]),
        "{ours:?}"
    );
}

#[test]
fn a_gate_of_three_bands_seldom_fails_for_nothing_and_finds_a_band_that_broke() {
    let mut draw = draws(62);
    for discordance in [0.05, 0.2] {
        let unchanged = [PairLaw::unchanged(discordance); 3];
        let ours = gate_chances(
            rules(0.05, 400),
            &in_rounds(400, 1),
            &unchanged,
            0.0,
            1_000,
            &mut draw,
        );
        // A level of .01; this is four standard errors above half of it, which it keeps.
        assert!(ours.fail <= 0.014, "{discordance}: {ours:?}");
    }
    let noise = PairLaw::unchanged(0.05);
    let broken = [noise, noise, PairLaw::dropped(0.3, 0.05)];
    let ours = gate_chances(
        rules(0.05, 400),
        &in_rounds(400, 1),
        &broken,
        0.0,
        300,
        &mut draw,
    );
    assert!(ours.fail > 0.95 && ours.pass < 0.03, "{ours:?}");
    // A drop of the margin itself passes with a chance of .05 at most, whatever else happens.
    let at_margin = [PairLaw::dropped(0.1, 0.05); 3];
    let ours = gate_chances(
        rules(0.1, 200),
        &in_rounds(200, 1),
        &at_margin,
        0.0,
        1_000,
        &mut draw,
    );
    assert!(ours.pass <= 0.05 + 0.03, "{ours:?}");
}

#[test]
fn the_band_that_broke_is_named_by_holm() {
    let mut gate = Gate::new(rules(0.01, 4_000), 3);
    let mut at = 0;
    let verdict = loop {
        at += 1;
        let (band, lost) = (at % 3, at % 3 == 2 && at % 2 == 0);
        let outcome = if lost { LOSE } else { SAME };
        if let Some(verdict) = gate.pair(apart(band, at as u64), outcome) {
            break verdict.clone();
        }
    };
    let GateVerdict::Fail { bands, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(bands, [2]);
    assert!(gate.bands()[0].pairs.lose == 0 && gate.bands()[2].pairs.lose >= 9);
    // Pairs that come after the verdict change nothing.
    let asked = gate.asked();
    gate.pair(apart(0, 9_999), LOSE);
    assert_eq!(gate.asked(), asked);
}

#[test]
fn losses_of_one_band_that_stand_out_hold_a_pass_back() {
    // One band loses six pairs of 300, the other wins as many: the whole is as it was.
    let mut gate = Gate::new(rules(0.1, 300), 2);
    for at in 0..300 {
        let outcome = match at {
            // A few losses at once, so that no look before them has passed.
            0..6 => LOSE,
            6..12 => PairOutcome::Win,
            _ => SAME,
        };
        if gate
            .pair(apart(usize::from(at >= 6), at), outcome)
            .is_some()
        {
            break;
        }
    }
    // Six of six losses: E = 2^7 / 7 · (1 − 2^−7) = 18.1, seven: 31.9.
    assert_eq!(gate.verdict(), Some(&GateVerdict::Pass));
    let mut gate = Gate::new(rules(0.1, 300), 2);
    for at in 0..300 {
        let outcome = match at {
            0..7 => LOSE,
            7..14 => PairOutcome::Win,
            _ => SAME,
        };
        if gate
            .pair(apart(usize::from(at >= 7), at), outcome)
            .is_some()
        {
            break;
        }
    }
    assert!(gate.ln_e_pass() >= gate.ln_pass_at());
    let doubt = NeutralReason::Doubt { bands: vec![0] };
    assert_eq!(gate.verdict(), Some(&GateVerdict::Neutral(doubt)));
}

#[test]
fn missing_pairs_are_no_losses_and_too_many_leave_no_verdict() {
    // One missing pair in 25 is few enough: it takes three blocks to be.
    let sparse = (0..400).map(|at| if at % 25 == 0 { MISSING } else { SAME });
    assert_eq!(
        play(rules(0.1, 400), sparse).verdict(),
        Some(&GateVerdict::Pass)
    );
    // One in ten never is; the gate ends once no answers could bring the share down.
    let dense = (0..400).map(|at| if at % 10 == 0 { MISSING } else { SAME });
    let gate = play(rules(0.1, 400), dense);
    let reason = NeutralReason::Missing {
        missing: 21,
        asked: 210,
    };
    assert_eq!(gate.verdict(), Some(&GateVerdict::Neutral(reason)));
    // Nor do losses fail where errors hide the rest.
    let lost = (0..60).map(|at| if at % 10 == 0 { MISSING } else { LOSE });
    let gate = play(rules(0.1, 60), lost);
    assert!(gate.all().ln_e_fail > 20.0);
    assert!(matches!(
        gate.verdict(),
        Some(GateVerdict::Neutral(NeutralReason::Missing { .. }))
    ));
}

#[test]
fn a_gate_that_is_ended_early_looks_at_what_it_has() {
    let mut gate = play(rules(0.1, 400), std::iter::repeat_n(SAME, 39));
    assert_eq!(gate.verdict(), None);
    assert_eq!(gate.finish(), GateVerdict::Pass);
    let mut gate = play(rules(0.05, 400), std::iter::repeat_n(SAME, 15));
    let reason = NeutralReason::Undecided { asked: 15 };
    assert_eq!(gate.finish(), GateVerdict::Neutral(reason));
    assert_eq!(gate.verdict(), Some(&gate.clone().finish()));
    let mut gate = Gate::new(rules(0.05, 0), 0);
    let reason = NeutralReason::Undecided { asked: 0 };
    assert_eq!(gate.finish(), GateVerdict::Neutral(reason));
}

#[test]
fn the_flake_budget_shares_half_a_false_alarm_a_year() {
    assert!((alpha_fail(365.0) - 0.001_37).abs() < 1e-5);
    // Daily: an e-value of 730.
    let daily = GateRules {
        alpha_fail: alpha_fail(365.0),
        ..GateRules::default()
    };
    assert!((Gate::new(daily, 1).ln_fail_at().exp() - 730.0).abs() < 1e-6);
    assert!((Gate::new(daily, 3).ln_fail_at().exp() - 1460.0).abs() < 1e-6);
    for few in [12.0, 0.0, -1.0, f64::NAN] {
        assert_eq!(alpha_fail(few), 0.01);
    }
}

#[test]
fn a_text_that_is_lost_at_once_counts_once() {
    // Forty questions lost on one text, then all alike on others.
    let mut gate = Gate::new(rules(0.05, 400), 1);
    for _ in 0..40 {
        gate.pair(apart(0, 0), LOSE);
    }
    assert_eq!(gate.verdict(), None);
    let count = gate.all();
    assert_eq!(
        (count.pairs.lose, count.texts.lose, count.texts.n),
        (40, 1, 1)
    );
    // E of one loss of one: 2² / 2 · (1 − 2⁻²) = 1.5.
    assert!((count.ln_e_fail.exp() - 1.5).abs() < 1e-9);
    // The sign is that of the first pair that differed, whatever came later.
    let mut gate = Gate::new(rules(0.05, 400), 1);
    for outcome in [SAME, MISSING, PairOutcome::Win, LOSE, LOSE] {
        gate.pair(apart(0, 0), outcome);
    }
    assert_eq!((gate.all().texts.lose, gate.all().texts.win), (0, 1));
    // Questions alike on too few texts never pass.
    let mut gate = Gate::new(rules(0.05, 400), 1);
    for at in 0..400 {
        gate.pair(apart(0, at % 40), SAME);
    }
    let reason = NeutralReason::Undecided { asked: 400 };
    assert_eq!(gate.verdict(), Some(&GateVerdict::Neutral(reason)));
}

#[test]
fn the_last_look_counts_what_later_rounds_have_shown() {
    // One loss among the first questions of 120 texts leaves PASS out of reach in the first round:
    // logarithms 2.20, 3.02 with the means of the texts' four questions, of 3.00.
    let outcome = |at: u64| if at == 0 { LOSE } else { SAME };
    let mut gate = Gate::new(rules(0.05, 480), 1);
    for at in 0..479 {
        assert_eq!(gate.pair(apart(0, at % 120), outcome(at)), None, "{at}");
    }
    let before = gate.ln_e_pass();
    gate.pair(apart(0, 119), SAME);
    assert!(
        gate.ln_e_pass() > before + 0.5,
        "{before} {}",
        gate.ln_e_pass()
    );
    assert_eq!(gate.verdict(), Some(&GateVerdict::Pass));
}

#[test]
fn questions_of_one_text_that_go_together_fake_neither_pass_nor_fail() {
    let mut draw = draws(64);
    let places = in_rounds(80, 5);
    let plays = 1_000;
    for alike in [0.2, 1.0] {
        let mut of = |law| {
            gate_chances(
                rules(0.05, 400),
                &places,
                &[law; 3],
                alike,
                plays,
                &mut draw,
            )
        };
        // Four standard errors above the levels of .05 and .01.
        let at_margin = of(PairLaw::dropped(0.05, 0.0));
        assert!(at_margin.pass <= 0.05 + 0.028, "{alike}: {at_margin:?}");
        let unchanged = of(PairLaw::unchanged(0.05));
        assert!(unchanged.fail <= 0.01 + 0.013, "{alike}: {unchanged:?}");
    }
}

/// `cargo test --release --lib stats::gate -- --ignored`, half a minute: METHOD.md has these tables.
#[test]
#[ignore = "10,000 plays of each cell; run by the command above"]
fn the_gates_operating_characteristics_are_those_of_the_method() {
    let mut draw = draws(63);
    let mut play = |places: &[GatePlace], laws: &[PairLaw], alike: f64| {
        gate_chances(rules(0.05, 400), places, laws, alike, 10_000, &mut draw)
    };
    let mut table = String::new();
    // The baseline of README.md: 47 samples of three lengths, three questions each.
    let places = in_rounds(141, 3);
    for discordance in [0.0, 0.02, 0.05, 0.10, 0.20] {
        let unchanged = [PairLaw::unchanged(discordance); 3];
        let none = play(&places, &unchanged, 0.0);
        assert!(none.fail <= 0.01, "{discordance}: {none:?}");
        table += &format!(
            "| {discordance:.2} | {:.3} | {:.4} | {:.0} |",
            none.pass, none.fail, none.mean_pairs
        );
        let noise = PairLaw::unchanged(discordance);
        let everywhere = |drop| [PairLaw::dropped(drop, discordance); 3];
        for dropped in [
            everywhere(0.05),
            everywhere(0.1),
            everywhere(0.2),
            [noise, noise, PairLaw::dropped(0.3, discordance)],
        ] {
            let found = play(&places, &dropped, 0.0);
            // The mean drop is the margin or more. Four standard errors.
            assert!(found.pass <= 0.059, "{dropped:?}: {found:?}");
            table += &format!(" {:.3}, {:.3} |", found.fail, found.pass);
        }
        table += "\n";
    }
    let mut clusters = String::new();
    for (texts, questions, alike) in [
        (400, 1, 0.0),
        (141, 3, 0.0),
        (141, 3, 0.2),
        (141, 3, 1.0),
        (80, 5, 0.0),
        (80, 5, 0.2),
        (80, 5, 1.0),
    ] {
        let places = in_rounds(texts, questions);
        let unchanged = play(&places, &[PairLaw::unchanged(0.05); 3], alike);
        let silent = play(&places, &[PairLaw::dropped(0.05, 0.0); 3], alike);
        let noisy = play(&places, &[PairLaw::dropped(0.05, 0.05); 3], alike);
        let double = play(&places, &[PairLaw::dropped(0.1, 0.05); 3], alike);
        // Four standard errors above the levels.
        assert!(unchanged.fail <= 0.014, "{texts} {alike}: {unchanged:?}");
        assert!(
            silent.pass.max(noisy.pass) <= 0.059,
            "{texts} {alike}: {silent:?} {noisy:?}"
        );
        clusters += &format!(
            "| {texts} × {questions} | {alike:.1} | {:.3} | {:.4} | {:.0} | {:.3} | {:.3} | {:.3} |\n",
            unchanged.pass,
            unchanged.fail,
            unchanged.mean_pairs,
            silent.pass,
            noisy.pass,
            double.fail
        );
    }
    assert!(
        method().contains(&table) && method().contains(&clusters),
        "METHOD.md does not hold\n{table}\n{clusters}"
    );
}
