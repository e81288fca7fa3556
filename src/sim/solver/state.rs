//! The story of who went where and what was handed on, followed to its end.

use super::{Page, Solution};
use crate::task::Task;
use std::collections::BTreeMap;

/// How things stand, by name.
#[derive(Default)]
struct World<'t> {
    /// Where people are.
    places: BTreeMap<&'t str, &'t str>,
    /// Who holds a thing; nobody where it was laid down.
    holders: BTreeMap<&'t str, Option<&'t str>>,
    /// Where a thing was last handed on, in bytes.
    handed: BTreeMap<&'t str, usize>,
    /// Who was the first to hold a thing.
    firsts: BTreeMap<&'t str, &'t str>,
}

/// Solves `state`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let who = page.asked("state", "who");
    let what = page.asked("state", "what");
    let world = told(page);
    let comma = |asked: &super::page::Asked<'_>| asked.language.comma.clone();
    if let Some(asked) = who {
        let thing = asked.found.field("thing");
        let holder = world.holders.get(thing).copied().flatten()?;
        let place = world.places.get(holder)?;
        let mut wrong = vec![holder.to_string(), (*place).to_string()];
        // Who stops at the first to hold it, or looks for another.
        wrong.extend(
            world
                .firsts
                .get(thing)
                .filter(|first| **first != holder)
                .map(|first| first.to_string()),
        );
        wrong.extend(
            world
                .places
                .iter()
                .filter(|(name, at)| **name != holder && *at != place)
                .map(|(name, at)| format!("{name}{}{at}", comma(&asked))),
        );
        return Some(Solution {
            task: Task::named("state").ok()?,
            answer: format!("{holder}{}{place}", comma(&asked)),
            at: world.handed.get(thing).copied()?,
            wrong,
        });
    }
    let asked = what?;
    let name = asked.found.field("name");
    let of = |held: bool| -> Vec<&str> {
        let things = world
            .holders
            .iter()
            .filter(|(_, holder)| (**holder == Some(name)) == held);
        things.map(|(thing, _)| *thing).collect()
    };
    let (held, others) = (of(true), of(false));
    let at = held
        .iter()
        .filter_map(|thing| world.handed.get(thing))
        .max()
        .copied()?;
    let mut wrong = Vec::new();
    if !others.is_empty() {
        wrong.push(others.join(&comma(&asked)));
        wrong.push([held.clone(), others].concat().join(&comma(&asked)));
    }
    Some(Solution {
        task: Task::named("state").ok()?,
        answer: held.join(&comma(&asked)),
        at,
        wrong,
    })
}

/// Everything that is told, in the order of the text.
fn told<'t>(page: &Page<'t>) -> World<'t> {
    let mut steps = Vec::new();
    for form in ["go", "take", "send", "lay"] {
        let told = page.told("state", form).into_iter();
        steps.extend(told.map(|told| (told.found.from, form, told.found)));
    }
    steps.sort_by_key(|(from, ..)| *from);
    let mut world = World::default();
    for (from, form, found) in &steps {
        let (name, thing) = (found.field("name"), found.field("thing"));
        if *form == "go" {
            world.places.insert(name, found.field("place"));
            continue;
        }
        let holder = match *form {
            "take" => Some(name),
            "send" => Some(found.field("to")),
            _ => None,
        };
        world.holders.insert(thing, holder);
        world.handed.insert(thing, *from);
        world.firsts.entry(thing).or_insert(name);
    }
    world
}
