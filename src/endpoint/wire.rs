//! What carries one HTTP exchange: the network, or the simulated model inside this process.

use crate::reply::Failure;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// A request body as shared slices, sent in order with an exact `Content-Length`.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Slices in order; cloning a body copies none of them.
    pub slices: Vec<Bytes>,
}

impl Body {
    /// Length in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.slices.iter().map(|slice| slice.len() as u64).sum()
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// True for POST (with a body), false for GET.
    pub post: bool,
    /// Path and query below the base address, beginning with a slash: `/chat/completions`.
    pub path: String,
    /// Extra headers (name, value). Credentials are the wire's own and never pass here.
    pub headers: Vec<(String, String)>,
    /// JSON body; empty for GET.
    pub body: Body,
}

/// The head of a response, and its bytes as they come.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Milliseconds from the start of the request until the last byte was handed to the socket.
    pub uploaded_ms: Option<f64>,
    /// Milliseconds from the start of the request until the head arrived.
    pub headers_ms: f64,
    /// When the request began; later readings are taken against it.
    pub began: std::time::Instant,
    /// The body, chunk by chunk.
    pub chunks: BoxStream<'static, Result<Bytes, Failure>>,
}

impl Response {
    /// A header's value by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Carries requests. The dialects above it are pure: bytes out, frames in.
pub trait Wire: Send + Sync {
    /// Sends one request and returns when the response's head has come.
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>>;

    /// Sends one request to the server's root, above a base path such as `/v1`: llama-server's
    /// `/props` and everybody's `/tokenize` live there. A wire without such a split has one root.
    fn send_to_root<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        self.send(request)
    }

    /// The same text with every credential of this wire blanked out: servers echo keys in their
    /// error messages, and only the wire knows what to look for.
    fn redact(&self, text: String) -> String {
        text
    }
}
