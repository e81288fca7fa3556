//! A verdict in a sentence that can be quoted and a paragraph with its numbers.

use super::verification::{RungSummary, Verification};
use crate::claims::Kind;
use crate::journal::ControlKind;
use crate::number::{counted, grouped, interval_figures, percent};
use crate::stats::Decision;
use crate::study::Headline;

/// The verdict in one sentence.
pub fn sentence(model: &str, verification: &Verification) -> String {
    let plan = &verification.plan;
    let verdict = &verification.verdict;
    let tau = match plan.relative {
        true => format!("{} of its short-context rate", percent(plan.tau)),
        false => format!("{} of the planted facts", percent(plan.tau)),
    };
    let claim = claim(verification);
    let word = verdict.headline.word();
    match verdict.headline {
        Headline::Verified => format!(
            "{word} for {}: {model} finds at least {tau} at every tested length up to its claimed {claim} (at most {} chance of this being wrong).",
            verification.kind_of_use,
            percent(plan.alpha)
        ),
        Headline::VerifiedExcept => {
            let bands: Vec<String> = verdict
                .dead_bands
                .iter()
                .map(|band| format!("{:.0}–{:.0} %", band.from_percent, band.to_percent))
                .collect();
            format!(
                "{word} depth {} for {}: {model} finds at least {tau} on average up to its claimed {claim}, but not in that part of the text.",
                bands.join(" and "),
                verification.kind_of_use
            )
        }
        Headline::Refuted => {
            let witness = broken(verification);
            let counts = witness.map_or(String::new(), |rung| {
                format!(" ({} of {} right)", rung.tally.right, rung.tally.answered())
            });
            let at = verdict.witness_tokens.unwrap_or(plan.claim.tokens);
            format!(
                "{word} for {}: {model} does not find {tau} at {} tokens{counts}; its claim is {claim} (at most {} chance of this being wrong).",
                verification.kind_of_use,
                grouped(at),
                percent(plan.alpha)
            )
        }
        Headline::NotServed => {
            let window = match verification.window_tokens {
                Some(window) => format!("window {}", grouped(window)),
                None => match longest_served(verification) {
                    Some(served) => format!("nothing above {} tokens was", grouped(served)),
                    None => "no tested length was".to_string(),
                },
            };
            let at = verdict.witness_tokens.unwrap_or(plan.claim.tokens);
            format!(
                "{word}: {model} is claimed to take {claim}, but {} tokens are not served here: {window}.",
                grouped(at)
            )
        }
        Headline::Undecided => {
            let why = verdict.why.as_deref().unwrap_or("nothing was asked");
            format!(
                "{word}: whether {model} serves its claimed {claim} is not shown either way: {why}."
            )
        }
    }
}

fn claim(verification: &Verification) -> String {
    let claim = &verification.plan.claim;
    let unit = match claim.kind {
        Kind::Total => "tokens",
        Kind::Input => "input tokens",
    };
    let plain = grouped(claim.tokens);
    match claim.written == plain || claim.written == claim.tokens.to_string() {
        true => format!("{plain} {unit}"),
        false => format!("{} ({plain}) {unit}", claim.written),
    }
}

fn broken(verification: &Verification) -> Option<&RungSummary> {
    let at = verification.verdict.witness_tokens?;
    verification
        .rungs
        .iter()
        .find(|rung| rung.nominal_tokens == at)
}

fn longest_served(verification: &Verification) -> Option<u64> {
    let rungs = verification.rungs.iter().chain(&verification.searched);
    rungs
        .filter(|rung| rung.tally.answered() > 0)
        .map(|rung| rung.nominal_tokens)
        .max()
}

/// The numbers behind it.
pub fn paragraph(verification: &Verification) -> String {
    let mut sentences = vec![asked(verification)];
    let rungs: Vec<String> = verification
        .rungs
        .iter()
        .filter(|rung| rung.tally.asked() > 0)
        .map(figures)
        .collect();
    if !rungs.is_empty() {
        sentences.push(format!("Right answers: {}.", rungs.join("; ")));
    }
    sentences.push(bracket(verification));
    sentences.extend(differences(verification));
    sentences.extend(controls(verification));
    sentences.join(" ")
}

