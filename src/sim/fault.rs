//! What a faulty server does wrong, by name, and when: drawn from a seed in the order of the questions.

use super::cut::{Cut, OLLAMA_KEEP_TOKENS};
use super::dialect::refusal::STATUSES;
use super::memory::Sameness;
use super::truth::duration;
use crate::length::parse_tokens;
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

/// The faults by name, with one line each: what `--fault` and `fault=` can be followed by.
pub const FAULTS: &[(&str, &str)] = &[
    (
        "cut-head=32k",
        "keeps the last 32,000 tokens of longer prompts",
    ),
    (
        "cut-tail=32k",
        "keeps the first 32,000 tokens less 7, as SGLang does",
    ),
    (
        "cut-middle=32k",
        "keeps the first and the last 16,000 tokens",
    ),
    (
        "half-window=32k",
        "keeps 5 tokens and half a window's worth of the end, as Ollama does",
    ),
    (
        "rolling=32k",
        "keeps the system message and as much of the end as fits",
    ),
    ("drop-messages", "keeps the last message alone"),
    (
        "lying-usage",
        "reports the tokens of the prompt before any cut",
    ),
    (
        "status=429",
        "refuses; 400, 401, 403, 404, 413, 500, 503, 504 and 529 too",
    ),
    (
        "minute=30k",
        "refuses prompts of more tokens with a 429 that waiting cannot help",
    ),
    (
        "reset-upload=64k",
        "resets the connection after 64,000 bytes of the upload",
    ),
    (
        "early-413=64k",
        "answers 413 after 64,000 bytes of the upload and closes the connection",
    ),
    (
        "stall-before=5s",
        "says nothing at all for 5 s; without a time for ever",
    ),
    (
        "stall-mid=5s",
        "falls silent in mid-answer for 5 s; without a time for ever",
    ),
    (
        "keep-alive-for-ever=1s",
        "sends comments, pings or blank lines every second and nothing else",
    ),
    ("break-mid", "breaks the connection in mid-answer"),
    (
        "split-utf8",
        "answers in “quotes”, in chunks that end within a character",
    ),
    ("no-usage", "leaves the token accounts out"),
    ("no-done", "leaves the mark of the stream's end out"),
    ("no-finish", "ends without a finish reason"),
    (
        "error-in-200",
        "sends an error object after a status of 200",
    ),
    ("html-502", "answers 502 with a gateway's HTML page"),
    ("empty-answer", "says nothing and calls it done"),
    ("wrong-model=other-1", "names another model than was asked"),
    (
        "reasoning-eats-budget",
        "reasons until the output budget is gone and says nothing",
    ),
    (
        "old-answer",
        "gives the answer of the question before, as a response cache does",
    ),
    (
        "cached-answer",
        "gives an equal prompt its first reply again, byte for byte with id and accounts, at once",
    ),
    (
        "similar-answer=1k",
        "the same for prompts whose first 1,000 bytes are equal",
    ),
    ("clamped-output=2", "cuts the output budget to 2 tokens"),
];

/// The shortest window that a prompt is cut to, in tokens.
const MIN_WINDOW_TOKENS: u64 = 16;
/// After how much of an upload it is cut off where no argument says, in bytes.
const UPLOAD_BYTES: u64 = 64_000;
/// How much of a prompt is compared by a cache that goes by likeness, where no argument says, in
/// bytes.
const ALIKE_BYTES: usize = 1_000;
/// How often something is sent to keep a connection alive where no argument says.
const PING_EVERY: Duration = Duration::from_secs(1);

