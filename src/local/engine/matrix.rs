//! Weight matrices as f32, multiplied by many rows at once or by a single one.

use super::gguf::Gguf;
use super::math::{add_scaled, dot};
use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Storage, Tensor};
use rayon::prelude::*;

/// Weights as (input, output). Products of a few rows are two to four times as fast in this order
/// as in the file's (output, input), because candle's gemm need not gather them first.
pub struct Matrix {
    weights: Tensor,
    inputs: usize,
    outputs: usize,
}

impl Matrix {
    /// Takes matrices that share their input out of the file and puts them side by side, so that
    /// one product does for all. Each part is a name and its number of outputs.
    pub fn take(gguf: &mut Gguf, inputs: usize, parts: &[(String, usize)]) -> Result<Matrix> {
        let outputs: usize = parts.iter().map(|(_, outputs)| outputs).sum();
        let parts = parts
            .iter()
            .map(|(name, outputs)| Ok((gguf.take(name, &[*outputs, inputs])?, *outputs)))
            .collect::<Result<Vec<_>>>()?;
        let size = inputs
            .checked_mul(outputs)
            .context("a matrix is too large")?;
        let mut weights = vec![0f32; size];
        const TILE: usize = 32;
        weights
            .par_chunks_mut(outputs * TILE)
            .enumerate()
            .for_each(|(tile, rows)| {
                let mut left = 0;
                for (part, outputs_here) in &parts {
                    for output in (0..*outputs_here).step_by(TILE) {
                        for (index, row) in rows.chunks_exact_mut(outputs).enumerate() {
                            let input = tile * TILE + index;
                            for output in output..(output + TILE).min(*outputs_here) {
                                row[left + output] = part[output * inputs + input];
                            }
                        }
                    }
                    left += outputs_here;
                }
            });
        let weights = Tensor::from_vec(weights, (inputs, outputs), &Device::Cpu)?;
        Ok(Matrix {
            weights,
            inputs,
            outputs,
        })
    }

    /// The product of each row of `rows` and the weights.
    pub fn multiply(&self, rows: Vec<f32>) -> Result<Tensor> {
        let count = rows.len() / self.inputs;
        if count > 1 {
            let rows = Tensor::from_vec(rows, (count, self.inputs), &Device::Cpu)?;
            return Ok(rows.matmul(&self.weights)?);
        }
        let product = read(&self.weights, |weights| self.multiply_one(&rows, weights))?;
        Ok(Tensor::from_vec(product, (1, self.outputs), &Device::Cpu)?)
    }

    /// A product of one row is bound by memory: each thread reads one stretch of the weights from
    /// front to back, and the partial sums are added up. (gemm's own product with a single row
    /// uses one thread.)
    fn multiply_one(&self, row: &[f32], weights: &[f32]) -> Vec<f32> {
        let share = self.inputs.div_ceil(rayon::current_num_threads()).max(16);
        weights
            .par_chunks(share * self.outputs)
            .zip(row.par_chunks(share))
            .map(|(weights, row)| {
                let mut sums = vec![0f32; self.outputs];
                let four = 4 * self.outputs;
                for (weights, row) in weights.chunks(four).zip(row.chunks(4)) {
                    match *row {
                        [a, b, c, d] => {
                            let (first, weights) = weights.split_at(self.outputs);
                            let (second, weights) = weights.split_at(self.outputs);
                            let (third, fourth) = weights.split_at(self.outputs);
                            for ((((sum, w), x), y), z) in sums
                                .iter_mut()
                                .zip(first)
                                .zip(second)
                                .zip(third)
                                .zip(fourth)
                            {
                                *sum += a * w + b * x + (c * y + d * z);
                            }
                        }
                        ref rest => {
                            for (factor, weights) in rest.iter().zip(weights.chunks(self.outputs)) {
                                add_scaled(&mut sums, *factor, weights);
                            }
                        }
                    }
                }
                sums
            })
            .reduce_with(|mut left, right| {
                super::math::add(&mut left, &right);
                left
            })
            .unwrap_or_default()
    }
}

/// The output matrix as (token, number): only ever multiplied by one row, token by token.
pub struct Output {
    weights: Vec<f32>,
}

impl Output {
    /// Takes it out of the file, or the embedding where it is shared.
    pub fn new(weights: Vec<f32>) -> Output {
        Output { weights }
    }

    /// One logit a token.
    pub fn multiply(&self, row: &[f32]) -> Vec<f32> {
        self.weights
            .par_chunks_exact(row.len())
            .with_min_len(256)
            .map(|weights| dot(weights, row))
            .collect()
    }
}

/// Hands over the numbers of a contiguous `f32` tensor without a copy.
pub fn read<R>(tensor: &Tensor, use_them: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("a tensor is not in main memory");
    };
    let numbers = storage.as_slice::<f32>()?;
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("a tensor is not contiguous");
    };
    ensure!(end <= numbers.len(), "a tensor is larger than its memory");
    Ok(use_them(&numbers[start..end]))
}
