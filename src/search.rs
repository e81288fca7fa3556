//! The effective length: a certified bracket that assumes no shape, and a model's interval beside it.
//!
//! The effective length is where the success rate first falls below a threshold. [`Search`] is what
//! a search is registered with; everything else is a function of it and of the blocks of questions
//! asked so far, so that a search that was killed goes on by replaying them.

mod ascent;
mod fit;
mod posterior;
mod standing;

pub use standing::{Bracket, Undecided};

use crate::stats::Tally;
use posterior::{Answers, Family, Model};
use serde::{Deserialize, Serialize};
use standing::Standing;

/// Questions of a block, one for each fifth of the depth.
pub const BLOCK: u64 = 5;
/// Tail probability on each side of the model's interval. What is reported as a 95 % interval is
/// one of 98 %, because stopping as soon as an interval is narrow makes it miss too often.
const TAIL: f64 = 0.01;
/// Candidates of the model's questions lie so far apart: a quarter of an octave.
const CANDIDATES_PER_OCTAVE: f64 = 4.0;
/// What a question costs beside its tokens, in tokens.
const QUESTION_TOKENS: f64 = 20_000.0;
/// Questions that each rung below the model's interval gets at least.
const AUDIT: u64 = 10;

/// What a search is made of; registered before anything is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Nothing shorter is asked, in tokens.
    pub shortest_tokens: u64,
    /// Nothing longer is asked, in tokens: the ladder's top.
    pub longest_tokens: u64,
    /// Each rung of the ladder is so many times as long as the one below.
    pub ladder_ratio: u32,
    /// Success rate that counts as effective.
    pub tau: f64,
    /// Chance of a wrong bracket at most, half of it at each end.
    pub alpha: f64,
    /// The bracket is halved until its ends are this far apart, as a ratio.
    pub bracket_ratio: f64,
    /// Lengths beside the ladder that halving may try.
    pub most_attempts: u32,
    /// Questions that the bracket spends on one length at most.
    pub most_per_length: u64,
    /// Half-width in ln tokens that the model's interval is narrowed to; none for the bracket alone.
    pub precision: Option<f64>,
    /// Questions of the whole search at most.
    pub most_questions: u64,
}

/// A finished block of questions of one nominal length, void ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Nominal length in tokens; the prompts' own lengths lie within 5 % of it.
    pub length_tokens: u64,
    /// What its questions came to.
    pub tally: Tally,
}

impl Search {
    /// A search with the usual settings.
    pub fn new(shortest_tokens: u64, longest_tokens: u64) -> Search {
        Search {
            shortest_tokens,
            longest_tokens,
            ladder_ratio: 2,
            tau: 0.85,
            alpha: 0.05,
            bracket_ratio: 1.5,
            most_attempts: 8,
            most_per_length: 100,
            precision: Some(0.25),
            most_questions: 2_000,
        }
    }

    /// The ladder in tokens, shortest first: the longest length divided by the ratio again and
    /// again.
    pub fn rungs(&self) -> Vec<u64> {
        let ratio = f64::from(self.ladder_ratio.max(2));
        let shortest = self.shortest_tokens.max(1) as f64;
        let mut rungs = Vec::new();
        let mut tokens = self.longest_tokens as f64;
        while tokens >= shortest {
            rungs.push(tokens.round() as u64);
            tokens /= ratio;
        }
        rungs.reverse();
        rungs
    }

    /// The certified bracket that these blocks support, in whatever order their lengths were
    /// chosen.
    pub fn bracket(&self, blocks: &[Block]) -> Bracket {
        let mut standing = Standing::new(self);
        for block in blocks {
            standing.add(self, block, false);
        }
        standing.bracket(self.tau)
    }

    /// Chance of an error at one end.
    fn alpha_each(&self) -> f64 {
        self.alpha / 2.0
    }
}

/// A search with its curves worked out. It remembers nothing of the blocks: all its answers depend
/// on those it is given.
#[derive(Clone, Debug)]
pub struct Seeker {
    search: Search,
    model: Model,
}

impl Seeker {
    /// Lays the grid of curves out.
    pub fn new(search: Search) -> Seeker {
        let family = Family::new(search.tau, search.shortest_tokens, search.longest_tokens);
        Seeker {
            search,
            model: Model::new(family),
        }
    }

