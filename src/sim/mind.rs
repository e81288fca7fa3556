//! What a simulated model makes of a prompt: where it finds the fact, and whether it recalls it.

use super::body::ChatRequest;
use super::doors;
use super::draws::{draw, further, unit};
use super::parrot;
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

/// What the number hangs on that says how hard a prompt is, beside the prompt.
const DIFFICULTY: u64 = 1;

/// The temperature of requests that set none, as the vendors have it.
const USUAL_TEMPERATURE: f64 = 1.0;

/// One simulated model's mind.
pub struct Mind {
    truth: Truth,
    tokenizer: Arc<Tokenizer>,
    prefixes: Mutex<Prefixes>,
    /// What tells the requests of two models apart that were given no seed.
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
    /// The famous answer to a public question, where it matters.
    famous: Option<String>,
    /// A text that is to be repeated.
    echo: Option<&'t str>,
    /// True where nothing is asked that is a task.
    is_talk: bool,
    temperature: f64,
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
    /// A number that belongs to this answer alone.
    pub mark: u64,
    /// Which replica answered, where there are several.
    pub replica: Option<usize>,
}

/// What the draws of an answer hang on.
struct Chance {
    /// The prompt and the seed.
    prompt: blake3::Hash,
    /// The request: how many were answered before.
    request: blake3::Hash,
    number: u64,
}

impl Mind {
    /// A mind of this truth.
    pub fn new(truth: Truth) -> Result<Mind> {
        let chance = RandomState::new().hash_one(std::process::id());
        Ok(Mind {
            chance: truth.seed.unwrap_or(chance),
            tokenizer: truth.tokenizer()?,
            truth,
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
        let codes = doors::codes(text, &request.messages);
        let is_open = question.is_none() && solution.is_none() && codes.is_none();
        let echo = parrot::wanted(text, &request.messages).filter(|_| is_open);
        let famous = self
            .truth
            .memorised
            .and_then(|_| solver::by_heart(text, &request.messages));
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
            famous,
            echo,
            // Only who has something to say need know whether it is asked for anything else.
            is_talk: is_open
                && self.truth.voice.is_some()
                && !solver::is_asked(text, &request.messages),
            temperature: request.temperature.unwrap_or(USUAL_TEMPERATURE),
            codes,
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
        Thought {
            text: self.answer(reading, &prompt, &chance),
            cached_tokens,
            mark: draw(&chance.request, 2),
            replica: self.truth.recall.replica(chance.number),
        }
    }

    fn answer<'t>(
        &self,
        reading: &Reading<'t>,
        prompt: &blake3::Hash,
        chance: &Chance,
    ) -> Cow<'t, str> {
        if let Some(codes) = &reading.codes {
            return Cow::Owned(self.recite(reading, codes, chance));
        }
        if let (Some(famous), Some(share)) = (&reading.famous, self.truth.memorised)
            && unit(&chance.prompt, 3) < share
        {
            return Cow::Owned(famous.clone());
        }
        if let Some(solution) = &reading.solution {
            return Cow::Owned(self.solve(reading, solution, chance));
        }
        if let Some(echo) = reading.echo {
            return Cow::Owned(self.truth.family.says(echo));
        }
        if let (true, Some(voice)) = (reading.is_talk, self.truth.voice) {
            let by_place = |place: usize| unit(&further(&chance.request, place as u64), 0);
            return Cow::Owned(voice.say(prompt, reading.temperature, by_place));
        }
        let answer = match (&self.truth.recall, reading.question, reading.fact) {
            (Recall::Grep, Some(question), _) => reader::grep(reading.text, question.key),
            (_, _, Some(fact)) => {
                let task = self.keyed_task(reading, fact);
                let (is_recalled, draws) = self.recalls(task, reading, chance);
                match is_recalled {
                    true => Some(fact.value),
                    false => one_of(&reader::siblings(reading.text, fact), draw(draws, 1)),
                }
            }
            _ => None,
        };
        Cow::Borrowed(answer.unwrap_or(reading.otherwise))
    }

