//! Walks JSON that lies in several slices, one value at a time, with no copy of the whole.
//!
//! A general JSON parser needs its text in one piece and copies a string with escapes twice: at
//! ten million tokens that is 130 MB a request. This one accepts exactly what `serde_json` accepts
//! (the tests of the body reader hold them against each other).

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;

/// Nesting beyond which a text is refused; `serde_json` draws the same line.
const MAX_NESTING: u32 = 127;

/// A place in a list of slices.
pub struct Scanner<'a> {
    /// What is still to be read; the first slice from `at` on.
    slices: &'a [Bytes],
    at: usize,
    passed_bytes: usize,
    nesting: u32,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of a text.
    pub fn new(slices: &'a [Bytes]) -> Scanner<'a> {
        Scanner {
            slices,
            at: 0,
            passed_bytes: 0,
            nesting: 0,
        }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> usize {
        self.passed_bytes + self.at
    }

    /// The rest of the current slice; empty only at the very end.
    fn rest(&mut self) -> &'a [u8] {
        while let [first, others @ ..] = self.slices {
            if self.at < first.len() {
                return &first[self.at..];
            }
            self.passed_bytes += first.len();
            self.at = 0;
            self.slices = others;
        }
        &[]
    }

    /// The next byte, unread; `None` at the end.
    pub fn peek(&mut self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn next(&mut self) -> Result<u8> {
        let byte = self.peek().context("the JSON breaks off")?;
        self.at += 1;
        Ok(byte)
    }

    /// Reads past white space.
    pub fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        let got = self.next()?;
        ensure!(
            got == wanted,
            "`{}` stands where `{}` was expected",
            got.escape_ascii(),
            wanted.escape_ascii()
        );
        Ok(())
    }

    /// One level deeper for the length of a list or object.
    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.nesting += 1;
        ensure!(self.nesting <= MAX_NESTING, "the JSON is nested too deeply");
        inside(self)?;
        self.nesting -= 1;
        Ok(())
    }

    /// Reads an object, calling `field` with each key, in front of its value.
    pub fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.nested(|scanner| {
            scanner.expect(b'{')?;
            scanner.items(b'}', |scanner| {
                let mut key = Vec::new();
                scanner.string(&mut key)?;
                let key = String::from_utf8(key).context("a field's name is no UTF-8")?;
                scanner.blank();
                scanner.expect(b':')?;
                scanner.blank();
                field(scanner, &key)
            })
        })
    }

    /// Reads a list, calling `item` in front of each of its values.
    pub fn list(&mut self, item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.nested(|scanner| {
            scanner.expect(b'[')?;
            scanner.items(b']', item)
        })
    }

    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.blank();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.blank();
            item(self)?;
            self.blank();
            match self.next()? {
                b',' => {}
                other if other == end => return Ok(()),
                other => bail!("`{}` stands between two values", other.escape_ascii()),
            }
        }
    }

    /// Reads a string and appends it unescaped.
    pub fn string(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.expect(b'"')?;
        loop {
            let rest = self.rest();
            ensure!(!rest.is_empty(), "the JSON breaks off within a string");
            let stop = memchr::memchr2(b'"', b'\\', rest);
            let plain = &rest[..stop.unwrap_or(rest.len())];
            ensure!(
                !plain.iter().any(|&byte| byte < 0x20),
                "a control character stands unescaped in a string"
            );
            out.extend_from_slice(plain);
            self.at += plain.len();
            if stop.is_some() {
                match self.next()? {
                    b'"' => return Ok(()),
                    _ => self.escape(out)?,
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let byte = match self.next()? {
            b'u' => {
                let symbol = self.unicode()?;
                out.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            same @ (b'"' | b'\\' | b'/') => same,
            other => bail!("`\\{}` is no escape", other.escape_ascii()),
        };
        out.push(byte);
        Ok(())
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            self.expect(b'\\')?;
            self.expect(b'u')?;
            let second = self.hex()?;
            ensure!(
                (0xdc00..0xe000).contains(&second),
                "half a surrogate pair is escaped"
            );
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).context("half a surrogate pair is escaped")
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16);
            code = code << 4 | digit.context("`\\u` needs four hexadecimal digits")?;
        }
        Ok(code)
    }

    /// Reads true or false; null is false.
    pub fn flag(&mut self) -> Result<bool> {
        match self.peek() {
            Some(b't') => self.word(b"true").map(|()| true),
            Some(b'f') => self.word(b"false").map(|()| false),
            Some(b'n') => self.word(b"null").map(|()| false),
            _ => bail!("true or false was expected"),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    /// Reads a number that must be whole and not negative, or null; `field` names it in the error.
    pub fn whole_number(&mut self, field: &str) -> Result<Option<u64>> {
        if self.peek() == Some(b'n') {
            return self.word(b"null").map(|()| None);
        }
        let number = self.number()?;
        let whole = number
            .parse()
            .with_context(|| format!("`{field}` is {number}: it must be a whole number"))?;
        Ok(Some(whole))
    }

    /// Reads a number or null; a negative one means without bound, as null does. `field` names it
    /// in the error.
    pub fn bound(&mut self, field: &str) -> Result<Option<u64>> {
        if self.peek() == Some(b'-') {
            return self.number().map(|_| None);
        }
        self.whole_number(field)
    }

    /// Reads a number of any kind; what is none is read past.
    pub fn quantity(&mut self) -> Result<Option<f64>> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => Ok(self.number()?.parse().ok()),
            _ => self.skip().map(|()| None),
        }
    }

    fn number(&mut self) -> Result<String> {
        let mut number = String::new();
        let sign = self.peek() == Some(b'-');
        if sign {
            self.take(&mut number)?;
        }
        if self.peek() == Some(b'0') {
            self.take(&mut number)?;
        } else {
            self.digits(&mut number)?;
        }
        if self.peek() == Some(b'.') {
            self.take(&mut number)?;
            self.digits(&mut number)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.take(&mut number)?;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.take(&mut number)?;
            }
            self.digits(&mut number)?;
        }
        let value: f64 = number.parse().context("a number cannot be read")?;
        ensure!(value.is_finite(), "a number is out of range");
        Ok(number)
    }

    fn take(&mut self, number: &mut String) -> Result<()> {
        number.push(char::from(self.next()?));
        Ok(())
    }

    fn digits(&mut self, number: &mut String) -> Result<()> {
        let before = number.len();
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.take(number)?;
        }
        ensure!(number.len() > before, "a value was expected");
        Ok(())
    }

    /// Reads past one value of any kind.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(|scanner, _| scanner.skip()),
            Some(b'[') => self.list(Scanner::skip),
            Some(b'"') => {
                let mut text = Vec::new();
                self.string(&mut text)?;
                ensure!(std::str::from_utf8(&text).is_ok(), "a text is no UTF-8");
                Ok(())
            }
            Some(b't' | b'f' | b'n') => self.flag().map(|_| ()),
            _ => self.number().map(|_| ()),
        }
    }
}
