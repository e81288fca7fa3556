//! Amounts all over the text: what one person's come to, and who has the largest.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use anyhow::Result;

const SUMMANDS: Difficulty = Difficulty {
    name: "facts",
    usual: 5,
    range: (2, 40),
    meaning: "amounts that are to be added up; two others have half as many each",
};
const PEOPLE: Difficulty = Difficulty {
    name: "facts",
    usual: 20,
    range: (2, 40),
    meaning: "people with an amount each",
};
/// The one asked for and two others.
const PAYERS: u64 = 3;
/// What one pays at a time.
const PAID: (u64, u64) = (11, 199);
/// What one brings home.
const BROUGHT: (u64, u64) = (200, 990);

/// The sum of one person's amounts.
pub const SUM: Entry = Entry {
    code: 71,
    name: "sum",
    kind: Kind::Aggregate,
    measures: "the sum of one person's amounts, among those of others",
    idea: "scattered amounts to be added up, as in the counting questions of long-text sets; no one set",
    scoring: "right: the sum and no other number, so that an answer that shows its addends is a listing; by chance less than 1 in 100",
    hay: Hay::Corpus,
    difficulty: &[SUMMANDS],
    facts: |_| PAYERS,
    questions: |_| 1,
    speaks: |language| language.has("sum"),
    pose: pose_sum,
};

/// Who has the largest amount.
pub const MAXIMUM: Entry = Entry {
    code: 72,
    name: "maximum",
    measures: "who has the largest of many amounts",
    idea: "scattered amounts to be compared, as in the comparing questions of long-text sets; no one set",
    scoring: "right: the one name and no other; a reader who knows the names alone is right by chance once in as many as there are people",
    difficulty: &[PEOPLE],
    facts: people,
    speaks: |language| language.has("maximum"),
    pose: pose_maximum,
    ..SUM
};

fn people(sizes: &Sizes<'_>) -> u64 {
    sizes.of(&PEOPLE)
}

