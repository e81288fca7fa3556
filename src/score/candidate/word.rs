//! Hyphenated words in an answer: `adjective-noun`, and the same pair without its hyphen.

use super::Candidate;

/// Parts that make a compound of ordinary English and no adjective-noun pair.
const PARTICLES: &[&str] = &[
    "a", "after", "all", "an", "and", "anti", "as", "at", "be", "before", "but", "by", "co",
    "counter", "cross", "de", "down", "eight", "ex", "fifth", "first", "five", "for", "four",
    "fourth", "from", "half", "ill", "in", "inter", "into", "is", "it", "mid", "mini", "multi",
    "nine", "no", "non", "not", "of", "off", "on", "one", "or", "out", "over", "per", "post",
    "pre", "pro", "quasi", "re", "second", "self", "semi", "seven", "single", "six", "so", "sub",
    "super", "ten", "the", "third", "three", "to", "twenty", "two", "ultra", "un", "under", "up",
    "vice", "well", "with",
];

/// Ordinary compounds without a particle that sentences around an answer use.
const COMPOUNDS: &[&str] = &[
    "adjective-noun",
    "best-known",
    "case-insensitive",
    "case-sensitive",
    "code-word",
    "comma-separated",
    "common-sense",
    "copy-paste",
    "double-check",
    "double-checked",
    "double-checking",
    "fact-checking",
    "follow-up",
    "full-stop",
    "hard-coded",
    "hyphen-separated",
    "kebab-case",
    "key-word",
    "large-scale",
    "little-known",
    "long-standing",
    "long-term",
    "lower-case",
    "lowercase-hyphenated",
    "old-fashioned",
    "open-ended",
    "random-looking",
    "real-life",
    "real-time",
    "real-world",
    "short-term",
    "so-called",
    "upper-case",
];

/// A run of ASCII letters and digits.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

/// All candidates in order: chains with as many hyphenated parts as the expected value, and the
/// parts of a planted value side by side, however they are joined ("happy otter", "happy—otter").
/// Other words side by side are not candidates: any two words of a sentence would be.
pub fn find(text: &str, known: &[String]) -> Vec<Candidate> {
    let parts = known.first().map_or(2, |value| value.split('-').count());
    let words = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if let Some((value, until)) = planted(text, &words, at, known) {
            found.push(candidate(value, &words[at..until]));
            at = until;
            continue;
        }
        let until = at + hyphenated(text, &words[at..]);
        let chain = &words[at..until];
        let value = joined(chain);
        if chain.len() == parts.max(2) && is_pair(chain, &value) {
            found.push(candidate(value, chain));
        }
        at = until;
    }
    found
}

/// The whole of a text of one or two words as a value.
pub fn whole(text: &str) -> Option<Candidate> {
    let words = words(text);
    let other_script = text.chars().any(|c| !c.is_ascii() && c.is_alphanumeric());
    ((1..=2).contains(&words.len()) && !other_script).then(|| candidate(joined(&words), &words))
}

/// The form in which words are compared: parts joined by hyphens.
pub fn normal(value: &str) -> String {
    joined(&words(value))
}

fn candidate(value: String, words: &[Word<'_>]) -> Candidate {
    Candidate {
        value,
        start: words.first().map_or(0, |word| word.start),
        end: words.last().map_or(0, |word| word.end),
    }
}

fn joined(words: &[Word<'_>]) -> String {
    let parts: Vec<&str> = words.iter().map(|word| word.text).collect();
    parts.join("-")
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            continue;
        }
        match words.last_mut() {
            Some(word) if word.end == at => {
                word.end = at + 1;
                word.text = &text[word.start..word.end];
            }
            _ => words.push(Word {
                text: &text[at..=at],
                start: at,
                end: at + 1,
            }),
        }
    }
    words
}

