//! How parquet writes levels and values, and how it packs them.
//!
//! <https://github.com/apache/parquet-format/blob/master/Encodings.md>

use super::layout::Physical;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::io::Read as _;
use std::ops::Range;

/// The encoding of values one behind the other.
pub const PLAIN: i64 = 0;

/// A value in a page.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A text, by where its bytes are.
    Text(Range<usize>),
    /// A value of the dictionary.
    Entry(usize),
    /// A number or a truth.
    Plain(Value),
}

/// Unpacks bytes behind those that are there.
pub fn unpacked(packed: &[u8], codec: i64, size: usize, into: &mut Vec<u8>) -> Result<()> {
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
pub fn bits_for(highest: u8) -> u32 {
    8 - highest.leading_zeros()
}

/// Levels behind their own length in four bytes.
pub fn prefixed(
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
pub fn hybrid(bytes: &[u8], bits: u32, count: usize) -> Result<Vec<u64>> {
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
pub fn cells(
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
