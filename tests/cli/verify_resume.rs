//! A verification that is killed, stopped, hurried or read again comes to the same.

use crate::support::run_folder::RunFolder;
use crate::support::{Depthfinder, Place};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const KILLS: usize = 12;

/// Some hundred questions to a model that loses some of them.
fn verify(place: &Place, latency: &str, out: &str) -> Depthfinder {
    place
        .verify(
            &format!("sim:flat=0.9,seed=3,latency={latency}"),
            "--claim 3k --secret d1 --quiet --out",
        )
        .arg(out)
}

/// Prompts by the places of their questions.
fn prompts(run: &RunFolder) -> BTreeMap<String, Value> {
    let prompt = |row: &Value| {
        let seat = row["trial"]["seat"].to_string();
        (seat, row["prompt"]["blake3"].clone())
    };
    run.rows().iter().map(prompt).collect()
}

/// Controls by kind and number: their prompts and their answers.
fn controls(run: &RunFolder) -> BTreeSet<String> {
    let told = |control: &Value| {
        let parts = [
            &control["kind"],
            &control["item"]["nth"],
            &control["prompt"]["blake3"],
            &control["outcome"]["reply"]["text"],
        ];
        parts.map(Value::to_string).join(" ")
    };
    run.controls().iter().map(told).collect()
}

#[test]
fn twelve_kills_change_no_question_no_answer_and_no_verdict() {
    let place = Place::new();
    let undisturbed = place.run("undisturbed");
    let code = verify(&place, "40ms", "undisturbed").start().wait().code;
    let asked = undisturbed.settled().len();
    assert!(asked >= 60, "{asked} questions are too few to be killed in");
    let killed = place.run("killed");
    let mut chance = ChaCha8Rng::seed_from_u64(9);
    for kill in 0..KILLS {
        let mut started = verify(&place, "40ms", "killed").start();
        // The first dies before or in its first lines, later ones anywhere.
        let lines = killed.line_count() + chance.random_range(0..9);
        assert!(
            started.until(|| killed.line_count() >= lines),
            "kill {kill} came too late"
        );
        std::thread::sleep(Duration::from_micros(chance.random_range(0..50_000)));
        assert!(started.kill(), "kill {kill} came too late");
    }
    let told = verify(&place, "40ms", "killed").start().wait();
    assert_eq!(told.code, code, "{told}");
    assert_eq!(killed.settled(), undisturbed.settled());
    assert_eq!(killed.asked_again(), [0u64; 0]);
    assert_eq!(controls(&killed), controls(&undisturbed));
    assert_eq!(killed.controls().len(), controls(&killed).len());
    assert_eq!(killed.verification(), undisturbed.verification());
    let lines = killed.lines();
    let intents = lines.iter().filter(|line| line["line"] == "intent").count();
    assert!(intents > asked, "no kill hit a question under way");
}

#[test]
fn how_many_are_asked_at_a_time_changes_neither_prompts_nor_verdict() {
    let place = Place::new();
    for concurrency in ["1", "8"] {
        verify(&place, "2ms", concurrency)
            .args("--concurrency")
            .arg(concurrency)
            .start()
            .wait();
    }
    let (one, eight) = (place.run("1"), place.run("8"));
    assert_eq!(prompts(&one), prompts(&eight));
    assert_eq!(one.settled(), eight.settled());
    assert_eq!(one.verification(), eight.verification());
}

