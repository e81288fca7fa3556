//! The pages of a column: unpacked, and cut into the values of rows.

use super::coding::{Cell, PLAIN, bits_for, cells, hybrid, prefixed, unpacked};
use super::layout::Leaf;
use super::thrift::Thrift;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::sync::Arc;

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
