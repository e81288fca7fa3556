//! Lines of the journal for fingerprints: short questions at a few moments of a run, whose accounts tell who answers.

use super::Outcome;
use crate::reply::Reply;
use serde::{Deserialize, Serialize};

/// When in a run a fingerprint is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the first question of a session.
    Start,
    /// When half of the planned questions are settled.
    Middle,
    /// After the last question of a session.
    End,
}

impl Moment {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Moment::Start => "start",
            Moment::Middle => "middle",
            Moment::End => "end",
        }
    }
}

/// Written before a question of a fingerprint is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrintIntent {
    /// Version of the format.
    pub schema: u32,
    /// The question, by its number among those of all fingerprints of the run.
    pub question: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// One attempt at one question of a fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Print {
    /// Version of the format.
    pub schema: u32,
    /// Its number among the questions of all fingerprints of the run, from 0; attempts have
    /// numbers of their own.
    pub question: u64,
    /// The fingerprint that it belongs to, by its number in the run, from 0.
    pub fingerprint: u64,
    /// When in the run that was taken.
    pub moment: Moment,
    /// Questions of the run that were settled when it was begun.
    pub settled: u64,
    /// When the request began, in milliseconds since 1970.
    pub at_ms: u64,
    /// What is asked about: `short` for the frame alone, else the text that stands in it.
    pub probe: String,
    /// The prompt.
    pub text: String,
    /// Tokens of it by the run's tokenizer, template not included.
    pub text_tokens: u64,
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// What came back.
    pub outcome: Outcome,
}

impl Print {
    /// The answer, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Failure(_) => None,
        }
    }
}
