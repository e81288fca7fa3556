//! What is sent, and what is changed after a refusal.

use super::*;
use crate::endpoint::Turn;
use crate::rope::{Piece, Rope};
use bytes::Bytes;

fn ask() -> Ask {
    let mut prompt = Rope::of("a \"long\" text\n");
    prompt.push(Piece::of("What is it?"));
    Ask {
        system: None,
        earlier: Vec::new(),
        prompt,
        shared_pieces: 1,
        max_output_tokens: 64,
        temperature: Some(0.0),
        reasoning: None,
    }
}

fn read(body: &Body) -> Value {
    serde_json::from_slice(&body.slices.concat()).expect("valid JSON")
}

fn sent(ask: &Ask, shape: &Shape) -> Value {
    read(&encode("m", ask, shape, true, &[]))
}

fn refusal(status: u16, message: &str) -> Refusal {
    Refusal {
        status,
        body:
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
                .to_string(),
        ..Refusal::default()
    }
}

#[test]
fn every_field_that_was_asked_for_is_sent_and_no_other() {
    let mut question = ask();
    assert_eq!(
        read(&encode("a \"b\"", &question, &Shape::default(), false, &[])),
        json!({
            "model": "a \"b\"",
            "messages": [{"role": "user", "content": "a \"long\" text\nWhat is it?"}],
            "stream": true,
            "temperature": 0,
            "max_tokens": 64,
        })
    );
    question.system = Some("be\nbrief".to_owned());
    question.temperature = None;
    let params = [
        ("top_k".to_owned(), json!(1)),
        ("metadata".to_owned(), json!({"user_id": "u"})),
    ];
    assert_eq!(
        read(&encode("m", &question, &Shape::default(), true, &params)),
        json!({
            "model": "m",
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "a \"long\" text\n", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "What is it?"},
            ]}],
            "system": "be\nbrief",
            "stream": true,
            "max_tokens": 64,
            "top_k": 1,
            "metadata": {"user_id": "u"},
        })
    );
}

#[test]
fn a_prefix_that_is_nothing_or_everything_is_not_marked() {
    for shared_pieces in [0, 2, 3] {
        let question = Ask {
            shared_pieces,
            ..ask()
        };
        let content = &sent(&question, &Shape::default())["messages"][0]["content"];
        assert_eq!(content, "a \"long\" text\nWhat is it?", "{shared_pieces}");
    }
}

#[test]
fn earlier_turns_alternate_and_those_of_one_side_are_blocks_of_one_message() {
    let turn = |side, text| Turn {
        side,
        text: Rope::of(text),
    };
    let mut question = ask();
    question.system = Some("s".to_owned());
    question.earlier = vec![turn(Side::User, "first\n"), turn(Side::Model, "so")];
    let written = |question: &Ask, breakpoints| {
        let body = encode("m", question, &Shape::default(), breakpoints, &[]);
        String::from_utf8(body.slices.concat()).expect("UTF-8")
    };
    let tail = r#""system":"s","stream":true,"temperature":0,"max_tokens":64}"#;
    let turns = concat!(
        r#"{"model":"m","messages":[{"role":"user","content":"first\n"},"#,
        r#"{"role":"assistant","content":"so"},"#,
    );
    let plain = r#"{"role":"user","content":"a \"long\" text\nWhat is it?"}],"#;
    assert_eq!(written(&question, false), format!("{turns}{plain}{tail}"));
    let marked = concat!(
        r#"{"role":"user","content":[{"type":"text","text":"a \"long\" text\n","#,
        r#""cache_control":{"type":"ephemeral"}},{"type":"text","text":"What is it?"}]}],"#,
    );
    assert_eq!(written(&question, true), format!("{turns}{marked}{tail}"));
    question.earlier.push(turn(Side::User, "and then"));
    let together = concat!(
        r#"{"role":"user","content":[{"type":"text","text":"and then"},"#,
        r#"{"type":"text","text":"a \"long\" text\nWhat is it?"}]}],"#,
    );
    assert_eq!(
        written(&question, false),
        format!("{turns}{together}{tail}")
    );
}

