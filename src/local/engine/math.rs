//! The arithmetic between the matrix products, on plain slices that the compiler turns into vectors.

use rayon::prelude::*;

/// e^x to about 2 units in the last place, without a branch or a table, so that loops over it
/// become vector code (Cephes' expf). Below −87 it stays at e^−87, above 88 at e^88.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to a whole number and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let mut series = 1.987_569_2e-4;
    series = series * rest + 1.398_199_9e-3;
    series = series * rest + 8.333_452e-3;
    series = series * rest + 4.166_579_6e-2;
    series = series * rest + 1.666_666_5e-1;
    series = series * rest + 0.5;
    let power = (shifted.to_bits() << 23).wrapping_add(1f32.to_bits());
    (series * rest * rest + rest + 1.0) * f32::from_bits(power)
}

/// The scalar product of two slices of the same length.
#[inline(always)]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0f32; 16];
    let (left_blocks, left_rest) = left.as_chunks::<16>();
    let (right_blocks, right_rest) = right.as_chunks::<16>();
    for (a, b) in left_blocks.iter().zip(right_blocks) {
        for lane in 0..16 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// `sum[i] += factor * values[i]`.
#[inline(always)]
pub fn add_scaled(sum: &mut [f32], factor: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// `sum[i] += values[i]`.
pub fn add(sum: &mut [f32], values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Divides each row by its root mean square and multiplies it by the weights.
pub fn rms_norm(rows: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let width = weights.len();
    let mut normed = vec![0f32; rows.len()];
    normed
        .par_chunks_mut(width * 16)
        .zip(rows.par_chunks(width * 16))
        .for_each(|(normed, rows)| {
            for (normed, row) in normed.chunks_exact_mut(width).zip(rows.chunks_exact(width)) {
                let scale = 1.0 / (dot(row, row) / width as f32 + epsilon).sqrt();
                for ((normed, value), weight) in normed.iter_mut().zip(row).zip(weights) {
                    *normed = value * scale * weight;
                }
            }
        });
    normed
}

/// The gated feed-forward activation: each row holds the gate and then as many values, and becomes
/// silu(gate) · value.
pub fn gate(rows: &[f32], width: usize) -> Vec<f32> {
    let mut gated = vec![0f32; rows.len() / 2];
    gated
        .par_chunks_mut(width * 8)
        .zip(rows.par_chunks(width * 16))
        .for_each(|(gated, rows)| {
            for (gated, row) in gated
                .chunks_exact_mut(width)
                .zip(rows.chunks_exact(2 * width))
            {
                let (gates, values) = row.split_at(width);
                for ((gated, gate), value) in gated.iter_mut().zip(gates).zip(values) {
                    *gated = gate / (1.0 + exp(-gate)) * value;
                }
            }
        });
    gated
}

/// A streaming softmax: the greatest score so far and the sum of e^(score − greatest).
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// The greatest score so far.
    pub greatest: f32,
    /// The sum of the weights so far, relative to it.
    pub sum: f32,
}

impl Default for Running {
    fn default() -> Running {
        // Not −∞: the difference of two infinities is not a number.
        Running {
            greatest: f32::MIN,
            sum: 0.0,
        }
    }
}

impl Running {
    /// Turns further scores into weights relative to the greatest score so far. Returns the factor
    /// by which everything weighted before has to be multiplied.
    #[inline(always)]
    pub fn weigh(&mut self, scores: &mut [f32]) -> f32 {
        if scores.is_empty() {
            return 1.0;
        }
        let mut lanes = [self.greatest; 8];
        let (blocks, rest) = scores.as_chunks::<8>();
        for block in blocks {
            for lane in 0..8 {
                lanes[lane] = if block[lane] > lanes[lane] {
                    block[lane]
                } else {
                    lanes[lane]
                };
            }
        }
        let greatest = lanes
            .iter()
            .chain(rest)
            .fold(self.greatest, |a, &b| if b > a { b } else { a });
        let mut sums = [0f32; 8];
        let (blocks, rest) = scores.as_chunks_mut::<8>();
        for block in blocks {
            for lane in 0..8 {
                block[lane] = exp(block[lane] - greatest);
                sums[lane] += block[lane];
            }
        }
        let mut sum: f32 = sums.iter().sum();
        for score in rest {
            *score = exp(*score - greatest);
            sum += *score;
        }
        let factor = if self.sum == 0.0 {
            0.0
        } else {
            exp(self.greatest - greatest)
        };
        self.greatest = greatest;
        self.sum = self.sum * factor + sum;
        factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        let mut x = -86.9f32;
        while x < 87.9 {
            let (ours, theirs) = (exp(x), x.exp());
            assert!(
                (ours / theirs - 1.0).abs() < 1e-6,
                "{x}: {ours} and {theirs}"
            );
            x += 0.0137;
        }
        assert!(exp(-1e30) < 1e-37 && exp(f32::MAX).is_finite());
    }

    #[test]
    fn a_softmax_in_pieces_is_the_softmax_in_one_go() {
        let scores: Vec<f32> = (0..100)
            .map(|i| ((i * 37) % 53) as f32 / 3.0 - 9.0)
            .collect();
        let total: f64 = scores.iter().map(|&s| f64::from(s).exp()).sum();
        for cut in [0, 1, 7, 50, 99, 100] {
            let mut running = Running::default();
            let (mut first, mut second) = (scores[..cut].to_vec(), scores[cut..].to_vec());
            running.weigh(&mut first);
            let factor = running.weigh(&mut second);
            let first = first.iter().map(|w| w * factor);
            for (weight, score) in first.chain(second).zip(&scores) {
                let expected = f64::from(*score).exp() / total;
                assert!((f64::from(weight / running.sum) - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_dot_product_counts_the_elements_behind_the_last_whole_block() {
        let ones = vec![1f32; 37];
        assert_eq!(dot(&ones, &ones), 37.0);
    }
}
