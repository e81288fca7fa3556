//! The simulated model's replies in the shapes of OpenAI-compatible servers.

use bytes::Bytes;
use serde_json::{Value, json};

/// What an answered request gets back, before it is put in any shape.
pub struct Completion {
    /// The reply's name.
    pub id: String,
    /// The model that answers.
    pub model: String,
    /// The answer, token by token.
    pub pieces: Vec<String>,
    /// True where the answer was cut for want of budget.
    pub cut: bool,
    /// The accounts; `None` where none are given.
    pub usage: Option<Accounts>,
}

/// Token accounts of one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Tokens of the whole prompt, template included.
    pub prompt_tokens: u64,
    /// Those of them that an earlier prompt began with.
    pub cached_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
}

impl Accounts {
    fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.prompt_tokens + self.output_tokens,
            "prompt_tokens_details": { "cached_tokens": self.cached_tokens },
        })
    }
}

impl Completion {
    /// One JSON object.
    pub fn whole(&self) -> Bytes {
        let mut reply = self.head("chat.completion");
        reply["choices"] = json!([{
            "index": 0,
            "message": { "role": "assistant", "content": self.pieces.concat() },
            "logprobs": null,
            "finish_reason": self.finish(),
        }]);
        if let Some(usage) = self.usage {
            reply["usage"] = usage.json();
        }
        Bytes::from(reply.to_string())
    }

    /// Server-sent events: the role, the pieces, the finish reason, the accounts where they are
    /// wanted (with no choices, as OpenAI sends them), and the mark of the end.
    pub fn events(&self, include_usage: bool) -> Vec<Bytes> {
        let role = json!({ "role": "assistant", "content": "" });
        let mut events = vec![self.delta(role, Value::Null)];
        for piece in &self.pieces {
            events.push(self.delta(json!({ "content": piece }), Value::Null));
        }
        events.push(self.delta(json!({}), self.finish().into()));
        if let Some(usage) = self.usage.filter(|_| include_usage) {
            let mut last = self.head("chat.completion.chunk");
            last["choices"] = json!([]);
            last["usage"] = usage.json();
            events.push(event(&last));
        }
        events.push(Bytes::from_static(b"data: [DONE]\n\n"));
        events
    }

    fn delta(&self, delta: Value, finish: Value) -> Bytes {
        let mut chunk = self.head("chat.completion.chunk");
        chunk["choices"] =
            json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        event(&chunk)
    }

    /// The clock is left out: the same request is answered with the same bytes.
    fn head(&self, object: &str) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": 0,
            "model": self.model,
            "system_fingerprint": concat!("sim-", env!("CARGO_PKG_VERSION")),
        })
    }

    fn finish(&self) -> &'static str {
        if self.cut { "length" } else { "stop" }
    }
}

fn event(chunk: &Value) -> Bytes {
    Bytes::from(format!("data: {chunk}\n\n"))
}

/// The list of models: the one that there is, with its window as vLLM declares it.
pub fn models(model: &str, window_tokens: Option<u64>) -> Bytes {
    let mut entry = json!({
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": "depthfinder-sim",
    });
    if let Some(window) = window_tokens {
        entry["max_model_len"] = window.into();
    }
    Bytes::from(json!({ "object": "list", "data": [entry] }).to_string())
}

/// An error object of OpenAI's.
pub fn error(message: &str) -> Bytes {
    let body = json!({ "error": {
        "message": message,
        "type": "invalid_request_error",
        "param": null,
        "code": null,
    }});
    Bytes::from(body.to_string())
}

/// llama-server's words for a prompt that does not fit (ggml-org/llama.cpp#15780).
pub fn too_long(prompt_tokens: u64, window_tokens: u64) -> Bytes {
    let body = json!({ "error": {
        "code": 400,
        "message": format!(
            "request ({prompt_tokens} tokens) exceeds the available context size \
             ({window_tokens} tokens), try increasing it"
        ),
        "type": "exceed_context_size_error",
        "n_prompt_tokens": prompt_tokens,
        "n_ctx": window_tokens,
    }});
    Bytes::from(body.to_string())
}
