//! Outcomes dealt again at random, for p-values by permutation.

/// Deals `marked` outcomes over groups of these `sizes`, every way to do so equally likely, and
/// writes how many each group got into `dealt`. `draw` gives a random number below its bound.
///
/// The same as shuffling all outcomes, at the price of the rarer kind of them alone.
pub(super) fn deal(
    marked: u64,
    sizes: &[u64],
    dealt: &mut [u64],
    draw: &mut impl FnMut(u64) -> u64,
) {
    let total: u64 = sizes.iter().sum();
    let marked = marked.min(total);
    let is_rarer = marked <= total / 2;
    let rarer = if is_rarer { marked } else { total - marked };
    dealt.fill(0);
    for taken in 0..rarer {
        let mut place = draw(total - taken);
        for (got, size) in dealt.iter_mut().zip(sizes) {
            let free = size - *got;
            if place < free {
                *got += 1;
                break;
            }
            place -= free;
        }
    }
    if !is_rarer {
        for (got, size) in dealt.iter_mut().zip(sizes) {
            *got = size - *got;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::vectors::draws;
    use statrs::distribution::{Discrete, Hypergeometric};

    #[test]
    fn each_group_gets_as_many_as_the_hypergeometric_distribution_says() {
        let mut draw = draws(1);
        let sizes = [3, 0, 7, 5];
        for marked in [4, 11] {
            let law = Hypergeometric::new(15, marked, 7).expect("a law");
            let mut seen = [0u32; 8];
            let mut dealt = [0; 4];
            for _ in 0..20_000 {
                deal(marked, &sizes, &mut dealt, &mut draw);
                assert_eq!(dealt.iter().sum::<u64>(), marked);
                assert!(dealt.iter().zip(&sizes).all(|(got, size)| got <= size));
                seen[dealt[2] as usize] += 1;
            }
            for (got, times) in seen.iter().enumerate() {
                let expected = law.pmf(got as u64);
                // Four standard errors, which all sixteen figures of this seed keep.
                let most = 4.0 * (expected * (1.0 - expected) / 20_000.0).sqrt();
                let share = f64::from(*times) / 20_000.0;
                assert!((share - expected).abs() <= most, "{marked}, {got}: {share}");
            }
        }
    }

    #[test]
    fn dealing_all_or_none_leaves_no_choice() {
        let mut draw = draws(2);
        let mut dealt = [9; 2];
        deal(0, &[2, 3], &mut dealt, &mut draw);
        assert_eq!(dealt, [0, 0]);
        deal(5, &[2, 3], &mut dealt, &mut draw);
        assert_eq!(dealt, [2, 3]);
    }
}
