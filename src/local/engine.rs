//! The engine built in: a `llama` or `qwen2` GGUF model on the CPU, greedy, its KV cache kept between questions.

use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::time::Instant;

mod attention;
mod cache;
mod config;
mod gguf;
mod math;
mod matrix;
mod model;
mod rotary;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;

use cache::Cache;
use config::Config;
use gguf::Gguf;
use model::Model;

/// Tokens computed at once. Activations grow with it, speed hardly any more.
const CHUNK_TOKENS: usize = 512;

/// A loaded model with its cache. Temperature is always 0: the likeliest token is taken, the first
/// of them where several are equal.
pub struct Engine {
    info: EngineInfo,
    model: Model,
    cache: Cache,
    chunk_tokens: usize,
    threads: rayon::ThreadPool,
}

/// What a model says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// `llama` or `qwen2`.
    pub architecture: String,
    /// The name in the file.
    pub name: Option<String>,
    /// The window that the weights were made for, prompt and answer together.
    pub context_tokens: u64,
    /// Transformer blocks.
    pub layers: usize,
    /// Query heads, and those that have keys and values of their own.
    pub heads: usize,
    /// See `heads`.
    pub keyed_heads: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Tokens that the model knows.
    pub vocabulary: usize,
    /// Bytes of KV cache that one token takes.
    pub cache_bytes_per_token: u64,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// At a stop token.
    Stop,
    /// At the budget, or at the end of the context.
    Length,
    /// The caller wanted no more.
    Cancelled,
}

/// An answer with its accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The answer, without the stop token.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt that the cache held already.
    pub cached_tokens: u64,
    /// Tokens of the whole prompt, cached ones included.
    pub prompt_tokens: u64,
    /// Milliseconds for the rest of the prompt, up to the first token of the answer.
    pub prefill_ms: f64,
    /// Milliseconds for all further tokens.
    pub decode_ms: f64,
    /// Why it ended.
    pub stopped: Stopped,
}

/// A prompt that leaves no room in the context; nothing was computed and nothing was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the context, prompt and answer together.
    pub context: u64,
}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the prompt of {} tokens leaves no room for an answer in the model's context of {} tokens",
            self.prompt, self.context
        )
    }
}

impl std::error::Error for TooLong {}

impl Engine {
    /// Loads a model. Its weights are kept as `f32`, four bytes each, which is the fastest format
    /// on a CPU. `threads`: as many as the machine has where it is `None` or 0.
    pub fn load(path: &Path, threads: Option<usize>) -> Result<Engine> {
        let threads = rayon::ThreadPoolBuilder::new()
            // Zero means as many as the machine has.
            .num_threads(threads.unwrap_or(0))
            .thread_name(|index| format!("engine-{index}"))
            .build()
            .context("starting the engine's threads")?;
        let (model, cache) = threads
            .install(|| {
                let mut gguf = Gguf::open(path)?;
                Config::read(&gguf)?;
                check_memory("its weights", gguf.f32_bytes(), free_bytes())?;
                let model = Model::load(&mut gguf)?;
                let cache = Cache::new(model.config())?;
                Ok::<_, anyhow::Error>((model, cache))
            })
            .with_context(|| format!("cannot load {}", path.display()))?;
        let config = model.config();
        let info = EngineInfo {
            architecture: config.architecture.clone(),
            name: config.name.clone(),
            context_tokens: config.context_tokens,
            layers: config.layers,
            heads: config.heads.keyed * config.heads.sharing,
            keyed_heads: config.heads.keyed,
            width: config.width,
            vocabulary: model.vocabulary(),
            cache_bytes_per_token: (config.layers * config.heads.key_width() * 2 * 4) as u64,
        };
        Ok(Engine {
            info,
            model,
            cache,
            chunk_tokens: CHUNK_TOKENS,
            threads,
        })
    }

