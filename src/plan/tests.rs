//! The grid in trials: what is asked, how often, and in which order.

use super::*;
use crate::seed::Secret;
use std::collections::HashSet;

fn grid(depths: &str, keys: u32, samples: u32) -> Grid {
    Grid {
        tasks: vec![Task::NIAH_MULTIKEY, Task::NIAH_SINGLE],
        lengths_tokens: vec![512, 1024, 2048],
        depths: Depths::parse(depths).expect("depths"),
        samples,
        keys,
        values: ValueType::Numbers,
        wording: WordingChoice::Fixed,
        question_at: QuestionAt::End,
        language: "en".into(),
        question_language: None,
        beyond: Default::default(),
        difficulty: Default::default(),
    }
}

fn plan(depths: &str, keys: u32, samples: u32) -> Plan {
    Plan::new(
        grid(depths, keys, samples),
        &Secret::from_hex("05").expect("hex").key(""),
    )
}

#[test]
fn every_cell_is_asked_in_every_sample_and_every_fact_is_asked() {
    for (depths, keys) in [
        ("11", 5),
        ("5", 5),
        ("3", 5),
        ("0,100", 1),
        ("strata", 4),
        ("1", 1),
    ] {
        let plan = plan(depths, keys, 3);
        let cells = plan.grid.depths.cells_percent();
        for sample in 0..3 {
            for length in [512, 1024, 2048] {
                for task in [Task::NIAH_MULTIKEY, Task::NIAH_SINGLE] {
                    let asked: HashSet<u64> = plan
                        .trials()
                        .filter(|trial| {
                            (trial.sample, trial.length_tokens, trial.task)
                                == (sample, length, task)
                        })
                        .map(|trial| trial.cell_percent.to_bits())
                        .collect();
                    assert_eq!(asked.len(), cells.len(), "{depths} {keys}");
                }
            }
        }
        let multikey = plan
            .groups
            .iter()
            .filter(|group| group.trials[0].task == Task::NIAH_MULTIKEY);
        assert!(
            multikey
                .clone()
                .all(|group| group.trials.len() == keys as usize)
        );
    }
}

#[test]
fn ids_and_facts_are_distinct_and_dense() {
    let plan = plan("11", 5, 2);
    let mut ids: Vec<u64> = plan.trials().map(|trial| trial.id).collect();
    ids.sort_unstable();
    assert!(ids.iter().enumerate().all(|(at, id)| at as u64 == *id));
    let mut facts = HashSet::new();
    for group in &plan.groups {
        for slot in 0..group.trials.len() as u64 {
            assert!(facts.insert(group.facts_from + slot));
        }
    }
    assert_eq!(facts.len() as u64, plan.facts());
}

#[test]
fn rounds_hold_all_lengths_and_extra_questions_are_spread_over_depths() {
    let plan = plan("11", 5, 11);
    let samples: Vec<u32> = plan
        .groups
        .iter()
        .map(|group| group.trials[0].sample)
        .collect();
    assert!(samples.is_sorted());
    let mut asked = std::collections::HashMap::new();
    for trial in plan
        .trials()
        .filter(|trial| trial.task == Task::NIAH_MULTIKEY && trial.length_tokens == 512)
    {
        *asked.entry(trial.cell_percent.to_bits()).or_insert(0) += 1;
    }
    let (least, most) = (asked.values().min(), asked.values().max());
    assert!(
        most.zip(least)
            .is_some_and(|(most, least)| most - least <= 2),
        "{asked:?}"
    );
}

#[test]
fn depths_are_read_in_their_three_forms() {
    assert_eq!(
        Depths::parse("3").expect("count").cells_percent(),
        [0.0, 50.0, 100.0]
    );
    assert_eq!(Depths::parse("1").expect("count").cells_percent(), [50.0]);
    assert_eq!(
        Depths::parse("100, 0,25%").expect("list").cells_percent(),
        [0.0, 25.0, 100.0]
    );
    assert_eq!(
        Depths::parse("strata")
            .expect("strata")
            .cells_percent()
            .len(),
        5
    );
    for bad in ["", "0", "x", "101,3", "-1,2", ",", "99999"] {
        assert!(Depths::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn depths_are_the_same_after_they_were_written_and_read() {
    let written = (2..=1001).map(|count| count.to_string());
    for written in written.chain(["33.333333333333333,66.6666666666666666".to_string()]) {
        let depths = Depths::parse(&written).expect("depths");
        let json = serde_json::to_string(&depths).expect("writes");
        let read: Depths = serde_json::from_str(&json).expect("reads");
        assert_eq!(read, depths, "{written}");
    }
}

#[test]
fn what_stands_among_keyed_facts_is_told_in_their_wording_and_recorded_so() {
    let named = |name: &str| Task::named(name).expect("is there");
    let pool = Grid {
        tasks: vec![named("niah_multikey_2"), named("niah_multikey_1")],
        wording: WordingChoice::Pool,
        ..grid("5", 1, 8)
    };
    let plan = Plan::new(pool, &Secret::from_hex("05").expect("hex").key(""));
    let wordings = |name: &str| -> HashSet<usize> {
        let groups = plan.groups.iter();
        let own = groups.filter(|group| group.trials[0].task.name() == name);
        own.map(|group| group.wording).collect()
    };
    assert_eq!(wordings("niah_multikey_2"), HashSet::from([0]));
    assert!(wordings("niah_multikey_1").len() > 1);
}
