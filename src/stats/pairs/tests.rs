//! Pairs against vectors from scipy, exact sums over all tables, and what must always hold.

use super::*;
use crate::stats::vectors::{close, number, vectors, whole};
use proptest::prelude::*;
use serde_json::Value;

fn of(input: &Value) -> Pairs {
    Pairs {
        lose: whole(&input["lose"]),
        win: whole(&input["win"]),
        n: whole(&input["n"]),
    }
}

fn agree(vector: &Value, ours: &[(&str, f64)]) {
    for (name, ours) in ours {
        let expected = number(&vector["expected"][name]);
        assert!(
            close(*ours, expected, number(&vector["rel_tol"])),
            "{vector}: {name} is {ours}"
        );
    }
}

#[test]
fn mcnemar_agrees_with_scipy() {
    for vector in vectors("mcnemar") {
        let input = &vector["input"];
        let ours = mcnemar(whole(&input["lose"]), whole(&input["win"]));
        agree(
            &vector,
            &[
                ("exact_two_sided", ours.exact),
                ("midp_two_sided", ours.mid),
                ("midp_one_sided_loss", ours.mid_loss),
            ],
        );
    }
}

#[test]
fn tangos_score_and_interval_agree_with_the_vectors() {
    for vector in vectors("tango_noninferiority") {
        let (pairs, delta) = (of(&vector["input"]), number(&vector["input"]["delta"]));
        let (score, interval) = (pairs.noninferiority(delta), pairs.interval(0.95));
        agree(
            &vector,
            &[
                ("z", score.z),
                ("p", score.p),
                ("ci95_lower", interval.low),
                ("ci95_upper", interval.high),
            ],
        );
    }
}

#[test]
fn gate_evidence_agrees_with_the_vectors() {
    for vector in vectors("gate_ln_e") {
        let ours = of(&vector["input"]).gate(number(&vector["input"]["delta"]));
        agree(
            &vector,
            &[("ln_e_pass", ours.ln_e_pass), ("ln_e_fail", ours.ln_e_fail)],
        );
    }
}

#[test]
fn without_a_single_difference_the_floor_decides() {
    // (1 - delta)^n <= 0.05 from these numbers of pairs on.
    for (delta, enough) in [(0.10, 29), (0.05, 59), (0.03, 99)] {
        let same = |n| Pairs {
            n,
            ..Pairs::default()
        };
        assert!(same(enough).is_noninferior(delta, 0.05), "{delta}");
        assert!(!same(enough - 1).is_noninferior(delta, 0.05), "{delta}");
        // The score alone would be content with fewer.
        assert!(same(enough - 1).noninferiority(delta).p <= 0.05, "{delta}");
    }
}

/// The chance of each table of `n` pairs, losses and wins, for these chances of either.
fn tables(n: u64, lose: f64, win: f64) -> Vec<(Pairs, f64)> {
    let ln_factorial = statrs::function::factorial::ln_factorial;
    let power = |chance: f64, times: u64| match times {
        0 => 0.0,
        _ => times as f64 * chance.ln(),
    };
    let mut tables = Vec::new();
    for losses in 0..=n {
        for wins in 0..=n - losses {
            let ties = n - losses - wins;
            let ln =
                ln_factorial(n) - ln_factorial(losses) - ln_factorial(wins) - ln_factorial(ties)
                    + power(lose, losses)
                    + power(win, wins)
                    + power(1.0 - lose - win, ties);
            let pairs = Pairs {
                lose: losses,
                win: wins,
                n,
            };
            tables.push((pairs, ln.exp()));
        }
    }
    tables
}

#[test]
fn a_new_system_that_is_worse_by_the_margin_seldom_passes() {
    // At the margin itself; stats.md gives 0.000 to 0.058 for 30 to 200 pairs.
    for (n, delta) in [(30, 0.10), (60, 0.10), (100, 0.05)] {
        for win in [0.0, 0.01, 0.05, 0.2] {
            let passing: f64 = tables(n, win + delta, win)
                .iter()
                .filter(|(pairs, _)| pairs.is_noninferior(delta, 0.05))
                .map(|(_, chance)| chance)
                .sum();
            assert!(passing <= 0.0585, "{n}, {delta}, {win}: {passing}");
        }
    }
}

#[test]
fn mid_p_is_below_a_level_no_more_often_than_the_level_says() {
    for discordant in [0.05, 0.2, 0.6] {
        for n in [20, 60] {
            let tables = tables(n, discordant / 2.0, discordant / 2.0);
            let rejected = |p: fn(McNemar) -> f64| -> f64 {
                tables
                    .iter()
                    .filter(|(pairs, _)| p(mcnemar(pairs.lose, pairs.win)) <= 0.05)
                    .map(|(_, chance)| chance)
                    .sum()
            };
            let (two_sided, loss) = (rejected(|test| test.mid), rejected(|test| test.mid_loss));
            assert!(two_sided <= 0.05, "{discordant}, {n}: {two_sided}");
            assert!(loss <= 0.06, "{discordant}, {n}: {loss}");
        }
    }
}

