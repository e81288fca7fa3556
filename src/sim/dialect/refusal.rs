//! What the vendors say instead of an answer, in the words and shapes that were seen from them.

use super::Dialect;
use bytes::Bytes;
use serde_json::{Value, json};

/// An error object in a vendor's shape with words of our own.
pub fn object(dialect: Dialect, status: u16, message: &str) -> Value {
    match dialect {
        Dialect::Chat | Dialect::Responses => {
            let kind = if status < 500 {
                "invalid_request_error"
            } else {
                "server_error"
            };
            openai(message, kind, Value::Null)
        }
        Dialect::Anthropic => anthropic(anthropic_kind(status), message),
        Dialect::Gemini => gemini(status, message, Value::Null),
        Dialect::Ollama => json!({ "error": message }),
    }
}

fn openai(message: &str, kind: &str, code: Value) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn anthropic(kind: &str, message: &str) -> Value {
    json!({
        "type": "error",
        "error": { "type": kind, "message": message },
        "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    })
}

fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn gemini(status: u16, message: &str, details: Value) -> Value {
    let name = match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let mut error = json!({ "code": status, "message": message, "status": name });
    if !details.is_null() {
        error["details"] = details;
    }
    json!({ "error": error })
}

/// A prompt that does not fit. Status 400, everywhere.
pub fn too_long(dialect: Dialect, prompt_tokens: u64, window_tokens: u64) -> Value {
    match dialect {
        Dialect::Chat => llama_server_too_long(prompt_tokens, window_tokens),
        Dialect::Responses => {
            let mut body = openai(
                "Your input exceeds the context window of this model. Please adjust your input \
                 and try again.",
                "invalid_request_error",
                "context_length_exceeded".into(),
            );
            body["error"]["param"] = "input".into();
            body
        }
        Dialect::Anthropic => anthropic(
            "invalid_request_error",
            &format!("prompt is too long: {prompt_tokens} tokens > {window_tokens} maximum"),
        ),
        Dialect::Gemini => gemini(
            400,
            &format!(
                "The input token count ({prompt_tokens}) exceeds the maximum number of tokens \
                 allowed ({window_tokens})."
            ),
            Value::Null,
        ),
        // Ollama hands its llama-server's refusal on as a text (ollama/ollama, llm/llama_server.go).
        Dialect::Ollama => {
            let inner = llama_server_too_long(prompt_tokens, window_tokens);
            json!({ "error": inner.to_string() })
        }
    }
}

/// llama-server's words for a prompt that does not fit (ggml-org/llama.cpp#15780).
fn llama_server_too_long(prompt_tokens: u64, window_tokens: u64) -> Value {
    json!({ "error": {
        "code": 400,
        "message": format!(
            "request ({prompt_tokens} tokens) exceeds the available context size \
             ({window_tokens} tokens), try increasing it"
        ),
        "type": "exceed_context_size_error",
        "n_prompt_tokens": prompt_tokens,
        "n_ctx": window_tokens,
    }})
}

/// Ollama's own words where it may neither shift nor cut (ollama/ollama, llm/llama_server.go).
pub const OLLAMA_TOO_LONG: &str = "the prompt is longer than the context length currently \
    available to the model; shorten the prompt, adjust the context length in settings, or use a \
    model with a longer context length";

/// A refusal that has nothing to do with what was asked.
pub struct Refusal {
    /// Content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
    /// Headers beside the content type, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// The statuses that are refused with.
pub const STATUSES: &[u16] = &[400, 401, 403, 404, 413, 429, 500, 503, 504, 529];

/// The forms in which a wait is asked for; a 429 takes one of them by a number.
const WAITS: usize = 6;

/// A vendor's refusal with a status. `draw` chooses how a 429 says how long to wait, if at all:
/// `now` is the Unix time in seconds, for the form that names a moment.
pub fn refusal(dialect: Dialect, status: u16, draw: u64, now: i64) -> Refusal {
    if status == 413 && dialect != Dialect::Anthropic {
        // It comes from the proxy in front, which speaks nobody's dialect.
        return page(
            "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n\
             <center><h1>413 Request Entity Too Large</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
        );
    }
    let wait = if status == 429 {
        (draw % WAITS as u64) as usize
    } else {
        0
    };
    let body = match dialect {
        Dialect::Chat | Dialect::Responses => openai_body(status),
        Dialect::Anthropic => anthropic(anthropic_kind(status), anthropic_words(status)),
        Dialect::Gemini => {
            let retry = json!([{
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "1s",
            }]);
            let details = if wait > 0 { retry } else { Value::Null };
            gemini(status, gemini_words(status), details)
        }
        Dialect::Ollama => json!({ "error": ollama_words(status) }),
    };
    let mut headers = waiting(wait, now);
    if status == 429 {
        headers.extend(limits(dialect, now));
    }
    Refusal {
        content_type: "application/json",
        body: Bytes::from(body.to_string()),
        headers,
    }
}

/// A gateway's page where its server is gone.
pub fn bad_gateway() -> Refusal {
    page(
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
         <center><h1>502 Bad Gateway</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    )
}

fn page(html: &'static str) -> Refusal {
    Refusal {
        content_type: "text/html",
        body: Bytes::from_static(html.as_bytes()),
        headers: Vec::new(),
    }
}

fn openai_body(status: u16) -> Value {
    let (message, kind, code) = match status {
        401 => (
            "Incorrect API key provided. You can find your API key in your account settings.",
            "invalid_request_error",
            "invalid_api_key",
        ),
        403 => (
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        404 => (
            "The model does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        ),
        429 => (
            "Rate limit reached in organization org-1 on requests per min (RPM): Limit 500, \
             Used 500, Requested 1. Please try again in 1s.",
            "requests",
            "rate_limit_exceeded",
        ),
        503 | 529 => (
            "The engine is currently overloaded, please try again later",
            "service_unavailable_error",
            "",
        ),
        500.. => (
            "The server had an error while processing your request. Sorry about that!",
            "server_error",
            "",
        ),
        _ => (
            "We could not parse the JSON body of your request. (HINT: This likely means you \
             aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, \
             but what was sent was not valid JSON.)",
            "invalid_request_error",
            "",
        ),
    };
    let code = if code.is_empty() {
        Value::Null
    } else {
        code.into()
    };
    openai(message, kind, code)
}

fn anthropic_words(status: u16) -> &'static str {
    match status {
        401 => "invalid x-api-key",
        403 => "Your API key does not have permission to use the specified resource.",
        404 => "model: not found",
        413 => "Request exceeds the maximum size",
        429 => {
            "This request would exceed your organization's rate limit of 50 requests per minute. \
             Please try again later."
        }
        504 => "Request timed out",
        529 => "Overloaded",
        500.. => "Internal server error",
        _ => "messages: at least one message is required",
    }
}

fn gemini_words(status: u16) -> &'static str {
    match status {
        401 => "Request had invalid authentication credentials.",
        403 => "The caller does not have permission",
        404 => {
            "The model is not found for API version v1beta, or is not supported for \
             generateContent. Call ListModels to see the list of available models and their \
             supported methods."
        }
        429 => "Resource has been exhausted (e.g. check quota).",
        503 | 529 => "The model is overloaded. Please try again later.",
        504 => "Deadline expired before operation could complete.",
        500.. => "An internal error has occurred. Please retry or report it.",
        _ => "Request contains an invalid argument.",
    }
}

fn ollama_words(status: u16) -> &'static str {
    match status {
        401 | 403 => "unauthorized",
        404 => "model 'sim' not found",
        429 => "too many requests",
        503 | 529 => "server busy, please try again.  maximum pending requests exceeded",
        500.. => "llama runner process has terminated: exit status 2",
        _ => "missing request body",
    }
}

/// How long to wait, in one of the forms that are in use.
fn waiting(form: usize, now: i64) -> Vec<(String, String)> {
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    match form {
        1 => header("retry-after", "1"),
        2 => header("retry-after", "0.5"),
        3 => header("retry-after-ms", "250"),
        // An HTTP date, one second ahead.
        4 => match jiff::Timestamp::from_second(now + 1) {
            Ok(then) => header(
                "retry-after",
                &then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            ),
            Err(_) => Vec::new(),
        },
        5 => header("retry-after", "0"),
        _ => Vec::new(),
    }
}

/// The limits that a vendor tells along with a 429.
fn limits(dialect: Dialect, now: i64) -> Vec<(String, String)> {
    let prefix = match dialect {
        Dialect::Chat | Dialect::Responses => "x-ratelimit",
        Dialect::Anthropic => "anthropic-ratelimit-requests",
        Dialect::Gemini | Dialect::Ollama => return Vec::new(),
    };
    let moment = jiff::Timestamp::from_second(now + 1).map(|then| then.to_string());
    let told: [(&str, String); 3] = if dialect == Dialect::Anthropic {
        [
            ("limit", "50".into()),
            ("remaining", "0".into()),
            ("reset", moment.unwrap_or_default()),
        ]
    } else {
        [
            ("limit-requests", "500".into()),
            ("remaining-requests", "0".into()),
            ("reset-requests", "1s".into()),
        ]
    };
    told.into_iter()
        .map(|(name, value)| (format!("{prefix}-{name}"), value))
        .collect()
}

/// One prompt of more tokens than a minute allows: waiting cannot help (vanna-ai/vanna-flask#11).
pub fn beyond_the_minute(dialect: Dialect, limit_tokens: u64, prompt_tokens: u64) -> Value {
    match dialect {
        Dialect::Chat | Dialect::Responses => openai(
            &format!(
                "Request too large in organization org-1 on tokens per min (TPM): Limit \
                 {limit_tokens}, Requested {prompt_tokens}. The input or output tokens must be \
                 reduced in order to run successfully."
            ),
            "tokens",
            "rate_limit_exceeded".into(),
        ),
        Dialect::Anthropic => anthropic(
            "rate_limit_error",
            &format!(
                "This request would exceed your organization's rate limit of {limit_tokens} \
                 input tokens per minute. The prompt is {prompt_tokens} tokens long."
            ),
        ),
        Dialect::Gemini => gemini(
            429,
            &format!(
                "You exceeded your current quota. Quota exceeded for metric: \
                 generate_content_paid_tier_input_token_count, limit: {limit_tokens}"
            ),
            Value::Null,
        ),
        Dialect::Ollama => json!({ "error": "you have reached your usage limit" }),
    }
}

/// An error that comes after a status of 200 had gone out: as an event of the stream, or as the
/// whole body. The streamed form is the vendor's own framing.
pub fn after_the_fact(dialect: Dialect, stream: bool) -> Bytes {
    let value = match dialect {
        // OpenRouter's, whose clients see it most.
        Dialect::Chat => json!({ "error": { "code": 502, "message": "Provider returned error" } }),
        Dialect::Responses if stream => json!({
            "type": "error",
            "code": "server_error",
            "message": "The server had an error while processing your request. Sorry about that!",
            "param": null,
            "sequence_number": 0,
        }),
        Dialect::Responses => openai_body(500),
        Dialect::Anthropic => anthropic("overloaded_error", "Overloaded"),
        Dialect::Gemini => gemini(503, gemini_words(503), Value::Null),
        Dialect::Ollama => {
            json!({ "error": "an error was encountered while running the model: unexpected EOF" })
        }
    };
    match dialect {
        _ if !stream => Bytes::from(value.to_string()),
        Dialect::Chat | Dialect::Gemini => super::data(&value),
        Dialect::Responses | Dialect::Anthropic => super::named("error", &value),
        Dialect::Ollama => Bytes::from(format!("{value}\n")),
    }
}
