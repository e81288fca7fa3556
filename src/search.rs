//! The effective length: a certified bracket that assumes no shape, and a model's interval beside it.
//!
//! The effective length is where the success rate first falls below a threshold. [`Search`] is what
//! a search is registered with; everything else is a function of it and of the blocks of questions
//! asked so far, so that a search that was killed goes on by replaying them.

mod ascent;
mod estimate;
mod fit;
mod posterior;
mod standing;

pub use estimate::{Estimate, Withheld};
pub use standing::{Bracket, Undecided};

use crate::stats::Tally;
use anyhow::{Result, ensure};
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
/// The model's interval is withheld where one smooth decline fits worse than this,
const LEAST_FIT_P: f64 = 0.01;
/// where a decline in two steps is so many times as likely,
const MOST_ODDS: f64 = 10.0;
/// or where it reaches further than this to each side, in ln tokens, and no precision was asked for.
const WIDEST: f64 = 1.0;
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
            bracket_ratio: 1.3,
            most_attempts: 8,
            most_per_length: 100,
            precision: None,
            most_questions: 4_000,
        }
    }

    /// Fails, in one line, on settings that make no sense.
    pub fn check(&self) -> Result<()> {
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        ensure!(
            self.shortest_tokens > 0 && self.shortest_tokens <= self.longest_tokens,
            "a search from {} to {} tokens has no lengths: give a shortest one of at least 1 and no \
             longer than the longest",
            self.shortest_tokens,
            self.longest_tokens
        );
        ensure!(
            is_share(self.tau) && is_share(self.alpha),
            "a search needs tau and alpha between 0 and 1, not {} and {}",
            self.tau,
            self.alpha
        );
        ensure!(
            self.ladder_ratio >= 2 && self.bracket_ratio > 1.0,
            "a search needs a ladder ratio of at least 2 and a bracket ratio above 1, not {} and {}",
            self.ladder_ratio,
            self.bracket_ratio
        );
        ensure!(
            self.precision.is_none_or(|precision| precision > 0.0),
            "a search needs a precision above 0, or none"
        );
        Ok(())
    }

    /// The ladder in tokens, shortest first: the longest length divided by the ratio again and
    /// again.
    pub fn rungs(&self) -> Vec<u64> {
        // At least 2 and 1, so that it ends whatever was set.
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
    ///
    /// Settings that make no sense support none.
    pub fn bracket(&self, blocks: &[Block]) -> Bracket {
        if self.check().is_err() {
            return Bracket {
                low_tokens: None,
                high_tokens: None,
                undecided: Vec::new(),
            };
        }
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

/// A search with its curves worked out. What it keeps of the blocks it was given saves time and
/// nothing else: all its answers depend on the blocks of the call alone.
#[derive(Clone, Debug)]
pub struct Seeker {
    search: Search,
    model: Model,
    /// What the guard of the model's interval holds against it.
    two_steps: Model,
    replayed: Replay,
}

/// Blocks gone through in their order.
#[derive(Clone, Debug)]
struct Replay {
    blocks: Vec<Block>,
    standing: Standing,
    /// The length that the bracket asks next.
    ascending: Option<u64>,
    /// The shortest refuted length when the bracket was done; it is taken up again where the
    /// model's questions refute a shorter one.
    done_below: Option<Option<u64>>,
}

impl Replay {
    fn new(search: &Search) -> Replay {
        let mut replay = Replay {
            blocks: Vec::new(),
            standing: Standing::new(search),
            ascending: None,
            done_below: None,
        };
        replay.look(search);
        replay
    }

    fn add(&mut self, search: &Search, block: Block) {
        self.standing.add(search, &block, self.done_below.is_some());
        self.blocks.push(block);
        self.look(search);
    }

    fn look(&mut self, search: &Search) {
        let high = self.standing.high();
        if self.done_below != Some(high) {
            self.ascending = ascent::next(search, &self.standing);
            self.done_below = self.ascending.is_none().then_some(high);
        }
    }
}

impl Seeker {
    /// Lays the grid of curves out. Fails on settings that make no sense.
    pub fn new(search: Search) -> Result<Seeker> {
        search.check()?;
        let (tau, shortest, longest) = (search.tau, search.shortest_tokens, search.longest_tokens);
        let mut seeker = Seeker {
            model: Model::new(Family::new(tau, shortest, longest)),
            two_steps: Model::new(Family::of_two_steps(tau, shortest, longest)),
            replayed: Replay::new(&search),
            search,
        };
        if seeker.search.precision.is_some() {
            for tokens in seeker.candidates(shortest as f64, longest as f64) {
                seeker.model.rates_at(tokens as f64);
            }
        }
        Ok(seeker)
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
        self.replay(blocks);
        if self.replayed.ascending.is_some() && self.search.precision.is_some() {
            // The model could wait for the bracket, but would then have all lengths to lay out at
            // once.
            let high = self.replayed.standing.high();
            let high = high.unwrap_or(self.search.longest_tokens);
            self.model.hear(&used(&self.replayed.standing, high));
        }
        self.replayed.ascending.or_else(|| self.narrow())
    }

    /// Where the model has the effective length.
    pub fn estimate(&mut self, blocks: &[Block]) -> std::result::Result<Estimate, Withheld> {
        self.replay(blocks);
        let standing = &self.replayed.standing;
        let high = standing.high().ok_or(Withheld::NothingRefuted)?;
        let answers = used(standing, high);
        let posterior = self.model.posterior(&answers);
        let rival = self.two_steps.posterior(&answers);
        let fit_p = fit::predictive_p(&mut self.model, &posterior, &answers);
        let two_step_odds = (rival.ln_evidence - posterior.ln_evidence).exp();
        if fit_p < LEAST_FIT_P {
            return Err(Withheld::Misfit { p: fit_p });
        }
        if two_step_odds > MOST_ODDS {
            return Err(Withheld::TwoSteps {
                odds: two_step_odds,
            });
        }
        let at = |share: f64| posterior.quantile(share).round() as u64;
        let estimate = Estimate {
            low_tokens: at(TAIL),
            middle_tokens: at(0.5),
            high_tokens: at(1.0 - TAIL),
            fit_p,
            two_step_odds,
        };
        let precision = self.search.precision.unwrap_or(WIDEST);
        if estimate.half_width() > precision {
            return Err(Withheld::TooWide {
                factor: estimate.half_width().exp(),
            });
        }
        Ok(estimate)
    }

    /// Goes through the blocks, from where the last call ended if they go on from there.
    fn replay(&mut self, blocks: &[Block]) {
        if !blocks.starts_with(&self.replayed.blocks) {
            self.replayed = Replay::new(&self.search);
        }
        for block in &blocks[self.replayed.blocks.len()..] {
            self.replayed.add(&self.search, *block);
        }
    }

    /// The next question for the model's interval.
    fn narrow(&mut self) -> Option<u64> {
        let precision = self.search.precision?;
        let standing = &self.replayed.standing;
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

#[cfg(test)]
mod tests;
