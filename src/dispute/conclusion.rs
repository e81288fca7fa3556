//! What a dispute comes to: of each hypothesis whether it holds, in a sentence with its evidence.

use super::evidence::{Evidence, Shares};
use super::{Course, DISPUTE_SCHEMA, Design, MOST_MISSING, Sides};
use crate::comparison::SideSummary;
use crate::number::{counted, percent};
use crate::stats::{
    Findings, PairFinding, PublishedFinding, StabilityFinding, Tested, three_hypotheses,
};
use serde::{Deserialize, Serialize};

/// P-value below which a mark of who answered, or an order of answers, is worth a remark. No
/// hypothesis hangs on it.
const REMARKABLE: f64 = 0.01;
/// Tokens by which two counts of one text differ where templates alone do.
const SAME_TEMPLATE_TOKENS: i64 = 4;

/// One of the three explanations of a disputed score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hypothesis {
    /// H1: it answers worse than the reference, or than what was published.
    OtherModel,
    /// H2: the same prompt is answered now rightly, now wrongly; or its rate swings in time.
    Unstable,
    /// H3: public facts are known without the text.
    Memorised,
}

impl Hypothesis {
    /// All of them, in order.
    pub const ALL: [Hypothesis; 3] = [
        Hypothesis::OtherModel,
        Hypothesis::Unstable,
        Hypothesis::Memorised,
    ];

    /// The word with which it is chosen on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Hypothesis::OtherModel => "model",
            Hypothesis::Unstable => "stability",
            Hypothesis::Memorised => "memory",
        }
    }

    /// What is asked, as people say it.
    pub fn words(self) -> &'static str {
        match self {
            Hypothesis::OtherModel => "another model",
            Hypothesis::Unstable => "unstable",
            Hypothesis::Memorised => "known by heart",
        }
    }
}

/// Whether a hypothesis holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does, with the error rate of the design.
    Holds,
    /// It is not shown; that is no proof of the contrary.
    NotShown,
    /// It could not be tested.
    NotTested,
}

/// What one hypothesis comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conclusion {
    /// Which.
    pub hypothesis: Hypothesis,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
}

/// What a dispute comes to (`dispute.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disputed {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that computed it.
    pub depthfinder: String,
    /// What was tested.
    pub design: Design,
    /// Who was asked: the target each time, then the reference.
    pub sides: Vec<SideSummary>,
    /// A conclusion on each hypothesis that was to be tested.
    pub conclusions: Vec<Conclusion>,
    /// What else is worth knowing.
    pub remarks: Vec<String>,
    /// The tests.
    pub findings: Findings,
    /// What they rest on.
    pub evidence: Evidence,
}

impl Disputed {
    /// Tests what was answered. `draw` gives a random number below its bound.
    pub fn of(
        design: &Design,
        course: &Course,
        answers: Sides<'_>,
        sides: Vec<SideSummary>,
        draw: &mut impl FnMut(u64) -> u64,
    ) -> Disputed {
        let evidence = Evidence::of(design, course, answers, draw);
        let findings = three_hypotheses(&evidence.observed, design.alpha, draw);
        let conclude = |hypothesis: Hypothesis| {
            let (verdict, sentence) = match hypothesis {
                Hypothesis::OtherModel => {
                    match (&findings.other_model, &findings.below_published) {
                        (Some(finding), _) => against_reference(finding),
                        (None, Some(finding)) => against_published(finding),
                        (None, None) => untested(&evidence, hypothesis),
                    }
                }
                Hypothesis::Unstable => match &findings.unstable {
                    Some(finding) => stability(finding, &evidence),
                    None => untested(&evidence, hypothesis),
                },
                Hypothesis::Memorised => match &findings.memorised {
                    Some(finding) => memory(finding, &evidence),
                    None => untested(&evidence, hypothesis),
                },
            };
            Conclusion {
                hypothesis,
                verdict,
                sentence,
            }
        };
        Disputed {
            schema: DISPUTE_SCHEMA,
            depthfinder: env!("CARGO_PKG_VERSION").to_string(),
            design: design.clone(),
            sides,
            conclusions: design.hypotheses.iter().copied().map(conclude).collect(),
            remarks: remarks(design, &findings, &evidence),
            findings,
            evidence,
        }
    }

    /// The conclusion on a hypothesis; none where it was not to be tested.
    pub fn verdict(&self, hypothesis: Hypothesis) -> Option<Verdict> {
        let mut conclusions = self.conclusions.iter();
        let found = conclusions.find(|one| one.hypothesis == hypothesis);
        found.map(|one| one.verdict)
    }

