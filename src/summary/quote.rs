//! A verdict in a sentence that can be quoted and a paragraph with its numbers.

use super::verification::{RungSummary, Verification};
use crate::claims;
use crate::journal::ControlKind;
use crate::number::{chance, confidence, counted, grouped, interval_figures, percent};
use crate::stats::{Decision, Tally};
use crate::study::{Band, Claim, Headline, Layout};
use crate::task::Kind;

/// From so many times the tokens on the usual grid is worth comparing with.
const WORTH_COMPARING: f64 = 1.5;

/// The verdict in capitals with what it is about: `REFUTED for literal retrieval`.
pub fn headline(verification: &Verification) -> String {
    let verdict = &verification.verdict;
    let (word, kind) = (verdict.headline.word(), &verification.kind_of_use);
    match verdict.headline {
        Headline::VerifiedExcept => {
            let bands: Vec<String> = verdict.dead_bands.iter().map(depth).collect();
            format!("{word} depth {} for {kind}", bands.join(" and "))
        }
        // What is not served serves no use.
        Headline::NotServed => format!("{word} for {kind} and any other use"),
        _ => format!("{word} for {kind}"),
    }
}

/// The verdict in one sentence.
pub fn sentence(model: &str, verification: &Verification) -> String {
    let plan = &verification.plan;
    let verdict = &verification.verdict;
    let headline = headline(verification);
    let claim = claim(&plan.claim);
    let error = format!("chance of a wrong verdict: {} at most", chance(plan.alpha));
    let tau = percent(plan.tau);
    let finds = match (is_retrieval(verification), plan.relative) {
        (true, true) => format!("finds planted facts at least {tau} as often as in short texts"),
        (true, false) => format!("finds at least {tau} of the planted facts"),
        (false, true) => format!("is right at least {tau} as often as in short texts"),
        (false, false) => format!("answers at least {tau} of the questions right"),
    };
    let at_claim = verification
        .rungs
        .last()
        .map_or(Tally::default(), |rung| rung.tally);
    match verdict.headline {
        Headline::Verified => format!(
            "{headline}: {model} {finds} at every tested length up to its claimed {claim} ({} there; {error}).",
            share(at_claim)
        ),
        Headline::VerifiedExcept => {
            let bands: Vec<String> = verdict.dead_bands.iter().map(band).collect();
            format!(
                "{headline}: {model} {finds} at every tested length up to its claimed {claim} ({} there), but {}.",
                share(at_claim),
                bands.join(" and ")
            )
        }
        Headline::Refuted => {
            let at = verdict.witness_tokens.unwrap_or(plan.claim.tokens);
            let broken = verification
                .rungs
                .iter()
                .find(|rung| rung.nominal_tokens == at);
            let tally = broken.map_or(Tally::default(), |rung| rung.tally);
            let held_to = match plan.relative {
                true => format!("{} of its rate in short texts", percent(plan.tau)),
                false => format!("the {} that it is held to", percent(plan.tau)),
            };
            let finds = match is_retrieval(verification) {
                true => format!("finds {} planted facts", found(tally)),
                false => format!("answers {} questions right", found(tally)),
            };
            format!(
                "{headline}: {model}, with a claimed window of {claim}, {finds} in texts of {} tokens, fewer than {held_to} ({error}).",
                grouped(at)
            )
        }
        Headline::NotServed => {
            let at = verdict.witness_tokens.unwrap_or(plan.claim.tokens);
            let window = verification.window_tokens.map_or(String::new(), |window| {
                format!(": window {}", grouped(window))
            });
            let served = match longest_served(verification) {
                Some((tokens, tally)) => {
                    format!("{} at {} tokens", share(tally), grouped(tokens))
                }
                None => "0 questions answered at any length".to_string(),
            };
            format!(
                "{headline}: {model} has a claimed window of {claim}, but prompts of about {} tokens are not served here{window} ({served}).",
                grouped(at)
            )
        }
        Headline::Undecided => {
            let why = verdict.why.as_deref().unwrap_or("nothing was asked");
            let so_far = match why.contains(|c: char| c.is_ascii_digit()) {
                true => String::new(),
                false => so_far(verification),
            };
            format!(
                "{headline}: {model} may or may not live up to its claimed {claim}; {why}{so_far}."
            )
        }
    }
}

