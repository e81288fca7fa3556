//! Reads a chat-completions request out of its bytes, slice by slice, with one copy of the text.

use super::json::Scanner;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use std::ops::Range;

/// What a chat-completions request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// The text of all messages in order, each followed by a newline that is not part of it.
    pub text: String,
    /// Where in `text` each message stands, in bytes. The text parts of one message stand
    /// together with nothing between them.
    pub messages: Vec<Range<usize>>,
    /// True where the answer is to come as server-sent events.
    pub stream: bool,
    /// True where the events are to end with the token accounts.
    pub include_usage: bool,
    /// Output budget in tokens.
    pub max_tokens: Option<u64>,
}

impl ChatRequest {
    /// Reads a body. Errors say what is wrong with it and where.
    pub fn read(slices: &[Bytes]) -> Result<ChatRequest> {
        let mut scanner = Scanner::new(slices);
        let mut request = ChatRequest::default();
        let mut text = Vec::with_capacity(slices.iter().map(Bytes::len).sum());
        let mut has_messages = false;
        scanner.blank();
        ensure!(scanner.peek() == Some(b'{'), "the body is no JSON object");
        scanner
            .object(|scanner, key| {
                match key {
                    "messages" => {
                        has_messages = true;
                        request.messages.clear();
                        text.clear();
                        self::messages(scanner, &mut text, &mut request.messages)?;
                    }
                    "stream" => request.stream = scanner.flag()?,
                    "stream_options" => {
                        if scanner.peek() != Some(b'{') {
                            return scanner.skip();
                        }
                        scanner.object(|scanner, key| {
                            match key {
                                "include_usage" => request.include_usage = scanner.flag()?,
                                _ => scanner.skip()?,
                            }
                            Ok(())
                        })?;
                    }
                    "max_tokens" | "max_completion_tokens" => {
                        if let Some(budget) = scanner.whole_number(key)? {
                            let tightest = request.max_tokens.unwrap_or(u64::MAX);
                            request.max_tokens = Some(budget.min(tightest));
                        }
                    }
                    _ => scanner.skip()?,
                }
                Ok(())
            })
            .with_context(|| format!("at byte {}", scanner.offset()))?;
        scanner.blank();
        ensure!(scanner.peek().is_none(), "text follows the JSON object");
        ensure!(has_messages, "the request has no `messages`");
        request.text = String::from_utf8(text).context("a message is no UTF-8")?;
        Ok(request)
    }
}

/// Reads the list of messages and appends their texts, each followed by a newline.
fn messages(
    scanner: &mut Scanner<'_>,
    text: &mut Vec<u8>,
    messages: &mut Vec<Range<usize>>,
) -> Result<()> {
    ensure!(scanner.peek() == Some(b'['), "`messages` is no list");
    scanner.list(|scanner| {
        ensure!(scanner.peek() == Some(b'{'), "a message is no object");
        let start = text.len();
        scanner.object(|scanner, key| {
            if key != "content" {
                return scanner.skip();
            }
            text.truncate(start);
            match scanner.peek() {
                Some(b'"') => scanner.string(text),
                Some(b'[') => scanner.list(|scanner| part(scanner, text)),
                Some(b'n') => scanner.skip(),
                _ => bail!("the content of a message is neither text nor a list of parts"),
            }
        })?;
        messages.push(start..text.len());
        text.push(b'\n');
        Ok(())
    })
}

/// One part of a message's content. Parts that are no text (images, sounds) say nothing here.
fn part(scanner: &mut Scanner<'_>, text: &mut Vec<u8>) -> Result<()> {
    ensure!(scanner.peek() == Some(b'{'), "a content part is no object");
    let start = text.len();
    scanner.object(|scanner, key| {
        if key == "text" && scanner.peek() == Some(b'"') {
            text.truncate(start);
            return scanner.string(text);
        }
        scanner.skip()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(body: &[u8]) -> Result<ChatRequest> {
        ChatRequest::read(&[Bytes::copy_from_slice(body)])
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
        assert!(request.stream && request.include_usage);
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
            assert_eq!(ChatRequest::read(&slices).expect("a good request"), whole);
        }
    }

    #[test]
    fn an_error_says_at_which_byte_however_the_body_was_sliced() {
        let body = br#"{"messages":[{"content":"some text"}], x}"#;
        for every in 1..body.len() {
            let error = ChatRequest::read(&torn(body, every)).expect_err("no field");
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
            let got = ChatRequest::read(&torn(&bytes.expect("JSON"), every)).ok();
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
}
