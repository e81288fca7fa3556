//! Exact length: the finished prompt, recounted whole, has the tokens that were asked for.

#[allow(dead_code, reason = "each test program uses its share")]
#[path = "real/files.rs"]
mod files;
#[path = "lengths/languages.rs"]
mod languages;

use depthfinder::corpus::{Corpus, Text};
use depthfinder::gguf::Metadata;
use depthfinder::haystack::Route;
use depthfinder::index::{Index, TextIndex};
use depthfinder::prompt::{Assembler, Needle, Part, Prompt, QuestionAt, SetPlan};
use depthfinder::seed::Secret;
use depthfinder::template::ChatTemplate;
use depthfinder::tokens::Tokenizer;
use depthfinder::tokens::bundled::Bundled;
use files::{have, say};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// All texts in this binary, unpacked once.
static EN: LazyLock<Corpus> = LazyLock::new(|| Corpus::open("en").expect("built in"));

struct Bench<'a> {
    corpus: &'a Corpus,
    tokenizer: Arc<Tokenizer>,
    index: Index,
}

impl Bench<'_> {
    fn new(corpus: &Corpus, tokenizer: Arc<Tokenizer>) -> Bench<'_> {
        // Always the fast encoder: recounting a million tokens with the small one takes seconds.
        assert!(tokenizer.encoder().expect("loads").is_fast());
        let index = Index::build(corpus, &tokenizer).expect("indexes");
        Bench {
            corpus,
            tokenizer,
            index,
        }
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
    bench: &Bench<'_>,
    tokens: u64,
    depths: &[f64],
    at: QuestionAt,
    seed: u64,
) -> anyhow::Result<Prompt> {
    let key = Secret::from_hex("0a").expect("hex").key("");
    let assembler = Assembler::new(bench.corpus, &bench.index, &bench.tokenizer);
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

fn check(bench: &Bench<'_>, tokens: u64, depths: &[f64], at: QuestionAt, seed: u64) -> Prompt {
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
        Part::rope(&prompt.parts, bench.corpus)
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
    prompt
}

static O200K: LazyLock<Bench<'static>> =
    LazyLock::new(|| Bench::new(&EN, Tokenizer::bundled("o200k").expect("bundled")));

/// From 200 tokens to a million, each scale as likely as the next.
fn length() -> impl Strategy<Value = u64> {
    (0.0f64..1.0).prop_map(|share| (200.0 * 5000f64.powf(share)) as u64)
}

fn question_at() -> impl Strategy<Value = QuestionAt> {
    prop_oneof![Just(QuestionAt::End), Just(QuestionAt::Start)]
}

/// Random lengths, depths and seeds over the whole built-in corpus.
fn exact(name: &str, cases: u32) {
    let case = format!("{name}: exact lengths");
    let Some(tokenizer) = have(&case, files::vocabulary(name)) else {
        return;
    };
    let began = Instant::now();
    let bench = Bench::new(&EN, tokenizer);
    assert!(bench.index.additive, "counts of {name} do not add up");
    let indexed = began.elapsed();
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let depths = prop::collection::vec(0.0f64..=100.0, 1..4);
    let any = (length(), depths, question_at(), any::<u64>());
    let run = TestRunner::new(config).run(&any, |(tokens, depths, at, seed)| {
        check(&bench, tokens, &depths, at, seed);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{name}: {error}"));
    check(&bench, 1_000_000, &[0.0, 50.0, 100.0], QuestionAt::End, 1);
    say(&format!(
        "{case}: {cases} prompts of 200 to 1M tokens, all as asked; {:.1} s, {:.1} s of them for the index",
        began.elapsed().as_secs_f64(),
        indexed.as_secs_f64()
    ));
}

#[test]
fn prompts_in_o200k_are_exact() {
    exact("o200k", 60);
}

#[test]
fn prompts_in_cl100k_are_exact() {
    exact("cl100k", 40);
}

#[test]
fn prompts_in_smollm2_out_of_its_weights_are_exact() {
    exact("smollm2", 60);
}

#[test]
fn prompts_in_llama_3_are_exact() {
    exact("llama3", 40);
}

#[test]
fn prompts_in_qwen_3_are_exact() {
    exact("qwen3", 40);
}

#[test]
fn prompts_in_deepseek_are_exact() {
    exact("deepseek", 40);
}

#[test]
fn prompts_in_gemma_3_are_exact() {
    exact("gemma3", 20);
}

/// The family that puts a space before a text's beginning.
#[test]
fn prompts_in_llama_2_are_exact() {
    exact("llama2", 20);
}

#[test]
fn prompts_at_both_ends_of_the_range_are_exact() {
    let quarters = [0.0, 25.0, 50.0, 75.0, 100.0];
    for seed in 0..40 {
        check(&O200K, 200, &[0.0, 100.0], QuestionAt::End, seed);
        check(&O200K, 512, &quarters, QuestionAt::End, seed);
    }
    check(&O200K, 10_000_000, &quarters, QuestionAt::End, 1);
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

/// What the model sees, template and all, has the length that was asked for.
#[test]
fn smollm2s_chat_template_adds_the_same_tokens_to_every_prompt() {
    let case = "SmolLM2's chat template";
    let Some(path) = have(case, files::smollm2()) else {
        return;
    };
    let metadata = Metadata::read(&path).expect("a GGUF");
    let template = ChatTemplate::of(&metadata)
        .expect("readable")
        .expect("it has one");
    let alice = Corpus {
        name: "alice".into(),
        texts: EN
            .texts
            .iter()
            .filter(|text| text.name.contains("alice"))
            .map(|text| Text::owned("alice", text.as_str().expect("readable").to_owned()))
            .collect(),
    };
    let bench = Bench::new(&alice, files::vocabulary("smollm2").expect("here"));
    for system in [None, Some("You answer in one word."), Some("")] {
        let overhead = template
            .overhead_tokens(&bench.tokenizer, system)
            .expect("renders");
        assert!(overhead > 0);
        for seed in 0..40 {
            let at = match seed % 2 {
                0 => QuestionAt::End,
                _ => QuestionAt::Start,
            };
            let prompt = check(&bench, 220 + seed * seed * 7, &[0.0, 40.0], at, seed);
            let seen = template
                .render(system, &prompt.rope.text())
                .expect("renders");
            assert_eq!(
                bench.tokenizer.count(&seen).expect("counts"),
                prompt.text_tokens + overhead
            );
        }
    }
}

fn owned(sentence: impl Fn(usize) -> String, sentences: usize) -> Corpus {
    let text: String = (0..sentences).map(sentence).collect();
    Corpus {
        name: "mine".into(),
        texts: vec![Text::owned("mine", text.trim().to_string())],
    }
}

#[test]
fn a_small_corpus_of_the_users_own_is_met_exactly_or_refused() {
    let corpus = owned(
        |n| {
            let very = "very ".repeat(n % 17);
            format!("Sentence number {n} tells {very} apples. ")
        },
        300,
    );
    let bench = Bench::new(&corpus, Tokenizer::bundled("o200k").expect("bundled"));
    assert!(bench.index.additive);
    for seed in 0..50 {
        check(&bench, 300 + seed * 13, &[0.0, 60.0], QuestionAt::End, seed);
    }
    assert!(prompt(&bench, 20_000, &[0.0], QuestionAt::End, 1).is_err());
}

/// A vocabulary with tokens across the end of a sentence: what follows decides what a unit counts.
#[test]
fn a_vocabulary_whose_counts_do_not_add_up_is_found_out_and_met_by_recounting() {
    let json = Bundled::named("cl100k").expect("bundled").to_json();
    let mut json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    // No expression keeps sentences apart, and two tokens reach from one into the next.
    json["pre_tokenizer"] = serde_json::json!({"type": "ByteLevel", "add_prefix_space": false,
        "trim_offsets": true, "use_regex": false});
    let size = json["model"]["vocab"].as_object().expect("tokens").len();
    for (id, next) in (size..).zip(["ĠThe", "ĠSome"]) {
        json["model"]["vocab"][format!("!{next}")] = id.into();
        let merges = json["model"]["merges"].as_array_mut().expect("merges");
        merges.push(serde_json::json!(["!", next]));
    }
    let words = ["The", "A", "Some", "No"];
    let corpus = owned(
        |n| {
            let very = "very ".repeat(n * 7 % 19);
            let end = if n % 3 == 0 { "!" } else { "." };
            format!(
                "{} town {n} has {very}old roofs{end} ",
                words[n * n % 11 % 4]
            )
        },
        9000,
    );
    let mut bench = Bench::new(&corpus, Tokenizer::from_json("joined", json.to_string()));
    assert!(!bench.index.additive);
    for seed in 0..25 {
        check(
            &bench,
            300 + seed * 417,
            &[0.0, 60.0],
            QuestionAt::End,
            seed,
        );
    }
    check(&bench, 100_000, &[0.0, 60.0, 100.0], QuestionAt::Start, 7);
    // Without recounting some would not be.
    bench.index.additive = true;
    let is_off = |seed: u64| {
        let trusted = prompt(&bench, 300 + seed, &[0.0, 60.0], QuestionAt::End, seed);
        let text = trusted.expect("fits").rope.text();
        bench.tokenizer.count(&text).expect("counts") != 300 + seed
    };
    assert!((0..300).any(is_off));
}

/// However wrong an index is, a recounted prompt is exact.
#[test]
fn an_index_that_is_wrong_about_many_units_still_gives_exact_prompts() {
    let mut bench = Bench {
        corpus: &EN,
        tokenizer: O200K.tokenizer.clone(),
        index: O200K.index.clone(),
    };
    bench.index.additive = false;
    for off in [1, -1] {
        let wrong = |text: &TextIndex| TextIndex {
            tokens_before: (0..)
                .zip(&text.tokens_before)
                .map(|(unit, tokens)| (*tokens as i32 + unit / 8 * off) as u32)
                .collect(),
            ..text.clone()
        };
        bench.index.texts = O200K.index.texts.iter().map(wrong).collect();
        for (seed, tokens) in [(1, 300), (2, 2_000), (3, 20_001), (4, 200_000)] {
            check(&bench, tokens, &[0.0, 60.0], QuestionAt::End, seed);
        }
    }
}
