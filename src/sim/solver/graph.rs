//! Graphs whose edges are told all over the text.

use super::page::Asked;
use super::{Page, Solution};
use crate::task::Task;
use crate::task::graph::NAME;

/// Solves `graph_bfs` and `graph_parents`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let told = page.told(NAME, "edge");
    let edges: Vec<(&str, &str, usize)> = told
        .iter()
        .map(|told| {
            let found = &told.found;
            (found.field("from"), found.field("to"), found.from)
        })
        .collect();
    if let Some(asked) = page.asked(NAME, "bfs") {
        let from = asked.found.field("from");
        let steps: usize = asked.found.field("steps").parse().ok()?;
        let rings = rings(&edges, from, steps);
        let nearer: Vec<&str> = rings.concat();
        let right = rings.last()?.clone();
        // Who names the nearer ones too, or goes one step only.
        let wrong = vec![nearer, rings.first()?.clone()];
        return solution("graph_bfs", &asked, &edges, &right, wrong, |edge| {
            right.contains(&edge.1)
        });
    }
    let asked = page.asked(NAME, "parents")?;
    let to = asked.found.field("to");
    let right: Vec<&str> = edges
        .iter()
        .filter(|edge| edge.1 == to)
        .map(|edge| edge.0)
        .collect();
    // Who takes the edges the wrong way round.
    let children: Vec<&str> = edges
        .iter()
        .filter(|edge| edge.0 == to)
        .map(|edge| edge.1)
        .collect();
    solution(
        "graph_parents",
        &asked,
        &edges,
        &right,
        vec![children],
        |edge| edge.1 == to,
    )
}

/// The nodes at each distance from a node, from one step on.
fn rings<'t>(
    edges: &[(&'t str, &'t str, usize)],
    from: &'t str,
    steps: usize,
) -> Vec<Vec<&'t str>> {
    let (mut seen, mut here, mut rings) = (vec![from], vec![from], Vec::new());
    for _ in 0..steps {
        let mut next: Vec<&str> = Vec::new();
        for &(a, b, _) in edges {
            if here.contains(&a) && !seen.contains(&b) {
                seen.push(b);
                next.push(b);
            }
        }
        here = next;
        rings.push(here.clone());
    }
    rings
}

fn solution<'t>(
    task: &str,
    asked: &Asked<'_>,
    edges: &[(&str, &str, usize)],
    right: &[&'t str],
    mut wrong: Vec<Vec<&'t str>>,
    decides: impl Fn(&(&str, &str, usize)) -> bool,
) -> Option<Solution> {
    let comma = &asked.language.comma;
    // The first node alone, where there are several.
    wrong.push(right.first().into_iter().copied().collect());
    wrong.retain(|nodes| {
        let is_same = nodes.len() == right.len() && nodes.iter().all(|node| right.contains(node));
        !nodes.is_empty() && !is_same
    });
    Some(Solution {
        task: Task::named(task).ok()?,
        answer: right.join(comma),
        at: edges.iter().find(|edge| decides(edge))?.2,
        wrong: wrong.iter().map(|nodes| nodes.join(comma)).collect(),
    })
}
