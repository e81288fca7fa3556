//! What a server's refusal means: status, headers and the many shapes of error bodies.

use crate::reply::Failure;
use serde_json::Value;

/// Longest quotation of a server's words, in characters.
const SAID_CHARS: usize = 400;

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

/// An error object, whatever its shape was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorObject {
    /// The server's words, on one line.
    pub message: String,
    /// `code`, `type` and `status`, in lower case, a space between.
    pub kind: String,
    /// `code` where it is a number: llama-server and OpenRouter repeat the status there.
    pub number: Option<u64>,
    /// The field of the request that was at fault, where named.
    pub param: String,
    /// The window in tokens, where a field of its own tells it (llama-server's `n_ctx`).
    pub window_tokens: Option<u64>,
    /// How long it asks us to wait, where the body says it (Google's `RetryInfo`).
    pub retry_after_ms: Option<u64>,
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
];

const RATE: &[&str] = &[
    "rate limit",
    "rate_limit",
    "too many requests",
    "throttling",
    "tokens per min",
    "resource_exhausted",
    "insufficient_quota",
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

    /// What it means for the trial.
    pub fn failure(&self) -> Failure {
        let error = self.error();
        let said = shorten(&error.message);
        let retry_after_ms = self.retry_after_ms().or(error.retry_after_ms);
        let status = self.status;
        let words = error.words();
        match status {
            300..=399 => {
                return Failure::Refused {
                    status,
                    said: format!("redirected to {}; give that address", self.redirected_to()),
                };
            }
            401 => return Failure::Unauthorized { said },
            429 => return limited(&words, said, retry_after_ms),
            _ => {}
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
            return limited(&words, said, retry_after_ms);
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
                retry_after_ms,
            };
        }
        if status == 413 {
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
        if let Some(ms) = self.header("retry-after-ms").and_then(whole_ms) {
            return Some(ms);
        }
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse::<f64>() {
            return whole_ms(&(seconds * 1000.0).to_string());
        }
        let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        let wait_ms = until.as_millisecond() - jiff::Timestamp::now().as_millisecond();
        Some(u64::try_from(wait_ms).unwrap_or(0))
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
    let retry_after_ms = error.retry_after_ms;
    Some(if error.number == Some(429) || has(&words, RATE) {
        limited(&words, said, retry_after_ms)
    } else if is_too_long(&words) {
        too_long(&error, &words, said)
    } else if has(&words, FILTERED) {
        Failure::Filtered { said }
    } else {
        Failure::Server {
            status: 200,
            said,
            retry_after_ms,
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

impl ErrorObject {
    /// Everything that it says, in lower case, for looking up words.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.message, self.kind, self.param).to_lowercase()
    }
}

/// Reads an error object in any of the shapes that servers use.
pub fn error_in(value: &Value) -> Option<ErrorObject> {
    let value = unwrap_list(value);
    let object = match value.get("error") {
        Some(inner @ Value::Object(_)) => inner,
        Some(Value::String(text)) => {
            return Some(ErrorObject {
                message: one_line(text),
                kind: text_of(value.get("error_type")).to_lowercase(),
                ..ErrorObject::default()
            });
        }
        _ => value,
    };
    let mut message = text_of(object.get("message"));
    for key in ["detail", "msg", "error_message"] {
        if message.is_empty() {
            message = text_of(object.get(key));
        }
    }
    // OpenRouter hands the upstream's own words on in here.
    let upstream = text_of(object.pointer("/metadata/raw"));
    if !upstream.is_empty() {
        message = format!("{message}: {upstream}");
    }
    let code = object.get("code");
    let kinds = [
        text_of(code),
        text_of(object.get("type").or_else(|| object.get("error_type"))),
        text_of(object.get("status")),
    ];
    let kinds: Vec<String> = kinds.into_iter().filter(|kind| !kind.is_empty()).collect();
    let kind = kinds.join(" ");
    if message.is_empty() && kind.is_empty() {
        return None;
    }
    if message.is_empty() {
        message.clone_from(&kind);
    }
    Some(ErrorObject {
        message: one_line(&message),
        kind: kind.to_lowercase(),
        number: code.and_then(|code| match code {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        }),
        param: text_of(object.get("param")),
        window_tokens: object.get("n_ctx").and_then(Value::as_u64),
        retry_after_ms: retry_delay_ms(object),
    })
}

/// Google's `RetryInfo`: `"retryDelay": "34.07s"` among the details.
fn retry_delay_ms(object: &Value) -> Option<u64> {
    let details = object.get("details")?.as_array()?;
    let told = details.iter().find_map(|detail| detail.get("retryDelay"))?;
    let seconds: f64 = told.as_str()?.strip_suffix('s')?.parse().ok()?;
    whole_ms(&(seconds * 1000.0).to_string())
}

fn unwrap_list(value: &Value) -> &Value {
    // Gemini's compatible endpoint wraps its error in a list of one.
    match value {
        Value::Array(list) => list.first().unwrap_or(value),
        other => other,
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        // FastAPI's list of what is wrong: the place and the reason of each.
        Some(Value::Array(list)) => {
            let each = list.iter().map(|item| {
                let place = item.get("loc").and_then(Value::as_array);
                let place = place.and_then(|path| path.last()).and_then(Value::as_str);
                let reason = text_of(item.get("msg").or(Some(item)));
                match place {
                    Some(place) => format!("{place}: {reason}"),
                    None => reason,
                }
            });
            each.collect::<Vec<_>>().join("; ")
        }
        Some(other) => other.to_string(),
    }
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

fn limited(words: &str, said: String, retry_after_ms: Option<u64>) -> Failure {
    let never = limit_and_request(words).is_some_and(|(limit, requested)| requested > limit);
    // Google's words for a model that a key may not use at all.
    let never = never || (has(words, RATE) && number_after(words, "limit:") == Some(0));
    Failure::Limited {
        said,
        retry_after_ms,
        permanent: never || words.contains("insufficient_quota"),
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

fn whole_ms(text: &str) -> Option<u64> {
    let ms = text.trim().parse::<f64>().ok()?;
    (ms.is_finite() && ms >= 0.0).then_some(ms as u64)
}

/// A page's title, or the text itself where it is no page.
fn words_of_page(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() {
        return "no explanation came".to_owned();
    }
    if !body.starts_with('<') {
        return one_line(body);
    }
    for tag in ["title", "h1"] {
        let low = body.to_ascii_lowercase();
        let Some(open) = low.find(&format!("<{tag}")) else {
            continue;
        };
        let Some(start) = low[open..].find('>').map(|at| open + at + 1) else {
            continue;
        };
        let Some(end) = low[start..].find("</").map(|at| start + at) else {
            continue;
        };
        return format!("an HTML page: {}", one_line(&body[start..end]));
    }
    "an HTML page without a title".to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SAID_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
