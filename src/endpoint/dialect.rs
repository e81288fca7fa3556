//! The seam between one provider's way of speaking and everything else: bytes out, frames in.

use crate::endpoint::exchange::Draft;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::endpoint::{Ask, Served};
use crate::rope::Rope;

/// A provider's way of speaking. Pure: it knows no network, no clock and no key.
pub trait Dialect: Send + Sync {
    /// Its name, as it stands in `run.json`: `openai-chat`, `anthropic` …
    fn name(&self) -> &'static str;

    /// The request that asks a question.
    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request;

    /// An empty answer, ready for the first event of the response.
    fn draft(&self) -> Box<dyn Draft>;

    /// The request that counts a text, where the provider has one. Some counts include the
    /// template; what they leave out is measured by whoever uses them.
    fn count(&self, _served: &Served, _text: &Rope) -> Option<Count> {
        None
    }

    /// The shape in which a refused question may be asked again; none where the refusal is about
    /// something else.
    fn adapted(&self, shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        shape.adapted(refusal, ask)
    }
}

/// How to have a text counted.
pub struct Count {
    /// What is sent.
    pub request: Request,
    /// True where the path lies above the base address.
    pub to_root: bool,
    /// Reads the number of tokens out of the answer's body.
    pub read: fn(&str) -> Option<u64>,
}