    /// True where any of them holds.
    pub fn holds(&self) -> bool {
        let mut conclusions = self.conclusions.iter();
        conclusions.any(|one| one.verdict == Verdict::Holds)
    }

    /// True where one of them could not be tested.
    pub fn is_incomplete(&self) -> bool {
        let mut conclusions = self.conclusions.iter();
        conclusions.any(|one| one.verdict == Verdict::NotTested)
    }
}

fn points(share: f64) -> String {
    format!("{:+.1}", 100.0 * share)
}

fn of(shares: Shares) -> String {
    format!("{} of {}", shares.right, shares.n)
}

fn p(tested: Tested) -> String {
    match tested.adjusted {
        small if small < 0.001 => format!("p = {small:.1e}"),
        large => format!("p = {large:.3}"),
    }
}

fn verdict(tested: Tested) -> Verdict {
    match tested.holds {
        true => Verdict::Holds,
        false => Verdict::NotShown,
    }
}

fn by_windows(finding: &PairFinding) -> String {
    finding.by_windows.map_or(String::new(), |windows| {
        format!(
            ", by {} because it is unstable",
            counted(windows.windows, "whole window")
        )
    })
}

fn against_reference(finding: &PairFinding) -> (Verdict, String) {
    let difference = finding.difference;
    let figures = format!(
        "{} points (95 % interval {} to {}; {}: {} lost, {} won), {}{}",
        points(difference.observed),
        points(difference.low),
        points(difference.high),
        counted(finding.pairs.n, "pair"),
        finding.pairs.lose,
        finding.pairs.win,
        p(finding.tested),
        by_windows(finding)
    );
    let sentence = match finding.tested.holds {
        true => format!("WORSE THAN THE REFERENCE on the same prompts: {figures}"),
        false => format!("not shown to be worse than the reference: {figures}"),
    };
    (verdict(finding.tested), sentence)
}

fn against_published(finding: &PublishedFinding) -> (Verdict, String) {
    let figures = format!(
        "{} of {} right (95 % interval {} to {}) against {} less {} points, {}{}; a published \
         number cannot tell another model from another protocol: prompts, template, sampling, scoring",
        finding.right,
        finding.n,
        percent(finding.interval.low),
        percent(finding.interval.high),
        percent(finding.share),
        (finding.margin * 1e4).round() / 100.0,
        p(finding.tested),
        match finding.p_windows {
            Some(_) => ", by windows because it is unstable",
            None => "",
        }
    );
    let sentence = match finding.tested.holds {
        true => format!("BELOW WHAT WAS PUBLISHED: {figures}"),
        false => format!("not shown to be below what was published: {figures}"),
    };
    (verdict(finding.tested), sentence)
}

fn stability(finding: &StabilityFinding, evidence: &Evidence) -> (Verdict, String) {
    let swings = finding.windows.map_or(String::new(), |windows| {
        format!(
            "; rates of {}: Tarone's z {:.1}",
            counted(evidence.windows.len() as u64, "window"),
            windows.z
        )
    });
    let figures = format!(
        "{} of {} were answered now rightly, now wrongly (two answers differ with a chance of {}; {} is usual){swings}; {}",
        finding.mixed,
        counted(finding.prompts, "prompt"),
        percent(finding.flips),
        percent(crate::stats::USUAL_FLIPS),
        p(finding.tested)
    );
    let sentence = match finding.tested.holds {
        true => format!("UNSTABLE: {figures}"),
        false => format!("not shown to be unstable: {figures}"),
    };
    (verdict(finding.tested), sentence)
}

fn memory(finding: &PairFinding, evidence: &Evidence) -> (Verdict, String) {
    let figures = format!(
        "public facts {} right, the same sentences with another answer {} ({} points); the famous \
         answer was given against the text {}; {}{}",
        of(evidence.public),
        of(evidence.changed),
        points(finding.difference.observed),
        counted(evidence.recited, "time"),
        p(finding.tested),
        by_windows(finding)
    );
    // Most models know some public needle, and tell it where they have lost the place: that alone
    // lifts no score.
    let of_pairs = finding.by_windows.map_or(finding.p_pairs, |test| test.p);
    let is_easier =
        finding.recited.is_none_or(|recited| of_pairs <= recited.p) || 2.0 * of_pairs <= REMARKABLE;
    let sentence = match (finding.tested.holds, is_easier) {
        (true, true) => format!("KNOWN BY HEART: {figures}"),
        (true, false) => format!(
            "FAMOUS ANSWERS AGAINST THE TEXT, though public facts are not shown to be easier: {figures}"
        ),
        (false, _) => format!("not shown to know public facts by heart: {figures}"),
    };
    (verdict(finding.tested), sentence)
}

