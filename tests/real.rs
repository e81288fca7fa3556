//! The real llama-server and the engine built in with real weights, end to end through the binary.

#[path = "real/deployments.rs"]
mod deployments;
#[allow(dead_code, reason = "each test program uses its share")]
#[path = "real/files.rs"]
mod files;
#[path = "real/proxy.rs"]
mod proxy;
#[path = "real/router.rs"]
mod router;
#[allow(dead_code, reason = "each test program uses its share")]
#[path = "support/mod.rs"]
mod support;

use files::{have, say};
use proxy::Proxy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use support::run_folder::RunFolder;
use support::{Depthfinder, Place};

/// Found in the environment of every process that a command starts.
const MARK: &str = "DEPTHFINDER_TEST_MARK";

/// The watching shell may be in the last of its short sleeps.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Two models on the same cores are each several times slower: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cache with the weights; indexes of an earlier build are taken out of it.
fn cache() -> PathBuf {
    static FRESH: LazyLock<()> = LazyLock::new(|| {
        let _ = std::fs::remove_dir_all(files::cache().join("index"));
    });
    *FRESH;
    files::cache()
}

/// A sweep of the local model over a short text.
fn local(place: &Place, backend: &str, arguments: &str) -> Depthfinder {
    let command = place.sweep("local:smollm2", arguments).cache(cache());
    command.args(&format!("--threads 2 --backend {backend}"))
}

/// Processes that a command with this mark has started and that still run.
fn running(mark: &str) -> Vec<String> {
    let wanted = format!("{MARK}={mark}");
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|variable| variable == wanted.as_bytes()) {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&command).replace('\0', " "));
        }
    }
    found
}

