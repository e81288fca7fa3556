//! Anthropic's messages, streamed: Claude itself, and the servers that speak its dialect.

use crate::endpoint::dialect::{Count, Dialect};
use crate::endpoint::exchange::Draft;
use crate::endpoint::letter::Letter;
use crate::endpoint::openai::OpenAi;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::endpoint::{Ask, Served};
use crate::rope::{Rope, escape};
use serde_json::{Map, Value};

mod answer;
mod catalog;
mod request;

pub use answer::Answer;
pub use catalog::discover;
pub use request::encode;

/// The version of the API that is asked for unless a `--header` names another. It takes sampling
/// parameters on the models that have them, which later versions refuse on all.
const VERSION: &str = "2023-06-01";

/// Longest body that api.anthropic.com takes: 32 MB, counted generously, because a body refused
/// there costs nothing and one refused here cannot be sent at all.
pub const BODY_LIMIT_BYTES: u64 = 32 << 20;

/// Servers that speak this dialect beside their own, and count tokens by `/tokenize`.
const OTHERS: &[&str] = &["llama-server", "vllm", "sglang", "ollama", "lm-studio"];

/// Messages.
#[derive(Clone, Debug, Default)]
pub struct Anthropic {
    /// Marks the end of the shared prefix for the cache, which cuts the prompt into two text
    /// blocks. Other servers cache by themselves, and llama-server puts a newline between blocks.
    pub breakpoints: bool,
    /// Fields of the user's own, which win over ours.
    pub params: Vec<(String, Value)>,
}

impl Anthropic {
    /// The dialect for a server that has told what it is.
    pub fn new(served: &Served, params: Vec<(String, Value)>) -> Anthropic {
        Anthropic {
            breakpoints: !is_other(served),
            params,
        }
    }
}

fn is_other(served: &Served) -> bool {
    let software = served.software.as_deref().unwrap_or_default();
    OTHERS.contains(&software)
}

/// The headers that every request carries; a `--header` replaces them.
fn headers() -> Vec<(String, String)> {
    vec![("anthropic-version".to_owned(), VERSION.to_owned())]
}

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        Request {
            post: true,
            path: "/messages".to_owned(),
            headers: headers(),
            body: encode(model, ask, shape, self.breakpoints, &self.params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    /// Anthropic's own count is documented as an estimate and includes its template; servers of
    /// other makes are asked in their own way, which is exact.
    fn count(&self, served: &Served, text: &Rope) -> Option<Count> {
        if is_other(served) {
            return OpenAi::default().count(served, text);
        }
        let head = format!(
            "{{\"model\":\"{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"",
            escape(&served.model)
        );
        Some(Count {
            request: Request {
                post: true,
                path: "/messages/count_tokens".to_owned(),
                headers: headers(),
                body: Letter::new(head)
                    .rope(text)
                    .text("\"}]")
                    .sealed(Map::new(), &[]),
            },
            to_root: false,
            read: |body| {
                let counted: Value = serde_json::from_str(body).ok()?;
                counted.get("input_tokens")?.as_u64()
            },
        })
    }

    fn adapted(&self, shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        request::adapted(shape, refusal, ask)
    }
}
