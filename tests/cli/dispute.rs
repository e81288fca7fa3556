//! `dispute` end to end: deployments with a known fault, and which of three explanations is found.

use crate::support::{Depthfinder, Place, Started, small_text};
use serde_json::Value;

/// A hundred prompts, each short, the same each time: one study in twenty may accuse falsely.
const GRID: &str = "--lengths 600 --depths 5 --prompts 100 --keys 1 --secret d1";

fn dispute(place: &Place, arguments: &str) -> Depthfinder {
    place
        .depthfinder("dispute")
        .args(arguments)
        .args(GRID)
        .arg("--corpus")
        .arg(small_text())
}

/// A served model and its address.
fn served(place: &Place, model: &str, more: &str) -> (Started, String) {
    let mut server = place
        .depthfinder("serve --port 0")
        .arg(format!("sim:{model}"))
        .args(more)
        .start();
    let target = server.first_line();
    (server, target)
}

fn disputed(place: &Place, folder: &str) -> Value {
    place.run(folder).json("dispute.json")
}

/// What was found of each hypothesis: model, stability, memory; nothing where it was not tested
/// for.
fn verdicts(place: &Place, folder: &str) -> [String; 3] {
    let disputed = disputed(place, folder);
    let conclusions = disputed["conclusions"].as_array().expect("conclusions");
    ["other_model", "unstable", "memorised"].map(|hypothesis| {
        let found = conclusions
            .iter()
            .find(|one| one["hypothesis"] == hypothesis);
        let verdict = found.and_then(|one| one["verdict"].as_str());
        verdict.unwrap_or_default().to_owned()
    })
}

#[test]
fn a_deployment_that_is_its_reference_is_accused_of_nothing() {
    let place = Place::new();
    let told = dispute(
        &place,
        "sim:flat=0.9,memorised=0 --reference sim:flat=0.9 --out same",
    )
    .ends(0);
    assert_eq!(verdicts(&place, "same"), ["not_shown"; 3]);
    assert!(
        told.stderr
            .contains("100 prompts of fresh facts find with a chance of 80 %"),
        "{}",
        told.stderr
    );
    for file in [
        "accuracy.png",
        "report.md",
        "report.html",
        "first/report.md",
    ] {
        assert!(place.path("same").join(file).exists(), "{file}");
    }
    let [first, again, reference] =
        ["same/first", "same/again", "same/reference"].map(|folder| place.run(folder));
    // All get the same bytes, and public facts are for the first asking.
    assert_eq!(again.prompts(), reference.prompts());
    assert_eq!((first.prompts().len(), again.prompts().len()), (300, 100));
    for (trial, prompt) in again.prompts() {
        assert_eq!(first.prompts().get(&trial), Some(&prompt));
    }
    // Asked again half of the study later, never at once.
    let at = |folder: &str| place.run(folder).rows()[0]["at_ms"].as_u64();
    assert!(at("same/again") > at("same/first"));
}

#[test]
fn a_deployment_below_its_reference_or_below_what_was_published_is_found() {
    let place = Place::new();
    let told = dispute(
        &place,
        "sim:flat=0.6,seed=3 --reference sim:flat=0.95 --only model --out below",
    )
    .ends(1);
    assert!(
        told.stdout.contains("WORSE THAN THE REFERENCE"),
        "{}",
        told.stdout
    );
    assert_eq!(verdicts(&place, "below"), ["holds", "", ""]);
    assert!(!place.path("below/again").exists());
    let told = dispute(
        &place,
        "sim:flat=0.6,memorised=0 --published 0.95 --only model,memory --out published",
    )
    .ends(1);
    assert!(
        told.stdout.contains("BELOW WHAT WAS PUBLISHED")
            && told.stdout.contains("another protocol"),
        "{}",
        told.stdout
    );
    assert_eq!(verdicts(&place, "published"), ["holds", "", "not_shown"]);
    dispute(
        &place,
        "sim:flat=0.97 --published 0.95 --only model --out as-published",
    )
    .ends(0);
}

#[test]
fn a_relay_to_a_worse_model_is_found_and_its_tokenizer_remarked() {
    let place = Place::new();
    let relay = "perfect,name=acme-70b,relay=flat=0.6+tokenizer=cl100k";
    let (_server, target) = served(&place, relay, "");
    let told = dispute(&place, &format!("{target} --tokenizer o200k"))
        .args("--reference sim:perfect --only model --out relay")
        .ends(1);
    assert!(
        told.stdout.contains("WORSE THAN THE REFERENCE")
            && told.stdout.contains("not the same tokenizer"),
        "{}",
        told.stdout
    );
}

