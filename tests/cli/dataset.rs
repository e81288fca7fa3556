//! Other people's sets asked from the command line: RULER, MRCR with earlier turns, generic ones.

use crate::support::{Depthfinder, Place, small_text};
use serde_json::{Value, json};
use std::path::Path;

/// A file of this repository.
fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/datasets");
    folder.join(name).display().to_string()
}

/// Prompts of our own with their answers, written as RULER's data preparation writes its records:
/// twelve at each of two lengths.
fn ruler(place: &Place) -> String {
    place
        .sweep("sim:perfect", "--lengths 600,1200 --depths 12 --keys 4")
        .args("--samples 1 --secret 0d --quiet --out own")
        .ends(0);
    let mut records = String::new();
    let mut rows = place.run("own").rows();
    rows.sort_by_key(|row| row["trial"]["id"].as_u64());
    assert_eq!(rows.len(), 24);
    for row in &rows {
        let id = row["trial"]["id"].to_string();
        let shown = place.depthfinder("show own").arg(&id).ends(0);
        let record = json!({
            "index": id, "input": shown.stdout, "outputs": [row["expected"]],
            "length": row["trial"]["length_tokens"], "task": "niah_multikey_1",
        });
        records.push_str(&format!("{record}\n"));
    }
    place.file("set.jsonl", records)
}

fn asked(place: &Place, target: &str, set: &str, out: &str) -> Depthfinder {
    let sweep = place.depthfinder("sweep").arg(target).arg("--dataset");
    sweep.arg(set).args("--secret 0e --out").arg(out)
}

fn items(place: &Place, run: &str) -> Vec<Value> {
    let mut lines = place.run(run).lines();
    lines.retain(|line| line["line"] == "set_row");
    lines
}

/// What each settled item came to: the prompt's digest, the credit, the reply.
fn settled(place: &Place, run: &str) -> Vec<(u64, String, Value, Value)> {
    let mut settled: Vec<_> = items(place, run)
        .iter()
        .filter(|row| row["settled"] == true)
        .map(|row| {
            (
                row["item"].as_u64().expect("a number"),
                row["prompt"]["blake3"].to_string(),
                row["credit"].clone(),
                row["outcome"]["reply"]["text"].clone(),
            )
        })
        .collect();
    settled.sort_by_key(|item| item.0);
    settled
}