    /// Whether the fact that is asked for in a task is recalled, and what further draws hang on.
    fn recalls<'c>(
        &self,
        task: Task,
        reading: &Reading<'_>,
        chance: &'c Chance,
    ) -> (bool, &'c blake3::Hash) {
        let depth = reading.before_tokens as f64 / reading.prompt_tokens.max(1) as f64;
        // A cut prompt has as many tokens as its server says, give or take a few.
        let (share, draws) = self.share(self.truth.curve(task), reading, depth.min(1.0), chance);
        (unit(draws, 0) < share, draws)
    }

    /// The probability of recall by a curve, and what its draws hang on: the prompt, or the
    /// request where the model is a flaky one.
    fn share<'c>(
        &self,
        curve: &Recall,
        reading: &Reading<'_>,
        depth: f64,
        chance: &'c Chance,
    ) -> (f64, &'c blake3::Hash) {
        let difficulty = unit(&further(&chance.prompt, DIFFICULTY), 0);
        match curve.by_request(difficulty) {
            Some(share) => (share, &chance.request),
            None => {
                let share = curve.share_of(chance.number, reading.prompt_tokens, depth);
                (share, &chance.prompt)
            }
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
    fn solve(&self, reading: &Reading<'_>, solution: &Solution, chance: &Chance) -> String {
        let task = solution.task;
        let (is_recalled, draws) = match self.truth.recall {
            // It finds words and understands nothing.
            Recall::Grep => (task.kind() == Kind::Literal, &chance.prompt),
            _ => self.recalls(task, reading, chance),
        };
        if is_recalled {
            return solution.answer.clone();
        }
        let wrong = solution.wrong.iter().map(String::as_str);
        // Who is said to know so much by heart and no more answers nothing else from there.
        let wrong = wrong.filter(|wrong| reading.famous.as_deref() != Some(*wrong));
        let wrong = one_of(&wrong.collect::<Vec<_>>(), draw(draws, 1));
        wrong.unwrap_or(reading.otherwise).to_owned()
    }

    /// The codes that it recalls, each by the curve at its own depth.
    fn recite(&self, reading: &Reading<'_>, codes: &[(usize, &str)], chance: &Chance) -> String {
        let mut recalled = Vec::new();
        for (nth, (at, code)) in codes.iter().enumerate() {
            let depth = *at as f64 / reading.text.len().max(1) as f64;
            let (share, draws) = self.share(&self.truth.recall, reading, depth, chance);
            let is_found =
                self.truth.recall == Recall::Grep || unit(&further(draws, nth as u64), 0) < share;
            if is_found {
                recalled.push(*code);
            }
        }
        match recalled.is_empty() {
            true => NO_IDEA.to_owned(),
            false => recalled.join("\n"),
        }
    }

    fn chance(&self, prompt: &blake3::Hash) -> Chance {
        let number = self.thoughts.fetch_add(1, Ordering::Relaxed);
        let of = |seed: u64, what: &[u8]| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_le_bytes()).update(what);
            hasher.finalize()
        };
        Chance {
            prompt: of(self.truth.seed.unwrap_or_default(), prompt.as_bytes()),
            request: of(self.chance, &number.to_le_bytes()),
            number,
        }
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

    /// Cuts an answer into pieces of one token each (more where tokens share a character) and stops
    /// at the budget. Returns the pieces, how many tokens were said, and whether any were left out.
    /// A character whose last token does not fit is left out, and its first ones are said to no
    /// effect, as servers do.
    pub fn pieces(&self, answer: &str, budget: u64) -> Result<(Vec<String>, u64, bool)> {
        let ends = self.tokenizer.ends(answer)?;
        let said = usize::try_from(budget).map_or(ends.len(), |budget| budget.min(ends.len()));
        let mut pieces = Vec::new();
        let mut from = 0;
        for &end in &ends[..said] {
            let end = answer.floor_char_boundary(end);
            if end > from {
                pieces.push(answer[from..end].to_owned());
                from = end;
            }
        }
        Ok((pieces, said as u64, said < ends.len()))
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

fn one_of<'t>(values: &[&'t str], number: u64) -> Option<&'t str> {
    let count = values.len() as u64;
    (count > 0).then(|| values[(number % count) as usize])
}

#[cfg(test)]
mod tests;
