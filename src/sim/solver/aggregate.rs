//! Amounts all over the text: added up for one person, or compared.

use super::{Page, Solution};
use crate::task::Task;

/// Solves `sum`.
pub fn sum(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked("sum", "question")?;
    let name = asked.found.field("name");
    let told = page.told("sum", "told");
    let amount = |told: &super::page::Told<'_>| told.found.field("amount").parse::<u64>().ok();
    let own: Vec<_> = told
        .iter()
        .filter(|told| told.found.field("name") == name)
        .collect();
    let total: u64 = own.iter().filter_map(|told| amount(told)).sum();
    let last = own.last().and_then(|told| amount(told))?;
    let all: u64 = told.iter().filter_map(amount).sum();
    Some(Solution {
        task: Task::named("sum").ok()?,
        answer: total.to_string(),
        at: own.first()?.found.from,
        // Who adds up everything, takes the last amount for all, forgets it, or shows the way.
        wrong: vec![
            all.to_string(),
            last.to_string(),
            (total - last).to_string(),
            format!("{} + {last} = {total}", total - last),
        ],
    })
}

/// Solves `maximum`.
pub fn maximum(page: &Page<'_>) -> Option<Solution> {
    page.asked("maximum", "question")?;
    let mut told: Vec<(u64, usize, &str)> = page
        .told("maximum", "told")
        .into_iter()
        .filter_map(|told| {
            let amount = told.found.field("amount").parse().ok()?;
            Some((amount, told.found.from, told.found.field("name")))
        })
        .collect();
    told.sort_unstable();
    let (_, at, name) = told.pop()?;
    Some(Solution {
        task: Task::named("maximum").ok()?,
        answer: name.to_string(),
        at,
        wrong: told
            .iter()
            .rev()
            .take(2)
            .map(|(_, _, name)| name.to_string())
            .collect(),
    })
}
