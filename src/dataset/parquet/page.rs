//! The pages of a column: unpacked, and cut into the values of rows.

use super::layout::{Leaf, Physical};
use super::thrift::Thrift;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::io::Read as _;
use std::ops::Range;
use std::sync::Arc;

/// The encoding of values one behind the other.
const PLAIN: i64 = 0;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Dictionary,
    /// Levels and values are packed together.
    First,
    /// Levels are not packed.
    Second {
        repetition_bytes: usize,
        definition_bytes: usize,
        packed: bool,
    },
}

/// What the head of a page says.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub sort: Sort,
    pub values: u64,
    encoding: i64,
    pub packed_bytes: u64,
    unpacked_bytes: u64,
}

impl Head {
    /// Reads the head of a page; none where the page is of a sort without values. Tells how many
    /// bytes the head took, and how many the page takes behind it.
    pub fn read(bytes: &[u8]) -> Result<(Option<Head>, usize, u64)> {
        let (head, used) = Thrift::read(bytes)?;
        let (unpacked_bytes, packed_bytes) = (head.size(2)?, head.size(3)?);
        let (sort, own) = match head.int(1) {
            Some(0) => (Sort::First, head.field(5)),
            Some(2) => (Sort::Dictionary, head.field(7)),
            Some(3) => {
                let own = head.field(8).context("a page has no head")?;
                let second = Sort::Second {
                    repetition_bytes: usize::try_from(own.size(6)?)?,
                    definition_bytes: usize::try_from(own.size(5)?)?,
                    packed: own.field(7) != Some(&Thrift::Bool(false)),
                };
                (second, Some(own))
            }
            _ => return Ok((None, used, packed_bytes)),
        };
        let own = own.context("a page has no head")?;
        let encoding = match sort {
            Sort::Second { .. } => own.int(4),
            _ => own.int(2),
        };
        let head = Head {
            sort,
            values: own.size(1)?,
            encoding: encoding.context("a page has no encoding")?,
            packed_bytes,
            unpacked_bytes,
        };
        Ok((Some(head), used, packed_bytes))
    }
}

/// A value in a page.
#[derive(Clone, Debug)]
enum Cell {
    Text(Range<usize>),
    Entry(usize),
    Plain(Value),
}

/// A row of a page: values, with none for null.
#[derive(Clone, Debug)]
enum Row {
    One(Option<Cell>),
    List(Vec<Cell>),
    NoList,
}

/// An unpacked page.
#[derive(Debug)]
pub struct Page {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    /// Whether the first row goes on with the last of the page before.
    pub continues: bool,
    dictionary: Option<Arc<Page>>,
}

impl Page {
    /// Unpacks a page.
    pub fn read(
        head: &Head,
        packed: &[u8],
        codec: i64,
        leaf: Leaf,
        dictionary: Option<Arc<Page>>,
    ) -> Result<Page> {
        let count = usize::try_from(head.values)?;
        let levels_bytes = match head.sort {
            Sort::Second {
                repetition_bytes,
                definition_bytes,
                ..
            } => repetition_bytes
                .checked_add(definition_bytes)
                .filter(|bytes| *bytes <= packed.len())
                .context("the levels of a page are cut")?,
            _ => 0,
        };
        let is_packed = !matches!(head.sort, Sort::Second { packed: false, .. });
        let unpacked_bytes = usize::try_from(head.unpacked_bytes)?
            .checked_sub(levels_bytes)
            .context("the levels of a page are cut")?;
        let mut bytes = packed[..levels_bytes].to_vec();
        let rest = &packed[levels_bytes..];
        match is_packed {
            true => unpacked(rest, codec, unpacked_bytes, &mut bytes)?,
            false => bytes.extend_from_slice(rest),
        }
        let (repetitions, definitions, at) = match head.sort {
            Sort::Dictionary => (None, None, 0),
            Sort::First => {
                let mut at = 0;
                let repetitions = prefixed(&bytes, &mut at, leaf.repeated, 1, count)?;
                let bits = bits_for(leaf.defined);
                let definitions = prefixed(&bytes, &mut at, leaf.defined > 0, bits, count)?;
                (repetitions, definitions, at)
            }
            Sort::Second {
                repetition_bytes, ..
            } => {
                let (first, second) = bytes[..levels_bytes].split_at(repetition_bytes);
                let repetitions = leaf.repeated.then(|| hybrid(first, 1, count)).transpose()?;
                let bits = bits_for(leaf.defined);
                let definitions = (leaf.defined > 0)
                    .then(|| hybrid(second, bits, count))
                    .transpose()?;
                (repetitions, definitions, levels_bytes)
            }
        };
        let defined = |level: &&u64| **level == u64::from(leaf.defined);
        let present = match &definitions {
            Some(levels) if head.sort != Sort::Dictionary => levels.iter().filter(defined).count(),
            _ => count,
        };
        // A dictionary is plain, though old writers call it a dictionary's encoding.
        let encoding = match head.sort {
            Sort::Dictionary => PLAIN,
            _ => head.encoding,
        };
        let cells = cells(&bytes, at, encoding, leaf.physical, present)?;
        if let Some(entries) = dictionary.as_ref().map(|page| page.rows.len()) {
            let within = |cell: &Cell| !matches!(cell, Cell::Entry(entry) if *entry >= entries);
            ensure!(
                cells.iter().all(within),
                "an entry is not in its dictionary"
            );
        } else {
            let none = |cell: &Cell| !matches!(cell, Cell::Entry(_));
            ensure!(cells.iter().all(none), "a dictionary is missing");
        }
        let continues = repetitions.as_ref().and_then(|levels| levels.first()) == Some(&1);
        let rows = match repetitions {
            Some(repetitions) => lists(cells, &repetitions, definitions.as_deref(), leaf),
            None => singles(cells, definitions.as_deref(), leaf),
        };
        Ok(Page {
            bytes,
            rows,
            continues,
            dictionary,
        })
    }

