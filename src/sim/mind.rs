//! What a simulated model makes of a prompt: where it finds the fact, and whether it recalls it.

use super::body::ChatRequest;
use super::doors;
use super::prefix::{Blocks, Prefixes};
use super::reader::{self, Fact, Question};
use super::solver::{self, Solution};
use super::truth::{Recall, Truth};
use crate::task::{Kind, Task};
use crate::tokens::Tokenizer;
use anyhow::Result;
use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the chat template adds to the tokens of the messages.
pub const TEMPLATE_TOKENS: u64 = 7;

/// What it says where it finds nothing to say and was not told what to say then.
pub const NO_IDEA: &str = "I don't know.";

/// A keyed fact told in English has so many bytes or more.
const FACT_BYTES: usize = 60;

/// Length in bytes of the stretches in which tokens are counted.
const STRETCH_BYTES: usize = 1 << 20;

/// One simulated model's mind.
pub struct Mind {
    truth: Truth,
    tokenizer: Arc<Tokenizer>,
    prefixes: Mutex<Prefixes>,
    /// What tells two flaky models apart that were given no seed.
    chance: u64,
    thoughts: AtomicU64,
}

/// A prompt as it was read.
pub struct Reading<'t> {
    text: &'t str,
    question: Option<Question<'t>>,
    fact: Option<Fact<'t>>,
    /// What a question of another form comes to.
    solution: Option<Solution>,
    /// What is to be answered where the text does not say it.
    otherwise: &'static str,
    /// The codes of a control prompt, each with its place in bytes.
    codes: Option<Vec<(usize, &'t str)>>,
    before_tokens: u64,
    /// Tokens of the whole prompt, template included.
    pub prompt_tokens: u64,
}

/// What is answered to a prompt.
pub struct Thought<'t> {
    /// The answer.
    pub text: Cow<'t, str>,
    /// Tokens of the prompt that an earlier prompt began with.
    pub cached_tokens: u64,
    /// A number that belongs to this prompt and this answer.
    pub mark: u64,
}

impl Mind {
    /// A mind of this truth.
    pub fn new(truth: Truth) -> Result<Mind> {
        let chance = RandomState::new().hash_one(std::process::id());
        Ok(Mind {
            chance: truth.seed.unwrap_or(chance),
            truth,
            tokenizer: Tokenizer::bundled("o200k")?,
            prefixes: Mutex::default(),
            thoughts: AtomicU64::new(0),
        })
    }

