//! Puts a completion on its way: in the vendor's shape, in pieces or whole, with the faults that were drawn.

use super::completion::{Completion, Event, Finish, Part};
use super::dialect::{Dialect, Wish, refusal};
use super::fault::{Drawn, Fault};
use super::playback::{Pause, Tempo};
use bytes::Bytes;
use std::time::Duration;

/// Where no character is longer than a byte, chunks that are cut awkwardly end after so many.
const AWKWARD_BYTES: usize = 11;

/// Between two chunks that are cut awkwardly, so that each of them is read alone.
const APART: Duration = Duration::from_millis(1);

/// Tokens of reasoning where a request sets no budget that they could eat.
const REASONING_TOKENS: u64 = 256;

/// What is reasoned, over and over: a token a word.
const THOUGHTS: &str = "Let me look at the text once more and think about what it says before I \
    answer, because the question may be about another part of it.";

/// The body of a reply and how it comes.
pub struct Speech {
    /// The content type.
    pub content_type: &'static str,
    /// The body, a chunk an event; whole replies have one, unless they are torn.
    pub chunks: Vec<Bytes>,
    /// True where the body has a length that can be told beforehand.
    pub has_length: bool,
    /// When which chunk comes.
    pub tempo: Tempo,
}

/// Changes what is said, before it takes any shape. `budget` is the output budget in tokens.
pub fn garble(mut completion: Completion, drawn: &Drawn, budget: u64) -> Completion {
    if drawn.has(&Fault::EmptyAnswer) {
        completion.pieces.clear();
        completion.finish = Finish::Stop;
        if let Some(usage) = &mut completion.usage {
            usage.output_tokens = 0;
        }
    }
    if drawn.has(&Fault::ReasoningEatsBudget) {
        let tokens = if budget == u64::MAX {
            REASONING_TOKENS
        } else {
            budget
        };
        completion.pieces.clear();
        completion.reasoning = thoughts(tokens);
        completion.finish = Finish::Length;
        if let Some(usage) = &mut completion.usage {
            usage.output_tokens = tokens;
            usage.reasoning_tokens = tokens;
        }
    }
    if let Some(name) = drawn.find(|fault| match fault {
        Fault::WrongModel(name) => Some(name.clone()),
        _ => None,
    }) {
        completion.model = name;
    }
    if drawn.has(&Fault::NoUsage) {
        completion.usage = None;
    }
    if drawn.has(&Fault::NoFinish) {
        completion.finish = Finish::Unsaid;
    }
    completion
}

fn thoughts(tokens: u64) -> Vec<String> {
    let mut words = THOUGHTS.split(' ').cycle();
    (0..tokens)
        .map_while(|number| {
            let word = words.next()?;
            let space = if number == 0 { "" } else { " " };
            Some(format!("{space}{word}"))
        })
        .collect()
}

/// Shapes what is said, and tears it.
pub fn speak(
    dialect: Dialect,
    completion: &Completion,
    stream: bool,
    wish: Wish,
    drawn: &Drawn,
) -> Speech {
    let mut speech = if stream {
        streamed(dialect, completion, wish, drawn)
    } else {
        whole(dialect, completion, drawn)
    };
    if let Some(every) = drawn.find(|fault| match fault {
        Fault::KeepAlive(every) => Some(*every),
        _ => None,
    }) {
        // Before a body of JSON blank lines are allowed, and some servers send them.
        let ping = if stream {
            dialect.ping()
        } else {
            Bytes::from_static(b"\n")
        };
        speech.has_length = false;
        speech.tempo.pause = Some((0, Pause::Ping(ping, every)));
        return speech;
    }
    if drawn.has(&Fault::SplitUtf8) {
        speech.chunks = awkward(&speech.chunks.concat());
        speech.tempo.between = APART;
    }
    let silence = drawn.find(|fault| match fault {
        Fault::StallMid(None) => Some(Pause::Ever),
        Fault::StallMid(Some(time)) => Some(Pause::For(*time)),
        Fault::BreakMid => Some(Pause::Break),
        _ => None,
    });
    if let Some(pause) = silence {
        if let [only] = &speech.chunks[..] {
            let half = only.len() / 2;
            speech.chunks = vec![only.slice(..half), only.slice(half..)];
        }
        speech.tempo.pause = Some((speech.chunks.len() / 2, pause));
    }
    speech
}

fn whole(dialect: Dialect, completion: &Completion, drawn: &Drawn) -> Speech {
    let body = if drawn.has(&Fault::ErrorIn200) {
        refusal::after_the_fact(dialect, false)
    } else {
        dialect.whole(completion)
    };
    Speech {
        content_type: "application/json",
        chunks: vec![body],
        has_length: true,
        tempo: Tempo::default(),
    }
}

fn streamed(dialect: Dialect, completion: &Completion, wish: Wish, drawn: &Drawn) -> Speech {
    let mut events = dialect.events(completion, wish);
    if drawn.has(&Fault::NoDone) {
        events.retain(|event| event.part != Part::Done);
    }
    if drawn.has(&Fault::NoFinish) {
        events.retain(|event| matches!(event.part, Part::Head | Part::Text));
    }
    let mut chunks: Vec<Bytes> = Vec::new();
    if drawn.has(&Fault::ErrorIn200) {
        let texts = events.iter().filter(|event| event.part == Part::Text);
        let half = texts.count() / 2;
        chunks.extend(first_texts(&events, half));
        chunks.push(refusal::after_the_fact(dialect, true));
    } else {
        chunks.extend(events.into_iter().map(|event| event.bytes));
    }
    Speech {
        content_type: dialect.stream_type(wish),
        chunks,
        has_length: false,
        tempo: Tempo::default(),
    }
}

/// The events that open a stream, and the first few that carry text.
fn first_texts(events: &[Event], texts: usize) -> Vec<Bytes> {
    let heads = events.iter().filter(|event| event.part == Part::Head);
    let first = events.iter().filter(|event| event.part == Part::Text);
    heads
        .chain(first.take(texts))
        .map(|event| event.bytes.clone())
        .collect()
}

/// Cuts bytes within every character that has more than one, and elsewhere after a few.
fn awkward(bytes: &[u8]) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut from = 0;
    for at in 1..bytes.len() {
        // Within a character: in front of its second byte.
        let within = bytes[at] & 0b1100_0000 == 0b1000_0000 && bytes[at - 1] >= 0b1100_0000;
        if within || at - from == AWKWARD_BYTES {
            chunks.push(Bytes::copy_from_slice(&bytes[from..at]));
            from = at;
        }
    }
    chunks.push(Bytes::copy_from_slice(&bytes[from..]));
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_chunks_end_within_every_long_character_and_lose_nothing() {
        let text = "plain text of some length, “quoted” 那天 😀.".repeat(3);
        let chunks = awkward(text.as_bytes());
        assert_eq!(chunks.concat(), text.as_bytes());
        let torn = chunks
            .iter()
            .filter(|chunk| std::str::from_utf8(chunk).is_err())
            .count();
        let long = text.chars().filter(|c| c.len_utf8() > 1).count();
        assert!(torn >= long, "{torn} torn of {long}");
        assert_eq!(awkward(b""), [Bytes::new()]);
    }

    #[test]
    fn reasoning_is_a_word_a_token() {
        let told = thoughts(40);
        assert_eq!(told.len(), 40);
        assert!(told.concat().starts_with("Let me look at"));
        assert!(thoughts(0).is_empty());
    }
}
