//! What is asked beside a study: the short contexts that a threshold is relative to, and controls.

use super::super::fingerprints::taken;
use super::super::items::{Item, Items, is_right};
use super::super::pace::Inflight;
use super::super::{Ended, Event, Runner, Sink, stopped};
use super::{is_of_task, most_facts};
use crate::journal::{Control, ControlKind, Loaded, Moment, Outcome as Answer};
use crate::plan::{Group, Numbered, Trial, groups_of};
use crate::reply::Failure;
use crate::stats::Tally;
use crate::study::{Layout, Registered, STRATA, Seat};
use crate::task::Task;
use anyhow::Result;
use std::collections::HashMap;
use tokio::sync::watch;

/// Share of the tokens of a study's questions that its controls may cost.
const CONTROL_SHARE: f64 = 0.05;
/// The longest prompts of controls that are asked as often as others.
const CONTROL_TOKENS: u64 = 128_000;
/// Controls of each kind.
const NO_CONTEXT: u64 = 10;
const NEEDLE_ONLY: u64 = 5;
const SHORT_CONTEXT: u64 = 10;
const NO_NEEDLE: u64 = 6;
const ABSENT_NEEDLE: u64 = 6;
/// And of those as long as the claim.
const AT_THE_CLAIM: usize = 2;

impl Runner<'_> {
    /// Asks a kind of use in short contexts first, where the threshold is relative to them. Their
    /// facts are their own: the study's are not known before the threshold is.
    pub(super) async fn base(
        &self,
        registered: &Registered,
        kind: u32,
        before: &Loaded,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Result<Tally, Ended>> {
        let seat = |nth: u64| Seat {
            rung_tokens: super::super::SHORT_TOKENS,
            block: u32::MAX - (nth / STRATA as u64) as u32,
            place: (nth % STRATA as u64) as u32,
            copy: 0,
            kind,
        };
        let seats: Vec<Seat> = (0..registered.base_questions).map(seat).collect();
        let seats = Numbered::all(&seats, u64::from(kind) * registered.base_questions);
        let isolated = Registered {
            layout: Layout::Isolated,
            ..registered.clone()
        };
        let groups = groups_of(&self.plan.grid, &isolated, self.key, &seats);
        self.facts.suffice(most_facts(&groups))?;
        let items = Items::new(self, self.facts, &before.controls);
        let mut tally = Tally::default();
        let of = groups.len() as u64;
        for (nth, group) in groups.iter().enumerate() {
            let at = nth as u64 + 1;
            sink.see(&Event::Control { nth: at, of });
            let item = Item {
                kind: ControlKind::ShortContext,
                nth: nth as u64,
                group,
                trial: &group.trials[0],
                is_of_study: false,
            };
            let length_tokens = item.length_tokens();
            let under_way = (length_tokens, self.settings.max_output_tokens);
            if !items.is_asked(&item) && !self.first_fingerprint(stop.clone()).await? {
                return Ok(Err(Ended::Interrupted));
            }
            if !items.is_asked(&item)
                && let Some(cap) = self.controls.spending.too_dear(under_way, length_tokens)
            {
                // A threshold made of fewer answers would be another one.
                return Ok(Err(Ended::Capped(cap)));
            }
            match asked(&items, &item, stop.clone()).await? {
                Ok(Some(control)) => {
                    if let Answer::Failure(failure) = &control.outcome
                        && (failure.is_fatal() || matches!(failure, Failure::Unreachable { .. }))
                    {
                        return Ok(Err(Ended::Fatal(failure.clone())));
                    }
                    match is_right(&control) {
                        Some(true) => tally.right += 1,
                        Some(false) => tally.wrong += 1,
                        None => {}
                    }
                }
                Ok(None) => {}
                Err(ended) => return Ok(Err(ended)),
            }
        }
        Ok(Ok(tally))
    }

    /// Takes the fingerprint of the session's start, where it is due. False where the user stopped
    /// the run.
    async fn first_fingerprint(&self, stop: watch::Receiver<bool>) -> Result<bool> {
        let (controls, alone) = (self.controls, Inflight::new(u64::MAX));
        let fingerprints = controls.fingerprints.as_ref();
        taken(
            fingerprints,
            Moment::Start,
            &controls.spending,
            &alone,
            stop,
        )
        .await
    }

    /// Asks the controls that follow a kind of use, cheapest first, for a twentieth of the tokens of
    /// its questions at most, less what earlier sessions have spent of it.
    pub(super) async fn controls_of(
        &self,
        registered: &Registered,
        groups: &[Group],
        before: &Loaded,
        (tokens, spent): (u64, u64),
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let items = Items::new(self, self.facts, &before.controls);
        let mut left = (CONTROL_SHARE * tokens as f64) as u64;
        left = left.saturating_sub(spent);
        let chosen = chosen(registered, groups);
        let of = chosen.len() as u64;
        for (nth, item) in (1..).zip(chosen) {
            sink.see(&Event::Control { nth, of });
            let is_free = is_free(item.kind);
            if !is_free && item.length_tokens() > left {
                continue;
            }
            match asked(&items, &item, stop.clone()).await? {
                Ok(Some(control)) => {
                    if let Answer::Failure(failure) = &control.outcome
                        && (failure.is_fatal() || matches!(failure, Failure::Unreachable { .. }))
                    {
                        return Ok(Ended::Fatal(failure.clone()));
                    }
                    if !is_free {
                        left = left.saturating_sub(control.prompt.text_tokens);
                    }
                }
                Ok(None) => {}
                Err(ended) => return Ok(ended),
            }
        }
        Ok(Ended::Complete)
    }
}

