//! The vendors' shapes as a client sees them: requests are written and answers read here without the server's own code.

use crate::asked::Reply;
use serde_json::{Value, json};

/// Whose shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Chat,
    Responses,
    Anthropic,
    Gemini,
    Ollama,
}

use Vendor::{Anthropic, Chat, Gemini, Ollama, Responses};

/// All of them.
pub const VENDORS: [Vendor; 5] = [Chat, Responses, Anthropic, Gemini, Ollama];

/// What an answer says.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    pub text: String,
    pub reasoning: String,
    pub finish: Option<String>,
    /// Tokens of the prompt as the vendor counts a whole one, those cached of them, and of the
    /// answer with its reasoning.
    pub usage: Option<(u64, u64, u64)>,
    pub model: String,
    /// True where the stream says that it is over.
    pub done: bool,
    pub error: Option<Value>,
}

impl Vendor {
    /// A path and a body that ask these messages (role, text).
    pub fn question(self, messages: &[(&str, &str)], stream: bool, budget: u64) -> (String, Value) {
        let system: Vec<&str> = messages
            .iter()
            .filter(|(role, _)| *role == "system")
            .map(|(_, text)| *text)
            .collect();
        let plain = |field: &str| -> Vec<Value> {
            messages
                .iter()
                .filter(|(role, _)| *role != "system" || matches!(self, Chat | Ollama))
                .map(|(role, text)| {
                    let mut message = json!({ "role": role });
                    message[field] = match self {
                        Gemini => json!([{ "text": text }]),
                        _ => (*text).into(),
                    };
                    message
                })
                .collect()
        };
        let (path, mut body) = match self {
            Chat => (
                "/v1/chat/completions",
                json!({
                    "messages": plain("content"), "stream": stream, "max_tokens": budget,
                    "stream_options": { "include_usage": true },
                }),
            ),
            Responses => (
                "/v1/responses",
                json!({ "input": plain("content"), "stream": stream, "max_output_tokens": budget }),
            ),
            Anthropic => (
                "/v1/messages",
                json!({ "messages": plain("content"), "stream": stream, "max_tokens": budget }),
            ),
            Gemini => (
                if stream {
                    "/v1beta/models/sim:x:streamGenerateContent?alt=sse"
                } else {
                    "/v1beta/models/sim:x:generateContent"
                },
                json!({
                    "contents": plain("parts"),
                    "generationConfig": { "maxOutputTokens": budget },
                }),
            ),
            Ollama => (
                "/api/chat",
                json!({
                    "messages": plain("content"), "stream": stream,
                    "options": { "num_predict": budget },
                }),
            ),
        };
        body["model"] = "m".into();
        if let Some(system) = system.first() {
            match self {
                Responses => body["instructions"] = (*system).into(),
                Anthropic => body["system"] = json!([{ "type": "text", "text": system }]),
                Gemini => body["systemInstruction"] = json!({ "parts": [{ "text": system }] }),
                Chat | Ollama => {}
            }
        }
        (path.into(), body)
    }

