//! P-values of several tests at once.

/// Holm's step-down adjustment: the chance of any false rejection among all tests stays below the
/// level that the adjusted values are held against, whatever hangs together (Holm 1979,
/// Scandinavian Journal of Statistics 6:65). In the order of `p`; NaN counts as 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let count = p.len();
    let mut largest = 0.0f64;
    in_order(p, ascending(p), |rank, p| {
        largest = largest.max(p * (count - rank) as f64).min(1.0);
        largest
    })
}

/// The adjustment of Benjamini and Hochberg: of what is rejected at a level, that share is false
/// on average (1995, Journal of the Royal Statistical Society B 57:289). For display only: a
/// verdict needs [`holm`]. In the order of `p`; NaN counts as 1.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let count = p.len();
    let mut smallest = 1.0f64;
    let mut descending = ascending(p);
    descending.reverse();
    in_order(p, descending, |behind, p| {
        smallest = smallest.min(p * count as f64 / (count - behind) as f64);
        smallest
    })
}

/// Where the values stand in ascending order, NaN last.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<_> = (0..p.len()).collect();
    order.sort_by(|one, other| chance(p[*one]).total_cmp(&chance(p[*other])));
    order
}

/// Calls `adjusted` with each value in this order, and puts what it gives back in place.
fn in_order(p: &[f64], order: Vec<usize>, mut adjusted: impl FnMut(usize, f64) -> f64) -> Vec<f64> {
    let mut values = vec![1.0; p.len()];
    for (rank, at) in order.into_iter().enumerate() {
        values[at] = adjusted(rank, chance(p[at]));
    }
    values
}

fn chance(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::{close, number, vectors};
    use proptest::prelude::*;

    #[test]
    fn both_adjustments_agree_with_the_vectors() {
        for vector in vectors("adjust") {
            let list = |value: &serde_json::Value| -> Vec<f64> {
                value
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(number)
                    .collect()
            };
            let p = list(&vector["input"]["p"]);
            for (ours, name) in [(holm(&p), "holm"), (benjamini_hochberg(&p), "bh")] {
                let expected = list(&vector["expected"][name]);
                assert_eq!(ours.len(), expected.len());
                for (ours, expected) in ours.iter().zip(&expected) {
                    assert!(
                        close(*ours, *expected, number(&vector["rel_tol"])),
                        "{name}: {ours} is not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_and_nonsense_are_taken() {
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
        assert_eq!(holm(&[f64::NAN, 0.01, 7.0, -1.0]), [1.0, 0.03, 1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn adjusted_values_are_larger_keep_the_order_and_follow_their_place(
            p in prop::collection::vec(0.0..=1.0f64, 1..30), turn in 0usize..30,
        ) {
            let (holm_p, bh) = (holm(&p), benjamini_hochberg(&p));
            for at in 0..p.len() {
                prop_assert!(p[at] <= bh[at] + 1e-15 && bh[at] <= holm_p[at] + 1e-15);
                prop_assert!(holm_p[at] <= (p[at] * p.len() as f64).min(1.0) + 1e-15);
                for other in 0..p.len() {
                    if p[at] < p[other] {
                        prop_assert!(holm_p[at] <= holm_p[other] && bh[at] <= bh[other]);
                    }
                }
            }
            let turned = |values: &[f64]| {
                let mut values = values.to_vec();
                values.rotate_left(turn % p.len());
                values
            };
            prop_assert_eq!(holm(&turned(&p)), turned(&holm_p));
            prop_assert_eq!(benjamini_hochberg(&turned(&p)), turned(&bh));
        }
    }
}
