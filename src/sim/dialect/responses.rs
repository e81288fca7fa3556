//! OpenAI's responses: one object, or typed events with a number each.

use super::named;
use crate::sim::completion::{Completion, Event, Finish, Part, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// One JSON object.
pub fn whole(completion: &Completion) -> Bytes {
    Bytes::from(response(completion, status(completion), true).to_string())
}

/// The events, in the order in which OpenAI's own SDK lists them.
pub fn events(completion: &Completion) -> Vec<Event> {
    let mut stream = Stream::default();
    let started = |kind: &str| json!({ "type": kind, "response": response(completion, "in_progress", false) });
    stream.push(Part::Head, started("response.created"));
    stream.push(Part::Head, started("response.in_progress"));
    let mut index = 0;
    if !completion.reasoning.is_empty() {
        stream.reasoning(completion, index);
        index += 1;
    }
    if !completion.pieces.is_empty() {
        stream.message(completion, index);
    }
    let kind = match completion.finish {
        Finish::Length => "response.incomplete",
        _ => "response.completed",
    };
    // The terminal event says the reason too: a stream without it has neither.
    stream.push(
        Part::Finish,
        json!({ "type": kind, "response": response(completion, status(completion), true) }),
    );
    stream.events
}

#[derive(Default)]
struct Stream {
    events: Vec<Event>,
}

impl Stream {
    fn push(&mut self, part: Part, mut value: Value) {
        value["sequence_number"] = self.events.len().into();
        let name = value["type"].as_str().unwrap_or_default().to_owned();
        self.events.push(event(part, named(&name, &value)));
    }

    /// One item of the output from its opening to its end.
    fn item(
        &mut self,
        index: usize,
        opened: &Value,
        closed: Value,
        inside: impl FnOnce(&mut Self),
    ) {
        self.push(
            Part::Text,
            json!({ "type": "response.output_item.added", "output_index": index, "item": opened }),
        );
        inside(self);
        self.push(
            Part::Text,
            json!({ "type": "response.output_item.done", "output_index": index, "item": closed }),
        );
    }

    fn reasoning(&mut self, completion: &Completion, index: usize) {
        let opened = json!({ "id": id("rs", completion), "type": "reasoning", "summary": [] });
        self.item(index, &opened, reasoning(completion), |stream| {
            let about = |kind: &str| {
                json!({
                    "type": format!("response.reasoning_summary_{kind}"),
                    "item_id": id("rs", completion),
                    "output_index": index,
                    "summary_index": 0,
                })
            };
            let with = |kind: &str, field: &str, value: Value| {
                let mut event = about(kind);
                event[field] = value;
                event
            };
            let part = |text: &str| json!({ "type": "summary_text", "text": text });
            stream.push(Part::Text, with("part.added", "part", part("")));
            for piece in &completion.reasoning {
                let piece = piece.as_str().into();
                stream.push(Part::Text, with("text.delta", "delta", piece));
            }
            let all = completion.thoughts();
            stream.push(Part::Text, with("text.done", "text", all.as_str().into()));
            stream.push(Part::Text, with("part.done", "part", part(&all)));
        });
    }

    fn message(&mut self, completion: &Completion, index: usize) {
        let mut opened = message(completion, "in_progress");
        opened["content"] = json!([]);
        let closed = message(completion, status(completion));
        self.item(index, &opened, closed, |stream| {
            let with = |kind: &str, more: Value| {
                let mut event = json!({
                    "type": format!("response.{kind}"),
                    "item_id": id("msg", completion),
                    "output_index": index,
                    "content_index": 0,
                });
                if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
                    event.extend(more);
                }
                event
            };
            stream.push(
                Part::Text,
                with("content_part.added", json!({ "part": part("") })),
            );
            for piece in &completion.pieces {
                stream.push(
                    Part::Text,
                    with(
                        "output_text.delta",
                        json!({ "delta": piece, "logprobs": [] }),
                    ),
                );
            }
            let all = completion.text();
            stream.push(
                Part::Text,
                with("output_text.done", json!({ "text": all, "logprobs": [] })),
            );
            stream.push(
                Part::Text,
                with("content_part.done", json!({ "part": part(&all) })),
            );
        });
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn message(completion: &Completion, status: &str) -> Value {
    json!({
        "id": id("msg", completion),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [part(&completion.text())],
    })
}

fn reasoning(completion: &Completion) -> Value {
    json!({
        "id": id("rs", completion),
        "type": "reasoning",
        "summary": [{ "type": "summary_text", "text": completion.thoughts() }],
    })
}

fn id(prefix: &str, completion: &Completion) -> String {
    format!("{prefix}_{:016x}", completion.mark)
}

fn status(completion: &Completion) -> &'static str {
    match completion.finish {
        Finish::Stop => "completed",
        Finish::Length => "incomplete",
        Finish::Unsaid => "in_progress",
    }
}

fn response(completion: &Completion, status: &str, ended: bool) -> Value {
    let mut output = Vec::new();
    if ended && !completion.reasoning.is_empty() {
        output.push(reasoning(completion));
    }
    if ended && !completion.pieces.is_empty() {
        output.push(message(completion, status));
    }
    let cut = status == "incomplete";
    let usage = completion.usage.filter(|_| ended).map(|usage| {
        json!({
            "input_tokens": usage.prompt_tokens,
            "input_tokens_details": { "cached_tokens": usage.cached_tokens, "cache_write_tokens": 0 },
            "output_tokens": usage.output_tokens,
            "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
            "total_tokens": usage.prompt_tokens + usage.output_tokens,
        })
    });
    json!({
        "id": completion.id("resp_"),
        "object": "response",
        "created_at": 0,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": cut.then(|| json!({ "reason": "max_output_tokens" })),
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": completion.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null },
        "store": false,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": null,
    })
}

/// What `/responses/input_tokens` answers.
pub fn input_tokens(tokens: u64) -> Value {
    json!({ "object": "response.input_tokens", "input_tokens": tokens })
}