/// True for controls without a haystack, which cost next to nothing.
fn is_free(kind: ControlKind) -> bool {
    matches!(kind, ControlKind::NoContext | ControlKind::NeedleOnly)
}

/// Tokens of the share of the controls that earlier sessions have used, counted as this one would
/// have counted them: a killed run must come to ask the same ones.
pub(super) fn spent(registered: &Registered, task: Option<Task>, before: &[Control]) -> u64 {
    // Short contexts that the threshold is made of are no controls.
    let is_base = |kind| registered.relative && kind == ControlKind::ShortContext;
    let asked: HashMap<(ControlKind, u64), u64> = before
        .iter()
        .filter(|control| !is_free(control.kind) && !is_base(control.kind))
        .filter(|control| is_of_task(control, task))
        .filter_map(|control| {
            let item = control.item.as_ref()?;
            Some(((control.kind, item.nth), control.prompt.text_tokens))
        })
        .collect();
    asked.values().sum()
}

/// Asks a control unless the user stops the run.
async fn asked(
    items: &Items<'_>,
    item: &Item<'_>,
    mut stop: watch::Receiver<bool>,
) -> Result<Result<Option<Control>, Ended>> {
    tokio::select! {
        control = items.ask(item) => control.map(Ok),
        () = stopped(&mut stop) => Ok(Err(Ended::Interrupted)),
    }
}

/// The controls of a study: which of its questions are asked otherwise, cheapest first.
fn chosen<'g>(registered: &Registered, groups: &'g [Group]) -> Vec<Item<'g>> {
    let asked: Vec<(&Group, &Trial)> = groups
        .iter()
        .flat_map(|group| group.trials.iter().map(move |trial| (group, trial)))
        .collect();
    let mut items = Vec::new();
    let mut add = |kind: ControlKind, from: &[(&'g Group, &'g Trial)], most: u64| {
        // Spread over what was asked, so that no length and no depth is favoured.
        let step = (from.len() as u64).div_ceil(most.max(1)).max(1) as usize;
        for (nth, (group, trial)) in from.iter().step_by(step).enumerate() {
            items.push(Item {
                kind,
                nth: nth as u64,
                group,
                trial,
                is_of_study: true,
            });
        }
    };
    let claim_tokens = registered.claim.tokens;
    let (mut modest, mut at_claim) = (Vec::new(), Vec::new());
    for &(group, trial) in &asked {
        match trial.length_tokens <= CONTROL_TOKENS {
            true => modest.push((group, trial)),
            false if trial.cell_tokens() == claim_tokens => at_claim.push((group, trial)),
            false => {}
        }
    }
    modest.sort_by_key(|(_, trial)| trial.length_tokens);
    at_claim.truncate(AT_THE_CLAIM);
    add(ControlKind::NoContext, &asked, NO_CONTEXT);
    add(ControlKind::NeedleOnly, &asked, NEEDLE_ONLY);
    if !registered.relative {
        add(ControlKind::ShortContext, &asked, SHORT_CONTEXT);
    }
    add(ControlKind::NoNeedle, &modest, NO_NEEDLE);
    add(ControlKind::AbsentNeedle, &modest, ABSENT_NEEDLE);
    let offset = NO_NEEDLE;
    items.extend(
        at_claim
            .iter()
            .enumerate()
            .map(|(nth, (group, trial))| Item {
                kind: ControlKind::NoNeedle,
                nth: offset + nth as u64,
                group,
                trial,
                is_of_study: true,
            }),
    );
    items
}