#[test]
fn a_signal_keeps_what_was_asked_and_says_how_to_go_on() {
    let place = Place::new();
    let command = place.verify(
        "sim:flat=0.9,seed=3,latency=60ms",
        "--claim 3k --secret d2 --out run",
    );
    let run = place.run("run");
    let mut started = command.start();
    assert!(
        started.until(|| run.line_count() >= 30),
        "it ended too early"
    );
    started.signal("TERM");
    let told = started.wait();
    assert_eq!(told.code, Some(130), "{told}");
    let kept = run.settled();
    let words = format!(
        "interrupted: {} questions are kept; run the same command with --out run to go on",
        kept.len()
    );
    assert!(told.stderr.contains(&words), "{told}");
    assert!(
        told.stdout.starts_with("UNDECIDED ") && told.stdout.contains("the study was not finished"),
        "{told}"
    );
    let verification = run.verification();
    assert_eq!(verification["questions"], kept.len());
    // Nothing is asked by who reads it again, and nothing comes out otherwise.
    let told = place.depthfinder("report run").ends(0);
    assert!(told.stdout.starts_with("UNDECIDED "), "{told}");
    assert_eq!(run.verification(), verification);
    command.start().wait();
    let all = run.settled();
    assert!(all.len() > kept.len());
    assert!(kept.iter().all(|(trial, came_to)| all[trial] == *came_to));
    assert_eq!(run.asked_again(), [0u64; 0]);
    assert_ne!(
        run.verification()["verdict"]["why"],
        "the study was not finished"
    );
}

#[test]
fn a_report_and_show_give_back_what_the_journal_holds() {
    let place = Place::new();
    let told = place
        .verify("sim:cliff=5k", "--claim 8k --secret d3 --out run")
        .ends(1);
    let run = place.run("run");
    let summary = run.bytes("summary.json");
    let again = place.depthfinder("report run").ends(0);
    assert_eq!(again.stdout, told.stdout);
    assert!(run.bytes("summary.json") == summary);
    for row in run.rows().iter().step_by(4) {
        let trial = row["trial"]["id"].to_string();
        let shown = place.depthfinder("show run").arg(trial).ends(0).stdout;
        let digest = blake3::hash(shown.as_bytes()).to_hex().to_string();
        assert_eq!(row["prompt"]["blake3"], digest);
        assert!(shown.contains(row["expected"].as_str().expect("text")));
        assert!(shown.ends_with(row["question"].as_str().expect("text")));
    }
    let told = place.depthfinder("show run 9999").ends(2);
    assert!(
        told.complaint().contains("there is no trial 9999"),
        "{told}"
    );
}

#[test]
fn the_plan_is_registered_by_a_hash_that_everything_in_it_changes() {
    let place = Place::new();
    let hash = |name: &str, arguments: &str| {
        let told = place
            .verify("sim:perfect", "--max-trials 1 --out")
            .arg(name)
            .args(arguments)
            .ends(3);
        let run = place.run(name).json("run.json");
        let hash = run["plan_hash"].as_str().expect("a hash").to_owned();
        assert!(
            told.stderr.contains(&format!("plan registered: {hash}")),
            "{told}"
        );
        assert_eq!(place.run(name).verification()["plan_hash"], hash);
        hash
    };
    let plain = hash("plain", "--claim 2k --secret d4");
    assert_eq!(plain, hash("same", "--claim 2k --secret d4"));
    let mut known = BTreeSet::from([plain]);
    for (name, arguments) in [
        ("claim", "--claim 2001 --secret d4"),
        ("kind", "--claim 2k --secret d4 --claim-kind input"),
        ("tau", "--claim 2k --secret d4 --tau 0.8"),
        ("alpha", "--claim 2k --secret d4 --alpha 0.01"),
        ("secret", "--claim 2k --secret d5"),
        ("keys", "--claim 2k --secret d4 --keys 4"),
        ("gap", "--claim 2k --secret d4 --not-served-gap 61"),
        ("layout", "--claim 2k --secret d4 --layout shared"),
    ] {
        assert!(known.insert(hash(name, arguments)), "{name}");
    }
}

#[test]
fn another_threshold_is_refused_where_a_run_has_begun() {
    let place = Place::new();
    let command = place.verify(
        "sim:perfect",
        "--claim 2k --secret d6 --max-trials 5 --out run",
    );
    command.ends(3);
    let before = place.run("run").bytes("journal.jsonl");
    for (arguments, words) in [
        ("--tau 0.8", "threshold (0.85 there, 0.8 now)"),
        ("--alpha 0.01", "the registered plan differs"),
        ("--keys 4", "number of keys (5 there, 4 now)"),
    ] {
        let line = command.clone().args(arguments).refused();
        assert!(
            line.contains("run holds another run") && line.contains(words),
            "{line}"
        );
    }
    assert!(place.run("run").bytes("journal.jsonl") == before);
}
