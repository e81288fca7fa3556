//! RULER's needle-in-a-haystack tasks: keyed facts of one form, of which one or several are asked.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, background};
use crate::answer::{Right, ValueType};
use crate::fact::Fact;
use crate::form::Form;
use crate::language::Language;
use anyhow::{Context, Result, bail};

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

const ALL_VALUES: &str = "right: all values and no other, in any order; in part: those that are right over those expected or named";

const KEYS: Difficulty = Difficulty {
    name: "keys",
    usual: 4,
    range: (1, 100),
    meaning: "keyed facts in the text, one of them asked",
};
const VALUES: Difficulty = Difficulty {
    name: "values",
    usual: 4,
    range: (1, 20),
    meaning: "values of the one key, all of them asked",
};
// More keys than six would be longer than a blank of a question may be.
const QUERIES: Difficulty = Difficulty {
    name: "queries",
    usual: 4,
    range: (1, 6),
    meaning: "keys asked for in one question",
};

/// RULER's first: a number in noise.
pub const SINGLE_1: Entry = Entry {
    code: 2,
    name: "niah_single_1",
    measures: "one number under a key, in noise",
    idea: "RULER (Hsieh et al. 2024), niah_single_1",
    hay: Hay::Noise,
    speaks: |language| speaks(language) && language.has("noise"),
    pose: |scene| pose_one(scene, ValueType::Numbers),
    ..SINGLE
};

/// RULER's second: a number in prose.
pub const SINGLE_2: Entry = Entry {
    code: 3,
    name: "niah_single_2",
    measures: "one number under a key, in prose",
    idea: "RULER (Hsieh et al. 2024), niah_single_2",
    pose: |scene| pose_one(scene, ValueType::Numbers),
    ..SINGLE
};

/// RULER's third: a UUID in prose.
pub const SINGLE_3: Entry = Entry {
    code: 4,
    name: "niah_single_3",
    measures: "one UUID under a key, in prose",
    idea: "RULER (Hsieh et al. 2024), niah_single_3",
    pose: |scene| pose_one(scene, ValueType::Uuids),
    ..SINGLE
};

/// Several keyed facts, the first of them asked.
pub const MULTIKEY_1: Entry = Entry {
    code: 5,
    name: "niah_multikey_1",
    kind: Kind::Selective,
    measures: "one number under a key beside numbers under other keys, in prose",
    idea: "RULER (Hsieh et al. 2024), niah_multikey_1",
    difficulty: &[KEYS],
    facts: |sizes| sizes.of(&KEYS),
    pose: pose_several_keys,
    ..SINGLE
};

/// One keyed number in a haystack of them.
pub const MULTIKEY_2: Entry = Entry {
    code: 6,
    name: "niah_multikey_2",
    kind: Kind::Selective,
    measures: "one number under a key in a text of nothing but numbers under keys",
    idea: "RULER (Hsieh et al. 2024), niah_multikey_2",
    hay: Hay::Numbers,
    facts: |_| KEY_TRIES,
    pose: |scene| {
        let fact = Fact {
            key: key_of_no_background(scene)?,
            value: scene.facts.value(scene.nth(0), ValueType::Numbers)?,
        };
        pose_in_background(scene, fact, ValueType::Numbers)
    },
    ..SINGLE
};

/// One keyed UUID in a haystack of them.
pub const MULTIKEY_3: Entry = Entry {
    code: 7,
    name: "niah_multikey_3",
    kind: Kind::Selective,
    measures: "one UUID under a UUID in a text of nothing but UUIDs under UUIDs",
    idea: "RULER (Hsieh et al. 2024), niah_multikey_3",
    hay: Hay::Uuids,
    pose: |scene| {
        let fact = Fact {
            key: scene.facts.uuid_key(scene.nth(0))?,
            value: scene.facts.value(scene.nth(0), ValueType::Uuids)?,
        };
        pose_in_background(scene, fact, ValueType::Uuids)
    },
    ..SINGLE
};

/// Several values of one key.
pub const MULTIVALUE: Entry = Entry {
    code: 8,
    name: "niah_multivalue",
    kind: Kind::Selective,
    measures: "all numbers that stand under one key",
    idea: "RULER (Hsieh et al. 2024), niah_multivalue",
    scoring: ALL_VALUES,
    difficulty: &[VALUES],
    facts: |sizes| sizes.of(&VALUES),
    speaks: |language| speaks(language) && language.has("niah"),
    pose: pose_several_values,
    ..SINGLE
};

