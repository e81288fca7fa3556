//! A verification: what is claimed, at which lengths it is tested, what is asked next, and what it comes to.

mod forecast;
mod kinds;
mod ladder;
mod progress;
mod protocol;
mod seeking;
mod verdict;

pub use forecast::{Forecast, forecast, simulate};
pub use kinds::{Course, Studies};
pub use ladder::{Limits, ladder};
pub use progress::{Progress, RungProgress};
pub use protocol::{Next, Outcome, Seat};
pub use verdict::{Band, Headline, Verdict, dead_bands, verdict};

use crate::claims::Kind;
use crate::search::{Block, Estimate, Search, Withheld};
use crate::stats::{Design, Tally, Test, clopper_pearson_lower, clopper_pearson_upper};
use seeking::Seeking;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// Depth strata: each block of questions has one in each fifth of the haystack.
pub const STRATA: usize = 5;
/// Haystacks of a rung whose questions share them.
pub const SHARED_HAYSTACKS: u32 = 5;
/// Facts in each of those.
pub const SHARED_FACTS: u32 = 20;

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// As it was written: `10M`, `131,072`.
    pub written: String,
    /// Tokens.
    pub tokens: u64,
    /// What they are made of.
    pub kind: Kind,
    /// Who claims it, where it came from the registry or the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// How questions are laid into haystacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A haystack, facts and wording of its own for every question: the questions are independent.
    Isolated,
    /// Five haystacks a length with twenty facts each, of which one is asked at a time: cheap
    /// where the server caches prefixes, and a verdict on these five haystacks alone.
    Shared,
}

/// One length of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// The length it stands for, in tokens of the complete prompt.
    pub nominal_tokens: u64,
    /// Lengths asked are drawn from here …
    pub low_tokens: u64,
    /// … to here, evenly in their logarithm, so that no server can make a special case of it.
    pub high_tokens: u64,
    /// Questions after which it ends undecided; none in an open study.
    pub most: Option<u64>,
}

/// Everything that decides what is asked and what it comes to, fixed before the first question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// What is claimed.
    pub claim: Claim,
    /// Share of right answers that the claim stands for; where `relative`, a share of the
    /// short-context rate.
    pub tau: f64,
    /// True where `tau` is relative to the rate in short contexts.
    pub relative: bool,
    /// Chance of a wrong verdict, in each direction; of several kinds of use that of any wrong one.
    pub alpha: f64,
    /// Ratio between neighbouring lengths.
    pub ladder: u64,
    /// How questions are laid into haystacks.
    pub layout: Layout,
    /// Questions between two looks.
    pub block: u64,
    /// The lengths, shortest first; the last one is the claim.
    pub rungs: Vec<Rung>,
    /// How far apart three refusals must lie before a length counts as not served.
    pub not_served_gap_ms: u64,
    /// Questions in short contexts that `tau` is relative to.
    pub base_questions: u64,
    /// Goes on after the verdict until the effective length is known this well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Kinds of use that are tested together, one task of each; `alpha` is divided among them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub kinds: u32,
    /// True where the first kind that is refuted ends the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_at_first: bool,
}

/// The kinds of a plan that names none.
fn one() -> u32 {
    1
}

/// True for what the plan of one kind need not name.
fn is_one(kinds: &u32) -> bool {
    *kinds == 1
}

/// The two tests of one length, one for each direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Tests {
    /// Verifies.
    pub verify: Test,
    /// Refutes; none where the short-context rate is so low that nothing could.
    pub refute: Option<Test>,
}

/// A registered plan with its numbers worked out.
#[derive(Debug)]
pub struct Study {
    /// The plan.
    pub registered: Registered,
    /// Tests by rung.
    pub tests: Vec<Tests>,
    /// Rate above which a length is verified, and below which it is refuted.
    pub taus: (f64, f64),
    /// The kind of use, by its place among those that are tested together.
    pub kind: u32,
    seeking: Option<Mutex<Seeking>>,
}

impl Study {
    /// Where the search's model of one smooth decline has the effective length, or why it does not
    /// say. None where there is no search.
    pub fn estimate(&self, blocks: &[Block]) -> Option<Result<Estimate, Withheld>> {
        let mut seeking = self.seeking.as_ref()?.lock().ok()?;
        Some(seeking.estimate(blocks))
    }
}

/// A threshold below which no number of wrong answers is tested.
const LEAST_TAU: f64 = 0.01;

impl Registered {
    /// Works the numbers out. `base` are the answers in short contexts, needed where the threshold
    /// is relative to them: verified is then what beats the share of their upper bound, refuted
    /// what stays below the share of their lower one, with half of alpha for each bound.
    pub fn study(&self, base: Tally) -> Study {
        let (alpha, taus) = match self.relative {
            false => (self.alpha, (self.tau, self.tau)),
            true => {
                let alpha = self.alpha / 2.0;
                let (right, n) = (base.right, base.answered());
                let upper = clopper_pearson_upper(right, n, alpha);
                let lower = clopper_pearson_lower(right, n, alpha);
                (alpha, (self.tau * upper, self.tau * lower))
            }
        };
        let of = |most, tau, alpha_refute| {
            Test::new(Design {
                tau,
                alpha_verify: alpha,
                alpha_refute,
                block: self.block,
                most,
            })
        };
        // VERIFIED needs every length, so that no correction is due; one of them suffices for
        // REFUTED, which therefore divides its alpha among them (Bonferroni).
        let share = alpha / self.rungs.len() as f64;
        let mut tests: Vec<Tests> = Vec::new();
        for (at, rung) in self.rungs.iter().enumerate() {
            let same = (0..at).find(|&other| self.rungs[other].most == rung.most);
            let known = same.map(|other| tests[other].clone());
            tests.push(known.unwrap_or_else(|| Tests {
                verify: of(rung.most, taus.0, share),
                refute: (taus.1 >= LEAST_TAU).then(|| of(rung.most, taus.1, share)),
            }));
        }
        Study {
            registered: self.clone(),
            tests,
            taus,
            kind: 0,
            // Settings that make no sense are refused before they are registered.
            seeking: self
                .search
                .clone()
                .and_then(|search| Seeking::new(search).ok())
                .map(Mutex::new),
        }
    }

    /// The most prompt tokens that its ladder can need, of all kinds; none where it is open.
    pub fn most_tokens(&self) -> Option<u64> {
        let most = |rung: &Rung| Some(u64::from(self.kinds) * rung.most? * rung.high_tokens);
        self.rungs.iter().map(most).sum()
    }

    /// The most questions of its ladder, of all kinds; none where it is open.
    pub fn most_questions(&self) -> Option<u64> {
        let most = |rung: &Rung| Some(u64::from(self.kinds) * rung.most?);
        self.rungs.iter().map(most).sum()
    }

    /// Facts in each haystack: as many as the task has, or those that share it.
    pub fn facts_of_haystack(&self, keys: u32) -> u32 {
        match self.layout {
            Layout::Isolated => keys,
            Layout::Shared => SHARED_FACTS,
        }
    }
}

#[cfg(test)]
mod tests;
