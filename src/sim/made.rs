//! Prompts made for the tests of the simulated model: filler, a needle, its siblings, a question.

use super::reader::wordings;
use super::responder::{Answer, Responder};
use super::route::Head;
use super::truth::Truth;
use crate::answer::ValueType;
use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Sentences that are no facts, with everything that JSON and UTF-8 make difficult.
const FILLER: &[&str] = &[
    "For years the special magic of that place was not a number for anyone to read.",
    "She said \"nothing is on the label\", and the back\\slash \\n stayed.",
    "他们同意，那把锁属于图书馆。",
    "A tab\there, a bell \u{7} there, and a line\nthat goes on.",
    "😀 Remember that emoji 👩‍🚀 have parts.",
    "The file was thick: 1234567 pages or 2f6c1a4e-0000-4000-8000-000000000000 of them.",
    "Naïve café owners in the register were listed by the clerk.",
];

/// The ingredients of one prompt.
#[derive(Clone)]
pub struct Made {
    pub wording: usize,
    pub kind: ValueType,
    pub question_first: bool,
    pub key: String,
    pub value: String,
    pub siblings: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
}

impl Made {
    /// A prompt of this many sentences of filler, everything else by chance.
    pub fn new(seed: u64, sentences: usize, siblings: usize) -> Made {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let wording = rng.random_range(0..wordings().len());
        let kind = [ValueType::Numbers, ValueType::Words, ValueType::Uuids][rng.random_range(0..3)];
        let mut hay: Vec<String> = (0..sentences)
            .map(|_| FILLER[rng.random_range(0..FILLER.len())].to_owned())
            .collect();
        let mut values = Vec::new();
        for number in 0..siblings {
            let told = value(kind, &mut rng);
            let at = rng.random_range(0..=hay.len());
            hay.insert(
                at,
                needle(wording, kind, &format!("sibling-{number}"), &told),
            );
            values.push(told);
        }
        let after = hay.split_off(rng.random_range(0..=hay.len()));
        Made {
            wording,
            kind,
            question_first: rng.random(),
            key: format!("scared-magnolia{}", seed % 10),
            value: value(kind, &mut rng),
            siblings: values,
            before: hay,
            after,
        }
    }

    /// The question.
    pub fn question(&self) -> String {
        let form = &wordings()[self.wording].question;
        form.fill(&[("noun", self.kind.noun()), ("key", &self.key)])
    }

    /// What stands before the needle in the prompt, and the prompt from the needle on.
    pub fn halves(&self) -> (String, String) {
        let told = needle(self.wording, self.kind, &self.key, &self.value);
        let mut start = self.before.join(" ");
        let mut end = std::iter::once(&told)
            .chain(&self.after)
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        if !start.is_empty() {
            start.push(' ');
        }
        if self.question_first {
            start = format!("{}\n\n{start}", self.question());
            end.push_str("\n\nNow answer the question that was asked at the start.");
        } else {
            end = format!("{end}\n\n{}", self.question());
        }
        (start, end)
    }

    /// The prompt.
    pub fn text(&self) -> String {
        let (start, end) = self.halves();
        start + &end
    }

    /// The request's body.
    pub fn body(&self) -> Vec<Bytes> {
        body(&self.text())
    }
}

/// A request's body with one user message, escaped by somebody else's hand.
pub fn body(text: &str) -> Vec<Bytes> {
    let request = json!({
        "model": "sim",
        "messages": [{ "role": "user", "content": text }],
        "max_tokens": 64,
    });
    vec![Bytes::from(request.to_string())]
}

/// The sentence that tells a fact.
pub fn needle(wording: usize, kind: ValueType, key: &str, value: &str) -> String {
    let form = &wordings()[wording].needle;
    let told = form.fill(&[("noun", kind.noun()), ("key", key), ("value", value)]);
    let mut letters = told.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn value(kind: ValueType, rng: &mut ChaCha8Rng) -> String {
    match kind {
        ValueType::Numbers | ValueType::Names | ValueType::Counts => {
            rng.random_range(1_000_000..10_000_000u32).to_string()
        }
        ValueType::Words => {
            let mut letters = || -> String {
                (0..6)
                    .map(|_| char::from(rng.random_range(b'a'..=b'z')))
                    .collect()
            };
            format!("{}-{}", letters(), letters())
        }
        ValueType::Uuids => {
            let bits = rng.random::<u128>();
            let hex = format!("{bits:032x}");
            format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            )
        }
    }
}

/// A model by its name.
pub fn model(name: &str) -> Responder {
    Responder::new(Truth::parse(name).expect(name)).expect("a model")
}

/// What a model answers to a POST of a body.
pub fn post(model: &Responder, path: &str, body: &[Bytes]) -> Answer {
    let turn = model.begin(Head::new(true, path, [("anthropic-version", "2023-06-01")]));
    model.answer(turn, body)
}

/// What a model answers to a GET.
pub fn get(model: &Responder, path: &str) -> Answer {
    model.answer(model.begin(Head::new(false, path, [])), &[])
}

/// A whole reply to a body.
pub fn ask(model: &Responder, body: &[Bytes]) -> Value {
    let answer = post(model, "/v1/chat/completions", body);
    let whole = answer.chunks.concat();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&whole));
    serde_json::from_slice(&whole).expect("JSON")
}

/// What a reply says.
pub fn said(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"]
        .as_str()
        .expect("an answer")
}

/// A body of this JSON.
pub fn one(request: Value) -> Vec<Bytes> {
    vec![Bytes::from(request.to_string())]
}
