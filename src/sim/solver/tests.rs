//! Every task in every language that has it: posed, solved by its oracle, and judged.

use super::*;
use crate::answer::Rule;
use crate::corpus::{Corpus, Text};
use crate::fact::Facts;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::reply::Stop;
use crate::score::{self, Class};
use crate::seed::{RunKey, Secret};
use crate::task::{Posed, Question, Scene, Sizes, Task};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sentences that are no facts, between which facts are laid.
const HAY: &[&str] = &[
    "The weather was mild and nobody had any news.",
    "He went on without a word, and the number of his steps was his own affair.",
    "All of this had happened before, and it would happen again.",
    "On the table lay 12 letters and a map of the coast.",
];

fn key(seed: u64) -> RunKey {
    let seed = Secret::from_hex(&format!("{:04x}", seed + 1)).expect("hex");
    seed.key("")
}

/// The languages of text and question that a task is posed in: each with itself, and Chinese with
/// English where both have it.
fn tongues(task: Task) -> Vec<(&'static Language, &'static Language)> {
    let all: Vec<&Language> = Language::codes()
        .map(|code| Language::named(code).expect("is read"))
        .filter(|language| (task.entry().speaks)(language))
        .collect();
    let mut pairs: Vec<_> = all.iter().map(|language| (*language, *language)).collect();
    for (told, asked) in [("zh", "en"), ("en", "zh"), ("de", "en")] {
        let of = |code: &str| all.iter().copied().find(|language| language.code == code);
        pairs.extend(of(told).zip(of(asked)));
    }
    pairs
}

fn posed(
    task: Task,
    (told, asked): (&'static Language, &'static Language),
    seed: u64,
    difficulty: &BTreeMap<String, u64>,
) -> Posed {
    let key = key(seed);
    let lexicon = Lexicon::of(&Corpus {
        name: "hay".into(),
        texts: vec![Text::owned("hay", HAY.join(" "))],
    });
    let lexicon = Arc::new(lexicon.expect("collects"));
    let facts = Facts::new(&key, told, vec![lexicon]).expect("lists");
    let mut stream = key.stream("depths", &[seed]);
    let sizes = || Sizes {
        keys: 4,
        asked: difficulty,
    };
    let own = [0.0, 100.0, 37.5][seed as usize % 3];
    let mut depths = vec![own];
    let questions = (task.entry().questions)(&sizes());
    depths.extend((1..questions).map(|_| 100.0 * stream.unit()));
    let mut scene = Scene {
        told,
        asked,
        values: Default::default(),
        wording: seed as usize % told.wordings.len().min(asked.wordings.len()),
        sizes: sizes(),
        facts: &facts,
        facts_from: 17 * seed,
        depths_percent: &depths,
        text_tokens: 2_000,
        stream,
    };
    (task.entry().pose)(&mut scene).expect("is posed")
}

/// The prompt of a question, with hay between the facts.
fn prompt(told: &Language, posed: &Posed, question: &Question) -> String {
    let mut planted: Vec<_> = posed.planted.iter().collect();
    planted.sort_by(|a, b| a.depth_percent.total_cmp(&b.depth_percent));
    let mut sentences = vec![HAY[0].to_string()];
    for (nth, planted) in planted.iter().enumerate() {
        sentences.push(planted.sentence.clone());
        sentences.push(HAY[nth % HAY.len()].to_string());
    }
    let mut text = sentences.join(if told.joint.is_empty() {
        "\n"
    } else {
        &told.joint
    });
    text.push_str(&posed.words.text());
    format!("{text}\n\n{}", question.text)
}

fn judged(question: &Question, asked: &Language, answer: &str) -> Class {
    let question = score::Question {
        right: &question.right,
        distractors: &question.distractors,
        key: &question.key,
        language: asked.code,
    };
    score::judge(&question, answer, &Stop::End, &mut || None).class
}

/// One message that is all of a text.
fn whole(text: &str) -> Vec<Range<usize>> {
    std::iter::once(0..text.len()).collect()
}

/// Calls with every question of some haystacks of every task and language.
fn each(mut check: impl FnMut(Task, &'static Language, &'static Language, &Posed, &Question)) {
    for task in Task::all() {
        for (told, asked) in tongues(task) {
            for seed in 0..6 {
                let posed = posed(task, (told, asked), seed, &BTreeMap::new());
                assert!(!posed.questions.is_empty(), "{task:?}");
                for question in &posed.questions {
                    check(task, told, asked, &posed, question);
                }
            }
        }
    }
}

#[test]
fn every_task_is_solved_from_its_prompt_alone_and_the_scorer_agrees() {
    each(|task, told, asked, posed, question| {
        let text = prompt(told, posed, question);
        let whole = whole(&text);
        let solution = solve(&text, &whole)
            .unwrap_or_else(|| panic!("{task:?} in {}: no solution\n{text}", told.code));
        let class = judged(question, asked, &solution.answer);
        assert_eq!(
            class,
            Class::Exact,
            "{task:?} in {}: {} for {:?}\n{text}",
            told.code,
            solution.answer,
            question.right
        );
        assert!(solution.at <= text.len());
        // Here every haystack is of a few sentences, and a text of facts alone is not made.
        let task = match task.name() {
            "niah_multikey_2" => Task::NIAH_SINGLE,
            _ => task,
        };
        let alike = ALIKE.iter().find(|alike| alike.contains(&task.name()));
        assert_eq!(
            solution.task.name(),
            alike.map_or(task.name(), |alike| alike[0]),
            "in {}: {text}",
            told.code
        );
    });
}

