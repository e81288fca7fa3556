//! Tables in parquet, as far as test sets use the format.
//!
//! Columns of texts, numbers and lists of them are read, packed with snappy, zstd or gzip or not
//! at all.
//!
//! Our own reader, since it is needed for a few columns of a few files: the usual crate takes as
//! long to build as a fifth of all others together, and does not promise not to panic.

use super::record::Record;
use super::sketch::Sketch;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use layout::{Chunk, Column, Layout, Leaf};
use page::{Head, Page, Sort};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};

mod coding;
mod layout;
mod page;
mod thrift;

/// How a file begins and ends.
pub const MAGIC: &[u8] = b"PAR1";

/// An open table.
#[derive(Debug)]
pub struct Table {
    file: Mutex<File>,
    layout: Layout,
    /// The pages of each group and column.
    pages: HashMap<(usize, usize), Vec<Place>>,
    /// Group and place in it of each row.
    rows: Vec<(usize, u64)>,
    /// Of each column the page that was read last: rows are mostly asked for in order.
    last: Mutex<HashMap<usize, Last>>,
    digest: String,
}

/// A page with its group and its place in it.
#[derive(Debug)]
struct Last {
    group: usize,
    at: usize,
    page: Arc<Page>,
}

/// Where a page lies, and which rows it has of its group.
#[derive(Clone, Copy, Debug)]
struct Place {
    head: Head,
    offset: u64,
    first_row: u64,
    rows: u64,
}

