//! The items: that no question shares a word with its fact, and that no two classes meet.

use super::super::golden;
use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// Each family of each language that has them.
fn families() -> Vec<(&'static Language, &'static String)> {
    let languages = golden::languages(&ONE).into_iter();
    let families = languages.flat_map(|language| {
        let families = language.words(NAME, "families").expect("has families");
        families.iter().map(move |family| (language, family))
    });
    families.collect()
}

/// The content of a text: words where there are spaces between them, else pairs of characters.
fn content(language: &Language, text: &str) -> BTreeSet<String> {
    let stop = language.words(NAME, "stop").expect("has stop words");
    let lower = text.to_lowercase().replace("'s", "");
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = if language.joint.is_empty() {
        let pairs = words.flat_map(|run| {
            let chars: Vec<char> = run.chars().collect();
            let pairs = chars.windows(2).map(|pair| pair.iter().collect::<String>());
            pairs.collect::<Vec<String>>()
        });
        pairs.collect()
    } else {
        words.map(ToString::to_string).collect()
    };
    let said = words
        .into_iter()
        .filter(|word| !word.is_empty() && !stop.contains(word));
    said.collect()
}

/// True for one word in two endings, as "Italy" and "Italian".
fn is_kin(one: &str, other: &str) -> bool {
    let common = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    one == other || common.count() >= 5
}

/// What a fact and a question share.
fn shared(language: &Language, told: &str, question: &str) -> Vec<String> {
    let asked = content(language, question);
    let mut told = content(language, told).into_iter().collect::<Vec<_>>();
    told.retain(|word| asked.iter().any(|other| is_kin(word, other)));
    told
}

#[test]
fn no_question_shares_a_content_word_with_its_fact_or_a_distractor() {
    for (language, family) in families() {
        let form = |name: &str| language.form(NAME, name).expect("has the sentence");
        let told = form(&format!("{family}_told"));
        let items = items(language, family).expect("rows");
        let cues = items
            .iter()
            .flat_map(|item| [Cue::One, Cue::Two].map(|cue| (cue, cue.of(item))));
        for (cue, named) in cues.filter_map(|(cue, named)| Some((cue, named?))) {
            let question = form(&cue.question(family)).fill(&[("cue", named)]);
            for item in &items {
                let sentence = told.fill(&[("name", "¶"), ("thing", item.thing)]);
                let shared = shared(language, &sentence, &question);
                assert!(shared.is_empty(), "{shared:?}: {sentence} {question}");
            }
        }
    }
}

#[test]
fn the_control_does_share_the_words_of_its_fact() {
    for (language, family) in families() {
        let form = |name: &str| language.form(NAME, name).expect("has the sentence");
        let told = form(&format!("{family}_told"));
        for item in items(language, family).expect("rows") {
            let question = form(&Cue::Direct.question(family)).fill(&[("cue", item.thing)]);
            let sentence = told.fill(&[("name", "¶"), ("thing", item.thing)]);
            assert!(
                shared(language, &sentence, &question).len() >= 2,
                "{question}"
            );
        }
    }
}

#[test]
fn there_are_items_enough_and_their_classes_never_meet() {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (language, family) in families() {
        let items = items(language, family).expect("rows");
        let distinct: HashSet<&str> = items.iter().map(|item| item.id).collect();
        let things: HashSet<&str> = items.iter().map(|item| item.thing).collect();
        assert_eq!((distinct.len(), things.len()), (items.len(), items.len()));
        let count = counts.entry(language.code).or_default();
        count.0 += items.len();
        count.1 += items.iter().filter(|item| item.two.is_some()).count();
        let classes: HashSet<&str> = items.iter().map(|item| item.class).collect();
        assert!(classes.len() as u64 > DISTRACTORS.range.1, "{family}");
        for (one, other) in items
            .iter()
            .flat_map(|one| items.iter().map(move |other| (one, other)))
        {
            let meet = one.one == other.one || (one.two.is_some() && one.two == other.two);
            assert!(!meet || one.class == other.class, "{} {}", one.id, other.id);
        }
    }
    assert!(counts.len() >= 2);
    for (language, (one, two)) in counts {
        assert!(one >= 60 && two >= 40, "{language}: {one}, {two}");
    }
}

#[test]
fn languages_tell_the_same_of_the_same_item() {
    let mut classes: BTreeMap<(String, String), String> = BTreeMap::new();
    for (language, family) in families() {
        for item in items(language, family).expect("rows") {
            let key = (family.clone(), item.id.to_string());
            let class = classes.entry(key).or_insert_with(|| item.class.to_string());
            assert_eq!(class, item.class, "{}: {}", language.code, item.id);
        }
    }
}

#[test]
fn golden_prompts_stay() {
    for entry in [&ONE, &TWO, &DIRECT] {
        golden::check(entry);
    }
}
