//! Fresh facts: a key and its value, drawn from the secret, unique in the run and absent from the text.

use crate::lexicon::Lexicon;
use crate::names;
use crate::seed::RunKey;
use crate::task::niah::ValueType;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// One planted fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What is asked for: the name of a place.
    pub key: String,
    /// The answer.
    pub value: String,
}

/// All facts of one run for one value type, in an order that the secret alone decides.
///
/// The whole sequence is drawn at once, because uniqueness over the run is a property of the
/// sequence: fact `i` is the same however many are drawn after it.
#[derive(Debug)]
pub struct Facts {
    facts: Vec<Fact>,
}

impl Facts {
    /// Draws `count` facts.
    ///
    /// # Errors
    /// When the list of keys holds fewer names that are absent from the corpus.
    pub fn draw(
        key: &RunKey,
        value_type: ValueType,
        count: u64,
        lexicon: &Lexicon,
    ) -> Result<Facts> {
        let mut keys = names::cities()?;
        key.stream("keys", &[value_type as u64]).shuffle(&mut keys);
        let mut keys = keys.into_iter().filter(|name| !lexicon.holds(name));
        let mut values = Values::new(key, value_type)?;
        let mut facts = Vec::with_capacity(count as usize);
        for drawn in 0..count {
            let Some(key) = keys.next() else {
                bail!(
                    "a run of this size needs {count} distinct keys and only {drawn} are absent from the corpus: ask fewer lengths, depths or samples"
                );
            };
            facts.push(Fact {
                key,
                value: values.next(lexicon),
            });
        }
        Ok(Facts { facts })
    }

    /// The `i`-th fact of the run.
    pub fn get(&self, i: u64) -> Option<&Fact> {
        self.facts.get(i as usize)
    }
}

struct Values {
    stream: crate::seed::Stream,
    value_type: ValueType,
    used: HashSet<String>,
    adjectives: Vec<String>,
    nouns: Vec<String>,
}

impl Values {
    fn new(key: &RunKey, value_type: ValueType) -> Result<Values> {
        let words = value_type == ValueType::Words;
        Ok(Values {
            stream: key.stream("values", &[value_type as u64]),
            value_type,
            used: HashSet::new(),
            adjectives: if words {
                names::adjectives()?
            } else {
                Vec::new()
            },
            nouns: if words { names::nouns()? } else { Vec::new() },
        })
    }

    fn next(&mut self, lexicon: &Lexicon) -> String {
        loop {
            let value = self.draw();
            // A UUID's groups are words of their own; its first group stands for it.
            let probe = value
                .split_once('-')
                .filter(|_| self.value_type == ValueType::Uuids);
            let present = lexicon.holds(probe.map_or(value.as_str(), |(first, _)| first));
            if !present && self.used.insert(value.clone()) {
                return value;
            }
        }
    }

    fn draw(&mut self) -> String {
        match self.value_type {
            ValueType::Numbers => (1_000_000 + self.stream.below(9_000_000)).to_string(),
            ValueType::Words => {
                let adjective = self.stream.below(self.adjectives.len() as u64) as usize;
                let noun = self.stream.below(self.nouns.len() as u64) as usize;
                format!("{}-{}", self.adjectives[adjective], self.nouns[noun])
            }
            ValueType::Uuids => uuid(self.stream.bytes16()),
        }
    }
}

/// A random UUID (version 4) in lower case.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Corpus, Text};
    use crate::seed::Secret;

    fn lexicon(text: &str) -> Lexicon {
        Lexicon::of(&Corpus {
            name: "x".into(),
            texts: vec![Text::owned("x", text.into())],
        })
        .expect("collects")
    }

    #[test]
    fn facts_are_unique_absent_and_a_prefix_of_longer_draws() {
        let key = Secret::from_hex("07").expect("hex").key("");
        let lexicon = lexicon("nothing");
        for value_type in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
            let long = Facts::draw(&key, value_type, 5000, &lexicon).expect("draws");
            let keys: HashSet<&str> = long.facts.iter().map(|fact| fact.key.as_str()).collect();
            let values: HashSet<&str> = long.facts.iter().map(|fact| fact.value.as_str()).collect();
            assert_eq!((keys.len(), values.len()), (5000, 5000));
            let short = Facts::draw(&key, value_type, 100, &lexicon).expect("draws");
            assert_eq!(short.facts, long.facts[..100]);
        }
    }

    #[test]
    fn what_the_corpus_holds_is_never_drawn() {
        let key = Secret::from_hex("07").expect("hex").key("");
        let first = Facts::draw(&key, ValueType::Numbers, 3, &lexicon("none")).expect("draws");
        let (taken, number) = (&first.facts[0].key, &first.facts[1].value);
        let again = Facts::draw(
            &key,
            ValueType::Numbers,
            50,
            &lexicon(&format!("In {taken} {number}.")),
        )
        .expect("draws");
        assert!(
            again
                .facts
                .iter()
                .all(|fact| fact.key != *taken && fact.value != *number)
        );
    }

    #[test]
    fn more_keys_than_there_are_is_an_error() {
        let key = Secret::from_hex("07").expect("hex").key("");
        assert!(Facts::draw(&key, ValueType::Numbers, 10_000_000, &lexicon("none")).is_err());
    }
}
