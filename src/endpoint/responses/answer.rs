//! A response's typed events, or its one JSON body, as a reply.

use crate::endpoint::exchange::{Draft, Step};
use crate::endpoint::gathered::{Gathered, json_of, json_of_body, keep, server_failure, text_in};
use crate::endpoint::refusal::inside_success;
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use serde_json::{Value, json};

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    gathered: Gathered,
}

impl Draft for Answer {
    fn take(&mut self, event: &Event) -> Result<Step, Failure> {
        // Servers of other makes end with it.
        if event.data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        let value = json_of(event)?;
        if event.name == "error" {
            let inner = || inside_success(&json!({ "error": value.clone() }));
            let failure = inside_success(&value).or_else(inner);
            return Err(failure.unwrap_or_else(|| server_failure(&event.data)));
        }
        self.take_value(&value)
    }

    fn take_whole(&mut self, body: &str) -> Result<(), Failure> {
        let value = json_of_body(body)?;
        if let Some(failure) = inside_success(&value) {
            return Err(failure);
        }
        self.gathered.events += 1;
        self.take_response(&value)
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
        if let Some(failure) = inside_success(value) {
            return Err(failure);
        }
        self.gathered.events += 1;
        let delta = text_in(value, "/delta");
        match text_in(value, "/type") {
            // A refusal in the model's own words is its answer.
            "response.output_text.delta" | "response.refusal.delta" => {
                self.gathered.text.push_str(delta);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.gathered.reasoning.push_str(delta);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                if let Some(timings) = value.get("timings").filter(|timings| timings.is_object()) {
                    self.gathered.timings = Some(timings.clone());
                }
                self.take_response(value.get("response").unwrap_or(&Value::Null))?;
                return Ok(Step::Done);
            }
            "response.created" => {
                keep(&mut self.gathered.id, value.pointer("/response/id"));
                keep(&mut self.gathered.model, value.pointer("/response/model"));
                return Ok(Step::Quiet);
            }
            // What servers say again and again while they wait.
            "response.in_progress" | "response.queued" | "keepalive" | "ping" => {
                return Ok(Step::Alive);
            }
            _ => return Ok(Step::Quiet),
        }
        Ok(match delta.is_empty() {
            true => Step::Quiet,
            false => Step::Text,
        })
    }

    /// The whole response as it stands at the end, under which a failure may hide.
    fn take_response(&mut self, response: &Value) -> Result<(), Failure> {
        let gathered = &mut self.gathered;
        keep(&mut gathered.id, response.get("id"));
        keep(&mut gathered.model, response.get("model"));
        if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
            gathered.usage = usage_of(usage);
        }
        // Where no piece of it came before.
        if gathered.len_bytes() == 0 {
            take_output(gathered, response);
        }
        let reason = text_in(response, "/incomplete_details/reason");
        gathered.stop = match (text_in(response, "/status"), reason) {
            ("completed", _) => Some(Stop::End),
            ("incomplete", "max_output_tokens") => Some(Stop::Length),
            ("incomplete", "content_filter") => Some(Stop::Filtered),
            ("incomplete", "") => Some(Stop::Other("incomplete".to_owned())),
            ("incomplete", reason) => Some(Stop::Other(reason.to_owned())),
            ("failed", _) => {
                let failure = inside_success(response);
                return Err(failure.unwrap_or_else(|| server_failure("the response failed")));
            }
            ("cancelled", _) => return Err(server_failure("the response was cancelled")),
            // Still in the making: no answer yet.
            _ => None,
        };
        Ok(())
    }
}

