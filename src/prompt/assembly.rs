//! Laying needles into a haystack by adding token counts: only joints are ever encoded.

use super::sheet::{Sheet, Sown};
use super::{Placed, Prompt, Shares};
use crate::corpus::Corpus;
use crate::haystack::{self, Route, Run};
use crate::index::{Index, UnitId};
use crate::seed::Stream;
use crate::sentence::{STOP, Script};
use crate::tokens::Tokenizer;
use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// What separates texts, and the question from the haystack.
pub(super) const BREAK: &str = "\n\n";
/// Tokens left for the sentences that round the length. Few, because they differ from question to
/// question and so are no part of the shared prefix; where no sentences of the sum exist, a unit
/// of the haystack is given back.
const ROUNDING_TOKENS: u64 = 24;
/// Asked again at the end of a prompt whose question stands at its start.
const REMINDER: &str = "Now answer the question that stands above the text.";

/// Where the question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuestionAt {
    /// After the haystack: all questions of one haystack share it as a prefix.
    End,
    /// Before the haystack, with a reminder at its end.
    Start,
}

/// A sentence to plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Needle {
    /// One sentence, beginning and ending in a non-space.
    pub sentence: String,
    /// Asked depth in percent: 0 is the start of the haystack, 100 its end.
    pub depth_percent: f64,
}

/// What one haystack with its needles needs.
#[derive(Clone, Debug)]
pub struct SetPlan<'a> {
    /// Length in tokens of the whole text, the template's share already taken off.
    pub text_tokens: u64,
    /// Needles in any order.
    pub needles: &'a [Needle],
    /// Every question that this haystack will be asked, so that all share its text.
    pub questions: &'a [String],
    /// Where they stand.
    pub question_at: QuestionAt,
}

/// Lays prompts out of one corpus, index and tokenizer.
pub struct Assembler<'a> {
    pub(super) corpus: &'a Corpus,
    pub(super) index: &'a Index,
    pub(super) tokenizer: &'a Tokenizer,
    joints: Mutex<HashMap<(UnitId, u32), u64>>,
    begins_plainly: OnceLock<bool>,
}

/// A haystack with its needles, ready for its questions.
pub struct Set<'a> {
    assembler: &'a Assembler<'a>,
    plan: SetPlan<'a>,
    elements: Vec<Element>,
    base: Vec<Run>,
    sown: Vec<Sown>,
}

/// What a prompt is laid of, in order.
#[derive(Clone, Debug, PartialEq)]
enum Element {
    Hay(Run),
    Needle(usize),
}

impl<'a> Assembler<'a> {
    /// An assembler; the index must be that of the corpus and the tokenizer.
    pub fn new(corpus: &'a Corpus, index: &'a Index, tokenizer: &'a Tokenizer) -> Assembler<'a> {
        Assembler {
            corpus,
            index,
            tokenizer,
            joints: Mutex::default(),
            begins_plainly: OnceLock::new(),
        }
    }

    /// The index that it lays prompts out of.
    pub fn index(&self) -> &'a Index {
        self.index
    }

    /// Tokens of a text that stands alone.
    ///
    /// # Errors
    /// When the tokenizer refuses it.
    pub fn count(&self, text: &str) -> Result<u64> {
        self.tokenizer.count(text)
    }

