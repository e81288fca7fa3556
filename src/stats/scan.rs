//! The weakest region of a map of lengths and depths, with a p-value for having looked everywhere.

use super::Tally;
use super::deal::deal;
use super::grid::Grid;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Likelihoods and expected counts that differ by rounding alone are equal.
const EQUAL: f64 = 1e-9;
/// Larger counts than this take their logarithm each time, so that no table outgrows memory.
const LARGEST_TABLE: u64 = 1 << 20;

/// The region where answers are wrong most clearly more often than elsewhere at the same lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeakestRegion {
    /// Rows of the map, by place.
    pub lengths: Range<usize>,
    /// Columns, by place; never all of them.
    pub depths: Range<usize>,
    /// Right answers inside.
    pub right: u64,
    /// Answers inside.
    pub n: u64,
    /// Right answers that its lengths alone would give, whatever the depth.
    pub expected_right: f64,
    /// Natural logarithm of the likelihood ratio of "worse inside" to "not".
    pub llr: f64,
    /// Chance of a region as weak as this one anywhere, if depth did not matter.
    pub p: f64,
}

/// Kulldorff's scan for the region of low success, over all rectangles that hold at most half of
/// the answers (1997, Communications in Statistics, Theory and Methods 26:1481). `cells` is by
/// length, then depth; void questions do not count. `draw` gives a random number below its bound.
/// None where no rectangle is worse than its lengths.
///
/// Outcomes are dealt again within each length, because how many questions a length gets depends
/// on its answers (adaptive allocation). What a length loses as a whole then is the same in all
/// permutations and would drown every depth, so that a rectangle is held against what its own
/// lengths give: with O observed and E expected answers, right and wrong, inside and outside,
/// LLR = Σ O ln(O/E). Where all lengths have one rate that is Kulldorff's Bernoulli model itself.
/// An interval for the region's rate would be selected, not fresh.
pub fn weakest_region(
    cells: &[Vec<Tally>],
    permutations: u32,
    draw: &mut impl FnMut(u64) -> u64,
) -> Option<WeakestRegion> {
    let grid = Grid::new(cells);
    let scan = Scan::new(&grid);
    let mut sums = Sums::new(&grid);
    for length in 0..grid.lengths {
        let wrong: Vec<u64> = grid.row(length).iter().map(|cell| cell.wrong).collect();
        sums.set(length, &wrong);
    }
    let (best, llr) = scan.best(&sums)?;
    let window = &scan.windows[best];
    let wrong = sums.within(window);
    let enough = scan.enough(llr - EQUAL);
    let sizes: Vec<Vec<u64>> = (0..grid.lengths)
        .map(|length| {
            grid.row(length)
                .iter()
                .map(|cell| cell.answered())
                .collect()
        })
        .collect();
    let wrongs: Vec<u64> = (0..grid.lengths)
        .map(|length| grid.row(length).iter().map(|cell| cell.wrong).sum())
        .collect();
    let mut dealt = vec![0; grid.depths];
    let mut at_least = 0u32;
    for _ in 0..permutations {
        for (length, (sizes, wrong)) in sizes.iter().zip(&wrongs).enumerate() {
            deal(*wrong, sizes, &mut dealt, draw);
            sums.set(length, &dealt);
        }
        let is_as_weak = enough
            .iter()
            .any(|(window, enough)| sums.within(window) >= *enough);
        at_least += u32::from(is_as_weak);
    }
    Some(WeakestRegion {
        lengths: window.lengths.clone(),
        depths: window.depths.clone(),
        right: window.n - wrong,
        n: window.n,
        expected_right: window.n as f64 - window.expected,
        llr,
        p: f64::from(1 + at_least) / f64::from(1 + permutations),
    })
}

/// A rectangle with what all permutations share.
struct Window {
    lengths: Range<usize>,
    depths: Range<usize>,
    /// Answers inside.
    n: u64,
    /// Wrong ones expected inside.
    expected: f64,
    /// The part of Σ O ln E that does not depend on the wrong answers inside, and what each of
    /// them adds.
    fixed: f64,
    each: f64,
}

impl Window {
    /// None for one that holds more than half of the answers, and for one that can never be worse
    /// than expected, which its expectations at the edge of what is possible tell.
    fn new(
        (lengths, depths): (Range<usize>, Range<usize>),
        (n, expected): (u64, f64),
        total: Tally,
    ) -> Option<Window> {
        let (inside, outside) = (n as f64, (total.answered() - n) as f64);
        let wrong = total.wrong as f64;
        let right_outside = outside - wrong + expected;
        let parts = [expected, inside - expected, wrong - expected, right_outside];
        if inside > outside || parts.iter().any(|part| *part <= EQUAL) {
            return None;
        }
        let [wrong_in, right_in, wrong_out, right_out] = parts.map(f64::ln);
        Some(Window {
            lengths,
            depths,
            n,
            expected,
            fixed: inside * right_in + wrong * wrong_out + (outside - wrong) * right_out,
            each: wrong_in - right_in - wrong_out + right_out,
        })
    }
}