fn all_end_within(mark: &str, limit: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let left = running(mark);
        if left.is_empty() {
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "still there: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64()
}

fn reported(row: &Value) -> Option<u64> {
    number(&row["outcome"]["reply"]["usage"]["prompt_tokens"])
}

fn answer(row: &Value) -> &str {
    row["outcome"]["reply"]["text"].as_str().unwrap_or_default()
}

/// Every row is settled, scored, and exactly as long as was asked for, by the server's own count.
fn all_exact(run: &RunFolder, trials: usize) -> Vec<Value> {
    let rows = run.rows();
    assert_eq!(run.settled().len(), trials);
    for row in &rows {
        assert_eq!(row["void"], Value::Null, "{row}");
        let length = number(&row["trial"]["length_tokens"]);
        assert_eq!(row["prompt"]["exact"], true);
        assert_eq!(number(&row["prompt"]["expected_tokens"]), length);
        assert_eq!(reported(row), length, "{row}");
    }
    rows
}

/// All questions of a haystack but its first found most of it in the cache.
fn later_questions_are_cached(rows: &[Value]) {
    let mut haystacks: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for row in rows {
        let trial = &row["trial"];
        let haystack = format!(
            "{} {} {}",
            trial["length_tokens"], trial["sample"], trial["set"]
        );
        let cached = number(&row["outcome"]["reply"]["usage"]["cached_tokens"]);
        let cached = cached.expect("the server tells");
        let length = number(&trial["length_tokens"]).expect("a length");
        haystacks
            .entry(haystack)
            .or_default()
            .push((cached, length));
    }
    for (haystack, questions) in haystacks {
        assert!(questions.len() > 1);
        for (cached, length) in &questions[1..] {
            assert!(cached * 2 > *length, "{haystack}: {questions:?}");
        }
    }
}

fn share_right(rows: &[Value], length: u64) -> f64 {
    let settled = || {
        let of_length = |row: &&Value| number(&row["trial"]["length_tokens"]) == Some(length);
        rows.iter()
            .filter(|row| row["settled"] == true)
            .filter(of_length)
    };
    let right = settled().filter(|row| row["judged"]["class"] == "exact");
    right.count() as f64 / settled().count() as f64
}

fn drawn(run: &RunFolder) {
    for name in ["accuracy.png", "heatmap.png"] {
        assert!(run.bytes(name).starts_with(b"\x89PNG"), "{name}");
    }
    for name in [
        "accuracy.svg",
        "heatmap.svg",
        "report.md",
        "report.html",
        "cells.csv",
    ] {
        assert!(!run.bytes(name).is_empty(), "{name}");
    }
    assert!(run.json("summary.json")["tasks"][0]["curve"][0]["n"].as_u64() > Some(0));
}

#[test]
fn a_local_sweep_through_llama_server_is_exact_and_leaves_nothing_behind() {
    let _alone = alone();
    let case = "a local sweep through llama-server";
    let Some(_) = have(case, files::llama_server()) else {
        return;
    };
    let place = Place::new();
    let began = Instant::now();
    let command = place.depthfinder("sweep local:smollm2 --lengths 512,1k --depths 5 --samples 1");
    command
        .args("--backend llama-server --threads 2 --secret 5eed --out run")
        .cache(cache())
        .env(MARK, "swept")
        .ends(0);
    let took = began.elapsed();
    let run = place.run("run");
    let rows = all_exact(&run, 10);
    later_questions_are_cached(&rows);
    let (short, long) = (share_right(&rows, 512), share_right(&rows, 1000));
    assert!(short >= 0.4, "{short} at 512");
    drawn(&run);
    let log = String::from_utf8_lossy(&run.bytes("llama-server.log")).into_owned();
    assert!(log.contains("llama") || log.contains("srv"), "{log}");
    all_end_within("swept", AT_ONCE);
    say(&format!(
        "{case}: 10 of 10 rows exact, right {:.0} % at 512 and {:.0} % at 1k, {:.1} s",
        100.0 * short,
        100.0 * long,
        took.as_secs_f64()
    ));
}

#[test]
fn a_local_sweep_through_the_engine_is_exact_and_answers_as_llama_server_does() {
    let _alone = alone();
    let case = "a local sweep through the engine built in";
    if !cfg!(feature = "engine") {
        have::<()>(case, Err("built without the engine".into()));
        return;
    }
    let Some(_) = have(case, files::smollm2()) else {
        return;
    };
    let place = Place::new();
    let grid = "--lengths 300,512 --depths 5 --samples 1 --secret 5eed --out";
    let began = Instant::now();
    local(&place, "engine", &format!("{grid} engine")).ends(0);
    let took = began.elapsed();
    let rows = all_exact(&place.run("engine"), 10);
    later_questions_are_cached(&rows);
    drawn(&place.run("engine"));
    let short = share_right(&rows, 512);
    assert!(short >= 0.4, "{short} at 512");
    say(&format!(
        "{case}: 10 of 10 rows exact, right {:.0} % at 512, {:.1} s",
        100.0 * short,
        took.as_secs_f64()
    ));

    let case = "answers of the engine beside those of llama-server";
    let Some(_) = have(case, files::llama_server()) else {
        return;
    };
    local(&place, "llama-server", &format!("{grid} server")).ends(0);
    let theirs = all_exact(&place.run("server"), 10);
    assert_eq!(place.run("engine").prompts(), place.run("server").prompts());
    let by_trial = |rows: &[Value]| -> BTreeMap<u64, String> {
        let settled = rows.iter().filter(|row| row["settled"] == true);
        let entry =
            |row: &Value| Some((number(&row["trial"]["id"])?, answer(row).trim().to_owned()));
        settled.filter_map(entry).collect()
    };
    let (ours, theirs) = (by_trial(&rows), by_trial(&theirs));
    let same = ours
        .iter()
        .filter(|(trial, text)| theirs.get(trial) == Some(text))
        .count();
    say(&format!("{case}: {same} of {} are the same", ours.len()));
    assert!(same * 5 >= ours.len() * 4, "{ours:?}\n{theirs:?}");
}

#[test]
fn a_server_that_counts_by_itself_is_met_within_a_few_tokens_and_three_calls() {
    let _alone = alone();
    let case = "a sweep that only llama-server's own count sizes";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(2048), "counted").expect("it ran before");
    let proxy = Proxy::before(&server.base_url);
    let place = Place::new();
    place
        .sweep(
            &proxy.base_url,
            "--lengths 512,1k --depths 5 --secret 5eed --out run",
        )
        .ends(0);
    let run = place.run("run");
    assert_eq!(run.settled().len(), 10);
    let (mut furthest, mut unexpected) = (0, 0);
    for row in run.rows() {
        assert_eq!(row["void"], Value::Null, "{row}");
        let told = reported(&row).expect("llama-server tells");
        let asked = number(&row["trial"]["length_tokens"]).expect("a length");
        let expected = number(&row["prompt"]["expected_tokens"]).expect("counted");
        furthest = furthest.max(told.abs_diff(asked));
        unexpected = unexpected.max(told.abs_diff(expected));
    }
    let calls = proxy.asked("/tokenize");
    say(&format!(
        "{case}: at most {furthest} tokens off the length and {unexpected} off the expected count, {calls} calls for 2 haystacks"
    ));
    assert!(furthest <= 8 && unexpected <= 8, "{furthest}, {unexpected}");
    assert!(
        (4..=8).contains(&calls),
        "{calls} calls of /tokenize, two for the template"
    );
    assert_eq!(
        proxy.asked("/v1/chat/completions"),
        12,
        "ten questions and two short ones"
    );
}

