//! The kinds of questions: each task plants facts in a haystack and asks for them.
//!
//! A task is one file below this one and one line in [`ALL`]. It says what it plants and asks as
//! a function of a [`Scene`] alone, so that every prompt can be rebuilt. The sentences themselves
//! are data of the languages (`corpora/<language>/language.toml`).

pub mod absent;
pub mod aggregate;
pub mod associative;
pub mod background;
pub mod chain;
pub mod conflict;
pub mod counting;
#[cfg(test)]
pub(crate) mod golden;
pub mod graph;
pub mod niah;
pub mod ordinal;
pub mod public;
pub mod question;
mod scene;
pub mod state;
pub mod timeline;
pub mod variables;
pub mod words;

pub use scene::{Planted, Posed, Question, Scene, Words};

use crate::answer::ValueType;
use crate::corpus::{Corpus, Text};
use crate::language::Language;
use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// The noise that is repeated to any length, in bytes.
const NOISE_BYTES: usize = 1 << 18;
/// Tokens of a volume of keyed facts at least.
const LEAST_VOLUME_TOKENS: u64 = 250_000;

/// What kind of use of a context a task measures, from the simplest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The question repeats the words of one fact: a text search would find it.
    Literal,
    /// The same among many facts of one form, or where "none" may be right.
    Selective,
    /// Question and fact share no word: knowledge of the world joins them.
    Associative,
    /// Several facts hang together, each on the one before.
    Chained,
    /// The answer is made of facts from all over the text.
    Aggregate,
}

impl Kind {
    /// Every kind, from the simplest on.
    pub const ALL: [Kind; 5] = [
        Kind::Literal,
        Kind::Selective,
        Kind::Associative,
        Kind::Chained,
        Kind::Aggregate,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Literal => "literal",
            Kind::Selective => "selective",
            Kind::Associative => "associative",
            Kind::Chained => "chained",
            Kind::Aggregate => "aggregate",
        }
    }

    /// By its name.
    ///
    /// # Errors
    /// When there is none of this name; the error lists those there are.
    pub fn named(name: &str) -> Result<Kind> {
        let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        known.with_context(|| {
            let names = Kind::ALL.map(Kind::name).join(", ");
            format!("no kind of use {name}: there are {names}")
        })
    }

    /// The task that stands for the kind where none is named.
    pub fn representative(self) -> Task {
        Task(match self {
            Kind::Literal => &niah::SINGLE,
            Kind::Selective => &niah::MULTIKEY_1,
            Kind::Associative => &associative::ONE,
            Kind::Chained => &variables::VT,
            Kind::Aggregate => &aggregate::SUM,
        })
    }

    /// The kind of use in words, as a verdict names it.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Literal => "literal retrieval",
            Kind::Selective => "selective retrieval",
            Kind::Associative => "associative retrieval",
            Kind::Chained => "chained facts",
            Kind::Aggregate => "aggregation",
        }
    }
}

/// What a task's haystack is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hay {
    /// The corpus that was asked for.
    Corpus,
    /// A few plain sentences over and over, as RULER's noise.
    Noise,
    /// Facts of the asked one's form: numbers under words.
    Numbers,
    /// The same: UUIDs under UUIDs.
    Uuids,
    /// A text of the task's own, made from the secret for each haystack.
    Made,
}

impl Hay {
    /// What the values look like of a haystack that is nothing but keyed facts.
    pub fn values(self) -> Option<ValueType> {
        match self {
            Hay::Numbers => Some(ValueType::Numbers),
            Hay::Uuids => Some(ValueType::Uuids),
            Hay::Corpus | Hay::Noise | Hay::Made => None,
        }
    }

    /// The texts of a haystack that is not the corpus asked for, enough for so many tokens; none
    /// where there is no such corpus.
    ///
    /// # Errors
    /// When the language lacks its sentences.
    pub fn corpus(self, language: &Language, longest_tokens: u64) -> Result<Option<Corpus>> {
        let (name, texts) = match self {
            Hay::Corpus | Hay::Made => return Ok(None),
            Hay::Noise => ("noise", vec![background::noise(language, NOISE_BYTES)?]),
            Hay::Numbers => (
                "numbers",
                volumes(language, ValueType::Numbers, longest_tokens)?,
            ),
            Hay::Uuids => (
                "uuids",
                volumes(language, ValueType::Uuids, longest_tokens)?,
            ),
        };
        let texts = (0..).zip(texts);
        Ok(Some(Corpus {
            name: name.to_string(),
            texts: texts
                .map(|(volume, text): (u32, String)| Text::owned(&format!("{name}-{volume}"), text))
                .collect(),
        }))
    }
}

