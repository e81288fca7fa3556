//! A prompt as a solver reads it: where its question may stand, and which sentences it holds.

use crate::form::Found;
use crate::language::Language;
use std::ops::Range;

/// How far from either end of a message the question is looked for, in bytes.
const QUESTION_WITHIN_BYTES: usize = 4096;

/// A prompt.
pub struct Page<'t> {
    /// All of it.
    pub text: &'t str,
    /// Where its messages stand in it.
    pub messages: Vec<Range<usize>>,
    /// Where the question may stand: the end of the last message, then the heads of all.
    ends: Vec<&'t str>,
}

/// A question as it was found.
pub struct Asked<'t> {
    /// The language it is asked in.
    pub language: &'static Language,
    /// Which of the question's variants it is.
    pub variant: usize,
    /// What stands in its blanks.
    pub found: Found<'t>,
}

/// A sentence as it was found.
pub struct Told<'t> {
    /// The language it is told in.
    pub language: &'static Language,
    /// Which of the sentence's variants it is.
    pub variant: usize,
    /// What stands in its blanks, and where.
    pub found: Found<'t>,
}

impl<'t> Page<'t> {
    /// Looks at a prompt.
    pub fn new(text: &'t str, messages: &[Range<usize>]) -> Page<'t> {
        let mut ends = Vec::new();
        if let Some(last) = messages.last() {
            let from = last
                .end
                .saturating_sub(QUESTION_WITHIN_BYTES)
                .max(last.start);
            ends.push(&text[text.ceil_char_boundary(from)..last.end]);
        }
        for message in messages {
            let to = (message.start + QUESTION_WITHIN_BYTES).min(message.end);
            ends.push(&text[message.start..text.floor_char_boundary(to)]);
        }
        Page {
            text,
            messages: messages.to_vec(),
            ends,
        }
    }

    /// Where the question may stand: the end of the last message, then the heads of all.
    pub fn ends(&self) -> &[&'t str] {
        &self.ends
    }

    /// The question of a task, in any language: the last one of the end of the prompt, else the
    /// first one of its head.
    pub fn asked(&self, task: &str, name: &str) -> Option<Asked<'t>> {
        for (at, end) in self.ends.iter().enumerate() {
            let mut here: Vec<Asked<'t>> = Vec::new();
            for language in languages(task) {
                for (variant, form) in language.forms(task, name).ok()?.iter().enumerate() {
                    here.extend(form.find(end).into_iter().map(|found| Asked {
                        language,
                        variant,
                        found,
                    }));
                }
            }
            // Of two that begin at one place the longer one says more.
            here.sort_by_key(|asked| (asked.found.from, asked.found.to));
            let one = match at {
                0 => here.pop(),
                _ => here.into_iter().next(),
            };
            if one.is_some() {
                return one;
            }
        }
        None
    }

    /// Every sentence of a task under a name, in any language and variant, in the order of the
    /// text.
    pub fn told(&self, task: &str, name: &str) -> Vec<Told<'t>> {
        let mut told = Vec::new();
        for language in languages(task) {
            let Ok(forms) = language.forms(task, name) else {
                continue;
            };
            for (variant, form) in forms.iter().enumerate() {
                told.extend(form.find(self.text).into_iter().map(|found| Told {
                    language,
                    variant,
                    found,
                }));
            }
        }
        told.sort_by_key(|told| told.found.from);
        told
    }
}

/// The languages that have the sentences of a task.
fn languages(task: &str) -> impl Iterator<Item = &'static Language> {
    Language::codes()
        .filter_map(|code| Language::named(code).ok())
        .filter(move |language| language.has(task))
}