#[test]
fn with_the_models_own_vocabulary_any_server_is_met_exactly() {
    let _alone = alone();
    let case = "a sweep of llama-server by --tokenizer FILE.gguf";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(2048), "exact").expect("it ran before");
    let place = Place::new();
    place
        .sweep(
            &server.base_url,
            "--lengths 512,777 --depths 5 --secret 5eed",
        )
        .args("--out run --tokenizer")
        .arg(
            files::smollm2()
                .expect("it is served")
                .display()
                .to_string(),
        )
        .ends(0);
    let rows = all_exact(&place.run("run"), 10);
    later_questions_are_cached(&rows);
    say(&format!("{case}: {} of 10 rows exact", rows.len()));
}

#[test]
fn fingerprints_of_a_real_server_are_the_counts_of_its_vocabulary_and_do_not_change() {
    let _alone = alone();
    let case = "fingerprints of llama-server";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(2048), "fingerprints").expect("it ran before");
    let weights = files::smollm2()
        .expect("it is served")
        .display()
        .to_string();
    let place = Place::new();
    place
        .sweep(
            &server.base_url,
            "--lengths 512 --depths 4 --fingerprints auto",
        )
        .args("--concurrency 1 --out run --tokenizer")
        .arg(&weights)
        .ends(0);
    let run = place.run("run");
    let mut lines = run.lines();
    lines.retain(|line| line["line"] == "fingerprint");
    assert_eq!(lines.len(), 12);
    let overhead = number(&run.json("run.json")["overhead_tokens"]).expect("measured");
    for line in &lines {
        let own = number(&line["text_tokens"]).expect("counted");
        assert_eq!(reported(line), Some(own + overhead), "{line}");
    }
    let taken = run.json("summary.json")["fingerprints"].clone();
    let taken = taken.as_array().expect("a list");
    let moments: Vec<&Value> = taken.iter().map(|one| &one["moment"]).collect();
    assert_eq!(moments, ["start", "middle", "end"]);
    for one in taken {
        assert_eq!(one["counts"], taken[0]["counts"]);
        assert!(
            one["missing"].is_null() && one["changed"].is_null(),
            "{one}"
        );
    }
    say(&format!("{case}: {} each time", taken[0]["counts"]));
}

#[test]
fn a_length_above_the_served_window_is_void_and_never_wrong() {
    let _alone = alone();
    let case = "a length above llama-server's window";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(1024), "too-long").expect("it ran before");
    let place = Place::new();
    place
        .sweep(
            &server.base_url,
            "--lengths 512,2k --depths 5 --secret 5eed",
        )
        .args("--out run --tokenizer")
        .arg(
            files::smollm2()
                .expect("it is served")
                .display()
                .to_string(),
        )
        .ends(3);
    let run = place.run("run");
    let (mut scored, mut void) = (0, 0);
    for row in run.rows() {
        assert_eq!(row["settled"], true);
        if number(&row["trial"]["length_tokens"]) == Some(2000) {
            assert_eq!(row["void"], "too-long", "{row}");
            assert_eq!(row["judged"], Value::Null);
            assert_eq!(
                number(&row["outcome"]["failure"]["window_tokens"]),
                Some(1024)
            );
            void += 1;
        } else {
            assert_eq!(row["void"], Value::Null, "{row}");
            scored += 1;
        }
    }
    assert_eq!((scored, void), (5, 5));
    let points = run.json("summary.json")["tasks"][0]["curve"].clone();
    assert_eq!(points[1]["length_tokens"], 2000);
    assert_eq!(points[1]["accuracy"], Value::Null, "{points}");
    assert_eq!(points[1]["void"], 5);
}

#[test]
fn the_window_that_llama_server_was_started_with_is_found() {
    let _alone = alone();
    let case = "the search for llama-server's window";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(1536), "window").expect("it ran before");
    let place = Place::new();
    place
        .sweep(
            &server.base_url,
            "--lengths 512 --depths 2 --keys 2 --secret 5eed",
        )
        .args("--out run --find-window --tokenizer")
        .arg(
            files::smollm2()
                .expect("it is served")
                .display()
                .to_string(),
        )
        .ends(0);
    let found = place.run("run").json("run.json")["found_window"].clone();
    // Its last token is kept for the answer.
    assert_eq!(number(&found["served_tokens"]), Some(1535), "{found}");
    assert_eq!(number(&found["refused_tokens"]), Some(1536), "{found}");
    assert_eq!(found["how"], "too-long");
    say(&format!(
        "{case}: 1,536 of 1,536 tokens, in {} requests",
        found["requests"]
    ));
}

