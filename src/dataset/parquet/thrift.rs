//! Thrift's compact protocol, in which parquet writes what it says of itself.
//!
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use anyhow::{Context as _, Result, bail, ensure};

/// A value; what the fields mean is left to those who read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Thrift {
    Bool(bool),
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Thrift>),
    Struct(Vec<(i64, Thrift)>),
    /// A double or a map, which nothing here needs.
    Other,
}

impl Thrift {
    /// Reads a struct; tells how many bytes it took.
    pub fn read(bytes: &[u8]) -> Result<(Thrift, usize)> {
        let mut reader = Reader { bytes, at: 0 };
        let value = reader.fields(0)?;
        Ok((value, reader.at))
    }

    /// A field of a struct.
    pub fn field(&self, number: i64) -> Option<&Thrift> {
        match self {
            Thrift::Struct(fields) => {
                let found = fields.iter().find(|(id, _)| *id == number);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// A whole number in a field.
    pub fn int(&self, number: i64) -> Option<i64> {
        match self.field(number)? {
            Thrift::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number in a field that must be there and not be negative.
    pub fn size(&self, number: i64) -> Result<u64> {
        let value = self.int(number).context("a number is missing")?;
        u64::try_from(value).context("a size is negative")
    }

    /// A list in a field; an empty one where there is none.
    pub fn list(&self, number: i64) -> &[Thrift] {
        match self.field(number) {
            Some(Thrift::List(list)) => list,
            _ => &[],
        }
    }

    /// A text in a field.
    pub fn text(&self, number: i64) -> Option<String> {
        match self.field(number)? {
            Thrift::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).context("it ends too early")?;
        self.at += 1;
        Ok(*byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("a number is too long")
    }

    fn zigzag(&mut self) -> Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn skip(&mut self, count: u64) -> Result<&[u8]> {
        let from = self.at;
        let to = usize::try_from(count)
            .ok()
            .and_then(|n| from.checked_add(n));
        let to = to.filter(|to| *to <= self.bytes.len());
        self.at = to.context("it ends too early")?;
        Ok(&self.bytes[from..self.at])
    }

    fn fields(&mut self, depth: usize) -> Result<Thrift> {
        const DEEPEST: usize = 32;
        ensure!(depth < DEEPEST, "it is nested too deeply");
        let mut fields = Vec::new();
        let mut number: i64 = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(Thrift::Struct(fields));
            }
            number = match head >> 4 {
                0 => self.zigzag()?,
                step => number.saturating_add(i64::from(step)),
            };
            let value = match head & 0x0F {
                1 => Thrift::Bool(true),
                2 => Thrift::Bool(false),
                kind => self.value(kind, depth)?,
            };
            fields.push((number, value));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Thrift> {
        Ok(match kind {
            1 | 2 => Thrift::Bool(self.byte()? == 1),
            3 => Thrift::Int(i64::from(self.byte()? as i8)),
            4..=6 => Thrift::Int(self.zigzag()?),
            7 => {
                self.skip(8)?;
                Thrift::Other
            }
            8 => {
                let length = self.varint()?;
                Thrift::Bytes(self.skip(length)?.to_vec())
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    count => u64::from(count),
                };
                let mut list = Vec::new();
                for _ in 0..count {
                    // Each takes a byte at least, so that no count outlasts the bytes.
                    list.push(self.element(head & 0x0F, depth)?);
                }
                Thrift::List(list)
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                for _ in 0..count {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0F, depth)?;
                }
                Thrift::Other
            }
            12 => self.fields(depth + 1)?,
            other => bail!("it has a value of the unknown kind {other}"),
        })
    }

    fn element(&mut self, kind: u8, depth: usize) -> Result<Thrift> {
        const DEEPEST: usize = 32;
        ensure!(depth < DEEPEST, "it is nested too deeply");
        self.value(kind, depth + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_of_every_kind_is_read() {
        // 1: i32 -3; 2: true; 5: binary "ab"; 6: list of i64 [1, 300]; 7: struct {1: false}; 8: map.
        let bytes = [
            0x15, 0x05, 0x11, 0x38, 2, b'a', b'b', 0x19, 0x26, 2, 0xD8, 4, 0x1C, 0x12, 0, 0x1B, 1,
            0x55, 2, 4, 0, 0xFF,
        ];
        let (read, used) = Thrift::read(&bytes).expect("a struct");
        assert_eq!(used, bytes.len() - 1);
        assert_eq!(
            (read.int(1), read.field(2)),
            (Some(-3), Some(&Thrift::Bool(true)))
        );
        assert_eq!(read.text(5).as_deref(), Some("ab"));
        assert_eq!(read.list(6), [Thrift::Int(1), Thrift::Int(300)]);
        assert_eq!(
            read.field(7).and_then(|inner| inner.field(1)),
            Some(&Thrift::Bool(false))
        );
        assert!(read.size(1).is_err() && Thrift::read(&bytes[..9]).is_err());
    }
}
