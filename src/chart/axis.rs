//! Axes: what stands at a tick, where it stands, and how labels keep out of each other's way.

use crate::number::{grouped, percent_figure};
use std::collections::BTreeSet;

/// Lengths in order, each once.
pub fn ordered(lengths: impl Iterator<Item = u64>) -> Vec<u64> {
    lengths.collect::<BTreeSet<u64>>().into_iter().collect()
}

/// A length in full: `16k` and `1.5M` where that is exact, else all digits (`131,072`).
pub fn exact_tick(tokens: u64) -> String {
    match tokens {
        0 => "0".to_owned(),
        _ if tokens.is_multiple_of(10_000) && tokens >= 1_000_000 => {
            format!("{}M", tokens as f64 / 1e6)
        }
        _ if tokens.is_multiple_of(100) && (1_000..1_000_000).contains(&tokens) => {
            format!("{}k", tokens as f64 / 1e3)
        }
        _ => grouped(tokens),
    }
}

/// A length for an axis with little room: three digits from 10,000 on (`131k`), all of them below,
/// because `1k` for 1,024 tokens would be read as another length.
pub fn tick(tokens: u64) -> String {
    let rounded = |unit: f64, sign: &str| {
        let units = tokens as f64 / unit;
        let decimals = match units {
            0.0..9.995 => 2,
            9.995..99.95 => 1,
            _ => 0,
        };
        let figure = format!("{units:.decimals$}");
        let figure = if figure.contains('.') {
            figure.trim_end_matches('0').trim_end_matches('.')
        } else {
            &figure
        };
        format!("{figure}{sign}")
    };
    match tokens {
        0..10_000 => exact_tick(tokens),
        10_000..999_500 => rounded(1e3, "k"),
        999_500..999_500_000 => rounded(1e6, "M"),
        _ => rounded(1e9, "G"),
    }
}

/// Labels of tested lengths: short ones, unless two of them would read the same.
pub fn short_ticks(lengths: &[u64]) -> Vec<String> {
    let short: Vec<String> = lengths.iter().map(|length| tick(*length)).collect();
    let mut seen = short.clone();
    seen.sort();
    seen.dedup();
    if seen.len() == lengths.len() {
        short
    } else {
        lengths.iter().map(|length| exact_tick(*length)).collect()
    }
}

/// A depth in percent, with a digit after the point only where it has one.
pub fn depth_tick(depth_percent: f64) -> String {
    format!(
        "{} %",
        percent_figure((depth_percent.round() / 100.0).clamp(0.0, 1.0))
    )
}

/// A logarithmic axis.
#[derive(Clone, Copy, Debug)]
pub struct LogAxis {
    /// Logarithms of both ends.
    ends: (f64, f64),
    /// Pixels of both ends.
    pixels: (f64, f64),
}

impl LogAxis {
    /// An axis from the smallest to the largest length, between two pixels.
    pub fn new(smallest: u64, largest: u64, pixels: (f64, f64)) -> LogAxis {
        let ends = ((smallest.max(1) as f64).ln(), (largest.max(1) as f64).ln());
        LogAxis { ends, pixels }
    }

    /// Where a length lies; in the middle where there is but one.
    pub fn at(&self, tokens: u64) -> f64 {
        let (from, to) = self.ends;
        let share = if to > from {
            ((tokens.max(1) as f64).ln() - from) / (to - from)
        } else {
            0.5
        };
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }
}

