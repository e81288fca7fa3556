//! Gemini's chunks, or its one JSON body, as a reply.

use crate::endpoint::exchange::{Draft, Step};
use crate::endpoint::gathered::{Gathered, json_of, json_of_body, keep, text_in};
use crate::endpoint::refusal::{ErrorObject, inside_success_as};
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing};
use serde_json::Value;

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    gathered: Gathered,
}

impl Draft for Answer {
    fn take(&mut self, event: &Event) -> Result<Step, Failure> {
        // Relays in OpenAI's habit end with it; Google ends the stream.
        if event.data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        self.take_value(&json_of(event)?)
    }

    fn take_whole(&mut self, body: &str) -> Result<(), Failure> {
        match json_of_body(body)? {
            // The stream as a list, from relays that drop `alt=sse`.
            Value::Array(chunks) => {
                for chunk in &chunks {
                    self.take_value(chunk)?;
                }
                Ok(())
            }
            value => self.take_value(&value).map(|_| ()),
        }
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
        if let Some(failure) = inside_success_as(value, status_of) {
            return Err(failure);
        }
        if let Some(failure) = blocked(value) {
            return Err(failure);
        }
        let gathered = &mut self.gathered;
        gathered.events += 1;
        let before = gathered.len_bytes();
        keep(&mut gathered.model, value.get("modelVersion"));
        keep(&mut gathered.id, value.get("responseId"));
        if let Some(usage) = value.get("usageMetadata").filter(|usage| usage.is_object()) {
            take_usage(gathered, usage);
        }
        let candidates = value.get("candidates").and_then(Value::as_array);
        for candidate in candidates.into_iter().flatten() {
            if candidate.get("index").and_then(Value::as_u64).unwrap_or(0) != 0 {
                continue;
            }
            let parts = candidate
                .pointer("/content/parts")
                .and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                let text = text_in(part, "/text");
                match part.get("thought").and_then(Value::as_bool) {
                    Some(true) => gathered.reasoning.push_str(text),
                    _ => gathered.text.push_str(text),
                }
            }
            match text_in(candidate, "/finishReason") {
                "" | "FINISH_REASON_UNSPECIFIED" => {}
                reason => gathered.stop = Some(stop_of(reason)),
            }
        }
        Ok(match gathered.len_bytes() > before {
            true => Step::Text,
            false => Step::Quiet,
        })
    }
}

/// Every chunk may carry accounts, which grow; the last one's are the whole.
fn take_usage(gathered: &mut Gathered, told: &Value) {
    let count = |name: &str| told.get(name).and_then(Value::as_u64);
    let thoughts = count("thoughtsTokenCount");
    let usage = &mut gathered.usage;
    // Cached tokens are in the prompt's, thoughts are not in the answer's.
    usage.prompt_tokens = count("promptTokenCount").or(usage.prompt_tokens);
    usage.cached_tokens = count("cachedContentTokenCount").or(usage.cached_tokens);
    usage.reasoning_tokens = thoughts.or(usage.reasoning_tokens);
    let output = match (count("candidatesTokenCount"), thoughts) {
        (None, None) => None,
        (visible, thoughts) => Some(visible.unwrap_or(0) + thoughts.unwrap_or(0)),
    };
    usage.output_tokens = output.or(usage.output_tokens);
    usage.told = Some(told.clone());
}

/// A prompt that was not let through: there are no candidates then.
fn blocked(value: &Value) -> Option<Failure> {
    let reason = text_in(value, "/promptFeedback/blockReason");
    if matches!(
        reason,
        "" | "BLOCKED_REASON_UNSPECIFIED" | "BLOCK_REASON_UNSPECIFIED"
    ) {
        return None;
    }
    let message = text_in(value, "/promptFeedback/blockReasonMessage");
    let said = format!("the prompt was blocked: {reason} {message:.300}");
    Some(Failure::Filtered {
        said: said.trim_end().to_owned(),
    })
}

fn stop_of(reason: &str) -> Stop {
    match reason {
        "STOP" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        // A book's own text is "recited": the provider's doing, not the model's failure.
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Stop::Filtered,
        other => Stop::Other(other.to_owned()),
    }
}

