//! A graph whose edges are told all over the text: what lies at a distance, and what leads somewhere.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use crate::seed::Stream;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};

/// The name of its sentences.
pub const NAME: &str = "graph";

const EDGES: Difficulty = Difficulty {
    name: "edges",
    usual: 20,
    range: (8, 80),
    meaning: "edges of the graph, each told in a sentence of its own",
};
const DISTANCE: Difficulty = Difficulty {
    name: "distance",
    usual: 2,
    range: (1, 4),
    meaning: "edges on the shortest way to what is asked for",
};
/// More nodes than this are not asked for.
const MOST_ANSWERS: usize = 6;
/// Draws of a graph; nearly all are settled by the first few.
const TRIES: usize = 1_000;

/// Nodes at a distance.
pub const BFS: Entry = Entry {
    code: 60,
    name: "graph_bfs",
    kind: Kind::Aggregate,
    measures: "which nodes of a graph lie at an exact distance from one of them",
    idea: "GraphWalks (OpenAI 2025), breadth-first search, with edges told as sentences",
    scoring: "right: all nodes at that distance (1 to 6) and no other, in any order; in part: those that are right over those expected or named",
    hay: Hay::Corpus,
    difficulty: &[EDGES, DISTANCE],
    facts: nodes,
    questions: |_| 1,
    speaks: |language| language.has(NAME),
    pose: |scene| {
        let distance = scene.difficulty(&DISTANCE) as usize;
        pose(scene, Sought::At(distance))
    },
};

/// Nodes with an edge to one.
pub const PARENTS: Entry = Entry {
    code: 61,
    name: "graph_parents",
    measures: "which nodes of a graph have an edge to one of them",
    idea: "GraphWalks (OpenAI 2025), parents, with edges told as sentences",
    scoring: "right: all nodes with such an edge (1 to 6) and no other, in any order; in part: those that are right over those expected or named",
    difficulty: &[EDGES],
    pose: |scene| pose(scene, Sought::Parents),
    ..BFS
};

/// Two nodes for three edges, so that there are several ways and few nodes that nothing leads to.
fn nodes(sizes: &Sizes<'_>) -> u64 {
    (sizes.of(&EDGES) * 2 / 3).max(6)
}

/// What is asked of a graph, always about node 0.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sought {
    At(usize),
    Parents,
}

fn pose(scene: &mut Scene<'_>, sought: Sought) -> Result<Posed> {
    let names: Vec<String> = (0..nodes(&scene.sizes))
        .map(|nth| scene.facts.key(scene.nth(nth)))
        .collect::<Result<_>>()?;
    let count = scene.difficulty(&EDGES) as usize;
    let (edges, right, about) = (0..TRIES)
        .find_map(|_| drawn(&mut scene.stream, names.len(), count, sought))
        .context("no graph of so many edges has an answer of this distance: ask other numbers")?;
    let form = scene.told.form(NAME, "edge")?;
    // The trial's own depth comes first, and the deciding edge takes it.
    let mut depths = scene.spread(edges.len());
    depths.swap(0, about);
    let told = edges.iter().zip(depths);
    let planted = told.map(|(&(from, to), depth_percent)| Planted {
        sentence: form.fill(&[("from", &names[from]), ("to", &names[to])]),
        depth_percent,
    });
    let planted: Vec<Planted> = planted.collect();
    let text = match sought {
        Sought::At(distance) => scene
            .asked
            .form(NAME, "bfs")?
            .fill(&[("from", &names[0]), ("steps", &distance.to_string())]),
        Sought::Parents => scene
            .asked
            .form(NAME, "parents")?
            .fill(&[("to", &names[0])]),
    };
    let told: BTreeSet<usize> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
    let others = told
        .iter()
        .filter(|node| **node != 0 && !right.contains(*node));
    let named = |node: &usize| names[*node].clone();
    Ok(Posed {
        questions: vec![Question {
            text,
            key: names[0].clone(),
            right: Right::all(ValueType::Names, right.iter().map(named).collect()),
            distractors: others.map(named).collect(),
            about,
        }],
        planted,
        words: Default::default(),
    })
}

/// A graph: its edges, in random order; the nodes that are right; and an edge without which the
/// answer would be another one.
type Drawn = (Vec<(usize, usize)>, BTreeSet<usize>, usize);

