//! The scan against the published statistic, planted holes, flat maps, and what must always hold.

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

/// A map of `lengths` × `depths` with `each` questions a cell, right by chance.
fn map(
    (lengths, depths, each): (usize, usize, u64),
    rate: impl Fn(usize, usize) -> f64,
    draw: &mut impl FnMut(u64) -> u64,
) -> Vec<Vec<Tally>> {
    let mut cell = |length, depth| {
        let most = (rate(length, depth) * 1e6) as u64;
        tally(
            (0..each).filter(|_| draw(1_000_000) < most).count() as u64,
            each,
        )
    };
    (0..lengths)
        .map(|length| (0..depths).map(|depth| cell(length, depth)).collect())
        .collect()
}

/// Kulldorff's Bernoulli statistic as he wrote it, cell by cell, over rectangles that do not take
/// in all depths: the largest one and where it is.
fn plain(cells: &[Vec<Tally>]) -> Option<(f64, Range<usize>, Range<usize>)> {
    let (lengths, depths) = (cells.len(), cells[0].len());
    let total: Tally = cells.iter().flatten().copied().sum();
    let ln = |k: u64, n: u64| {
        let term = |x: u64| match x {
            0 => 0.0,
            _ => x as f64 * (x as f64 / n as f64).ln(),
        };
        term(k) + term(n - k)
    };
    let mut best: Option<(f64, Range<usize>, Range<usize>)> = None;
    for top in 0..lengths {
        for bottom in top + 1..=lengths {
            for left in 0..depths {
                for right in left + 1..=depths {
                    let inside: Tally = cells[top..bottom]
                        .iter()
                        .flat_map(|row| &row[left..right])
                        .copied()
                        .sum();
                    let (k, n) = (inside.right, inside.answered());
                    let (out_k, out_n) = (total.right - k, total.answered() - n);
                    let is_low = (k as f64) * (out_n as f64) < (out_k as f64) * (n as f64);
                    if right - left == depths || 2 * n > out_n + n || !is_low {
                        continue;
                    }
                    let llr = ln(k, n) + ln(out_k, out_n) - ln(total.right, total.answered());
                    if best.as_ref().is_none_or(|(most, ..)| llr > most + 1e-9) {
                        best = Some((llr, top..bottom, left..right));
                    }
                }
            }
        }
    }
    best
}

#[test]
fn the_likelihood_ratio_agrees_with_the_vectors() {
    for vector in vectors("scan_llr") {
        let of = |name: &str| whole(&vector["input"][name]);
        let (k, n) = (of("k_in"), of("n_in"));
        let map = vec![vec![tally(k, n), tally(of("K") - k, of("N") - n)]];
        let region = weakest_region(&map, 9, &mut draws(1)).expect("a region");
        let expected = number(&vector["expected"]["llr"]);
        assert!(
            close(region.llr, expected, number(&vector["rel_tol"])),
            "{region:?}"
        );
        assert_eq!((region.lengths, region.depths), (0..1, 0..1));
        assert_eq!((region.right, region.n), (k, n));
    }
}

#[test]
fn with_one_rate_at_all_lengths_it_is_kulldorffs_statistic() {
    let mut draw = draws(2);
    for _ in 0..20 {
        // As many right answers in every row, dealt over its depths.
        let rows: Vec<Vec<Tally>> = (0..5)
            .map(|_| {
                let mut wrong = [0; 6];
                deal(9, &[4; 6], &mut wrong, &mut draw);
                wrong.iter().map(|wrong| tally(4 - wrong, 4)).collect()
            })
            .collect();
        let ours = weakest_region(&rows, 1, &mut draw).expect("a region");
        let (llr, ..) = plain(&rows).expect("a region");
        assert!(close(ours.llr, llr, 1e-9), "{} is not {llr}", ours.llr);
    }
}

#[test]
fn a_planted_hole_is_found_where_it_is() {
    let hole = |length, depth| match (length, depth) {
        (2..5, 3..6) => 0.3,
        _ => 0.95,
    };
    let mut draw = draws(3);
    let mut exact = 0;
    for _ in 0..20 {
        let cells = map((8, 9, 6), hole, &mut draw);
        let region = weakest_region(&cells, 199, &mut draw).expect("a region");
        assert_eq!(region.p, 0.005, "{region:?}");
        assert!((region.right as f64) < region.expected_right);
        exact += u32::from((region.lengths, region.depths) == (2..5, 3..6));
    }
    assert!(exact >= 14, "{exact} of 20");
}

#[test]
fn flat_maps_seldom_raise_an_alarm() {
    let mut draw = draws(4);
    for each in [1, 5] {
        let alarms = (0..200)
            .filter(|_| {
                let cells = map((6, 5, each), |_, _| 0.9, &mut draw);
                weakest_region(&cells, 99, &mut draw).is_some_and(|region| region.p <= 0.05)
            })
            .count();
        // Ten are expected at most; 22 are four standard errors more.
        assert!(alarms <= 22, "{each}: {alarms} of 200");
    }
}

