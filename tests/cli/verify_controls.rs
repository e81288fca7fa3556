//! Controls of a verification: what they cost, what they show, and what a leak does to a verdict.

use crate::support::Place;
use crate::support::mock::{Answer, Asked, Mock};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

#[test]
fn controls_of_every_kind_are_asked_for_a_twentieth_of_the_tokens() {
    let place = Place::new();
    let told = place
        .verify("sim:perfect", "--claim 40k --secret ca --out run")
        .ends(0);
    let run = place.run("run");
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut tokens = 0;
    for control in run.controls() {
        let kind = control["kind"].as_str().expect("a kind").to_owned();
        if !matches!(kind.as_str(), "no_context" | "needle_only") {
            tokens += control["prompt"]["text_tokens"].as_u64().expect("tokens");
        }
        *kinds.entry(kind).or_default() += 1;
    }
    let found: Vec<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "absent_needle",
            "needle_only",
            "no_context",
            "no_needle",
            "short_context"
        ]
    );
    let verification = run.verification();
    let asked = verification["tokens"].as_u64().expect("tokens");
    assert!(20 * tokens <= asked, "{tokens} of {asked}");
    for control in verification["controls"].as_array().expect("controls") {
        let right = control["right"].as_u64().expect("a number");
        let all = match control["kind"].as_str() {
            Some("no_context" | "no_needle") => 0,
            _ => control["answered"].as_u64().expect("a number"),
        };
        assert_eq!(right, all, "{control}");
        assert_eq!(
            control["answered"],
            kinds[control["kind"].as_str().expect("a kind")]
        );
    }
    assert_eq!(verification["leaks"], serde_json::json!([]));
    assert!(
        told.stdout.contains("10 of 10 right in short texts")
            && told.stdout.contains("0 of 10 right without any text"),
        "{told}"
    );
}

#[test]
fn tasks_without_a_fact_that_could_be_left_out_are_verified_all_the_same() {
    for (task, without) in [
        ("absent", vec!["no_context", "no_needle"]),
        ("cwe", vec!["needle_only", "no_needle"]),
        ("fwe", vec!["needle_only", "no_needle"]),
    ] {
        let place = Place::new();
        let arguments = format!("--task {task} --claim 8k --secret ca --out run");
        place.verify("sim:perfect", &arguments).ends(0);
        let run = place.run("run");
        let verification = run.verification();
        assert_eq!(verification["leaks"], serde_json::json!([]), "{task}");
        for control in verification["controls"].as_array().expect("controls") {
            let kind = control["kind"].as_str().expect("a kind");
            assert!(!without.contains(&kind), "{task}: {kind}");
            // Short contexts of lists are lists of their own, and can be answered.
            let all = match kind {
                "no_context" => &serde_json::json!(0),
                _ => &control["answered"],
            };
            assert_eq!(&control["right"], all, "{task}: {control}");
        }
    }
}

/// The name that a question asks for, and the value beside it in the text, where it stands there.
fn asked_for(asked: &Asked) -> Option<(String, Option<String>)> {
    let (_, question) = asked.prompt().rsplit_once("magic number for ")?;
    let (key, _) = question.split_once('?')?;
    let value = || {
        let planted = format!("magic number for {key} is ");
        let (_, value) = asked.prompt().split_once(&planted)?;
        Some(value.split_once('.')?.0.to_owned())
    };
    Some((key.to_owned(), value()))
}

#[test]
fn a_server_that_remembers_earlier_prompts_is_found_out_and_not_verified() {
    let place = Place::new();
    let remembered: Mutex<HashMap<String, String>> = Mutex::default();
    let mock = Mock::start(move |asked| {
        let Some((key, value)) = asked_for(asked) else {
            return Answer::right(asked);
        };
        let mut remembered = remembered.lock().expect("unpoisoned");
        let answer = match value {
            Some(value) => remembered.entry(key).or_insert(value).clone(),
            // The fact is not in this prompt, but it was in one before.
            None => remembered.get(&key).cloned().unwrap_or_default(),
        };
        Answer::chat(&answer, "stop", Some((asked.tokens(), 4)))
    });
    let told = place
        .verify(&mock.target(), "--claim 8k --wording fixed --out run")
        .args("--tokenizer o200k --secret cb")
        .ends(3);
    assert!(
        told.stdout.starts_with("UNDECIDED ")
            && told
                .stdout
                .contains("answered rightly though their facts were nowhere in the prompt."),
        "{told}"
    );
    assert!(
        told.stdout
            .contains("A no context control was answered rightly (\""),
        "{told}"
    );
    let verification = place.run("run").verification();
    assert_eq!(verification["verdict"]["headline"], "undecided");
    assert_eq!(verification["headline_without_voids"], "undecided");
    // All questions themselves were answered rightly.
    for rung in verification["rungs"].as_array().expect("rungs") {
        assert_eq!(rung["decision"], "verified");
    }
    let leaks = verification["leaks"].as_array().expect("leaks");
    assert!(leaks.len() >= 10, "{leaks:?}");
    for leak in leaks {
        assert_eq!(leak["passage"], serde_json::Value::Null, "{leak}");
        assert!(!leak["answer"].as_str().unwrap_or_default().is_empty());
    }
}
