//! A prompt as a list of shared slices: the text itself and, beside it, the same text escaped for JSON.

use bytes::Bytes;

/// A stretch of a prompt. `json` is `raw` escaped as the inside of a JSON string (no quotes).
///
/// Both are slices of shared memory (the corpus is held once, raw and escaped), so a piece of
/// forty megabytes costs as much as one of four bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// UTF-8 text.
    pub raw: Bytes,
    /// The same text, escaped for JSON.
    pub json: Bytes,
}

impl Piece {
    /// A piece of its own memory, for the few short texts that are not in any corpus.
    pub fn of(text: &str) -> Piece {
        Piece {
            raw: Bytes::copy_from_slice(text.as_bytes()),
            json: Bytes::from(escape(text)),
        }
    }
}

/// A whole text made of pieces, in order. Cloning it copies no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rope {
    pieces: Vec<Piece>,
}

impl Rope {
    /// An empty rope.
    pub fn new() -> Rope {
        Rope::default()
    }

    /// A rope of one short text.
    pub fn of(text: &str) -> Rope {
        let mut rope = Rope::new();
        rope.push(Piece::of(text));
        rope
    }

    /// Appends a piece; empty ones are dropped.
    pub fn push(&mut self, piece: Piece) {
        if !piece.raw.is_empty() {
            self.pieces.push(piece);
        }
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Length of the text in bytes.
    pub fn raw_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.raw.len() as u64).sum()
    }

    /// Length of the escaped text in bytes.
    pub fn json_bytes(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| piece.json.len() as u64)
            .sum()
    }

    /// The text as one string; this is the only operation that copies it.
    pub fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(self.raw_bytes() as usize);
        for piece in &self.pieces {
            bytes.extend_from_slice(&piece.raw);
        }
        // Pieces are cut at character boundaries by construction; a lossy decoding only
        // guards against a caller that broke this and is checked by the tests.
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// BLAKE3 of the text, in hex: what a journal row holds instead of the prompt.
    pub fn blake3_hex(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for piece in &self.pieces {
            hasher.update(&piece.raw);
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Bytes that are looked at together.
const CHUNK_BYTES: usize = 32;

/// Escapes text as the inside of a JSON string, leaving every character beyond ASCII as it is:
/// `\uXXXX` would double the size of Chinese text.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32);
    let mut from = 0;
    while let Some(at) = next_escaped(text.as_bytes(), from) {
        out.push_str(&text[from..at]);
        match text.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => {
                out.push_str("\\u00");
                for nibble in [other >> 4, other & 15] {
                    out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
            }
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out
}

/// How many bytes longer text is when it is escaped.
pub fn escape_growth(text: &[u8]) -> usize {
    // Sums over so few bytes fit into a byte, and are computed many at a time.
    let (chunks, rest) = text.as_chunks::<CHUNK_BYTES>();
    let sum = |bytes: &[u8]| usize::from(bytes.iter().map(|byte| growth(*byte)).sum::<u8>());
    chunks.iter().map(|chunk| sum(chunk)).sum::<usize>() + sum(rest)
}

fn growth(byte: u8) -> u8 {
    let has_short_form = (byte == b'\n') | (byte == b'\r') | (byte == b'\t');
    u8::from(is_escaped(byte)) + 4 * u8::from((byte < 0x20) & !has_short_form)
}

fn is_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Where the next byte that is escaped stands. Whole chunks without one are passed at once.
fn next_escaped(bytes: &[u8], from: usize) -> Option<usize> {
    let (chunks, _) = bytes[from..].as_chunks::<CHUNK_BYTES>();
    let clean = chunks
        .iter()
        .take_while(|chunk| {
            !chunk
                .iter()
                .fold(false, |any, byte| any | is_escaped(*byte))
        })
        .count();
    let from = from + clean * CHUNK_BYTES;
    let within = bytes[from..].iter().position(|byte| is_escaped(*byte))?;
    Some(from + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_is_what_serde_json_reads_back() {
        let hostile = "quote \" back \\ line\nreturn\r tab\t bell\u{7} esc\u{1b} 汉字 😀 é";
        let read: String =
            serde_json::from_str(&format!("\"{}\"", escape(hostile))).expect("valid JSON");
        assert_eq!(read, hostile);
        assert_eq!(
            escape(hostile).len(),
            hostile.len() + escape_growth(hostile.as_bytes())
        );
    }

    #[test]
    fn what_is_escaped_is_found_at_every_place() {
        for length in 0..100 {
            for at in 0..length {
                let mut text = "x".repeat(length);
                text.replace_range(at..=at, "\n");
                let expected = format!("{}\\n{}", "x".repeat(at), "x".repeat(length - at - 1));
                assert_eq!(escape(&text), expected);
            }
        }
    }

    #[test]
    fn a_rope_is_the_concatenation_of_its_pieces() {
        let mut rope = Rope::of("one\n");
        rope.push(Piece::of(""));
        rope.push(Piece::of("two"));
        assert_eq!(rope.text(), "one\ntwo");
        assert_eq!(rope.raw_bytes(), 7);
        assert_eq!(rope.json_bytes(), 8);
        assert_eq!(rope.pieces().len(), 2);
        assert_eq!(
            rope.blake3_hex(),
            blake3::hash(b"one\ntwo").to_hex().to_string()
        );
    }
}
