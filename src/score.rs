//! Judges an answer without a judge: one class for each answer, by rules that anybody can re-run.
//!
//! Only the final answer is read; reasoning that stands inline before it is skipped. It is
//! brought into one plain form (NFKC, lower case, one kind of hyphen, no markdown) and searched
//! for candidates, values of the type that was planted:
//!
//! - numbers: digits as many as the expected value has, or up to two more or fewer, written
//!   together or grouped (`4,829,173`, `4 829 173`, `482-9173`, digit by digit). Shorter numbers
//!   belong to the sentence. A sign is ignored.
//! - words: parts joined by hyphens, as many as the expected value has, except ordinary
//!   compounds ("well-known"); a planted value counts with a space for the hyphen too.
//! - UUIDs: 32 hexadecimal digits (30 to 34, so that a slip is seen), hyphens or not.
//!
//! The key asked for is no candidate. Mentions of one value are one candidate, and its last
//! mention decides whether it is denied. The class is decided in this order:
//!
//! 1. nothing but punctuation: [`Class::Cut`] where the budget ran out, else [`Class::Empty`];
//! 2. more than 40 words, half of them copied: [`Class::Echo`];
//! 3. one value stands, it is the expected one, and it was not itself cut short:
//!    [`Class::Exact`];
//! 4. the budget ran out: [`Class::Cut`];
//! 5. several values stand: [`Class::Listing`]; all are denied: [`Class::Denied`];
//! 6. one stands: [`Class::Distractor`], [`Class::NearMiss`] or [`Class::Wrong`];
//! 7. none was offered: [`Class::Refusal`] where the answer says so, else [`Class::Wrong`].
//!
//! An answer that thinks aloud and names several values is a listing, whatever it ends with:
//! questions ask for the value only, and a reader who must pick has not been answered.
//!
//! Three more forms of value have candidates of their own: names (those that stand in the text,
//! with word borders around them), counts (whole numbers of up to six digits, or number words
//! where there is no digit; the marks of a numbered list are none). Where several values are right, all of them and no other make an
//! answer exact, in their order where the order is asked; some of them, or others beside them, are
//! [`Class::Partial`] with a credit: those that are right over those that are expected or offered,
//! whichever are more (for an order: the longest common subsequence). Where no value is right,
//! saying so is exact.

mod absent;
mod answer;
mod candidate;
mod denial;
mod distance;
mod echo;
mod refusal;
mod several;

use crate::answer::{Right, Rule, ValueType};
use crate::reply::Stop;
use crate::rope::Rope;
use candidate::{Candidate, Sought};
use serde::{Deserialize, Serialize};

pub use answer::final_part;

/// What an answer was. Success is [`Class::Exact`] and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Exactly one value, the expected one, not denied.
    Exact,
    /// Two or more different values: the reader would have to choose.
    Listing,
    /// A copy of the haystack, whether or not the value stands in it.
    Echo,
    /// Every value that was named is denied ("it is not 7431220").
    Denied,
    /// The value of another needle in the same haystack.
    Distractor,
    /// One slip away from the expected value: a character more, fewer, other, or two swapped.
    NearMiss,
    /// No value, and words that say that there is none or that it will not be given.
    Refusal,
    /// Nothing but white space and punctuation, though the model ended its answer.
    Empty,
    /// The output budget ran out before a complete right answer stood.
    Cut,
    /// Some of several right values, or others beside them, or the wrong order.
    Partial,
    /// Anything else: another value, or talk.
    Wrong,
}

impl Class {
    /// Every class, in the order of their definition.
    pub const ALL: [Class; 11] = [
        Class::Exact,
        Class::Listing,
        Class::Echo,
        Class::Denied,
        Class::Distractor,
        Class::NearMiss,
        Class::Refusal,
        Class::Empty,
        Class::Cut,
        Class::Partial,
        Class::Wrong,
    ];

    /// The name in journals and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Class::Exact => "exact",
            Class::Listing => "listing",
            Class::Echo => "echo",
            Class::Denied => "denied",
            Class::Distractor => "distractor",
            Class::NearMiss => "near_miss",
            Class::Refusal => "refusal",
            Class::Empty => "empty",
            Class::Cut => "cut",
            Class::Partial => "partial",
            Class::Wrong => "wrong",
        }
    }

    /// True for the one class that counts as a success.
    pub fn is_right(self) -> bool {
        self == Class::Exact
    }
}

/// What was asked, as far as judging needs it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is right.
    pub right: &'a Right,
    /// Other values that stand in the haystack and are wrong.
    pub distractors: &'a [String],
    /// The key that was asked for.
    pub key: &'a str,
    /// The code of the language that was asked in: its number words and its ways to say none.
    pub language: &'a str,
}

impl Question<'_> {
    fn value_type(&self) -> ValueType {
        self.right.value_type
    }

    /// The one right value, or the first of several.
    fn expected(&self) -> &str {
        self.right.values.first().map_or("", String::as_str)
    }

    fn sought(&self) -> Sought {
        Sought::new(
            self.value_type(),
            self.expected(),
            self.distractors,
            self.key,
            self.language,
        )
    }
}

/// The judgement on one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What it was.
    pub class: Class,
    /// The value that was read as the answer, in normal form (digits; lower case, hyphens).
    /// None where there was no value or no single one; a denied value where all are denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Which of the question's distractors `value` is, whatever the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distractor: Option<usize>,
    /// RULER's `string_match_all`: every expected value is a substring of the whole answer, case
    /// aside. Passes echoes, listings and denials; a secondary column only.
    pub substring: bool,
    /// How much of it is right where several values are, 0…1; none for one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<f64>,
}

