//! Trails of things and lines of ancestors, followed link by link.

use super::page::{Asked, Told};
use super::{Page, Solution};
use crate::task::Task;
use crate::task::chain::{FAMILY, TRAIL};

/// A link: from whom, to whom, over how many generations, and where it stands.
struct Link<'t> {
    from: &'t str,
    to: &'t str,
    generations: u64,
    at: usize,
}

/// Solves `chain` and `kinship`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    trail(page).or_else(|| family(page))
}

fn trail(page: &Page<'_>) -> Option<Solution> {
    let asked = page.asked(TRAIL, "question")?;
    let links = links(page.told(TRAIL, "link"), ("from", "to"), 1);
    followed(TRAIL, &links, asked.found.field("from"), None, Vec::new())
}

fn family(page: &Page<'_>) -> Option<Solution> {
    let names = ["generations", "earliest"];
    let asked: Asked<'_> = names.iter().find_map(|name| page.asked(FAMILY, name))?;
    let up = ("younger", "older");
    let mut lines = links(page.told(FAMILY, "parent"), up, 1);
    lines.extend(links(page.told(FAMILY, "grandparent"), up, 2));
    let teachers = page.told(FAMILY, "teacher");
    let teachers = teachers.iter().map(|told| told.found.field("older"));
    let number = asked.found.field("number").parse().ok();
    let start = asked.found.field("name");
    followed(FAMILY, &lines, start, number, teachers.collect())
}

fn links<'t>(told: Vec<Told<'t>>, (from, to): (&str, &str), generations: u64) -> Vec<Link<'t>> {
    let links = told.into_iter().map(|told| Link {
        from: told.found.field(from),
        to: told.found.field(to),
        generations,
        at: told.found.from,
    });
    links.collect()
}

/// From a start as far as the links go, or over so many generations.
fn followed<'t>(
    task: &'static str,
    links: &[Link<'t>],
    start: &str,
    number: Option<u64>,
    mut wrong: Vec<&'t str>,
) -> Option<Solution> {
    let (mut at, mut last, mut passed) = (start, None, 0);
    // No chain is longer than all links together.
    for _ in 0..links.len() {
        let next = links.iter().find(|link| link.from == at);
        let Some(next) = next.filter(|_| number.is_none_or(|number| passed < number)) else {
            break;
        };
        passed += next.generations;
        (at, last) = (next.to, Some(next));
    }
    let last = last.filter(|_| number.is_none_or(|number| passed == number))?;
    // Who stops on the way, goes on too far, or ends in another chain.
    wrong.extend(links.iter().map(|link| link.to));
    wrong.retain(|name| *name != last.to);
    Some(Solution {
        task: Task::named(task).ok()?,
        answer: last.to.to_string(),
        at: last.at,
        wrong: wrong.into_iter().map(str::to_string).collect(),
    })
}
