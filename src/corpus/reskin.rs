//! Text beyond the real text: the bundled prose told again in other words, volume by volume.
//!
//! Each pass over the source changes the words of every chapter one for one inside small groups of
//! words of the same part of speech, inflection and frequency, names for names that nobody bears,
//! and numbers. Paragraphs, dialogue and who does what stay. The seed is public, so a volume is the
//! same text for everybody; `METHOD.md`, "Text beyond the corpus", has what was measured.

mod chapter;
mod table;
mod words;

#[cfg(test)]
mod tests;

pub use table::{Group, Omission, Table};
pub use words::{Kind as SpanKind, Span, Spans};

use crate::seed::RunKey;
use anyhow::{Context, Result, bail};
use chapter::Skin;
use std::ops::Range;
use std::sync::OnceLock;

/// The texts that volumes are made from, in this order. All are free of any terms; the English
/// Bible is none of them, because its usual name may not stand over changed text.
pub const SOURCES: &[&str] = &[
    "austen-emma",
    "austen-mansfieldpark",
    "austen-northangerabbey",
    "austen-persuasion",
    "austen-prideprejudice",
    "austen-sensesensibility",
    "melville-moby-dick",
    "us-state-of-the-union-1790-on",
    "walleij-copyright-does-not-exist",
];
/// Volumes of one pass over the source.
pub const VOLUMES_A_PASS: u32 = 8;
/// Passes that differ from one another and from the source in every sentence of six or more words.
pub const PASSES: u32 = 23;
/// All volumes.
pub const VOLUMES: u32 = PASSES * VOLUMES_A_PASS;
/// Words keep their replacements for a stretch of about this size.
const CHAPTER_BYTES: usize = 20_000;
/// Part of what volumes are: another purpose gives other volumes.
const PURPOSE: &str = "re-skin of the English prose, version 1";

/// Groups and omissions, made by `examples/reskin_table`.
const TABLE: &[u8] = include_bytes!("../../corpora/en/reskin.table.zst");
/// Size and BLAKE3 of every volume, so that a volume can be named before it is made.
const LISTED: &str = include_str!("../../corpora/en/reskin.volumes");

/// What a volume is known by before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the text, in hex.
    pub blake3: String,
}

/// What is known of volume `number`, counted from 0.
///
/// # Errors
/// When there is no such volume.
pub fn listed(number: u32) -> Result<Listed> {
    let line = LISTED.lines().nth(number as usize).with_context(|| {
        format!("generated text ends after {VOLUMES} volumes; ask for less, or give text of your own with --corpus DIR")
    })?;
    let (bytes, blake3) = line.split_once(' ').context("a bad list of volumes")?;
    Ok(Listed {
        bytes: bytes.parse().context("a bad list of volumes")?,
        blake3: blake3.to_string(),
    })
}

/// Volume `number` as a text. The source is unpacked once for the process, 17 MB, and kept.
///
/// # Errors
/// When there is no such volume, or it did not come out as it is listed.
pub fn volume(number: u32) -> Result<String> {
    let listed = listed(number)?;
    let text = shipped()?.volume(number)?;
    if blake3::hash(text.as_bytes()).to_hex().as_str() != listed.blake3 {
        bail!(
            "volume {number} of the generated text is not what it is listed as; please report this"
        );
    }
    Ok(text)
}

/// The generator of this binary.
///
/// # Errors
/// When a text of this binary cannot be unpacked.
pub fn shipped() -> Result<&'static Reskin> {
    static SHIPPED: OnceLock<Result<Reskin, String>> = OnceLock::new();
    let made = SHIPPED.get_or_init(|| {
        let make = || -> Result<Reskin> {
            let table = String::from_utf8(zstd::decode_all(TABLE)?)?;
            Reskin::new(Table::parse(&table)?, sources()?)
        };
        make().map_err(|error| format!("{error:#}"))
    });
    match made {
        Ok(reskin) => Ok(reskin),
        Err(error) => bail!("the generated text cannot be made: {error}"),
    }
}

/// The texts that volumes are made from, with their names.
///
/// # Errors
/// When one cannot be unpacked.
pub fn sources() -> Result<Vec<(String, String)>> {
    SOURCES
        .iter()
        .map(|name| {
            let embedded = super::EMBEDDED
                .iter()
                .find(|embedded| embedded.folder == "en" && embedded.name == *name)
                .with_context(|| format!("the source {name} is not in this binary"))?;
            let text = super::Text::embedded(embedded)?;
            Ok((name.to_string(), text.as_str()?.to_string()))
        })
        .collect()
}

/// A table and the texts that it is used on.
pub struct Reskin {
    table: Table,
    texts: Vec<String>,
    /// Each a list of stretches of one text.
    chapters: Vec<Chapter>,
    /// The chapters of each volume of a pass.
    parts: Vec<Range<usize>>,
    key: RunKey,
}