/// True where one fact is to be found, and nothing to be made of several.
fn is_retrieval(verification: &Verification) -> bool {
    let kinds = [Kind::Literal, Kind::Selective, Kind::Associative];
    kinds
        .map(Kind::words)
        .contains(&verification.kind_of_use.as_str())
}

/// A claim as people read it: `10M tokens`.
pub fn claim(claim: &Claim) -> String {
    let unit = match claim.kind {
        claims::Kind::Total => "tokens",
        claims::Kind::Input => "input tokens",
    };
    match claim.written.contains(|c: char| c.is_alphabetic()) {
        true => format!("{} {unit}", claim.written),
        false => format!("{} {unit}", grouped(claim.tokens)),
    }
}

pub(super) fn depth(band: &Band) -> String {
    format!("{:.0}–{:.0} %", band.from_percent, band.to_percent)
}

/// What was found of the facts in a dead band.
fn band(band: &Band) -> String {
    let place = match band.length_tokens {
        Some(tokens) => format!("{} tokens", grouped(tokens)),
        None => "all lengths together".to_string(),
    };
    format!(
        "only {} of those planted {} into the text (at {place})",
        of(band.tally),
        depth(band)
    )
}

pub(super) fn of(tally: Tally) -> String {
    format!("{} of {}", grouped(tally.right), grouped(tally.answered()))
}

pub(super) fn share(tally: Tally) -> String {
    format!("{} right", of(tally))
}

pub(super) fn found(tally: Tally) -> String {
    match (tally.right, tally.void) {
        (0, 0) => format!("none of {}", grouped(tally.answered())),
        (_, 0) => of(tally),
        (_, void) => format!("{} (and {} void)", of(tally), grouped(void)),
    }
}

fn so_far(verification: &Verification) -> String {
    match longest_served(verification) {
        Some((tokens, _)) => {
            let all: Tally = verification.rungs.iter().map(|rung| rung.tally).sum();
            format!(
                " ({} so far, at up to {} tokens)",
                share(all),
                grouped(tokens)
            )
        }
        None => " (0 of 0 questions answered)".to_string(),
    }
}

fn longest_served(verification: &Verification) -> Option<(u64, Tally)> {
    let rungs = verification.rungs.iter().chain(&verification.searched);
    rungs
        .filter(|rung| rung.tally.answered() > 0)
        .map(|rung| (rung.nominal_tokens, rung.tally))
        .max_by_key(|(tokens, _)| *tokens)
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
        sentences.push(format!(
            "Right answers, with intervals of 95 % that hold at every look: {}.",
            rungs.join("; ")
        ));
    }
    sentences.extend(verification.effective_length());
    sentences.extend(differences(verification));
    sentences.extend(controls(verification));
    sentences.join(" ")
}

fn asked(verification: &Verification) -> String {
    let plan = &verification.plan;
    let ratio = verification.usual_grid_tokens as f64 / verification.tokens.max(1) as f64;
    let grid = match ratio {
        ratio if ratio >= WORTH_COMPARING => {
            format!(
                ", {} of what the usual grid of 35 × 35 takes",
                share_of(ratio)
            )
        }
        _ => String::new(),
    };
    let own = match plan.layout {
        Layout::Isolated => "Each had facts of its own in a stretch of text drawn for it.",
        Layout::Shared => "Those of a length share five texts.",
    };
    let relative = match plan.relative {
        true => format!(
            " The threshold is {} of the rate in short texts ({} right): above {} a length is verified, below {} refuted.",
            percent(plan.tau),
            of(verification.base),
            percent(verification.tau_verify),
            percent(verification.tau_refute)
        ),
        false => String::new(),
    };
    let is_asked = |rung: &&RungSummary| rung.tally.asked() > 0 || rung.not_served;
    let asked = verification.rungs.iter().filter(is_asked).count() as u64;
    let lengths = plan.rungs.len() as u64;
    let longest = grouped(plan.claim.tokens);
    let shortest = grouped(plan.rungs.first().map_or(0, |rung| rung.nominal_tokens));
    let at = match (lengths, asked == lengths) {
        (1, _) => format!("at {longest} tokens"),
        (_, true) => format!(
            "at all {} from {shortest} to {longest} tokens",
            counted(lengths, "length")
        ),
        (_, false) => format!(
            "at {asked} of {} from {shortest} to {longest} tokens",
            counted(lengths, "length")
        ),
    };
    format!(
        "It took {} with {} prompt tokens{grid}, {at}. {own}{relative}",
        counted(verification.questions, "question"),
        grouped(verification.tokens),
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
        "{} at {} tokens ({} %{void}{decision})",
        of(rung.tally),
        grouped(rung.nominal_tokens),
        interval_figures(rung.interval)
    )
}

