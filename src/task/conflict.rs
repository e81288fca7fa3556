//! A fact that is changed again and again: what held first, what holds now, or how often it changed.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use anyhow::Result;

/// The name of its sentences.
pub const NAME: &str = "conflict";

const CHANGES: Difficulty = Difficulty {
    name: "changes",
    usual: 4,
    range: (1, 12),
    meaning: "times that the fact is changed; where they are to be counted, their number is drawn from 1 to this and 8 more",
};
/// Above the asked number of changes, so that a count is drawn out of nine numbers at least.
const COUNTED_BEYOND: u64 = 8;
/// So far from an end of the text, in percent, earlier or later changes find their places.
const ROOM_PERCENT: f64 = 20.0;

/// Changes of one fact.
pub const CONFLICT: Entry = Entry {
    code: 40,
    name: "conflict",
    kind: Kind::Selective,
    measures: "which of the values that a fact had in turn was the first, which is the last, or how many changes there were",
    idea: "own; statements that supersede each other, as in LongMemEval's knowledge updates (Wu et al. 2024)",
    scoring: "right: the value or the count and no other; a blind count is right once in the numbers it is drawn from (1 of 12 as usual) and is asked once in three",
    hay: Hay::Corpus,
    difficulty: &[CHANGES],
    facts,
    questions: |_| 1,
    speaks: |language| language.has(NAME),
    pose,
};

/// The values of the asked key, and those of another one.
fn facts(sizes: &Sizes<'_>) -> u64 {
    let changes = sizes.of(&CHANGES);
    (1 + changes + COUNTED_BEYOND) + (1 + changes)
}

/// What is asked of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// What held before all changes.
    First,
    /// What holds after all changes.
    Last,
    /// How many changes there were.
    Count,
}

impl Asked {
    /// Every form of question.
    pub const ALL: [Asked; 3] = [Asked::First, Asked::Last, Asked::Count];

    /// The name of its question.
    pub fn question(self) -> &'static str {
        match self {
            Asked::First => "first",
            Asked::Last => "last",
            Asked::Count => "count",
        }
    }

    /// One of them, by the stream alone but where the deciding fact stands so near to an end of
    /// the text that what must come before or behind it has no room.
    fn drawn(scene: &mut Scene<'_>) -> Asked {
        let own = scene.depth_percent();
        match (scene.stream.below(3), scene.stream.below(2)) {
            (0, _) => Asked::Count,
            _ if own < ROOM_PERCENT => Asked::First,
            _ if own > 100.0 - ROOM_PERCENT => Asked::Last,
            (_, 0) => Asked::First,
            _ => Asked::Last,
        }
    }
}

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let usual = scene.difficulty(&CHANGES);
    let form = Asked::drawn(scene);
    let changes = match form {
        Asked::Count => 1 + scene.stream.below(usual + COUNTED_BEYOND),
        _ => usual,
    } as usize;
    let own = scene.depth_percent();
    let (depths, about) = match form {
        Asked::First => {
            let mut depths = vec![own];
            depths.extend(scene.behind(changes));
            (depths, 0)
        }
        Asked::Last => {
            let mut depths = scene.before(changes);
            depths.push(own);
            (depths, changes)
        }
        Asked::Count => scene.ascending(1 + changes),
    };
    let mut posed = Posed::default();
    let (key, mut values) = tell(scene, &mut posed, 0, &depths)?;
    // Another key, changed as usual, whose sentences stand among the first one's.
    let parts = (1 + usual) as f64;
    let others: Vec<f64> = (0..=usual)
        .map(|part| 100.0 * (part as f64 + scene.stream.unit()) / parts)
        .collect();
    let (_, other_values) = tell(scene, &mut posed, 1 + usual + COUNTED_BEYOND, &others)?;

    let (right, distractors) = match form {
        Asked::Count => {
            let mut counts = vec![usual as usize, changes + 1, usual as usize + changes];
            counts.retain(|count| *count != changes);
            let counts = counts.iter().map(ToString::to_string);
            let right = Right::one(ValueType::Counts, changes.to_string());
            (right, counts.collect())
        }
        _ => {
            let right = Right::one(ValueType::Numbers, values.remove(about));
            values.extend(other_values);
            (right, values)
        }
    };
    posed.questions.push(Question {
        text: scene
            .asked
            .form(NAME, form.question())?
            .fill(&[("key", &key)]),
        key,
        right,
        distractors,
        about,
    });
    Ok(posed)
}

/// Tells what a key had first and had then in turn, with facts from `from` on: the key and its
/// values.
fn tell(
    scene: &Scene<'_>,
    posed: &mut Posed,
    from: u64,
    depths_percent: &[f64],
) -> Result<(String, Vec<String>)> {
    let key = scene.facts.key(scene.nth(from))?;
    let mut values = Vec::new();
    for (nth, &depth_percent) in depths_percent.iter().enumerate() {
        let place = scene.nth(from + nth as u64);
        let value = scene.facts.value(place, ValueType::Numbers)?;
        let form = match nth {
            0 => scene.told.form(NAME, "start")?,
            _ => scene.told.form(NAME, "change")?,
        };
        posed.planted.push(Planted {
            sentence: form.fill(&[("key", &key), ("value", &value)]),
            depth_percent,
        });
        values.push(value);
    }
    Ok((key, values))
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_changes_stand_in_order_and_the_deciding_one_at_the_trials_depth() {
        for language in golden::languages(&CONFLICT) {
            let mut seen = BTreeSet::new();
            for secret in 0..60 {
                let depth = [0.0, 50.0, 100.0, 12.5][secret as usize % 4];
                let posed = golden::posed(&CONFLICT, language, secret, depth, &BTreeMap::new());
                let question = &posed.questions[0];
                let own: Vec<_> = posed
                    .planted
                    .iter()
                    .filter(|planted| planted.sentence.contains(&question.key))
                    .collect();
                for pair in own.windows(2) {
                    assert!(pair[0].depth_percent < pair[1].depth_percent, "{depth}");
                }
                assert_eq!(posed.planted[question.about].depth_percent, depth);
                let right = &question.right.values[0];
                seen.insert(match question.right.value_type {
                    ValueType::Counts => {
                        assert_eq!(*right, (own.len() - 1).to_string());
                        "count"
                    }
                    _ if own[0].sentence.contains(right) => "first",
                    _ => {
                        assert!(own[own.len() - 1].sentence.contains(right));
                        "last"
                    }
                });
            }
            assert_eq!(seen.len(), 3, "{seen:?}");
        }
    }

    #[test]
    fn a_count_is_guessed_seldom() {
        let english = crate::language::Language::named("en").expect("is read");
        for changes in [1, 4, 12] {
            let asked = BTreeMap::from([("changes".to_string(), changes)]);
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            let trials = 400;
            for secret in 0..trials {
                let posed = golden::posed(&CONFLICT, english, secret, 50.0, &asked);
                let right = &posed.questions[0].right;
                if right.value_type == ValueType::Counts {
                    *counts.entry(right.values[0].clone()).or_default() += 1;
                }
            }
            let most = counts.values().max().copied().unwrap_or(0);
            assert!(counts.len() as u64 >= changes + 7, "{counts:?}");
            assert!(most * 100 < 8 * trials as usize, "{counts:?}");
        }
    }

    #[test]
    fn golden_prompts_stay() {
        golden::check(&CONFLICT);
    }
}
