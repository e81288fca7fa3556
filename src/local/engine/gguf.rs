//! The GGUF file: its metadata and its tensors, read without trusting a single size in it.

use anyhow::{Context, Result, bail, ensure};
use candle_core::CpuStorage;
use candle_core::quantized::{GgmlDType, QuantizedType};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A metadata value. Of an array only the length is kept: the engine needs no more.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any integer or boolean.
    Integer(i128),
    /// Any float.
    Float(f64),
    /// A string.
    Text(String),
    /// The number of elements of an array.
    Array(u64),
}

struct Entry {
    /// Row-major: the last one is contiguous, the reverse of the order in the file.
    dims: Vec<usize>,
    format: u32,
    offset_bytes: u64,
}

/// An open GGUF file. A tensor is taken out of it once, so that what is left over at the end is
/// what this engine did not understand.
pub struct Gguf {
    source: Source,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, Entry>,
    data_at_bytes: u64,
}

/// A matrix in the file's own format, from which single rows are read.
pub struct Rows {
    blocks: Box<dyn QuantizedType>,
    rows: usize,
    width: usize,
}

struct Source {
    file: BufReader<File>,
    at_bytes: u64,
    size_bytes: u64,
}

impl Source {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file
            .read_exact(&mut bytes)
            .with_context(|| format!("the file ends at byte {}", self.size_bytes))?;
        self.at_bytes += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    /// A declared length, which the rest of the file must be able to hold.
    fn length(&mut self, least_bytes: u64) -> Result<u64> {
        let length = self.u64()?;
        let left_bytes = self.size_bytes.saturating_sub(self.at_bytes);
        ensure!(
            length
                .checked_mul(least_bytes)
                .is_some_and(|needed| needed <= left_bytes),
            "it declares {length} items where {left_bytes} bytes are left"
        );
        Ok(length)
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length(1)?;
        let mut bytes = vec![0; usize::try_from(length)?];
        self.file
            .read_exact(&mut bytes)
            .context("the file ends inside a string")?;
        self.at_bytes += length;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        let left_bytes = self.size_bytes.saturating_sub(self.at_bytes);
        ensure!(
            bytes <= left_bytes,
            "the file ends at byte {}",
            self.size_bytes
        );
        self.file.seek_relative(i64::try_from(bytes)?)?;
        self.at_bytes += bytes;
        Ok(())
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        Ok(match kind {
            0 => Value::Integer(u8::from_le_bytes(self.take()?).into()),
            1 => Value::Integer(i8::from_le_bytes(self.take()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.take()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.take()?).into()),
            4 => Value::Integer(u32::from_le_bytes(self.take()?).into()),
            5 => Value::Integer(i32::from_le_bytes(self.take()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.take()?).into()),
            7 => Value::Integer(i128::from(self.take::<1>()?[0] != 0)),
            8 => Value::Text(self.text()?),
            9 => Value::Array(self.array(0)?),
            10 => Value::Integer(u64::from_le_bytes(self.take()?).into()),
            11 => Value::Integer(i64::from_le_bytes(self.take()?).into()),
            12 => Value::Float(f64::from_le_bytes(self.take()?)),
            other => bail!("a metadata value is of the unknown kind {other}"),
        })
    }

    /// Walks over an array. Arrays of arrays are bounded, or a file could overflow the stack.
    fn array(&mut self, depth: usize) -> Result<u64> {
        ensure!(depth < 8, "its metadata nests arrays deeper than 8");
        let kind = self.u32()?;
        let item_bytes = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 => 8,
            9 => 12,
            10..=12 => 8,
            other => bail!("a metadata array is of the unknown kind {other}"),
        };
        let length = self.length(item_bytes)?;
        match kind {
            8 => {
                for _ in 0..length {
                    let bytes = self.length(1)?;
                    self.skip(bytes)?;
                }
            }
            9 => {
                for _ in 0..length {
                    self.array(depth + 1)?;
                }
            }
            _ => self.skip(length * item_bytes)?,
        }
        Ok(length)
    }
}

