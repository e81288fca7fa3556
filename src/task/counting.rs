//! Counting-Stars: one watcher's counts, scattered through the text, and all of them asked for.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use anyhow::Result;

const REPORTS: Difficulty = Difficulty {
    name: "reports",
    usual: 8,
    range: (2, 64),
    meaning: "reports of a count in the text, all of them asked for",
};
const SLIPS: Difficulty = Difficulty {
    name: "slips",
    usual: 0,
    range: (0, 64),
    meaning: "of the reports, those that give a wrong count first and correct it",
};
/// Counts are drawn from these: none looks like the place of an item in a list.
const COUNTS: (u64, u64) = (65, 999);

/// A list of counts in the order of the text.
pub const COUNTING: Entry = Entry {
    code: 70,
    name: "counting",
    kind: Kind::Aggregate,
    measures: "a list of counts that are reported all over the text, in its order",
    idea: "Counting-Stars (Song et al. 2024): acquisition, and with slips its reasoning form",
    scoring: "right: every count and no other, in the order of the text; in part: those that are right and in order over those expected or named",
    hay: Hay::Corpus,
    difficulty: &[REPORTS, SLIPS],
    facts: |_| 1,
    questions: |_| 1,
    speaks: |language| language.has("counting"),
    pose,
};

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let reports = scene.difficulty(&REPORTS) as usize;
    let slips = (scene.difficulty(&SLIPS) as usize).min(reports);
    let name = scene.facts.name(scene.nth(0))?;
    // An answer names each count once, so that all counts of a text differ.
    let all: Vec<u64> = (COUNTS.0..=COUNTS.1).collect();
    let drawn = scene.some_of(&all, reports + slips);
    let drawn: Vec<String> = drawn.into_iter().map(u64::to_string).collect();
    let (counts, wrongs) = drawn.split_at(reports);
    let mut slipped: Vec<bool> = (0..reports).map(|nth| nth < slips).collect();
    scene.stream.shuffle(&mut slipped);
    let (depths, own) = scene.ascending(reports);
    let mut posed = Posed::default();
    let mut wrong = wrongs.iter();
    for ((count, &depth_percent), slipped) in counts.iter().zip(&depths).zip(slipped) {
        let sentence = match slipped.then(|| wrong.next()).flatten() {
            Some(wrong) => scene.told.form("counting", "slip")?.fill(&[
                ("name", &name),
                ("wrong", wrong),
                ("count", count),
            ]),
            None => scene
                .told
                .form("counting", "report")?
                .fill(&[("name", &name), ("count", count)]),
        };
        posed.planted.push(Planted {
            sentence,
            depth_percent,
        });
    }
    posed.questions.push(Question {
        text: scene
            .asked
            .form("counting", "question")?
            .fill(&[("name", &name)]),
        key: name,
        right: Right::order(ValueType::Counts, counts.to_vec()),
        distractors: wrongs.to_vec(),
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
    fn the_sentences_are_those_that_were_kept() {
        golden::check(&COUNTING);
    }

    #[test]
    fn counts_differ_and_the_answer_is_in_the_order_of_the_text() {
        for language in golden::languages(&COUNTING) {
            for (reports, slips) in [(2, 2), (8, 3), (64, 64)] {
                let asked = BTreeMap::from([("reports".into(), reports), ("slips".into(), slips)]);
                let posed = golden::posed(&COUNTING, language, reports, 40.0, &asked);
                let question = &posed.questions[0];
                let all: HashSet<&String> = question
                    .right
                    .values
                    .iter()
                    .chain(&question.distractors)
                    .collect();
                assert_eq!(all.len() as u64, reports + slips);
                assert_eq!(posed.planted[question.about].depth_percent, 40.0);
                let depths: Vec<f64> = posed
                    .planted
                    .iter()
                    .map(|told| told.depth_percent)
                    .collect();
                assert!(depths.is_sorted_by(|a, b| a < b));
                let text: Vec<&str> = posed
                    .planted
                    .iter()
                    .map(|told| told.sentence.as_str())
                    .collect();
                let text = text.join("\n");
                for wrong in &question.distractors {
                    assert!(text.contains(wrong.as_str()), "{wrong}");
                }
                for (told, count) in posed.planted.iter().zip(&question.right.values) {
                    assert!(told.sentence.contains(count.as_str()), "{}", told.sentence);
                }
            }
        }
    }
}
