//! A question as the body of a chat completion: a head, the rope's own slices, and a tail.

use crate::endpoint::letter::Letter;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Body;
use crate::endpoint::{Ask, Side};
use crate::rope::{Rope, escape};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The longest single string that api.openai.com accepts is 10,485,760 characters. Counted here
/// in escaped bytes, of which there are never fewer than characters, so that no text need be read.
pub const STRING_LIMIT_BYTES: usize = 10_485_760;

/// Encodes a question. The slices of prompt and earlier turns are shared, never copied.
/// `string_limit_bytes` cuts each of them into several text parts, between pieces wherever pieces
/// are short enough; `params` are the user's own fields, which win.
pub fn encode(
    model: &str,
    ask: &Ask,
    shape: &Shape,
    string_limit_bytes: Option<usize>,
    params: &[(String, Value)],
) -> Body {
    let mut head = format!("{{\"model\":\"{}\",\"messages\":[", escape(model));
    if let Some(system) = &ask.system {
        let _ = write!(
            head,
            "{{\"role\":\"system\",\"content\":\"{}\"}},",
            escape(system)
        );
    }
    let mut letter = Letter::new(head);
    for turn in &ask.earlier {
        let role = role(turn.side);
        letter = message(letter, role, &turn.text, "text", string_limit_bytes).text(",");
    }
    letter = message(letter, "user", &ask.prompt, "text", string_limit_bytes).text("]");
    let mut fields = Map::new();
    fields.insert("stream".into(), true.into());
    if !shape.no_stream_options {
        fields.insert("stream_options".into(), json!({"include_usage": true}));
    }
    let budget = if shape.renamed_budget {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    fields.insert(budget.into(), ask.max_output_tokens.into());
    if let Some(temperature) = ask.temperature.filter(|_| !shape.no_temperature) {
        fields.insert("temperature".into(), number(temperature));
    }
    if let Some(effort) = &ask.reasoning {
        fields.insert("reasoning_effort".into(), effort.as_str().into());
    }
    letter.sealed(fields, params)
}

/// The name of a side of the conversation.
pub fn role(side: Side) -> &'static str {
    match side {
        Side::User => "user",
        Side::Model => "assistant",
    }
}

/// Writes a message: its text as one string, or as parts of a kind where it is longer than the
/// limit.
pub fn message(
    letter: Letter,
    role: &str,
    text: &Rope,
    kind: &str,
    string_limit_bytes: Option<usize>,
) -> Letter {
    let mut letter = letter.text(format!("{{\"role\":\"{role}\",\"content\":"));
    match string_limit_bytes {
        Some(limit) if text.json_bytes() > limit as u64 => {
            for (at, part) in split(text, limit).into_iter().enumerate() {
                let between = if at == 0 { "[" } else { "\"}," };
                letter = letter.text(format!("{between}{{\"type\":\"{kind}\",\"text\":\""));
                letter = letter.slices(part);
            }
            letter.text("\"}]}")
        }
        _ => letter.text("\"").rope(text).text("\"}"),
    }
}

/// Whole numbers without a point: some servers refuse `0.0` where others refuse nothing.
pub fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

/// Cuts a prompt into parts of at most `limit` escaped bytes, between pieces wherever these are
/// short enough, never inside an escape.
pub fn split(prompt: &Rope, limit: usize) -> Vec<Vec<Bytes>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut part_bytes = 0;
    for piece in prompt.pieces() {
        let mut rest = piece.json.clone();
        if part_bytes > 0 && part_bytes + rest.len() > limit {
            parts.push(std::mem::take(&mut part));
            part_bytes = 0;
        }
        while rest.len() > limit {
            let at = safe_cut(&rest, limit);
            parts.push(vec![rest.split_to(at)]);
        }
        part_bytes += rest.len();
        part.push(rest);
    }
    parts.push(part);
    parts
}