/// Volumes of keyed facts for so many tokens: a power of two of them, so that few different
/// corpora are indexed.
fn volumes(language: &Language, values: ValueType, longest_tokens: u64) -> Result<Vec<String>> {
    let count = (longest_tokens / LEAST_VOLUME_TOKENS + 1).next_power_of_two();
    (0..count)
        .map(|volume| background::keyed(language, values, volume))
        .collect()
}

/// A number by which a task can be made harder.
#[derive(Clone, Copy, Debug)]
pub struct Difficulty {
    /// Its name, as typed: `hops`.
    pub name: &'static str,
    /// What it is where nothing is said.
    pub usual: u64,
    /// The least and the most it can be.
    pub range: (u64, u64),
    /// What it says.
    pub meaning: &'static str,
}

/// Everything known of a task.
pub struct Entry {
    /// Never changes: streams of randomness hang on it.
    pub code: u64,
    /// Name, as typed and as reported.
    pub name: &'static str,
    /// The kind of use.
    pub kind: Kind,
    /// What it measures, in one line.
    pub measures: &'static str,
    /// Where the idea comes from.
    pub idea: &'static str,
    /// What is right, and what counts in part.
    pub scoring: &'static str,
    /// What its haystack is made of.
    pub hay: Hay,
    /// The numbers by which it can be made harder.
    pub difficulty: &'static [Difficulty],
    /// How many of the run's facts one haystack takes.
    pub facts: fn(&Sizes<'_>) -> u64,
    /// How many questions one haystack is asked.
    pub questions: fn(&Sizes<'_>) -> u64,
    /// True where a language has its sentences.
    pub speaks: fn(&Language) -> bool,
    /// What is planted and asked.
    pub pose: fn(&mut Scene<'_>) -> Result<Posed>,
}

/// What decides how many facts and questions a haystack has.
pub struct Sizes<'a> {
    /// Facts in a haystack of `niah_multikey`.
    pub keys: u64,
    /// What was asked for with `--difficulty`.
    pub asked: &'a BTreeMap<String, u64>,
}

impl Sizes<'_> {
    /// A number by which a task can be made harder, as asked for or as usual.
    pub fn of(&self, difficulty: &Difficulty) -> u64 {
        let asked = self.asked.get(difficulty.name).copied();
        let (least, most) = difficulty.range;
        asked.unwrap_or(difficulty.usual).clamp(least, most)
    }
}

/// Every task, in the order in which they are listed.
pub const ALL: &[&Entry] = &[
    &niah::SINGLE,
    &niah::SINGLE_1,
    &niah::SINGLE_2,
    &niah::SINGLE_3,
    &public::PUBLIC,
    &public::CHANGED,
    &associative::DIRECT,
    &niah::MULTIKEY,
    &niah::MULTIKEY_1,
    &niah::MULTIKEY_2,
    &niah::MULTIKEY_3,
    &niah::MULTIVALUE,
    &niah::MULTIQUERY,
    &absent::ABSENT,
    &ordinal::ORDINAL,
    &conflict::CONFLICT,
    &associative::ONE,
    &associative::TWO,
    &variables::VT,
    &question::QA_1,
    &question::QA_2,
    &chain::CHAIN,
    &chain::KINSHIP,
    &state::STATE,
    &words::CWE,
    &words::FWE,
    &counting::COUNTING,
    &aggregate::SUM,
    &aggregate::MAXIMUM,
    &timeline::TIMELINE,
    &graph::BFS,
    &graph::PARENTS,
];

/// Sets of tasks by name.
pub const SUITES: &[(&str, &[&str], &str)] = &[
    (
        "quick",
        &[
            "niah_single",
            "niah_multikey",
            "absent",
            "associative",
            "vt",
            "chain",
            "sum",
        ],
        "one task or two of each kind of use that small models can do",
    ),
    (
        "ladder",
        &[
            "niah_single",
            "associative_direct",
            "niah_multikey",
            "absent",
            "ordinal",
            "conflict",
            "associative",
            "associative_2",
            "chain",
            "state",
            "counting",
            "sum",
            "timeline",
        ],
        "every kind of use, from literal to aggregate",
    ),
    (
        "ruler",
        &[
            "niah_single_1",
            "niah_single_2",
            "niah_single_3",
            "niah_multikey_1",
            "niah_multikey_2",
            "niah_multikey_3",
            "niah_multivalue",
            "niah_multiquery",
            "vt",
            "cwe",
            "fwe",
            "qa_1",
            "qa_2",
        ],
        "RULER's thirteen tasks with its parameters",
    ),
];

/// A task.
#[derive(Clone, Copy)]
pub struct Task(&'static Entry);

impl Task {
    /// One keyed fact.
    pub const NIAH_SINGLE: Task = Task(&niah::SINGLE);
    /// A public needle with its famous answer.
    pub const PUBLIC: Task = Task(&public::PUBLIC);
    /// The same with another answer.
    pub const PUBLIC_CHANGED: Task = Task(&public::CHANGED);
    /// Several keyed facts of one form.
    pub const NIAH_MULTIKEY: Task = Task(&niah::MULTIKEY);

    /// Every task.
    pub fn all() -> impl Iterator<Item = Task> {
        ALL.iter().map(|entry| Task(entry))
    }

    /// By name.
    ///
    /// # Errors
    /// When there is none of this name; the error lists those there are.
    pub fn named(name: &str) -> Result<Task> {
        Task::all()
            .find(|task| task.name() == name)
            .with_context(|| {
                let names: Vec<&str> = Task::all().map(Task::name).collect();
                format!("no task {name}: there are {}", names.join(", "))
            })
    }

    /// Everything known of it.
    pub fn entry(self) -> &'static Entry {
        self.0
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The number that streams of randomness hang on.
    pub fn code(self) -> u64 {
        self.0.code
    }

    /// The code of the task as which its facts are drawn. A public needle with another answer is
    /// the needle that `public` plants in the same place: only the answer differs.
    pub fn drawn_as(self) -> u64 {
        match self.0.code {
            code if code == public::CHANGED.code => public::PUBLIC.code,
            code => code,
        }
    }

    /// The kind of use.
    pub fn kind(self) -> Kind {
        self.0.kind
    }

    /// True where one haystack can hold any number of its facts, each asked by itself.
    pub fn shares_haystack(self) -> bool {
        self == Task::NIAH_SINGLE || self == Task::NIAH_MULTIKEY
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Task) -> bool {
        self.code() == other.code()
    }
}

impl Eq for Task {}

impl std::hash::Hash for Task {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.code().hash(state);
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Task, D::Error> {
        let name = String::deserialize(deserializer)?;
        Task::named(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_codes_are_distinct_and_suites_name_tasks() {
        let names: HashSet<&str> = Task::all().map(Task::name).collect();
        let codes: HashSet<u64> = Task::all().map(Task::code).collect();
        assert_eq!((names.len(), codes.len()), (ALL.len(), ALL.len()));
        for (suite, tasks, _) in SUITES {
            for task in *tasks {
                assert!(names.contains(task), "{suite}: {task}");
            }
            let of = |name: &str| Task::named(name).expect("is there").kind();
            let kinds: HashSet<Kind> = tasks.iter().map(|name| of(name)).collect();
            let all = match *suite {
                // RULER has no associative task.
                "ruler" => Kind::ALL.len() - 1,
                _ => Kind::ALL.len(),
            };
            assert_eq!(kinds.len(), all, "{suite}");
        }
    }

    #[test]
    fn every_kind_has_a_name_and_a_task_of_its_own_kind_that_stands_for_it() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()).expect("a kind"), kind);
            assert_eq!(kind.representative().kind(), kind);
        }
        let refused = Kind::named("verbatim").expect_err("no kind").to_string();
        assert!(
            refused.contains("there are literal, selective"),
            "{refused}"
        );
    }

    #[test]
    fn every_task_says_what_it_measures_where_it_comes_from_and_what_is_right() {
        for task in Task::all() {
            let entry = task.entry();
            for text in [entry.measures, entry.idea, entry.scoring] {
                assert!(text.len() > 10 && !text.ends_with('.'), "{}", entry.name);
            }
            for difficulty in entry.difficulty {
                let (least, most) = difficulty.range;
                assert!((least..=most).contains(&difficulty.usual), "{}", entry.name);
            }
        }
    }
}
