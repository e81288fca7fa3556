//! Recorded bytes of a real server, cut at every byte: llama-server b1-7e4c0a9 serving
//! SmolLM2-135M-Instruct (Q4_1), bodies exactly as they came, chunked framing taken off.

use crate::cassette as tape;
use crate::player::{self, assert_cuts_change_nothing, assert_torn_is_no_answer, counted};
use crate::served;
use depthfinder::endpoint::dialect::Dialect;
use depthfinder::endpoint::openai::OpenAi;
use depthfinder::reply::{Failure, Reply, Stop, Usage};

fn chat() -> Box<dyn Dialect> {
    Box::new(OpenAi::default())
}

fn outcome(status: u16, bytes: &str) -> Result<Reply, Failure> {
    player::outcome(chat, status, bytes)
}

macro_rules! cassette {
    ($name:literal) => {
        tape!("llama-server", $name)
    };
}

const RECORDED: &[(u16, &str)] = &[
    (200, cassette!("chat_stream")),
    (200, cassette!("chat_stream_usage")),
    (200, cassette!("chat")),
    (200, cassette!("chat_length")),
    (200, cassette!("wrong_model")),
    (400, cassette!("overflow_stream_noshift")),
    (200, cassette!("overflow_stream_noshift")),
    (500, cassette!("bad_json")),
    (400, cassette!("bad_role")),
    (404, cassette!("unknown_path")),
];

const AZURE: &[(u16, &str)] = &[
    (200, tape!("azure", "stream")),
    (400, tape!("azure", "filtered")),
];

#[test]
fn every_recording_cut_at_every_byte_means_the_same() {
    assert_cuts_change_nothing(chat, RECORDED);
    assert_cuts_change_nothing(chat, AZURE);
}

#[test]
fn no_recording_that_stops_early_is_an_answer_before_its_finish_reason() {
    for recorded in [RECORDED, AZURE] {
        assert_torn_is_no_answer(chat, recorded, &["\"finish_reason\":\""]);
    }
}

#[test]
fn azures_filter_and_its_first_empty_event_are_understood() {
    let reply = outcome(200, tape!("azure", "stream")).expect("an answer");
    assert_eq!((reply.text.as_str(), reply.stop), ("4829173", Stop::End));
    assert_eq!(reply.usage.prompt_tokens, Some(4108));
    assert_eq!(reply.model.as_deref(), Some("gpt-4.1-2025-04-14"));
    let filtered = outcome(400, tape!("azure", "filtered")).expect_err("filtered");
    assert!(matches!(filtered, Failure::Filtered { .. }), "{filtered:?}");
}

#[test]
fn llama_servers_stream_is_kept_whole() {
    let reply = outcome(200, cassette!("chat_stream_usage")).expect("an answer");
    assert_eq!(reply.text, "The special magic number for Oslo is 4829173.");
    assert_eq!(reply.stop, Stop::End);
    assert_eq!(
        reply.usage,
        Usage {
            prompt_tokens: Some(61),
            cached_tokens: Some(60),
            cache_write_tokens: None,
            output_tokens: Some(17),
            reasoning_tokens: None,
            told: Some(serde_json::json!({
                "completion_tokens": 17,
                "prompt_tokens": 61,
                "total_tokens": 78,
                "prompt_tokens_details": {"cached_tokens": 60},
            })),
        }
    );
    assert_eq!(reply.model.as_deref(), Some("models/.gguf"));
    assert_eq!(reply.system_fingerprint.as_deref(), Some("b1-7e4c0a9"));
    assert_eq!(
        reply.request_id.as_deref(),
        Some("chatcmpl-xiDds2sU0zpezjJp5UoMhhxnVL4uPOuC")
    );
    let timings = reply.timing.server.expect("timings");
    assert_eq!(timings["prompt_ms"], 19.351);
}

#[test]
fn timings_count_where_usage_was_not_asked_for() {
    let reply = outcome(200, cassette!("chat_stream")).expect("an answer");
    assert_eq!(reply.usage.prompt_tokens, Some(61));
    assert_eq!(reply.usage.output_tokens, Some(17));
}

#[test]
fn a_body_that_is_not_a_stream_is_an_answer_too() {
    let reply = outcome(200, cassette!("chat_length")).expect("an answer");
    assert_eq!(
        (reply.text.as_str(), reply.stop),
        ("The special", Stop::Length)
    );
    assert_eq!(reply.usage.cached_tokens, Some(60));
}

#[test]
fn an_overflow_names_the_window_under_400_and_under_200() {
    for status in [400, 200] {
        let failure = outcome(status, cassette!("overflow_stream_noshift")).expect_err("too long");
        assert!(
            matches!(
                failure,
                Failure::TooLong {
                    window_tokens: Some(256),
                    ..
                }
            ),
            "{failure:?}"
        );
    }
}

#[test]
fn the_servers_token_list_is_counted() {
    for (software, body, count) in [
        ("llama-server", cassette!("tokenize"), Some(11)),
        ("llama-server", cassette!("tokenize_special"), Some(4)),
        (
            "vllm",
            r#"{"count":3,"max_model_len":4096,"tokens":[1,2,3],"token_strs":null}"#,
            Some(3),
        ),
        ("vllm", r#"{"tokens":[]}"#, Some(0)),
        ("vllm", r#"{"tokens":null}"#, None),
        ("vllm", "<html>", None),
    ] {
        let (told, _) = counted(chat, served(software), body);
        assert_eq!(told, count, "{body:.60}");
    }
}
