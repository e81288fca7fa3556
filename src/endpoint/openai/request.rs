//! A question as the body of a chat completion: a head, the rope's own slices, and a tail.

use crate::endpoint::Ask;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::wire::Body;
use crate::rope::{Rope, escape};
use bytes::Bytes;
use std::fmt::Write;

/// The longest single string that api.openai.com accepts is 10,485,760 characters. Counted here
/// in escaped bytes, of which there are never fewer than characters, so that no text need be read.
pub const STRING_LIMIT_BYTES: usize = 10_485_760;

/// How the fields beside the prompt are sent. A field that a server refuses is changed once and
/// stays changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// `max_completion_tokens` in place of `max_tokens`.
    pub renamed_budget: bool,
    /// No `temperature`.
    pub no_temperature: bool,
    /// No `stream_options`.
    pub no_stream_options: bool,
}

impl Shape {
    /// What is left out or renamed, in words.
    pub fn adaptations(&self) -> Vec<String> {
        let told = [
            (
                self.renamed_budget,
                "the server refused max_tokens: sent as max_completion_tokens",
            ),
            (
                self.no_temperature,
                "the server refused temperature: left out, so its default applies",
            ),
            (
                self.no_stream_options,
                "the server refused stream_options: left out, so usage may be missing",
            ),
        ];
        let changed = told.iter().filter(|(changed, _)| *changed);
        changed.map(|(_, words)| (*words).to_owned()).collect()
    }

    /// The shape that the refusal asks for; none where it is about something else.
    pub fn adapted(&self, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
        if !matches!(refusal.status, 400 | 422) {
            return None;
        }
        let error = refusal.error();
        let words = error.words();
        if !REFUSING.iter().any(|phrase| words.contains(phrase)) {
            return None;
        }
        let names = |field: &str| match error.param.as_str() {
            "" => words.contains(field),
            param => param == field,
        };
        let mut shape = self.clone();
        if !self.renamed_budget && names("max_tokens") {
            shape.renamed_budget = true;
        } else if !self.no_temperature && ask.temperature.is_some() && names("temperature") {
            shape.no_temperature = true;
        } else if !self.no_stream_options && names("stream_options") {
            shape.no_stream_options = true;
        }
        (shape != *self).then_some(shape)
    }
}

/// Words that say that a field is not known, as against a value out of range.
const REFUSING: &[&str] = &[
    "unsupported",
    "not supported",
    "not support",
    "not permitted",
    "not allowed",
    "unknown",
    "unrecognized",
    "unexpected",
    "extra_forbidden",
    "deprecated",
    "only the default",
];

/// Encodes a question. The prompt's slices are shared, never copied. `string_limit_bytes` cuts
/// the prompt into several text parts, between pieces wherever pieces are short enough.
pub fn encode(model: &str, ask: &Ask, shape: &Shape, string_limit_bytes: Option<usize>) -> Body {
    let mut head = format!("{{\"model\":\"{}\",\"messages\":[", escape(model));
    if let Some(system) = &ask.system {
        let _ = write!(
            head,
            "{{\"role\":\"system\",\"content\":\"{}\"}},",
            escape(system)
        );
    }
    head.push_str("{\"role\":\"user\",\"content\":");
    let parts = match string_limit_bytes {
        Some(limit) if ask.prompt.json_bytes() > limit as u64 => split(&ask.prompt, limit),
        _ => vec![
            ask.prompt
                .pieces()
                .iter()
                .map(|piece| piece.json.clone())
                .collect(),
        ],
    };
    let mut slices = Vec::with_capacity(ask.prompt.pieces().len() + parts.len() + 2);
    let (open, between, close) = if parts.len() > 1 {
        let open = "[{\"type\":\"text\",\"text\":\"";
        (open, "\"},{\"type\":\"text\",\"text\":\"", "\"}]")
    } else {
        ("\"", "", "\"")
    };
    head.push_str(open);
    slices.push(Bytes::from(head));
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            slices.push(Bytes::from_static(between.as_bytes()));
        }
        slices.extend(part);
    }
    let mut tail = format!("{close}}}],\"stream\":true");
    if !shape.no_stream_options {
        tail.push_str(",\"stream_options\":{\"include_usage\":true}");
    }
    let budget = if shape.renamed_budget {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    let _ = write!(tail, ",\"{budget}\":{}", ask.max_output_tokens);
    if let Some(temperature) = ask
        .temperature
        .filter(|t| t.is_finite() && !shape.no_temperature)
    {
        let _ = write!(tail, ",\"temperature\":{temperature}");
    }
    if let Some(effort) = &ask.reasoning {
        let _ = write!(tail, ",\"reasoning_effort\":\"{}\"", escape(effort));
    }
    tail.push('}');
    slices.push(Bytes::from(tail));
    Body { slices }
}

fn split(prompt: &Rope, limit: usize) -> Vec<Vec<Bytes>> {
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
    use crate::rope::Piece;
    use serde_json::{Value, json};

    fn ask(prompt: Rope) -> Ask {
        Ask {
            system: None,
            prompt,
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
        let body = read(&encode("a/b \"c\"", &question, &Shape::default(), None));
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
        };
        assert_eq!(
            read(&encode("m", &question, &shape, None)),
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
    fn a_prompt_of_forty_megabytes_is_not_copied() {
        let corpus = Bytes::from(vec![b'a'; 40_000_000]);
        let mut rope = Rope::of("start ");
        rope.push(Piece {
            raw: corpus.clone(),
            json: corpus.clone(),
        });
        let body = encode("m", &ask(rope), &Shape::default(), None);
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
        let body = read(&encode("m", &ask(rope), &Shape::default(), Some(17)));
        assert_eq!(body["messages"][0]["content"][0]["text"], "one two\n");
    }

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal {
            status,
            body: body.to_owned(),
            ..Refusal::default()
        }
    }

    #[test]
    fn refused_fields_are_changed_once_and_values_out_of_range_are_not() {
        let question = ask(Rope::of("q"));
        let budget = refusal(
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
        );
        let warmth = refusal(
            400,
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","param":"temperature"}}"#,
        );
        let stream = refusal(
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        );
        let mut shape = Shape::default();
        for (at, refused) in [&budget, &warmth, &stream].into_iter().enumerate() {
            shape = shape.adapted(refused, &question).expect("a remedy");
            assert_eq!(shape.adapted(refused, &question), None);
            assert_eq!(shape.adaptations().len(), at + 1);
        }
        let mut silent = question.clone();
        silent.temperature = None;
        assert_eq!(Shape::default().adapted(&warmth, &silent), None);
        for other in [
            refusal(
                400,
                r#"{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens.","param":"max_tokens"}}"#,
            ),
            refusal(
                400,
                r#"{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"}}"#,
            ),
            refusal(
                400,
                r#"{"error":{"message":"Unsupported parameter: 'reasoning_effort'","param":"reasoning_effort"}}"#,
            ),
            refusal(500, &budget.body),
        ] {
            assert_eq!(
                Shape::default().adapted(&other, &question),
                None,
                "{}",
                other.body
            );
        }
    }
}
