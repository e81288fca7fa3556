//! Who is answering, through the binary, of models whose truth is known.

use crate::support::{Depthfinder, Place, Started};
use serde_json::Value;

/// Few answers, and no long text unless a test is about it.
const SMALL: &str = "--prompts 8 --samples 5 --long 0";

fn serve(place: &Place, model: &str) -> (Started, String) {
    let mut server = place.depthfinder("serve").arg(model).start();
    let target = server.first_line();
    (server, target)
}

fn faulty(place: &Place, model: &str, fault: &str) -> (Started, String) {
    let mut server = place
        .depthfinder("serve")
        .arg(model)
        .args(&format!("--fault {fault}"))
        .start();
    let target = server.first_line();
    (server, target)
}

fn identify(place: &Place, target: &str, arguments: &str) -> Depthfinder {
    place.depthfinder("identify").arg(target).args(arguments)
}

fn result(place: &Place, folder: &str) -> Value {
    place.run(folder).json("identity.json")
}

/// What the verdict on a hypothesis says; none where there is none.
fn says<'v>(identity: &'v Value, hypothesis: &str) -> Option<&'v str> {
    let verdicts = identity["verdicts"].as_array().expect("verdicts");
    let found = verdicts
        .iter()
        .find(|verdict| verdict["hypothesis"] == hypothesis);
    found.and_then(|verdict| verdict["says"].as_str())
}

/// The readings of a signal: of which hypothesis, and what it says.
fn readings(identity: &Value, signal: &str) -> Vec<(String, String)> {
    let signals = identity["signals"].as_array().expect("signals");
    let found = signals.iter().find(|found| found["name"] == signal);
    let readings = found.and_then(|found| found["readings"].as_array());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    readings
        .into_iter()
        .flatten()
        .map(|reading| (word(&reading["hypothesis"]), word(&reading["says"])))
        .collect()
}

/// Every field is in FORMAT.md.
fn described(identity: &Value) {
    let format = include_str!("../../FORMAT.md");
    let (_, section) = format
        .split_once("## The folder of an identification")
        .expect("a section");
    let section = section.split("\n## ").next().expect("its text");
    for (at, value) in [
        ("", identity),
        ("verdicts[].", &identity["verdicts"][0]),
        ("signals[].", &identity["signals"][0]),
        ("", &identity["attempts"][0]),
        ("", &identity["missing"][0]),
    ] {
        for name in value.as_object().into_iter().flat_map(|value| value.keys()) {
            let path = format!("`{at}{name}");
            assert!(section.contains(&path), "FORMAT.md has no {path}`");
        }
    }
}

#[test]
fn a_model_is_consistent_with_its_name_and_with_itself_and_every_attempt_is_kept() {
    let place = Place::new();
    let (_server, target) = serve(&place, "sim:perfect,voice=7,window=16384");
    let told = identify(&place, &target, SMALL)
        // One honest test of the answers in twenty finds a difference: that is its level.
        .args("--reference sim:perfect,voice=7,window=16384 --no-equality --out same")
        .ends(0);
    assert!(
        told.stdout.contains(": consistent with sim:perfect"),
        "{told}"
    );
    assert!(
        told.stdout.contains("counted exactly as o200k does"),
        "{told}"
    );
    assert!(told.stderr.contains("total: "), "{told}");
    let identity = result(&place, "same");
    assert_eq!(says(&identity, "reference"), Some("consistent"));
    assert_eq!(says(&identity, "name"), Some("consistent"));
    assert_eq!(says(&identity, "usage"), Some("consistent"));
    let lines = String::from_utf8(place.run("same").bytes("attempts.jsonl")).expect("UTF-8");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut begun = std::collections::BTreeSet::new();
    let mut kept = 0;
    for line in &lines {
        match line["line"].as_str() {
            Some("intent") => assert!(begun.insert(line["attempt"].as_u64())),
            Some("attempt") => {
                assert!(begun.contains(&line["attempt"].as_u64()), "{line}");
                kept += 1;
            }
            other => panic!("a line of kind {other:?}"),
        }
    }
    assert_eq!(kept, begun.len());
    assert_eq!(identity["attempts"].as_array().map(Vec::len), Some(kept));
    assert_eq!(identity["spent"]["questions"].as_u64(), Some(kept as u64));
    described(&identity);
    let report = String::from_utf8(place.run("same").bytes("report.md")).expect("UTF-8");
    assert!(report.contains("What it cannot show"), "{report}");
    let line = identify(&place, &target, "--out same").refused();
    assert!(line.contains("choose another --out"), "{line}");
}