fn take_output(gathered: &mut Gathered, response: &Value) {
    let items = response.get("output").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        for list in ["content", "summary"] {
            let parts = item.get(list).and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                match text_in(part, "/type") {
                    "output_text" => gathered.text.push_str(text_in(part, "/text")),
                    "refusal" => gathered.text.push_str(text_in(part, "/refusal")),
                    "reasoning_text" | "summary_text" => {
                        gathered.reasoning.push_str(text_in(part, "/text"));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn usage_of(usage: &Value) -> Usage {
    let told = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    Usage {
        prompt_tokens: told("/input_tokens"),
        cached_tokens: told("/input_tokens_details/cached_tokens"),
        cache_write_tokens: told("/input_tokens_details/cache_write_tokens"),
        output_tokens: told("/output_tokens"),
        reasoning_tokens: told("/output_tokens_details/reasoning_tokens"),
        told: Some(usage.clone()),
    }
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

    fn ended(kind: &str, response: Value) -> Result<Gathered, Failure> {
        answer_of(&[json!({"type": format!("response.{kind}"), "response": response})])
    }

    #[test]
    fn ends_have_one_meaning_each() {
        for (kind, reason, stop) in [
            ("completed", json!(null), Some(Stop::End)),
            ("incomplete", json!("max_output_tokens"), Some(Stop::Length)),
            ("incomplete", json!("content_filter"), Some(Stop::Filtered)),
            (
                "incomplete",
                json!("steered"),
                Some(Stop::Other("steered".to_owned())),
            ),
            (
                "incomplete",
                json!(null),
                Some(Stop::Other("incomplete".to_owned())),
            ),
        ] {
            let answer = ended(
                kind,
                json!({"status": kind, "incomplete_details": {"reason": reason}}),
            );
            assert_eq!(answer.expect("one").stop, stop, "{kind} {reason}");
        }
        let mut queued = Answer::default();
        queued
            .take_whole("{\"status\":\"queued\"}")
            .expect("no failure");
        assert!(!queued.has_stopped());
    }

    #[test]
    fn a_failed_response_is_no_answer_whatever_came_before() {
        for (code, message, reason) in [
            ("server_error", "words", "server-error"),
            ("rate_limit_exceeded", "Rate limit reached", "rate-limited"),
            (
                "context_length_exceeded",
                "Your input exceeds the context window of this model.",
                "too-long",
            ),
            (
                "insufficient_quota",
                "You exceeded your current quota",
                "unauthorized",
            ),
        ] {
            let error = json!({"code": code, "message": message});
            let text = json!({"type": "response.output_text.delta", "delta": "4"});
            for event in [
                json!({"type": "response.failed", "response": {"status": "failed", "error": error}}),
                json!({"type": "error", "code": code, "message": message, "param": null}),
                json!({"type": "error", "error": error}),
            ] {
                let failure = answer_of(&[text.clone(), event.clone()]).map(|_| ());
                let failure = failure.expect_err("a failure");
                assert_eq!(failure.reason(), reason, "{event}");
            }
        }
        let silent = ended("failed", json!({"status": "failed", "error": null}));
        assert!(matches!(silent, Err(Failure::Server { status: 200, .. })));
    }

    #[test]
    fn accounts_and_reasoning_are_read() {
        let answer = answer_of(&[
            json!({"type": "response.created", "response": {"id": "r1", "model": "m", "error": null}}),
            json!({"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
            json!({"type": "response.output_text.delta", "delta": "4"}),
            json!({"type": "response.output_text.delta", "delta": "2"}),
            json!({"type": "response.output_text.done", "text": "42"}),
            json!({"type": "response.completed", "response": {"status": "completed", "error": null,
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "42"}]}],
                "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
                    "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 14}}}),
        ])
        .expect("an answer");
        assert_eq!(
            (answer.reasoning.as_str(), answer.text.as_str()),
            ("hm", "42")
        );
        let usage = answer.usage;
        assert_eq!(
            (usage.prompt_tokens, usage.cached_tokens),
            (Some(9), Some(4))
        );
        assert_eq!(
            (usage.output_tokens, usage.reasoning_tokens),
            (Some(5), Some(3))
        );
        assert_eq!(usage.cache_write_tokens, Some(1));
        assert!(usage.told.is_some());
        assert_eq!(answer.id.as_deref(), Some("r1"));
    }

    #[test]
    fn a_text_that_came_in_no_piece_is_taken_from_the_end() {
        let output = json!([
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "42"}, {"type": "refusal", "refusal": "!"}]},
        ]);
        let answer = ended(
            "completed",
            json!({"status": "completed", "output": output}),
        );
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.reasoning.as_str(), answer.text.as_str()),
            ("hm", "42!")
        );
    }
}