    /// How many rows begin or go on in the page.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> Result<Value> {
        Ok(match self.rows.get(row).context("a row is missing")? {
            Row::One(Some(cell)) => self.cell(cell)?,
            Row::One(None) | Row::NoList => Value::Null,
            Row::List(cells) => {
                let values: Result<Vec<Value>> = cells.iter().map(|cell| self.cell(cell)).collect();
                Value::Array(values?)
            }
        })
    }

    fn cell(&self, cell: &Cell) -> Result<Value> {
        match cell {
            Cell::Plain(value) => Ok(value.clone()),
            Cell::Text(range) => {
                let text = std::str::from_utf8(&self.bytes[range.clone()]);
                Ok(Value::String(
                    text.context("a text is not UTF-8")?.to_owned(),
                ))
            }
            Cell::Entry(entry) => {
                let dictionary = self.dictionary.as_ref();
                dictionary.context("a dictionary is missing")?.value(*entry)
            }
        }
    }
}

/// Rows of one value each.
fn singles(cells: Vec<Cell>, definitions: Option<&[u64]>, leaf: Leaf) -> Vec<Row> {
    let mut cells = cells.into_iter();
    match definitions {
        None => cells.map(|cell| Row::One(Some(cell))).collect(),
        Some(levels) => levels
            .iter()
            .map(|level| match *level == u64::from(leaf.defined) {
                true => Row::One(cells.next()),
                false => Row::One(None),
            })
            .collect(),
    }
}

/// Rows of a list each; a null in a list is left out.
fn lists(cells: Vec<Cell>, begins: &[u64], definitions: Option<&[u64]>, leaf: Leaf) -> Vec<Row> {
    let mut cells = cells.into_iter();
    let mut rows: Vec<Row> = Vec::new();
    for (at, repetition) in begins.iter().enumerate() {
        let all = u64::from(leaf.defined);
        let level = definitions.map_or(all, |levels| levels[at]);
        let cell = (level == all).then(|| cells.next()).flatten();
        if *repetition == 0 || rows.is_empty() {
            // An empty list is told from none by one level, which a writer may leave out.
            rows.push(match level + 1 >= u64::from(leaf.entered) {
                true => Row::List(Vec::new()),
                false => Row::NoList,
            });
        }
        if let (Some(Row::List(list)), Some(cell)) = (rows.last_mut(), cell) {
            list.push(cell);
        }
    }
    rows
}

/// Unpacks bytes behind those that are there.
fn unpacked(packed: &[u8], codec: i64, size: usize, into: &mut Vec<u8>) -> Result<()> {
    let from = into.len();
    let most = size as u64 + 1;
    match codec {
        0 => into.extend_from_slice(packed),
        1 => {
            // A copy of 64 bytes takes three at least: what claims more is broken.
            let claimed = snap::raw::decompress_len(packed).context("a page is broken")?;
            let possible = claimed == size && claimed / 32 <= packed.len();
            ensure!(possible, "a page is broken");
            into.resize(from + size, 0);
            let mut decoder = snap::raw::Decoder::new();
            let written = decoder.decompress(packed, &mut into[from..]);
            into.truncate(from + written.context("a page is broken")?);
        }
        2 => {
            let mut reader = flate2::read::MultiGzDecoder::new(packed).take(most);
            reader.read_to_end(into).context("a page is broken")?;
        }
        6 => {
            let reader = zstd::stream::read::Decoder::new(packed).context("a page is broken")?;
            let read = reader.take(most).read_to_end(into);
            read.context("a page is broken")?;
        }
        4 => bail!("it is packed with brotli"),
        5 | 7 => bail!("it is packed with lz4"),
        other => bail!("it is packed in the unknown way {other}"),
    }
    ensure!(
        into.len() - from == size,
        "a page has not the size it claims"
    );
    Ok(())
}

/// How many bits a level takes.
fn bits_for(highest: u8) -> u32 {
    8 - highest.leading_zeros()
}

/// Levels behind their own length in four bytes.
fn prefixed(
    bytes: &[u8],
    at: &mut usize,
    there: bool,
    bits: u32,
    count: usize,
) -> Result<Option<Vec<u64>>> {
    if !there {
        return Ok(None);
    }
    let length = four(bytes, *at)? as usize;
    let from = *at + 4;
    let levels = bytes.get(from..).and_then(|rest| rest.get(..length));
    *at = from + length;
    hybrid(levels.context("the levels of a page are cut")?, bits, count).map(Some)
}

