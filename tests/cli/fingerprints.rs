//! Fingerprints at the start, the middle and the end of a run, through the binary against servers that change.

use crate::support::mock::{Answer, Asked, Mock, TEMPLATE_TOKENS};
use crate::support::run_folder::RunFolder;
use crate::support::{Depthfinder, Place, Started};
use depthfinder::tokens::Tokenizer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const KEY: &str = "sk-test-9876543210zyxwvutsrq";
/// The four questions, in order.
const PROBES: [&str; 4] = ["short", "digits", "chinese", "code"];

static OTHER: LazyLock<std::sync::Arc<Tokenizer>> =
    LazyLock::new(|| Tokenizer::bundled("cl100k").expect("bundled"));

/// Ten questions, one at a time.
fn ten(place: &Place, target: &str, more: &str) -> Depthfinder {
    place
        .sweep(target, "--lengths 600 --depths 10 --keys 5 --secret 2f")
        .args("--fingerprints auto --concurrency 1 --tokenizer o200k --out run")
        .args(more)
}

fn is_print(asked: &Asked) -> bool {
    asked.prompt().starts_with("Between the two rules stands")
}

/// The lines of fingerprints in a journal.
fn prints(run: &RunFolder) -> Vec<Value> {
    let mut lines = run.lines();
    lines.retain(|line| line["line"] == "fingerprint");
    lines
}

/// What was taken, in order: fingerprint, moment, questions settled before, probes.
fn taken(run: &RunFolder) -> Vec<(String, u64, Vec<String>)> {
    let mut taken: BTreeMap<u64, (String, u64, Vec<String>)> = BTreeMap::new();
    for print in prints(run) {
        let text = |name: &str| print[name].as_str().expect("text").to_owned();
        let number = |name: &str| print[name].as_u64().expect("a number");
        let (moment, settled) = (text("moment"), number("settled"));
        let own = taken
            .entry(number("fingerprint"))
            .or_insert_with(|| (moment.clone(), settled, Vec::new()));
        assert_eq!((&own.0, own.1), (&moment, settled));
        own.2.push(text("probe"));
    }
    taken.into_values().collect()
}

fn whole(moment: &str, settled: u64) -> (String, u64, Vec<String>) {
    (moment.to_owned(), settled, PROBES.map(str::to_owned).into())
}

fn summary(run: &RunFolder) -> Value {
    run.json("summary.json")
}

/// The warning of a split, which every report must hold too.
fn split(run: &RunFolder) -> Option<String> {
    let warnings = summary(run)["warnings"].clone();
    let warnings = warnings.as_array().expect("a list").iter();
    let mut warnings = warnings.filter_map(Value::as_str);
    let warning = warnings.find(|warning| warning.starts_with("run split"))?;
    for report in ["report.md", "report.html"] {
        let text = String::from_utf8(run.bytes(report)).expect("UTF-8");
        assert!(text.contains("run split"), "{report}");
    }
    Some(warning.to_owned())
}

/// A simulated model behind HTTP.
fn served(place: &Place, model: &str) -> (Started, String) {
    let mut server = place
        .depthfinder("serve --port 0")
        .arg(format!("sim:{model}"))
        .start();
    let target = server.first_line();
    (server, target)
}

