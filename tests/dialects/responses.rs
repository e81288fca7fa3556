//! OpenAI's Responses: its streams as its types describe them, and llama-server's as recorded.

use crate::cassette;
use crate::player::{
    Make, assert_cuts_change_nothing, assert_torn_is_no_answer, body_of, counted, outcome,
};
use crate::served;
use depthfinder::endpoint::responses::Responses;
use depthfinder::reply::{Failure, Stop, Usage};
use serde_json::json;

const RESPONSES: Make = || Box::new(Responses::default());

const TAPES: &[(u16, &str)] = &[
    (200, cassette!("openai-responses", "stream")),
    (200, cassette!("openai-responses", "reasoning")),
    (200, cassette!("openai-responses", "incomplete")),
    (200, cassette!("openai-responses", "failed")),
    (200, cassette!("openai-responses", "error")),
    (200, cassette!("openai-responses", "whole")),
    (400, cassette!("openai-responses", "too_long")),
    (200, cassette!("openai-responses", "too_long")),
    (200, cassette!("llama-server", "responses")),
    (200, cassette!("llama-server", "responses_stream")),
];

#[test]
fn every_recording_cut_at_every_byte_means_the_same() {
    assert_cuts_change_nothing(RESPONSES, TAPES);
}

#[test]
fn no_recording_that_stops_early_is_an_answer_before_its_last_event() {
    let marks = [
        "\"type\":\"response.completed\"",
        "\"type\":\"response.incomplete\"",
    ];
    assert_torn_is_no_answer(RESPONSES, TAPES, &marks);
}

#[test]
fn a_stream_is_kept_whole() {
    let tape = cassette!("openai-responses", "stream");
    let reply = outcome(RESPONSES, 200, tape).expect("an answer");
    assert_eq!(reply.text, "The number for 奥斯陆 is 4829173 😀.");
    assert_eq!((reply.stop, reply.reasoning.as_str()), (Stop::End, ""));
    assert_eq!(reply.model.as_deref(), Some("gpt-4.1-2025-04-14"));
    assert_eq!(
        reply.usage,
        Usage {
            prompt_tokens: Some(4108),
            cached_tokens: Some(4096),
            cache_write_tokens: Some(0),
            output_tokens: Some(15),
            reasoning_tokens: Some(0),
            told: Some(json!({
                "input_tokens": 4108,
                "input_tokens_details": {"cached_tokens": 4096, "cache_write_tokens": 0},
                "output_tokens": 15,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 4123,
            })),
        }
    );
}

#[test]
fn reasoning_stands_apart_and_counts() {
    let tape = cassette!("openai-responses", "reasoning");
    let reply = outcome(RESPONSES, 200, tape).expect("an answer");
    assert_eq!(
        (reply.text.as_str(), reply.reasoning.as_str()),
        ("4829173", "Oslo is named once.")
    );
    assert_eq!(reply.usage.reasoning_tokens, Some(192));
    assert_eq!(reply.usage.output_tokens, Some(200));
}

#[test]
fn cut_failed_and_refused_are_told_apart() {
    let cut = outcome(RESPONSES, 200, cassette!("openai-responses", "incomplete"));
    let cut = cut.expect("an answer");
    assert_eq!((cut.text.as_str(), cut.stop), ("The number", Stop::Length));
    let failed = outcome(RESPONSES, 200, cassette!("openai-responses", "failed"));
    assert!(
        matches!(failed, Err(Failure::Server { status: 200, .. })),
        "{failed:?}"
    );
    let limited = outcome(RESPONSES, 200, cassette!("openai-responses", "error"));
    assert!(
        matches!(
            limited,
            Err(Failure::Limited {
                permanent: false,
                ..
            })
        ),
        "{limited:?}"
    );
    for status in [400, 200] {
        let long = outcome(RESPONSES, status, cassette!("openai-responses", "too_long"));
        assert!(matches!(long, Err(Failure::TooLong { .. })), "{long:?}");
    }
    let whole = outcome(RESPONSES, 200, cassette!("openai-responses", "whole"));
    assert_eq!(whole.expect("an answer").text, "4829173");
}

#[test]
fn llama_servers_responses_are_read() {
    let reply = outcome(RESPONSES, 200, cassette!("llama-server", "responses"));
    let reply = reply.expect("an answer");
    assert_eq!(reply.text, "Hello there, welcome to my world!");
    assert_eq!(
        (reply.usage.prompt_tokens, reply.usage.cached_tokens),
        (Some(32), Some(24))
    );
    let reply = outcome(
        RESPONSES,
        200,
        cassette!("llama-server", "responses_stream"),
    );
    let reply = reply.expect("an answer");
    assert!(
        reply
            .text
            .starts_with("The special magic number for Oslo is 4829173.")
    );
    assert_eq!(reply.model.as_deref(), Some("smollm2"));
    assert_eq!(
        (reply.usage.prompt_tokens, reply.usage.output_tokens),
        (Some(55), Some(24))
    );
    assert_eq!(reply.timing.server.expect("its clock")["prompt_n"], 55);
}

#[test]
fn tokens_are_counted_by_the_vendor_and_by_other_servers_each_in_its_way() {
    let tape = cassette!("openai-responses", "count");
    let (count, request) = counted(RESPONSES, served("openai"), tape);
    assert_eq!(
        (count, request.path.as_str()),
        (Some(11), "/responses/input_tokens")
    );
    let message = json!({"role": "user", "content": "say \"hi\""});
    assert_eq!(body_of(&request), json!({"model": "m", "input": [message]}));
    let tape = cassette!("llama-server", "responses_count");
    assert_eq!(counted(RESPONSES, served("openai"), tape).0, Some(31));
    let list = cassette!("llama-server", "tokenize");
    let (count, request) = counted(RESPONSES, served("llama-server"), list);
    assert_eq!((count, request.path.as_str()), (Some(11), "/tokenize"));
}
