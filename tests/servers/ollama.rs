//! Ollama's own dialect: what is sent, and lines that were written by its documentation and its
//! source (`docs/api.md`, `server/routes.go`, `llm/llama_server.go` of ollama@fb30760).

use crate::canned::Canned;
use crate::{ask, run};
use bytes::Bytes;
use depthfinder::endpoint::ollama::Ollama;
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::{Endpoint, Served};
use depthfinder::reply::{Failure, Reply, Stop, Timing};
use serde_json::{Value, json};
use std::sync::Arc;

const STREAM: &str = concat!(
    r#"{"model":"qwen3:8b","created_at":"2026-08-21T08:52:19.385406455-07:00","message":{"role":"assistant","content":"","thinking":"Osló "},"done":false}"#,
    "\n",
    r#"{"model":"qwen3:8b","created_at":"2026-08-21T08:52:19.4-07:00","message":{"role":"assistant","content":"","thinking":"it is."},"done":false}"#,
    "\n",
    r#"{"model":"qwen3:8b","created_at":"2026-08-21T08:52:19.5-07:00","message":{"role":"assistant","content":"The number is ","images":null},"done":false}"#,
    "\n",
    r#"{"model":"qwen3:8b","created_at":"2026-08-21T08:52:19.6-07:00","message":{"role":"assistant","content":"42 – 汉字 😀","thinking":null},"done":false}"#,
    "\n",
    r#"{"model":"qwen3:8b","created_at":"2026-08-21T19:22:45.499127Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":282,"eval_duration":4535599000}"#,
    "\n",
);

fn speaker(wire: Canned, ollama: Ollama) -> (Speaker, Arc<Canned>) {
    let wire = Arc::new(wire);
    let served = Served {
        model: "qwen3:8b".to_owned(),
        ..Served::default()
    };
    (Speaker::new(wire.clone(), Box::new(ollama), served), wire)
}

fn answered(status: u16, chunks: Vec<Bytes>) -> Result<Reply, Failure> {
    let wire = Canned::new().on_chunks("POST /api/chat", status, &[], chunks);
    let (endpoint, _) = speaker(wire, Ollama::default());
    let mut outcome = run(endpoint.ask(&ask("q")));
    if let Ok(reply) = &mut outcome {
        reply.timing = Timing {
            server: reply.timing.server.take(),
            ..Timing::default()
        };
    }
    outcome
}

fn told(status: u16, body: &str) -> Result<Reply, Failure> {
    answered(status, vec![Bytes::copy_from_slice(body.as_bytes())])
}

/// What is sent for a question.
fn sent(ollama: Ollama, change: impl FnOnce(&mut depthfinder::endpoint::Ask)) -> Value {
    let (endpoint, wire) = speaker(Canned::new().on("POST /api/chat", 200, STREAM), ollama);
    let mut question = ask("say \"hi\"\n汉字");
    change(&mut question);
    run(endpoint.ask(&question)).expect("an answer");
    wire.asked().remove(0).body
}

#[test]
fn a_prompt_may_neither_be_cut_nor_shifted_and_the_window_is_asked_for() {
    assert_eq!(
        sent(Ollama::default(), |_| {}),
        json!({
            "model": "qwen3:8b",
            "messages": [{"role": "user", "content": "say \"hi\"\n汉字"}],
            "options": {"num_predict": 64, "temperature": 0.0},
            "truncate": false,
            "shift": false,
            "keep_alive": "30m",
            "stream": true,
        })
    );
    let ollama = Ollama {
        params: vec![
            (
                "options".to_owned(),
                json!({"seed": 7, "temperature": null}),
            ),
            ("keep_alive".to_owned(), json!(-1)),
        ],
        ..Ollama::default()
    };
    // Chosen after the endpoint took its own copy.
    let window = ollama.num_ctx.clone();
    window.choose(131_136);
    let body = sent(ollama, |ask| {
        ask.system = Some("be brief".to_owned());
        ask.reasoning = Some("none".to_owned());
    });
    assert_eq!(
        body,
        json!({
            "model": "qwen3:8b",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "say \"hi\"\n汉字"},
            ],
            "options": {"num_ctx": 131_136, "num_predict": 64, "seed": 7},
            "truncate": false,
            "shift": false,
            "keep_alive": -1,
            "stream": true,
            "think": false,
        })
    );
    let body = sent(Ollama::default(), |ask| {
        ask.reasoning = Some("high".to_owned());
        ask.temperature = None;
    });
    assert_eq!(body["think"], "high");
    assert_eq!(body["options"], json!({"num_predict": 64}));
}

