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
    }
}
