//! OpenAI-compatible chat completions, streamed: vLLM, SGLang, llama-server, TGI, OpenAI itself.

use crate::endpoint::dialect::{Count, Dialect};
use crate::endpoint::exchange::Draft;
use crate::endpoint::letter::Letter;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::endpoint::{Ask, Served};
use crate::rope::{Rope, escape};
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

mod answer;
mod request;

pub use answer::{Answer, split_thinking};
pub use request::{STRING_LIMIT_BYTES, encode, message, number, role, split};

/// Chat completions.
#[derive(Clone, Debug, Default)]
pub struct OpenAi {
    /// Cuts prompts into text parts of at most so many bytes: api.openai.com refuses longer strings.
    pub string_limit_bytes: Option<usize>,
    /// Fields of the user's own, which win over ours.
    pub params: Vec<(String, Value)>,
}

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        Request {
            post: true,
            path: "/chat/completions".to_owned(),
            headers: Vec::new(),
            body: encode(model, ask, shape, self.string_limit_bytes, &self.params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    /// `/tokenize` of llama-server, vLLM and SGLang, which is no part of OpenAI's own dialect.
    fn count(&self, served: &Served, text: &Rope) -> Option<Count> {
        let (head, fields) = match served.software.as_deref() {
            Some("llama-server") => ("{\"content\":\"".to_owned(), json!({"add_special": false})),
            _ => (
                format!("{{\"model\":\"{}\",\"prompt\":\"", escape(&served.model)),
                json!({"add_special_tokens": false}),
            ),
        };
        let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
        Some(Count {
            request: Request {
                post: true,
                path: "/tokenize".to_owned(),
                headers: Vec::new(),
                body: Letter::new(head).rope(text).text("\"").sealed(fields, &[]),
            },
            to_root: true,
            read: |body| {
                let tokens: Tokens = serde_json::from_str(body).ok()?;
                tokens.count.or(tokens.tokens.map(|Length(length)| length))
            },
        })
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
