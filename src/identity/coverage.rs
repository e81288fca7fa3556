//! What was planned and not answered: no agreement rests on what was never measured.

use super::asker::Side;
use super::record::Attempt;
use super::signal::{Hypothesis, Says, Verdict};
use super::study::Planned;
use super::{equality, greedy, limits, twist, vector};
use crate::journal::Outcome;
use crate::reply::Failure;
use serde::Serialize;
use std::collections::BTreeMap;

/// Share of a signal's questions that must be answered for it to count as measured.
const LEAST_ANSWERED: f64 = 0.8;
/// Share of all questions without an answer above which the whole is not finished, as of a run's
/// void trials.
const MOST_FAILED: f64 = 0.2;

/// Which hypothesis is open where such a signal is missing.
const NEEDED: &[(&str, Hypothesis)] = &[
    (vector::NAME, Hypothesis::Reference),
    (greedy::NAME, Hypothesis::Reference),
    (equality::NAME, Hypothesis::Reference),
    (equality::LONG_NAME, Hypothesis::Reference),
    (twist::NAME, Hypothesis::Long),
];

/// A signal that was planned of one side and not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Of which side.
    pub side: Side,
    /// The signal.
    pub signal: &'static str,
    /// Questions that were planned.
    pub questions: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// What the last failure said; null where nothing was asked.
    pub failed: Option<String>,
}

impl Missing {
    /// In words.
    pub fn words(&self) -> String {
        let failed = self.failed.as_ref();
        format!(
            "{} of the {}: {} of {} questions answered{}",
            self.signal,
            self.side.name(),
            self.answered,
            self.questions,
            failed.map_or(String::new(), |failed| format!(" ({failed})"))
        )
    }
}

/// The last outcome of each question, by side, signal and name.
fn last(attempts: &[Attempt]) -> BTreeMap<(&str, &str, &str), &Outcome> {
    let keyed = attempts.iter().map(|attempt| {
        let key = (
            attempt.side.name(),
            attempt.signal.as_str(),
            attempt.probe.as_str(),
        );
        (key, &attempt.outcome)
    });
    keyed.collect()
}

fn failure(outcome: &Outcome) -> Option<&Failure> {
    match outcome {
        Outcome::Reply(_) => None,
        Outcome::Failure(failure) => Some(failure),
    }
}

/// The signals that a verdict needs and that were not measured. A text that is longer than the
/// window is no gap: that is an answer.
pub fn missing(planned: &[(Side, Planned)], attempts: &[Attempt], halted: bool) -> Vec<Missing> {
    let last = last(attempts);
    let rows = planned.iter().filter_map(|(side, row)| {
        NEEDED.iter().find(|(signal, _)| *signal == row.signal)?;
        let own: Vec<Option<&Failure>> = last
            .iter()
            .filter(|((of, signal, _), _)| *of == side.name() && *signal == row.signal)
            .map(|(_, outcome)| failure(outcome))
            .collect();
        let answered = own.iter().filter(|failure| failure.is_none()).count() as u64;
        let failed = own.iter().rev().find_map(|failure| *failure);
        // What follows from an answer may make further questions needless.
        let wanted = match halted || own.is_empty() {
            true => row.questions,
            false => own.len() as u64,
        };
        let is_measured = answered as f64 >= LEAST_ANSWERED * wanted as f64;
        let is_told = matches!(failed, Some(Failure::TooLong { .. }));
        (!is_measured && !is_told).then(|| Missing {
            side: *side,
            signal: row.signal,
            questions: row.questions,
            answered,
            failed: failed.map(Failure::to_string),
        })
    });
    rows.collect()
}

/// Why the whole is not finished, where too many questions had no answer. The prompt that is too
/// long by intention does not count, nor does any other that the window refuses.
pub fn unanswered(attempts: &[Attempt]) -> Option<String> {
    let last = last(attempts);
    let asked = last.iter().filter(|((_, signal, _), outcome)| {
        let is_told = matches!(failure(outcome), Some(Failure::TooLong { .. }));
        *signal != limits::NAME && !is_told
    });
    let asked: Vec<Option<&Failure>> = asked.map(|(_, outcome)| failure(outcome)).collect();
    let failed: Vec<&Failure> = asked.iter().flatten().copied().collect();
    let (count, of) = (failed.len(), asked.len());
    let example = failed.last()?;
    (count as f64 > MOST_FAILED * of as f64)
        .then(|| format!("{count} of {of} questions were not answered ({example})"))
}