impl Gguf {
    /// Reads the header of a GGUF file, versions 2 and 3.
    pub fn open(path: &Path) -> Result<Gguf> {
        let file = File::open(path)?;
        let size_bytes = file.metadata()?.len();
        let mut source = Source {
            file: BufReader::with_capacity(1 << 20, file),
            at_bytes: 0,
            size_bytes,
        };
        ensure!(&source.take::<4>()? == b"GGUF", "this is not a GGUF file");
        let version = source.u32()?;
        ensure!(
            version == 2 || version == 3,
            "GGUF version {version} is not among those that can be read (2 and 3)"
        );
        let tensor_count = source.length(24)?;
        let metadata_count = source.length(13)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..metadata_count {
            let key = source.text()?;
            let kind = source.u32()?;
            let value = source
                .value(kind)
                .with_context(|| format!("in metadata {key}"))?;
            metadata.insert(key, value);
        }
        let mut tensors = BTreeMap::new();
        for _ in 0..tensor_count {
            let name = source.text()?;
            let rank = source.u32()?;
            ensure!(rank <= 4, "tensor {name} has {rank} dimensions");
            let mut dims = Vec::new();
            for _ in 0..rank {
                dims.insert(0, usize::try_from(source.u64()?)?);
            }
            let format = source.u32()?;
            let offset_bytes = source.u64()?;
            tensors.insert(
                name,
                Entry {
                    dims,
                    format,
                    offset_bytes,
                },
            );
        }
        let alignment_bytes = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Integer(bytes)) => u64::try_from(*bytes).unwrap_or(0),
            Some(_) => 0,
        };
        ensure!(
            (1..=1 << 20).contains(&alignment_bytes),
            "its general.alignment is not a number of bytes that can be"
        );
        let data_at_bytes = source.at_bytes.next_multiple_of(alignment_bytes);
        Ok(Gguf {
            source,
            metadata,
            tensors,
            data_at_bytes,
        })
    }

    /// A metadata value.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// True where the file holds this tensor and it was not taken yet.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The dimensions of a tensor, row-major (the last one is contiguous).
    pub fn dims(&self, name: &str) -> Result<&[usize]> {
        let entry = self
            .tensors
            .get(name)
            .with_context(|| format!("tensor {name} is missing"))?;
        Ok(&entry.dims)
    }

    /// Bytes that all tensors take as `f32`.
    pub fn f32_bytes(&self) -> u64 {
        let elements = |dims: &[usize]| {
            dims.iter()
                .fold(1u64, |product, &dim| product.saturating_mul(dim as u64))
        };
        self.tensors
            .values()
            .fold(0u64, |sum, entry| sum.saturating_add(elements(&entry.dims)))
            .saturating_mul(4)
    }

    /// The name of a tensor that nobody took.
    pub fn left_over(&self) -> Option<&str> {
        self.tensors.keys().next().map(String::as_str)
    }

    /// Takes a tensor of exactly these dimensions as `f32`, whatever its format in the file.
    pub fn take(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let (format, bytes) = self.bytes(name, dims)?;
        let elements = elements(name, dims)?;
        // A piece is whole rows of many blocks, so that two cores share a big matrix.
        let piece = (1 << 20) * format.block_size();
        let piece_bytes = (1 << 20) * format.type_size();
        let mut values = vec![0f32; elements];
        values
            .par_chunks_mut(piece)
            .zip(bytes.par_chunks(piece_bytes))
            .try_for_each(|(values, bytes)| {
                match format
                    .from_data(Cow::Borrowed(bytes))
                    .dequantize(values.len())?
                {
                    CpuStorage::F32(piece) => values.copy_from_slice(&piece),
                    _ => bail!("tensor {name} did not become f32"),
                }
                Ok(())
            })?;
        Ok(values)
    }

    /// Takes a matrix of exactly these dimensions as it is stored, for single rows of it.
    pub fn take_rows(&mut self, name: &str, rows: usize, width: usize) -> Result<Rows> {
        let (format, bytes) = self.bytes(name, &[rows, width])?;
        let blocks = format.from_data(Cow::Owned(bytes));
        Ok(Rows {
            blocks,
            rows,
            width,
        })
    }

    fn bytes(&mut self, name: &str, dims: &[usize]) -> Result<(GgmlDType, Vec<u8>)> {
        let found = self.dims(name)?;
        ensure!(
            found == dims,
            "tensor {name} is {found:?} where {dims:?} is expected"
        );
        let entry = self
            .tensors
            .remove(name)
            .with_context(|| format!("tensor {name} is missing"))?;
        let format = format_of(entry.format).with_context(|| {
            format!(
                "tensor {name} is in GGML format {}, which only a llama-server can read",
                entry.format
            )
        })?;
        let row = dims.last().copied().unwrap_or(0);
        ensure!(
            row > 0 && row.is_multiple_of(format.block_size()),
            "tensor {name} has rows of {row}, not whole blocks of {format:?}"
        );
        let size_bytes = elements(name, dims)? / format.block_size() * format.type_size();
        let start_bytes = self.data_at_bytes.saturating_add(entry.offset_bytes);
        ensure!(
            start_bytes.saturating_add(size_bytes as u64) <= self.source.size_bytes,
            "tensor {name} goes beyond the end of the file, which seems to be cut"
        );
        self.source.file.seek(SeekFrom::Start(start_bytes))?;
        let mut bytes = vec![0; size_bytes];
        self.source
            .file
            .read_exact(&mut bytes)
            .with_context(|| format!("reading tensor {name}"))?;
        Ok((format, bytes))
    }
}

impl Rows {
    /// All rows, as `f32`.
    pub fn read_all(&self) -> Result<Vec<f32>> {
        match self.blocks.dequantize(self.rows * self.width)? {
            CpuStorage::F32(values) => Ok(values),
            _ => bail!("the embedding did not become f32"),
        }
    }

    /// The rows with these numbers, one after the other, as `f32`.
    pub fn read(&self, numbers: &[u32]) -> Result<Vec<f32>> {
        match self.blocks.embedding(numbers, self.rows, self.width)? {
            CpuStorage::F32(values) => Ok(values),
            _ => bail!("the embedding did not become f32"),
        }
    }
}

fn elements(name: &str, dims: &[usize]) -> Result<usize> {
    dims.iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
        // Eight bytes for each must still be a number: sizes are computed from it.
        .filter(|&product| product > 0 && product <= usize::MAX / 8)
        .with_context(|| format!("tensor {name} has impossible dimensions {dims:?}"))
}

/// The block formats by their number in the file, from ggml.h's `enum ggml_type`.
fn format_of(number: u32) -> Option<GgmlDType> {
    Some(match number {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        _ => return None,
    })
}
