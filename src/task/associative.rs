//! Facts and questions that share no content word: only knowledge of the world joins them.
//!
//! The items are data: a family has one sentence, and its rows say what is told, the cue over one
//! hop (Colosseum, Rome), the cue over two (Rome, Italy), and a class; rows of two classes never
//! answer each other's cues.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene};
use crate::answer::{Right, ValueType};
use crate::language::Language;
use anyhow::{Context, Result};
use std::collections::HashSet;

/// The name of its sentences.
pub const NAME: &str = "associative";

const DISTRACTORS: Difficulty = Difficulty {
    name: "distractors",
    usual: 3,
    range: (0, 6),
    meaning: "persons told of in the same form who do not answer the question",
};

const ONE_PERSON: &str = "right: the person and no other; who names any of the persons told of is right once in one more than there are distractors (1 of 4 as usual), who has not read the text never";

/// Over one hop: what is told of stands in the city that is asked for.
pub const ONE: Entry = Entry {
    code: 20,
    name: "associative",
    kind: Kind::Associative,
    measures: "a fact whose question shares no word with it, joined by one step of common knowledge",
    idea: "NoLiMa (Modarressi et al. 2025), with items of its own",
    scoring: ONE_PERSON,
    hay: Hay::Corpus,
    difficulty: &[DISTRACTORS],
    facts: |sizes| 1 + sizes.of(&DISTRACTORS),
    questions: |_| 1,
    speaks,
    pose: |scene| pose(scene, Cue::One),
};

/// Over two hops: the country of the city in which it stands is asked for.
pub const TWO: Entry = Entry {
    code: 21,
    name: "associative_2",
    measures: "a fact whose question shares no word with it, joined by two steps of common knowledge",
    idea: "NoLiMa (Modarressi et al. 2025), two hops, with items of its own",
    pose: |scene| pose(scene, Cue::Two),
    ..ONE
};

/// The control: the same facts, asked for in their own words.
pub const DIRECT: Entry = Entry {
    code: 22,
    name: "associative_direct",
    kind: Kind::Literal,
    measures: "the facts of associative, asked for in their own words: the control",
    idea: "NoLiMa (Modarressi et al. 2025), direct questions, with items of its own",
    pose: |scene| pose(scene, Cue::Direct),
    ..ONE
};

/// What a question gives to find the fact by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// One step away.
    One,
    /// Two steps away.
    Two,
    /// The words of the fact.
    Direct,
}

impl Cue {
    /// Every cue.
    pub const ALL: [Cue; 3] = [Cue::One, Cue::Two, Cue::Direct];

    /// The name of a family's question.
    pub fn question(self, family: &str) -> String {
        let name = match self {
            Cue::One => "one",
            Cue::Two => "two",
            Cue::Direct => "direct",
        };
        format!("{family}_{name}")
    }

    /// What an item's question names; none where the item has no such step.
    pub fn of<'l>(self, item: &Item<'l>) -> Option<&'l str> {
        match self {
            Cue::One => Some(item.one),
            Cue::Two => item.two,
            Cue::Direct => Some(item.thing),
        }
    }
}

/// A row of a family: what is told, and by what it is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item<'l> {
    /// The same in every language.
    pub id: &'l str,
    /// Items of two classes never answer each other's cues.
    pub class: &'l str,
    /// What is told.
    pub thing: &'l str,
    /// The cue over one hop.
    pub one: &'l str,
    /// The cue over two hops, where there is one.
    pub two: Option<&'l str>,
}

/// The items of a family.
///
/// # Errors
/// When the language has none, or a row lacks a part.
pub fn items<'l>(language: &'l Language, family: &str) -> Result<Vec<Item<'l>>> {
    let rows = language.words(NAME, &format!("{family}_items"))?;
    let read = rows.iter().map(|row| {
        let mut parts = row.split(" | ");
        let mut part = || parts.next();
        let item = (|| {
            Some(Item {
                id: part()?,
                class: part()?,
                thing: part()?,
                one: part()?,
                two: part(),
            })
        })();
        item.with_context(|| format!("a row of {family} in {} lacks a part: {row}", language.name))
    });
    read.collect()
}

fn speaks(language: &Language) -> bool {
    language.has(NAME)
}

fn pose(scene: &mut Scene<'_>, cue: Cue) -> Result<Posed> {
    let (told, asked) = (scene.told, scene.asked);
    // Every item is as likely as another, whatever the size of its family.
    let mut choices = Vec::new();
    for family in told.words(NAME, "families")? {
        let known = items(asked, family)?;
        for item in items(told, family)? {
            if let Some(same) = known.iter().find(|known| known.id == item.id)
                && let Some(named) = cue.of(same)
            {
                choices.push((family, item, named));
            }
        }
    }
    let (family, item, named) = *scene
        .one_of(&choices)
        .with_context(|| format!("{} and {} share no item", told.name, asked.name))?;
    let mut others = items(told, family)?;
    scene.stream.shuffle(&mut others);
    // Each distractor is of a class of its own, so that no two things of the text go together.
    let mut classes = HashSet::from([item.class]);
    others.retain(|other| classes.insert(other.class));
    others.truncate(scene.difficulty(&DISTRACTORS) as usize);

    let depths = scene.spread(1 + others.len());
    let form = told.form(NAME, &format!("{family}_told"))?;
    let mut posed = Posed::default();
    let mut persons = Vec::new();
    for (nth, (item, depth_percent)) in [item].iter().chain(&others).zip(depths).enumerate() {
        let person = scene.facts.name(scene.nth(nth as u64))?;
        posed.planted.push(Planted {
            sentence: form.fill(&[("name", &person), ("thing", item.thing)]),
            depth_percent,
        });
        persons.push(person);
    }
    let distractors = persons.split_off(1);
    posed.questions.push(Question {
        text: asked
            .form(NAME, &cue.question(family))?
            .fill(&[("cue", named)]),
        key: named.to_string(),
        right: Right::one(ValueType::Names, persons.concat()),
        distractors,
        about: 0,
    });
    Ok(posed)
}

#[cfg(test)]
mod tests;