#[test]
fn three_are_taken_each_question_a_line_and_an_unchanged_server_splits_nothing() {
    let place = Place::new();
    let mock = Mock::right();
    let command = ten(&place, &mock.target(), "");
    command.ends(0);
    let run = place.run("run");
    assert_eq!(
        taken(&run),
        [whole("start", 0), whole("middle", 5), whole("end", 10)]
    );
    // Two sound out the template, ten are the run's.
    assert_eq!(mock.count(), 2 + 10 + 12);
    let asked: Vec<bool> = mock.asked().iter().skip(2).map(is_print).collect();
    let expected = [(4, true), (5, false), (4, true), (5, false), (4, true)];
    let expected = expected.map(|(times, print)| vec![print; times]);
    assert_eq!(asked, expected.concat());
    // Each is written before it is sent, and what was sent is what is written.
    let lines = run.lines();
    let mut intended = BTreeSet::new();
    let mut texts = mock.asked().into_iter().filter(is_print);
    for line in &lines {
        if line["line"] == "fingerprint_intent" {
            let fields: Vec<&String> = line.as_object().expect("an object").keys().collect();
            assert_eq!(fields, ["line", "schema", "question", "at_ms"]);
            intended.insert(line["question"].as_u64());
        } else if line["line"] == "fingerprint" {
            assert!(intended.contains(&line["question"].as_u64()), "{line}");
            let sent = texts.next().expect("was sent");
            assert_eq!(line["text"].as_str(), Some(sent.prompt()));
            let tokens = line["text_tokens"].as_u64().expect("a number");
            let reported = &line["outcome"]["reply"]["usage"]["prompt_tokens"];
            assert_eq!(*reported, tokens + TEMPLATE_TOKENS);
        }
    }
    assert_eq!(intended.len(), 12);
    let told = summary(&run);
    assert_eq!(told["totals"]["fingerprint_questions"], 12);
    let replies = lines
        .iter()
        .filter_map(|line| line["outcome"]["reply"]["usage"]["prompt_tokens"].as_u64());
    assert_eq!(told["totals"]["prompt_tokens"], replies.sum::<u64>());
    let prints = told["fingerprints"].as_array().expect("a list").clone();
    assert_eq!(prints.len(), 3);
    for print in &prints {
        assert_eq!(print["counts"], prints[0]["counts"]);
        assert_eq!(print["counts"].as_array().map(Vec::len), Some(4));
        assert_eq!(print["model"], "mock-1");
        assert!(
            print["changed"].is_null() && print["missing"].is_null(),
            "{print}"
        );
    }
    assert_eq!(split(&run), None);
    let report = String::from_utf8(run.bytes("report.md")).expect("UTF-8");
    assert!(
        report.contains("start, middle, end (12 short questions): unchanged"),
        "{report}"
    );
    // A run that is done asks nothing more.
    command.ends(0);
    assert_eq!(run.lines().len(), lines.len());
    assert_eq!(mock.count(), 24);
}

#[test]
fn a_tokenizer_exchanged_in_the_second_half_splits_the_run_though_no_reply_marks_it() {
    let place = Place::new();
    // After the template's two, four of the start, five questions, four of the middle, and two
    // more: another model behind the same name, which recalls nothing.
    let mock = Mock::start(|asked| {
        // What comes first is told by milliseconds: no two answers in one.
        std::thread::sleep(std::time::Duration::from_millis(5));
        match asked.number {
            number if number < 17 => Answer::right(asked),
            _ => {
                let tokens = OTHER.count(asked.prompt()).expect("counts") + TEMPLATE_TOKENS;
                Answer::chat("1234567", "stop", Some((tokens, 4)))
            }
        }
    });
    ten(&place, &mock.target(), "").ends(0);
    let run = place.run("run");
    let told = summary(&run);
    let changed = |nth: usize| told["fingerprints"][nth]["changed"].clone();
    assert!(changed(1).is_null(), "{told}");
    let change = changed(2)[0].as_str().expect("a change").to_owned();
    assert!(
        change.starts_with("token counts of the same four texts: "),
        "{change}"
    );
    let split = split(&run).expect("is split");
    for words in [
        "between answer 5 and the end of 10 answers",
        change.as_str(),
        "5 of 5 before, 2 of 5 in between, 0 of 0 after",
    ] {
        assert!(split.contains(words), "{words}: {split}");
    }
    let report = String::from_utf8(run.bytes("report.md")).expect("UTF-8");
    assert!(
        report.contains("changed at the end (token counts"),
        "{report}"
    );
}

#[test]
fn a_replica_that_takes_over_splits_the_run_after_the_answer_that_it_gave_first() {
    let place = Place::new();
    // The first 18 requests: two of the template, eight of fingerprints, and eight questions.
    let (_server, target) = served(&place, "drift=18:1/0");
    ten(&place, &target, "").ends(0);
    let run = place.run("run");
    let split = split(&run).expect("is split");
    for words in [
        "after 8 of 10 answers",
        "system_fingerprint: ",
        "right: 8 of 8, then 0 of 2",
    ] {
        assert!(split.contains(words), "{words}: {split}");
    }
    let marks = summary(&run)["fingerprints"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|print| print["system_fingerprint"].to_string())
        .collect::<Vec<_>>();
    assert!(marks[0] == marks[1] && marks[1] != marks[2], "{marks:?}");
}

