//! RULER's needle-in-a-haystack tasks: one keyed fact, or several of one form with one asked.

use serde::{Deserialize, Serialize};

/// What a value looks like. The name is RULER's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Seven digits.
    Numbers,
    /// An adjective and a noun joined by a hyphen.
    Words,
    /// A random UUID in lower case.
    Uuids,
}

impl ValueType {
    /// The noun that stands for a value of this type in needles and questions.
    pub fn noun(self) -> &'static str {
        match self {
            ValueType::Numbers => "number",
            ValueType::Words => "word",
            ValueType::Uuids => "uuid",
        }
    }
}

/// A wording: how a fact is told and how it is asked for. `{key}`, `{value}` and `{noun}`
/// are filled in; each of the first two stands exactly once where it stands at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// One sentence, first letter upper case, ending in a full stop.
    pub needle: &'static str,
    /// The question, with the request for nothing but the value.
    pub question: &'static str,
}

/// The wordings, in an order that never changes: journal rows name them by index. The first is
/// the default; a 135M model answers it (95 of 100 at 1k tokens) where it fails on a question
/// without "answer with the … only" (20 of 100).
pub const WORDINGS: &[Wording] = &[
    Wording {
        needle: "The special magic {noun} for {key} is {value}.",
        question: "What is the special magic {noun} for {key}? Answer with the {noun} only.",
    },
    Wording {
        needle: "{key} has been given the secret {noun} {value}.",
        question: "Which secret {noun} has been given to {key}? Reply with the {noun} alone.",
    },
    Wording {
        needle: "Remember that the access {noun} of {key} is {value}.",
        question: "What is the access {noun} of {key}? Give only the {noun}.",
    },
    Wording {
        needle: "In the register, {key} is listed under the {noun} {value}.",
        question: "Under which {noun} is {key} listed in the register? Answer with the {noun} only.",
    },
    Wording {
        needle: "The {noun} assigned to {key} was {value}.",
        question: "Which {noun} was assigned to {key}? Write the {noun} and nothing else.",
    },
    Wording {
        needle: "Anyone asking for {key} must quote the {noun} {value}.",
        question: "Which {noun} must be quoted when asking for {key}? Answer with the {noun} only.",
    },
    Wording {
        needle: "On the label of {key} one could read the {noun} {value}.",
        question: "Which {noun} could be read on the label of {key}? Reply with the {noun} only.",
    },
    Wording {
        needle: "The file of {key} carries the reference {noun} {value}.",
        question: "Which reference {noun} does the file of {key} carry? Give the {noun} only.",
    },
    Wording {
        needle: "They agreed that {key} would be known by the {noun} {value}.",
        question: "By which {noun} would {key} be known? Answer with the {noun} alone.",
    },
    Wording {
        needle: "For {key}, the clerk wrote down the {noun} {value}.",
        question: "Which {noun} did the clerk write down for {key}? Answer with the {noun} only.",
    },
    Wording {
        needle: "The lock belonging to {key} opens with the {noun} {value}.",
        question: "With which {noun} does the lock belonging to {key} open? State the {noun} only.",
    },
    Wording {
        needle: "Beside the name of {key} stood the {noun} {value}.",
        question: "Which {noun} stood beside the name of {key}? Answer with the {noun} only.",
    },
];
