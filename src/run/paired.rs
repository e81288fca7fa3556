//! The same prompts to several sides: interleaved in time and in random order, so that neither hour nor order favours one.

use super::pace::Inflight;
use super::{Ended, Event, Known, Laid, Runner, Session, Sink};
use crate::ground::Corpora;
use crate::journal::{Loaded, Moment, Row};
use crate::plan::{Group, Plan, Trial};
use crate::prompt::{Part, Prompt};
use crate::reconcile::{Basis, Expected};
use crate::rope::Rope;
use crate::seed::RunKey;
use crate::task::Question;
use anyhow::{Result, ensure};
use futures_util::StreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// One of those who are asked the same.
pub struct Side<'a> {
    /// Asks it, and writes its journal.
    pub runner: Runner<'a>,
    /// What earlier sessions have asked it.
    pub known: Known,
    /// False where the others alone are asked; the first side lays the prompts out all the same.
    pub is_asked: bool,
    /// How many questions it is asked in all.
    pub questions: u64,
}

/// Where the prompts come from.
pub enum Prompts<'a> {
    /// The first side's own: laid out by its tokenizer.
    OfFirst,
    /// Those of a run that was asked before, by trial.
    Kept(&'a HashMap<u64, Laid>),
}

impl Known {
    /// What a journal knows of the trials.
    pub fn of(loaded: &Loaded) -> Known {
        Known {
            settled: loaded
                .rows
                .iter()
                .filter(|row| row.settled && !row.may_be_asked_again())
                .map(|row| row.trial.id)
                .collect(),
            attempts: loaded.attempts.clone(),
        }
    }
}

/// The groups of a plan in an order of their own: lengths and samples mixed, so that a study that
/// stops early has seen a random part of them.
pub fn shuffled(plan: &Plan, key: &RunKey) -> Vec<Group> {
    let mut groups = plan.groups.clone();
    key.stream("interleaved", &[]).shuffle(&mut groups);
    groups
}

