//! A finished prompt of an exact length: facts laid into a haystack, the question, and where everything truly stands.

mod assembly;
mod parts;
mod sheet;

pub use assembly::{Assembler, Needle, QuestionAt, Set, SetPlan};
pub use parts::Part;

use crate::corpus::Kind;
use crate::rope::Rope;
use serde::{Deserialize, Serialize};

/// Changes whenever the same secret and coordinates would give other bytes.
pub const FORMAT: u32 = 4;

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
    /// Classical prose.
    #[serde(default, skip_serializing_if = "is_none")]
    pub classical_tokens: u64,
    /// Poems.
    #[serde(default, skip_serializing_if = "is_none")]
    pub verse_tokens: u64,
    /// Made by a generator from real text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub generated_tokens: u64,
    /// Text that stands twice in the prompt (counted in the above too).
    pub repeated_tokens: u64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_none(tokens: &u64) -> bool {
    *tokens == 0
}

impl Shares {
    /// Tokens of one kind of text.
    pub fn of_mut(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Prose => &mut self.prose_tokens,
            Kind::Classical => &mut self.classical_tokens,
            Kind::Verse => &mut self.verse_tokens,
            Kind::Code => &mut self.code_tokens,
            Kind::Generated => &mut self.generated_tokens,
        }
    }
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
