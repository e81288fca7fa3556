//! Other people's sets: items asked in the order drawn, every attempt a row before anything else hears of it.

mod prompt;

pub use prompt::{conversation, shown};

use super::fingerprints::{Fingerprints, last_fingerprint, taken};
use super::pace::{Backoff, Inflight};
use super::settle::{self, Attempt, Verdict};
use super::{Ended, Event, Settings, Sink, Spending, now_ms, stopped};
use crate::dataset::{Dataset, Scored};
use crate::endpoint::Endpoint;
use crate::journal::{Journal, Loaded, Moment, Outcome, SCHEMA, SetIntent, SetRow};
use crate::reply::{Failure, Reply};
use crate::tokens::Tokenizer;
use anyhow::Result;
use futures_util::StreamExt;
use prompt::Posed;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// Everything that asking a set works with.
pub struct SetRunner<'a> {
    /// Who is asked.
    pub endpoint: &'a dyn Endpoint,
    /// The set.
    pub dataset: &'a Dataset,
    /// Its items by their places in the file, in the order in which they are asked.
    pub order: &'a [usize],
    /// Counts tokens.
    pub tokenizer: &'a Tokenizer,
    /// How to ask. The output budget is the least; an item may state a larger one.
    pub settings: Settings,
    /// Output tokens beside the answer's own, for models that reason.
    pub reasoning_tokens: u64,
    /// Where rows go.
    pub journal: &'a Journal,
    /// What was spent, over all resumptions.
    pub spending: &'a Spending,
    /// Fingerprints of whoever is asked, where the run takes any.
    pub fingerprints: Option<&'a Fingerprints<'a>>,
}

struct Session<'a> {
    runner: &'a SetRunner<'a>,
    sink: Mutex<&'a mut dyn Sink>,
    attempts: &'a HashMap<u64, u32>,
    inflight: Inflight,
    end: Mutex<Option<Ended>>,
}

impl SetRunner<'_> {
    /// Asks every item of the order that `before` has not settled.
    ///
    /// # Errors
    /// When an item cannot be read any more or a row cannot be written; rows written so far are
    /// kept.
    pub async fn run(
        &self,
        before: &Loaded,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let settled: HashSet<u64> = before
            .items
            .iter()
            .filter(|row| row.settled && !row.may_be_asked_again())
            .map(|row| row.item)
            .collect();
        let (planned, done) = (self.order.len() as u64, settled.len() as u64);
        sink.see(&Event::Began { planned, done });
        if let Some(fingerprints) = self.fingerprints {
            fingerprints.plan(planned, done);
        }
        let session = Session {
            runner: self,
            sink: Mutex::new(sink),
            attempts: &before.attempts,
            inflight: Inflight::new(self.settings.max_inflight_tokens),
            end: Mutex::new(None),
        };
        let open = self.order.iter().copied();
        let mut open = open
            .filter(|item| !settled.contains(&(*item as u64)))
            .peekable();
        if open.peek().is_some() && !session.fingerprint(Moment::Start, stop.clone()).await? {
            return Ok(Ended::Interrupted);
        }
        let mut asked = futures_util::stream::iter(open)
            .map(async |item| {
                session.item(item, stop.clone()).await?;
                if !session.ended() {
                    session.fingerprint(Moment::Middle, stop.clone()).await?;
                }
                anyhow::Ok(())
            })
            .buffer_unordered(self.settings.concurrency.max(1));
        let mut failed = None;
        while let Some(result) = asked.next().await {
            if let Err(error) = result {
                failed.get_or_insert(error);
                break;
            }
        }
        drop(asked);
        self.journal.sync()?;
        if let Some(error) = failed {
            return Err(error);
        }
        let end = session.end.lock().ok().and_then(|mut end| end.take());
        let ended = end.unwrap_or(Ended::Complete);
        last_fingerprint(self.fingerprints, &ended, self.spending, stop).await?;
        Ok(ended)
    }
}

