//! What an attempt comes to: scored, void with its reason, or asked again.

use crate::ground::Corpora;
use crate::journal::{Outcome, Row};
use crate::prompt::Part;
use crate::reconcile::EXACT_TOLERANCE_TOKENS;
use crate::reply::{Failure, Reply, Stop};
use crate::score::{self, Class, Judged, Question};

/// Share of the expected count below which a prompt sized by another model's tokenizer was cut:
/// vocabularies in use differ by less (0.99 to 1.15 for English prose).
const ESTIMATE_FLOOR: f64 = 0.75;

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trial is settled by it.
    Settled,
    /// The answer ran out of its budget or is empty: asked once more with four times the budget.
    LargerBudget,
    /// It failed in a way that may pass.
    Retry,
}

/// Decides what follows. `enlarged`: the larger budget was given already, or there is none.
/// `may_retry`: retries are left.
pub fn verdict(row: &Row, enlarged: bool, may_retry: bool) -> Verdict {
    let right = row
        .judged
        .as_ref()
        .is_some_and(|judged| judged.class.is_right());
    Attempt::of(row).verdict(row.void.as_deref(), right, enlarged, may_retry)
}

/// An attempt at a trial or at an item of a set: what was sent, as counted, and what came back.
pub struct Attempt<'a> {
    /// What came back.
    pub outcome: &'a Outcome,
    /// Tokens of the text by the run's tokenizer.
    pub text_tokens: u64,
    /// Tokens that the server should report.
    pub expected_tokens: Option<u64>,
    /// Tokens by which its report may differ.
    pub tolerance_tokens: Option<u64>,
    /// True where the counts are exact.
    pub exact: bool,
    /// Output budget in tokens.
    pub max_output_tokens: u64,
}

impl Attempt<'_> {
    fn of(row: &Row) -> Attempt<'_> {
        Attempt {
            outcome: &row.outcome,
            text_tokens: row.prompt.text_tokens,
            expected_tokens: row.prompt.expected_tokens,
            tolerance_tokens: row.prompt.tolerance_tokens,
            exact: row.prompt.exact,
            max_output_tokens: row.max_output_tokens,
        }
    }

    /// Decides what follows, as [`verdict`].
    pub fn verdict(
        &self,
        void: Option<&str>,
        right: bool,
        enlarged: bool,
        may_retry: bool,
    ) -> Verdict {
        match self.outcome {
            Outcome::Failure(failure) if may_retry && failure.is_transient() => Verdict::Retry,
            Outcome::Failure(_) => Verdict::Settled,
            Outcome::Reply(reply) => {
                let ran_out = *stop_of(self.max_output_tokens, reply) == Stop::Length
                    || reply.text.trim().is_empty();
                let cut = void.is_some_and(|void| void != NO_OUTPUT && void != CLAMPED);
                if ran_out && !right && !enlarged && !cut {
                    Verdict::LargerBudget
                } else {
                    Verdict::Settled
                }
            }
        }
    }
}

/// How many times the budget an answer gets that ran out of it.
const LARGER: u64 = 4;
/// Kept free in a window beside prompt and answer: templates and counts differ by a few tokens.
const WINDOW_MARGIN_TOKENS: u64 = 16;

/// Output tokens of a short answer, the words around it included.
const SHORT_ANSWER_TOKENS: u64 = 64;

/// The output budget of a question: what was asked for, and more where the right answer itself is
/// long and the window has room for it.
pub fn budget(
    asked: u64,
    answer_tokens: u64,
    prompt_tokens: u64,
    window_tokens: Option<u64>,
) -> u64 {
    // Lists are written with marks and line breaks, and numbers by some vocabularies in digits.
    let needed = SHORT_ANSWER_TOKENS / 2 + 2 * answer_tokens;
    let wanted = asked + needed.saturating_sub(SHORT_ANSWER_TOKENS);
    let room = window_tokens
        .filter(|window| *window > prompt_tokens)
        .map_or(u64::MAX, |window| {
            window.saturating_sub(prompt_tokens + WINDOW_MARGIN_TOKENS)
        });
    wanted.min(room).max(asked)
}

