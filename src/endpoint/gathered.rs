//! What has arrived of an answer, as far as all dialects agree, and the words for what went wrong.

use crate::endpoint::openai::split_thinking;
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use serde_json::Value;
use std::collections::BTreeMap;

/// An answer in parts.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The answer's text.
    pub text: String,
    /// Reasoning that came apart from it.
    pub reasoning: String,
    /// Why the model stopped, once it has.
    pub stop: Option<Stop>,
    /// Token accounts.
    pub usage: Usage,
    /// The model that the server says answered.
    pub model: Option<String>,
    /// The answer's own name.
    pub id: Option<String>,
    /// The server's own clock.
    pub timings: Option<Value>,
    /// Events read so far.
    pub events: u64,
}

impl Gathered {
    /// Bytes of text and reasoning so far.
    pub fn len_bytes(&self) -> usize {
        self.text.len() + self.reasoning.len()
    }

    /// The reply, or, where no finish reason came, why there is none.
    pub fn into_reply(self, response: &Response, mut timing: Timing) -> Result<Reply, Failure> {
        let bytes = self.len_bytes();
        let Some(stop) = self.stop else {
            let seen = match self.events {
                0 => "with no event at all".to_owned(),
                events => format!("after {events} events and {bytes} bytes of text"),
            };
            return Err(Failure::Broken {
                cause: format!("the stream ended without a finish reason, {seen}"),
            });
        };
        // Servers of other makes that speak a vendor's dialect may leave the tags in the text.
        let (reasoning, text) = match self.reasoning.is_empty() {
            true => split_thinking(self.text),
            false => (self.reasoning, self.text),
        };
        timing.server = self.timings;
        let names = ["request-id", "x-request-id", "apim-request-id"];
        let header = names.iter().find_map(|name| response.header(name));
        Ok(Reply {
            text,
            reasoning,
            stop,
            usage: self.usage,
            timing,
            model: self.model,
            system_fingerprint: None,
            request_id: header.map(str::to_owned).or_else(|| self.id.clone()),
            provider: None,
            cut: None,
            id: self.id,
            headers: BTreeMap::new(),
        })
    }
}

/// Keeps a text that is there and not empty.
pub fn keep(field: &mut Option<String>, value: Option<&Value>) {
    if let Some(text) = value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
    {
        *field = Some(text.to_owned());
    }
}

/// A field's text; empty where there is none.
pub fn text_in<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// The JSON of an event.
pub fn json_of(event: &Event) -> Result<Value, Failure> {
    serde_json::from_str(&event.data).map_err(|_| {
        let start: Vec<&str> = event.data.split_whitespace().collect();
        let start = start.join(" ");
        match event.name == "error" {
            true => server_failure(&start),
            false => Failure::Broken {
                cause: format!("an event that is not JSON: {start:.120}"),
            },
        }
    })
}

/// The JSON of a whole body.
pub fn json_of_body(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body).map_err(|error| match body.trim_start().starts_with('<') {
        true => server_failure("an HTML page came instead of an answer"),
        false => Failure::Broken {
            cause: format!("the answer is not valid JSON: {error}"),
        },
    })
}

/// A failure that came under a 200.
pub fn server_failure(said: &str) -> Failure {
    Failure::Server {
        status: 200,
        said: format!("{said:.400}"),
        retry_after_ms: None,
    }
}

/// A name as part of a path: what would end the path or begin another part is encoded, slashes
/// are kept (`models/x`, `tunedModels/x`).
pub fn path_of(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_part_of_a_path() {
        assert_eq!(path_of("models/a-1.5:b@c"), "models/a-1.5:b@c");
        assert_eq!(path_of("a?b#c%d 汉"), "a%3Fb%23c%25d%20%E6%B1%89");
    }
}