/// How many words from the first on are joined by bare hyphens.
fn hyphenated(text: &str, words: &[Word<'_>]) -> usize {
    let glued = words
        .windows(2)
        .take_while(|pair| &text[pair[0].end..pair[1].start] == "-");
    words.len().min(1 + glued.count())
}

/// A planted value whose parts begin at `at`, and the index behind its last part. Not where a
/// hyphen makes it part of a longer chain.
fn planted(text: &str, words: &[Word<'_>], at: usize, known: &[String]) -> Option<(String, usize)> {
    let is_joint = |pair: &[Word<'_>]| {
        let joint = &text[pair[0].end..pair[1].start];
        joint.len() <= 5 && matches!(joint.trim(), "" | "-" | "—" | "_") && joint != "\n"
    };
    if at > 0 && text[words[at - 1].end..words[at].start] == *"-" {
        return None;
    }
    known.iter().find_map(|value| {
        // Without its hyphen it is another value, one slip away.
        if words[at].text == value.replace('-', "") && value.contains('-') {
            return Some((words[at].text.to_owned(), at + 1));
        }
        let count = value.split('-').count();
        let run = words.get(at..at + count)?;
        let same = value.split('-').eq(run.iter().map(|word| word.text));
        let glued_on = words
            .get(at + count)
            .is_some_and(|next| text[words[at + count - 1].end..next.start] == *"-");
        (same && !value.is_empty() && !glued_on && run.windows(2).all(is_joint))
            .then(|| (value.clone(), at + count))
    })
}

/// True for words of letters alone that make no compound of ordinary English.
fn is_pair(chain: &[Word<'_>], value: &str) -> bool {
    let letters = |word: &Word<'_>| {
        word.text.len() > 1 && word.text.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    chain.iter().all(letters)
        && !chain.iter().any(|word| PARTICLES.contains(&word.text))
        && !COMPOUNDS.contains(&value)
        && !chain.last().is_some_and(|word| is_participle(word.text))
}

/// "long-awaited", "seemingly-unrelated": a participle is no noun. Nouns such as "seaweed",
/// "watershed" and "hundred" are spared.
fn is_participle(word: &str) -> bool {
    let noun = ["eed", "bed", "hed", "led", "red", "wed"];
    word.len() > 5 && word.ends_with("ed") && !noun.iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::{find, whole};

    fn values(text: &str) -> Vec<String> {
        let known = ["happy-otter".to_owned(), "brave-lantern".to_owned()];
        find(&plain(text), &known)
            .into_iter()
            .map(|candidate| candidate.value)
            .collect()
    }

    #[test]
    fn a_planted_pair_is_read_with_any_joint() {
        for text in [
            "happy-otter",
            "Happy-Otter.",
            "**happy-otter**",
            "“happy-otter”",
            "_happy-otter_",
            "happy otter",
            "happy – otter",
            "happy‑otter",
            "happy—otter",
            "happy_otter",
            "happy-\notter",
            "hap\u{AD}py-otter",
            "这个词是happy-otter。",
            "The well-known, so-called magic word is happy-otter (lower-case, two-word).",
            "The long-awaited word is happy-otter, in a seemingly-unrelated part.",
            "It is a state-of-the-art happy-otter.",
        ] {
            assert_eq!(values(text), vec!["happy-otter"], "{text}");
        }
    }

    #[test]
    fn other_pairs_are_candidates_only_with_their_hyphen() {
        assert_eq!(values("gentle-falcon"), vec!["gentle-falcon"]);
        assert_eq!(values("It is happyotter."), vec!["happyotter"]);
        assert_eq!(
            values("happy-otter or gentle-falcon"),
            vec!["happy-otter", "gentle-falcon"]
        );
        for text in [
            "gentle falcon",
            "very-happy-otter",
            "happy-otter-lantern",
            "happy\notter",
            "happy. Otter",
            "happy-otter2",
        ] {
            assert_eq!(values(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_short_answer_is_a_value_as_a_whole() {
        let value = |text: &str| whole(&plain(text)).map(|candidate| candidate.value);
        assert_eq!(value("HappyOtter."), Some("happyotter".to_owned()));
        assert_eq!(value("hapy otter"), Some("hapy-otter".to_owned()));
        assert_eq!(value("It is otter"), None);
        assert_eq!(value("…"), None);
    }
}
