//! Lines of the journal for items of other people's sets: one before an item is asked, one of what came back.

use super::Outcome;
use crate::dataset::Rule;
use crate::reply::{Failure, Reply};
use serde::{Deserialize, Serialize};

/// An item is about to be sent. One without a row is asked again and may be paid twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetIntent {
    /// Version of the format.
    pub schema: u32,
    /// The item, by its place in the file, from 0.
    pub item: u64,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// One attempt at one item. The text of the item is not here: the set's own file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetRow {
    /// Version of the format.
    pub schema: u32,
    /// The item, by its place in the file, from 0.
    pub item: u64,
    /// What the set calls it, else the number of its line or row.
    pub id: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When the request began, in milliseconds since 1970.
    pub at_ms: u64,
    /// The task, where the set tells it.
    pub task: Option<String>,
    /// The length in tokens that the set states, by a tokenizer that it does not name.
    pub length_tokens: Option<u64>,
    /// Where the answer stands, in percent of the prompt, where the set states it.
    pub depth_percent: Option<f64>,
    /// The set's own rule, by which the answer is scored.
    pub rule: Rule,
    /// The expected answers.
    pub answers: Vec<String>,
    /// The prompt, but for its words.
    pub prompt: SetPrompt,
    /// Output budget of this attempt in tokens.
    pub max_output_tokens: u64,
    /// What came back.
    pub outcome: Outcome,
    /// True for the attempt that settles its item; an unsettled one was asked again.
    pub settled: bool,
    /// Why the attempt counts as void; none where it is scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// What the answer is worth by the rule, from 0 to 1; none where it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<f64>,
    /// Whether it counts as right; none where it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
}

/// A prompt without its words, which the set's file gives back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPrompt {
    /// BLAKE3 in hex of the conversation: of each message its role (`system`, `user`,
    /// `assistant`), a line end, its text, and a zero byte.
    pub blake3: String,
    /// Length of all texts in bytes.
    pub bytes: u64,
    /// How many messages there are, a system message not among them.
    pub turns: u64,
    /// Tokens of all texts by the run's tokenizer, template not included.
    pub text_tokens: u64,
    /// Tokens that the server should report, template included; none where that is not known.
    pub expected_tokens: Option<u64>,
    /// Tokens by which its report may differ.
    pub tolerance_tokens: Option<u64>,
    /// True where the counts are the model's own tokenizer's.
    pub exact: bool,
}

impl SetRow {
    /// The answer, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Failure(_) => None,
        }
    }

    /// True where another run may well succeed: nothing was wrong with the prompt.
    pub fn may_be_asked_again(&self) -> bool {
        matches!(&self.outcome, Outcome::Failure(failure)
            if failure.is_transient() || failure.is_fatal())
    }

    /// The failure, where there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failure(failure) => Some(failure),
            Outcome::Reply(_) => None,
        }
    }

    /// The length that it is reported under: as the set states it, else as the server counted the
    /// prompt, else by the run's tokenizer.
    pub fn told_tokens(&self) -> u64 {
        if let Some(stated) = self.length_tokens {
            return stated;
        }
        let counted = self
            .reply()
            .and_then(|reply| reply.usage.prompt_tokens)
            .filter(|_| self.void.is_none() && !self.prompt.exact);
        let own = self.prompt.expected_tokens;
        counted.or(own).unwrap_or(self.prompt.text_tokens)
    }
}
