//! Power against sums over all tables, published sample sizes, and the table of the design.

use super::*;
use crate::stats::vectors::method;
use statrs::function::factorial::ln_factorial;

/// The chance that `passes` holds, over all tables of `n` pairs one by one.
fn by_tables(n: u64, law: PairLaw, passes: impl Fn(Pairs) -> bool) -> f64 {
    let times = |chance: f64, count: u64| match count {
        0 => 0.0,
        _ => count as f64 * chance.ln(),
    };
    let mut sum = 0.0;
    for lose in 0..=n {
        for win in (0..=n - lose).filter(|win| passes(Pairs { lose, win: *win, n })) {
            let ties = n - lose - win;
            let ways = ln_factorial(n) - ln_factorial(lose) - ln_factorial(win);
            let ln = ways - ln_factorial(ties)
                + times(law.lose, lose)
                + times(law.win, win)
                + times(1.0 - law.lose - law.win, ties);
            sum += ln.exp();
        }
    }
    sum
}

#[test]
fn power_is_the_sum_over_all_tables() {
    for law in [
        PairLaw::dropped(0.2, 0.1),
        PairLaw::dropped(0.05, 0.0),
        PairLaw::unchanged(0.3),
        PairLaw::dropped(1.0, 0.5),
    ] {
        for n in [1, 12, 45] {
            let one = power(n, law, Sides::One, 0.05);
            let expected = by_tables(n, law, |pairs| {
                mcnemar(pairs.lose, pairs.win).mid_loss <= 0.05
            });
            assert!(
                (one - expected).abs() < 1e-9,
                "{law:?}, {n}: {one}, {expected}"
            );
            let two = power(n, law, Sides::Two, 0.05);
            let expected = by_tables(n, law, |pairs| {
                pairs.lose > pairs.win && mcnemar(pairs.lose, pairs.win).mid <= 0.05
            });
            assert!(
                (two - expected).abs() < 1e-9,
                "{law:?}, {n}: {two}, {expected}"
            );
            let ours = noninferiority_power(n, law, 0.1, 0.05);
            let expected = by_tables(n, law, |pairs| pairs.is_noninferior(0.1, 0.05));
            assert!(
                (ours - expected).abs() < 1e-9,
                "{law:?}, {n}: {ours}, {expected}"
            );
        }
    }
}

// stats.md §5, exact, found on a coarser grid of n: power at their numbers is what they say, and
// ours need as many pairs within the saw teeth. delta; discordance; n for 80 % and 90 %.
#[test]
fn pairs_for_noninferiority_are_those_of_the_design() {
    let table = [
        (0.03, 0.01, 147, 199),
        (0.03, 0.02, 219, 265),
        (0.03, 0.05, 381, 523),
        (0.03, 0.10, 706, 976),
        (0.03, 0.20, 1385, 1917),
        (0.05, 0.01, 87, 87),
        (0.05, 0.02, 87, 118),
        (0.05, 0.05, 158, 210),
        (0.05, 0.10, 269, 364),
        (0.05, 0.20, 505, 699),
        (0.10, 0.01, 29, 42),
        (0.10, 0.02, 42, 42),
        (0.10, 0.05, 49, 69),
        (0.10, 0.10, 77, 104),
        (0.10, 0.20, 130, 178),
    ];
    for (delta, discordance, at_80, at_90) in table {
        for (theirs, chance) in [(at_80, 0.8), (at_90, 0.9)] {
            let law = PairLaw::unchanged(discordance);
            let there = noninferiority_power(theirs, law, delta, 0.05);
            assert!(there >= chance, "{delta}, {discordance}, {theirs}: {there}");
            let ours = pairs_for_noninferiority(delta, discordance, 0.05, chance);
            let ours = ours.expect("few enough");
            assert!(noninferiority_power(ours, law, delta, 0.05) >= chance);
            assert!(noninferiority_power(ours - 1, law, delta, 0.05) < chance);
            let ratio = ours as f64 / theirs as f64;
            assert!(
                (0.92..=1.17).contains(&ratio),
                "{delta}, {discordance}: {ours}, {theirs}"
            );
        }
    }
}

