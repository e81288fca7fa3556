//! Several records of one form about one subject: which one is asked is told by its place alone.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use anyhow::{Result, ensure};

/// The name of its sentences.
pub const NAME: &str = "ordinal";

const RECORDS: Difficulty = Difficulty {
    name: "records",
    usual: 4,
    range: (2, 12),
    meaning: "records of the kind and subject asked for; as many others stand among them",
};

/// The i-th record about a subject.
pub const ORDINAL: Entry = Entry {
    code: 30,
    name: "ordinal",
    kind: Kind::Selective,
    measures: "which of several like records is the i-th in the order of the text",
    idea: "MRCR (Vodrahalli et al. 2024; OpenAI 2025), with records of one sentence",
    scoring: "right: the number of that record and no other; who picks any record of the kind and subject is right once in their number (1 of 4 as usual)",
    hay: Hay::Corpus,
    difficulty: &[RECORDS],
    facts: |sizes| 2 * sizes.of(&RECORDS),
    questions: |_| 1,
    speaks: |language| language.has(NAME),
    pose,
};

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let (told, asked) = (scene.told, scene.asked);
    let kinds = told.words(NAME, "kinds")?;
    let subjects = told.words(NAME, "subjects")?;
    let asked_kinds = asked.words(NAME, "kinds")?;
    let asked_subjects = asked.words(NAME, "subjects")?;
    ensure!(
        kinds.len() == asked_kinds.len() && subjects.len() == asked_subjects.len(),
        "{} and {} name other kinds and subjects of records",
        told.name,
        asked.name
    );
    let pair = |scene: &mut Scene<'_>, size: usize| {
        let one = scene.stream.below(size as u64) as usize;
        let step = 1 + scene.stream.below(size as u64 - 1) as usize;
        (one, (one + step) % size)
    };
    let (kind, other_kind) = pair(scene, kinds.len());
    let (subject, other_subject) = pair(scene, subjects.len());
    let records = scene.difficulty(&RECORDS) as usize;
    // Where the trial's own depth falls among the others decides which record is asked: so all of
    // them stand over the whole text, whatever that depth is.
    let (depths, own) = scene.ascending(records);
    let mut places: Vec<(usize, usize, f64)> = Vec::new();
    places.extend(depths.into_iter().map(|depth| (kind, subject, depth)));
    for nth in 0..records {
        let depth = 100.0 * (nth as f64 + scene.stream.unit()) / records as f64;
        places.push(match nth % 2 {
            0 => (other_kind, subject, depth),
            _ => (kind, other_subject, depth),
        });
    }
    let form = told.form(NAME, "told")?;
    let mut posed = Posed::default();
    let mut values = Vec::new();
    for (nth, (kind, subject, depth_percent)) in places.into_iter().enumerate() {
        let value = scene
            .facts
            .value(scene.nth(nth as u64), ValueType::Numbers)?;
        posed.planted.push(Planted {
            sentence: form.fill(&[
                ("kind", &kinds[kind]),
                ("subject", &subjects[subject]),
                ("value", &value),
            ]),
            depth_percent,
        });
        values.push(value);
    }
    let right = values.remove(own);
    let nth = asked.words(NAME, "ordinals")?.get(own);
    let (kind, subject) = (&asked_kinds[kind], &asked_subjects[subject]);
    posed.questions.push(Question {
        text: asked.form(NAME, "question")?.fill(&[
            ("nth", nth.map_or("", String::as_str)),
            ("kind", kind),
            ("subject", subject),
        ]),
        key: subject.clone(),
        right: Right::one(ValueType::Numbers, right),
        distractors: values,
        about: own,
    });
    Ok(posed)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    #[test]
    fn the_record_asked_for_has_its_number_by_the_order_of_the_text_alone() {
        for language in golden::languages(&ORDINAL) {
            for (secret, depth) in [(1, 0.0), (2, 55.5), (3, 100.0), (4, 80.0)] {
                let asked = BTreeMap::from([("records".to_string(), 7)]);
                let posed = golden::posed(&ORDINAL, language, secret, depth, &asked);
                let question = &posed.questions[0];
                let own = &posed.planted[question.about];
                assert_eq!(own.depth_percent, depth);
                let head = |sentence: &str| {
                    let digit = sentence.find(|c: char| c.is_ascii_digit());
                    sentence[..digit.expect("a number")].to_string()
                };
                let alike = posed
                    .planted
                    .iter()
                    .filter(|other| head(&other.sentence) == head(&own.sentence));
                let alike: Vec<f64> = alike.map(|other| other.depth_percent).collect();
                assert_eq!(alike.len(), 7);
                let before = alike.iter().filter(|other| **other < depth).count();
                let ordinals = language.words(NAME, "ordinals").expect("are there");
                assert!(
                    question.text.contains(&ordinals[before]),
                    "{}",
                    question.text
                );
                assert!(own.sentence.contains(&question.right.values[0]));
                assert_eq!((posed.planted.len(), question.distractors.len()), (14, 13));
            }
        }
    }

    #[test]
    fn every_language_has_the_same_kinds_subjects_and_ordinals_and_each_once() {
        let languages = golden::languages(&ORDINAL);
        assert!(languages.len() >= 2);
        for list in ["kinds", "subjects", "ordinals"] {
            let english = languages.iter().find(|language| language.code == "en");
            let count = english
                .expect("has it")
                .words(NAME, list)
                .expect("list")
                .len();
            assert!(list != "ordinals" || count as u64 >= RECORDS.range.1);
            for language in &languages {
                let words = language.words(NAME, list).expect("list");
                let distinct: HashSet<&String> = words.iter().collect();
                assert_eq!((words.len(), distinct.len()), (count, count), "{list}");
            }
        }
    }

    #[test]
    fn golden_prompts_stay() {
        golden::check(&ORDINAL);
    }
}