    /// What it is like.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Reads a prompt: finds question and fact, and counts its tokens.
    pub fn read<'t>(&self, request: &'t ChatRequest) -> Result<Reading<'t>> {
        let text = request.text.as_str();
        // English keyed facts are read by the fastest way; every other form by its solver.
        let special = solver::special(text, &request.messages);
        let question = match special {
            Some(_) => None,
            None => reader::question(text, &request.messages),
        };
        let fact = question.and_then(|question| reader::fact(text, question));
        // The fact may be told in another language than it is asked for, or be none of those.
        let solution = match fact {
            Some(_) => None,
            None => special.or_else(|| solver::solve(text, &request.messages)),
        };
        let at = fact.map(|fact| fact.at);
        let at = at.or(solution.as_ref().map(|solution| solution.at));
        let (prompt_tokens, before_tokens) = self.measure(request, at)?;
        Ok(Reading {
            text,
            question,
            fact,
            solution,
            otherwise: match reader::allows_none(text, &request.messages) {
                true => reader::NONE,
                false => NO_IDEA,
            },
            codes: doors::codes(text, &request.messages),
            before_tokens,
            prompt_tokens,
        })
    }

    /// Tokens of a whole prompt, template included.
    pub fn length(&self, request: &ChatRequest) -> Result<u64> {
        Ok(self.measure(request, None)?.0)
    }

    /// The ids of a text's tokens.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.tokenizer.encode(text)
    }

    /// Answers a prompt that was read.
    pub fn think<'t>(&self, reading: &Reading<'t>) -> Thought<'t> {
        let (cached_tokens, prompt) = self.remember(reading);
        let chance = self.chance(&prompt);
        if let Some(codes) = &reading.codes {
            return Thought {
                text: Cow::Owned(self.recite(reading, codes, &chance)),
                cached_tokens,
                mark: draw(&chance, 2),
            };
        }
        if let Some(solution) = &reading.solution {
            return Thought {
                text: Cow::Owned(self.solve(reading, solution, &chance)),
                cached_tokens,
                mark: draw(&chance, 2),
            };
        }
        let answer = match (&self.truth.recall, reading.question, reading.fact) {
            (Recall::Grep, Some(question), _) => reader::grep(reading.text, question.key),
            (_, _, Some(fact)) => {
                let depth = reading.before_tokens as f64 / reading.prompt_tokens as f64;
                // A cut prompt has as many tokens as its server says, give or take a few.
                let depth = depth.min(1.0);
                let task = self.keyed_task(reading, fact);
                let recall = self.truth.recall_in(task, reading.prompt_tokens, depth);
                if unit(draw(&chance, 0)) < recall {
                    Some(fact.value)
                } else {
                    one_of(&reader::siblings(reading.text, fact), draw(&chance, 1))
                }
            }
            _ => None,
        };
        Thought {
            text: Cow::Borrowed(answer.unwrap_or(reading.otherwise)),
            cached_tokens,
            mark: draw(&chance, 2),
        }
    }

    /// The task of a keyed fact: looked for only where a curve may hang on it.
    fn keyed_task(&self, reading: &Reading<'_>, fact: Fact<'_>) -> Task {
        match (self.truth.of_tasks.as_slice(), reading.question) {
            ([_, ..], Some(question)) => {
                let told = 1 + reader::siblings(reading.text, fact).len();
                solver::keyed_task(question.key, told, told * FACT_BYTES, reading.text.len())
            }
            _ => Task::NIAH_SINGLE,
        }
    }

    /// The answer to a question that a solver understood, or what a careless reader would say.
    fn solve(&self, reading: &Reading<'_>, solution: &Solution, chance: &blake3::Hash) -> String {
        let task = solution.task;
        let depth = reading.before_tokens as f64 / reading.prompt_tokens.max(1) as f64;
        let is_recalled = match self.truth.recall {
            // It finds words and understands nothing.
            Recall::Grep => task.kind() == Kind::Literal,
            _ => {
                let recall =
                    self.truth
                        .recall_in(task, reading.prompt_tokens, depth.clamp(0.0, 1.0));
                unit(draw(chance, 0)) < recall
            }
        };
        if is_recalled {
            return solution.answer.clone();
        }
        let wrong: Vec<&str> = solution.wrong.iter().map(String::as_str).collect();
        let wrong = one_of(&wrong, draw(chance, 1));
        wrong.unwrap_or(reading.otherwise).to_owned()
    }

    /// The codes that it recalls, each by the curve at its own depth.
    fn recite(
        &self,
        reading: &Reading<'_>,
        codes: &[(usize, &str)],
        chance: &blake3::Hash,
    ) -> String {
        let mut recalled = Vec::new();
        for (nth, (at, code)) in codes.iter().enumerate() {
            let depth = *at as f64 / reading.text.len().max(1) as f64;
            let mut hasher = blake3::Hasher::new();
            hasher
                .update(chance.as_bytes())
                .update(&(nth as u64).to_le_bytes());
            let is_found = self.truth.recall == Recall::Grep
                || unit(draw(&hasher.finalize(), 0))
                    < self.truth.recall(reading.prompt_tokens, depth);
            if is_found {
                recalled.push(*code);
            }
        }
        match recalled.is_empty() {
            true => NO_IDEA.to_owned(),
            false => recalled.join("\n"),
        }
    }

    /// What an answer hangs on: the prompt and the seed, or how many were answered before.
    fn chance(&self, prompt: &blake3::Hash) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        if matches!(self.truth.recall, Recall::Flaky { .. }) {
            let number = self.thoughts.fetch_add(1, Ordering::Relaxed);
            hasher.update(&self.chance.to_le_bytes());
            hasher.update(&number.to_le_bytes());
        } else {
            hasher.update(&self.truth.seed.unwrap_or_default().to_le_bytes());
            hasher.update(prompt.as_bytes());
        }
        hasher.finalize()
    }

    /// Tokens of the whole prompt, and those of them before the fact.
    fn measure(&self, request: &ChatRequest, at: Option<usize>) -> Result<(u64, u64)> {
        let text = request.text.as_str();
        let (mut total, mut before) = (TEMPLATE_TOKENS, 0);
        for message in &request.messages {
            let at = at.filter(|at| message.contains(at));
            let cut = at.map_or(message.start, |at| safe_cut(text, message.start, at));
            let first = self.count(&text[message.start..cut])?;
            if let Some(at) = at {
                before = total + first + self.count(&text[cut..at])?;
            }
            total += first + self.count(&text[cut..message.end])?;
        }
        Ok((total, before))
    }

    /// Tokens of a text, counted stretch by stretch: the ids of ten million tokens would take as
    /// much memory as the text.
    pub fn count(&self, text: &str) -> Result<u64> {
        let (mut tokens, mut from) = (0, 0);
        while text.len() - from > STRETCH_BYTES {
            let cut = safe_cut(text, from, text.floor_char_boundary(from + STRETCH_BYTES));
            if cut == from {
                break;
            }
            tokens += self.tokenizer.count(&text[from..cut])?;
            from = cut;
        }
        Ok(tokens + self.tokenizer.count(&text[from..])?)
    }

    /// Tokens that an earlier prompt began with, and the prompt's fingerprint. Cached tokens are
    /// the prompt's tokens by the share of bytes seen before; one at least is always read anew.
    fn remember(&self, reading: &Reading<'_>) -> (u64, blake3::Hash) {
        let blocks = Blocks::of(reading.text);
        let digest = blocks.digest();
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_bytes = prefixes.seen_bytes(blocks, reading.text.len());
        let share = seen_bytes as f64 / reading.text.len().max(1) as f64;
        let cached = (reading.prompt_tokens as f64 * share) as u64;
        (cached.min(reading.prompt_tokens.saturating_sub(1)), digest)
    }

    /// Cuts an answer into pieces of one token each, none within a character, and stops at the
    /// budget; true where something was left out.
    pub fn pieces(&self, answer: &str, budget: u64) -> Result<(Vec<String>, bool)> {
        let mut ends = Vec::new();
        for (at, c) in answer.char_indices() {
            let end = at + c.len_utf8();
            ends.push((end, self.tokenizer.count(&answer[..end])?));
        }
        let wanted = ends.last().map_or(0, |&(_, tokens)| tokens);
        let mut pieces = Vec::new();
        let mut from = 0;
        for tokens in 1..=wanted.min(budget) {
            // A longer beginning can have fewer tokens than a shorter one: take the longest.
            let end = ends
                .iter()
                .rfind(|end| end.1 <= tokens)
                .map_or(from, |end| end.0);
            if end > from {
                pieces.push(answer[from..end].to_owned());
                from = end;
            }
        }
        Ok((pieces, wanted > budget))
    }
}

/// The last place at or before `at` where a text can be cut and both halves counted apart:
/// between a non-space and a single space. No token of o200k (nor of any vocabulary measured)
/// reaches over it. The start where there is none.
fn safe_cut(text: &str, start: usize, at: usize) -> usize {
    let solid = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    memchr::memrchr_iter(b' ', &text.as_bytes()[start..at])
        .map(|space| start + space)
        .find(|&space| {
            solid(text[start..space].chars().next_back()) && solid(text[space + 1..].chars().next())
        })
        .unwrap_or(start)
}

/// The n-th number that hangs on a digest.
fn draw(digest: &blake3::Hash, nth: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&digest.as_bytes()[nth * 8..nth * 8 + 8]);
    u64::from_le_bytes(eight)
}

/// A number in 0…1, 1 excluded.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1u64 << 53) as f64
}

fn one_of<'t>(values: &[&'t str], number: u64) -> Option<&'t str> {
    let count = values.len() as u64;
    (count > 0).then(|| values[(number % count) as usize])
}

#[cfg(test)]
mod tests;
