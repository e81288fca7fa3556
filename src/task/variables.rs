//! RULER's variable tracking: a chain of assignments scattered through the text.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use anyhow::Result;

const HOPS: Difficulty = Difficulty {
    name: "hops",
    usual: 4,
    range: (1, 20),
    meaning: "assignments of one variable to the next",
};
const CHAINS: Difficulty = Difficulty {
    name: "chains",
    usual: 1,
    range: (1, 10),
    meaning: "chains of variables in the text, one of them asked",
};

/// Variable tracking.
pub const VT: Entry = Entry {
    code: 10,
    name: "vt",
    kind: Kind::Chained,
    measures: "which variables got a value, directly or from one another",
    idea: "RULER (Hsieh et al. 2024), variable tracking",
    scoring: "right: all variables of the chain and no other, in any order; in part: those that are right over those expected or named",
    hay: Hay::Noise,
    difficulty: &[HOPS, CHAINS],
    facts,
    questions: |_| 1,
    speaks: |language| language.has("vt"),
    pose,
};

fn facts(sizes: &Sizes<'_>) -> u64 {
    (sizes.of(&HOPS) + 1) * sizes.of(&CHAINS)
}

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let length = scene.difficulty(&HOPS) + 1;
    let mut posed = Posed::default();
    let mut chains: Vec<Vec<String>> = Vec::new();
    let mut about = 0;
    for chain in 0..scene.difficulty(&CHAINS) {
        let variables: Vec<String> = (0..length)
            .map(|nth| scene.facts.variable(scene.nth(chain * length + nth)))
            .collect::<Result<_>>()?;
        let value = scene.facts.short_number(scene.nth(chain * length))?;
        let (depths, own) = scene.ascending(variables.len());
        if chain == 0 {
            about = own;
            posed.questions.push(Question {
                text: scene
                    .asked
                    .form("vt", "question")?
                    .fill(&[("value", &value)]),
                key: value.clone(),
                right: Right::all(ValueType::Names, variables.clone()),
                distractors: Vec::new(),
                about,
            });
        }
        for (nth, (name, &depth_percent)) in variables.iter().zip(&depths).enumerate() {
            let sentence = match nth {
                0 => scene
                    .told
                    .form("vt", "start")?
                    .fill(&[("name", name), ("value", &value)]),
                _ => scene
                    .told
                    .form("vt", "hop")?
                    .fill(&[("name", name), ("from", &variables[nth - 1])]),
            };
            posed.planted.push(Planted {
                sentence,
                depth_percent,
            });
        }
        chains.push(variables);
    }
    if let Some(question) = posed.questions.first_mut() {
        question.distractors = chains.split_off(1).concat();
        question.about = about;
    }
    Ok(posed)
}
