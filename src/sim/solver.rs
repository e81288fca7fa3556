//! Oracles: what every task's question comes to, found in the prompt alone.
//!
//! A solver knows the public sentences of the languages and nothing of any plan, secret or right
//! answer: that it answers every prompt rightly shows that the tasks can be solved and that the
//! scorer is right. A task is one file below this one and one line in `SOLVERS`.

mod aggregate;
mod associative;
mod chain;
mod conflict;
mod counting;
mod graph;
mod keyed;
mod mrcr;
mod ordinal;
mod page;
mod public;
mod question;
mod ruler;
mod state;
mod timeline;
mod variables;
mod words;

pub use page::Page;

use crate::language::Language;
use crate::task::Task;
use std::ops::Range;

/// What a question comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The task; of several whose prompts are alike ([`ALIKE`]) the first.
    pub task: Task,
    /// The right answer.
    pub answer: String,
    /// Where the fact stands that it hangs on most, in bytes.
    pub at: usize,
    /// What one might answer who has read the text and not understood it.
    pub wrong: Vec<String>,
}

/// Tasks whose prompts nobody can tell apart who does not know the plan.
pub const ALIKE: &[&[&str]] = &[
    &[
        "niah_single",
        "niah_single_1",
        "niah_single_2",
        "niah_single_3",
    ],
    &["niah_multikey", "niah_multikey_1"],
];

/// So many facts at least are a background, and no needles.
const BACKGROUND_FACTS: usize = 8;

/// The task of a question for one keyed fact, by its key, by how many facts of the same form a
/// text tells, and by how much of its bytes they are.
pub fn keyed_task(key: &str, told: usize, told_bytes: usize, text_bytes: usize) -> Task {
    let is_uuid = key.len() == 36
        && key
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let is_background = told >= BACKGROUND_FACTS && 2 * told_bytes > text_bytes;
    let name = match (is_uuid, is_background, told) {
        (true, ..) => "niah_multikey_3",
        (false, true, _) => "niah_multikey_2",
        (false, false, 0 | 1) => "niah_single",
        (false, false, _) => "niah_multikey",
    };
    Task::named(name).unwrap_or(Task::NIAH_SINGLE)
}

/// Every solver but that of single keyed facts, whose questions are the commonest; each gives none
/// for questions of other tasks.
const SOLVERS: &[fn(&Page<'_>) -> Option<Solution>] = &[
    variables::solve,
    associative::solve,
    ordinal::solve,
    mrcr::solve,
    ruler::solve,
    conflict::solve,
    chain::solve,
    graph::solve,
    words::solve,
    question::solve,
    counting::solve,
    aggregate::sum,
    aggregate::maximum,
    state::solve,
    timeline::solve,
    public::solve,
];

/// Solves a prompt whose question is none for one keyed fact: its text, and where its messages
/// stand in it.
pub fn special(text: &str, messages: &[Range<usize>]) -> Option<Solution> {
    let page = Page::new(text, messages);
    SOLVERS.iter().find_map(|solver| solver(&page))
}

/// Solves a prompt: its text, and where its messages stand in it.
pub fn solve(text: &str, messages: &[Range<usize>]) -> Option<Solution> {
    let page = Page::new(text, messages);
    let special = SOLVERS.iter().find_map(|solver| solver(&page));
    special.or_else(|| keyed::solve(&page))
}

/// The famous answer to a public question, whatever the text says and whether it says anything.
pub fn by_heart(text: &str, messages: &[Range<usize>]) -> Option<String> {
    public::famous(&Page::new(text, messages))
}

/// True where the question of any task is asked, in any language, answerable or not.
pub fn is_asked(text: &str, messages: &[Range<usize>]) -> bool {
    let page = Page::new(text, messages);
    let mut languages = Language::codes().filter_map(|code| Language::named(code).ok());
    languages.any(|language| {
        let mut questions = language.questions();
        questions.any(|form| page.ends().iter().any(|end| !form.find(end).is_empty()))
    })
}

#[cfg(test)]
mod tests;
