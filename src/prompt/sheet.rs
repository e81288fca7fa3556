//! A prompt being written: pieces are laid one behind another, and their tokens added up.

use super::Part;
use super::assembly::{Assembler, BREAK};
use crate::haystack::Run;
use crate::index::UnitId;
use crate::rope::{Piece, Rope};
use crate::sentence::{self, STOP, Script};
use anyhow::Result;

/// A prompt being written.
pub(super) struct Sheet<'a> {
    assembler: &'a Assembler<'a>,
    pub rope: Rope,
    pub parts: Vec<Part>,
    pub tokens: u64,
    last: Last,
    /// Nothing is written where tokens alone are asked for.
    writes: bool,
    /// Of the text that is being read: a sentence laid into it is set off as its own are.
    script: Script,
}

/// The unit or sentence that stands last: all that a joint needs to know of what precedes it.
enum Last {
    Nothing,
    Unit(UnitId),
    Own {
        text: String,
        /// In a script without spaces: what follows brings the full stop.
        is_open: bool,
        /// Whatever follows in the right form takes the tokens that it takes anywhere.
        is_bordered: bool,
    },
}

/// A sentence to plant, with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Sown {
    /// As it was given.
    pub sentence: String,
    /// In a text with spaces: its tokens behind any unit, with the space before it.
    pub spaced_tokens: Option<u64>,
    /// In a text without spaces: its tokens with the full stop before it and not behind it.
    pub spaceless_tokens: Option<u64>,
}

impl Sown {
    /// The sentence without its ideographic full stop, and whether that can be left to what follows.
    pub fn open_part(sentence: &str) -> (&str, bool) {
        let part = sentence.strip_suffix(STOP).unwrap_or(sentence);
        match part.ends_with(char::is_alphanumeric) {
            true => (part, true),
            false => (sentence, false),
        }
    }
}

impl<'a> Sheet<'a> {
    /// A sheet for a haystack that begins with a text of this script.
    pub fn new(assembler: &'a Assembler<'a>, script: Script, writes: bool) -> Sheet<'a> {
        Sheet {
            assembler,
            rope: Rope::new(),
            parts: Vec::new(),
            tokens: 0,
            last: Last::Nothing,
            writes,
            script,
        }
    }

    fn own(&mut self, text: &str) {
        if text.is_empty() || !self.writes {
            return;
        }
        self.rope.push(Piece::of(text));
        self.parts.push(Part::Own(text.to_string()));
    }

    fn slice(&mut self, text: u32, from: usize, to: usize) -> Result<()> {
        if from < to && self.writes {
            let pieces = self.assembler.corpus.texts[text as usize].pieces(from, to)?;
            pieces.for_each(|piece| self.rope.push(piece));
            self.parts.push(Part::Text(text, from as u32, to as u32));
        }
        Ok(())
    }

    fn last(&self) -> Result<&str> {
        match &self.last {
            Last::Nothing => Ok(""),
            Last::Unit(id) => self.assembler.unit(*id),
            Last::Own { text, .. } => Ok(text),
        }
    }

    /// True where what stands last waits for its ideographic full stop.
    fn is_open(&self) -> Result<bool> {
        match &self.last {
            Last::Nothing => Ok(false),
            Last::Unit(id) => self.assembler.is_open(*id),
            Last::Own { is_open, .. } => Ok(*is_open),
        }
    }

    /// Lays a needle; `head` is what stands before the haystack, given with its first element.
    /// Returns its tokens.
    pub fn needle(&mut self, sown: &Sown, head: Option<&str>) -> Result<u64> {
        let spaceless = self.script.is_spaceless();
        let (part, opens) = match spaceless {
            true => Sown::open_part(&sown.sentence),
            false => (sown.sentence.as_str(), false),
        };
        let is_open = self.is_open()?;
        let (written, known) = match (head, spaceless, is_open) {
            (Some(head), ..) => (format!("{head}{part}"), None),
            (None, true, true) => (format!("{STOP}{part}"), sown.spaceless_tokens),
            (None, true, false) => (format!("{}{part}", self.gap()?), None),
            (None, false, true) => (format!("{STOP} {part}"), None),
            (None, false, false) => (format!(" {part}"), sown.spaced_tokens),
        };
        let added = match (known, &self.last) {
            (
                Some(known),
                Last::Unit(_)
                | Last::Own {
                    is_bordered: true, ..
                },
            ) => known,
            _ => self.assembler.behind(self.last()?, &written)?,
        };
        self.own(&written);
        self.last = Last::Own {
            text: written,
            is_open: opens,
            is_bordered: match spaceless {
                true => opens && self.assembler.index.bordered,
                false => true,
            },
        };
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
        let rest = added - index.tokens(run.from, run.from + 1);
        let is_open = self.is_open()?;
        let spaceless = index.script.is_spaceless();
        if let Some(head) = head {
            // A prompt begins in a non-space, because templates trim.
            let unit = assembler.unit(first)?;
            let lead = match run.from {
                0 => 0,
                _ => sentence::lead_bytes(unit, index.script),
            };
            let counted = assembler
                .tokenizer
                .count(&format!("{head}{}", &unit[lead..]))?;
            self.own(head);
            self.slice(run.text, from + lead, to)?;
            self.tokens += counted + rest;
            added = rest + counted.saturating_sub(assembler.tokenizer.count(head)?);
        } else {
            // What stands between, and what of the first unit is left out for it.
            let (between, left_out) = match (run.from, is_open, spaceless) {
                (0, true, _) => (format!("{STOP}{BREAK}"), 0),
                (0, false, _) => (BREAK.to_string(), 0),
                (_, true, true) | (_, false, false) => (String::new(), 0),
                (_, true, false) => (STOP.to_string(), 0),
                (_, false, true) => (self.gap()?.to_string(), STOP.len()),
            };
            let is_known = between.is_empty()
                && left_out == 0
                && match &self.last {
                    Last::Own { is_bordered, .. } => *is_bordered,
                    _ => true,
                };
            if !is_known {
                let joint = match (&self.last, run.from) {
                    (Last::Unit(last), 0) => assembler.joint(*last, run.text)?,
                    _ => {
                        let unit = &assembler.unit(first)?[left_out..];
                        assembler.behind(self.last()?, &format!("{between}{unit}"))?
                    }
                };
                added = joint + rest;
            }
            self.own(&between);
            self.slice(run.text, from + left_out, to)?;
            self.tokens += added;
        }
        self.script = index.script;
        self.last = Last::Unit(UnitId {
            text: run.text,
            unit: run.to - 1,
        });
        Ok(added)
    }

    /// What stands between two sentences of a text without spaces where the first has an end of
    /// its own: nothing behind an ideographic sign.
    fn gap(&self) -> Result<&'static str> {
        let last = self.last()?.chars().next_back();
        Ok(if last.is_some_and(|c| c.is_ascii()) {
            " "
        } else {
            ""
        })
    }

    /// Lays what stands behind the haystack.
    pub fn tail(&mut self, tail: &str) -> Result<()> {
        let stop = if self.is_open()? { STOP } else { "" };
        let written = format!("{stop}{tail}");
        self.tokens += self.assembler.behind(self.last()?, &written)?;
        self.own(&written);
        Ok(())
    }
}
