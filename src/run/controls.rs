//! Controls: prompts that score nothing and show what reaches the model.

use super::fingerprints::Fingerprints;
use super::now_ms;
use super::pace::Backoff;
use super::spending::Spending;
use crate::canary::{self, Code};
use crate::endpoint::{Ask, Endpoint};
use crate::haystack::Route;
use crate::journal::{
    Control, ControlIntent, ControlItem, ControlKind, ControlNote, Journal, Outcome, SCHEMA,
};
use crate::prompt::{Assembler, Part, QuestionAt, SetPlan};
use crate::reconcile::{Basis, Expected};
use crate::seed::RunKey;
use anyhow::Result;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Eight codes of eight tokens each, and some talk around them.
const CODES_OUTPUT_TOKENS: u64 = 192;
/// Asked where nothing but the count of the prompt is wanted.
const PLAIN_QUESTION: &str = "Which word does the text begin with? Answer with that word only.";

/// When canaries are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Canaries {
    /// Once at each length at which a count does not match.
    #[default]
    Auto,
    /// Once at each length, before its first trial.
    Always,
    /// Never.
    Never,
}

/// Asks controls and records each.
pub struct Controls<'a> {
    /// Who is asked.
    pub endpoint: &'a dyn Endpoint,
    /// Lays out prompts.
    pub assembler: &'a Assembler<'a>,
    /// The key of all randomness.
    pub key: &'a RunKey,
    /// Where they are recorded.
    pub journal: &'a Journal,
    /// What expected counts rest on.
    pub basis: Basis,
    /// System message of the run.
    pub system: Option<String>,
    /// Sampling temperature of the run.
    pub temperature: Option<f64>,
    /// Reasoning effort of the run.
    pub reasoning: Option<String>,
    /// Output tokens beside the answer's own, for models that reason.
    pub reasoning_tokens: u64,
    /// Attempts after the first for failures that may pass.
    pub retries: u32,
    /// What was spent, trials and controls together.
    pub spending: Spending,
    /// Fingerprints of whoever is asked, where the run takes any.
    pub fingerprints: Option<Fingerprints<'a>>,
    next: AtomicU64,
    /// Lengths at which a canary was asked.
    canaried: Mutex<HashSet<u64>>,
}

/// A control ready to be sent.
pub(super) struct Outgoing {
    pub kind: ControlKind,
    pub length_tokens: u64,
    pub ask: Ask,
    pub parts: Vec<Part>,
    pub text_tokens: u64,
    pub expected: Option<Expected>,
    pub codes: Vec<Code>,
    pub item: Option<ControlItem>,
}

/// What one control asks.
pub struct ControlPlan<'r> {
    /// What it is for.
    pub kind: ControlKind,
    /// Length of the complete prompt in tokens.
    pub length_tokens: u64,
    /// Its way through the corpus.
    pub route: &'r Route,
    /// True where codes are planted and asked for.
    pub with_codes: bool,
    /// Output budget in tokens; none means enough for the codes.
    pub max_output_tokens: Option<u64>,
}

