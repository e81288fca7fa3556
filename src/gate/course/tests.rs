//! How gates go over stored baselines.

use super::*;
use crate::answer::ValueType;
use crate::haystack::Beyond;
use crate::plan::{Depths, Grid, Plan, WordingChoice};
use crate::prompt::QuestionAt;
use crate::seed::Secret;
use crate::task::Task;

fn key() -> RunKey {
    Secret::from_hex("07").expect("hex").key("")
}

/// Groups of 400 questions at two lengths: two on each of 200 texts.
fn groups() -> Vec<Group> {
    let grid = Grid {
        tasks: vec![Task::NIAH_MULTIKEY],
        lengths_tokens: vec![1_000, 4_000],
        depths: Depths::parse("2").expect("depths"),
        samples: 100,
        keys: 2,
        values: ValueType::Numbers,
        wording: WordingChoice::Fixed,
        question_at: QuestionAt::End,
        language: "en".into(),
        question_language: None,
        beyond: Beyond::Refused,
        difficulty: Default::default(),
    };
    Plan::new(grid, &key()).groups
}

fn all_right(groups: &[Group]) -> Reference {
    let trials = groups.iter().flat_map(|group| &group.trials);
    trials.map(|trial| (trial.id, Some(true))).collect()
}

fn course(groups: &[Group], reference: Reference) -> Course {
    Course::new(GateRules::default(), groups, reference, &key())
}

fn told(answer: Option<bool>) -> Answer {
    answer.map_or(Answer::Missing("timed-out".into()), Answer::Counts)
}

/// Plays a gate to its end; `answer` is what the new deployment says to a question.
fn play(course: &Course, answer: impl Fn(u64, u64) -> Option<bool>) -> (Gated, usize) {
    let mut answers = HashMap::new();
    let mut blocks = 0;
    loop {
        let (gate, block) = course.next(&answers);
        if block.is_empty() {
            return (course.gated(gate, &answers, "new", "old"), blocks);
        }
        blocks += 1;
        let trials = block.iter().flat_map(|group| &group.trials);
        assert_eq!(trials.clone().count(), 10);
        for trial in trials {
            let known = answers.insert(trial.id, told(answer(trial.id, trial.length_tokens)));
            assert_eq!(known, None, "trial {} was asked twice", trial.id);
        }
    }
}

#[test]
fn an_unchanged_deployment_passes_early_and_a_broken_one_fails_early() {
    let groups = groups();
    let course = course(&groups, all_right(&groups));
    assert_eq!((course.pairs(), course.texts()), (400, 200));
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
    let course = course(&groups, all_right(&groups));
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
    let course = course(&groups, all_right(&groups));
    let (gated, _) = play(&course, |trial, _| (trial % 5 != 0).then_some(true));
    assert_eq!(gated.outcome, Outcome::Neutral);
    assert!(gated.is_for_want_of_answers());
    assert_eq!(gated.lose, 0);
    assert!(
        gated.sentence.contains("pairs have no answer: ") && gated.sentence.contains(" timed-out"),
        "{}",
        gated.sentence
    );
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
    let course = course(&groups, reference);
    assert_eq!(course.pairs(), 392);
    let (gated, _) = play(&course, |trial, _| {
        assert!(trial >= 8);
        Some(trial % 2 == 0)
    });
    assert_eq!((gated.outcome, gated.missing), (Outcome::Fail, 0));
}

#[test]
fn a_gate_that_goes_on_looks_at_the_same_pairs_in_the_same_order() {
    let groups = groups();
    let course = course(&groups, all_right(&groups));
    let noisy = |trial: u64, _: u64| Some(!trial.is_multiple_of(17));
    let (whole, _) = play(&course, noisy);
    // Answers that came out of order beyond a gap are not looked at before the gap is closed.
    let first = course.next(&Answers::new()).1[0].trials[0].id;
    let mut answers: Answers = (0..400)
        .filter(|trial| *trial != first)
        .map(|trial| (trial, told(noisy(trial, 0))))
        .collect();
    let (gate, block) = course.next(&answers);
    assert_eq!((gate.asked(), block[0].trials[0].id), (0, first));
    answers.insert(first, told(noisy(first, 0)));
    let (gate, _) = course.next(&answers);
    assert_eq!(course.gated(gate, &answers, "new", "old"), whole);
}

#[test]
fn every_text_is_asked_once_before_any_is_asked_twice() {
    let groups = groups();
    let course = course(&groups, all_right(&groups));
    let order: Vec<(u64, u32)> = course
        .groups
        .iter()
        .map(|group| (group.trials[0].length_tokens, group.trials[0].sample))
        .collect();
    for round in [&order[..200], &order[200..]] {
        let texts: std::collections::BTreeSet<_> = round.iter().collect();
        assert_eq!(texts.len(), 200);
        // In random order: the lengths are mixed.
        let early = round[..100].iter().filter(|(length, _)| *length == 1_000);
        assert!((30..=70).contains(&early.count()));
    }
    assert_ne!(order[..200], order[200..]);
    // Which of a text's questions comes first is random too.
    let firsts = course.groups[..200].iter();
    let shallow = firsts.filter(|group| group.trials[0].depth_percent == 0.0);
    assert!((70..=130).contains(&shallow.count()));
}

#[test]
fn a_text_whose_questions_are_all_lost_is_one_text() {
    let groups = groups();
    let course = course(&groups, all_right(&groups));
    let lost: std::collections::HashSet<u64> = groups
        .iter()
        .filter(|group| group.trials[0].sample < 8 && group.trials[0].length_tokens == 1_000)
        .flat_map(|group| &group.trials)
        .map(|trial| trial.id)
        .collect();
    let answers: Answers = (0..400)
        .map(|trial| (trial, Answer::Counts(!lost.contains(&trial))))
        .collect();
    let (gate, _) = course.next(&answers);
    let gated = course.gated(gate, &answers, "new", "old");
    assert_eq!(gated.texts_lose, gated.bands[0].texts_lose);
    assert!(
        gated.lose >= gated.texts_lose && gated.texts_lose <= 8,
        "{gated:?}"
    );
    assert!(gated.sentence.contains(" texts, "), "{}", gated.sentence);
}

#[test]
fn a_new_baseline_names_what_it_changes() {
    let groups = groups();
    let course = course(&groups, all_right(&groups));
    let mut answers: Answers = (0..400)
        .map(|trial| (trial, Answer::Counts(trial != 3)))
        .collect();
    answers.insert(4, told(None));
    let changes = course.changes(&answers);
    assert_eq!(
        (changes.lost, changes.won, changes.missing),
        (vec![3], vec![], 1)
    );
    let after: u64 = changes.bands.iter().map(|(_, _, after)| after.right).sum();
    assert_eq!(after, 398);
}