// Connor 1987 (Biometrics 43:207): pairs for McNemar's test by the normal law.
#[test]
fn pairs_for_a_drop_are_near_connors_formula() {
    let (z_alpha, z_power) = (1.959_964, 0.841_621);
    for (drop, discordance) in [(0.05, 0.1), (0.1, 0.1), (0.1, 0.2), (0.2, 0.05)] {
        let law = PairLaw::dropped(drop, discordance);
        let differing = law.lose + law.win;
        let root = z_alpha * f64::sqrt(differing) + z_power * f64::sqrt(differing - drop * drop);
        let connor = (root / drop).powi(2);
        let ours = pairs_for_drop(drop, discordance, Sides::Two, 0.05, 0.8).expect("few enough");
        let ratio = ours as f64 / connor;
        assert!(
            (0.9..1.1).contains(&ratio),
            "{drop}, {discordance}: {ours}, {connor}"
        );
    }
}

#[test]
fn the_detectable_drop_is_where_power_reaches_what_is_asked() {
    for (n, discordance) in [(30, 0.0), (50, 0.1), (200, 0.05), (1000, 0.2)] {
        for sides in [Sides::One, Sides::Two] {
            let drop = detectable_drop(n, discordance, sides, 0.05, 0.8).expect("a drop");
            let at = |drop| power(n, PairLaw::dropped(drop, discordance), sides, 0.05);
            assert!(
                at(drop) >= 0.8 && at(drop - 0.001) < 0.8,
                "{n}, {discordance}: {drop}"
            );
        }
    }
    // Four pairs: even all lost have a mid-p value of 1/32 one-sided and 1/16 two-sided.
    assert!(detectable_drop(4, 0.0, Sides::One, 0.05, 0.8).is_some());
    assert_eq!(detectable_drop(4, 0.0, Sides::Two, 0.05, 0.8), None);
    assert_eq!(detectable_drop(0, 0.1, Sides::One, 0.05, 0.8), None);
    assert_eq!(pairs_for_drop(0.0, 0.1, Sides::One, 0.05, 0.8), None);
}

#[test]
fn more_pairs_a_larger_drop_and_less_noise_help() {
    let drop =
        |n, discordance| detectable_drop(n, discordance, Sides::One, 0.05, 0.8).expect("a drop");
    assert!(drop(100, 0.1) > drop(200, 0.1) && drop(200, 0.1) > drop(800, 0.1));
    assert!(drop(200, 0.05) < drop(200, 0.2));
    for n in [50, 200] {
        let powers: Vec<f64> = (0..20)
            .map(|step| {
                power(
                    n,
                    PairLaw::dropped(f64::from(step) / 20.0, 0.1),
                    Sides::Two,
                    0.05,
                )
            })
            .collect();
        assert!(
            powers.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9),
            "{powers:?}"
        );
        assert!(powers[0] < 0.05);
    }
}

#[test]
fn the_detectable_drops_are_those_of_the_method() {
    let text = method();
    for (written, n) in [
        ("30", 30),
        ("100", 100),
        ("200", 200),
        ("400", 400),
        ("1,000", 1_000),
    ] {
        let mut row = format!("| {written} |");
        for discordance in [0.02, 0.05, 0.10, 0.20] {
            let [one, two] = [Sides::One, Sides::Two].map(|sides| {
                let drop = detectable_drop(n, discordance, sides, 0.05, 0.8).expect("a drop");
                format!("{drop:.3}").trim_start_matches('0').to_owned()
            });
            row += &format!(" {one} ({two}) |");
        }
        assert!(text.contains(&row), "METHOD.md does not hold {row}");
    }
}
