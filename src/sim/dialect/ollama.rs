//! Ollama's own chat: one object, or a line of JSON for each piece.

use crate::sim::completion::{Completion, Event, Finish, Part, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// The clock is left out: the same request is answered with the same bytes.
const LONG_AGO: &str = "1970-01-01T00:00:00Z";

/// Nanoseconds that are said to have passed for each token.
const TOKEN_NS: u64 = 1_000;

/// The version that is declared: the one whose source the half-window cut was read in.
pub const VERSION: &str = "0.34.0";

/// One JSON object.
pub fn whole(completion: &Completion) -> Bytes {
    let mut reply = last(completion);
    reply["message"]["content"] = completion.text().into();
    if !completion.reasoning.is_empty() {
        reply["message"]["thinking"] = completion.thoughts().into();
    }
    Bytes::from(reply.to_string())
}

/// Lines of JSON; the last one carries the reason and the accounts.
pub fn events(completion: &Completion) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in &completion.reasoning {
        let message = json!({ "role": "assistant", "content": "", "thinking": piece });
        events.push(event(Part::Text, line(&chunk(completion, message))));
    }
    for piece in &completion.pieces {
        let message = json!({ "role": "assistant", "content": piece });
        events.push(event(Part::Text, line(&chunk(completion, message))));
    }
    events.push(event(Part::Finish, line(&last(completion))));
    events
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn chunk(completion: &Completion, message: Value) -> Value {
    json!({
        "model": completion.model,
        "created_at": LONG_AGO,
        "message": message,
        "done": false,
    })
}

fn last(completion: &Completion) -> Value {
    let mut last = chunk(completion, json!({ "role": "assistant", "content": "" }));
    let reason = match completion.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Unsaid => return last,
    };
    last["done"] = true.into();
    last["done_reason"] = reason.into();
    if let Some(usage) = completion.usage {
        let (prompt, output) = (usage.prompt_tokens, usage.output_tokens);
        last["total_duration"] = ((prompt + output) * TOKEN_NS).into();
        last["load_duration"] = 0.into();
        last["prompt_eval_count"] = prompt.into();
        last["prompt_eval_duration"] = (prompt * TOKEN_NS).into();
        last["eval_count"] = output.into();
        last["eval_duration"] = (output * TOKEN_NS).into();
    }
    last
}

/// What a chat without messages answers: the model is loaded and nothing is said.
pub fn loaded(model: &str) -> Value {
    json!({
        "model": model,
        "created_at": LONG_AGO,
        "message": { "role": "assistant", "content": "" },
        "done": true,
        "done_reason": "load",
    })
}

fn details() -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": "sim",
        "families": ["sim"],
        "parameter_size": "1B",
        "quantization_level": "F16",
    })
}

fn entry(model: &str) -> Value {
    json!({
        "name": model,
        "model": model,
        "modified_at": LONG_AGO,
        "size": 0,
        "digest": "0".repeat(64),
        "details": details(),
    })
}

/// `/api/tags`: the models that there are.
pub fn tags(model: &str) -> Value {
    json!({ "models": [entry(model)] })
}

/// `/api/ps`: the models that are loaded, each with the window it was loaded with, in tokens.
pub fn running(model: &str, context_tokens: Option<u64>) -> Value {
    let models: Vec<Value> = context_tokens
        .into_iter()
        .map(|tokens| {
            let mut entry = entry(model);
            entry["expires_at"] = "9999-12-31T00:00:00Z".into();
            entry["size_vram"] = 0.into();
            entry["context_length"] = tokens.into();
            entry
        })
        .collect();
    json!({ "models": models })
}

/// `/api/show`: the window that the model was trained with, in tokens, among others.
pub fn show(trained_tokens: u64) -> Value {
    json!({
        "modelfile": "",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": details(),
        "model_info": {
            "general.architecture": "sim",
            "general.parameter_count": 1_000_000_000u64,
            "sim.context_length": trained_tokens,
        },
        "capabilities": ["completion"],
        "modified_at": LONG_AGO,
    })
}
