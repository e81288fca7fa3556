//! A prompt being written: pieces are laid one behind another, and their tokens added up.

use super::Part;
use super::assembly::{Assembler, BREAK};
use crate::haystack::Run;
use crate::index::UnitId;
use crate::rope::{Piece, Rope};
use anyhow::Result;

/// A prompt being written.
pub(super) struct Sheet<'a> {
    assembler: &'a Assembler<'a>,
    pub rope: Rope,
    pub parts: Vec<Part>,
    pub tokens: u64,
    /// The unit or sentence that stands last: all that a joint needs to know of what precedes it.
    last: String,
}

impl<'a> Sheet<'a> {
    pub fn new(assembler: &'a Assembler<'a>) -> Sheet<'a> {
        Sheet {
            assembler,
            rope: Rope::new(),
            parts: Vec::new(),
            tokens: 0,
            last: String::new(),
        }
    }

    fn own(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.rope.push(Piece::of(text));
        self.parts.push(Part::Own(text.to_string()));
    }

    fn slice(&mut self, text: u32, from: usize, to: usize) -> Result<()> {
        if from < to {
            let pieces = self.assembler.corpus.texts[text as usize].pieces(from, to)?;
            pieces.for_each(|piece| self.rope.push(piece));
            self.parts.push(Part::Text(text, from as u32, to as u32));
        }
        Ok(())
    }

    /// Lays a needle; `head` is what stands before the haystack, given with its first element.
    /// Returns its tokens.
    pub fn needle(&mut self, sentence: &str, head: Option<&str>) -> Result<u64> {
        let written = match head {
            Some(head) => format!("{head}{sentence}"),
            None => format!(" {sentence}"),
        };
        let added = self.assembler.behind(&self.last, &written)?;
        self.own(&written);
        self.last = written;
        self.tokens += added;
        Ok(added)
    }

    /// Lays units. Returns their tokens, without those of the head.
    pub fn hay(&mut self, run: Run, head: Option<&str>) -> Result<u64> {
        let assembler = self.assembler;
        let index = &assembler.index.texts[run.text as usize];
        let (from, to) = index.bytes(run.from, run.to);
        let first = UnitId {
            text: run.text,
            unit: run.from,
        };
        let mut added = index.tokens(run.from, run.to);
        match (head, run.from) {
            // A prompt begins in a non-space, because templates trim.
            (Some(head), unit) => {
                let sentence = assembler.unit(first)?.trim_start_matches(' ');
                let counted = assembler.tokenizer.count(&format!("{head}{sentence}"))?;
                self.own(head);
                self.slice(run.text, from + usize::from(unit > 0), to)?;
                let rest = added - index.tokens(unit, unit + 1);
                self.tokens += counted + rest;
                added = rest + counted.saturating_sub(assembler.tokenizer.count(head)?);
            }
            (None, 0) => {
                let joint =
                    assembler.behind(&self.last, &format!("{BREAK}{}", assembler.unit(first)?))?;
                self.own(BREAK);
                self.slice(run.text, from, to)?;
                added = joint + index.tokens(1, run.to);
                self.tokens += added;
            }
            (None, _) => {
                self.slice(run.text, from, to)?;
                self.tokens += added;
            }
        }
        self.last = assembler
            .unit(UnitId {
                text: run.text,
                unit: run.to - 1,
            })?
            .to_string();
        Ok(added)
    }

    pub fn tail(&mut self, tail: &str) -> Result<()> {
        self.tokens += self.assembler.behind(&self.last, tail)?;
        self.own(tail);
        Ok(())
    }
}
