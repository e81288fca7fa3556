//! The request readers against `serde_json`, in slices of any size.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(body: &[u8]) -> Result<ChatRequest> {
    ChatRequest::read(Dialect::Chat, &[Bytes::copy_from_slice(body)])
}

/// Cuts a body at every so many bytes.
fn torn(body: &[u8], every: usize) -> Vec<Bytes> {
    body.chunks(every).map(Bytes::copy_from_slice).collect()
}

/// The texts of the messages as `serde_json` reads them; `None` where they are no messages.
fn expected(value: &Value) -> Option<Vec<String>> {
    let text = |content: &Value| match content {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| {
                Some(
                    part.as_object()?
                        .get("text")
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                )
            })
            .collect(),
        _ => None,
    };
    let messages = value.as_object()?.get("messages")?.as_array()?;
    let content = |message: &Value| match message.as_object()?.get("content") {
        Some(content) => text(content),
        None => Some(String::new()),
    };
    messages.iter().map(content).collect()
}

fn texts(request: &ChatRequest) -> Vec<String> {
    request
        .messages
        .iter()
        .map(|message| request.text[message.clone()].to_owned())
        .collect()
}

#[test]
fn a_request_says_what_it_wants() {
    let request = read(
        br#" {"model":"m","temperature":0.0,"max_completion_tokens":64,"max_tokens":32,
        "messages":[{"content":"be brief","role":"system"},{"role":"user","content":"caf\u00e9 \ud83d\ude00\n"}],
        "stream":true,"stream_options":{"x":[1,{"y":null}],"include_usage":true}} "#,
    )
    .expect("a good request");
    assert_eq!(texts(&request), ["be brief", "café 😀\n"]);
    assert!(request.stream == Some(true) && request.include_usage);
    assert_eq!(request.max_tokens, Some(32));
}

#[test]
fn a_request_read_in_slices_of_any_size_is_the_same() {
    let body = json!({
        "messages": [{ "role": "user", "content": "quote \" back \\ 汉字 😀 \u{7}\r\n" }],
        "max_tokens": 12345,
        "stream": true,
    });
    let escaped = body.to_string().replace("😀", "\\ud83d\\ude00");
    let whole = read(escaped.as_bytes()).expect("a good request");
    assert_eq!(texts(&whole), expected(&body).expect("messages"));
    for every in 1..escaped.len() {
        let slices = torn(escaped.as_bytes(), every);
        assert_eq!(
            ChatRequest::read(Dialect::Chat, &slices).expect("a good request"),
            whole
        );
    }
}

#[test]
fn an_error_says_at_which_byte_however_the_body_was_sliced() {
    let body = br#"{"messages":[{"content":"some text"}], x}"#;
    for every in 1..body.len() {
        let error = ChatRequest::read(Dialect::Chat, &torn(body, every)).expect_err("no field");
        assert!(format!("{error:#}").starts_with("at byte 40:"), "{error:#}");
    }
}

#[test]
fn the_text_parts_of_a_message_stand_together() {
    let request = read(
        br#"{"messages":[{"role":"user","content":[{"type":"text","text":"one "},
        {"type":"image_url","image_url":{"url":"data:"}},{"text":"two","type":"text"},{"type":"text","text":""}]}]}"#,
    )
    .expect("a good request");
    assert_eq!(texts(&request), ["one two"]);
}

#[test]
fn what_is_no_request_is_refused_with_a_reason() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        r#"{"messages":null}"#,
        r#"{"messages":[1]}"#,
        r#"{"messages":[{"content":5}]}"#,
        r#"{"messages":[{"content":[1]}]}"#,
        r#"{"messages":[]} x"#,
        r#"{"messages":[],}"#,
        r#"{"messages":[],"stream":1}"#,
        r#"{"messages":[],"max_tokens":-1}"#,
        r#"{"messages":[],"max_tokens":1.5}"#,
        r#"{"messages":[],"a":01}"#,
        r#"{"messages":[],"a":1e999}"#,
        r#"{"messages":[],"a":tru}"#,
        r#"{"messages":[{"content":"\ud83d"}]}"#,
        r#"{"messages":[{"content":"\x"}]}"#,
        r#"{"messages":[{"content":"cut"#,
        "{\"messages\":[{\"content\":\"\n\"}]}",
    ] {
        let error = read(body.as_bytes()).expect_err(body);
        assert!(!format!("{error:#}").contains('\n'), "{error:#}");
    }
    assert!(read(b"{\"messages\":[{\"content\":\"\xff\"}]}").is_err());
    let deep = format!("{{\"messages\":[],\"a\":{}", "[".repeat(100_000));
    assert!(read(deep.as_bytes()).is_err());
}

/// The same two messages and the same wishes in every vendor's shape; the system's words stand
/// behind the others where the shape lets them.
fn shapes() -> Vec<(Dialect, Value)> {
    let parts = |kind: &str| json!([{ "type": kind, "text": "one " }, { "text": "two 汉字\n" }]);
    let system = json!({ "role": "system", "content": "be “brief”" });
    let user = |kind: &str| json!({ "role": "user", "content": parts(kind) });
    vec![
        (
            Dialect::Chat,
            json!({ "messages": [system, user("text")], "max_tokens": 9, "stream": true }),
        ),
        (
            Dialect::Responses,
            json!({
                "input": [user("input_text")], "max_output_tokens": 9, "stream": true,
                "instructions": "be “brief”", "truncation": "disabled",
            }),
        ),
        (
            Dialect::Anthropic,
            json!({
                "messages": [user("text")], "max_tokens": 9, "stream": true,
                "system": [{ "type": "text", "text": "be “brief”", "cache_control": null }],
            }),
        ),
        (
            Dialect::Gemini,
            json!({
                "contents": [{ "role": "user", "parts": [{ "text": "one " }, { "text": "two 汉字\n" }] }],
                "generationConfig": { "maxOutputTokens": 9, "temperature": 0.0 },
                "systemInstruction": { "role": "user", "parts": [{ "text": "be “brief”" }] },
            }),
        ),
        (
            Dialect::Ollama,
            json!({
                "messages": [system, { "role": "user", "content": "one two 汉字\n" }],
                "options": { "num_predict": 9, "temperature": 0.5 }, "stream": true,
            }),
        ),
    ]
}