#[test]
fn a_relay_under_the_same_name_is_not_consistent_with_it() {
    let place = Place::new();
    let relay = "sim:perfect,voice=7,relay=perfect+tokenizer=cl100k+voice=8";
    let (_server, target) = serve(&place, relay);
    let told = identify(&place, &target, SMALL).args("--out alone").ends(1);
    assert!(
        told.stdout
            .contains("not consistent with the tokenizer of its name"),
        "{told}"
    );
    assert!(told.stdout.contains("exactly as cl100k does"), "{told}");
    let told = identify(&place, &target, SMALL)
        .args("--reference sim:perfect,voice=7 --out beside --json")
        .ends(1);
    let identity: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(identity, result(&place, "beside"));
    assert_eq!(says(&identity, "reference"), Some("not_consistent"));
    assert_eq!(says(&identity, "name"), Some("not_consistent"));
}

#[test]
fn a_router_that_switches_above_a_length_is_caught_by_the_long_twist_alone() {
    let place = Place::new();
    let router = "sim:perfect,voice=7,router=4k:perfect+tokenizer=cl100k+voice=8";
    let (_server, target) = serve(&place, router);
    identify(&place, &target, SMALL).args("--out short").ends(0);
    identify(&place, &target, "--long 8k --out long").ends(1);
    let identity = result(&place, "long");
    assert_eq!(says(&identity, "name"), Some("consistent"));
    assert_eq!(says(&identity, "long"), Some("not_consistent"));
    let (_server, honest) = serve(&place, "sim:perfect,voice=7");
    identify(&place, &honest, "--long 8k --out honest").ends(0);
    assert_eq!(says(&result(&place, "honest"), "long"), Some("consistent"));
}

#[test]
fn another_model_of_the_same_tokenizer_is_found_by_its_answers() {
    let place = Place::new();
    let told = identify(&place, "sim:perfect,voice=8", SMALL)
        .args("--reference sim:perfect,voice=7 --out other")
        .ends(1);
    assert!(
        told.stdout
            .contains("the distribution of the answers differs"),
        "{told}"
    );
    let identity = result(&place, "other");
    assert_eq!(says(&identity, "name"), Some("consistent"));
    let of_reference = |says: &str| ("reference".to_owned(), says.to_owned());
    assert!(readings(&identity, "tokenizer vector").contains(&of_reference("consistent")));
    assert!(readings(&identity, "model equality test").contains(&of_reference("not_consistent")));
}

#[test]
fn a_vendors_marks_on_anothers_model_and_a_name_that_tells_nothing_are_shown() {
    let place = Place::new();
    let (_server, target) = serve(&place, "sim:perfect,voice=7,name=acme-70b,leaks=anthropic");
    let told = identify(&place, &target, SMALL)
        .args("--out unknown")
        .ends(3);
    assert!(told.stderr.contains("tells no tokenizer"), "{told}");
    assert!(told.stdout.contains("anthropic"), "{told}");
    identify(&place, &target, SMALL)
        .args("--claimed gpt-4o --out claimed")
        .ends(0);
    identify(&place, &target, SMALL)
        .args("--claimed llama-3 --out wrong")
        .ends(1);
    let line = identify(&place, &target, "--claimed no-such").refused();
    assert!(line.contains("known are o200k"), "{line}");
}

#[test]
fn a_silent_cut_is_no_other_tokenizer() {
    let place = Place::new();
    for fault in [
        "cut-head=5k",
        "cut-head=7k",
        "cut-middle=6k",
        "cut-tail=6k",
        "rolling=6k",
    ] {
        let (_server, target) = faulty(&place, "sim:perfect,voice=7", fault);
        let told = identify(&place, &target, "--long 8k --out")
            .arg(fault)
            .ends(3);
        assert!(
            told.stdout.contains("the prompt was cut"),
            "{fault}: {told}"
        );
        assert!(
            !told.stdout.contains("another tokenizer"),
            "{fault}: {told}"
        );
        let identity = result(&place, fault);
        assert_eq!(says(&identity, "long"), Some("undecided"), "{fault}");
        assert_eq!(says(&identity, "name"), Some("consistent"), "{fault}");
    }
}

#[test]
fn a_cache_of_replies_is_no_other_model() {
    let place = Place::new();
    let (_server, target) = faulty(&place, "sim:perfect,voice=7", "cached-answer");
    let told = identify(&place, &target, SMALL)
        .args("--reference sim:perfect,voice=7 --out cached")
        .start()
        .wait();
    // Whether so few fresh answers differ by chance is drawn anew each time; but a cache that
    // repeats them is named, and never taken for another model.
    assert!(told.stdout.contains("cache"), "{told}");
    let identity = result(&place, "cached");
    let said = says(&identity, "reference");
    match told.code {
        Some(0) => assert_eq!(said, Some("consistent")),
        code => assert_eq!((code, said), (Some(3), Some("undecided"))),
    }
}