#[test]
fn a_ruler_set_is_asked_in_random_order_and_scored_by_rulers_rule_at_each_length() {
    let place = Place::new();
    let set = ruler(&place);
    // It finds what stands in prompts of up to 900 tokens, and answers with a sibling above.
    asked(&place, "sim:cliff=900", &set, "run").ends(0);
    let run = place.run("run");
    let summary = run.json("summary.json");
    let curve = &summary["tasks"][0]["curve"];
    let points: Vec<_> = (0..2)
        .map(|at| {
            let point = &curve[at];
            (
                point["length_tokens"].clone(),
                point["n"].clone(),
                point["right"].clone(),
                point["credit"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!(600), json!(12), json!(12), json!(1.0)),
        (json!(1200), json!(12), json!(0), json!(0.0)),
    ];
    assert_eq!(points, expected);
    assert_eq!(summary["tasks"][0]["task"], "niah_multikey_1");
    assert_eq!(summary["dataset"]["kind"], "ruler");
    assert_eq!(summary["dataset"]["tasks"][0]["credit"], 0.5);
    assert_eq!(
        run.json("run.json")["dataset"]["nominal_tokens"],
        json!([600, 1200])
    );

    let rows = items(&place, "run");
    let order: Vec<u64> = rows.iter().filter_map(|row| row["item"].as_u64()).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, Vec::from_iter(0..24));
    assert_ne!(order, sorted, "asked in the order of the file");
    let text = std::fs::read_to_string(run.path().join("journal.jsonl")).expect("a journal");
    let words = std::fs::read_to_string(&set).expect("a set");
    let record: Value = serde_json::from_str(words.lines().next().expect("one")).expect("JSON");
    let input = record["input"].as_str().expect("text");
    let sentence: String = input.chars().skip(200).take(60).collect();
    assert!(
        !text.contains(&sentence),
        "the journal holds the set's text"
    );
    // A single message is shown as it was sent.
    let shown = place.depthfinder("show run 0").ends(0);
    assert_eq!(shown.stdout, input);
    for name in ["report.md", "report.html"] {
        let report = String::from_utf8(run.bytes(name)).expect("UTF-8");
        assert!(report.contains("Known questions"), "{name}");
        assert!(report.contains("string_match_all"), "{name}");
        assert!(report.contains("may have seen them"), "{name}");
    }
    assert!(run.path().join("accuracy.png").exists());
    // RULER states no depth here.
    assert!(!run.path().join("heatmap.png").exists());
}

#[test]
fn a_report_needs_the_journal_alone_and_refuses_a_set_that_has_changed() {
    let place = Place::new();
    let set = ruler(&place);
    asked(&place, "sim:cliff=900", &set, "run")
        .args("--limit 9")
        .ends(0);
    let run = place.run("run");
    let before = run.bytes("summary.json");
    assert_eq!(items(&place, "run").len(), 9);
    assert_eq!(run.json("summary.json")["totals"]["planned"], 9);
    let words = std::fs::read(&set).expect("a set");

    std::fs::remove_file(&set).expect("there");
    place.depthfinder("report run").ends(0);
    assert_eq!(run.bytes("summary.json"), before);
    // Scored anew out of the replies, whatever the rows say.
    let journal = String::from_utf8(run.bytes("journal.jsonl")).expect("UTF-8");
    let lies = journal.replace("\"right\":true", "\"right\":false");
    assert_ne!(lies, journal);
    std::fs::write(run.path().join("journal.jsonl"), lies).expect("written");
    place.depthfinder("report run").ends(0);
    assert_eq!(run.bytes("summary.json"), before);

    let mut changed = words.clone();
    changed.extend_from_slice(b"\n");
    std::fs::write(&set, changed).expect("written");
    let told = place.depthfinder("report run").ends(2);
    assert!(told.complaint().contains("is not what it was"), "{told}");
    let told = place.depthfinder("show run 0").ends(2);
    assert!(told.complaint().contains("is not what it was"), "{told}");
    let told = asked(&place, "sim:cliff=900", &set, "run")
        .args("--limit 9")
        .refused();
    assert!(
        told.contains("is not the file that run was begun with"),
        "{told}"
    );
    std::fs::write(&set, words).expect("written");
    let told = asked(&place, "sim:cliff=900", &set, "run")
        .args("--limit 8")
        .refused();
    assert!(
        told.contains("the number of items asked (9 there, 8 now) differs"),
        "{told}"
    );
    asked(&place, "sim:cliff=900", &set, "run")
        .args("--limit 9")
        .ends(0);
    assert_eq!(run.bytes("summary.json"), before);
}

#[test]
fn mrcr_conversations_reach_a_server_whole_in_every_dialect() {
    let place = Place::new();
    let mut serving = place
        .depthfinder("serve sim:flat=0.6 --port 0 --log log.jsonl")
        .start();
    let address = serving.first_line();
    let (root, _) = address.split_once("/v1").expect("an address");
    let set = file("mrcr-asked.parquet");
    let mut came_to = Vec::new();
    for dialect in ["http", "openai-responses", "anthropic", "gemini", "ollama"] {
        let target = match dialect {
            "http" => address.clone(),
            _ => format!("{dialect}:sim:flat=0.6"),
        };
        let mut sweep = asked(&place, &target, &set, dialect).args("--yes");
        if dialect != "http" {
            sweep = sweep.arg("--base-url").arg(root);
        }
        for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"] {
            sweep = sweep.env(name, "sk-none");
        }
        sweep.ends(0);
        let summary = place.run(dialect).json("summary.json");
        assert_eq!(summary["totals"]["scored"], 24, "{dialect}: {summary}");
        let rows = items(&place, dialect);
        assert!(rows.iter().all(|row| row["prompt"]["turns"] == 13));
        let told = |row: &&Value| row["outcome"]["reply"]["text"] == row["answers"][0];
        let exact = rows.iter().filter(told).count();
        assert!((6..=20).contains(&exact), "{dialect}: {exact} of 24 exact");
        // Whoever answers rightly gives the piece word for word.
        for row in &rows {
            let credit = row["credit"].as_f64().expect("scored");
            assert_eq!(row["right"] == true, credit >= 0.5, "{row}");
            if row["outcome"]["reply"]["text"] == row["answers"][0] {
                assert_eq!(credit, 1.0);
            } else {
                assert!(credit < 1.0, "{row}");
            }
        }
        came_to.push(settled(&place, dialect));
    }
    // The same words, and of a model that hangs on them alone the same answers.
    assert!(came_to.iter().all(|one| *one == came_to[0]));
}

