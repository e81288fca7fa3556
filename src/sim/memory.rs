//! A response cache: what was said to a prompt, kept to be said again.

use super::body::ChatRequest;
use super::completion::Completion;
use std::collections::{HashMap, VecDeque};

/// How many answers are kept.
const KEPT: usize = 10_000;

/// What was said, by what it was said to.
#[derive(Default)]
pub struct Memory {
    said: HashMap<blake3::Hash, Completion>,
    order: VecDeque<blake3::Hash>,
}

/// What of a request is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// All that decides its answer: the messages, the budget and the temperature.
    Whole,
    /// So many bytes at the beginning of the messages: a cache by likeness that looks no further.
    Beginning(usize),
}

impl Sameness {
    /// What a request is kept under.
    pub fn key(self, request: &ChatRequest) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        match self {
            Sameness::Whole => {
                hasher.update(request.text.as_bytes());
                for (message, system) in request.messages.iter().zip(&request.system) {
                    hasher.update(&(message.end as u64).to_le_bytes());
                    hasher.update(&[u8::from(*system)]);
                }
                let budget = request.max_tokens.unwrap_or(u64::MAX);
                hasher.update(&budget.to_le_bytes());
                let temperature = request.temperature.unwrap_or(f64::MAX);
                hasher.update(&temperature.to_bits().to_le_bytes());
            }
            Sameness::Beginning(bytes) => {
                let bytes = bytes.min(request.text.len());
                hasher
                    .update(b"beginning")
                    .update(&request.text.as_bytes()[..bytes]);
            }
        }
        hasher.finalize()
    }
}

impl Memory {
    /// What was said first to what is the same.
    pub fn recall(&self, key: &blake3::Hash) -> Option<Completion> {
        self.said.get(key).cloned()
    }

    /// Keeps what is said, unless something was said before.
    pub fn keep(&mut self, key: blake3::Hash, completion: &Completion) {
        if self.said.contains_key(&key) {
            return;
        }
        if self.order.len() == KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.said.remove(&oldest);
        }
        self.order.push_back(key);
        self.said.insert(key, completion.clone());
    }
}
