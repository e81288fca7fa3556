//! A search that remembers what it has chosen: a study is replayed at every step, and each choice costs milliseconds.

use crate::search::{Block, Estimate, Search, Seeker, Withheld};
use anyhow::Result;
use std::collections::HashMap;

/// A seeker with its choices so far.
#[derive(Debug)]
pub struct Seeking {
    seeker: Seeker,
    blocks: Vec<Block>,
    /// By how many blocks stood before.
    choices: HashMap<usize, Option<u64>>,
}

impl Seeking {
    /// Nothing chosen yet.
    ///
    /// # Errors
    /// When the search's settings make no sense.
    pub fn new(search: Search) -> Result<Seeking> {
        Ok(Seeking {
            seeker: Seeker::new(search)?,
            blocks: Vec::new(),
            choices: HashMap::new(),
        })
    }

    /// The nominal length of the next block in tokens, none when the search has ended: a function
    /// of the blocks alone.
    pub fn next(&mut self, blocks: &[Block]) -> Option<u64> {
        let known = self.blocks.len().min(blocks.len());
        if self.blocks[..known] != blocks[..known] {
            self.choices.clear();
            self.blocks.clear();
        }
        if blocks.len() > self.blocks.len() {
            self.blocks = blocks.to_vec();
        }
        let seeker = &mut self.seeker;
        *self
            .choices
            .entry(blocks.len())
            .or_insert_with(|| seeker.next(blocks))
    }

    /// Where a model of one smooth decline has the effective length, or why it does not say.
    pub fn estimate(&mut self, blocks: &[Block]) -> Result<Estimate, Withheld> {
        self.seeker.estimate(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Tally;

    #[test]
    fn choices_are_those_of_a_seeker_that_remembers_nothing() {
        let search = Search::new(4_000, 1_000_000);
        let mut seeking = Seeking::new(search.clone()).expect("settings");
        for limit_tokens in [100_000, 300_000] {
            let mut blocks = Vec::new();
            for _ in 0..60 {
                let plain = Seeker::new(search.clone()).expect("settings").next(&blocks);
                assert_eq!(seeking.next(&blocks), plain);
                // Asked again, and after a step back.
                assert_eq!(seeking.next(&blocks), plain);
                seeking.next(&blocks[..blocks.len() / 2]);
                let Some(length_tokens) = plain else { break };
                let right = 5 * u64::from(length_tokens <= limit_tokens);
                blocks.push(Block {
                    length_tokens,
                    tally: Tally {
                        right,
                        wrong: 5 - right,
                        void: 0,
                    },
                });
            }
        }
    }
}
