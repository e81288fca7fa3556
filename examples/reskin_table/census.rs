//! The source read once: its words, how they are written, and what stands beside what.

use crate::lexicon::{COMMA, JJ, Lexicon, NAME, NN, NNS, NUM, SENT};
use depthfinder::corpus::reskin::{SpanKind, Spans};
use std::collections::HashMap;

/// Token of a sentence's end; the next two are other marks and numbers.
pub const END: u32 = 0;
const MARK: u32 = 1;
const NUMBER: u32 = 2;

/// How a word is written and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Stays as it is.
    Kept,
    /// Goes with words that were put together by hand.
    ByHand,
    /// A common word.
    Common,
    /// American, British.
    People,
    /// Americans.
    Peoples,
    /// Congress: a name that stands like a noun.
    Office,
    /// In capitals alone.
    Letters,
    /// Of a person or a place.
    Name,
}

/// One word of the source.
#[derive(Clone, Debug)]
pub struct Word {
    /// In lower case.
    pub text: String,
    /// Occurrences.
    pub count: u32,
    /// What it is.
    pub sort: Sort,
    lower: u32,
    capital: u32,
    capitals: u32,
    behind_article: u32,
}

/// All words, and the source as places in that list.
pub struct Census {
    /// The first three are no words.
    pub words: Vec<Word>,
    /// The source.
    pub tokens: Vec<u32>,
}

impl Census {
    /// Reads the texts.
    pub fn of(texts: &[(String, String)], lexicon: &Lexicon) -> Census {
        let mut census = Census {
            words: ["", ",", "0"].map(word).to_vec(),
            tokens: vec![END],
        };
        let mut known: HashMap<String, u32> = HashMap::new();
        for (_, text) in texts {
            census.read(text, &mut known);
        }
        for word in &mut census.words[3..] {
            word.sort = sort(word, lexicon);
        }
        census
    }

    fn read(&mut self, text: &str, known: &mut HashMap<String, u32>) {
        let mut before = String::new();
        let mut inside = false;
        for span in Spans::of(text) {
            let part = &text[span.from..span.to];
            match span.kind {
                SpanKind::Number => {
                    self.tokens.push(NUMBER);
                    inside = false;
                    before.clear();
                }
                SpanKind::Gap if part == " " => {}
                SpanKind::Gap => {
                    let abbreviation = part.starts_with('.')
                        && !part.contains('\n')
                        && (before.len() < 2 || matches!(&before[..], "mr" | "mrs" | "dr" | "st"));
                    let ends = part.contains(['.', '!', '?', '\n']) && !abbreviation;
                    if ends {
                        self.tokens.push(END);
                    } else if !matches!(part, "'" | "\u{2019}") && !abbreviation {
                        self.tokens.push(MARK);
                    }
                    inside = inside && matches!(part, ", " | "; ");
                    if !inside {
                        before.clear();
                    }
                }
                SpanKind::Word => {
                    let lower = part.to_lowercase();
                    let id = *known.entry(lower.clone()).or_insert_with(|| {
                        self.words.push(word(&lower));
                        self.words.len() as u32 - 1
                    });
                    let seen = &mut self.words[id as usize];
                    seen.count += 1;
                    let mut letters = part.chars();
                    let first = letters.next().is_some_and(char::is_uppercase);
                    if !first {
                        seen.lower += 1;
                    } else if part.len() > 1 && letters.all(|letter| !letter.is_lowercase()) {
                        seen.capitals += 1;
                    } else if inside {
                        seen.capital += 1;
                        if matches!(&before[..], "the" | "a" | "an" | "this" | "our" | "his") {
                            seen.behind_article += 1;
                        }
                    }
                    self.tokens.push(id);
                    inside = true;
                    before = lower;
                }
            }
        }
        self.tokens.push(END);
    }

    /// The parts of speech that each word can be, as bits.
    pub fn allowed(&self, lexicon: &Lexicon) -> Vec<u32> {
        self.words
            .iter()
            .enumerate()
            .map(|(at, word)| match (at as u32, word.sort) {
                (END, _) => 1 << SENT,
                (MARK, _) => 1 << COMMA,
                (NUMBER, _) => 1 << NUM,
                (_, Sort::Name | Sort::Letters) => 1 << NAME,
                (_, Sort::People) => 1 << JJ | 1 << NN,
                (_, Sort::Peoples) => 1 << NNS,
                (_, Sort::Office) => 1 << NN | 1 << NAME,
                (_, Sort::Kept | Sort::ByHand | Sort::Common) => lexicon.tags(&word.text),
            })
            .collect()
    }
}

fn word(text: &str) -> Word {
    Word {
        text: text.to_string(),
        count: 0,
        sort: Sort::Kept,
        lower: 0,
        capital: 0,
        capitals: 0,
        behind_article: 0,
    }
}

fn sort(word: &Word, lexicon: &Lexicon) -> Sort {
    let text = &word.text[..];
    if lexicon.is_by_hand(text) {
        return Sort::ByHand;
    }
    if lexicon.is_kept(text) {
        return Sort::Kept;
    }
    if word.capitals > 4 * (word.lower + word.capital) && !lexicon.is_listed(text) {
        return Sort::Letters;
    }
    if crate::lexicon::NOUNS_WITH_CAPITALS
        .split(' ')
        .any(|noun| noun == text)
        && word.capital > word.lower
    {
        return Sort::Office;
    }
    if word.capital < 9 * word.lower || word.capital == 0 {
        return Sort::Common;
    }
    let of_people = |text: &str| {
        lexicon.is_adjective(text)
            && ["an", "ish", "ese", "ch", "ss", "ek"]
                .iter()
                .any(|end| text.ends_with(end))
    };
    if of_people(text) {
        Sort::People
    } else if text.strip_suffix('s').is_some_and(of_people) {
        Sort::Peoples
    } else if word.behind_article * 3 > word.capital && lexicon.is_listed(text) {
        Sort::Office
    } else {
        Sort::Name
    }
}
