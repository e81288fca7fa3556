//! The forward pass of `llama` and `qwen2` models: weights, and what they make of a chunk of tokens.

use super::attention::attend;
use super::cache::Cache;
use super::config::{Config, Heads};
use super::gguf::{Gguf, Rows};
use super::math::{add, gate, rms_norm};
use super::matrix::{Matrix, Output, read};
use super::rotary::{Rotary, Turns};
use anyhow::{Result, bail, ensure};
use rayon::prelude::*;

/// A model's weights.
pub struct Model {
    config: Config,
    embedding: Rows,
    vocabulary: usize,
    rotary: Rotary,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    output: Output,
}

struct Layer {
    attention_norm: Vec<f32>,
    /// Queries, keys and values side by side.
    projection: Matrix,
    /// Empty where the model has none.
    bias: Vec<f32>,
    attention_output: Matrix,
    feed_forward_norm: Vec<f32>,
    /// Gate and values side by side.
    up: Matrix,
    down: Matrix,
}

impl Model {
    /// Takes the weights out of a file.
    pub fn load(gguf: &mut Gguf) -> Result<Model> {
        let config = Config::read(gguf)?;
        let width = config.width;
        let vocabulary = gguf
            .dims("token_embd.weight")?
            .first()
            .copied()
            .unwrap_or(0);
        let pairs = config.rotary_width / 2;
        let factors = match gguf.has("rope_freqs.weight") {
            true => Some(gguf.take("rope_freqs.weight", &[pairs])?),
            false => None,
        };
        let mut layers = Vec::new();
        for index in 0..config.layers {
            layers.push(Layer::load(gguf, &config, index)?);
        }
        // Only now: the layers' shapes have borne out the width of a head.
        let rotary = Rotary::new(&config, factors.as_deref())?;
        let norm = gguf.take("output_norm.weight", &[width])?;
        let dims = [vocabulary, width];
        let own_output = match gguf.has("output.weight") {
            true => Some(gguf.take("output.weight", &dims)?),
            false => None,
        };
        let embedding = gguf.take_rows("token_embd.weight", vocabulary, width)?;
        let output = match own_output {
            Some(weights) => weights,
            None => embedding.read_all()?,
        };
        // A tensor without a place in this forward pass means another forward pass.
        if let Some(name) = gguf.left_over() {
            bail!(
                "tensor {name} has no place in this engine: install a llama-server, which runs it"
            );
        }
        Ok(Model {
            config,
            embedding,
            vocabulary,
            rotary,
            layers,
            norm,
            output: Output::new(output),
        })
    }

    /// The dimensions.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Tokens that the model knows.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Computes the keys and values of further tokens.
    pub fn extend(&self, cache: &mut Cache, tokens: &[u32]) -> Result<()> {
        self.run(cache, tokens, false)?;
        Ok(())
    }

    /// Computes further tokens and the logits of what follows the last of them.
    pub fn logits(&self, cache: &mut Cache, tokens: &[u32]) -> Result<Vec<f32>> {
        let stream = self.run(cache, tokens, true)?;
        let last = &stream[stream.len() - self.config.width..];
        Ok(self
            .output
            .multiply(&rms_norm(last, &self.norm, self.config.norm_epsilon)))
    }

    fn run(&self, cache: &mut Cache, tokens: &[u32], to_the_end: bool) -> Result<Vec<f32>> {
        ensure!(!tokens.is_empty(), "there is no token to compute");
        if let Some(token) = tokens
            .iter()
            .find(|&&token| token as usize >= self.vocabulary)
        {
            bail!("token {token} is not among the model's {}", self.vocabulary);
        }
        cache.reserve(tokens.len())?;
        let start = cache.tokens().len();
        let turns = self.rotary.turns(start, tokens.len());
        let epsilon = self.config.norm_epsilon;
        let mut stream = self.embedding.read(tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let normed = rms_norm(&stream, &layer.attention_norm, epsilon);
            let projected = layer.projection.multiply(normed)?;
            let parts = read(&projected, |rows| {
                split(rows, &layer.bias, self.config.heads, &turns)
            })?;
            let held = cache.write(index, parts.keys, parts.values)?;
            // Nobody reads what the last layer makes of tokens before the last.
            if index + 1 == self.layers.len() && !to_the_end {
                break;
            }
            let taken = attend(&parts.queries, held, self.config.heads, start)?;
            let taken = layer.attention_output.multiply(taken)?;
            read(&taken, |taken| add(&mut stream, taken))?;
            let normed = rms_norm(&stream, &layer.feed_forward_norm, epsilon);
            let raised = layer.up.multiply(normed)?;
            let gated = read(&raised, |rows| gate(rows, self.config.feed_forward))?;
            let lowered = layer.down.multiply(gated)?;
            read(&lowered, |lowered| add(&mut stream, lowered))?;
        }
        cache.commit(tokens);
        Ok(stream)
    }
}

