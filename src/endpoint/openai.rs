//! OpenAI-compatible chat completions, streamed: vLLM, SGLang, llama-server, TGI, OpenAI itself.

use crate::endpoint::exchange::{Patience, converse, fetch};
use crate::endpoint::wire::{Body, Request, Wire};
use crate::endpoint::{Ask, Endpoint, Served};
use crate::reply::{Failure, Reply};
use crate::rope::{Rope, escape};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use std::sync::{Arc, Mutex, PoisonError};

mod answer;
mod request;

pub use answer::Answer;
pub use request::{STRING_LIMIT_BYTES, Shape, encode};

/// Most changes of shape in one ask: each field once, and once more where another ask in flight
/// changed the shape meanwhile.
const LADDER: usize = 4;

/// Most of a token list's bytes that are read: ten million tokens are about 70 MB.
const TOKENS_LIMIT_BYTES: usize = 512 << 20;

/// A server that speaks OpenAI's chat completions.
pub struct OpenAi {
    wire: Arc<dyn Wire>,
    served: Served,
    patience: Patience,
    string_limit_bytes: Option<usize>,
    shape: Mutex<Shape>,
}

impl OpenAi {
    /// A server reached over this wire, asked for `served.model`.
    pub fn new(wire: Arc<dyn Wire>, served: Served) -> OpenAi {
        OpenAi {
            wire,
            served,
            patience: Patience::default(),
            string_limit_bytes: None,
            shape: Mutex::default(),
        }
    }

    /// How long the first event may take.
    pub fn with_patience(mut self, patience: Patience) -> OpenAi {
        self.patience = patience;
        self
    }

    /// Cuts prompts into text parts of at most so many bytes: api.openai.com refuses longer strings.
    pub fn with_string_limit(mut self, bytes: usize) -> OpenAi {
        self.string_limit_bytes = Some(bytes);
        self
    }

    fn shape(&self) -> Shape {
        self.shape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn ask_once(&self, ask: &Ask) -> Result<Reply, Failure> {
        let mut changes = 0;
        loop {
            let shape = self.shape();
            let request = Request {
                post: true,
                path: "/chat/completions".to_owned(),
                headers: Vec::new(),
                body: encode(&self.served.model, ask, &shape, self.string_limit_bytes),
            };
            let draft = Answer::default();
            match converse(&*self.wire, request, &self.patience, draft).await? {
                Ok(reply) => return Ok(reply),
                Err(refusal) if changes < LADDER => {
                    changes += 1;
                    let mut current = self.shape.lock().unwrap_or_else(PoisonError::into_inner);
                    // Another ask in flight may have learnt the same lesson first.
                    if *current == shape {
                        match shape.adapted(&refusal, ask) {
                            Some(adapted) => *current = adapted,
                            None => return Err(refusal.failure()),
                        }
                    }
                }
                Err(refusal) => return Err(refusal.failure()),
            }
        }
    }

    async fn count(&self, text: &Rope) -> Option<u64> {
        if !self.served.tokenize {
            return None;
        }
        let (head, tail) = match self.served.software.as_deref() {
            Some("llama-server") => ("{\"content\":\"".to_owned(), "\",\"add_special\":false}"),
            _ => (
                format!(
                    "{{\"model\":\"{}\",\"prompt\":\"",
                    escape(&self.served.model)
                ),
                "\",\"add_special_tokens\":false}",
            ),
        };
        let mut slices = vec![Bytes::from(head)];
        slices.extend(text.pieces().iter().map(|piece| piece.json.clone()));
        slices.push(Bytes::from_static(tail.as_bytes()));
        let request = Request {
            post: true,
            path: "/tokenize".to_owned(),
            headers: Vec::new(),
            body: Body { slices },
        };
        let patience = self.patience.for_bytes(request.body.len_bytes());
        let fetched = fetch(&*self.wire, request, true, patience, TOKENS_LIMIT_BYTES).await;
        let (_, body) = fetched.ok()?.ok()?;
        let tokens: Tokens = serde_json::from_str(&body).ok()?;
        tokens.count.or(tokens.tokens.map(|Length(length)| length))
    }
}

impl Endpoint for OpenAi {
    fn served(&self) -> &Served {
        &self.served
    }

    fn ask<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.ask_once(ask))
    }

    fn count_tokens<'a>(&'a self, text: &'a Rope) -> BoxFuture<'a, Option<u64>> {
        Box::pin(self.count(text))
    }

    fn adaptations(&self) -> Vec<String> {
        self.shape().adaptations()
    }
}

/// vLLM counts (`count`), llama-server lists (`tokens`); the list itself is never kept.
#[derive(Deserialize)]
struct Tokens {
    count: Option<u64>,
    tokens: Option<Length>,
}

struct Length(u64);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Length, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Length;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of tokens")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Length, A::Error> {
                let mut length = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Length(length))
            }
        }
        deserializer.deserialize_seq(Counter)
    }
}
