//! An answer before it is put in any vendor's shape, and the events it is streamed in.

use super::leak::Leak;
use bytes::Bytes;

/// What an answered request gets back.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// A number that belongs to this answer.
    pub mark: u64,
    /// Whose marks the answer bears.
    pub leak: Option<&'static Leak>,
    /// Which replica answered, where there are several.
    pub replica: Option<usize>,
    /// The model that answers.
    pub model: String,
    /// What it thought aloud before, token by token.
    pub reasoning: Vec<String>,
    /// The answer, token by token.
    pub pieces: Vec<String>,
    /// Why it ended.
    pub finish: Finish,
    /// The accounts; `None` where none are given.
    pub usage: Option<Accounts>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// It was cut for want of budget.
    Length,
    /// It does not say.
    Unsaid,
}

/// Token accounts of one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Tokens of the whole prompt, template included.
    pub prompt_tokens: u64,
    /// Those of them that an earlier prompt began with.
    pub cached_tokens: u64,
    /// Tokens of reasoning and answer together.
    pub output_tokens: u64,
    /// Those of them that were reasoning.
    pub reasoning_tokens: u64,
}

impl Completion {
    /// The answer's own name, which begins as is usual in a dialect or as a leak has it.
    pub fn id(&self, usual: &str) -> String {
        let start = self.leak.and_then(|leak| leak.id).unwrap_or(usual);
        format!("{start}{:016x}", self.mark)
    }

    /// The server's mark of its configuration, where it has one.
    pub fn fingerprint(&self) -> Option<String> {
        let own = concat!("sim-", env!("CARGO_PKG_VERSION"));
        match (self.leak, self.replica) {
            (Some(leak), _) => leak.fingerprint.map(str::to_owned),
            (None, Some(replica)) => Some(format!("{own}-r{replica}")),
            (None, None) => Some(own.to_owned()),
        }
    }

    /// The answer in one piece.
    pub fn text(&self) -> String {
        self.pieces.concat()
    }

    /// The reasoning in one piece.
    pub fn thoughts(&self) -> String {
        self.reasoning.concat()
    }
}

/// What an event of a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Opens the answer.
    Head,
    /// Carries text, or opens or closes a piece of it.
    Text,
    /// Says why the answer ended; the accounts with it where the vendor puts them there.
    Finish,
    /// Carries the accounts alone.
    Usage,
    /// Marks the end of the stream and says nothing else.
    Done,
}

/// One event of a stream, as its bytes go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is for.
    pub part: Part,
    /// Its bytes.
    pub bytes: Bytes,
}

/// An event of this part.
pub fn event(part: Part, bytes: impl Into<Bytes>) -> Event {
    Event {
        part,
        bytes: bytes.into(),
    }
}
