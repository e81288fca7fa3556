//! How a gate goes: pairs in a fixed random order, looked at after every block.

use crate::comparison::bands;
use crate::plan::Group;
use crate::stats::{
    Difference, Gate, GateChances, GateRules, GateVerdict, PairLaw, PairOutcome, Tally,
    gate_chances,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Times a gate is played to tell its chances: their standard error is below .01.
const PLAYS: u64 = 4_000;
/// Confidence of the interval of the difference.
const CONFIDENCE: f64 = 0.95;

/// What the baseline answered to each question; none where it is void.
pub type Reference = BTreeMap<u64, Option<bool>>;

/// A gate over a baseline's questions.
pub struct Course {
    rules: GateRules,
    groups: Vec<Group>,
    reference: Reference,
    bands: Vec<Vec<u64>>,
}

/// What a gate comes to (`gate.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gated {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that computed it.
    pub depthfinder: String,
    /// `pass`, `fail` or `neutral`.
    pub outcome: Outcome,
    /// The same in a sentence.
    pub sentence: String,
    /// The target as typed.
    pub target: String,
    /// The baseline's target as typed.
    pub baseline: String,
    /// The rules.
    pub rules: GateRules,
    /// Pairs asked, missing ones too.
    pub asked: u64,
    /// Pairs without an answer.
    pub missing: u64,
    /// Answered rightly by the baseline alone.
    pub lose: u64,
    /// Answered rightly by the new one alone.
    pub win: u64,
    /// New less baseline, with an interval for a fixed number of pairs.
    pub difference: Difference,
    /// Logarithm of the e-value against "worse by delta or more", and what PASS needs.
    pub ln_e_pass: f64,
    /// What PASS needs.
    pub ln_pass_at: f64,
    /// Logarithm of the e-value against "no more lost than won".
    pub ln_e_fail: f64,
    /// What FAIL needs.
    pub ln_fail_at: f64,
    /// By length.
    pub bands: Vec<GatedBand>,
}

/// What a new baseline changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// By band: its lengths, and right answers of all, before and after.
    pub bands: Vec<(Vec<u64>, Tally, Tally)>,
    /// Questions that were right and are wrong.
    pub lost: Vec<u64>,
    /// Questions that were wrong and are right.
    pub won: Vec<u64>,
    /// Questions that had an answer and have none.
    pub missing: u64,
}

/// PASS, FAIL or NEUTRAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not worse by the margin.
    Pass,
    /// Worse.
    Fail,
    /// Neither is shown.
    Neutral,
}

/// A band of lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatedBand {
    /// Its lengths in tokens.
    pub lengths_tokens: Vec<u64>,
    /// Pairs with answers.
    pub pairs: u64,
    /// Lost.
    pub lose: u64,
    /// Won.
    pub win: u64,
    /// True where this band fails by itself.
    pub fails: bool,
}

impl Course {
    /// A gate over groups in the order they are asked. Questions whose baseline is void are left
    /// out before anything is asked.
    pub fn new(rules: GateRules, groups: Vec<Group>, reference: Reference) -> Course {
        let mut kept = Vec::new();
        for mut group in groups {
            group
                .trials
                .retain(|trial| matches!(reference.get(&trial.id), Some(Some(_))));
            if !group.trials.is_empty() {
                kept.push(group);
            }
        }
        let lengths: Vec<u64> = kept
            .iter()
            .flat_map(|group| &group.trials)
            .map(|trial| trial.cell_tokens())
            .collect();
        Course {
            rules: GateRules {
                n_max: rules.n_max.min(lengths.len() as u64),
                ..rules
            },
            bands: bands(&lengths),
            groups: kept,
            reference,
        }
    }

    /// Pairs that can be asked.
    pub fn pairs(&self) -> u64 {
        self.rules.n_max
    }

    /// How it ends by chance where nothing has changed but a share `discordance` of the answers.
    pub fn chances(&self, discordance: f64, draw: &mut impl FnMut(u64) -> u64) -> GateChances {
        let laws = vec![PairLaw::unchanged(discordance); self.bands.len()];
        gate_chances(self.rules, &laws, PLAYS, draw)
    }

    /// The gate as far as the answers go without a gap, in the order of asking; and the groups of
    /// the next block, none where there is a verdict or nothing is left.
    pub fn next(&self, answers: &HashMap<u64, Option<bool>>) -> (Gate, Vec<Group>) {
        let mut gate = Gate::new(self.rules, self.bands.len());
        let mut block: Vec<Group> = Vec::new();
        let mut due = 0;
        for group in &self.groups {
            let is_answered = group
                .trials
                .iter()
                .all(|trial| answers.contains_key(&trial.id));
            if due == 0 && is_answered {
                for trial in &group.trials {
                    let band = self.band(trial.cell_tokens());
                    let base = self.reference.get(&trial.id).copied().flatten();
                    let new = answers.get(&trial.id).copied().flatten();
                    if gate.pair(band, PairOutcome::of(base, new)).is_some() {
                        return (gate, Vec::new());
                    }
                }
                continue;
            }
            due += group.trials.len() as u64;
            block.push(group.clone());
            if due >= self.rules.block {
                break;
            }
        }
        (gate, block)
    }

