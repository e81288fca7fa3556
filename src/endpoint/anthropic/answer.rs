//! A message's events, or its one JSON body, as a reply.

use crate::endpoint::exchange::{Draft, Step};
use crate::endpoint::gathered::{Gathered, json_of, json_of_body, keep, server_failure, text_in};
use crate::endpoint::refusal::{ErrorObject, inside_success_as};
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use serde_json::{Map, Value, json};

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    gathered: Gathered,
    /// Accounts come twice, and the second time only in part.
    told: Map<String, Value>,
}

impl Draft for Answer {
    fn take(&mut self, event: &Event) -> Result<Step, Failure> {
        let value = json_of(event)?;
        if event.name == "error" {
            let inner = || failure_in(&json!({ "error": value.clone() }));
            let failure = failure_in(&value).or_else(inner);
            return Err(failure.unwrap_or_else(|| server_failure(&event.data)));
        }
        self.take_value(&value)
    }

    fn take_whole(&mut self, body: &str) -> Result<(), Failure> {
        self.take_value(&json_of_body(body)?).map(|_| ())
    }

    fn has_stopped(&self) -> bool {
        self.gathered.stop.is_some()
    }

    fn finish(self: Box<Self>, response: &Response, timing: Timing) -> Result<Reply, Failure> {
        self.gathered.into_reply(response, timing)
    }
}

impl Answer {
    fn take_value(&mut self, value: &Value) -> Result<Step, Failure> {
        if let Some(failure) = failure_in(value) {
            return Err(failure);
        }
        self.gathered.events += 1;
        let before = self.gathered.len_bytes();
        match text_in(value, "/type") {
            "message_start" => self.take_message(value.get("message").unwrap_or(&Value::Null)),
            "message" => self.take_message(value),
            "content_block_start" => {
                self.take_block(value.get("content_block").unwrap_or(&Value::Null));
            }
            "content_block_delta" => self.take_block(value.get("delta").unwrap_or(&Value::Null)),
            "message_delta" => {
                self.take_stop(value.pointer("/delta/stop_reason"));
                self.take_usage(value.get("usage"));
            }
            "message_stop" => return Ok(Step::Done),
            "content_block_stop" => {}
            // Pings, and whatever comes later: the vendor says that new events may.
            _ => return Ok(Step::Alive),
        }
        Ok(match self.gathered.len_bytes() > before {
            true => Step::Text,
            false => Step::Quiet,
        })
    }

    fn take_message(&mut self, message: &Value) {
        keep(&mut self.gathered.model, message.get("model"));
        keep(&mut self.gathered.id, message.get("id"));
        let blocks = message.get("content").and_then(Value::as_array);
        for block in blocks.into_iter().flatten() {
            self.take_block(block);
        }
        self.take_stop(message.get("stop_reason"));
        self.take_usage(message.get("usage"));
    }

    /// A block, or a piece of one: both carry their text under the name of its kind.
    fn take_block(&mut self, block: &Value) {
        match text_in(block, "/type") {
            "text" | "text_delta" => self.gathered.text.push_str(text_in(block, "/text")),
            "thinking" | "thinking_delta" => {
                self.gathered
                    .reasoning
                    .push_str(text_in(block, "/thinking"));
            }
            // Signatures, redacted thinking and tools hold nothing to read.
            _ => {}
        }
    }

    fn take_stop(&mut self, reason: Option<&Value>) {
        if let Some(reason) = reason
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            self.gathered.stop = Some(stop_of(reason));
        }
    }

    fn take_usage(&mut self, usage: Option<&Value>) {
        let Some(Value::Object(usage)) = usage else {
            return;
        };
        for (name, value) in usage.iter().filter(|(_, value)| !value.is_null()) {
            self.told.insert(name.clone(), value.clone());
        }
        let told = |name: &str| self.told.get(name).and_then(Value::as_u64);
        let cached = told("cache_read_input_tokens");
        let written = told("cache_creation_input_tokens");
        let details = self.told.get("output_tokens_details");
        self.gathered.usage = Usage {
            // What came from the cache, or went into it, is left out of `input_tokens`.
            prompt_tokens: told("input_tokens")
                .map(|fresh| fresh + cached.unwrap_or(0) + written.unwrap_or(0)),
            cached_tokens: cached,
            cache_write_tokens: written,
            output_tokens: told("output_tokens"),
            reasoning_tokens: details.and_then(|details| details.get("thinking_tokens")?.as_u64()),
            told: Some(Value::Object(self.told.clone())),
        };
    }
}

