//! A text escaped for JSON, block by block as haystacks reach it, with the way back from raw offsets.

use crate::rope::{Piece, escape, escape_growth};
use bytes::Bytes;
use std::sync::OnceLock;

/// Raw bytes that are escaped at a time: a short haystack touches a few blocks of a long text.
const BLOCK_BYTES: usize = 256 * 1024;
/// Raw bytes between two marks.
const STEP_BYTES: usize = 512;

/// The escaped copy of a text.
pub struct Escaped {
    blocks: Vec<OnceLock<Block>>,
}

struct Block {
    json: Bytes,
    /// Offset in `json` of every `STEP_BYTES`-th raw byte of the block.
    marks: Vec<u32>,
}

impl Escaped {
    /// For a text of so many bytes; nothing is escaped yet.
    pub fn new(len_bytes: usize) -> Escaped {
        let count = len_bytes.div_ceil(BLOCK_BYTES);
        Escaped {
            blocks: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The stretch `from..to` of the text, cut where blocks end. `raw` holds the text's bytes.
    pub fn pieces<'a>(
        &'a self,
        text: &'a str,
        raw: &'a Bytes,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = Piece> + 'a {
        // A block's end may have been moved before a character by up to three bytes.
        let first = (from / BLOCK_BYTES).saturating_sub(1);
        self.blocks[first..]
            .iter()
            .zip(first..)
            .map(|(block, at)| {
                let start = text.floor_char_boundary(at * BLOCK_BYTES);
                let end = text.floor_char_boundary((at + 1) * BLOCK_BYTES);
                (block, start, end)
            })
            .skip_while(move |(_, _, end)| *end <= from)
            .take_while(move |(_, start, _)| *start < to)
            .map(move |(block, start, end)| {
                let block = block.get_or_init(|| Block::of(&text[start..end]));
                let (low, high) = (from.max(start), to.min(end));
                let bytes = &raw[start..end];
                Piece {
                    raw: raw.slice(low..high),
                    json: block
                        .json
                        .slice(block.at(bytes, low - start)..block.at(bytes, high - start)),
                }
            })
    }
}

impl Block {
    fn of(text: &str) -> Block {
        let (mut marks, mut json_bytes) = (Vec::new(), 0);
        for step in text.as_bytes().chunks(STEP_BYTES) {
            marks.push(json_bytes);
            json_bytes += (step.len() + escape_growth(step)) as u32;
        }
        Block {
            json: Bytes::from(escape(text)),
            marks,
        }
    }

    /// The offset in the escaped block of a raw offset in it.
    fn at(&self, raw: &[u8], offset: usize) -> usize {
        let step = offset / STEP_BYTES;
        match self.marks.get(step) {
            Some(&mark) => {
                let begun = &raw[step * STEP_BYTES..offset];
                mark as usize + begun.len() + escape_growth(begun)
            }
            None => self.json.len(),
        }
    }
}
