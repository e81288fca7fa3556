//! Reads a chat-completions request out of its bytes, slice by slice, with one copy of the text.
//!
//! A general JSON parser needs the body in one piece and copies a string with escapes twice: at
//! ten million tokens that is 130 MB a request. This one walks the slices as they came off the
//! wire and unescapes the messages straight into the text.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use std::ops::Range;

/// Nesting beyond which a body is refused; `serde_json` draws the same line.
const MAX_NESTING: u32 = 127;

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
        let mut scanner = Scanner {
            slices,
            at: 0,
            passed_bytes: 0,
            nesting: 0,
        };
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
                        scanner.messages(&mut text, &mut request.messages)?;
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

/// A place in a list of slices.
struct Scanner<'a> {
    /// What is still to be read; the first slice from `at` on.
    slices: &'a [Bytes],
    at: usize,
    passed_bytes: usize,
    nesting: u32,
}

impl<'a> Scanner<'a> {
    fn offset(&self) -> usize {
        self.passed_bytes + self.at
    }

    /// The rest of the current slice; empty only at the very end.
    fn rest(&mut self) -> &'a [u8] {
        while let [first, others @ ..] = self.slices {
            if self.at < first.len() {
                return &first[self.at..];
            }
            self.passed_bytes += first.len();
            self.at = 0;
            self.slices = others;
        }
        &[]
    }

    fn peek(&mut self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn next(&mut self) -> Result<u8> {
        let byte = self.peek().context("the JSON breaks off")?;
        self.at += 1;
        Ok(byte)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        let got = self.next()?;
        ensure!(
            got == wanted,
            "`{}` stands where `{}` was expected",
            got.escape_ascii(),
            wanted.escape_ascii()
        );
        Ok(())
    }

    /// One level deeper for the length of a list or object.
    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.nesting += 1;
        ensure!(self.nesting <= MAX_NESTING, "the JSON is nested too deeply");
        inside(self)?;
        self.nesting -= 1;
        Ok(())
    }

    /// Reads an object, calling `field` with each key, in front of its value.
    fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.nested(|scanner| {
            scanner.expect(b'{')?;
            scanner.items(b'}', |scanner| {
                let mut key = Vec::new();
                scanner.string(&mut key)?;
                let key = String::from_utf8(key).context("a field's name is no UTF-8")?;
                scanner.blank();
                scanner.expect(b':')?;
                scanner.blank();
                field(scanner, &key)
            })
        })
    }

    /// Reads a list, calling `item` in front of each of its values.
    fn list(&mut self, item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.nested(|scanner| {
            scanner.expect(b'[')?;
            scanner.items(b']', item)
        })
    }

    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.blank();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            item(self)?;
            self.blank();
            match self.next()? {
                b',' => {}
                other if other == end => return Ok(()),
                other => bail!("`{}` stands between two values", other.escape_ascii()),
            }
        }
    }

    fn messages(&mut self, text: &mut Vec<u8>, messages: &mut Vec<Range<usize>>) -> Result<()> {
        ensure!(self.peek() == Some(b'['), "`messages` is no list");
        self.list(|scanner| {
            ensure!(scanner.peek() == Some(b'{'), "a message is no object");
            let start = text.len();
            scanner.object(|scanner, key| {
                if key != "content" {
                    return scanner.skip();
                }
                text.truncate(start);
                match scanner.peek() {
                    Some(b'"') => scanner.string(text),
                    Some(b'[') => scanner.list(|scanner| scanner.part(text)),
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
    fn part(&mut self, text: &mut Vec<u8>) -> Result<()> {
        ensure!(self.peek() == Some(b'{'), "a content part is no object");
        let start = text.len();
        self.object(|scanner, key| {
            if key == "text" && scanner.peek() == Some(b'"') {
                text.truncate(start);
                return scanner.string(text);
            }
            scanner.skip()
        })
    }

    /// Reads a string and appends it unescaped.
    fn string(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.expect(b'"')?;
        loop {
            let rest = self.rest();
            ensure!(!rest.is_empty(), "the JSON breaks off within a string");
            let stop = memchr::memchr2(b'"', b'\\', rest);
            let plain = &rest[..stop.unwrap_or(rest.len())];
            ensure!(
                !plain.iter().any(|&byte| byte < 0x20),
                "a control character stands unescaped in a string"
            );
            out.extend_from_slice(plain);
            self.at += plain.len();
            if stop.is_some() {
                match self.next()? {
                    b'"' => return Ok(()),
                    _ => self.escape(out)?,
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let byte = match self.next()? {
            b'u' => {
                let symbol = self.unicode()?;
                out.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            same @ (b'"' | b'\\' | b'/') => same,
            other => bail!("`\\{}` is no escape", other.escape_ascii()),
        };
        out.push(byte);
        Ok(())
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            let second = self.hex()?;
            ensure!(
                (0xdc00..0xe000).contains(&second),
                "half a surrogate pair is escaped"
            );
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).context("half a surrogate pair is escaped")
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16);
            code = code << 4 | digit.context("`\\u` needs four hexadecimal digits")?;
        }
        Ok(code)
    }

    fn flag(&mut self) -> Result<bool> {
        match self.peek() {
            Some(b't') => self.word(b"true").map(|()| true),
            Some(b'f') => self.word(b"false").map(|()| false),
            Some(b'n') => self.word(b"null").map(|()| false),
            _ => bail!("true or false was expected"),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    /// A number that must be whole, or null.
    fn whole_number(&mut self, field: &str) -> Result<Option<u64>> {
        if self.peek() == Some(b'n') {
            return self.word(b"null").map(|()| None);
        }
        let number = self.number()?;
        let whole = number
            .parse()
            .with_context(|| format!("`{field}` is {number}: it must be a whole number"))?;
        Ok(Some(whole))
    }

    fn number(&mut self) -> Result<String> {
        let mut number = String::new();
        let sign = self.peek() == Some(b'-');
        if sign {
            self.take(&mut number)?;
        }
        if self.peek() == Some(b'0') {
            self.take(&mut number)?;
        } else {
            self.digits(&mut number)?;
        }
        if self.peek() == Some(b'.') {
            self.take(&mut number)?;
            self.digits(&mut number)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.take(&mut number)?;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.take(&mut number)?;
            }
            self.digits(&mut number)?;
        }
        let value: f64 = number.parse().context("a number cannot be read")?;
        ensure!(value.is_finite(), "a number is out of range");
        Ok(number)
    }

    fn take(&mut self, number: &mut String) -> Result<()> {
        number.push(char::from(self.next()?));
        Ok(())
    }

    fn digits(&mut self, number: &mut String) -> Result<()> {
        let before = number.len();
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.take(number)?;
        }
        ensure!(number.len() > before, "a value was expected");
        Ok(())
    }

    /// Reads past one value of any kind.
    fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(|scanner, _| scanner.skip()),
            Some(b'[') => self.list(Scanner::skip),
            Some(b'"') => {
                let mut text = Vec::new();
                self.string(&mut text)?;
                ensure!(std::str::from_utf8(&text).is_ok(), "a text is no UTF-8");
                Ok(())
            }
            Some(b't' | b'f' | b'n') => self.flag().map(|_| ()),
            _ => self.number().map(|_| ()),
        }
    }
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
