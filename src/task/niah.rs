//! RULER's needle-in-a-haystack tasks: one keyed fact, or several of one form with one asked.

use super::{Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use crate::fact::Fact;
use crate::language::Language;
use anyhow::{Context, Result};

const ONE_VALUE: &str =
    "right: the value and no other; slips, other facts' values, listings and echoes are told apart";

/// One keyed fact.
pub const SINGLE: Entry = Entry {
    code: 0,
    name: "niah_single",
    kind: Kind::Literal,
    measures: "one keyed fact, literal retrieval",
    idea: "Kamradt's needle test; RULER (Hsieh et al. 2024)",
    scoring: ONE_VALUE,
    hay: Hay::Corpus,
    difficulty: &[],
    facts: |_| 1,
    questions: |_| 1,
    speaks,
    pose,
};

/// Several keyed facts of one form, each of them asked.
pub const MULTIKEY: Entry = Entry {
    code: 1,
    name: "niah_multikey",
    measures: "several keyed facts of one form (--keys), one asked at a time",
    idea: "RULER (Hsieh et al. 2024), multi-key",
    facts: |sizes| sizes.keys,
    questions: |sizes| sizes.keys,
    ..SINGLE
};

fn speaks(language: &Language) -> bool {
    !language.wordings.is_empty()
}

/// Facts at the depths that the plan gives, each of them asked.
fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let values = scene.values;
    let facts: Vec<Fact> = (0..scene.depths_percent.len() as u64)
        .map(|nth| scene.facts.fact(scene.nth(nth), values))
        .collect::<Result<_>>()?;
    posed(scene, &facts, values)
}

fn posed(scene: &Scene<'_>, facts: &[Fact], values: ValueType) -> Result<Posed> {
    let mut posed = Posed::default();
    for (nth, (fact, &depth_percent)) in facts.iter().zip(scene.depths_percent).enumerate() {
        posed.planted.push(Planted {
            sentence: needle(scene.told, scene.wording, values, fact)?,
            depth_percent,
        });
        let others = facts.iter().enumerate().filter(|(other, _)| *other != nth);
        posed.questions.push(Question {
            text: question(scene.asked, scene.wording, values, &fact.key)?,
            key: fact.key.clone(),
            right: Right::one(values, &fact.value),
            distractors: others.map(|(_, other)| other.value.clone()).collect(),
            about: nth,
        });
    }
    Ok(posed)
}

/// The sentence that tells a fact.
///
/// # Errors
/// When the language has no wordings.
pub fn needle(
    language: &Language,
    wording: usize,
    values: ValueType,
    fact: &Fact,
) -> Result<String> {
    let form = &of(language, wording)?.needle;
    Ok(form.fill(&[
        ("noun", language.noun(values)),
        ("key", &fact.key),
        ("value", &fact.value),
    ]))
}

/// The question that asks for a fact.
///
/// # Errors
/// When the language has no wordings.
pub fn question(
    language: &Language,
    wording: usize,
    values: ValueType,
    key: &str,
) -> Result<String> {
    let form = &of(language, wording)?.question;
    Ok(form.fill(&[("noun", language.noun(values)), ("key", key)]))
}

/// A wording; the first where the language has fewer.
fn of(language: &Language, wording: usize) -> Result<&crate::language::Wording> {
    let wordings = &language.wordings;
    wordings
        .get(wording)
        .or(wordings.first())
        .with_context(|| format!("{} has no wordings of keyed facts", language.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_holds_its_answer_and_a_question_does_not() {
        for code in Language::codes() {
            let language = Language::named(code).expect("is read");
            for wording in 0..language.wordings.len() {
                let fact = Fact {
                    key: "Oslo".into(),
                    value: "1234567".into(),
                };
                let told = needle(language, wording, ValueType::Numbers, &fact).expect("told");
                assert!(told.contains("1234567") && told.contains("Oslo"), "{told}");
                let asked = question(language, wording, ValueType::Numbers, "Oslo").expect("asked");
                assert!(
                    !asked.contains("1234567") && !asked.contains('{'),
                    "{asked}"
                );
            }
        }
    }
}
