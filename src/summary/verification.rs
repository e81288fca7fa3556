//! A study summed up: the verdict, what it rests on, and what stands beside it.

use super::controls::{ControlSummary, Guess, Leak, controls, guess, leaks};
use super::depth::{DepthProfile, public_draw};
use super::quote;
use crate::ground::Corpora;
use crate::journal::{Control, Loaded, Outcome, Row, RunFile};
use crate::number::grouped;
use crate::reply::Failure;
use crate::run::{Standing, is_of_task, judge, void_reason};
use crate::score::Class;
use crate::search::{Bracket, Estimate};
use crate::stats::{
    Decision, Heterogeneity, Interval, Tally, confidence_sequence, heterogeneity, ln_e_refute,
    ln_e_verify,
};
use crate::study::{Headline, Progress, Registered, RungProgress, Seat, Study, Verdict, verdict};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Error of each end of an interval.
const ALPHA_EACH: f64 = 0.025;
/// Lengths and depths of the usual needle test: 35 × 35 questions, evenly spaced up to the claim.
const USUAL_GRID: u64 = 35;

/// A verification, summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// One sentence that can be quoted.
    pub sentence: String,
    /// One paragraph with the numbers.
    pub paragraph: String,
    /// The kind of use that was tested: a verdict on one is none on another.
    pub kind_of_use: String,
    /// The plan that was registered before the first question.
    pub plan: Registered,
    /// Its digest.
    pub plan_hash: Option<String>,
    /// Rate above which a length is verified.
    pub tau_verify: f64,
    /// Rate below which it is refuted.
    pub tau_refute: f64,
    /// Answers in short contexts.
    pub base: Tally,
    /// The verdict, every void question counted against it.
    pub verdict: Verdict,
    /// The same where void questions are left out.
    pub headline_without_voids: Headline,
    /// The same where answers in which the model refuses are left out too.
    pub headline_without_refusals: Headline,
    /// The ladder, shortest first.
    pub rungs: Vec<RungSummary>,
    /// Lengths that the search asked beside it, shortest first.
    pub searched: Vec<RungSummary>,
    /// What the search came to, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSummary>,
    /// Success by length and depth.
    pub depth: DepthProfile,
    /// The smallest window that a refusal named, in tokens; where none did, the longest count of a
    /// prompt that was proven to be cut.
    pub window_tokens: Option<u64>,
    /// Controls by kind.
    pub controls: Vec<ControlSummary>,
    /// Controls that were answered rightly where nothing could be known.
    pub leaks: Vec<Leak>,
    /// The success rate without what guessing gives; none where no control says.
    pub guess: Option<Guess>,
    /// Questions that have an outcome, a void one and its repetition counted apart.
    pub questions: u64,
    /// Tokens of the prompts of all attempts at them.
    pub tokens: u64,
    /// Tokens of the controls' prompts.
    pub control_tokens: u64,
    /// Tokens of the usual 35 × 35 grid up to the claim, for comparison.
    pub usual_grid_tokens: u64,
}

/// One length of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungSummary {
    /// The length it stands for, in tokens.
    pub nominal_tokens: u64,
    /// What its questions came to; none for lengths of the search.
    pub decision: Option<Decision>,
    /// True where the end of the window was met three times.
    pub not_served: bool,
    /// Outcomes.
    pub tally: Tally,
    /// Answers in which the model refused; they are among the wrong ones.
    pub refusals: u64,
    /// Right answers among those that were answered.
    pub rate: Option<f64>,
    /// Interval of the success rate that holds at every look (95 %), void questions counted as
    /// wrong at its lower end and as right at its upper one.
    pub interval: Interval,
    /// Natural logarithm of the e-value for the claim at this length; none where it is no number.
    pub ln_e_verify: Option<f64>,
    /// The same against it.
    pub ln_e_refute: Option<f64>,
    /// Successes that verify it at its last look.
    pub verify_from: Option<u64>,
    /// Successes up to which it is refuted there.
    pub refute_to: Option<u64>,
    /// Outcomes by fifths of the depth, from the start.
    pub strata: Vec<Tally>,
    /// Outcomes by haystack, where questions share them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub haystacks: Vec<Tally>,
    /// Whether these haystacks differ by more than chance; none where nothing could show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heterogeneity: Option<Heterogeneity>,
}

