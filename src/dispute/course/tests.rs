//! Whom it asks what, and when.

use super::*;
use crate::dispute::DISPUTE_SCHEMA;
use crate::seed::Secret;
use std::collections::HashSet;

fn design(askings: u32, windows: u32) -> Design {
    Design {
        schema: DISPUTE_SCHEMA,
        hypotheses: Hypothesis::ALL.to_vec(),
        alpha: 0.05,
        windows,
        askings,
        best_of: 10,
        reference: None,
        published: None,
        margin: 0.05,
    }
}

fn plan(tasks: &str, keys: u32, samples: u32) -> (Plan, RunKey) {
    let key = Secret::from_hex("0d15").expect("hex").key("");
    let tasks: Vec<&str> = tasks.split(',').collect();
    let grid = serde_json::json!({
        "tasks": tasks, "lengths_tokens": [1000, 4000], "depths": { "at": [0.0, 50.0, 100.0] },
        "samples": samples, "keys": keys, "values": "numbers", "wording": "fixed",
        "question_at": "end",
    });
    let grid = serde_json::from_value(grid).expect("a grid");
    (Plan::new(grid, &key), key)
}

#[test]
fn every_prompt_is_asked_as_often_as_was_said_and_never_twice_in_a_window() {
    for (askings, windows) in [(1, 1), (2, 1), (2, 10), (3, 7)] {
        let (plan, key) = plan("niah_multikey,public,public_changed", 3, 6);
        let course = Course::new(&plan, &key, &design(askings, windows));
        let mut times: HashMap<u64, Vec<u32>> = HashMap::new();
        let mut order = Vec::new();
        for sitting in course.sittings() {
            order.push(sitting.window);
            for group in &sitting.groups {
                assert_eq!(group.trials.len(), 1);
                let trial = group.trials[0].id;
                times.entry(trial).or_default().push(sitting.window);
                assert_eq!(course.window(trial, sitting.asking), Some(sitting.window));
            }
        }
        assert!(order.is_sorted());
        let asked = one_of_each_text(&plan);
        // Two lengths, six texts of each, three tasks.
        assert_eq!((times.len(), asked.trials().count()), (36, 36));
        for trial in asked.trials() {
            let windows = &times[&trial.id];
            let is_fresh = course.fresh().contains(&trial.id);
            assert_eq!(windows.len() as u32, if is_fresh { askings } else { 1 });
            let distinct: HashSet<&u32> = windows.iter().collect();
            assert_eq!(distinct.len(), windows.len());
        }
    }
}

#[test]
fn windows_are_of_like_size_and_each_has_every_length() {
    let (plan, key) = plan("niah_multikey", 3, 60);
    let course = Course::new(&plan, &key, &design(2, 10));
    let first = course.sittings().iter().filter(|one| one.asking == 0);
    let mut sizes = Vec::new();
    for sitting in first {
        sizes.push(sitting.groups.len());
        let lengths = sitting
            .groups
            .iter()
            .map(|group| group.trials[0].length_tokens);
        let lengths: HashSet<u64> = lengths.collect();
        assert_eq!(lengths.len(), 2);
    }
    assert_eq!(sizes, [12; 10]);
}

#[test]
fn a_public_fact_and_its_twin_stand_at_one_place_and_follow_each_other() {
    let (plan, key) = plan("niah_single,public,public_changed", 1, 4);
    let course = Course::new(&plan, &key, &design(2, 5));
    let at = |id: u64| {
        let (_, trial) = plan.find(id).expect("there");
        (
            trial.length_tokens,
            trial.sample,
            trial.depth_percent.to_bits(),
        )
    };
    assert_eq!(course.twins().len(), 8);
    // Depths go round with the samples.
    let depths: HashSet<u64> = course.twins().iter().map(|(one, _)| at(*one).2).collect();
    assert_eq!(depths.len(), 3);
    for (public, changed) in course.twins() {
        assert_eq!(at(*public), at(*changed));
        assert_eq!(plan.find(*public).expect("there").1.task, Task::PUBLIC);
        let mut neighbours = Vec::new();
        for sitting in course
            .sittings()
            .iter()
            .filter(|one| one.part == Part::Public)
        {
            let ids = sitting.groups.iter().map(|group| group.trials[0].id);
            neighbours.extend(ids);
        }
        let place = |id: u64| neighbours.iter().position(|one| *one == id);
        let (one, other) = (
            place(*public).expect("asked"),
            place(*changed).expect("asked"),
        );
        assert_eq!(one.abs_diff(other), 1);
    }
}