    /// What the model says of itself.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// Answers greedily. The longest prefix of `tokens` that the cache holds is not computed again.
    /// `stop` ends the answer and is not part of it. `on_token` sees each token as it comes;
    /// returning false ends the answer. A prompt without room for an answer is `TooLong`, which
    /// the caller can downcast to.
    pub fn generate(
        &mut self,
        tokens: &[u32],
        max_new: usize,
        stop: &[u32],
        on_token: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Generated> {
        let started = Instant::now();
        self.check(tokens, max_new.min(1))?;
        let room = (self.info.context_tokens as usize).saturating_sub(tokens.len());
        let cached_tokens = self.shared_prefix(tokens) as u64;
        let mut logits = self.logits(tokens)?;
        let prefill_ms = milliseconds(started);
        let started = Instant::now();
        let mut answer = Vec::new();
        let stopped = loop {
            if answer.len() == max_new.min(room) {
                break Stopped::Length;
            }
            let token = likeliest(&logits)?;
            if stop.contains(&token) {
                break Stopped::Stop;
            }
            answer.push(token);
            if !on_token(token) {
                break Stopped::Cancelled;
            }
            if answer.len() < max_new.min(room) {
                logits = self
                    .threads
                    .install(|| self.model.logits(&mut self.cache, &[token]))?;
            }
        };
        Ok(Generated {
            tokens: answer,
            cached_tokens,
            prompt_tokens: tokens.len() as u64,
            prefill_ms,
            decode_ms: milliseconds(started),
            stopped,
        })
    }

    /// The logits of what follows `tokens`, one for each token of the vocabulary.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Vec<f32>> {
        self.check(tokens, 0)?;
        let kept = self.shared_prefix(tokens);
        self.cache.truncate(kept);
        if tokens.len() > self.cache.capacity() {
            let what = format!("the keys and values of {} tokens", tokens.len());
            let needed_bytes = tokens.len() as u64 * self.info.cache_bytes_per_token;
            check_memory(&what, needed_bytes, free_bytes())?;
        }
        let Engine {
            model,
            cache,
            chunk_tokens,
            threads,
            ..
        } = self;
        threads.install(|| {
            let mut rest = &tokens[kept..];
            cache.reserve(rest.len())?;
            while rest.len() > *chunk_tokens {
                let (chunk, behind) = rest.split_at(*chunk_tokens);
                model.extend(cache, chunk)?;
                rest = behind;
            }
            model.logits(cache, rest)
        })
    }

    /// Tokens at the front that the cache holds. The last one is computed in any case: its logits
    /// are what is asked for.
    fn shared_prefix(&self, tokens: &[u32]) -> usize {
        let pairs = tokens.iter().zip(self.cache.tokens());
        let shared = pairs.take_while(|(asked, held)| asked == held).count();
        shared.min(tokens.len().saturating_sub(1))
    }

    fn check(&self, tokens: &[u32], answer_tokens: usize) -> Result<()> {
        ensure!(!tokens.is_empty(), "the prompt has no token");
        let (prompt, context) = (tokens.len() as u64, self.info.context_tokens);
        if prompt + answer_tokens as u64 > context {
            return Err(TooLong { prompt, context }.into());
        }
        Ok(())
    }
}

/// Memory that can be had without swapping, where the system tells (Linux).
fn free_bytes() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = told
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Refuses what would have the process killed in the middle of it.
fn check_memory(what: &str, needed_bytes: u64, free_bytes: Option<u64>) -> Result<()> {
    if let Some(free_bytes) = free_bytes.filter(|&free_bytes| needed_bytes > free_bytes) {
        bail!(
            "the engine built in needs {:.1} GB for {what} and {:.1} GB are free: install a llama-server, which needs less",
            needed_bytes as f64 / 1e9,
            free_bytes as f64 / 1e9
        );
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn likeliest(logits: &[f32]) -> Result<u32> {
    let mut best = (f32::NEG_INFINITY, None);
    for (token, &logit) in logits.iter().enumerate() {
        if logit > best.0 {
            best = (logit, Some(token as u32));
        }
    }
    best.1
        .context("the model's logits are not numbers: its file is damaged")
}
