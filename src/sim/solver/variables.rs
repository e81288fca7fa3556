//! Variable tracking: which variables got a value, directly or from one another.

use super::{Page, Solution};
use crate::task::Task;

/// Solves `vt`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked("vt", "question")?;
    let value = asked.found.field("value");
    let starts = page.told("vt", "start");
    let start = starts
        .iter()
        .find(|start| start.found.field("value") == value)?;
    let mut chain = vec![start.found.field("name").to_string()];
    let hops = page.told("vt", "hop");
    // A hop may be told before the one it follows.
    loop {
        let next = hops.iter().find(|hop| {
            let holds = |name: &str| chain.iter().any(|known| known == name);
            holds(hop.found.field("from")) && !holds(hop.found.field("name"))
        });
        match next {
            Some(hop) => chain.push(hop.found.field("name").to_string()),
            None => break,
        }
    }
    Some(Solution {
        task: Task::named("vt").ok()?,
        answer: chain.join(&asked.language.comma),
        at: start.found.from,
        // Who stops after the first hop.
        wrong: vec![chain[0].clone()],
    })
}
