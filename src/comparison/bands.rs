//! Bands of lengths: few enough that each holds pairs, fixed by the lengths alone and never by the answers.

/// Most bands that lengths are put together in.
const MOST_BANDS: usize = 4;

/// The lengths of each band, shortest first, neighbouring lengths together and bands of nearly
/// equal numbers of lengths. Any order is taken, and doubles count once.
pub fn bands(lengths_tokens: &[u64]) -> Vec<Vec<u64>> {
    let mut lengths = lengths_tokens.to_vec();
    lengths.sort_unstable();
    lengths.dedup();
    let count = lengths.len().min(MOST_BANDS);
    (0..count)
        .map(|band| {
            let from = band * lengths.len() / count;
            let to = (band + 1) * lengths.len() / count;
            lengths[from..to].to_vec()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_lengths_or_fewer_are_bands_of_their_own_and_more_are_put_together() {
        assert_eq!(bands(&[4, 1, 2, 2]), [vec![1], vec![2], vec![4]]);
        assert_eq!(
            bands(&[1, 2, 3, 4, 5, 6]),
            [vec![1], vec![2, 3], vec![4], vec![5, 6]]
        );
        assert!(bands(&[]).is_empty());
    }

    #[test]
    fn every_length_is_in_one_band() {
        for most in 1..40u64 {
            let lengths: Vec<u64> = (1..=most).collect();
            let together: Vec<u64> = bands(&lengths).concat();
            assert_eq!(together, lengths);
        }
    }
}