#[test]
fn tangos_interval_covers_the_truth() {
    for (lose, win) in [(0.05, 0.05), (0.15, 0.05), (0.02, 0.0), (0.3, 0.3)] {
        let covered: f64 = tables(60, lose, win)
            .iter()
            .filter(|(pairs, _)| {
                let interval = pairs.interval(0.95);
                (interval.low..=interval.high).contains(&(win - lose))
            })
            .map(|(_, chance)| chance)
            .sum();
        assert!(covered > 0.93, "{lose}, {win}: {covered}");
    }
}

#[test]
fn the_gates_bets_are_fair_at_the_margin() {
    // The mean of one step's factor is one at most for every chance of winning; so is a
    // product's, which is what Ville's inequality needs.
    let delta = 0.05;
    for win in [0.0, 0.1, 0.4] {
        let mean: f64 = tables(12, win + delta, win)
            .iter()
            .map(|(pairs, chance)| chance * pairs.gate(delta).ln_e_pass.exp())
            .sum();
        assert!(mean <= 1.0 + 1e-9, "{win}: {mean}");
        let mean: f64 = tables(12, win, win)
            .iter()
            .map(|(pairs, chance)| chance * pairs.gate(delta).ln_e_fail.exp())
            .sum();
        assert!(mean <= 1.0 + 1e-9, "{win}: {mean}");
    }
}

#[test]
fn no_pairs_say_nothing() {
    let none = Pairs::default();
    assert_eq!(none.noninferiority(0.05).p, 1.0);
    assert!(!none.is_noninferior(0.05, 0.05));
    let interval = none.interval(0.95);
    assert_eq!((interval.low, interval.high), (-1.0, 1.0));
    assert_eq!(none.gate(0.05).ln_e_pass, 0.0);
    assert_eq!(none.gate(0.05).ln_e_fail, 0.0);
}

proptest! {
    #[test]
    fn p_values_of_pairs_are_chances_and_the_interval_holds_what_was_seen(
        lose in 0u64..400, win in 0u64..400, ties in 0u64..2000, delta in 0.01..0.5f64,
    ) {
        let pairs = Pairs { lose, win, n: lose + win + ties };
        let test = mcnemar(lose, win);
        for p in [test.exact, test.mid, test.mid_loss, pairs.noninferiority(delta).p] {
            prop_assert!((0.0..=1.0).contains(&p), "{pairs:?}: {p}");
        }
        prop_assert!(test.mid <= test.exact + 1e-12);
        let interval = pairs.interval(0.95);
        prop_assert!(-1.0 <= interval.low && interval.low <= interval.observed);
        prop_assert!(interval.observed <= interval.high && interval.high <= 1.0);
        let wider = pairs.interval(0.99);
        prop_assert!(wider.low <= interval.low && interval.high <= wider.high);
        let gate = pairs.gate(delta);
        prop_assert!(gate.ln_e_pass.is_finite() && !gate.ln_e_fail.is_nan());
    }

    #[test]
    fn changing_sides_mirrors_the_interval_and_keeps_two_sided_p_values(
        lose in 0u64..200, win in 0u64..200, ties in 0u64..500,
    ) {
        let n = lose + win + ties;
        let (one, other) = (Pairs { lose, win, n }, Pairs { lose: win, win: lose, n });
        let (one, other) = (one.interval(0.95), other.interval(0.95));
        prop_assert!((one.low + other.high).abs() < 1e-9, "{one:?} {other:?}");
        let (one, other) = (mcnemar(lose, win), mcnemar(win, lose));
        prop_assert!((one.mid - other.mid).abs() < 1e-12);
        if lose + win > 0 {
            prop_assert!((one.mid_loss + other.mid_loss - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn one_more_loss_is_evidence_against_and_never_for(
        lose in 0u64..100, win in 0u64..100, ties in 1u64..400, delta in 0.01..0.3f64,
    ) {
        let before = Pairs { lose, win, n: lose + win + ties };
        let after = Pairs { lose: lose + 1, ..before };
        prop_assert!(after.gate(delta).ln_e_pass < before.gate(delta).ln_e_pass);
        prop_assert!(after.gate(delta).ln_e_fail >= before.gate(delta).ln_e_fail - 1e-9);
        prop_assert!(after.noninferiority(delta).z < before.noninferiority(delta).z);
        prop_assert!(mcnemar(lose + 1, win).mid_loss <= mcnemar(lose, win).mid_loss + 1e-12);
    }
}
