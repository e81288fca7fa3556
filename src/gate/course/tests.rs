//! How gates go over stored baselines.

use super::*;
use crate::answer::ValueType;
use crate::haystack::Beyond;
use crate::plan::{Depths, Grid, Plan, WordingChoice};
use crate::prompt::QuestionAt;
use crate::run::shuffled;
use crate::seed::Secret;
use crate::task::Task;

/// Groups of 200 questions at two lengths, in the order of a gate.
fn groups() -> Vec<Group> {
    let grid = Grid {
        tasks: vec![Task::NIAH_MULTIKEY],
        lengths_tokens: vec![1_000, 4_000],
        depths: Depths::parse("5").expect("depths"),
        samples: 20,
        keys: 5,
        values: ValueType::Numbers,
        wording: WordingChoice::Fixed,
        question_at: QuestionAt::End,
        language: "en".into(),
        question_language: None,
        beyond: Beyond::Refused,
        difficulty: Default::default(),
    };
    let key = Secret::from_hex("07").expect("hex").key("");
    shuffled(&Plan::new(grid, &key), &key)
}

fn all_right(groups: &[Group]) -> Reference {
    let trials = groups.iter().flat_map(|group| &group.trials);
    trials.map(|trial| (trial.id, Some(true))).collect()
}

/// Plays a gate to its end; `answer` is what the new deployment says to a question.
fn play(course: &Course, answer: impl Fn(u64, u64) -> Option<bool>) -> (Gated, usize) {
    let mut answers = HashMap::new();
    let mut blocks = 0;
    loop {
        let (gate, block) = course.next(&answers);
        if block.is_empty() {
            return (course.gated(gate, "new", "old"), blocks);
        }
        blocks += 1;
        let trials = block.iter().flat_map(|group| &group.trials);
        assert!((10..=14).contains(&trials.clone().count()) || blocks > 15);
        for trial in trials {
            let known = answers.insert(trial.id, answer(trial.id, trial.length_tokens));
            assert_eq!(known, None, "trial {} was asked twice", trial.id);
        }
    }
}

#[test]
fn an_unchanged_deployment_passes_early_and_a_broken_one_fails_early() {
    let groups = groups();
    let course = Course::new(GateRules::default(), groups.clone(), all_right(&groups));
    assert_eq!(course.pairs(), 200);
    let (same, blocks) = play(&course, |_, _| Some(true));
    assert_eq!(same.outcome, Outcome::Pass);
    assert!(same.asked <= 90 && blocks <= 9, "{same:?}");
    let (broken, _) = play(&course, |trial, _| Some(trial % 3 == 0));
    assert_eq!(broken.outcome, Outcome::Fail);
    assert!(broken.asked <= 40, "{broken:?}");
    assert!(
        broken.sentence.starts_with("FAIL: worse over all lengths"),
        "{}",
        broken.sentence
    );
}

#[test]
fn a_loss_at_one_length_names_that_length() {
    let groups = groups();
    let course = Course::new(GateRules::default(), groups.clone(), all_right(&groups));
    let (gated, _) = play(&course, |_, length| Some(length < 4_000));
    assert_eq!(gated.outcome, Outcome::Fail);
    let bands: Vec<bool> = gated.bands.iter().map(|band| band.fails).collect();
    assert_eq!(bands, [false, true], "{gated:?}");
    assert!(
        gated.sentence.contains("4,000 tokens"),
        "{}",
        gated.sentence
    );
}

#[test]
fn missing_answers_end_neutral_and_are_no_losses() {
    let groups = groups();
    let course = Course::new(GateRules::default(), groups.clone(), all_right(&groups));
    let (gated, _) = play(&course, |trial, _| (trial % 5 != 0).then_some(true));
    assert_eq!(gated.outcome, Outcome::Neutral);
    assert!(gated.is_for_want_of_answers());
    assert_eq!(gated.lose, 0);
    let (few, _) = play(&course, |trial, _| (trial % 50 != 0).then_some(true));
    assert_eq!(few.outcome, Outcome::Pass);
}

#[test]
fn questions_that_the_baseline_did_not_answer_are_never_asked() {
    let groups = groups();
    let mut reference = all_right(&groups);
    for trial in 0..8 {
        reference.insert(trial, None);
    }
    let course = Course::new(GateRules::default(), groups, reference);
    assert_eq!(course.pairs(), 192);
    let (gated, _) = play(&course, |trial, _| {
        assert!(trial >= 8);
        Some(trial % 2 == 0)
    });
    assert_eq!((gated.outcome, gated.missing), (Outcome::Fail, 0));
}

#[test]
fn a_gate_that_goes_on_looks_at_the_same_pairs_in_the_same_order() {
    let groups = groups();
    let course = Course::new(GateRules::default(), groups.clone(), all_right(&groups));
    let noisy = |trial: u64, _: u64| Some(!trial.is_multiple_of(17));
    let (whole, _) = play(&course, noisy);
    // Answers that came out of order beyond a gap are not looked at before the gap is closed.
    let answers: HashMap<u64, Option<bool>> = groups
        .iter()
        .skip(1)
        .flat_map(|group| &group.trials)
        .map(|trial| (trial.id, noisy(trial.id, 0)))
        .collect();
    let (gate, block) = course.next(&answers);
    assert_eq!(gate.asked(), 0);
    assert_eq!(block[0].trials, groups[0].trials);
    let mut all = answers;
    all.extend(
        groups[0]
            .trials
            .iter()
            .map(|trial| (trial.id, noisy(trial.id, 0))),
    );
    let (gate, _) = course.next(&all);
    assert_eq!(course.gated(gate, "new", "old"), whole);
}

#[test]
fn a_new_baseline_names_what_it_changes() {
    let groups = groups();
    let course = Course::new(GateRules::default(), groups.clone(), all_right(&groups));
    let mut answers: HashMap<u64, Option<bool>> =
        (0..200).map(|trial| (trial, Some(trial != 3))).collect();
    answers.insert(4, None);
    let changes = course.changes(&answers);
    assert_eq!(
        (changes.lost, changes.won, changes.missing),
        (vec![3], vec![], 1)
    );
    let after: u64 = changes.bands.iter().map(|(_, _, after)| after.right).sum();
    assert_eq!(after, 198);
}
