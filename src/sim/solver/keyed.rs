//! Keyed facts in any wording and language: one is asked, or several at a time, or one that is not there.

use super::{Page, Solution};
use crate::answer::ValueType;
use crate::form::Form;
use crate::language::Language;
use crate::task::{Task, niah};
use std::collections::HashSet;

/// Facts that are not asked are looked for in windows of this size: some are enough.
const WINDOW_BYTES: usize = 1 << 20;
/// How many of them.
const OTHERS: usize = 8;

/// What a question asks for.
struct Asked {
    from: usize,
    keys: Vec<String>,
    is_several: bool,
    value_type: ValueType,
    wording: usize,
    language: &'static Language,
    may_be_absent: bool,
}

/// Solves the tasks that ask for keyed facts.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = asked(page)?;
    let forms = forms(&asked);
    let mut own: Vec<(usize, String)> = Vec::new();
    for key in &asked.keys {
        // With the key filled in, one search meets the facts of it and no others.
        let mut of_key: Vec<(usize, String)> = forms
            .iter()
            .flat_map(|form| form.with(&[("key", key)]).find(page.text))
            .map(|found| (found.from, found.field("value").to_string()))
            .collect();
        of_key.sort();
        own.extend(of_key);
    }
    let mut known = HashSet::new();
    own.retain(|(_, value)| known.insert(value.clone()));
    let others = others(page.text, &forms, &asked.keys);
    let values: Vec<String> = own.iter().map(|(_, value)| value.clone()).collect();
    let comma = asked.language.comma.as_str();
    let (task, answer, wrong) = match (values.first(), asked.is_several) {
        (Some(first), false) => {
            let text = &page.text[..page.text.floor_char_boundary(WINDOW_BYTES)];
            let told: Vec<_> = forms.iter().flat_map(|form| form.find(text)).collect();
            let told_bytes = told.iter().map(|fact| fact.to - fact.from).sum();
            let task = super::keyed_task(&asked.keys[0], told.len(), told_bytes, text.len());
            (task, first.clone(), others.values)
        }
        (Some(_), true) => {
            let task = match asked.keys.len() {
                1 => "niah_multivalue",
                _ => "niah_multiquery",
            };
            let mut wrong = others.values;
            if values.len() > 1 {
                wrong.push(values[1..].join(comma));
            }
            (Task::named(task).ok()?, values.join(comma), wrong)
        }
        (None, _) if asked.may_be_absent => (
            Task::named("absent").ok()?,
            asked.language.none.first()?.clone(),
            others.values,
        ),
        (None, _) => return None,
    };
    Some(Solution {
        task,
        answer,
        at: own.first().map_or(others.first_at, |(at, _)| *at),
        wrong,
    })
}

/// What is asked: at the end of the prompt the last question, at its head the first.
fn asked(page: &Page<'_>) -> Option<Asked> {
    page.ends().iter().enumerate().find_map(|(at, end)| {
        let mut here = Vec::new();
        for (language, value_type) in tongues() {
            for (wording, form) in language.wordings.iter().enumerate() {
                let form = form.question.with(&[("noun", language.noun(value_type))]);
                here.extend(form.find(end).into_iter().map(|found| {
                    let unless = language.unless_absent.trim();
                    Asked {
                        from: found.from,
                        keys: vec![found.field("key").to_string()],
                        is_several: false,
                        value_type,
                        wording,
                        language,
                        may_be_absent: end[found.to..].trim_start().starts_with(unless),
                    }
                }));
            }
            here.extend(asked_for_several(end, language, value_type));
        }
        match at {
            0 => here.into_iter().max_by_key(|asked| asked.from),
            _ => here.into_iter().min_by_key(|asked| asked.from),
        }
    })
}

fn asked_for_several(end: &str, language: &'static Language, value_type: ValueType) -> Vec<Asked> {
    let (Ok(forms), Ok(nouns), Ok(last)) = (
        language.forms("niah", "several"),
        niah::nouns(language, value_type),
        language.words("niah", "last"),
    ) else {
        return Vec::new();
    };
    let mut here = Vec::new();
    for (wording, form) in forms.iter().enumerate() {
        let form = form.with(&[("nouns", nouns)]);
        here.extend(form.find(end).into_iter().map(|found| {
            let keys = found.field("keys").replace(&last.concat(), &language.comma);
            Asked {
                from: found.from,
                keys: keys.split(&language.comma).map(str::to_string).collect(),
                is_several: true,
                value_type,
                wording,
                language,
                may_be_absent: false,
            }
        }));
    }
    here
}

/// How the facts are told: in the wording of the question, in whatever language.
fn forms(asked: &Asked) -> Vec<Form> {
    let languages = tongues().filter(|(_, kind)| *kind == asked.value_type);
    let forms = languages.filter_map(|(language, kind)| {
        let wordings = &language.wordings;
        let wording = wordings.get(asked.wording).or(wordings.first())?;
        Some(wording.needle.with(&[("noun", language.noun(kind))]))
    });
    forms.collect()
}

/// Facts of other keys.
struct Others {
    values: Vec<String>,
    first_at: usize,
}

fn others(text: &str, forms: &[Form], keys: &[String]) -> Others {
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() && found.len() < OTHERS {
        let to = text.ceil_char_boundary((from + WINDOW_BYTES).min(text.len()));
        for form in forms {
            let here = form.find(&text[from..to]).into_iter();
            let here = here.filter(|fact| keys.iter().all(|key| key != fact.field("key")));
            found.extend(here.map(|fact| (from + fact.from, fact.field("value").to_string())));
        }
        from = to;
    }
    found.sort();
    found.truncate(OTHERS);
    Others {
        first_at: found.first().map_or(0, |(at, _)| *at),
        values: found.into_iter().map(|(_, value)| value).collect(),
    }
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
