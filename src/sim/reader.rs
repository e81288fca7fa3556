//! Finds in a prompt what a reader would: the question, the fact asked for, and its siblings.
//!
//! It knows the public wordings and nothing of any plan. Everything is found by searching bytes,
//! so that forty megabytes take milliseconds, and any text at all can be searched.

use crate::task::niah::{ValueType, WORDINGS};
use memchr::memmem;
use std::ops::Range;
use std::sync::LazyLock;

/// How far from either end of a message the question is looked for, in bytes.
const QUESTION_WITHIN_BYTES: usize = 4096;
/// Keys and values are shorter than this, in bytes.
const MAX_FIELD_BYTES: usize = 160;
/// Sentences that [`grep`] looks at reach no further than this from the key, in bytes.
const MAX_SENTENCE_BYTES: usize = 1024;

/// A wording with its noun filled in, cut at its blanks.
struct Form {
    noun: &'static str,
    /// What stands before and after the key in the question.
    question: [String; 2],
    /// What stands before the key, between key and value, and after the value in the needle.
    needle: [String; 3],
}

/// Every wording for every kind of value.
static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let mut forms = Vec::new();
    for wording in WORDINGS {
        for kind in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
            let fill = |part: &str| part.replace("{noun}", kind.noun());
            let cut = |text: &'static str, blank: &str| text.split_once(blank);
            let question = cut(wording.question, "{key}");
            let needle = cut(wording.needle, "{key}")
                .and_then(|(before, rest)| rest.split_once("{value}").map(|tail| (before, tail)));
            // A wording that tells the value before the key cannot be cut in this way; a test
            // holds that there is none.
            if let (Some((before, after)), Some((start, (between, end)))) = (question, needle) {
                forms.push(Form {
                    noun: kind.noun(),
                    question: [fill(before), fill(after)],
                    needle: [fill(start), fill(between), fill(end)],
                });
            }
        }
    }
    forms
});

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'t> {
    /// The key of the fact asked for.
    pub key: &'t str,
    /// The noun that the value is called by.
    pub noun: &'static str,
}

/// Finds the question: the last one near the end of the last message, else the first one near
/// the start of any.
pub fn question<'t>(text: &'t str, messages: &[Range<usize>]) -> Option<Question<'t>> {
    let last = &text[messages.last()?.clone()];
    let tail = text_from(last, last.len().saturating_sub(QUESTION_WITHIN_BYTES));
    let at_end = questions(tail).max_by_key(|&(at, _)| at);
    let found = at_end.or_else(|| {
        messages.iter().find_map(|message| {
            let message = &text[message.clone()];
            let head = &message[..message.floor_char_boundary(QUESTION_WITHIN_BYTES)];
            questions(head).min_by_key(|&(at, _)| at)
        })
    });
    found.map(|(_, question)| question)
}

fn questions(text: &str) -> impl Iterator<Item = (usize, Question<'_>)> {
    FORMS.iter().flat_map(move |form| {
        let [before, after] = &form.question;
        memmem::find_iter(text.as_bytes(), before.as_bytes()).filter_map(move |at| {
            let key = field(&text[at + before.len()..], after)?;
            Some((
                at,
                Question {
                    key,
                    noun: form.noun,
                },
            ))
        })
    })
}

/// A fact as the text tells it.
#[derive(Clone, Copy)]
pub struct Fact<'t> {
    /// The value told.
    pub value: &'t str,
    /// Where the sentence starts, in bytes.
    pub at: usize,
    value_at: usize,
    form: &'static Form,
}

/// Finds the sentence of any wording that tells the value asked for.
pub fn fact<'t>(text: &'t str, question: Question<'_>) -> Option<Fact<'t>> {
    // A key at the start of its sentence may have been given a capital.
    told(text, question.key, question.noun)
        .or_else(|| told(text, &capitalised(question.key), question.noun))
}

