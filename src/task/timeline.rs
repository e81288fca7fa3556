//! Arrivals that are dated by one another and told out of order: who came first, who came next.

use super::{Difficulty, Entry, Hay, Kind, Posed, Question, Scene, Sizes};
use crate::answer::{Right, ValueType};
use anyhow::Result;

const EVENTS: Difficulty = Difficulty {
    name: "events",
    usual: 5,
    range: (3, 12),
    meaning: "arrivals to be put in order",
};
/// Travellers to another place, dated in the same way.
const OTHERS: u64 = 2;

/// The order of several events.
pub const TIMELINE: Entry = Entry {
    code: 81,
    name: "timeline",
    kind: Kind::Aggregate,
    measures: "the order of events that are dated by one another and told out of order",
    idea: "ordering of events over a long text, as in the timeline questions of long-text sets; no one set",
    scoring: "right: all names from first to last and no other; in part: those that are in order over those expected or named; who knows the names alone is right by chance in 1 of 120 for five, in 1 of 6 for three",
    hay: Hay::Corpus,
    difficulty: &[EVENTS],
    facts,
    questions: |_| 1,
    speaks: |language| language.has("timeline"),
    pose,
};

fn facts(sizes: &Sizes<'_>) -> u64 {
    sizes.of(&EVENTS) + OTHERS
}

fn pose(scene: &mut Scene<'_>) -> Result<Posed> {
    let events = scene.difficulty(&EVENTS) as usize;
    let told = scene.told;
    let names: Vec<String> = (0..events as u64 + OTHERS)
        .map(|nth| scene.facts.name(scene.nth(nth)))
        .collect::<Result<_>>()?;
    // Names are in the order of arrival: two days at least lie between one and the next, so that
    // no difference is a single day.
    let mut day = 0;
    let days: Vec<u64> = (0..events)
        .map(|_| {
            day += 2 + scene.stream.below(5);
            day
        })
        .collect();
    let mut known: Vec<usize> = (0..events).collect();
    scene.stream.shuffle(&mut known);
    let mut sentences = vec![
        told.form("timeline", "anchor")?
            .fill(&[("name", &names[known[0]])]),
    ];
    for at in 1..events {
        let who = known[at];
        let by = known[scene.stream.below(at as u64) as usize];
        let form = if days[who] > days[by] {
            "after"
        } else {
            "before"
        };
        let apart = days[who].abs_diff(days[by]).to_string();
        let fields = [
            ("name", names[who].as_str()),
            ("days", apart.as_str()),
            ("other", names[by].as_str()),
        ];
        sentences.push(told.form("timeline", form)?.fill(&fields));
    }
    for other in &names[events..] {
        let by = scene.stream.below(events as u64) as usize;
        let apart = (2 + scene.stream.below(9)).to_string();
        let fields = [
            ("name", other.as_str()),
            ("days", apart.as_str()),
            ("other", names[by].as_str()),
        ];
        sentences.push(told.form("timeline", "elsewhere")?.fill(&fields));
    }
    // The trial's own sentence is one without which the order cannot be told for certain.
    let own = 1 + scene.stream.below(events as u64 - 1) as usize;
    sentences.swap(0, own);
    Ok(Posed {
        planted: scene.planted(sentences),
        questions: vec![Question {
            text: scene.asked.form("timeline", "question")?.written(),
            key: String::new(),
            right: Right::order(ValueType::Names, names[..events].to_vec()),
            distractors: names[events..].to_vec(),
            about: 0,
        }],
        ..Posed::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_sentences_are_those_that_were_kept() {
        golden::check(&TIMELINE);
    }

    #[test]
    fn every_difference_told_agrees_with_the_order_and_the_text_does_not_give_it_away() {
        for language in golden::languages(&TIMELINE) {
            let mut told_in_order = 0;
            for secret in 1..40 {
                let asked = BTreeMap::from([("events".into(), 3 + secret % 10)]);
                let posed = golden::posed(&TIMELINE, language, secret, 40.0, &asked);
                let right = &posed.questions[0].right.values;
                let place = |name: &str| right.iter().position(|right| right == name);
                let mut dated = 0;
                for (form, is_after) in [("after", true), ("before", false)] {
                    let form = language.form("timeline", form).expect("a form");
                    for planted in &posed.planted {
                        for found in form.find(&planted.sentence) {
                            let who = place(found.field("name")).expect("is asked for");
                            let by = place(found.field("other")).expect("is asked for");
                            assert_eq!(who > by, is_after, "{}", planted.sentence);
                            dated += 1;
                        }
                    }
                }
                assert_eq!(dated, right.len() - 1);
                assert_eq!(posed.planted.len(), right.len() + OTHERS as usize);
                assert_eq!(posed.planted[0].depth_percent, 40.0);
                let mut planted = posed.planted.clone();
                planted.sort_by(|a, b| a.depth_percent.total_cmp(&b.depth_percent));
                let text: Vec<String> = planted.into_iter().map(|told| told.sentence).collect();
                let text = text.join(" ");
                told_in_order += usize::from(right.is_sorted_by_key(|name| text.find(name)));
            }
            assert!(told_in_order < 8, "{told_in_order}");
        }
    }
}