fn asked(verification: &Verification) -> String {
    let plan = &verification.plan;
    let ratio = verification.usual_grid_tokens as f64 / verification.tokens.max(1) as f64;
    let grid = match ratio {
        ratio if ratio >= 1.5 => format!(", {} of the usual 35 × 35 grid's", share_of(ratio)),
        _ => String::new(),
    };
    let relative = match plan.relative {
        true => format!(
            " The threshold is {} of the short-context rate ({} of {}): verified above {}, refuted below {}.",
            percent(plan.tau),
            verification.base.right,
            verification.base.answered(),
            percent(verification.tau_verify),
            percent(verification.tau_refute)
        ),
        false => String::new(),
    };
    format!(
        "{} with {} prompt tokens were asked{grid}, each with facts{} of its own, at {} of the ladder from {} to {} tokens.{relative}",
        counted(verification.questions, "question"),
        grouped(verification.tokens),
        match plan.layout {
            crate::study::Layout::Isolated => " and a haystack",
            crate::study::Layout::Shared => "",
        },
        counted(plan.rungs.len() as u64, "length"),
        grouped(plan.rungs.first().map_or(0, |rung| rung.nominal_tokens)),
        grouped(plan.claim.tokens)
    )
}

fn share_of(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 10.0 => format!("1/{}", grouped(ratio.round() as u64)),
        ratio => format!("1/{ratio:.1}"),
    }
}

fn figures(rung: &RungSummary) -> String {
    let void = match rung.tally.void {
        0 => String::new(),
        void => format!(", {void} void"),
    };
    let decision = match rung.decision {
        Some(Decision::Verified) => ", verified",
        Some(Decision::Refuted) => ", refuted",
        Some(Decision::Undecided) => ", undecided at the last look",
        _ => "",
    };
    format!(
        "{}/{} at {} tokens (95 % interval {} %{void}{decision})",
        rung.tally.right,
        rung.tally.answered(),
        grouped(rung.nominal_tokens),
        interval_figures(rung.interval)
    )
}

/// What the study's own questions certify, whatever the headline.
fn bracket(verification: &Verification) -> String {
    let verdict = &verification.verdict;
    let error = percent(verification.plan.alpha);
    match (verdict.verified_to_tokens, verdict.refuted_from_tokens) {
        (Some(low), Some(high)) => format!(
            "Certified: the effective length lies between {} and {} tokens (each end at an error of {error} at most).",
            grouped(low),
            grouped(high)
        ),
        (Some(low), None) => format!(
            "Certified: the effective length is {} tokens at least (error {error} at most).",
            grouped(low)
        ),
        (None, Some(high)) => format!(
            "Certified: the effective length is below {} tokens (error {error} at most); shorter lengths were asked too little to certify any.",
            grouped(high)
        ),
        (None, None) => "No length is certified either way.".to_string(),
    }
}

/// Where leaving something out would change the headline, and what was left out.
fn differences(verification: &Verification) -> Vec<String> {
    let mut sentences = Vec::new();
    let void: u64 = verification.rungs.iter().map(|rung| rung.tally.void).sum();
    let refusals: u64 = verification.rungs.iter().map(|rung| rung.refusals).sum();
    let headline = verification.verdict.headline;
    if void > 0 {
        let left_out = verification.headline_without_voids;
        sentences.push(match left_out == headline {
            true => format!(
                "{} count against either verdict; without them it is the same.",
                counted(void, "void question")
            ),
            false => format!(
                "{} count against either verdict; without them it would be {}.",
                counted(void, "void question"),
                left_out.word()
            ),
        });
    }
    if refusals > 0 {
        let left_out = verification.headline_without_refusals;
        sentences.push(match left_out == headline {
            true => format!(
                "In {} the model refused, which counts as wrong; without them the verdict is the same.",
                counted(refusals, "answer")
            ),
            false => format!(
                "In {} the model refused, which counts as wrong; without them the verdict would be {}.",
                counted(refusals, "answer"),
                left_out.word()
            ),
        });
    }
    sentences
}

fn controls(verification: &Verification) -> Vec<String> {
    let told: Vec<String> = verification
        .controls
        .iter()
        .filter(|control| control.answered > 0)
        .map(|control| {
            let what = match control.kind {
                ControlKind::ShortContext => "in short contexts",
                ControlKind::NeedleOnly => "with the fact alone",
                ControlKind::NoContext => "without any text",
                ControlKind::NoNeedle => "with the text but not the fact",
                ControlKind::AbsentNeedle => "where \"none\" is right",
                _ => control.kind.name(),
            };
            format!("{}/{} right {what}", control.right, control.answered)
        })
        .collect();
    let mut sentences = Vec::new();
    if !told.is_empty() {
        sentences.push(format!("Controls: {}.", told.join(", ")));
    }
    for leak in &verification.leaks {
        sentences.push(format!(
            "A {} control was answered rightly ({:?}): {}.",
            leak.kind.name(),
            leak.answer,
            match &leak.passage {
                Some(passage) => format!("its text says \"{passage}\""),
                None => "the answer stands nowhere in its text".to_string(),
            }
        ));
    }
    sentences
}