/// Where escaped text may be cut, at most `limit` in: before a space, or before a character
/// beyond ASCII, neither of which is ever inside an escape.
fn safe_cut(json: &[u8], limit: usize) -> usize {
    let cuttable = |byte: &u8| *byte == b' ' || *byte >= 0xC0;
    if let Some(at) = json[1..=limit].iter().rposition(cuttable) {
        return at + 1;
    }
    let mut at = 0;
    loop {
        let step = match (json[at], json.get(at + 1)) {
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => 1,
        };
        if at + step > limit {
            return at.max(1);
        }
        at += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Turn;
    use crate::rope::Piece;

    fn ask(prompt: Rope) -> Ask {
        Ask {
            system: None,
            earlier: Vec::new(),
            prompt,
            shared_pieces: 0,
            max_output_tokens: 64,
            temperature: Some(0.0),
            reasoning: None,
        }
    }

    fn read(body: &Body) -> Value {
        serde_json::from_slice(&body.slices.concat()).expect("valid JSON")
    }

    #[test]
    fn every_field_that_was_asked_for_is_sent_and_no_other() {
        let mut question = ask(Rope::of("say \"hi\"\n汉字"));
        let body = read(&encode(
            "a/b \"c\"",
            &question,
            &Shape::default(),
            None,
            &[],
        ));
        assert_eq!(
            body,
            json!({
                "model": "a/b \"c\"",
                "messages": [{"role": "user", "content": "say \"hi\"\n汉字"}],
                "stream": true,
                "stream_options": {"include_usage": true},
                "max_tokens": 64,
                "temperature": 0,
            })
        );
        question.system = Some("be\nbrief".to_owned());
        question.temperature = None;
        question.reasoning = Some("low".to_owned());
        let shape = Shape {
            renamed_budget: true,
            no_temperature: false,
            no_stream_options: true,
            ..Shape::default()
        };
        assert_eq!(
            read(&encode("m", &question, &shape, None, &[])),
            json!({
                "model": "m",
                "messages": [
                    {"role": "system", "content": "be\nbrief"},
                    {"role": "user", "content": "say \"hi\"\n汉字"},
                ],
                "stream": true,
                "max_completion_tokens": 64,
                "reasoning_effort": "low",
            })
        );
    }

    #[test]
    fn earlier_turns_stand_before_the_prompt_in_order_and_are_not_copied() {
        let mut question = ask(Rope::of("and \"now\"?"));
        let long = Bytes::from(vec![b'a'; 1_000_000]);
        let mut told = Rope::of("so:\n");
        told.push(Piece {
            raw: long.clone(),
            json: long.clone(),
        });
        question.system = Some("s".to_owned());
        question.earlier = vec![
            Turn {
                side: Side::User,
                text: Rope::of("first\n"),
            },
            Turn {
                side: Side::Model,
                text: told,
            },
        ];
        let body = encode("m", &question, &Shape::default(), None, &[]);
        assert!(
            body.slices
                .iter()
                .any(|slice| slice.as_ptr() == long.as_ptr())
        );
        let head = concat!(
            r#"{"model":"m","messages":[{"role":"system","content":"s"},"#,
            r#"{"role":"user","content":"first\n"},{"role":"assistant","content":"so:\n"#,
        );
        let tail = concat!(
            r#""},{"role":"user","content":"and \"now\"?"}],"stream":true,"#,
            r#""stream_options":{"include_usage":true},"max_tokens":64,"temperature":0}"#,
        );
        let written = String::from_utf8(body.slices.concat()).expect("UTF-8");
        assert_eq!(written, format!("{head}{}{tail}", "a".repeat(1_000_000)));
        // Each text is held against the limit by itself.
        let body = read(&encode(
            "m",
            &question,
            &Shape::default(),
            Some(600_000),
            &[],
        ));
        let parts = body["messages"][2]["content"].as_array().expect("parts");
        let texts = parts.iter().filter_map(|part| part["text"].as_str());
        let lengths: Vec<usize> = texts.map(str::len).collect();
        assert_eq!(lengths, [4, 600_000, 400_000]);
        assert_eq!(body["messages"][1]["content"], "first\n");
    }

    #[test]
    fn a_prompt_of_forty_megabytes_is_not_copied() {
        let corpus = Bytes::from(vec![b'a'; 40_000_000]);
        let mut rope = Rope::of("start ");
        rope.push(Piece {
            raw: corpus.clone(),
            json: corpus.clone(),
        });
        let body = encode("m", &ask(rope), &Shape::default(), None, &[]);
        assert_eq!(body.slices.len(), 4);
        assert_eq!(body.slices[2].as_ptr(), corpus.as_ptr());
        assert_eq!(body.slices[2].len(), corpus.len());
        let ours: usize = [0, 1, 3].iter().map(|at| body.slices[*at].len()).sum();
        assert!(ours < 300, "{ours} bytes beside the corpus");
    }

    #[test]
    fn long_prompts_are_cut_between_pieces_and_never_inside_an_escape() {
        let mut rope = Rope::new();
        for text in [
            "one two\n",
            "three \"four\"",
            " five",
            "\u{1}\u{2}\u{3}\"\"\"\"",
            "汉字漢字 é",
        ] {
            rope.push(Piece::of(text));
        }
        let whole = rope.text();
        for limit in 6..80 {
            let body = read(&encode(
                "m",
                &ask(rope.clone()),
                &Shape::default(),
                Some(limit),
                &[],
            ));
            let content = &body["messages"][0]["content"];
            if rope.json_bytes() <= limit as u64 {
                assert_eq!(content, &json!(whole));
                continue;
            }
            let parts = content.as_array().expect("parts");
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            assert_eq!(texts.concat(), whole, "limit {limit}");
            assert!(
                texts.iter().all(|text| escape(text).len() <= limit),
                "limit {limit}"
            );
            assert!(parts.iter().all(|part| part["type"] == "text"));
        }
        let body = read(&encode("m", &ask(rope), &Shape::default(), Some(17), &[]));
        assert_eq!(body["messages"][0]["content"][0]["text"], "one two\n");
    }
}
