//! The gate: pairs asked one block after the other until they show PASS or FAIL, or run out.

use super::detectable::PairLaw;
use super::evalue::ln_e_above;
use super::holm;
use super::pairs::{PairOutcome, Pairs};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// False FAILs that a year of runs may have, on average, at most.
const FALSE_FAILS_A_YEAR: f64 = 0.5;
/// However few runs there are, a single one is not allowed a larger chance of a false FAIL.
const LARGEST_ALPHA_FAIL: f64 = 0.01;

/// The chance of a false FAIL that each run may have: one in two years over `runs_per_year` runs,
/// and .01 at most.
pub fn alpha_fail(runs_per_year: f64) -> f64 {
    match runs_per_year > 0.0 {
        true => (FALSE_FAILS_A_YEAR / runs_per_year).min(LARGEST_ALPHA_FAIL),
        false => LARGEST_ALPHA_FAIL,
    }
}

/// What a gate is made of, fixed before the first pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRules {
    /// A loss of success rate (0…1) that is tolerated: PASS says that it is less.
    pub delta: f64,
    /// Chance of PASS where the new one is worse by `delta` or more, at most.
    pub alpha_pass: f64,
    /// Chance of FAIL where nothing is worse, at most; see [`alpha_fail`].
    pub alpha_fail: f64,
    /// Pairs between two looks, missing ones too.
    pub block: u64,
    /// Pairs after which the gate ends, missing ones too.
    pub n_max: u64,
    /// Above this share of missing pairs (0…1) there is neither PASS nor FAIL.
    pub most_missing: f64,
}

impl Default for GateRules {
    fn default() -> GateRules {
        GateRules {
            delta: 0.05,
            alpha_pass: 0.05,
            alpha_fail: LARGEST_ALPHA_FAIL,
            block: 10,
            n_max: 400,
            most_missing: 0.05,
        }
    }
}

/// What a gate comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// Shown: the new one is not worse by the margin.
    Pass,
    /// Shown: it is worse.
    Fail {
        /// Over all pairs together.
        overall: bool,
        /// Numbers of the bands in which it is worse, by Holm's procedure.
        bands: Vec<usize>,
    },
    /// Neither is shown.
    Neutral(NeutralReason),
}

/// Why a gate shows neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeutralReason {
    /// Too many pairs are missing, whatever the others say.
    Missing {
        /// Pairs without an answer of either side.
        missing: u64,
        /// All pairs asked.
        asked: u64,
    },
    /// The pairs would pass, but losses stand out in these bands, not enough for FAIL.
    Doubt {
        /// Numbers of the bands.
        bands: Vec<usize>,
    },
    /// The pairs ran out.
    Undecided {
        /// Pairs asked.
        asked: u64,
    },
}

impl fmt::Display for NeutralReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeutralReason::Missing { missing, asked } => {
                write!(f, "{missing} of {asked} pairs have no answer")
            }
            NeutralReason::Doubt { bands } => {
                let noun = if bands.len() == 1 { "band" } else { "bands" };
                write!(
                    f,
                    "losses stand out in {} {noun}, not enough for FAIL",
                    bands.len()
                )
            }
            NeutralReason::Undecided { asked } => {
                write!(f, "{asked} pairs show neither a loss nor its absence")
            }
        }
    }
}

/// Pairs of all bands or one of them, and what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateCount {
    /// The pairs that have answers.
    pub pairs: Pairs,
    /// Largest logarithm so far of the e-value against "no more pairs are lost than won".
    pub ln_e_fail: f64,
}

/// The sequential gate of non-inferiority, without questions and answers: pairs go in, in the
/// order they were asked, and a verdict comes out.
///
/// **Levels.** PASS is given where the e-value against "worse by `delta` or more" reaches
/// 1/`alpha_pass` at the end of a block: wrong with a chance of `alpha_pass` at most, however often
/// one looks (Ville's inequality). FAIL is given by the split rule: half of `alpha_fail` for all
/// pairs together, where the e-value against "no more lost than won" reaches 2/`alpha_fail`, and
/// half for the bands, where 1/(largest e-value so far) of each is a p-value at any time and Holm's
/// procedure over the bands holds it against `alpha_fail`/2. By Bonferroni over the two halves any
/// false FAIL has a chance of `alpha_fail` at most. A gate of one band spends all of it on the whole.
///
/// Both need pairs in random order, and prompts that were not picked by the base's success on
/// them. FAIL is looked at first. PASS waits as long as any band's e-value stands at
/// 1/`alpha_pass` or more, which only makes PASS rarer.
///
/// **Missing pairs** count for nothing, so that an overload is not taken for a loss; above a share
/// of `most_missing` there is no verdict, because errors may come just where answers got worse.
#[derive(Clone, Debug)]
pub struct Gate {
    rules: GateRules,
    all: GateCount,
    bands: Vec<GateCount>,
    asked: u64,
    missing: u64,
    verdict: Option<GateVerdict>,
    /// E-values worked out before, by losses and wins.
    known: HashMap<(u64, u64), f64>,
}

