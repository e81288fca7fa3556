//! Anthropic's dialect: its own streams as its types describe them, and llama-server's as recorded.

use crate::cassette;
use crate::player::{
    Make, Player, assert_cuts_change_nothing, assert_torn_is_no_answer, body_of, counted, outcome,
};
use crate::{ask, run, served};
use depthfinder::endpoint::anthropic::{Anthropic, discover};
use depthfinder::endpoint::dialect::Dialect;
use depthfinder::endpoint::shape::Shape;
use depthfinder::endpoint::{Ask, Served};
use depthfinder::reply::{Failure, Stop, Usage};
use depthfinder::rope::{Piece, Rope};
use serde_json::json;

const MESSAGES: Make = || {
    Box::new(Anthropic {
        breakpoints: true,
        params: Vec::new(),
    })
};

const TAPES: &[(u16, &str)] = &[
    (200, cassette!("anthropic", "stream")),
    (200, cassette!("anthropic", "thinking")),
    (200, cassette!("anthropic", "max_tokens")),
    (200, cassette!("anthropic", "refusal")),
    (200, cassette!("anthropic", "overloaded")),
    (200, cassette!("anthropic", "whole")),
    (400, cassette!("anthropic", "too_long")),
    (200, cassette!("anthropic", "too_long")),
    (200, cassette!("llama-server", "anthropic")),
    (200, cassette!("llama-server", "anthropic_stream")),
    (200, cassette!("llama-server", "anthropic_stream_length")),
    (400, cassette!("llama-server", "anthropic_overflow")),
    (200, cassette!("llama-server", "anthropic_overflow")),
];

#[test]
fn every_recording_cut_at_every_byte_means_the_same() {
    assert_cuts_change_nothing(MESSAGES, TAPES);
}

#[test]
fn no_recording_that_stops_early_is_an_answer_before_its_stop_reason() {
    assert_torn_is_no_answer(MESSAGES, TAPES, &["\"stop_reason\":\""]);
}

#[test]
fn a_stream_is_kept_whole_with_its_cached_tokens_in_the_prompt() {
    let reply = outcome(MESSAGES, 200, cassette!("anthropic", "stream")).expect("an answer");
    assert_eq!(reply.text, "The number for 奥斯陆 is 4829173 😀.");
    assert_eq!((reply.stop, reply.reasoning.as_str()), (Stop::End, ""));
    assert_eq!(reply.model.as_deref(), Some("claude-sonnet-4-5-20250929"));
    assert_eq!(
        reply.request_id.as_deref(),
        Some("msg_01XFDUDYJgAACzvnptvVoYEL")
    );
    let told = reply.usage.told.clone().expect("accounts");
    assert_eq!(told["service_tier"], "standard");
    assert_eq!(
        reply.usage,
        Usage {
            prompt_tokens: Some(4108),
            cached_tokens: Some(4096),
            cache_write_tokens: Some(0),
            output_tokens: Some(15),
            reasoning_tokens: None,
            told: Some(told),
        }
    );
}

#[test]
fn thinking_stands_apart_and_counts() {
    let reply = outcome(MESSAGES, 200, cassette!("anthropic", "thinking")).expect("an answer");
    assert_eq!(reply.text, "4829173");
    assert_eq!(reply.reasoning, "Oslo is named once: 4829173.");
    assert_eq!(reply.usage.prompt_tokens, Some(2031));
    assert_eq!(reply.usage.cache_write_tokens, Some(2000));
    assert_eq!(reply.usage.output_tokens, Some(41));
    assert_eq!(reply.usage.reasoning_tokens, Some(33));
}

#[test]
fn cut_refused_and_broken_answers_are_told_apart() {
    let stop = |tape: &str| outcome(MESSAGES, 200, tape).expect("an answer").stop;
    assert_eq!(stop(cassette!("anthropic", "max_tokens")), Stop::Length);
    assert_eq!(stop(cassette!("anthropic", "refusal")), Stop::Filtered);
    let whole = outcome(MESSAGES, 200, cassette!("anthropic", "whole")).expect("an answer");
    assert_eq!(
        (whole.text.as_str(), whole.reasoning.as_str()),
        ("4829173", "Oslo.")
    );
    assert_eq!(whole.usage.prompt_tokens, Some(9));
    let broken = outcome(MESSAGES, 200, cassette!("anthropic", "overloaded"));
    let overloaded = Failure::Server {
        status: 529,
        said: "Overloaded".to_owned(),
        retry_after_ms: None,
    };
    assert_eq!(broken, Err(overloaded));
    for status in [400, 200] {
        let long = outcome(MESSAGES, status, cassette!("anthropic", "too_long"));
        assert!(
            matches!(
                long,
                Err(Failure::TooLong {
                    window_tokens: Some(200_000),
                    ..
                })
            ),
            "{long:?}"
        );
    }
}

