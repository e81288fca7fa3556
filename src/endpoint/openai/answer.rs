//! A chat completion's events, or its one JSON body, as a reply.

use crate::endpoint::exchange::{Draft, Step};
use crate::endpoint::refusal::inside_success;
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Headers that name a request, for the server's operators.
const REQUEST_IDS: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-generation-id",
    "x-litellm-call-id",
];

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    text: String,
    reasoning: String,
    stop: Option<Stop>,
    usage: Usage,
    model: Option<String>,
    system_fingerprint: Option<String>,
    id: Option<String>,
    provider: Option<String>,
    cut: Option<String>,
    timings: Option<Value>,
    events: u64,
}

impl Draft for Answer {
    fn take(&mut self, event: &Event) -> Result<Step, Failure> {
        if event.data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        let read = serde_json::from_str::<Value>(&event.data);
        if event.name == "error" {
            let failure = read.ok().and_then(|value| {
                inside_success(&value).or_else(|| inside_success(&json!({ "error": value })))
            });
            return Err(failure.unwrap_or_else(|| server_failure(&event.data)));
        }
        let Ok(value) = read else {
            let start: Vec<&str> = event.data.split_whitespace().collect();
            return Err(Failure::Broken {
                cause: format!("an event that is not JSON: {:.120}", start.join(" ")),
            });
        };
        self.take_value(&value, "delta")
    }

    fn take_whole(&mut self, body: &str) -> Result<(), Failure> {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => self.take_value(&value, "message").map(|_| ()),
            Err(_) if body.trim_start().starts_with('<') => {
                Err(server_failure("an HTML page came instead of an answer"))
            }
            Err(error) => Err(Failure::Broken {
                cause: format!("the answer is not valid JSON: {error}"),
            }),
        }
    }

    fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    fn finish(self: Box<Self>, response: &Response, mut timing: Timing) -> Result<Reply, Failure> {
        let Some(stop) = self.stop else {
            let seen = match (self.events, self.text.len() + self.reasoning.len()) {
                (0, _) => "with no event at all".to_owned(),
                (events, bytes) => format!("after {events} events and {bytes} bytes of text"),
            };
            return Err(Failure::Broken {
                cause: format!("the stream ended without a finish reason, {seen}"),
            });
        };
        let (reasoning, text) = if self.reasoning.is_empty() {
            split_thinking(self.text)
        } else {
            (self.reasoning, self.text)
        };
        timing.server = self.timings;
        // LiteLLM names the deployment that it chose, or fell back to, nowhere else.
        let relayed = response.header("x-litellm-model-name").map(str::to_owned);
        Ok(Reply {
            text,
            reasoning,
            stop,
            usage: self.usage,
            timing,
            model: self.model,
            system_fingerprint: self.system_fingerprint,
            request_id: REQUEST_IDS
                .iter()
                .find_map(|name| response.header(name))
                .map(str::to_owned)
                .or_else(|| self.id.clone()),
            provider: self.provider.or(relayed),
            cut: self.cut,
            id: self.id,
            headers: BTreeMap::new(),
        })
    }
}