/// Takes back what rests on less than was planned: a verdict that nothing speaks against is open
/// where a signal that it needs is missing.
pub fn withhold(
    verdicts: &mut Vec<Verdict>,
    missing: &[Missing],
    against: impl Fn(Hypothesis) -> String,
) {
    for missing in missing {
        let needing = NEEDED.iter().find(|(signal, _)| *signal == missing.signal);
        let Some((_, hypothesis)) = needing else {
            continue;
        };
        let why = format!("not measured: {}", missing.words());
        let found = verdicts
            .iter_mut()
            .find(|verdict| verdict.hypothesis == *hypothesis);
        match found {
            Some(verdict) => {
                if verdict.says == Says::Consistent {
                    verdict.says = Says::Undecided;
                }
                verdict.because.push(why);
            }
            // Of a reference that was not reached at all there is nothing to weigh.
            None => verdicts.push(Verdict {
                hypothesis: *hypothesis,
                against: against(*hypothesis),
                says: Says::Undecided,
                because: vec![why],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::asker::now_ms;
    use crate::identity::record::SCHEMA;
    use crate::reply::{Reply, Stop, Timing, Usage};

    fn reply() -> Outcome {
        Outcome::Reply(Reply {
            text: "OK".into(),
            reasoning: String::new(),
            stop: Stop::End,
            usage: Usage::default(),
            timing: Timing::default(),
            model: None,
            system_fingerprint: None,
            request_id: None,
            provider: None,
            cut: None,
            id: None,
            headers: Default::default(),
        })
    }

    fn limited() -> Outcome {
        Outcome::Failure(Failure::Limited {
            said: "slow down".into(),
            retry_after_ms: None,
            permanent: false,
        })
    }

    fn too_long() -> Outcome {
        Outcome::Failure(Failure::TooLong {
            said: "4096 at most".into(),
            window_tokens: Some(4_096),
        })
    }

    /// Attempts at questions of a signal, each by what came of it.
    fn attempts(signal: &str, outcomes: &[Outcome]) -> Vec<Attempt> {
        let attempt = |(at, outcome): (usize, &Outcome)| Attempt {
            schema: SCHEMA,
            attempt: at as u64,
            at_ms: now_ms(),
            side: Side::Target,
            signal: signal.to_owned(),
            probe: at.to_string(),
            behind_bytes: 0,
            text: String::new(),
            blake3: String::new(),
            max_output_tokens: 1,
            temperature: None,
            outcome: outcome.clone(),
        };
        outcomes.iter().enumerate().map(attempt).collect()
    }

    fn planned(signal: &'static str, questions: u64) -> (Side, Planned) {
        let row = Planned {
            signal,
            questions,
            prompt_tokens: 0,
            output_tokens: 0,
        };
        (Side::Target, row)
    }

    #[test]
    fn many_failures_leave_the_whole_unfinished_and_single_ones_do_not() {
        let mut outcomes = vec![reply(); 8];
        outcomes.extend([limited(), limited()]);
        assert_eq!(unanswered(&attempts("x", &outcomes)), None);
        outcomes.push(limited());
        let told = unanswered(&attempts("x", &outcomes)).expect("too many");
        assert!(
            told.contains("3 of 11") && told.contains("slow down"),
            "{told}"
        );
        // Asked again with success, it was answered.
        let mut again = attempts("x", &[limited()]);
        again.extend(attempts("x", &[reply()]));
        assert_eq!(unanswered(&again), None);
        assert_eq!(unanswered(&attempts("x", &vec![too_long(); 9])), None);
    }

    #[test]
    fn what_was_planned_and_not_answered_is_named_and_takes_agreement_back() {
        let plan = [
            planned(vector::NAME, 2),
            planned(equality::NAME, 4),
            planned(twist::NAME, 2),
        ];
        let mut all = attempts(vector::NAME, &[reply(), reply()]);
        all.extend(attempts(
            equality::NAME,
            &[reply(), limited(), limited(), limited()],
        ));
        all.extend(attempts(twist::NAME, &[too_long()]));
        let found = missing(&plan, &all, false);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].signal, found[0].answered), (equality::NAME, 1));
        let mut verdicts = vec![Verdict {
            hypothesis: Hypothesis::Reference,
            against: "x".into(),
            says: Says::Consistent,
            because: Vec::new(),
        }];
        withhold(&mut verdicts, &found, |_| String::new());
        assert_eq!(verdicts[0].says, Says::Undecided);
        assert!(
            verdicts[0].because[0].contains("model equality test of the target: 1 of 4"),
            "{verdicts:?}"
        );
        verdicts[0].says = Says::NotConsistent;
        withhold(&mut verdicts, &found, |_| String::new());
        assert_eq!(verdicts[0].says, Says::NotConsistent);
        // Stopped before it was asked.
        let found = missing(&plan, &attempts(vector::NAME, &[reply()]), true);
        assert_eq!(found.len(), 3, "{found:?}");
        withhold(&mut verdicts, &found[2..], |_| "itself".to_owned());
        assert_eq!(verdicts[1].hypothesis, Hypothesis::Long);
        assert_eq!(verdicts[1].says, Says::Undecided);
    }
}
