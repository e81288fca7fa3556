//! Exact length: the finished prompt, recounted whole, has the tokens that were asked for.

use depthfinder::corpus::{Corpus, Text};
use depthfinder::haystack::Route;
use depthfinder::index::Index;
use depthfinder::prompt::{Assembler, Needle, Part, Prompt, QuestionAt, SetPlan};
use depthfinder::seed::Secret;
use depthfinder::tokens::Tokenizer;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

struct Bench {
    corpus: Corpus,
    tokenizer: Arc<Tokenizer>,
    index: Index,
}

fn bench(tokenizer: Arc<Tokenizer>) -> Bench {
    let corpus = Corpus::open("en").expect("built in");
    // Always the fast encoder: recounting a million tokens with the small one takes seconds.
    tokenizer.encoder().expect("loads");
    let index = Index::build(&corpus, &tokenizer).expect("indexes");
    assert!(index.additive, "{tokenizer:?}");
    Bench {
        corpus,
        tokenizer,
        index,
    }
}

fn needles(depths: &[f64]) -> Vec<Needle> {
    depths
        .iter()
        .enumerate()
        .map(|(at, &depth_percent)| Needle {
            sentence: format!(
                "The special magic number for Town{at}ville is {}.",
                1_000_007 * (at + 1)
            ),
            depth_percent,
        })
        .collect()
}

fn prompt(
    bench: &Bench,
    tokens: u64,
    depths: &[f64],
    at: QuestionAt,
    seed: u64,
) -> anyhow::Result<Prompt> {
    let key = Secret::from_hex("0a").expect("hex").key("");
    let assembler = Assembler::new(&bench.corpus, &bench.index, &bench.tokenizer);
    let route = Route::draw(&bench.index, &mut key.stream("route", &[seed]));
    let questions = vec![
        "What is the special magic number for Town0ville? Answer with the number only.".to_string(),
        "Which one, of all the special magic numbers in this long text, is that for Town1ville? Answer with the number only.".to_string(),
    ];
    let needles = needles(depths);
    let set = assembler.set(
        &route,
        SetPlan {
            text_tokens: tokens,
            needles: &needles,
            questions: &questions,
            question_at: at,
        },
    )?;
    set.prompt((seed % 2) as usize, key.stream("fill", &[seed]))
}

fn check(bench: &Bench, tokens: u64, depths: &[f64], at: QuestionAt, seed: u64) {
    let prompt = prompt(bench, tokens, depths, at, seed).expect("fits");
    let text = prompt.rope.text();
    assert_eq!(
        bench.tokenizer.count(&text).expect("counts"),
        tokens,
        "recounted"
    );
    assert_eq!(prompt.text_tokens, tokens);
    assert!(!text.starts_with(char::is_whitespace) && !text.ends_with(char::is_whitespace));
    assert_eq!(
        Part::rope(&prompt.parts, &bench.corpus)
            .expect("rebuilds")
            .text(),
        text
    );
    for needle in needles(depths) {
        assert_eq!(
            text.matches(&needle.sentence).count(),
            1,
            "{}",
            needle.sentence
        );
    }
    for placed in &prompt.placed {
        // One unit beside the asked place at most; the longest of prose are about 2,000 tokens.
        let slack = 100.0 * 2500.0 / tokens as f64 + 0.1;
        assert!(
            (placed.asked_percent - placed.actual_percent).abs() <= slack.max(1.0),
            "{placed:?} of {tokens}"
        );
    }
    let escaped: Vec<u8> = prompt
        .rope
        .pieces()
        .iter()
        .flat_map(|piece| piece.json.to_vec())
        .collect();
    let read: String = serde_json::from_str(&format!(
        "\"{}\"",
        String::from_utf8(escaped).expect("UTF-8")
    ))
    .expect("JSON");
    assert_eq!(read, text);
}

static O200K: LazyLock<Bench> =
    LazyLock::new(|| bench(Tokenizer::bundled("o200k").expect("bundled")));
static CL100K: LazyLock<Bench> =
    LazyLock::new(|| bench(Tokenizer::bundled("cl100k").expect("bundled")));

fn length() -> impl Strategy<Value = u64> {
    (0.0f64..1.0).prop_map(|share| (200.0 * 5000f64.powf(share)) as u64)
}

fn question_at() -> impl Strategy<Value = QuestionAt> {
    prop_oneof![Just(QuestionAt::End), Just(QuestionAt::Start)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn o200k_prompts_of_any_length_depth_and_seed_are_exact(
        tokens in length(), depths in prop::collection::vec(0.0f64..=100.0, 1..4), at in question_at(), seed in any::<u64>()
    ) {
        check(&O200K, tokens, &depths, at, seed);
    }

    #[test]
    fn cl100k_prompts_of_any_length_depth_and_seed_are_exact(
        tokens in length(), depths in prop::collection::vec(0.0f64..=100.0, 1..4), at in question_at(), seed in any::<u64>()
    ) {
        check(&CL100K, tokens, &depths, at, seed);
    }
}

#[test]
fn prompts_at_both_ends_of_the_range_are_exact() {
    for seed in 0..40 {
        check(&O200K, 200, &[0.0, 100.0], QuestionAt::End, seed);
        check(
            &O200K,
            512,
            &[0.0, 25.0, 50.0, 75.0, 100.0],
            QuestionAt::End,
            seed,
        );
    }
    check(
        &O200K,
        10_000_000,
        &[0.0, 25.0, 50.0, 75.0, 100.0],
        QuestionAt::End,
        1,
    );
    check(&O200K, 9_999_999, &[0.0, 50.0], QuestionAt::Start, 2);
}

#[test]
fn depths_are_not_biased_by_the_rounding_sentences() {
    const SEEDS: u64 = 60;
    for tokens in [512, 1000] {
        for depth in [25.0, 50.0, 75.0] {
            let off: f64 = (0..SEEDS)
                .map(|seed| {
                    let prompt = prompt(&O200K, tokens, &[depth], QuestionAt::End, seed);
                    prompt.expect("fits").placed[0].actual_percent - depth
                })
                .sum();
            let mean = off / SEEDS as f64;
            assert!(mean.abs() < 3.0, "{tokens} tokens, {depth} %: {mean:+.1}");
        }
    }
}

#[test]
fn too_short_and_too_long_are_told_in_one_line() {
    let short = prompt(&O200K, 60, &[0.0], QuestionAt::End, 1)
        .expect_err("too short")
        .to_string();
    assert!(
        short.contains("too short") && !short.contains('\n'),
        "{short}"
    );
    let long = prompt(&O200K, 11_000_000, &[0.0], QuestionAt::End, 1)
        .expect_err("too long")
        .to_string();
    assert!(
        long.contains("11000000") && long.contains("--corpus"),
        "{long}"
    );
}

#[test]
fn a_small_corpus_of_the_users_own_is_met_exactly_or_refused() {
    let text: String = (0..300)
        .map(|n| {
            format!(
                "Sentence number {n} tells {} apples. ",
                "very ".repeat(n % 17)
            )
        })
        .collect();
    let corpus = Corpus {
        name: "mine".into(),
        texts: vec![Text::owned("mine", text.trim().to_string())],
    };
    let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
    let index = Index::build(&corpus, &tokenizer).expect("indexes");
    let bench = Bench {
        corpus,
        tokenizer,
        index,
    };
    for seed in 0..50 {
        check(&bench, 300 + seed * 13, &[0.0, 60.0], QuestionAt::End, seed);
    }
    assert!(prompt(&bench, 20_000, &[0.0], QuestionAt::End, 1).is_err());
}
