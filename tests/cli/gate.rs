//! `gate` end to end: a baseline out of a run, and PASS, FAIL or NEUTRAL against it.

use crate::support::{Depthfinder, Place};
use serde_json::Value;

/// A place with the run of a base and its baseline file.
fn with_baseline(target: &str) -> Place {
    let place = Place::new();
    let grid = "--lengths 1k,2k --depths 5 --samples 14 --out before";
    place.sweep(target, grid).ends(0);
    let told = place
        .depthfinder("report before --baseline base.json")
        .ends(0);
    assert!(told.stderr.contains("140 answers"), "{told}");
    place
}

fn gate(place: &Place, target: &str, more: &str) -> Depthfinder {
    place
        .depthfinder("gate")
        .arg(target)
        .args("--baseline base.json")
        .args(more)
}

fn outcome(place: &Place, folder: &str) -> Value {
    place.run(folder).json("gate.json")
}

#[test]
fn the_same_deployment_passes_before_all_questions_are_asked() {
    let place = with_baseline("sim:flat=0.95");
    let told = gate(
        &place,
        "sim:flat=0.95",
        "--out after --junit j.xml --prometheus p.prom",
    )
    .ends(0);
    assert!(told.stdout.starts_with("PASS"), "{told}");
    assert!(
        told.stderr
            .contains("chance of PASS if nothing has changed"),
        "{told}"
    );
    let gated = outcome(&place, "after");
    assert_eq!(gated["outcome"], "pass");
    let asked = place.run("after").settled().len();
    assert!((70..=100).contains(&asked), "{asked}");
    // The prompts are those of the baseline, byte for byte.
    let before = place.run("before").prompts();
    for (trial, hash) in place.run("after").prompts() {
        assert_eq!(before[&trial], hash);
    }
    let junit = std::fs::read_to_string(place.path("j.xml")).expect("is written");
    assert!(junit.contains("tests=\"3\" failures=\"0\""), "{junit}");
    let prometheus = std::fs::read_to_string(place.path("p.prom")).expect("is written");
    assert!(
        prometheus.contains(
            "depthfinder_gate_outcome{target=\"sim:flat=0.95\",baseline=\"sim:flat=0.95\"} 1"
        ),
        "{prometheus}"
    );
}

#[test]
fn a_baseline_of_shorter_answers_than_usual_is_gated_and_compared_with() {
    let place = Place::new();
    let grid = "--lengths 1k --depths 5 --samples 4 --max-output 24 --out before";
    place.sweep("sim:perfect", grid).ends(0);
    let told = place
        .depthfinder("gate sim:perfect --baseline before --delta 0.3 --out after")
        .ends(0);
    assert!(told.stdout.starts_with("PASS"), "{told}");
    place
        .depthfinder("compare before sim:perfect --out both")
        .ends(0);
    for side in ["after", "both/b"] {
        let row = place.run(side).rows().remove(0);
        assert_eq!(row["max_output_tokens"], 24, "{row}");
    }
}

#[test]
fn a_worse_deployment_fails_and_the_page_of_the_job_says_so() {
    let place = with_baseline("sim:flat=0.97");
    let told = gate(&place, "sim:flat=0.6", "--out after --junit j.xml")
        .env(
            "GITHUB_STEP_SUMMARY",
            &place.path("step.md").display().to_string(),
        )
        .ends(1);
    assert!(told.stdout.starts_with("FAIL: worse"), "{told}");
    assert_eq!(told.stdout.lines().count(), 1, "{told}");
    let step = std::fs::read_to_string(place.path("step.md")).expect("is written");
    assert!(step.contains("FAIL"), "{step}");
    let junit = std::fs::read_to_string(place.path("j.xml")).expect("is written");
    assert!(junit.contains("<failure message=\"FAIL"), "{junit}");
}

#[test]
fn errors_are_missing_pairs_and_end_neutral_whatever_neutral_ok_says() {
    let place = with_baseline("sim:perfect");
    let faulty = "sim:perfect,fault=status=400:0.3";
    for more in ["--out one", "--out two --neutral-ok"] {
        let told = gate(&place, faulty, more).ends(3);
        assert!(told.stdout.starts_with("NEUTRAL"), "{told}");
    }
    // A noisy deployment that shows neither may be let through.
    let noisy = "--delta 0.01 --n-max 20";
    gate(&place, "sim:perfect", &format!("{noisy} --out three")).ends(3);
    gate(
        &place,
        "sim:perfect",
        &format!("{noisy} --neutral-ok --out four"),
    )
    .ends(0);
}

#[test]
fn a_gate_that_was_stopped_goes_on_where_it_was() {
    let place = with_baseline("sim:perfect");
    gate(&place, "sim:perfect", "--out after --max-trials 30").ends(3);
    let early = place.run("after").settled().len();
    assert_eq!(early, 30);
    gate(&place, "sim:perfect", "--out after").ends(0);
    assert!(place.run("after").asked_again().is_empty());
    assert_eq!(outcome(&place, "after")["outcome"], "pass");
}

#[test]
fn a_new_baseline_says_what_it_changes_and_gates_like_any_other() {
    let place = with_baseline("sim:flat=0.95");
    let told = gate(
        &place,
        "sim:flat=0.6",
        "--out after --update-baseline new.json",
    )
    .ends(1);
    assert!(told.stdout.contains("right before"), "{told}");
    assert!(told.stdout.contains("lost: trials"), "{told}");
    assert!(
        told.stdout.contains("new baseline of 140 answers"),
        "{told}"
    );
    place
        .depthfinder("gate sim:flat=0.6 --baseline new.json --out again")
        .ends(0);
    // Where nothing has changed, the files differ in no answer.
    let rows = |name: &str| {
        let file: Value = serde_json::from_slice(&std::fs::read(place.path(name)).expect("a file"))
            .expect("JSON");
        file["rows"].clone()
    };
    gate(
        &place,
        "sim:flat=0.95",
        "--out same --update-baseline same.json",
    )
    .ends(0);
    assert_eq!(rows("same.json"), rows("base.json"));
}

#[test]
fn baselines_that_would_deceive_are_refused_in_one_line() {
    let place = with_baseline("sim:flat=0.8");
    let path = place.path("base.json");
    let whole: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    let write = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        std::fs::write(&path, changed.to_string()).expect("is written");
        gate(&place, "sim:perfect", "--out after").refused()
    };
    let picked = write(&|file| {
        let rows = file["rows"].as_array_mut().expect("rows");
        rows.truncate(100);
    });
    assert!(picked.contains("picked by success"), "{picked}");
    let other = write(&|file| file["secret"] = "01".into());
    assert!(other.contains("cannot be rebuilt"), "{other}");
    let newer = write(&|file| file["schema"] = 99.into());
    assert!(newer.contains("newer depthfinder"), "{newer}");
    let voids = write(&|file| {
        for row in file["rows"]
            .as_array_mut()
            .expect("rows")
            .iter_mut()
            .take(20)
        {
            row["void"] = "timed-out".into();
        }
    });
    assert!(voids.contains("void"), "{voids}");
    std::fs::write(&path, whole.to_string()).expect("is written");
    let tasks = gate(&place, "sim:perfect", "--task sum").refused();
    assert!(tasks.contains("the baseline fixes"), "{tasks}");
    place
        .verify(
            "sim:perfect",
            "--claim 2k --task niah_single --out verified",
        )
        .ends(0);
    let verified = place
        .depthfinder("gate sim:perfect --baseline verified")
        .arg("--out")
        .arg("after")
        .refused();
    assert!(verified.contains("verification"), "{verified}");
}
