//! The i-th of several like records, counted in the order of the text.

use super::{Page, Solution};
use crate::language::Language;
use crate::task::Task;
use crate::task::ordinal::NAME;

/// Solves `ordinal`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked(NAME, "question")?;
    let field = |name| place(asked.language, name, asked.found.field(blank(name)));
    let (kind, subject) = (field("kinds")?, field("subjects")?);
    let nth = field("ordinals")?;
    let (mut alike, mut others) = (Vec::new(), Vec::new());
    for told in page.told(NAME, "told") {
        let field = |name| place(told.language, name, told.found.field(blank(name)));
        match (field("kinds"), field("subjects")) == (Some(kind), Some(subject)) {
            true => alike.push(told),
            false => others.push(told.found.field("value").to_string()),
        }
    }
    let own = alike.get(nth)?;
    let value = own.found.field("value");
    let wrong = alike.iter().map(|told| told.found.field("value"));
    others.extend(wrong.filter(|other| *other != value).map(str::to_string));
    Some(Solution {
        task: Task::named(NAME).ok()?,
        answer: value.to_string(),
        at: own.found.from,
        wrong: others,
    })
}

/// The blank that a list fills.
fn blank(list: &str) -> &str {
    match list {
        "kinds" => "kind",
        "subjects" => "subject",
        _ => "nth",
    }
}

/// The place of a word in a list of a language.
fn place(language: &Language, list: &str, word: &str) -> Option<usize> {
    let words = language.words(NAME, list).ok()?;
    words.iter().position(|known| known == word)
}
