//! What haystacks are laid out of: the corpus that was asked for, and the texts of tasks that bring their own.

use crate::corpus::reskin::VOLUMES;
use crate::corpus::{Corpus, Text};
use crate::haystack::Beyond;
use crate::index::Index;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::prompt::{Assembler, Part};
use crate::task::{Hay, Posed, Task, background};
use crate::tokens::Tokenizer;
use anyhow::{Result, ensure};
use memchr::memmem;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a token of English prose, and a little more: volumes are counted before any is indexed.
const MOST_TOKEN_BYTES: u64 = 6;
/// The size of a volume of generated text, roughly.
const VOLUME_BYTES: u64 = 2_000_000;

/// Stands before a word whose tokens are counted as those of a word within a text.
const ANCHOR: &str = ".";

/// The texts of a run.
pub struct Corpora {
    main: Corpus,
    others: Vec<(Hay, Corpus)>,
    /// The code of the language that facts are told in.
    told: &'static str,
}

impl Corpora {
    /// The corpus that was asked for, and what the tasks bring for haystacks of up to so many
    /// tokens.
    ///
    /// # Errors
    /// When a language lacks the sentences that a task's haystack is made of.
    pub fn of(
        main: Corpus,
        tasks: &[Task],
        language: &Language,
        longest_tokens: u64,
        beyond: Beyond,
    ) -> Result<Corpora> {
        let main = match beyond {
            Beyond::Generated => {
                ensure!(
                    language.code == "en" && matches!(main.name.as_str(), "en" | "en-prose"),
                    "text can be generated beyond the English corpora only: use --beyond repeated, or give text of your own with --corpus DIR"
                );
                let volumes = volumes(main.len_bytes(), longest_tokens);
                main.with_generated(volumes)?
            }
            Beyond::Refused | Beyond::Repeated => main,
        };
        let mut others: Vec<(Hay, Corpus)> = Vec::new();
        for hay in tasks.iter().map(|task| task.entry().hay) {
            if others.iter().all(|(known, _)| *known != hay)
                && let Some(corpus) = hay.corpus(language, longest_tokens)?
            {
                others.push((hay, corpus));
            }
        }
        Ok(Corpora {
            main,
            others,
            told: language.code,
        })
    }

    /// The corpus that was asked for.
    pub fn main(&self) -> &Corpus {
        &self.main
    }

    /// The corpus of a task's haystacks; none where they are made one by one.
    pub fn of_task(&self, task: Task) -> Option<&Corpus> {
        let hay = task.entry().hay;
        let other = self.others.iter().find(|(known, _)| *known == hay);
        match hay {
            Hay::Made => None,
            _ => Some(other.map_or(&self.main, |(_, corpus)| corpus)),
        }
    }

    /// True where a task's haystack is nothing but keyed facts and one of those that stand in a
    /// prompt of these parts has this value.
    pub fn tells(&self, task: Task, parts: &[Part], value: &str) -> bool {
        let Some(values) = task.entry().hay.values() else {
            return false;
        };
        let told = Language::named(self.told)
            .and_then(|language| background::telling(language, values, value));
        let (Ok(told), Some(corpus)) = (told, self.of_task(task)) else {
            return false;
        };
        // Parts end where sentences do: none is searched over a border.
        parts.iter().any(|part| match part {
            Part::Text(text, from, to) => corpus
                .texts
                .get(*text as usize)
                .and_then(|text| text.as_str().ok()?.get(*from as usize..*to as usize))
                .is_some_and(|stretch| memmem::find(stretch.as_bytes(), told.as_bytes()).is_some()),
            // Facts of the run are known as siblings.
            Part::Own(_) => false,
        })
    }

    /// Their indexes, made or read from `cache`, the main one first.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn index(&self, tokenizer: &Tokenizer, cache: Option<&Path>) -> Result<Indexes> {
        let open = |corpus: &Corpus| Index::open(corpus, tokenizer, cache);
        let others = self.others.iter().map(|(_, corpus)| open(corpus));
        Ok(Indexes {
            main: open(&self.main)?,
            others: others.collect::<Result<_>>()?,
        })
    }

    /// Which words and numbers stand in them. Facts are checked against all of them; the keys of
    /// texts of keyed facts are known by their lists (see
    /// [`Keyed::may_hold`](crate::task::background::Keyed::may_hold)). In scripts without spaces a
    /// lexicon knows four characters in a row: of half a million keys nearly all that there are.
    ///
    /// # Errors
    /// When a text cannot be read.
    pub fn lexicons(&self, cache: Option<&Path>) -> Result<Vec<Arc<Lexicon>>> {
        let main = Lexicon::open(&self.main, cache);
        let others = self.others.iter().map(|(hay, corpus)| match hay {
            Hay::Numbers | Hay::Uuids if self.told != "en" => Lexicon::open_numbers(corpus, cache),
            _ => Lexicon::open(corpus, cache),
        });
        let lexicons = std::iter::once(main).chain(others);
        lexicons.map(|lexicon| lexicon.map(Arc::new)).collect()
    }
}

/// Volumes of generated text that a haystack of so many tokens needs behind real text. A power of
/// two, so that few different corpora are indexed.
fn volumes(real_bytes: u64, longest_tokens: u64) -> u32 {
    let missing = (longest_tokens * MOST_TOKEN_BYTES).saturating_sub(real_bytes);
    match missing.div_ceil(VOLUME_BYTES) {
        0 => 0,
        // A volume more, for no haystack begins at the first byte.
        volumes => (volumes + 1).next_power_of_two().min(u64::from(VOLUMES)) as u32,
    }
}