fn told<'t>(text: &'t str, key: &str, noun: &str) -> Option<Fact<'t>> {
    memmem::find_iter(text.as_bytes(), key.as_bytes()).find_map(|key_at| {
        let (before, after) = (&text[..key_at], &text[key_at + key.len()..]);
        FORMS
            .iter()
            .filter(|form| form.noun == noun)
            .find_map(|form| {
                let [start, between, end] = &form.needle;
                let rest = after.strip_prefix(between.as_str())?;
                let opened = before.strip_suffix(start.as_str())?;
                let whole_key = !start.is_empty() || !opened.ends_with(is_word);
                let value = word(rest);
                if !whole_key || value.is_empty() || !rest[value.len()..].starts_with(end.as_str())
                {
                    return None;
                }
                Some(Fact {
                    value,
                    at: opened.len(),
                    value_at: key_at + key.len() + between.len(),
                    form,
                })
            })
    })
}

/// The values of the other facts that are told in the same form, in the order of the text: what
/// a model that is lost among them answers.
pub fn siblings<'t>(text: &'t str, fact: Fact<'_>) -> Vec<&'t str> {
    let [start, between, end] = &fact.form.needle;
    let anchor = if start.is_empty() { between } else { start };
    let mut values: Vec<(usize, &str)> = Vec::new();
    for at in memmem::find_iter(text.as_bytes(), anchor.as_bytes()) {
        let value_at = if start.is_empty() {
            at + between.len()
        } else {
            let after = at + start.len();
            match field(&text[after..], between) {
                Some(key) => after + key.len() + between.len(),
                None => continue,
            }
        };
        let value = word(&text[value_at..]);
        let closed = text[value_at + value.len()..].starts_with(end.as_str());
        let known =
            value_at == fact.value_at || values.last().is_some_and(|last| last.0 == value_at);
        if closed && !known && !value.is_empty() && value != fact.value {
            values.push((value_at, value));
        }
    }
    values.into_iter().map(|(_, value)| value).collect()
}

/// Finds the first sentence that holds the key and is no question, and gives its last word.
/// It understands nothing: that is its point.
pub fn grep<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    const ENDS: [char; 4] = ['.', '!', '?', '\n'];
    memmem::find_iter(text.as_bytes(), key.as_bytes()).find_map(|key_at| {
        let key_end = key_at + key.len();
        let before = text_from(&text[..key_at], key_at.saturating_sub(MAX_SENTENCE_BYTES));
        let before = before.rsplit(ENDS).next().unwrap_or_default();
        let after = &text[key_end..];
        let after = &after[..after.floor_char_boundary(MAX_SENTENCE_BYTES)];
        let end = after.find(ENDS).unwrap_or(after.len());
        if after[end..].starts_with('?') {
            return None;
        }
        let mut words = [&after[..end], before]
            .into_iter()
            .flat_map(|half| half.rsplit(|c| !is_word(c)));
        words.find(|word| !word.is_empty())
    })
}

/// The text up to what follows it, where that stands near and in the same sentence.
fn field<'t>(text: &'t str, followed_by: &str) -> Option<&'t str> {
    let near = &text[..text.floor_char_boundary(MAX_FIELD_BYTES + followed_by.len())];
    let found = &near[..memmem::find(near.as_bytes(), followed_by.as_bytes())?];
    let broken = found.is_empty() || found.contains(['\n', '.', '!', '?']);
    (!broken).then_some(found)
}

/// The word that a text begins with: letters, digits and hyphens.
fn word(text: &str) -> &str {
    let near = &text[..text.floor_char_boundary(MAX_FIELD_BYTES)];
    near.split(|c| !is_word(c)).next().unwrap_or_default()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-'
}

fn capitalised(key: &str) -> String {
    let mut rest = key.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}

/// The text from a place on, or from the end of the character that covers the place.
fn text_from(text: &str, at: usize) -> &str {
    &text[text.ceil_char_boundary(at)..]
}
