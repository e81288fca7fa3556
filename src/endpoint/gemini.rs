//! Google's Gemini, streamed: `streamGenerateContent` as server-sent events.

use crate::endpoint::dialect::{Count, Dialect};
use crate::endpoint::exchange::Draft;
use crate::endpoint::gathered::path_of;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::endpoint::{Ask, Served};
use crate::rope::Rope;
use serde_json::{Map, Value};

mod answer;
mod catalog;
mod request;

pub use answer::Answer;
pub use catalog::discover;
pub use request::encode;

/// Content in parts, with the model in the path.
#[derive(Clone, Debug, Default)]
pub struct Gemini {
    /// Fields of the user's own, which win over ours.
    pub params: Vec<(String, Value)>,
}

/// Where a model stands: `/models/NAME`, or below a list of its own such as `tunedModels/`.
fn model_path(model: &str) -> String {
    match model.contains('/') {
        true => format!("/{}", path_of(model)),
        false => format!("/models/{}", path_of(model)),
    }
}

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        Request {
            post: true,
            // Without `alt=sse` the stream is one JSON list.
            path: format!("{}:streamGenerateContent?alt=sse", model_path(model)),
            headers: Vec::new(),
            body: encode(ask, shape, &self.params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    fn count(&self, served: &Served, text: &Rope) -> Option<Count> {
        Some(Count {
            request: Request {
                post: true,
                path: format!("{}:countTokens", model_path(&served.model)),
                headers: Vec::new(),
                body: request::contents(&[], text).sealed(Map::new(), &[]),
            },
            to_root: false,
            read: |body| {
                let counted: Value = serde_json::from_str(body).ok()?;
                counted.get("totalTokens")?.as_u64()
            },
        })
    }

    fn adapted(&self, shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        request::adapted(shape, refusal, ask)
    }
}