#[test]
fn killed_again_and_again_a_run_pays_nothing_twice_and_each_session_has_a_start() {
    let place = Place::new();
    let (_server, target) = served(&place, "perfect,latency=20ms");
    let command = ten(&place, &target, "--quiet");
    let run = place.run("run");
    let mut kills = 0;
    for lines in [1, 3, 6, 8, 12, 15, 18, 22, 27, 33] {
        let mut started = command.start();
        if !started.until(|| run.line_count() >= lines) {
            break;
        }
        kills += u64::from(started.kill());
    }
    assert!(kills >= 5, "{kills}");
    command.ends(0);
    assert_eq!(run.settled().len(), 10);
    assert_eq!(run.asked_again(), [0u64; 0]);
    let all = taken(&run);
    for (moment, settled, probes) in &all {
        let distinct: BTreeSet<&String> = probes.iter().collect();
        assert_eq!(
            distinct.len(),
            probes.len(),
            "{moment} at {settled}: {all:?}"
        );
    }
    // Before the first question there is one start, however often it was cut off.
    let first = all.iter().filter(|one| one.0 == "start" && one.1 == 0);
    assert_eq!(first.count(), 1, "{all:?}");
    let of = |moment: &str| all.iter().filter(|one| one.0 == moment).count() as u64;
    assert!((1..=kills + 1).contains(&of("start")), "{all:?}");
    assert!(of("middle") <= 1, "{all:?}");
    assert_eq!(all.last().expect("some"), &whole("end", 10));
    assert_eq!(of("end"), 1);
    assert_eq!(split(&run), None);
    let lines = run.line_count();
    command.ends(0);
    assert_eq!(run.line_count(), lines);
}

#[test]
fn a_start_that_was_cut_off_is_gone_on_with_and_one_that_questions_followed_is_taken_anew() {
    let place = Place::new();
    let mock = Mock::right();
    let command = ten(&place, &mock.target(), "");
    command.clone().args("--max-trials 3").ends(3);
    let run = place.run("run");
    assert_eq!(taken(&run), [whole("start", 0), whole("end", 3)]);
    let path = run.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).expect("a journal");
    // The first two questions of the start, and nothing of what followed.
    let cut: Vec<&str> = text.lines().take(4).collect();
    std::fs::write(&path, cut.join("\n") + "\n").expect("a journal");
    let before = mock.count();
    command.clone().args("--max-trials 3").ends(3);
    assert_eq!(taken(&run), [whole("start", 0), whole("end", 3)]);
    assert_eq!(mock.count() - before, 2 + 3 + 4);
    let before = mock.count();
    command.ends(0);
    assert_eq!(
        taken(&run),
        [
            whole("start", 0),
            whole("end", 3),
            whole("start", 3),
            whole("middle", 5),
            whole("end", 10)
        ]
    );
    assert_eq!(mock.count() - before, 7 + 12);
}

#[test]
fn a_run_killed_before_its_last_fingerprint_takes_it_when_it_is_called_again() {
    let place = Place::new();
    let mock = Mock::right();
    let command = ten(&place, &mock.target(), "");
    command.ends(0);
    let run = place.run("run");
    let path = run.path().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).expect("a journal");
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(&path, lines[..lines.len() - 8].join("\n") + "\n").expect("a journal");
    let before = mock.count();
    command.ends(0);
    assert_eq!(mock.count() - before, 4);
    assert_eq!(taken(&run).last().expect("some"), &whole("end", 10));
}

#[test]
fn caps_count_what_fingerprints_use_and_leave_out_what_they_forbid() {
    let place = Place::new();
    let mock = Mock::right();
    let used = |run: &str| {
        let summary = summary(&place.run(run));
        summary["totals"]["prompt_tokens"].as_u64().expect("tokens")
    };
    ten(&place, &mock.target(), "--max-tokens 3k").ends(3);
    let run = place.run("run");
    // Five prompts of 600 tokens fit, and without fingerprints five are asked.
    assert!(used("run") <= 3_000, "{}", used("run"));
    assert_eq!(taken(&run)[0], whole("start", 0));
    assert!((1..=4).contains(&run.settled().len()));
    ten(&place, &mock.target(), "--max-tokens 4500").ends(3);
    assert!(used("run") <= 4_500, "{}", used("run"));
    ten(&place, &mock.target(), "").ends(0);
    assert_eq!(run.settled().len(), 10);

    let before = mock.count();
    let fresh = place
        .sweep(
            &mock.target(),
            "--lengths 600 --depths 3 --fingerprints auto",
        )
        .args("--tokenizer o200k --max-tokens 10 --out fresh");
    fresh.ends(3);
    assert_eq!(taken(&place.run("fresh")), []);
    // The two of the template come before any cap.
    assert_eq!(mock.count() - before, 2);
}

