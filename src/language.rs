//! Languages as data: how facts are told and asked for, number words, names and keys; one folder each.

use crate::answer::ValueType;
use crate::form::Form;
use crate::names;
use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language as it lies in the binary.
struct Embedded {
    code: &'static str,
    written: &'static str,
    /// The sentences of its tasks: name and file.
    tasks: &'static [(&'static str, &'static str)],
    read: OnceLock<Result<Language, String>>,
}

include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A wording: how a keyed fact is told and how it is asked for. The blanks are `{key}`, `{value}`
/// and `{noun}`.
#[derive(Clone, Debug)]
pub struct Wording {
    /// One sentence.
    pub needle: Form,
    /// The question, with the request for nothing but the value.
    pub question: Form,
}

/// Where keys come from: a first and a last part and what joins them.
#[derive(Clone, Debug)]
pub struct Keys {
    /// First parts, in a fixed order.
    pub first: Vec<String>,
    /// Last parts, in a fixed order.
    pub last: Vec<String>,
    /// What joins them.
    pub joint: String,
}

/// One language.
#[derive(Debug)]
pub struct Language {
    /// Its code, as typed: `en`.
    pub code: &'static str,
    /// Its name in English.
    pub name: String,
    /// What stands between two sentences of a paragraph.
    pub joint: String,
    /// What stands between the items of a list.
    pub comma: String,
    /// How one says that there is none; the first is what questions ask for.
    pub none: Vec<String>,
    /// Number words from zero on.
    pub numerals: Vec<String>,
    /// The wordings of keyed facts, in an order that never changes: rows name them by index.
    pub wordings: Vec<Wording>,
    /// What is added to a question whose fact may not be there.
    pub unless_absent: String,
    /// Parts of made-up names of people: a name has one of each.
    pub names: Vec<Vec<String>>,
    key_lists: KeyFile,
    /// Unpacked when they are first needed: tasks ask for them again and again.
    keys: OnceLock<Result<Keys, String>>,
    nouns: BTreeMap<String, String>,
    tasks: BTreeMap<String, BTreeMap<String, Texts>>,
}

/// A text of a task: forms, and the same as they are written, for lists of plain words.
#[derive(Debug)]
struct Texts {
    forms: Vec<Form>,
    written: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    joint: String,
    comma: String,
    none: Vec<String>,
    numerals: Vec<String>,
    unless_absent: String,
    keys: KeyFile,
    names: Vec<Vec<String>>,
    nouns: BTreeMap<String, String>,
    wordings: Vec<WordingFile>,
}

