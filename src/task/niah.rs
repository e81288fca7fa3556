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
/// the default; a 135M model answers it (19 of 20 at 1k tokens) where it fails on a question
/// without "answer with the … only" (4 of 20).
pub const WORDINGS: &[Wording] = &[
    Wording {
        needle: "The special magic {noun} for {key} is {value}.",
        question: "What is the special magic {noun} for {key}? Answer with the {noun} only.",
    },
    Wording {
        needle: "Somebody has given {key} the secret {noun} {value}.",
        question: "Which secret {noun} has somebody given to {key}? Reply with the {noun} alone.",
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

/// The sentence that tells a fact.
pub fn needle(wording: usize, value_type: ValueType, key: &str, value: &str) -> String {
    let form = WORDINGS.get(wording).unwrap_or(&WORDINGS[0]);
    filled(form.needle, value_type, key).replace("{value}", value)
}

/// The question that asks for a fact.
pub fn question(wording: usize, value_type: ValueType, key: &str) -> String {
    let form = WORDINGS.get(wording).unwrap_or(&WORDINGS[0]);
    filled(form.question, value_type, key)
}

fn filled(form: &str, value_type: ValueType, key: &str) -> String {
    form.replace("{noun}", value_type.noun())
        .replace("{key}", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wording_names_key_and_value_once_and_asks_for_the_value_alone() {
        assert!(WORDINGS.len() >= 12);
        for wording in WORDINGS {
            for (form, part, times) in [
                (wording.needle, "{key}", 1),
                (wording.needle, "{value}", 1),
                (wording.question, "{key}", 1),
                (wording.question, "{value}", 0),
            ] {
                assert_eq!(form.matches(part).count(), times, "{form}");
            }
            assert!(
                wording.needle.ends_with('.')
                    && wording.question.contains("? ")
                    && wording.question.ends_with('.')
            );
        }
    }

    #[test]
    fn a_needle_holds_its_answer_and_a_question_does_not() {
        for wording in 0..WORDINGS.len() {
            assert!(needle(wording, ValueType::Numbers, "Oslo", "1234567").contains("1234567"));
            assert!(!question(wording, ValueType::Numbers, "Oslo").contains("1234567"));
        }
    }
}
