//! What fails may pass: asked again as the server wishes, or stopped at once where nothing can pass.

use crate::support::mock::{Answer, MODEL, Mock};
use crate::support::{Depthfinder, Place};
use std::time::{Duration, Instant};

const KEY: &str = "sk-test-0123456789abcdefghij";
const OTHER: &str = "gateway-9876543210-zyxwvu";

/// One question at a time: two of them in all.
fn two(place: &Place, target: &str) -> Depthfinder {
    place
        .sweep(target, "--lengths 700 --depths 2 --keys 2 --concurrency 1")
        .args("--calibrate never --out run")
}

#[test]
fn a_rate_limit_is_waited_out_as_long_as_the_server_asks() {
    let place = Place::new();
    let mock = Mock::start(|asked| match asked.number {
        0 => Answer::error(429, "Rate limit reached, slow down").header("Retry-After", "1.2"),
        2 => Answer::error(429, "Rate limit reached").header("retry-after-ms", "700"),
        _ => Answer::right(asked),
    });
    let told = two(&place, &mock.target()).ends(0);
    assert!(
        told.stderr
            .contains("rate limited: Rate limit reached, slow down; asked again in 1.2 s"),
        "{told}"
    );
    let times: Vec<Instant> = mock.asked().iter().map(|asked| asked.at).collect();
    assert_eq!(times.len(), 4);
    let waits = [times[1] - times[0], times[3] - times[2]];
    for (wait, asked_ms) in waits.into_iter().zip([1200, 700]) {
        let asked_for = Duration::from_millis(asked_ms);
        assert!(
            wait >= asked_for && wait < asked_for + Duration::from_secs(3),
            "{wait:?}"
        );
    }
    let rows = place.run("run").rows();
    let seen: Vec<(u64, bool, bool)> = rows
        .iter()
        .map(|row| {
            let attempt = row["attempt"].as_u64().expect("a number");
            (
                attempt,
                row["settled"] == true,
                row["void"] == "rate-limited",
            )
        })
        .collect();
    let one = [(1, false, true), (2, true, false)];
    assert_eq!(seen, [one, one].concat());
    assert_eq!(rows[0]["outcome"]["failure"]["retry_after_ms"], 1200);
    let summary = place.run("run").json("summary.json");
    assert_eq!(
        (&summary["totals"]["void"], &summary["totals"]["attempts"]),
        (&0.into(), &4.into())
    );
}

#[test]
fn a_server_that_keeps_failing_leaves_void_trials_with_their_reason() {
    let place = Place::new();
    let page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
    for (name, answer, said) in [
        ("plain", Answer::error(500, "worker died"), "worker died"),
        (
            "page",
            Answer::body(502, "text/html", page),
            "an HTML page: 502 Bad Gateway",
        ),
    ] {
        let mock = Mock::start(move |_| answer.clone());
        let told = place
            .sweep(
                &mock.target(),
                "--lengths 700 --depths 2 --keys 2 --retries 1 --calibrate never --out",
            )
            .arg(name)
            .ends(3);
        assert!(
            told.stderr
                .contains("2 of 2 trials are void, more than 20 %"),
            "{told}"
        );
        assert_eq!(mock.count(), 4);
        let run = place.run(name);
        for row in run.rows() {
            assert_eq!(
                (&row["void"], &row["judged"]),
                (&"server-error".into(), &().into())
            );
            assert_eq!(row["outcome"]["failure"]["said"], said);
        }
        let settled: Vec<String> = run
            .settled()
            .into_values()
            .map(|settled| settled.2)
            .collect();
        assert_eq!(settled, ["void: server-error", "void: server-error"]);
        let summary = run.json("summary.json");
        assert_eq!(summary["tasks"][0]["voids"]["server-error"], 2);
        assert!(summary["tasks"][0]["curve"][0]["accuracy"].is_null());
    }
}