/// The indexes of the texts of a run.
pub struct Indexes {
    main: Index,
    others: Vec<Index>,
}

/// The texts of a run, indexed for a tokenizer.
pub struct Grounds {
    /// The texts.
    pub corpora: Corpora,
    /// What counts.
    pub tokenizer: Arc<Tokenizer>,
    indexes: Indexes,
}

impl Grounds {
    /// Texts with their own indexes.
    pub fn new(corpora: Corpora, tokenizer: Arc<Tokenizer>, indexes: Indexes) -> Grounds {
        Grounds {
            corpora,
            tokenizer,
            indexes,
        }
    }
}

/// The text and the index of one haystack that a task has made of words.
pub struct Made {
    corpus: Corpus,
    index: Index,
}

impl Made {
    /// That assembler.
    pub fn assembler<'m>(&'m self, tokenizer: &'m Tokenizer) -> Assembler<'m> {
        Assembler::new(&self.corpus, &self.index, tokenizer)
    }
}

/// The text that a task has made of words, as a corpus: the parts of its prompts name it.
pub fn of_words(posed: &Posed) -> Corpus {
    Corpus {
        name: "words".to_string(),
        texts: vec![Text::owned("words", posed.words.text())],
    }
}

/// What lays out the prompts of a run, whatever their haystack is made of.
pub struct Assemblers<'a> {
    main: Assembler<'a>,
    others: Vec<(Hay, Assembler<'a>)>,
    tokenizer: &'a Tokenizer,
    /// Tokens of words behind a space, which haystacks made of words share.
    words: Mutex<HashMap<String, u32>>,
}

impl<'a> Assemblers<'a> {
    /// Assemblers of these grounds.
    pub fn new(grounds: &'a Grounds) -> Assemblers<'a> {
        let tokenizer = grounds.tokenizer.as_ref();
        let corpora = &grounds.corpora;
        let others = corpora.others.iter().zip(&grounds.indexes.others);
        Assemblers {
            main: Assembler::new(&corpora.main, &grounds.indexes.main, tokenizer),
            others: others
                .map(|((hay, corpus), index)| (*hay, Assembler::new(corpus, index, tokenizer)))
                .collect(),
            tokenizer,
            words: Mutex::default(),
        }
    }

    /// The haystack that a task has made of words; none where its haystack is a corpus.
    ///
    /// # Errors
    /// When the tokenizer refuses a word.
    pub fn made(&self, posed: &Posed) -> Result<Option<Made>> {
        if posed.words.is_empty() {
            return Ok(None);
        }
        let mut known = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let anchor = self.tokenizer.count(ANCHOR)?;
        let mut pool = Vec::with_capacity(posed.words.pool().len());
        for word in posed.words.pool() {
            let tokens = match known.get(word) {
                Some(tokens) => *tokens,
                None => {
                    let counted = self.tokenizer.count(&format!("{ANCHOR} {word}"))?;
                    let tokens = counted.saturating_sub(anchor) as u32;
                    known.insert(word.clone(), tokens);
                    tokens
                }
            };
            pool.push((word.len() as u32, tokens));
        }
        let corpus = of_words(posed);
        let main = self.main.index();
        let additive = main.additive && main.bordered;
        Ok(Some(Made {
            index: Index::of_words(&pool, posed.words.order(), additive),
            corpus,
        }))
    }

    /// That of the corpus that was asked for.
    pub fn main(&self) -> &Assembler<'a> {
        &self.main
    }

    /// That of a task's haystacks; the main one where they are made one by one.
    pub fn of_task(&self, task: Task) -> &Assembler<'a> {
        let hay = task.entry().hay;
        let other = self.others.iter().find(|(known, _)| *known == hay);
        other.map_or(&self.main, |(_, assembler)| assembler)
    }

    /// What counts.
    pub fn tokenizer(&self) -> &'a Tokenizer {
        self.tokenizer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::ValueType;
    use crate::task::niah;

    #[test]
    fn values_of_a_haystack_of_facts_are_known_and_its_keys_and_what_is_not_in_the_prompt_are_not()
    {
        for code in ["en", "zh", "de", "ja"] {
            let language = Language::named(code).expect("built in");
            for (name, values) in [
                ("niah_multikey_2", ValueType::Numbers),
                ("niah_multikey_3", ValueType::Uuids),
            ] {
                let task = Task::named(name).expect("a task");
                let none = Corpus {
                    name: "none".to_owned(),
                    texts: Vec::new(),
                };
                let corpora = Corpora::of(none, &[task], language, 2_000, Beyond::Refused);
                let corpora = corpora.expect("is made");
                let text = corpora.of_task(task).expect("its own").texts[0].as_str();
                let text = text.expect("UTF-8");
                let form = niah::needle_form(language, 0, values).expect("a wording");
                let facts = form.find(&text[..text.floor_char_boundary(20_000)]);
                let (first, last) = (&facts[0], &facts[facts.len() - 1]);
                let parts = [
                    Part::Own(format!("{} ", last.field("value"))),
                    Part::Text(0, first.from as u32, last.from as u32),
                ];
                let tells = |value: &str| corpora.tells(task, &parts, value);
                for fact in &facts[..facts.len() - 1] {
                    assert!(
                        tells(fact.field("value")),
                        "{code}: {}",
                        fact.field("value")
                    );
                    assert!(!tells(fact.field("key")), "{code}: {}", fact.field("key"));
                }
                assert!(!tells(last.field("value")) && !tells("1234") && !tells(""));
                let other = Task::NIAH_SINGLE;
                assert!(!corpora.tells(other, &parts, first.field("value")));
            }
        }
    }
}
