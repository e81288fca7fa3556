//! Fresh facts: a key and its value, drawn from the secret, unique in the run and absent from the text.

use crate::lexicon::Lexicon;
use crate::names;
use crate::seed::{RunKey, Stream};
use crate::task::niah::ValueType;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// One planted fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What is asked for: an adjective and a noun, as RULER's word keys are.
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
    /// When more are wanted than there are distinct pairs of words to name them by.
    pub fn draw(
        key: &RunKey,
        value_type: ValueType,
        count: u64,
        lexicon: &Lexicon,
    ) -> Result<Facts> {
        let mut keys = Pairs::new(key.stream("keys", &[value_type as u64]))?;
        let mut values = Values::new(key, value_type)?;
        // Half of all pairs: beyond it, drawing until one is unused takes long.
        let most = keys.distinct() / 2;
        if count > most {
            bail!(
                "a run of this size needs {count} distinct keys and there are {most}: ask fewer lengths, depths or samples"
            );
        }
        let mut used = HashSet::new();
        let mut facts = Vec::with_capacity(count as usize);
        for _ in 0..count {
            // Keys and values are told apart by nothing but their place, so they share one set.
            let key = unused(&mut used, || {
                Some(keys.next()).filter(|pair| !lexicon.holds(pair))
            });
            let value = unused(&mut used, || {
                Some(values.next()).filter(|value| !values_hold(lexicon, value))
            });
            facts.push(Fact { key, value });
        }
        Ok(Facts { facts })
    }

    /// How many were drawn.
    pub fn count(&self) -> u64 {
        self.facts.len() as u64
    }

    /// The `i`-th fact of the run.
    pub fn get(&self, i: u64) -> Option<&Fact> {
        self.facts.get(i as usize)
    }
}

/// Draws until there is a text that was not drawn before.
fn unused(used: &mut HashSet<String>, mut draw: impl FnMut() -> Option<String>) -> String {
    loop {
        if let Some(drawn) = draw()
            && used.insert(drawn.clone())
        {
            return drawn;
        }
    }
}

/// True where a value stands in the corpus. A UUID's groups are words of their own there; its
/// first group stands for it.
fn values_hold(lexicon: &Lexicon, value: &str) -> bool {
    let is_uuid = value.len() == 36;
    lexicon.holds(if is_uuid { &value[..8] } else { value })
}

/// Pairs of RULER's adjectives and nouns, `gentle-otter`.
struct Pairs {
    stream: Stream,
    adjectives: Vec<String>,
    nouns: Vec<String>,
}

impl Pairs {
    fn new(stream: Stream) -> Result<Pairs> {
        Ok(Pairs {
            stream,
            adjectives: names::adjectives()?,
            nouns: names::nouns()?,
        })
    }

    fn distinct(&self) -> u64 {
        self.adjectives.len() as u64 * self.nouns.len() as u64
    }

    fn next(&mut self) -> String {
        let adjective = self.stream.below(self.adjectives.len() as u64) as usize;
        let noun = self.stream.below(self.nouns.len() as u64) as usize;
        format!("{}-{}", self.adjectives[adjective], self.nouns[noun])
    }
}

enum Values {
    Numbers(Stream),
    Words(Box<Pairs>),
    Uuids(Stream),
}

impl Values {
    fn new(key: &RunKey, value_type: ValueType) -> Result<Values> {
        let stream = key.stream("values", &[value_type as u64]);
        Ok(match value_type {
            ValueType::Numbers => Values::Numbers(stream),
            ValueType::Words => Values::Words(Box::new(Pairs::new(stream)?)),
            ValueType::Uuids => Values::Uuids(stream),
        })
    }

    fn next(&mut self) -> String {
        match self {
            Values::Numbers(stream) => (1_000_000 + stream.below(9_000_000)).to_string(),
            Values::Words(pairs) => pairs.next(),
            Values::Uuids(stream) => uuid(stream.bytes16()),
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
