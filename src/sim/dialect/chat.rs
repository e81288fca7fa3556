//! OpenAI's chat completions, as most servers speak them.

use super::data;
use crate::sim::completion::{Accounts, Completion, Event, Finish, Part, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// One JSON object.
pub fn whole(completion: &Completion) -> Bytes {
    let mut message = json!({ "role": "assistant", "content": completion.text() });
    if !completion.reasoning.is_empty() {
        message["reasoning_content"] = completion.thoughts().into();
    }
    let mut reply = head(completion, "chat.completion");
    reply["choices"] = json!([{
        "index": 0,
        "message": message,
        "logprobs": null,
        "finish_reason": finish(completion),
    }]);
    if let Some(usage) = completion.usage {
        reply["usage"] = accounts(usage);
    }
    Bytes::from(reply.to_string())
}

/// Server-sent events: the role, the pieces, the finish reason, the accounts where they are
/// wanted (with no choices, as OpenAI sends them), and the mark of the end.
pub fn events(completion: &Completion, include_usage: bool) -> Vec<Event> {
    let role = json!({ "role": "assistant", "content": "" });
    let mut events = vec![delta(completion, Part::Head, role, Value::Null)];
    for piece in &completion.reasoning {
        let piece = json!({ "reasoning_content": piece });
        events.push(delta(completion, Part::Text, piece, Value::Null));
    }
    for piece in &completion.pieces {
        let piece = json!({ "content": piece });
        events.push(delta(completion, Part::Text, piece, Value::Null));
    }
    let finish = finish(completion).into();
    events.push(delta(completion, Part::Finish, json!({}), finish));
    if let Some(usage) = completion.usage.filter(|_| include_usage) {
        let mut last = head(completion, "chat.completion.chunk");
        last["choices"] = json!([]);
        last["usage"] = accounts(usage);
        events.push(event(Part::Usage, data(&last)));
    }
    events.push(event(Part::Done, &b"data: [DONE]\n\n"[..]));
    events
}

fn delta(completion: &Completion, part: Part, delta: Value, finish: Value) -> Event {
    let mut chunk = head(completion, "chat.completion.chunk");
    chunk["choices"] =
        json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
    event(part, data(&chunk))
}

/// The clock is left out: it says nothing of the model.
fn head(completion: &Completion, object: &str) -> Value {
    let mut head = json!({
        "id": completion.id("chatcmpl-"),
        "object": object,
        "created": 0,
        "model": completion.model,
        "system_fingerprint": completion.fingerprint(),
    });
    if let Some(provider) = completion.leak.and_then(|leak| leak.provider) {
        head["provider"] = provider.into();
    }
    head
}

fn finish(completion: &Completion) -> Option<&'static str> {
    match completion.finish {
        Finish::Stop => Some("stop"),
        Finish::Length => Some("length"),
        Finish::Unsaid => None,
    }
}

fn accounts(usage: Accounts) -> Value {
    let mut accounts = json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    });
    if usage.reasoning_tokens > 0 {
        accounts["completion_tokens_details"] =
            json!({ "reasoning_tokens": usage.reasoning_tokens });
    }
    accounts
}

/// One model, with its window as vLLM declares it.
pub fn model(model: &str, window_tokens: Option<u64>) -> Value {
    let mut entry = json!({
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": "depthfinder-sim",
    });
    if let Some(window) = window_tokens {
        entry["max_model_len"] = window.into();
    }
    entry
}

/// The list of models: the one that there is.
pub fn models(name: &str, window_tokens: Option<u64>) -> Value {
    json!({ "object": "list", "data": [model(name, window_tokens)] })
}