/// The effective length by the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// Success rate that counts as effective.
    pub tau: f64,
    /// Where the first crossing of the threshold lies, certified without any assumption.
    pub bracket: Bracket,
    /// Where a model of one smooth decline has it; no verdict rests on it.
    pub estimate: Option<Estimate>,
    /// Why there is no such interval, in words.
    pub withheld: Option<String>,
    /// What the estimate assumes.
    pub assumes: String,
}

/// What the model's interval is worth.
const ASSUMES: &str = "assumes one smooth decline; no verdict rests on it";

impl Verification {
    /// The verdict in capitals with what it is about: `REFUTED for literal retrieval`.
    pub fn headline(&self) -> String {
        quote::headline(self)
    }

    /// The claim as people read it: `10M tokens`.
    pub fn claim(&self) -> String {
        quote::claim(&self.plan.claim)
    }

    /// What is certified of the effective length: by the search where there was one, else by the
    /// verdict's own questions. In tokens, longest certified and shortest refuted.
    pub fn certified(&self) -> (Option<u64>, Option<u64>) {
        match &self.search {
            Some(search) => (search.bracket.low_tokens, search.bracket.high_tokens),
            None => (
                self.verdict.verified_to_tokens,
                self.verdict.refuted_from_tokens,
            ),
        }
    }

    /// The same in words: `8,000 to 16,000 tokens`; none where nothing is certified.
    pub fn certified_words(&self) -> Option<String> {
        match self.certified() {
            (Some(low), Some(high)) => {
                Some(format!("{} to {} tokens", grouped(low), grouped(high)))
            }
            (Some(low), None) => Some(format!("at least {} tokens", grouped(low))),
            (None, Some(high)) => Some(format!("below {} tokens", grouped(high))),
            (None, None) => None,
        }
    }

    /// The same in sentences, with the model's interval beside it where a search was made.
    pub fn effective_length(&self) -> Vec<String> {
        match &self.search {
            Some(_) => quote::searched(self),
            None => vec![quote::bracket(self)],
        }
    }

    /// What leaving out void questions and refusals would change, in sentences.
    pub fn differences(&self) -> Vec<String> {
        quote::differences(self)
    }

    /// Evidence (an e-value) that verifies a length, and that which refutes one.
    pub fn enough_evidence(&self) -> (f64, f64) {
        let alpha = match self.plan.relative {
            true => self.plan.alpha / 2.0,
            false => self.plan.alpha,
        };
        (1.0 / alpha, self.rungs.len() as f64 / alpha)
    }
}