/// Judges an answer. `haystack` is called only for answers of more than 40 words, where an echo
/// must be told from an answer; where it gives none, no answer is called an echo.
pub fn judge(
    question: &Question<'_>,
    answer: &str,
    stop: &Stop,
    haystack: &mut dyn FnMut() -> Option<Rope>,
) -> Judged {
    match question.right.rule {
        Rule::One => judge_one(question, answer, stop, haystack),
        Rule::All | Rule::Order => several::judge(question, answer, stop, haystack),
        Rule::Absent => absent::judge(question, answer, stop, haystack),
    }
}

/// RULER's rule: every expected value stands somewhere in the answer.
fn substring(question: &Question<'_>, answer: &str) -> bool {
    let answer = answer.to_lowercase();
    let values = &question.right.values;
    let stands = |value: &String| !value.is_empty() && answer.contains(&value.to_lowercase());
    !values.is_empty() && values.iter().all(stands)
}

fn judge_one(
    question: &Question<'_>,
    answer: &str,
    stop: &Stop,
    haystack: &mut dyn FnMut() -> Option<Rope>,
) -> Judged {
    let cut = *stop == Stop::Length;
    let part = final_part(answer);
    let text = answer::plain(part);
    let sought = question.sought();
    let read = Reading::of(&sought, &text, cut);
    let standing = read.standing();
    let value = match standing.as_slice() {
        [] => read
            .candidates
            .last()
            .map(|candidate| candidate.value.clone()),
        [one] => Some((*one).to_owned()),
        _ => None,
    };
    let class = if !text.chars().any(char::is_alphanumeric) {
        if cut { Class::Cut } else { Class::Empty }
    } else if is_echo(&sought, &text, &read.candidates, haystack) {
        Class::Echo
    } else if standing == [sought.expected()] && (!cut || read.is_complete(sought.expected(), part))
    {
        Class::Exact
    } else if cut {
        Class::Cut
    } else {
        match standing.as_slice() {
            [one] if sought.distractor(one).is_some() => Class::Distractor,
            [one] if distance::one_slip(&bare(one), &bare(sought.expected())) => Class::NearMiss,
            [_] => Class::Wrong,
            [_, ..] => Class::Listing,
            [] if !read.candidates.is_empty() => Class::Denied,
            [] if refusal::is_refusal(&text) => Class::Refusal,
            [] => Class::Wrong,
        }
    };
    Judged {
        class,
        distractor: value.as_deref().and_then(|value| sought.distractor(value)),
        value,
        substring: substring(question, answer),
        credit: None,
    }
}

/// The candidates of one answer and which of them are denied.
struct Reading {
    candidates: Vec<Candidate>,
    denied: Vec<bool>,
    text_length: usize,
}

impl Reading {
    fn of(sought: &Sought, text: &str, cut: bool) -> Reading {
        let mut candidates = sought.find(text);
        if candidates.is_empty() && !refusal::is_refusal(text) {
            candidates.extend(sought.whole(text));
        }
        // A last word that broke off is a beginning of the expected value, not another value.
        candidates.retain(|candidate| {
            let begun = bare(sought.expected()).starts_with(&bare(&candidate.value));
            let whole = candidate.value == sought.expected();
            !(cut && candidate.end == text.len() && begun && !whole)
        });
        Reading {
            denied: denial::denied(text, &candidates),
            candidates,
            text_length: text.len(),
        }
    }

    /// The different values that stand, in order of their first mention.
    fn standing(&self) -> Vec<&str> {
        let mut values: Vec<(&str, bool)> = Vec::new();
        for (candidate, denied) in self.candidates.iter().zip(&self.denied) {
            match values
                .iter_mut()
                .find(|(value, _)| *value == candidate.value)
            {
                Some((_, last)) => *last = *denied,
                None => values.push((&candidate.value, *denied)),
            }
        }
        let stand = values.into_iter().filter(|(_, denied)| !denied);
        stand.map(|(value, _)| value).collect()
    }

    /// True where a mention of the value is followed by something, so that an answer which
    /// broke off cannot have broken off inside it. `part` is the answer before it was made plain,
    /// because the plain form drops emphasis marks, which may be what follows.
    fn is_complete(&self, value: &str, part: &str) -> bool {
        let open = part.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        self.candidates.iter().any(|candidate| {
            candidate.value == value && (candidate.end < self.text_length || !open)
        })
    }
}

/// A value without hyphens between hexadecimal digits, so that a slip is one character.
fn bare(value: &str) -> String {
    let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    if value.len() > 28 && value.chars().all(hex) {
        return value.replace('-', "");
    }
    value.to_owned()
}

fn is_echo(
    sought: &Sought,
    text: &str,
    candidates: &[Candidate],
    haystack: &mut dyn FnMut() -> Option<Rope>,
) -> bool {
    let planted: Vec<(usize, usize)> = candidates
        .iter()
        .filter(|candidate| {
            candidate.value == sought.expected() || sought.distractor(&candidate.value).is_some()
        })
        .map(|candidate| (candidate.start, candidate.end))
        .collect();
    let Some(runs) = echo::runs(text, &planted).filter(echo::Runs::may_be_echo) else {
        return false;
    };
    haystack().is_some_and(|haystack| runs.is_echo_of(&haystack))
}

#[cfg(test)]
mod tests;
