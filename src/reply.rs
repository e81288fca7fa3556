//! What came back for one question: an answer with its accounts, or a failure that says why not.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Token counts as the server reported them, normalised so that `prompt` includes cached tokens.
/// `None` means that the server did not say; `Some(0)` means that it said zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the whole prompt, template and cached ones included.
    pub prompt_tokens: Option<u64>,
    /// Those of them that came out of a prefix cache.
    pub cached_tokens: Option<u64>,
    /// Those of them that were written to a cache at a price.
    pub cache_write_tokens: Option<u64>,
    /// Tokens generated, reasoning included.
    pub output_tokens: Option<u64>,
    /// Those of them that were reasoning.
    pub reasoning_tokens: Option<u64>,
    /// The server's own account as it came, before any of it was normalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<serde_json::Value>,
}

/// Milliseconds since the request began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The last byte of the request was handed to the socket (kernel buffers remain).
    pub uploaded_ms: Option<f64>,
    /// The response's headers arrived.
    pub headers_ms: Option<f64>,
    /// The first text of the answer (or of its reasoning) arrived.
    pub first_text_ms: Option<f64>,
    /// The answer was complete.
    pub total_ms: f64,
    /// What the server says of its own times (llama-server's `timings`), as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<serde_json::Value>,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It ended its answer.
    End,
    /// It ran out of the output budget.
    Length,
    /// The provider filtered the answer.
    Filtered,
    /// A reason that none of the above covers, as the server named it.
    Other(String),
}

/// An answer. A 200 alone is not one: a finish reason has arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The answer proper, without reasoning.
    pub text: String,
    /// Reasoning text, kept apart from the answer wherever the server put it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Why the model stopped.
    pub stop: Stop,
    /// Token accounts.
    pub usage: Usage,
    /// Clock readings.
    pub timing: Timing,
    /// The model that the server says answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The server's own mark of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// The server's name for this request, for its operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Who computed the answer, where a router says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the server itself says of having cut the prompt, in its words: proof, whatever its
    /// token counts say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// The answer's own name in its body: its first letters are the vendor's (`chatcmpl-`,
    /// `msg_`, `gen-`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Response headers that tell who answers, by the list of the endpoints:
    /// never cookies, keys or accounts. Of those whose value is another each time or is the
    /// account's, only that they were there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Why there is no answer. Never scored: something other than the model came between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// The server says that the prompt is longer than its window.
    TooLong {
        /// The server's words.
        said: String,
        /// The window it named, in tokens, where it named one.
        window_tokens: Option<u64>,
    },
    /// 429 or the like. `permanent` where one request exceeds the limit for ever.
    Limited {
        /// The server's words.
        said: String,
        /// How long it asked us to wait.
        retry_after_ms: Option<u64>,
        /// True where waiting cannot help (requested tokens exceed the limit itself).
        permanent: bool,
    },
    /// 401 or 403: the key is missing or wrong.
    Unauthorized {
        /// The server's words.
        said: String,
    },
    /// 404: no such path or model.
    NotFound {
        /// The server's words.
        said: String,
    },
    /// Any other refusal of the request itself (400, 413, 422 …).
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// The server failed (5xx, or an error object inside a 200).
    Server {
        /// HTTP status; 200 for an error that came inside a stream.
        status: u16,
        /// The server's words.
        said: String,
        /// How long it asked us to wait.
        retry_after_ms: Option<u64>,
    },
    /// No connection could be made.
    Unreachable {
        /// What the connection said.
        cause: String,
    },
    /// The connection broke, or the stream ended with no finish reason.
    Broken {
        /// What is known of it.
        cause: String,
    },
    /// Nothing came in time.
    TimedOut {
        /// How long was waited.
        after_ms: u64,
        /// What was waited for, in words.
        waiting_for: String,
    },
    /// The provider filtered the prompt or the answer.
    Filtered {
        /// The server's words.
        said: String,
    },
}

impl Failure {
    /// True where asking again may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Failure::Limited { permanent, .. } => !permanent,
            Failure::Server { .. }
            | Failure::Unreachable { .. }
            | Failure::Broken { .. }
            | Failure::TimedOut { .. } => true,
            // 408 and 409 are the two client errors that both vendors' own SDKs ask again.
            Failure::Refused { status, .. } => matches!(status, 408 | 409),
            Failure::TooLong { .. }
            | Failure::Unauthorized { .. }
            | Failure::NotFound { .. }
            | Failure::Filtered { .. } => false,
        }
    }

    /// True where no other question can succeed either, so that the run must stop.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Failure::Unauthorized { .. } | Failure::NotFound { .. }
        )
    }

    /// How long the server asked us to wait.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Failure::Limited { retry_after_ms, .. } | Failure::Server { retry_after_ms, .. } => {
                *retry_after_ms
            }
            _ => None,
        }
    }

    /// One short word for tables: the reason why the trial is void.
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::TooLong { .. } => "too-long",
            Failure::Limited { .. } => "rate-limited",
            Failure::Unauthorized { .. } => "unauthorized",
            Failure::NotFound { .. } => "not-found",
            Failure::Refused { .. } => "refused-request",
            Failure::Server { .. } => "server-error",
            Failure::Unreachable { .. } => "unreachable",
            Failure::Broken { .. } => "broken",
            Failure::TimedOut { .. } => "timed-out",
            Failure::Filtered { .. } => "filtered",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::TooLong { said, .. } => {
                write!(f, "the prompt is too long for the server: {said}")
            }
            Failure::Limited {
                said,
                permanent: true,
                ..
            } => {
                write!(f, "one request exceeds the rate limit itself: {said}")
            }
            Failure::Limited { said, .. } => write!(f, "rate limited: {said}"),
            Failure::Unauthorized { said } => write!(f, "the key was refused: {said}"),
            Failure::NotFound { said } => write!(f, "no such model or path: {said}"),
            Failure::Refused { status, said } => {
                write!(f, "the request was refused ({status}): {said}")
            }
            Failure::Server { status, said, .. } => {
                write!(f, "the server failed ({status}): {said}")
            }
            Failure::Unreachable { cause } => write!(f, "no connection: {cause}"),
            Failure::Broken { cause } => write!(f, "the answer broke off: {cause}"),
            Failure::TimedOut {
                after_ms,
                waiting_for,
            } => {
                write!(
                    f,
                    "nothing came in {:.0} s while waiting for {waiting_for}",
                    *after_ms as f64 / 1000.0
                )
            }
            Failure::Filtered { said } => write!(f, "filtered by the provider: {said}"),
        }
    }
}

impl std::error::Error for Failure {}