/// Why nothing can be said of a hypothesis.
fn untested(evidence: &Evidence, hypothesis: Hypothesis) -> (Verdict, String) {
    let missing = evidence.missing.get(&hypothesis).copied();
    let repeats = evidence.repeats;
    let sentence = match (hypothesis, missing) {
        (Hypothesis::Unstable, _) if 2 * repeats.cached > repeats.planned - repeats.answered => {
            format!(
                "NOT TESTED whether it is unstable: {} of {} repeats bear the id and the words of an \
                 earlier reply, so that they are no repeats; ask past the cache of replies",
                repeats.cached, repeats.planned
            )
        }
        (_, Some(missing)) if missing > MOST_MISSING => format!(
            "NOT TESTED whether it is {}: {} of the answers that this takes are missing",
            hypothesis.words(),
            percent(missing)
        ),
        _ => format!(
            "NOT TESTED whether it is {}: nothing was answered",
            hypothesis.words()
        ),
    };
    (Verdict::NotTested, sentence)
}

fn remarks(design: &Design, findings: &Findings, evidence: &Evidence) -> Vec<String> {
    let mut remarks = Vec::new();
    if evidence.cached_replies > 0 {
        remarks.push(format!(
            "{} the id and the words of an earlier reply and do not count: the server answers from a cache of replies",
            match evidence.cached_replies {
                1 => "one reply bears".to_owned(),
                several => format!("{several} replies bear"),
            }
        ));
    }
    if findings.by_windows {
        let few = findings.other_model.iter().chain(&findings.memorised);
        let few = few.filter_map(|finding| finding.by_windows);
        let few = few.filter(|test| test.windows < 6).count();
        remarks.push(format!(
            "answers hang together in time, so that the other hypotheses are tested by whole windows{}",
            match few {
                0 => "",
                _ => "; fewer than six windows differ, which can show nothing: ask more prompts",
            }
        ));
    }
    if let Some(labelling) = evidence
        .labelling
        .as_ref()
        .filter(|one| one.p <= REMARKABLE)
    {
        let shown = labelling.labels.iter().take(4);
        let shown: Vec<String> = shown
            .map(|one| format!("{}: {} of {}", one.label, one.right, one.n))
            .collect();
        remarks.push(format!(
            "who answers makes a difference (p = {:.3}): {} right",
            labelling.p,
            shown.join(", ")
        ));
    }
    if let Some(serial) = evidence.serial.filter(|serial| serial.p <= REMARKABLE) {
        remarks.push(format!(
            "answers that follow each other are alike: {} of equal outcomes, correlation {:.2}, p = {:.3}",
            counted(serial.runs, "stretch").replace("stretchs", "stretches"),
            serial.lag_one,
            serial.p
        ));
    }
    let known = evidence.needles.iter().max_by_key(|needle| needle.recited);
    if let Some(needle) = known.filter(|_| evidence.needles.len() > 1)
        && needle.recited > 1
        && 5 * needle.recited >= 4 * evidence.recited
    {
        remarks.push(format!(
            "{} of {} famous answers against the text are to one question: \"{}\"",
            needle.recited, evidence.recited, needle.question
        ));
    }
    if let Some(counts) = evidence.token_counts
        && counts.most - counts.least > SAME_TEMPLATE_TOKENS
    {
        remarks.push(format!(
            "target and reference count the same bytes differently, by {} to {} tokens: not the same \
             tokenizer, or one server's counts are not its model's; `identify --reference` tells more",
            counts.least, counts.most
        ));
    }
    if let Some(best) = evidence.best_of
        && design.tests(Hypothesis::Unstable)
        && findings.unstable.is_some_and(|finding| finding.mixed > 0)
    {
        remarks.push(format!(
            "the best of {} runs of these {} questions would claim {:.1} % on average, one run {:.1} %; of fresh questions each {:.1} %",
            best.runs,
            best.questions,
            100.0 * best.same_questions,
            100.0 * best.honest,
            100.0 * best.fresh_questions
        ));
    }
    remarks
}

#[cfg(test)]
mod tests;