/// Google's errors repeat their status inside.
fn status_of(error: &ErrorObject) -> Option<u16> {
    let status = u16::try_from(error.number?).ok()?;
    (400..600).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Usage;
    use serde_json::json;

    fn answer_of(chunks: &[Value]) -> Result<Gathered, Failure> {
        let mut answer = Answer::default();
        for chunk in chunks {
            answer.take(&Event {
                name: String::new(),
                data: chunk.to_string(),
            })?;
        }
        Ok(answer.gathered)
    }

    #[test]
    fn the_last_accounts_count_and_thoughts_are_output() {
        let answer = answer_of(&[
            json!({"usageMetadata": {"promptTokenCount": 100, "totalTokenCount": 100}}),
            json!({"usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 80,
                "candidatesTokenCount": 3, "thoughtsTokenCount": 20, "totalTokenCount": 123,
                "trafficType": "ON_DEMAND"}}),
        ])
        .expect("an answer");
        assert_eq!(
            answer.usage,
            Usage {
                prompt_tokens: Some(100),
                cached_tokens: Some(80),
                cache_write_tokens: None,
                output_tokens: Some(23),
                reasoning_tokens: Some(20),
                told: Some(
                    json!({"promptTokenCount": 100, "cachedContentTokenCount": 80,
                    "candidatesTokenCount": 3, "thoughtsTokenCount": 20, "totalTokenCount": 123,
                    "trafficType": "ON_DEMAND"})
                ),
            }
        );
    }

    #[test]
    fn finish_reasons_have_one_meaning_each() {
        for (reason, stop) in [
            ("STOP", Some(Stop::End)),
            ("MAX_TOKENS", Some(Stop::Length)),
            ("SAFETY", Some(Stop::Filtered)),
            ("RECITATION", Some(Stop::Filtered)),
            ("BLOCKLIST", Some(Stop::Filtered)),
            ("PROHIBITED_CONTENT", Some(Stop::Filtered)),
            ("SPII", Some(Stop::Filtered)),
            ("OTHER", Some(Stop::Other("OTHER".to_owned()))),
            (
                "MALFORMED_RESPONSE",
                Some(Stop::Other("MALFORMED_RESPONSE".to_owned())),
            ),
            ("FINISH_REASON_UNSPECIFIED", None),
        ] {
            let chunk = json!({"candidates": [{"finishReason": reason, "index": 0}]});
            assert_eq!(answer_of(&[chunk]).expect("one").stop, stop, "{reason}");
        }
        let other = json!({"candidates": [{"finishReason": "STOP", "index": 1,
            "content": {"parts": [{"text": "no"}]}}]});
        let answer = answer_of(&[other]).expect("one");
        assert_eq!((answer.stop, answer.text.as_str()), (None, ""));
    }

    #[test]
    fn a_blocked_prompt_is_filtered_and_never_an_empty_answer() {
        for (reason, message, said) in [
            (
                "PROHIBITED_CONTENT",
                json!(null),
                "the prompt was blocked: PROHIBITED_CONTENT",
            ),
            ("OTHER", json!("why"), "the prompt was blocked: OTHER why"),
        ] {
            let chunk = json!({"promptFeedback": {"blockReason": reason, "blockReasonMessage": message},
                "usageMetadata": {"promptTokenCount": 9}});
            let failure = answer_of(&[chunk]).map(|_| ()).expect_err("blocked");
            let expected = Failure::Filtered {
                said: said.to_owned(),
            };
            assert_eq!(failure, expected);
        }
    }

    #[test]
    fn an_error_in_mid_stream_means_what_it_means_before() {
        let error = |code: u16, status: &str, message: &str, details: Value| {
            let error = json!({"error": {"code": code, "message": message, "status": status, "details": details}});
            answer_of(&[error]).map(|_| ()).expect_err("an error")
        };
        let long = error(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            json!([]),
        );
        assert!(
            matches!(
                long,
                Failure::TooLong {
                    window_tokens: Some(1_048_576),
                    ..
                }
            ),
            "{long:?}"
        );
        let retry =
            json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]);
        let limited = error(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota",
            retry,
        );
        assert_eq!(limited.retry_after_ms(), Some(34_000));
        assert!(limited.is_transient() && limited.reason() == "rate-limited");
        let busy = error(503, "UNAVAILABLE", "The model is overloaded.", json!(null));
        assert!(
            matches!(busy, Failure::Server { status: 503, .. }),
            "{busy:?}"
        );
        let key = error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            json!([{"reason": "API_KEY_INVALID"}]),
        );
        assert!(matches!(key, Failure::Unauthorized { .. }), "{key:?}");
    }

    #[test]
    fn thoughts_are_kept_apart() {
        let answer = answer_of(&[
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hm", "thought": true}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": "4"}, {"text": "2", "thoughtSignature": "AA"}]}}]}),
            json!({"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]}),
        ])
        .expect("an answer");
        assert_eq!(
            (answer.reasoning.as_str(), answer.text.as_str()),
            ("hm", "42")
        );
    }
}
