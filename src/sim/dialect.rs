//! The vendors' shapes of one and the same answer: OpenAI's two, Anthropic's, Gemini's, Ollama's.

pub mod anthropic;
pub mod chat;
pub mod gemini;
pub mod ollama;
pub mod refusal;
pub mod responses;
pub mod words;

use super::completion::{Completion, Event};
use bytes::Bytes;

/// Whose requests and replies are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat completions, which most servers speak.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's generateContent.
    Gemini,
    /// Ollama's own chat.
    Ollama,
}

/// How a stream is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The accounts in an event of their own (OpenAI's `include_usage`).
    pub include_usage: bool,
    /// Gemini without `alt=sse` sends one JSON list instead of events.
    pub list: bool,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 5] = [
        Dialect::Chat,
        Dialect::Responses,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Ollama,
    ];

    /// The field of a request that holds its messages.
    pub fn messages_field(self) -> &'static str {
        match self {
            Dialect::Chat | Dialect::Anthropic | Dialect::Ollama => "messages",
            Dialect::Responses => "input",
            Dialect::Gemini => "contents",
        }
    }

    /// The field of a message that holds its text.
    pub fn content_field(self) -> &'static str {
        match self {
            Dialect::Gemini => "parts",
            _ => "content",
        }
    }

    /// True where a request that does not say is answered as a stream.
    pub fn streams_unasked(self) -> bool {
        self == Dialect::Ollama
    }

    /// The content type of a stream.
    pub fn stream_type(self, wish: Wish) -> &'static str {
        match self {
            Dialect::Ollama => "application/x-ndjson",
            Dialect::Gemini if wish.list => "application/json",
            _ => "text/event-stream",
        }
    }

    /// The answer as one JSON object.
    pub fn whole(self, completion: &Completion) -> Bytes {
        match self {
            Dialect::Chat => chat::whole(completion),
            Dialect::Responses => responses::whole(completion),
            Dialect::Anthropic => anthropic::whole(completion),
            Dialect::Gemini => gemini::whole(completion),
            Dialect::Ollama => ollama::whole(completion),
        }
    }

    /// The answer as a stream.
    pub fn events(self, completion: &Completion, wish: Wish) -> Vec<Event> {
        match self {
            Dialect::Chat => chat::events(completion, wish.include_usage),
            Dialect::Responses => responses::events(completion),
            Dialect::Anthropic => anthropic::events(completion),
            Dialect::Gemini if wish.list => gemini::list(completion),
            Dialect::Gemini => gemini::events(completion),
            Dialect::Ollama => ollama::events(completion),
        }
    }

    /// What is sent to keep a connection alive and says nothing.
    pub fn ping(self) -> Bytes {
        Bytes::from_static(match self {
            // Anthropic's pings are events.
            Dialect::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
            // NDJSON knows no comments; a blank line is none of its values.
            Dialect::Ollama => b"\n",
            _ => b": keep-alive\n\n",
        })
    }

    /// An error object under a status of 4xx or 5xx, in the vendor's shape and these words.
    pub fn error(self, status: u16, message: &str) -> Bytes {
        Bytes::from(refusal::object(self, status, message).to_string())
    }
}

/// A line of server-sent events without a name.
fn data(value: &serde_json::Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// A server-sent event with a name.
fn named(name: &str, value: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {value}\n\n"))
}
