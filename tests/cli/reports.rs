//! `report` scores and draws from the journal alone; what is printed is for people or for machines.

use crate::support::mock::Mock;
use crate::support::{Place, names};
use serde_json::Value;

const DRAWN: &[&str] = &[
    "accuracy.png",
    "accuracy.svg",
    "cells.csv",
    "heatmap.png",
    "heatmap.svg",
    "report.html",
    "report.md",
    "summary.json",
];

#[test]
fn a_report_draws_the_same_again_and_asks_nothing() {
    let place = Place::new();
    let mock = Mock::right();
    for (name, target) in [
        ("sim", "sim:middle=0.6,seed=3"),
        ("http", mock.target().as_str()),
    ] {
        place
            .sweep(
                target,
                "--lengths 600,1200 --depths 5 --samples 2 --tokenizer o200k",
            )
            .args("--quiet --out")
            .arg(name)
            .ends(0);
        let asked = mock.count();
        let run = place.run(name);
        let before = run.files();
        for file in DRAWN {
            std::fs::remove_file(run.path().join(file)).expect(file);
        }
        let told = place.depthfinder("report").arg(name).ends(0);
        assert!(told.stdout.contains("niah_multikey on "), "{told}");
        assert_eq!(mock.count(), asked);
        for ((name, before), (again, after)) in before.iter().zip(&run.files()) {
            assert!(name == again && before == after, "{name} differs");
        }
    }
    let told = place.depthfinder("report sim http --json").ends(0);
    let both: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(both[0], place.run("sim").json("summary.json"));
    assert_eq!(both[1], place.run("http").json("summary.json"));
}

#[test]
fn a_report_scores_anew_what_the_journal_holds() {
    let place = Place::new();
    place
        .sweep("sim:perfect", "--lengths 600 --depths 5 --quiet --out run")
        .ends(0);
    let run = place.run("run");
    let path = run.path().join("journal.jsonl");
    let text = String::from_utf8(run.bytes("journal.jsonl")).expect("UTF-8");
    // A scorer of another version would have written another class; answers are what counts.
    assert_eq!(text.matches("\"class\":\"exact\"").count(), 5);
    std::fs::write(
        &path,
        text.replace("\"class\":\"exact\"", "\"class\":\"refusal\""),
    )
    .expect("writes");
    place.depthfinder("report run").ends(0);
    let summary = run.json("summary.json");
    assert_eq!(
        summary["tasks"][0]["classes"],
        serde_json::json!({"exact": 5})
    );
    let answer = run.rows()[0]["outcome"]["reply"]["text"]
        .as_str()
        .expect("text")
        .to_owned();
    let wrong = text.replacen(
        &format!("\"text\":\"{answer}\""),
        "\"text\":\"I don't know.\"",
        1,
    );
    std::fs::write(&path, wrong).expect("writes");
    place.depthfinder("report run").ends(0);
    assert_eq!(run.json("summary.json")["tasks"][0]["curve"][0]["right"], 4);
}

#[test]
fn machines_get_json_and_quiet_is_quiet() {
    let place = Place::new();
    let told = place
        .sweep(
            "sim:perfect",
            "--lengths 600 --depths 2 --keys 2 --json --out run",
        )
        .ends(0);
    let summary: Value = serde_json::from_str(&told.stdout).expect("JSON alone on standard output");
    assert_eq!(summary, place.run("run").json("summary.json"));
    let told = place
        .sweep(
            "sim:perfect",
            "--lengths 600 --depths 2 --keys 2 --quiet --out quiet",
        )
        .ends(0);
    assert!(told.stdout.is_empty() && told.stderr.is_empty(), "{told}");
    assert!(names(place.run("quiet").path()).contains(&"heatmap.png".to_owned()));
}

#[test]
fn progress_and_notes_go_to_standard_error_and_results_to_standard_output() {
    let place = Place::new();
    let told = place
        .sweep("sim:perfect", "--lengths 600 --depths 2 --keys 2 --out run")
        .ends(0);
    for words in [
        "run folder run",
        "lengths are exact: counted with o200k",
        "2/2 2 right of 2",
    ] {
        assert!(told.stderr.contains(words), "{told}");
    }
    assert!(
        told.stdout.starts_with("niah_multikey on sim:perfect\n"),
        "{told}"
    );
    // No terminal, no colours and no bars.
    assert!(!told.stderr.contains('\u{1b}') && !told.stdout.contains('\u{1b}'));
}

#[test]
fn what_is_built_in_is_listed() {
    let place = Place::new();
    let told = place.depthfinder("tasks").ends(0);
    assert!(told.stdout.contains("niah_single") && told.stdout.contains("niah_multikey"));
    let told = place.depthfinder("corpora").ends(0);
    assert!(
        told.stdout.contains("en-prose") && told.stdout.lines().count() > 10,
        "{told}"
    );
    let told = place.depthfinder("--version").ends(0);
    assert_eq!(
        told.stdout,
        format!("depthfinder {}\n", env!("CARGO_PKG_VERSION"))
    );
    let told = place.depthfinder("sweep --help").ends(0);
    assert!(
        told.stdout.contains("sim:NAME") && told.stdout.contains("Exit codes"),
        "{told}"
    );
}

#[test]
fn haystacks_that_share_most_of_their_text_are_called_one_text() {
    let place = Place::new();
    let warned = |name: &str, lengths: &str, samples: &str| {
        place
            .sweep(
                "sim:perfect",
                "--depths 1 --task niah_single --quiet --lengths",
            )
            .arg(lengths)
            .args("--samples")
            .arg(samples)
            .args("--out")
            .arg(name)
            .ends(0);
        let summary = place.run(name).json("summary.json");
        let warnings = summary["warnings"].as_array().expect("warnings").clone();
        let one_text = warnings.iter().filter_map(Value::as_str);
        one_text
            .filter(|warning| warning.contains("one text in several orders"))
            .map(str::to_owned)
            .next()
    };
    // The text holds some 90,000 tokens.
    let told = warned("long", "20k,60k", "2").expect("a warning");
    assert!(
        told.starts_with("haystacks of 60,000 tokens and more"),
        "{told}"
    );
    assert_eq!(warned("short", "20k,30k", "2"), None);
    assert_eq!(warned("single", "60k", "1"), None);
}
