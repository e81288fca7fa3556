//! `compare` end to end: the same bytes to every side, in turns, and what the pairs say.

use crate::support::mock::Mock;
use crate::support::{Depthfinder, Place, small_text};
use serde_json::Value;
use std::collections::BTreeSet;

const GRID: &str = "--lengths 1k,2k --depths 5 --samples 6";

fn compare(place: &Place, arguments: &str) -> Depthfinder {
    place
        .depthfinder("compare")
        .args(arguments)
        .arg("--corpus")
        .arg(small_text())
}

fn contrast(place: &Place, folder: &str) -> Value {
    place.run(folder).json("comparison.json")["contrasts"][0].clone()
}

#[test]
fn a_side_that_recalls_less_is_worse_and_the_reverse_is_better() {
    let place = Place::new();
    let sides = "sim:flat=0.95 sim:flat=0.6,seed=3";
    let worse = compare(&place, &format!("{sides} {GRID} --out both")).ends(1);
    assert!(
        worse.stdout.contains("b is WORSE than a"),
        "{}",
        worse.stdout
    );
    assert!(
        worse
            .stderr
            .contains("60 pairs on 12 haystacks find with a chance of 80 %"),
        "{}",
        worse.stderr
    );
    let found = contrast(&place, "both");
    assert_eq!(found["finding"], "worse");
    assert!(
        found["pooled"]["difference"]["high"].as_f64() < Some(0.0),
        "{found}"
    );
    for file in ["accuracy.png", "report.md", "report.html", "a/report.md"] {
        assert!(place.path("both").join(file).exists(), "{file}");
    }
    let sides = "sim:flat=0.6,seed=3 sim:flat=0.95";
    compare(&place, &format!("{sides} {GRID} --out reverse")).ends(0);
    assert_eq!(contrast(&place, "reverse")["finding"], "better");
}

#[test]
fn every_side_gets_the_same_bytes_in_turns_drawn_for_each_haystack() {
    let place = Place::new();
    let command = format!("sim:perfect sim:perfect {GRID} --concurrency 1 --out both");
    compare(&place, &command).ends(0);
    let (a, b) = (place.run("both/a"), place.run("both/b"));
    assert_eq!(a.prompts(), b.prompts());
    assert_eq!(a.prompts().len(), 60);
    // Who is asked first changes from haystack to haystack.
    let at = |row: &Value| {
        let trial = &row["trial"];
        let haystack = format!("{} {}", trial["length_tokens"], trial["sample"]);
        (haystack, row["at_ms"].as_u64())
    };
    let first = |rows: &[Value], haystack: &str| {
        let times = rows.iter().map(at).filter(|(name, _)| name == haystack);
        times.filter_map(|(_, at)| at).min()
    };
    let (rows_a, rows_b) = (a.rows(), b.rows());
    let names: BTreeSet<String> = rows_a.iter().map(|row| at(row).0).collect();
    let a_is_first = names
        .iter()
        .filter(|name| first(&rows_a, name) < first(&rows_b, name));
    let a_is_first = a_is_first.count();
    assert!(
        (1..names.len()).contains(&a_is_first),
        "{a_is_first} of {}",
        names.len()
    );
    let found = contrast(&place, "both");
    assert_eq!(found["finding"], "no_difference");
    assert_eq!(found["pooled"]["both_right"], 60);
}

#[test]
fn a_run_that_was_asked_before_is_the_base_and_stays_as_it_was() {
    let place = Place::new();
    place
        .sweep("sim:flat=0.9", &format!("{GRID} --out before"))
        .ends(0);
    let before = place.run("before").files();
    compare(&place, "before sim:flat=0.9 sim:flat=0.5,seed=9 --out both").ends(1);
    assert_eq!(place.run("before").files(), before);
    assert_eq!(place.run("both/b").prompts(), place.run("before").prompts());
    let comparison = place.run("both").json("comparison.json");
    let findings: Vec<&str> = comparison["contrasts"]
        .as_array()
        .expect("contrasts")
        .iter()
        .filter_map(|contrast| contrast["finding"].as_str())
        .collect();
    assert_eq!(findings, ["no_difference", "worse"]);
    assert_eq!(comparison["contrasts"][0]["pooled"]["lose"], 0);
}

#[test]
fn prompts_of_words_made_for_one_haystack_are_rebuilt_too() {
    let place = Place::new();
    place
        .sweep(
            "sim:perfect",
            "--task cwe,niah_single --lengths 2k --depths 1 --samples 2 --out before",
        )
        .ends(0);
    compare(&place, "before sim:perfect --out both").ends(0);
    assert_eq!(place.run("both/b").prompts(), place.run("before").prompts());
}

#[test]
fn a_comparison_that_was_stopped_goes_on_and_asks_nothing_twice() {
    let place = Place::new();
    let command = format!("sim:perfect sim:flat=0.7 {GRID} --out both");
    compare(&place, &format!("{command} --max-trials 20")).ends(3);
    let early = place.run("both/b").settled();
    assert!(!early.is_empty() && early.len() < 60, "{}", early.len());
    compare(&place, &command).ends(1);
    for side in ["both/a", "both/b"] {
        let run = place.run(side);
        assert_eq!(run.settled().len(), 60, "{side}");
        assert!(run.asked_again().is_empty(), "{side}");
    }
    // The report of the same folder says the same, asking nothing.
    let found = contrast(&place, "both");
    let told = place.depthfinder("report both --json").ends(0);
    let again: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(again["contrasts"][0], found);
}

