//! An error object, in the many shapes that servers give it, or the words of a page in its place.

use crate::endpoint::refusal::wait;
use serde_json::Value;

/// Longest quotation of a server's words, in characters.
const SAID_CHARS: usize = 400;

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
    /// How long to wait, where a field of its own tells it (Google's `retryDelay`).
    pub wait_ms: Option<u64>,
    /// The window in tokens, where a field of its own tells it (llama-server's `n_ctx`).
    pub window_tokens: Option<u64>,
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
    // OpenRouter's stable word for what happened, whatever the upstream calls it.
    let stable = object.pointer("/metadata/error_type");
    let kinds = [
        text_of(code),
        text_of(object.get("type").or_else(|| object.get("error_type"))),
        text_of(object.get("status")),
        text_of(stable),
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
        wait_ms: wait_in(object),
        window_tokens: object.get("n_ctx").and_then(Value::as_u64),
    })
}

pub(super) fn unwrap_list(value: &Value) -> &Value {
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

/// Google's details of an error name the wait (`"retryDelay": "34.07s"`).
fn wait_in(object: &Value) -> Option<u64> {
    let details = object.get("details")?.as_array()?;
    let delay = details
        .iter()
        .find_map(|detail| detail.get("retryDelay")?.as_str())?;
    wait::span(delay).map(|span| span.as_millis() as u64)
}

/// A page's title, or the text itself where it is no page.
pub(super) fn words_of_page(body: &str) -> String {
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

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SAID_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