/// Sums the study of a kind of use up, by its place among those of the run.
pub fn verification(
    run: &RunFile,
    standing: &Standing,
    loaded: &Loaded,
    corpora: &Corpora,
    kind: usize,
) -> Verification {
    let own = Own {
        study: &standing.studies.kinds[kind],
        progress: &standing.course.kinds[kind],
    };
    let Own { study, progress } = own;
    let plan = &study.registered;
    let task = run.grid.tasks.get(kind).copied();
    let of_task: Vec<Control> = loaded
        .controls
        .iter()
        .filter(|control| is_of_task(control, task))
        .cloned()
        .collect();
    let is_own = |row: &&Row| row.trial.seat.is_some_and(|seat| seat.kind == study.kind);
    let rows: Vec<&Row> = loaded.rows.iter().filter(is_own).collect();
    let leaks = leaks(&of_task, task.and_then(|task| corpora.of_task(task)));
    let mut verdict = verdict(study, progress);
    let is_unfinished = verdict.headline == Headline::Undecided && !progress.is_decided;
    if is_unfinished && standing.is_stopped() {
        verdict.why = Some("another kind of use was refuted first".into());
    }
    let is_verified = matches!(
        verdict.headline,
        Headline::Verified | Headline::VerifiedExcept
    );
    if is_verified && !leaks.is_empty() {
        verdict.headline = Headline::Undecided;
        verdict.why = Some(match leaks.len() {
            1 => "a question was answered rightly though its fact was nowhere in the prompt".into(),
            several => format!(
                "{several} questions were answered rightly though their facts were nowhere in the prompt"
            ),
        });
    }
    let refusals = refusals(&rows, corpora);
    let of = |rung: &RungProgress, at: Option<usize>| summed(own, rung, at, &refusals);
    let mut searched: Vec<RungSummary> = progress
        .searched
        .iter()
        .map(|rung| of(rung, None))
        .collect();
    searched.sort_by_key(|rung| rung.nominal_tokens);
    let rungs: Vec<RungSummary> = progress
        .rungs
        .iter()
        .enumerate()
        .map(|(at, rung)| of(rung, Some(at)))
        .collect();
    let controls = controls(&of_task);
    let settled: HashSet<Seat> = rows
        .iter()
        .filter(|row| row.settled)
        .filter_map(|row| row.trial.seat)
        .collect();
    let claim_tokens = plan.claim.tokens;
    let mut verification = Verification {
        sentence: String::new(),
        paragraph: String::new(),
        kind_of_use: task
            .map_or("literal retrieval", |task| task.kind().words())
            .to_string(),
        plan_hash: run.plan_hash.clone(),
        tau_verify: study.taus.0,
        tau_refute: study.taus.1,
        base: crate::run::base(&of_task, task),
        headline_without_voids: without(own, &verdict, &leaks, &|_, tally| Tally {
            void: 0,
            ..tally
        }),
        headline_without_refusals: without(own, &verdict, &leaks, &|rung, tally| Tally {
            void: 0,
            wrong: tally
                .wrong
                .saturating_sub(refused(&refusals, rung.nominal_tokens)),
            ..tally
        }),
        verdict,
        depth: DepthProfile::of(rungs.iter().chain(&searched)),
        guess: guess(&rungs, &controls),
        search: searching(own),
        rungs,
        searched,
        window_tokens: window(&rows),
        controls,
        leaks,
        questions: settled.len() as u64,
        tokens: rows.iter().map(|row| row.prompt.text_tokens).sum(),
        control_tokens: of_task
            .iter()
            .filter(|control| control.item.is_some())
            .map(|control| control.prompt.text_tokens)
            .sum(),
        // The mean of evenly spaced lengths is half the longest.
        usual_grid_tokens: USUAL_GRID * USUAL_GRID * claim_tokens / 2,
        plan: plan.clone(),
    };
    verification.sentence = quote::sentence(&run.served.model, &verification);
    verification.paragraph = quote::paragraph(&verification);
    verification
}

/// The study of one kind of use, and where it stands.
#[derive(Clone, Copy)]
struct Own<'s> {
    study: &'s Study,
    progress: &'s Progress,
}

fn summed(
    own: Own<'_>,
    rung: &RungProgress,
    at: Option<usize>,
    refusals: &HashMap<u64, u64>,
) -> RungSummary {
    let study = own.study;
    let tally = rung.tally();
    let (n, least, most) = (tally.asked(), tally.least_right(), tally.most_right());
    let number = |ln: f64| ln.is_finite().then_some(ln);
    let tests = at.map(|at| &study.tests[at]);
    RungSummary {
        nominal_tokens: rung.nominal_tokens,
        decision: at.map(|_| rung.decision),
        not_served: rung.not_served,
        tally,
        refusals: refused(refusals, rung.nominal_tokens),
        rate: tally.share(),
        interval: interval(own, rung.nominal_tokens),
        ln_e_verify: number(ln_e_verify(least, n, study.taus.0)).filter(|_| n > 0),
        ln_e_refute: number(ln_e_refute(most, n, study.taus.1)).filter(|_| n > 0),
        verify_from: tests.and_then(|tests| Some(tests.verify.cuts?.verify_from)),
        refute_to: tests.and_then(|tests| tests.refute.as_ref()?.cuts?.refute_to),
        strata: rung.strata.to_vec(),
        haystacks: rung.haystacks.clone(),
        heterogeneity: heterogeneity(
            &rung.haystacks,
            &mut public_draw("haystacks", rung.nominal_tokens),
        ),
    }
}

/// What the search came to.
fn searching(own: Own<'_>) -> Option<SearchSummary> {
    let search = own.study.registered.search.as_ref()?;
    let blocks = &own.progress.blocks;
    let estimate = own.study.estimate(blocks)?;
    Some(SearchSummary {
        tau: search.tau,
        bracket: search.bracket(blocks),
        estimate: estimate.ok(),
        withheld: estimate.err().map(|withheld| withheld.to_string()),
        assumes: ASSUMES.to_string(),
    })
}

