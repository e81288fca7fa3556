//! Controls of a study: what the model can do without the length, and what it says without the fact.

use super::Runner;
use super::controls::Outgoing;
use crate::endpoint::Ask;
use crate::fact::Facts;
use crate::journal::{Control, ControlItem, ControlKind};
use crate::plan::{Group, Trial};
use crate::prompt::{Part, Prompt, QuestionAt, SetPlan};
use crate::reply::{Failure, Stop};
use crate::rope::Rope;
use crate::score::{self, Class, Question};
use crate::task::niah::{self, ValueType};
use anyhow::Result;
use std::collections::HashSet;

/// Length of a short context in tokens, template included.
pub const SHORT_TOKENS: u64 = 1_000;
/// What is added to a question whose fact was never planted.
pub const ABSENT: &str = " If the text does not tell, answer \"none\".";
/// What is right then.
const NONE: &str = "none";

/// One control to ask: the question of a trial, asked otherwise.
pub struct Item<'g> {
    /// How.
    pub kind: ControlKind,
    /// Its number among those of its kind.
    pub nth: u64,
    /// The trial's haystack and facts.
    pub group: &'g Group,
    /// The trial.
    pub trial: &'g Trial,
    /// True where the trial itself is asked too.
    pub is_of_study: bool,
}

impl Item<'_> {
    /// Length of its prompt in tokens, template not included for those without a haystack.
    pub fn length_tokens(&self) -> u64 {
        match self.kind {
            ControlKind::NoContext | ControlKind::NeedleOnly => 64,
            ControlKind::ShortContext => SHORT_TOKENS.min(self.trial.length_tokens),
            _ => self.trial.length_tokens,
        }
    }
}

/// Asks controls that have a right answer.
pub struct Items<'a> {
    runner: &'a Runner<'a>,
    facts: &'a Facts,
    asked: HashSet<(ControlKind, u64)>,
}

