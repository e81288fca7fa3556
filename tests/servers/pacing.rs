//! What is never sent, and how fast the rest is.

use crate::canned::Canned;
use crate::{ask, run};
use depthfinder::endpoint::openai::OpenAi;
use depthfinder::endpoint::pace::{Limits, Pace};
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::{Endpoint, Served};
use depthfinder::reply::Failure;
use depthfinder::rope::Rope;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ANSWER: &str = r#"{"choices":[{"index":0,"message":{"content":"42"},"finish_reason":"stop"}],"usage":{"prompt_tokens":500,"completion_tokens":1}}"#;

fn speaker(wire: Canned, body_limit_bytes: Option<u64>) -> (Speaker, Arc<Canned>) {
    let wire = Arc::new(wire);
    let served = Served {
        model: "m".to_owned(),
        software: Some("vllm".to_owned()),
        tokenize: true,
        body_limit_bytes,
        ..Served::default()
    };
    let dialect = Box::new(OpenAi::default());
    (Speaker::new(wire.clone(), dialect, served), wire)
}

fn answering() -> Canned {
    Canned::new().on("POST /chat/completions", 200, ANSWER).on(
        "POST ^/tokenize",
        200,
        r#"{"count":3}"#,
    )
}

#[test]
fn a_body_above_the_known_limit_is_not_sent() {
    let long = "x".repeat(2_000_000);
    let (endpoint, wire) = speaker(answering(), Some(2_000_000));
    let failure = run(endpoint.ask(&ask(&long))).expect_err("too large");
    assert_eq!(
        failure,
        Failure::Refused {
            status: 413,
            said: "a body of 2.0 MB was not sent: this server takes at most 2.0 MB".to_owned()
        }
    );
    assert!(!failure.is_transient() && !failure.is_fatal());
    assert_eq!(run(endpoint.count_tokens(&Rope::of(&long))), None);
    assert!(wire.asked().is_empty());
    run(endpoint.ask(&ask(&long[..1_999_000]))).expect("it fits");
    assert_eq!(run(endpoint.count_tokens(&Rope::of("short"))), Some(3));
    let (open, _) = speaker(answering(), None);
    run(open.ask(&ask(&long))).expect("no limit is known");
}

#[test]
fn requests_wait_for_their_turn_and_the_wait_is_no_latency() {
    let (endpoint, _) = speaker(answering(), None);
    let endpoint = endpoint.with_pace(Pace::new(Limits {
        requests_per_minute: Some(200),
        tokens_per_minute: None,
    }));
    let question = ask("q");
    let began = Instant::now();
    let replies = run(async {
        let asked = [
            endpoint.ask(&question),
            endpoint.ask(&question),
            endpoint.ask(&question),
        ];
        futures_util::future::join_all(asked).await
    });
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(599), "{took:?}");
    for reply in replies {
        let total_ms = reply.expect("an answer").timing.total_ms;
        assert!(total_ms < 200.0, "{total_ms}");
    }
}

#[test]
fn tokens_that_a_reply_tells_take_the_place_of_the_estimate() {
    let (endpoint, _) = speaker(answering(), None);
    // The short question is believed to need some hundred tokens, and is told to have needed 501:
    // at 60,000 a minute the next one waits half a second.
    let endpoint = endpoint.with_pace(Pace::new(Limits {
        requests_per_minute: None,
        tokens_per_minute: Some(60_000),
    }));
    run(async {
        endpoint.ask(&ask("q")).await.expect("an answer");
        let began = Instant::now();
        endpoint.ask(&ask("q")).await.expect("an answer");
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(450), "{took:?}");
    });
}

#[test]
fn a_providers_headers_slow_down_every_question_and_not_the_counting() {
    let limited = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "400ms"),
    ];
    let wire = Canned::new()
        .on_with("POST /chat/completions", 200, &limited, ANSWER)
        .on("POST /chat/completions", 200, ANSWER)
        .on_with("POST ^/tokenize", 200, &limited, r#"{"count":3}"#);
    let (endpoint, _) = speaker(wire, None);
    run(async {
        let waited = async || {
            let began = Instant::now();
            endpoint.ask(&ask("q")).await.expect("an answer");
            began.elapsed()
        };
        assert!(waited().await < Duration::from_millis(200));
        let second = waited().await;
        assert!(second >= Duration::from_millis(390), "{second:?}");
        endpoint
            .count_tokens(&Rope::of("text"))
            .await
            .expect("a count");
        assert!(waited().await < Duration::from_millis(200));
    });
}

#[test]
fn a_429_holds_up_the_questions_beside_it() {
    let wire = Canned::new()
        .on_with(
            "POST /chat/completions",
            429,
            &[("retry-after-ms", "400")],
            r#"{"error":{"message":"slow down"}}"#,
        )
        .on("POST /chat/completions", 200, ANSWER);
    let (endpoint, _) = speaker(wire, None);
    run(async {
        let failure = endpoint.ask(&ask("q")).await.expect_err("limited");
        assert_eq!(failure.retry_after_ms(), Some(400));
        let began = Instant::now();
        endpoint.ask(&ask("q")).await.expect("an answer");
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(390), "{took:?}");
    });
}
