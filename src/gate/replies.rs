//! What the new deployment answered: scored, missing with its reason, or an earlier reply out of a cache.

use super::baseline::{Baseline, BaselineRow};
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
    let cached = cached(rows, &baseline.rows);
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
fn cached(rows: &[Row], before: &[BaselineRow]) -> HashSet<(u64, u32)> {
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
    for row in before {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(trial: u64, attempt: u32, outcome: serde_json::Value) -> Row {
        serde_json::from_value(json!({
            "schema": 1,
            "trial": {"id": trial, "task": "niah_single", "length_tokens": 1_000, "sample": trial,
                "set": 0, "slot": 0, "cell_percent": 50.0, "depth_percent": 50.0},
            "attempt": attempt, "at_ms": trial, "key": "absent key", "expected": "7",
            "siblings": [], "values": "numbers", "wording": 0, "question": "?",
            "prompt": {"blake3": "", "bytes": 0, "text_tokens": 1_000, "expected_tokens": null,
                "exact": true, "placed": {"asked_percent": 50.0, "actual_percent": 50.0},
                "shares": {"prose_tokens": 1_000, "code_tokens": 0, "repeated_tokens": 0},
                "parts": []},
            "max_output_tokens": 64, "settled": true, "outcome": outcome,
        }))
        .expect("a row")
    }

    fn replied(trial: u64, id: &str, words: &str) -> Row {
        let usage = json!({"prompt_tokens": null, "cached_tokens": null,
            "cache_write_tokens": null, "output_tokens": null, "reasoning_tokens": null});
        let timing = json!({"uploaded_ms": null, "headers_ms": null, "first_text_ms": null,
            "total_ms": 1.0});
        let reply = json!({"text": words, "stop": "end", "usage": usage, "timing": timing,
            "id": id});
        row(trial, 1, json!({"reply": reply}))
    }

    fn before(trial: u64, id: &str, words: &str) -> BaselineRow {
        serde_json::from_value(json!({"trial": trial, "blake3": "", "text_tokens": 1_000,
            "answer": words, "id": id}))
        .expect("a row")
    }

    fn trials(rows: &[Row], baseline: &[BaselineRow]) -> Vec<u64> {
        let mut trials: Vec<u64> = cached(rows, baseline)
            .into_iter()
            .map(|(trial, _)| trial)
            .collect();
        trials.sort_unstable();
        trials
    }

    #[test]
    fn a_reply_with_the_id_and_words_of_an_earlier_one_is_that_reply() {
        let baseline = [before(0, "a", "7"), before(1, "b", "8")];
        // The baseline's; one of its own, given to another prompt as well; and new ones.
        let rows = [
            replied(0, "a", "7"),
            replied(1, "c", "8"),
            replied(2, "d", "9"),
            replied(3, "d", "9"),
            replied(4, "", "9"),
        ];
        assert_eq!(trials(&rows, &baseline), [0, 3]);
        // Servers that give all replies the same id say nothing by it.
        let baseline = [before(0, "x", "7"), before(1, "x", "8")];
        let rows = [replied(0, "x", "7"), replied(1, "x", "8")];
        assert_eq!(trials(&rows, &baseline), [0u64; 0]);
    }

    #[test]
    fn what_failed_in_passing_is_due_again_until_it_is_answered() {
        let limited = json!({"failure": {"kind": "limited", "said": "", "permanent": false}});
        let refused = json!({"failure": {"kind": "refused", "status": 400, "said": ""}});
        let mut rows = vec![
            row(0, 3, limited.clone()),
            row(1, 1, refused),
            row(2, 2, limited),
        ];
        assert_eq!(due_again(&rows), HashMap::from([(0, 3), (2, 2)]));
        let mut answered = replied(0, "a", "7");
        answered.attempt = 4;
        rows.push(answered);
        assert_eq!(due_again(&rows), HashMap::from([(2, 2)]));
    }
}
