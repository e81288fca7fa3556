//! Server-sent events from bytes cut anywhere.

use crate::reply::Failure;

/// Longest single event accepted, in bytes: an answer is text, and no token needs this much.
const EVENT_LIMIT_BYTES: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event:` name; empty where there was none.
    pub name: String,
    /// The `data:` lines, joined by newlines.
    pub data: String,
}

/// Eats chunks of a stream and gives back whole events.
///
/// Lines end in LF, CR or CRLF; comments and fields that mean nothing here are dropped, so that
/// keep-alives never look like events. Two forms outside the standard are read because servers
/// use them to report a failure in mid-stream: an `error:` field (llama-server before 2025) and
/// a bare JSON line without a field name.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    past_first_line: bool,
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Eats a chunk and returns the events that it completed.
    pub fn push(&mut self, mut chunk: &[u8]) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', chunk);
            let taken = end.unwrap_or(chunk.len());
            if self.line.len() + self.event.data.len() + taken > EVENT_LIMIT_BYTES {
                return Err(Failure::Broken {
                    cause: format!(
                        "one event of the stream exceeds {} MiB",
                        EVENT_LIMIT_BYTES >> 20
                    ),
                });
            }
            self.line.extend_from_slice(&chunk[..taken]);
            let Some(end) = end else { break };
            self.after_cr = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            self.end_line(&mut events);
        }
        Ok(events)
    }

    /// Ends the stream: a last event that no blank line closed still counts.
    pub fn finish(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut events);
        }
        self.end_event(&mut events);
        events
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.line);
        // Decoded by the line, never by the chunk: a chunk may end inside a character.
        let decoded = String::from_utf8_lossy(&bytes);
        let mut line = &*decoded;
        if !std::mem::replace(&mut self.past_first_line, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return;
        }
        let (field, value) = match line.split_once(':') {
            _ if line.starts_with('{') => ("data", line),
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line, ""),
        };
        match field {
            "data" => self.add_data(value),
            "event" => self.event.name = value.to_owned(),
            "error" => {
                "error".clone_into(&mut self.event.name);
                self.add_data(value);
            }
            _ => {}
        }
    }

    fn add_data(&mut self, value: &str) {
        if std::mem::replace(&mut self.has_data, true) {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        self.has_data = false;
        let event = std::mem::take(&mut self.event);
        if !event.data.is_empty() {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events_of(chunks: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(parser.push(chunk).expect("small events"));
        }
        events.extend(parser.finish());
        events
    }

    fn event(name: &str, data: &str) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }

    const MIXED: &str = "\u{feff}: hello\r\n\r\nevent: ping\ndata\n\ndata: one\ndata:  two\r\rid: 7\r\n\
        event: 名\ndata: 汉字 😀 é\n\n: keep-alive\n\nretry: 5\n\nerror: {\"code\":500}\n\n\
        {\"error\":\"bare\"}\n\ndata:\ndata: after an empty line\n\ndata: [DONE]";

    #[test]
    fn every_form_of_line_is_read() {
        assert_eq!(
            events_of(&[MIXED.as_bytes()]),
            vec![
                event("", "one\n two"),
                event("名", "汉字 😀 é"),
                event("error", "{\"code\":500}"),
                event("", "{\"error\":\"bare\"}"),
                event("", "\nafter an empty line"),
                event("", "[DONE]"),
            ]
        );
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let whole = events_of(&[MIXED.as_bytes()]);
        for at in 0..=MIXED.len() {
            let (left, right) = MIXED.as_bytes().split_at(at);
            assert_eq!(events_of(&[left, right]), whole, "cut at {at}");
        }
    }

    #[test]
    fn an_endless_event_is_refused_before_it_fills_memory() {
        let mut parser = Parser::new();
        let megabyte = vec![b'x'; 1 << 20];
        parser.push(b"data: ").expect("short");
        let refused = (0..32).find(|_| parser.push(&megabyte).is_err());
        assert_eq!(refused, Some(15));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cuts_give_the_same_events(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()],
                0..200,
            ),
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let mut stream = b"data: ".to_vec();
            stream.extend(bytes);
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|at| *at < stream.len()).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for at in cuts {
                chunks.push(&stream[from..at]);
                from = at;
            }
            chunks.push(&stream[from..]);
            prop_assert_eq!(events_of(&chunks), events_of(&[&stream]));
        }
    }
}
