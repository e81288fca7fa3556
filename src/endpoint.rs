//! Whoever answers: the seam between the run and a server, a local model or the simulated one.

use crate::reply::{Failure, Reply};
use crate::rope::Rope;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

pub mod anthropic;
pub mod connect;
pub mod dialect;
pub mod discover;
pub mod exchange;
pub mod gathered;
pub mod gemini;
pub mod http;
pub mod letter;
pub mod lines;
pub mod marks;
pub mod ollama;
pub mod openai;
pub mod openrouter;
pub mod pace;
pub mod refusal;
pub mod responses;
pub mod shape;
pub mod speaker;
pub mod sse;
pub mod target;
pub mod upload;
pub mod wire;

/// Whose words an earlier turn of a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who asks.
    User,
    /// Whoever answers: an answer that was given before, or is said to have been.
    Model,
}

/// An earlier turn of a conversation. Its text is shared and not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whose words they are.
    pub side: Side,
    /// The words.
    pub text: Rope,
}

/// One question, complete: what every kind of endpoint gets, and all that it gets.
#[derive(Clone, Debug)]
pub struct Ask {
    /// A system message, where the user gave one.
    pub system: Option<String>,
    /// What was said before the prompt, in order. Empty for questions of our own; other people's
    /// sets have conversations.
    pub earlier: Vec<Turn>,
    /// The prompt: haystack and question in one user message, because several servers drop
    /// whole older messages first.
    pub prompt: Rope,
    /// How many of its first pieces other questions of the same haystack begin with as well: where
    /// a provider wants the end of a cached prefix marked, it stands there. 0 where there is none.
    pub shared_pieces: usize,
    /// Output budget in tokens, reasoning included.
    pub max_output_tokens: u64,
    /// Sampling temperature; `None` leaves the field out.
    pub temperature: Option<f64>,
    /// Reasoning effort by the field's words (`none`, `low`, `medium`, `high`); `None` leaves it out.
    pub reasoning: Option<String>,
}

/// What an endpoint says of itself before the first question. Everything is as declared; nothing
/// here is believed without the reconciliation of each reply.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The model's name to ask for.
    pub model: String,
    /// What software seems to answer (`llama-server`, `vllm`, `sim` …).
    pub software: Option<String>,
    /// The window that the endpoint declares, in tokens, prompt and output together.
    pub window_tokens: Option<u64>,
    /// The window that the weights were made for, where it is told apart.
    pub trained_window_tokens: Option<u64>,
    /// True where the server has an endpoint that counts a whole text.
    pub tokenize: bool,
    /// True where that count is documented as an estimate.
    #[serde(default)]
    pub count_is_estimate: bool,
    /// Longest request body that the server is known to take, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_limit_bytes: Option<u64>,
    /// Longest answer that it declares, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_limit_tokens: Option<u64>,
    /// The dialect that it is spoken to in (`openai-chat`, `anthropic` …).
    #[serde(default)]
    pub dialect: String,
    /// What else it told of itself, a line each, in the server's own terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// Something that answers questions.
pub trait Endpoint: Send + Sync {
    /// What it says of itself.
    fn served(&self) -> &Served;

    /// Asks one question once. Retries are the caller's: each attempt is a row.
    fn ask<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, Failure>>;

    /// The server's own count of a text's tokens, without template; `None` where it has none.
    fn count_tokens<'a>(&'a self, _text: &'a Rope) -> BoxFuture<'a, Option<u64>> {
        Box::pin(async { None })
    }

    /// Makes ready for prompts of up to so many tokens and answers of so many: Ollama loads the
    /// model with a window for them.
    ///
    /// # Errors
    /// In one line, where such questions would be cut without a word or the model cannot be loaded.
    fn make_ready<'a>(
        &'a self,
        _prompt_tokens: u64,
        _output_tokens: u64,
    ) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    /// What had to be changed in the requests because the server refused a field, in words:
    /// printed with every result, since a dropped temperature is another measurement.
    fn adaptations(&self) -> Vec<String> {
        Vec::new()
    }
}
