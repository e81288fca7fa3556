//! The corpus cut into units whose token counts add up, with prefix sums: made once per tokenizer, kept on disk.

mod build;
mod store;

use crate::corpus::{Corpus, Kind};
use crate::sentence::Script;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result};
use std::path::Path;

/// The longest filler sentence that the table below lists, in tokens.
pub const LONGEST_FILLER_TOKENS: usize = 120;
/// Fillers kept per token count.
const FILLERS_PER_COUNT: usize = 256;

/// Names a unit: a text of the corpus and a unit of that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId {
    /// Text, by its place in the corpus.
    pub text: u32,
    /// Unit, by its place in the text.
    pub unit: u32,
}

/// The units of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextIndex {
    /// As in the corpus.
    pub kind: Kind,
    /// How it is written, which decides where it is cut.
    pub script: Script,
    /// Where the last unit ends, in bytes: the end of the text, or in scripts without spaces its
    /// last full stop.
    pub len_bytes: u32,
    /// Byte offset of each unit; the first is 0 and begins with the text, all others begin with
    /// exactly one space, or in scripts without spaces with a full stop.
    pub starts: Vec<u32>,
    /// Tokens before each unit, and the sum over all as the last item.
    pub tokens_before: Vec<u32>,
}

impl TextIndex {
    /// Number of units.
    pub fn units(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The byte range of units `from..to`.
    pub fn bytes(&self, from: u32, to: u32) -> (usize, usize) {
        let at = |unit: u32| {
            self.starts
                .get(unit as usize)
                .copied()
                .unwrap_or(self.len_bytes) as usize
        };
        (at(from), at(to))
    }

    /// Tokens of units `from..to`.
    pub fn tokens(&self, from: u32, to: u32) -> u64 {
        u64::from(self.tokens_before[to as usize] - self.tokens_before[from as usize])
    }
}

/// A corpus indexed for one tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// One per text of the corpus, in its order.
    pub texts: Vec<TextIndex>,
    /// Single sentences by token count, to meet an exact length with.
    pub fillers: Vec<Vec<UnitId>>,
    /// True where counts of units were proven to add up; else a finished prompt is recounted.
    pub additive: bool,
    /// True where no token reaches over any border between sentences, so that the same holds for
    /// every sentence of the right form and not for the proven units alone.
    pub bordered: bool,
}

impl Index {
    /// The index of `corpus` for `tokenizer`: read from `cache`, or made and written there.
    /// A cache that cannot be written is no error.
    ///
    /// # Errors
    /// When the tokenizer cannot be loaded or a text cannot be read.
    pub fn open(corpus: &Corpus, tokenizer: &Tokenizer, cache: Option<&Path>) -> Result<Index> {
        let name = format!(
            "{}-{}.index",
            &corpus.digest()[..16],
            &tokenizer.digest()[..16]
        );
        let path = cache.map(|folder| folder.join("index").join(name));
        if let Some(index) = path.as_deref().and_then(|path| store::read(path, corpus)) {
            return Ok(index);
        }
        let index = build::build(corpus, tokenizer).with_context(|| {
            format!(
                "cannot index the corpus {} for {}",
                corpus.name,
                tokenizer.name()
            )
        })?;
        if let Some(path) = &path {
            store::write(path, corpus, &index);
        }
        Ok(index)
    }

    /// Makes the index without looking at any cache.
    pub fn build(corpus: &Corpus, tokenizer: &Tokenizer) -> Result<Index> {
        build::build(corpus, tokenizer)
    }

    /// The index of one text of words joined by single spaces, each of which is a unit: `pool` has
    /// the bytes and the tokens of each word behind a space, `order` the words by their place in
    /// it. `additive` as in the fields.
    pub fn of_words(pool: &[(u32, u32)], order: &[u16], additive: bool) -> Index {
        // The space before a word belongs to it; there is none before the first.
        let mut starts = sums(pool.iter().map(|(bytes, _)| bytes + 1), order, 1);
        let len_bytes = starts.pop().unwrap_or_default();
        let tokens_before = sums(pool.iter().map(|(_, tokens)| *tokens), order, 0);
        let mut fillers = vec![Vec::new(); LONGEST_FILLER_TOKENS + 1];
        let mut wanted: Vec<bool> = pool
            .iter()
            .map(|(_, tokens)| *tokens as usize <= LONGEST_FILLER_TOKENS)
            .collect();
        for (unit, place) in (0u32..).zip(order).skip(1) {
            let place = usize::from(*place);
            if !wanted.get(place).is_some_and(|wanted| *wanted) {
                continue;
            }
            let tokens = pool[place].1;
            let ids = &mut fillers[tokens as usize];
            ids.push(UnitId { text: 0, unit });
            if ids.len() == FILLERS_PER_COUNT {
                for (wanted, word) in wanted.iter_mut().zip(pool) {
                    *wanted &= word.1 != tokens;
                }
                if !wanted.contains(&true) {
                    break;
                }
            }
        }
        Index {
            texts: vec![TextIndex {
                kind: Kind::Generated,
                script: Script::English,
                len_bytes,
                starts,
                tokens_before,
            }],
            fillers,
            additive,
            bordered: additive,
        }
    }

    /// Tokens of all texts of a kind.
    pub fn total_tokens(&self, kind: Kind) -> u64 {
        self.texts
            .iter()
            .filter(|text| text.kind == kind)
            .map(|text| text.tokens(0, text.units()))
            .sum()
    }
}

/// For each word of `order` what those before it add up to, less `off` but not less than nothing,
/// and the sum of all as the last item.
fn sums(each: impl Iterator<Item = u32>, order: &[u16], off: u32) -> Vec<u32> {
    let each: Vec<u32> = each.collect();
    let mut sum = 0u32;
    let mut sums = Vec::with_capacity(order.len() + 1);
    sums.extend(order.iter().map(|place| {
        let before = sum.saturating_sub(off);
        sum += each.get(usize::from(*place)).copied().unwrap_or_default();
        before
    }));
    sums.push(sum.saturating_sub(off));
    sums
}
