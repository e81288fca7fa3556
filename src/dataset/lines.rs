//! JSON Lines on disk: where each record lies, and its text when it is asked for.

use super::record::Record;
use super::sketch::Sketch;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

/// What some writers put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// How compressed files begin, and what unpacks them.
const PACKED: &[(&[u8], &str)] = &[
    (b"\x1F\x8B", "gunzip"),
    (b"\x28\xB5\x2F\xFD", "unzstd"),
    (b"BZh", "bunzip2"),
    (b"\xFD7zXZ", "unxz"),
    (b"PK\x03\x04", "unzip"),
];

/// An open file of JSON Lines.
#[derive(Debug)]
pub struct Lines {
    file: Mutex<File>,
    places: Vec<Place>,
    digest: String,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    bytes: u64,
}

impl Lines {
    /// Reads the whole file once, line by line; each record is told with the number of its line.
    /// Blank lines, a byte order mark, and ends of lines of any system are no matter.
    pub fn open(path: &Path, mut tell: impl FnMut(u64, Sketch)) -> Result<Lines> {
        let file = File::open(path).context("it cannot be opened")?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut hasher = blake3::Hasher::new();
        let mut places = Vec::new();
        let mut line = Vec::new();
        let (mut offset, mut number) = (0, 0);
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line);
            let bytes = read.with_context(|| format!("reading line {}", number + 1))? as u64;
            if bytes == 0 {
                break;
            }
            number += 1;
            hasher.update(&line);
            if number == 1 {
                known_form(&line)?;
            }
            let text = trimmed(&line, number == 1);
            if !text.is_empty() {
                let sketch = Sketch::of(text);
                let sketch = sketch.map_err(|error| anyhow!("line {number}: {}", said(&error)))?;
                places.push(Place { offset, bytes });
                tell(number, sketch);
            }
            offset += bytes;
        }
        Ok(Lines {
            file: Mutex::new(reader.into_inner()),
            places,
            digest: hasher.finalize().to_string(),
        })
    }

    /// BLAKE3 of the file in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Reads a record, counted from 0.
    pub fn record(&self, index: usize) -> Result<Record> {
        const CHANGED: &str = "the file has changed since it was opened; start again";
        let place = self.places.get(index).context(CHANGED)?;
        let mut line = vec![0; usize::try_from(place.bytes)?];
        {
            let mut file = self.file.lock().map_err(|_| anyhow!("a reader failed"))?;
            file.seek(SeekFrom::Start(place.offset))?;
            file.read_exact(&mut line).context(CHANGED)?;
        }
        match serde_json::from_slice(trimmed(&line, place.offset == 0)) {
            Ok(Value::Object(map)) => Ok(Record(map)),
            _ => bail!(CHANGED),
        }
    }
}

/// A line without the white space around it, and the first without the byte order mark.
fn trimmed(line: &[u8], first: bool) -> &[u8] {
    let mark = if first { BYTE_ORDER_MARK } else { b"" };
    line.strip_prefix(mark).unwrap_or(line).trim_ascii()
}

/// What is known at sight to be no JSON Lines, with what to do about it.
fn known_form(line: &[u8]) -> Result<()> {
    for (magic, program) in PACKED {
        ensure!(
            !line.starts_with(magic),
            "it is compressed; unpack it first ({program})"
        );
    }
    ensure!(
        !line.starts_with(b"\xFF\xFE") && !line.starts_with(b"\xFE\xFF"),
        "it is UTF-16; save it as UTF-8"
    );
    ensure!(
        !trimmed(line, true).starts_with(b"["),
        "it is one JSON list; write a record a line (jq -c '.[]')"
    );
    Ok(())
}

/// An error of the JSON reader without the line number 1 that it always has.
fn said(error: &serde_json::Error) -> String {
    let told = error.to_string();
    match told.rsplit_once(" at line ") {
        Some((what, _)) => format!("no JSON object: {what} at column {}", error.column()),
        None => format!("no JSON object: {told}"),
    }
}
