//! Asks a probe of one side: again where a failure may pass, within the caps, every attempt a line first.

use super::record::{Attempt, AttemptIntent, Record, SCHEMA};
use crate::endpoint::{Ask, Endpoint};
use crate::journal::Outcome;
use crate::price::Price;
use crate::reply::{Failure, Reply};
use crate::rope::Rope;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait between two attempts that nobody asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

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

/// What may be spent, over both sides.
#[derive(Debug, Default)]
pub struct Budget {
    /// Most questions, attempts included.
    pub questions: Option<u64>,
    /// Most prompt tokens.
    pub tokens: Option<u64>,
    /// Most dollars; needs `price`.
    pub cost_usd: Option<f64>,
    /// What tokens cost.
    pub price: Option<Price>,
    asked: AtomicU64,
    prompt_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

impl Budget {
    /// A budget of these caps.
    pub fn new(
        questions: Option<u64>,
        tokens: Option<u64>,
        cost_usd: Option<f64>,
        price: Option<Price>,
    ) -> Budget {
        Budget {
            questions,
            tokens,
            cost_usd,
            price,
            ..Budget::default()
        }
    }

    /// What was used so far.
    pub fn spent(&self) -> Spent {
        let (prompt, output) = (
            self.prompt_tokens.load(Ordering::Relaxed),
            self.output_tokens.load(Ordering::Relaxed),
        );
        Spent {
            questions: self.asked.load(Ordering::Relaxed),
            prompt_tokens: prompt,
            output_tokens: output,
            usd: self.price.map(|price| price.usd(prompt, output)),
        }
    }

    /// Takes up a question of so many prompt tokens, or says which cap it would break.
    fn take(&self, prompt_tokens: u64, output_tokens: u64) -> Result<(), String> {
        let spent = self.spent();
        if let Some(cap) = self.questions.filter(|cap| spent.questions >= *cap) {
            return Err(format!("--max-trials {cap}"));
        }
        let would = spent.prompt_tokens + prompt_tokens;
        if let Some(cap) = self.tokens.filter(|cap| would > *cap) {
            return Err(format!("--max-tokens {cap} ({} used)", spent.prompt_tokens));
        }
        if let (Some(cap), Some(price), Some(usd)) = (self.cost_usd, self.price, spent.usd)
            && usd + price.usd(prompt_tokens, output_tokens) > cap
        {
            return Err(format!("--max-cost {cap} (${usd:.4} spent)"));
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn spend(&self, reply: &Reply, estimate_tokens: u64) {
        let prompt = reply.usage.prompt_tokens.unwrap_or(estimate_tokens);
        let output = reply.usage.output_tokens.unwrap_or(0);
        self.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
        self.output_tokens.fetch_add(output, Ordering::Relaxed);
    }
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// Questions, attempts included.
    pub questions: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Dollars, where the price is known.
    pub usd: Option<f64>,
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
        let ask = Ask {
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
            self.budget
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
            if let Outcome::Reply(reply) = &outcome {
                self.budget.spend(reply, estimate);
            }
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
                Outcome::Reply(reply) => return Ok(Ok(reply)),
                Outcome::Failure(failure) if failure.is_fatal() => {
                    return Err(Halt::Fatal(self.side, failure));
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

    /// OpenAI's newer API refuses budgets below 16 tokens.
    fn least_output(&self, wanted: u64) -> u64 {
        match self.endpoint.served().dialect.as_str() {
            "openai-responses" => wanted.max(16),
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
