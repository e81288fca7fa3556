//! Facts that only knowledge of the world joins to their question: the public table of the items.

use super::{Page, Solution};
use crate::language::Language;
use crate::task::Task;
use crate::task::associative::{Cue, NAME, items};

/// Solves `associative`, `associative_2` and `associative_direct`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let english = Language::named("en").ok()?;
    let families = english.words(NAME, "families").ok()?;
    families.iter().find_map(|family| {
        let mut cues = Cue::ALL.into_iter();
        cues.find_map(|cue| solve_one(page, family, cue))
    })
}

fn solve_one(page: &Page<'_>, family: &str, cue: Cue) -> Option<Solution> {
    let asked = page.asked(NAME, &cue.question(family))?;
    let named = asked.found.field("cue");
    let known = items(asked.language, family).ok()?;
    let fitting: Vec<&str> = known
        .iter()
        .filter(|item| cue.of(item) == Some(named))
        .map(|item| item.id)
        .collect();
    let (mut own, mut others) = (None, Vec::new());
    for told in page.told(NAME, &format!("{family}_told")) {
        let rows = items(told.language, family).ok()?;
        let item = rows
            .iter()
            .find(|item| item.thing == told.found.field("thing"));
        match item {
            Some(item) if fitting.contains(&item.id) && own.is_none() => own = Some(told),
            Some(_) => others.push(told.found.field("name").to_string()),
            None => {}
        }
    }
    let own = own?;
    Some(Solution {
        task: Task::named(match cue {
            Cue::One => "associative",
            Cue::Two => "associative_2",
            Cue::Direct => "associative_direct",
        })
        .ok()?,
        answer: own.found.field("name").to_string(),
        at: own.found.from,
        // Whoever is told of in the same words.
        wrong: others,
    })
}