/// The larger budget that the window has room for; none where it has room for no more than the
/// first one: then the answer was cut for want of budget, and not by the server.
pub fn larger_budget(budget: u64, prompt_tokens: u64, window_tokens: Option<u64>) -> Option<u64> {
    // A window that the prompt itself exceeds was not declared truly.
    let room = window_tokens
        .filter(|window| *window > prompt_tokens)
        .map(|window| window.saturating_sub(prompt_tokens + WINDOW_MARGIN_TOKENS));
    let larger = (LARGER * budget).min(room.unwrap_or(u64::MAX));
    (larger > budget).then_some(larger)
}

const CUT_PROMPT: &str = "cut-prompt";
const TOKEN_MISMATCH: &str = "token-mismatch";
const NO_OUTPUT: &str = "no-output";
const CLAMPED: &str = "output-clamped";

/// True for the reasons that a count gives: what was lost is worth knowing.
pub fn is_mismatch(void: &str) -> bool {
    matches!(void, CUT_PROMPT | TOKEN_MISMATCH)
}

/// Why an attempt is void: something other than the model came between. None where it is scored.
pub fn void_reason(row: &Row) -> Option<String> {
    Attempt::of(row).void_reason(&|reply| judged(row, reply, &mut || None).class.is_right())
}

impl Attempt<'_> {
    /// Why it is void, as [`void_reason`]; `is_right` scores a reply.
    pub fn void_reason(&self, is_right: &dyn Fn(&Reply) -> bool) -> Option<String> {
        let reply = match self.outcome {
            Outcome::Failure(failure) => return Some(failure.reason().to_string()),
            Outcome::Reply(reply) => reply,
        };
        if reply.stop == Stop::Filtered {
            return Some(
                Failure::Filtered {
                    said: String::new(),
                }
                .reason()
                .to_string(),
            );
        }
        // Its own words are proof, whatever its counts say.
        if reply.cut.is_some() {
            return Some(CUT_PROMPT.into());
        }
        if let Some(reported) = reply.usage.prompt_tokens {
            let (low, high) = match self.expected_tokens {
                Some(expected) => {
                    // Rows of before it was recorded: one percent where the server's count sized it.
                    let slack = self.tolerance_tokens.unwrap_or(match self.exact {
                        true => EXACT_TOLERANCE_TOKENS,
                        false => EXACT_TOLERANCE_TOKENS.max(expected / 100),
                    });
                    (expected.saturating_sub(slack), expected + slack)
                }
                None => ((self.text_tokens as f64 * ESTIMATE_FLOOR) as u64, u64::MAX),
            };
            if reported < low {
                return Some(CUT_PROMPT.into());
            }
            if reported > high {
                return Some(TOKEN_MISMATCH.into());
            }
        }
        if reply.text.trim().is_empty()
            && reply.reasoning.is_empty()
            && reply.usage.output_tokens.unwrap_or(0) == 0
        {
            return Some(NO_OUTPUT.into());
        }
        let stopped_early = reply
            .usage
            .output_tokens
            .is_some_and(|tokens| tokens < self.max_output_tokens);
        if reply.stop == Stop::Length && stopped_early {
            return (!is_right(reply)).then(|| CLAMPED.to_string());
        }
        None
    }
}

/// The class of a row's answer; none for a void row.
pub fn judge(row: &Row, corpora: &Corpora) -> Option<Judged> {
    if row.void.is_some() {
        return None;
    }
    let (task, parts) = (row.trial.task, &row.prompt.parts);
    let mut haystack = || Part::rope(parts, corpora.of_task(task)?).ok();
    let mut judged = judged(row, row.reply()?, &mut haystack);
    // A slip away from the right value stays one: of all numbers with a slip hardly any stand in
    // the text by chance, and of those that stand there hardly any is a slip away.
    if judged.class == Class::Wrong
        && let Some(value) = &judged.value
        && corpora.tells(task, parts, value)
    {
        judged.class = Class::Distractor;
    }
    Some(judged)
}

/// Why the model stopped. An answer as long as its budget was cut there, whatever the server says:
/// llama-server's Responses call it completed.
fn stop_of(max_output_tokens: u64, reply: &Reply) -> &Stop {
    let is_full = reply.usage.output_tokens >= Some(max_output_tokens);
    match &reply.stop {
        Stop::End if is_full => &Stop::Length,
        stop => stop,
    }
}

