//! The same in ten languages: whatever the script, the finished prompt has the tokens that were asked for.

use super::files::{have, say, vocabulary};
use super::{Bench, question_at};
use depthfinder::corpus::{Corpus, Kind, Text};
use depthfinder::haystack::{Beyond, Route};
use depthfinder::prompt::{Assembler, Needle, Part, Prompt, QuestionAt, SetPlan};
use depthfinder::seed::Secret;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;
use std::time::Instant;

/// A corpus, a sentence to plant in it (`#` is its number), and a question.
const LANGUAGES: &[(&str, &str, &str)] = &[
    (
        "en",
        "The special number of town # is 10#.",
        "Which number is that of town 1?",
    ),
    ("zh", "第#镇的特别号码是10#。", "第1镇的特别号码是多少？"),
    (
        "zh-prose",
        "第#镇有一个特别号码，叫作十号",
        "第1镇的特别号码是多少？",
    ),
    (
        "ja",
        "町#の特別な番号は10#である。",
        "町1の特別な番号は何ですか。",
    ),
    (
        "de",
        "Die besondere Zahl von Ort # ist 10#.",
        "Welche Zahl ist die von Ort 1?",
    ),
    (
        "fr",
        "Le nombre spécial de la ville # est 10#.",
        "Quel est le nombre de la ville 1\u{a0}?",
    ),
    (
        "es",
        "¡El número especial del pueblo # es 10#!",
        "¿Cuál es el número del pueblo 1?",
    ),
    (
        "ru",
        "Особое число города # — 10#.",
        "Какое число у города 1?",
    ),
    (
        "ar",
        "الرقم الخاص بالبلدة # هو 10#.",
        "ما هو الرقم الخاص بالبلدة 1؟",
    ),
    (
        "hi",
        "नगर # की विशेष संख्या 10# है।",
        "नगर 1 की विशेष संख्या क्या है?",
    ),
    (
        "ko",
        "마을 #의 특별한 숫자는 10#이다.",
        "마을 1의 특별한 숫자는 무엇인가?",
    ),
    // A question of another language than the haystack's, which ends in another full stop.
    (
        "zh-prose",
        "The special number of town # is 10#.",
        "Which number is that of town 1?",
    ),
    ("ja", "「町#の番号は10#」", "町1の番号は？"),
    ("de", "第#镇的特别号码是10#。", "第1镇的特别号码是多少？"),
];

fn needles(sentence: &str, depths: &[f64]) -> Vec<Needle> {
    let numbered = depths.iter().enumerate();
    numbered
        .map(|(at, &depth_percent)| Needle {
            sentence: sentence.replace('#', &format!("{}", at + 1)),
            depth_percent,
        })
        .collect()
}

struct Asked<'a> {
    tokens: u64,
    needles: &'a [Needle],
    question: &'a str,
    at: QuestionAt,
    beyond: Beyond,
    seed: u64,
}

fn posed(bench: &Bench<'_>, asked: &Asked<'_>) -> anyhow::Result<Prompt> {
    let key = Secret::from_hex("0b").expect("hex").key("");
    let assembler = Assembler::new(bench.corpus, &bench.index, &bench.tokenizer);
    let mut stream = key.stream("route", &[asked.seed]);
    let route = Route::draw_beyond(&bench.index, &mut stream, asked.beyond);
    let plan = SetPlan {
        text_tokens: asked.tokens,
        needles: asked.needles,
        questions: &[asked.question.to_string()],
        question_at: asked.at,
    };
    let set = assembler.set(&route, plan.clone())?;
    set.prompt(0, key.stream("fill", &[asked.seed]))
}

