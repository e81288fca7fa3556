//! The simulated model against the prompts that are really sent: it gets their bytes and nothing else.

use bytes::Bytes;
use depthfinder::answer::ValueType;
use depthfinder::corpus::Corpus;
use depthfinder::endpoint::wire::{Body, Request, Wire};
use depthfinder::fact::Facts;
use depthfinder::form::Form;
use depthfinder::haystack::Route;
use depthfinder::index::Index;
use depthfinder::language::{Language, Wording};
use depthfinder::lexicon::Lexicon;
use depthfinder::prompt::{Assembler, Needle, Prompt, QuestionAt, SetPlan};
use depthfinder::seed::Secret;
use depthfinder::sim::{SimWire, Truth};
use depthfinder::tokens::Tokenizer;
use futures_util::StreamExt;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// What the simulated chat template adds, in tokens.
const TEMPLATE_TOKENS: u64 = 7;

struct Bench {
    corpus: Corpus,
    tokenizer: Arc<Tokenizer>,
    index: Index,
    lexicon: Arc<Lexicon>,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let corpus = Corpus::open("en").expect("built in");
    let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
    let index = Index::build(&corpus, &tokenizer).expect("indexes");
    let lexicon = Arc::new(Lexicon::of(&corpus).expect("collects"));
    Bench {
        corpus,
        tokenizer,
        index,
        lexicon,
    }
});

fn english() -> &'static Language {
    Language::named("en").expect("built in")
}

fn wordings() -> &'static [Wording] {
    &english().wordings
}

/// A prompt of five facts with the third one asked for, and their values.
fn prompt(
    length_tokens: u64,
    wording: usize,
    kind: ValueType,
    at: QuestionAt,
    depth_percent: f64,
) -> (Prompt, Vec<String>) {
    let key = Secret::from_hex("0a").expect("hex").key("");
    let facts = Facts::new(&key, english(), vec![BENCH.lexicon.clone()]).expect("lists");
    let facts: Vec<_> = (0..5)
        .map(|at| facts.fact(at, kind).expect("draws"))
        .collect();
    let fill = |form: &Form, at: usize| {
        form.fill(&[
            ("noun", kind.noun()),
            ("key", &facts[at].key),
            ("value", &facts[at].value),
        ])
    };
    let needles: Vec<Needle> = [10.0, 90.0, depth_percent, 35.0, 65.0]
        .into_iter()
        .enumerate()
        .map(|(at, depth_percent)| Needle {
            sentence: fill(&wordings()[wording].needle, at),
            depth_percent,
        })
        .collect();
    let questions = [fill(&wordings()[wording].question, 2)];
    let assembler = Assembler::new(&BENCH.corpus, &BENCH.index, &BENCH.tokenizer);
    let route = Route::draw(&BENCH.index, &mut key.stream("route", &[1]));
    let plan = SetPlan {
        text_tokens: length_tokens,
        needles: &needles,
        questions: &questions,
        question_at: at,
    };
    let set = assembler.set(&route, plan).expect("fits");
    let prompt = set.prompt(0, key.stream("fill", &[1])).expect("is met");
    let values = facts.iter().map(|fact| fact.value.clone()).collect();
    (prompt, values)
}

/// Asks over the wire; the body's slices are the corpus's own.
fn ask(wire: &SimWire, prompt: &Prompt) -> Value {
    let mut slices = vec![Bytes::from_static(
        b"{\"messages\":[{\"role\":\"user\",\"content\":\"",
    )];
    slices.extend(prompt.rope.pieces().iter().map(|piece| piece.json.clone()));
    slices.push(Bytes::from_static(
        b"\"}],\"max_tokens\":64,\"stream\":false}",
    ));
    let request = Request {
        post: true,
        path: "/chat/completions".into(),
        headers: Vec::new(),
        body: Body { slices },
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bytes = runtime.block_on(async {
        let response = wire.send(request).await.expect("a response");
        assert_eq!(response.status, 200);
        let chunks: Vec<_> = response.chunks.collect().await;
        chunks
            .into_iter()
            .collect::<Result<Vec<Bytes>, _>>()
            .expect("a body")
            .concat()
    });
    serde_json::from_slice(&bytes).expect("JSON")
}

fn said(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"]
        .as_str()
        .expect("an answer")
}

fn wire(name: &str) -> SimWire {
    SimWire::new(Truth::parse(name).expect(name)).expect("a wire")
}

#[test]
fn every_wording_and_value_is_read_in_a_real_prompt_and_its_tokens_agree() {
    let (perfect, grep, lost) = (wire("perfect"), wire("grep"), wire("cliff=1k"));
    for wording in 0..wordings().len() {
        for kind in [ValueType::Numbers, ValueType::Words, ValueType::Uuids] {
            // Every wording meets both places and all depths, by one kind of value or another.
            let turn = wording + kind as usize;
            let at = [QuestionAt::End, QuestionAt::Start][turn % 2];
            let (prompt, values) = prompt(2_000, wording, kind, at, [0.0, 50.0, 100.0][turn % 3]);
            let reply = ask(&perfect, &prompt);
            assert_eq!(said(&reply), values[2], "{}", prompt.rope.text());
            assert_eq!(reply["usage"]["prompt_tokens"], 2_000 + TEMPLATE_TOKENS);
            assert_eq!(
                said(&ask(&grep, &prompt)),
                values[2],
                "{}",
                prompt.rope.text()
            );
            let wrong = ask(&lost, &prompt);
            let sibling = values.iter().position(|value| value == said(&wrong));
            assert!(sibling.is_some_and(|at| at != 2), "{wrong}");
        }
    }
}

#[test]
fn ten_million_tokens_are_read_to_the_token() {
    let (prompt, values) = prompt(10_000_000, 9, ValueType::Numbers, QuestionAt::End, 50.0);
    let exact = ask(&wire("cliff=10000007"), &prompt);
    assert_eq!(said(&exact), values[2]);
    assert_eq!(
        exact["usage"]["prompt_tokens"],
        10_000_000 + TEMPLATE_TOKENS
    );
    let wrong = ask(&wire("cliff=10000006"), &prompt);
    assert!(
        values.iter().any(|value| value == said(&wrong)) && said(&wrong) != values[2],
        "{wrong}"
    );
}
