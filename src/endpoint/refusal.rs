//! What a server's refusal means: status, headers and the many shapes of error bodies.

use crate::reply::Failure;
use serde_json::Value;

mod object;
pub mod wait;

pub use object::{ErrorObject, error_in};
use object::{one_line, shorten, unwrap_list, words_of_page};

/// A response with a status other than success.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body.
    pub body: String,
    /// Length of the request's body.
    pub sent_bytes: u64,
}

/// Words that say "longer than the window". Limits of one string, of the body or of the output
/// budget are not among them. Collected from the servers' sources and issue threads.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "contextwindowexceedederror",
    "maximum context length",
    "exceeds the context",
    "exceeds the available context",
    "exceed context",
    "context length exceeded",
    "context window exceeded",
    "model's context length",
    "than the context length",
    "exceeds the maximum number of tokens allowed",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "maximum prompt length is",
    "exceeds the maximum allowed length",
    "reduce the length of the messages",
    "range of input length should be",
    ">= n_ctx",
];

/// What stands before the window's size. The size of the *prompt* is never read from words:
/// vLLM says "at least N+1" because it stops counting there.
const BEFORE_WINDOW: &[&str] = &[
    "maximum context length is",
    "maximum context length of",
    "maximum context length:",
    "context length (",
    "context size (",
    "context window (",
    "context window of",
    "maximum number of tokens allowed (",
    "maximum prompt length is",
    "maximum allowed length (",
    ">= n_ctx (",
    "must be <=",
    "input length should be [1,",
];

/// Limits of the whole body, in the words of servers that do not say 413 for it. The window is
/// another thing: a longer prompt in fewer bytes might pass.
const BODY: &[&str] = &[
    "payload size exceeds",
    "payload_too_large",
    "payload too large",
    "request_too_large",
    "request entity too large",
    "request size is too large",
    "body is too large",
    "body too large",
    "length limit exceeded",
];

/// The account is empty: no other question can be paid for either.
const NO_CREDIT: &[&str] = &[
    "insufficient_quota",
    "insufficient credits",
    "insufficient balance",
    "requires more credits",
    "credit balance is too low",
    "billing_hard_limit",
    "billing hard limit",
];

const RATE: &[&str] = &[
    "rate limit",
    "rate_limit",
    "too many requests",
    "throttling",
    "too many tokens, please wait",
    "tokens per min",
    "resource_exhausted",
];

/// Gemini answers 400 to a key that it does not know.
const BAD_KEY: &[&str] = &["api key not valid", "api_key_invalid", "api key expired"];

const FILTERED: &[&str] = &[
    "content_filter",
    "content_policy",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "requires moderation",
    "input was flagged",
];

const NO_MODEL: &[&str] = &[
    "model_not_found",
    "model not found",
    "no such model",
    "unknown model",
];

impl Refusal {
    /// A header's value by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The error object in the body, or an account of a body that holds none.
    pub fn error(&self) -> ErrorObject {
        match serde_json::from_str::<Value>(&self.body) {
            Ok(value) => error_in(&value).unwrap_or_else(|| ErrorObject {
                message: one_line(&self.body),
                ..ErrorObject::default()
            }),
            Err(_) => ErrorObject {
                message: words_of_page(&self.body),
                ..ErrorObject::default()
            },
        }
    }

    /// What it means for the trial. A server that says by `x-should-retry` whether asking again
    /// makes sense is believed, as both large vendors' own clients do.
    pub fn failure(&self) -> Failure {
        let failure = self.meaning();
        match (self.header("x-should-retry"), failure) {
            (
                Some("false"),
                Failure::Server { status, said, .. } | Failure::Refused { status, said },
            ) => Failure::Refused { status, said },
            (Some("false"), Failure::Limited { said, .. }) => Failure::Refused {
                status: self.status,
                said,
            },
            (Some("true"), Failure::Refused { status, said }) if status >= 400 => Failure::Server {
                status,
                said,
                retry_after_ms: self.retry_after_ms(),
            },
            (_, failure) => failure,
        }
    }

    fn meaning(&self) -> Failure {
        let error = self.error();
        let said = shorten(&error.message);
        let status = self.status;
        let words = error.words();
        let limited = |said| limited(&error, &words, said, self.retry_after_ms());
        if (300..=399).contains(&status) {
            return Failure::Refused {
                status,
                said: format!("redirected to {}; give that address", self.redirected_to()),
            };
        }
        if status == 401 {
            return Failure::Unauthorized { said };
        }
        if status == 402 || (status < 500 && has(&words, NO_CREDIT)) {
            let said = format!("no credit is left: {said}");
            return Failure::Unauthorized { said };
        }
        if status == 429 {
            return limited(said);
        }
        if has(&words, BAD_KEY) && status < 500 {
            return Failure::Unauthorized { said };
        }
        if has(&words, FILTERED) && status < 500 {
            return Failure::Filtered { said };
        }
        // A page, not an API, said 403: a firewall that dislikes the body, with any key.
        if status == 403 && !self.body.trim_start().starts_with('<') {
            return Failure::Unauthorized { said };
        }
        // Groq answers 413 where one prompt exceeds the tokens of a minute.
        if status < 500 && (has(&words, RATE) || limit_and_request(&words).is_some()) {
            return limited(said);
        }
        if is_too_long(&words) && status != 404 {
            return too_long(&error, &words, said);
        }
        if status == 404 || (status == 400 && has(&words, NO_MODEL)) {
            return Failure::NotFound { said };
        }
        if status >= 500 {
            return Failure::Server {
                status,
                said,
                retry_after_ms: self.retry_after_ms().or(error.wait_ms),
            };
        }
        let said = match status {
            // No proof of a prompt that is too long: other servers say nothing for other reasons.
            400 | 413 if self.body.trim().is_empty() => {
                format!("{said} (Cerebras says as little of a prompt longer than its window)")
            }
            _ => said,
        };
        if status == 413 || has(&words, BODY) {
            let sent = self.sent_bytes as f64 / 1e6;
            let what = match self.sent_bytes {
                0 => "the body".to_owned(),
                _ => format!("a body of {sent:.1} MB"),
            };
            return Failure::Refused {
                status,
                said: format!("{what} is too large: {said}"),
            };
        }
        Failure::Refused { status, said }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        wait::retry_after_ms(&self.headers)
    }

