//! The metadata of a GGUF file: what the weights say of themselves, read without loading them.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A metadata value. Numbers are widened; arrays of numbers and of strings are kept apart
/// because vocabularies are arrays of hundreds of thousands of strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any integer type or bool.
    Integer(i64),
    /// Either float type.
    Float(f64),
    /// UTF-8 text (bad bytes replaced).
    Text(String),
    /// An array of integers or bools.
    Integers(Vec<i64>),
    /// An array of floats.
    Floats(Vec<f64>),
    /// An array of strings.
    Texts(Vec<String>),
}

/// All metadata of one file.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    values: HashMap<String, Value>,
}

/// No metadata comes near this; a larger count is a broken or hostile file.
const MOST_ITEMS: u64 = 50_000_000;

impl Metadata {
    /// Reads the header of a GGUF file, versions 2 and 3.
    pub fn read(path: &Path) -> Result<Metadata> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut reader = Reader(BufReader::with_capacity(1 << 20, file));
        reader
            .metadata()
            .with_context(|| format!("{} is not a readable GGUF file", path.display()))
    }

    /// A text value.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// An integer value (a bool reads as 0 or 1).
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.values.get(key) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// An array of texts.
    pub fn texts(&self, key: &str) -> Option<&[String]> {
        match self.values.get(key) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    /// An array of integers.
    pub fn integers(&self, key: &str) -> Option<&[i64]> {
        match self.values.get(key) {
            Some(Value::Integers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// The window that the model was trained for, in tokens.
    pub fn context_tokens(&self) -> Option<u64> {
        let architecture = self.text("general.architecture")?;
        let window = self.integer(&format!("{architecture}.context_length"))?;
        u64::try_from(window).ok()
    }

    /// The chat template, in Jinja.
    pub fn chat_template(&self) -> Option<&str> {
        self.text("tokenizer.chat_template")
    }
}

struct Reader<R>(R);

impl<R: Read> Reader<R> {
    fn metadata(&mut self) -> Result<Metadata> {
        let mut magic = [0; 4];
        self.0.read_exact(&mut magic)?;
        ensure!(&magic == b"GGUF", "it does not begin with GGUF");
        let version = self.u32()?;
        ensure!(
            (2..=3).contains(&version),
            "GGUF version {version} is not known here"
        );
        let _tensors = self.u64()?;
        let count = self.u64()?;
        ensure!(count < MOST_ITEMS, "it claims {count} metadata entries");
        let mut values = HashMap::new();
        for _ in 0..count {
            let key = self.text()?;
            let kind = self.u32()?;
            let value = self
                .value(kind)
                .with_context(|| format!("bad value of {key}"))?;
            values.insert(key, value);
        }
        Ok(Metadata { values })
    }

    fn value(&mut self, kind: u32) -> Result<Value> {
        Ok(match kind {
            8 => Value::Text(self.text()?),
            9 => {
                let item = self.u32()?;
                let length = self.u64()?;
                ensure!(length < MOST_ITEMS, "it claims an array of {length} items");
                self.array(item, length)?
            }
            6 | 12 => Value::Float(self.float(kind)?),
            _ => Value::Integer(self.integer(kind)?),
        })
    }

    fn array(&mut self, kind: u32, length: u64) -> Result<Value> {
        // Capacity grows with what is really there, so that a false length costs no memory.
        Ok(match kind {
            8 => {
                let mut texts = Vec::new();
                for _ in 0..length {
                    texts.push(self.text()?);
                }
                Value::Texts(texts)
            }
            6 | 12 => {
                let mut floats = Vec::new();
                for _ in 0..length {
                    floats.push(self.float(kind)?);
                }
                Value::Floats(floats)
            }
            _ => {
                let mut integers = Vec::new();
                for _ in 0..length {
                    integers.push(self.integer(kind)?);
                }
                Value::Integers(integers)
            }
        })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).context("it ends too early")?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn float(&mut self, kind: u32) -> Result<f64> {
        Ok(match kind {
            6 => f64::from(f32::from_le_bytes(self.bytes()?)),
            _ => f64::from_le_bytes(self.bytes()?),
        })
    }

    fn integer(&mut self, kind: u32) -> Result<i64> {
        Ok(match kind {
            0 => i64::from(u8::from_le_bytes(self.bytes()?)),
            1 => i64::from(i8::from_le_bytes(self.bytes()?)),
            2 => i64::from(u16::from_le_bytes(self.bytes()?)),
            3 => i64::from(i16::from_le_bytes(self.bytes()?)),
            4 => i64::from(u32::from_le_bytes(self.bytes()?)),
            5 => i64::from(i32::from_le_bytes(self.bytes()?)),
            7 => i64::from(self.bytes::<1>()?[0] != 0),
            10 => i64::try_from(self.u64()?).context("an integer beyond 2^63")?,
            11 => i64::from_le_bytes(self.bytes()?),
            other => bail!("value type {other} is not known here"),
        })
    }

    fn text(&mut self) -> Result<String> {
        let length = self.u64()?;
        ensure!(length < MOST_ITEMS, "it claims a string of {length} bytes");
        let mut bytes = Vec::new();
        let read = self.0.by_ref().take(length).read_to_end(&mut bytes)?;
        ensure!(read as u64 == length, "it ends too early");
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    }

    fn sample() -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend(0u64.to_le_bytes());
        out.extend(3u64.to_le_bytes());
        text(&mut out, "general.architecture");
        out.extend(8u32.to_le_bytes());
        text(&mut out, "llama");
        text(&mut out, "llama.context_length");
        out.extend(4u32.to_le_bytes());
        out.extend(8192u32.to_le_bytes());
        text(&mut out, "tokenizer.ggml.tokens");
        out.extend(9u32.to_le_bytes());
        out.extend(8u32.to_le_bytes());
        out.extend(2u64.to_le_bytes());
        text(&mut out, "a");
        text(&mut out, "Ġb");
        out
    }

    fn parse(bytes: &[u8]) -> Result<Metadata> {
        Reader(bytes).metadata()
    }

    #[test]
    fn the_header_is_read() {
        let metadata = parse(&sample()).expect("valid");
        assert_eq!(metadata.context_tokens(), Some(8192));
        assert_eq!(
            metadata.texts("tokenizer.ggml.tokens"),
            Some(&["a".to_string(), "Ġb".to_string()][..])
        );
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_never_a_panic() {
        let whole = sample();
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_false_length_costs_no_memory() {
        let mut bytes = sample();
        let at = bytes.len() - 8 - 1 - 8 - 3 - 8;
        bytes[at..at + 8].copy_from_slice(&(MOST_ITEMS - 1).to_le_bytes());
        assert!(parse(&bytes).is_err());
    }
}