impl Answer {
    /// `holder` is where a choice keeps its text: `delta` in events, `message` in a whole body.
    fn take_value(&mut self, value: &Value, holder: &str) -> Result<Step, Failure> {
        if let Some(failure) = inside_success(value) {
            return Err(failure);
        }
        self.events += 1;
        for (field, key) in [
            (&mut self.model, "model"),
            (&mut self.system_fingerprint, "system_fingerprint"),
            (&mut self.id, "id"),
            (&mut self.provider, "provider"),
        ] {
            if let Some(text) = value
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
            {
                *field = Some(text.to_owned());
            }
        }
        if let Some(metadata) = value.get("openrouter_metadata") {
            self.take_route(metadata);
        }
        // Accounts come with the last event, or with every one (then they grow).
        for usage in [value.get("usage"), value.pointer("/x_groq/usage")]
            .into_iter()
            .flatten()
        {
            self.take_usage(usage);
        }
        if let Some(timings) = value.get("timings").filter(|timings| timings.is_object()) {
            self.take_timings(timings);
        }
        let mut step = Step::Quiet;
        let choices = value.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            if choice.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
                continue;
            }
            let before = self.text.len() + self.reasoning.len();
            if let Some(message) = choice.get(holder).or_else(|| choice.get("message")) {
                self.take_message(message);
            }
            if self.text.len() + self.reasoning.len() > before {
                step = Step::Text;
            }
            match choice.get("finish_reason").and_then(Value::as_str) {
                None | Some("") => {}
                // The server's own mishap, not the model's end: vLLM aborts, OpenRouter relays.
                Some(reason @ ("error" | "abort")) => {
                    return Err(server_failure(&format!("finish reason `{reason}`")));
                }
                Some(reason) => self.stop = Some(stop_of(reason)),
            }
        }
        Ok(step)
    }

    /// OpenRouter's account of what it did with the request; it came with the last event.
    fn take_route(&mut self, metadata: &Value) {
        let each = |path: &str| metadata.pointer(path).and_then(Value::as_array);
        let mut endpoints = each("/endpoints/available").into_iter().flatten();
        let chosen = endpoints.find(|endpoint| endpoint.get("selected") == Some(&json!(true)));
        let name = chosen.and_then(|endpoint| endpoint.get("provider")?.as_str());
        self.provider = self.provider.take().or(name.map(str::to_owned));
        let mut stages = each("/pipeline").into_iter().flatten();
        let kind = Some("context_compression");
        let stage = stages.find(|stage| stage.get("type").and_then(Value::as_str) == kind);
        if let Some(stage) = stage {
            let words = ["summary", "name"].iter().find_map(|key| {
                let words = stage.get(key).and_then(Value::as_str)?;
                (!words.is_empty()).then_some(words)
            });
            let words = words.unwrap_or("no further word");
            self.cut = Some(format!("context compression: {words:.200}"));
        }
    }

    fn take_message(&mut self, message: &Value) {
        match message.get("content") {
            Some(Value::String(text)) => self.text.push_str(text),
            Some(Value::Array(parts)) => self.take_parts(parts),
            _ => {}
        }
        // A refusal in the model's own words is its answer.
        if let Some(Value::String(refusal)) = message.get("refusal") {
            self.text.push_str(refusal);
        }
        // One of these only: relays repeat the same text under several names.
        let names = ["reasoning_content", "reasoning", "reasoning_text"];
        let found = names.iter().find_map(|name| {
            let text = message.get(name).and_then(Value::as_str)?;
            (!text.is_empty()).then_some(text)
        });
        if let Some(reasoning) = found {
            self.reasoning.push_str(reasoning);
        } else if let Some(Value::Array(details)) = message.get("reasoning_details") {
            for detail in details {
                for key in ["text", "summary"] {
                    self.reasoning
                        .push_str(detail.get(key).and_then(Value::as_str).unwrap_or(""));
                }
            }
        }
    }

    /// Mistral's reasoning models send content as parts.
    fn take_parts(&mut self, parts: &[Value]) {
        for part in parts {
            match part.get("thinking") {
                Some(Value::String(text)) => self.reasoning.push_str(text),
                Some(Value::Array(inner)) => {
                    for part in inner {
                        self.reasoning
                            .push_str(part.get("text").and_then(Value::as_str).unwrap_or(""));
                    }
                }
                _ => self
                    .text
                    .push_str(part.get("text").and_then(Value::as_str).unwrap_or("")),
            }
        }
    }

    fn take_usage(&mut self, usage: &Value) {
        let told = |paths: &[&str]| {
            paths
                .iter()
                .find_map(|path| usage.pointer(path).and_then(Value::as_u64))
        };
        let fields = [
            (&mut self.usage.prompt_tokens, told(&["/prompt_tokens"])),
            (
                &mut self.usage.cached_tokens,
                told(&[
                    "/prompt_tokens_details/cached_tokens",
                    "/prompt_cache_hit_tokens",
                    "/cached_tokens",
                    "/cache_read_input_tokens",
                ]),
            ),
            (
                &mut self.usage.cache_write_tokens,
                told(&[
                    "/prompt_tokens_details/cache_write_tokens",
                    "/cache_write_tokens",
                    "/cache_creation_input_tokens",
                ]),
            ),
            (&mut self.usage.output_tokens, told(&["/completion_tokens"])),
            (
                &mut self.usage.reasoning_tokens,
                told(&[
                    "/completion_tokens_details/reasoning_tokens",
                    "/reasoning_tokens",
                ]),
            ),
        ];
        for (field, told) in fields {
            *field = told.or(*field);
        }
        if usage.is_object() {
            self.usage.told = Some(usage.clone());
        }
    }

    /// llama-server's own clock; it also counts, which serves where `usage` is missing. Its
    /// `prompt_n` leaves cached tokens out.
    fn take_timings(&mut self, timings: &Value) {
        let count = |key: &str| timings.get(key).and_then(Value::as_u64);
        let usage = &mut self.usage;
        if usage.prompt_tokens.is_none() {
            usage.prompt_tokens = count("prompt_n").map(|n| n + count("cache_n").unwrap_or(0));
            usage.cached_tokens = usage.cached_tokens.or(count("cache_n"));
            usage.output_tokens = usage.output_tokens.or(count("predicted_n"));
        }
        self.timings = Some(timings.clone());
    }
}

