//! A study as it goes on: block after block, until its protocol has nothing more to ask.

use super::items::{Item, Items, is_right};
use super::{Ended, Event, Known, Runner, Sink, judge, now_ms, stopped, void_reason};
use crate::corpus::Corpus;
use crate::fact::Facts;
use crate::journal::{Control, ControlKind, Loaded, Outcome as Answer, Row, RunFile};
use crate::plan::{Group, Numbered, Plan, groups_of};
use crate::reply::Failure;
use crate::seed::RunKey;
use crate::stats::{Decision, Tally};
use crate::study::{Next, Outcome, Progress, Registered, STRATA, Seat, Study};
use anyhow::Result;
use std::collections::HashMap;
use std::time::Duration;
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

/// Where a study stands after what its journal holds.
pub struct Standing {
    /// The study.
    pub study: Study,
    /// What its answers come to.
    pub progress: Progress,
    /// The trials that were given out.
    pub plan: Plan,
}

impl Standing {
    /// Reads it from a journal, every answer scored anew. None where the run is no study.
    pub fn of(run: &RunFile, loaded: &Loaded, corpus: &Corpus, key: &RunKey) -> Option<Standing> {
        let registered = run.study.as_ref()?;
        let study = registered.study(base(&loaded.controls));
        let known = outcomes(&loaded.rows, &mut |row| {
            let mut row = row.clone();
            row.void = void_reason(&row);
            row.judged = judge(&row, corpus);
            outcome(&row)
        });
        let progress = study.replay(&|seat| known.get(seat).copied());
        let seats = numbered(registered, &progress);
        let mut grid = run.grid.clone();
        // The search asks lengths between those of the ladder.
        grid.lengths_tokens
            .extend(progress.searched.iter().map(|rung| rung.nominal_tokens));
        grid.lengths_tokens.sort_unstable();
        let plan = Plan {
            groups: groups_of(&run.grid, registered, key, &seats),
            grid,
        };
        Some(Standing {
            study,
            progress,
            plan,
        })
    }
}

/// The answers in short contexts.
pub fn base(controls: &[Control]) -> Tally {
    let mut tally = Tally::default();
    for control in controls
        .iter()
        .filter(|control| control.kind == ControlKind::ShortContext)
    {
        match is_right(control) {
            Some(true) => tally.right += 1,
            Some(false) => tally.wrong += 1,
            None => {}
        }
    }
    tally
}

/// The seats with their numbers in the run: behind those of the short contexts, whose facts are
/// their own where they come first.
fn numbered(registered: &Registered, progress: &Progress) -> Vec<Numbered> {
    Numbered::all(&progress.seats, registered.base_questions)
}

fn outcomes(rows: &[Row], of: &mut dyn FnMut(&Row) -> Option<Outcome>) -> HashMap<Seat, Outcome> {
    rows.iter()
        .filter(|row| row.settled)
        .filter_map(|row| Some((row.trial.seat?, of(row)?)))
        .collect()
}

/// What a settled row says of its seat; none where it must be asked again, because no question
/// could have been answered then.
fn outcome(row: &Row) -> Option<Outcome> {
    match (&row.judged, &row.outcome) {
        (Some(judged), _) if judged.class.is_right() => Some(Outcome::Right),
        (Some(_), _) => Some(Outcome::Wrong),
        (None, Answer::Failure(failure))
            if failure.is_fatal() || matches!(failure, Failure::Unreachable { .. }) =>
        {
            None
        }
        (None, Answer::Failure(Failure::TooLong { .. })) => {
            Some(Outcome::NotServed { at_ms: row.at_ms })
        }
        // A count, or the server's own words, prove that it read less than it was sent.
        (None, Answer::Reply(reply))
            if reply.cut.is_some()
                || matches!(
                    (row.prompt.expected_tokens, reply.usage.prompt_tokens),
                    (Some(expected), Some(reported))
                        if reported + row.prompt.tolerance_tokens.unwrap_or(0) < expected
                ) =>
        {
            Some(Outcome::NotServed { at_ms: row.at_ms })
        }
        (None, _) => Some(Outcome::Void),
    }
}

