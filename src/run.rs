//! Trials into rows: in order, a few at a time, with retries, caps and a clean stop.

mod calibrate;
mod clock;
mod controls;
mod items;
mod pace;
mod settle;
mod sizing;
mod spending;
mod study;
mod window;

pub use calibrate::{calibrate, fit_before};
pub use clock::now_ms;
pub use controls::{Canaries, Controls};
pub use items::{Item, Items, SHORT_TOKENS, is_right};
pub use settle::{judge, void_reason};
pub use spending::Spending;
pub use study::{Standing, base};
pub use window::find_window;

use crate::answer::Rule;
use crate::endpoint::{Ask, Endpoint};
use crate::fact::Facts;
use crate::ground::{Assemblers, Corpora};
use crate::haystack::Route;
use crate::journal::{Intent, Journal, Loaded, Outcome, PromptNote, Row, SCHEMA};
use crate::plan::{Group, Plan, Trial, needles};
use crate::prompt::{Placed, Prompt, SetPlan};
use crate::reconcile::{Basis, Expected};
use crate::reply::Failure;
use crate::seed::RunKey;
use crate::task::Question;
use anyhow::Result;
use futures_util::StreamExt;
use pace::{Backoff, Inflight};
use settle::Verdict;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// How trials are asked; nothing here changes a prompt.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Reasoning effort.
    pub reasoning: Option<String>,
    /// System message.
    pub system: Option<String>,
    /// Haystacks asked at a time.
    pub concurrency: usize,
    /// Prompt tokens under way at a time; one request always goes.
    pub max_inflight_tokens: u64,
    /// Attempts after the first for failures that may pass.
    pub retries: u32,
    /// What expected token counts rest on.
    pub basis: Basis,
    /// When canaries are asked.
    pub canaries: Canaries,
}

/// What a run may spend, over all its resumptions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caps {
    /// Attempts.
    pub trials: Option<u64>,
    /// Prompt tokens.
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
}

/// What a view of the run hears. The journal is no view: it hears first.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run begins: so many trials, so many of them done before.
    Began {
        /// Trials of the plan.
        planned: u64,
        /// Those settled by earlier sessions.
        done: u64,
    },
    /// An attempt was recorded.
    Recorded(&'a Row),
    /// More questions are due than were known: so many in all.
    Grown {
        /// Trials known to be needed.
        planned: u64,
    },
    /// A control of a study is asked.
    Control {
        /// Its place among those to ask, from 1.
        nth: u64,
        /// How many there are to ask.
        of: u64,
    },
    /// Nothing is asked for a while, because what comes next must not come sooner.
    Pausing {
        /// Milliseconds.
        wait_ms: u64,
        /// The length at which prompts are refused, in tokens.
        length_tokens: u64,
    },
    /// An attempt failed and is made again after a wait.
    Waiting {
        /// Milliseconds.
        wait_ms: u64,
        /// Why.
        failure: &'a Failure,
    },
}

/// Watches a run.
pub trait Sink: Send {
    /// Hears of an event.
    fn see(&mut self, event: &Event<'_>);
}

/// How a run ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// Every trial is settled.
    Complete,
    /// The user stopped it.
    Interrupted,
    /// A cap was reached; the words name it.
    Capped(String),
    /// No further question could succeed.
    Fatal(Failure),
}

/// Everything that a run works with.
pub struct Runner<'a> {
    /// Who is asked.
    pub endpoint: &'a dyn Endpoint,
    /// The trials.
    pub plan: &'a Plan,
    /// Their facts.
    pub facts: &'a Facts,
    /// Lays out prompts.
    pub assemblers: &'a Assemblers<'a>,
    /// The key of all randomness.
    pub key: &'a RunKey,
    /// How to ask.
    pub settings: Settings,
    /// Where rows go.
    pub journal: &'a Journal,
    /// Give the text of a row's prompt back, for echoes.
    pub corpora: &'a Corpora,
    /// Asks what scores nothing.
    pub controls: &'a Controls<'a>,
}

/// What earlier sessions know of trials.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Trials that are settled.
    pub settled: HashSet<u64>,
    /// The last attempt of each trial.
    pub attempts: HashMap<u64, u32>,
}

struct Session<'a> {
    runner: &'a Runner<'a>,
    sink: Mutex<&'a mut dyn Sink>,
    known: &'a Known,
    spending: &'a Spending,
    inflight: Inflight,
    end: Mutex<Option<Ended>>,
}