impl Session<'_> {
    async fn item(&self, item: usize, mut stop: watch::Receiver<bool>) -> Result<()> {
        if *stop.borrow() {
            self.finish(Ended::Interrupted);
        }
        if self.ended() {
            return Ok(());
        }
        let runner = self.runner;
        let settings = &runner.settings;
        let posed = Posed::of(runner, item).await?;
        let mut ask = posed.ask;
        let blank = posed.row;
        let tokens = blank
            .prompt
            .expected_tokens
            .unwrap_or(blank.prompt.text_tokens);
        let window_tokens = runner.endpoint.served().window_tokens;
        let mut attempt = self.attempts.get(&blank.item).copied().unwrap_or(0);
        let mut failures = 0;
        let mut enlarged = false;
        loop {
            let _permit = tokio::select! {
                permit = self.inflight.take(tokens, ask.max_output_tokens) => permit,
                () = stopped(&mut stop) => { self.finish(Ended::Interrupted); return Ok(()); }
            };
            if self.ended() {
                return Ok(());
            }
            // Behind the permit: whoever waits for it must see what was spent meanwhile.
            if let Some(cap) = runner.spending.cap_reached(self.inflight.tokens(), tokens) {
                self.finish(Ended::Capped(cap));
                return Ok(());
            }
            attempt += 1;
            let at_ms = now_ms();
            runner.journal.intend_item(SetIntent {
                schema: SCHEMA,
                item: blank.item,
                attempt,
                at_ms,
            })?;
            let outcome = tokio::select! {
                answered = runner.endpoint.ask(&ask) => match answered {
                    Ok(reply) => Outcome::Reply(reply),
                    Err(failure) => Outcome::Failure(failure),
                },
                () = stopped(&mut stop) => { self.finish(Ended::Interrupted); return Ok(()); }
            };
            let mut row = SetRow {
                attempt,
                at_ms,
                max_output_tokens: ask.max_output_tokens,
                outcome,
                ..blank.clone()
            };
            let (void, scored) = rescored(&row);
            row.void = void;
            row.credit = scored.map(|scored| scored.credit);
            row.right = scored.map(|scored| scored.right);
            // A body that costs minutes of prefill is not sent over and over.
            let retries = if tokens > 100_000 {
                settings.retries.min(1)
            } else {
                settings.retries
            };
            let larger = settle::larger_budget(ask.max_output_tokens, tokens, window_tokens)
                .filter(|_| !enlarged);
            let verdict = attempt_of(&row).verdict(
                row.void.as_deref(),
                row.right == Some(true),
                larger.is_none(),
                failures < retries,
            );
            row.settled = matches!(verdict, Verdict::Settled);
            runner.journal.record_item(row.clone())?;
            runner.spending.spend(row.reply(), row.prompt.text_tokens);
            self.tell(&Event::RecordedItem(&row));
            match verdict {
                Verdict::Settled => {
                    if let Some(fingerprints) = runner.fingerprints {
                        fingerprints.settle();
                    }
                    if let Some(failure) = row.failure()
                        && (failure.is_fatal() || matches!(failure, Failure::Unreachable { .. }))
                    {
                        self.finish(Ended::Fatal(failure.clone()));
                    }
                    return Ok(());
                }
                Verdict::LargerBudget => {
                    enlarged = true;
                    ask.max_output_tokens = larger.unwrap_or(ask.max_output_tokens);
                }
                Verdict::Retry => {
                    if let Some(failure) = row.failure() {
                        let wait = Backoff::wait(failures, failure.retry_after_ms());
                        self.tell(&Event::Waiting {
                            wait_ms: wait.as_millis() as u64,
                            failure,
                        });
                        tokio::select! {
                            () = tokio::time::sleep(wait) => {}
                            () = stopped(&mut stop) => { self.finish(Ended::Interrupted); return Ok(()); }
                        }
                    }
                    failures += 1;
                }
            }
        }
    }

    async fn fingerprint(&self, moment: Moment, stop: watch::Receiver<bool>) -> Result<bool> {
        let runner = self.runner;
        let (fingerprints, spending) = (runner.fingerprints, runner.spending);
        taken(fingerprints, moment, spending, &self.inflight, stop).await
    }

    fn tell(&self, event: &Event<'_>) {
        if let Ok(mut sink) = self.sink.lock() {
            sink.see(event);
        }
    }

    fn ended(&self) -> bool {
        self.end.lock().is_ok_and(|end| end.is_some())
    }

    fn finish(&self, ended: Ended) {
        if let Ok(mut end) = self.end.lock() {
            end.get_or_insert(ended);
        }
    }
}

/// Why a row is void, or what its answer is worth, out of what it holds and nothing else.
pub fn rescored(row: &SetRow) -> (Option<String>, Option<Scored>) {
    let score = |reply: &Reply| row.rule.score(&reply.text, &row.answers);
    match attempt_of(row).void_reason(&|reply| score(reply).right) {
        Some(void) => (Some(void), None),
        None => (None, row.reply().map(score)),
    }
}

fn attempt_of(row: &SetRow) -> Attempt<'_> {
    Attempt {
        outcome: &row.outcome,
        text_tokens: row.prompt.text_tokens,
        expected_tokens: row.prompt.expected_tokens,
        tolerance_tokens: row.prompt.tolerance_tokens,
        exact: row.prompt.exact,
        max_output_tokens: row.max_output_tokens,
    }
}
