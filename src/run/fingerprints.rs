//! Fingerprints of a run: four short questions at its start, its middle and its end, so that a deployment that changed meanwhile is known.

use super::pace::{Backoff, Inflight};
use super::spending::Spending;
use super::{Ended, now_ms, stopped};
use crate::endpoint::{Ask, Endpoint};
use crate::identity::fingerprint::{BASE, questions};
use crate::journal::{Journal, Loaded, Moment, Outcome, Print, PrintIntent, SCHEMA};
use crate::reply::Failure;
use crate::rope::Rope;
use crate::tokens::Tokenizer;
use anyhow::Result;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// OpenAI's newer API refuses less.
const OUTPUT_TOKENS: u64 = 16;
/// A fingerprint that was cut off is gone on with for so long; later the deployment may be another.
const GONE_ON_WITH_MS: u64 = 3_600_000;
/// A server that asks for a longer wait is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What the fingerprints of a run cost at most, where it is not resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerprintCost {
    /// Questions.
    pub questions: u64,
    /// Tokens of their prompts, templates not included.
    pub prompt_tokens: u64,
    /// Tokens of their answers at most.
    pub output_tokens: u64,
}

impl FingerprintCost {
    /// By this tokenizer, at the start, the middle and the end.
    ///
    /// # Errors
    /// When a text cannot be counted.
    pub fn of(tokenizer: &Tokenizer) -> Result<FingerprintCost> {
        let mut prompt_tokens = 0;
        let texts = questions();
        for (_, text) in &texts {
            prompt_tokens += 3 * tokenizer.count(text)?;
        }
        let questions = 3 * texts.len() as u64;
        Ok(FingerprintCost {
            questions,
            prompt_tokens,
            output_tokens: questions * OUTPUT_TOKENS,
        })
    }
}

/// Takes the fingerprints of one side of a run, and records each question.
pub struct Fingerprints<'a> {
    endpoint: &'a dyn Endpoint,
    tokenizer: &'a Tokenizer,
    journal: &'a Journal,
    next_question: AtomicU64,
    next_fingerprint: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last one of earlier sessions, where nothing was asked since.
    earlier: Option<Earlier>,
    /// True where earlier sessions took some, and asked more after the last one or did not finish
    /// it.
    is_open: bool,
    has_middle: bool,
    /// True once this session has taken one at its start.
    is_begun: bool,
    /// True once this session has settled a question.
    has_asked: bool,
    planned: Option<u64>,
    settled: u64,
}

/// A fingerprint as the journal has it.
struct Earlier {
    fingerprint: u64,
    moment: Moment,
    settled: u64,
    began_ms: u64,
    probes: BTreeSet<String>,
    has_base: bool,
}

impl Earlier {
    /// The last one in a journal.
    fn of(prints: &[Print]) -> Option<Earlier> {
        let fingerprint = prints.iter().map(|print| print.fingerprint).max()?;
        let own = || prints.iter().filter(|one| one.fingerprint == fingerprint);
        let first = own().next()?;
        Some(Earlier {
            fingerprint,
            moment: first.moment,
            settled: first.settled,
            began_ms: first.at_ms,
            probes: own().map(|print| print.probe.clone()).collect(),
            has_base: own().any(|print| print.probe == BASE && print.reply().is_some()),
        })
    }

    /// True where nothing of it is left to ask: without its base the rest tells nothing.
    fn is_whole(&self) -> bool {
        let all = questions();
        let is_asked = |(name, _): &(&str, String)| self.probes.contains(*name);
        all.iter().all(is_asked) || (self.probes.contains(BASE) && !self.has_base)
    }
}