impl Runner<'_> {
    /// Asks every trial of the plan that `before` has not settled.
    ///
    /// # Errors
    /// When a prompt cannot be laid out or a row cannot be written; rows written so far are kept.
    pub async fn run(
        &self,
        before: &Loaded,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let settled: HashSet<u64> = before
            .rows
            .iter()
            .filter(|row| row.settled && !row.may_be_asked_again())
            .map(|row| row.trial.id)
            .collect();
        sink.see(&Event::Began {
            planned: self.plan.trials().count() as u64,
            done: settled.len() as u64,
        });
        let known = Known {
            settled,
            attempts: before.attempts.clone(),
        };
        self.ask(&self.plan.groups, &known, sink, stop).await
    }

    /// Asks the trials of these groups that are not settled.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub async fn ask(
        &self,
        groups: &[Group],
        known: &Known,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let session = Session {
            runner: self,
            sink: Mutex::new(sink),
            known,
            spending: &self.controls.spending,
            inflight: Inflight::new(self.settings.max_inflight_tokens),
            end: Mutex::new(None),
        };
        let groups = groups.iter().filter(|group| {
            group
                .trials
                .iter()
                .any(|trial| !known.settled.contains(&trial.id))
        });
        let mut asked = futures_util::stream::iter(groups)
            .map(|group| session.group(group, stop.clone()))
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
        Ok(end.unwrap_or(Ended::Complete))
    }
}

impl Session<'_> {
    async fn group(&self, group: &Group, stop: watch::Receiver<bool>) -> Result<()> {
        if self.ended() {
            return Ok(());
        }
        let runner = self.runner;
        let posed = group.posed(&runner.plan.grid, runner.facts, runner.key)?;
        let needles = needles(&posed);
        let questions: Vec<String> = posed.questions.iter().map(|one| one.text.clone()).collect();
        let made = runner.assemblers.made(&posed)?;
        let own = made
            .as_ref()
            .map(|made| made.assembler(runner.assemblers.tokenizer()));
        let assembler = own
            .as_ref()
            .unwrap_or(runner.assemblers.of_task(group.trials[0].task));
        let route = group.route(assembler.index(), runner.key, runner.plan.grid.beyond);
        let length_tokens = group.trials[0].length_tokens;
        let cell_tokens = group.trials[0].cell_tokens();
        let basis = &runner.settings.basis;
        if runner.settings.canaries == Canaries::Always {
            let main = group.route(
                runner.assemblers.main().index(),
                runner.key,
                runner.plan.grid.beyond,
            );
            self.canary(cell_tokens, &main, stop.clone()).await?;
        }
        let mut plan = SetPlan {
            text_tokens: basis.text_tokens(length_tokens),
            needles: &needles,
            questions: &questions,
            question_at: runner.plan.grid.question_at,
        };
        let mut counted = None;
        if matches!(basis, Basis::Counted { .. }) {
            counted = self
                .fit_to_server(group, assembler, &route, &mut plan)
                .await?;
        }
        let set = assembler.set(&route, plan.clone())?;
        for trial in &group.trials {
            let slot = trial.slot as usize;
            if self.known.settled.contains(&trial.id) {
                continue;
            }
            let prompt = set.prompt(slot, group.rounding(trial, runner.key))?;
            let expected = basis.expected(prompt.text_tokens, counted);
            self.trial(
                group,
                trial,
                &prompt,
                expected,
                &posed.questions[slot],
                stop.clone(),
            )
            .await?;
            if self.ended() || *stop.borrow() {
                break;
            }
        }
        Ok(())
    }

    async fn trial(
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

    /// Asks for the codes at a length, once in a run.
    async fn canary(
        &self,
        length_tokens: u64,
        route: &Route,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        if !self.runner.controls.is_first_canary(length_tokens) || self.ended() {
            return Ok(());
        }
        let _permit = tokio::select! {
            permit = self.inflight.take(length_tokens, 0) => permit,
            () = stopped(&mut stop) => return Ok(()),
        };
        tokio::select! {
            asked = self.runner.controls.canary(length_tokens, route) => asked.map(|_| ()),
            () = stopped(&mut stop) => { self.finish(Ended::Interrupted); Ok(()) }
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

/// Waits until the user asks to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could ask to stop.
        std::future::pending::<()>().await;
    }
}
