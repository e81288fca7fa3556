//! How the servers that speak OpenAI's chat completions refuse a prompt that does not fit, each in its own words.

use bytes::Bytes;

/// One server's refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// The server's name, as `words=` takes it.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The body, with `{prompt}`, `{window}` and `{over}` (the window and one) to be filled in.
    body: &'static str,
}

/// The servers, in the words that were seen from them (the bodies are collected from their
/// sources and from the tests of clients that had to tell them apart).
pub const WORDS: &[Words] = &[
    Words {
        name: "openai",
        status: 400,
        body: r#"{"error":{"message":"This model's maximum context length is {window} tokens. However, your messages resulted in {prompt} tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
    },
    // It stops counting one beyond the window.
    Words {
        name: "vllm",
        status: 400,
        body: r#"{"error":{"message":"This model's maximum context length is {window} tokens. However, your prompt contains at least {over} input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.","type":"BadRequestError","param":"input_tokens","code":400}}"#,
    },
    Words {
        name: "sglang",
        status: 400,
        body: r#"{"object":"error","message":"The input ({prompt} tokens) is longer than the model's context length ({window} tokens).","type":"BadRequestError","param":null,"code":400}"#,
    },
    Words {
        name: "tgi",
        status: 422,
        body: r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {prompt} `inputs` tokens and 64 `max_new_tokens`","error_type":"validation"}"#,
    },
    Words {
        name: "openrouter",
        status: 400,
        body: r#"{"error":{"message":"This endpoint's maximum context length is {window} tokens. However, you requested about {prompt} tokens ({prompt} of text input). Please reduce the length of either one, or use the context-compression plugin to compress your prompt automatically.","code":400,"metadata":{"provider_name":null}}}"#,
    },
    Words {
        name: "xai",
        status: 400,
        body: r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is {window} but the request contains {prompt} tokens."}"#,
    },
    Words {
        name: "groq",
        status: 400,
        body: r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
    },
    Words {
        name: "mistral",
        status: 400,
        body: r#"{"object":"error","message":"Prompt contains {prompt} tokens, too large for model with {window} maximum context length","type":"invalid_request_prompt","param":null,"code":"3051"}"#,
    },
    Words {
        name: "bedrock",
        status: 400,
        body: r#"{"message":"Input is too long for requested model."}"#,
    },
    Words {
        name: "cerebras",
        status: 400,
        body: "",
    },
];

/// A server's words by its name.
pub fn words(name: &str) -> Option<&'static Words> {
    WORDS.iter().find(|words| words.name == name)
}

impl Words {
    /// The body for a prompt of so many tokens.
    pub fn body(&self, prompt_tokens: u64, window_tokens: u64) -> Bytes {
        let body = self
            .body
            .replace("{prompt}", &prompt_tokens.to_string())
            .replace("{window}", &window_tokens.to_string())
            .replace("{over}", &window_tokens.saturating_add(1).to_string());
        Bytes::from(body)
    }
}
