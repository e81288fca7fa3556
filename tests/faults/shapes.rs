//! Answers, counts, windows and refusals in every vendor's own shape and words.

use crate::asked::{End, Server};
use crate::vendor::{Heard, VENDORS, Vendor};
use crate::{TEMPLATE_TOKENS, VALUE, prompt, tokens};
use serde_json::{Value, json};

#[test]
fn every_vendor_is_answered_whole_and_streaming_with_its_own_accounts() {
    let server = Server::start("perfect");
    let text = prompt(10, 10);
    let whole = tokens("Be brief.") + tokens(&text) + TEMPLATE_TOKENS;
    for vendor in VENDORS {
        for stream in [false, true] {
            let messages = [("system", "Be brief."), ("user", text.as_str())];
            let (path, body) = vendor.question(&messages, stream, 64);
            let reply = server.post(&path, &body);
            assert_eq!((reply.status, reply.end), (200, End::Whole), "{vendor:?}");
            let heard = vendor.hear(&reply);
            let expected = Heard {
                text: VALUE.into(),
                reasoning: String::new(),
                finish: Some(vendor.finishes()[0].into()),
                usage: Some((whole, 0, tokens(VALUE))),
                model: "sim:perfect".into(),
                // A whole reply and Gemini's streams have no mark of their end.
                done: (stream && vendor != Vendor::Gemini) || vendor == Vendor::Ollama,
                error: None,
            };
            assert_eq!(heard, expected, "{vendor:?} {stream}");
            let (path, body) = vendor.question(&messages, stream, 1);
            let heard = vendor.hear(&server.post(&path, &body));
            assert_eq!(heard.finish.as_deref(), Some(vendor.finishes()[1]));
            assert_eq!(heard.usage, Some((whole, 0, 1)));
            let line = server.logged();
            assert_eq!(line["received_tokens"], whole);
            assert_eq!(
                (&line["read_tokens"], &line["reported_tokens"]),
                (&whole.into(), &whole.into())
            );
        }
    }
    assert_eq!(server.log().len(), 20);
}

#[test]
fn cached_tokens_are_within_the_prompts_or_beside_them_as_each_vendor_counts() {
    let text = prompt(4_000, 10);
    let whole = tokens(&text) + TEMPLATE_TOKENS;
    for vendor in VENDORS {
        let server = Server::start("perfect");
        let (path, body) = vendor.question(&[("user", &text)], true, 64);
        let cold = vendor.hear(&server.post(&path, &body)).usage;
        assert_eq!(cold, Some((whole, 0, tokens(VALUE))), "{vendor:?}");
        let (prompt, cached, _) = vendor
            .hear(&server.post(&path, &body))
            .usage
            .expect("usage");
        assert_eq!(prompt, whole, "{vendor:?}");
        // Ollama tells of no cache.
        assert_eq!(
            cached > whole / 2,
            vendor != Vendor::Ollama,
            "{vendor:?}: {cached}"
        );
    }
}

#[test]
fn tokens_are_counted_where_a_vendor_has_a_path_for_it() {
    let server = Server::start("perfect,window=128k");
    let text = prompt(10, 10);
    let (bare, whole) = (tokens(&text), tokens(&text) + TEMPLATE_TOKENS);
    let message = json!([{ "role": "user", "content": text }]);
    for (path, body, field) in [
        (
            "/v1/messages/count_tokens",
            json!({ "messages": message }),
            "input_tokens",
        ),
        (
            "/v1/responses/input_tokens",
            json!({ "input": text }),
            "input_tokens",
        ),
        (
            "/v1beta/models/m:countTokens",
            json!({ "contents": [{ "parts": [{ "text": text }] }] }),
            "totalTokens",
        ),
        (
            "/v1beta/models/m:countTokens",
            json!({ "generateContentRequest": { "contents": [{ "parts": [{ "text": text }] }] } }),
            "totalTokens",
        ),
        ("/tokenize", json!({ "messages": message }), "count"),
    ] {
        assert_eq!(server.post(path, &body).json()[field], whole, "{path}");
    }
    let listed = server.post("/tokenize", &json!({ "prompt": text })).json();
    assert_eq!(
        (&listed["count"], &listed["max_model_len"]),
        (&bare.into(), &128_000.into())
    );
    let ids = listed["tokens"].as_array().expect("ids");
    assert_eq!(ids.len() as u64, bare);
    // Nothing goes wrong with a count, whatever goes wrong with questions.
    let faulty = Server::start("perfect,fault=status=500,fault=cut-head=100");
    let counted = faulty.post("/v1/messages/count_tokens", &json!({ "messages": message }));
    assert_eq!(counted.json()["input_tokens"], whole);
    assert_eq!(faulty.logged()["question"], Value::Null);
}

