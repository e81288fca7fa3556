//! Ollama's own `/api/chat`: the only way to ask it for a window, and not to cut the prompt to fit.

use crate::endpoint::Ask;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::exchange::Draft;
use crate::endpoint::letter::Letter;
use crate::endpoint::openai::{message, role};
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Request;
use crate::rope::escape;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod answer;
mod server;

pub use answer::Answer;
pub use server::{discover, fits, load, loaded_window, look_closer};

/// How long the model stays loaded after an answer: pauses between questions and retries must
/// not cost a reload, and its default of five minutes is shorter than some of them.
const KEEP_ALIVE: &str = "30m";

/// The window that is asked for, in tokens, prompt and answer together. It is chosen once for a
/// run: each change makes the server load the model again. Clones share one choice, so that it
/// can be made after the endpoint was built.
#[derive(Clone, Debug, Default)]
pub struct NumCtx(Arc<AtomicU64>);

impl NumCtx {
    /// Chooses the window.
    pub fn choose(&self, tokens: u64) {
        self.0.store(tokens, Ordering::Relaxed);
    }

    /// What was chosen; none leaves it to the server.
    pub fn chosen(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|tokens| *tokens > 0)
    }
}

/// Ollama's native chat. Its paths are below the server's root, so the base address has no `/v1`.
#[derive(Clone, Debug, Default)]
pub struct Ollama {
    /// The window that is asked for.
    pub num_ctx: NumCtx,
    /// Fields of the user's own, which win over ours; `options` is merged.
    pub params: Vec<(String, Value)>,
}

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn request(&self, model: &str, ask: &Ask, shape: &Shape) -> Request {
        let mut head = format!("{{\"model\":\"{}\",\"messages\":[", escape(model));
        if let Some(system) = &ask.system {
            let _ = write!(
                head,
                "{{\"role\":\"system\",\"content\":\"{}\"}},",
                escape(system)
            );
        }
        let mut letter = Letter::new(head);
        for turn in &ask.earlier {
            letter = message(letter, role(turn.side), &turn.text, "text", None).text(",");
        }
        letter = message(letter, "user", &ask.prompt, "text", None).text("]");
        let mut options = window_option(self.num_ctx.chosen());
        options.insert("num_predict".into(), ask.max_output_tokens.into());
        if let Some(temperature) = ask.temperature.filter(|_| !shape.no_temperature) {
            options.insert("temperature".into(), temperature.into());
        }
        let mut fields = fields(options);
        fields.insert("stream".into(), true.into());
        if let Some(effort) = &ask.reasoning {
            fields.insert("think".into(), thinking(effort));
        }
        Request {
            post: true,
            path: "/api/chat".to_owned(),
            headers: Vec::new(),
            body: letter.sealed(fields, &self.params),
        }
    }

    fn draft(&self) -> Box<dyn Draft> {
        Box::new(Answer::default())
    }

    /// Nothing is refused that could be left out: fields that it does not know it ignores.
    fn adapted(&self, _: &Shape, _: &Refusal, _: &Ask) -> Option<Shape> {
        None
    }
}

/// What every request says, the one that only loads the model included: a request that differs
/// in the window or in `shift` loads it again.
fn fields(options: Map<String, Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("options".into(), Value::Object(options));
    // Where these are left out, the front of a prompt that does not fit is dropped under a 200,
    // and text is dropped while the answer is generated.
    fields.insert("truncate".into(), false.into());
    fields.insert("shift".into(), false.into());
    fields.insert("keep_alive".into(), KEEP_ALIVE.into());
    fields
}

fn window_option(num_ctx: Option<u64>) -> Map<String, Value> {
    let mut options = Map::new();
    if let Some(tokens) = num_ctx {
        options.insert("num_ctx".into(), tokens.into());
    }
    options
}

/// Effort in its words: a switch, or a level for the models that have levels.
fn thinking(effort: &str) -> Value {
    match effort {
        "none" | "false" => json!(false),
        "true" => json!(true),
        level => json!(level),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Side, Turn};
    use crate::rope::Rope;

    #[test]
    fn earlier_turns_stand_before_the_prompt_in_order() {
        let turn = |side, text| Turn {
            side,
            text: Rope::of(text),
        };
        let ask = Ask {
            system: Some("s".to_owned()),
            earlier: vec![turn(Side::User, "first\n"), turn(Side::Model, "so")],
            prompt: Rope::of("and \"now\"?"),
            shared_pieces: 0,
            max_output_tokens: 64,
            temperature: Some(0.0),
            reasoning: None,
        };
        let request = Ollama::default().request("m", &ask, &Shape::default());
        assert_eq!(
            String::from_utf8(request.body.slices.concat()).expect("UTF-8"),
            concat!(
                r#"{"model":"m","messages":[{"role":"system","content":"s"},"#,
                r#"{"role":"user","content":"first\n"},{"role":"assistant","content":"so"},"#,
                r#"{"role":"user","content":"and \"now\"?"}],"#,
                r#""options":{"num_predict":64,"temperature":0.0},"truncate":false,"shift":false,"#,
                r#""keep_alive":"30m","stream":true}"#,
            )
        );
    }
}