#[test]
fn a_flaky_deployment_is_unstable_and_its_best_run_is_told() {
    let place = Place::new();
    let told = dispute(&place, "sim:flaky=0.3 --only stability --out flaky").ends(1);
    assert!(told.stdout.contains("UNSTABLE"), "{}", told.stdout);
    assert!(
        told.stdout
            .contains("the best of 10 runs of these 100 questions would claim"),
        "{}",
        told.stdout
    );
    let best = &disputed(&place, "flaky")["evidence"]["best_of"];
    assert!(best["same_questions"].as_f64() > best["honest"].as_f64());
}

#[test]
fn replicas_that_differ_are_unstable_and_named() {
    let place = Place::new();
    let (_server, target) = served(&place, "drift=20:1/0.4", "");
    let told = dispute(&place, &format!("{target} --tokenizer o200k"))
        .args("--concurrency 1 --only stability --out drift")
        .ends(1);
    assert!(told.stdout.contains("UNSTABLE"), "{}", told.stdout);
    assert!(
        told.stdout.contains("who answers makes a difference"),
        "{}",
        told.stdout
    );
    let labels = &disputed(&place, "drift")["evidence"]["labelling"]["labels"];
    assert_eq!(labels.as_array().map(Vec::len), Some(2), "{labels}");
}

#[test]
fn a_model_that_knows_public_facts_by_heart_is_found() {
    let place = Place::new();
    let told = dispute(
        &place,
        "sim:flat=0.4,memorised=0.9 --only memory --out memory",
    )
    .ends(1);
    assert!(told.stdout.contains("KNOWN BY HEART"), "{}", told.stdout);
    let evidence = &disputed(&place, "memory")["evidence"];
    assert!(evidence["recited"].as_u64() > Some(20), "{evidence}");
    dispute(&place, "sim:flat=0.4,memorised=0 --only memory --out reads").ends(0);
}

#[test]
fn repeats_out_of_a_cache_of_replies_are_no_repeats() {
    let place = Place::new();
    let (_server, target) = served(&place, "flaky=0.3", "--fault cached-answer");
    let told = dispute(&place, &format!("{target} --tokenizer o200k"))
        .args("--only stability --out cached")
        .ends(3);
    assert!(
        told.stdout
            .contains("100 of 100 repeats bear the id and the words of an earlier reply"),
        "{}",
        told.stdout
    );
    assert_eq!(verdicts(&place, "cached"), ["", "not_tested", ""]);
}

#[test]
fn a_dispute_that_was_stopped_goes_on_and_its_report_says_the_same() {
    let place = Place::new();
    let command = "sim:flaky=0.2 --reference sim:perfect --out stopped";
    dispute(&place, &format!("{command} --max-trials 40")).ends(3);
    let early = place.run("stopped/first").settled().len();
    assert!(early > 0 && early < 300, "{early}");
    dispute(&place, command).ends(1);
    for (side, questions) in [("first", 300), ("again", 100), ("reference", 100)] {
        let run = place.run(&format!("stopped/{side}"));
        assert_eq!(run.settled().len(), questions, "{side}");
        assert!(run.asked_again().is_empty(), "{side}");
    }
    let found = disputed(&place, "stopped");
    let told = place.depthfinder("report stopped --json").ends(0);
    let again: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(again, found);
    // The design was fixed before the first question.
    let line = dispute(&place, &format!("{command} --windows 5")).refused();
    assert!(line.contains("another design"), "{line}");
}

#[test]
fn the_plan_is_printed_and_nothing_is_asked() {
    let place = Place::new();
    let told = dispute(
        &place,
        "sim:perfect --reference sim:perfect --dry-run --out dry",
    )
    .ends(0);
    assert!(
        told.stdout.contains("all together: 500 questions"),
        "{}",
        told.stdout
    );
    assert!(!place.path("dry").exists());
}

#[test]
fn what_cannot_be_disputed_is_refused_in_one_line() {
    let place = Place::new();
    place.file("full/notes.txt", "mine");
    for (command, why) in [
        ("sim:perfect --only model", "Give --reference"),
        (
            "sim:perfect --reference sim:perfect --only memory",
            "add it to --only",
        ),
        ("sim:perfect --published 95", "--published is a share"),
        ("sim:perfect --task public", "asked by itself"),
        ("sim:perfect --askings 1", "--askings"),
        (
            "sim:perfect --haystack-lang fr --only memory",
            "no public facts",
        ),
        ("sim:perfect --out full", "is not empty"),
        ("sim:perfect --reference sim:nothing", "reference"),
    ] {
        let line = dispute(&place, command).refused();
        assert!(line.contains(why), "{command}: {line}");
    }
}
