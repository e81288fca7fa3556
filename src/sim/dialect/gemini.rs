//! Gemini's generateContent: one object, events, or one list that comes piece by piece.

use crate::sim::completion::{Accounts, Completion, Event, Finish, Part, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// The longest answer that is declared, in tokens.
const MAX_OUTPUT_TOKENS: u64 = 65_536;

/// One JSON object.
pub fn whole(completion: &Completion) -> Bytes {
    let mut parts = Vec::new();
    if !completion.reasoning.is_empty() {
        parts.push(thought(&completion.thoughts()));
    }
    if !completion.pieces.is_empty() {
        parts.push(json!({ "text": completion.text() }));
    }
    let reply = reply(completion, parts, finish(completion), completion.usage);
    Bytes::from(reply.to_string())
}

/// Server-sent events. There is no mark of the end: the last one says the reason.
pub fn events(completion: &Completion) -> Vec<Event> {
    let framed = |(part, value): (Part, Value)| event(part, format!("data: {value}\r\n\r\n"));
    chunks(completion).into_iter().map(framed).collect()
}

/// One JSON list, an element a chunk: what comes where `alt=sse` was not asked for.
pub fn list(completion: &Completion) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, (part, value)) in chunks(completion).into_iter().enumerate() {
        let before = if number == 0 { "[" } else { ",\r\n" };
        events.push(event(part, format!("{before}{value}")));
    }
    events.push(event(Part::Done, "]"));
    events
}

fn chunks(completion: &Completion) -> Vec<(Part, Value)> {
    let mut chunks = Vec::new();
    let thoughts = completion.reasoning.iter().map(|piece| thought(piece));
    let pieces = completion.pieces.iter();
    let parts: Vec<Value> = thoughts
        .chain(pieces.map(|piece| json!({ "text": piece })))
        .collect();
    for (said, part) in (1..).zip(parts) {
        // Every chunk counts what has been said so far.
        let usage = completion.usage.map(|usage| Accounts {
            output_tokens: usage.output_tokens.min(said),
            reasoning_tokens: usage.reasoning_tokens.min(said),
            ..usage
        });
        chunks.push((Part::Text, reply(completion, vec![part], None, usage)));
    }
    let last = reply(
        completion,
        vec![json!({ "text": "" })],
        finish(completion),
        completion.usage,
    );
    chunks.push((Part::Finish, last));
    chunks
}

fn thought(text: &str) -> Value {
    json!({ "text": text, "thought": true })
}

fn finish(completion: &Completion) -> Option<&'static str> {
    match completion.finish {
        Finish::Stop => Some("STOP"),
        Finish::Length => Some("MAX_TOKENS"),
        Finish::Unsaid => None,
    }
}

fn reply(
    completion: &Completion,
    parts: Vec<Value>,
    finish: Option<&str>,
    usage: Option<Accounts>,
) -> Value {
    let mut candidate = json!({ "content": { "role": "model" }, "index": 0 });
    // A candidate that said nothing has no parts at all, not an empty list of them.
    if !parts.is_empty() {
        candidate["content"]["parts"] = parts.into();
    }
    if let Some(finish) = finish {
        candidate["finishReason"] = finish.into();
    }
    let mut reply = json!({ "candidates": [candidate] });
    if let Some(usage) = usage {
        reply["usageMetadata"] = accounts(usage);
    }
    reply["modelVersion"] = completion.model.as_str().into();
    reply["responseId"] = completion.id("").into();
    reply
}

/// Thoughts are counted beside the candidates; the prompt's count includes what was cached.
fn accounts(usage: Accounts) -> Value {
    let mut accounts = json!({
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.prompt_tokens + usage.output_tokens,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": usage.prompt_tokens }],
    });
    if usage.cached_tokens > 0 {
        accounts["cachedContentTokenCount"] = usage.cached_tokens.into();
    }
    if usage.reasoning_tokens > 0 {
        accounts["thoughtsTokenCount"] = usage.reasoning_tokens.into();
    }
    accounts
}

/// One model, with its window.
pub fn model(model: &str, window_tokens: Option<u64>) -> Value {
    let mut entry = json!({
        "name": format!("models/{model}"),
        "version": "001",
        "displayName": model,
        "description": "A simulated model.",
        "outputTokenLimit": MAX_OUTPUT_TOKENS,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1.0,
    });
    if let Some(window) = window_tokens {
        entry["inputTokenLimit"] = window.into();
    }
    entry
}

/// The list of models: the one that there is.
pub fn models(name: &str, window_tokens: Option<u64>) -> Value {
    json!({ "models": [model(name, window_tokens)] })
}

/// What `:countTokens` answers.
pub fn count(tokens: u64) -> Value {
    json!({
        "totalTokens": tokens,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": tokens }],
    })
}