/// Moves labels of the given widths as little as possible (least squares) so that they neither
/// overlap nor leave `from`…`to`. `wanted` are the middles, in rising order; so is the answer.
/// `None` where they cannot all fit.
pub fn spread(wanted: &[f64], widths: &[f64], (from, to): (f64, f64)) -> Option<Vec<f64>> {
    if widths.iter().sum::<f64>() > to - from {
        return None;
    }
    // With the widths before each label taken off, "no overlap" is "never falling", and the
    // nearest never falling sequence is found by pooling neighbours that fall.
    let mut before = Vec::with_capacity(widths.len());
    let mut total = 0.0;
    for width in widths {
        before.push(total + width / 2.0);
        total += width;
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (middle, offset) in wanted.iter().zip(&before) {
        let mut pool = (middle - offset, 1);
        while let Some(last) = pools.last().filter(|last| last.0 > pool.0) {
            let (sum, count) = (
                last.0 * last.1 as f64 + pool.0 * pool.1 as f64,
                last.1 + pool.1,
            );
            pool = (sum / count as f64, count);
            pools.pop();
        }
        pools.push(pool);
    }
    let starts = pools
        .iter()
        .flat_map(|(start, count)| std::iter::repeat_n(*start, *count));
    let room = (from, to - total);
    Some(
        starts
            .zip(&before)
            .map(|(start, offset)| start.clamp(room.0, room.1) + offset)
            .collect(),
    )
}

/// Which of some labels can stand at even distances: every `n`th, with the first and the last.
pub fn thinned(count: usize, spacing_px: f64, needed_px: f64) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let every = (needed_px / spacing_px).ceil().max(1.0) as usize;
    let mut kept: Vec<usize> = (0..count).step_by(every).collect();
    let last = count - 1;
    if kept.last() != Some(&last) {
        // The last one is worth more than the one before it, if there is no room for both.
        if kept.last().is_some_and(|kept| last - kept < every) && kept.len() > 1 {
            kept.pop();
        }
        kept.push(last);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tick_never_says_a_round_length_that_was_not_asked() {
        let lengths = [
            512, 1000, 1024, 1500, 4000, 8192, 16_000, 16_384, 131_072, 1_000_000,
        ];
        let short = lengths.map(tick);
        assert_eq!(
            short,
            [
                "512", "1k", "1,024", "1.5k", "4k", "8,192", "16k", "16.4k", "131k", "1M"
            ]
        );
        let exact = [131_072, 131_000, 1_048_576, 1_500_000, 10_000_000, 999_999].map(exact_tick);
        assert_eq!(
            exact,
            ["131,072", "131k", "1,048,576", "1.5M", "10M", "999,999"]
        );
        let large = [
            999_499,
            999_500,
            1_048_576,
            9_996_000,
            10_485_760,
            99_960_000,
            2_000_000_000,
        ]
        .map(tick);
        assert_eq!(large, ["999k", "1M", "1.05M", "10M", "10.5M", "100M", "2G"]);
    }

    #[test]
    fn lengths_that_round_to_the_same_label_are_written_in_full() {
        assert_eq!(short_ticks(&[131_000, 131_072]), ["131k", "131,072"]);
        assert_eq!(short_ticks(&[16_000, 131_072]), ["16k", "131k"]);
    }

    #[test]
    fn a_doubling_is_the_same_distance_everywhere() {
        let axis = LogAxis::new(1000, 16_000, (100.0, 500.0));
        assert!((axis.at(2000) - 200.0).abs() < 1e-9);
        assert!((axis.at(8000) - 400.0).abs() < 1e-9);
        assert_eq!(LogAxis::new(4000, 4000, (100.0, 500.0)).at(4000), 300.0);
    }

    #[test]
    fn labels_give_way_to_each_other_evenly() {
        let moved = spread(&[100.0, 104.0, 300.0], &[20.0; 3], (0.0, 400.0)).expect("room");
        assert_eq!(moved, [92.0, 112.0, 300.0]);
        assert_eq!(spread(&[5.0, 6.0], &[30.0, 30.0], (0.0, 50.0)), None);
    }

    #[test]
    fn thinning_keeps_both_ends() {
        assert_eq!(thinned(5, 30.0, 14.0), [0, 1, 2, 3, 4]);
        assert_eq!(thinned(35, 9.0, 14.0).last(), Some(&34));
        assert_eq!(thinned(6, 10.0, 20.0), [0, 2, 5]);
        assert_eq!(thinned(1, 10.0, 20.0), [0]);
        assert_eq!(thinned(2, 5.0, 20.0), [0, 1]);
    }

    proptest! {
        #[test]
        fn spread_labels_never_overlap_and_never_leave_the_axis(
            labels in prop::collection::vec((0.0f64..700.0, 5.0f64..60.0), 1..12),
        ) {
            let mut wanted: Vec<f64> = labels.iter().map(|label| label.0).collect();
            wanted.sort_by(f64::total_cmp);
            let widths: Vec<f64> = labels.iter().map(|label| label.1).collect();
            let moved = spread(&wanted, &widths, (0.0, 700.0)).expect("700 px hold 11 labels of 60");
            for (at, middle) in moved.iter().enumerate() {
                prop_assert!(middle - widths[at] / 2.0 >= -1e-9);
                prop_assert!(middle + widths[at] / 2.0 <= 700.0 + 1e-9);
                if at > 0 {
                    let distance = middle - moved[at - 1];
                    prop_assert!(distance >= (widths[at] + widths[at - 1]) / 2.0 - 1e-9);
                }
            }
        }
    }
}