impl Table {
    /// Reads the whole table once; each row is told with its number, counted from 1.
    pub fn open(path: &Path, mut tell: impl FnMut(u64, Sketch)) -> Result<Table> {
        let mut file = File::open(path).context("it cannot be opened")?;
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut file, &mut hasher).context("reading it")?;
        let layout = footer(&mut file)?;
        let mut table = Table {
            file: Mutex::new(file),
            layout,
            pages: HashMap::new(),
            rows: Vec::new(),
            last: Mutex::default(),
            digest: hasher.finalize().to_string(),
        };
        table.walk(&mut tell).map_err(instead)?;
        Ok(table)
    }

    /// BLAKE3 of the file in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Looks at every page and tells every row.
    fn walk(&mut self, tell: &mut impl FnMut(u64, Sketch)) -> Result<()> {
        for group in 0..self.layout.groups.len() {
            let rows = self.layout.groups[group].rows;
            let mut sketches = vec![Sketch::default(); usize::try_from(rows)?];
            for column in 0..self.layout.columns.len() {
                let name = self.layout.columns[column].name.clone();
                let place = || format!("column `{name}`");
                match self.column(group, column).with_context(place)? {
                    Some((leaf, chunk)) => {
                        let pages = self
                            .pages_of(&chunk, leaf, &name, &mut sketches)
                            .with_context(place)?;
                        self.pages.insert((group, column), pages);
                    }
                    // That it is there is known, and that it is nothing that can be used.
                    None => sketches.iter_mut().for_each(|sketch| {
                        let nested = Value::Object(Map::new());
                        sketch.record.0.insert(name.clone(), nested);
                    }),
                }
            }
            for (at, sketch) in sketches.into_iter().enumerate() {
                self.rows.push((group, at as u64));
                tell(self.rows.len() as u64, sketch);
            }
        }
        Ok(())
    }

    fn column(&self, group: usize, column: usize) -> Result<Option<(Leaf, Chunk)>> {
        let leaf = self.layout.columns[column].leaf;
        let chunk = self.layout.groups[group].chunks[column].clone();
        match leaf.zip(chunk) {
            Some((leaf, chunk)) => {
                let rows = self.layout.groups[group].rows;
                let fits = leaf.repeated || chunk.values == rows;
                ensure!(fits, "it has {} values for {rows} rows", chunk.values);
                Ok(Some((leaf, chunk)))
            }
            None => Ok(None),
        }
    }

    /// The pages of a chunk; what their rows hold is added to the sketches.
    fn pages_of(
        &self,
        chunk: &Chunk,
        leaf: Leaf,
        name: &str,
        sketches: &mut [Sketch],
    ) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let mut dictionary = None;
        let (mut at, mut values, mut row) = (chunk.offset, 0, 0);
        let end = chunk.offset + chunk.bytes;
        while values < chunk.values {
            let (head, begin) = self.head(at, end)?;
            let (head, bytes) = head;
            ensure!(bytes <= end - begin, "a page is cut");
            at = begin + bytes;
            let Some(head) = head else { continue };
            if head.sort != Sort::Dictionary {
                values += head.values;
                ensure!(values <= chunk.values, "its pages hold too many values");
            }
            let packed = self.bytes(begin, bytes)?;
            let page = Page::read(&head, &packed, chunk.codec, leaf, dictionary.clone())?;
            let mut place = Place {
                head,
                offset: begin,
                first_row: row as u64,
                rows: 0,
            };
            if head.sort == Sort::Dictionary {
                dictionary = Some(Arc::new(page));
                places.push(place);
                continue;
            }
            // The format allows it; none of the writers that were tried does it.
            ensure!(
                !page.continues,
                "a list goes over two pages, which is not read"
            );
            for index in 0..page.rows() {
                let sketch = sketches.get_mut(row).context("it has too many rows")?;
                sketch.add(name, &page.value(index)?);
                row += 1;
            }
            place.rows = page.rows() as u64;
            places.push(place);
        }
        ensure!(row == sketches.len(), "it has too few rows");
        Ok(places)
    }

    /// The head of the page at a place, how long the page is, and where it begins.
    fn head(&self, at: u64, end: u64) -> Result<((Option<Head>, u64), u64)> {
        // A head is of some twenty bytes, or of more where it tells the least and greatest value.
        let mut window = 256;
        loop {
            let length = window.min(end.saturating_sub(at));
            let bytes = self.bytes(at, length)?;
            match Head::read(&bytes) {
                Ok((head, used, packed)) => return Ok(((head, packed), at + used as u64)),
                Err(error) if length < window => return Err(error),
                Err(_) => window *= 8,
            }
        }
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length)?];
        let mut file = self.file.lock().map_err(|_| anyhow!("a reader failed"))?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)
            .context("the file has changed since it was opened; start again")?;
        Ok(bytes)
    }

    /// Reads a row, counted from 0.
    pub fn record(&self, index: usize) -> Result<Record> {
        let (group, row) = *self.rows.get(index).context("there is no such row")?;
        let mut record = Map::new();
        for (column, Column { name, .. }) in self.layout.columns.iter().enumerate() {
            let value = match self.column(group, column)? {
                Some((leaf, chunk)) => self
                    .value(group, column, row, leaf, &chunk)
                    .with_context(|| format!("column `{name}`"))?,
                None => Value::Object(Map::new()),
            };
            record.insert(name.clone(), value);
        }
        Ok(Record(record))
    }

    fn value(
        &self,
        group: usize,
        column: usize,
        row: u64,
        leaf: Leaf,
        chunk: &Chunk,
    ) -> Result<Value> {
        let places = self.pages.get(&(group, column)).context("no pages")?;
        let has = |place: &Place| (place.first_row..place.first_row + place.rows).contains(&row);
        let at = places.iter().position(has).context("a row is missing")?;
        let inside = usize::try_from(row - places[at].first_row)?;
        let mut last = self.last.lock().map_err(|_| anyhow!("a reader failed"))?;
        let known = last.get(&column);
        if let Some(known) = known.filter(|known| (known.group, known.at) == (group, at)) {
            return known.page.value(inside);
        }
        let read = |place: &Place, dictionary| -> Result<Arc<Page>> {
            let packed = self.bytes(place.offset, place.head.packed_bytes)?;
            let page = Page::read(&place.head, &packed, chunk.codec, leaf, dictionary)?;
            Ok(Arc::new(page))
        };
        let dictionary = places[..at]
            .iter()
            .find(|place| place.head.sort == Sort::Dictionary)
            .map(|place| read(place, None))
            .transpose()?;
        let page = read(&places[at], dictionary)?;
        let value = page.value(inside);
        last.insert(column, Last { group, at, page });
        value
    }
}

/// An error with what to do about a file that is not read.
fn instead(error: anyhow::Error) -> anyhow::Error {
    anyhow!(
        "{error:#}; write it as JSON Lines (in Python: pandas.read_parquet(FILE)\
         .to_json(\"set.jsonl\", orient=\"records\", lines=True))"
    )
}

/// What the end of the file says.
fn footer(file: &mut File) -> Result<Layout> {
    const BROKEN: &str = "it begins like a parquet file and does not end like one; fetch it again";
    let bytes = file.seek(SeekFrom::End(0))?;
    ensure!(bytes >= 12, BROKEN);
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(bytes - 8))?;
    file.read_exact(&mut tail)?;
    let (length, magic) = tail.split_at(4);
    if magic == b"PARE" {
        bail!("it is encrypted");
    }
    ensure!(magic == MAGIC, BROKEN);
    let length = u64::from(u32::from_le_bytes(*length.first_chunk().context(BROKEN)?));
    ensure!(length + 12 <= bytes, BROKEN);
    let mut footer = vec![0; usize::try_from(length)?];
    file.seek(SeekFrom::Start(bytes - 8 - length))?;
    file.read_exact(&mut footer)?;
    Layout::read(&footer, bytes).map_err(instead)
}

#[cfg(test)]
mod tests;
