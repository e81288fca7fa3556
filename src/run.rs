//! Trials into rows: in order, a few at a time, with retries, caps and a clean stop.

mod calibrate;
mod clock;
mod controls;
mod fingerprints;
mod items;
mod pace;
mod paired;
mod set;
mod settle;
mod sizing;
mod spending;
mod study;
mod trial;
mod window;

pub use calibrate::{calibrate, fit_before};
pub use clock::now_ms;
pub use controls::{Canaries, Controls};
pub use fingerprints::{FingerprintCost, Fingerprints, last_fingerprint};
pub use items::{Item, Items, SHORT_TOKENS, is_right};
pub use paired::{Prompts, Side, ask_all, kept, shuffled};
pub use set::{SetRunner, conversation, rescored, shown};
pub use settle::{judge, void_reason};
pub use spending::Spending;
pub use study::{Standing, base, is_of_task};
pub use window::find_window;

use crate::endpoint::Endpoint;
use crate::fact::Facts;
use crate::ground::{Assemblers, Corpora};
use crate::haystack::Route;
use crate::journal::{Journal, Loaded, Moment, Row, SetRow};
use crate::plan::{Group, Plan, Trial, needles};
use crate::prompt::{Prompt, SetPlan};
use crate::reconcile::{Basis, Expected};
use crate::reply::Failure;
use crate::seed::RunKey;
use crate::task::Question;
use anyhow::Result;
use futures_util::StreamExt;
use pace::Inflight;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// A fingerprint between two questions of one haystack may push it out of a cache that holds one
/// prompt, as a llama-server's slot does: longer ones are not read again for that.
const READ_AGAIN_TOKENS: u64 = 16_000;

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
    /// An attempt at an item of a set was recorded.
    RecordedItem(&'a SetRow),
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
        /// The length at which prompts are refused, in tokens; none where windows of time are
        /// kept apart.
        length_tokens: Option<u64>,
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

/// A question with its prompt, ready to be asked.
#[derive(Clone, Debug)]
pub struct Laid {
    /// The trial.
    pub trial: Trial,
    /// Its prompt.
    pub prompt: Prompt,
    /// What the server should count; none where nothing tells.
    pub expected: Option<Expected>,
    /// What is asked, and what is right.
    pub question: Question,
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
        let known = Known::of(before);
        let planned = self.plan.trials().count() as u64;
        let done = known.settled.len() as u64;
        sink.see(&Event::Began { planned, done });
        let controls = self.controls;
        let fingerprints = controls.fingerprints.as_ref();
        if let Some(fingerprints) = fingerprints {
            fingerprints.plan(planned, done);
        }
        let ended = self
            .ask(&self.plan.groups, &known, sink, stop.clone())
            .await?;
        last_fingerprint(fingerprints, &ended, &controls.spending, stop).await?;
        Ok(ended)
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
        let mut groups = groups.peekable();
        if groups.peek().is_some() && !session.fingerprint(Moment::Start, stop.clone()).await? {
            return Ok(Ended::Interrupted);
        }
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
        if self.runner.settings.canaries == Canaries::Always {
            self.first_canary(group, stop.clone()).await?;
        }
        let is_asked = |trial: &Trial| !self.known.settled.contains(&trial.id);
        let laid = self.lay(group, &is_asked).await?;
        let count = laid.len();
        for (nth, laid) in laid.iter().enumerate() {
            self.trial(
                group,
                &laid.trial,
                &laid.prompt,
                laid.expected,
                &laid.question,
                stop.clone(),
            )
            .await?;
            if self.ended() || *stop.borrow() {
                return Ok(());
            }
            let is_short = laid.trial.length_tokens <= READ_AGAIN_TOKENS;
            if is_short || nth + 1 == count {
                self.fingerprint(Moment::Middle, stop.clone()).await?;
            }
        }
        Ok(())
    }

    /// Takes the fingerprint that is due at a moment. False where the user stopped the run. The
    /// permit of a question must be given back before: a fingerprint takes its own.
    async fn fingerprint(&self, moment: Moment, stop: watch::Receiver<bool>) -> Result<bool> {
        let fingerprints = self.runner.controls.fingerprints.as_ref();
        fingerprints::taken(fingerprints, moment, self.spending, &self.inflight, stop).await
    }

    /// Lays out the prompts of a haystack's questions, of those that `is_asked`.
    async fn lay(
        &self,
        group: &Group,
        is_asked: &(dyn Fn(&Trial) -> bool + Sync),
    ) -> Result<Vec<Laid>> {
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
        let basis = &runner.settings.basis;
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
        let mut laid = Vec::new();
        for trial in group.trials.iter().filter(|trial| is_asked(trial)) {
            let slot = trial.slot as usize;
            let prompt = set.prompt(slot, group.rounding(trial, runner.key))?;
            laid.push(Laid {
                trial: trial.clone(),
                expected: basis.expected(prompt.text_tokens, counted),
                prompt,
                question: posed.questions[slot].clone(),
            });
        }
        Ok(laid)
    }

    /// Asks for the codes at the group's length, where nobody has yet.
    async fn first_canary(&self, group: &Group, stop: watch::Receiver<bool>) -> Result<()> {
        let runner = self.runner;
        let main = group.route(
            runner.assemblers.main().index(),
            runner.key,
            runner.plan.grid.beyond,
        );
        self.canary(group.trials[0].cell_tokens(), &main, stop)
            .await
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
