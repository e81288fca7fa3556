//! How fast questions are asked: the user's own limits, and those that a provider's headers tell.

use crate::endpoint::refusal::wait::{reset, retry_after_ms};
use crate::endpoint::wire::{Request, Response, Wire};
use crate::reply::{Failure, Usage};
use futures_util::future::BoxFuture;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Limits that renew later than this (those of a day) are not waited for here: the server says
/// it itself, and the user hears of it.
const LONGEST: Duration = Duration::from_secs(600);

/// Tokens in a byte of request before any reply has told: more than English has.
const TOKENS_PER_BYTE: f64 = 0.25;

/// The user's own limits; none means none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, prompts and output budgets together.
    pub tokens_per_minute: Option<u64>,
}

/// Lets one request go after the other, as fast as all limits allow.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    /// Whoever waits, waits in line: without it a large request would never find its moment.
    line: tokio::sync::Mutex<()>,
}

/// What a request is expected to use up, corrected by what it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    bytes: u64,
    prompt_tokens: f64,
    output_tokens: f64,
}

impl Pace {
    /// A pace within these limits. Requests are spaced evenly: a burst would run into a limit
    /// that the provider counts by the second.
    pub fn new(limits: Limits) -> Pace {
        let meter = |per_minute: Option<u64>| {
            let per_minute = per_minute.filter(|amount| *amount > 0)?;
            Some(Meter {
                per_second: per_minute as f64 / 60.0,
                free_at: None,
            })
        };
        Pace {
            state: Mutex::new(State {
                requests: meter(limits.requests_per_minute),
                tokens: meter(limits.tokens_per_minute),
                tokens_per_byte: TOKENS_PER_BYTE,
                ..State::default()
            }),
            line: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until a request with a body of so many bytes may go, and counts it. Whoever stops
    /// waiting has used nothing up.
    pub async fn turn(&self, bytes: u64, output_tokens: u64) -> Turn {
        let _first = self.line.lock().await;
        loop {
            let wait = {
                let mut state = self.state();
                let turn = Turn {
                    bytes,
                    prompt_tokens: bytes as f64 * state.tokens_per_byte,
                    output_tokens: output_tokens as f64,
                };
                let now = Instant::now();
                match state.wait(now, turn) {
                    Duration::ZERO => {
                        state.take(now, turn);
                        return turn;
                    }
                    wait => wait,
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes what a response's head says of the provider's limits.
    pub fn see(&self, response: &Response) {
        self.state()
            .see(Instant::now(), response.status, &response.headers);
    }

    /// Corrects what was counted by what a reply says was used.
    pub fn settle(&self, turn: Turn, usage: &Usage) {
        self.state().settle(turn, usage);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pace {
    /// As fast as the provider's own headers allow.
    fn default() -> Pace {
        Pace::new(Limits::default())
    }
}

/// A wire whose responses' heads are noted.
pub struct Noted<'a> {
    /// What carries the requests.
    pub wire: &'a dyn Wire,
    /// Who wants to know.
    pub pace: &'a Pace,
}

impl Noted<'_> {
    async fn seen(&self, response: Result<Response, Failure>) -> Result<Response, Failure> {
        response.inspect(|response| self.pace.see(response))
    }
}

impl Wire for Noted<'_> {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(async move { self.seen(self.wire.send(request).await).await })
    }

    fn send_to_root<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        Box::pin(async move { self.seen(self.wire.send_to_root(request).await).await })
    }

    fn redact(&self, text: String) -> String {
        self.wire.redact(text)
    }
}

/// What is known, apart from any clock.
#[derive(Debug, Default)]
struct State {
    requests: Option<Meter>,
    tokens: Option<Meter>,
    told: Vec<Budget>,
    hold_until: Option<Instant>,
    tokens_per_byte: f64,
}

/// A flow of so much a second that saves nothing up.
#[derive(Debug)]
struct Meter {
    per_second: f64,
    free_at: Option<Instant>,
}

/// What a provider's headers say is left.
#[derive(Debug)]
struct Budget {
    kind: Kind,
    limit: Option<f64>,
    remaining: f64,
    full_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

/// How the headers of a limit are named: before and behind `limit`, `remaining`, `reset`.
const HEADERS: &[(Kind, &str, &str)] = &[
    (Kind::Requests, "x-ratelimit-", "-requests"),
    (Kind::Tokens, "x-ratelimit-", "-tokens"),
    // Cerebras.
    (Kind::Tokens, "x-ratelimit-", "-tokens-minute"),
    // OpenRouter and Together.
    (Kind::Requests, "x-ratelimit-", ""),
    (Kind::Requests, "anthropic-ratelimit-requests-", ""),
    (Kind::Tokens, "anthropic-ratelimit-tokens-", ""),
    (Kind::InputTokens, "anthropic-ratelimit-input-tokens-", ""),
    (Kind::OutputTokens, "anthropic-ratelimit-output-tokens-", ""),
];

impl State {
    /// How long this turn has to wait from now.
    fn wait(&self, now: Instant, turn: Turn) -> Duration {
        let until = |moment: Option<Instant>| {
            moment.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
        };
        let meters = [&self.requests, &self.tokens].into_iter().flatten();
        let own = meters.map(|meter| until(meter.free_at));
        let told = self.told.iter().map(|budget| budget.wait(now, turn));
        own.chain(told)
            .chain([until(self.hold_until)])
            .max()
            .unwrap_or_default()
    }

    fn take(&mut self, now: Instant, turn: Turn) {
        let tokens = turn.prompt_tokens + turn.output_tokens;
        for (meter, amount) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens)] {
            if let Some(meter) = meter {
                meter.free_at = Some(now + meter.time_of(amount));
            }
        }
        // Until the next head tells what is left.
        for budget in &mut self.told {
            budget.remaining -= budget.kind.need(turn);
        }
    }

    fn see(&mut self, now: Instant, status: u16, headers: &[(String, String)]) {
        let header = |name: &str| {
            let found = headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        let mut told = Vec::new();
        for (kind, before, behind) in HEADERS {
            let value = |what: &str| header(&format!("{before}{what}{behind}"));
            let number = |what: &str| {
                let number = value(what)?.trim().parse::<f64>().ok();
                number.filter(|number| number.is_finite())
            };
            let renewed = value("reset").and_then(reset);
            if let (Some(remaining), Some(renewed)) = (number("remaining"), renewed) {
                told.push(Budget {
                    kind: *kind,
                    limit: number("limit"),
                    remaining,
                    full_at: now + renewed.min(LONGEST * 2),
                });
            }
        }
        if !told.is_empty() {
            self.told = told;
        }
        if matches!(status, 429 | 503 | 529)
            && let Some(ms) = retry_after_ms(headers)
            && Duration::from_millis(ms) <= LONGEST
        {
            let until = now + Duration::from_millis(ms);
            self.hold_until = Some(self.hold_until.map_or(until, |held| held.max(until)));
        }
    }

    fn settle(&mut self, turn: Turn, usage: &Usage) {
        let Some(prompt_tokens) = usage.prompt_tokens.map(|tokens| tokens as f64) else {
            return;
        };
        // Short questions are mostly braces and template.
        if turn.bytes > 2000 && prompt_tokens > 0.0 {
            self.tokens_per_byte = prompt_tokens / turn.bytes as f64;
        }
        let output_tokens = usage
            .output_tokens
            .map_or(turn.output_tokens, |tokens| tokens as f64);
        let used = prompt_tokens + output_tokens;
        let counted = turn.prompt_tokens + turn.output_tokens;
        if let Some(meter) = &mut self.tokens {
            let more = meter.time_of((used - counted).max(0.0));
            let less = meter.time_of((counted - used).max(0.0));
            meter.free_at = meter
                .free_at
                .and_then(|at| (at + more).checked_sub(less).or(Some(at)));
        }
    }
}

impl Meter {
    fn time_of(&self, amount: f64) -> Duration {
        // A year is for ever, and no overflow.
        Duration::from_secs_f64((amount / self.per_second).clamp(0.0, 3.2e7))
    }
}

impl Budget {
    fn wait(&self, now: Instant, turn: Turn) -> Duration {
        let need = self.kind.need(turn);
        let whole = self.full_at.saturating_duration_since(now);
        if self.remaining >= need || whole > LONGEST {
            return Duration::ZERO;
        }
        // Both large vendors refill evenly, and their reset is the moment when all is there again.
        match self.limit {
            Some(limit) if limit > self.remaining && limit >= need => {
                whole.mul_f64((need - self.remaining) / (limit - self.remaining))
            }
            _ => whole,
        }
    }
}

impl Kind {
    fn need(self, turn: Turn) -> f64 {
        match self {
            Kind::Requests => 1.0,
            Kind::Tokens => turn.prompt_tokens + turn.output_tokens,
            Kind::InputTokens => turn.prompt_tokens,
            Kind::OutputTokens => turn.output_tokens,
        }
    }
}

#[cfg(test)]
mod tests;
