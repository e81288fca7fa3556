//! Tables of labelled answers, and properties that hold for any text.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Answers written for these tests; rows without an answer set the scene for those of their type.
const ANSWERS: &str = include_str!("../../tests/scorer/answers.jsonl");
/// Answers of a 135M model (SmolLM2, llama-server) to keyed questions, labelled by hand by those
/// who wrote the rules: a check of their intent, not a blind one.
const REAL: &str = include_str!("../../tests/scorer/real.jsonl");
/// The haystack behind 12 of the real answers and behind the echoes.
const HAYSTACK: &str = include_str!("../../tests/scorer/haystack.txt");

/// What a row says of a question.
struct Scene {
    value_type: ValueType,
    key: String,
    expected: String,
    distractors: Vec<String>,
}

impl Scene {
    fn of(row: &Value) -> Option<Scene> {
        Some(Scene {
            value_type: serde_json::from_value(row["type"].clone()).ok()?,
            key: row["key"].as_str()?.to_owned(),
            expected: row["expected"].as_str()?.to_owned(),
            distractors: serde_json::from_value(row["distractors"].clone()).ok()?,
        })
    }

    fn standard(value_type: ValueType) -> Scene {
        let rows = rows(ANSWERS);
        let scenes = rows.iter().filter_map(Scene::of);
        let mut fitting = scenes.filter(|scene| scene.value_type == value_type);
        fitting.next().expect("a scene for each type")
    }

    fn judge(&self, answer: &str, stop: &Stop) -> Judged {
        let question = Question {
            right: &Right::one(self.value_type, &self.expected),
            distractors: &self.distractors,
            key: &self.key,
            language: "en",
        };
        judge(&question, answer, stop, &mut || Some(Rope::of(HAYSTACK)))
    }

    fn class(&self, answer: &str) -> Class {
        self.judge(answer, &Stop::End).class
    }
}

fn rows(jsonl: &str) -> Vec<Value> {
    let lines = jsonl.lines();
    let rows = lines.map(|line| serde_json::from_str(line).expect("a row is JSON"));
    rows.collect()
}

/// What a row's answer is judged to be, and what is amiss with that.
fn errors(row: &Value) -> (Class, Vec<String>) {
    let value_type = serde_json::from_value(row["type"].clone()).expect("a type");
    let scene = Scene::of(row).unwrap_or_else(|| Scene::standard(value_type));
    let stop = match row["stop"].as_str() {
        Some("length") => Stop::Length,
        _ => Stop::End,
    };
    let answer = row["answer"].as_str().expect("an answer");
    let judged = scene.judge(answer, &stop);
    let told = serde_json::to_value(&judged).expect("serialises");
    let mut errors = Vec::new();
    for field in ["class", "value", "distractor", "substring"] {
        if let Some(label) = row.get(field)
            && *label != told[field]
        {
            errors.push(format!(
                "{field} {} for {label}: {answer:?} {stop:?}",
                told[field]
            ));
        }
    }
    let expected = normal_expected(&scene);
    if judged.class == Class::Exact && judged.value.as_deref() != Some(&expected) {
        errors.push(format!("exact without the value: {answer:?}"));
    }
    if judged.class == Class::Distractor && judged.distractor.is_none() {
        errors.push(format!("a distractor without its index: {answer:?}"));
    }
    (judged.class, errors)
}

fn normal_expected(scene: &Scene) -> String {
    candidate::normal(scene.value_type, &scene.expected)
}

