//! One trial: asked until an attempt settles it, every attempt a row before anything else hears of it.

use super::Canaries;
use super::pace::Backoff;
use super::settle::{self, Verdict};
use super::{Ended, Event, Session, judge, now_ms, stopped, void_reason};
use crate::answer::Rule;
use crate::endpoint::Ask;
use crate::journal::{Intent, Outcome, PromptNote, Row, SCHEMA};
use crate::plan::{Group, Trial};
use crate::prompt::{Placed, Prompt};
use crate::reconcile::{Basis, Expected};
use crate::reply::Failure;
use crate::task::Question;
use anyhow::Result;
use tokio::sync::watch;

impl Session<'_> {
    /// Asks a trial.
    pub(super) async fn trial(
        &self,
        group: &Group,
        trial: &Trial,
        prompt: &Prompt,
        expected: Option<Expected>,
        question: &Question,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let runner = self.runner;
        let settings = &runner.settings;
        let mut ask = Ask {
            system: settings.system.clone(),
            earlier: Vec::new(),
            prompt: prompt.rope.clone(),
            shared_pieces: prompt.shared_pieces,
            max_output_tokens: settle::budget(
                settings.max_output_tokens,
                runner.assemblers.main().count(&question.right.shown())?,
                prompt.text_tokens,
                runner.endpoint.served().window_tokens,
            ),
            temperature: settings.temperature,
            reasoning: settings.reasoning.clone(),
        };
        let tokens = expected.map_or(prompt.text_tokens, |expected| expected.tokens);
        let mut attempt = self.known.attempts.get(&trial.id).copied().unwrap_or(0);
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
            if let Some(cap) = self.spending.cap_reached(self.inflight.tokens(), tokens) {
                self.finish(Ended::Capped(cap));
                return Ok(());
            }
            attempt += 1;
            let at_ms = now_ms();
            runner.journal.intend(Intent {
                schema: SCHEMA,
                trial: trial.id,
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
            let mut row = self.row(group, trial, prompt, expected, question)?;
            row.attempt = attempt;
            row.at_ms = at_ms;
            row.max_output_tokens = ask.max_output_tokens;
            row.outcome = outcome;
            row.void = void_reason(&row);
            row.judged = judge(&row, runner.corpora);
            // A body that costs minutes of prefill is not sent over and over.
            let retries = if tokens > 100_000 {
                settings.retries.min(1)
            } else {
                settings.retries
            };
            let larger = settle::larger_budget(
                ask.max_output_tokens,
                tokens,
                runner.endpoint.served().window_tokens,
            )
            .filter(|_| !enlarged);
            let verdict = settle::verdict(&row, larger.is_none(), failures < retries);
            row.settled = matches!(verdict, Verdict::Settled);
            runner.journal.record(row.clone())?;
            self.spending.spend(row.reply(), row.prompt.text_tokens);
            self.tell(&Event::Recorded(&row));
            let is_mismatch = row.void.as_deref().is_some_and(settle::is_mismatch);
            match verdict {
                Verdict::Settled => {
                    if let Some(fingerprints) = &runner.controls.fingerprints {
                        fingerprints.settle();
                    }
                    if is_mismatch && settings.canaries == Canaries::Auto {
                        let route = group.route(
                            runner.assemblers.main().index(),
                            runner.key,
                            runner.plan.grid.beyond,
                        );
                        self.canary(trial.cell_tokens(), &route, stop.clone())
                            .await?;
                    }
                    if let Outcome::Failure(failure) = &row.outcome
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
                    if let Outcome::Failure(failure) = &row.outcome {
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

    fn row(
        &self,
        group: &Group,
        trial: &Trial,
        prompt: &Prompt,
        expected: Option<Expected>,
        question: &Question,
    ) -> Result<Row> {
        let runner = self.runner;
        let right = &question.right;
        let asked = runner.plan.grid.languages()?.1;
        Ok(Row {
            schema: SCHEMA,
            trial: trial.clone(),
            attempt: 0,
            at_ms: 0,
            key: question.key.clone(),
            expected: right.shown(),
            rule: right.rule,
            answers: match right.rule {
                Rule::One => Vec::new(),
                _ => right.values.clone(),
            },
            siblings: question.distractors.clone(),
            values: right.value_type,
            language: asked.code.to_string(),
            wording: group.wording,
            question: question.text.clone(),
            prompt: PromptNote {
                blake3: prompt.rope.blake3_hex(),
                bytes: prompt.rope.raw_bytes(),
                text_tokens: prompt.text_tokens,
                expected_tokens: expected.map(|expected| expected.tokens),
                tolerance_tokens: expected.map(|expected| expected.tolerance_tokens),
                exact: matches!(runner.settings.basis, Basis::Exact { .. }),
                placed: prompt
                    .placed
                    .get(question.about)
                    .copied()
                    .unwrap_or(Placed {
                        asked_percent: trial.depth_percent,
                        actual_percent: trial.depth_percent,
                    }),
                shares: prompt.shares,
                parts: prompt.parts.clone(),
            },
            max_output_tokens: 0,
            outcome: Outcome::Failure(Failure::Broken {
                cause: "not asked".into(),
            }),
            settled: false,
            void: None,
            judged: None,
        })
    }
}
