//! RULER's lists of words: which of them come most often, among ordinary words and among made-up ones.

use super::{Difficulty, Entry, Hay, Kind, Posed, Question, Scene, Words};
use crate::answer::{Right, ValueType};
use crate::language::Language;
use crate::seed::Stream;
use anyhow::{Result, ensure};
use std::collections::HashSet;

const COMMON: Difficulty = Difficulty {
    name: "common",
    usual: 10,
    range: (1, 20),
    meaning: "common words in the list, all of them asked",
};

/// Common words among others.
pub const CWE: Entry = Entry {
    code: 11,
    name: "cwe",
    kind: Kind::Aggregate,
    measures: "which words of a long list come ten times as often as the others",
    idea: "RULER (Hsieh et al. 2024), common words extraction",
    scoring: "right: all common words and no other of the hundred others that are known, in any order; in part: those that are right over those expected or named",
    hay: Hay::Made,
    difficulty: &[COMMON],
    facts: |_| 1,
    questions: |_| 1,
    speaks: |language| language.has("words"),
    pose: pose_common,
};

/// The most frequent of coded words.
pub const FWE: Entry = Entry {
    code: 12,
    name: "fwe",
    measures: "which three coded words come most often where frequencies fall with the square of the rank",
    idea: "RULER (Hsieh et al. 2024), frequent words extraction, zeta distribution with exponent 2",
    scoring: "right: the three words and no other of the fifty next in frequency, in any order; in part: those that are right over those expected or named",
    difficulty: &[],
    facts: |_| ASKED as u64,
    pose: pose_frequent,
    ..CWE
};

/// RULER's ratio: thirty times each against three.
const RATIO: usize = 10;
/// RULER's three times: the list is made of so many rounds, in each of which every word that is
/// not common comes once and every common one [`RATIO`] times. Wherever behind the first round the
/// list is cut, the common words lead.
const ROUNDS: usize = 3;
/// Where a round has no room for the ratio and so many others, the ratio is lower; RULER lowers it
/// in short texts too.
const OTHERS: usize = 50;
const SHORT_RATIO: usize = 4;
/// Other words that an answer is judged by. Rows of a journal hold them.
const MOST_DISTRACTORS: usize = 100;

/// Words that are asked for in [`FWE`].
const ASKED: usize = 3;
/// What the shares of all ranks add up to where they fall with the square: zeta of two.
const ZETA_2: f64 = std::f64::consts::PI * std::f64::consts::PI / 6.0;
/// What stands at the first rank: noise, as in RULER. The questions of all languages name it.
const FILLER: &str = "...";
/// Words of a block: every block holds its share of each word, and is shuffled by itself.
const BLOCK: usize = 4096;
const LEAST_BLOCKS: usize = 8;

/// How many words are made for a text: a tenth more than one with the fewest tokens a word needs.
///
/// With the vocabularies that were tried a word of these lists costs at least so many hundredths
/// of a token, the space before it included: more words are cut than are missing.
fn length(text_tokens: u64, hundredths_a_word: u64, least: usize) -> usize {
    ((text_tokens * 110).div_ceil(hundredths_a_word) as usize).max(least)
}

fn pose_common(scene: &mut Scene<'_>) -> Result<Posed> {
    let common = scene.difficulty(&COMMON) as usize;
    let hundredths = number(scene.told, "hundredths_of_tokens")?;
    let question = scene.asked.form("words", "common")?;
    let text = question.fill(&[("count", &common.to_string())]);
    // What a question or an answer says anyway is no word of the list.
    let mut spoken = vec![text.as_str()];
    for language in [scene.told, scene.asked] {
        spoken.extend(
            language
                .words("words", "spoken")?
                .iter()
                .map(String::as_str),
        );
    }
    let spoken = Spoken::new(spoken.concat().to_lowercase());
    let keys = scene.told.keys()?;
    let first: HashSet<&str> = keys.first.iter().map(String::as_str).collect();
    let last = keys.last.iter();
    let last = last.filter(|word| !first.contains(word.as_str()));
    let pool = keys.first.iter().chain(last);
    let mut pool: Vec<String> = pool.filter(|word| !spoken.holds(word)).cloned().collect();
    scene.stream.shuffle(&mut pool);
    let words = length(
        scene.text_tokens,
        hundredths,
        (common * SHORT_RATIO + 10) * ROUNDS,
    );
    let mut round = words.div_ceil(ROUNDS);
    let ratio = match round < common * RATIO + OTHERS {
        true => SHORT_RATIO,
        false => RATIO,
    };
    let others = (round - common * ratio).min(pool.len() - common);
    round = common * ratio + others;
    pool.truncate(common + others);
    let rounds = words.div_ceil(round).max(ROUNDS);
    let commons = (0..common).flat_map(|word| std::iter::repeat_n(word as u16, ratio));
    let sorted: Vec<u16> = commons.chain(common as u16..pool.len() as u16).collect();
    let mut order = Vec::with_capacity(rounds * round);
    let mut draws = Draws::new(&mut scene.stream);
    for _ in 0..rounds {
        let from = order.len();
        order.extend_from_slice(&sorted);
        draws.shuffle(&mut order[from..]);
    }
    let distractors = pool[common..].iter().take(MOST_DISTRACTORS).cloned();
    asked(
        text,
        common,
        pool[..common].to_vec(),
        distractors.collect(),
        Words::new(pool, order),
    )
}

