//! From journal rows to cells, curve and counts: the machine's interface of a run (`summary.json`).

mod collect;
mod controls;
mod cuts;
mod depth;
mod fingerprints;
mod kinds;
mod quote;
mod set;
mod splits;
mod verdicts;
mod verification;
mod warnings;

pub use collect::summarize;
pub use controls::{ControlSummary, Guess, Leak};
pub use depth::{DepthCell, DepthProfile, DepthRow, WeakRegion};
pub use fingerprints::{FingerprintSummary, fingerprints_line};
pub use kinds::{KindSummary, Reach, kinds};
pub use set::{SetSample, SetSummary, SetTask, summarize_set};
pub use verdicts::{KindVerdict, Verdicts, verdicts};
pub use verification::{RungSummary, SearchSummary, Verification, verification};

use crate::canary::Cut;
use crate::journal::FoundWindow;
use crate::stats::Interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that charts and reports show, computed from the journal alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that computed it.
    pub depthfinder: String,
    /// What was asked, as it was typed.
    pub target: String,
    /// The model's name, as the endpoint gave it.
    pub model: String,
    /// The haystack's corpus.
    pub corpus: String,
    /// The tokenizer that lengths are counted with.
    pub tokenizer: String,
    /// True where lengths are exact in the target's own tokens, false where they are estimates.
    pub exact_lengths: bool,
    /// Accuracy below which a length no longer counts as served well (a share, 0.85 by default).
    pub threshold: f64,
    /// The window that the endpoint advertises, in tokens, where known.
    pub advertised_tokens: Option<u64>,
    /// Confidence of every interval in this file (0.95).
    pub confidence: f64,
    /// The verdict on a claim, where one was tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The set that was asked, where it is another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<SetSummary>,
    /// The verdicts on a claim, where it was tested for several kinds of use; `verification` is left
    /// out then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
    /// One entry per task, in the order asked.
    pub tasks: Vec<TaskSummary>,
    /// The kinds of use that they belong to, from literal to aggregate, where there are several
    /// tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<KindSummary>,
    /// What control prompts showed of cuts, shortest length first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<CutFinding>,
    /// What the search for the served window found, where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_window: Option<FoundWindow>,
    /// Fingerprints that were taken of whoever answered, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<FingerprintSummary>,
    /// Settings that differ from the defaults, in words; printed with every result.
    pub settings: Vec<String>,
    /// Warnings that a reader of the charts must know.
    pub warnings: Vec<String>,
    /// Totals over the run.
    pub totals: Totals,
}

impl Summary {
    /// Adds the verdict. Intervals of lengths become those that hold at every look: a study stops
    /// where it looks decided, and an interval for a fixed number of questions would be wrong then.
    pub fn verify(&mut self, verification: Verification) {
        for task in &mut self.tasks {
            hold_at_every_look(task, &verification);
        }
        self.verification = Some(verification);
    }

    /// Adds the verdicts of several kinds of use. Curves of kinds would have intervals for fixed
    /// numbers of questions, and each kind has its ladder: they are left out.
    pub fn verify_kinds(&mut self, verdicts: Verdicts) {
        for kind in &verdicts.kinds {
            let of_kind = self.tasks.iter_mut().filter(|task| task.task == kind.task);
            of_kind.for_each(|task| hold_at_every_look(task, &kind.verification));
        }
        self.kinds = Vec::new();
        self.verdicts = Some(verdicts);
    }

    /// The verifications with the kind's name where there are several.
    pub fn verifications(&self) -> Vec<(Option<String>, &Verification)> {
        let alone = self.verification.iter().map(|one| (None, one));
        let kinds = self.verdicts.iter().flat_map(|verdicts| &verdicts.kinds);
        alone
            .chain(kinds.map(|kind| (Some(kind.name()), &kind.verification)))
            .collect()
    }

