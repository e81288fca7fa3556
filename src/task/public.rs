//! Well-known public needles, with their famous answers and with others: what is known by heart.

use super::{Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use anyhow::{Context, Result, ensure};

/// The blanks of a needle, in the order of its answers.
const BLANKS: [&str; 3] = ["a", "b", "c"];

/// A needle as everybody knows it.
pub const PUBLIC: Entry = Entry {
    code: 90,
    name: "public",
    kind: Kind::Literal,
    measures: "a well-known public needle with its famous answer, to set beside fresh ones",
    idea: "Kamradt's sandwich, Anthropic's pizza, OpenCompass' internship, the Eiffel Tower; by fact, worded by us",
    scoring: "right: everything that was said and no other; in part: as much of it as is right; many models know it without the text, so that a success proves little",
    hay: Hay::Corpus,
    difficulty: &[],
    facts: |_| 0,
    questions: |_| 1,
    speaks: |language| language.has("public"),
    pose: |scene| pose(scene, false),
};

/// The same with another answer.
pub const CHANGED: Entry = Entry {
    code: 91,
    name: "public_changed",
    measures: "the same needles with another answer than the famous one: the text against what is known by heart",
    scoring: "right: what this text says and no other; the famous answer is a distractor; in part: as much of it as is right; by chance less than 1 in 20, for one who knows our lists",
    pose: |scene| pose(scene, true),
    ..PUBLIC
};

/// Places without the fact that is known by heart.
fn pose(scene: &mut Scene<'_>, is_changed: bool) -> Result<Posed> {
    let (told, asked) = (scene.told, scene.asked);
    let needles = told.forms("public", "told")?;
    let questions = asked.forms("public", "question")?;
    ensure!(
        needles.len() == questions.len(),
        "the public needles of {} and {} are not the same: choose one language",
        told.name,
        asked.name
    );
    let which = scene.stream.below(needles.len() as u64) as usize;
    let famous = told.words("public", &format!("famous_{which}"))?;
    let mut values = famous.to_vec();
    if is_changed {
        for (value, blank) in values.iter_mut().zip(BLANKS) {
            let others = told.words("public", &format!("other_{which}_{blank}"))?;
            let other = scene.one_of(others);
            *value = other
                .context("a public needle has no other answer")?
                .clone();
        }
    }
    let filled = BLANKS.into_iter().zip(values.iter().map(String::as_str));
    let filled: Vec<(&str, &str)> = filled.collect();
    let right = match values.len() {
        1 => Right::one(ValueType::Names, values[0].clone()),
        _ => Right::all(ValueType::Names, values.clone()),
    };
    Ok(Posed {
        planted: vec![Planted {
            sentence: needles[which].fill(&filled),
            depth_percent: scene.depth_percent(),
        }],
        questions: vec![Question {
            text: questions[which].written(),
            key: String::new(),
            right,
            distractors: if is_changed {
                famous.to_vec()
            } else {
                Vec::new()
            },
            about: 0,
        }],
        ..Posed::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    #[test]
    fn the_sentences_are_those_that_were_kept() {
        golden::check(&PUBLIC);
        golden::check(&CHANGED);
    }

    #[test]
    fn every_needle_has_answers_for_each_blank_and_the_famous_ones_are_among_no_others() {
        for language in golden::languages(&PUBLIC) {
            let list = |name: &str| language.words("public", name).expect("a list");
            let needles = language.forms("public", "told").expect("forms");
            for (which, needle) in needles.iter().enumerate() {
                let famous = list(&format!("famous_{which}"));
                let mut blanks = needle.blanks().to_vec();
                blanks.sort();
                assert_eq!(blanks, &BLANKS[..famous.len()]);
                for (blank, famous) in BLANKS.into_iter().zip(famous) {
                    let others = list(&format!("other_{which}_{blank}"));
                    let distinct: HashSet<&String> = others.iter().collect();
                    assert_eq!((distinct.len(), others.len() >= 8), (others.len(), true));
                    for other in others {
                        assert!(
                            !other.contains(famous.as_str()) && !famous.contains(other.as_str())
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_famous_answer_is_a_distractor_where_the_text_says_another() {
        for language in golden::languages(&CHANGED) {
            let mut seen = HashSet::new();
            for secret in 1..60 {
                let posed = golden::posed(&CHANGED, language, secret, 40.0, &BTreeMap::new());
                let question = &posed.questions[0];
                let famous = &question.distractors;
                assert!(
                    famous
                        .iter()
                        .all(|value| !question.right.values.contains(value))
                );
                assert!(
                    famous
                        .iter()
                        .all(|value| !posed.planted[0].sentence.contains(value))
                );
                for value in &question.right.values {
                    assert!(posed.planted[0].sentence.contains(value.as_str()));
                }
                seen.insert(question.text.clone());
            }
            let needles = language.forms("public", "told").expect("forms");
            assert_eq!(seen.len(), needles.len());
        }
    }
}