#[test]
fn an_endpoint_that_answers_errors_to_them_does_not_stop_the_run() {
    for (status, asked) in [(400, 3), (401, 3), (404, 3), (500, 6)] {
        let place = Place::new();
        let mock = Mock::start(move |asked| match is_print(asked) {
            true => Answer::error(status, &format!("not for {KEY}")),
            false => Answer::right(asked),
        });
        ten(&place, &mock.target(), "")
            .env("THE_KEY", KEY)
            .args("--api-key-env THE_KEY")
            .ends(0);
        let run = place.run("run");
        let told = summary(&run);
        assert_eq!(told["tasks"][0]["curve"][0]["right"], 10, "{status}");
        assert_eq!(prints(&run).len(), asked, "{status}");
        assert_eq!(mock.count(), 2 + 10 + asked);
        for print in told["fingerprints"].as_array().expect("a list") {
            assert_eq!(print["counts"], serde_json::json!([null, null, null, null]));
            let missing = print["missing"].as_array().expect("a list");
            assert_eq!(missing.len(), 4);
            assert!(
                missing[0]
                    .as_str()
                    .is_some_and(|why| why.starts_with("short: "))
            );
            assert_eq!(missing[1], "digits: not asked");
        }
        assert_eq!(split(&run), None);
        let report = String::from_utf8(run.bytes("report.md")).expect("UTF-8");
        assert!(
            report.contains("nothing was told; not answered at the start (short: "),
            "{report}"
        );
        for (name, bytes) in run.files() {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(KEY), "{status}: {name}");
        }
        for line in mock.asked().iter().filter(|asked| is_print(asked)) {
            assert!(line.head.contains(KEY), "a question without the key");
        }
    }
    // One text alone is refused: the others tell what they can.
    let place = Place::new();
    let mock = Mock::start(
        |asked| match is_print(asked) && asked.prompt().contains("人工") {
            true => Answer::error(400, "no such letters"),
            false => Answer::right(asked),
        },
    );
    ten(&place, &mock.target(), "").ends(0);
    let told = summary(&place.run("run"));
    for print in told["fingerprints"].as_array().expect("a list") {
        let known: Vec<bool> = print["counts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(Value::is_u64)
            .collect();
        assert_eq!(known, [true, true, false, true]);
        assert_eq!(print["missing"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn models_of_our_own_are_not_asked_and_nobody_is_who_is_not_to_be() {
    let place = Place::new();
    ten(&place, "sim:perfect", "").ends(0);
    assert_eq!(prints(&place.run("run")), [0u64; 0]);
    assert!(summary(&place.run("run"))["fingerprints"].is_null());
    let mock = Mock::right();
    place
        .sweep(
            &mock.target(),
            "--lengths 600 --depths 3 --keys 3 --tokenizer o200k",
        )
        .args("--fingerprints never --out never")
        .ends(0);
    assert_eq!(mock.count(), 2 + 3);
    let place = Place::new();
    let told = ten(&place, &mock.target(), "--dry-run").ends(0);
    assert!(
        told.stdout.contains(
            "fingerprints: 12 short questions more at the start, the middle and the end, about "
        ),
        "{told}"
    );
    assert_eq!(mock.count(), 5);
}

#[test]
fn verifications_sets_and_every_side_of_a_comparison_take_them_too() {
    let place = Place::new();
    let (_server, target) = served(&place, "perfect");
    let of = |run: &str| -> Vec<String> {
        let taken = taken(&place.run(run));
        assert!(taken.iter().all(|one| one.2 == PROBES), "{taken:?}");
        taken.into_iter().map(|one| one.0).collect()
    };
    let three = ["start", "middle", "end"];
    place
        .verify(
            &target,
            "--claim 2k --fingerprints auto --tokenizer o200k --out verified",
        )
        .ends(0);
    assert_eq!(of("verified"), three);
    let middle = taken(&place.run("verified"))[1].1;
    let all = place.run("verified").settled().len() as u64;
    assert!((1..all).contains(&middle), "{middle} of {all}");

    let records =
        (0..8).map(|nth| format!("{{\"prompt\": \"Say {nth}.\", \"answer\": \"{nth}\"}}\n"));
    let set = place.file("set.jsonl", records.collect::<String>());
    let asked = place
        .depthfinder("sweep")
        .arg(&target)
        .arg("--dataset")
        .arg(&set);
    asked
        .args("--fingerprints auto --concurrency 1 --max-void 1 --out set")
        .ends(0);
    assert_eq!(of("set"), three);
    assert_eq!(taken(&place.run("set"))[1].1, 4);

    place
        .depthfinder("compare")
        .arg(&target)
        .arg(&target)
        .args("--lengths 600 --depths 5 --samples 2 --fingerprints auto --tokenizer o200k --out both --corpus")
        .arg(crate::support::small_text())
        .ends(0);
    for side in ["both/a", "both/b"] {
        assert_eq!(of(side), three, "{side}");
        assert!(!summary(&place.run(side))["fingerprints"].is_null());
    }
}
