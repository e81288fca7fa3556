//! A claim over several kinds of use: a verdict on each, and one sentence on all of them.

use crate::support::Place;
use crate::support::mock::Mock;
use crate::support::run_folder::RunFolder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

const CLIFF: &str = "sim:perfect,aggregate=cliff=16k";

/// What the kinds of a run came to together.
fn verdicts(run: &RunFolder) -> Value {
    let summary = run.json("summary.json");
    assert!(summary["verification"].is_null(), "one or the other");
    summary["verdicts"].clone()
}

/// Each kind with its headline and what is certified of its effective length.
fn told_of(verdicts: &Value) -> Vec<(String, String, [Option<u64>; 2])> {
    let kinds = verdicts["kinds"].as_array().expect("kinds");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    kinds
        .iter()
        .map(|kind| {
            let verdict = &kind["verification"]["verdict"];
            let ends = ["verified_to_tokens", "refuted_from_tokens"];
            (
                text(&kind["kind"]),
                text(&verdict["headline"]),
                ends.map(|end| verdict[end].as_u64()),
            )
        })
        .collect()
}

fn of(kind: &str, headline: &str, ends: [Option<u64>; 2]) -> (String, String, [Option<u64>; 2]) {
    (kind.to_owned(), headline.to_owned(), ends)
}

#[test]
fn literal_associative_and_aggregate_use_together_are_verified_without_naming_a_kind() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:perfect",
            "--kinds literal,associative,aggregate --claim 8k --secret a1 --out run",
        )
        .ends(0);
    assert!(
        told.stdout.starts_with(
            "VERIFIED: sim:perfect answers at least 85 % of the questions right at every tested \
             length up to its claimed 8k tokens, in literal retrieval (35 of 35 there), associative \
             retrieval (35 of 35 there) and aggregation (35 of 35 there); chance that any of these \
             verdicts is wrong: 5 % at most.\n"
        ),
        "{told}"
    );
    // Each kind's own sentence is as qualified as ever, with its share of the error.
    assert!(
        told.stdout.contains(
            "\nVERIFIED for aggregation: sim:perfect answers at least 85 % of the questions right "
        ) && told
            .stdout
            .contains("chance of a wrong verdict: 1.7 % at most"),
        "{told}"
    );
    let run = place.run("run");
    let verdicts = verdicts(&run);
    assert_eq!(verdicts["headline"], "verified");
    assert_eq!(verdicts["is_unqualified"], true);
    let whole = [Some(8_000), None];
    assert_eq!(
        told_of(&verdicts),
        [
            of("literal", "verified", whole),
            of("associative", "verified", whole),
            of("aggregate", "verified", whole)
        ]
    );
    let study = &run.json("run.json")["study"];
    assert_eq!(
        (&study["kinds"], &study["alpha"]),
        (&3.into(), &0.05.into())
    );
    assert!(run.json("run.json")["plan_hash"].is_string());
    // Kinds are asked at the same lengths and depths, each for facts of its own.
    let rows = run.rows();
    assert_eq!(rows.len(), 3 * 2 * 35);
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut prompts = HashSet::new();
    for row in &rows {
        let trial = &row["trial"];
        let seat = &trial["seat"];
        let task = ["niah_single", "associative", "sum"];
        let kind = seat["kind"].as_u64().unwrap_or(0) as usize;
        assert_eq!(trial["task"], task[kind]);
        let at = ["rung_tokens", "block", "place"].map(|name| seat[name].to_string());
        let asked = format!("{} {}", trial["length_tokens"], trial["depth_percent"]);
        places.entry(at.join(" ")).or_default().insert(asked);
        assert!(prompts.insert(row["prompt"]["blake3"].to_string()));
    }
    assert!(places.values().all(|asked| asked.len() == 1), "{places:?}");
    // Controls name their task, and each kind has its own.
    let named: BTreeSet<String> = run
        .controls()
        .iter()
        .map(|control| control["item"]["task"].to_string())
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for kind in verdicts["kinds"].as_array().expect("kinds") {
        let controls = &kind["verification"]["controls"];
        assert_eq!(controls[0]["kind"], "short_context");
        assert_eq!(controls[0]["right"], 10, "{kind}");
    }
}

#[test]
fn a_kind_that_fails_is_refuted_beside_kinds_that_hold_and_its_length_is_named() {
    let place = Place::new();
    // In any order: kinds are told from the simplest on.
    let told = place
        .verify(CLIFF, "--task sum,niah_single,associative --claim 40k")
        .args("--secret a2 --out run")
        .ends(1);
    assert!(
        told.stdout.starts_with(
            "VERIFIED for literal retrieval and associative retrieval; REFUTED for aggregation \
             (effective length below 40,000 tokens): the claimed window of sim:perfect,aggregate=cliff=16k \
             is 40k tokens, up to which it must answer at least 85 % of the questions right in every \
             kind of use; in literal retrieval, 35 of 35 right at 40,000 tokens; "
        ),
        "{told}"
    );
    let run = place.run("run");
    let verdicts = verdicts(&run);
    assert_eq!(verdicts["headline"], "refuted");
    assert_eq!(verdicts["is_unqualified"], false);
    let whole = [Some(40_000), None];
    assert_eq!(
        told_of(&verdicts),
        [
            of("literal", "verified", whole),
            of("associative", "verified", whole),
            of("aggregate", "refuted", [None, Some(40_000)])
        ]
    );
    let report = String::from_utf8(run.bytes("report.md")).expect("UTF-8");
    for words in [
        "| aggregation | sum | REFUTED | below 40,000 tokens | ",
        "## Aggregation (sum)",
        "## Aggregation: the ladder",
        "Chance that any verdict of the 3 kinds is wrong: 5 % at most in each direction, 1.7 % for each",
    ] {
        assert!(report.contains(words), "{words} is not in\n{report}");
    }
    assert!(report.matches("heatmap.png").count() == 1, "{report}");
    // Scored again from the journal it is the same, and so is what is said.
    let before = run.bytes("summary.json");
    let again = place.depthfinder("report").arg("run").ends(0);
    assert_eq!(run.bytes("summary.json"), before);
    assert_eq!(again.stdout, told.stdout);
    // Any prompt can be shown, of any kind.
    let last = run.rows().len() - 1;
    let shown = place
        .depthfinder("show")
        .arg("run")
        .arg(last.to_string())
        .ends(0);
    assert!(shown.stdout.len() > 10_000);
}

