//! Disputes of invented answers that end in each way.

use depthfinder::comparison::{Answered, SideSummary};
use depthfinder::dispute::{Course, DISPUTE_SCHEMA, Design, Disputed, Hypothesis, Sides};
use depthfinder::journal::RunFile;
use depthfinder::plan::Plan;
use depthfinder::seed::Secret;
use serde_json::Value;
use std::collections::BTreeMap;

/// Designs with and without a reference and a published number.
pub fn designs() -> Vec<Value> {
    let designs = [design(Some("it"), None), design(None, Some(0.9))];
    designs
        .map(|design| serde_json::to_value(design).expect("JSON"))
        .into()
}

fn design(reference: Option<&str>, published: Option<f64>) -> Design {
    Design {
        schema: DISPUTE_SCHEMA,
        hypotheses: Hypothesis::ALL.to_vec(),
        alpha: 0.05,
        windows: 3,
        askings: 2,
        best_of: 10,
        reference: reference.map(str::to_owned),
        published,
        margin: 0.05,
    }
}

/// A dispute with all that can be found, one against a published number, and one without answers.
pub fn disputes(file: &RunFile) -> Vec<Value> {
    let key = Secret::from_hex("07").expect("hex").key("");
    let mut grid = file.grid.clone();
    let tasks = ["niah_single", "public", "public_changed"];
    grid.tasks = serde_json::from_value(serde_json::json!(tasks)).expect("tasks");
    grid.samples = 4;
    let plan = Plan::new(grid, &key);
    let answers = |side: u64, mut change: Box<dyn FnMut(&mut Answered)>| {
        let trials = plan.trials().map(|trial| {
            let mut one = Answered {
                trial: trial.id,
                task: trial.task.name(),
                length_tokens: trial.length_tokens,
                depth_percent: trial.depth_percent,
                sample: trial.sample,
                prompt: trial.id.to_string(),
                at_ms: 1 + trial.id,
                right: Some(true),
                void: None,
                class: Some("exact"),
                question: "Which?".into(),
                expected: "1".into(),
                text: "1".into(),
                reported_tokens: Some(1_000 + side),
                label: Some(format!("r{side}")),
                reply_id: Some(format!("{side}-{}", trial.id)),
                recites: false,
            };
            change(&mut one);
            (trial.id, one)
        });
        trials.collect::<BTreeMap<u64, Answered>>()
    };
    let fails = |every: u64| {
        Box::new(move |one: &mut Answered| {
            if one.trial.is_multiple_of(every) {
                (one.right, one.recites) = (Some(false), true);
            }
        })
    };
    let of = |design: Design, askings: Vec<BTreeMap<u64, Answered>>, reference: Option<_>| {
        let course = Course::new(&plan, &key, &design);
        let mut names = design.askings_folders();
        names.extend(design.reference_folder().map(str::to_owned));
        let all = askings.iter().chain(&reference);
        let sides = all
            .zip(&names)
            .map(|(answers, name)| SideSummary::of(name, file, name, answers, &|_| Some(1_000)));
        let sides: Vec<SideSummary> = sides.collect();
        let mut stream = key.stream("test", &[]);
        let answers = Sides {
            askings: &askings,
            reference: reference.as_ref(),
        };
        Disputed::of(&design, &course, answers, sides, &mut |below| {
            stream.below(below)
        })
    };
    let (right, silent) = (
        || Box::new(|_: &mut Answered| {}),
        || {
            Box::new(|one: &mut Answered| {
                (one.right, one.class, one.reported_tokens) = (None, None, None)
            })
        },
    );
    [
        of(
            design(Some("it"), None),
            vec![answers(0, fails(3)), answers(1, fails(2))],
            Some(answers(2, right())),
        ),
        of(
            design(None, Some(0.9)),
            vec![answers(0, fails(3)), answers(1, fails(3))],
            None,
        ),
        of(
            design(Some("it"), None),
            vec![answers(0, silent()), answers(1, silent())],
            Some(answers(2, silent())),
        ),
    ]
    .map(|disputed| serde_json::to_value(disputed).expect("JSON"))
    .into()
}