    /// What it searches with.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// The nominal length in tokens of the next block, or none when the search has ended.
    pub fn next(&mut self, blocks: &[Block]) -> Option<u64> {
        let asked: u64 = blocks.iter().map(|block| block.tally.asked()).sum();
        if asked + BLOCK > self.search.most_questions {
            return None;
        }
        let (standing, is_bracketed) = self.replay(blocks);
        match is_bracketed {
            false => ascent::next(&self.search, &standing),
            true => self.narrow(&standing),
        }
    }

    /// Raw.
    pub fn raw(&mut self, blocks: &[Block]) -> Option<[f64; 5]> {
        let standing = self.replay(blocks).0;
        let high = standing.high()?;
        let answers = used(&standing, high);
        let posterior = self.model.posterior(&answers);
        let p = fit::predictive_p(&mut self.model, &posterior, &answers);
        let excess = fit::excess(&posterior, &answers);
        Some([
            posterior.quantile(TAIL),
            posterior.quantile(0.5),
            posterior.quantile(1.0 - TAIL),
            p,
            excess,
        ])
    }

    /// All blocks in their order, and whether the bracket is done. It is taken up again where the
    /// model's questions refute a length below it.
    fn replay(&self, blocks: &[Block]) -> (Standing, bool) {
        let mut standing = Standing::new(&self.search);
        let mut done_below: Option<Option<u64>> = None;
        for at in 0..=blocks.len() {
            if done_below.is_some_and(|high| standing.high() != high) {
                done_below = None;
            }
            if done_below.is_none() && ascent::next(&self.search, &standing).is_none() {
                done_below = Some(standing.high());
            }
            if let Some(block) = blocks.get(at) {
                standing.add(&self.search, block, done_below.is_some());
            }
        }
        (standing, done_below.is_some())
    }

    /// The next question for the model's interval.
    fn narrow(&mut self, standing: &Standing) -> Option<u64> {
        let precision = self.search.precision?;
        let high = standing.high()?;
        let answers = used(standing, high);
        let posterior = self.model.posterior(&answers);
        let (low, top) = (posterior.quantile(TAIL), posterior.quantile(1.0 - TAIL));
        if (top / low).ln() / 2.0 <= precision {
            return standing
                .lengths
                .iter()
                .find(|length| {
                    length.is_rung && (length.tokens as f64) < low && length.tally.asked() < AUDIT
                })
                .map(|length| length.tokens);
        }
        let from = (low / 8.0).max(self.search.shortest_tokens as f64);
        let to = (top * 4.0).min(last_used(high));
        let mut best: Option<(f64, u64)> = None;
        for tokens in self.candidates(from, to) {
            let worth = self.model.information(&posterior, tokens as f64)
                / (tokens as f64 + QUESTION_TOKENS).sqrt();
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, tokens));
            }
        }
        best.map(|(_, tokens)| tokens)
    }

    /// Lengths that divide the octaves below the longest one evenly, from…to tokens.
    fn candidates(&self, from: f64, to: f64) -> Vec<u64> {
        let longest = self.search.longest_tokens as f64;
        (0..)
            .map(|nth| longest * (-f64::from(nth) / CANDIDATES_PER_OCTAVE).exp2())
            .take_while(|tokens| *tokens >= from)
            .filter(|tokens| *tokens <= to)
            .map(|tokens| tokens.round() as u64)
            .collect()
    }
}

/// The longest length that the model hears of, in tokens: two candidates above the first refuted
/// one. What comes after a fall and a rise is not about the first crossing.
fn last_used(high: u64) -> f64 {
    high as f64 * (2.01 / CANDIDATES_PER_OCTAVE).exp2()
}

/// The answers that the model hears of. Void questions tell it nothing.
fn used(standing: &Standing, high: u64) -> Vec<Answers> {
    standing
        .lengths
        .iter()
        .filter(|length| length.tokens as f64 <= last_used(high) && length.tally.answered() > 0)
        .map(|length| Answers {
            tokens: length.tokens as f64,
            right: length.tally.right,
            wrong: length.tally.wrong,
        })
        .collect()
}