impl<'a> Fingerprints<'a> {
    /// Fingerprints of a run of which `before` is known.
    pub fn new(
        endpoint: &'a dyn Endpoint,
        tokenizer: &'a Tokenizer,
        journal: &'a Journal,
        before: &Loaded,
    ) -> Fingerprints<'a> {
        let prints = &before.prints;
        let next_question = prints.iter().map(|print| print.question + 1).max();
        let earlier = Earlier::of(prints);
        let asked = before.rows.iter().map(|row| row.at_ms);
        let asked = asked.chain(before.items.iter().map(|row| row.at_ms));
        let asked = asked.chain(before.controls.iter().map(|control| control.at_ms));
        let last_ms = asked.max();
        let is_last = |one: &Earlier| last_ms.is_none_or(|asked| asked < one.began_ms);
        let is_closed = |one: &Earlier| one.moment == Moment::End && is_last(one) && one.is_whole();
        Fingerprints {
            endpoint,
            tokenizer,
            journal,
            next_question: AtomicU64::new(next_question.unwrap_or(0)),
            next_fingerprint: AtomicU64::new(
                earlier.as_ref().map_or(0, |last| last.fingerprint + 1),
            ),
            state: Mutex::new(State {
                is_open: earlier.as_ref().is_some_and(|last| !is_closed(last)),
                has_middle: prints.iter().any(|one| one.moment == Moment::Middle),
                earlier: earlier.filter(is_last),
                ..State::default()
            }),
        }
    }

    fn state<T>(&self, of: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.state.lock().ok().map(|mut state| of(&mut state))
    }

    /// Says how many questions are planned, and how many of them are settled.
    pub(super) fn plan(&self, planned: u64, settled: u64) {
        self.state(|state| {
            // The middle that an earlier session passed is told by this one's start.
            state.has_middle |= state.planned.is_none() && 2 * settled >= planned;
            state.planned = Some(planned);
            state.settled = settled;
        });
    }

    /// Hears that a question was settled.
    pub(super) fn settle(&self) {
        self.state(|state| {
            state.has_asked = true;
            state.settled += 1;
        });
    }

    /// True the first time that one is due at this moment.
    fn is_due(&self, moment: Moment) -> bool {
        self.state(|state| match moment {
            Moment::Start => !std::mem::replace(&mut state.is_begun, true),
            Moment::Middle => {
                let planned = state.planned.unwrap_or(u64::MAX);
                let is_past = 2 * state.settled >= planned && state.settled < planned;
                is_past && !std::mem::replace(&mut state.has_middle, true)
            }
            Moment::End => {
                let is_due = state.has_asked || state.is_open;
                (state.has_asked, state.is_open) = (false, false);
                is_due
            }
        })
        .unwrap_or(false)
    }

    /// Takes the one that is due, if any. What cannot be asked is left out: a fingerprint never
    /// ends a run.
    ///
    /// # Errors
    /// When a line cannot be written.
    async fn take(&self, moment: Moment, spending: &Spending, inflight: &Inflight) -> Result<()> {
        if !self.is_due(moment) {
            return Ok(());
        }
        let began_ms = now_ms();
        let (earlier, settled) = self
            .state(|state| (state.earlier.take(), state.settled))
            .unwrap_or((None, 0));
        let earlier = earlier.filter(|earlier| {
            earlier.moment == moment && began_ms.saturating_sub(earlier.began_ms) < GONE_ON_WITH_MS
        });
        if earlier.as_ref().is_some_and(Earlier::is_whole) {
            return Ok(());
        }
        let (fingerprint, settled, probes) = match earlier {
            Some(earlier) => (earlier.fingerprint, earlier.settled, earlier.probes),
            None => (
                self.next_fingerprint.fetch_add(1, Ordering::Relaxed),
                settled,
                BTreeSet::new(),
            ),
        };
        for (probe, text) in questions() {
            if probes.contains(probe) {
                continue;
            }
            let blank = Print {
                schema: SCHEMA,
                question: 0,
                fingerprint,
                moment,
                settled,
                at_ms: 0,
                probe: probe.to_owned(),
                text_tokens: self.tokenizer.count(&text)?,
                text,
                max_output_tokens: OUTPUT_TOKENS,
                outcome: Outcome::Failure(Failure::Broken {
                    cause: "not asked".into(),
                }),
            };
            let is_answered = self.ask(blank, spending, inflight).await?;
            if !is_answered && probe == BASE {
                break;
            }
        }
        self.journal.sync()
    }

    /// Asks one question, once more where its failure may pass. True where it was answered.
    async fn ask(&self, blank: Print, spending: &Spending, inflight: &Inflight) -> Result<bool> {
        let ask = Ask {
            system: None,
            earlier: Vec::new(),
            prompt: Rope::of(&blank.text),
            shared_pieces: 0,
            max_output_tokens: OUTPUT_TOKENS,
            temperature: None,
            reasoning: None,
        };
        let tokens = blank.text_tokens;
        for is_last in [false, true] {
            let _permit = inflight.take(tokens, OUTPUT_TOKENS).await;
            if spending.too_dear(inflight.tokens(), tokens).is_some() {
                return Ok(false);
            }
            let question = self.next_question.fetch_add(1, Ordering::Relaxed);
            let at_ms = now_ms();
            self.journal.intend_print(PrintIntent {
                schema: SCHEMA,
                question,
                at_ms,
            })?;
            let outcome = match self.endpoint.ask(&ask).await {
                Ok(reply) => Outcome::Reply(reply),
                Err(failure) => Outcome::Failure(failure),
            };
            let print = Print {
                question,
                at_ms,
                outcome,
                ..blank.clone()
            };
            self.journal.record_print(print.clone())?;
            spending.spend(print.reply(), tokens);
            let Outcome::Failure(failure) = &print.outcome else {
                return Ok(true);
            };
            let wait = Backoff::wait(0, failure.retry_after_ms());
            let may_pass = failure.is_transient() && !matches!(failure, Failure::TimedOut { .. });
            if is_last || !may_pass || wait > LONGEST_WAIT {
                break;
            }
            tokio::time::sleep(wait).await;
        }
        Ok(false)
    }
}

/// Takes the fingerprint that is due at a moment, where the run takes any. False where the user
/// stopped the run meanwhile.
///
/// # Errors
/// When a line cannot be written.
pub(super) async fn taken(
    fingerprints: Option<&Fingerprints<'_>>,
    moment: Moment,
    spending: &Spending,
    inflight: &Inflight,
    mut stop: watch::Receiver<bool>,
) -> Result<bool> {
    let Some(fingerprints) = fingerprints else {
        return Ok(true);
    };
    tokio::select! {
        taken = fingerprints.take(moment, spending, inflight) => taken.map(|()| true),
        () = stopped(&mut stop) => Ok(false),
    }
}

/// Takes the last one of a session that ended so; of one that the user stopped, or that nobody
/// answers any more, there is none.
///
/// # Errors
/// When a line cannot be written.
pub async fn last_fingerprint(
    fingerprints: Option<&Fingerprints<'_>>,
    ended: &Ended,
    spending: &Spending,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    if matches!(ended, Ended::Complete | Ended::Capped(_)) && !*stop.borrow() {
        let alone = Inflight::new(u64::MAX);
        taken(fingerprints, Moment::End, spending, &alone, stop).await?;
    }
    Ok(())
}
