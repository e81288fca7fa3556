//! Recorded bytes of a real server, cut at every byte: llama-server b1-7e4c0a9 serving
//! SmolLM2-135M-Instruct (Q4_1), bodies exactly as they came, chunked framing taken off.

use crate::{ask, run, served, speaker};
use bytes::Bytes;
use depthfinder::endpoint::wire::{Request, Response, Wire};
use depthfinder::endpoint::{Endpoint, Served};
use depthfinder::reply::{Failure, Reply, Stop, Timing, Usage};
use depthfinder::rope::Rope;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex};

/// Answers every request with the same chunks.
struct Player {
    status: u16,
    chunks: Mutex<Vec<Bytes>>,
}

impl Wire for Player {
    fn send<'a>(&'a self, _: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        let chunks = self.chunks.lock().expect("unpoisoned").clone();
        let response = Response {
            status: self.status,
            headers: Vec::new(),
            uploaded_ms: None,
            headers_ms: 0.0,
            began: std::time::Instant::now(),
            chunks: stream::iter(chunks.into_iter().map(Ok)).boxed(),
        };
        Box::pin(async { Ok(response) })
    }
}

/// The outcome of each way of cutting, without the clock's readings.
fn outcomes(status: u16, cuts: Vec<Vec<Bytes>>) -> Vec<Result<Reply, Failure>> {
    let player = Arc::new(Player {
        status,
        chunks: Mutex::default(),
    });
    let wire: Arc<dyn Wire> = player.clone();
    let endpoint = speaker(wire, Served::default());
    let question = ask(Rope::of("q"));
    run(async {
        let mut outcomes = Vec::new();
        for chunks in cuts {
            *player.chunks.lock().expect("unpoisoned") = chunks;
            let mut outcome = endpoint.ask(&question).await;
            if let Ok(reply) = &mut outcome {
                reply.timing = Timing {
                    server: reply.timing.server.take(),
                    ..Timing::default()
                };
            }
            outcomes.push(outcome);
        }
        outcomes
    })
}

fn outcome(status: u16, bytes: &str) -> Result<Reply, Failure> {
    outcomes(status, vec![vec![Bytes::copy_from_slice(bytes.as_bytes())]]).remove(0)
}

macro_rules! cassette {
    ($name:literal) => {
        include_str!(concat!(
            "../cassettes/llama-server/",
            $name,
            ".response.txt"
        ))
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

#[test]
fn every_recording_cut_at_every_byte_means_the_same() {
    for (status, recorded) in RECORDED {
        let bytes = Bytes::from_static(recorded.as_bytes());
        let whole = outcome(*status, recorded);
        let mut cuts: Vec<Vec<Bytes>> = (0..=bytes.len())
            .map(|at| vec![bytes.slice(..at), bytes.slice(at..)])
            .collect();
        cuts.push((0..bytes.len()).map(|at| bytes.slice(at..=at)).collect());
        for (at, cut) in outcomes(*status, cuts).into_iter().enumerate() {
            assert_eq!(cut, whole, "cut at {at} of {recorded:.60}");
        }
    }
}

#[test]
fn no_recording_that_stops_early_is_an_answer_before_its_finish_reason() {
    for (status, recorded) in RECORDED {
        let bytes = Bytes::from_static(recorded.as_bytes());
        let finish = recorded
            .find("\"finish_reason\":\"")
            .unwrap_or(recorded.len());
        let cuts = (0..bytes.len()).map(|at| vec![bytes.slice(..at)]).collect();
        for (at, cut) in outcomes(*status, cuts).into_iter().enumerate() {
            assert!(at > finish || cut.is_err(), "{at} bytes of {recorded:.60}");
        }
    }
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
        let wire = Arc::new(Player {
            status: 200,
            chunks: Mutex::new(vec![Bytes::from(body)]),
        });
        let endpoint = speaker(wire, served(software));
        assert_eq!(
            run(endpoint.count_tokens(&Rope::of("text"))),
            count,
            "{body:.60}"
        );
    }
}
