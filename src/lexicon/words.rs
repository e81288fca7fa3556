//! Text into words, numbers, neighbours, and characters in a row.

use super::marks::Marks;
use super::near::NearKeys;
use crate::names;
use anyhow::Result;
use std::collections::HashSet;
use unicode_normalization::char::is_combining_mark;

/// Characters in a row that are marked where no spaces part words; more are told by their parts.
const LONGEST_GRAM: usize = 4;
/// Groups of one number; a table of numbers is not one.
const MOST_DIGITS: usize = 40;

/// FNV-1a over the form in lower case.
pub(super) fn hash(word: &[u8]) -> u64 {
    word.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

/// English is read as its published prompts were drawn: of neighbouring words only those that
/// keys are made of are kept, and exactly.
pub(super) fn is_english(language: Option<&str>) -> bool {
    matches!(language, Some("en" | "c"))
}

/// True for letters of scripts without spaces.
pub(super) fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// True for what words are made of: letters and digits, with the signs that belong to them.
fn is_inside(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}')
}

/// Lower case, and digits of any script as `0` to `9`.
pub(super) fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        if is_spaceless(c) {
            folded.push(c);
            continue;
        }
        let zero = match c as u32 {
            0x660..=0x669 => 0x660,
            0x6f0..=0x6f9 => 0x6f0,
            0x966..=0x96f => 0x966,
            0xff10..=0xff19 => 0xff10,
            _ => 0,
        };
        match zero {
            0 => folded.extend(c.to_lowercase()),
            zero => folded.push(char::from(b'0' + (c as u32 - zero) as u8)),
        }
    }
    folded
}

/// The words of a phrase, folded; digit groups of one number are one word.
pub(super) fn split(phrase: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut whole = String::new();
    for c in phrase.chars() {
        match is_inside(c) {
            true => whole.push(c),
            false if !whole.is_empty() => words.push(fold(&std::mem::take(&mut whole))),
            false => {}
        }
    }
    if !whole.is_empty() {
        words.push(fold(&whole));
    }
    words
}

/// Characters in a row, one to four, as hashes that grow with each character.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The last so many characters and one, and whether any is of a script without spaces.
    grams: [(u64, bool); LONGEST_GRAM],
    /// How many characters stand in the row, up to the longest gram.
    count: usize,
}

impl Row {
    /// Adds a character; gives the hashes of all that end in it and have a spaceless letter.
    fn push(&mut self, c: char) -> impl Iterator<Item = u64> + use<> {
        let of_c = is_spaceless(c);
        for at in (0..LONGEST_GRAM).rev() {
            let (hash, any) = match at {
                0 => (0xcbf2_9ce4_8422_2325, false),
                _ => self.grams[at - 1],
            };
            let grown = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3);
            self.grams[at] = (grown ^ (grown >> 29), any || of_c);
        }
        self.count = (self.count + 1).min(LONGEST_GRAM);
        let grams = self.grams.into_iter().take(self.count);
        grams.filter(|(_, any)| *any).map(|(hash, _)| hash)
    }
}

/// Hashes of all of one to four characters in a row that have a letter of a script without spaces.
pub(super) fn grams(letters: &str) -> impl Iterator<Item = u64> + '_ {
    let mut row = Row::default();
    letters.chars().flat_map(move |c| row.push(c))
}

/// The words that keys are made of.
pub(super) struct KeyWords {
    adjectives: HashSet<u64>,
    nouns: HashSet<u64>,
    /// Whether any word of either list has these low bits: nearly all words of a text have not.
    likely: Vec<u8>,
}

const ADJECTIVE: u8 = 1;
const NOUN: u8 = 2;

impl KeyWords {
    pub fn new() -> Result<KeyWords> {
        let hashes = |list: Vec<String>| -> HashSet<u64> {
            list.iter().map(|word| hash(word.as_bytes())).collect()
        };
        let (adjectives, nouns) = (
            hashes(names::list("adjectives")?),
            hashes(names::list("nouns")?),
        );
        let mut likely = vec![0; 1 << 16];
        for (list, bit) in [(&adjectives, ADJECTIVE), (&nouns, NOUN)] {
            for word in list {
                likely[(*word & 0xffff) as usize] |= bit;
            }
        }
        Ok(KeyWords {
            adjectives,
            nouns,
            likely,
        })
    }

    fn is_pair(&self, adjective: u64, noun: u64) -> bool {
        let likely = |word: u64, bit| self.likely[(word & 0xffff) as usize] & bit != 0;
        likely(adjective, ADJECTIVE)
            && likely(noun, NOUN)
            && self.adjectives.contains(&adjective)
            && self.nouns.contains(&noun)
    }
}

/// What is collected of all texts of a corpus.
pub(super) struct Collector<'a> {
    keys: &'a KeyWords,
    near: Vec<NearKeys>,
    seen: HashSet<u64>,
    marks: Marks,
}

/// A word of the text that is being read.
#[derive(Clone, Copy)]
struct Word {
    from: usize,
    to: usize,
    hash: u64,
    /// Where the number begins whose last group this is.
    number_from: usize,
    /// Has a letter of a script without spaces.
    spaceless: bool,
}

