//! NDJSON: any bytes in any cuts give the same lines, and the answer never panics.
#![no_main]

use depthfinder::endpoint::exchange::Draft;
use depthfinder::endpoint::lines::Parser;
use depthfinder::endpoint::ollama::Answer;
use depthfinder::endpoint::sse::Event;
use libfuzzer_sys::fuzz_target;

fn lines(chunks: &[&[u8]]) -> Option<Vec<Event>> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for chunk in chunks {
        events.extend(parser.push(chunk).ok()?);
    }
    events.extend(parser.finish());
    Some(events)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (at, bytes) = input;
    let (left, right) = bytes.split_at(usize::from(at).min(bytes.len()));
    let whole = lines(&[bytes]);
    assert_eq!(lines(&[left, right]), whole);
    let mut answer = Answer::default();
    for event in whole.unwrap_or_default() {
        if answer.take(&event).is_err() {
            break;
        }
    }
});
