//! What invented answers come to.

use super::*;
use crate::comparison::Answered;
use crate::plan::Plan;
use crate::seed::{RunKey, Secret};
use crate::task::Task;
use std::collections::BTreeMap;

type Answers = BTreeMap<u64, Answered>;

/// A study: its design, its questions, and what everybody answers.
struct Study {
    design: Design,
    plan: Plan,
    key: RunKey,
    askings: Vec<Answers>,
    reference: Option<Answers>,
}

fn answered(trial: u64, task: &'static str, right: bool) -> Answered {
    Answered {
        trial,
        task,
        length_tokens: 1_000,
        depth_percent: 50.0,
        sample: 0,
        prompt: trial.to_string(),
        at_ms: 1 + trial,
        right: Some(right),
        void: None,
        class: Some(if right { "exact" } else { "wrong" }),
        question: "Which?".into(),
        expected: "1".into(),
        text: right.to_string(),
        reported_tokens: Some(1_000),
        label: None,
        reply_id: None,
        recites: false,
    }
}

impl Study {
    /// A hundred prompts and as many pairs of public facts, all answered rightly.
    fn new() -> Study {
        let key = Secret::from_hex("0d15").expect("hex").key("");
        let grid = serde_json::json!({
            "tasks": ["niah_single", "public", "public_changed"], "lengths_tokens": [1000],
            "depths": { "at": [0.0, 25.0, 50.0, 75.0, 100.0] }, "samples": 100, "keys": 1,
            "values": "numbers", "wording": "fixed", "question_at": "end",
        });
        let plan = Plan::new(serde_json::from_value(grid).expect("a grid"), &key);
        let design = Design {
            schema: DISPUTE_SCHEMA,
            hypotheses: Hypothesis::ALL.to_vec(),
            alpha: 0.05,
            windows: 10,
            askings: 2,
            best_of: 10,
            reference: Some("it".into()),
            published: None,
            margin: 0.05,
        };
        let all = |asking: u64| -> Answers {
            // Public facts are for the first asking.
            let all = super::super::one_of_each_text(&plan);
            let asked = all.trials().filter(|trial| {
                asking == 0 || ![Task::PUBLIC, Task::PUBLIC_CHANGED].contains(&trial.task)
            });
            let trials = asked.map(|trial| {
                let mut one = answered(trial.id, trial.task.name(), true);
                one.reply_id = Some(format!("{asking}-{}", trial.id));
                (trial.id, one)
            });
            trials.collect()
        };
        let (askings, reference) = (vec![all(0), all(1)], Some(all(2)));
        Study {
            design,
            plan,
            key,
            askings,
            reference,
        }
    }

    fn course(&self) -> Course {
        Course::new(&self.plan, &self.key, &self.design)
    }

    fn concludes(&self) -> Disputed {
        let mut stream = self.key.stream("test", &[]);
        let sides = Sides {
            askings: &self.askings,
            reference: self.reference.as_ref(),
        };
        Disputed::of(
            &self.design,
            &self.course(),
            sides,
            Vec::new(),
            &mut |below| stream.below(below),
        )
    }

    fn fails(&mut self, asking: usize, trial: u64) {
        let one = self.askings[asking].get_mut(&trial).expect("asked");
        (one.right, one.text) = (Some(false), "false".into());
    }
}

fn verdicts(disputed: &Disputed) -> [Option<Verdict>; 3] {
    Hypothesis::ALL.map(|hypothesis| disputed.verdict(hypothesis))
}

const NOT_SHOWN: Option<Verdict> = Some(Verdict::NotShown);
const HOLDS: Option<Verdict> = Some(Verdict::Holds);
const NOT_TESTED: Option<Verdict> = Some(Verdict::NotTested);

#[test]
fn where_all_is_right_nothing_is_shown_and_every_answer_counts() {
    let disputed = Study::new().concludes();
    assert_eq!(verdicts(&disputed), [NOT_SHOWN; 3]);
    let evidence = &disputed.evidence;
    let whole = Shares { right: 100, n: 100 };
    assert_eq!(evidence.fresh, [whole, whole]);
    assert_eq!((evidence.public, evidence.changed), (whole, whole));
    assert_eq!(evidence.reference, Some(whole));
    assert_eq!(evidence.repeats.answered, 100);
    let seen: u64 = evidence.windows.iter().map(|window| window.n).sum();
    assert_eq!((seen, evidence.windows.len()), (200, 15));
    assert!(!disputed.holds() && !disputed.is_incomplete());
}

#[test]
fn losses_against_the_reference_are_another_model_and_not_instability() {
    let mut study = Study::new();
    for trial in study.course().fresh().iter().step_by(8) {
        study.fails(0, *trial);
        study.fails(1, *trial);
    }
    let disputed = study.concludes();
    assert_eq!(verdicts(&disputed), [HOLDS, NOT_SHOWN, NOT_SHOWN]);
    assert!(
        disputed.conclusions[0].sentence.contains("13 lost, 0 won"),
        "{}",
        disputed.conclusions[0].sentence
    );
    // Without the reference there is what was published.
    study.design.reference = None;
    study.reference = None;
    study.design.published = Some(0.99);
    study.design.margin = 0.03;
    let disputed = study.concludes();
    assert_eq!(verdicts(&disputed), [HOLDS, NOT_SHOWN, NOT_SHOWN]);
    let told = &disputed.conclusions[0].sentence;
    assert!(
        told.contains("87 of 100 right") && told.contains("another protocol"),
        "{told}"
    );
}

