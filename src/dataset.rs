//! Other people's test sets: NVIDIA's RULER, OpenAI's MRCR, and any file of prompts and answers.
//!
//! A set is opened once: every record is looked at, its place in the file and what it says of
//! itself are kept, its text is not. An item is read when it is asked for, so that a file of
//! hundreds of prompts of a million tokens needs the memory of one.

use anyhow::{Context as _, Result, bail, ensure};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

mod columns;
mod generic;
mod lines;
mod mrcr;
mod parquet;
mod ratio;
mod record;
mod rule;
mod ruler;
mod sketch;
mod source;

pub use columns::{Columns, Matching};
pub use ratio::ratio;
pub use rule::{MRCR_RIGHT_FROM, Rule, Scored, normalised};

use record::Record;
use source::Source;

/// Whose set a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the data preparation of NVIDIA's RULER writes (`scripts/data/synthetic/*.py`).
    Ruler,
    /// OpenAI's MRCR as it lies on Hugging Face (`openai/mrcr`), or its rows as JSON Lines.
    Mrcr,
    /// A prompt or messages, answers, and columns that say the length and the depth.
    Generic,
}

impl Kind {
    /// The word for this kind on the command line and in rows.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ruler => "ruler",
            Kind::Mrcr => "mrcr",
            Kind::Generic => "generic",
        }
    }

    /// The kind that a word names.
    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Ruler, Kind::Mrcr, Kind::Generic]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// The kind of a file by its first record.
    fn of(record: &Record, columns: &Columns) -> Option<Kind> {
        if mrcr::recognised(record) {
            Some(Kind::Mrcr)
        } else if ruler::recognised(record) {
            Some(Kind::Ruler)
        } else {
            generic::recognised(record, columns).then_some(Kind::Generic)
        }
    }
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions above the conversation.
    System,
    /// Who asks.
    User,
    /// Whoever answers: earlier answers that are part of the prompt.
    Assistant,
}

/// What a record says of itself, known of all records without reading their texts again.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The record's own identifier where each record of the file has one and no two are the
    /// same, else the number of its line or row.
    pub id: String,
    /// The line of the file, or the row of a table, counted from 1.
    pub line: u64,
    /// The task, as the file, or for RULER the file's name or the prompt, tells it.
    pub task: Option<String>,
    /// Length in tokens as the file states it, of a tokenizer that it does not name. RULER's
    /// counts the tokens that may be answered as well.
    pub length_tokens: Option<u64>,
    /// Where in the prompt the answer stands, from 0 (its beginning) to 100 (its end). Of MRCR
    /// it is counted in messages.
    pub depth_percent: Option<f64>,
    /// How many bytes of text the record holds, for estimates.
    pub text_bytes: u64,
}

/// A prompt with the answers that are expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// As in [`Outline`].
    pub id: String,
    /// The conversation to send, in order.
    pub messages: Vec<(Role, String)>,
    /// The expected answers; at least one.
    pub answers: Vec<String>,
    /// As in [`Outline`].
    pub task: Option<String>,
    /// As in [`Outline`].
    pub length_tokens: Option<u64>,
    /// As in [`Outline`].
    pub depth_percent: Option<f64>,
    /// How a reply is scored.
    pub rule: Rule,
    /// Tokens that a reply may have where the set says so, or needs for its longest answer.
    pub output_tokens: Option<u64>,
}

impl Item {
    /// Scores the final text of a reply.
    pub fn score(&self, reply: &str) -> Scored {
        self.rule.score(reply, &self.answers)
    }
}

/// An open set.
#[derive(Debug)]
pub struct Dataset {
    path: PathBuf,
    kind: Kind,
    columns: Columns,
    source: Source,
    outlines: Vec<Outline>,
}

