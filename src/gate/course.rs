//! How a gate goes: pairs in a fixed random order, looked at after every block.

use super::verdict::{Gated, GatedBand, Outcome};
use crate::comparison::bands;
use crate::plan::{Group, Trial};
use crate::seed::RunKey;
use crate::stats::{
    Gate, GateChances, GatePlace, GateRules, GateVerdict, PairLaw, PairOutcome, Tally, gate_chances,
};
use std::collections::{BTreeMap, HashMap};

/// Times a gate is played to tell its chances: their standard error is below .01.
const PLAYS: u64 = 4_000;
/// Confidence of the interval of the difference.
const CONFIDENCE: f64 = 0.95;

/// What the baseline answered to each question; none where it is void.
pub type Reference = BTreeMap<u64, Option<bool>>;

/// A new answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Right or wrong.
    Counts(bool),
    /// None of the model's, and why.
    Missing(String),
}

impl Answer {
    fn right(&self) -> Option<bool> {
        match self {
            Answer::Counts(right) => Some(*right),
            Answer::Missing(_) => None,
        }
    }
}

/// The new answers, by trial.
pub type Answers = HashMap<u64, Answer>;

/// A gate over a baseline's questions.
pub struct Course {
    rules: GateRules,
    /// One question each, in the order they are asked.
    groups: Vec<Group>,
    places: Vec<GatePlace>,
    texts: u64,
    reference: Reference,
    bands: Vec<Vec<u64>>,
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

impl Course {
    /// A gate over a plan's groups, asked in rounds. Questions whose baseline is void are left out
    /// before anything is asked.
    pub fn new(rules: GateRules, groups: &[Group], reference: Reference, key: &RunKey) -> Course {
        let is_gated = |trial: &Trial| matches!(reference.get(&trial.id), Some(Some(_)));
        let (groups, texts) = in_rounds(groups, &is_gated, key);
        let lengths: Vec<u64> = groups
            .iter()
            .map(|(group, _)| group.trials[0].cell_tokens())
            .collect();
        let bands = bands(&lengths);
        let band = |tokens: u64| bands.iter().position(|band| band.contains(&tokens));
        let places = groups
            .iter()
            .map(|(group, text)| GatePlace {
                band: band(group.trials[0].cell_tokens()).unwrap_or(0),
                text: *text,
            })
            .collect();
        Course {
            rules: GateRules {
                n_max: rules.n_max.min(lengths.len() as u64),
                ..rules
            },
            bands,
            groups: groups.into_iter().map(|(group, _)| group).collect(),
            places,
            texts,
            reference,
        }
    }

    /// Pairs that can be asked.
    pub fn pairs(&self) -> u64 {
        self.rules.n_max
    }

    /// Texts that the baseline's questions lie on.
    pub fn texts(&self) -> u64 {
        self.texts
    }

    /// How it ends by chance where nothing has changed but a share `discordance` of the answers,
    /// those of one text independent of each other.
    pub fn chances(&self, discordance: f64, draw: &mut impl FnMut(u64) -> u64) -> GateChances {
        let laws = vec![PairLaw::unchanged(discordance); self.bands.len().max(1)];
        gate_chances(self.rules, &self.places, &laws, 0.0, PLAYS, draw)
    }

    /// The gate as far as the answers go without a gap, in the order of asking; and the groups of
    /// the next block, none where there is a verdict or nothing is left.
    pub fn next(&self, answers: &Answers) -> (Gate, Vec<Group>) {
        let mut gate = Gate::new(self.rules, self.bands.len());
        let mut block: Vec<Group> = Vec::new();
        for (group, place) in self.groups.iter().zip(&self.places) {
            let trial = group.trials[0].id;
            match answers.get(&trial) {
                Some(new) if block.is_empty() => {
                    let base = self.reference.get(&trial).copied().flatten();
                    let pair = PairOutcome::of(base, new.right());
                    if gate.pair(*place, pair).is_some() {
                        return (gate, Vec::new());
                    }
                }
                _ => block.push(group.clone()),
            }
            if block.len() as u64 >= self.rules.block {
                break;
            }
        }
        (gate, block)
    }

