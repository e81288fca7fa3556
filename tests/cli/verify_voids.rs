//! Void questions of a verification: asked again once, counted against either verdict, and never hidden.

use crate::support::mock::{Answer, Asked, Mock};
use crate::support::{Depthfinder, Place};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

/// A verification by the mock, whose reader knows one wording.
fn verify(place: &Place, mock: &Mock) -> Depthfinder {
    place
        .verify(&mock.target(), "--claim 3k --wording fixed --retries 0")
        .args("--tokenizer o200k --secret c1 --out run")
}

/// True for a third of the prompts, whenever they are asked.
fn is_unlucky(asked: &Asked) -> bool {
    blake3::hash(asked.prompt().as_bytes()).as_bytes()[0] < 85
}

/// A server that fails with a third of the prompts, as often as each is asked up to `times`.
fn failing(times: usize) -> Mock {
    let before: Mutex<HashMap<String, usize>> = Mutex::default();
    Mock::start(move |asked| {
        let mut before = before.lock().expect("unpoisoned");
        let failed = before.entry(asked.prompt().to_owned()).or_default();
        if asked.is_probe() || *failed >= times || !is_unlucky(asked) {
            return Answer::right(asked);
        }
        *failed += 1;
        Answer::error(500, "a bad day")
    })
}

/// A row's length, block and place.
fn place_of(row: &Value) -> (u64, u64, u64) {
    let seat = |field: &str| row["trial"]["seat"][field].as_u64().expect("a number");
    (seat("rung_tokens"), seat("block"), seat("place"))
}

#[test]
fn a_void_question_is_asked_again_once_and_is_the_same_question() {
    let place = Place::new();
    let mock = failing(1);
    let told = verify(&place, &mock).ends(0);
    let run = place.run("run");
    let mut firsts = BTreeMap::new();
    let mut again = 0;
    for row in run.rows() {
        let prompt = row["prompt"]["blake3"].clone();
        match row["trial"]["seat"]["copy"].as_u64() {
            Some(0) => {
                let first = firsts.insert(place_of(&row), (prompt, row["void"].clone()));
                assert_eq!(first, None, "{row}");
            }
            Some(1) => {
                let (first, void) = &firsts[&place_of(&row)];
                assert_eq!((first, void), (&prompt, &"server-error".into()), "{row}");
                assert_eq!(row["void"], Value::Null, "{row}");
                again += 1;
            }
            _ => panic!("{row}"),
        }
    }
    let void = firsts.values().filter(|(_, void)| !void.is_null()).count();
    assert!(again == void && void > 5, "{again} of {void}");
    // Nothing is left of it in the numbers.
    for rung in run.verification()["rungs"].as_array().expect("rungs") {
        assert_eq!(
            rung["tally"],
            serde_json::json!({"right": 25, "wrong": 0, "void": 0}),
            "{told}"
        );
    }
}

#[test]
fn more_than_a_fifth_of_void_questions_leaves_no_verdict() {
    let place = Place::new();
    let mock = failing(usize::MAX);
    let told = verify(&place, &mock).ends(3);
    assert!(
        told.stdout.starts_with("UNDECIDED ") && told.stdout.contains("are void, more than 20 %"),
        "{told}"
    );
    let run = place.run("run");
    let mut asked: BTreeMap<_, u64> = BTreeMap::new();
    for row in run.rows() {
        *asked.entry(place_of(&row)).or_default() += 1;
        let copy = row["trial"]["seat"]["copy"].as_u64().expect("a number");
        assert!(copy <= 1, "{row}");
    }
    assert!(asked.values().all(|&asked| asked <= 2));
    let verification = run.verification();
    assert_eq!(verification["verdict"]["headline"], "undecided");
    // It is given up as soon as neither verdict can come any more.
    let rungs = verification["plan"]["rungs"].as_array().expect("rungs");
    let most: u64 = rungs.iter().filter_map(|rung| rung["most"].as_u64()).sum();
    assert!(
        verification["questions"].as_u64() < Some(most / 2),
        "{told}"
    );
    // What would be without them is said.
    assert_eq!(
        told.stdout.contains("without them the verdict is the same"),
        verification["headline_without_voids"] == "undecided",
        "{told}"
    );
}

#[test]
fn a_claim_at_which_nothing_is_answered_is_undecided_in_these_words() {
    let place = Place::new();
    // A limit on tokens a minute is none of the window.
    let told = place
        .verify(
            "sim:perfect,fault=minute=3k",
            "--claim 8k --retries 0 --secret c2 --out run",
        )
        .ends(3);
    assert!(
        told.stdout
            .contains("0 of 10 questions were answered at 8,000 tokens."),
        "{told}"
    );
    let verification = place.run("run").verification();
    assert_eq!(verification["verdict"]["headline"], "undecided");
    assert_eq!(verification["rungs"][1]["tally"]["void"], 10);
    assert_eq!(verification["rungs"][0]["tally"]["right"], 5);
}

#[test]
fn a_key_that_is_refused_ends_the_run_which_goes_on_with_another() {
    let place = Place::new();
    let locked = Mock::start(|asked| match asked.number {
        0..20 => Answer::right(asked),
        _ => Answer::error(401, "the key has expired"),
    });
    let told = verify(&place, &locked).args("--concurrency 1").ends(2);
    let line = told.complaint();
    assert!(
        line.contains("the key was refused") && line.contains("--out run to go on"),
        "{line}"
    );
    let run = place.run("run");
    let kept = run.verification()["verdict"]["headline"].clone();
    assert_eq!(kept, "undecided", "{told}");
    // Another address of the same model.
    let open = Mock::right();
    verify(&place, &open).ends(0);
    assert_eq!(run.verification()["verdict"]["headline"], "verified");
    let answered = run
        .rows()
        .iter()
        .filter(|row| row["void"].is_null())
        .count();
    assert_eq!(answered, 50);
}
