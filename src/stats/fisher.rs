//! Fisher's exact test of two shares.

use statrs::function::factorial::ln_factorial;

/// Tables whose chance is that much larger than the observed one's still count as equal: equal
/// chances differ by rounding (as in R's `fisher.test`).
const EQUAL: f64 = 1e-7;

/// The two-sided p-value of "both rows have the same share" for a table of right and wrong in two
/// rows: the chance, given all margins, of a table that is no likelier than the observed one
/// (Fisher 1935; as R and scipy have it). Linear in the smallest margin.
pub fn fisher_exact(table: [[u64; 2]; 2]) -> f64 {
    let [[a, b], [c, d]] = table;
    let (row, other_row, column, other_column) = (a + b, c + d, a + c, b + d);
    let margins = ln_factorial(row)
        + ln_factorial(other_row)
        + ln_factorial(column)
        + ln_factorial(other_column)
        - ln_factorial(row + other_row);
    let ln_chance = |a: u64| {
        let (b, c) = (row - a, column - a);
        margins - ln_factorial(a) - ln_factorial(b) - ln_factorial(c) - ln_factorial(other_row - c)
    };
    let most = ln_chance(a) + EQUAL;
    let sum: f64 = (column.saturating_sub(other_row)..=row.min(column))
        .map(ln_chance)
        .filter(|ln| *ln <= most)
        .map(f64::exp)
        .sum();
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::{close, number, vectors, whole};
    use proptest::prelude::*;
    use statrs::distribution::{Discrete, Hypergeometric};

    #[test]
    fn fishers_test_agrees_with_scipy() {
        for vector in vectors("fisher_exact_two_sided") {
            let cell = |row: usize, column: usize| whole(&vector["input"]["table"][row][column]);
            let p = fisher_exact([[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]);
            let expected = number(&vector["expected"]["p"]);
            assert!(close(p, expected, number(&vector["rel_tol"])), "{p}");
        }
    }

    // Fisher 1935: the lady who tells eight cups of tea apart. One more table is as unlikely.
    #[test]
    fn the_lady_tasting_tea_gets_her_published_chance() {
        assert!(close(fisher_exact([[4, 0], [0, 4]]), 2.0 / 70.0, 1e-12));
        assert!(close(fisher_exact([[3, 1], [1, 3]]), 34.0 / 70.0, 1e-12));
    }

    #[test]
    fn empty_tables_say_nothing() {
        for table in [[[0, 0], [0, 0]], [[5, 0], [7, 0]], [[3, 4], [0, 0]]] {
            assert!(close(fisher_exact(table), 1.0, 1e-12), "{table:?}");
        }
    }

    proptest! {
        #[test]
        fn the_chance_is_the_same_however_the_table_is_turned(
            a in 0u64..60, b in 0u64..60, c in 0u64..60, d in 0u64..60,
        ) {
            let p = fisher_exact([[a, b], [c, d]]);
            prop_assert!(p > 0.0 && p <= 1.0);
            for turned in [[[c, d], [a, b]], [[b, a], [d, c]], [[a, c], [b, d]]] {
                prop_assert!((fisher_exact(turned) - p).abs() < 1e-9);
            }
            // Never below what the observed table alone is worth, by another's formula.
            let law = Hypergeometric::new(a + b + c + d, a + c, a + b).expect("a law");
            prop_assert!(p >= law.pmf(a) * (1.0 - 1e-9));
        }
    }
}
