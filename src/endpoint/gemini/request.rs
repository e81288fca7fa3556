//! A question as the body of a request for content, and what is changed where a model refuses a field.

use crate::endpoint::letter::Letter;
use crate::endpoint::openai::number;
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Body;
use crate::endpoint::{Ask, Side, Turn};
use crate::rope::Rope;
use serde_json::{Map, Value, json};

/// What was said before and the prompt, with which every body begins.
pub fn contents(earlier: &[Turn], prompt: &Rope) -> Letter {
    let said = |letter: Letter, role: &str, text: &Rope| {
        letter
            .text(format!("{{\"role\":\"{role}\",\"parts\":[{{\"text\":\""))
            .rope(text)
            .text("\"}]}")
    };
    let mut letter = Letter::new("{\"contents\":[".to_owned());
    for turn in earlier {
        let role = match turn.side {
            Side::User => "user",
            Side::Model => "model",
        };
        letter = said(letter, role, &turn.text).text(",");
    }
    said(letter, "user", prompt).text("]")
}

/// How a model may be told how much to think: levels from Gemini 3 on, budgets before. Each
/// generation answers 400 to the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Level(&'static str),
    Budget(u64),
}

/// The ways to try for an effort, the first one first.
fn ways(effort: &str) -> &'static [Way] {
    match effort {
        "none" => &[Way::Budget(0)],
        "minimal" => &[Way::Level("MINIMAL"), Way::Budget(512)],
        "low" => &[Way::Level("LOW"), Way::Budget(1024)],
        "medium" => &[Way::Level("MEDIUM"), Way::Budget(2048)],
        "high" => &[Way::Level("HIGH"), Way::Budget(4096)],
        _ => &[Way::Level("XHIGH")],
    }
}

/// Encodes a question. The slices of prompt and earlier turns are shared, never copied; `params` are the user's own
/// fields, which win.
pub fn encode(ask: &Ask, shape: &Shape, params: &[(String, Value)]) -> Body {
    let mut fields = Map::new();
    if let Some(system) = &ask.system {
        let parts = json!({"parts": [{"text": system}]});
        fields.insert("systemInstruction".into(), parts);
    }
    let mut config = Map::new();
    config.insert("maxOutputTokens".into(), ask.max_output_tokens.into());
    if let Some(temperature) = ask.temperature.filter(|_| !shape.no_temperature) {
        config.insert("temperature".into(), number(temperature));
    }
    if let Some(effort) = &ask.reasoning {
        let thinking = match ways(effort).get(shape.reasoning_way) {
            Some(Way::Budget(0)) => Some(json!({"thinkingBudget": 0})),
            Some(Way::Budget(tokens)) => {
                Some(json!({"thinkingBudget": tokens, "includeThoughts": true}))
            }
            Some(Way::Level(level)) => {
                Some(json!({"thinkingLevel": level, "includeThoughts": true}))
            }
            None => None,
        };
        if let Some(thinking) = thinking {
            config.insert("thinkingConfig".into(), thinking);
        }
    }
    fields.insert("generationConfig".into(), config.into());
    contents(&ask.earlier, &ask.prompt).sealed(fields, params)
}

