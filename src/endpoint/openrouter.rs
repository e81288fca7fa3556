//! OpenRouter: chat completions with its own cutting turned off, one provider, and its account of both.

use crate::endpoint::Ask;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::exchange::Draft;
use crate::endpoint::openai::{Answer, encode};
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use serde_json::{Value, json};

mod server;

pub use server::discover;

/// What cuts the middle out of a prompt that does not fit. It is on by itself for endpoints of up
/// to 8k tokens, and wherever an account's settings turn it on; leaving it out is not "off".
const COMPRESSION: &str = "context-compression";

/// Chat completions as OpenRouter has them.
#[derive(Clone, Debug, Default)]
pub struct OpenRouter {
    /// Fields of the user's own, which win over ours; `provider` is merged, so that
    /// `provider={"only":["deepinfra/fp8"]}` pins a provider.
    params: Vec<(String, Value)>,
}

impl OpenRouter {
    /// With fields of the user's own. A list of `plugins` among them keeps the compression turned
    /// off, unless it names it.
    pub fn new(mut params: Vec<(String, Value)>) -> OpenRouter {
        for (name, value) in &mut params {
            if let ("plugins", Value::Array(plugins)) = (name.as_str(), value) {
                let names_it = |plugin: &Value| plugin.get("id") == Some(&json!(COMPRESSION));
                if !plugins.iter().any(names_it) {
                    plugins.push(no_compression());
                }
            }
        }
        OpenRouter { params }
    }
}

impl Dialect for OpenRouter {
    fn name(&self) -> &'static str {
        "openrouter"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        let mut params = vec![
            ("plugins".to_owned(), json!([no_compression()])),
            // Another provider is another measurement, and one that ignores the temperature or
            // the output budget as well.
            (
                "provider".to_owned(),
                json!({"allow_fallbacks": false, "require_parameters": true}),
            ),
            // Usage comes always; asking for it has been without effect since 2025.
            ("stream_options".to_owned(), Value::Null),
        ];
        if let Some(effort) = &ask.reasoning {
            params.push(("reasoning_effort".to_owned(), Value::Null));
            params.push(("reasoning".to_owned(), json!({ "effort": effort })));
        }
        params.extend(self.params.iter().cloned());
        Request {
            post: true,
            path: "/chat/completions".to_owned(),
            headers: vec![("X-OpenRouter-Metadata".to_owned(), "enabled".to_owned())],
            body: encode(model, ask, shape, None, &params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    fn adapted(&self, shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        // Where every parameter is required, a model that knows no temperature has no provider.
        let no_provider = refusal.status == 404
            && refusal
                .error()
                .words()
                .contains("handle the requested parameters");
        if no_provider && ask.temperature.is_some() && !shape.no_temperature {
            return Some(Shape {
                no_temperature: true,
                ..shape.clone()
            });
        }
        shape.adapted(refusal, ask)
    }
}

fn no_compression() -> Value {
    json!({"id": COMPRESSION, "enabled": false})
}
