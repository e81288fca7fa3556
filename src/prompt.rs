//! A finished prompt of an exact length: facts laid into a haystack, the question, and where everything truly stands.

mod assembly;
mod parts;
mod sheet;

pub use assembly::{Assembler, Needle, QuestionAt, Set, SetPlan};
pub use parts::Part;

use crate::rope::Rope;
use serde::{Deserialize, Serialize};

/// Changes whenever the same secret and coordinates would give other bytes.
pub const FORMAT: u32 = 2;

/// Where a needle stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// Asked depth in percent of the haystack.
    pub asked_percent: f64,
    /// Actual depth: tokens of haystack before it, in percent of all tokens of haystack.
    pub actual_percent: f64,
}

/// How much of a haystack is what kind of text, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Prose.
    pub prose_tokens: u64,
    /// Source code.
    pub code_tokens: u64,
    /// Text that stands twice in the prompt (counted in the above too).
    pub repeated_tokens: u64,
}

/// A finished prompt.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The text.
    pub rope: Rope,
    /// What it is made of: with the corpus, enough to rebuild it without a tokenizer.
    pub parts: Vec<Part>,
    /// How many of the rope's first pieces every question of this haystack begins with.
    pub shared_pieces: usize,
    /// Tokens of the text, counted by the index's tokenizer, template not included.
    pub text_tokens: u64,
    /// One per needle, in the order they were given.
    pub placed: Vec<Placed>,
    /// What the haystack is made of.
    pub shares: Shares,
}
