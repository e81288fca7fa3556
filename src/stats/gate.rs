//! The gate: pairs asked one block after the other until they show PASS or FAIL, or run out.

mod chances;

pub use chances::{GateChances, gate_chances};

use super::evalue::ln_e_above;
use super::holm;
use super::pairs::{PairOutcome, Pairs, PassBets};
use serde::{Deserialize, Serialize};
use std::fmt;

/// False FAILs that a year of runs may have, on average, at most.
const FALSE_FAILS_A_YEAR: f64 = 0.5;
/// Share of PASS's level that is kept for the look after the last pair.
const KEPT_FOR_THE_END: f64 = 0.1;
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

/// Where a pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GatePlace {
    /// Its length band, from 0.
    pub band: usize,
    /// The text that its question is asked in, from 0. A text belongs to one band.
    pub text: usize,
}

/// Pairs of all bands or one of them, and what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GateCount {
    /// The pairs that have answers.
    pub pairs: Pairs,
    /// The texts that these lie on, each counted once: as lost or won by the first of its pairs
    /// that differed.
    pub texts: Pairs,
    /// Logarithm of the e-value against "no more texts are lost than won", as of the last look.
    pub ln_e_fail: f64,
    /// The largest that it has been.
    pub most_ln_e_fail: f64,
}

/// The sequential gate of non-inferiority, without questions and answers: pairs go in, in the
/// order they were asked, and a verdict comes out.
///
/// **Texts.** Questions of one text are no independent pairs: what a deployment does to a text it
/// may do to all of its questions. Only texts are counted as independent, so that the gate holds its
/// levels however alike the questions of a text are. The pairs should come in rounds: one of each
/// text in random order before a second of any.
///
/// **FAIL** counts every text once, at the first of its pairs that differs. Where nothing has
/// changed, swapping base and new one changes no chance, so that each such sign is a fair coin
/// independent of the others and of when it falls; the e-value of "more are lost than won" is then
/// valid at every look. (The sign of all of a text's pairs so far is a fair coin too, but it may
/// turn later, and an e-value of signs that turn may be looked at once only.) The split rule: half
/// of `alpha_fail` for all texts together, where the e-value reaches 2/`alpha_fail`, and half for
/// the bands, where 1/(largest e-value so far) of each is a p-value at any time and Holm's
/// procedure over the bands holds it against `alpha_fail`/2. By Bonferroni over the two halves any
/// false FAIL has a chance of `alpha_fail` at most. A gate of one band spends all of it on the whole.
///
/// **PASS** needs 1/`alpha_pass` of an e-value against "worse by `delta` or more" at the end of a
/// block. Nine tenths of it are bets on the first answered pair of each text, a supermartingale; the
/// last tenth, revealed after the last pair alone, are the same bets on the mean difference of each
/// text's pairs. Both are e-values with a mean of 1 at most, and so is their mixture wherever one
/// stops (before the end its last tenth counts as 0): PASS is wrong with a chance of `alpha_pass` at
/// most, however often one looks (Ville's inequality).
///
/// Both need prompts that were not picked by the base's success on them. FAIL is looked at first.
/// PASS waits as long as any band's e-value stands at 1/`alpha_pass` or more, which only makes PASS
/// rarer.
///
/// These chances are over the base's answers as well as the new ones: one base that had luck stays
/// lucky in every gate against it, so that its false FAILs come together.
///
/// **Missing pairs** count for nothing, so that an overload is not taken for a loss; above a share
/// of `most_missing` there is no verdict, because errors may come just where answers got worse.
#[derive(Clone, Debug)]
pub struct Gate {
    rules: GateRules,
    all: GateCount,
    bands: Vec<GateCount>,
    /// The pairs of each text.
    texts: Vec<Pairs>,
    /// The first pair of each text that has answers.
    firsts: Pairs,
    asked: u64,
    missing: u64,
    verdict: Option<GateVerdict>,
    /// E-values worked out before, by losses and wins.
    known: Vec<Vec<f64>>,
    bets: PassBets,
}

impl Gate {
    /// A gate over so many length bands, numbered from 0.
    pub fn new(rules: GateRules, bands: usize) -> Gate {
        Gate {
            rules,
            all: GateCount::default(),
            bands: vec![GateCount::default(); bands.max(1)],
            texts: Vec::new(),
            firsts: Pairs::default(),
            asked: 0,
            missing: 0,
            verdict: None,
            known: Vec::new(),
            bets: PassBets::new(rules.delta),
        }
    }

