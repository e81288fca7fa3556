//! Controls of a study: what the model can do without the length, and what it says without the fact.

use super::Runner;
use super::controls::Outgoing;
use crate::answer::{Right, Rule};
use crate::endpoint::Ask;
use crate::fact::Facts;
use crate::journal::{Control, ControlItem, ControlKind};
use crate::plan::{Group, Trial, needles};
use crate::prompt::{Part, Prompt, QuestionAt, SetPlan};
use crate::reply::{Failure, Stop};
use crate::rope::Rope;
use crate::score::{self, Question};
use crate::task::{self, Task};
use anyhow::Result;
use std::collections::HashSet;

/// Length of a short context in tokens, template included.
pub const SHORT_TOKENS: u64 = 1_000;

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
    asked: HashSet<(ControlKind, Option<Task>, u64)>,
}

impl<'a> Items<'a> {
    /// Knows what earlier sessions have asked.
    pub fn new(runner: &'a Runner<'a>, facts: &'a Facts, before: &[Control]) -> Items<'a> {
        let asked = before
            .iter()
            .filter(|control| !is_to_be_asked_again(control))
            .filter_map(|control| {
                let item = control.item.as_ref()?;
                Some((control.kind, item.task, item.nth))
            })
            .collect();
        Items {
            runner,
            facts,
            asked,
        }
    }

    /// True where an earlier session has asked it.
    pub fn is_asked(&self, item: &Item<'_>) -> bool {
        self.asked
            .contains(&(item.kind, self.named(item), item.nth))
    }

    /// The task of an item, where the run has several.
    fn named(&self, item: &Item<'_>) -> Option<Task> {
        let tasks = &self.runner.plan.grid.tasks;
        (tasks.len() > 1).then_some(item.trial.task)
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
        let Some((prompt, question)) = self.laid(item)? else {
            return Ok(None);
        };
        let runner = self.runner;
        let settings = &runner.settings;
        let expected = match item.kind {
            // Their counts are too small to tell anything, and the template is most of them.
            ControlKind::NoContext | ControlKind::NeedleOnly => None,
            _ => settings.basis.expected(prompt.text_tokens, None),
        };
        let rule = question.right.rule;
        let asked = runner.plan.grid.languages()?.1;
        runner
            .controls
            .send(Outgoing {
                kind: item.kind,
                length_tokens: item.length_tokens(),
                ask: Ask {
                    system: settings.system.clone(),
                    earlier: Vec::new(),
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
                    task: self.named(item),
                    key: question.key,
                    expected: question.right.shown(),
                    rule,
                    answers: match rule {
                        Rule::One => Vec::new(),
                        _ => question.right.values,
                    },
                    siblings: question.distractors,
                    values: question.right.value_type,
                    language: asked.code.to_string(),
                    question: question.text,
                }),
            })
            .await
    }

    /// The prompt, the question and the right answer; none where the length is too short for it.
    fn laid(&self, item: &Item<'_>) -> Result<Option<(Prompt, task::Question)>> {
        let runner = self.runner;
        let grid = &runner.plan.grid;
        let text_tokens = match item.kind {
            ControlKind::ShortContext => item.length_tokens(),
            _ => item.trial.length_tokens,
        };
        let posed = item
            .group
            .posed_in(text_tokens, grid, self.facts, runner.key);
        let mut posed = posed?;
        let mut question = posed.questions.swap_remove(item.trial.slot as usize);
        if !applies(item.kind, &question, !posed.words.is_empty()) {
            return Ok(None);
        }
        let mut needles = needles(&posed);
        // One of several keyed facts is asked; elsewhere all that is planted belongs together.
        let is_one_of_several = item.trial.task.shares_haystack();
        let about = question.about.min(needles.len().saturating_sub(1));
        match item.kind {
            ControlKind::NoContext => return self.alone(None, question).map(Some),
            ControlKind::NeedleOnly => {
                let sentences: Vec<String> = match is_one_of_several {
                    true => vec![needles.swap_remove(about).sentence],
                    false => {
                        needles.sort_by(|a, b| a.depth_percent.total_cmp(&b.depth_percent));
                        needles.into_iter().map(|needle| needle.sentence).collect()
                    }
                };
                let (told, _) = grid.languages()?;
                return self
                    .alone(Some(sentences.join(&told.joint)), question)
                    .map(Some);
            }
            ControlKind::NoNeedle => match is_one_of_several {
                true => drop(needles.remove(about)),
                false => needles.clear(),
            },
            ControlKind::AbsentNeedle if !is_one_of_several => return Ok(None),
            ControlKind::AbsentNeedle => {
                // The asked fact is left out and the others stay: its key was never planted.
                needles.remove(about);
                question.text.push_str(&grid.languages()?.1.unless_absent);
                question.right = Right::absent(question.right.value_type);
            }
            _ => {}
        }
        let questions = [question.text.clone()];
        let made = runner.assemblers.made(&posed)?;
        let own = made
            .as_ref()
            .map(|made| made.assembler(runner.assemblers.tokenizer()));
        let assembler = own
            .as_ref()
            .unwrap_or(runner.assemblers.of_task(item.trial.task));
        let set = assembler.set(
            &item.group.route(assembler.index(), runner.key, grid.beyond),
            SetPlan {
                text_tokens: runner.settings.basis.text_tokens(item.length_tokens()),
                needles: &needles,
                questions: &questions,
                question_at: runner.plan.grid.question_at,
            },
        );
        let rounding = item.group.rounding(item.trial, runner.key);
        let prompt = set.and_then(|set| set.prompt(0, rounding));
        Ok(prompt.ok().map(|prompt| (prompt, question)))
    }

    /// A prompt without a haystack.
    fn alone(
        &self,
        sentence: Option<String>,
        question: task::Question,
    ) -> Result<(Prompt, task::Question)> {
        let asked = &question.text;
        let text = match (sentence, self.runner.plan.grid.question_at) {
            (None, _) => asked.clone(),
            (Some(sentence), QuestionAt::End) => format!("{sentence}\n\n{asked}"),
            (Some(sentence), QuestionAt::Start) => format!("{asked}\n\n{sentence}"),
        };
        let prompt = Prompt {
            text_tokens: self.runner.assemblers.main().count(&text)?,
            rope: Rope::of(&text),
            parts: vec![Part::Own(text)],
            shared_pieces: 0,
            placed: Vec::new(),
            shares: Default::default(),
        };
        Ok((prompt, question))
    }
}

/// True where a control says what it is asked for: "none" is right without any text, and of a list
/// of words, which holds its answer all over, no fact can be taken out or told by itself.
fn applies(kind: ControlKind, question: &task::Question, is_of_words: bool) -> bool {
    match kind {
        ControlKind::NoContext => question.right.rule != Rule::Absent,
        ControlKind::NoNeedle => question.right.rule != Rule::Absent && !is_of_words,
        ControlKind::NeedleOnly => !is_of_words,
        _ => true,
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
    let right = item.right();
    let question = Question {
        right: &right,
        distractors: &item.siblings,
        key: &item.key,
        language: &item.language,
    };
    let judged = score::judge(&question, &reply.text, &reply.stop, &mut || None);
    Some(judged.class.is_right())
}