impl<'a> Controls<'a> {
    /// Controls of a run that has asked some before.
    #[expect(clippy::too_many_arguments, reason = "each is needed, and once")]
    pub fn new(
        endpoint: &'a dyn Endpoint,
        assembler: &'a Assembler<'a>,
        key: &'a RunKey,
        journal: &'a Journal,
        basis: Basis,
        retries: u32,
        spending: Spending,
        before: &[Control],
    ) -> Controls<'a> {
        let next = before.iter().map(|control| control.control + 1).max();
        let canaries = before
            .iter()
            .filter(|control| control.kind == ControlKind::Canary)
            .map(|control| control.length_tokens);
        Controls {
            endpoint,
            assembler,
            key,
            journal,
            basis,
            system: None,
            temperature: None,
            reasoning: None,
            reasoning_tokens: 0,
            retries,
            spending,
            fingerprints: None,
            next: AtomicU64::new(next.unwrap_or(0)),
            canaried: Mutex::new(canaries.collect()),
        }
    }

    /// True the first time that a canary is due at a length.
    pub(super) fn is_first_canary(&self, length_tokens: u64) -> bool {
        self.canaried
            .lock()
            .is_ok_and(|mut asked| asked.insert(length_tokens))
    }

    /// A route of the controls' own.
    pub fn route(&self, kind: ControlKind, number: u64) -> Route {
        let mut stream = self.key.stream("control-route", &[kind as u64, number]);
        Route::draw(self.assembler.index(), &mut stream)
    }

    /// Asks one control, again where a failure may pass. Every attempt is recorded; the last one
    /// is returned. None where the length is too short for it, the corpus for the length, or a cap is
    /// reached.
    ///
    /// # Errors
    /// When a row cannot be written.
    pub async fn ask(&self, plan: &ControlPlan<'_>) -> Result<Option<Control>> {
        let at = [plan.kind as u64, plan.length_tokens];
        let codes: Vec<Code> = match plan.with_codes {
            true => canary::codes(&mut self.key.stream("canary", &at), self.system.is_some()),
            false => Vec::new(),
        };
        let needles = canary::needles(&codes);
        let questions = [match plan.with_codes {
            true => canary::QUESTION.to_owned(),
            false => PLAIN_QUESTION.to_owned(),
        }];
        let set = self.assembler.set(
            plan.route,
            SetPlan {
                text_tokens: self.basis.text_tokens(plan.length_tokens),
                needles: &needles,
                questions: &questions,
                question_at: QuestionAt::End,
            },
        );
        let rounding = self.key.stream("control-rounding", &at);
        let Ok(prompt) = set.and_then(|set| set.prompt(0, rounding)) else {
            return Ok(None);
        };
        let difference = match self.basis {
            Basis::Counted { .. } => self
                .endpoint
                .count_tokens(&prompt.rope)
                .await
                .map(|counted| counted as i64 - prompt.text_tokens as i64),
            _ => None,
        };
        let system = match (&self.system, canary::system_sentence(&codes)) {
            (Some(system), Some(sentence)) => Some(format!("{system} {sentence}")),
            (system, _) => system.clone(),
        };
        let mut expected = self.basis.expected(prompt.text_tokens, difference);
        if let Some(expected) = expected.as_mut().filter(|_| system != self.system) {
            // The sentence in the system message comes on top.
            expected.tokens += 16;
            expected.tolerance_tokens += 16;
        }
        let budget = plan.max_output_tokens;
        let ask = Ask {
            system,
            earlier: Vec::new(),
            prompt: prompt.rope.clone(),
            shared_pieces: 0,
            max_output_tokens: budget.unwrap_or(CODES_OUTPUT_TOKENS + self.reasoning_tokens),
            temperature: self.temperature,
            reasoning: self.reasoning.clone(),
        };
        self.send(Outgoing {
            kind: plan.kind,
            length_tokens: plan.length_tokens,
            ask,
            text_tokens: prompt.text_tokens,
            parts: prompt.parts,
            expected,
            codes,
            item: None,
        })
        .await
    }

    /// Sends a control, again where a failure may pass; as [`Controls::ask`].
    pub(super) async fn send(&self, mut outgoing: Outgoing) -> Result<Option<Control>> {
        let ask = &outgoing.ask;
        let mut failures = 0;
        loop {
            let under_way = (outgoing.length_tokens, ask.max_output_tokens);
            if self
                .spending
                .too_dear(under_way, outgoing.length_tokens)
                .is_some()
            {
                return Ok(None);
            }
            let control = self.next.fetch_add(1, Ordering::Relaxed);
            let at_ms = now_ms();
            self.journal.intend_control(ControlIntent {
                schema: SCHEMA,
                control,
                at_ms,
            })?;
            let outcome = match self.endpoint.ask(ask).await {
                Ok(reply) => Outcome::Reply(reply),
                Err(failure) => Outcome::Failure(failure),
            };
            if let Outcome::Reply(reply) = &outcome {
                canary::mark(&mut outgoing.codes, &reply.text);
            }
            let expected = outgoing.expected;
            let asked = Control {
                schema: SCHEMA,
                control,
                at_ms,
                kind: outgoing.kind,
                length_tokens: outgoing.length_tokens,
                prompt: ControlNote {
                    blake3: ask.prompt.blake3_hex(),
                    bytes: ask.prompt.raw_bytes(),
                    text_tokens: outgoing.text_tokens,
                    expected_tokens: expected.map(|expected| expected.tokens),
                    tolerance_tokens: expected.map(|expected| expected.tolerance_tokens),
                    parts: outgoing.parts.clone(),
                },
                max_output_tokens: ask.max_output_tokens,
                codes: outgoing.codes.clone(),
                item: outgoing.item.clone(),
                outcome,
            };
            self.journal.record_control(asked.clone())?;
            self.spending.spend(asked.reply(), asked.prompt.text_tokens);
            match &asked.outcome {
                Outcome::Failure(failure) if failure.is_transient() && failures < self.retries => {
                    let wait = Backoff::wait(failures, failure.retry_after_ms());
                    tokio::time::sleep(wait).await;
                    failures += 1;
                }
                _ => return Ok(Some(asked)),
            }
        }
    }

    /// Asks for the codes in a prompt of this length.
    ///
    /// # Errors
    /// As [`Controls::ask`].
    pub async fn canary(&self, length_tokens: u64, route: &Route) -> Result<Option<Control>> {
        self.ask(&ControlPlan {
            kind: ControlKind::Canary,
            length_tokens,
            route,
            with_codes: true,
            max_output_tokens: None,
        })
        .await
    }
}