/// The shape in which a refused question may be asked again.
pub fn adapted(shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
    if refusal.status != 400 {
        return None;
    }
    let words = refusal.error().words();
    let mut next = shape.clone();
    if let Some(effort) = ask.reasoning.as_deref() {
        next.reasoning_way += 1;
        let more = ways(effort).len() > next.reasoning_way;
        if more && words.contains("thinking") {
            return Some(next);
        }
    }
    let without = shape.adapted(refusal, ask)?;
    (without.no_temperature && !shape.no_temperature).then_some(without)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rope::Piece;
    use bytes::Bytes;

    fn ask() -> Ask {
        Ask {
            system: None,
            earlier: Vec::new(),
            prompt: Rope::of("say \"hi\"\n汉字"),
            shared_pieces: 0,
            max_output_tokens: 64,
            temperature: Some(0.0),
            reasoning: None,
        }
    }

    fn sent(ask: &Ask, shape: &Shape, params: &[(String, Value)]) -> Value {
        let body = encode(ask, shape, params);
        serde_json::from_slice(&body.slices.concat()).expect("valid JSON")
    }

    fn refusal(message: &str) -> Refusal {
        let error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
        Refusal {
            status: 400,
            body: json!({ "error": error }).to_string(),
            ..Refusal::default()
        }
    }

    #[test]
    fn every_field_that_was_asked_for_is_sent_and_no_other() {
        let mut question = ask();
        assert_eq!(
            sent(&question, &Shape::default(), &[]),
            json!({
                "contents": [{"role": "user", "parts": [{"text": "say \"hi\"\n汉字"}]}],
                "generationConfig": {"maxOutputTokens": 64, "temperature": 0},
            })
        );
        question.system = Some("be\nbrief".to_owned());
        question.temperature = None;
        let params = [
            (
                "generationConfig".to_owned(),
                json!({"seed": 1, "maxOutputTokens": 9}),
            ),
            ("safetySettings".to_owned(), json!([])),
        ];
        assert_eq!(
            sent(&question, &Shape::default(), &params),
            json!({
                "contents": [{"role": "user", "parts": [{"text": "say \"hi\"\n汉字"}]}],
                "systemInstruction": {"parts": [{"text": "be\nbrief"}]},
                "generationConfig": {"maxOutputTokens": 9, "seed": 1},
                "safetySettings": [],
            })
        );
    }

    #[test]
    fn earlier_turns_stand_before_the_prompt_and_an_answer_is_the_models() {
        let mut question = ask();
        let turn = |side, text| Turn {
            side,
            text: Rope::of(text),
        };
        question.earlier = vec![turn(Side::User, "first\n"), turn(Side::Model, "so")];
        let body = encode(&question, &Shape::default(), &[]);
        assert_eq!(
            String::from_utf8(body.slices.concat()).expect("UTF-8"),
            concat!(
                r#"{"contents":[{"role":"user","parts":[{"text":"first\n"}]},"#,
                r#"{"role":"model","parts":[{"text":"so"}]},"#,
                r#"{"role":"user","parts":[{"text":"say \"hi\"\n汉字"}]}],"#,
                r#""generationConfig":{"maxOutputTokens":64,"temperature":0}}"#,
            )
        );
    }

    #[test]
    fn a_prompt_of_forty_megabytes_is_not_copied() {
        let corpus = Bytes::from(vec![b'a'; 40_000_000]);
        let mut question = ask();
        question.prompt.push(Piece {
            raw: corpus.clone(),
            json: corpus.clone(),
        });
        let body = encode(&question, &Shape::default(), &[]);
        let found = body.slices.iter().find(|slice| slice.len() == corpus.len());
        assert_eq!(found.map(|slice| slice.as_ptr()), Some(corpus.as_ptr()));
    }

    #[test]
    fn reasoning_is_set_by_level_and_then_by_budget() {
        let mut question = ask();
        question.reasoning = Some("high".to_owned());
        let config = |question: &Ask, shape: &Shape| {
            sent(question, shape, &[])["generationConfig"]["thinkingConfig"].clone()
        };
        let level = json!({"thinkingLevel": "HIGH", "includeThoughts": true});
        assert_eq!(config(&question, &Shape::default()), level);
        let refused = refusal("Thinking level is not supported for this model.");
        let shape = adapted(&Shape::default(), &refused, &question).expect("another way");
        let budget = json!({"thinkingBudget": 4096, "includeThoughts": true});
        assert_eq!(config(&question, &shape), budget);
        assert_eq!(adapted(&shape, &refused, &question), None);
        // What cannot be turned off is the user's to hear.
        question.reasoning = Some("none".to_owned());
        let budget = json!({"thinkingBudget": 0});
        assert_eq!(config(&question, &Shape::default()), budget);
        let stays = refusal("Budget 0 is invalid. This model only works in thinking mode.");
        assert_eq!(adapted(&Shape::default(), &stays, &question), None);
    }

    #[test]
    fn other_refusals_stand() {
        let mut question = ask();
        question.reasoning = Some("low".to_owned());
        for words in [
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            "Request payload size exceeds the limit: 20971520 bytes",
            "API key not valid. Please pass a valid API key.",
        ] {
            assert_eq!(
                adapted(&Shape::default(), &refusal(words), &question),
                None,
                "{words}"
            );
        }
        let warmth = refusal("Parameter temperature is not supported for this model.");
        let shape = adapted(&Shape::default(), &warmth, &question).expect("a remedy");
        assert!(shape.no_temperature && shape.reasoning_way == 0);
    }
}