/// Everything that must hold of a prompt, counted anew from its whole text.
fn check(bench: &Bench<'_>, asked: &Asked<'_>) -> anyhow::Result<Prompt> {
    let prompt = posed(bench, asked)?;
    let text = prompt.rope.text();
    let counted = bench.tokenizer.count(&text).expect("counts");
    assert_eq!(counted, asked.tokens, "recounted");
    assert_eq!(prompt.text_tokens, asked.tokens);
    assert!(!text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace));
    let rebuilt = Part::rope(&prompt.parts, bench.corpus).expect("rebuilds");
    assert_eq!(rebuilt.text(), text);
    for needle in asked.needles {
        let found = text.matches(&needle.sentence).count();
        assert_eq!(found, 1, "{}", needle.sentence);
    }
    // No sentence end is doubled where a needle was laid, and none is lost.
    for Needle { sentence, .. } in asked.needles {
        let (before, after) = text.split_once(sentence.as_str()).expect("it is there");
        let shown = || {
            let from = before.floor_char_boundary(before.len().saturating_sub(60));
            let to = after.ceil_char_boundary(60.min(after.len()));
            format!("{}|{sentence}|{}", &before[from..], &after[..to])
        };
        let ended = !sentence.ends_with(char::is_alphanumeric);
        assert!(after.starts_with('。') != ended, "{}", shown());
        let joined = before.ends_with(char::is_alphanumeric);
        assert!(!joined, "{}", shown());
    }
    Ok(prompt)
}

