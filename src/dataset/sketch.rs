//! A record with its long texts cut short: enough to know the record, at no memory.

use super::record::Record;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// Bytes of a text that are kept.
const TEXT_BYTES: usize = 512;
/// Entries of a list or an object that are kept below the record itself.
const ENTRIES: usize = 32;

/// What a record looks like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// The record with every text cut to its beginning.
    pub record: Record,
    /// Bytes of all texts before they were cut.
    pub text_bytes: u64,
}

impl Sketch {
    /// Reads a line of JSON.
    pub fn of(line: &[u8]) -> Result<Sketch, serde_json::Error> {
        let text_bytes = Cell::new(0);
        let mut reader = serde_json::Deserializer::from_slice(line);
        let seed = Cut {
            text_bytes: &text_bytes,
            depth: 0,
        };
        let value = seed.deserialize(&mut reader)?;
        reader.end()?;
        match value {
            Value::Object(map) => Ok(Sketch {
                record: Record(map),
                text_bytes: text_bytes.get(),
            }),
            _ => Err(serde_json::Error::custom("not an object")),
        }
    }
}

impl Sketch {
    /// Adds a column whose value was read whole.
    pub fn add(&mut self, name: &str, value: &Value) {
        let cut = |text: &str| Value::String(beginning(text).to_owned());
        let texts = value.as_array().into_iter().flatten().chain([value]);
        let bytes = texts
            .filter_map(Value::as_str)
            .map(|text| text.len() as u64);
        self.text_bytes += bytes.sum::<u64>();
        let kept = match value {
            Value::String(text) => cut(text),
            Value::Array(list) => {
                let kept = list.iter().take(ENTRIES);
                let kept = kept.map(|value| value.as_str().map_or_else(|| value.clone(), cut));
                Value::Array(kept.collect())
            }
            value => value.clone(),
        };
        self.record.0.insert(name.to_owned(), kept);
    }
}

/// The beginning of a text, cut between two characters.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES)]
}

/// Reads any value and keeps the beginning of what is long.
#[derive(Clone, Copy)]
struct Cut<'a> {
    text_bytes: &'a Cell<u64>,
    depth: usize,
}

impl Cut<'_> {
    fn below(self) -> Self {
        Cut {
            depth: self.depth + 1,
            ..self
        }
    }
}

impl<'de> DeserializeSeed<'de> for Cut<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Cut<'_> {
    type Value = Value;

    fn expecting(&self, words: &mut fmt::Formatter<'_>) -> fmt::Result {
        words.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        self.text_bytes
            .set(self.text_bytes.get() + text.len() as u64);
        Ok(Value::String(beginning(text).to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < ENTRIES {
            match list.next_element_seed(self.below())? {
                Some(value) => kept.push(value),
                None => return Ok(Value::Array(kept)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if self.depth == 0 || kept.len() < ENTRIES {
                let value = entries.next_value_seed(self.below())?;
                kept.insert(name, value);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(kept))
    }
}