    /// The verdict in capitals with what it is about; none for a sweep.
    pub fn headline(&self) -> Option<String> {
        let alone = self.verification.as_ref().map(Verification::headline);
        alone.or_else(|| self.verdicts.as_ref().map(Verdicts::headline))
    }

    /// True where a claim was tested.
    pub fn is_study(&self) -> bool {
        self.verification.is_some() || self.verdicts.is_some()
    }
}

/// Gives a task's lengths the intervals of its verification.
fn hold_at_every_look(task: &mut TaskSummary, verification: &Verification) {
    let rungs = || verification.rungs.iter().chain(&verification.searched);
    for point in &mut task.curve {
        let rung = rungs().find(|rung| rung.nominal_tokens == point.length_tokens);
        point.interval = rung
            .filter(|_| point.n > 0)
            .map(|rung| rung.interval)
            .or(point.interval);
    }
}

/// What became of the control prompt of one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutFinding {
    /// Length of the complete prompt in tokens.
    pub length_tokens: u64,
    /// True where the server's count or its own words prove a cut; false where lost codes alone
    /// make it suspected.
    pub proven: bool,
    /// What the lost codes look like, where they look like one cut.
    pub cut: Option<Cut>,
    /// Tokens that the server reported for it.
    pub reported_tokens: Option<u64>,
    /// The window of an Ollama server that would have reported this count.
    pub half_window_tokens: Option<u64>,
    /// All of it in words.
    pub words: String,
}

/// The results of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// The task's name.
    pub task: String,
    /// Accuracy by length, shortest first.
    pub curve: Vec<Point>,
    /// Accuracy by length and asked depth; every cell of the grid, asked or not.
    pub cells: Vec<Cell>,
    /// Scored answers by class (`exact`, `distractor`, …).
    pub classes: BTreeMap<String, u64>,
    /// Void trials by reason.
    pub voids: BTreeMap<String, u64>,
}

/// Accuracy at one length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Length of the complete prompt in tokens.
    pub length_tokens: u64,
    /// Scored trials.
    pub n: u64,
    /// Those of them that were right.
    pub right: u64,
    /// Void trials; they are in neither of the above.
    pub void: u64,
    /// Distinct haystacks behind the scored trials.
    pub haystacks: u64,
    /// `right / n`; none where nothing was scored.
    pub accuracy: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// `right / (n + void)`: what it would be if every void trial had failed.
    pub accuracy_voids_failed: Option<f64>,
    /// Right by RULER's substring rule: a secondary column, never used by a verdict.
    pub substring_right: u64,
    /// Mean of what was right in part, 0…1, where answers have several values; never used by a
    /// verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<f64>,
    /// Its interval, for items of another's set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_interval: Option<Interval>,
}

/// Accuracy at one length and one asked depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Length of the complete prompt in tokens.
    pub length_tokens: u64,
    /// Asked depth in percent of the haystack, 0 (start) to 100 (end).
    pub depth_percent: f64,
    /// Scored trials.
    pub n: u64,
    /// Those of them that were right.
    pub right: u64,
    /// Void trials.
    pub void: u64,
    /// `right / n`; none where nothing was scored.
    pub accuracy: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
}

/// Sums over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Trials planned.
    pub planned: u64,
    /// Trials scored.
    pub scored: u64,
    /// Trials void.
    pub void: u64,
    /// Attempts made, retries included.
    pub attempts: u64,
    /// Control prompts asked, which score nothing.
    pub controls: u64,
    /// Questions of fingerprints, which score nothing either.
    #[serde(default, skip_serializing_if = "is_none")]
    pub fingerprint_questions: u64,
    /// Prompt tokens that servers reported.
    pub prompt_tokens: u64,
    /// Those of them that came out of a prefix cache.
    pub cached_tokens: u64,
    /// Output tokens that servers reported.
    pub output_tokens: u64,
    /// Price in US dollars, where the price is known.
    pub cost_usd: Option<f64>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