fn check(jsonl: &str) -> BTreeMap<Class, usize> {
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows(jsonl).iter().filter(|row| row.get("answer").is_some()) {
        let (class, errors) = errors(row);
        *counts.entry(class).or_insert(0) += 1;
        wrong.extend(errors);
    }
    assert!(
        wrong.is_empty(),
        "{} errors:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    counts
}

#[test]
fn every_labelled_answer_gets_its_label() {
    let counts = check(ANSWERS);
    assert!(counts.values().sum::<usize>() >= 500);
    // Answers with several right values have tables of their own.
    for class in Class::ALL
        .into_iter()
        .filter(|class| *class != Class::Partial)
    {
        assert!(counts.contains_key(&class), "{}", class.name());
    }
}

#[test]
fn real_answers_get_the_labels_a_reader_gave_them() {
    assert_eq!(check(REAL).values().sum::<usize>(), 90);
}

#[test]
fn a_class_is_named_as_it_is_written() {
    for class in Class::ALL {
        let written = serde_json::to_value(class).expect("serialises");
        assert_eq!(written, Value::from(class.name()));
        assert_eq!(class.is_right(), class == Class::Exact);
    }
}

#[test]
fn the_haystack_is_fetched_for_long_answers_only() {
    let scene = Scene::standard(ValueType::Numbers);
    let question = Question {
        right: &Right::one(scene.value_type, &scene.expected),
        distractors: &scene.distractors,
        key: &scene.key,
        language: "en",
    };
    for (answer, fetched) in [("4829173 ".to_owned(), 0), ("so 4829173 ".repeat(20), 0)] {
        let mut calls = 0;
        judge(&question, &answer, &Stop::End, &mut || {
            calls += 1;
            None
        });
        assert_eq!(calls, fetched, "{answer}");
    }
    let long = "and so it goes on ".repeat(20) + "4829173";
    let mut calls = 0;
    let judged = judge(&question, &long, &Stop::End, &mut || {
        calls += 1;
        None
    });
    assert_eq!((calls, judged.class), (1, Class::Exact));
}

#[test]
fn an_answer_cut_at_any_place_is_right_only_once_the_value_is_closed() {
    for value_type in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
        let scene = Scene::standard(value_type);
        let answer = format!(
            "The value for Oslo is {}, as the text says.",
            scene.expected
        );
        let closed = answer.find(&scene.expected).expect("stands") + scene.expected.len() + 1;
        for end in 0..=answer.len() {
            let class = scene.judge(&answer[..end], &Stop::Length).class;
            let right = if end >= closed {
                Class::Exact
            } else {
                Class::Cut
            };
            assert_eq!(class, right, "{}", &answer[..end]);
        }
    }
}

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}";

/// A type and a value of it that is not the expected one.
fn other_value() -> impl Strategy<Value = (ValueType, String)> {
    let adjectives = vec!["shy", "golden", "hollow", "bitter", "happy", "brave"];
    let nouns = vec!["walnut", "pepper", "otters", "lantern", "violin"];
    let word = (
        prop::sample::select(adjectives),
        prop::sample::select(nouns),
    );
    prop_oneof![
        (1_000_000u32..9_999_999).prop_map(|n| (ValueType::Numbers, n.to_string())),
        word.prop_map(|(a, n)| (ValueType::Words, format!("{a}-{n}"))),
        UUID.prop_map(|id| (ValueType::Uuids, id)),
    ]
    .prop_filter("differs", |(value_type, value)| {
        *value != Scene::standard(*value_type).expected
    })
}

fn any_type() -> impl Strategy<Value = ValueType> {
    prop::sample::select(vec![ValueType::Numbers, ValueType::Words, ValueType::Uuids])
}