/// One thing done wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The prompt is cut without a word.
    Cut(Cut),
    /// The accounts tell of the prompt before it was cut.
    LyingUsage,
    /// A refusal with this status.
    Status(u16),
    /// A refusal for ever of prompts of more than so many tokens.
    Minute(u64),
    /// The connection is reset after so many bytes of the upload.
    ResetUpload(u64),
    /// 413 after so many bytes of the upload.
    EarlyRefusal(u64),
    /// Silence before the answer's head; `None` for ever.
    StallBefore(Option<Duration>),
    /// Silence in mid-answer; `None` for ever.
    StallMid(Option<Duration>),
    /// Nothing but signs of life, this often.
    KeepAlive(Duration),
    /// The connection breaks in mid-answer.
    BreakMid,
    /// Chunks end within characters.
    SplitUtf8,
    /// No accounts.
    NoUsage,
    /// No mark of the stream's end.
    NoDone,
    /// No finish reason.
    NoFinish,
    /// An error after a status of 200.
    ErrorIn200,
    /// A gateway's page.
    Html502,
    /// No answer.
    EmptyAnswer,
    /// Another model's name.
    WrongModel(String),
    /// Reasoning and no answer.
    ReasoningEatsBudget,
    /// The answer of the question before.
    OldAnswer,
    /// What was said before to what is the same.
    Cached(Sameness),
    /// A smaller output budget than was asked for, in tokens.
    ClampedOutput(u64),
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// The fault as it was written, without its rate.
    written: String,
    fault: Fault,
    rate: f64,
}

/// The faults of a server and how often each comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    entries: Vec<Entry>,
    /// What the draws hang on, beside the number of the question.
    pub seed: u64,
}

/// What goes wrong with one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    faults: Vec<Fault>,
    /// The faults as they were written, without their rates.
    pub names: Vec<String>,
    /// A number that belongs to this question.
    pub chance: u64,
}

impl Faults {
    /// Adds `KIND[=ARG][:RATE][,…]`: kinds from [`FAULTS`], each with the share of questions
    /// that it comes with, 0…1 (all where none is given).
    pub fn add(&mut self, list: &str) -> Result<()> {
        for written in list.split(',').map(str::trim) {
            let (fault, rate) = match written.rsplit_once(':') {
                Some((fault, rate)) => match rate.parse::<f64>() {
                    Ok(rate) => (fault, rate),
                    Err(_) => bail!("`{written}`: `{rate}` is no share between 0 and 1"),
                },
                None => (written, 1.0),
            };
            ensure!(
                (0.0..=1.0).contains(&rate),
                "`{written}`: the share of questions is between 0 and 1"
            );
            self.entries.push(Entry {
                written: fault.to_owned(),
                fault: parse(fault)?,
                rate,
            });
        }
        Ok(())
    }

    /// What goes wrong with the question of this number. Every fault is drawn on its own.
    pub fn draw(&self, question: u64) -> Drawn {
        let mut drawn = Drawn {
            chance: self.number(question, u64::MAX),
            ..Drawn::default()
        };
        for (at, entry) in self.entries.iter().enumerate() {
            let number = self.number(question, at as u64);
            // 53 bits, as many as a fraction has.
            let unit = (number >> 11) as f64 / (1u64 << 53) as f64;
            if unit < entry.rate {
                drawn.faults.push(entry.fault.clone());
                drawn.names.push(entry.written.clone());
            }
        }
        drawn
    }

    fn number(&self, question: u64, entry: u64) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for part in [self.seed, question, entry] {
            hasher.update(&part.to_le_bytes());
        }
        let mut eight = [0; 8];
        eight.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(eight)
    }
}

impl Drawn {
    /// What the first fault that answers gives.
    pub fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.iter().find_map(pick)
    }

    /// True where this fault is among them.
    pub fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }
}

