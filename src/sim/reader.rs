//! Finds in a prompt what a reader would: the question, the fact asked for, and its siblings.
//!
//! It knows the public wordings and nothing of any plan. Everything is found by searching bytes,
//! so that forty megabytes take milliseconds, and any text at all can be searched.

use crate::answer::ValueType;
use crate::language::{Language, Wording};
use memchr::memmem;
use std::ops::Range;
use std::sync::LazyLock;

/// How far from either end of a message the question is looked for, in bytes.
const QUESTION_WITHIN_BYTES: usize = 4096;
/// Keys and values are shorter than this, in bytes.
const MAX_FIELD_BYTES: usize = 160;
/// Sentences that [`grep`] looks at reach no further than this from the key, in bytes.
const MAX_SENTENCE_BYTES: usize = 1024;

/// What a question may allow as the answer where the text does not hold one.
pub const NONE: &str = "none";
/// What a question that allows it says: `If it is not in the text, answer "none".`
const ALLOWS_NONE: &str = "answer \"none\"";

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
    for wording in wordings() {
        let (asked, told) = (wording.question.written(), wording.needle.written());
        for kind in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
            let fill = |part: &str| part.replace("{noun}", kind.noun());
            let question = asked.split_once("{key}");
            let needle = told
                .split_once("{key}")
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

/// The English wordings of keyed facts.
pub fn wordings() -> &'static [Wording] {
    Language::named("en").map_or(&[], |language| language.wordings.as_slice())
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'t> {
    /// The key of the fact asked for.
    pub key: &'t str,
    /// The noun that the value is called by.
    pub noun: &'static str,
}

/// True where a prompt says, as near to its ends as a question may stand, that an answer which the
/// text does not hold is to be "none".
pub fn allows_none(text: &str, messages: &[Range<usize>]) -> bool {
    let mut ends = messages.iter().flat_map(|message| {
        let message = &text[message.clone()];
        let head = &message[..message.floor_char_boundary(QUESTION_WITHIN_BYTES)];
        let tail = text_from(message, message.len().saturating_sub(QUESTION_WITHIN_BYTES));
        [head, tail]
    });
    ends.any(|end| memmem::find(end.as_bytes(), ALLOWS_NONE.as_bytes()).is_some())
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
    if key.is_empty() {
        return None;
    }
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
    last_word_beside(text, key).or_else(|| last_word_beside(text, &capitalised(key)))
}

fn last_word_beside<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    const ENDS: [char; 4] = ['.', '!', '?', '\n'];
    // Nothing is found everywhere, within characters too.
    if key.is_empty() {
        return None;
    }
    memmem::find_iter(text.as_bytes(), key.as_bytes()).find_map(|key_at| {
        let (before, after) = (&text[..key_at], &text[key_at + key.len()..]);
        if before.ends_with(is_word) || after.starts_with(is_word) {
            return None;
        }
        let before = text_from(before, key_at.saturating_sub(MAX_SENTENCE_BYTES));
        let before = before.rsplit(ENDS).next().unwrap_or_default();
        let after = &after[..after.floor_char_boundary(MAX_SENTENCE_BYTES)];
        let end = after.find(ENDS).unwrap_or(after.len());
        if after[end..].starts_with('?') {
            return None;
        }
        [&after[..end], before]
            .into_iter()
            .flat_map(|half| half.rsplit(|c| !is_word(c)))
            .find(|word| !word.is_empty())
    })
}

/// The text up to what follows it, where that stands near and on the same line.
fn field<'t>(text: &'t str, followed_by: &str) -> Option<&'t str> {
    let near = &text[..text.floor_char_boundary(MAX_FIELD_BYTES + followed_by.len())];
    let found = &near[..memmem::find(near.as_bytes(), followed_by.as_bytes())?];
    (!found.is_empty() && !found.contains('\n')).then_some(found)
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

#[cfg(test)]
mod tests {
    use super::super::made::{Made, needle};
    use super::*;
    use proptest::prelude::*;

