//! A small real verification, and variants of what it wrote in which every field is filled or left out.

use super::samples::write_corpus;
use depthfinder::journal::{ControlKind, RunFile};
use depthfinder::search::{Estimate, Undecided};
use depthfinder::stats::{GuessCorrected, Heterogeneity, Interval, Tally};
use depthfinder::study::{Band, Registered};
use depthfinder::summary::{Guess, KindVerdict, Leak, Summary, Verdicts, Verification, WeakRegion};
use depthfinder::task::Kind;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::OnceLock;

/// What a verification wrote.
pub struct Verified {
    rows: Vec<Value>,
    controls: Vec<Value>,
    file: RunFile,
    summary: Summary,
}

/// A verification by the binary: a model that holds to 1,500 tokens, a claim of 4,000, and a search.
pub fn verified() -> &'static Verified {
    static VERIFIED: OnceLock<Verified> = OnceLock::new();
    VERIFIED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("run");
        let output = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
            .args(["verify", "sim:cliff=1500", "--claim", "4k", "--search"])
            .arg("--quiet")
            .arg("--corpus")
            .arg(write_corpus(folder.path()))
            .arg("--out")
            .arg(&out)
            .env("DEPTHFINDER_CACHE", folder.path().join("cache"))
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "refuted: {said}");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
        let lines: Vec<Value> = read("journal.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let of_kind = |kind: &str| -> Vec<Value> {
            let lines = lines.iter().filter(|line| line["line"] == kind);
            lines.cloned().collect()
        };
        Verified {
            rows: of_kind("row"),
            controls: of_kind("control"),
            file: serde_json::from_str(&read("run.json")).expect("a run"),
            summary: serde_json::from_str(&read("summary.json")).expect("a summary"),
        }
    })
}

/// Its controls, and one with a fact of its own.
pub fn controls() -> Vec<Value> {
    let mut all = verified().controls.clone();
    let with_item = all.iter().find(|control| control.get("item").is_some());
    let mut own = with_item.expect("a control of a verification").clone();
    if let Some(item) = own["item"].as_object_mut() {
        item.shift_remove("trial");
        item.insert("rule".into(), "all".into());
        item.insert("answers".into(), vec!["1", "2"].into());
        item.insert("language".into(), "zh".into());
        item.insert("task".into(), "sum".into());
    }
    all.push(own);
    all
}

/// Its `run.json`, and one of an open study from the registry.
pub fn run_files() -> Vec<Value> {
    let mut open = verified().file.clone();
    let study = open.study.as_mut().expect("a study");
    study.claim.source = Some("the registry".into());
    study.rungs[0].most = None;
    let search = study.search.as_mut().expect("a search");
    search.precision = Some(0.25);
    let mut plain = open.clone();
    if let Some(study) = &mut plain.study {
        study.search = None;
        study.kinds = 3;
        study.stop_at_first = true;
    }
    [&verified().file, &open, &plain]
        .map(|file| serde_json::to_value(file).expect("JSON"))
        .into()
}

/// Its rows, and one of the second of several kinds of use.
pub fn rows() -> Vec<Value> {
    let mut all = verified().rows.clone();
    let mut second = all[0].clone();
    second["trial"]["seat"]["kind"] = 1.into();
    all.push(second);
    all
}

/// Its `summary.json`, one with everything filled, and one of which less is known.
pub fn summaries() -> Vec<Value> {
    let known = &verified().summary;
    let variant = |change: fn(&mut Verification)| {
        let mut summary = known.clone();
        change(summary.verification.as_mut().expect("a verification"));
        summary
    };
    let all = [
        known,
        &variant(fill),
        &variant(empty),
        &several(true),
        &several(false),
    ];
    all.map(|summary| serde_json::to_value(summary).expect("JSON"))
        .into()
}

