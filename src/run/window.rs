//! The search for the window that is really served: refusals and silent cuts, in few requests.

use super::controls::{ControlPlan, Controls};
use crate::haystack::Route;
use crate::index::TextIndex;
use crate::journal::{Control, ControlKind, FoundWindow, Outcome};
use crate::reconcile::{Basis, half_window};
use crate::reply::Failure;
use anyhow::Result;
use std::collections::VecDeque;

/// The search begins here where the server declares nothing.
const FIRST_TOKENS: u64 = 4_096;
/// Shorter prompts are not asked: the question itself takes some.
const LEAST_TOKENS: u64 = 256;
/// The edge is narrowed down to this share of itself where no server names it; each step costs a
/// whole prompt.
const RESOLUTION: u64 = 256;
/// Codes are cruder than counts, and cost an answer.
const CODES_RESOLUTION: u64 = 32;
/// Room for the codes behind the longest prompt that was served with one token of output.
const CODES_ROOM_TOKENS: u64 = 256;
/// A search that has not ended by then never will.
const MOST_REQUESTS: u64 = 64;

/// What became of one probe.
enum Probe {
    /// Nothing speaks against its having been read whole.
    Whole,
    /// Refused as too long; the window that the server named.
    TooLong(Option<u64>),
    /// Cut in silence; the count that was reported.
    Cut(Option<u64>),
    /// Neither: a limit that is no window, or a broken server.
    Unclear(String),
}

/// Searches for the window. `declared_tokens` is tried first and never believed; above
/// `ceiling_tokens` nothing is asked.
///
/// # Errors
/// When a row cannot be written.
pub async fn find_window(
    controls: &Controls<'_>,
    declared_tokens: Option<u64>,
    ceiling_tokens: u64,
) -> Result<FoundWindow> {
    let mut search = Search {
        controls,
        route: controls.route(ControlKind::Window, 0),
        found: FoundWindow {
            served_tokens: None,
            refused_tokens: None,
            how: None,
            requests: 0,
            stopped: None,
        },
        guesses: VecDeque::new(),
        counts: true,
        offset_tokens: None,
    };
    if let Some(declared) = declared_tokens {
        search.guess(declared);
    }
    let last = |text: &TextIndex| text.tokens_before.last().copied().unwrap_or(0);
    let corpus_tokens: u64 = controls
        .assembler
        .index()
        .texts
        .iter()
        .map(|text| u64::from(last(text)))
        .sum();
    let ceiling_tokens = ceiling_tokens.min(corpus_tokens).max(LEAST_TOKENS);
    search.by_counts(ceiling_tokens).await?;
    search.by_codes().await?;
    Ok(search.found)
}

struct Search<'c, 'a> {
    controls: &'c Controls<'a>,
    route: Route,
    found: FoundWindow,
    guesses: VecDeque<u64>,
    /// False once the server has answered without a count.
    counts: bool,
    /// How many tokens more than expected the server reports for a whole prompt: known after the
    /// first, and to the token where the tokenizer is exact.
    offset_tokens: Option<i64>,
}

impl Search<'_, '_> {
    /// A window of this size is tried at both sides of its edge. A server that refuses keeps one
    /// token for the answer, one that cuts does not.
    fn guess(&mut self, window_tokens: u64) {
        for offset in [-1i64, 0, 1] {
            let guess = window_tokens as i64 + offset;
            if guess > 0 {
                self.guesses.push_back(guess as u64);
            }
        }
    }

    /// The next length worth asking; none where the edge is known well enough.
    fn next(&mut self, ceiling: u64) -> Option<u64> {
        let low = self.found.served_tokens.unwrap_or(0);
        let high = self.found.refused_tokens;
        while let Some(guess) = self.guesses.pop_front() {
            let is_open = guess > low && high.is_none_or(|high| guess < high);
            if is_open && guess >= LEAST_TOKENS && guess <= ceiling {
                return Some(guess);
            }
        }
        match high {
            None if low >= ceiling => None,
            None => Some((2 * low).clamp(FIRST_TOKENS.min(ceiling), ceiling)),
            Some(high) if high <= LEAST_TOKENS || high - low <= (high / RESOLUTION).max(1) => None,
            Some(high) => Some(((low + high) / 2).max(LEAST_TOKENS.min(high - 1))),
        }
    }

