//! What the new deployment answered: scored, missing with its reason, or an earlier reply out of a cache.

use super::baseline::Baseline;
use super::course::{Answer, Answers};
use super::verdict::CACHED;
use crate::comparison::Answered;
use crate::ground::Corpora;
use crate::journal::{Outcome, Row};
use crate::reply::Failure;
use std::collections::{HashMap, HashSet};

/// The questions whose last attempt may well succeed in another session, with that attempt: they
/// are due again there.
pub fn due_again(rows: &[Row]) -> HashMap<u64, u32> {
    let mut last: HashMap<u64, &Row> = HashMap::new();
    for row in rows.iter().filter(|row| row.settled) {
        let known = last.entry(row.trial.id).or_insert(row);
        if row.attempt >= known.attempt {
            *known = row;
        }
    }
    last.into_iter()
        .filter(|(_, row)| row.may_be_asked_again())
        .map(|(trial, row)| (trial, row.attempt))
        .collect()
}

/// The new answers, by trial. Attempts up to those of `due` are left out, so that their questions
/// are asked again.
///
/// A prompt that the baseline answered and that is now too long for the window is a loss: it was
/// served before. A reply with the id and the words of the baseline's, or of an earlier one to
/// another prompt, came out of a cache, whoever sits behind it now; it is missing.
pub fn answers(
    rows: &[Row],
    corpora: &Corpora,
    baseline: &Baseline,
    due: &HashMap<u64, u32>,
) -> Answers {
    let cached = cached(rows, baseline);
    let is_new = |row: &&Row| due.get(&row.trial.id).is_none_or(|old| row.attempt > *old);
    rows.iter()
        .filter(|row| row.settled)
        .filter(is_new)
        .map(|row| (row.trial.id, answer(row, corpora, &cached)))
        .collect()
}

fn answer(row: &Row, corpora: &Corpora, cached: &HashSet<(u64, u32)>) -> Answer {
    if let Outcome::Failure(Failure::TooLong { .. }) = row.outcome {
        return Answer::Counts(false);
    }
    if cached.contains(&(row.trial.id, row.attempt)) {
        return Answer::Missing(CACHED.to_string());
    }
    let answered = Answered::of(row, corpora);
    match (answered.right, answered.void) {
        (Some(right), None) => Answer::Counts(right),
        (_, void) => Answer::Missing(void.unwrap_or_else(|| "unscored".to_string())),
    }
}

/// Attempts whose replies are earlier ones. An id under which different words were sent is no name
/// of a reply (some servers give all the same), and says nothing.
fn cached(rows: &[Row], baseline: &Baseline) -> HashSet<(u64, u32)> {
    let named = |row: &Row| {
        let reply = row.reply()?;
        let id = reply.id.clone().filter(|id| !id.is_empty())?;
        Some((id, reply.text.clone()))
    };
    // By id: its words, none where they differ, and the question that it was first sent for.
    let mut known: HashMap<String, (Option<String>, Option<u64>)> = HashMap::new();
    let mut learn = |id: String, words: String, trial: Option<u64>| {
        let (told, _) = known
            .entry(id)
            .or_insert_with(|| (Some(words.clone()), trial));
        if told.as_ref().is_some_and(|told| *told != words) {
            *told = None;
        }
    };
    for row in &baseline.rows {
        if let (Some(id), Some(words)) = (&row.id, &row.answer) {
            learn(id.clone(), words.clone(), None);
        }
    }
    let mut in_time: Vec<&Row> = rows.iter().collect();
    in_time.sort_by_key(|row| (row.at_ms, row.trial.id));
    for row in &in_time {
        if let Some((id, words)) = named(row) {
            learn(id, words, Some(row.trial.id));
        }
    }
    in_time
        .iter()
        .filter(|row| {
            let known = named(row).and_then(|(id, _)| known.get(&id));
            // The first of the baseline's has no question here, so that all others differ from it.
            matches!(known, Some((Some(_), first)) if *first != Some(row.trial.id))
        })
        .map(|row| (row.trial.id, row.attempt))
        .collect()
}