struct Scan {
    windows: Vec<Window>,
    total: Tally,
    /// x ln x.
    entropies: Vec<f64>,
}

impl Scan {
    fn new(grid: &Grid) -> Scan {
        let total = grid.total();
        let rates: Vec<f64> = (0..grid.lengths)
            .map(|length| {
                let row: Tally = grid.row(length).iter().copied().sum();
                row.share().map_or(0.0, |share| 1.0 - share)
            })
            .collect();
        let mut windows = Vec::new();
        for top in 0..grid.lengths {
            for left in 0..grid.depths {
                // Answers from `left` up to each depth, and wrong ones expected, of the rows so far.
                let mut counts = vec![(0, 0.0); grid.depths - left];
                for (bottom, rate) in rates.iter().enumerate().skip(top) {
                    let (mut n, mut expected) = (0, 0.0);
                    for (at, cell) in grid.row(bottom)[left..].iter().enumerate() {
                        n += cell.answered();
                        expected += cell.answered() as f64 * rate;
                        counts[at].0 += n;
                        counts[at].1 += expected;
                        let depths = left..left + at + 1;
                        // All depths together are as their lengths give, always.
                        if depths.len() < grid.depths {
                            windows.extend(Window::new(
                                (top..bottom + 1, depths),
                                counts[at],
                                total,
                            ));
                        }
                    }
                }
            }
        }
        // Of regions with the same answers the smallest is named: the rest was never asked.
        windows.sort_by_key(|window| window.lengths.len() * window.depths.len());
        let entropies = (0..=total.answered().min(LARGEST_TABLE))
            .map(entropy)
            .collect();
        Scan {
            windows,
            total,
            entropies,
        }
    }

    /// The window with the largest likelihood ratio among those with more wrong answers than
    /// expected.
    fn best(&self, sums: &Sums) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for (at, window) in self.windows.iter().enumerate() {
            let wrong = sums.within(window);
            if wrong as f64 <= window.expected + EQUAL {
                continue;
            }
            let llr = self.llr(window, wrong);
            if best.is_none_or(|(_, most)| llr > most + EQUAL) {
                best = Some((at, llr));
            }
        }
        best
    }

    /// From how many wrong answers on each window reaches a likelihood ratio, without those that
    /// never do: a permutation then is a matter of whole numbers.
    fn enough(&self, llr: f64) -> Vec<(&Window, u64)> {
        let of = |window: &Window| -> Option<u64> {
            let Window { n, expected, .. } = *window;
            let most = n.min(self.total.wrong);
            // The ratio rises with each wrong answer above those expected.
            let (mut low, mut high) = ((expected + EQUAL) as u64 + 1, most + 1);
            while low < high {
                let middle = (low + high) / 2;
                match self.llr(window, middle) >= llr {
                    true => high = middle,
                    false => low = middle + 1,
                }
            }
            (low <= most).then_some(low)
        };
        let windows = self.windows.iter();
        windows
            .filter_map(|window| Some((window, of(window)?)))
            .collect()
    }

    /// Of so many wrong answers inside.
    fn llr(&self, window: &Window, wrong: u64) -> f64 {
        let outside = self.total.wrong - wrong;
        let right_outside = (self.total.answered() - window.n).saturating_sub(outside);
        self.entropy(wrong)
            + self.entropy(window.n - wrong)
            + self.entropy(outside)
            + self.entropy(right_outside)
            - window.fixed
            - window.each * wrong as f64
    }

    fn entropy(&self, count: u64) -> f64 {
        match self.entropies.get(count as usize) {
            Some(known) => *known,
            None => entropy(count),
        }
    }
}

/// x ln x, 0 at 0.
fn entropy(count: u64) -> f64 {
    match count {
        0 => 0.0,
        count => count as f64 * (count as f64).ln(),
    }
}

/// Wrong answers above and left of each corner, so that any rectangle is four look-ups.
struct Sums {
    width: usize,
    corners: Vec<u64>,
}

impl Sums {
    fn new(grid: &Grid) -> Sums {
        let width = grid.depths + 1;
        Sums {
            width,
            corners: vec![0; (grid.lengths + 1) * width],
        }
    }

    /// Puts a row in; rows come in order, because each stands on the one before.
    fn set(&mut self, length: usize, wrong: &[u64]) {
        let (above, below) = self.corners.split_at_mut((length + 1) * self.width);
        let above = &above[length * self.width..];
        let mut sum = 0;
        for (at, wrong) in wrong.iter().enumerate() {
            sum += wrong;
            below[at + 1] = above[at + 1] + sum;
        }
    }

    fn within(&self, window: &Window) -> u64 {
        let row = |length: usize| {
            let row = length * self.width;
            self.corners[row + window.depths.end] - self.corners[row + window.depths.start]
        };
        row(window.lengths.end) - row(window.lengths.start)
    }
}

#[cfg(test)]
mod tests;
