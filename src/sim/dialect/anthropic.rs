//! Anthropic's messages: one object, or events with a name each.

use super::named;
use crate::sim::completion::{Accounts, Completion, Event, Finish, Part, event};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// From this version on the fields that set how tokens are drawn are refused.
const NO_SAMPLING_SINCE: &str = "2026-10-21";

/// The longest answer that is declared, in tokens.
const MAX_OUTPUT_TOKENS: u64 = 64_000;

/// One JSON object.
pub fn whole(completion: &Completion) -> Bytes {
    let mut content = Vec::new();
    if !completion.reasoning.is_empty() {
        content.push(thinking(&completion.thoughts()));
    }
    if !completion.pieces.is_empty() {
        content.push(json!({ "type": "text", "text": completion.text() }));
    }
    let stop = stop_reason(completion).into();
    Bytes::from(message(completion, content, stop, completion.usage).to_string())
}

/// The events from `message_start` to `message_stop`.
pub fn events(completion: &Completion) -> Vec<Event> {
    // The accounts open with the prompt's and a first token of the answer.
    let opened = completion.usage.map(|usage| Accounts {
        output_tokens: usage.output_tokens.min(1),
        ..usage
    });
    let start = message(completion, Vec::new(), Value::Null, opened);
    let mut events = vec![send(
        Part::Head,
        json!({ "type": "message_start", "message": start }),
    )];
    let blocks = [
        (thinking(""), "thinking", &completion.reasoning),
        (
            json!({ "type": "text", "text": "" }),
            "text",
            &completion.pieces,
        ),
    ];
    let filled = blocks
        .into_iter()
        .filter(|(_, _, pieces)| !pieces.is_empty());
    for (index, (block, kind, pieces)) in filled.enumerate() {
        events.push(send(
            Part::Text,
            json!({ "type": "content_block_start", "index": index, "content_block": block }),
        ));
        if index == 0 {
            events.push(send(Part::Text, json!({ "type": "ping" })));
        }
        for piece in pieces {
            let mut delta = json!({ "type": format!("{kind}_delta") });
            delta[kind] = piece.as_str().into();
            events.push(send(
                Part::Text,
                json!({ "type": "content_block_delta", "index": index, "delta": delta }),
            ));
        }
        events.push(send(
            Part::Text,
            json!({ "type": "content_block_stop", "index": index }),
        ));
    }
    let mut ended = json!({
        "type": "message_delta",
        "delta": { "stop_reason": stop_reason(completion), "stop_sequence": null },
    });
    if let Some(usage) = completion.usage {
        ended["usage"] = Value::Object(accounts(usage));
    }
    events.push(send(Part::Finish, ended));
    events.push(send(Part::Done, json!({ "type": "message_stop" })));
    events
}

fn send(part: Part, value: Value) -> Event {
    let name = value["type"].as_str().unwrap_or_default();
    event(part, named(name, &value))
}

fn thinking(text: &str) -> Value {
    json!({ "type": "thinking", "thinking": text, "signature": "" })
}

fn message(
    completion: &Completion,
    content: Vec<Value>,
    stop: Value,
    usage: Option<Accounts>,
) -> Value {
    let mut message = json!({
        "id": completion.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
    });
    if let Some(usage) = usage {
        let mut usage = accounts(usage);
        usage.insert("service_tier".into(), "standard".into());
        message["usage"] = Value::Object(usage);
    }
    message
}

fn stop_reason(completion: &Completion) -> Option<&'static str> {
    match completion.finish {
        Finish::Stop => Some("end_turn"),
        Finish::Length => Some("max_tokens"),
        Finish::Unsaid => None,
    }
}

/// Anthropic's input tokens are those that came from no cache.
fn accounts(usage: Accounts) -> Map<String, Value> {
    let mut accounts = Map::new();
    let mut put = |name: &str, tokens: u64| accounts.insert(name.into(), tokens.into());
    put("input_tokens", usage.prompt_tokens - usage.cached_tokens);
    put("cache_creation_input_tokens", 0);
    put("cache_read_input_tokens", usage.cached_tokens);
    put("output_tokens", usage.output_tokens);
    if usage.reasoning_tokens > 0 {
        let details = json!({ "thinking_tokens": usage.reasoning_tokens });
        accounts.insert("output_tokens_details".into(), details);
    }
    accounts
}

/// What is wrong with a request of this version, if anything, in Anthropic's words.
pub fn complaint(
    version: Option<&str>,
    max_tokens: Option<u64>,
    sampling: Option<&str>,
) -> Option<String> {
    let Some(version) = version else {
        return Some("anthropic-version: header is required".into());
    };
    // ISO dates compare as text.
    if let Some(field) = sampling.filter(|_| version >= NO_SAMPLING_SINCE) {
        return Some(format!("{field}: Extra inputs are not permitted"));
    }
    match max_tokens {
        None => Some("max_tokens: Field required".into()),
        Some(0) => Some("max_tokens: Input should be greater than or equal to 1".into()),
        Some(_) => None,
    }
}

/// One model, with its window.
pub fn model(model: &str, window_tokens: Option<u64>) -> Value {
    json!({
        "type": "model",
        "id": model,
        "display_name": model,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": null,
        "deprecated_at": null,
        "retires_at": null,
        "capabilities": null,
        "max_input_tokens": window_tokens,
        "max_tokens": MAX_OUTPUT_TOKENS,
    })
}

/// The list of models: the one that there is.
pub fn models(name: &str, window_tokens: Option<u64>) -> Value {
    json!({
        "data": [model(name, window_tokens)],
        "has_more": false,
        "first_id": name,
        "last_id": name,
    })
}

/// What `/messages/count_tokens` answers.
pub fn count(tokens: u64) -> Value {
    json!({ "input_tokens": tokens })
}