#[test]
fn questions_without_a_pair_leave_a_side_undecided() {
    let place = Place::new();
    let sides = "sim:perfect sim:perfect,window=1500";
    let told = compare(&place, &format!("{sides} {GRID} --out both")).ends(3);
    assert!(told.stdout.contains("UNDECIDED"), "{}", told.stdout);
    let comparison = place.run("both").json("comparison.json");
    assert_eq!(comparison["sides"][1]["voids"]["too-long"], 30);
    assert_eq!(comparison["contrasts"][0]["pooled"]["missing"], 30);
}

#[test]
fn a_side_that_fails_at_one_length_is_worse_whatever_it_gains_elsewhere() {
    let place = Place::new();
    // Better at a thousand tokens, lost at two thousand.
    let sides = "sim:steps=1500:0.6/20k:1 sim:steps=1500:1/20k:0.6";
    let grid = "--lengths 1k,2k --depths 5 --samples 12";
    let told = compare(&place, &format!("{sides} {grid} --out both")).ends(1);
    assert!(
        told.stdout.contains("b is WORSE than a at some lengths")
            && told.stdout.contains("at 2,000 tokens"),
        "{}",
        told.stdout
    );
}

#[test]
fn texts_that_are_lost_as_a_whole_are_counted_once() {
    let place = Place::new();
    // One of two texts of a length is lost with all its questions: ten pairs, and two witnesses.
    place
        .sweep(
            "sim:perfect",
            "--lengths 1k,2k --depths 5 --samples 2 --out before",
        )
        .ends(0);
    let journal = place.path("before/journal.jsonl");
    let rows = std::fs::read_to_string(&journal).expect("a journal");
    let mut lost = String::new();
    for line in rows.lines() {
        let mut row: Value = serde_json::from_str(line).expect("JSON");
        if row["trial"]["sample"] == 1 && row["outcome"]["reply"].is_object() {
            row["outcome"]["reply"]["text"] = "0000000".into();
        }
        lost.push_str(&row.to_string());
        lost.push('\n');
    }
    std::fs::write(&journal, lost).expect("written");
    compare(&place, "before sim:perfect --out both").ends(0);
    let found = contrast(&place, "both");
    assert_eq!(
        (&found["pooled"]["win"], &found["haystacks"]),
        (&10.into(), &4.into())
    );
    assert!(found["pooled"]["p_pairs"].as_f64() < Some(0.01), "{found}");
    // Two texts that differ: twice a half squared.
    assert_eq!(found["pooled"]["p"], 0.5);
    assert_eq!(found["finding"], "no_difference");
}

#[test]
fn a_cap_is_for_all_sides_together() {
    let place = Place::new();
    let sides = "sim:perfect sim:perfect sim:perfect --concurrency 1";
    compare(
        &place,
        &format!("{sides} {GRID} --max-tokens 30k --out capped"),
    )
    .ends(3);
    let tokens = |side: &str| -> u64 {
        let rows = place.run(side).rows();
        let told = rows
            .iter()
            .filter_map(|row| row["outcome"]["reply"]["usage"]["prompt_tokens"].as_u64());
        told.sum()
    };
    let used: u64 = ["a", "b", "c"]
        .map(|side| tokens(&format!("capped/{side}")))
        .iter()
        .sum();
    assert!((20_000..=30_000).contains(&used), "{used}");
}

#[test]
fn a_key_and_headers_go_to_the_host_they_were_given_for() {
    let place = Place::new();
    let [base, other] = [Mock::right(), Mock::right()];
    compare(&place, &format!("{} {}", base.target(), other.target()))
        .args("--lengths 600 --depths 1 --keys 1 --tokenizer o200k --yes --out both")
        .args("--api-key-env BASE_KEY --header X-Team:blue")
        .env("BASE_KEY", "sk-base-secret")
        .ends(0);
    let heads = |mock: &Mock| -> String {
        let asked = mock.asked();
        let heads = asked.iter().map(|asked| asked.head.clone());
        heads.collect::<Vec<_>>().join("\n")
    };
    assert!(heads(&base).contains("sk-base-secret") && heads(&base).contains("blue"));
    assert!(!heads(&other).contains("sk-base-secret") && !heads(&other).contains("blue"));
    // The folder is of these two: another host of the same model is another side.
    let line = compare(&place, &format!("{} {}", other.target(), base.target()))
        .args("--lengths 600 --depths 1 --keys 1 --tokenizer o200k --yes --out both")
        .refused();
    assert!(line.contains("holds the answers of"), "{line}");
}

#[test]
fn what_cannot_be_compared_is_refused_in_one_line() {
    let place = Place::new();
    let verified = "sim:perfect --claim 2k --task niah_single --out verified";
    place
        .verify("sim:perfect", &verified["sim:perfect".len()..])
        .ends(0);
    place
        .sweep("sim:perfect", "--lengths 1k --depths 1 --out before")
        .ends(0);
    for (command, why) in [
        ("verified sim:perfect --out both", "verification"),
        ("sim:perfect sim:nothing --lengths 1k", "side b"),
        ("sim:perfect sim:perfect --find-window", "--find-window"),
        (
            "before sim:perfect --lengths 2k --out fixed",
            "leave --lengths out",
        ),
        ("before sim:perfect --param top_k=1 --out fixed", "--param"),
        (
            "sim:perfect sim:perfect --lengths 1k --out verified",
            "is a run folder",
        ),
    ] {
        let line = compare(&place, command).refused();
        assert!(line.contains(why), "{command}: {line}");
    }
}