/// Draws a graph; none where it has no answer, too long a one, or none that hangs on one edge.
fn drawn(stream: &mut Stream, nodes: usize, count: usize, sought: Sought) -> Option<Drawn> {
    let mut edges: Vec<(usize, usize)> = match sought {
        Sought::At(distance) => (0..distance).map(|node| (node, node + 1)).collect(),
        Sought::Parents => {
            let most = MOST_ANSWERS.min(nodes - 2) as u64;
            let parents = 1 + stream.below(most) as usize;
            (1..=parents).map(|node| (node, 0)).collect()
        }
    };
    let decisive = edges.last().copied()?;
    let mut known: BTreeSet<(usize, usize)> = edges.iter().copied().collect();
    // Far more draws than needed: a graph has room for several times as many edges.
    for _ in 0..100 * count {
        if edges.len() >= count {
            break;
        }
        let mut node = || stream.below(nodes as u64) as usize;
        let edge = (node(), node());
        let is_free = sought != Sought::Parents || edge.1 != 0;
        if edge.0 != edge.1 && is_free && known.insert(edge) {
            edges.push(edge);
        }
    }
    let right = match sought {
        Sought::At(distance) => at_distance(&edges, distance),
        Sought::Parents => edges
            .iter()
            .filter(|edge| edge.1 == 0)
            .map(|edge| edge.0)
            .collect(),
    };
    let without: Vec<_> = edges
        .iter()
        .copied()
        .filter(|edge| *edge != decisive)
        .collect();
    let hangs = match sought {
        Sought::At(distance) => at_distance(&without, distance) != right,
        Sought::Parents => true,
    };
    stream.shuffle(&mut edges);
    let about = edges.iter().position(|edge| *edge == decisive)?;
    let fits = edges.len() == count && (1..=MOST_ANSWERS).contains(&right.len()) && hangs;
    fits.then_some((edges, right, about))
}

/// The nodes at an exact distance from node 0.
fn at_distance(edges: &[(usize, usize)], distance: usize) -> BTreeSet<usize> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(from, to) in edges {
        next.entry(from).or_default().push(to);
    }
    let mut seen = BTreeSet::from([0]);
    let mut here = seen.clone();
    for _ in 0..distance {
        let reached = here.iter().filter_map(|node| next.get(node)).flatten();
        here = reached
            .copied()
            .filter(|node| !seen.contains(node))
            .collect();
        seen.extend(&here);
    }
    here
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn distances_are_shortest_ways() {
        let edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 0), (3, 4), (5, 4)];
        let sets = [[1, 2].as_slice(), &[3], &[4], &[]];
        for (distance, expected) in (1..).zip(sets) {
            let expected: BTreeSet<usize> = expected.iter().copied().collect();
            assert_eq!(at_distance(&edges, distance), expected, "{distance}");
        }
    }

    #[test]
    fn every_graph_has_as_many_edges_as_asked_one_to_six_answers_and_hangs_on_its_edge() {
        for entry in [&BFS, &PARENTS] {
            for language in golden::languages(entry) {
                let mut counts = BTreeSet::new();
                for secret in 0..40 {
                    let edges = [8, 20, 80][secret as usize % 3];
                    let distance = 1 + secret % 4;
                    let asked = BTreeMap::from([
                        ("edges".to_string(), edges),
                        ("distance".to_string(), distance),
                    ]);
                    let posed = golden::posed(entry, language, secret, 62.5, &asked);
                    let question = &posed.questions[0];
                    let sentences: BTreeSet<&String> =
                        posed.planted.iter().map(|told| &told.sentence).collect();
                    assert_eq!(sentences.len() as u64, edges);
                    assert_eq!(posed.planted[question.about].depth_percent, 62.5);
                    let right = &question.right.values;
                    assert!((1..=MOST_ANSWERS).contains(&right.len()), "{right:?}");
                    counts.insert(right.len());
                    assert!(
                        question
                            .distractors
                            .iter()
                            .all(|name| !right.contains(name))
                    );
                }
                assert!(counts.len() >= 4, "{counts:?}");
            }
        }
    }

    #[test]
    fn golden_prompts_stay() {
        golden::check(&BFS);
        golden::check(&PARENTS);
    }
}
