//! Facts that hang together, each on the one before: trails of things, and lines of ancestors.
//!
//! The links stand in any order over the text, among those of other chains of the same length, so
//! that neither the first nor the last name of the text is the answer.

use super::{Difficulty, Entry, Hay, Kind, Planted, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use anyhow::Result;

/// The names of the sentences: of the trail, and of the family.
pub const TRAIL: &str = "chain";
/// See [`TRAIL`].
pub const FAMILY: &str = "kinship";

const HOPS: Difficulty = Difficulty {
    name: "hops",
    usual: 4,
    range: (2, 12),
    meaning: "links from the start to the end; the other chains have as many",
};
/// The asked chain and those among which it stands.
const CHAINS: u64 = 3;
/// Teachers, who are no ancestors: of the first, of the last and of somebody between.
const TEACHERS: u64 = 3;

/// The end of a trail of things.
pub const CHAIN: Entry = Entry {
    code: 50,
    name: "chain",
    kind: Kind::Chained,
    measures: "where a trail of things ends, each of which leads to the next",
    idea: "NeedleBench (Li et al. 2024), ancestral trace, with things in place of people; RULER's variable tracking",
    scoring: "right: the last thing and no other; who picks the end of any trail is right once in three",
    hay: Hay::Corpus,
    difficulty: &[HOPS],
    facts: |sizes| CHAINS * (sizes.of(&HOPS) + 1),
    questions: |_| 1,
    speaks: |language| language.has(TRAIL),
    pose: pose_trail,
};

/// The ancestor of somebody.
pub const KINSHIP: Entry = Entry {
    code: 51,
    name: "kinship",
    measures: "who is the earliest ancestor of somebody, or the one so many generations before",
    idea: "NeedleBench (Li et al. 2024), ancestral trace; kinship puzzles as CLUTRR (Sinha et al. 2019)",
    scoring: "right: the ancestor and no other; who picks the head of any line is right once in three",
    facts: kin,
    speaks: |language| language.has(FAMILY),
    pose: pose_family,
    ..CHAIN
};

fn kin(sizes: &Sizes<'_>) -> u64 {
    CHAINS * (sizes.of(&HOPS) + 1) + TEACHERS
}

/// A sentence of a chain.
struct Link {
    sentence: String,
    /// True where it names the answer.
    tells: bool,
}

fn pose_trail(scene: &mut Scene<'_>) -> Result<Posed> {
    let hops = scene.difficulty(&HOPS);
    let length = hops + 1;
    let things: Vec<String> = (0..CHAINS * length)
        .map(|nth| scene.facts.key(scene.nth(nth)))
        .collect::<Result<_>>()?;
    let form = scene.told.form(TRAIL, "link")?;
    let mut links: Vec<Link> = Vec::new();
    for chain in things.chunks(length as usize) {
        for (nth, pair) in chain.windows(2).enumerate() {
            links.push(Link {
                sentence: form.fill(&[("from", &pair[0]), ("to", &pair[1])]),
                tells: links.len() == nth && nth + 2 == chain.len(),
            });
        }
    }
    let others = links.split_off(hops as usize);
    let (planted, about) = scattered(scene, links, others, hops as usize);
    let (start, end) = (&things[0], &things[hops as usize]);
    Ok(Posed {
        questions: vec![Question {
            text: scene
                .asked
                .form(TRAIL, "question")?
                .fill(&[("from", start)]),
            key: start.clone(),
            right: Right::one(ValueType::Names, end),
            distractors: all_but(&things, &[start, end]),
            about,
        }],
        planted,
        words: Default::default(),
    })
}

fn pose_family(scene: &mut Scene<'_>) -> Result<Posed> {
    let hops = scene.difficulty(&HOPS) as usize;
    let people: Vec<String> = (0..kin(&scene.sizes))
        .map(|nth| scene.facts.name(scene.nth(nth)))
        .collect::<Result<_>>()?;
    let (lines, teachers) = people.split_at(people.len() - TEACHERS as usize);
    // Steps up each line, in generations, and their sentences.
    let mut steps: Vec<u64> = Vec::new();
    let mut links = Vec::new();
    for line in lines.chunks(hops + 1) {
        for pair in line.windows(2) {
            let generations = if scene.stream.below(4) == 0 { 2 } else { 1 };
            let name = ["parent", "grandparent"][generations as usize - 1];
            links.push(told(scene, name, &pair[1], &pair[0])?);
            steps.push(generations);
        }
    }
    // The head of the line, or somebody on the way.
    let (target, text, name) = match scene.stream.below(2) {
        0 => (hops, "earliest", String::new()),
        _ => {
            let target = 2 + scene.stream.below(hops as u64 - 1) as usize;
            let number: u64 = steps[..target].iter().sum();
            (target, "generations", number.to_string())
        }
    };
    let (start, answer) = (&lines[0], &lines[target]);
    let between = scene.stream.below(hops as u64 - 1) as usize + 1;
    for (teacher, pupil) in teachers.iter().zip([0, hops, between]) {
        links.push(told(scene, "teacher", teacher, &lines[pupil])?);
    }
    for link in &mut links {
        link.tells = link.sentence.contains(answer.as_str());
    }
    let others = links.split_off(hops);
    let (planted, about) = scattered(scene, links, others, target);
    let question = scene.asked.form(FAMILY, text)?;
    Ok(Posed {
        questions: vec![Question {
            text: question.fill(&[("name", start), ("number", &name)]),
            key: start.clone(),
            right: Right::one(ValueType::Names, answer),
            distractors: all_but(&people, &[start, answer]),
            about,
        }],
        planted,
        words: Default::default(),
    })
}

/// One of the sentences of a relation.
fn told(scene: &mut Scene<'_>, name: &str, older: &str, younger: &str) -> Result<Link> {
    let forms = scene.told.forms(FAMILY, name)?;
    let sentence = scene
        .one_of(forms)
        .map(|form| form.fill(&[("older", older), ("younger", younger)]));
    Ok(Link {
        sentence: sentence.unwrap_or_default(),
        tells: false,
    })
}

/// Lays the links over the text in any order, and says which one has the trial's own depth: one of
/// the first so many of the asked chain, which lead to the answer, that does not name it, since
/// each of them decides. The last sentence of all does not name it either.
fn scattered(
    scene: &mut Scene<'_>,
    links: Vec<Link>,
    others: Vec<Link>,
    leading: usize,
) -> (Vec<Planted>, usize) {
    let silent: Vec<usize> = (0..leading).filter(|&nth| !links[nth].tells).collect();
    let about = scene.one_of(&silent).copied().unwrap_or(0);
    let (own, count) = (links.len(), links.len() + others.len());
    let links: Vec<Link> = links.into_iter().chain(others).collect();
    let mut depths = scene.spread(count);
    // The trial's own depth comes first.
    depths.swap(0, about);
    let last = (0..count).max_by(|&a, &b| depths[a].total_cmp(&depths[b]));
    if let Some(last) = last.filter(|&last| links[last].tells) {
        let free: Vec<usize> = (own..count).filter(|&nth| !links[nth].tells).collect();
        if let Some(&other) = scene.one_of(&free) {
            depths.swap(last, other);
        }
    }
    let planted = links.into_iter().zip(depths);
    let planted = planted.map(|(link, depth_percent)| Planted {
        sentence: link.sentence,
        depth_percent,
    });
    (planted.collect(), about)
}

fn all_but(names: &[String], but: &[&String]) -> Vec<String> {
    let names = names.iter().filter(|name| !but.contains(name));
    names.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_last_sentence_never_names_the_answer_and_the_trials_own_depth_is_kept() {
        for entry in [&CHAIN, &KINSHIP] {
            for language in golden::languages(entry) {
                for secret in 0..40 {
                    let depth = [0.0, 100.0, 33.0, 70.0][secret as usize % 4];
                    let hops = [2, 4, 12][secret as usize % 3];
                    let asked = BTreeMap::from([("hops".to_string(), hops)]);
                    let posed = golden::posed(entry, language, secret, depth, &asked);
                    let question = &posed.questions[0];
                    let answer = &question.right.values[0];
                    assert_eq!(posed.planted[question.about].depth_percent, depth);
                    assert!(!posed.planted[question.about].sentence.contains(answer));
                    let deepest = posed
                        .planted
                        .iter()
                        .max_by(|a, b| a.depth_percent.total_cmp(&b.depth_percent))
                        .expect("sentences");
                    assert!(!deepest.sentence.contains(answer), "{deepest:?}");
                    let telling = |name: &String| {
                        let planted = posed.planted.iter();
                        planted.filter(|told| told.sentence.contains(name)).count()
                    };
                    assert!(telling(answer) >= 1);
                    // Every other name of the text can be told from a slip.
                    assert!(question.distractors.iter().all(|name| telling(name) >= 1));
                }
            }
        }
    }

    #[test]
    fn no_chain_comes_back_to_where_it_was() {
        for language in golden::languages(&CHAIN) {
            let form = language.form(TRAIL, "link").expect("a sentence");
            for secret in 0..10 {
                let posed = golden::posed(&CHAIN, language, secret, 50.0, &BTreeMap::new());
                let mut next: BTreeMap<String, String> = BTreeMap::new();
                for planted in &posed.planted {
                    let found = form.find(&planted.sentence);
                    let field = |name: &str| found[0].field(name).to_string();
                    assert!(next.insert(field("from"), field("to")).is_none());
                }
                for mut at in next.keys() {
                    let mut steps = 0;
                    while let Some(further) = next.get(at) {
                        (at, steps) = (further, steps + 1);
                    }
                    assert!((1..=4).contains(&steps));
                }
            }
        }
    }

    #[test]
    fn golden_prompts_stay() {
        golden::check(&CHAIN);
        golden::check(&KINSHIP);
    }
}
