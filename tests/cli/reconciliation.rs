//! A 200 is not an answer: what came between prompt and model is void, and only the model is scored.

use crate::support::mock::{Answer, Asked, Mock};
use crate::support::{Depthfinder, Place};
use serde_json::Value;

/// Four questions whose lengths are known to the token.
fn four(place: &Place, mock: &Mock) -> Depthfinder {
    place
        .sweep(&mock.target(), "--lengths 700,1400 --depths 2 --keys 2")
        .args("--concurrency 1 --tokenizer o200k --out run")
}

/// A server that tells the truth of the short first question and goes by the script after it.
fn mock(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Mock {
    Mock::start(move |asked| match asked.is_probe() {
        true => Answer::right(asked),
        false => script(asked),
    })
}

fn column(rows: &[Value], pointer: &str) -> Vec<Value> {
    let cell = |row: &Value| row.pointer(pointer).cloned().unwrap_or_default();
    rows.iter().map(cell).collect()
}

#[test]
fn a_prompt_that_was_cut_is_void_and_never_wrong() {
    let place = Place::new();
    // Ollama's way: beyond its window it drops the start and answers all the same.
    let mock = mock(|asked| match asked.tokens() {
        0..=1000 => Answer::right(asked),
        _ => Answer::chat("I cannot find it.", "stop", Some((1000, 6))),
    });
    four(&place, &mock).ends(3);
    let rows = place.run("run").rows();
    for row in &rows {
        let cut = row["trial"]["length_tokens"] == 1400;
        assert_eq!(row["void"] == "cut-prompt", cut, "{row}");
        assert_eq!(row["judged"].is_null(), cut, "{row}");
    }
    let summary = place.run("run").json("summary.json");
    assert_eq!(summary["tasks"][0]["voids"]["cut-prompt"], 2);
    assert_eq!(summary["tasks"][0]["curve"][1]["accuracy"], Value::Null);
    assert_eq!(summary["totals"]["scored"], 2);
}

#[test]
fn a_cut_is_seen_without_a_tokenizer_too() {
    let place = Place::new();
    let mock = Mock::start(|asked| {
        Answer::chat("I cannot find it.", "stop", Some((asked.tokens() / 2, 6)))
    });
    place
        .sweep(
            &mock.target(),
            "--lengths 700 --depths 2 --keys 2 --out run",
        )
        .ends(3);
    assert_eq!(
        column(&place.run("run").rows(), "/void"),
        ["cut-prompt", "cut-prompt"]
    );
}

#[test]
fn more_tokens_than_were_sent_are_void() {
    let place = Place::new();
    let mock = mock(|asked| Answer::chat("7", "stop", Some((asked.tokens() + 400, 2))));
    four(&place, &mock).ends(3);
    assert_eq!(
        column(&place.run("run").rows(), "/void"),
        ["token-mismatch"; 4]
    );
}

#[test]
fn replies_without_accounts_are_scored_under_a_warning() {
    let place = Place::new();
    let mock = mock(|asked| Answer::chat(&asked.right(), "stop", None));
    let told = four(&place, &mock).ends(0);
    let warning =
        "4 replies came without token counts: a silent cut of the prompt cannot be ruled out";
    assert!(told.stdout.contains(warning), "{told}");
    let summary = place.run("run").json("summary.json");
    assert_eq!(
        (&summary["totals"]["scored"], &summary["totals"]["void"]),
        (&4.into(), &0.into())
    );
    let usage = column(
        &place.run("run").rows(),
        "/outcome/reply/usage/prompt_tokens",
    );
    assert_eq!(usage, [Value::Null, Value::Null, Value::Null, Value::Null]);
    let report = String::from_utf8(place.run("run").bytes("report.md")).expect("UTF-8");
    assert!(report.contains("without token counts"), "{report}");
}

#[test]
fn a_budget_that_the_server_clamps_is_void() {
    let place = Place::new();
    let mock = mock(|asked| Answer::chat("The special", "length", Some((asked.tokens(), 2))));
    four(&place, &mock).ends(3);
    let rows = place.run("run").rows();
    let clamped: Vec<&Value> = rows.iter().filter(|row| row["settled"] == true).collect();
    assert_eq!(clamped.len(), 4);
    assert!(clamped.iter().all(|row| row["void"] == "output-clamped"));
}

#[test]
fn an_answer_that_runs_out_of_its_budget_gets_four_times_as_much_once() {
    let place = Place::new();
    let mock = mock(|asked| {
        let budget = asked.body["max_tokens"].as_u64().expect("a budget");
        match budget {
            0..=64 => Answer::chat(
                "Let me think about",
                "length",
                Some((asked.tokens(), budget)),
            ),
            _ => Answer::right(asked),
        }
    });
    four(&place, &mock).ends(0);
    let rows = place.run("run").rows();
    assert_eq!(
        column(&rows, "/max_output_tokens"),
        [64, 256, 64, 256, 64, 256, 64, 256]
    );
    assert_eq!(
        column(&rows, "/settled"),
        [false, true, false, true, false, true, false, true]
    );
    assert_eq!(column(&rows, "/attempt"), [1, 2, 1, 2, 1, 2, 1, 2]);
    assert_eq!(
        place.run("run").json("summary.json")["tasks"][0]["classes"]["exact"],
        4
    );
}

#[test]
fn an_answer_that_never_ends_is_the_model_s_own_failure() {
    let place = Place::new();
    let mock = mock(|asked| {
        let budget = asked.body["max_tokens"].as_u64().expect("a budget");
        Answer::chat(
            "and so on and so on",
            "length",
            Some((asked.tokens(), budget)),
        )
    });
    four(&place, &mock).ends(0);
    assert_eq!(mock.count(), 2 + 8);
    let summary = place.run("run").json("summary.json");
    assert_eq!(
        (&summary["totals"]["scored"], &summary["totals"]["void"]),
        (&4.into(), &0.into())
    );
    assert_eq!(summary["tasks"][0]["curve"][0]["right"], 0);
}

#[test]
fn empty_answers_are_asked_once_more_and_then_judged_by_their_accounts() {
    for (output_tokens, void) in [(Some(0), "no-output".into()), (Some(3), Value::Null)] {
        let place = Place::new();
        let mock = mock(move |asked| {
            let usage = output_tokens.map(|output| (asked.tokens(), output));
            Answer::chat("", "stop", usage)
        });
        four(&place, &mock).ends(if void.is_null() { 0 } else { 3 });
        let rows = place.run("run").rows();
        assert_eq!(
            column(&rows, "/max_output_tokens"),
            [64, 256, 64, 256, 64, 256, 64, 256]
        );
        assert_eq!(column(&rows, "/void"), vec![void; 8]);
        assert_eq!(
            place.run("run").json("summary.json")["tasks"][0]["curve"][0]["right"],
            0
        );
    }
}

#[test]
fn what_the_provider_filters_is_void_and_a_refusal_of_the_model_is_not() {
    let place = Place::new();
    let mock = mock(|asked| match asked.tokens() {
        0..=1000 => Answer::chat(
            "I'm sorry, I can't help with that.",
            "stop",
            Some((asked.tokens(), 9)),
        ),
        _ => Answer::chat("", "content_filter", Some((asked.tokens(), 0))),
    });
    four(&place, &mock).ends(3);
    for row in place.run("run").rows() {
        let filtered = row["trial"]["length_tokens"] == 1400;
        assert_eq!(row["void"] == "filtered", filtered, "{row}");
        assert_eq!(row["judged"]["class"] == "refusal", !filtered, "{row}");
    }
}

#[test]
fn an_error_inside_a_200_and_a_missing_finish_reason_are_void() {
    let place = Place::new();
    let mock = mock(|asked| match asked.tokens() {
        0..=1000 => Answer::body(
            200,
            "application/json",
            r#"{"error":{"message":"out of memory"}}"#,
        ),
        _ => Answer::body(
            200,
            "text/event-stream",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"4\"}}]}\n\n",
        ),
    });
    four(&place, &mock).args("--retries 0").ends(3);
    for row in place.run("run").rows() {
        let short = row["trial"]["length_tokens"] == 700;
        assert_eq!(
            row["void"],
            if short { "server-error" } else { "broken" },
            "{row}"
        );
    }
}