#[test]
fn the_window_is_declared_in_every_vendors_way() {
    let server = Server::start("perfect,window=64k,advertised=1M");
    let name = "sim:perfect,window=64k,advertised=1M";
    let escaped = "sim%3Aperfect%2Cwindow%3D64k%2Cadvertised%3D1M";
    let anthropic = "anthropic-version: 2023-06-01\r\n";
    assert_eq!(
        server.get("/v1/models", "")["data"][0]["max_model_len"],
        1_000_000
    );
    assert_eq!(
        server.get(&format!("/v1/models/{name}"), "")["max_model_len"],
        1_000_000
    );
    let listed = server.get("/v1/models", anthropic);
    assert_eq!(listed["data"][0]["max_input_tokens"], 1_000_000);
    let one = server.get(&format!("/v1/models/{escaped}"), anthropic);
    assert_eq!(
        (&one["type"], &one["max_input_tokens"]),
        (&"model".into(), &1_000_000.into())
    );
    let one = server.get(&format!("/v1beta/models/{name}"), "");
    assert_eq!(one["inputTokenLimit"], 1_000_000);
    assert_eq!(one["name"], format!("models/{name}"));
    assert_eq!(
        server.get("/v1/models/other", anthropic)["error"]["type"],
        "not_found_error"
    );
    assert_eq!(
        server.get("/v1beta/models/other", "")["error"]["status"],
        "NOT_FOUND"
    );
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_in_every_vendors_own_words() {
    let text = prompt(50, 50);
    let whole = tokens(&text) + TEMPLATE_TOKENS;
    let server = Server::start("perfect,window=100");
    let said = |vendor: Vendor, more: Value| {
        let (path, mut body) = vendor.question(&[("user", &text)], true, 64);
        for (field, value) in more.as_object().expect("fields") {
            body[field] = value.clone();
        }
        let reply = server.post(&path, &body);
        assert_eq!(reply.status, 400);
        reply.json()
    };
    let chat = said(Vendor::Chat, json!({}));
    assert_eq!(chat["error"]["n_prompt_tokens"], whole);
    let responses = said(Vendor::Responses, json!({}));
    assert_eq!(responses["error"]["code"], "context_length_exceeded");
    let anthropic = said(Vendor::Anthropic, json!({}));
    assert_eq!(
        anthropic["error"]["message"],
        format!("prompt is too long: {whole} tokens > 100 maximum")
    );
    let gemini = said(Vendor::Gemini, json!({}));
    assert_eq!(
        gemini["error"]["message"],
        format!(
            "The input token count ({whole}) exceeds the maximum number of tokens allowed (100)."
        )
    );
    // llama-server's refusal, handed on as a text.
    let ollama = said(Vendor::Ollama, json!({ "truncate": false }));
    let inner = ollama["error"].as_str().expect("a text");
    let inner: Value = serde_json::from_str(inner).expect("JSON");
    assert_eq!(inner["error"]["n_ctx"], 100);
    let ollama = said(Vendor::Ollama, json!({ "shift": false }));
    let words = ollama["error"].as_str().expect("a text");
    assert!(
        words.starts_with("the prompt is longer than the context length"),
        "{words}"
    );
}

#[test]
fn a_chat_that_does_not_fit_is_refused_in_the_words_of_any_server() {
    let text = prompt(50, 50);
    let whole = tokens(&text) + TEMPLATE_TOKENS;
    for (name, status, words) in [
        (
            "openai",
            400,
            format!("However, your messages resulted in {whole} tokens"),
        ),
        (
            "vllm",
            400,
            "your prompt contains at least 101 input tokens".into(),
        ),
        (
            "sglang",
            400,
            format!("The input ({whole} tokens) is longer than the model's"),
        ),
        (
            "tgi",
            422,
            format!("must be <= 100. Given: {whole} `inputs` tokens"),
        ),
        (
            "openrouter",
            400,
            format!("you requested about {whole} tokens"),
        ),
        (
            "xai",
            400,
            format!("is 100 but the request contains {whole} tokens"),
        ),
        (
            "groq",
            400,
            "Please reduce the length of the messages".into(),
        ),
        (
            "mistral",
            400,
            format!("Prompt contains {whole} tokens, too large"),
        ),
        ("bedrock", 400, "Input is too long".into()),
        ("cerebras", 400, String::new()),
    ] {
        let server = Server::start(&format!("perfect,window=100,words={name}"));
        let (path, body) = Vendor::Chat.question(&[("user", &text)], true, 64);
        let reply = server.post(&path, &body);
        assert_eq!((reply.status, reply.end), (status, End::Whole), "{name}");
        let said = reply.text();
        assert!(said.contains(&words), "{name}: {said}");
        assert!(
            said.is_empty() || reply.json().is_object(),
            "{name}: {said}"
        );
        let (path, body) = Vendor::Anthropic.question(&[("user", &text)], true, 64);
        let reply = server.post(&path, &body);
        assert!(reply.text().contains("prompt is too long"), "{name}");
    }
}

#[test]
fn anthropic_wants_a_version_and_a_budget_and_no_temperature_of_late() {
    use std::io::Write;
    let server = Server::start("perfect");
    let ask = |header: &str, body: Value| {
        let body = body.to_string();
        let mut stream = server.connect();
        write!(
            stream,
            "POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}Content-Length: \
             {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let reply = crate::asked::Reply::read(stream, std::time::Duration::from_secs(60));
        (reply.status, reply.json()["error"]["message"].clone())
    };
    let messages = json!([{ "role": "user", "content": "Hello." }]);
    let old = "anthropic-version: 2023-06-01\r\n";
    let new = "Anthropic-Version: 2026-10-21\r\n";
    let full = json!({ "messages": messages, "max_tokens": 9, "temperature": 1.0 });
    assert_eq!(ask(old, full.clone()), (200, Value::Null));
    let refused = "temperature: Extra inputs are not permitted";
    assert_eq!(ask(new, full.clone()), (400, refused.into()));
    assert_eq!(
        ask("", full),
        (400, "anthropic-version: header is required".into())
    );
    let open = json!({ "messages": messages });
    assert_eq!(ask(old, open), (400, "max_tokens: Field required".into()));
}

#[test]
fn ollama_loads_the_window_that_is_asked_for_and_keeps_half_of_it() {
    let server = Server::start("perfect,window=4Ki,advertised=128k");
    assert_eq!(server.get("/api/ps", "")["models"], json!([]));
    assert_eq!(
        server.get("/api/version", "")["version"]
            .as_str()
            .map(str::is_empty),
        Some(false)
    );
    let shown = server.post("/api/show", &json!({ "model": "m" })).json();
    assert_eq!(shown["model_info"]["sim.context_length"], 128_000);
    let loaded = |server: &Server| server.get("/api/ps", "")["models"][0]["context_length"].clone();
    let load = json!({ "model": "m", "messages": [], "options": { "num_ctx": 512 } });
    assert_eq!(
        server.post("/api/chat", &load).json()["done_reason"],
        "load"
    );
    assert_eq!(loaded(&server), 512);
    let text = prompt(600, 10);
    let whole = tokens(&text) + TEMPLATE_TOKENS;
    assert!(whole > 4_096);
    let ask = |options: Value, text: &str| {
        let (path, mut body) = Vendor::Ollama.question(&[("user", text)], true, 64);
        for (name, value) in options.as_object().expect("options") {
            body["options"][name] = value.clone();
        }
        Vendor::Ollama.hear(&server.post(&path, &body))
    };
    for (options, window, prompt) in [
        (json!({ "num_ctx": 512 }), 512, 512 - (512 - 5) / 2),
        (
            json!({ "num_ctx": 1000, "num_keep": 24 }),
            1_000,
            1_000 - (1_000 - 25) / 2,
        ),
        // No model is loaded with more than it has; without a wish it is loaded with all of it.
        (json!({ "num_ctx": 100_000 }), 4_096, 2_051),
        (json!({}), 4_096, 2_051),
    ] {
        let heard = ask(options, &text);
        assert_eq!(heard.usage.map(|usage| usage.0), Some(prompt));
        assert_eq!(heard.text, VALUE);
        assert_eq!(loaded(&server), window);
    }
    // The fact stood in the front, and the front is gone.
    assert_eq!(ask(json!({}), &crate::prompt(10, 600)).text, crate::NO_IDEA);
    // Older messages go before the last one is cut.
    let messages = [
        ("user", text.as_str()),
        ("assistant", "Yes."),
        ("user", "Hello there."),
    ];
    let (path, body) = Vendor::Ollama.question(&messages, true, 64);
    let heard = Vendor::Ollama.hear(&server.post(&path, &body));
    let left = tokens("Yes.") + tokens("Hello there.") + TEMPLATE_TOKENS;
    assert_eq!(heard.usage.map(|usage| usage.0), Some(left));
}

#[test]
fn refusals_come_with_real_bodies_and_ask_for_a_wait_in_every_form() {
    for vendor in VENDORS {
        for status in [400, 401, 403, 404, 413, 429, 500, 503, 504, 529] {
            let server = Server::start(&format!("perfect,fault=status={status}"));
            let (path, body) = vendor.question(&[("user", "Hello.")], true, 64);
            let reply = server.post(&path, &body);
            assert_eq!(reply.status, status, "{vendor:?}");
            if status == 413 && vendor != Vendor::Anthropic {
                assert_eq!(reply.header("content-type"), Some("text/html"));
                assert!(reply.text().contains("413 Request Entity Too Large"));
                continue;
            }
            let error = reply.json();
            let words = match vendor {
                Vendor::Ollama => &error["error"],
                _ => &error["error"]["message"],
            };
            assert!(
                words.as_str().is_some_and(|words| words.len() > 5),
                "{error}"
            );
            if vendor == Vendor::Gemini {
                assert_eq!(error["error"]["code"], status);
            }
        }
    }
    let server = Server::start("perfect,fault=status=429");
    let (path, body) = Vendor::Chat.question(&[("user", "Hello.")], true, 64);
    let mut forms = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let reply = server.post(&path, &body);
        let wait = reply.header("retry-after").map(str::to_owned);
        let ms = reply.header("retry-after-ms").map(|ms| format!("{ms} ms"));
        forms.insert(match wait.or(ms) {
            Some(date) if date.ends_with("GMT") => {
                let then = jiff::fmt::rfc2822::parse(&date)
                    .expect("an HTTP date")
                    .timestamp();
                let ahead = then.as_second() - jiff::Timestamp::now().as_second();
                assert!((-30..=1).contains(&ahead), "{date}");
                "a date".to_owned()
            }
            other => other.unwrap_or_default(),
        });
    }
    let expected = ["", "0", "0.5", "1", "250 ms", "a date"];
    assert_eq!(forms.into_iter().collect::<Vec<_>>(), expected);
    let server = Server::start("perfect,fault=minute=100");
    let (path, body) = Vendor::Chat.question(&[("user", &prompt(50, 50))], true, 64);
    let whole = tokens(&prompt(50, 50)) + TEMPLATE_TOKENS;
    let reply = server.post(&path, &body);
    let words = reply.json()["error"]["message"].to_string();
    assert_eq!(reply.status, 429);
    assert!(
        words.contains(&format!("Limit 100, Requested {whole}")),
        "{words}"
    );
    let (path, body) = Vendor::Chat.question(&[("user", "Hello.")], true, 64);
    assert_eq!(server.post(&path, &body).status, 200);
}