impl Layer {
    fn load(gguf: &mut Gguf, config: &Config, index: usize) -> Result<Layer> {
        let (width, heads) = (config.width, config.heads);
        let name = |part: &str| format!("blk.{index}.{part}");
        let parts = [
            ("attn_q", heads.query_width()),
            ("attn_k", heads.key_width()),
            ("attn_v", heads.key_width()),
        ];
        let mut bias = Vec::new();
        if gguf.has(&name("attn_q.bias")) {
            for (part, outputs) in parts {
                bias.extend(gguf.take(&name(&format!("{part}.bias")), &[outputs])?);
            }
        }
        let matrices = parts.map(|(part, outputs)| (name(&format!("{part}.weight")), outputs));
        let up = ["ffn_gate.weight", "ffn_up.weight"].map(|part| (name(part), config.feed_forward));
        Ok(Layer {
            attention_norm: gguf.take(&name("attn_norm.weight"), &[width])?,
            projection: Matrix::take(gguf, width, &matrices)?,
            bias,
            attention_output: Matrix::take(
                gguf,
                heads.query_width(),
                &[(name("attn_output.weight"), width)],
            )?,
            feed_forward_norm: gguf.take(&name("ffn_norm.weight"), &[width])?,
            up: Matrix::take(gguf, width, &up)?,
            down: Matrix::take(
                gguf,
                config.feed_forward,
                &[(name("ffn_down.weight"), width)],
            )?,
        })
    }
}

/// Queries as (keyed head, position, sharing head, number), keys and values as (head, position,
/// number): what is multiplied together lies together.
struct Parts {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// Takes projected rows apart, adds the bias, turns queries and keys, and scales the queries.
fn split(rows: &[f32], bias: &[f32], heads: Heads, turns: &Turns) -> Parts {
    let row_width = heads.query_width() + 2 * heads.key_width();
    let count = rows.len() / row_width;
    let shared = heads.sharing * heads.width;
    let scale = 1.0 / (heads.width as f32).sqrt();
    let mut parts = Parts {
        queries: vec![0f32; count * heads.query_width()],
        keys: vec![0f32; count * heads.key_width()],
        values: vec![0f32; count * heads.key_width()],
    };
    // The numbers of one position from column `left` on.
    let copy = |to: &mut [f32], position: usize, left: usize| {
        let at = position * row_width + left;
        to.copy_from_slice(&rows[at..at + to.len()]);
        if !bias.is_empty() {
            add(to, &bias[left..left + to.len()]);
        }
    };
    let keys_left = heads.query_width();
    let values_left = keys_left + heads.key_width();
    parts
        .queries
        .par_chunks_mut(count * shared)
        .zip(parts.keys.par_chunks_mut(count * heads.width))
        .zip(parts.values.par_chunks_mut(count * heads.width))
        .enumerate()
        .for_each(|(head, ((queries, keys), values))| {
            for (position, queries) in queries.chunks_exact_mut(shared).enumerate() {
                copy(queries, position, head * shared);
                for query in queries.chunks_exact_mut(heads.width) {
                    turns.turn(query, position);
                    query.iter_mut().for_each(|number| *number *= scale);
                }
            }
            for (position, key) in keys.chunks_exact_mut(heads.width).enumerate() {
                copy(key, position, keys_left + head * heads.width);
                turns.turn(key, position);
            }
            for (position, value) in values.chunks_exact_mut(heads.width).enumerate() {
                copy(value, position, values_left + head * heads.width);
            }
        });
    parts
}
