//! Public needles, with whatever answer the text gives them.

use super::{Page, Solution};
use crate::task::Task;

/// Solves `public` and `public_changed`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked("public", "question")?;
    let told = page.told("public", "told");
    let told = told.iter().find(|told| told.variant == asked.variant)?;
    let mut values = vec![
        told.found.field("a"),
        told.found.field("b"),
        told.found.field("c"),
    ];
    values.retain(|value| !value.is_empty());
    let mut wrong = Vec::new();
    if values.len() > 1 {
        wrong.push(values[1..].join(&asked.language.comma));
    }
    let mut task = "public";
    // Who answers from what is known by heart.
    let famous = format!("famous_{}", told.variant);
    let famous = told.language.words("public", &famous).ok()?;
    if values
        .iter()
        .any(|value| famous.iter().all(|known| known != value))
    {
        task = "public_changed";
        wrong.push(famous.join(&asked.language.comma));
    }
    Some(Solution {
        task: Task::named(task).ok()?,
        answer: values.join(&asked.language.comma),
        at: told.found.from,
        wrong,
    })
}

/// The famous answer in the language of the question, for who needs no text.
pub fn famous(page: &Page<'_>) -> Option<String> {
    let asked = page.asked("public", "question")?;
    let famous = format!("famous_{}", asked.variant);
    let famous = asked.language.words("public", &famous).ok()?;
    Some(famous.join(&asked.language.comma))
}