impl Gate {
    /// A gate over so many length bands, numbered from 0.
    pub fn new(rules: GateRules, bands: usize) -> Gate {
        Gate {
            rules,
            all: GateCount::default(),
            bands: vec![GateCount::default(); bands.max(1)],
            asked: 0,
            missing: 0,
            verdict: None,
            known: HashMap::new(),
        }
    }

    /// Takes the next pair, of a band; a band that there is not counts as the last. Gives the
    /// verdict once there is one: pairs that come after it change nothing.
    pub fn pair(&mut self, band: usize, outcome: PairOutcome) -> Option<&GateVerdict> {
        if self.verdict.is_none() {
            self.asked += 1;
            self.missing += u64::from(outcome == PairOutcome::Missing);
            let last = self.bands.len() - 1;
            self.all.pairs.add(outcome);
            self.bands[band.min(last)].pairs.add(outcome);
            if self.asked >= self.rules.n_max || self.asked.is_multiple_of(self.rules.block.max(1))
            {
                self.look();
            }
        }
        self.verdict.as_ref()
    }

    /// Ends the gate, where questions or budget ran out: what was asked since the last look is
    /// looked at too.
    pub fn finish(&mut self) -> GateVerdict {
        if self.verdict.is_none() {
            self.look();
        }
        let verdict = match self.verdict.take() {
            Some(verdict) => verdict,
            None => GateVerdict::Neutral(self.undecided()),
        };
        self.verdict = Some(verdict.clone());
        verdict
    }

    /// The verdict, once there is one.
    pub fn verdict(&self) -> Option<&GateVerdict> {
        self.verdict.as_ref()
    }

    /// Pairs asked up to the verdict, missing ones too.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Those of them that are missing.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// All pairs together.
    pub fn all(&self) -> GateCount {
        self.all
    }

    /// The pairs of each band.
    pub fn bands(&self) -> &[GateCount] {
        &self.bands
    }

    /// Natural logarithm of the e-value against "worse by `delta` or more".
    pub fn ln_e_pass(&self) -> f64 {
        self.all.pairs.gate(self.rules.delta).ln_e_pass
    }

    /// Logarithm that the e-value of all pairs must reach for FAIL.
    pub fn ln_fail_at(&self) -> f64 {
        let share = if self.bands.len() > 1 { 2.0 } else { 1.0 };
        (share / self.rules.alpha_fail).ln()
    }

    /// Logarithm that the e-value must reach for PASS.
    pub fn ln_pass_at(&self) -> f64 {
        (1.0 / self.rules.alpha_pass).ln()
    }

    fn look(&mut self) {
        let mut all = self.all;
        all.ln_e_fail = all.ln_e_fail.max(self.ln_e_fail(all.pairs));
        self.all = all;
        for at in 0..self.bands.len() {
            let ln_e = self.ln_e_fail(self.bands[at].pairs);
            self.bands[at].ln_e_fail = self.bands[at].ln_e_fail.max(ln_e);
        }
        self.verdict = match self.is_too_much_missing() {
            // Not even answers to all that is left would bring the share down.
            true if self.missing as f64 > self.rules.most_missing * self.rules.n_max as f64 => {
                Some(GateVerdict::Neutral(self.undecided()))
            }
            true => None,
            false => self.decided(),
        };
        if self.verdict.is_none() && self.asked >= self.rules.n_max {
            self.verdict = Some(GateVerdict::Neutral(self.undecided()));
        }
    }

    fn decided(&self) -> Option<GateVerdict> {
        let overall = self.all.ln_e_fail >= self.ln_fail_at();
        let bands = self.failing_bands();
        if overall || !bands.is_empty() {
            return Some(GateVerdict::Fail { overall, bands });
        }
        let passes = self.ln_e_pass() >= self.ln_pass_at() && self.doubtful_bands().is_empty();
        passes.then_some(GateVerdict::Pass)
    }

