//! Fresh facts: keys, values and names from the secret, unique in the run and absent from the text.

use crate::answer::ValueType;
use crate::language::{Keys, Language};
use crate::lexicon::Lexicon;
use crate::seed::{Permutation, RunKey};
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One planted fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What is asked for.
    pub key: String,
    /// The answer.
    pub value: String,
}

/// Tries for each fact, of which one must be absent from the text.
const TRIES: u64 = 8;
/// Seven digits.
const NUMBERS: u64 = 9_000_000;
/// Five digits, as RULER's variables have.
const SHORT_NUMBERS: u64 = 90_000;
/// Five capital letters, as RULER's variables are called.
const VARIABLES: u64 = 26 * 26 * 26 * 26 * 26;

/// All facts of one run: the `n`-th of them hangs on the secret and `n` alone, so that any can be
/// had without those before it. No two places of a run give the same text: each kind of text is
/// one random order of all that there are, and each place has tries of its own in it.
#[derive(Clone)]
pub struct Facts {
    key: RunKey,
    lexicons: Vec<Arc<Lexicon>>,
    keys: Keys,
    /// The language that they are told in, by its code.
    language: &'static str,
    parts: Vec<Vec<String>>,
    pairs: Arc<Permutation>,
    names: Arc<Permutation>,
    numbers: Arc<Permutation>,
    short_numbers: Arc<Permutation>,
    variables: Arc<Permutation>,
}

impl Facts {
    /// The facts of a run, told in a language, absent from texts that hold these words.
    ///
    /// # Errors
    /// When the language's lists cannot be read.
    pub fn new(key: &RunKey, language: &Language, lexicons: Vec<Arc<Lexicon>>) -> Result<Facts> {
        let keys = language.keys()?.clone();
        let pairs = (keys.first.len() * keys.last.len()) as u64;
        let names = language
            .names
            .iter()
            .map(|part| part.len() as u64)
            .product();
        let order = |domain: &str, size: u64| Arc::new(key.permutation(domain, size));
        Ok(Facts {
            pairs: order("pairs", pairs),
            names: order("names", names),
            numbers: order("numbers", NUMBERS),
            short_numbers: order("short numbers", SHORT_NUMBERS),
            variables: order("variables", VARIABLES),
            parts: language.names.clone(),
            key: key.clone(),
            lexicons,
            keys,
            language: language.code,
        })
    }

    /// Checks that there are as many facts as a run plants.
    ///
    /// # Errors
    /// When there are not.
    pub fn suffice(&self, count: u64) -> Result<()> {
        // Keys and values that are words share one order.
        let most = [self.pairs.size() / 2, self.names.size(), NUMBERS, VARIABLES]
            .into_iter()
            .min()
            .unwrap_or(0)
            / TRIES;
        if count > most {
            bail!(
                "a run of this size needs {count} distinct keys and there are {most}: ask fewer lengths, depths or samples"
            );
        }
        Ok(())
    }

    /// A key and its value.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn fact(&self, n: u64, value_type: ValueType) -> Result<Fact> {
        Ok(Fact {
            key: self.key(n)?,
            value: self.value(n, value_type)?,
        })
    }

    /// A key: in English an adjective and a noun, as RULER's are.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn key(&self, n: u64) -> Result<String> {
        self.absent(&self.pairs, 2 * n, |number| self.pair(number))
    }

    /// A value of a type.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn value(&self, n: u64, value_type: ValueType) -> Result<String> {
        match value_type {
            ValueType::Words => self.absent(&self.pairs, 2 * n + 1, |number| self.pair(number)),
            ValueType::Uuids => self.uuid("values", n),
            ValueType::Names => self.name(n),
            ValueType::Numbers | ValueType::Counts => self.absent(&self.numbers, n, |number| {
                Some((1_000_000 + number).to_string())
            }),
        }
    }

    /// A key that is a random UUID.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn uuid_key(&self, n: u64) -> Result<String> {
        self.uuid("keys", n)
    }

    /// A made-up name of a person.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn name(&self, n: u64) -> Result<String> {
        self.absent(&self.names, n, |mut number| {
            let mut name = String::new();
            for part in &self.parts {
                let size = part.len() as u64;
                name.push_str(&part[(number % size) as usize]);
                number /= size;
            }
            Some(name)
        })
    }

    /// A number of five digits.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn short_number(&self, n: u64) -> Result<String> {
        // There are fewer than a long run may need: places of a later round meet those of an
        // earlier one, which stand in other prompts.
        self.absent(&self.short_numbers, n % (SHORT_NUMBERS / TRIES), |number| {
            Some((10_000 + number).to_string())
        })
    }

    /// A variable: five capital letters.
    ///
    /// # Errors
    /// When the text holds every try.
    pub fn variable(&self, n: u64) -> Result<String> {
        self.absent(&self.variables, n, |mut number| {
            let mut name = String::new();
            for _ in 0..5 {
                name.push(char::from(b'A' + (number % 26) as u8));
                number /= 26;
            }
            Some(name)
        })
    }

    /// A key; none where its words stand side by side in the text in other forms.
    fn pair(&self, number: u64) -> Option<String> {
        let Keys { first, last, joint } = &self.keys;
        let (at, size) = (number as usize, last.len());
        let (first, last) = (&first[at / size], &last[at % size]);
        let mut lexicons = self.lexicons.iter();
        let stands = lexicons.any(|lexicon| lexicon.holds_near(self.language, first, last));
        (!stands).then(|| format!("{first}{joint}{last}"))
    }

    /// A UUID; random ones do not meet.
    fn uuid(&self, domain: &str, n: u64) -> Result<String> {
        for nth in 0..TRIES {
            let mut stream = self.key.stream("uuids", &[domain.len() as u64, n, nth]);
            let uuid = uuid(stream.bytes16());
            // Its groups are words of their own in a text; the first stands for it.
            if !self.is_held(&uuid[..8]) {
                return Ok(uuid);
            }
        }
        bail!("the corpus holds every UUID that was drawn: choose another secret")
    }

    fn is_held(&self, text: &str) -> bool {
        self.lexicons.iter().any(|lexicon| lexicon.holds(text))
    }

    /// The first try of a place that the text does not hold.
    fn absent(
        &self,
        order: &Permutation,
        place: u64,
        write: impl Fn(u64) -> Option<String>,
    ) -> Result<String> {
        let places = order.size() / TRIES;
        ensure!(
            place < places,
            "a run of this size needs more distinct keys than there are: ask fewer lengths, depths or samples"
        );
        for nth in 0..TRIES {
            let drawn = write(order.at(place + nth * places));
            if let Some(drawn) = drawn.filter(|drawn| !self.is_held(drawn)) {
                return Ok(drawn);
            }
        }
        bail!("the corpus holds every key that was drawn: choose another secret or another corpus")
    }
}

