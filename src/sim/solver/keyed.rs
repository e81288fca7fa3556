//! Keyed facts in any wording and language: one is asked, or several at a time.

use super::{Page, Solution};
use crate::answer::ValueType;
use crate::language::Language;

/// Solves the tasks that ask for one keyed fact.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let (key, value_type) = asked(page)?;
    let told = told(page, value_type);
    let own = told.iter().find(|(_, found, _)| *found == key)?;
    let others = told.iter().filter(|(_, other, _)| *other != key);
    Some(Solution {
        task: "niah",
        answer: own.2.clone(),
        at: own.0,
        wrong: others.map(|(_, _, value)| value.clone()).take(8).collect(),
    })
}

/// The key that is asked for, and the type of its value.
fn asked(page: &Page<'_>) -> Option<(String, ValueType)> {
    page.ends().iter().enumerate().find_map(|(at, end)| {
        let mut here = Vec::new();
        for (language, value_type) in tongues() {
            let noun = language.noun(value_type);
            for wording in &language.wordings {
                let form = wording.question.with(&[("noun", noun)]);
                here.extend(form.find(end).into_iter().map(|found| {
                    let key = found.field("key").to_string();
                    (found.from, (key, value_type))
                }));
            }
        }
        match at {
            0 => here.into_iter().max_by_key(|(from, _)| *from),
            _ => here.into_iter().min_by_key(|(from, _)| *from),
        }
        .map(|(_, asked)| asked)
    })
}

/// Every fact with a value of a type: where it stands, its key and its value.
fn told(page: &Page<'_>, value_type: ValueType) -> Vec<(usize, String, String)> {
    let mut told = Vec::new();
    for (language, kind) in tongues().filter(|(_, kind)| *kind == value_type) {
        for wording in &language.wordings {
            let form = wording.needle.with(&[("noun", language.noun(kind))]);
            told.extend(form.find(page.text).into_iter().map(|found| {
                let field = |name: &str| found.field(name).to_string();
                (found.from, field("key"), field("value"))
            }));
        }
    }
    told.sort();
    told
}

fn tongues() -> impl Iterator<Item = (&'static Language, ValueType)> {
    let languages = Language::codes().filter_map(|code| Language::named(code).ok());
    languages.flat_map(|language| {
        let kinds = [ValueType::Numbers, ValueType::Words, ValueType::Uuids];
        kinds.map(|kind| (language, kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Right;
    use crate::corpus::{Corpus, Text};
    use crate::fact::Facts;
    use crate::lexicon::Lexicon;
    use crate::reply::Stop;
    use crate::score::{self, Class};
    use crate::seed::Secret;
    use crate::task::niah;
    use std::sync::Arc;

    #[test]
    fn facts_of_every_type_are_solved_in_every_wording_of_every_language() {
        let text = Text::owned("x", "nothing".into());
        let lexicon = Lexicon::of(&Corpus {
            name: "x".into(),
            texts: vec![text],
        });
        let lexicon = Arc::new(lexicon.expect("collects"));
        let key = Secret::from_hex("0a").expect("hex").key("");
        for (language, values) in tongues() {
            let facts = Facts::new(&key, language, vec![lexicon.clone()]).expect("lists");
            for wording in 0..language.wordings.len() {
                let fact = |n: u64| facts.fact(n, values).expect("is drawn");
                let told = |n: u64| niah::needle(language, wording, values, &fact(n));
                let asked = niah::question(language, wording, values, &fact(1).key);
                let told: Vec<String> = (0..3).map(|n| told(n).expect("told")).collect();
                let (told, asked) = (told.join(&language.joint), asked.expect("asked"));
                let text = format!("{told}\n\n{asked}{}", language.unless_absent);
                let page = Page::new(&text, std::slice::from_ref(&(0..text.len())));
                let solution = solve(&page).unwrap_or_else(|| panic!("no solution: {text}"));
                let right = Right::one(values, fact(1).value);
                let distractors = [fact(0).value, fact(2).value];
                let question = score::Question {
                    right: &right,
                    distractors: &distractors,
                    key: &fact(1).key,
                    language: language.code,
                };
                let class =
                    |answer: &str| score::judge(&question, answer, &Stop::End, &mut || None).class;
                assert_eq!(class(&solution.answer), Class::Exact, "{text}");
                assert_eq!(
                    class(&format!("{}.", solution.answer)),
                    Class::Exact,
                    "{text}"
                );
                assert_eq!(class(&fact(2).value), Class::Distractor, "{text}");
                assert_ne!(class(&asked), Class::Exact, "{text}");
            }
        }
    }
}
