//! A study as it goes on: block after block, until its protocol has nothing more to ask.

mod beside;

use super::items::is_right;
use super::{
    Ended, Event, Known, Runner, Sink, judge, last_fingerprint, now_ms, stopped, void_reason,
};
use crate::ground::Corpora;
use crate::journal::{Control, ControlKind, Loaded, Outcome as Answer, Row, RunFile};
use crate::plan::{Group, Numbered, Plan, groups_of};
use crate::reply::Failure;
use crate::seed::RunKey;
use crate::stats::{Decision, Tally};
use crate::study::{Course, Next, Outcome, Progress, Registered, Seat, Studies, Study};
use crate::task::Task;
use anyhow::Result;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;

/// Where a study stands after what its journal holds.
pub struct Standing {
    /// The studies of its kinds of use; mostly one.
    pub studies: Studies,
    /// What their answers come to.
    pub course: Course,
    /// The trials that were given out.
    pub plan: Plan,
}

impl Standing {
    /// Reads it from a journal, every answer scored anew. None where the run is no study.
    pub fn of(run: &RunFile, loaded: &Loaded, corpora: &Corpora, key: &RunKey) -> Option<Standing> {
        let registered = run.study.as_ref()?;
        let studies = registered.studies(&bases(registered, &run.grid.tasks, &loaded.controls));
        let known = outcomes(&loaded.rows, &mut |row| {
            let mut row = row.clone();
            row.void = void_reason(&row);
            row.judged = judge(&row, corpora);
            outcome(&row)
        });
        let course = studies.replay(&|seat| known.get(seat).copied());
        let seats = numbered(registered, &course);
        let mut grid = run.grid.clone();
        // The search asks lengths between those of the ladder.
        let searched = course.kinds.iter().flat_map(|progress| &progress.searched);
        grid.lengths_tokens
            .extend(searched.map(|rung| rung.nominal_tokens));
        grid.lengths_tokens.sort_unstable();
        grid.lengths_tokens.dedup();
        let plan = Plan {
            groups: groups_of(&run.grid, registered, key, &seats),
            grid,
        };
        Some(Standing {
            studies,
            course,
            plan,
        })
    }

    /// True where a kind of use that was refuted ended the others.
    pub fn is_stopped(&self) -> bool {
        let is_first = self.studies.registered.stop_at_first;
        is_first && self.course.kinds.iter().any(Progress::is_refuted)
    }
}

/// True where a control asks a question of this task; those of a run with one task name none.
pub fn is_of_task(control: &Control, task: Option<Task>) -> bool {
    let named = control.item.as_ref().and_then(|item| item.task);
    named.is_none() || named == task
}

/// The answers of a task in short contexts.
pub fn base(controls: &[Control], task: Option<Task>) -> Tally {
    let mut tally = Tally::default();
    let of_task = controls
        .iter()
        .filter(|control| control.kind == ControlKind::ShortContext && is_of_task(control, task));
    for control in of_task {
        match is_right(control) {
            Some(true) => tally.right += 1,
            Some(false) => tally.wrong += 1,
            None => {}
        }
    }
    tally
}

/// The same for every kind of use.
fn bases(registered: &Registered, tasks: &[Task], controls: &[Control]) -> Vec<Tally> {
    (0..registered.kinds as usize)
        .map(|kind| base(controls, tasks.get(kind).copied()))
        .collect()
}

/// The seats with their numbers in the run: behind those of the short contexts, whose facts are
/// their own where they come first.
fn numbered(registered: &Registered, course: &Course) -> Vec<Numbered> {
    let before = registered.base_questions * u64::from(registered.kinds);
    Numbered::all(&course.seats, before)
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
    /// By kind of use.
    tokens: &'s mut [u64],
}

impl Sink for Listening<'_> {
    fn see(&mut self, event: &Event<'_>) {
        if let Event::Recorded(row) = event {
            self.attempts.insert(row.trial.id, row.attempt);
            count(self.tokens, row);
            if row.settled
                && let (Some(seat), Some(outcome)) = (row.trial.seat, outcome(row))
            {
                self.known.insert(seat, outcome);
            }
        }
        self.sink.see(event);
    }
}

