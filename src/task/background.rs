//! Haystacks of a few forms only: a paragraph over and over, and keyed facts and nothing else.
//!
//! They are public and the same in every run, so that they can be indexed once like any corpus.

use super::niah;
use crate::answer::ValueType;
use crate::fact::{Fact, uuid};
use crate::language::{Keys, Language};
use crate::seed::{RunKey, Stream};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;

/// One key of so many may stand in a background; a run's facts are drawn from the others.
const ONE_OF: u64 = 4;
/// Facts of a volume of about a megabyte.
const NUMBERS_A_VOLUME: u64 = 15_000;
const UUIDS_A_VOLUME: u64 = 8_500;

/// A short paragraph of plain sentences, as often as it goes into `bytes`, and once at least; one
/// paragraph a line.
///
/// # Errors
/// When the language has no such sentences.
pub fn noise(language: &Language, bytes: usize) -> Result<String> {
    let mut paragraph = language.words("noise", "sentences")?.join(joint(language));
    ensure!(!paragraph.is_empty(), "{} has no noise", language.name);
    paragraph.push('\n');
    Ok(paragraph.repeat((bytes / paragraph.len()).max(1)))
}

/// A text of keyed facts in the first wording, about a megabyte a volume, the same for ever. The
/// key of a number is no other fact's before all [`Keyed::most`] have been used; a UUID's is one.
///
/// # Errors
/// When the language has no wordings.
pub fn keyed(language: &Language, values: ValueType, volume: u64) -> Result<String> {
    let key = RunKey::public(&format!("keyed facts as a haystack, {}", language.code));
    let mut stream = key.stream(values.noun(), &[volume]);
    let facts = match values {
        ValueType::Uuids => uuids(&mut stream),
        _ => Keyed::new(language)?.facts(&mut stream, volume),
    };
    let mut text = String::with_capacity(1 << 20);
    for fact in &facts {
        let _ = write!(
            text,
            "{}{}",
            niah::needle(language, 0, values, fact)?,
            joint(language)
        );
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// How a text of [`keyed`] writes a value, with what stands around it: a key is written otherwise.
///
/// # Errors
/// When the language has no wordings.
pub fn telling(language: &Language, values: ValueType, value: &str) -> Result<String> {
    let form = niah::needle_form(language, 0, values)?;
    let place = form.blanks().iter().position(|blank| blank == "value");
    let around = place.and_then(|at| form.literals().get(at..at + 2));
    let around = around.with_context(|| format!("{} tells no values", language.name))?;
    Ok(around.join(value))
}

/// What stands between two sentences.
fn joint(language: &Language) -> &str {
    match language.joint.as_str() {
        "" => "\n",
        joint => joint,
    }
}

fn uuids(stream: &mut Stream) -> Vec<Fact> {
    let facts = (0..UUIDS_A_VOLUME).map(|_| Fact {
        key: uuid(stream.bytes16()),
        value: uuid(stream.bytes16()),
    });
    facts.collect()
}

/// Which keys stand in the backgrounds of a language: every fourth last part for each first one,
/// another four for the next.
pub struct Keyed {
    keys: Keys,
}

impl Keyed {
    /// Those of a language.
    ///
    /// # Errors
    /// When its lists cannot be read.
    pub fn new(language: &Language) -> Result<Keyed> {
        let keys = language.keys()?.clone();
        ensure!(
            keys.first.len() as u64 >= ONE_OF && keys.last.len() as u64 >= ONE_OF,
            "{} has too few keys",
            language.name
        );
        Ok(Keyed { keys })
    }

    /// True where a background may hold a key.
    pub fn may_hold(&self, key: &str) -> bool {
        let Keys { first, last, joint } = &self.keys;
        // A joint may stand in a part as well: every way to part the key counts.
        first.iter().enumerate().any(|(at, part)| {
            let behind = key.strip_prefix(part.as_str());
            let behind = behind.and_then(|behind| behind.strip_prefix(joint.as_str()));
            behind.is_some_and(|behind| {
                let place = last.iter().position(|part| part == behind);
                place.is_some_and(|place| ((at + place) as u64).is_multiple_of(ONE_OF))
            })
        })
    }

    /// How many keys there are.
    pub fn most(&self) -> u64 {
        self.keys.first.len() as u64 * (self.keys.last.len() as u64 / ONE_OF)
    }

    /// A volume's facts.
    fn facts(&self, stream: &mut Stream, volume: u64) -> Vec<Fact> {
        let mut places: Vec<u64> = (0..NUMBERS_A_VOLUME)
            .map(|nth| volume * NUMBERS_A_VOLUME + nth)
            .collect();
        stream.shuffle(&mut places);
        let stride = stride(self.most());
        let facts = places.into_iter().map(|place| Fact {
            key: self.key((place % self.most()) * stride % self.most()),
            value: (1_000_000 + stream.below(9_000_000)).to_string(),
        });
        facts.collect()
    }

    fn key(&self, number: u64) -> String {
        let Keys { first, last, joint } = &self.keys;
        let (at, rank) = (number % first.len() as u64, number / first.len() as u64);
        // The residue that makes the places of both parts add up to a multiple.
        let last_at = ONE_OF * rank + (ONE_OF - at % ONE_OF) % ONE_OF;
        format!("{}{joint}{}", first[at as usize], last[last_at as usize])
    }
}

/// A step that meets every one of `0..size` once: the golden section of it or the next that has no
/// divisor in common with it.
fn stride(size: u64) -> u64 {
    let mut stride = (size as f64 * 0.618) as u64;
    while common_divisor(stride.max(1), size) > 1 {
        stride += 1;
    }
    stride.max(1)
}

fn common_divisor(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        _ => common_divisor(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::Lexicon;
    use crate::task::Hay;
    use std::collections::HashSet;

    fn languages() -> impl Iterator<Item = &'static Language> {
        ["en", "zh"]
            .map(|code| Language::named(code).expect("is read"))
            .into_iter()
    }

    #[test]
    fn noise_is_one_paragraph_over_and_over() {
        for language in languages() {
            let text = noise(language, 10_000).expect("is written");
            assert!((9_900..=10_000).contains(&text.len()), "{}", text.len());
            let sentences = language.words("noise", "sentences").expect("is there");
            assert_eq!(
                text.matches(&sentences[0]).count(),
                text.matches(&sentences[3]).count()
            );
            assert!(
                noise(language, 0)
                    .expect("is written")
                    .contains(&sentences[0])
            );
        }
    }

    #[test]
    fn keyed_facts_are_told_once_and_none_of_them_is_a_run_s() {
        for language in languages() {
            let form = language.wordings[0]
                .needle
                .with(&[("noun", language.noun(ValueType::Numbers))]);
            let keyed_of = Keyed::new(language).expect("lists");
            let mut keys = HashSet::new();
            for volume in [0, 1, 7] {
                let text = keyed(language, ValueType::Numbers, volume).expect("is written");
                assert!((800_000..1_200_000).contains(&text.len()), "{}", text.len());
                let found = form.find(&text);
                assert_eq!(found.len() as u64, NUMBERS_A_VOLUME);
                for fact in &found {
                    assert!(
                        keys.insert(fact.field("key").to_string()),
                        "{}",
                        fact.field("key")
                    );
                }
                for fact in found.iter().step_by(500) {
                    assert!(
                        keyed_of.may_hold(fact.field("key")),
                        "{}",
                        fact.field("key")
                    );
                }
            }
            assert!(
                keyed_of.most() > 20 * NUMBERS_A_VOLUME,
                "{}",
                keyed_of.most()
            );
            let last = format!("{}{}{}", "x", language.keys().expect("lists").joint, "y");
            assert!(!keyed_of.may_hold(&last));
            // A whole round meets every key once.
            let stride = stride(keyed_of.most());
            let all: HashSet<u64> = (0..keyed_of.most())
                .map(|n| n * stride % keyed_of.most())
                .collect();
            assert_eq!(all.len() as u64, keyed_of.most());
        }
    }

    #[test]
    fn a_million_tokens_of_keyed_facts_leave_the_keys_of_a_run_free() {
        let chinese = Language::named("zh").expect("is read");
        let corpus = Hay::Numbers.corpus(chinese, 1_000_000).expect("is made");
        let corpus = corpus.expect("is its own");
        let lexicon = Lexicon::open_numbers(&corpus, None).expect("is read");
        let keyed = Keyed::new(chinese).expect("lists");
        let Keys { first, last, joint } = chinese.keys().expect("lists");
        let keys = (0..1_000).map(|nth| {
            let (at, place) = (nth * 7 % first.len(), nth * 14 % last.len());
            format!("{}{joint}{}", first[at], last[place])
        });
        let free: Vec<String> = keys.filter(|key| !keyed.may_hold(key)).collect();
        assert!(free.len() > 600);
        let held = free.iter().filter(|key| lexicon.holds(key)).count();
        assert_eq!(held, 0, "of {}", free.len());
        // Its numbers are known all the same.
        let form = chinese.wordings[0].needle.clone();
        let form = form.with(&[("noun", chinese.noun(ValueType::Numbers))]);
        let text = corpus.texts[0].as_str().expect("text");
        for fact in form.find(text).iter().step_by(1_000) {
            assert!(lexicon.holds(fact.field("value")));
        }
    }

    #[test]
    fn backgrounds_never_change() {
        // Golden values: if they move, every published run on these haystacks becomes unverifiable.
        let mut hashes = Vec::new();
        for language in languages() {
            for values in [ValueType::Numbers, ValueType::Uuids] {
                let text = keyed(language, values, 0).expect("is written");
                assert!((800_000..1_200_000).contains(&text.len()), "{}", text.len());
                hashes.push(blake3::hash(text.as_bytes()).to_hex()[..16].to_string());
            }
        }
        assert_eq!(
            hashes,
            [
                "07bae1030d685abc",
                "c82d8f7e1df52f5f",
                "8b80ac12e8e73dfa",
                "fbe80d5ce7729aca"
            ]
        );
    }
}