/// Text made of what the rules look at.
fn treacherous() -> impl Strategy<Value = String> {
    let parts = vec![
        "4829173",
        "7431220",
        "48",
        "9",
        ",",
        ".",
        " ",
        "-",
        "not ",
        "isn't ",
        "no ",
        "wrong",
        " is ",
        "rather than ",
        "happy",
        "otter",
        "-otter",
        "3f2a1b4c",
        "-9d8e-4f5a-8b7c-",
        "\n",
        "1a2b3c4d5e6f",
        "<think>",
        "</think>",
        "<|",
        "|>",
        "\\",
        "{,}",
        "'",
        "’",
        "²",
        "４",
        "不是",
        "é",
        "\u{301}",
        "Oslo",
        ":",
        "?",
        "—",
        "\u{200b}",
        "İ",
        "ß",
        "ﬃ",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_judge(
        value_type in any_type(),
        answer in prop_oneof![any::<String>(), treacherous()],
        key in prop_oneof![any::<String>(), treacherous()],
        expected in prop_oneof![any::<String>(), treacherous()],
        cut in any::<bool>(),
    ) {
        let distractors = vec![key.clone(), String::new()];
        let stop = if cut { Stop::Length } else { Stop::End };
        for expected in [expected, Scene::standard(value_type).expected] {
            let scene = Scene { value_type, key: key.clone(), expected, distractors: distractors.clone() };
            let judged = scene.judge(&answer, &stop);
            prop_assert!(!cut || matches!(judged.class, Class::Exact | Class::Cut | Class::Echo));
            prop_assert!(judged.class != Class::Exact || judged.value.is_some());
        }
    }

    #[test]
    fn dress_never_changes_a_clean_right_answer(
        value_type in any_type(),
        open in prop::sample::select(vec!["", " ", "\n\n", "**", "`", "\"", "_", "(", "“", "> ", "- ", "1. ", "## ", "Answer: ", "It is "]),
        close in prop::sample::select(vec!["", " ", "\n\n", "**", "`", "\"", "_", ")", "”", ".", "!", ".\n", " .", "。", "<|im_end|>"]),
        upper in any::<bool>(),
    ) {
        let scene = Scene::standard(value_type);
        let value = if upper { scene.expected.to_uppercase() } else { scene.expected.clone() };
        prop_assert_eq!(scene.class(&format!("{open}{value}{close}")), Class::Exact);
    }

    #[test]
    fn a_second_value_is_never_a_right_answer(
        (value_type, other) in other_value(),
        joint in prop::sample::select(vec![" ", "\n", ", ", "; ", " or ", " and ", ". Or ", " / ", " | ", ". It may also be ", " – ", "\t"]),
        first in any::<bool>(),
    ) {
        let scene = Scene::standard(value_type);
        let answer = if first {
            format!("{other}{joint}{}", scene.expected)
        } else {
            format!("{}{joint}{other}", scene.expected)
        };
        prop_assert_eq!(scene.class(&answer), Class::Listing, "{}", answer);
        prop_assert!(scene.class(&other) != Class::Exact);
    }

    #[test]
    fn case_never_matters_for_uuids(
        other in UUID,
        slip in 0usize..36,
        upper in prop::collection::vec(any::<bool>(), 120),
    ) {
        let scene = Scene::standard(ValueType::Uuids);
        let mut slipped = scene.expected.clone();
        slipped.replace_range(slip..slip + 1, "7");
        for value in [&other, &scene.expected, &scene.distractors[0], &slipped] {
            let answer = format!("The special magic uuid for Oslo is {value}.");
            let mixed: String = answer
                .chars()
                .zip(upper.iter().cycle())
                .map(|(c, upper)| if *upper { c.to_ascii_uppercase() } else { c })
                .collect();
            let same = Judged { substring: scene.judge(&answer, &Stop::End).substring, ..scene.judge(&mixed, &Stop::End) };
            prop_assert_eq!(same, scene.judge(&answer, &Stop::End));
        }
    }

    #[test]
    fn one_slip_in_a_number_is_a_near_miss(at in 0usize..7, digit in 0u8..10, kind in 0u8..3) {
        let scene = Scene::standard(ValueType::Numbers);
        let mut value = scene.expected.clone();
        match kind {
            0 => { value.remove(at); }
            1 => value.insert(at, char::from(b'0' + digit)),
            _ => value.replace_range(at..at + 1, &digit.to_string()),
        }
        prop_assume!(value != scene.expected);
        prop_assert_eq!(scene.class(&value), Class::NearMiss);
    }
}
