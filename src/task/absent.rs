//! Keyed facts of one form, and a question for a key that none of them has: "none" is right.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, niah};
use crate::answer::Right;
use crate::fact::Fact;
use anyhow::Result;

const KEYS: Difficulty = Difficulty {
    name: "keys",
    usual: 4,
    range: (1, 100),
    meaning: "keyed facts in the text, none of them asked",
};

/// What is asked was never told.
pub const ABSENT: Entry = Entry {
    code: 15,
    name: "absent",
    kind: Kind::Selective,
    measures: "whether it is said that the text does not tell what is asked, where facts of the same form stand",
    idea: "questions without an answer as in SQuAD 2.0 (Rajpurkar et al. 2018), with RULER's keyed facts",
    scoring: "right: \"none\" or that the text does not tell it; any value is a guess",
    hay: Hay::Corpus,
    difficulty: &[KEYS],
    facts: |sizes| sizes.of(&KEYS) + 1,
    questions: |_| 1,
    speaks: |language| !language.wordings.is_empty() && !language.unless_absent.is_empty(),
    pose,
};

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let count = scene.difficulty(&KEYS);
    let facts: Vec<Fact> = (0..count)
        .map(|nth| scene.facts.fact(scene.nth(nth), scene.values))
        .collect::<Result<_>>()?;
    let key = scene.facts.key(scene.nth(count))?;
    let depths_percent = scene.spread(facts.len());
    let mut posed = Posed::default();
    for (fact, depth_percent) in facts.iter().zip(depths_percent) {
        posed.planted.push(Planted {
            sentence: niah::needle(scene.told, scene.wording, scene.values, fact)?,
            depth_percent,
        });
    }
    let mut text = niah::question(scene.asked, scene.wording, scene.values, &key)?;
    text.push_str(&scene.asked.unless_absent);
    posed.questions.push(Question {
        text,
        key,
        right: Right::absent(scene.values),
        distractors: facts.into_iter().map(|fact| fact.value).collect(),
        about: 0,
    });
    Ok(posed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Rule;
    use crate::task::golden;

    #[test]
    fn the_key_that_is_asked_is_in_no_sentence_and_all_values_are_known() {
        for code in ["en", "zh"] {
            let posed = golden::posed_in(&ABSENT, code);
            let question = &posed.questions[0];
            assert_eq!(question.right.rule, Rule::Absent);
            assert_eq!(question.distractors.len(), posed.planted.len());
            for planted in &posed.planted {
                assert!(!planted.sentence.contains(&question.key));
            }
            assert!(question.text.contains(&question.key));
        }
    }

    #[test]
    fn prompts_never_change() {
        golden::check(&ABSENT);
    }
}