    /// What the gate comes to.
    pub fn gated(&self, mut gate: Gate, target: &str, baseline: &str) -> Gated {
        let verdict = gate.finish();
        let all = gate.all();
        let failing: &[usize] = match &verdict {
            GateVerdict::Fail { bands, .. } => bands,
            _ => &[],
        };
        let by_band: Vec<GatedBand> = self
            .bands
            .iter()
            .zip(gate.bands())
            .enumerate()
            .map(|(at, (lengths_tokens, count))| GatedBand {
                lengths_tokens: lengths_tokens.clone(),
                pairs: count.pairs.n,
                lose: count.pairs.lose,
                win: count.pairs.win,
                fails: failing.contains(&at),
            })
            .collect();
        let difference = all.pairs.interval(CONFIDENCE);
        let counts = format!(
            "{} lost and {} won of {} pairs, {:+.1} points",
            all.pairs.lose,
            all.pairs.win,
            all.pairs.n,
            100.0 * difference.observed
        );
        let delta = 100.0 * self.rules.delta;
        let (outcome, sentence) = match &verdict {
            GateVerdict::Pass => (
                Outcome::Pass,
                format!("PASS: not worse by {delta:.0} points or more ({counts})"),
            ),
            GateVerdict::Fail { overall, .. } => {
                let at: Vec<String> = by_band
                    .iter()
                    .filter(|band| band.fails)
                    .map(GatedBand::words)
                    .collect();
                let place = match (overall, at.is_empty()) {
                    (_, true) => "over all lengths".to_string(),
                    (true, false) => format!("over all lengths, most at {}", at.join(" and ")),
                    (false, false) => format!("at {}", at.join(" and ")),
                };
                (Outcome::Fail, format!("FAIL: worse {place} ({counts})"))
            }
            GateVerdict::Neutral(reason) => {
                (Outcome::Neutral, format!("NEUTRAL: {reason} ({counts})"))
            }
        };
        Gated {
            schema: 1,
            depthfinder: env!("CARGO_PKG_VERSION").to_string(),
            outcome,
            sentence,
            target: target.to_string(),
            baseline: baseline.to_string(),
            rules: self.rules,
            asked: gate.asked(),
            missing: gate.missing(),
            lose: all.pairs.lose,
            win: all.pairs.win,
            difference,
            ln_e_pass: gate.ln_e_pass(),
            ln_pass_at: gate.ln_pass_at(),
            ln_e_fail: all.ln_e_fail,
            ln_fail_at: gate.ln_fail_at(),
            bands: by_band,
        }
    }

    /// What these answers change against the baseline.
    pub fn changes(&self, answers: &HashMap<u64, Option<bool>>) -> Changes {
        let count = |right: bool| Tally {
            right: u64::from(right),
            wrong: u64::from(!right),
            ..Tally::default()
        };
        let mut changes = Changes {
            bands: self
                .bands
                .iter()
                .map(|lengths| (lengths.clone(), Tally::default(), Tally::default()))
                .collect(),
            ..Changes::default()
        };
        for trial in self.groups.iter().flat_map(|group| &group.trials) {
            let Some(base) = self.reference.get(&trial.id).copied().flatten() else {
                continue;
            };
            let Some(new) = answers.get(&trial.id).copied().flatten() else {
                changes.missing += 1;
                continue;
            };
            let (_, before, after) = &mut changes.bands[self.band(trial.cell_tokens())];
            *before += count(base);
            *after += count(new);
            match (base, new) {
                (true, false) => changes.lost.push(trial.id),
                (false, true) => changes.won.push(trial.id),
                _ => {}
            }
        }
        changes.lost.sort_unstable();
        changes.won.sort_unstable();
        changes
    }

    fn band(&self, length_tokens: u64) -> usize {
        let at = self
            .bands
            .iter()
            .position(|band| band.contains(&length_tokens));
        at.unwrap_or(0)
    }
}

impl Gated {
    /// True where pairs without an answer are why there is no verdict.
    pub fn is_for_want_of_answers(&self) -> bool {
        self.outcome == Outcome::Neutral
            && self.missing as f64 > self.rules.most_missing * self.asked as f64
    }
}

impl GatedBand {
    /// Its lengths as people say them.
    pub fn words(&self) -> String {
        let shown = |tokens: &u64| crate::number::grouped(*tokens);
        match self.lengths_tokens.as_slice() {
            [] => String::new(),
            [one] => format!("{} tokens", shown(one)),
            [first, .., last] => format!("{} to {} tokens", shown(first), shown(last)),
        }
    }
}

#[cfg(test)]
mod tests;