/// The summary of several kinds of use, with a digest of its plan or without.
fn several(with_hash: bool) -> Summary {
    let mut summary = verified().summary.clone();
    let mut verification = summary.verification.take().expect("a verification");
    if !with_hash {
        verification.plan_hash = None;
    }
    let kind = |kind: Kind| KindVerdict {
        kind,
        task: kind.representative().name().to_owned(),
        verification: verification.clone(),
    };
    let plan = Registered {
        kinds: 2,
        ..verification.plan.clone()
    };
    let kinds = [Kind::Literal, Kind::Aggregate].map(kind).into();
    summary.verify_kinds(Verdicts::of("sim:x", &plan, kinds));
    summary
}

const TALLY: Tally = Tally {
    right: 3,
    wrong: 2,
    void: 0,
};
const INTERVAL: Interval = Interval {
    low: 0.2,
    high: 0.9,
};

fn fill(verification: &mut Verification) {
    let verdict = &mut verification.verdict;
    let band = |length_tokens| Band {
        from_percent: 40.0,
        to_percent: 60.0,
        length_tokens,
        tally: TALLY,
        upper: 0.5,
    };
    verdict.dead_bands = vec![band(Some(2_000)), band(None)];
    verdict.why = Some("words".into());
    verdict.verified_to_tokens = Some(512);
    let rung = &mut verification.rungs[0];
    rung.haystacks = vec![TALLY];
    rung.heterogeneity = Some(Heterogeneity { z: 0.5, p: 0.3 });
    let search = verification.search.as_mut().expect("a search");
    search.bracket.low_tokens = Some(512);
    search.bracket.high_tokens = Some(1_024);
    search.bracket.undecided = vec![Undecided {
        tokens: 700,
        tally: TALLY,
    }];
    search.withheld = None;
    search.estimate = Some(Estimate {
        low_tokens: 600,
        middle_tokens: 700,
        high_tokens: 800,
        fit_p: 0.5,
        two_step_odds: 0.5,
    });
    verification.depth.weakest = Some(WeakRegion {
        from_tokens: 512,
        to_tokens: 2_000,
        from_percent: 40.0,
        to_percent: 60.0,
        right: 3,
        n: 5,
        expected_right: 4.5,
        selected_interval: INTERVAL,
        p: 0.5,
    });
    verification.window_tokens = Some(2_048);
    let leak = |passage| Leak {
        kind: ControlKind::NoNeedle,
        control: 1,
        length_tokens: 512,
        question: "What?".into(),
        answer: "7".into(),
        passage,
    };
    verification.leaks = vec![leak(Some("7 it is".into())), leak(None)];
    verification.guess = Some(Guess {
        length_tokens: 512,
        answers: TALLY,
        controls: TALLY,
        corrected: GuessCorrected {
            rate: Some(0.5),
            lower: 0.1,
            raw_lower: 0.2,
            guess_upper: 0.3,
        },
    });
}

fn empty(verification: &mut Verification) {
    fill(verification);
    verification.plan_hash = None;
    let verdict = &mut verification.verdict;
    verdict.witness_tokens = None;
    verdict.why = None;
    verdict.verified_to_tokens = None;
    verdict.refuted_from_tokens = None;
    // Of a study in which nothing can be refuted.
    verdict.ln_mean_e_refute = None;
    let rung = &mut verification.rungs[0];
    rung.rate = None;
    rung.ln_e_verify = None;
    rung.ln_e_refute = None;
    rung.verify_from = None;
    rung.refute_to = None;
    let search = verification.search.as_mut().expect("a search");
    search.bracket.low_tokens = None;
    search.bracket.high_tokens = None;
    search.estimate = None;
    search.withheld = Some("words".into());
    verification.depth.weakest = None;
    verification.window_tokens = None;
    if let Some(guess) = &mut verification.guess {
        guess.corrected.rate = None;
    }
}

/// A summary with a verification and without a search or a guess, as JSON.
pub fn plain_summary() -> Value {
    let mut plain = serde_json::to_value(&verified().summary).expect("JSON");
    let verification = plain["verification"].as_object_mut().expect("an object");
    verification.shift_remove("search");
    verification.insert("guess".into(), json!(null));
    plain
}