/// Asks every side what it was not asked before. Within a haystack the sides take turns in an
/// order drawn for it; prompts of one haystack follow each other, so that caches serve every side
/// alike.
///
/// # Errors
/// When a prompt cannot be laid out or a row cannot be written; rows written so far are kept.
pub async fn ask_all(
    sides: &[Side<'_>],
    groups: &[Group],
    prompts: &Prompts<'_>,
    sink: &mut dyn Sink,
    stop: watch::Receiver<bool>,
) -> Result<Ended> {
    let sink = Mutex::new(sink);
    let mut heard: Vec<Heard<'_, '_>> = sides.iter().map(|_| Heard(&sink)).collect();
    let sessions: Vec<Session<'_>> = sides
        .iter()
        .zip(&mut heard)
        .map(|(side, heard)| Session {
            runner: &side.runner,
            sink: Mutex::new(heard),
            known: &side.known,
            spending: &side.runner.controls.spending,
            inflight: Inflight::new(side.runner.settings.max_inflight_tokens),
            end: Mutex::new(None),
        })
        .collect();
    let takes_part: Vec<bool> = sides.iter().map(|side| side.is_asked).collect();
    for ((session, takes_part), side) in sessions.iter().zip(&takes_part).zip(sides) {
        if let Some(fingerprints) = &session.runner.controls.fingerprints {
            fingerprints.plan(side.questions, session.known.settled.len() as u64);
        }
        let is_due = |trial: &Trial| !session.known.settled.contains(&trial.id);
        let is_asked = groups.iter().any(|group| group.trials.iter().any(is_due));
        if *takes_part && is_asked && !session.fingerprint(Moment::Start, stop.clone()).await? {
            return Ok(Ended::Interrupted);
        }
    }
    let together = sides.iter().map(|side| side.runner.settings.concurrency);
    let mut asked = futures_util::stream::iter(groups)
        .map(|group| one_group(&sessions, &takes_part, group, prompts, stop.clone()))
        .buffer_unordered(together.min().unwrap_or(1).max(1));
    let mut failed = None;
    while let Some(result) = asked.next().await {
        if let Err(error) = result {
            failed.get_or_insert(error);
            break;
        }
    }
    drop(asked);
    for side in sides {
        side.runner.journal.sync()?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let ends = sessions.iter().filter_map(|session| {
        let mut end = session.end.lock().ok()?;
        end.take()
    });
    // A side that can answer nothing more is worth telling before a cap is.
    let rank = |end: &Ended| match end {
        Ended::Interrupted => 0,
        Ended::Fatal(_) => 1,
        Ended::Capped(_) => 2,
        Ended::Complete => 3,
    };
    Ok(ends.min_by_key(rank).unwrap_or(Ended::Complete))
}

/// Gives every side's events to one view.
struct Heard<'s, 'k>(&'s Mutex<&'k mut dyn Sink>);

impl Sink for Heard<'_, '_> {
    fn see(&mut self, event: &Event<'_>) {
        if let Ok(mut sink) = self.0.lock() {
            sink.see(event);
        }
    }
}

async fn one_group(
    sessions: &[Session<'_>],
    takes_part: &[bool],
    group: &Group,
    prompts: &Prompts<'_>,
    stop: watch::Receiver<bool>,
) -> Result<()> {
    let Some(first) = sessions.first() else {
        return Ok(());
    };
    let is_due = |session: &Session<'_>, trial: &Trial| !session.known.settled.contains(&trial.id);
    let asked = || sessions.iter().zip(takes_part).filter(|(_, asked)| **asked);
    let is_asked = |trial: &Trial| asked().any(|(session, _)| is_due(session, trial));
    let has_ended = || sessions.iter().any(Session::ended);
    if has_ended() || !group.trials.iter().any(is_asked) {
        return Ok(());
    }
    let laid = match prompts {
        Prompts::OfFirst => first.lay(group, &is_asked).await?,
        Prompts::Kept(kept) => group
            .trials
            .iter()
            .filter(|trial| is_asked(trial))
            .filter_map(|trial| kept.get(&trial.id).cloned())
            .collect(),
    };
    let is_of_first = matches!(prompts, Prompts::OfFirst);
    let mut order: Vec<usize> = (0..sessions.len()).filter(|at| takes_part[*at]).collect();
    let trial = &group.trials[0];
    let at = [
        trial.task.code(),
        trial.length_tokens,
        u64::from(trial.sample),
        u64::from(trial.set),
    ];
    first.runner.key.stream("turns", &at).shuffle(&mut order);
    for place in order {
        let session = &sessions[place];
        if session.runner.settings.canaries == super::Canaries::Always {
            session.first_canary(group, stop.clone()).await?;
        }
        for laid in &laid {
            if !is_due(session, &laid.trial) {
                continue;
            }
            let (prompt, expected) = match is_of_first && place == 0 {
                true => (laid.prompt.clone(), laid.expected),
                false => session.recounted(laid).await?,
            };
            session
                .trial(
                    group,
                    &laid.trial,
                    &prompt,
                    expected,
                    &laid.question,
                    stop.clone(),
                )
                .await?;
            if has_ended() || *stop.borrow() {
                return Ok(());
            }
        }
        session.fingerprint(Moment::Middle, stop.clone()).await?;
    }
    Ok(())
}

impl Session<'_> {
    /// The prompt with its tokens as this side counts them, and what its server should report.
    async fn recounted(&self, laid: &Laid) -> Result<(Prompt, Option<Expected>)> {
        let runner = self.runner;
        let mut prompt = laid.prompt.clone();
        prompt.text_tokens = runner.assemblers.tokenizer().count(&prompt.rope.text())?;
        let basis = &runner.settings.basis;
        let difference = match basis {
            Basis::Counted { .. } => {
                let counted = runner.endpoint.count_tokens(&prompt.rope).await;
                counted.map(|counted| counted as i64 - prompt.text_tokens as i64)
            }
            _ => None,
        };
        let expected = basis.expected(prompt.text_tokens, difference);
        Ok((prompt, expected))
    }
}

/// The prompts that a run was asked, by trial, as they were sent. Those whose haystack was made
/// for them alone come from `again`, which lays them out anew.
///
/// # Errors
/// When a prompt's bytes are not those that were sent: the corpus or the program has changed.
pub fn kept(
    rows: &[Row],
    corpora: &Corpora,
    again: &dyn Fn(&Trial) -> Result<Rope>,
) -> Result<HashMap<u64, Laid>> {
    let mut kept = HashMap::new();
    let mut seen = HashSet::new();
    for row in rows.iter().rev() {
        if !seen.insert(row.trial.id) {
            continue;
        }
        let rope = match corpora.of_task(row.trial.task) {
            Some(corpus) => Part::rope(&row.prompt.parts, corpus)?,
            None => again(&row.trial)?,
        };
        ensure!(
            rope.blake3_hex() == row.prompt.blake3,
            "the prompt of trial {} cannot be rebuilt: its bytes are not those that were sent",
            row.trial.id
        );
        kept.insert(row.trial.id, Laid::of(row, rope));
    }
    Ok(kept)
}

impl Laid {
    /// The question of a row with its prompt.
    pub fn of(row: &Row, rope: Rope) -> Laid {
        Laid {
            trial: row.trial.clone(),
            prompt: Prompt {
                rope,
                parts: row.prompt.parts.clone(),
                shared_pieces: 0,
                text_tokens: row.prompt.text_tokens,
                placed: vec![row.prompt.placed],
                shares: row.prompt.shares,
            },
            expected: None,
            question: Question {
                text: row.question.clone(),
                key: row.key.clone(),
                right: row.right(),
                distractors: row.siblings.clone(),
                about: 0,
            },
        }
    }
}