/// Several keys in one question.
pub const MULTIQUERY: Entry = Entry {
    code: 9,
    name: "niah_multiquery",
    kind: Kind::Selective,
    measures: "the numbers under several keys at once",
    idea: "RULER (Hsieh et al. 2024), niah_multiquery",
    scoring: ALL_VALUES,
    difficulty: &[QUERIES],
    facts: |sizes| sizes.of(&QUERIES),
    speaks: |language| speaks(language) && language.has("niah"),
    pose: pose_several_queries,
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

/// One fact at the trial's own depth.
fn pose_one(scene: &mut Scene<'_>, values: ValueType) -> Result<Posed> {
    let fact = scene.facts.fact(scene.nth(0), values)?;
    posed(scene, &[fact], values)
}

/// One fact whose haystack is facts: those are told in the first wording, so it is as well.
fn pose_in_background(scene: &mut Scene<'_>, fact: Fact, values: ValueType) -> Result<Posed> {
    scene.wording = 0;
    posed(scene, &[fact], values)
}

/// Tries for a key that stands in no background: each is one with a chance of one in four.
const KEY_TRIES: u64 = 16;

/// A key that no text of [`background::keyed`] holds. The check that a corpus does not hold a
/// fact cannot see it where a script puts no spaces between words.
fn key_of_no_background(scene: &Scene<'_>) -> Result<String> {
    let is_ours = background::Keyed::new(scene.told)?;
    for nth in 0..KEY_TRIES {
        let key = scene.facts.key(scene.nth(nth))?;
        if !is_ours.may_hold(&key) {
            return Ok(key);
        }
    }
    bail!("the haystack holds every key that was drawn: choose another secret")
}

/// Several facts, of which the one at the trial's own depth is asked.
fn pose_several_keys(scene: &mut Scene<'_>) -> Result<Posed> {
    let values = ValueType::Numbers;
    let facts: Vec<Fact> = (0..scene.difficulty(&KEYS))
        .map(|nth| scene.facts.fact(scene.nth(nth), values))
        .collect::<Result<_>>()?;
    let depths_percent = scene.spread(facts.len());
    let mut posed = posed_at(scene, &facts, &depths_percent, values)?;
    posed.questions.truncate(1);
    Ok(posed)
}

/// One key with several values, all of them asked.
fn pose_several_values(scene: &mut Scene<'_>) -> Result<Posed> {
    let key = scene.facts.key(scene.nth(0))?;
    let facts: Vec<Fact> = (0..scene.difficulty(&VALUES))
        .map(|nth| {
            Ok(Fact {
                key: key.clone(),
                value: scene.facts.value(scene.nth(nth), ValueType::Numbers)?,
            })
        })
        .collect::<Result<_>>()?;
    all_asked(scene, &facts, &[&key])
}

/// Several keys, all of them asked in one question.
fn pose_several_queries(scene: &mut Scene<'_>) -> Result<Posed> {
    let facts: Vec<Fact> = (0..scene.difficulty(&QUERIES))
        .map(|nth| scene.facts.fact(scene.nth(nth), ValueType::Numbers))
        .collect::<Result<_>>()?;
    let mut keys: Vec<&str> = facts.iter().map(|fact| fact.key.as_str()).collect();
    // The order of the question is not that of the text, nor is its first key always the trial's.
    scene.stream.shuffle(&mut keys);
    all_asked(scene, &facts, &keys)
}

/// One question for the values of all facts.
fn all_asked(scene: &mut Scene<'_>, facts: &[Fact], keys: &[&str]) -> Result<Posed> {
    let values = ValueType::Numbers;
    let depths_percent = scene.spread(facts.len());
    let mut posed = posed_at(scene, facts, &depths_percent, values)?;
    posed.questions = vec![Question {
        text: question_of_several(scene.asked, scene.wording, values, keys)?,
        key: keys.join(&scene.asked.comma),
        right: Right::all(
            values,
            facts.iter().map(|fact| fact.value.clone()).collect(),
        ),
        distractors: Vec::new(),
        about: 0,
    }];
    Ok(posed)
}

fn posed(scene: &Scene<'_>, facts: &[Fact], values: ValueType) -> Result<Posed> {
    posed_at(scene, facts, scene.depths_percent, values)
}

fn posed_at(
    scene: &Scene<'_>,
    facts: &[Fact],
    depths_percent: &[f64],
    values: ValueType,
) -> Result<Posed> {
    let mut posed = Posed::default();
    for (nth, (fact, &depth_percent)) in facts.iter().zip(depths_percent).enumerate() {
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

/// How facts with values of a type are told, key and value left open.
///
/// # Errors
/// When the language has no wordings.
pub fn needle_form(language: &Language, wording: usize, values: ValueType) -> Result<Form> {
    let form = &of(language, wording)?.needle;
    Ok(form.with(&[("noun", language.noun(values))]))
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

/// The question that asks for all values of one key or of several.
///
/// # Errors
/// When the language has no such questions.
pub fn question_of_several(
    language: &Language,
    wording: usize,
    values: ValueType,
    keys: &[&str],
) -> Result<String> {
    let forms = language.forms("niah", "several")?;
    let form = forms.get(wording).or(forms.first());
    let form = form.with_context(|| format!("{} asks for no several facts", language.name))?;
    let keys = listed(
        keys,
        &language.comma,
        &language.words("niah", "last")?.concat(),
    );
    Ok(form.fill(&[("nouns", nouns(language, values)?), ("keys", &keys)]))
}

/// The noun for several values of a type.
///
/// # Errors
/// When the language has none.
pub fn nouns(language: &Language, values: ValueType) -> Result<&str> {
    let name = match values {
        ValueType::Words => "words",
        ValueType::Uuids => "uuids",
        _ => "numbers",
    };
    let nouns = language.words("niah", name)?;
    nouns
        .first()
        .map(String::as_str)
        .with_context(|| format!("{} has no {name}", language.name))
}

fn listed(items: &[&str], comma: &str, last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_string(),
        [before @ .., end] => format!("{}{last}{end}", before.join(comma)),
    }
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
mod tests;
