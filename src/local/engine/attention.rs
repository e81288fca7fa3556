//! Causal attention by blocks of queries and keys: memory does not grow with the length.

use super::cache::Layer;
use super::config::Heads;
use super::math::{Running, add_scaled, dot};
use super::matrix::read;
use anyhow::Result;
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor};
use rayon::prelude::*;
use std::cell::RefCell;

/// Rows of queries in a block, and keys that they meet at once: 384 × 512 scores stay in a core's
/// second cache.
const QUERY_ROWS: usize = 384;
const KEYS: usize = 512;
/// Keys that one task takes where there is a single position to answer for.
const KEYS_ALONE: usize = 1024;

/// What each of `count` positions from `start` on takes from itself and all before it.
///
/// `queries` are (keyed head, position, sharing head, number), turned and scaled already. The
/// outcome is (position, keyed head, sharing head, number).
pub fn attend(queries: &[f32], layer: &Layer, heads: Heads, start: usize) -> Result<Vec<f32>> {
    let count = queries.len() / heads.query_width();
    if count == 1 {
        return alone(queries, layer, heads, start + 1);
    }
    let row = heads.sharing * heads.width;
    let positions = (QUERY_ROWS / heads.sharing).max(1);
    let mut tasks = Vec::new();
    for head in 0..heads.keyed {
        for first in (0..count).step_by(positions) {
            tasks.push((head, first, (first + positions).min(count)));
        }
    }
    // The last blocks of queries have the most keys: taken first, they do not leave a core idle.
    tasks.sort_by_key(|&(_, first, _)| std::cmp::Reverse(first));
    let blocks: Vec<Vec<f32>> = tasks
        .par_iter()
        .with_max_len(1)
        .map(|&(head, first, end)| {
            let rows = &queries[(head * count + first) * row..(head * count + end) * row];
            block(
                rows,
                &layer.keys.get(head)?,
                &layer.values.get(head)?,
                heads,
                start + first,
            )
        })
        .collect::<Result<_>>()?;
    let mut outcome = vec![0f32; queries.len()];
    for ((head, first, _), block) in tasks.into_iter().zip(blocks) {
        for (index, rows) in block.chunks_exact(row).enumerate() {
            let at = ((first + index) * heads.keyed + head) * row;
            outcome[at..at + row].copy_from_slice(rows);
        }
    }
    Ok(outcome)
}

/// One block of queries of one keyed head against all keys that it may see.
fn block(
    queries: &[f32],
    keys: &Tensor,
    values: &Tensor,
    heads: Heads,
    start: usize,
) -> Result<Vec<f32>> {
    let rows = queries.len() / heads.width;
    let end = start + rows / heads.sharing;
    let queries = Tensor::from_slice(queries, (rows, heads.width), &Device::Cpu)?;
    let mut sums = vec![0f32; rows * heads.width];
    let mut running = vec![Running::default(); rows];
    for from in (0..end).step_by(KEYS) {
        let count = KEYS.min(end - from);
        let scores = queries.matmul(&keys.narrow(0, from, count)?.t()?)?;
        let softmax = Softmax {
            running: RefCell::new(&mut running),
            sums: RefCell::new(&mut sums),
            heads,
            // Row 0 sees this many of the keys of this block.
            visible: start as i64 + 1 - from as i64,
        };
        scores.inplace_op1(&softmax)?;
        let taken = scores.matmul(&values.narrow(0, from, count)?)?;
        read(&taken, |taken| super::math::add(&mut sums, taken))?;
    }
    for (row, running) in sums.chunks_exact_mut(heads.width).zip(&running) {
        let share = 1.0 / running.sum;
        row.iter_mut().for_each(|sum| *sum *= share);
    }
    Ok(sums)
}

/// Turns a block of scores into weights in place, later keys being masked, and scales what was
/// summed up before to the new greatest score.
struct Softmax<'a> {
    running: RefCell<&'a mut [Running]>,
    sums: RefCell<&'a mut [f32]>,
    heads: Heads,
    visible: i64,
}