#[test]
fn reasoning_is_kept_apart_and_every_count_is_read() {
    let reply = told(200, STREAM).expect("an answer");
    assert_eq!(reply.text, "The number is 42 – 汉字 😀");
    assert_eq!(reply.reasoning, "Osló it is.");
    assert_eq!(reply.stop, Stop::End);
    assert_eq!(reply.model.as_deref(), Some("qwen3:8b"));
    assert_eq!(reply.usage.prompt_tokens, Some(26));
    assert_eq!(reply.usage.output_tokens, Some(282));
    assert_eq!(reply.usage.cached_tokens, None);
    assert_eq!(
        reply.usage.told,
        Some(json!({"prompt_eval_count": 26, "eval_count": 282}))
    );
    let server = reply.timing.server.expect("durations");
    assert_eq!(server["prompt_eval_duration"], 342_546_000);
}

#[test]
fn a_stream_cut_at_any_byte_means_the_same_and_one_that_stops_early_is_no_answer() {
    let bytes = Bytes::from_static(STREAM.as_bytes());
    let whole = told(200, STREAM);
    assert!(whole.is_ok());
    let each: Vec<Bytes> = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
    assert_eq!(answered(200, each), whole);
    for at in 0..=bytes.len() {
        let halves = vec![bytes.slice(..at), bytes.slice(at..)];
        assert_eq!(answered(200, halves), whole, "cut at {at}");
        let early = answered(200, vec![bytes.slice(..at)]);
        // Only the last line's end may be missing.
        assert_eq!(
            early.is_ok(),
            at + 1 >= bytes.len(),
            "{at} bytes: {early:?}"
        );
        assert!(early.is_ok() || matches!(early, Err(Failure::Broken { .. })));
    }
}

#[test]
fn an_answer_that_came_whole_is_a_stream_of_one_line() {
    let reply = told(
        200,
        r#"{"model":"m","message":{"role":"assistant","content":"42"},"done":true,"done_reason":"length","prompt_eval_count":7,"eval_count":1}"#,
    )
    .expect("an answer");
    assert_eq!((reply.text.as_str(), reply.stop), ("42", Stop::Length));
}

#[test]
fn what_is_no_answer_is_told_as_what_it_is() {
    let text = r#"{"model":"m","message":{"role":"assistant","content":"4"},"done":false}"#;
    for (status, body, reason) in [
        // Its own engine failed after text was sent: an error as a line, under a 200.
        (
            200,
            format!("{text}\n{{\"error\":\"an error was encountered while running the model: CUDA error\"}}\n"),
            "server-error",
        ),
        (
            200,
            format!("{text}\n{{\"error\":\"the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length\"}}\n"),
            "too-long",
        ),
        // Its connection to its own engine was lost: done, and no reason.
        (
            200,
            r#"{"model":"m","message":{"role":"assistant","content":"4"},"done":true}"#.to_owned(),
            "broken",
        ),
        (
            200,
            r#"{"model":"m","message":{"role":"assistant","content":""},"done_reason":"load","done":true}"#.to_owned(),
            "server-error",
        ),
        (200, "<html>".to_owned(), "server-error"),
        (200, "not JSON".to_owned(), "broken"),
        (200, String::new(), "broken"),
        (400, r#"{"error":"\"smollm2\" does not support thinking"}"#.to_owned(), "refused-request"),
        (400, r#"{"error":"request (331 tokens) exceeds the available context size (256 tokens), try increasing it"}"#.to_owned(), "too-long"),
        (404, r#"{"error":"model 'x' not found"}"#.to_owned(), "not-found"),
        (503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#.to_owned(), "server-error"),
        (500, r#"{"error":"model requires more system memory (8.4 GiB) than is available (5.1 GiB)"}"#.to_owned(), "server-error"),
    ] {
        let failure = told(status, &body).expect_err(&body);
        assert_eq!(failure.reason(), reason, "{body}: {failure}");
    }
}