fn stop_of(reason: &str) -> Stop {
    match reason {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => Stop::End,
        "length" | "max_tokens" | "model_length" => Stop::Length,
        "content_filter" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

fn server_failure(said: &str) -> Failure {
    Failure::Server {
        status: 200,
        said: format!("{said:.400}"),
        retry_after_ms: None,
    }
}

/// Tags that models put around their reasoning where the server does not take it out.
const THINKING: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
];

/// Parts a leading block of reasoning from the answer. Templates that open the block themselves
/// leave only its end in the text. A block that never ends is all reasoning.
pub fn split_thinking(text: String) -> (String, String) {
    let start = text.trim_start();
    for (open, close) in THINKING {
        let (thought, rest) = match (start.strip_prefix(open), start.split_once(close)) {
            (Some(inner), None) => (inner, ""),
            (Some(inner), Some(_)) => inner.split_once(close).unwrap_or((inner, "")),
            (None, Some((thought, rest))) if *open == "<think>" => (thought, rest),
            (None, _) => continue,
        };
        return (thought.trim().to_owned(), rest.trim_start().to_owned());
    }
    (String::new(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_of(events: &[&str]) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        for data in events {
            answer.take(&Event {
                name: String::new(),
                data: (*data).to_owned(),
            })?;
        }
        Ok(answer)
    }

    #[test]
    fn zero_tokens_and_no_word_of_tokens_are_told_apart() {
        let answer = answer_of(&[
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":null}}"#,
            r#"{"choices":[],"usage":null}"#,
        ])
        .expect("an answer");
        assert_eq!(
            answer.usage,
            Usage {
                prompt_tokens: Some(9),
                cached_tokens: Some(0),
                cache_write_tokens: None,
                output_tokens: Some(0),
                reasoning_tokens: None,
                told: answer.usage.told.clone(),
            }
        );
    }

    #[test]
    fn every_vendors_accounts_are_read() {
        for (usage, cached, written, reasoning) in [
            (
                r#"{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":5}}"#,
                Some(3),
                Some(2),
                Some(5),
            ),
            (
                r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}"#,
                Some(4),
                None,
                None,
            ),
            (
                r#"{"prompt_tokens":9,"reasoning_tokens":7,"prompt_tokens_details":null}"#,
                None,
                None,
                Some(7),
            ),
            (
                r#"{"prompt_tokens":9,"cache_read_input_tokens":1,"cache_creation_input_tokens":6}"#,
                Some(1),
                Some(6),
                None,
            ),
        ] {
            let answer =
                answer_of(&[&format!(r#"{{"choices":[],"usage":{usage}}}"#)]).expect("one");
            let read = (
                answer.usage.cached_tokens,
                answer.usage.cache_write_tokens,
                answer.usage.reasoning_tokens,
            );
            assert_eq!(read, (cached, written, reasoning), "{usage}");
            assert_eq!(answer.usage.prompt_tokens, Some(9));
        }
    }

    #[test]
    fn reasoning_is_kept_apart_wherever_it_stands() {
        for delta in [
            r#"{"reasoning_content":"hm","content":null}"#,
            r#"{"reasoning":"hm","reasoning_content":"","reasoning_details":[{"text":"hm"}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#,
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#,
        ] {
            let thought = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
            let answer =
                answer_of(&[&thought, r#"{"choices":[{"delta":{"content":"42"}}]}"#]).expect("one");
            assert_eq!(
                (answer.reasoning.as_str(), answer.text.as_str()),
                ("hm", "42"),
                "{delta}"
            );
        }
    }

    #[test]
    fn inline_thinking_is_split_off_and_a_plain_answer_is_untouched() {
        for (text, reasoning, answer) in [
            ("<think>\nhm\n</think>\n\n42", "hm", "42"),
            ("hm, so</think>42", "hm, so", "42"),
            ("\n<think>cut sho", "cut sho", ""),
            ("[THINK]hm[/THINK]42", "hm", "42"),
            ("<think></think>42", "", "42"),
            (" 42 <b>\n", "", " 42 <b>\n"),
            ("the tag <think> opens", "", "the tag <think> opens"),
        ] {
            let (left, right) = split_thinking(text.to_owned());
            assert_eq!(
                (left.as_str(), right.as_str()),
                (reasoning, answer),
                "{text:?}"
            );
        }
    }

    #[test]
    fn another_choice_than_the_first_is_not_the_answer() {
        let answer = answer_of(&[
            r#"{"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"},{"index":0,"delta":{"content":"yes"}}]}"#,
        ])
        .expect("one");
        assert_eq!((answer.text.as_str(), answer.has_stopped()), ("yes", false));
    }

    #[test]
    fn finish_reasons_have_one_meaning_each() {
        for (reason, stop) in [
            ("stop", Stop::End),
            ("eos_token", Stop::End),
            ("length", Stop::Length),
            ("content_filter", Stop::Filtered),
            ("tool_calls", Stop::Other("tool_calls".to_owned())),
        ] {
            let event = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
            assert_eq!(answer_of(&[&event]).expect("one").stop, Some(stop));
        }
        let aborted = answer_of(&[r#"{"choices":[{"delta":{},"finish_reason":"abort"}]}"#]);
        assert!(matches!(aborted, Err(Failure::Server { status: 200, .. })));
        let not_yet = answer_of(&[r#"{"choices":[{"delta":{},"finish_reason":""}]}"#]);
        assert_eq!(not_yet.expect("one").stop, None);
    }
}