fn pose_sum(scene: &mut Scene<'_>) -> Result<Posed> {
    let summands = scene.difficulty(&SUMMANDS) as usize;
    let forms = scene.told.forms("sum", "told")?;
    let mut posed = Posed::default();
    let (mut sums, mut amounts, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for payer in 0..PAYERS {
        let name = scene.facts.name(scene.nth(payer))?;
        let depths = match payer {
            0 => scene.spread(summands),
            _ => (0..summands.div_ceil(2))
                .map(|_| 100.0 * scene.stream.unit())
                .collect(),
        };
        let mut sum = 0;
        for depth_percent in depths {
            let amount = PAID.0 + scene.stream.below(PAID.1 - PAID.0 + 1);
            sum += amount;
            amounts.push(amount);
            posed.planted.push(Planted {
                sentence: scene.one_of(forms).map_or_else(String::new, |form| {
                    form.fill(&[("name", &name), ("amount", &amount.to_string())])
                }),
                depth_percent,
            });
        }
        sums.push(sum);
        names.push(name);
    }
    let name = names.swap_remove(0);
    let right = sums[0];
    // Whoever adds up everything, or for another, or takes one amount for all of them.
    let mut wrongs: Vec<u64> = sums.split_off(1);
    wrongs.push(amounts.iter().sum());
    wrongs.extend(amounts);
    wrongs.retain(|wrong| *wrong != right);
    posed.questions.push(Question {
        text: scene
            .asked
            .form("sum", "question")?
            .fill(&[("name", &name)]),
        key: name,
        right: Right::one(ValueType::Counts, right.to_string()),
        distractors: wrongs.iter().map(u64::to_string).collect(),
        about: 0,
    });
    Ok(posed)
}

fn pose_maximum(scene: &mut Scene<'_>) -> Result<Posed> {
    let people = scene.difficulty(&PEOPLE);
    let forms = scene.told.forms("maximum", "told")?;
    let all: Vec<u64> = (BROUGHT.0..=BROUGHT.1).collect();
    let mut amounts: Vec<u64> = scene
        .some_of(&all, people as usize)
        .into_iter()
        .copied()
        .collect();
    // The largest is the trial's own, and little more than another: size alone gives nothing away.
    let largest = amounts.iter().copied().max().unwrap_or(BROUGHT.1);
    if let Some(at) = amounts.iter().position(|amount| *amount == largest) {
        amounts.swap(0, at);
    }
    amounts[0] = amounts[1..].iter().copied().max().unwrap_or(largest) + 1 + scene.stream.below(9);
    let depths = scene.spread(amounts.len());
    let mut posed = Posed::default();
    let mut names = Vec::new();
    for (nth, (amount, depth_percent)) in amounts.iter().zip(depths).enumerate() {
        let name = scene.facts.name(scene.nth(nth as u64))?;
        posed.planted.push(Planted {
            sentence: scene.one_of(forms).map_or_else(String::new, |form| {
                form.fill(&[("name", &name), ("amount", &amount.to_string())])
            }),
            depth_percent,
        });
        names.push(name);
    }
    posed.questions.push(Question {
        text: scene.asked.form("maximum", "question")?.written(),
        key: String::new(),
        right: Right::one(ValueType::Names, names[0].clone()),
        distractors: names.split_off(1),
        about: 0,
    });
    Ok(posed)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use crate::form::Form;
    use std::collections::BTreeMap;

    /// Name and amount of every sentence.
    fn told(forms: &[Form], posed: &Posed) -> Vec<(String, u64)> {
        let found = posed.planted.iter().map(|told| {
            let mut found = forms.iter().flat_map(|form| form.find(&told.sentence));
            let one = found.next().expect("is told");
            let amount = one.field("amount").parse().expect("a number");
            (one.field("name").to_string(), amount)
        });
        found.collect()
    }

    #[test]
    fn the_sentences_are_those_that_were_kept() {
        golden::check(&SUM);
        golden::check(&MAXIMUM);
    }

    #[test]
    fn the_sum_is_that_of_the_one_asked_for_and_of_no_other() {
        for language in golden::languages(&SUM) {
            let forms = language.forms("sum", "told").expect("forms");
            for facts in [2, 5, 40] {
                let asked = BTreeMap::from([("facts".into(), facts)]);
                let posed = golden::posed(&SUM, language, facts, 70.0, &asked);
                let question = &posed.questions[0];
                let told = told(forms, &posed);
                let own: Vec<u64> = told
                    .iter()
                    .filter(|(name, _)| *name == question.key)
                    .map(|(_, amount)| *amount)
                    .collect();
                assert_eq!(own.len() as u64, facts);
                assert_eq!(question.right.values, [own.iter().sum::<u64>().to_string()]);
                assert!(told.len() as u64 >= 2 * facts);
                assert!(!question.distractors.contains(&question.right.values[0]));
                assert_eq!(told[question.about].0, question.key);
                assert_eq!(posed.planted[question.about].depth_percent, 70.0);
            }
        }
    }

    #[test]
    fn the_largest_amount_is_there_once_and_stands_at_the_depth_of_the_trial() {
        for language in golden::languages(&MAXIMUM) {
            let forms = language.forms("maximum", "told").expect("forms");
            for facts in [2, 20, 40] {
                let asked = BTreeMap::from([("facts".into(), facts)]);
                let posed = golden::posed(&MAXIMUM, language, facts, 30.0, &asked);
                let question = &posed.questions[0];
                let told = told(forms, &posed);
                let largest = told.iter().map(|(_, amount)| *amount).max();
                let holders: Vec<&String> = told
                    .iter()
                    .filter(|(_, amount)| Some(*amount) == largest)
                    .map(|(name, _)| name)
                    .collect();
                assert_eq!(holders, [&question.right.values[0]]);
                assert_eq!(question.distractors.len() as u64, facts - 1);
                assert_eq!(posed.planted[question.about].depth_percent, 30.0);
            }
        }
    }
}