#[test]
fn llama_servers_anthropic_endpoint_is_asked_in_its_own_dialect() {
    let _alone = alone();
    let case = "a sweep through llama-server's Anthropic endpoint";
    let Some(binary) = have(case, files::llama_server()) else {
        return;
    };
    let server = files::serve(&binary, Some(2048), "anthropic").expect("it ran before");
    let place = Place::new();
    let grid = "--lengths 512,777 --depths 5 --secret 5eed --yes --tokenizer";
    let weights = files::smollm2().expect("it is served");
    let weights = weights.display().to_string();
    let base = server.base_url.trim_end_matches("/v1").to_owned();
    place
        .sweep("anthropic:smollm2", grid)
        .arg(weights.clone())
        .args("--out messages --base-url")
        .arg(base)
        .env("ANTHROPIC_API_KEY", "not-a-key")
        .ends(0);
    let rows = all_exact(&place.run("messages"), 10);
    later_questions_are_cached(&rows);
    let run = place.run("messages").json("run.json");
    assert_eq!(run["served"]["dialect"], "anthropic", "{run}");
    place
        .sweep(&server.base_url, grid)
        .arg(weights)
        .args("--out chat")
        .ends(0);
    let (messages, chat) = (place.run("messages"), place.run("chat"));
    assert_eq!(messages.prompts(), chat.prompts());
    say(&format!("{case}: {} of 10 rows exact", rows.len()));
}

#[test]
fn killed_in_the_middle_a_local_sweep_leaves_no_server_and_can_go_on() {
    let _alone = alone();
    let case = "a local sweep killed in the middle";
    let Some(_) = have(case, files::llama_server()) else {
        return;
    };
    let place = Place::new();
    let command = local(
        &place,
        "llama-server",
        "--lengths 600,1200 --depths 5 --secret 5eed",
    );
    let command = command.args("--out run").env(MARK, "killed");
    let run = place.run("run");
    let mut started = command.start();
    assert!(started.until(|| run.line_count() >= 3), "it ended before");
    let servers = running("killed")
        .into_iter()
        .filter(|line| line.contains(" --port "));
    assert!(servers.count() > 0, "no llama-server is running");
    assert!(started.kill(), "it had ended by itself");
    let gone = all_end_within("killed", Duration::from_secs(10));
    assert!(run.settled().len() < 10, "nothing was left to ask");
    command.ends(0);
    assert_eq!(run.settled().len(), 10);
    assert_eq!(run.asked_again(), [0u64; 0]);
    all_exact(&run, 10);
    all_end_within("killed", AT_ONCE);
    say(&format!(
        "{case}: its server was gone after {:.2} s",
        gone.as_secs_f64()
    ));
}

#[test]
fn identify_knows_the_family_of_a_real_server_by_its_counts() {
    let _alone = alone();
    let case = "identify through llama-server";
    let Some(_) = have(case, files::llama_server()) else {
        return;
    };
    let Some(_) = have(case, files::smollm2()) else {
        return;
    };
    let place = Place::new();
    let began = Instant::now();
    let told = place
        .depthfinder("identify local:smollm2 --backend llama-server --threads 2 --long 0 --out run")
        .cache(cache())
        .ends(0);
    let identity = place.run("run").json("identity.json");
    let signals = identity["signals"].as_array().expect("signals");
    let seen = |name: &str| {
        let found = signals.iter().find(|signal| signal["name"] == name);
        found
            .map(|signal| signal["seen"].to_string())
            .unwrap_or_default()
    };
    // The table's row was counted from the same weights by another library.
    let vector = seen("tokenizer vector");
    assert!(vector.contains("(its own file) and smollm2 do"), "{told}");
    let refusal = seen("limits and refusals");
    assert!(refusal.contains("as llama.cpp does"), "{refusal}");
    let special = seen("special tokens");
    assert!(special.contains("<|im_end|> (ChatML"), "{special}");
    say(&format!(
        "{case}: {vector}, {:.1} s",
        began.elapsed().as_secs_f64()
    ));
}