fn pose_frequent(scene: &mut Scene<'_>) -> Result<Posed> {
    let hundredths = number(scene.told, "hundredths_of_coded_tokens")?;
    let words = length(scene.text_tokens, hundredths, 200);
    // Rank 1 is the filler; a word that would come less than once does not come.
    let counts: Vec<usize> = (1..=words)
        .map(|rank| (words as f64 / (ZETA_2 * (rank * rank) as f64)) as usize)
        .take_while(|count| *count > 0)
        .take(usize::from(u16::MAX))
        .collect();
    ensure!(
        counts.len() > ASKED + 1,
        "a text of {} tokens is too short for fwe",
        scene.text_tokens
    );
    let mut pool = vec![FILLER.to_string()];
    for nth in 0..ASKED {
        pool.push(scene.facts.variable(scene.nth(nth as u64))?);
    }
    let mut seen: HashSet<String> = pool.iter().cloned().collect();
    while pool.len() < counts.len() {
        let word = coded(&mut scene.stream);
        if seen.insert(word.clone()) {
            pool.push(word);
        }
    }
    let order = dealt(&counts, &mut scene.stream);
    let text = scene.asked.form("words", "frequent")?;
    let text = text.fill(&[("count", &ASKED.to_string())]);
    let others = pool[1 + ASKED..].iter().take(MOST_DISTRACTORS / 2).cloned();
    asked(
        text,
        ASKED,
        pool[1..=ASKED].to_vec(),
        others.collect(),
        Words::new(pool, order),
    )
}

fn asked(
    text: String,
    count: usize,
    right: Vec<String>,
    distractors: Vec<String>,
    words: Words,
) -> Result<Posed> {
    let question = Question {
        text,
        key: count.to_string(),
        right: Right::all(ValueType::Names, right),
        distractors,
        about: 0,
    };
    Ok(Posed {
        questions: vec![question],
        words,
        ..Posed::default()
    })
}

/// What is said around a list, asked for many words whether it holds them.
struct Spoken {
    text: String,
    /// Whether three bytes with this sum stand in a row anywhere: nearly all words begin with
    /// three that do not.
    begins: Vec<bool>,
}

impl Spoken {
    fn new(text: String) -> Spoken {
        let mut begins = vec![false; 1 << 16];
        for three in text.as_bytes().windows(3) {
            begins[Spoken::sum(three)] = true;
        }
        Spoken { text, begins }
    }

    fn sum(three: &[u8]) -> usize {
        let number = three
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        (number.wrapping_mul(0x9e37_79b9) >> 16) as usize
    }

    fn holds(&self, word: &str) -> bool {
        let begins = word.as_bytes().get(..3).map(Spoken::sum);
        begins.is_none_or(|sum| self.begins[sum]) && self.text.contains(word)
    }
}

/// A coded word in the shape of [`crate::fact::Facts::variable`].
fn coded(stream: &mut Stream) -> String {
    let letter = |_| char::from(b'A' + stream.below(26) as u8);
    (0..5).map(letter).collect()
}

/// Every word as often as its count, each block of the list with its share of it, so that what is
/// cut at the end takes from all words alike.
fn dealt(counts: &[usize], stream: &mut Stream) -> Vec<u16> {
    let total: usize = counts.iter().sum();
    let blocks = (total / BLOCK).max(LEAST_BLOCKS);
    let mut draws = Draws::new(stream);
    // What a word has of a block, and what is left over: where within a block it begins is drawn,
    // else all rare words would end the last block.
    let mut shares: Vec<(usize, usize, usize)> = counts
        .iter()
        .map(|count| {
            let phase = draws.below(blocks as u32) as usize;
            (count / blocks, count % blocks, phase)
        })
        .collect();
    let mut order = Vec::with_capacity(total);
    for _ in 0..blocks {
        let from = order.len();
        for (word, (whole, rest, over)) in shares.iter_mut().enumerate() {
            *over += *rest;
            let more = usize::from(*over >= blocks);
            *over -= more * blocks;
            order.extend(std::iter::repeat_n(word as u16, *whole + more));
        }
        draws.shuffle(&mut order[from..]);
    }
    order
}

/// Quick draws for a million words in a few milliseconds, begun from the haystack's own stream:
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct Draws(u64);

impl Draws {
    fn new(stream: &mut Stream) -> Draws {
        Draws(stream.below(u64::MAX))
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The high part of the product (Lemire, "Fast random integer generation in an interval",
        // 2019): the bias is less than one in 2^16 for bounds of 16 bits.
        (((mixed >> 32) * u64::from(bound)) >> 32) as u32
    }

    fn shuffle(&mut self, items: &mut [u16]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u32 + 1) as usize);
        }
    }
}

fn number(language: &Language, name: &str) -> Result<u64> {
    let written = language.words("words", name)?.concat();
    let number: u64 = written.parse()?;
    ensure!(number > 0, "{name} of {} is zero", language.name);
    Ok(number)
}

#[cfg(test)]
mod tests;
