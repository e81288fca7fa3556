//! Arrivals dated by one another, put in order.

use super::{Page, Solution};
use crate::task::Task;

/// Solves `timeline`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked("timeline", "question")?;
    let anchor = page.told("timeline", "anchor").into_iter().next()?.found;
    let mut dated = Vec::new();
    for (form, sign) in [("after", 1), ("before", -1)] {
        for told in page.told("timeline", form) {
            let apart: i64 = told.found.field("days").parse().ok()?;
            dated.push((told.found, sign * apart));
        }
    }
    let mut told: Vec<(usize, &str)> = dated
        .iter()
        .map(|(found, _)| (found.from, found.field("name")))
        .collect();
    told.push((anchor.from, anchor.field("name")));
    told.sort_unstable();
    let mut known = vec![(0_i64, anchor.field("name"))];
    // Each round dates those that are dated by somebody known.
    loop {
        let day = |name: &str| {
            known
                .iter()
                .find(|(_, other)| *other == name)
                .map(|(day, _)| *day)
        };
        let next = dated.iter().find_map(|(found, apart)| {
            let name = found.field("name");
            let by = day(found.field("other"))?;
            day(name).is_none().then_some((by + apart, name))
        });
        match next {
            Some(next) => known.push(next),
            None => break,
        }
    }
    known.sort_unstable();
    let list = |names: Vec<&str>| names.join(&asked.language.comma);
    let order: Vec<&str> = known.into_iter().map(|(_, name)| name).collect();
    let as_told: Vec<&str> = told.into_iter().map(|(_, name)| name).collect();
    let mut wrong = vec![
        list(order.iter().rev().copied().collect()),
        list(order[1..].to_vec()),
    ];
    if as_told != order {
        wrong.push(list(as_told));
    }
    Some(Solution {
        task: Task::named("timeline").ok()?,
        answer: list(order),
        at: dated.first().map_or(anchor.from, |(found, _)| found.from),
        wrong,
    })
}