    /// Chooses the haystack along `route` and places the needles.
    ///
    /// # Errors
    /// When the length is too short for needles and questions, or the corpus for the length.
    pub fn set(&'a self, route: &Route, plan: SetPlan<'a>) -> Result<Set<'a>> {
        let (sown, needles) = self.sown(plan.needles)?;
        let mut questions = 0;
        for question in plan.questions {
            let (head, tail) = around(question, plan.question_at);
            questions = questions.max(self.tokenizer.count(&head)? + self.tokenizer.count(&tail)?);
        }
        let least = needles + questions + ROUNDING_TOKENS;
        let Some(budget) = plan.text_tokens.checked_sub(least) else {
            bail!(
                "a text of {} tokens is too short for {} needles and the question: at least {least} are needed",
                plan.text_tokens,
                plan.needles.len()
            );
        };
        let (base, tokens) = route.take(self.index, budget, |last, text| self.joint(last, text))?;
        // Where the corpus has ended, rounding sentences would have to be repeated ones.
        if route.is_all(&base) && tokens + ROUNDING_TOKENS < budget {
            return Err(self.ended(tokens + least, &plan));
        }
        // Depths are shares of the whole haystack, the rounding sentences behind its base included.
        let elements = self.place(&base, budget + ROUNDING_TOKENS, plan.needles)?;
        Ok(Set {
            assembler: self,
            plan,
            elements,
            base,
            sown,
        })
    }

    /// The needles with their tokens where these do not depend on the place, and the sum of all
    /// where they stand alone.
    fn sown(&self, needles: &[Needle]) -> Result<(Vec<Sown>, u64)> {
        // All counts below are borders of the form that the index has proven to add up.
        let trusted = self.index.additive && self.begins_plainly()?;
        let has = |spaceless: bool| {
            let mut texts = self.index.texts.iter();
            texts.any(|text| text.script.is_spaceless() == spaceless)
        };
        let (spaced, spaceless) = (has(false), has(true));
        let mut sum = 0;
        let mut all = Vec::with_capacity(needles.len());
        for Needle { sentence, .. } in needles {
            let mut sown = Sown {
                sentence: sentence.clone(),
                spaced_tokens: None,
                spaceless_tokens: None,
            };
            if spaced || !spaceless {
                let alone = self.tokenizer.count(&format!(" {sentence}"))?;
                let is_of_form = !sentence.is_empty()
                    && !sentence.starts_with(char::is_whitespace)
                    && !sentence.ends_with(char::is_whitespace);
                sown.spaced_tokens = (trusted && is_of_form).then_some(alone);
                sum += alone;
            } else {
                let (part, opens) = Sown::open_part(sentence);
                let alone = self.tokenizer.count(&format!("{STOP}{part}"))?;
                sown.spaceless_tokens = (trusted && opens && self.index.bordered).then_some(alone);
                sum += alone;
            }
            all.push(sown);
        }
        Ok((all, sum))
    }

    /// True where a text's beginning counts as it would inside a text: Llama 2's family puts a
    /// space before it.
    fn begins_plainly(&self) -> Result<bool> {
        if let Some(&known) = self.begins_plainly.get() {
            return Ok(known);
        }
        let mut plainly = true;
        for (anchor, sample) in [(".", " A"), ("a", STOP)] {
            plainly &= self.behind(anchor, sample)? == self.tokenizer.count(sample)?;
        }
        Ok(*self.begins_plainly.get_or_init(|| plainly))
    }

    /// The error of a corpus that has ended.
    fn ended(&self, longest_tokens: u64, plan: &SetPlan<'_>) -> anyhow::Error {
        anyhow!(
            "the corpus {} has text for {longest_tokens} tokens of {} and {} are asked for: ask for at most {longest_tokens}, bring more text (--corpus DIR), or let generated or repeated text follow (--beyond generated, --beyond repeated)",
            self.corpus.name,
            self.tokenizer.name(),
            plan.text_tokens
        )
    }

    /// Cuts the base at the unit borders nearest to the asked depths of a haystack of `hay_tokens`
    /// and lays the needles there. Those at 100 % are left out: they follow the rounding sentences.
    fn place(&self, base: &[Run], hay_tokens: u64, needles: &[Needle]) -> Result<Vec<Element>> {
        let mut order: Vec<usize> = (0..needles.len())
            .filter(|&at| needles[at].depth_percent < 100.0)
            .collect();
        order.sort_by(|&a, &b| {
            needles[a]
                .depth_percent
                .total_cmp(&needles[b].depth_percent)
        });
        let mut order = order.into_iter().peekable();
        let mut elements = Vec::new();
        let mut before = 0u64;
        for (at, run) in base.iter().enumerate() {
            let text = &self.index.texts[run.text as usize];
            let mut run = *run;
            let last = at + 1 == base.len();
            // A text's first unit belongs to the joint with the text before it.
            let joint = if run.from == 0 && at > 0 {
                let previous = base[at - 1];
                self.joint(
                    UnitId {
                        text: previous.text,
                        unit: previous.to - 1,
                    },
                    run.text,
                )? as i64
                    - text.tokens(0, 1) as i64
            } else {
                0
            };
            let origin = before as i64 + joint - i64::from(text.tokens_before[run.from as usize]);
            let place =
                |unit: u32| (origin + i64::from(text.tokens_before[unit as usize])).max(0) as u64;
            while let Some(&needle) = order.peek() {
                let target =
                    (needles[needle].depth_percent / 100.0 * hay_tokens as f64).round() as u64;
                if target > place(run.to) && !last {
                    break;
                }
                let after = run.from
                    + text.tokens_before[run.from as usize..=run.to as usize].partition_point(
                        |&tokens| ((origin + i64::from(tokens)).max(0) as u64) < target,
                    ) as u32;
                let after = after.min(run.to);
                let nearest = if after > run.from
                    && place(after) - target.min(place(after))
                        > target - place(after - 1).min(target)
                {
                    after - 1
                } else {
                    after
                };
                if nearest > run.from {
                    elements.push(Element::Hay(Run { to: nearest, ..run }));
                    run.from = nearest;
                }
                elements.push(Element::Needle(needle));
                order.next();
            }
            before = place(run.to);
            if run.from < run.to {
                elements.push(Element::Hay(run));
            }
        }
        elements.extend(order.map(Element::Needle));
        Ok(elements)
    }

    /// True for a unit that leaves its full stop to what follows: in scripts without spaces all
    /// but one that is a whole text.
    pub(super) fn is_open(&self, id: UnitId) -> Result<bool> {
        let script = self.index.texts[id.text as usize].script;
        Ok(script.is_spaceless() && self.unit(id)?.ends_with(char::is_alphanumeric))
    }

    /// Tokens that the first unit of `text` takes behind another text's unit and a paragraph break.
    pub(super) fn joint(&self, last: UnitId, text: u32) -> Result<u64> {
        let key = (last, text);
        if let Ok(joints) = self.joints.lock()
            && let Some(&known) = joints.get(&key)
        {
            return Ok(known);
        }
        let stop = if self.is_open(last)? { STOP } else { "" };
        let tokens = self.behind(
            self.unit(last)?,
            &format!("{stop}{BREAK}{}", self.unit(UnitId { text, unit: 0 })?),
        )?;
        if let Ok(mut joints) = self.joints.lock() {
            joints.insert(key, tokens);
        }
        Ok(tokens)
    }

    /// Tokens that `text` takes behind `last`; a prompt begins behind nothing.
    pub(super) fn behind(&self, last: &str, text: &str) -> Result<u64> {
        if last.is_empty() {
            return self.tokenizer.count(text);
        }
        let both = self.tokenizer.count(&format!("{last}{text}"))?;
        Ok(both.saturating_sub(self.tokenizer.count(last)?))
    }

    pub(super) fn unit(&self, id: UnitId) -> Result<&str> {
        let (from, to) = self.index.texts[id.text as usize].bytes(id.unit, id.unit + 1);
        Ok(&self.corpus.texts[id.text as usize].as_str()?[from..to])
    }
}

