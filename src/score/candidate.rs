//! The values that an answer offers: what counts as one, and where it stands.

mod count;
mod name;
mod number;
mod uuid;
mod word;

use crate::answer::ValueType;

use super::answer::plain;

/// A value found in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The value in its one normal form (see [`normal`]).
    pub value: String,
    /// Byte offset of its first character in the plain text.
    pub start: usize,
    /// Byte offset behind its last character.
    pub end: usize,
}

/// What is looked for: the type, and the values whose unusual spellings are known too.
#[derive(Clone, Debug)]
pub struct Sought {
    value_type: ValueType,
    /// Normal forms of the expected value (first) and of its siblings.
    known: Vec<String>,
    /// The key in plain form: it may look like a value itself.
    key: String,
    /// Number words of the language asked in, from zero on.
    numerals: Vec<String>,
}

impl Sought {
    /// Prepares the search for `expected`, with the siblings' values and the key asked for.
    pub fn new(
        value_type: ValueType,
        expected: &str,
        distractors: &[String],
        key: &str,
        language: &str,
    ) -> Sought {
        // Words of other languages have no hyphen to be known by: those that stand in the text are
        // looked for.
        let value_type = match (value_type, language) {
            (ValueType::Words, "en") => ValueType::Words,
            (ValueType::Words, _) => ValueType::Names,
            (value_type, _) => value_type,
        };
        let known = std::iter::once(expected)
            .chain(distractors.iter().map(String::as_str))
            .map(|value| normal(value_type, value))
            .collect();
        Sought {
            value_type,
            known,
            key: plain(key).trim().to_owned(),
            numerals: match value_type {
                ValueType::Counts => count::numerals(language),
                _ => Vec::new(),
            },
        }
    }

    /// The expected value in normal form.
    pub fn expected(&self) -> &str {
        self.known.first().map_or("", String::as_str)
    }

    /// Which sibling has this value (in normal form).
    pub fn distractor(&self, value: &str) -> Option<usize> {
        self.known.iter().skip(1).position(|known| known == value)
    }

    /// All candidates in a plain text, in order, repeated ones included; the key is none.
    pub fn find(&self, text: &str) -> Vec<Candidate> {
        let mut found = match self.value_type {
            ValueType::Numbers => number::find(text, &self.known),
            ValueType::Words => word::find(text, &self.known),
            ValueType::Uuids => uuid::find(text),
            ValueType::Names => name::find(text, &self.known),
            ValueType::Counts => count::find(text, &self.numerals, &self.known),
        };
        if !self.key.is_empty() {
            let key_value = normal(self.value_type, &self.key);
            let keys: Vec<(usize, usize)> = text
                .match_indices(self.key.as_str())
                .map(|(at, key)| (at, at + key.len()))
                .collect();
            found.retain(|candidate| {
                let inside = |(start, end): &(usize, usize)| {
                    *start <= candidate.start && candidate.end <= *end
                };
                candidate.value != key_value && !keys.iter().any(inside)
            });
        }
        found
    }

    /// The whole of an answer of one or two words read as a value, for a value so garbled that
    /// it no longer has the form of one ("happyotter").
    pub fn whole(&self, text: &str) -> Option<Candidate> {
        match self.value_type {
            ValueType::Words => word::whole(text),
            _ => None,
        }
    }
}

/// The one form in which values of a type are compared: digits; parts joined by hyphens, in
/// lower case; canonical UUID in lower case.
pub fn normal(value_type: ValueType, value: &str) -> String {
    let value = plain(value);
    match value_type {
        ValueType::Numbers => value.chars().filter(char::is_ascii_digit).collect(),
        ValueType::Names => value.trim().to_owned(),
        ValueType::Counts => count::normal(&value),
        ValueType::Words => word::normal(&value),
        ValueType::Uuids => uuid::normal(&value),
    }
}