/// What the study's own questions certify, whatever the headline.
pub fn bracket(verification: &Verification) -> String {
    let verdict = &verification.verdict;
    let shortest = verification.rungs.first().map(|rung| rung.nominal_tokens);
    let error = chance(verification.plan.alpha);
    match (verdict.verified_to_tokens, verdict.refuted_from_tokens) {
        (Some(low), Some(high)) => format!(
            "Certified: the effective length lies between {} and {} tokens (each end with an error of {error} at most).",
            grouped(low),
            grouped(high)
        ),
        (Some(low), None) => format!(
            "Certified: the effective length is at least {} tokens (error {error} at most).",
            grouped(low)
        ),
        (None, Some(high)) => format!(
            "Certified: the effective length is below {} tokens (error {error} at most); {}.",
            grouped(high),
            match shortest == Some(high) {
                true => "no shorter length was tested",
                false => "shorter lengths were asked too little to certify any",
            }
        ),
        (None, None) => "No length is certified either way.".to_string(),
    }
}

/// What a search adds: its bracket, and a model's interval with what it is worth.
pub fn searched(verification: &Verification) -> Vec<String> {
    let Some(search) = &verification.search else {
        return Vec::new();
    };
    let error = confidence(verification.plan.alpha);
    let bracket = match (search.bracket.low_tokens, search.bracket.high_tokens) {
        (Some(low), Some(high)) => {
            format!("lies between {} and {} tokens", grouped(low), grouped(high))
        }
        (Some(low), None) => format!("is at least {} tokens", grouped(low)),
        (None, Some(high)) => format!("is below {} tokens", grouped(high)),
        (None, None) => {
            return vec!["The search certified no length either way.".to_string()];
        }
    };
    let model = match (&search.estimate, &search.withheld) {
        (Some(estimate), _) => format!(
            "A model has it at {} tokens, {} to {} ({}).",
            grouped(estimate.middle_tokens),
            grouped(estimate.low_tokens),
            grouped(estimate.high_tokens),
            search.assumes
        ),
        (None, Some(withheld)) => {
            let (first, rest) = withheld.split_at(1.min(withheld.len()));
            format!("{}{rest}.", first.to_uppercase())
        }
        (None, None) => return Vec::new(),
    };
    vec![
        format!(
            "Certified with {error} by the search: the effective length, up to which {} of the facts are found, {bracket}.",
            percent(search.tau)
        ),
        model,
    ]
}

/// Where leaving something out would change the headline, and what was left out.
pub fn differences(verification: &Verification) -> Vec<String> {
    let mut sentences = Vec::new();
    let void: u64 = verification.rungs.iter().map(|rung| rung.tally.void).sum();
    let refusals: u64 = verification.rungs.iter().map(|rung| rung.refusals).sum();
    let headline = verification.verdict.headline;
    let would_be = |left_out: Headline| match left_out {
        same if same == headline => "without them the verdict is the same".to_string(),
        Headline::VerifiedExcept => {
            "without them it would be VERIFIED except for a part of the depth".to_string()
        }
        other => format!("without them it would be {}", other.word()),
    };
    if void > 0 {
        sentences.push(format!(
            "{} {} against either verdict; {}.",
            counted(void, "void question"),
            match void {
                1 => "counts",
                _ => "count",
            },
            would_be(verification.headline_without_voids)
        ));
    }
    if refusals > 0 {
        sentences.push(format!(
            "In {} the model refuses, which counts as wrong; {}.",
            counted(refusals, "answer"),
            would_be(verification.headline_without_refusals)
        ));
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
                ControlKind::ShortContext => "in short texts",
                ControlKind::NeedleOnly => "with the fact alone",
                ControlKind::NoContext => "without any text",
                ControlKind::NoNeedle => "with the text but not the fact",
                ControlKind::AbsentNeedle => "where \"none\" is right",
                _ => control.kind.name(),
            };
            format!("{} of {} right {what}", control.right, control.answered)
        })
        .collect();
    let mut sentences = Vec::new();
    if !told.is_empty() {
        sentences.push(format!("Controls: {}.", told.join(", ")));
    }
    for leak in &verification.leaks {
        sentences.push(format!(
            "A {} control was answered rightly (\"{}\"): {}.",
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
