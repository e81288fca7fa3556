//! What keyed facts promise.

use super::*;
use crate::task::golden;

#[test]
fn a_needle_holds_its_answer_and_a_question_does_not() {
    for code in Language::codes() {
        let language = Language::named(code).expect("is read");
        for wording in 0..language.wordings.len() {
            let fact = Fact {
                key: "Oslo".into(),
                value: "1234567".into(),
            };
            let told = needle(language, wording, ValueType::Numbers, &fact).expect("told");
            assert!(told.contains("1234567") && told.contains("Oslo"), "{told}");
            let asked = question(language, wording, ValueType::Numbers, "Oslo").expect("asked");
            assert!(
                !asked.contains("1234567") && !asked.contains('{'),
                "{asked}"
            );
        }
    }
}

#[test]
fn there_is_a_question_for_several_values_for_each_wording() {
    for code in Language::codes() {
        let language = Language::named(code).expect("is read");
        if !language.has("niah") {
            continue;
        }
        let forms = language.forms("niah", "several").expect("is there");
        assert_eq!(forms.len(), language.wordings.len(), "{code}");
        for wording in 0..forms.len() {
            let keys = ["Oslo", "Bern", "Rome"];
            let asked = question_of_several(language, wording, ValueType::Uuids, &keys);
            let asked = asked.expect("asked");
            assert!(keys.iter().all(|key| asked.contains(key)), "{asked}");
            assert!(!asked.contains('{'), "{asked}");
        }
    }
}

#[test]
fn facts_in_prose_stand_all_over_it_and_those_of_one_question_are_all_right() {
    let posed = golden::posed_in(&MULTIVALUE, "en");
    let question = &posed.questions[0];
    assert_eq!((posed.questions.len(), posed.planted.len()), (1, 4));
    assert_eq!(question.right.values.len(), 4);
    let told = |value: &String| posed.planted.iter().any(|p| p.sentence.contains(value));
    assert!(question.right.values.iter().all(told));
    assert!(
        posed
            .planted
            .iter()
            .all(|p| p.sentence.contains(&question.key))
    );
    let posed = golden::posed_in(&MULTIKEY_1, "en");
    assert_eq!((posed.questions.len(), posed.planted.len()), (1, 4));
    assert_eq!(posed.questions[0].distractors.len(), 3);
    let mut depths: Vec<f64> = posed.planted.iter().map(|p| p.depth_percent).collect();
    depths.dedup();
    assert_eq!(depths.len(), 4);
}

#[test]
fn the_key_that_is_asked_stands_in_no_background() {
    for code in ["en", "zh"] {
        let posed = golden::posed_in(&MULTIKEY_2, code);
        let language = Language::named(code).expect("is read");
        let keyed = background::Keyed::new(language).expect("lists");
        assert!(!keyed.may_hold(&posed.questions[0].key), "{code}");
    }
}

#[test]
fn prompts_never_change() {
    for entry in [
        &SINGLE_1,
        &SINGLE_2,
        &SINGLE_3,
        &MULTIKEY_1,
        &MULTIKEY_2,
        &MULTIKEY_3,
        &MULTIVALUE,
        &MULTIQUERY,
    ] {
        golden::check(entry);
    }
}