    fn failing_bands(&self) -> Vec<usize> {
        if self.bands.len() < 2 {
            return Vec::new();
        }
        let p: Vec<f64> = self
            .bands
            .iter()
            .map(|band| (-band.ln_e_fail).exp())
            .collect();
        let level = self.rules.alpha_fail / 2.0;
        let adjusted = holm(&p).into_iter().enumerate();
        adjusted
            .filter(|(_, p)| *p <= level)
            .map(|(at, _)| at)
            .collect()
    }

    /// Bands whose losses stand out as they are now.
    fn doubtful_bands(&self) -> Vec<usize> {
        let stands_out = |band: &GateCount| {
            let Pairs { lose, win, .. } = band.pairs;
            let now = self
                .known
                .get(&(lose, win))
                .copied()
                .unwrap_or(band.ln_e_fail);
            now >= self.ln_pass_at()
        };
        let bands = self.bands.iter().enumerate();
        bands
            .filter(|(_, band)| stands_out(band))
            .map(|(at, _)| at)
            .collect()
    }

    fn is_too_much_missing(&self) -> bool {
        self.missing as f64 > self.rules.most_missing * self.asked as f64
    }

    fn undecided(&self) -> NeutralReason {
        let (asked, missing) = (self.asked, self.missing);
        if self.is_too_much_missing() {
            return NeutralReason::Missing { missing, asked };
        }
        match (self.ln_e_pass() >= self.ln_pass_at(), self.doubtful_bands()) {
            (true, bands) if !bands.is_empty() => NeutralReason::Doubt { bands },
            _ => NeutralReason::Undecided { asked },
        }
    }

    fn ln_e_fail(&mut self, pairs: Pairs) -> f64 {
        let Pairs { lose, win, .. } = pairs;
        *self
            .known
            .entry((lose, win))
            .or_insert_with(|| ln_e_above(lose, lose + win, 0.5, (1.0, 1.0)))
    }

    /// Back to the first pair; e-values worked out before are kept.
    fn restart(&mut self) {
        self.all = GateCount::default();
        self.bands.fill(GateCount::default());
        (self.asked, self.missing, self.verdict) = (0, 0, None);
    }
}

/// How a gate can be expected to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateChances {
    /// Share of PASS.
    pub pass: f64,
    /// Share of FAIL.
    pub fail: f64,
    /// Mean number of pairs asked.
    pub mean_pairs: f64,
    /// Plays that the shares are of: their standard error is at most 1/(2√plays).
    pub plays: u64,
}

/// Plays the gate `plays` times: pairs fall into the bands with equal chances and come out by each
/// band's law. `draw` gives a random number below its bound. 4,000 plays of a gate of 400 pairs
/// take a few hundredths of a second.
pub fn gate_chances(
    rules: GateRules,
    bands: &[PairLaw],
    plays: u64,
    draw: &mut impl FnMut(u64) -> u64,
) -> GateChances {
    const UNIT: u64 = 1 << 53;
    let limits = |law: &PairLaw| {
        let lose = (law.lose.clamp(0.0, 1.0) * UNIT as f64) as u64;
        (lose, lose + (law.win.clamp(0.0, 1.0) * UNIT as f64) as u64)
    };
    let limits: Vec<(u64, u64)> = match bands {
        [] => vec![(0, 0)],
        bands => bands.iter().map(limits).collect(),
    };
    let mut gate = Gate::new(rules, limits.len());
    let (mut pass, mut fail, mut pairs) = (0u64, 0u64, 0u64);
    for _ in 0..plays {
        gate.restart();
        loop {
            let band = match limits.len() {
                1 => 0,
                count => draw(count as u64) as usize,
            };
            let (lose, differs) = limits[band];
            let outcome = match draw(UNIT) {
                place if place < lose => PairOutcome::Lose,
                place if place < differs => PairOutcome::Win,
                _ => PairOutcome::Same,
            };
            if gate.pair(band, outcome).is_some() {
                break;
            }
        }
        match gate.verdict() {
            Some(GateVerdict::Pass) => pass += 1,
            Some(GateVerdict::Fail { .. }) => fail += 1,
            _ => {}
        }
        pairs += gate.asked();
    }
    let share = |count: u64| count as f64 / plays.max(1) as f64;
    GateChances {
        pass: share(pass),
        fail: share(fail),
        mean_pairs: share(pairs),
        plays,
    }
}
