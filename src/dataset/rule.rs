//! The published rules by which the answers of other people's sets are scored.

use super::ratio::ratio;
use serde::{Deserialize, Serialize};

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// From 0 to 1.
    pub credit: f64,
    /// Whether it counts as a right answer, where answers are counted and not averaged.
    pub right: bool,
}

/// How an answer is held against the expected ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Rule {
    /// RULER's `string_match_all`: the share of the expected answers that the reply holds,
    /// whatever their case. Right where it holds all.
    RulerAll,
    /// RULER's `string_match_part`, for its question answering: 1 where the reply holds any of
    /// the expected answers, whatever their case.
    RulerPart,
    /// OpenAI MRCR's: 0 where the reply does not begin with the prefix, else the
    /// [`ratio`](super::ratio()) of reply and expected answer, both without it. The published
    /// number is the mean credit; an answer is counted as right from a credit of
    /// [`MRCR_RIGHT_FROM`].
    Mrcr {
        /// The random string that the reply must begin with.
        prefix: String,
    },
    /// 1 where the reply holds any expected answer; both sides [normalised](normalised).
    Any,
    /// The share of the expected answers that the reply holds; both sides
    /// [normalised](normalised). Right where it holds all.
    All,
    /// 1 where the reply is one of the expected answers; both sides [normalised](normalised).
    Exact,
}

/// Credit from which a reply to MRCR counts as right: more of the two texts is shared than not.
/// OpenAI publishes mean credits only; a count needs a line somewhere, and this one is far from
/// both sides: of English texts of 1,000 to 30,000 characters two different ones come to 0.01 to
/// 0.04, and a copy with a slip in every fifty characters to 0.82 or more.
pub const MRCR_RIGHT_FROM: f64 = 0.5;

impl Rule {
    /// The name of the rule, as it stands in rows.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::RulerAll => "ruler-all",
            Rule::RulerPart => "ruler-part",
            Rule::Mrcr { .. } => "mrcr",
            Rule::Any => "any",
            Rule::All => "all",
            Rule::Exact => "exact",
        }
    }

    /// What the rule says and whose it is, in words.
    pub fn words(&self) -> &'static str {
        match self {
            Rule::RulerAll => {
                "RULER's string_match_all: the share of the expected answers that stand in the \
                 reply; right where all do"
            }
            Rule::RulerPart => {
                "RULER's string_match_part: right where any of the expected answers stands in the \
                 reply"
            }
            Rule::Mrcr { .. } => {
                "OpenAI MRCR's grade: 0 without the wanted prefix, else the SequenceMatcher ratio \
                 of reply and answer; counted as right from 0.5"
            }
            Rule::Any => {
                "any: right where any of the expected answers stands in the reply, case and white \
                 space aside"
            }
            Rule::All => {
                "all: the share of the expected answers that stand in the reply, case and white \
                 space aside; right where all do"
            }
            Rule::Exact => {
                "exact: right where the reply is one of the expected answers, case and white space \
                 aside"
            }
        }
    }

    /// Scores the final text of a reply, without any reasoning that was returned apart from it.
    /// `answers` are the expected ones; with none at all nothing is right.
    pub fn score(&self, reply: &str, answers: &[String]) -> Scored {
        let credit = match self {
            Rule::RulerAll => share(answers, ruler_holds(reply)),
            Rule::RulerPart => any(answers, ruler_holds(reply)),
            Rule::Mrcr { prefix } => answers
                .first()
                .map_or(0.0, |answer| mrcr(reply, answer, prefix)),
            Rule::Any => any(answers, holds(reply)),
            Rule::All => share(answers, holds(reply)),
            Rule::Exact => {
                let reply = normalised(reply);
                any(answers, move |answer| normalised(answer) == reply)
            }
        };
        let from = match self {
            Rule::Mrcr { .. } => MRCR_RIGHT_FROM,
            _ => 1.0,
        };
        Scored {
            credit,
            right: credit >= from,
        }
    }
}

/// The share of the answers for which something is so.
fn share(answers: &[String], is: impl Fn(&str) -> bool) -> f64 {
    if answers.is_empty() {
        return 0.0;
    }
    let so = answers.iter().filter(|answer| is(answer)).count();
    so as f64 / answers.len() as f64
}

/// 1 where something is so for any of the answers.
fn any(answers: &[String], is: impl Fn(&str) -> bool) -> f64 {
    match answers.iter().any(|answer| is(answer)) {
        true => 1.0,
        false => 0.0,
    }
}

/// Whether a reply holds an answer as RULER sees it: the reply stripped, its control characters
/// below U+0020 turned into line ends, and stripped again (`postprocess_pred` in
/// `scripts/eval/evaluate.py` of NVIDIA/RULER); both in lower case (`string_match_all` and
/// `string_match_part` in `scripts/eval/synthetic/constants.py`).
fn ruler_holds(reply: &str) -> impl Fn(&str) -> bool {
    let reply: String = reply
        .trim()
        .chars()
        .map(|c| if c < ' ' { '\n' } else { c })
        .collect();
    let reply = reply.trim().to_lowercase();
    move |answer: &str| reply.contains(&answer.to_lowercase())
}

/// MRCR's `grade`, from the README of the data set `openai/mrcr`.
fn mrcr(reply: &str, answer: &str, prefix: &str) -> f64 {
    match reply.strip_prefix(prefix) {
        Some(rest) => ratio(rest, answer.strip_prefix(prefix).unwrap_or(answer)),
        None => 0.0,
    }
}

/// Whether a reply holds an answer, both normalised.
fn holds(reply: &str) -> impl Fn(&str) -> bool {
    let reply = normalised(reply);
    move |answer: &str| reply.contains(&normalised(answer))
}

/// A text with case folded as Unicode folds it, white space collapsed to single spaces, and none
/// at its ends.
pub fn normalised(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // What Python's str.split() takes for white space: four separators more than Unicode's.
    let white = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    for word in text.split(white).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        word.chars().for_each(|c| fold(c, &mut folded));
    }
    folded
}

/// Case folding without a table of its own: the lower case of the upper case, but for two signs.
fn fold(c: char, into: &mut String) {
    match c {
        'ẞ' => into.push_str("ss"),
        'ı' => into.push('ı'),
        c if c.is_ascii() => into.push(c.to_ascii_lowercase()),
        c => into.extend(c.to_uppercase().flat_map(char::to_lowercase)),
    }
}