impl Dataset {
    /// Opens a set and looks at every record of it. Without a kind it is recognised by its first
    /// record. Errors name the file and the line that is wrong, in one line.
    pub fn open(path: &Path, kind: Option<Kind>, columns: &Columns) -> Result<Dataset> {
        let mut sketches = Vec::new();
        let source = Source::open(path, |line, sketch| sketches.push((line, sketch)))
            .with_context(|| format!("{} cannot be used as a set", path.display()))?;
        let Some((_, first)) = sketches.first() else {
            bail!("{} holds no record", path.display());
        };
        let Some(kind) = kind.or_else(|| Kind::of(&first.record, columns)) else {
            bail!(
                "{}: no known kind of set: a record has the columns {}; name the columns of the \
                 prompt and of the answers",
                path.display(),
                first.record.columns()
            );
        };
        let place = |line: u64| format!("{}, {} {line}", path.display(), source.unit());
        let mut own = Vec::with_capacity(sketches.len());
        let mut outlines = Vec::with_capacity(sketches.len());
        for (line, sketch) in sketches {
            let record = &sketch.record;
            let mut outline = match kind {
                Kind::Ruler => ruler::outline(record, path),
                Kind::Mrcr => mrcr::outline(record),
                Kind::Generic => generic::outline(record, columns),
            }
            .with_context(|| place(line))?;
            own.push(std::mem::take(&mut outline.id));
            outline.id = line.to_string();
            outline.line = line;
            outline.text_bytes = sketch.text_bytes;
            outlines.push(outline);
        }
        let mut seen = HashSet::new();
        if own.iter().all(|id| !id.is_empty() && seen.insert(id)) {
            for (outline, id) in outlines.iter_mut().zip(&own) {
                outline.id.clone_from(id);
            }
        }
        if kind == Kind::Generic {
            generic::fractions_to_percent(&mut outlines, columns);
        }
        for outline in &outlines {
            let within = outline
                .depth_percent
                .is_none_or(|depth| (0.0..=100.0).contains(&depth));
            ensure!(
                within,
                "{}: a depth of {} % is not between 0 and 100",
                place(outline.line),
                outline.depth_percent.unwrap_or(f64::NAN)
            );
        }
        Ok(Dataset {
            path: path.to_owned(),
            kind,
            columns: columns.clone(),
            source,
            outlines,
        })
    }

    /// The kind that was given or recognised.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many items there are; never 0.
    pub fn len(&self) -> usize {
        self.outlines.len()
    }

    /// Whether there is no item, which does not happen.
    pub fn is_empty(&self) -> bool {
        self.outlines.is_empty()
    }

    /// BLAKE3 of the file's bytes in hexadecimal, so that a row can say which set it was.
    pub fn digest(&self) -> &str {
        self.source.digest()
    }

    /// What the records say of themselves, in the order of the file.
    pub fn outlines(&self) -> &[Outline] {
        &self.outlines
    }

    /// Reads an item, counted from 0. An error where there is none, or where the file is no longer
    /// what it was when it was opened.
    pub fn item(&self, index: usize) -> Result<Item> {
        let Some(outline) = self.outlines.get(index) else {
            bail!(
                "{} has {} items and none at {index}",
                self.path.display(),
                self.len()
            );
        };
        let unit = self.source.unit();
        let place = || format!("{}, {unit} {}", self.path.display(), outline.line);
        let record = self.source.record(index).with_context(place)?;
        let content = match self.kind {
            Kind::Ruler => ruler::content(record, outline),
            Kind::Mrcr => mrcr::content(record),
            Kind::Generic => generic::content(record, &self.columns),
        }
        .with_context(place)?;
        Ok(Item {
            id: outline.id.clone(),
            messages: content.messages,
            answers: content.answers,
            task: outline.task.clone(),
            length_tokens: outline.length_tokens,
            depth_percent: outline.depth_percent,
            rule: content.rule,
            output_tokens: content.output_tokens,
        })
    }
}

/// The part of an item that is read when it is asked for.
struct Content {
    messages: Vec<(Role, String)>,
    answers: Vec<String>,
    rule: Rule,
    output_tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