fn stop_of(reason: &str) -> Stop {
    match reason {
        "end_turn" | "stop_sequence" => Stop::End,
        // The second: the answer filled the window, whatever the budget was.
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

fn failure_in(value: &Value) -> Option<Failure> {
    inside_success_as(value, status_of)
}

/// The status that an error would have had before the stream began.
fn status_of(error: &ErrorObject) -> Option<u16> {
    Some(match error.kind.as_str() {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_of(events: &[Value]) -> Result<Gathered, Failure> {
        let mut answer = Answer::default();
        for event in events {
            answer.take(&Event {
                name: text_in(event, "/type").to_owned(),
                data: event.to_string(),
            })?;
        }
        Ok(answer.gathered)
    }

    #[test]
    fn cached_tokens_are_counted_into_the_prompt_and_later_accounts_win() {
        let start = json!({"type": "message_start", "message": {"usage": {
            "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
            "output_tokens": 1, "service_tier": "standard"}}});
        let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
            "output_tokens": 9, "input_tokens": null, "output_tokens_details": {"thinking_tokens": 4}}});
        let usage = answer_of(&[start.clone(), end]).expect("an answer").usage;
        assert_eq!(
            usage,
            Usage {
                prompt_tokens: Some(125),
                cached_tokens: Some(100),
                cache_write_tokens: Some(20),
                output_tokens: Some(9),
                reasoning_tokens: Some(4),
                told: Some(json!({
                    "input_tokens": 5, "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 20, "output_tokens": 9,
                    "service_tier": "standard", "output_tokens_details": {"thinking_tokens": 4}})),
            }
        );
        // Relays begin with zeros and count at the end.
        let relay = json!({"type": "message_delta", "delta": {}, "usage": {
            "input_tokens": 300, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "output_tokens": 2}});
        let usage = answer_of(&[start, relay]).expect("an answer").usage;
        assert_eq!(
            (usage.prompt_tokens, usage.cached_tokens),
            (Some(300), Some(0))
        );
        let silent = json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 2}});
        let usage = answer_of(&[silent]).expect("an answer").usage;
        assert_eq!((usage.prompt_tokens, usage.output_tokens), (None, Some(2)));
    }

    #[test]
    fn stop_reasons_have_one_meaning_each() {
        for (reason, stop) in [
            ("end_turn", Stop::End),
            ("stop_sequence", Stop::End),
            ("max_tokens", Stop::Length),
            ("model_context_window_exceeded", Stop::Length),
            ("refusal", Stop::Filtered),
            ("pause_turn", Stop::Other("pause_turn".to_owned())),
            ("tool_use", Stop::Other("tool_use".to_owned())),
        ] {
            let event = json!({"type": "message_delta", "delta": {"stop_reason": reason}});
            assert_eq!(answer_of(&[event]).expect("one").stop, Some(stop));
        }
        let open = json!({"type": "message_start", "message": {"stop_reason": null}});
        assert_eq!(answer_of(&[open]).expect("one").stop, None);
    }

    #[test]
    fn an_error_in_mid_stream_means_what_it_means_before() {
        let said = || "words".to_owned();
        for (kind, failure) in [
            (
                "overloaded_error",
                Failure::Server {
                    status: 529,
                    said: said(),
                    retry_after_ms: None,
                },
            ),
            (
                "api_error",
                Failure::Server {
                    status: 500,
                    said: said(),
                    retry_after_ms: None,
                },
            ),
            (
                "timeout_error",
                Failure::Server {
                    status: 504,
                    said: said(),
                    retry_after_ms: None,
                },
            ),
            (
                "rate_limit_error",
                Failure::Limited {
                    said: said(),
                    retry_after_ms: None,
                    permanent: false,
                },
            ),
            (
                "invalid_request_error",
                Failure::Refused {
                    status: 400,
                    said: said(),
                },
            ),
            (
                "billing_error",
                Failure::Unauthorized {
                    said: "no credit is left: words".to_owned(),
                },
            ),
            (
                "request_too_large",
                Failure::Refused {
                    status: 413,
                    said: "the body is too large: words".to_owned(),
                },
            ),
            (
                "authentication_error",
                Failure::Unauthorized { said: said() },
            ),
            ("permission_error", Failure::Unauthorized { said: said() }),
            ("not_found_error", Failure::NotFound { said: said() }),
            (
                "a_new_error",
                Failure::Server {
                    status: 200,
                    said: said(),
                    retry_after_ms: None,
                },
            ),
        ] {
            let error = json!({"type": kind, "message": "words"});
            let whole = json!({"type": "error", "error": error, "request_id": "req_1"});
            assert_eq!(answer_of(&[whole]).map(|_| ()), Err(failure.clone()));
            // The inner object alone, as relays send it.
            let mut answer = Answer::default();
            let bare = answer.take(&Event {
                name: "error".to_owned(),
                data: error.to_string(),
            });
            assert_eq!(bare, Err(failure));
        }
        let long = json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 200251 tokens > 200000 maximum"}});
        let long = answer_of(&[long]).map(|_| ()).expect_err("an error");
        assert!(
            matches!(
                long,
                Failure::TooLong {
                    window_tokens: Some(200_000),
                    ..
                }
            ),
            "{long:?}"
        );
    }

    #[test]
    fn a_ping_is_a_sign_of_life_and_no_beginning() {
        let mut answer = Answer::default();
        let mut step = |data: &str| {
            answer.take(&Event {
                name: String::new(),
                data: data.to_owned(),
            })
        };
        assert_eq!(step(r#"{"type":"ping"}"#), Ok(Step::Alive));
        let start = r#"{"type":"message_start","message":{"content":[]}}"#;
        assert_eq!(step(start), Ok(Step::Quiet));
        assert_eq!(step(r#"{"type":"message_stop"}"#), Ok(Step::Done));
    }

    #[test]
    fn thinking_is_kept_apart_and_unknown_events_are_passed_over() {
        let answer = answer_of(&[
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "h", "signature": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "AAAA"}}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": "BBBB"}}),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "42"}}),
            json!({"type": "something_new", "text": "no"}),
            json!({}),
        ])
        .expect("an answer");
        assert_eq!(
            (answer.reasoning.as_str(), answer.text.as_str()),
            ("hm", "42")
        );
    }
}
