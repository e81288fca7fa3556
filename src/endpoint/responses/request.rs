//! A question as the body of a response that is to be made.

use crate::endpoint::letter::Letter;
use crate::endpoint::openai::{message, number, role};
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Body;
use crate::endpoint::{Ask, Side, Turn};
use crate::rope::{Rope, escape};
use serde_json::{Map, Value, json};

/// Least output budget that is accepted.
const LEAST_OUTPUT_TOKENS: u64 = 16;

/// Encodes a question. The slices of prompt and earlier turns are shared, never copied.
/// `string_limit_bytes` cuts each of them into several text parts; `params` are the user's own
/// fields, which win.
pub fn encode(
    model: &str,
    ask: &Ask,
    shape: &Shape,
    string_limit_bytes: Option<usize>,
    params: &[(String, Value)],
) -> Body {
    let mut fields = Map::new();
    if let Some(system) = &ask.system {
        fields.insert("instructions".into(), system.as_str().into());
    }
    fields.insert("stream".into(), true.into());
    // Kept for thirty days otherwise.
    fields.insert("store".into(), false.into());
    // In words: vLLM cuts the prompt where the field is null.
    fields.insert("truncation".into(), "disabled".into());
    let budget = ask.max_output_tokens.max(LEAST_OUTPUT_TOKENS);
    fields.insert("max_output_tokens".into(), budget.into());
    if let Some(temperature) = ask.temperature.filter(|_| !shape.no_temperature) {
        fields.insert("temperature".into(), number(temperature));
    }
    if let Some(effort) = &ask.reasoning {
        fields.insert("reasoning".into(), json!({ "effort": effort }));
    }
    input(model, &ask.earlier, &ask.prompt, string_limit_bytes).sealed(fields, params)
}

/// The model, what was said before and the prompt, with which every body begins.
pub fn input(
    model: &str,
    earlier: &[Turn],
    prompt: &Rope,
    string_limit_bytes: Option<usize>,
) -> Letter {
    let mut letter = Letter::new(format!("{{\"model\":\"{}\",\"input\":[", escape(model)));
    for turn in earlier {
        // What a model said is refused as input text.
        let kind = match turn.side {
            Side::User => "input_text",
            Side::Model => "output_text",
        };
        letter = message(
            letter,
            role(turn.side),
            &turn.text,
            kind,
            string_limit_bytes,
        )
        .text(",");
    }
    message(letter, "user", prompt, "input_text", string_limit_bytes).text("]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rope::Piece;

    fn ask(prompt: Rope) -> Ask {
        Ask {
            system: None,
            earlier: Vec::new(),
            prompt,
            shared_pieces: 0,
            max_output_tokens: 8,
            temperature: Some(0.5),
            reasoning: None,
        }
    }

    fn sent(ask: &Ask, shape: &Shape, limit: Option<usize>) -> Value {
        let body = encode("m", ask, shape, limit, &[("seed".to_owned(), json!(1))]);
        serde_json::from_slice(&body.slices.concat()).expect("valid JSON")
    }

    #[test]
    fn every_field_that_was_asked_for_is_sent_and_no_other() {
        let mut question = ask(Rope::of("say \"hi\"\n汉字"));
        assert_eq!(
            sent(&question, &Shape::default(), None),
            json!({
                "model": "m",
                "input": [{"role": "user", "content": "say \"hi\"\n汉字"}],
                "stream": true,
                "store": false,
                "truncation": "disabled",
                "max_output_tokens": 16,
                "temperature": 0.5,
                "seed": 1,
            })
        );
        question.system = Some("be\nbrief".to_owned());
        question.reasoning = Some("low".to_owned());
        question.max_output_tokens = 64;
        let shape = Shape {
            no_temperature: true,
            ..Shape::default()
        };
        let body = sent(&question, &shape, None);
        assert_eq!(body["instructions"], "be\nbrief");
        assert_eq!(body["reasoning"], json!({"effort": "low"}));
        assert_eq!(body["max_output_tokens"], 64);
        assert_eq!(body.get("temperature"), None);
    }

    #[test]
    fn earlier_turns_stand_before_the_prompt_and_an_answer_is_output_text() {
        let mut question = ask(Rope::of("and now?"));
        let turn = |side, text| Turn {
            side,
            text: Rope::of(text),
        };
        question.earlier = vec![
            turn(Side::User, "first"),
            turn(Side::Model, "a long answer"),
        ];
        let written = |limit| {
            let body = encode("m", &question, &Shape::default(), limit, &[]);
            String::from_utf8(body.slices.concat()).expect("UTF-8")
        };
        assert_eq!(
            written(None),
            concat!(
                r#"{"model":"m","input":[{"role":"user","content":"first"},"#,
                r#"{"role":"assistant","content":"a long answer"},"#,
                r#"{"role":"user","content":"and now?"}],"stream":true,"store":false,"#,
                r#""truncation":"disabled","max_output_tokens":16,"temperature":0.5}"#,
            )
        );
        let parts = concat!(
            r#"{"role":"assistant","content":[{"type":"output_text","text":"a long"},"#,
            r#"{"type":"output_text","text":" answer"}]}"#,
        );
        assert!(written(Some(9)).contains(parts), "{}", written(Some(9)));
    }

    #[test]
    fn long_prompts_are_cut_into_parts_that_are_short_enough() {
        let mut prompt = Rope::new();
        for text in ["one two\n", "three \"four\"", " five", "汉字漢字 é"] {
            prompt.push(Piece::of(text));
        }
        let whole = prompt.text();
        for limit in 6..60 {
            let body = sent(&ask(prompt.clone()), &Shape::default(), Some(limit));
            let content = &body["input"][0]["content"];
            if prompt.json_bytes() <= limit as u64 {
                assert_eq!(content, &json!(whole));
                continue;
            }
            let parts = content.as_array().expect("parts");
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            let texts: Vec<&str> = texts.collect();
            assert_eq!(texts.concat(), whole, "limit {limit}");
            assert!(texts.iter().all(|text| escape(text).len() <= limit));
            assert!(parts.iter().all(|part| part["type"] == "input_text"));
        }
    }
}
