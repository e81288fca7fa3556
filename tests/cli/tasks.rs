//! Every task through the whole program: laid out to the exact length, asked, solved, and shown again.

use crate::support::Place;
use depthfinder::language::Language;
use depthfinder::task::{Kind, Task};

/// The tasks that a language has, as they are typed.
fn tasks_of(code: &str) -> String {
    let language = Language::named(code).expect("is read");
    let tasks = Task::all().filter(|task| (task.entry().speaks)(language));
    let names: Vec<&str> = tasks.map(Task::name).collect();
    assert!(names.len() > 5, "{code}: {names:?}");
    names.join(",")
}

#[test]
fn every_task_is_solved_at_exact_lengths_in_english_and_chinese() {
    for (told, asked) in [("en", "en"), ("zh", "zh"), ("zh", "en")] {
        let place = Place::new();
        let arguments = format!(
            "--task {} --haystack-lang {told} --question-lang {asked} --lengths 2k,6k --depths 2 --samples 1 --secret 11 --out run",
            tasks_of(told)
        );
        // The small corpus of other tests is English: here the language's own is meant.
        place
            .depthfinder("sweep sim:perfect")
            .args(&arguments)
            .ends(0);
        let summary = place.run("run").json("summary.json");
        for task in summary["tasks"].as_array().expect("tasks") {
            for point in task["curve"].as_array().expect("points") {
                assert_eq!(point["right"], point["n"], "{told} {asked}: {task}");
                assert_eq!(point["void"], 0, "{task}");
            }
        }
        assert_eq!(summary["kinds"].as_array().map(Vec::len), Some(5));
        for row in place.run("run").rows() {
            let (expected, reported) = (
                &row["prompt"]["expected_tokens"],
                &row["outcome"]["reply"]["usage"]["prompt_tokens"],
            );
            assert_eq!(expected, reported, "{}", row["trial"]);
        }
    }
}

#[test]
fn prompts_of_every_haystack_are_shown_again_byte_for_byte() {
    let place = Place::new();
    let arguments = "--task niah_single_1,niah_multikey_2,cwe,fwe,vt --lengths 2k --depths 1 --samples 2 --out run";
    place
        .depthfinder("sweep sim:perfect")
        .args(arguments)
        .ends(0);
    for row in place.run("run").rows() {
        let id = row["trial"]["id"].to_string();
        // `show` compares the bytes with the hash in the row.
        let shown = place.depthfinder("show run").args(&id).ends(0);
        assert!(!shown.stdout.is_empty(), "{id}");
    }
}

#[test]
fn a_search_for_words_is_right_in_the_literal_kind_and_among_keyed_facts_and_in_no_other() {
    let place = Place::new();
    let arguments = format!(
        "--task {} --lengths 3k --depths 5 --samples 2 --out run",
        tasks_of("en")
    );
    place.depthfinder("sweep sim:grep").args(&arguments).ends(0);
    for task in place.run("run").json("summary.json")["tasks"]
        .as_array()
        .expect("tasks")
    {
        let name = task["task"].as_str().expect("a name");
        let right = task["curve"][0]["right"].as_u64().expect("a count");
        let kind = Task::named(name).expect(name).kind();
        match name {
            // The one fact of the key that is asked repeats the question's words.
            "niah_multikey_1" | "niah_multikey_2" | "niah_multikey_3" => {
                assert_eq!(right, 10, "{task}")
            }
            // Nothing is found, and "none" is right.
            "absent" => {}
            _ if kind == Kind::Literal => assert_eq!(right, 10, "{task}"),
            _ => assert!(right < 4, "{task}"),
        }
    }
}

#[test]
fn curves_by_kind_and_by_task_are_those_of_the_task_that_was_asked() {
    let place = Place::new();
    for (curve, wrong) in [
        (
            "selective=cliff=100",
            vec!["niah_multikey_2", "niah_multivalue", "niah_multiquery"],
        ),
        ("niah_multikey_2=cliff=100", vec!["niah_multikey_2"]),
        ("graph_bfs=cliff=100", vec!["graph_bfs"]),
        (
            "associative=cliff=100",
            vec!["associative", "associative_2"],
        ),
    ] {
        let name = format!("sweep sim:perfect,{curve}");
        let out = curve.replace('=', "-");
        let arguments = format!(
            "--task niah_single,niah_multikey_2,niah_multivalue,niah_multiquery,associative,associative_2,associative_direct,graph_bfs,graph_parents --lengths 3k --depths 2 --samples 1 --out {out}"
        );
        place.depthfinder(&name).args(&arguments).ends(0);
        for task in place.run(&out).json("summary.json")["tasks"]
            .as_array()
            .expect("tasks")
        {
            let name = task["task"].as_str().expect("a name");
            let right = task["curve"][0]["right"].as_u64().expect("a count");
            let expected = if wrong.contains(&name) { 0 } else { 2 };
            assert_eq!(right, expected, "{curve}: {task}");
        }
    }
}

#[test]
fn smaller_languages_have_keyed_facts_and_absent_ones() {
    for code in ["de", "ja", "ar", "hi", "ko"] {
        let place = Place::new();
        let arguments = format!(
            "--task niah_multikey,absent --haystack-lang {code} --lengths 2k --depths 2 --samples 1 --out run"
        );
        place
            .depthfinder("sweep sim:perfect")
            .args(&arguments)
            .ends(0);
        for task in place.run("run").json("summary.json")["tasks"]
            .as_array()
            .expect("tasks")
        {
            let point = &task["curve"][0];
            assert_eq!(point["right"], point["n"], "{code}: {task}");
        }
    }
}

#[test]
fn what_cannot_be_asked_is_told_in_one_line() {
    let place = Place::new();
    for (arguments, words) in [
        (
            "--suite everything",
            "no suite everything: there are quick, ladder, ruler",
        ),
        (
            "--task vt --difficulty hops=99",
            "--difficulty hops is between 1 and 20",
        ),
        (
            "--task vt --difficulty hops",
            "--difficulty is written NAME=N",
        ),
        (
            "--task vt --difficulty edges=9",
            "none of the tasks has a edges",
        ),
        (
            "--task chain --haystack-lang de",
            "the task chain is not there in German",
        ),
        ("--haystack-lang tlh", "no language tlh: there are ar, de"),
        (
            "--haystack-lang de --beyond generated --lengths 1k",
            "beyond the English corpora only",
        ),
    ] {
        let line = place
            .depthfinder("sweep sim:perfect --out run")
            .args(arguments)
            .refused();
        assert!(line.contains(words), "{arguments}: {line}");
    }
}