fn parse(written: &str) -> Result<Fault> {
    let (kind, argument) = match written.split_once('=') {
        Some((kind, argument)) => (kind, Some(argument)),
        None => (written, None),
    };
    let Some(example) = example(kind) else {
        let kinds: Vec<&str> = FAULTS.iter().map(|&(example, _)| example).collect();
        bail!(
            "there is no fault `{written}`; there are {}",
            kinds.join(", ")
        );
    };
    let needed =
        || argument.with_context(|| format!("the fault `{kind}` needs a number, like {example}"));
    let number = |text: &str| parse_tokens(text).with_context(|| format!("in `{written}`"));
    let window = || {
        let tokens = number(needed()?)?;
        ensure!(
            tokens >= MIN_WINDOW_TOKENS,
            "in `{written}`: a window has {MIN_WINDOW_TOKENS} tokens at least"
        );
        Ok(tokens)
    };
    let bytes = || argument.map_or(Ok(UPLOAD_BYTES), number);
    let time = || {
        let read = |text| duration(text).with_context(|| format!("in `{written}`, like {example}"));
        argument.map(read).transpose()
    };
    let fault = match kind {
        "cut-head" => Fault::Cut(Cut::Head { window: window()? }),
        "cut-tail" => Fault::Cut(Cut::Tail { window: window()? }),
        "cut-middle" => Fault::Cut(Cut::Middle { window: window()? }),
        "half-window" => Fault::Cut(Cut::Half {
            window: window()?,
            keep: OLLAMA_KEEP_TOKENS,
        }),
        "rolling" => Fault::Cut(Cut::Rolling { window: window()? }),
        "minute" => Fault::Minute(window()?),
        "status" => {
            let status = needed()?.parse().ok();
            let known = status.filter(|status| STATUSES.contains(status));
            Fault::Status(known.with_context(|| {
                let all: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
                format!("`{written}` is none of the statuses {}", all.join(", "))
            })?)
        }
        "reset-upload" => Fault::ResetUpload(bytes()?),
        "early-413" => Fault::EarlyRefusal(bytes()?),
        "stall-before" => Fault::StallBefore(time()?),
        "stall-mid" => Fault::StallMid(time()?),
        "keep-alive-for-ever" => {
            let every = time()?.unwrap_or(PING_EVERY);
            // Without a pause it would fill any client's memory.
            ensure!(
                every >= Duration::from_millis(1),
                "in `{written}`: at least 1ms lies between two signs of life"
            );
            Fault::KeepAlive(every)
        }
        "wrong-model" => Fault::WrongModel(argument.unwrap_or("other-1").to_owned()),
        "similar-answer" => {
            let bytes = argument.map(number).transpose()?;
            let bytes = bytes.map_or(Ok(ALIKE_BYTES), usize::try_from)?;
            ensure!(bytes > 0, "in `{written}`: one byte at least is compared");
            Fault::Cached(Sameness::Beginning(bytes))
        }
        "clamped-output" => {
            let tokens = number(needed()?)?;
            ensure!(tokens > 0, "in `{written}`: a budget is at least one token");
            Fault::ClampedOutput(tokens)
        }
        _ => {
            ensure!(
                argument.is_none(),
                "the fault `{kind}` takes no number: drop `={}`",
                argument.unwrap_or_default()
            );
            plain(kind).with_context(|| format!("there is no fault `{written}`"))?
        }
    };
    Ok(fault)
}

/// The faults that take no argument.
fn plain(kind: &str) -> Option<Fault> {
    Some(match kind {
        "drop-messages" => Fault::Cut(Cut::LastMessage),
        "lying-usage" => Fault::LyingUsage,
        "break-mid" => Fault::BreakMid,
        "split-utf8" => Fault::SplitUtf8,
        "no-usage" => Fault::NoUsage,
        "no-done" => Fault::NoDone,
        "no-finish" => Fault::NoFinish,
        "error-in-200" => Fault::ErrorIn200,
        "html-502" => Fault::Html502,
        "empty-answer" => Fault::EmptyAnswer,
        "reasoning-eats-budget" => Fault::ReasoningEatsBudget,
        "old-answer" => Fault::OldAnswer,
        "cached-answer" => Fault::Cached(Sameness::Whole),
        _ => return None,
    })
}

fn example(kind: &str) -> Option<&'static str> {
    let examples = FAULTS.iter().map(|&(example, _)| example);
    examples
        .into_iter()
        .find(|example| example.split('=').next() == Some(kind))
}

#[cfg(test)]
mod tests;