impl<'a> Items<'a> {
    /// Knows what earlier sessions have asked.
    pub fn new(runner: &'a Runner<'a>, facts: &'a Facts, before: &[Control]) -> Items<'a> {
        let asked = before
            .iter()
            .filter(|control| !is_to_be_asked_again(control))
            .filter_map(|control| Some((control.kind, control.item.as_ref()?.nth)))
            .collect();
        Items {
            runner,
            facts,
            asked,
        }
    }

    /// True where an earlier session has asked it.
    pub fn is_asked(&self, item: &Item<'_>) -> bool {
        self.asked.contains(&(item.kind, item.nth))
    }

    /// Asks one, unless an earlier session has. None where it was asked before, where it cannot be
    /// laid out, or where a cap is reached.
    ///
    /// # Errors
    /// When a row cannot be written.
    pub async fn ask(&self, item: &Item<'_>) -> Result<Option<Control>> {
        if self.is_asked(item) {
            return Ok(None);
        }
        let Some((prompt, question, value)) = self.laid(item)? else {
            return Ok(None);
        };
        let runner = self.runner;
        let settings = &runner.settings;
        let expected = match item.kind {
            // Their counts are too small to tell anything, and the template is most of them.
            ControlKind::NoContext | ControlKind::NeedleOnly => None,
            _ => settings.basis.expected(prompt.text_tokens, None),
        };
        let fact = item.group.fact(self.facts, item.trial.slot)?;
        runner
            .controls
            .send(Outgoing {
                kind: item.kind,
                length_tokens: item.length_tokens(),
                ask: Ask {
                    system: settings.system.clone(),
                    prompt: prompt.rope,
                    shared_pieces: 0,
                    max_output_tokens: settings.max_output_tokens,
                    temperature: settings.temperature,
                    reasoning: settings.reasoning.clone(),
                },
                parts: prompt.parts,
                text_tokens: prompt.text_tokens,
                expected,
                codes: Vec::new(),
                item: Some(ControlItem {
                    trial: item.is_of_study.then_some(item.trial.id),
                    nth: item.nth,
                    key: fact.key.clone(),
                    expected: value,
                    siblings: item.group.siblings(self.facts, item.trial.slot)?,
                    values: runner.plan.grid.values,
                    question,
                }),
            })
            .await
    }

    /// The prompt, the question and the right answer; none where the length is too short for it.
    fn laid(&self, item: &Item<'_>) -> Result<Option<(Prompt, String, String)>> {
        let runner = self.runner;
        let values = runner.plan.grid.values;
        let slot = item.trial.slot as usize;
        let fact = item.group.fact(self.facts, item.trial.slot)?;
        let mut needles = item.group.needles(self.facts, values)?;
        let mut question = niah::question(item.group.wording, values, &fact.key);
        let mut value = fact.value.clone();
        match item.kind {
            ControlKind::NoContext => return self.alone(None, question, value).map(Some),
            ControlKind::NeedleOnly => {
                let sentence = needles.swap_remove(slot).sentence;
                return self.alone(Some(sentence), question, value).map(Some);
            }
            ControlKind::NoNeedle => {
                needles.remove(slot);
            }
            ControlKind::AbsentNeedle => {
                // The asked fact is left out and the others stay: its key was never planted.
                needles.remove(slot);
                question.push_str(ABSENT);
                value = NONE.to_string();
            }
            _ => {}
        }
        let questions = [question.clone()];
        let set = runner.assembler.set(
            &item.group.route(runner.index, runner.key),
            SetPlan {
                text_tokens: runner.settings.basis.text_tokens(item.length_tokens()),
                needles: &needles,
                questions: &questions,
                question_at: runner.plan.grid.question_at,
            },
        );
        let rounding = item.group.rounding(item.trial, runner.key);
        let prompt = set.and_then(|set| set.prompt(0, rounding));
        Ok(prompt.ok().map(|prompt| (prompt, question, value)))
    }

    /// A prompt without a haystack.
    fn alone(
        &self,
        sentence: Option<String>,
        question: String,
        value: String,
    ) -> Result<(Prompt, String, String)> {
        let text = match (sentence, self.runner.plan.grid.question_at) {
            (None, _) => question.clone(),
            (Some(sentence), QuestionAt::End) => format!("{sentence}\n\n{question}"),
            (Some(sentence), QuestionAt::Start) => format!("{question}\n\n{sentence}"),
        };
        let prompt = Prompt {
            text_tokens: self.runner.assembler.count(&text)?,
            rope: Rope::of(&text),
            parts: vec![Part::Own(text)],
            shared_pieces: 0,
            placed: Vec::new(),
            shares: Default::default(),
        };
        Ok((prompt, question, value))
    }
}

/// True where the failure was the connection's, not the prompt's.
fn is_to_be_asked_again(control: &Control) -> bool {
    match &control.outcome {
        crate::journal::Outcome::Failure(failure) => {
            failure.is_fatal() || matches!(failure, Failure::Unreachable { .. })
        }
        crate::journal::Outcome::Reply(_) => false,
    }
}

/// Whether a control was answered rightly; none where nothing was answered.
pub fn is_right(control: &Control) -> Option<bool> {
    let item = control.item.as_ref()?;
    let reply = control
        .reply()
        .filter(|reply| reply.stop != Stop::Filtered)?;
    if control.is_proven_cut() {
        return None;
    }
    let judged = |expected: &str, values: ValueType| {
        let question = Question {
            value_type: values,
            expected,
            distractors: &item.siblings,
            key: &item.key,
        };
        score::judge(&question, &reply.text, &reply.stop, &mut || None).class
    };
    if item.expected != NONE {
        return Some(judged(&item.expected, item.values).is_right());
    }
    let said = score::final_part(&reply.text);
    let bare = said.trim_matches(|c: char| !c.is_alphanumeric());
    // What was planted beside it shows what a value looks like; any value is a guess.
    let form = item.siblings.first().map_or("0000000", String::as_str);
    Some(bare.eq_ignore_ascii_case(NONE) || judged(form, item.values) == Class::Refusal)
}
