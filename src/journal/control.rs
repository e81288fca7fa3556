//! A line of the journal for a request that scores nothing: it shows what reaches the model.

use super::Outcome;
use super::row::{english, is_english, right};
use crate::answer::{Right, Rule, ValueType};
use crate::canary::{Code, Cut, cut};
use crate::prompt::Part;
use crate::reply::Reply;
use crate::task::Task;
use serde::{Deserialize, Serialize};

/// What a control is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// A text whose count teaches how the server's tokens grow with ours.
    Calibration,
    /// Codes at known places.
    Canary,
    /// A step of the search for the window that is served.
    Window,
    /// A question of a study in a short haystack: what the model can do where nothing is long.
    ShortContext,
    /// A prompt of a study without its fact: does the haystack answer by itself?
    NoNeedle,
    /// A question alone: closed book.
    NoContext,
    /// The fact and the question, and nothing else.
    NeedleOnly,
    /// A question for a fact that was never planted; "none" is right.
    AbsentNeedle,
}

impl ControlKind {
    /// As it is named in reports.
    pub fn name(self) -> &'static str {
        match self {
            ControlKind::Calibration => "calibration",
            ControlKind::Canary => "canary",
            ControlKind::Window => "window",
            ControlKind::ShortContext => "short context",
            ControlKind::NoNeedle => "no needle",
            ControlKind::NoContext => "no context",
            ControlKind::NeedleOnly => "needle only",
            ControlKind::AbsentNeedle => "absent needle",
        }
    }
}

/// The question of a control that has a right answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlItem {
    /// The trial whose fact, wording and haystack it has; none for one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<u64>,
    /// Its number among the controls of its kind, from 0; each task counts its own.
    pub nth: u64,
    /// The task of its question; none where the run has one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The name that was asked for the fact.
    pub key: String,
    /// The right answer; `none` for a fact that was never planted.
    pub expected: String,
    /// By which rule it is right.
    #[serde(default, skip_serializing_if = "Rule::is_one")]
    pub rule: Rule,
    /// The right values, where they are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Other values that stand in the text and are wrong.
    pub siblings: Vec<String>,
    /// What answers look like.
    pub values: ValueType,
    /// The language of the question.
    #[serde(default = "english", skip_serializing_if = "is_english")]
    pub language: String,
    /// The question as asked.
    pub question: String,
}

impl ControlItem {
    /// What is right.
    pub fn right(&self) -> Right {
        match (self.rule, self.expected.as_str()) {
            // Items of before rules were recorded.
            (Rule::One, "none") => Right::absent(self.values),
            (rule, expected) => right(self.values, rule, expected, &self.answers),
        }
    }
}

/// Written before a control is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlIntent {
    /// Version of the format.
    pub schema: u32,
    /// The control, by its number.
    pub control: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// One attempt at one control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Version of the format.
    pub schema: u32,
    /// Its number among the controls of the run, from 0; attempts have numbers of their own.
    pub control: u64,
    /// When the request began, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it is for.
    pub kind: ControlKind,
    /// Length of the complete prompt in tokens, as it was meant.
    pub length_tokens: u64,
    /// The prompt, but for its bytes.
    pub prompt: ControlNote,
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// The codes that were planted, and which of them the answer named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Code>,
    /// What was asked, where it has a right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ControlItem>,
    /// What came back.
    pub outcome: Outcome,
}

/// A control's prompt without its bytes, which the parts and the corpus give back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlNote {
    /// BLAKE3 of the text in hex.
    pub blake3: String,
    /// Length of the text in bytes.
    pub bytes: u64,
    /// Tokens of the text by the run's tokenizer, template not included.
    pub text_tokens: u64,
    /// Tokens that the server should report; none where that is not known.
    pub expected_tokens: Option<u64>,
    /// Tokens by which its report may differ.
    pub tolerance_tokens: Option<u64>,
    /// What the text is made of.
    pub parts: Vec<Part>,
}

impl Control {
    /// The answer, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Failure(_) => None,
        }
    }

    /// True where the server's own count or its own words prove that the prompt was cut.
    pub fn is_proven_cut(&self) -> bool {
        self.reply().is_some_and(|reply| {
            let short = match (self.prompt.expected_tokens, reply.usage.prompt_tokens) {
                (Some(expected), Some(reported)) => {
                    reported + self.prompt.tolerance_tokens.unwrap_or(0) < expected
                }
                _ => false,
            };
            short || reply.cut.is_some()
        })
    }

    /// The cut that the lost codes look like.
    pub fn looks_cut(&self) -> Option<Cut> {
        self.reply()?;
        cut(&self.codes)
    }

    /// True where every code came back.
    pub fn is_whole(&self) -> bool {
        !self.codes.is_empty() && self.codes.iter().all(|code| code.found)
    }
}