#[test]
fn llama_servers_messages_are_read_as_its_own_dialect_is() {
    let reply = outcome(MESSAGES, 200, cassette!("llama-server", "anthropic")).expect("an answer");
    assert_eq!(reply.text, "The special magic number for Oslo is 4829173.");
    assert_eq!(reply.usage.prompt_tokens, Some(61));
    assert_eq!(reply.usage.cached_tokens, Some(24));
    let reply = outcome(MESSAGES, 200, cassette!("llama-server", "anthropic_stream"));
    let reply = reply.expect("an answer");
    assert_eq!(
        (reply.stop, reply.model.as_deref()),
        (Stop::End, Some("smollm2"))
    );
    assert_eq!(reply.usage.prompt_tokens, Some(41));
    assert_eq!(reply.usage.output_tokens, Some(17));
    let cut = outcome(
        MESSAGES,
        200,
        cassette!("llama-server", "anthropic_stream_length"),
    );
    let cut = cut.expect("an answer");
    assert_eq!(
        (cut.text.as_str(), cut.stop),
        ("The special magic number for Oslo is 4829", Stop::Length)
    );
    assert_eq!(cut.usage.prompt_tokens, Some(61));
    let long = outcome(
        MESSAGES,
        400,
        cassette!("llama-server", "anthropic_overflow"),
    );
    assert!(
        matches!(
            long,
            Err(Failure::TooLong {
                window_tokens: Some(256),
                ..
            })
        ),
        "{long:?}"
    );
}

#[test]
fn the_end_of_the_shared_prefix_is_marked_where_the_server_wants_it() {
    let mut prompt = Rope::of("a long text\n");
    prompt.push(Piece::of("What is it?"));
    let question = Ask {
        shared_pieces: 1,
        ..ask(prompt)
    };
    for (software, blocks) in [
        (Some("anthropic"), 2),
        (None, 2),
        (Some("litellm"), 2),
        // It would put a newline between them: counted by its own /v1/messages/count_tokens.
        (Some("llama-server"), 0),
        (Some("vllm"), 0),
    ] {
        let served = Served {
            software: software.map(str::to_owned),
            ..Served::default()
        };
        let dialect = Anthropic::new(&served, Vec::new());
        let request = dialect.request("m", &question, &Shape::default());
        assert_eq!(request.path, "/messages");
        let version = ("anthropic-version".to_owned(), "2023-06-01".to_owned());
        assert!(request.headers.contains(&version));
        let content = &body_of(&request)["messages"][0]["content"];
        assert_eq!(
            content.as_array().map_or(0, Vec::len),
            blocks,
            "{software:?}"
        );
    }
}

#[test]
fn tokens_are_counted_by_the_vendor_and_by_other_servers_each_in_its_way() {
    let body = cassette!("llama-server", "anthropic_count");
    let (count, request) = counted(MESSAGES, served("anthropic"), body);
    assert_eq!(
        (count, request.path.as_str()),
        (Some(61), "/messages/count_tokens")
    );
    let message = json!({"role": "user", "content": "say \"hi\""});
    assert_eq!(
        body_of(&request),
        json!({"model": "m", "messages": [message]})
    );
    assert!(
        request
            .headers
            .iter()
            .any(|(name, _)| name == "anthropic-version")
    );
    let list = cassette!("llama-server", "tokenize");
    let (count, request) = counted(MESSAGES, served("llama-server"), list);
    assert_eq!((count, request.path.as_str()), (Some(11), "/tokenize"));
}

#[test]
fn the_catalogue_tells_window_and_longest_answer() {
    let player = Player::new(200, cassette!("anthropic", "model"));
    let served = run(discover(&player, "claude sonnet", true)).expect("a model");
    assert_eq!(
        served,
        Served {
            model: "claude sonnet".to_owned(),
            software: Some("anthropic".to_owned()),
            window_tokens: Some(200_000),
            tokenize: true,
            count_is_estimate: true,
            body_limit_bytes: Some(32 << 20),
            output_limit_tokens: Some(64_000),
            details: vec!["the model is deprecated".to_owned()],
            ..Served::default()
        }
    );
    let asked = player.asked.lock().expect("unpoisoned").remove(0);
    assert_eq!(
        (asked.post, asked.path.as_str()),
        (false, "/models/claude%20sonnet")
    );
}

#[test]
fn a_missing_model_is_missing_at_the_vendor_and_believed_elsewhere() {
    let missing = r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#;
    let own = run(discover(&Player::new(404, missing), "x", true));
    assert!(matches!(own, Err(Failure::NotFound { .. })), "{own:?}");
    let other = run(discover(&Player::new(404, missing), "x", false)).expect("believed");
    assert_eq!((other.model.as_str(), other.window_tokens), ("x", None));
    assert_eq!(other.body_limit_bytes, None);
    let denied =
        r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
    for own in [true, false] {
        let denied = run(discover(&Player::new(401, denied), "x", own));
        assert!(
            matches!(denied, Err(Failure::Unauthorized { .. })),
            "{denied:?}"
        );
    }
    // Older servers at the vendor's own address say nothing of windows.
    let old = r#"{"type":"model","id":"x","display_name":"X","created_at":"2025-02-19T00:00:00Z"}"#;
    let old = run(discover(&Player::new(200, old), "x", true)).expect("a model");
    assert_eq!((old.window_tokens, old.tokenize), (None, true));
}
