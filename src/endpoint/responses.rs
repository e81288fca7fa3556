//! OpenAI's Responses, streamed.

use crate::endpoint::dialect::{Count, Dialect};
use crate::endpoint::exchange::Draft;
use crate::endpoint::openai::OpenAi;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::endpoint::{Ask, Served};
use crate::rope::Rope;
use serde_json::{Map, Value};

mod answer;
mod request;

pub use answer::Answer;
pub use request::encode;

/// Responses.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    /// Cuts prompts into text parts of at most so many bytes: api.openai.com refuses longer strings.
    pub string_limit_bytes: Option<usize>,
    /// Fields of the user's own, which win over ours.
    pub params: Vec<(String, Value)>,
}

impl Dialect for Responses {
    fn name(&self) -> &'static str {
        "openai-responses"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        Request {
            post: true,
            path: "/responses".to_owned(),
            headers: Vec::new(),
            body: encode(model, ask, shape, self.string_limit_bytes, &self.params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    /// `/responses/input_tokens`, which counts the template too; servers of other makes are asked
    /// in their own way.
    fn count(&self, served: &Served, text: &Rope) -> Option<Count> {
        if matches!(
            served.software.as_deref(),
            Some("llama-server" | "vllm" | "sglang")
        ) {
            return OpenAi::default().count(served, text);
        }
        Some(Count {
            request: Request {
                post: true,
                path: "/responses/input_tokens".to_owned(),
                headers: Vec::new(),
                body: request::input(&served.model, &[], text, self.string_limit_bytes)
                    .sealed(Map::new(), &[]),
            },
            to_root: false,
            read: |body| {
                let counted: Value = serde_json::from_str(body).ok()?;
                counted.get("input_tokens")?.as_u64()
            },
        })
    }

    /// Of the general remedies only a dropped temperature has a place here.
    fn adapted(&self, shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        let adapted = shape.adapted(refusal, ask)?;
        (adapted.no_temperature && !shape.no_temperature).then_some(adapted)
    }
}