#[test]
fn texts_of_nothing_but_facts_are_told_from_texts_with_facts_in_them() {
    for (key, told, text_bytes, name) in [
        ("happy-otter", 1, 4_000, "niah_single"),
        ("happy-otter", 4, 40_000, "niah_multikey"),
        ("happy-otter", 100, 400_000, "niah_multikey"),
        ("happy-otter", 30, 2_400, "niah_multikey_2"),
        ("happy-otter", 20, 4_500, "niah_multikey"),
        (
            "ef7599c1-e906-4d57-9462-ea2a2914d170",
            30,
            4_000,
            "niah_multikey_3",
        ),
    ] {
        let task = keyed_task(key, told, 60 * told, text_bytes);
        assert_eq!(task.name(), name, "{told}");
    }
}

#[test]
fn the_question_at_the_start_is_solved_as_well() {
    each(|task, told, asked, posed, question| {
        let text = prompt(told, posed, question);
        let (hay, asked_text) = text.split_at(text.len() - question.text.len());
        let text = format!(
            "{asked_text}\n\n{}\n\nNow answer the question that stands above the text.",
            hay.trim_end()
        );
        let whole = whole(&text);
        let solution = solve(&text, &whole).expect("is solved");
        assert_eq!(
            judged(question, asked, &solution.answer),
            Class::Exact,
            "{task:?} in {}: {} for {:?}\n{text}",
            told.code,
            solution.answer,
            question.right
        );
    });
}

#[test]
fn without_the_sentence_that_has_the_trials_depth_no_task_is_solved() {
    each(|task, told, asked, posed, question| {
        // "None" is right all the same, and a list of words has no sentences.
        if question.right.rule == Rule::Absent || posed.planted.is_empty() {
            return;
        }
        let mut without = posed.clone();
        without.planted.remove(question.about);
        let text = prompt(told, &without, question);
        if let Some(solution) = solve(&text, &whole(&text)) {
            let class = judged(question, asked, &solution.answer);
            let left_out = &posed.planted[question.about].sentence;
            assert_ne!(class, Class::Exact, "{task:?} without {left_out}\n{text}");
        }
    });
}

#[test]
fn wrong_answers_of_an_oracle_are_wrong() {
    each(|task, told, asked, posed, question| {
        let text = prompt(told, posed, question);
        let whole = whole(&text);
        let solution = solve(&text, &whole).expect("is solved");
        for wrong in &solution.wrong {
            assert_ne!(
                judged(question, asked, wrong),
                Class::Exact,
                "{task:?}: {wrong}"
            );
        }
    });
}

#[test]
fn a_question_holds_no_answer_and_its_copy_is_not_right() {
    each(|task, _, asked, _, question| {
        if question.right.rule != Rule::Absent {
            assert_ne!(
                judged(question, asked, &question.text),
                Class::Exact,
                "{task:?}"
            );
        }
        assert!(!question.text.contains(['{', '}']), "{}", question.text);
    });
}

#[test]
fn what_was_right_in_another_run_is_seldom_right_in_this_one() {
    for task in Task::all() {
        // "None" is always right of the one, and the famous answers of the other.
        if matches!(task.name(), "absent" | "public") {
            continue;
        }
        for (told, asked) in tongues(task) {
            let runs = (0..13).map(|seed| posed(task, (told, asked), seed, &BTreeMap::new()));
            let runs: Vec<Posed> = runs.collect();
            let is_guessed = |pair: &&[Posed]| {
                let guess = pair[0].questions[0].right.values.join(&asked.comma);
                judged(&pair[1].questions[0], asked, &guess) == Class::Exact
            };
            let guessed = runs.windows(2).filter(is_guessed).count();
            assert!(guessed <= 3, "{task:?} in {}: {guessed} of 12", told.code);
        }
    }
}

#[test]
fn sentences_are_whole_and_planted_within_the_text() {
    each(|task, _, _, posed, question| {
        for planted in &posed.planted {
            assert!((0.0..=100.0).contains(&planted.depth_percent), "{task:?}");
            let sentence = &planted.sentence;
            assert_eq!(sentence.trim(), sentence, "{task:?}");
            assert!(!sentence.contains(['{', '}', '\n']), "{task:?}: {sentence}");
        }
        let most = posed.planted.len().max(1);
        assert!(question.about < most, "{task:?}");
    });
}

#[test]
fn the_same_scene_poses_the_same_and_another_secret_another() {
    for task in Task::all() {
        for tongue in tongues(task) {
            let none = BTreeMap::new();
            assert_eq!(posed(task, tongue, 1, &none), posed(task, tongue, 1, &none));
            assert_ne!(posed(task, tongue, 1, &none), posed(task, tongue, 2, &none));
        }
    }
}

#[test]
fn every_difficulty_can_be_had_from_its_least_to_its_most() {
    for task in Task::all() {
        for (told, asked) in tongues(task) {
            for difficulty in task.entry().difficulty {
                for number in [difficulty.range.0, difficulty.range.1] {
                    let asked_for = BTreeMap::from([(difficulty.name.to_string(), number)]);
                    let posed = posed(task, (told, asked), 3, &asked_for);
                    let question = &posed.questions[0];
                    let text = prompt(told, &posed, question);
                    let whole = whole(&text);
                    let solution = solve(&text, &whole);
                    let solution = solution
                        .unwrap_or_else(|| panic!("{task:?} {} = {number}", difficulty.name));
                    assert_eq!(
                        judged(question, asked, &solution.answer),
                        Class::Exact,
                        "{task:?} {} = {number}",
                        difficulty.name
                    );
                }
            }
        }
    }
}