#[test]
fn a_prompt_of_forty_megabytes_is_not_copied() {
    let corpus = Bytes::from(vec![b'a'; 40_000_000]);
    let mut question = ask();
    question.prompt = Rope::new();
    question.prompt.push(Piece {
        raw: corpus.clone(),
        json: corpus.clone(),
    });
    question.prompt.push(Piece::of("What is it?"));
    let body = encode("m", &question, &Shape::default(), true, &[]);
    let found = body.slices.iter().find(|slice| slice.len() == corpus.len());
    assert_eq!(found.map(|slice| slice.as_ptr()), Some(corpus.as_ptr()));
    let all: usize = body.slices.iter().map(Bytes::len).sum();
    assert!(all - corpus.len() < 400);
}

#[test]
fn reasoning_is_set_in_one_way_after_another() {
    let mut question = ask();
    for (effort, budget) in [
        ("minimal", 1024),
        ("low", 1024),
        ("medium", 2048),
        ("high", 4096),
    ] {
        question.reasoning = Some(effort.to_owned());
        for (visible, max_tokens) in [(64, budget + 64), (budget + 64, budget + 64)] {
            question.max_output_tokens = visible;
            let body = sent(&question, &Shape::default());
            let thinking = json!({"type": "enabled", "budget_tokens": budget});
            assert_eq!(body["thinking"], thinking, "{effort}");
            assert_eq!(body["max_tokens"], max_tokens, "{effort}");
        }
    }
    question.max_output_tokens = 64;
    // Real words, of models that take another way.
    let adaptive = refusal(
        400,
        "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
    );
    let effort = refusal(400, "adaptive thinking is not supported on this model");
    let shape = adapted(&Shape::default(), &adaptive, &question).expect("another way");
    let body = sent(&question, &shape);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    assert_eq!(body["max_tokens"], 64);
    let shape = adapted(&shape, &effort, &question).expect("another way");
    let body = sent(&question, &shape);
    assert_eq!(body.get("thinking"), None);
    assert_eq!(body["output_config"], json!({"effort": "high"}));
    assert_eq!(shape.adaptations().len(), 1);
    // What was asked for is never dropped in silence: the refusal is the user's to see.
    let never = refusal(400, "This model does not support the effort parameter");
    assert_eq!(adapted(&shape, &never, &question), None);
    question.reasoning = Some("none".to_owned());
    let body = sent(&question, &Shape::default());
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
    assert_eq!(adapted(&Shape::default(), &adaptive, &question), None);
    question.reasoning = Some("max".to_owned());
    let body = sent(&question, &Shape::default());
    assert_eq!(body["output_config"], json!({"effort": "max"}));
}

#[test]
fn a_refused_temperature_is_left_out_once_and_other_refusals_stand() {
    let mut question = ask();
    question.reasoning = Some("low".to_owned());
    for words in [
        "temperature: Extra inputs are not permitted",
        "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation",
        "`temperature` is deprecated for this model.",
    ] {
        let refused = refusal(400, words);
        let shape = adapted(&Shape::default(), &refused, &question).expect(words);
        assert!(shape.no_temperature && shape.reasoning_way == 0, "{words}");
        assert_eq!(sent(&question, &shape).get("temperature"), None);
        assert_eq!(adapted(&shape, &refused, &question), None, "{words}");
        let later = refusal(529, words);
        assert_eq!(adapted(&Shape::default(), &later, &question), None);
    }
    for words in [
        "prompt is too long: 200251 tokens > 200000 maximum",
        "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model",
        "temperature: Input should be less than or equal to 1",
    ] {
        let refused = refusal(400, words);
        assert_eq!(
            adapted(&Shape::default(), &refused, &question),
            None,
            "{words}"
        );
    }
}