#[test]
fn a_cliff_over_lengths_is_no_finding_about_depths_and_hides_none() {
    let cliff = [0.99, 0.97, 0.9, 0.5, 0.2, 0.1];
    let with_hole = |length: usize, depth| match (length, depth) {
        (1..3, 2) => 0.3,
        _ => cliff[length],
    };
    let mut draw = draws(5);
    let (mut alarms, mut found, mut plainly) = (0, 0, 0);
    for _ in 0..60 {
        let flat = map((6, 5, 20), |length, _| cliff[length], &mut draw);
        let region = weakest_region(&flat, 99, &mut draw);
        alarms += u32::from(region.is_some_and(|region| region.p <= 0.05));
        let holed = map((6, 5, 20), with_hole, &mut draw);
        let region = weakest_region(&holed, 99, &mut draw).expect("a region");
        let is_the_hole = (region.lengths, region.depths) == (1..3, 2..3);
        found += u32::from(is_the_hole && region.p <= 0.05);
        // Without the lengths' own rates the weakest rectangle is where the cliff is.
        let (_, lengths, _) = plain(&holed).expect("a region");
        plainly += u32::from(lengths == (1..3));
    }
    assert!(alarms <= 9, "{alarms} of 60");
    assert!(found >= 50, "{found} of 60");
    assert_eq!(plainly, 0);
}

#[test]
fn maps_without_a_weak_rectangle_have_none() {
    let none = |cells: &[Vec<Tally>]| weakest_region(cells, 9, &mut draws(6)).is_none();
    assert!(none(&[]));
    assert!(none(&[vec![], vec![]]));
    assert!(none(&[vec![tally(5, 5); 4], vec![tally(3, 3); 4]]));
    assert!(none(&[vec![tally(0, 5); 4], vec![tally(0, 3); 4]]));
    // Lengths differ and depths do not; one depth alone cannot.
    assert!(none(&[vec![tally(4, 5); 4], vec![tally(1, 5); 4]]));
    assert!(none(&[vec![tally(4, 5)], vec![tally(1, 5)]]));
    let void = Tally {
        void: 7,
        ..Tally::default()
    };
    assert!(none(&[vec![void; 3]]));
    // A row that is too short was not asked there.
    assert!(!none(&[vec![tally(0, 5), tally(9, 9)], vec![tally(5, 5)]]));
}

#[test]
fn of_regions_with_the_same_answers_the_smallest_is_named() {
    let never = Tally::default();
    let cells = vec![
        vec![never; 5],
        vec![tally(30, 30), never, tally(2, 20), never, tally(30, 30)],
        vec![never; 5],
    ];
    let region = weakest_region(&cells, 99, &mut draws(7)).expect("a region");
    assert_eq!((region.lengths, region.depths), (1..2, 2..3));
}

proptest! {
    #[test]
    fn counts_that_are_enough_say_the_same_as_the_ratios_themselves(
        cells in prop::collection::vec(prop::collection::vec((0u64..9, 0u64..9), 4), 1..5),
        seed in 0u64..999,
    ) {
        let cells: Vec<Vec<Tally>> = cells
            .iter()
            .map(|row| row.iter().map(|(right, wrong)| tally(*right, right + wrong)).collect())
            .collect();
        let grid = Grid::new(&cells);
        let scan = Scan::new(&grid);
        let (mut sums, mut draw) = (Sums::new(&grid), draws(seed));
        let mut dealt = vec![0; grid.depths];
        let mut best = || {
            for length in 0..grid.lengths {
                let row = grid.row(length);
                let sizes: Vec<u64> = row.iter().map(|cell| cell.answered()).collect();
                let wrong = row.iter().map(|cell| cell.wrong).sum();
                deal(wrong, &sizes, &mut dealt, &mut draw);
                sums.set(length, &dealt);
            }
            let llr = scan.best(&sums).map_or(0.0, |(_, llr)| llr);
            (llr, scan.enough(1.0).iter().any(|(window, enough)| sums.within(window) >= *enough))
        };
        for _ in 0..20 {
            let (llr, is_enough) = best();
            prop_assert!(is_enough == (llr >= 1.0) || (llr - 1.0).abs() < 1e-8, "{llr}");
        }
    }

    #[test]
    fn the_region_is_a_proper_part_that_is_worse_than_its_lengths(
        cells in prop::collection::vec(
            prop::collection::vec((0u64..6, 0u64..6), 0..6), 0..6,
        ),
        seed in 0u64..99,
    ) {
        let cells: Vec<Vec<Tally>> = cells
            .iter()
            .map(|row| row.iter().map(|(right, wrong)| tally(*right, right + wrong)).collect())
            .collect();
        if let Some(region) = weakest_region(&cells, 19, &mut draws(seed)) {
            let inside: Tally = cells[region.lengths.clone()]
                .iter()
                .flat_map(|row| row.iter().skip(region.depths.start).take(region.depths.len()))
                .copied()
                .sum();
            prop_assert_eq!((inside.right, inside.answered()), (region.right, region.n));
            let total: Tally = cells.iter().flatten().copied().sum();
            prop_assert!(2 * region.n <= total.answered());
            prop_assert!((region.right as f64) < region.expected_right);
            prop_assert!(region.llr > 0.0 && region.p > 0.0 && region.p <= 1.0);
            // Turned around it is as weak.
            let turned: Vec<Vec<Tally>> = cells.iter().rev().cloned().collect();
            let other = weakest_region(&turned, 1, &mut draws(seed)).expect("a region");
            prop_assert!((other.llr - region.llr).abs() < 1e-9);
        }
    }
}
