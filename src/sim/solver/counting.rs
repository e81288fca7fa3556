//! Counts that are reported all over the text, in its order.

use super::{Page, Solution};
use crate::task::Task;

/// Solves `counting`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked("counting", "question")?;
    let name = asked.found.field("name");
    let mut told: Vec<_> = page.told("counting", "report");
    let slips = page.told("counting", "slip");
    let firsts: Vec<String> = slips
        .iter()
        .map(|slip| slip.found.field("wrong").to_string())
        .collect();
    told.extend(slips);
    told.retain(|told| told.found.field("name") == name);
    told.sort_by_key(|told| told.found.from);
    let at = told.first()?.found.from;
    let counts: Vec<&str> = told.iter().map(|told| told.found.field("count")).collect();
    let list = |counts: &[&str]| counts.join(&asked.language.comma);
    let mut turned = counts.clone();
    turned.reverse();
    let sum: u64 = counts
        .iter()
        .filter_map(|count| count.parse::<u64>().ok())
        .sum();
    let mut wrong = vec![list(&turned), list(&counts[1..]), sum.to_string()];
    wrong.extend(firsts.first().cloned());
    Some(Solution {
        task: Task::named("counting").ok()?,
        answer: list(&counts),
        at,
        wrong,
    })
}
