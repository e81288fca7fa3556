//! The test of the answers, of invented ones.

use super::*;
use crate::reply::{Stop, Timing, Usage};
use crate::seed::RunKey;

const DESIGN: Design = Design {
    prompts: 8,
    samples: 6,
};
const SEA: [&str; 4] = ["sea", "wave", "salt", "gull"];
const TOWN: [&str; 4] = ["street", "shop", "bell", "tram"];

/// Answers that each begin as their prompt alone makes them.
fn answers(words: &[&str], salt: u64, design: Design) -> Sampled {
    let mut stream = RunKey::public("equality").stream("answers", &[salt]);
    let mut one = |prompt: usize| -> String {
        let words = (0..12).map(|_| words[stream.below(words.len() as u64) as usize]);
        let own = char::from(b'A' + prompt as u8).to_string().repeat(20);
        format!("{own} {}", words.collect::<Vec<_>>().join(" "))
    };
    let answers = (0..design.prompts).map(|at| (0..design.samples).map(|_| one(at)).collect());
    Sampled {
        answers: answers.collect(),
        copies: 0,
    }
}

fn tested(one: &Sampled, other: &Sampled, design: Design) -> Signal {
    let mut stream = RunKey::public("equality").stream("test", &[]);
    let equality = Equality::of(one, other, design, &mut stream);
    signal(NAME, &equality, 1)
}

fn reply(id: &str, text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        reasoning: String::new(),
        stop: Stop::End,
        usage: Usage::default(),
        timing: Timing::default(),
        model: None,
        system_fingerprint: None,
        request_id: None,
        provider: None,
        cut: None,
        id: Some(id.to_owned()),
        headers: Default::default(),
    }
}

#[test]
fn another_vocabulary_is_found_and_the_same_one_is_not() {
    let (one, other) = (answers(&SEA, 1, DESIGN), answers(&SEA, 2, DESIGN));
    let same = &tested(&one, &other, DESIGN).readings[0];
    assert_eq!(same.says, Says::Consistent);
    let town = tested(&one, &answers(&TOWN, 3, DESIGN), DESIGN);
    assert_eq!(town.readings[0].says, Says::NotConsistent);
}

#[test]
fn too_few_answers_are_a_weak_reason_however_alike() {
    let design = Design {
        prompts: 1,
        samples: 2,
    };
    let few = tested(&answers(&SEA, 1, design), &answers(&SEA, 2, design), design);
    assert_eq!(few.readings[0].strength, Strength::Weak, "{few:?}");
    assert!(few.readings[0].why.contains("--samples"), "{few:?}");
    let design = Design {
        prompts: 25,
        samples: 10,
    };
    let many = tested(&answers(&SEA, 1, design), &answers(&SEA, 2, design), design);
    assert_eq!(many.readings[0].strength, Strength::Medium, "{many:?}");
}

#[test]
fn without_answers_nothing_is_said() {
    let none = Sampled {
        answers: vec![Vec::new(); 3],
        copies: 0,
    };
    assert!(tested(&none, &none, DESIGN).readings.is_empty());
}

#[test]
fn a_side_that_repeats_itself_is_no_other_model() {
    let drawn = answers(&SEA, 1, DESIGN);
    let mut frozen = answers(&SEA, 2, DESIGN);
    for answers in &mut frozen.answers {
        let first = answers[0].clone();
        answers.fill(first);
    }
    for (one, other, side) in [(&frozen, &drawn, "target"), (&drawn, &frozen, "reference")] {
        let found = tested(one, other, DESIGN);
        assert_eq!(found.readings[0].says, Says::Undecided, "{found:?}");
        let why = &found.readings[0].why;
        assert!(why.contains(&format!("the {side} alone")), "{why}");
        assert!(why.contains("cache") && why.contains("temperature"));
    }
    // Two that both repeat themselves and say other things are two.
    let mut other = answers(&TOWN, 3, DESIGN);
    for answers in &mut other.answers {
        let first = answers[0].clone();
        answers.fill(first);
    }
    let found = tested(&frozen, &other, DESIGN);
    assert_eq!(found.readings[0].says, Says::NotConsistent, "{found:?}");
}

#[test]
fn copies_by_a_cache_are_left_out_and_named() {
    let replies = (0..DESIGN.prompts)
        .flat_map(|at| (0..DESIGN.samples).map(move |_| (at, reply(&format!("id-{at}"), "same"))));
    let cached = Sampled::of(replies, DESIGN.prompts);
    assert_eq!(cached.copies, DESIGN.prompts * (DESIGN.samples - 1));
    let found = tested(&cached, &answers(&SEA, 1, DESIGN), DESIGN);
    assert_eq!(found.readings[0].says, Says::Undecided, "{found:?}");
    assert!(found.readings[0].why.contains("a cache of replies"));
    // The same words under another id, or others under the same, were computed anew.
    let anew = [
        (0, reply("a", "same")),
        (0, reply("b", "same")),
        (0, reply("b", "other")),
        (1, reply("b", "same")),
    ];
    let anew = Sampled::of(anew, 2);
    assert_eq!((anew.copies, anew.answers[0].len()), (0, 3));
}