/// Random lengths of 300 to 60,000 tokens, one to six needles, questions at both ends.
fn exact(name: &str, cases: u32) {
    let case = format!("{name}: exact lengths in ten languages");
    let Some(tokenizer) = have(&case, vocabulary(name)) else {
        return;
    };
    let began = Instant::now();
    let (short, unmet, posed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    for (corpus, sentence, question) in LANGUAGES {
        let corpus = Corpus::open(corpus).expect("built in");
        let bench = Bench::new(&corpus, tokenizer.clone());
        assert!(
            bench.index.additive && bench.index.bordered,
            "{name} {}",
            corpus.name
        );
        let all: u64 = Kind::ALL
            .iter()
            .map(|&kind| bench.index.total_tokens(kind))
            .sum();
        let most = (all as f64 * 0.9).min(60_000.0);
        let length =
            (0.0f64..1.0).prop_map(move |share| (300.0 * (most / 300.0).powf(share)) as u64);
        let depth = prop_oneof![3 => 0.0f64..=100.0, 1 => Just(0.0), 1 => Just(100.0)];
        let any = (
            length,
            prop::collection::vec(depth, 1..=6),
            question_at(),
            any::<u64>(),
        );
        let config = ProptestConfig {
            cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let run = TestRunner::new(config).run(&any, |(tokens, depths, at, seed)| {
            let needles = needles(sentence, &depths);
            let asked = Asked {
                tokens,
                needles: &needles,
                question,
                at,
                beyond: Beyond::Refused,
                seed,
            };
            match check(&bench, &asked) {
                Ok(_) => posed.set(posed.get() + 1),
                Err(error) => {
                    // Six sentences of Hindi do not fit into 300 tokens of an English vocabulary;
                    // and in a text of a few sentences it is seen, once in thousands of prompts,
                    // that none of the corpus rounds it (four needles in 809 tokens of Chinese,
                    // seed 2734438041597528214). That is told, and nothing inexact is asked.
                    let told = error.to_string();
                    let is_unmet = told.contains("tokens exactly");
                    assert!(
                        tokens < 1500 && (is_unmet || told.contains("too short")),
                        "{error}"
                    );
                    match is_unmet {
                        true => unmet.set(unmet.get() + 1),
                        false => short.set(short.get() + 1),
                    }
                }
            }
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{name} {}: {error}", corpus.name));
    }
    assert!(short.get() * 5 < posed.get());
    assert!(unmet.get() <= 1 + posed.get() / 200, "{}", unmet.get());
    say(&format!(
        "{case}: {} prompts, all as asked, {} refused as too short; {:.1} s",
        posed.get(),
        short.get(),
        began.elapsed().as_secs_f64()
    ));
}

#[test]
fn prompts_of_ten_languages_in_o200k_are_exact() {
    exact("o200k", 24);
}

#[test]
fn prompts_of_ten_languages_in_cl100k_are_exact() {
    exact("cl100k", 12);
}

#[test]
fn prompts_of_ten_languages_in_qwen_3_are_exact() {
    exact("qwen3", 12);
}

/// No expression cuts the text of this one into words before tokens are made.
#[test]
fn prompts_of_ten_languages_in_gemma_3_are_exact() {
    exact("gemma3", 8);
}

#[test]
fn the_longest_length_is_named_where_the_text_has_ended_and_is_one_that_is_met() {
    for name in ["ko", "ja"] {
        let corpus = Corpus::open(name).expect("built in");
        let bench = Bench::new(&corpus, vocabulary("o200k").expect("bundled"));
        let needles = needles("10# 10#.", &[50.0]);
        let asked = |tokens, beyond| Asked {
            tokens,
            needles: &needles,
            question: "10?",
            at: QuestionAt::End,
            beyond,
            seed: 3,
        };
        let error = posed(&bench, &asked(2_000_000, Beyond::Refused)).expect_err("too long");
        let error = error.to_string();
        assert!(
            !error.contains('\n') && error.contains("--beyond"),
            "{error}"
        );
        let longest = error
            .split(" has text for ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let longest: u64 = longest.expect("named").parse().expect("a number");
        let held = corpus
            .texts
            .iter()
            .filter_map(|text| text.manifest.as_ref());
        let listed: u64 = held.map(|manifest| manifest.o200k_tokens).sum();
        assert!(longest.abs_diff(listed) < 100, "{longest} and {listed}");
        let whole = check(&bench, &asked(longest, Beyond::Refused)).expect("the longest is met");
        // Nothing new is left to round the length with.
        assert!(whole.shares.repeated_tokens < 100);
        // Told to, the same corpus is read again, and that is counted.
        let again = check(&bench, &asked(3 * longest, Beyond::Repeated)).expect("repeats");
        let share = again.shares.repeated_tokens as f64 / longest as f64;
        assert!((share - 2.0).abs() < 0.01, "{share}");
    }
}

#[test]
fn kinds_of_text_follow_each_other_and_are_counted_apart() {
    let corpus = Corpus::open("zh").expect("built in");
    let bench = Bench::new(&corpus, vocabulary("o200k").expect("bundled"));
    let needles = needles("第#镇的号码是10#。", &[0.0, 100.0]);
    let shares = |tokens| {
        let asked = Asked {
            tokens,
            needles: &needles,
            question: "第1镇？",
            at: QuestionAt::End,
            beyond: Beyond::Refused,
            seed: 9,
        };
        check(&bench, &asked).expect("fits").shares
    };
    let (prose, classical) = (
        bench.index.total_tokens(Kind::Prose),
        bench.index.total_tokens(Kind::Classical),
    );
    let short = shares(prose - 1000);
    assert!(
        short.classical_tokens == 0 && short.verse_tokens == 0 && short.prose_tokens > prose - 1200
    );
    let longer = shares(prose + classical - 1000);
    assert!(longer.classical_tokens > 0 && longer.verse_tokens == 0);
    let longest = shares(prose + classical + 500_000);
    assert!(longest.verse_tokens.abs_diff(500_000) < 1000 && longest.code_tokens == 0);
}

/// Texts of both forms in one folder: where they meet, the joint is counted.
#[test]
fn a_corpus_of_two_scripts_is_met_exactly() {
    let of = |name: &str, from: usize, to: usize| {
        let corpus = Corpus::open(name).expect("built in");
        let text = corpus.texts[0].as_str().expect("UTF-8");
        Text::owned(
            name,
            text[text.floor_char_boundary(from)..text.floor_char_boundary(to)]
                .trim()
                .to_string(),
        )
    };
    let corpus = Corpus {
        name: "mine".into(),
        texts: vec![
            of("zh", 0, 40_000),
            of("en", 0, 40_000),
            of("ja", 0, 40_000),
            of("ru", 0, 40_000),
        ],
    };
    let bench = Bench::new(&corpus, vocabulary("o200k").expect("bundled"));
    assert!(bench.index.additive);
    for seed in 0..60 {
        let needles = needles("第#镇的号码是10#。", &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        let asked = Asked {
            tokens: 400 + seed * 500,
            needles: &needles,
            question: "Which?",
            at: if seed % 2 == 0 {
                QuestionAt::End
            } else {
                QuestionAt::Start
            },
            beyond: Beyond::Refused,
            seed,
        };
        check(&bench, &asked).expect("fits");
    }
}
