//! Silent cuts of every kind are seen, named, and never taken for the model's failure.

use crate::support::Place;
use serde_json::Value;

/// Long enough that a server that drops it loses more tokens than any tolerance.
const SYSTEM: &str = "You are a careful reader of long texts. Answer every question from the text \
    alone, as shortly as you can, and do not explain, apologise, translate, summarise or repeat \
    anything that was not asked for.";

/// A sweep of 700 and 2,000 tokens on a perfect reader behind a server with these faults.
fn sweep(place: &Place, faults: &str, system: bool, arguments: &str) -> Value {
    let target = format!("sim:perfect,{faults}");
    let mut sweep = place
        .sweep(&target, "--lengths 700,2000 --depths 2 --keys 2 --out run")
        .args("--max-void 1 --secret ca11")
        .args(arguments);
    if system {
        sweep = sweep.arg("--system").arg(SYSTEM);
    }
    sweep.ends(0);
    place.run("run").json("summary.json")
}

fn classes(summary: &Value) -> (u64, u64) {
    let of = |name: &str| summary["totals"][name].as_u64().expect("a count");
    (of("scored"), of("void"))
}

#[test]
fn each_silent_cut_is_void_and_known_by_its_name() {
    for (fault, system, cut) in [
        ("fault=cut-head=1200", false, "head"),
        ("fault=cut-tail=1200", false, "tail"),
        ("fault=cut-middle=1200", false, "middle"),
        ("fault=half-window=1536", false, "head"),
        ("fault=cut-head=1200", true, "head"),
        ("fault=rolling=1200", true, "rolling"),
    ] {
        let place = Place::new();
        let summary = sweep(&place, fault, system, "");
        assert_eq!(classes(&summary), (2, 2), "{fault}: {summary}");
        assert_eq!(summary["tasks"][0]["voids"]["cut-prompt"], 2, "{fault}");
        let cuts = summary["cuts"].as_array().expect("a finding");
        assert_eq!(cuts.len(), 1, "{fault}: {cuts:?}");
        assert_eq!(cuts[0]["length_tokens"], 2_000, "{fault}");
        assert_eq!(cuts[0]["proven"], true, "{fault}: {cuts:?}");
        assert_eq!(cuts[0]["cut"], cut, "{fault}: {cuts:?}");
        let half = match fault {
            "fault=half-window=1536" => Value::from(1_536),
            _ => Value::Null,
        };
        assert_eq!(cuts[0]["half_window_tokens"], half, "{fault}: {cuts:?}");
        let report = String::from_utf8(place.run("run").bytes("report.md")).expect("UTF-8");
        assert!(report.contains("the server cut the prompt"), "{report}");
    }
}

#[test]
fn a_server_that_lies_about_its_cut_is_suspected_and_its_answers_stay_scored() {
    for (fault, system, cut) in [
        ("fault=cut-head=1200,fault=lying-usage", false, "head"),
        ("fault=cut-middle=1200,fault=lying-usage", false, "middle"),
        ("fault=cut-tail=1200,fault=lying-usage", false, "tail"),
        ("fault=drop-messages,fault=lying-usage", true, "messages"),
    ] {
        let place = Place::new();
        let summary = sweep(&place, fault, system, "--canaries always");
        assert_eq!(classes(&summary), (4, 0), "{fault}: {summary}");
        assert_eq!(summary["totals"]["controls"], 2, "{fault}");
        let cuts = summary["cuts"].as_array();
        let cuts = cuts.expect("a suspicion");
        assert_eq!(
            (&cuts[0]["proven"], &cuts[0]["cut"]),
            (&Value::Bool(false), &cut.into()),
            "{fault}: {cuts:?}"
        );
        let warnings = summary["warnings"].to_string();
        assert!(
            warnings.contains("a cut of the prompt is suspected"),
            "{warnings}"
        );
    }
}

#[test]
fn an_honest_server_is_suspected_of_nothing() {
    for target in ["seed=1", "window=4096"] {
        let place = Place::new();
        let summary = sweep(&place, target, true, "--canaries always");
        assert_eq!(classes(&summary), (4, 0));
        assert!(summary["cuts"].is_null(), "{summary}");
        let controls: Vec<Value> = place
            .run("run")
            .lines()
            .into_iter()
            .filter(|line| line["line"] == "control")
            .collect();
        assert_eq!(controls.len(), 2);
        for control in controls {
            let codes = control["codes"].as_array().expect("codes");
            assert_eq!(codes.len(), 8);
            assert!(codes.iter().all(|code| code["found"] == true), "{control}");
        }
    }
}