#[test]
fn every_vendors_shape_says_the_same_in_slices_of_any_size() {
    for (dialect, body) in shapes() {
        let bytes = body.to_string().into_bytes();
        for every in 1..bytes.len() {
            let request = ChatRequest::read(dialect, &torn(&bytes, every)).expect("a request");
            assert_eq!(
                texts(&request),
                ["be “brief”", "one two 汉字\n"],
                "{dialect:?}"
            );
            assert_eq!(request.text, "be “brief”\none two 汉字\n\n");
            assert_eq!(request.system, [true, false], "{dialect:?}");
            assert_eq!(request.max_tokens, Some(9), "{dialect:?}");
            let streams = (dialect != Dialect::Gemini).then_some(true);
            assert_eq!(request.stream, streams, "{dialect:?}");
        }
        // What is another vendor's is none of this one's.
        let others = shapes().into_iter().filter(|(_, other)| *other != body);
        let strange = others.filter(|(_, other)| other.get(dialect.messages_field()).is_none());
        for (_, other) in strange {
            let other = Bytes::from(other.to_string());
            assert!(ChatRequest::read(dialect, &[other]).is_err(), "{dialect:?}");
        }
    }
}

#[test]
fn short_forms_and_a_vendors_own_wishes_are_read() {
    let read = |dialect, body: Value| {
        ChatRequest::read(dialect, &[Bytes::from(body.to_string())]).expect("a request")
    };
    let plain = read(Dialect::Responses, json!({ "input": "Hello." }));
    assert_eq!(
        (texts(&plain), plain.stream),
        (vec!["Hello.".to_owned()], None)
    );
    let drawn = read(
        Dialect::Anthropic,
        json!({ "top_k": 4, "temperature": 1, "messages": [], "system": null, "stream": null }),
    );
    assert_eq!(drawn.sampling.as_deref(), Some("top_k"));
    assert_eq!((drawn.messages.len(), drawn.stream), (0, None));
    let wish = read(
        Dialect::Ollama,
        json!({
            "messages": [], "truncate": false, "shift": false,
            "options": { "num_ctx": 4096, "num_keep": -1, "num_predict": -1 },
        }),
    );
    let expected = OllamaWish {
        num_ctx: Some(4_096),
        num_keep: None,
        no_truncate: true,
        no_shift: true,
    };
    assert_eq!((wish.ollama, wish.max_tokens), (expected, None));
    let open = read(
        Dialect::Ollama,
        json!({ "messages": [], "truncate": true, "shift": null }),
    );
    assert_eq!(open.ollama, OllamaWish::default());
    let bare = |body: Value| ChatRequest::read_prompt(&[Bytes::from(body.to_string())]);
    let prompt = bare(json!({ "prompt": "Hello." })).expect("a prompt");
    assert!(prompt.is_bare && texts(&prompt) == ["Hello."]);
    let chat = bare(json!({ "messages": [{ "content": "Hello." }] })).expect("a prompt");
    assert!(!chat.is_bare && texts(&chat) == ["Hello."]);
    assert!(bare(json!({ "prompt": 5 })).is_err());
    assert!(bare(json!({})).is_err());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("text".to_owned()),
        Just("content".to_owned()),
        any::<String>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_reads_what_serde_json_reads(
        contents in prop::collection::vec(value(), 0..4), other in value(), every in 1usize..40, pretty: bool,
    ) {
        let messages: Vec<Value> =
            contents.into_iter().map(|content| json!({ "role": "user", "content": content })).collect();
        let body = json!({ "other": other, "messages": messages, "last": other });
        let bytes = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) };
        let got = ChatRequest::read(Dialect::Chat, &torn(&bytes.expect("JSON"), every)).ok();
        prop_assert_eq!(got.as_ref().map(texts), expected(&body));
    }

    #[test]
    fn it_refuses_what_serde_json_refuses(
        other in value(), hole in any::<prop::sample::Index>(), put in prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[],:0-.eu/tn ".to_vec())],
    ) {
        let body = json!({ "a": other, "messages": [{ "content": "one\n😀" }, { "content": [{ "text": "two" }] }] });
        let mut bytes = serde_json::to_vec(&body).expect("JSON");
        let at = hole.index(bytes.len());
        bytes[at] = put;
        let got = read(&bytes).ok();
        let oracle = serde_json::from_slice::<Value>(&bytes).ok().as_ref().and_then(expected);
        prop_assert_eq!(got.as_ref().map(texts), oracle);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"{\"messages\":[{\"content\":\"", &bytes[..]].concat());
        for dialect in Dialect::ALL {
            let field = dialect.messages_field();
            let opened = format!("{{\"{field}\":[{{\"{}\":[{{\"text\":\"", dialect.content_field());
            let _ = ChatRequest::read(dialect, &[Bytes::from([opened.as_bytes(), &bytes].concat())]);
        }
    }
}