/// What stands before and after the haystack.
fn around(question: &str, at: QuestionAt) -> (String, String) {
    match at {
        QuestionAt::End => (String::new(), format!("{BREAK}{question}")),
        QuestionAt::Start => (format!("{question}{BREAK}"), format!("{BREAK}{REMINDER}")),
    }
}

impl Set<'_> {
    /// The prompt that asks one of the plan's questions. `stream` picks the rounding sentences.
    ///
    /// # Errors
    /// When no sentences of the corpus meet the length exactly (a very small corpus).
    pub fn prompt(&self, question: usize, mut stream: Stream) -> Result<Prompt> {
        let (head, tail) = around(&self.plan.questions[question], self.plan.question_at);
        let target = self.plan.text_tokens;
        let mut elements = self.elements.clone();
        let mut base = self.base.clone();
        // Behind any plain sentence the tail counts the same, so one correction is enough; a
        // tokenizer whose counts do not add up is met by recounting the whole.
        let mut correction = 0i64;
        for _ in 0..60 {
            let bare = self.laid(&head, &elements, &[], &tail, false)?;
            let missing = target as i64 - bare.text_tokens as i64 + correction;
            let fillers = u64::try_from(missing).ok().and_then(|missing| {
                haystack::fill(self.assembler.index, missing, &base, &mut stream)
            });
            let Some(fillers) = fillers else {
                // Sentences of this sum do not exist: give back a unit, or as many as are too
                // many, and try the larger sum.
                let mut over = -missing;
                loop {
                    match drop_last_unit(self.assembler.index, &mut elements, &mut base) {
                        Some(tokens) => over -= tokens as i64,
                        None => return Err(self.unmet()),
                    }
                    if over <= 0 {
                        break;
                    }
                }
                continue;
            };
            let mut prompt = self.laid(&head, &elements, &fillers, &tail, true)?;
            if !self.assembler.index.additive {
                prompt.text_tokens = self.assembler.tokenizer.count(&prompt.rope.text())?;
            }
            if prompt.text_tokens == target {
                prompt.shares.repeated_tokens =
                    haystack::repeated_tokens(self.assembler.index, &base, &fillers);
                return Ok(prompt);
            }
            correction += target as i64 - prompt.text_tokens as i64;
        }
        Err(self.unmet())
    }

    fn unmet(&self) -> anyhow::Error {
        anyhow!(
            "no sentences of the corpus {} meet {} tokens exactly: use a larger corpus",
            self.assembler.corpus.name,
            self.plan.text_tokens
        )
    }

    /// Lays everything out and adds up the tokens; without writing it, the tokens alone.
    fn laid(
        &self,
        head: &str,
        elements: &[Element],
        fillers: &[Run],
        tail: &str,
        writes: bool,
    ) -> Result<Prompt> {
        let assembler = self.assembler;
        let needles = self.plan.needles;
        let at_end = (0..needles.len()).filter(|&at| needles[at].depth_percent >= 100.0);
        let order = elements
            .iter()
            .cloned()
            .chain(fillers.iter().copied().map(Element::Hay))
            .chain(at_end.map(Element::Needle));
        let script = self.base.first().map_or(Script::English, |run| {
            assembler.index.texts[run.text as usize].script
        });
        let mut sheet = Sheet::new(assembler, script, writes);
        let mut hay_tokens = 0u64;
        let mut shares = Shares::default();
        let mut before = vec![0u64; needles.len()];
        let question_first = !head.is_empty();
        let mut head = Some(head);
        let mut shared_pieces = 0;
        for (at, element) in order.enumerate() {
            let added = match &element {
                Element::Hay(run) => sheet.hay(*run, head.take())?,
                Element::Needle(needle) => sheet.needle(&self.sown[*needle], head.take())?,
            };
            match element {
                Element::Hay(run) => {
                    hay_tokens += added;
                    *shares.of_mut(assembler.index.texts[run.text as usize].kind) += added;
                }
                Element::Needle(needle) => before[needle] = hay_tokens,
            }
            if at < elements.len() && !question_first {
                shared_pieces = sheet.rope.pieces().len();
            }
        }
        sheet.tail(tail)?;
        let placed = needles
            .iter()
            .zip(before)
            .map(|(needle, before)| Placed {
                asked_percent: needle.depth_percent,
                actual_percent: if hay_tokens == 0 {
                    0.0
                } else {
                    100.0 * before as f64 / hay_tokens as f64
                },
            })
            .collect();
        Ok(Prompt {
            rope: sheet.rope,
            parts: sheet.parts,
            shared_pieces,
            text_tokens: sheet.tokens,
            placed,
            shares,
        })
    }
}

/// Takes the last unit off the haystack and gives its tokens; none when there is none left.
fn drop_last_unit(index: &Index, elements: &mut Vec<Element>, base: &mut Vec<Run>) -> Option<u64> {
    let (at, last) =
        elements
            .iter_mut()
            .enumerate()
            .rev()
            .find_map(|(at, element)| match element {
                Element::Hay(run) => Some((at, run)),
                Element::Needle(_) => None,
            })?;
    last.to -= 1;
    let tokens = index.texts[last.text as usize].tokens(last.to, last.to + 1);
    if last.from == last.to {
        elements.remove(at);
    }
    if let Some(last) = base.last_mut() {
        last.to -= 1;
        if last.from == last.to {
            base.pop();
        }
    }
    Some(tokens)
}