#[test]
fn a_server_that_was_down_is_asked_again_by_the_next_run() {
    let place = Place::new();
    let down = Mock::start(|_| Answer::error(503, "loading"));
    let command = |mock: &Mock| two(&place, &mock.target()).args("--retries 0 --secret 0f");
    command(&down).ends(3);
    let up = Mock::right();
    command(&up).ends(0);
    assert_eq!(up.count(), 2);
    let summary = place.run("run").json("summary.json");
    assert_eq!(summary["totals"]["scored"], 2);
}

/// No file of the run folder and nothing that was printed holds a credential.
fn assert_hidden(place: &Place, told: &crate::support::Told) {
    for key in [KEY, OTHER] {
        let half = &key[..key.len() / 2];
        assert!(!told.to_string().contains(half), "{told}");
        if place.path("run").exists() {
            for (name, bytes) in place.run("run").files() {
                assert!(
                    memchr::memmem::find(&bytes, half.as_bytes()).is_none(),
                    "{name}"
                );
            }
        }
    }
}

fn with_keys(command: Depthfinder) -> Depthfinder {
    command
        .args("--api-key-env MY_KEY --header")
        .arg(format!("X-Gateway: {OTHER}"))
        .env("MY_KEY", KEY)
}

#[test]
fn a_refused_key_ends_the_run_at_once_and_is_never_shown() {
    let place = Place::new();
    let words = format!("Incorrect API key provided: {KEY} ({OTHER})");
    let said = words.clone();
    let mock = Mock::start(move |_| Answer::error(401, &said));
    let told = with_keys(two(&place, &mock.target())).ends(2);
    assert!(
        told.complaint()
            .contains("the key was refused: Incorrect API key"),
        "{told}"
    );
    assert_eq!(mock.count(), 1, "asked again with a key that was refused");
    let head = mock.asked()[0].head.to_lowercase();
    assert!(
        head.contains(&format!("authorization: bearer {KEY}")),
        "{head}"
    );
    assert!(head.contains(&format!("x-gateway: {OTHER}")), "{head}");
    assert_hidden(&place, &told);
    assert!(place.path("run/journal.jsonl").exists());
    // With the right key the same folder goes on.
    let mock = Mock::start(move |asked| {
        let text = format!("{} {KEY} {OTHER}", asked.right());
        Answer::chat(&text, "stop", Some((asked.tokens(), 4)))
    });
    let told = with_keys(two(&place, &mock.target())).ends(0);
    assert_eq!(mock.count(), 2);
    assert_hidden(&place, &told);

    let place = Place::new();
    let mock = Mock::listing(Answer::error(401, &words), Answer::right);
    let told = with_keys(two(&place, &mock.target())).ends(2);
    assert!(told.complaint().contains("the key was refused"), "{told}");
    assert_eq!((mock.listed(), mock.count()), (1, 0));
    assert_hidden(&place, &told);
}

#[test]
fn a_model_that_is_not_there_is_told_with_the_nearest_names() {
    let place = Place::new();
    let mock = Mock::right();
    let line = two(&place, &format!("{}#mock-2", mock.target())).refused();
    assert!(
        line.contains("no model `mock-2`") && line.contains(MODEL),
        "{line}"
    );
    assert_eq!(mock.count(), 0);
    let mock = Mock::start(|_| Answer::error(404, "The model `mock-1` does not exist"));
    let told = two(&place, &mock.target()).ends(2);
    let line = told.complaint();
    assert!(
        line.contains("does not exist") && line.contains("--out run"),
        "{line}"
    );
    assert_eq!(mock.count(), 1);
}

#[test]
fn a_server_that_is_not_there_ends_the_run() {
    let place = Place::new();
    let line = two(&place, "http://127.0.0.1:1/v1#m").refused();
    assert!(line.contains("no connection"), "{line}");
}

#[test]
fn a_named_model_is_asked_for_where_the_server_lists_none() {
    let place = Place::new();
    let page = Answer::body(404, "text/html", "<title>404 Not Found</title>");
    let mock = Mock::listing(page.clone(), Answer::right);
    let line = two(&place, &mock.target()).refused();
    assert!(line.contains("name one behind a #"), "{line}");
    two(&place, &format!("{}#{MODEL}", mock.target())).ends(0);
    assert_eq!(mock.asked()[0].body["model"], MODEL);
}