    /// Takes the next pair; a band that there is not counts as the last. Gives the verdict once
    /// there is one: pairs that come after it change nothing.
    pub fn pair(&mut self, place: GatePlace, outcome: PairOutcome) -> Option<&GateVerdict> {
        if self.verdict.is_none() {
            self.asked += 1;
            self.missing += u64::from(outcome == PairOutcome::Missing);
            self.count(place, outcome);
            if self.asked >= self.rules.n_max || self.asked.is_multiple_of(self.rules.block.max(1))
            {
                self.look();
            }
        }
        self.verdict.as_ref()
    }

    fn count(&mut self, place: GatePlace, outcome: PairOutcome) {
        let last = self.bands.len() - 1;
        if self.texts.len() <= place.text {
            self.texts.resize(place.text + 1, Pairs::default());
        }
        let before = self.texts[place.text];
        self.texts[place.text].add(outcome);
        let is_first = before.n == 0 && outcome != PairOutcome::Missing;
        if is_first {
            self.firsts.add(outcome);
        }
        for count in [&mut self.all, &mut self.bands[place.band.min(last)]] {
            count.pairs.add(outcome);
            count.texts.n += u64::from(is_first);
            if before.lose + before.win == 0 {
                count.texts.lose += u64::from(outcome == PairOutcome::Lose);
                count.texts.win += u64::from(outcome == PairOutcome::Win);
            }
        }
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
        let first = self.bets.ln_e(self.firsts) + (1.0 - KEPT_FOR_THE_END).ln();
        if self.asked < self.rules.n_max {
            return first;
        }
        let answered = self.texts.iter().filter(|text| text.n > 0);
        let means = answered.map(|text| text.difference());
        let last = self.bets.ln_e_of(means) + KEPT_FOR_THE_END.ln();
        let most = first.max(last);
        most + ((first - most).exp() + (last - most).exp()).ln()
    }

    /// Logarithm that the e-value of all texts must reach for FAIL.
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
        all.ln_e_fail = self.ln_e_fail(all.texts);
        all.most_ln_e_fail = all.most_ln_e_fail.max(all.ln_e_fail);
        self.all = all;
        for at in 0..self.bands.len() {
            let ln_e = self.ln_e_fail(self.bands[at].texts);
            let band = &mut self.bands[at];
            band.ln_e_fail = ln_e;
            band.most_ln_e_fail = band.most_ln_e_fail.max(ln_e);
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
        let overall = self.all.most_ln_e_fail >= self.ln_fail_at();
        let bands = self.failing_bands();
        if overall || !bands.is_empty() {
            return Some(GateVerdict::Fail { overall, bands });
        }
        let passes = self.ln_e_pass() >= self.ln_pass_at() && self.doubtful_bands().is_empty();
        passes.then_some(GateVerdict::Pass)
    }

    fn failing_bands(&self) -> Vec<usize> {
        let (count, level) = (self.bands.len(), self.rules.alpha_fail / 2.0);
        // Holm's first step, which all others need.
        let first = (count as f64 / level).ln();
        if count < 2 || self.bands.iter().all(|band| band.most_ln_e_fail < first) {
            return Vec::new();
        }
        let p = |band: &GateCount| (-band.most_ln_e_fail).exp();
        let p: Vec<f64> = self.bands.iter().map(p).collect();
        // Rounding must not undo the first step.
        let fails = |p: &f64| *p <= level * (1.0 + 1e-9);
        let adjusted = holm(&p).into_iter().enumerate();
        adjusted
            .filter(|(_, p)| fails(p))
            .map(|(at, _)| at)
            .collect()
    }

    /// Bands whose losses stand out as they are now.
    fn doubtful_bands(&self) -> Vec<usize> {
        let limit = self.ln_pass_at();
        let bands = self.bands.iter().enumerate();
        bands
            .filter(|(_, band)| band.ln_e_fail >= limit)
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

    fn ln_e_fail(&mut self, texts: Pairs) -> f64 {
        let (lose, win) = (texts.lose as usize, texts.win as usize);
        if self.known.len() <= lose {
            self.known.resize(lose + 1, Vec::new());
        }
        let row = &mut self.known[lose];
        if row.len() <= win {
            row.resize(win + 1, f64::NAN);
        }
        if row[win].is_nan() {
            row[win] = ln_e_above(texts.lose, texts.lose + texts.win, 0.5, (1.0, 1.0));
        }
        row[win]
    }

    /// Back to the first pair; e-values worked out before are kept.
    fn restart(&mut self) {
        self.all = GateCount::default();
        self.bands.fill(GateCount::default());
        self.texts.clear();
        self.firsts = Pairs::default();
        (self.asked, self.missing, self.verdict) = (0, 0, None);
    }
}

#[cfg(test)]
mod tests;
