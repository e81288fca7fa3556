//! A model's dimensions as its GGUF metadata tell them, checked against each other.

use super::gguf::{Gguf, Value};
use anyhow::{Context, Result, bail, ensure};

/// Which two numbers of a head a rotary embedding turns together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Neighbours, 2i and 2i + 1: how `llama` files are laid out.
    Neighbours,
    /// Halves, i and i + n/2: how `qwen2` files are laid out.
    Halves,
}

/// The attention heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Heads that have keys and values.
    pub keyed: usize,
    /// Query heads that share one of those.
    pub sharing: usize,
    /// Numbers in a head.
    pub width: usize,
}

impl Heads {
    /// Numbers in all queries of one position.
    pub fn query_width(&self) -> usize {
        self.keyed * self.sharing * self.width
    }

    /// Numbers in all keys (or values) of one position.
    pub fn key_width(&self) -> usize {
        self.keyed * self.width
    }
}

/// All that the forward pass needs besides weights.
#[derive(Clone, Debug)]
pub struct Config {
    /// `llama` or `qwen2`.
    pub architecture: String,
    /// The model's own name.
    pub name: Option<String>,
    /// Positions that the weights were made for.
    pub context_tokens: u64,
    /// Transformer blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Width of the feed-forward layer.
    pub feed_forward: usize,
    /// Attention heads.
    pub heads: Heads,
    /// Added to the mean square under the root.
    pub norm_epsilon: f32,
    /// Base of the rotary frequencies.
    pub rotary_base: f64,
    /// Numbers of a head that are turned, the rest is left alone.
    pub rotary_width: usize,
    /// What positions are divided by (linear scaling), 1 where they are not.
    pub rotary_divisor: f64,
    /// The order of the turned pairs.
    pub pairing: Pairing,
}

impl Config {
    /// Reads the dimensions of a `llama` or `qwen2` model.
    pub fn read(gguf: &Gguf) -> Result<Config> {
        let architecture = match gguf.value("general.architecture") {
            Some(Value::Text(name)) => name.clone(),
            _ => bail!("it does not say its general.architecture"),
        };
        let pairing = match architecture.as_str() {
            "llama" => Pairing::Neighbours,
            "qwen2" => Pairing::Halves,
            other => bail!(
                "the engine built in runs llama and qwen2 models and this one is {other}: install a llama-server, which runs it"
            ),
        };
        let keys = Keys {
            gguf,
            prefix: &architecture,
        };
        if keys.integer("expert_count")?.unwrap_or(0) > 0 {
            bail!("it is a mixture of experts: install a llama-server, which runs it");
        }
        let width = keys.size("embedding_length")?;
        let query_heads = keys.size("attention.head_count")?;
        let keyed = keys
            .optional_size("attention.head_count_kv")?
            .unwrap_or(query_heads);
        let head_width = keys
            .optional_size("attention.key_length")?
            .unwrap_or(width / query_heads);
        let value_width = keys
            .optional_size("attention.value_length")?
            .unwrap_or(head_width);
        ensure!(
            query_heads.is_multiple_of(keyed) && head_width > 0 && head_width == value_width,
            "{query_heads} heads of {head_width} over {keyed} of {value_width} do not fit together"
        );
        let rotary_width = keys
            .optional_size("rope.dimension_count")?
            .unwrap_or(head_width);
        ensure!(
            rotary_width <= head_width && rotary_width.is_multiple_of(2),
            "it turns {rotary_width} of a head's {head_width} numbers"
        );
        let rotary_divisor = match gguf.value(&format!("{architecture}.rope.scaling.type")) {
            None => 1.0,
            Some(Value::Text(kind)) if kind == "none" => 1.0,
            Some(Value::Text(kind)) if kind == "linear" => {
                keys.float("rope.scaling.factor")?.unwrap_or(1.0)
            }
            Some(kind) => {
                bail!("its rope scaling is {kind:?}: install a llama-server, which runs it")
            }
        };
        let rotary_base = keys.float("rope.freq_base")?.unwrap_or(10_000.0);
        let norm_epsilon = keys
            .float("attention.layer_norm_rms_epsilon")?
            .with_context(|| {
                format!("{architecture}.attention.layer_norm_rms_epsilon is missing")
            })?;
        ensure!(
            rotary_divisor > 0.0 && rotary_base > 0.0 && norm_epsilon >= 0.0,
            "its rope base, rope factor or norm epsilon is not a positive number"
        );
        Ok(Config {
            name: match gguf.value("general.name") {
                Some(Value::Text(name)) => Some(name.clone()),
                _ => None,
            },
            context_tokens: keys.size("context_length")? as u64,
            layers: keys.size("block_count")?,
            width,
            feed_forward: keys.size("feed_forward_length")?,
            heads: Heads {
                keyed,
                sharing: query_heads / keyed,
                width: head_width,
            },
            norm_epsilon: norm_epsilon as f32,
            rotary_base,
            rotary_width,
            rotary_divisor,
            pairing,
            architecture,
        })
    }
}

struct Keys<'a> {
    gguf: &'a Gguf,
    prefix: &'a str,
}

impl Keys<'_> {
    fn integer(&self, key: &str) -> Result<Option<i128>> {
        let key = format!("{}.{key}", self.prefix);
        match self.gguf.value(&key) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(other) => bail!("{key} is {other:?}, not a whole number"),
        }
    }

    fn float(&self, key: &str) -> Result<Option<f64>> {
        let key = format!("{}.{key}", self.prefix);
        match self.gguf.value(&key) {
            None => Ok(None),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(other) => bail!("{key} is {other:?}, not a number"),
        }
    }

    /// A dimension: from 1 to 2³¹, so that a product of two cannot overflow.
    fn optional_size(&self, key: &str) -> Result<Option<usize>> {
        match self.integer(key)? {
            None => Ok(None),
            Some(number) if (1..=1 << 31).contains(&number) => Ok(Some(number as usize)),
            Some(number) => bail!("{}.{key} is {number}, which cannot be", self.prefix),
        }
    }

    fn size(&self, key: &str) -> Result<usize> {
        self.optional_size(key)?
            .with_context(|| format!("{}.{key} is missing", self.prefix))
    }
}
