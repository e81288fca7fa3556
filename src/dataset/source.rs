//! The file that a set lies in: lines of JSON, or a table.

use super::lines::Lines;
use super::parquet::{self, Table};
use super::record::Record;
use super::sketch::Sketch;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// An open file of records.
#[derive(Debug)]
pub enum Source {
    /// JSON Lines.
    Lines(Lines),
    /// Parquet.
    Table(Table),
}

impl Source {
    /// Opens a file by how it begins, and tells each record with the number of its line or row.
    pub fn open(path: &Path, tell: impl FnMut(u64, Sketch)) -> Result<Source> {
        let mut begin = Vec::new();
        let file = File::open(path).context("it cannot be opened")?;
        let length = parquet::MAGIC.len() as u64;
        file.take(length)
            .read_to_end(&mut begin)
            .context("reading it")?;
        Ok(match begin == parquet::MAGIC {
            true => Source::Table(Table::open(path, tell)?),
            false => Source::Lines(Lines::open(path, tell)?),
        })
    }

    /// What a record of the file is called.
    pub fn unit(&self) -> &'static str {
        match self {
            Source::Lines(_) => "line",
            Source::Table(_) => "row",
        }
    }

    /// BLAKE3 of the file in hexadecimal.
    pub fn digest(&self) -> &str {
        match self {
            Source::Lines(lines) => lines.digest(),
            Source::Table(table) => table.digest(),
        }
    }

    /// Reads a record, counted from 0.
    pub fn record(&self, index: usize) -> Result<Record> {
        match self {
            Source::Lines(lines) => lines.record(index),
            Source::Table(table) => table.record(index),
        }
    }
}
