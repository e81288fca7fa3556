//! What one line of the journal says. FORMAT.md describes every field.

use super::{Control, ControlIntent, Print, PrintIntent, SetIntent, SetRow};
use crate::answer::{Right, Rule, ValueType};
use crate::plan::Trial;
use crate::prompt::{Part, Placed, Shares};
use crate::reply::{Failure, Reply};
use crate::score::Judged;
use serde::{Deserialize, Serialize};

/// Version of the journal's format. A journal of a newer one is refused, older ones stay readable.
pub const SCHEMA: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// Written before a request is sent.
    Intent(Intent),
    /// Written when its outcome is known.
    Row(Box<Row>),
    /// Written before a control is sent.
    ControlIntent(ControlIntent),
    /// Written when a control's outcome is known.
    Control(Box<Control>),
    /// Written before a question of a fingerprint is sent.
    FingerprintIntent(PrintIntent),
    /// Written when the outcome of such a question is known.
    Fingerprint(Box<Print>),
    /// Written before an item of a set is sent.
    SetIntent(SetIntent),
    /// Written when an item's outcome is known.
    SetRow(Box<SetRow>),
}

/// A request is about to be sent. One without a row is asked again and may be paid twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Version of the format.
    pub schema: u32,
    /// The trial.
    pub trial: u64,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// One attempt at one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Version of the format.
    pub schema: u32,
    /// The trial's coordinates.
    pub trial: Trial,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When the request began, in milliseconds since 1970.
    pub at_ms: u64,
    /// The name that was asked for the fact.
    pub key: String,
    /// The right answer; several values are joined by commas.
    pub expected: String,
    /// By which rule it is right.
    #[serde(default, skip_serializing_if = "Rule::is_one")]
    pub rule: Rule,
    /// The right values, where they are several or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Other values that stand in the text and are wrong.
    pub siblings: Vec<String>,
    /// What answers look like.
    pub values: ValueType,
    /// The language of the question.
    #[serde(default = "english", skip_serializing_if = "is_english")]
    pub language: String,
    /// The wording, by its place in the pool.
    pub wording: usize,
    /// The question as asked.
    pub question: String,
    /// The prompt, but for its bytes.
    pub prompt: PromptNote,
    /// Output budget of this attempt in tokens.
    pub max_output_tokens: u64,
    /// What came back.
    pub outcome: Outcome,
    /// True for the attempt that settles its trial; an unsettled one was asked again.
    pub settled: bool,
    /// Why the attempt counts as void; none where it is scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// The answer's class; none where it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

/// A prompt without its bytes, which the parts and the corpus give back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptNote {
    /// BLAKE3 of the text in hex.
    pub blake3: String,
    /// Length of the text in bytes.
    pub bytes: u64,
    /// Tokens of the text by the index's tokenizer, template not included.
    pub text_tokens: u64,
    /// Tokens that the server should report, template included; none where the template is unknown.
    pub expected_tokens: Option<u64>,
    /// Tokens by which its report may differ; none in rows of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_tokens: Option<u64>,
    /// True where the counts are exact, false where another tokenizer stands in for the model's.
    pub exact: bool,
    /// Where the asked fact stands.
    pub placed: Placed,
    /// What the haystack is made of.
    pub shares: Shares,
    /// What the text is made of.
    pub parts: Vec<Part>,
}

/// What came back for one attempt.
#[expect(
    clippy::large_enum_variant,
    reason = "rows are boxed, and nearly all hold a reply"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer.
    Reply(Reply),
    /// None, and why.
    Failure(Failure),
}

/// The language of rows that name none.
pub(super) fn english() -> String {
    "en".to_string()
}

/// True for the language that rows need not name.
pub(super) fn is_english(language: &str) -> bool {
    language == "en"
}

/// What is right, out of what a line of the journal says of it.
pub(super) fn right(values: ValueType, rule: Rule, expected: &str, answers: &[String]) -> Right {
    let values_of = match rule {
        Rule::One => vec![expected.to_string()],
        _ => answers.to_vec(),
    };
    Right {
        value_type: values,
        rule,
        values: values_of,
    }
}

impl Row {
    /// What is right.
    pub fn right(&self) -> Right {
        right(self.values, self.rule, &self.expected, &self.answers)
    }

    /// The answer, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Failure(_) => None,
        }
    }

    /// True where another run may well succeed: nothing was wrong with the prompt.
    pub fn may_be_asked_again(&self) -> bool {
        matches!(&self.outcome, Outcome::Failure(failure) if failure.is_transient() || failure.is_fatal())
    }
}
