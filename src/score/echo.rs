//! Whether an answer is a copy of the haystack.
//!
//! Measured as the share of the answer's runs of eight words that stand in the haystack too.
//! Words are compared without case and punctuation, so that a copy with other line breaks or
//! quotation marks is still one. The haystack is read once, whatever the answer's length, and
//! runs across the borders of its pieces count; a word cut by a border is the only thing missed.

use crate::rope::Rope;

/// Words in a run that are compared.
const RUN_WORDS: usize = 8;

/// Answers of up to this many words are never an echo: quoting a sentence or two is answering.
const SHORT_WORDS: usize = 40;

/// The share of runs from which on an answer is a copy.
const COPIED_SHARE: f64 = 0.5;

/// A needle's sentence reaches no further than this on either side of its value.
const NEEDLE_BYTES: usize = 160;

/// Multiplier of the rolling hash: odd, so that no word's share is lost modulo 2^64.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// An answer's runs of words, with those of needle sentences left out.
#[derive(Clone, Debug)]
pub struct Runs {
    /// Hashes of the runs that touch no needle sentence, sorted, repeated ones included.
    hashes: Vec<u64>,
    /// All runs of the answer, those of needle sentences included.
    total: usize,
}

/// The runs of a text long enough to be an echo. `values` are byte ranges of planted values
/// in it: the sentences around them were planted too and are no copy of the haystack.
pub fn runs(text: &str, values: &[(usize, usize)]) -> Option<Runs> {
    let sentences: Vec<(usize, usize)> = values.iter().map(|at| sentence(text, *at)).collect();
    let mut words: Vec<(u64, bool)> = Vec::new();
    each_word(text, |hash, at| {
        let planted = sentences
            .iter()
            .any(|(start, end)| (*start..*end).contains(&at));
        words.push((hash, planted));
    });
    if words.len() <= SHORT_WORDS {
        return None;
    }
    let mut hashes: Vec<u64> = words
        .windows(RUN_WORDS)
        .filter(|run| run.iter().all(|(_, planted)| !planted))
        .map(|run| run.iter().fold(0, |hash, (word, _)| roll(hash, *word)))
        .collect();
    hashes.sort_unstable();
    Some(Runs {
        hashes,
        total: words.len() + 1 - RUN_WORDS,
    })
}

impl Runs {
    /// True where enough runs of the answer could stand in a haystack at all.
    pub fn may_be_echo(&self) -> bool {
        self.is_share(self.hashes.len())
    }

    /// True where at least half of the answer's runs stand in the haystack.
    pub fn is_echo_of(&self, haystack: &Rope) -> bool {
        // One bit for each value of the hashes' top sixteen: most of the haystack's runs are
        // told from the answer's without a search.
        let mut filter = vec![false; 1 << 16];
        for hash in &self.hashes {
            filter[top(*hash)] = true;
        }
        // How often each run stands in the answer, until it is met in the haystack.
        let mut unseen: Vec<(u64, usize)> = self
            .hashes
            .chunk_by(|a, b| a == b)
            .map(|same| (same[0], same.len()))
            .collect();
        let mut copied = 0;
        let mut window = Window::default();
        for piece in haystack.pieces() {
            // Pieces are cut at character boundaries, so that this borrows.
            let text = String::from_utf8_lossy(&piece.raw);
            each_word(&text, |word, _| {
                let Some(hash) = window.push(word).filter(|hash| filter[top(*hash)]) else {
                    return;
                };
                if let Ok(at) = unseen.binary_search_by_key(&hash, |(hash, _)| *hash) {
                    copied += std::mem::take(&mut unseen[at].1);
                }
            });
            if self.is_share(copied) {
                return true;
            }
        }
        false
    }

    fn is_share(&self, copied: usize) -> bool {
        copied > 0 && copied as f64 >= COPIED_SHARE * self.total as f64
    }
}

/// The last words of the haystack and their hash.
#[derive(Default)]
struct Window {
    words: [u64; RUN_WORDS],
    pushed: usize,
    hash: u64,
}

impl Window {
    /// Takes the next word; gives the hash of the last eight, once there are eight.
    fn push(&mut self, word: u64) -> Option<u64> {
        let slot = self.pushed % RUN_WORDS;
        let leaving = self.words[slot].wrapping_mul(BASE.wrapping_pow(RUN_WORDS as u32));
        self.hash = roll(self.hash, word).wrapping_sub(leaving);
        self.words[slot] = word;
        self.pushed += 1;
        (self.pushed >= RUN_WORDS).then_some(self.hash)
    }
}

fn roll(hash: u64, word: u64) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(word)
}

fn top(hash: u64) -> usize {
    (hash >> 48) as usize
}

/// Calls `see` with the hash and the byte offset of each word, without case: a run of letters
/// and digits, or a single ideograph or kana, since their words are not set apart.
fn each_word(text: &str, mut see: impl FnMut(u64, usize)) {
    const START: u64 = 0xCBF2_9CE4_8422_2325; // FNV-1a
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let bytes = text.as_bytes();
    let mut hash = START;
    let mut start = None;
    let mut at = 0;
    while at < bytes.len() {
        // ASCII is all of most haystacks, and decoding it as characters takes twice the time.
        let (code, letter, width) = if bytes[at].is_ascii() {
            let byte = bytes[at];
            (
                u32::from(byte.to_ascii_lowercase()),
                byte.is_ascii_alphanumeric(),
                1,
            )
        } else {
            let c = text[at..].chars().next().unwrap_or(' ');
            let lower = c.to_lowercase().next().unwrap_or(c);
            (u32::from(lower), c.is_alphanumeric(), c.len_utf8())
        };
        let alone = letter && is_unspaced(code);
        if (!letter || alone)
            && let Some(first) = start.take()
        {
            see(finish(hash), first);
            hash = START;
        }
        if alone {
            see(finish((START ^ u64::from(code)).wrapping_mul(PRIME)), at);
        } else if letter {
            hash = (hash ^ u64::from(code)).wrapping_mul(PRIME);
            start = start.or(Some(at));
        }
        at += width;
    }
    if let Some(first) = start {
        see(finish(hash), first);
    }
}

