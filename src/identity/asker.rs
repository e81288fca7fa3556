//! Asks a probe of one side: again where a failure may pass, within the caps, every attempt a line first.

use super::budget::Budget;
use super::record::{Attempt, AttemptIntent, Record, SCHEMA};
use crate::endpoint::{Ask, Endpoint};
use crate::journal::Outcome;
use crate::reply::{Failure, Reply};
use crate::rope::Rope;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait between two attempts that nobody asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Least output budget where a server takes none of one token.
const LEAST_OUTPUT_TOKENS: u64 = 16;
/// Words of a refusal that is about the output budget.
const BUDGET_WORDS: [&str; 5] = [
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "maxoutputtokens",
    "output tokens",
];

/// Which of the two is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one in question.
    Target,
    /// The one that it is held against.
    Reference,
}

impl Side {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Side::Target => "target",
            Side::Reference => "reference",
        }
    }
}

/// Why nothing more is asked.
#[derive(Debug)]
pub enum Halt {
    /// A cap would be broken, in words.
    Capped(String),
    /// No other question can succeed either.
    Fatal(Side, Failure),
    /// An attempt could not be written down.
    Lost(anyhow::Error),
}

impl Halt {
    /// Why, in words.
    pub fn words(&self) -> String {
        match self {
            Halt::Capped(cap) => format!("stopped by {cap}"),
            Halt::Fatal(side, failure) => format!("the {} failed: {failure}", side.name()),
            Halt::Lost(error) => format!("{error:#}"),
        }
    }
}

/// One probe.
#[derive(Clone, Debug)]
pub struct Probing {
    /// The signal that it belongs to.
    pub signal: &'static str,
    /// Its name within the signal.
    pub probe: String,
    /// What stands in front of `text`, where it is asked behind a long text.
    pub haystack: Option<Rope>,
    /// What is asked.
    pub text: String,
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// Sampling temperature; `None` leaves it to the server.
    pub temperature: Option<f64>,
}

/// Asks one side.
pub struct Asker<'a> {
    /// Who answers.
    pub endpoint: &'a dyn Endpoint,
    /// Which side that is.
    pub side: Side,
    /// Where attempts are written.
    pub record: &'a Record,
    /// What may be spent.
    pub budget: &'a Budget,
    /// Attempts after the first where a failure may pass.
    pub retries: u32,
    /// Questions at a time.
    pub concurrency: usize,
    /// The least output budget that it was found to take.
    pub floor: Floor,
}

/// Whether a server takes output budgets of a few tokens, as far as it is known by now.
#[derive(Debug, Default)]
pub struct Floor {
    raised: AtomicBool,
    tried: AtomicBool,
}

impl Floor {
    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// True where a question of so small a budget that was refused is worth asking with more:
    /// because the refusal is about the budget, or to see once whether it was.
    fn explains(&self, failure: &Failure, budget_tokens: u64) -> bool {
        let Failure::Refused {
            status: 400 | 422,
            said,
        } = failure
        else {
            return false;
        };
        if budget_tokens >= LEAST_OUTPUT_TOKENS {
            return false;
        }
        let said = said.to_lowercase();
        if BUDGET_WORDS.iter().any(|word| said.contains(word)) {
            self.raised.store(true, Ordering::Relaxed);
        }
        self.is_raised() || !self.tried.swap(true, Ordering::Relaxed)
    }
}

impl Asker<'_> {
    /// Asks, and returns the last attempt's outcome. A failure that concerns this question alone
    /// is an outcome like another.
    ///
    /// # Errors
    /// Where nothing more can be asked at all.
    pub async fn ask(&self, probing: &Probing) -> Result<Result<Reply, Failure>, Halt> {
        let prompt = super::probes::behind(probing.haystack.as_ref(), &probing.text);
        // Four bytes are a token of English, and this is for caps alone.
        let estimate = prompt.raw_bytes() / 4 + 16;
        let mut ask = Ask {
            earlier: Default::default(),
            system: None,
            shared_pieces: probing
                .haystack
                .as_ref()
                .map_or(0, |haystack| haystack.pieces().len()),
            max_output_tokens: self.least_output(probing.max_output_tokens),
            temperature: probing.temperature,
            reasoning: None,
            prompt,
        };
        let mut failures = 0;
        loop {
            let held = self
                .budget
                .take(estimate, ask.max_output_tokens)
                .map_err(Halt::Capped)?;
            let attempt = self.record.next();
            let at_ms = now_ms();
            self.record
                .intend(&AttemptIntent {
                    schema: SCHEMA,
                    attempt,
                    at_ms,
                })
                .map_err(Halt::Lost)?;
            let outcome = match self.endpoint.ask(&ask).await {
                Ok(reply) => Outcome::Reply(reply),
                Err(failure) => Outcome::Failure(failure),
            };
            let reply = match &outcome {
                Outcome::Reply(reply) => Some(reply),
                Outcome::Failure(_) => None,
            };
            self.budget.settle(held, reply);
            let asked = Attempt {
                schema: SCHEMA,
                attempt,
                at_ms,
                side: self.side,
                signal: probing.signal.to_owned(),
                probe: probing.probe.clone(),
                behind_bytes: probing
                    .haystack
                    .as_ref()
                    .map_or(0, |haystack| haystack.raw_bytes()),
                text: probing.text.clone(),
                blake3: ask.prompt.blake3_hex(),
                max_output_tokens: ask.max_output_tokens,
                temperature: ask.temperature,
                outcome: outcome.clone(),
            };
            self.record.keep(asked).map_err(Halt::Lost)?;
            match outcome {
                Outcome::Reply(reply) => {
                    if ask.max_output_tokens > self.least_output(probing.max_output_tokens) {
                        self.floor.raised.store(true, Ordering::Relaxed);
                    }
                    return Ok(Ok(reply));
                }
                Outcome::Failure(failure) if failure.is_fatal() => {
                    return Err(Halt::Fatal(self.side, failure));
                }
                Outcome::Failure(failure)
                    if self.floor.explains(&failure, ask.max_output_tokens) =>
                {
                    ask.max_output_tokens = LEAST_OUTPUT_TOKENS;
                }
                Outcome::Failure(failure) if failure.is_transient() && failures < self.retries => {
                    tokio::time::sleep(wait(failures, failure.retry_after_ms())).await;
                    failures += 1;
                }
                Outcome::Failure(failure @ Failure::Unreachable { .. }) => {
                    return Err(Halt::Fatal(self.side, failure));
                }
                Outcome::Failure(failure) => return Ok(Err(failure)),
            }
        }
    }

    /// OpenAI's newer API refuses budgets below 16 tokens, and some servers do as it does.
    fn least_output(&self, wanted: u64) -> u64 {
        match self.endpoint.served().dialect.as_str() {
            "openai-responses" => wanted.max(LEAST_OUTPUT_TOKENS),
            _ if self.floor.is_raised() => wanted.max(LEAST_OUTPUT_TOKENS),
            _ => wanted,
        }
    }

    /// True where a budget of one token is honoured as such, so that answers can be cut anywhere.
    pub fn cuts_anywhere(&self) -> bool {
        self.least_output(1) == 1
    }
}

fn wait(failures: u32, told_ms: Option<u64>) -> Duration {
    match told_ms {
        Some(ms) => Duration::from_millis(ms),
        None => (Duration::from_millis(500) * 2u32.saturating_pow(failures)).min(LONGEST_WAIT),
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests;