#[test]
fn a_generic_set_is_read_by_its_columns_and_drawn_by_depth() {
    let place = Place::new();
    place
        .sweep(
            "sim:perfect",
            "--lengths 700 --depths 5 --keys 1 --samples 2",
        )
        .args("--secret 0f --quiet --out own")
        .ends(0);
    let mut records = String::new();
    for (nth, row) in place.run("own").rows().iter().enumerate() {
        let id = row["trial"]["id"].to_string();
        let shown = place.depthfinder("show own").arg(&id).ends(0);
        // Every other answer is one that no reader could give.
        let truth = match nth % 2 {
            0 => row["expected"].clone(),
            _ => json!("an answer of another text"),
        };
        let record = json!({
            "ask": [
                {"role": "system", "content": "Answer with the number."},
                {"role": "user", "content": "Hello."},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": shown.stdout},
            ],
            "truth": truth, "at": row["trial"]["cell_percent"], "kind": "own",
        });
        records.push_str(&format!("{record}\n"));
    }
    let set = place.file("any.jsonl", records);
    let command = asked(&place, "sim:perfect", &set, "run")
        .args("--prompt-column ask --answers-column truth --depth-column at --task-column kind")
        .args("--matching exact");
    command.ends(0);
    let run = place.run("run");
    let summary = run.json("summary.json");
    assert_eq!(summary["totals"]["scored"], 10);
    assert_eq!(summary["dataset"]["tasks"][0]["right"], 5);
    assert_eq!(summary["dataset"]["kind"], "generic");
    // No length is stated: counted, and told up to the next power of two.
    assert_eq!(summary["tasks"][0]["curve"][0]["length_tokens"], 1024);
    let depths: Vec<&Value> = summary["tasks"][0]["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .map(|cell| &cell["depth_percent"])
        .collect();
    assert_eq!(depths.len(), 5);
    assert!(run.path().join("heatmap.png").exists());
    assert_eq!(items(&place, "run")[0]["prompt"]["turns"], 3);
    let told = asked(&place, "sim:perfect", &set, "other")
        .args("--prompt-column ask --answers-column truth --system brief")
        .refused();
    assert!(told.contains("leave --system out"), "{told}");
    let shown = place.depthfinder("show run 3").ends(0).stdout;
    let lines: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2], json!({"role": "assistant", "content": "Hello!"}));
}

#[test]
fn a_killed_run_goes_on_and_asks_nothing_twice_that_was_answered() {
    let place = Place::new();
    let set = ruler(&place);
    let sweep =
        |out: &str| asked(&place, "sim:decay=1k,latency=60ms", &set, out).args("--concurrency 2");
    sweep("whole").ends(0);
    let whole = settled(&place, "whole");
    assert_eq!(whole.len(), 24);
    let killed = place.run("killed");
    for kill in 1..=5 {
        let mut started = sweep("killed").start();
        let lines = killed.line_count() + 3 * kill % 7;
        assert!(
            started.until(|| killed.line_count() >= lines),
            "kill {kill}"
        );
        assert!(started.kill(), "kill {kill} came too late");
    }
    assert!(settled(&place, "killed").len() < 24);
    sweep("killed").ends(0);
    assert_eq!(settled(&place, "killed"), whole);
    let mut answered = std::collections::HashSet::new();
    for line in killed.lines() {
        match line["line"].as_str() {
            Some("set_row") => assert!(answered.insert(line["item"].as_u64()), "{line}"),
            Some("set_intent") => assert!(!answered.contains(&line["item"].as_u64()), "{line}"),
            other => panic!("a line {other:?}"),
        }
    }
    let again = killed.line_count();
    sweep("killed").ends(0);
    assert_eq!(killed.line_count(), again);
}