/// Adds the tokens of a row's prompt to those of its kind of use.
fn count(tokens: &mut [u64], row: &Row) {
    let kind = row.trial.seat.map_or(0, |seat| seat.kind);
    if let Some(tokens) = tokens.get_mut(kind as usize) {
        *tokens += row.prompt.text_tokens;
    }
}

impl Runner<'_> {
    /// Asks a study to its end, and its controls after it.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub async fn follow(
        &self,
        registered: &Registered,
        before: &Loaded,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let ended = self.asked(registered, before, sink, stop.clone()).await?;
        let controls = self.controls;
        let fingerprints = controls.fingerprints.as_ref();
        last_fingerprint(fingerprints, &ended, &controls.spending, stop).await?;
        Ok(ended)
    }

    async fn asked(
        &self,
        registered: &Registered,
        before: &Loaded,
        sink: &mut dyn Sink,
        stop: watch::Receiver<bool>,
    ) -> Result<Ended> {
        let grid = &self.plan.grid;
        let mut known = outcomes(&before.rows, &mut outcome);
        let mut attempts = before.attempts.clone();
        let mut tokens = vec![0; registered.kinds as usize];
        before.rows.iter().for_each(|row| count(&mut tokens, row));
        sink.see(&Event::Began {
            planned: 0,
            done: known.len() as u64,
        });
        let mut bases = bases(registered, &grid.tasks, &before.controls);
        if registered.relative {
            for (kind, base) in (0..).zip(&mut bases) {
                let asking = self.base(registered, kind, before, sink, stop.clone());
                match asking.await? {
                    Ok(more) => *base += more,
                    Err(ended) => return Ok(ended),
                }
            }
        }
        let studies = registered.studies(&bases);
        let (course, ended) = loop {
            let course = studies.replay(&|seat| known.get(seat).copied());
            let numbers = numbered(registered, &course);
            let kinds = studies.kinds.iter().zip(&course.kinds);
            let planned = kinds.map(|(study, progress)| due(study, progress)).sum();
            sink.see(&Event::Grown { planned });
            if let Some(fingerprints) = &self.controls.fingerprints {
                fingerprints.plan(planned, known.len() as u64);
            }
            let seats = match &course.next {
                Next::Ask(seats) => seats.clone(),
                Next::Confirm {
                    seat,
                    not_before_ms,
                } => {
                    if let Some(ended) = wait(*not_before_ms, seat, sink, stop.clone()).await {
                        break (course, ended);
                    }
                    vec![*seat]
                }
                Next::Nothing => break (course, Ended::Complete),
            };
            let asked: Vec<Numbered> = numbers
                .into_iter()
                .filter(|numbered| seats.contains(&numbered.seat))
                .collect();
            let groups = groups_of(grid, registered, self.key, &asked);
            self.facts.suffice(most_facts(&groups))?;
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
            let ended = self
                .ask(&groups, &known_trials, &mut listening, stop.clone())
                .await?;
            if ended != Ended::Complete || *stop.borrow() {
                let ended = match ended {
                    Ended::Complete => Ended::Interrupted,
                    other => other,
                };
                break (course, ended);
            }
        };
        if ended != Ended::Complete {
            return Ok(ended);
        }
        let numbers = numbered(registered, &course);
        for (kind, tokens) in (0..).zip(tokens) {
            let mut own = numbers.clone();
            own.retain(|numbered| numbered.seat.kind == kind);
            let groups = groups_of(grid, registered, self.key, &own);
            let task = grid.tasks.get(kind as usize).copied();
            let spent = beside::spent(registered, task, &before.controls);
            let asking = self.controls_of(
                registered,
                &groups,
                before,
                (tokens, spent),
                sink,
                stop.clone(),
            );
            match asking.await? {
                Ended::Complete => {}
                ended => return Ok(ended),
            }
        }
        Ok(Ended::Complete)
    }
}

/// Facts that the groups reach to.
fn most_facts(groups: &[Group]) -> u64 {
    groups.iter().map(Group::facts_to).max().unwrap_or(0)
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
        length_tokens: Some(seat.rung_tokens),
    });
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(wait_ms)) => None,
        () = stopped(&mut stop) => Some(Ended::Interrupted),
    }
}
