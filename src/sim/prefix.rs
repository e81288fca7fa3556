//! A simulated prefix cache: which share of a prompt begins as an earlier one did.

use std::collections::VecDeque;

/// Cached prefixes are whole blocks of text of this size, as real ones are whole blocks of tokens.
pub const BLOCK_BYTES: usize = 64 << 10;

/// How many prompts are remembered.
const REMEMBERED: usize = 16;

/// The fingerprint of a text, block by block; the last block may be a short one.
pub struct Blocks(Vec<blake3::Hash>);

impl Blocks {
    /// Hashes a text.
    pub fn of(text: &str) -> Blocks {
        Blocks(
            text.as_bytes()
                .chunks(BLOCK_BYTES)
                .map(blake3::hash)
                .collect(),
        )
    }

    /// The fingerprint of the whole text.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for block in &self.0 {
            hasher.update(block.as_bytes());
        }
        hasher.finalize()
    }

    fn common(&self, other: &Blocks) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.take_while(|(mine, theirs)| mine == theirs).count()
    }
}

/// The last few prompts.
#[derive(Default)]
pub struct Prefixes(VecDeque<Blocks>);

impl Prefixes {
    /// How many bytes of this text begin as an earlier text did, in whole blocks; remembers it.
    pub fn seen_bytes(&mut self, blocks: Blocks, text_bytes: usize) -> usize {
        let common = self.0.iter().map(|earlier| blocks.common(earlier)).max();
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(blocks);
        let whole = text_bytes / BLOCK_BYTES;
        common.unwrap_or_default().min(whole) * BLOCK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(prefixes: &mut Prefixes, text: &str) -> usize {
        prefixes.seen_bytes(Blocks::of(text), text.len())
    }

    #[test]
    fn a_prompt_that_begins_like_an_earlier_one_is_seen_in_whole_blocks() {
        let mut prefixes = Prefixes::default();
        let shared = "x".repeat(2 * BLOCK_BYTES + 100);
        assert_eq!(seen(&mut prefixes, &format!("{shared}one")), 0);
        assert_eq!(
            seen(&mut prefixes, &format!("{shared}two")),
            2 * BLOCK_BYTES
        );
        assert_eq!(seen(&mut prefixes, &format!("y{shared}")), 0);
        assert_eq!(seen(&mut prefixes, "x"), 0);
    }

    #[test]
    fn an_equal_prompt_is_seen_but_for_its_last_unfinished_block() {
        let mut prefixes = Prefixes::default();
        let text = "word ".repeat(BLOCK_BYTES);
        seen(&mut prefixes, &text);
        assert_eq!(seen(&mut prefixes, &text), 5 * BLOCK_BYTES);
        let torn = &text[..BLOCK_BYTES + 7];
        assert_eq!(seen(&mut prefixes, torn), BLOCK_BYTES);
    }

    #[test]
    fn old_prompts_are_forgotten() {
        let mut prefixes = Prefixes::default();
        let text = "z".repeat(BLOCK_BYTES);
        seen(&mut prefixes, &text);
        for number in 0..REMEMBERED {
            seen(&mut prefixes, &number.to_string());
        }
        assert_eq!(seen(&mut prefixes, &text), 0);
    }

    #[test]
    fn one_changed_byte_changes_the_digest() {
        let text = "a".repeat(3 * BLOCK_BYTES);
        let mut other = text.clone();
        other.replace_range(BLOCK_BYTES..=BLOCK_BYTES, "b");
        assert_eq!(Blocks::of(&text).digest(), Blocks::of(&text).digest());
        assert_ne!(Blocks::of(&text).digest(), Blocks::of(&other).digest());
    }
}
