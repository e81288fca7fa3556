//! What a task is given to pose its questions from, and what it gives back.

use super::{Difficulty, Sizes};
use crate::answer::{Right, ValueType};
use crate::fact::Facts;
use crate::language::Language;
use crate::seed::Stream;

/// A sentence to plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted {
    /// One sentence, beginning and ending in a non-space.
    pub sentence: String,
    /// Where, in percent of the haystack.
    pub depth_percent: f64,
}

/// A question about what was planted.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The words of the question.
    pub text: String,
    /// What it asks about: no answer by itself.
    pub key: String,
    /// What is right.
    pub right: Right,
    /// Other values that stand in the text and are wrong.
    pub distractors: Vec<String>,
    /// The planted sentence that it hangs on most: its depth is the trial's.
    pub about: usize,
}

/// What one haystack is given and asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Posed {
    /// What is planted, in any order.
    pub planted: Vec<Planted>,
    /// The questions, in the order of their slots.
    pub questions: Vec<Question>,
    /// The haystack itself, where the task makes its own.
    pub words: Words,
}

/// Most words are no longer with the space behind them.
const SLOT_BYTES: usize = 16;

/// A haystack of words, to be joined by single spaces: a million of them are two megabytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// Each word once.
    pool: Vec<String>,
    /// The words in the order of the text, by their place in the pool.
    order: Vec<u16>,
}

impl Words {
    /// Words and their order.
    pub fn new(pool: Vec<String>, order: Vec<u16>) -> Words {
        Words { pool, order }
    }

    /// How many there are in the text.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True where the task makes no haystack of its own.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The different words, with the asked ones among the first.
    pub fn pool(&self) -> &[String] {
        &self.pool
    }

    /// The words in the order of the text, by their place in the pool.
    pub fn order(&self) -> &[u16] {
        &self.order
    }

    /// The words in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let word = |place: &u16| self.pool.get(usize::from(*place)).map(String::as_str);
        self.order.iter().filter_map(word)
    }

    /// All of them, joined by single spaces.
    pub fn text(&self) -> String {
        // Copies of one fixed size take a fraction of the time of copies of many sizes: each word
        // is written with what happens to follow it, which the next one overwrites.
        let slots: Vec<[u8; SLOT_BYTES]> = self.pool.iter().map(|word| slot(word)).collect();
        let lengths: Vec<u32> = self.pool.iter().map(|word| word.len() as u32 + 1).collect();
        let length = |place: &u16| lengths.get(usize::from(*place)).copied();
        let bytes: u64 = self.order.iter().filter_map(length).map(u64::from).sum();
        let mut text = vec![0; bytes as usize + SLOT_BYTES];
        let mut at = 0;
        for place in &self.order {
            let Some(length) = length(place) else {
                continue;
            };
            let (place, length) = (usize::from(*place), length as usize);
            text[at..at + SLOT_BYTES].copy_from_slice(&slots[place]);
            if length > SLOT_BYTES {
                let word = self.pool[place].as_bytes();
                text[at..at + word.len()].copy_from_slice(word);
                text[at + word.len()] = b' ';
            }
            at += length;
        }
        text.truncate(at.saturating_sub(1));
        // Whole words and spaces are UTF-8.
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The beginning of a word, with spaces behind it where it is short.
fn slot(word: &str) -> [u8; SLOT_BYTES] {
    let mut slot = [b' '; SLOT_BYTES];
    for (to, from) in slot.iter_mut().zip(word.bytes()) {
        *to = from;
    }
    slot
}

/// What a task poses its questions from.
pub struct Scene<'a> {
    /// The language of the text and of what is planted.
    pub told: &'a Language,
    /// The language of the questions.
    pub asked: &'a Language,
    /// What values look like, where the task leaves it open.
    pub values: ValueType,
    /// The wording, by its place in the language's pool.
    pub wording: usize,
    /// What was asked of its difficulty.
    pub sizes: Sizes<'a>,
    /// The run's facts; this haystack's are those from `facts_from` on.
    pub facts: &'a Facts,
    /// Its first fact.
    pub facts_from: u64,
    /// Depths that the plan gives, in percent; the first is the trial's own.
    pub depths_percent: &'a [f64],
    /// Length of the whole text in tokens.
    pub text_tokens: u64,
    /// Randomness of this haystack's own.
    pub stream: Stream,
}

impl Scene<'_> {
    /// A number by which the task can be made harder.
    pub fn difficulty(&self, difficulty: &Difficulty) -> u64 {
        self.sizes.of(difficulty)
    }

    /// The place in the run's facts of this haystack's `nth` one.
    pub fn nth(&self, nth: u64) -> u64 {
        self.facts_from + nth
    }

    /// The depth whose cell the trial counts for, in percent.
    pub fn depth_percent(&self) -> f64 {
        self.depths_percent.first().copied().unwrap_or(50.0)
    }

    /// `count` depths in percent, in random order but for the first, which is the trial's own: the
    /// others stand one in each of equal parts of the text.
    pub fn spread(&mut self, count: usize) -> Vec<f64> {
        let parts = count.saturating_sub(1);
        let mut others: Vec<f64> = (0..parts)
            .map(|part| 100.0 * (part as f64 + self.stream.unit()) / parts as f64)
            .collect();
        self.stream.shuffle(&mut others);
        let mut depths = vec![self.depth_percent()];
        depths.extend(others);
        depths.truncate(count);
        depths
    }

    /// Sentences at such depths, the first of them at the trial's own.
    pub fn planted(&mut self, sentences: Vec<String>) -> Vec<Planted> {
        let depths = self.spread(sentences.len());
        let planted = sentences.into_iter().zip(depths);
        let planted = planted.map(|(sentence, depth_percent)| Planted {
            sentence,
            depth_percent,
        });
        planted.collect()
    }

    /// The depths in the order of the text, and which of them is the trial's own.
    pub fn ascending(&mut self, count: usize) -> (Vec<f64>, usize) {
        let own = self.depth_percent();
        let mut depths = self.spread(count);
        depths.sort_by(f64::total_cmp);
        let at = depths.iter().position(|depth| *depth == own).unwrap_or(0);
        (depths, at)
    }

    /// `count` depths in percent before the trial's own, in the order of the text.
    pub fn before(&mut self, count: usize) -> Vec<f64> {
        let own = self.depth_percent();
        let mut depths: Vec<f64> = (0..count)
            .map(|part| own * (part as f64 + self.stream.unit()) / count as f64)
            .collect();
        depths.sort_by(f64::total_cmp);
        depths
    }

    /// `count` depths in percent behind the trial's own, in the order of the text.
    pub fn behind(&mut self, count: usize) -> Vec<f64> {
        let own = self.depth_percent();
        let mut depths: Vec<f64> = (0..count)
            .map(|part| own + (100.0 - own) * (part as f64 + self.stream.unit()) / count as f64)
            .collect();
        depths.sort_by(f64::total_cmp);
        depths
    }

    /// One of a list.
    pub fn one_of<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.stream.below(list.len() as u64) as usize)
    }

    /// `count` different items of a list, in random order; fewer where the list is shorter.
    pub fn some_of<'l, T>(&mut self, list: &'l [T], count: usize) -> Vec<&'l T> {
        let mut items: Vec<&T> = list.iter().collect();
        self.stream.shuffle(&mut items);
        items.truncate(count);
        items
    }
}
