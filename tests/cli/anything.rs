//! Whatever a server sends, the run ends, every trial has its row, and no key is written anywhere.

use crate::support::Place;
use crate::support::mock::{Answer, Asked, Mock};
use depthfinder::seed::{Secret, Stream};
use std::collections::BTreeSet;
use std::sync::Mutex;

const KEY: &str = "sk-live-8c1f0b7e55d94a3b";

/// What servers are built of, true and false.
const FRAGMENTS: &[&str] = &[
    "data: ",
    "\n\n",
    "\r\n",
    ": keep-alive\n\n",
    "event: error\n",
    "[DONE]",
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
    "4829173",
    "\"}}]}",
    "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":700,\"completion_tokens\":4}}",
    "{\"error\":{\"message\":\"",
    "\",\"code\":400}}",
    "maximum context length is 512 tokens",
    "null",
    "-1e999",
    "\u{fffd}\u{0}é汉😀",
    "<html><title>502</title>",
    "{",
    "]",
    "\"",
    KEY,
];

const STATUSES: &[u16] = &[
    200, 200, 200, 200, 200, 204, 302, 400, 402, 408, 409, 413, 418, 422, 429, 500, 502, 503, 529,
];

fn pick<'a, T>(stream: &mut Stream, from: &'a [T]) -> &'a T {
    &from[stream.below(from.len() as u64) as usize]
}

fn anything(stream: &mut Stream, asked: &Asked) -> Answer {
    if stream.below(4) == 0 {
        return Answer::right(asked);
    }
    let length = stream.below(14);
    let body: String = (0..length).map(|_| *pick(stream, FRAGMENTS)).collect();
    let kind = pick(
        stream,
        &["text/event-stream", "application/json", "text/html", "x"],
    );
    let mut answer = Answer::body(*pick(stream, STATUSES), kind, &body);
    if stream.below(5) == 0 {
        let wait = pick(stream, &["0", "0.01", "-3", "soon", "1e400", KEY]);
        answer = answer.header("Retry-After", wait);
    }
    if stream.below(5) == 0 {
        answer = answer.header("x-request-id", KEY);
    }
    answer
}

#[test]
fn whatever_a_server_sends_the_run_ends_with_a_row_for_every_trial_and_no_key() {
    for seed in 0..8u64 {
        let place = Place::new();
        let key = Secret::from_hex("a117").expect("hex").key("");
        let stream = Mutex::new(key.stream("anything", &[seed]));
        let mock = Mock::start(move |asked| match stream.lock() {
            Ok(mut stream) => anything(&mut stream, asked),
            Err(_) => Answer::error(500, "poisoned"),
        });
        let told = place
            .sweep(&mock.target(), "--lengths 600,900 --depths 4 --keys 2")
            .args("--calibrate never --retries 1 --concurrency 4 --out run")
            .args("--first-event-timeout 5 --idle-timeout 5 --api-key-env MY_KEY")
            .env("MY_KEY", KEY)
            .start()
            .wait();
        assert!(matches!(told.code, Some(0 | 2 | 3)), "seed {seed}: {told}");
        assert!(!told.to_string().contains(KEY), "seed {seed}: {told}");
        let run = place.run("run");
        for (name, bytes) in run.files() {
            let found = memchr::memmem::find(&bytes, KEY.as_bytes());
            assert!(found.is_none(), "seed {seed}: a key in {name}");
        }
        let rows = run.rows();
        let asked: BTreeSet<u64> = rows
            .iter()
            .filter_map(|row| row["trial"]["id"].as_u64())
            .collect();
        // No credit ends a run at once; then the rest is not asked.
        if told.code != Some(2) {
            assert_eq!(run.settled().len(), 8, "seed {seed}: {told}");
            assert_eq!(asked.len(), 8, "seed {seed}");
        }
        for row in &rows {
            let is_scored = !row["judged"].is_null();
            let is_void = !row["void"].is_null();
            let is_larger = row["settled"] == false;
            assert!(is_scored != is_void || is_larger, "seed {seed}: {row}");
        }
    }
}