    /// What the gate comes to, whose pairs are the first of these answers.
    pub fn gated(&self, mut gate: Gate, answers: &Answers, target: &str, baseline: &str) -> Gated {
        let verdict = gate.finish();
        let mut missing_by_reason = BTreeMap::new();
        for group in self.groups.iter().take(gate.asked() as usize) {
            if let Some(Answer::Missing(reason)) = answers.get(&group.trials[0].id) {
                *missing_by_reason.entry(reason.clone()).or_default() += 1;
            }
        }
        let all = gate.all();
        let failing: &[usize] = match &verdict {
            GateVerdict::Fail { bands, .. } => bands,
            _ => &[],
        };
        let bands: Vec<GatedBand> = self
            .bands
            .iter()
            .zip(gate.bands())
            .enumerate()
            .map(|(at, (lengths_tokens, count))| GatedBand {
                lengths_tokens: lengths_tokens.clone(),
                pairs: count.pairs.n,
                lose: count.pairs.lose,
                win: count.pairs.win,
                texts: count.texts.n,
                texts_lose: count.texts.lose,
                texts_win: count.texts.win,
                fails: failing.contains(&at),
            })
            .collect();
        let outcome = match &verdict {
            GateVerdict::Pass => Outcome::Pass,
            GateVerdict::Fail { .. } => Outcome::Fail,
            GateVerdict::Neutral(_) => Outcome::Neutral,
        };
        let mut gated = Gated {
            schema: 1,
            depthfinder: env!("CARGO_PKG_VERSION").to_string(),
            at_ms: 0,
            ended: false,
            outcome,
            sentence: String::new(),
            target: target.to_string(),
            baseline: baseline.to_string(),
            rules: self.rules,
            asked: gate.asked(),
            missing: gate.missing(),
            missing_by_reason,
            lose: all.pairs.lose,
            win: all.pairs.win,
            texts: all.texts.n,
            texts_lose: all.texts.lose,
            texts_win: all.texts.win,
            difference: all.pairs.interval(CONFIDENCE),
            ln_e_pass: gate.ln_e_pass(),
            ln_pass_at: gate.ln_pass_at(),
            ln_e_fail: all.ln_e_fail,
            ln_fail_at: gate.ln_fail_at(),
            bands,
        };
        gated.sentence = gated.words(&verdict);
        gated
    }

    /// What these answers change against the baseline.
    pub fn changes(&self, answers: &Answers) -> Changes {
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
            let Some(new) = answers.get(&trial.id).and_then(Answer::right) else {
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

/// The questions in rounds, each with its text's number: one of every text in random order before
/// a second of any, so that a verdict rests on as many texts as there are pairs for. Questions of
/// one length and sample share their text. Also gives the number of texts.
fn in_rounds(
    groups: &[Group],
    is_gated: &dyn Fn(&Trial) -> bool,
    key: &RunKey,
) -> (Vec<(Group, usize)>, u64) {
    let mut texts: BTreeMap<(u64, u32), Vec<Group>> = BTreeMap::new();
    for group in groups {
        for trial in group.trials.iter().filter(|trial| is_gated(trial)) {
            let one = Group {
                trials: vec![trial.clone()],
                ..group.clone()
            };
            let of_text = texts
                .entry((trial.length_tokens, trial.sample))
                .or_default();
            of_text.push(one);
        }
    }
    let count = texts.len() as u64;
    let mut rounds: Vec<Vec<(Group, usize)>> = Vec::new();
    for (text, ((length, sample), mut of_text)) in texts.into_iter().enumerate() {
        let at = [length, u64::from(sample)];
        key.stream("gate-text", &at).shuffle(&mut of_text);
        for (round, group) in of_text.into_iter().enumerate() {
            if rounds.len() <= round {
                rounds.push(Vec::new());
            }
            rounds[round].push((group, text));
        }
    }
    for (round, groups) in (0..).zip(&mut rounds) {
        key.stream("gate-round", &[round]).shuffle(groups);
    }
    (rounds.concat(), count)
}

#[cfg(test)]
mod tests;