/// Parts as lists, or as the name of a list under `corpora/names`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    first: OneOrMany,
    last: OneOrMany,
    joint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordingFile {
    needle: String,
    question: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn many(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

impl Language {
    /// The codes of all languages, sorted.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|language| language.code)
    }

    /// A language by its code.
    ///
    /// # Errors
    /// When there is no such language; the error lists those there are.
    pub fn named(code: &str) -> Result<&'static Language> {
        let embedded = LANGUAGES.iter().find(|language| language.code == code);
        let embedded = embedded.with_context(|| {
            let codes: Vec<&str> = Language::codes().collect();
            format!("no language {code}: there are {}", codes.join(", "))
        })?;
        let read = embedded
            .read
            .get_or_init(|| Language::read(embedded).map_err(|error| format!("{error:#}")));
        read.as_ref()
            .map_err(|error| anyhow!("bad file of the language {code}: {error}"))
    }

    fn read(embedded: &Embedded) -> Result<Language> {
        let file: File = toml::from_str(embedded.written)?;
        let wordings = file.wordings.iter().map(|wording| Wording {
            needle: Form::new(&wording.needle),
            question: Form::new(&wording.question),
        });
        let texts = |written: OneOrMany| {
            let written = written.many();
            Texts {
                forms: written.iter().map(|text| Form::new(text)).collect(),
                written,
            }
        };
        let mut tasks = BTreeMap::new();
        for (task, written) in embedded.tasks {
            let entries: BTreeMap<String, OneOrMany> =
                toml::from_str(written).with_context(|| format!("in the sentences of {task}"))?;
            let entries = entries.into_iter();
            let entries = entries.map(|(name, text)| (name, texts(text)));
            tasks.insert(task.to_string(), entries.collect());
        }
        Ok(Language {
            code: embedded.code,
            wordings: wordings.collect(),
            tasks,
            name: file.name,
            joint: file.joint,
            comma: file.comma,
            none: file.none,
            numerals: file.numerals,
            unless_absent: file.unless_absent,
            key_lists: file.keys,
            keys: OnceLock::new(),
            names: file.names,
            nouns: file.nouns,
        })
    }

    /// Where keys come from.
    ///
    /// # Errors
    /// When a list cannot be unpacked.
    pub fn keys(&self) -> Result<&Keys> {
        let list = |list: &OneOrMany| match list {
            OneOrMany::One(name) => names::list(name).map_err(|error| format!("{error:#}")),
            OneOrMany::Many(parts) => Ok(parts.clone()),
        };
        let keys = self.keys.get_or_init(|| {
            Ok(Keys {
                first: list(&self.key_lists.first)?,
                last: list(&self.key_lists.last)?,
                joint: self.key_lists.joint.clone(),
            })
        });
        keys.as_ref()
            .map_err(|error| anyhow!("no keys in {}: {error}", self.name))
    }

    /// The noun that a value of a type is called by.
    pub fn noun(&self, value_type: ValueType) -> &str {
        let noun = self.nouns.get(&format!("{value_type:?}").to_lowercase());
        noun.map_or("", String::as_str)
    }

    /// True where it has the sentences of a task.
    pub fn has(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// All variants of a sentence of a task.
    ///
    /// # Errors
    /// When the language has none.
    pub fn forms(&self, task: &str, name: &str) -> Result<&[Form]> {
        Ok(&self.texts(task, name)?.forms)
    }

    /// A sentence of a task.
    ///
    /// # Errors
    /// When the language has none.
    pub fn form(&self, task: &str, name: &str) -> Result<&Form> {
        let forms = self.forms(task, name)?;
        forms
            .first()
            .with_context(|| format!("the task {task} has no {name} in {}", self.name))
    }

    /// A list of plain words of a task.
    ///
    /// # Errors
    /// When the language has none.
    pub fn words(&self, task: &str, name: &str) -> Result<&[String]> {
        Ok(&self.texts(task, name)?.written)
    }

    /// Every question that is asked in it, of any task.
    pub fn questions(&self) -> impl Iterator<Item = &Form> {
        let is_question = |name: &str, written: &str| {
            name.starts_with("question") || written.contains(['?', '？', '؟'])
        };
        let of_tasks = self.tasks.values().flatten();
        let of_tasks = of_tasks.flat_map(move |(name, texts)| {
            let pairs = texts.forms.iter().zip(&texts.written);
            pairs.filter_map(move |(form, written)| is_question(name, written).then_some(form))
        });
        let keyed = self.wordings.iter().map(|wording| &wording.question);
        keyed.chain(of_tasks)
    }

    fn texts(&self, task: &str, name: &str) -> Result<&Texts> {
        let entry = self.tasks.get(task).and_then(|entries| entries.get(name));
        entry.with_context(|| {
            format!(
                "the task {task} is not there in {} ({name} is missing)",
                self.name
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_language_can_be_read_and_has_what_all_need() {
        let codes: Vec<&str> = Language::codes().collect();
        for code in ["ar", "de", "en", "es", "fr", "hi", "ja", "ko", "ru", "zh"] {
            assert!(codes.contains(&code), "{codes:?}");
        }
        for code in codes {
            let language = Language::named(code).expect("is read");
            assert!(
                !language.none.is_empty() && language.numerals.len() == 31,
                "{code}"
            );
            for value_type in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
                assert!(!language.noun(value_type).is_empty(), "{code}");
            }
            let keys = language.keys().expect("lists");
            for part in [&keys.first, &keys.last] {
                let distinct: HashSet<&String> = part.iter().collect();
                assert_eq!(distinct.len(), part.len(), "{code}");
            }
            let numerals: HashSet<&String> = language.numerals.iter().collect();
            assert_eq!(numerals.len(), 31, "{code}");
            assert!(language.wordings.len() >= 4, "{code}");
            assert!(keys.first.len() * keys.last.len() >= 200_000, "{code}");
            assert!(
                language.names.iter().map(Vec::len).product::<usize>() > 100_000,
                "{code}"
            );
        }
        assert!(Language::named("tlh").is_err());
    }

    #[test]
    fn every_wording_names_key_and_value_once_and_asks_for_the_value_alone() {
        for code in Language::codes() {
            let language = Language::named(code).expect("is read");
            for wording in &language.wordings {
                let count = |form: &Form, blank: &str| {
                    form.blanks().iter().filter(|name| *name == blank).count()
                };
                for (form, blank, times) in [
                    (&wording.needle, "key", 1),
                    (&wording.needle, "value", 1),
                    (&wording.question, "key", 1),
                    (&wording.question, "value", 0),
                ] {
                    assert_eq!(count(form, blank), times, "{code}: {form:?}");
                }
            }
        }
        let english = Language::named("en").expect("is read");
        assert!(english.wordings.len() >= 12);
    }
}
