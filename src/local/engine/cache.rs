//! The keys and values of all positions computed so far, and the tokens that they belong to.

use super::config::Config;
use anyhow::Result;
use candle_core::{DType, Device, Tensor};

/// Keys and values of one layer, each (head, position, number) with room for more positions.
pub struct Layer {
    /// Keys, turned already.
    pub keys: Tensor,
    /// Values.
    pub values: Tensor,
}

/// The cache of all layers. A shorter length is a shorter number: nothing is moved or cloned.
pub struct Cache {
    layers: Vec<Layer>,
    tokens: Vec<u32>,
    capacity: usize,
    most: usize,
    heads: usize,
    width: usize,
}

/// Positions that the first allocation has room for.
const FIRST_CAPACITY: usize = 256;

impl Cache {
    /// An empty cache, which will never hold more than the model's context.
    pub fn new(config: &Config) -> Result<Cache> {
        let mut cache = Cache {
            layers: Vec::new(),
            tokens: Vec::new(),
            capacity: 0,
            most: usize::try_from(config.context_tokens).unwrap_or(usize::MAX),
            heads: config.heads.keyed,
            width: config.heads.width,
        };
        cache.capacity = FIRST_CAPACITY.min(cache.most);
        for _ in 0..config.layers {
            let layer = Layer {
                keys: cache.room(cache.capacity)?,
                values: cache.room(cache.capacity)?,
            };
            cache.layers.push(layer);
        }
        Ok(cache)
    }

    /// The tokens whose keys and values are here, in order.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Positions that there is room for without growing.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Keeps the first `length` positions.
    pub fn truncate(&mut self, length: usize) {
        self.tokens.truncate(length);
    }

    /// Makes room for `count` positions more. Doubles, so that a long prompt is moved few times.
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        let held = self.tokens.len();
        let needed = held + count;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.max(self.capacity * 2).min(self.most.max(needed));
        for index in 0..self.layers.len() {
            // One at a time, and a layer's old one is freed before the next: the peak is one layer.
            let keys = self.moved(&self.layers[index].keys, held, capacity)?;
            self.layers[index].keys = keys;
            let values = self.moved(&self.layers[index].values, held, capacity)?;
            self.layers[index].values = values;
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Writes a layer's keys and values behind the positions held, each (head, position, number).
    /// They count only after `commit`, so that a failure halfway leaves the cache as it was.
    pub fn write(&self, layer: usize, keys: Vec<f32>, values: Vec<f32>) -> Result<&Layer> {
        let count = keys.len() / (self.heads * self.width);
        let shape = (self.heads, count, self.width);
        let layer = &self.layers[layer];
        let held = self.tokens.len();
        layer
            .keys
            .slice_set(&Tensor::from_vec(keys, shape, &Device::Cpu)?, 1, held)?;
        layer
            .values
            .slice_set(&Tensor::from_vec(values, shape, &Device::Cpu)?, 1, held)?;
        Ok(layer)
    }

    /// Counts the positions written to every layer as held.
    pub fn commit(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
    }

    fn room(&self, capacity: usize) -> Result<Tensor> {
        Ok(Tensor::zeros(
            (self.heads, capacity, self.width),
            DType::F32,
            &Device::Cpu,
        )?)
    }

    fn moved(&self, from: &Tensor, held: usize, capacity: usize) -> Result<Tensor> {
        let to = self.room(capacity)?;
        if held > 0 {
            to.slice_set(&from.narrow(1, 0, held)?.contiguous()?, 1, 0)?;
        }
        Ok(to)
    }
}