#[test]
fn a_cap_and_a_dry_run_are_kept() {
    let place = Place::new();
    let set = ruler(&place);
    let told = place
        .depthfinder("sweep sim:perfect --dry-run --limit 5 --dataset")
        .arg(&set)
        .ends(0);
    assert!(told.stdout.contains("5 of 24 items (ruler)"), "{told}");
    assert!(told.stdout.contains("price: none"), "{told}");
    assert_eq!(place.names(), ["own", "set.jsonl"]);
    let capped = asked(&place, "sim:perfect", &set, "run").args("--max-trials 4");
    let told = capped.start().wait();
    assert_eq!(told.code, Some(3), "{told}");
    assert_eq!(items(&place, "run").len(), 4);
    // The larger sample begins with the smaller one.
    let first: Vec<Value> = items(&place, "run");
    asked(&place, "sim:perfect", &set, "run").ends(0);
    assert_eq!(items(&place, "run").len(), 24);
    assert_eq!(items(&place, "run")[..4], first[..]);
}

#[test]
fn prompts_that_are_cut_on_the_way_are_void_and_not_wrong() {
    let place = Place::new();
    let set = ruler(&place);
    let mut serving = place
        .depthfinder("serve sim:perfect --port 0 --fault cut-head=800")
        .start();
    let address = serving.first_line();
    let told = asked(&place, &address, &set, "run")
        .args("--tokenizer o200k")
        .start()
        .wait();
    assert_eq!(told.code, Some(3), "{told}");
    let summary = place.run("run").json("summary.json");
    assert_eq!(summary["tasks"][0]["voids"]["cut-prompt"], 12, "{summary}");
    assert_eq!(summary["tasks"][0]["curve"][0]["right"], 12);
}

#[test]
fn what_has_no_meaning_and_what_cannot_be_read_is_refused_in_a_line() {
    let place = Place::new();
    let set = place.file("set.jsonl", "{\"prompt\":\"a?\",\"answer\":\"b\"}\n");
    let sweep = |typed: &str| {
        let sweep = place.depthfinder("sweep sim:perfect --dataset").arg(&set);
        sweep.args(typed).refused()
    };
    for (typed, option) in [
        ("--task niah_single_1", "--task"),
        ("--suite quick", "--suite"),
        ("--lengths 4k", "--lengths"),
        ("--depths 3", "--depths"),
        ("--samples 2", "--samples"),
        ("--find-window", "--find-window"),
        ("--question-at start", "--question-at"),
    ] {
        let told = sweep(typed);
        assert!(
            told.contains(&format!("{option} has no meaning with --dataset")),
            "{told}"
        );
    }
    let corpus = place
        .depthfinder("sweep sim:perfect --dataset")
        .arg(&set)
        .arg("--corpus")
        .arg(small_text());
    assert!(corpus.refused().contains("--corpus has no meaning"));
    assert!(sweep("--limit 0").contains("--limit is at least 1"));
    let told = sweep("--dataset-kind ruler --prompt-column x");
    assert!(
        told.contains("--prompt-column is for --dataset-kind generic"),
        "{told}"
    );
    assert!(sweep("--answers-column x").contains("line 1"));
    let told = place.depthfinder("sweep sim:perfect --limit 3").refused();
    assert!(told.contains("--limit needs --dataset FILE"), "{told}");

    let of = |content: &str| {
        let set = place.file("bad.jsonl", content);
        let sweep = place.depthfinder("sweep sim:perfect --dataset").arg(set);
        sweep.refused()
    };
    assert!(of("").contains("holds no record"));
    assert!(of("{\"input\": \"a\", \"outputs\"").contains("cannot be used as a set"));
    assert!(of("{\"text\": 1}\n").contains("no known kind of set"));
    let last = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},\
                {\"role\":\"assistant\",\"content\":\"b\"}],\"answer\":\"c\"}\n";
    assert!(of(last).contains("the last message is not the user's"));
    let missing = place.depthfinder("sweep sim:perfect --dataset nowhere.jsonl");
    assert!(missing.refused().contains("nowhere.jsonl"));
}