    fn asked(text: &str) -> Option<Question<'_>> {
        #[expect(clippy::single_range_in_vec_init)]
        question(text, &[0..text.len()])
    }

    fn answer(text: &str) -> Option<&str> {
        fact(text, asked(text)?).map(|fact| fact.value)
    }

    #[test]
    fn every_wording_and_every_kind_of_value_can_be_read() {
        assert_eq!(FORMS.len(), wordings().len() * 3);
        for form in FORMS.iter() {
            assert!(form.question.iter().all(|part| !part.is_empty()));
            assert!(!form.needle[1].is_empty() && !form.needle[2].is_empty());
            let all = [&form.question[..], &form.needle[..]].concat().concat();
            assert!(!all.contains(['{', '}']), "{all}");
        }
    }

    #[test]
    fn the_question_the_fact_and_the_siblings_are_found() {
        for seed in 0..2_000 {
            let made = Made::new(seed, 20, 3);
            let (start, end) = made.halves();
            let text = start.clone() + &end;
            let question = asked(&text).expect("a question");
            assert_eq!(
                (question.key, question.noun),
                (&*made.key, made.kind.noun()),
                "{text}"
            );
            let fact = fact(&text, question).expect("a fact");
            assert_eq!((fact.value, fact.at), (&*made.value, start.len()), "{text}");
            let mut found = siblings(&text, fact);
            let mut planted: Vec<&str> = made.siblings.iter().map(String::as_str).collect();
            found.sort_unstable();
            planted.sort_unstable();
            assert_eq!(found, planted, "{text}");
            assert_eq!(grep(&text, question.key), Some(&*made.value), "{text}");
        }
    }

    #[test]
    fn a_needle_of_another_wording_than_the_question_is_found() {
        for (wording, _) in wordings().iter().enumerate() {
            let made = Made::new(7, 5, 0);
            let told = needle(wording, made.kind, "brave-otter", "4711");
            let text = format!(
                "{told} {}",
                made.question().replace(&made.key, "brave-otter")
            );
            assert_eq!(answer(&text), Some("4711"), "{text}");
        }
    }

    #[test]
    fn only_the_very_key_and_the_kind_asked_for_are_answered() {
        let ask = "What is the special magic number for old-oak? Answer with the number only.";
        for (text, value) in [
            ("The special magic number for old-oak is 123.", Some("123")),
            ("The special magic number for old-oak-tree is 123.", None),
            ("The special magic number for cold-oak is 123.", None),
            ("The special magic word for old-oak is some-word.", None),
            ("The special magic number for old-oak is.", None),
            ("The special magic number for old-oak is 123", None),
            ("Somebody has given cold-oak the secret number 5.", None),
            ("Somebody has given old-oak the secret number 5.", Some("5")),
            ("Somebody has given old-oak the secret word 5.", None),
        ] {
            assert_eq!(answer(&format!("{text}\n{ask}")), value, "{text}");
        }
    }

    #[test]
    fn the_question_at_the_end_is_the_one_that_counts() {
        let told = "The access number of a is 1. The access number of b is 2.";
        let told = told.replace("The access", "Remember that the access");
        let ask = |key| format!("What is the access number of {key}? Give only the number.");
        assert_eq!(
            answer(&format!("{}\n{told}\n{}", ask("a"), ask("b"))),
            Some("2")
        );
        assert_eq!(
            answer(&format!("{}\n{told}\nAnswer now.", ask("a"))),
            Some("1")
        );
        assert_eq!(answer(&told), None);
        let far = format!("{told}\n{}\n{}", ask("a"), "x ".repeat(5_000));
        assert_eq!(answer(&format!("{}{far}", "x ".repeat(5_000))), None);
    }

    #[test]
    fn none_is_allowed_by_what_stands_beside_the_question_and_not_by_the_text() {
        #[expect(clippy::single_range_in_vec_init)]
        let allowed = |text: &str| allows_none(text, &[0..text.len()]);
        let permission = "If it is not in the text, answer \"none\".";
        let hay = "那天没有什么 of note. ".repeat(1_000);
        assert!(allowed(&format!("{hay}\n\nWhich? {permission}")));
        assert!(allowed(&format!("Which? {permission}\n\n{hay}")));
        assert!(!allowed(&format!("{hay}{permission} {hay}")));
        assert!(!allowed(
            "Which? There is none. They had to answer, and none did."
        ));
        assert!(!allowed(""));
    }

    #[test]
    fn a_sibling_whose_sentence_can_be_opened_twice_counts_once() {
        let text = "For k-1, the clerk wrote down the word a-b. Good. \
            For years, said he, For k-2, the clerk wrote down the word c-d. \
            Which word did the clerk write down for k-1? Answer with the word only.";
        let told = fact(text, asked(text).expect("a question")).expect("a fact");
        assert_eq!((told.value, siblings(text, told)), ("a-b", vec!["c-d"]));
    }

    #[test]
    fn grep_reads_nothing_but_the_sentence_with_the_key() {
        let text = "Nobody asked? The otter keeps coin-12 in a drawer of 9. The drawer holds 55.";
        assert_eq!(grep(text, "coin-12"), Some("9"));
        assert_eq!(grep(text, "asked"), None);
        assert_eq!(
            grep(&text.replace("Nobody", "Recoin-12 coin-123."), "coin-12"),
            Some("9")
        );
        assert_eq!(grep("The 42 belongs to\ncoin-12.", "coin-12"), None);
        assert_eq!(grep("So 42 belongs to coin-12.", "coin-12"), Some("to"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_searched(
            seed in 0u64..100, noise in ".{0,40}", cut in any::<prop::sample::Index>(), doubled: bool,
        ) {
            let mut text = Made::new(seed, 3, 2).text();
            let at = text.floor_char_boundary(cut.index(text.len()));
            text.insert_str(at, &noise);
            if doubled {
                text = text[at..].to_owned() + &text;
            }
            if let Some(question) = asked(&text) {
                let _ = grep(&text, question.key);
                if let Some(fact) = fact(&text, question) {
                    prop_assert!(siblings(&text, fact).iter().all(|value| *value != fact.value));
                }
            }
            let _ = grep(&text, &noise);
            let _ = grep(&noise, &text);
        }
    }
}