impl<'a> Collector<'a> {
    pub fn new(keys: &'a KeyWords, near: Vec<NearKeys>, marks: Marks) -> Collector<'a> {
        Collector {
            keys,
            near,
            seen: HashSet::new(),
            marks,
        }
    }

    pub fn finish(self) -> (HashSet<u64>, Marks) {
        (self.seen, self.marks)
    }

    /// Words are runs of letters and digits; two of them with one hyphen between are a word as
    /// well, and digit runs with separators are one number. `language` as manifests name it.
    pub fn read(&mut self, text: &str, language: Option<&str>) {
        let is_english = is_english(language);
        self.near.iter_mut().for_each(NearKeys::begin);
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut previous: Option<Word> = None;
        // Signs between letters are passed over.
        let mut row = Row::default();
        while at < bytes.len() {
            let (to, is_ascii) = word_end(text, at);
            if to == at {
                at += match bytes[at] {
                    0..0x80 => 1,
                    _ => text[at..].chars().next().map_or(1, char::len_utf8),
                };
                continue;
            }
            let written = &text[at..to];
            let folded = (!is_ascii).then(|| fold(written));
            let form = folded.as_deref().unwrap_or(written);
            let spaceless = !is_ascii && form.chars().any(is_spaceless);
            let mut word = Word {
                from: at,
                to,
                hash: hash(form.as_bytes()),
                number_from: at,
                spaceless,
            };
            // What stands between two signs of Chinese is no word that anybody asks for whole.
            if !spaceless || is_english {
                self.seen.insert(word.hash);
            }
            if !form.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                self.digits_inside(form);
            }
            if let Some(before) = previous {
                self.neighbours(text, before, &mut word, is_english);
            }
            if !is_english {
                let folded = fold(form);
                let seen = &mut self.seen;
                for near in self.near.iter_mut().filter(|near| near.reads(language)) {
                    near.read(&folded, |pair| {
                        seen.insert(pair);
                    });
                }
                match is_ascii {
                    true => form
                        .bytes()
                        .flat_map(|byte| row.push(char::from(byte.to_ascii_lowercase())))
                        .for_each(|gram| self.marks.put(gram)),
                    false => form
                        .chars()
                        .flat_map(|c| row.push(c))
                        .for_each(|gram| self.marks.put(gram)),
                }
            }
            previous = Some(word);
            at = to;
        }
    }

    /// Digit runs inside a word: `共1234567人` holds a number.
    fn digits_inside(&mut self, form: &str) {
        if !form.bytes().any(|byte| byte.is_ascii_digit()) {
            return;
        }
        let runs = form.split(|c: char| !c.is_ascii_digit());
        for run in runs.filter(|run| !run.is_empty() && run.len() < form.len()) {
            self.seen.insert(hash(run.as_bytes()));
        }
    }

    fn neighbours(&mut self, text: &str, before: Word, word: &mut Word, is_english: bool) {
        let between = &text[before.to..word.from];
        let digit = |c: Option<char>| c.is_some_and(|c| fold_digit(c).is_some());
        match between {
            "-" => {
                let joined = fold(&text[before.from..word.to]);
                self.seen.insert(hash(joined.as_bytes()));
            }
            " " | "\n" if is_english && self.keys.is_pair(before.hash, word.hash) => {
                let (left, right) = (&text[before.from..before.to], &text[word.from..word.to]);
                self.seen.insert(hash(format!("{left}-{right}").as_bytes()));
            }
            _ => {}
        }
        if !is_english && !before.spaceless && !word.spaceless {
            // Whatever stands between: a near match counts as one.
            let (left, right) = (&text[before.from..before.to], &text[word.from..word.to]);
            if left.len() + right.len() < 120 {
                let pair = format!("{}-{}", fold(left), fold(right));
                self.marks.put(hash(pair.as_bytes()));
            }
        }
        let separates = matches!(
            between,
            "," | "." | " " | "'" | "’" | "\u{a0}" | "\u{202f}" | "\u{2009}" | "٬" | "٫" | "，"
        );
        if separates
            && digit(text[..before.to].chars().next_back())
            && digit(text[word.from..].chars().next())
            && word.to - before.number_from < MOST_DIGITS
        {
            let digits = text[before.number_from..word.to]
                .chars()
                .filter_map(fold_digit);
            self.seen
                .insert(hash(digits.collect::<String>().as_bytes()));
            // A long number's groups join one by one.
            word.number_from = before.number_from;
        }
    }
}

/// Where the word ends that begins here, and whether it is ASCII alone.
fn word_end(text: &str, from: usize) -> (usize, bool) {
    let bytes = text.as_bytes();
    let (mut at, mut is_ascii) = (from, true);
    while at < bytes.len() {
        if bytes[at] < 0x80 {
            if !bytes[at].is_ascii_alphanumeric() {
                break;
            }
            at += 1;
            continue;
        }
        match text[at..].chars().next() {
            Some(c) if is_inside(c) => {
                at += c.len_utf8();
                is_ascii = false;
            }
            _ => break,
        }
    }
    (at, is_ascii)
}

fn fold_digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        _ if c.is_ascii() => None,
        _ => fold(c.encode_utf8(&mut [0; 4]))
            .chars()
            .next()
            .filter(char::is_ascii_digit),
    }
}
