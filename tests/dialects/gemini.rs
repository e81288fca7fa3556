//! Gemini's dialect: streams, refusals and the catalogue as Google's types describe them.

use crate::cassette;
use crate::player::{
    Make, Player, assert_cuts_change_nothing, assert_torn_is_no_answer, body_of, counted, outcome,
};
use crate::{ask, run, served};
use depthfinder::endpoint::Served;
use depthfinder::endpoint::dialect::Dialect;
use depthfinder::endpoint::gemini::{Gemini, discover};
use depthfinder::endpoint::shape::Shape;
use depthfinder::reply::{Failure, Stop};
use depthfinder::rope::Rope;
use serde_json::json;

const CONTENT: Make = || Box::new(Gemini::default());

const TAPES: &[(u16, &str)] = &[
    (200, cassette!("gemini", "stream")),
    (200, cassette!("gemini", "thinking")),
    (200, cassette!("gemini", "max_tokens")),
    (200, cassette!("gemini", "recitation")),
    (200, cassette!("gemini", "blocked")),
    (200, cassette!("gemini", "list")),
    (200, cassette!("gemini", "whole")),
    (400, cassette!("gemini", "too_long")),
    (200, cassette!("gemini", "too_long")),
    (400, cassette!("gemini", "bad_key")),
    (429, cassette!("gemini", "exhausted")),
    (200, cassette!("gemini", "exhausted")),
];

#[test]
fn every_recording_cut_at_every_byte_means_the_same() {
    assert_cuts_change_nothing(CONTENT, TAPES);
}

#[test]
fn no_recording_that_stops_early_is_an_answer_before_its_finish_reason() {
    assert_torn_is_no_answer(CONTENT, TAPES, &["\"finishReason\":\""]);
}

#[test]
fn a_stream_and_a_list_of_its_chunks_are_the_same_answer() {
    let streamed = outcome(CONTENT, 200, cassette!("gemini", "stream")).expect("an answer");
    assert_eq!(streamed.text, "The number for 奥斯陆 is 4829173 😀.");
    assert_eq!(streamed.stop, Stop::End);
    assert_eq!(streamed.model.as_deref(), Some("gemini-2.5-flash"));
    assert_eq!(
        streamed.request_id.as_deref(),
        Some("kxYgaYy_Lq2OmecP6Zm5iQk")
    );
    let usage = &streamed.usage;
    assert_eq!(
        (usage.prompt_tokens, usage.cached_tokens),
        (Some(4108), Some(4096))
    );
    assert_eq!(
        (usage.output_tokens, usage.reasoning_tokens),
        (Some(15), None)
    );
    assert_eq!(
        outcome(CONTENT, 200, cassette!("gemini", "list")),
        Ok(streamed)
    );
    let whole = outcome(CONTENT, 200, cassette!("gemini", "whole")).expect("an answer");
    assert_eq!((whole.text.as_str(), whole.stop), ("4829173", Stop::End));
}

#[test]
fn thoughts_stand_apart_and_count() {
    let reply = outcome(CONTENT, 200, cassette!("gemini", "thinking")).expect("an answer");
    assert_eq!(reply.text, "4829173");
    assert_eq!(reply.reasoning, "**Finding it** Oslo is named once.");
    assert_eq!(reply.usage.output_tokens, Some(40));
    assert_eq!(reply.usage.reasoning_tokens, Some(33));
}

#[test]
fn filtered_cut_and_refused_are_told_apart() {
    let stop = |tape: &str| outcome(CONTENT, 200, tape).expect("an answer").stop;
    assert_eq!(stop(cassette!("gemini", "max_tokens")), Stop::Length);
    assert_eq!(stop(cassette!("gemini", "recitation")), Stop::Filtered);
    let blocked = outcome(CONTENT, 200, cassette!("gemini", "blocked"));
    assert!(
        matches!(blocked, Err(Failure::Filtered { .. })),
        "{blocked:?}"
    );
    for status in [400, 200] {
        let long = outcome(CONTENT, status, cassette!("gemini", "too_long"));
        assert!(
            matches!(
                long,
                Err(Failure::TooLong {
                    window_tokens: Some(1_048_576),
                    ..
                })
            ),
            "{long:?}"
        );
    }
    let key = outcome(CONTENT, 400, cassette!("gemini", "bad_key"));
    assert!(matches!(key, Err(Failure::Unauthorized { .. })), "{key:?}");
    for status in [429, 200] {
        let limited = outcome(CONTENT, status, cassette!("gemini", "exhausted"));
        assert!(
            matches!(
                limited,
                Err(Failure::Limited {
                    retry_after_ms: Some(34_000),
                    permanent: false,
                    ..
                })
            ),
            "{limited:?}"
        );
    }
}

#[test]
fn the_model_stands_in_the_path_and_nothing_of_it_in_the_query() {
    for (model, path) in [
        (
            "gemini-2.5-pro",
            "/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        ("models/x", "/models/x:streamGenerateContent?alt=sse"),
        (
            "tunedModels/a?b#c",
            "/tunedModels/a%3Fb%23c:streamGenerateContent?alt=sse",
        ),
    ] {
        let request = Gemini::default().request(model, &ask(Rope::of("q")), &Shape::default());
        assert_eq!(request.path, path);
        assert_eq!(body_of(&request).get("model"), None);
    }
}

#[test]
fn tokens_are_counted_by_the_vendor() {
    let (count, request) = counted(CONTENT, served("gemini"), cassette!("gemini", "count"));
    assert_eq!(
        (count, request.path.as_str()),
        (Some(11), "/models/m:countTokens")
    );
    let content = json!({"role": "user", "parts": [{"text": "say \"hi\""}]});
    assert_eq!(body_of(&request), json!({"contents": [content]}));
}

#[test]
fn the_catalogue_tells_window_and_longest_answer() {
    let player = Player::new(200, cassette!("gemini", "model"));
    let served = run(discover(&player, "gemini-2.5-flash", true)).expect("a model");
    assert_eq!(
        served,
        Served {
            model: "gemini-2.5-flash".to_owned(),
            software: Some("gemini".to_owned()),
            window_tokens: Some(1_048_576),
            output_limit_tokens: Some(65_536),
            tokenize: true,
            ..Served::default()
        }
    );
    let missing = r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#;
    let own = run(discover(&Player::new(404, missing), "x", true));
    assert!(matches!(own, Err(Failure::NotFound { .. })), "{own:?}");
    let other = run(discover(&Player::new(404, missing), "x", false)).expect("believed");
    assert_eq!((other.model.as_str(), other.tokenize), ("x", false));
    let denied = run(discover(
        &Player::new(400, cassette!("gemini", "bad_key")),
        "x",
        false,
    ));
    assert!(
        matches!(denied, Err(Failure::Unauthorized { .. })),
        "{denied:?}"
    );
}
