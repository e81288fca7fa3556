//! A JSON object a line (NDJSON) from bytes cut anywhere.

use crate::endpoint::sse::Event;
use crate::reply::Failure;

/// Longest line accepted, in bytes: an answer is text, and no token needs this much.
const LINE_LIMIT_BYTES: usize = 16 << 20;

/// Eats chunks of a stream and gives back its lines, as events without a name. Empty lines, which
/// some relays send to keep a connection alive, are no events.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Eats a chunk and returns the lines that it completed.
    pub fn push(&mut self, mut chunk: &[u8]) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        while !chunk.is_empty() {
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.unwrap_or(chunk.len());
            if self.line.len() + taken > LINE_LIMIT_BYTES {
                return Err(Failure::Broken {
                    cause: format!(
                        "one line of the stream exceeds {} MiB",
                        LINE_LIMIT_BYTES >> 20
                    ),
                });
            }
            self.line.extend_from_slice(&chunk[..taken]);
            let Some(end) = end else { break };
            chunk = &chunk[end + 1..];
            events.extend(self.end_line());
        }
        Ok(events)
    }

    /// Ends the stream: a last line without a newline still counts.
    pub fn finish(mut self) -> Vec<Event> {
        self.end_line().into_iter().collect()
    }

    fn end_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        // Decoded by the line, never by the chunk: a chunk may end inside a character.
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim();
        (!line.is_empty()).then(|| Event {
            name: String::new(),
            data: line.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(parser.push(chunk).expect("short lines"));
        }
        events.extend(parser.finish());
        events.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let stream = "{\"a\":\"汉字 😀\"}\r\n\n  \n{\"b\":1}\n{\"done\":true}";
        let whole = lines_of(&[stream.as_bytes()]);
        assert_eq!(
            whole,
            ["{\"a\":\"汉字 😀\"}", "{\"b\":1}", "{\"done\":true}"]
        );
        for at in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(at);
            assert_eq!(lines_of(&[left, right]), whole, "cut at {at}");
        }
    }

    #[test]
    fn an_endless_line_is_refused_before_it_fills_memory() {
        let mut parser = Parser::new();
        let megabyte = vec![b'x'; 1 << 20];
        let refused = (0..32).find(|_| parser.push(&megabyte).is_err());
        assert_eq!(refused, Some(16));
    }
}