fn judged(
    row: &Row,
    reply: &Reply,
    haystack: &mut dyn FnMut() -> Option<crate::rope::Rope>,
) -> Judged {
    let right = row.right();
    let question = Question {
        right: &right,
        distractors: &row.siblings,
        key: &row.key,
        language: &row.language,
    };
    let stop = stop_of(row.max_output_tokens, reply);
    let mut judged = score::judge(&question, &reply.text, stop, haystack);
    // A model that ends by itself was not cut, whatever its text looks like.
    if judged.class == Class::Empty && !reply.reasoning.is_empty() && *stop == Stop::Length {
        judged.class = Class::Cut;
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::ValueType;
    use crate::corpus::Corpus;
    use crate::haystack::Beyond;
    use crate::language::Language;
    use crate::task::{Task, niah::needle_form};
    use serde_json::json;

    #[test]
    fn long_answers_get_a_larger_budget_where_the_window_has_room() {
        assert_eq!(budget(64, 3, 1_000, None), 64);
        assert_eq!(budget(64, 60, 1_000, None), 152);
        assert_eq!(budget(4_160, 60, 1_000, None), 4_248);
        assert_eq!(budget(64, 60, 8_100, Some(8_192)), 76);
        assert_eq!(budget(64, 60, 8_112, Some(8_192)), 64);
    }

    #[test]
    fn the_larger_budget_is_four_times_the_first_or_what_the_window_has_room_for() {
        assert_eq!(larger_budget(64, 1_000, None), Some(256));
        assert_eq!(larger_budget(64, 1_000, Some(8_192)), Some(256));
        assert_eq!(larger_budget(64, 8_000, Some(8_192)), Some(176));
        // The longest prompt of a default sweep leaves room for one budget and a margin.
        assert_eq!(larger_budget(64, 8_112, Some(8_192)), None);
        assert_eq!(larger_budget(64, 9_000, Some(8_192)), Some(256));
    }

    #[test]
    fn the_value_of_a_neighbour_in_a_haystack_of_facts_is_a_distractor() {
        let english = Language::named("en").expect("built in");
        let task = Task::named("niah_multikey_2").expect("a task");
        let none = Corpus {
            name: "none".to_owned(),
            texts: Vec::new(),
        };
        let corpora = Corpora::of(none, &[task], english, 2_000, Beyond::Refused).expect("made");
        let text = corpora.of_task(task).expect("its own").texts[0].as_str();
        let form = needle_form(english, 0, ValueType::Numbers).expect("a wording");
        let facts = form.find(&text.expect("UTF-8")[..20_000]);
        let class = |task: Task, answer: &str, expected: &str| {
            let mut row: Row = serde_json::from_value(json!({
                "schema": 1,
                "trial": {"id": 0, "task": task, "length_tokens": 2_000, "sample": 0, "set": 0,
                    "slot": 0, "cell_percent": 50.0, "depth_percent": 50.0},
                "attempt": 1, "at_ms": 0, "key": "absent key", "expected": expected, "siblings": [],
                "values": "numbers", "wording": 0, "question": "?",
                "prompt": {"blake3": "", "bytes": 20_000, "text_tokens": 2_000,
                    "expected_tokens": null, "exact": true,
                    "placed": {"asked_percent": 50.0, "actual_percent": 50.0},
                    "shares": {"prose_tokens": 2_000, "code_tokens": 0, "repeated_tokens": 0},
                    "parts": [[0, facts[0].from, facts[50].to]]},
                "max_output_tokens": 64, "settled": true,
                "outcome": {"failure": {"kind": "filtered", "said": ""}},
            }))
            .expect("a row");
            row.outcome = Outcome::Reply(Reply {
                text: answer.to_owned(),
                reasoning: String::new(),
                stop: Stop::End,
                usage: Default::default(),
                timing: Default::default(),
                model: None,
                system_fingerprint: None,
                request_id: None,
                provider: None,
                cut: None,
                id: None,
                headers: Default::default(),
            });
            judge(&row, &corpora).expect("is scored").class
        };
        let near = facts[20].field("value");
        assert_eq!(class(task, near, "1234567"), Class::Distractor);
        // Beyond the end of the prompt, and in a haystack of prose.
        let far = facts[60].field("value");
        assert_eq!(class(task, far, "1234567"), Class::Wrong);
        assert_eq!(class(Task::NIAH_SINGLE, near, "1234567"), Class::Wrong);
        // A slip, though it stands there as well.
        let (begin, last) = near.split_at(near.len() - 1);
        let slip = format!("{begin}{}", if last == "0" { '1' } else { '0' });
        assert_eq!(class(task, near, &slip), Class::NearMiss);
    }
}