#[test]
fn the_first_refuted_kind_ends_the_others_only_where_that_is_asked_for() {
    let place = Place::new();
    let told = place
        .verify(CLIFF, "--kinds aggregate,literal --claim 80k")
        .args("--stop-at-first --secret a3 --out run")
        .ends(1);
    assert!(
        told.stdout
            .starts_with("REFUTED for aggregation (effective length below 20,000 tokens); UNDECIDED for literal retrieval: "),
        "{told}"
    );
    assert!(
        told.stdout
            .contains("in literal retrieval, another kind of use was refuted first"),
        "{told}"
    );
    let longest = place
        .run("run")
        .rows()
        .iter()
        .map(|row| {
            let seat = &row["trial"]["seat"];
            seat["rung_tokens"].as_u64().expect("a length")
        })
        .max();
    assert_eq!(longest, Some(20_000));
}

#[test]
fn two_kinds_name_themselves_and_one_kind_says_what_it_always_said() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:perfect",
            "--kinds chained,literal --claim 2k --secret a4 --out two",
        )
        .ends(0);
    assert!(
        told.stdout
            .starts_with("VERIFIED for literal retrieval and chained facts: sim:perfect answers "),
        "{told}"
    );
    assert_eq!(verdicts(&place.run("two"))["is_unqualified"], false);
    let told = place
        .verify(
            "sim:perfect",
            "--kinds literal --claim 2k --secret a4 --out one",
        )
        .ends(0);
    assert!(
        told.stdout
            .starts_with("VERIFIED for literal retrieval: sim:perfect finds at least 85 % "),
        "{told}"
    );
    let one = place.run("one");
    assert!(one.json("summary.json")["verdicts"].is_null());
    assert!(one.json("run.json")["study"]["kinds"].is_null());
    assert!(
        one.rows()
            .iter()
            .all(|row| row["trial"]["seat"]["kind"].is_null())
    );
    // Another choice of kinds is another run.
    let line = place
        .verify(
            "sim:perfect",
            "--kinds literal,chained --claim 2k --secret a4 --out one",
        )
        .refused();
    assert!(line.contains("list of tasks"), "{line}");
}

#[test]
fn each_kind_has_a_short_context_rate_of_its_own_where_the_threshold_is_relative() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:perfect,chained=flat=0.8,seed=4",
            "--kinds literal,chained --claim 2k",
        )
        .args("--tau-relative 0.6 --secret a5 --out run")
        .ends(0);
    let verdicts = verdicts(&place.run("run"));
    let base = |nth: usize| verdicts["kinds"][nth]["verification"]["base"].clone();
    assert_eq!(base(0)["right"], 100);
    let chained = base(1)["right"].as_u64().expect("a count");
    assert!((65..95).contains(&chained), "{told}");
    assert_eq!(base(1)["wrong"], 100 - chained);
}

#[test]
fn a_run_of_several_kinds_that_was_capped_and_killed_comes_to_the_same() {
    let place = Place::new();
    let verify = |out: &str| {
        place
            .verify(
                "sim:perfect,associative=flat=0.9,aggregate=flat=0.5,seed=3,latency=20ms",
                "--kinds literal,associative,aggregate --claim 3k --secret a6 --quiet --out",
            )
            .arg(out)
    };
    let whole = place.run("whole");
    let code = verify("whole").start().wait().code;
    let capped = verify("run").args("--max-trials 12").start().wait();
    assert_eq!(capped.code, Some(3), "{capped}");
    assert!(capped.stderr.contains("with a higher cap"), "{capped}");
    let run = place.run("run");
    for more in [7, 23, 40, 61] {
        let mut started = verify("run").start();
        let lines = run.line_count() + more;
        assert!(started.until(|| run.line_count() >= lines), "too late");
        assert!(started.kill(), "too late");
    }
    let told = verify("run").start().wait();
    assert_eq!(told.code, code, "{told}");
    assert_eq!(run.settled(), whole.settled());
    assert_eq!(verdicts(&run)["kinds"], verdicts(&whole)["kinds"]);
    assert_eq!(run.asked_again(), [0u64; 0]);
}

#[test]
fn a_dry_run_tells_the_bounds_of_all_kinds() {
    let place = Place::new();
    let mock = Mock::right();
    let told = place
        .verify(
            &mock.target(),
            "--kinds literal,associative,aggregate --claim 40k --dry-run",
        )
        .ends(0);
    for words in [
        "3 kinds of use, a verdict on each: literal retrieval (niah_single), associative retrieval (associative), aggregation (sum); the error is that of any of them, 1.7 % for each",
        "at most  400 questions of each kind",
        "if it finds everything: about 420 questions with ",
        "at worst: 3,900 questions with ",
    ] {
        assert!(told.stdout.contains(words), "{words}\n{told}");
    }
    assert_eq!((mock.count(), place.names().len()), (0, 0));
}