/// A random UUID (version 4) in lower case.
pub(crate) fn uuid(mut bytes: [u8; 16]) -> String {
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
    use std::collections::HashSet;

    fn facts(text: &str) -> Facts {
        let lexicon = Lexicon::of(&Corpus {
            name: "x".into(),
            texts: vec![Text::owned("x", text.into())],
        });
        let key = Secret::from_hex("07").expect("hex").key("");
        let english = Language::named("en").expect("built in");
        Facts::new(&key, english, vec![Arc::new(lexicon.expect("collects"))]).expect("lists")
    }

    #[test]
    fn every_text_of_a_run_is_there_once_whatever_it_is_used_for() {
        let facts = facts("nothing");
        let mut seen = HashSet::new();
        for n in 0..5_000 {
            for text in [
                facts.key(n),
                facts.value(n, ValueType::Words),
                facts.value(n, ValueType::Numbers),
                facts.value(n, ValueType::Uuids),
                facts.uuid_key(n),
                facts.name(n),
                facts.short_number(n),
                facts.variable(n),
            ] {
                let text = text.expect("is absent");
                assert!(seen.insert(text.clone()), "{text} at {n}");
            }
        }
    }

    #[test]
    fn facts_never_change() {
        // Golden values: if they move, every published run becomes unverifiable.
        let facts = facts("nothing");
        let drawn = [
            facts.key(0),
            facts.value(0, ValueType::Numbers),
            facts.name(0),
            facts.short_number(0),
            facts.variable(0),
            facts.uuid_key(0),
        ];
        let drawn: Vec<String> = drawn
            .into_iter()
            .map(|text| text.expect("is absent"))
            .collect();
        assert_eq!(
            drawn,
            [
                "acceptable-rugby",
                "3795829",
                "Shevefell",
                "92150",
                "NTLSM",
                "ef7599c1-e906-4d57-9462-ea2a2914d170"
            ]
        );
    }

    #[test]
    fn what_the_corpus_holds_is_never_drawn() {
        let free = facts("none");
        let (key, number) = (
            free.key(0).expect("drawn"),
            free.value(1, ValueType::Numbers).expect("drawn"),
        );
        let taken = facts(&format!("In {key} {number}."));
        for n in 0..50 {
            assert_ne!(taken.key(n).expect("drawn"), key);
            assert_ne!(taken.value(n, ValueType::Numbers).expect("drawn"), number);
        }
        // A place has tries of its own: what is drawn at one moves no other.
        assert_eq!(taken.key(1).expect("drawn"), free.key(1).expect("drawn"));
    }

    #[test]
    fn a_key_whose_words_stand_side_by_side_in_other_forms_is_never_drawn() {
        let german = Language::named("de").expect("built in");
        let key = Secret::from_hex("07").expect("hex").key("");
        let facts = |text: &str| {
            let corpus = Corpus {
                name: "x".into(),
                texts: vec![Text::owned("x", text.into())],
            };
            let lexicon = Arc::new(Lexicon::of(&corpus).expect("collects"));
            Facts::new(&key, german, vec![lexicon]).expect("lists")
        };
        let free = facts("nichts");
        for n in 0..20 {
            let drawn = free.key(n).expect("drawn");
            let (first, last) = drawn.split_once('-').expect("two words");
            let taken = facts(&format!("Wegen des {first}s {last}s."));
            assert_ne!(taken.key(n).expect("drawn"), drawn);
            let apart = facts(&format!("Wegen des {first}s und des {last}s."));
            assert_eq!(apart.key(n).expect("drawn"), drawn);
        }
    }

    #[test]
    fn more_keys_than_there_are_is_an_error() {
        let facts = facts("none");
        assert!(facts.suffice(100_000).is_ok() && facts.suffice(10_000_000).is_err());
        assert!(facts.key(10_000_000).is_err());
    }
}