#[test]
fn answers_that_change_are_instability_and_bring_whole_windows() {
    let mut study = Study::new();
    for (nth, trial) in study.course().fresh().to_vec().into_iter().enumerate() {
        if nth % 4 == 0 {
            study.fails(nth / 4 % 2, trial);
        }
    }
    let disputed = study.concludes();
    assert_eq!(verdicts(&disputed)[1], HOLDS);
    assert!(disputed.findings.by_windows);
    assert!(disputed.conclusions[0].sentence.contains("whole window"));
    let best = disputed.evidence.best_of.expect("answered");
    assert!(best.same_questions > best.honest);
    assert!(
        disputed
            .remarks
            .iter()
            .any(|one| one.contains("best of 10 runs"))
    );
}

#[test]
fn replies_that_are_earlier_ones_are_no_repeats() {
    let mut study = Study::new();
    let first = study.askings[0].clone();
    for (trial, one) in &mut study.askings[1] {
        one.reply_id.clone_from(&first[trial].reply_id);
        one.at_ms += 1_000;
    }
    let disputed = study.concludes();
    assert_eq!(verdicts(&disputed), [NOT_SHOWN, NOT_TESTED, NOT_SHOWN]);
    assert!(disputed.is_incomplete());
    let told = &disputed.conclusions[1].sentence;
    assert!(
        told.contains("100 of 100 repeats") && told.contains("earlier reply"),
        "{told}"
    );
    // A server whose ids are always the same says nothing with them.
    for answers in &mut study.askings {
        for one in answers.values_mut() {
            one.reply_id = Some("chatcmpl-1".into());
        }
    }
    let fresh = study.course().fresh()[0];
    study.fails(0, fresh);
    let disputed = study.concludes();
    assert_eq!(disputed.evidence.cached_replies, 0);
    assert_eq!(verdicts(&disputed), [NOT_SHOWN; 3]);
}

#[test]
fn famous_answers_against_the_text_are_memory() {
    let mut study = Study::new();
    let twins = study.course().twins().to_vec();
    for (_, changed) in twins.iter().step_by(5) {
        study.fails(0, *changed);
        let one = study.askings[0].get_mut(changed).expect("asked");
        one.recites = true;
        one.question = "Where does the tower stand?".into();
    }
    let disputed = study.concludes();
    let needles = &disputed.evidence.needles;
    assert_eq!((needles.len(), needles[0].recited), (2, 20));
    assert!(
        disputed.remarks[0].contains("20 of 20 famous answers")
            && disputed.remarks[0].contains("tower"),
        "{:?}",
        disputed.remarks
    );
    assert_eq!(verdicts(&disputed), [NOT_SHOWN, NOT_SHOWN, HOLDS]);
    let told = &disputed.conclusions[2].sentence;
    assert!(
        told.contains("100 of 100 right")
            && told.contains("80 of 100")
            && told.contains("20 times"),
        "{told}"
    );
}

#[test]
fn what_lacks_a_fifth_of_its_answers_is_not_tested() {
    let mut study = Study::new();
    let fresh = study.course().fresh().to_vec();
    let reference = study.reference.as_mut().expect("asked");
    for trial in &fresh[..21] {
        let one = reference.get_mut(trial).expect("asked");
        (one.right, one.void) = (None, Some("timed-out".into()));
        study.askings[1].remove(trial);
    }
    let disputed = study.concludes();
    assert_eq!(verdicts(&disputed), [NOT_TESTED, NOT_TESTED, NOT_SHOWN]);
    assert!(
        disputed.conclusions[0].sentence.contains("21 %"),
        "{}",
        disputed.conclusions[0].sentence
    );
    // Other bytes are no pair.
    let mut study = Study::new();
    let reference = study.reference.as_mut().expect("asked");
    for one in reference.values_mut() {
        one.prompt.push('x');
    }
    assert_eq!(verdicts(&study.concludes())[0], NOT_TESTED);
}

#[test]
fn counts_and_marks_that_differ_are_remarked() {
    let mut study = Study::new();
    let fresh = study.course().fresh().to_vec();
    for (nth, trial) in fresh.iter().enumerate() {
        let one = study.askings[0].get_mut(trial).expect("asked");
        one.reported_tokens = Some(1_000 + nth as u64);
        one.label = Some("r0".into());
        let again = study.askings[1].get_mut(trial).expect("asked");
        again.label = Some("r1".into());
    }
    for trial in &fresh[..30] {
        study.fails(1, *trial);
    }
    let disputed = study.concludes();
    let told = disputed.remarks.join("\n");
    assert!(told.contains("by 0 to 99 tokens"), "{told}");
    assert!(told.contains("r0: 100 of 100, r1: 70 of 100"), "{told}");
    assert_eq!(verdicts(&disputed)[1], HOLDS);
}