/// Four bytes as a number.
fn four(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    Ok(u32::from_le_bytes(*four.context("a page is cut")?))
}

/// Numbers of a few bits each, in runs of equal ones and in groups of eight packed ones.
fn hybrid(bytes: &[u8], bits: u32, count: usize) -> Result<Vec<u64>> {
    let mut numbers = Vec::new();
    let mut at = 0;
    while numbers.len() < count {
        let mut head: u64 = 0;
        for shift in (0..).step_by(7) {
            ensure!(shift < 35, "a run of a page is broken");
            let byte = *bytes.get(at).context("a page is cut")?;
            at += 1;
            head |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let room = count - numbers.len();
        let run = usize::try_from(head >> 1)?;
        if head & 1 == 0 {
            ensure!(run > 0, "a run of a page is empty");
            let length = bits.div_ceil(8) as usize;
            let number = bytes.get(at..at + length).context("a page is cut")?;
            at += length;
            let number = number
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            numbers.extend(std::iter::repeat_n(number, run.min(room)));
        } else {
            ensure!(run > 0, "a run of a page is empty");
            let length = run.checked_mul(bits as usize).context("a page is cut")?;
            // The last group may lack the bytes of numbers that are not there.
            let packed = &bytes[at..bytes.len().min(at.saturating_add(length))];
            at += packed.len();
            let whole = run.saturating_mul(8).min(room);
            let needed = (whole * bits as usize).div_ceil(8);
            ensure!(packed.len() >= needed, "a page is cut");
            let bit = |index: usize| u64::from(packed[index / 8] >> (index % 8) & 1);
            numbers.extend((0..whole).map(|number| {
                let first = number * bits as usize;
                (0..bits as usize).fold(0, |sum, at| sum | bit(first + at) << at)
            }));
        }
    }
    Ok(numbers)
}

/// The values that are there.
fn cells(
    bytes: &[u8],
    mut at: usize,
    encoding: i64,
    physical: Physical,
    count: usize,
) -> Result<Vec<Cell>> {
    const RUNS: i64 = 3;
    let rest = bytes.get(at..).context("a page is cut")?;
    let fixed = |size: usize, number: fn(&[u8]) -> Value| -> Result<Vec<Cell>> {
        let length = size.checked_mul(count).context("a page is cut")?;
        let values = rest.get(..length).context("a page is cut")?;
        Ok(values
            .chunks_exact(size)
            .map(|value| Cell::Plain(number(value)))
            .collect())
    };
    match (encoding, physical) {
        // By a dictionary, under its old and its new number.
        (2 | 8, _) if count == 0 => Ok(Vec::new()),
        (2 | 8, _) => {
            let bits = u32::from(*rest.first().context("a page is cut")?);
            ensure!(bits <= 32, "a page is broken");
            let entries = hybrid(&rest[1..], bits, count)?;
            let entry = |entry: u64| Ok(Cell::Entry(usize::try_from(entry)?));
            entries.into_iter().map(entry).collect()
        }
        (PLAIN, Physical::Bytes) => {
            let mut found = Vec::new();
            for _ in 0..count {
                let length = four(bytes, at)? as usize;
                let from = at + 4;
                let to = from.checked_add(length).filter(|to| *to <= bytes.len());
                at = to.context("a page is cut")?;
                found.push(Cell::Text(from..at));
            }
            Ok(found)
        }
        (PLAIN, Physical::Int32) => fixed(4, |b| little(b).cast_signed().into()),
        (PLAIN, Physical::Int64) => fixed(8, |b| {
            let high = i64::from(little(&b[4..]).cast_signed());
            (high << 32 | i64::from(little(b))).into()
        }),
        (PLAIN, Physical::Float) => fixed(4, |b| f32::from_bits(little(b)).into()),
        (PLAIN, Physical::Double) => fixed(8, |b| {
            let bits = u64::from(little(&b[4..])) << 32 | u64::from(little(b));
            f64::from_bits(bits).into()
        }),
        (PLAIN, Physical::Bool) => {
            ensure!(rest.len() >= count.div_ceil(8), "a page is cut");
            let bit = |at: usize| Cell::Plain((rest[at / 8] >> (at % 8) & 1 == 1).into());
            Ok((0..count).map(bit).collect())
        }
        (RUNS, Physical::Bool) => {
            let length = four(bytes, at)? as usize;
            let runs = rest[4..].get(..length).context("a page is cut")?;
            let truth = |number: u64| Cell::Plain((number == 1).into());
            Ok(hybrid(runs, 1, count)?.into_iter().map(truth).collect())
        }
        (5..=7 | 9, _) => bail!("a column has a delta encoding, which is not read"),
        (other, _) => bail!("a column has the encoding {other}, which is not read"),
    }
}

/// The first four bytes of a value that has as many.
fn little(bytes: &[u8]) -> u32 {
    let four = bytes.first_chunk::<4>().copied();
    u32::from_le_bytes(four.unwrap_or_default())
}