impl InplaceOp1 for Softmax<'_> {
    fn name(&self) -> &'static str {
        "streaming-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let CpuStorage::F32(scores) = storage else {
            candle_core::bail!("scores are not f32")
        };
        let (_, count) = layout.shape().dims2()?;
        let mut running = self.running.borrow_mut();
        let mut sums = self.sums.borrow_mut();
        let rows = scores
            .chunks_exact_mut(count)
            .zip(sums.chunks_exact_mut(self.heads.width));
        for (index, ((scores, sums), running)) in rows.zip(running.iter_mut()).enumerate() {
            let position = (index / self.heads.sharing) as i64;
            let visible = (self.visible + position).clamp(0, count as i64) as usize;
            let (seen, masked) = scores.split_at_mut(visible);
            masked.fill(0.0);
            let factor = running.weigh(seen);
            if factor != 1.0 {
                sums.iter_mut().for_each(|sum| *sum *= factor);
            }
        }
        Ok(())
    }
}

/// A single position: too little for matrix products, so that keys and values are read straight
/// from the cache, in parallel over heads and stretches of keys.
fn alone(queries: &[f32], layer: &Layer, heads: Heads, length: usize) -> Result<Vec<f32>> {
    let capacity = layer.keys.dim(1)?;
    let row = heads.sharing * heads.width;
    read(&layer.keys, |keys| {
        read(&layer.values, |values| {
            let stretches = length.div_ceil(KEYS_ALONE);
            let parts: Vec<_> = (0..heads.keyed * stretches)
                .into_par_iter()
                .with_max_len(1)
                .map(|task| {
                    let (head, stretch) = (task / stretches, task % stretches);
                    let from = head * capacity + stretch * KEYS_ALONE;
                    let to = head * capacity + length.min((stretch + 1) * KEYS_ALONE);
                    let numbers = from * heads.width..to * heads.width;
                    let queries = &queries[head * row..(head + 1) * row];
                    stretch_of(
                        queries,
                        &keys[numbers.clone()],
                        &values[numbers],
                        heads.width,
                    )
                })
                .collect();
            let mut outcome = Vec::with_capacity(queries.len());
            for parts in parts.chunks_exact(stretches) {
                for sharing in 0..heads.sharing {
                    outcome.extend(joined(parts.iter().map(|part| &part[sharing]), heads.width));
                }
            }
            outcome
        })
    })?
}

/// What the queries of one keyed head take from one stretch of keys.
fn stretch_of(
    queries: &[f32],
    keys: &[f32],
    values: &[f32],
    width: usize,
) -> Vec<(Running, Vec<f32>)> {
    queries
        .chunks_exact(width)
        .map(|query| {
            let mut scores: Vec<f32> = keys
                .chunks_exact(width)
                .map(|key| dot(query, key))
                .collect();
            let mut running = Running::default();
            running.weigh(&mut scores);
            let mut sum = vec![0f32; width];
            for (weight, value) in scores.iter().zip(values.chunks_exact(width)) {
                add_scaled(&mut sum, *weight, value);
            }
            (running, sum)
        })
        .collect()
}

/// Joins what was taken from several stretches of keys.
fn joined<'a>(
    parts: impl Iterator<Item = &'a (Running, Vec<f32>)> + Clone,
    width: usize,
) -> Vec<f32> {
    let greatest = parts
        .clone()
        .map(|(running, _)| running.greatest)
        .fold(f32::MIN, f32::max);
    let mut total = 0.0;
    let mut joined = vec![0f32; width];
    for (running, sum) in parts {
        let factor = (running.greatest - greatest).exp();
        total += running.sum * factor;
        add_scaled(&mut joined, factor, sum);
    }
    joined.iter_mut().for_each(|number| *number /= total);
    joined
}