#[test]
fn the_window_that_is_served_is_found_in_few_requests() {
    for (faults, served, refused, how) in [
        ("window=3000", 3_000, 3_001, "too-long"),
        ("window=3000,advertised=64k", 3_000, 3_001, "too-long"),
        (
            "advertised=64k,fault=cut-head=5000",
            5_000,
            5_001,
            "cut-prompt",
        ),
        ("fault=half-window=4096", 4_095, 4_096, "cut-prompt"),
        ("fault=cut-tail=6000", 5_993, 5_994, "cut-prompt"),
    ] {
        let place = Place::new();
        let summary = sweep(&place, faults, false, "--find-window");
        let found = &summary["found_window"];
        assert_eq!(found["served_tokens"], served, "{faults}: {found}");
        assert_eq!(found["refused_tokens"], refused, "{faults}: {found}");
        assert_eq!(found["how"], how, "{faults}: {found}");
        assert_eq!(found["stopped"], Value::Null, "{faults}: {found}");
        let requests = found["requests"].as_u64().expect("a count");
        assert!(requests <= 16, "{faults}: {found}");
        let report = String::from_utf8(place.run("run").bytes("report.md")).expect("UTF-8");
        assert!(report.contains("Served window: "), "{report}");
    }
}

#[test]
fn a_window_that_the_counts_hide_is_found_by_codes() {
    let place = Place::new();
    let faults = "advertised=16k,fault=cut-middle=6000,fault=lying-usage";
    let summary = sweep(&place, faults, false, "--find-window");
    let found = &summary["found_window"];
    assert_eq!(found["how"], "suspected-cut", "{found}");
    let tokens = |name: &str| found[name].as_u64().expect("a length");
    let (served, refused) = (tokens("served_tokens"), tokens("refused_tokens"));
    assert!(
        served < refused && refused - served <= refused / 16,
        "{found}"
    );
    // A middle that is cut a little loses no code yet.
    assert!((5_000..14_000).contains(&served), "{found}");
}

#[test]
fn a_limit_that_is_no_window_is_never_taken_for_one() {
    for (fault, words) in [
        ("fault=minute=3000", "rate limit"),
        ("fault=status=413:0.3,fault-seed=5", "413"),
    ] {
        let place = Place::new();
        let target = format!("sim:perfect,advertised=64k,{fault}");
        place
            .sweep(
                &target,
                "--lengths 700 --depths 2 --keys 2 --out run --find-window",
            )
            .args("--retries 0")
            .ends(0);
        let found = place.run("run").json("run.json")["found_window"].clone();
        let stopped = found["stopped"].as_str().unwrap_or_default();
        assert!(stopped.contains(words), "{fault}: {found}");
        assert_eq!(found["refused_tokens"], Value::Null, "{fault}: {found}");
    }
}

#[test]
fn without_a_tokenizer_counts_are_fitted_once_and_a_cut_still_shows() {
    let place = Place::new();
    let mut server = place
        .depthfinder("serve sim:perfect,fault=cut-head=9000 --port 0")
        .start();
    let target = server.first_line();
    let sweep = || {
        place
            .sweep(&target, "--lengths 4k,12k --depths 2 --keys 2 --out run")
            .args("--max-void 1 --secret f175")
    };
    let told = sweep().ends(0);
    assert!(
        told.stderr.contains("fitted to the server's counts"),
        "{told}"
    );
    let run = place.run("run").json("run.json");
    let slope = run["fit"]["slope"].as_f64().expect("a fit");
    assert!((0.99..1.01).contains(&slope), "{run}");
    assert_eq!(run["exact"], false);
    let summary = place.run("run").json("summary.json");
    assert_eq!(classes(&summary), (2, 2), "{summary}");
    assert_eq!(summary["tasks"][0]["voids"]["cut-prompt"], 2);
    for row in place.run("run").rows() {
        let reported = &row["outcome"]["reply"]["usage"]["prompt_tokens"];
        let length = row["trial"]["length_tokens"].as_u64().expect("a length");
        let reported = reported.as_u64().expect("a count");
        if length == 4_000 {
            assert!(reported.abs_diff(length) <= 2, "{reported} of {length}");
        }
    }
    // The fit is kept in the run: nothing is asked again.
    let lines = place.run("run").line_count();
    sweep().ends(0);
    assert_eq!(place.run("run").line_count(), lines);
    server.signal("TERM");
    server.wait();
}

#[test]
fn a_tokenizer_that_is_not_the_servers_is_found_out_before_anything_is_asked() {
    let place = Place::new();
    let mut server = place.depthfinder("serve sim:perfect --port 0").start();
    let target = server.first_line();
    let told = place
        .sweep(&target, "--lengths 2000 --depths 2 --keys 2 --out run")
        .args("--tokenizer cl100k")
        .ends(0);
    assert!(
        told.stderr.contains("does not count as cl100k does"),
        "{told}"
    );
    let run = place.run("run").json("run.json");
    assert!(run["fit"]["slope"].is_number(), "{run}");
    assert_eq!(run["exact"], false);
    let summary = place.run("run").json("summary.json");
    assert_eq!(classes(&summary), (2, 0), "{summary}");
    server.signal("TERM");
    server.wait();
}