struct Chapter {
    text: usize,
    kept: Vec<Range<usize>>,
}

impl Reskin {
    /// A generator over texts with their names.
    ///
    /// # Errors
    /// When an omission of the table lies in no text.
    pub fn new(table: Table, named: Vec<(String, String)>) -> Result<Reskin> {
        let mut chapters = Vec::new();
        for (at, (name, text)) in named.iter().enumerate() {
            let omitted: Vec<Range<usize>> = table
                .omissions()
                .iter()
                .filter(|omission| omission.text == *name)
                .map(|omission| omission.from..omission.to)
                .collect();
            for kept in chapters_of(text, &omitted)
                .with_context(|| format!("the table does not fit the text {name}"))?
            {
                chapters.push(Chapter { text: at, kept });
            }
        }
        let parts = parts(&chapters);
        Ok(Reskin {
            table,
            texts: named.into_iter().map(|(_, text)| text).collect(),
            chapters,
            parts,
            key: RunKey::public(PURPOSE),
        })
    }

    /// Its table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Volume `number`; beyond [`VOLUMES`] they come round.
    ///
    /// # Errors
    /// When a word of the table is no UTF-8.
    pub fn volume(&self, number: u32) -> Result<String> {
        let (pass, part) = (number / VOLUMES_A_PASS, number % VOLUMES_A_PASS);
        let range = self.parts[part as usize].clone();
        let mut skin = Skin::new(&self.table, pass);
        let sizes = self.chapters[range.clone()].iter().map(Chapter::bytes);
        let mut out = Vec::with_capacity(sizes.sum::<usize>() * 21 / 20);
        for at in range {
            let chapter = &self.chapters[at];
            skin.begin(self.key.stream("chapter", &[at as u64]).below(u64::MAX));
            if !out.is_empty() {
                out.extend_from_slice(b"\n\n");
            }
            for kept in &chapter.kept {
                skin.write(&self.texts[chapter.text][kept.clone()], &mut out);
            }
        }
        String::from_utf8(out).context("a volume is no UTF-8")
    }
}

impl Chapter {
    fn bytes(&self) -> usize {
        self.kept.iter().map(Range::len).sum()
    }
}

/// Cuts a text into chapters at the ends of paragraphs, without what is omitted. The last
/// chapter's size may be anything below twice the others'.
fn chapters_of(text: &str, omitted: &[Range<usize>]) -> Result<Vec<Vec<Range<usize>>>> {
    let mut ends = Vec::new();
    let mut from = 0;
    while text.len() - from >= 2 * CHAPTER_BYTES {
        let least = text.floor_char_boundary(from + CHAPTER_BYTES);
        let Some(end) = text[least..].find("\n\n").map(|at| least + at) else {
            break;
        };
        ends.push(end);
        from = end;
    }
    ends.push(text.trim_end().len());
    let mut chapters = Vec::new();
    let mut from = text.len() - text.trim_start().len();
    let mut omitted = omitted.iter().peekable();
    for end in ends {
        let mut kept = Vec::new();
        while from < end {
            match omitted.peek() {
                Some(next) if next.start < end => {
                    kept.push(from..next.start.max(from));
                    from = from.max(next.end);
                    omitted.next();
                }
                _ => {
                    kept.push(from..end);
                    from = end;
                }
            }
        }
        kept.retain(|range| range.start < range.end);
        trim(text, &mut kept)?;
        if !kept.is_empty() {
            chapters.push(kept);
        }
    }
    Ok(chapters)
}

/// Takes the white space off both ends of a chapter.
fn trim(text: &str, kept: &mut Vec<Range<usize>>) -> Result<()> {
    while let Some(first) = kept.first_mut() {
        let part = text
            .get(first.clone())
            .context("an omission cuts a letter")?;
        first.start = first.end - part.trim_start().len();
        if first.start < first.end {
            break;
        }
        kept.remove(0);
    }
    while let Some(last) = kept.last_mut() {
        let part = text
            .get(last.clone())
            .context("an omission cuts a letter")?;
        last.end = last.start + part.trim_end().len();
        if last.start < last.end {
            break;
        }
        kept.pop();
    }
    Ok(())
}

/// Shares chapters out among the volumes of a pass, in their order and by size.
fn parts(chapters: &[Chapter]) -> Vec<Range<usize>> {
    let total: usize = chapters.iter().map(Chapter::bytes).sum();
    let mut parts = Vec::new();
    let (mut from, mut before) = (0, 0);
    for part in 1..=VOLUMES_A_PASS as usize {
        let mut to = from;
        while to < chapters.len() && before * (VOLUMES_A_PASS as usize) < total * part {
            before += chapters[to].bytes();
            to += 1;
        }
        parts.push(from..to);
        from = to;
    }
    parts
}