    /// What a reply says, however it came.
    pub fn hear(self, reply: &Reply) -> Heard {
        let kind = reply.header("content-type").unwrap_or_default();
        let mut heard = Heard::default();
        if kind == "application/json" {
            self.whole(&reply.json(), &mut heard);
            return heard;
        }
        let text = reply.text().replace("\r\n", "\n");
        if kind == "application/x-ndjson" {
            for line in text.lines().filter(|line| !line.is_empty()) {
                let value: Value = serde_json::from_str(line).expect("JSON");
                self.event(&value, &mut heard);
            }
            return heard;
        }
        assert_eq!(kind, "text/event-stream");
        assert!(
            text.is_empty() || text.ends_with("\n\n"),
            "half an event: {text}"
        );
        for event in text.split_terminator("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            match data {
                Some("[DONE]") => heard.done = true,
                Some(data) => {
                    let value: Value = serde_json::from_str(data).expect("JSON");
                    let name = event.lines().find_map(|line| line.strip_prefix("event: "));
                    let named = matches!(self, Anthropic | Responses);
                    assert_eq!(name, named.then(|| value["type"].as_str().expect("a type")));
                    self.event(&value, &mut heard);
                }
                None => assert!(event.starts_with(':'), "no event: {event}"),
            }
        }
        heard
    }

    fn whole(self, value: &Value, heard: &mut Heard) {
        match self {
            Chat => {
                let choice = &value["choices"][0];
                heard.text = text(&choice["message"]["content"]);
                heard.reasoning = text(&choice["message"]["reasoning_content"]);
                heard.finish = some(&choice["finish_reason"]);
            }
            Responses => self.response(value, heard),
            Anthropic => {
                for block in value["content"].as_array().into_iter().flatten() {
                    heard.text.push_str(&text(&block["text"]));
                    heard.reasoning.push_str(&text(&block["thinking"]));
                }
                heard.finish = some(&value["stop_reason"]);
            }
            Gemini | Ollama => self.event(value, heard),
        }
        self.accounts(value, heard);
        heard.error = value.get("error").filter(|error| !error.is_null()).cloned();
        if heard.model.is_empty() {
            heard.model = text(&value["model"]);
        }
    }

    fn response(self, value: &Value, heard: &mut Heard) {
        for item in value["output"].as_array().into_iter().flatten() {
            heard.text.push_str(&text(&item["content"][0]["text"]));
            heard.reasoning.push_str(&text(&item["summary"][0]["text"]));
        }
        heard.finish = some(&value["status"]);
        heard.model = text(&value["model"]);
    }

    fn event(self, value: &Value, heard: &mut Heard) {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            heard.error = Some(error.clone());
        }
        let mut name = &value["model"];
        match self {
            Chat => {
                let choice = &value["choices"][0];
                heard.text.push_str(&text(&choice["delta"]["content"]));
                let reasoning = text(&choice["delta"]["reasoning_content"]);
                heard.reasoning.push_str(&reasoning);
                heard.finish = some(&choice["finish_reason"]).or(heard.finish.take());
                self.accounts(value, heard);
            }
            Responses => match value["type"].as_str().expect("a type") {
                "response.output_text.delta" => heard.text.push_str(&text(&value["delta"])),
                "response.reasoning_summary_text.delta" => {
                    heard.reasoning.push_str(&text(&value["delta"]));
                }
                "response.completed" | "response.incomplete" => {
                    let streamed = std::mem::take(heard);
                    self.response(&value["response"], heard);
                    assert_eq!(
                        (&heard.text, &heard.reasoning),
                        (&streamed.text, &streamed.reasoning)
                    );
                    self.accounts(&value["response"], heard);
                    heard.done = true;
                }
                "error" => heard.error = Some(value.clone()),
                _ => {}
            },
            Anthropic => match value["type"].as_str().expect("a type") {
                "message_start" => {
                    name = &value["message"]["model"];
                    self.accounts(&value["message"], heard);
                }
                "content_block_delta" => {
                    heard.text.push_str(&text(&value["delta"]["text"]));
                    heard.reasoning.push_str(&text(&value["delta"]["thinking"]));
                }
                "message_delta" => {
                    heard.finish = some(&value["delta"]["stop_reason"]);
                    self.accounts(value, heard);
                }
                "message_stop" => heard.done = true,
                _ => {}
            },
            Gemini => {
                let candidate = &value["candidates"][0];
                for part in candidate["content"]["parts"]
                    .as_array()
                    .into_iter()
                    .flatten()
                {
                    let thought = part["thought"] == true;
                    let into = if thought {
                        &mut heard.reasoning
                    } else {
                        &mut heard.text
                    };
                    into.push_str(&text(&part["text"]));
                }
                heard.finish = some(&candidate["finishReason"]);
                name = &value["modelVersion"];
                self.accounts(value, heard);
            }
            Ollama => {
                heard.text.push_str(&text(&value["message"]["content"]));
                heard
                    .reasoning
                    .push_str(&text(&value["message"]["thinking"]));
                heard.finish = some(&value["done_reason"]);
                heard.done = value["done"] == true;
                self.accounts(value, heard);
            }
        }
        if heard.model.is_empty() {
            heard.model = text(name);
        }
    }

    fn accounts(self, value: &Value, heard: &mut Heard) {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let usage = &value["usage"];
        let told = match self {
            Chat => usage["prompt_tokens"].as_u64().map(|prompt| {
                let cached = number(&usage["prompt_tokens_details"]["cached_tokens"]);
                (prompt, cached, number(&usage["completion_tokens"]))
            }),
            Responses => usage["input_tokens"].as_u64().map(|prompt| {
                let cached = number(&usage["input_tokens_details"]["cached_tokens"]);
                (prompt, cached, number(&usage["output_tokens"]))
            }),
            // What was read from the cache is not among the input tokens.
            Anthropic => usage["input_tokens"].as_u64().map(|fresh| {
                let cached = number(&usage["cache_read_input_tokens"]);
                (fresh + cached, cached, number(&usage["output_tokens"]))
            }),
            Gemini => {
                let usage = &value["usageMetadata"];
                usage["promptTokenCount"].as_u64().map(|prompt| {
                    let thoughts = number(&usage["thoughtsTokenCount"]);
                    let output = number(&usage["candidatesTokenCount"]) + thoughts;
                    assert_eq!(number(&usage["totalTokenCount"]), prompt + output);
                    (prompt, number(&usage["cachedContentTokenCount"]), output)
                })
            }
            Ollama => value["prompt_eval_count"]
                .as_u64()
                .map(|prompt| (prompt, 0, number(&value["eval_count"]))),
        };
        heard.usage = told.or(heard.usage);
    }

    /// The finish reason of an answer that is done, and of one that was cut.
    pub fn finishes(self) -> [&'static str; 2] {
        match self {
            Chat | Ollama => ["stop", "length"],
            Responses => ["completed", "incomplete"],
            Anthropic => ["end_turn", "max_tokens"],
            Gemini => ["STOP", "MAX_TOKENS"],
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn some(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