    /// By refusals and counts: one token of output is asked for.
    async fn by_counts(&mut self, ceiling: u64) -> Result<()> {
        while let Some(length) = self.next(ceiling) {
            if self.found.requests >= MOST_REQUESTS {
                self.found.stopped = Some(format!("no edge in {MOST_REQUESTS} requests"));
                break;
            }
            let Some(control) = self.ask(length, false).await? else {
                self.found.stopped = Some(format!("the corpus cannot fill {length} tokens"));
                break;
            };
            match self.probe(&control) {
                Probe::Whole => {
                    self.counts &= control
                        .reply()
                        .is_some_and(|reply| reply.usage.prompt_tokens.is_some());
                    self.found.served_tokens = Some(length);
                }
                Probe::TooLong(window) => {
                    self.refused(length, "too-long");
                    if let Some(window) = window {
                        self.guess(window);
                    }
                }
                Probe::Cut(reported) => {
                    self.refused(length, "cut-prompt");
                    if let Some(window) = reported.and_then(|r| half_window(r).or(Some(r))) {
                        self.guess(window);
                    }
                }
                Probe::Unclear(why) => {
                    self.found.stopped = Some(why);
                    break;
                }
            }
        }
        Ok(())
    }

    /// By codes, where a count may lie or is missing: only a reader that finds all codes of a short
    /// prompt can be believed when it misses some of a long one.
    async fn by_codes(&mut self) -> Result<()> {
        let Some(served) = self.found.served_tokens else {
            return Ok(());
        };
        let top = served.saturating_sub(CODES_ROOM_TOKENS + self.controls.reasoning_tokens);
        let mut low = (top / 8).clamp(512, 2_048);
        if top <= low || self.found.stopped.is_some() {
            return Ok(());
        }
        let is_reader = |asked: &Option<Control>| asked.as_ref().is_some_and(Control::is_whole);
        if !is_reader(&self.ask(low, true).await?) {
            if !self.counts {
                self.found.stopped = Some(
                    "the server reports no token counts and the model does not name the codes: \
                     only refusals were seen"
                        .to_owned(),
                );
            }
            return Ok(());
        }
        let is_cut =
            |asked: &Option<Control>| asked.as_ref().is_some_and(|c| c.looks_cut().is_some());
        if !is_cut(&self.ask(top, true).await?) {
            return Ok(());
        }
        let mut high = top;
        while high - low > (high / CODES_RESOLUTION).max(1) && self.found.requests < MOST_REQUESTS {
            let middle = (low + high) / 2;
            match is_cut(&self.ask(middle, true).await?) {
                true => high = middle,
                false => low = middle,
            }
        }
        self.found.served_tokens = Some(low);
        self.refused(high, "suspected-cut");
        Ok(())
    }

    fn refused(&mut self, length: u64, how: &str) {
        self.found.refused_tokens = Some(length);
        self.found.how = Some(how.to_owned());
    }

    async fn ask(&mut self, length_tokens: u64, with_codes: bool) -> Result<Option<Control>> {
        self.found.requests += 1;
        self.controls
            .ask(&ControlPlan {
                kind: ControlKind::Window,
                length_tokens,
                route: &self.route,
                with_codes,
                max_output_tokens: (!with_codes).then_some(1),
            })
            .await
    }
}

impl Search<'_, '_> {
    fn probe(&mut self, control: &Control) -> Probe {
        let reply = match &control.outcome {
            Outcome::Reply(reply) => reply,
            Outcome::Failure(Failure::TooLong { window_tokens, .. }) => {
                return Probe::TooLong(*window_tokens);
            }
            // 413s, rate limits and timeouts say nothing of the window.
            Outcome::Failure(failure) => return Probe::Unclear(failure.to_string()),
        };
        let reported = reply.usage.prompt_tokens;
        if control.is_proven_cut() {
            return Probe::Cut(reported);
        }
        if let (Some(expected), Some(reported)) = (control.prompt.expected_tokens, reported) {
            let offset = reported as i64 - expected as i64;
            let usual = *self.offset_tokens.get_or_insert(offset);
            // Templates do not change with the length: here a cut of one token shows.
            if matches!(self.controls.basis, Basis::Exact { .. }) && offset < usual {
                return Probe::Cut(Some(reported));
            }
        }
        Probe::Whole
    }
}
