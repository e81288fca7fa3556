//! Thousands of questions to a server that fails at random: no trial lost or doubled, flat memory.

use crate::support::Place;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

/// Faults of every kind that ends by itself, a few percent of each.
const FAULTS: &[&str] = &[
    "status=429:0.01",
    "status=500:0.02",
    "status=503:0.01",
    "status=529:0.01",
    "html-502:0.01",
    "break-mid:0.02",
    "no-finish:0.02",
    "error-in-200:0.02",
    "empty-answer:0.01",
    "reset-upload=100:0.01",
    "stall-mid=300ms:0.01",
    "no-done:0.02",
    "no-usage:0.02",
    "split-utf8:0.1",
    "clamped-output=2:0.01",
    "reasoning-eats-budget:0.01",
    "cut-head=300:0.02",
];

/// What a void trial may be void for here.
const REASONS: &[&str] = &[
    "rate-limited",
    "server-error",
    "broken",
    "unreachable",
    "no-output",
    "output-clamped",
    "cut-prompt",
];

/// Resident memory of a process in bytes; none where this system does not tell.
fn resident_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Sweeps so many samples of fifteen questions; gives memory readings by rows written.
fn soak(samples: u32) -> Vec<(usize, u64)> {
    let place = Place::new();
    let mut serve = place.depthfinder("serve sim:flaky=0.2,seed=5 --port 0 --fault-seed 11");
    for fault in FAULTS {
        serve = serve.arg("--fault").arg(*fault);
    }
    let mut server = serve.start();
    let target = server.first_line();
    let mut sweep = place
        .sweep(
            &target,
            "--lengths 600 --depths 11 --keys 5 --concurrency 64",
        )
        .args("--calibrate never --max-void 1 --retries 4 --out run --quiet --yes")
        .arg("--samples")
        .arg(samples.to_string())
        .start();
    let run = place.run("run");
    let process = sweep.id();
    let mut readings = Vec::new();
    let wanted = 15 * samples as usize;
    let mut next = wanted / 10;
    sweep.until_ended(|| {
        std::thread::sleep(Duration::from_millis(100));
        // Two lines a trial at least: an intent and a row.
        let rows = run.line_count() / 2;
        if rows >= next
            && let Some(bytes) = resident_bytes(process)
        {
            readings.push((rows, bytes));
            next += wanted / 10;
        }
    });
    let told = sweep.wait();
    assert_eq!(told.code, Some(0), "{told}");
    server.signal("TERM");
    server.wait();
    whole(run.path().join("journal.jsonl"), wanted);
    readings
}

/// Every trial has one row that settles it, every attempt one intent and one row, in this order.
fn whole(journal: PathBuf, trials: usize) {
    let text = std::fs::read_to_string(journal).expect("a journal");
    let mut settled: BTreeMap<u64, u32> = BTreeMap::new();
    let mut open: HashMap<(u64, u64), bool> = HashMap::new();
    let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        match line["line"].as_str() {
            Some("intent") => {
                let attempt = (
                    line["trial"].as_u64().expect("a number"),
                    line["attempt"].as_u64().expect("a number"),
                );
                assert_eq!(open.insert(attempt, true), None, "begun twice: {line}");
            }
            Some("row") => {
                let trial = line["trial"]["id"].as_u64().expect("a number");
                let attempt = (trial, line["attempt"].as_u64().expect("a number"));
                assert_eq!(open.insert(attempt, false), Some(true), "{line}");
                let reason = line["void"].as_str().unwrap_or("scored");
                *reasons.entry(reason.to_owned()).or_default() += 1;
                assert!(
                    reason == "scored" || REASONS.contains(&reason),
                    "void for another reason: {line}"
                );
                if line["settled"] == true {
                    *settled.entry(trial).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    assert_eq!(settled.len(), trials, "lost trials");
    assert!(settled.values().all(|&times| times == 1), "doubled trials");
    assert!(
        open.values().all(|begun| !begun),
        "an attempt without a row"
    );
    assert!(
        reasons.len() >= REASONS.len() - 1,
        "the faults did not come: {reasons:?}"
    );
    let scored = reasons.get("scored").copied().unwrap_or(0);
    assert!(scored as usize > trials * 8 / 10, "{reasons:?}");
}

#[test]
fn hundreds_of_questions_to_a_failing_server_are_each_settled_once() {
    soak(60);
}

/// The long form: `cargo test --release --test cli soak -- --ignored`.
#[test]
#[ignore = "twenty thousand questions take minutes"]
fn twenty_thousand_questions_take_no_more_memory_than_two_thousand() {
    let readings = soak(1_334);
    let (first, last) = (readings.first(), readings.last());
    if let (Some((early, before)), Some((late, after))) = (first, last) {
        // Rows are kept for the summary's retries; what a trial leaves behind is a few hundred bytes.
        let growth = after.saturating_sub(*before);
        let rows = (late - early) as u64;
        assert!(growth < rows * 4_096 + (32 << 20), "{readings:?}");
    }
}