/// Hears of rows on their way to the view.
struct Listening<'s> {
    sink: &'s mut dyn Sink,
    known: &'s mut HashMap<Seat, Outcome>,
    attempts: &'s mut HashMap<u64, u32>,
    tokens: &'s mut u64,
}

impl Sink for Listening<'_> {
    fn see(&mut self, event: &Event<'_>) {
        if let Event::Recorded(row) = event {
            self.attempts.insert(row.trial.id, row.attempt);
            *self.tokens += row.prompt.text_tokens;
            if row.settled
                && let (Some(seat), Some(outcome)) = (row.trial.seat, outcome(row))
            {
                self.known.insert(seat, outcome);
            }
        }
        self.sink.see(event);
    }
}

/// Draws the first facts of the run.
pub type Drawing<'a> = dyn Fn(u64) -> Result<Facts> + 'a;

impl Runner<'_> {
    /// Asks a study to its end, and its controls after it.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub async fn follow(
        &self,
        registered: &Registered,
        before: &Loaded,
        draw: &Drawing<'_>,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let grid = &self.plan.grid;
        let mut known = outcomes(&before.rows, &mut outcome);
        let mut attempts = before.attempts.clone();
        let mut tokens: u64 = before.rows.iter().map(|row| row.prompt.text_tokens).sum();
        sink.see(&Event::Began {
            planned: 0,
            done: known.len() as u64,
        });
        let mut base = base(&before.controls);
        if registered.relative {
            let asking = self.base(registered, before, draw, sink, stop.clone());
            match asking.await? {
                Ok(more) => base = base + more,
                Err(ended) => return Ok(ended),
            }
        }
        let study = registered.study(base);
        let mut facts = draw(0)?;
        let (progress, ended) = loop {
            let progress = study.replay(&|seat| known.get(seat).copied());
            let numbers = numbered(registered, &progress);
            sink.see(&Event::Grown {
                planned: due(&study, &progress),
            });
            let seats = match &progress.next {
                Next::Ask(seats) => seats.clone(),
                Next::Confirm {
                    seat,
                    not_before_ms,
                } => {
                    if let Some(ended) = wait(*not_before_ms, seat, sink, stop.clone()).await {
                        break (progress, ended);
                    }
                    vec![*seat]
                }
                Next::Nothing => break (progress, Ended::Complete),
            };
            let asked: Vec<Numbered> = numbers
                .into_iter()
                .filter(|numbered| seats.contains(&numbered.seat))
                .collect();
            let groups = groups_of(grid, registered, self.key, &asked);
            facts = enough(facts, &groups, draw)?;
            let known_trials = Known {
                attempts: attempts.clone(),
                ..Known::default()
            };
            let mut listening = Listening {
                sink: &mut *sink,
                known: &mut known,
                attempts: &mut attempts,
                tokens: &mut tokens,
            };
            let step = self.with(&facts);
            let ended = step
                .ask(&groups, &known_trials, &mut listening, stop.clone())
                .await?;
            if ended != Ended::Complete || *stop.borrow() {
                let ended = match ended {
                    Ended::Complete => Ended::Interrupted,
                    other => other,
                };
                break (progress, ended);
            }
        };
        if ended != Ended::Complete {
            return Ok(ended);
        }
        let groups = groups_of(grid, registered, self.key, &numbered(registered, &progress));
        facts = enough(facts, &groups, draw)?;
        let runner = self.with(&facts);
        runner
            .controls_of(registered, &groups, before, tokens, sink, stop)
            .await
    }

    /// The same with other facts.
    fn with<'f>(&'f self, facts: &'f Facts) -> Runner<'f> {
        Runner {
            facts,
            settings: self.settings.clone(),
            ..*self
        }
    }

    /// Asks in short contexts first, where the threshold is relative to them. Their facts are
    /// their own: the study's are not known before the threshold is.
    async fn base(
        &self,
        registered: &Registered,
        before: &Loaded,
        draw: &Drawing<'_>,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Result<Tally, Ended>> {
        let seat = |nth: u64| Seat {
            rung_tokens: super::SHORT_TOKENS,
            block: u32::MAX - (nth / STRATA as u64) as u32,
            place: (nth % STRATA as u64) as u32,
            copy: 0,
        };
        let seats: Vec<Seat> = (0..registered.base_questions).map(seat).collect();
        let seats = Numbered::all(&seats, 0);
        let isolated = Registered {
            layout: crate::study::Layout::Isolated,
            ..registered.clone()
        };
        let groups = groups_of(&self.plan.grid, &isolated, self.key, &seats);
        let facts = enough(draw(0)?, &groups, draw)?;
        let runner = self.with(&facts);
        let items = Items::new(&runner, &facts, &before.controls);
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

    /// Asks the controls that follow a study, cheapest first, for a twentieth of its tokens at most.
    async fn controls_of(
        &self,
        registered: &Registered,
        groups: &[Group],
        before: &Loaded,
        tokens: u64,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let items = Items::new(self, self.facts, &before.controls);
        let mut left = (CONTROL_SHARE * tokens as f64) as u64;
        left = left.saturating_sub(spent(registered, &before.controls));
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
fn spent(registered: &Registered, before: &[Control]) -> u64 {
    // Short contexts that the threshold is made of are no controls.
    let is_base = |kind| registered.relative && kind == ControlKind::ShortContext;
    let asked: HashMap<(ControlKind, u64), u64> = before
        .iter()
        .filter(|control| !is_free(control.kind) && !is_base(control.kind))
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
    let asked: Vec<(&Group, &crate::plan::Trial)> = groups
        .iter()
        .flat_map(|group| group.trials.iter().map(move |trial| (group, trial)))
        .collect();
    let mut items = Vec::new();
    let mut add = |kind: ControlKind, from: &[(&'g Group, &'g crate::plan::Trial)], most: u64| {
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

/// Facts for all of these groups.
fn enough(facts: Facts, groups: &[Group], draw: &Drawing<'_>) -> Result<Facts> {
    let needed = groups.iter().map(Group::facts_to).max().unwrap_or(0);
    match facts.count() >= needed {
        true => Ok(facts),
        // Drawn anew from the start, since uniqueness is a property of the whole: seldom, and more
        // than are needed now.
        false => draw((2 * needed).max(1_000)),
    }
}

/// How many questions a study is known to need: those given out, and at each length of the ladder
/// that is still open as many as a perfect model would.
fn due(study: &Study, progress: &Progress) -> u64 {
    let least = |rung: usize| {
        let block = study.registered.block;
        (1..)
            .map(|blocks| blocks * block)
            .find(|&right| {
                let tally = Tally {
                    right,
                    ..Tally::default()
                };
                study.decision(rung, tally) != Decision::Open
            })
            .unwrap_or(block)
    };
    let open = progress
        .rungs
        .iter()
        .enumerate()
        .filter(|(_, rung)| rung.decision == Decision::Open && !progress.is_decided);
    let more: u64 = open
        .map(|(at, rung)| least(at).saturating_sub(rung.tally().asked()))
        .sum();
    let closed: u64 = progress
        .blocks
        .iter()
        .map(|block| block.tally.asked())
        .sum();
    (closed + more).max(progress.seats.len() as u64)
}

/// Waits until a confirmation is due; how the run ended, where it did meanwhile.
async fn wait(
    not_before_ms: u64,
    seat: &Seat,
    sink: &mut dyn Sink,
    mut stop: watch::Receiver<bool>,
) -> Option<Ended> {
    let wait_ms = not_before_ms.saturating_sub(now_ms());
    if wait_ms == 0 {
        return None;
    }
    sink.see(&Event::Pausing {
        wait_ms,
        length_tokens: seat.rung_tokens,
    });
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(wait_ms)) => None,
        () = stopped(&mut stop) => Some(Ended::Interrupted),
    }
}