#[test]
fn counts_alone_make_no_model_consistent_with_a_reference() {
    let place = Place::new();
    // Both draw their answers whatever is asked, as where the temperature is refused.
    let told = identify(&place, "sim:perfect,voice=7", SMALL)
        .args("--reference sim:perfect,voice=99 --no-equality --param temperature=1 --out counts")
        .ends(3);
    assert!(
        told.stdout.contains("only counts of tokens agree"),
        "{told}"
    );
    let identity = result(&place, "counts");
    assert_eq!(says(&identity, "reference"), Some("undecided"));
    let of_reference = |says: &str| ("reference".to_owned(), says.to_owned());
    assert!(readings(&identity, "tokenizer vector").contains(&of_reference("consistent")));
}

#[test]
fn anothers_marks_beside_the_right_counts_leave_the_name_open() {
    let place = Place::new();
    let model = "sim:perfect,voice=7,name=gpt-4o,leaks=anthropic";
    let (_server, target) = serve(&place, model);
    let told = identify(&place, &target, SMALL).args("--out marks").ends(3);
    for part in [
        "(strong, for it): it counts exactly as o200k does",
        "(medium, against it): marks of Anthropic on answers of gpt-4o",
    ] {
        assert!(told.stdout.contains(part), "{part}: {told}");
    }
    assert_eq!(says(&result(&place, "marks"), "name"), Some("undecided"));
}

#[test]
fn what_was_never_answered_is_named_and_leaves_it_undecided() {
    let place = Place::new();
    let (_server, target) = faulty(&place, "sim:perfect,voice=7", "status=429:0.6");
    let told = identify(&place, &target, SMALL)
        .args("--reference sim:perfect,voice=7 --no-equality --retries 0 --concurrency 1")
        .args("--out limited")
        .ends(3);
    assert!(
        told.stderr.contains("questions were not answered"),
        "{told}"
    );
    assert!(
        told.stdout
            .contains("not measured: greedy divergence of the target"),
        "{told}"
    );
    let identity = result(&place, "limited");
    assert_eq!(says(&identity, "reference"), Some("undecided"));
    let stopped = identity["stopped"].as_str().unwrap_or_default();
    assert!(stopped.contains("questions were not answered"), "{stopped}");
    let missing = &identity["missing"][0];
    assert_eq!(missing["side"], "target");
    assert!(missing["answered"].as_u64() < missing["questions"].as_u64());
    described(&identity);
}

#[test]
fn questions_under_way_do_not_break_a_cap_on_tokens() {
    let place = Place::new();
    let (_server, target) = serve(&place, "sim:perfect,voice=7");
    let told = identify(
        &place,
        &target,
        "--long 8k --max-tokens 20k --concurrency 4",
    )
    .args("--out capped")
    .ends(3);
    assert!(
        told.stderr.contains("stopped by --max-tokens 20000"),
        "{told}"
    );
    let identity = result(&place, "capped");
    let spent = identity["spent"]["prompt_tokens"].as_u64();
    assert!(spent.is_some_and(|spent| spent <= 20_000), "{spent:?}");
    assert_eq!(says(&identity, "long"), Some("undecided"));
}

#[test]
fn a_dry_run_asks_nothing_and_a_cap_stops_with_what_was_asked() {
    let place = Place::new();
    let (_server, target) = serve(&place, "sim:perfect,voice=7");
    let told = identify(&place, &target, "--dry-run --reference sim:perfect").ends(0);
    for part in ["tokenizer vector", "model equality test", "total: "] {
        assert!(told.stdout.contains(part), "{part}: {told}");
    }
    assert_eq!(place.names(), [""; 0]);
    let told = identify(&place, &target, "--max-trials 9 --out capped").ends(3);
    assert!(told.stderr.contains("stopped by --max-trials 9"), "{told}");
    assert_eq!(result(&place, "capped")["spent"]["questions"], 9);
}

#[test]
fn what_cannot_be_asked_is_told_in_one_line() {
    let place = Place::new();
    for (arguments, words) in [
        ("http://127.0.0.1:1/v1#m --out gone", "no connection"),
        ("sim:perfect --samples 1", "--samples is between 2 and 200"),
        ("sim:perfect --prompts 99", "--prompts is between 1 and"),
        ("sim:perfect --long lots", "bad --long"),
        ("sim:perfect --tokenizer-file none.json", "no such file"),
        (
            "sim:perfect --reference sim:none",
            "the reference cannot be asked",
        ),
    ] {
        let line = place.depthfinder("identify").args(arguments).refused();
        assert!(line.contains(words), "{arguments}: {line}");
    }
}