    fn redirected_to(&self) -> String {
        let location = self
            .header("location")
            .unwrap_or("an address it does not name");
        // A query may hold a signature or a key.
        let end = location.find(['?', '#']).unwrap_or(location.len());
        shorten(&location[..end])
    }
}

/// The failure inside a body or event that came under a 200, if it holds one.
pub fn inside_success(value: &Value) -> Option<Failure> {
    let holder = unwrap_list(value);
    let is_error = match holder.get("error") {
        Some(Value::Null | Value::Bool(false)) | None => {
            // SGLang's flat form, and Anthropic's behind a relay.
            ["object", "type"]
                .iter()
                .any(|key| holder.get(key).and_then(Value::as_str) == Some("error"))
        }
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(object)) => !object.is_empty(),
        Some(_) => true,
    };
    if !is_error {
        return None;
    }
    let error = error_in(value).unwrap_or_else(|| ErrorObject {
        message: one_line(&value.to_string()),
        ..ErrorObject::default()
    });
    let said = shorten(&error.message);
    let words = error.words();
    Some(if has(&words, NO_CREDIT) || error.number == Some(402) {
        let said = format!("no credit is left: {said}");
        Failure::Unauthorized { said }
    } else if error.number == Some(429) || has(&words, RATE) {
        limited(&error, &words, said, None)
    } else if is_too_long(&words) {
        too_long(&error, &words, said)
    } else if has(&words, FILTERED) {
        Failure::Filtered { said }
    } else {
        // Anthropic's status of being overloaded, which a stream cannot say any more.
        let overloaded = words.contains("overloaded_error");
        Failure::Server {
            status: if overloaded { 529 } else { 200 },
            said,
            retry_after_ms: error.wait_ms,
        }
    })
}

/// The same, for providers whose error object tells the status that it would have come under: an
/// error in mid-stream then means what it means before the stream.
pub fn inside_success_as(
    value: &Value,
    status_of: impl Fn(&ErrorObject) -> Option<u16>,
) -> Option<Failure> {
    let failure = inside_success(value)?;
    let status = error_in(value).and_then(|error| status_of(&error));
    Some(match status {
        Some(status) => Refusal {
            status,
            body: value.to_string(),
            ..Refusal::default()
        }
        .failure(),
        None => failure,
    })
}

fn is_too_long(words: &str) -> bool {
    let tgi = words.contains("`inputs`") && words.contains("must be <=");
    let mistral = words.contains("too large for model with");
    tgi || mistral || has(words, TOO_LONG)
}

fn too_long(error: &ErrorObject, words: &str, said: String) -> Failure {
    let told = BEFORE_WINDOW
        .iter()
        .find_map(|phrase| number_after(words, phrase));
    Failure::TooLong {
        said,
        window_tokens: error
            .window_tokens
            .or(told)
            .or_else(|| number_before(words, " maximum")),
    }
}

fn limited(error: &ErrorObject, words: &str, said: String, asked_ms: Option<u64>) -> Failure {
    let never = limit_and_request(words).is_some_and(|(limit, requested)| requested > limit);
    // Google's words for a model that a key may not use at all.
    let never = never || (has(words, RATE) && number_after(words, "limit:") == Some(0));
    Failure::Limited {
        said,
        retry_after_ms: asked_ms
            .or(error.wait_ms)
            .or_else(|| wait::in_words_ms(&error.message)),
        permanent: never,
    }
}

fn limit_and_request(words: &str) -> Option<(u64, u64)> {
    Some((
        number_after(words, "limit")?,
        number_after(words, "requested")?,
    ))
}

fn has(words: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| words.contains(phrase))
}

/// The number right behind a phrase, at the first place where one stands.
fn number_after(words: &str, phrase: &str) -> Option<u64> {
    words.match_indices(phrase).find_map(|(at, _)| {
        let rest = words[at + phrase.len()..].trim_start_matches([' ', ':', '=', '(', '`', '\'']);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '_');
        digits(&rest[..end.unwrap_or(rest.len())])
    })
}

/// The number right before a phrase, at the first place where one stands.
fn number_before(words: &str, phrase: &str) -> Option<u64> {
    words.match_indices(phrase).find_map(|(at, _)| {
        let head = &words[..at];
        let start = head.rfind(|c: char| !c.is_ascii_digit() && c != ',' && c != '_');
        digits(
            &head[start.map_or(0, |at| {
                at + head[at..].chars().next().map_or(1, char::len_utf8)
            })..],
        )
    })
}

fn digits(text: &str) -> Option<u64> {
    text.chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