/// Ideographs and kana.
fn is_unspaced(code: u32) -> bool {
    matches!(code, 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

/// Spreads a word's hash over all bits (the finaliser of MurmurHash3).
fn finish(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash ^ (hash >> 33)
}

/// The sentence around a byte range, or as much of it as a needle can fill: text without full
/// stops (source code, verse) is not all one needle.
fn sentence(text: &str, (start, end): (usize, usize)) -> (usize, usize) {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '\n' | '。' | '！' | '？');
    let from = text.get(..start).and_then(|before| before.rfind(ends));
    let to = text.get(end..).and_then(|after| after.find(ends));
    (
        from.unwrap_or(0).max(start.saturating_sub(NEEDLE_BYTES)),
        to.unwrap_or(text.len()).min(NEEDLE_BYTES) + end,
    )
}

#[cfg(test)]
mod tests {
    use super::{each_word, runs};
    use crate::rope::{Piece, Rope};

    /// A text of `count` different words.
    fn prose(from: usize, count: usize) -> String {
        let words: Vec<String> = (from..from + count).map(|n| format!("Word{n}")).collect();
        words.join(" ")
    }

    fn is_echo(text: &str, haystack: &Rope) -> bool {
        runs(text, &[]).is_some_and(|runs| runs.is_echo_of(haystack))
    }

    #[test]
    fn words_are_runs_of_letters_or_single_ideographs() {
        let count = |text: &str| {
            let mut count = 0;
            each_word(text, |_, _| count += 1);
            count
        };
        assert_eq!(count("One, two—three's (4)."), 5);
        assert_eq!(count("数字是4829173。"), 4);
        assert_eq!(count("Привет, мир"), 2);
        assert_eq!(count("नमस्ते"), 1 + usize::from(!'\u{94d}'.is_alphanumeric()));
        assert_eq!(count(""), 0);
    }

    #[test]
    fn a_copy_is_an_echo_whatever_its_line_breaks_and_case() {
        let haystack = Rope::of(&prose(0, 1000));
        let copy = prose(100, 60);
        assert!(is_echo(&copy, &haystack));
        assert!(is_echo(&copy.replace(' ', "\n").to_uppercase(), &haystack));
        assert!(is_echo(&copy.replace(' ', ", "), &haystack));
        assert!(!is_echo(&prose(5000, 60), &haystack));
    }

    #[test]
    fn a_short_answer_is_none_and_length_alone_makes_none() {
        let haystack = Rope::of(&prose(0, 1000));
        assert!(runs(&prose(100, 40), &[]).is_none());
        assert!(is_echo(&prose(100, 41), &haystack));
        assert!(!is_echo(&prose(5000, 4000), &haystack));
    }

    #[test]
    fn half_of_the_runs_make_an_echo() {
        let haystack = Rope::of(&prose(0, 1000));
        let mixed = |copied: usize| format!("{} {}", prose(0, copied), prose(5000, 107 - copied));
        // 107 words have 100 runs; n copied words hold n - 7 copied runs.
        assert!(is_echo(&mixed(57), &haystack));
        assert!(!is_echo(&mixed(56), &haystack));
    }

    #[test]
    fn a_copy_over_the_borders_of_pieces_is_seen() {
        let mut haystack = Rope::new();
        for n in 0..1000 {
            haystack.push(Piece::of(&format!(" Word{n}")));
        }
        assert!(is_echo(&prose(100, 60), &haystack));
    }

    #[test]
    fn one_sentence_copied_again_and_again_is_an_echo() {
        let haystack = Rope::of(&prose(0, 1000));
        let looping = vec![prose(10, 20); 10].join(". ");
        assert!(is_echo(&looping, &haystack));
    }

    #[test]
    fn needle_sentences_are_no_copy() {
        let page = "The special magic number for Oslo is 4829173. ".repeat(12);
        let haystack = Rope::of(&page);
        let values: Vec<(usize, usize)> = page
            .match_indices("4829173")
            .map(|(at, value)| (at, at + value.len()))
            .collect();
        let runs = runs(&page, &values).expect("longer than forty words");
        assert!(!runs.may_be_echo());
        assert!(!runs.is_echo_of(&haystack));
        assert!(is_echo(&page, &haystack));
    }

    #[test]
    fn a_copy_without_full_stops_is_not_all_one_needle() {
        let page = format!("{} 4829173 {}", prose(0, 60), prose(60, 60));
        let haystack = Rope::of(&page);
        let at = page.find("4829173").expect("stands");
        let runs = runs(&page, &[(at, at + 7)]).expect("longer than forty words");
        assert!(runs.is_echo_of(&haystack));
    }

    #[test]
    fn chinese_is_compared_by_character() {
        let text = "我是猫。名字还没有。在哪里出生的我一点也不清楚。只记得好像在一个昏暗潮湿的地方喵喵地叫着。我在这里第一次见到了人。";
        let haystack = Rope::of(&format!("前言。{text}后记。"));
        assert!(is_echo(&text.replace('。', "，"), &haystack));
    }
}