/// The intersection of the confidence sequences of all looks.
fn interval(own: Own<'_>, nominal_tokens: u64) -> Interval {
    let mut all = Interval::UNKNOWN;
    let mut tally = Tally::default();
    let blocks = &own.progress.blocks;
    for block in blocks
        .iter()
        .filter(|block| block.length_tokens == nominal_tokens)
    {
        tally += block.tally;
        let n = tally.asked();
        let low = confidence_sequence(tally.least_right(), n, ALPHA_EACH).low;
        let high = confidence_sequence(tally.most_right(), n, ALPHA_EACH).high;
        all.low = all.low.max(low);
        all.high = all.high.min(high);
    }
    all
}

/// The headline where some outcomes are left out; where it rests on fewer answers than a block has
/// questions, the looks lie elsewhere: counts are held against the boundary of the next whole block.
fn without(
    own: Own<'_>,
    verdict: &Verdict,
    leaks: &[Leak],
    kept: &dyn Fn(&RungProgress, Tally) -> Tally,
) -> Headline {
    if verdict.headline == Headline::NotServed {
        return Headline::NotServed;
    }
    let study = own.study;
    let mut decisions = Vec::new();
    for (at, rung) in own.progress.rungs.iter().enumerate() {
        let tally = kept(rung, rung.tally());
        decisions.push(match rung.decision {
            // Leaving out what counts against a verdict can only help it.
            Decision::Verified => Decision::Verified,
            Decision::Refuted if tally.wrong == rung.tally().wrong => Decision::Refuted,
            decision if tally == rung.tally() => decision,
            _ => decided(study, at, tally),
        });
    }
    let all_verified = decisions
        .iter()
        .all(|decision| *decision == Decision::Verified);
    match decisions.contains(&Decision::Refuted) {
        true => Headline::Refuted,
        false if all_verified && leaks.is_empty() => match verdict.dead_bands.is_empty() {
            true => Headline::Verified,
            false => Headline::VerifiedExcept,
        },
        false => Headline::Undecided,
    }
}

/// What a tally that is no whole number of blocks would come to, by its e-values alone: the exact
/// end of the test is made for its own number of questions.
fn decided(study: &Study, at: usize, tally: Tally) -> Decision {
    let tests = &study.tests[at];
    let n = tally.asked();
    let design = &tests.verify.design;
    let enough = |alpha: f64| -alpha.ln();
    if n == 0 {
        return Decision::Open;
    }
    if ln_e_verify(tally.right, n, study.taus.0) >= enough(design.alpha_verify) {
        return Decision::Verified;
    }
    if tests.refute.is_some()
        && ln_e_refute(tally.right, n, study.taus.1) >= enough(design.alpha_refute)
    {
        return Decision::Refuted;
    }
    Decision::Open
}

/// Answers in which the model refused, by nominal length.
fn refusals(rows: &[&Row], corpora: &Corpora) -> HashMap<u64, u64> {
    let mut last: HashMap<Seat, &Row> = HashMap::new();
    for row in rows.iter().filter(|row| row.settled) {
        if let Some(seat) = row.trial.seat {
            last.insert(seat, row);
        }
    }
    let mut refusals = HashMap::new();
    for (seat, row) in last {
        let mut row = Row::clone(row);
        row.void = void_reason(&row);
        if judge(&row, corpora).is_some_and(|judged| judged.class == Class::Refusal) {
            *refusals.entry(seat.rung_tokens).or_insert(0) += 1;
        }
    }
    refusals
}

fn refused(refusals: &HashMap<u64, u64>, nominal_tokens: u64) -> u64 {
    refusals.get(&nominal_tokens).copied().unwrap_or(0)
}

/// The smallest window that a refusal named; where none did, the longest count of a prompt that was
/// proven to be cut, which is what was left of it.
fn window(rows: &[&Row]) -> Option<u64> {
    let named = rows.iter().filter_map(|row| match &row.outcome {
        Outcome::Failure(Failure::TooLong { window_tokens, .. }) => *window_tokens,
        _ => None,
    });
    let kept = rows.iter().filter_map(|row| {
        let reported = row.reply()?.usage.prompt_tokens?;
        let tolerance = row.prompt.tolerance_tokens.unwrap_or(0);
        (reported + tolerance < row.prompt.expected_tokens?).then_some(reported)
    });
    named.min().or_else(|| kept.max())
}
