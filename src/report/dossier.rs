//! The dossier of a verification: the verdict first, then everything that it rests on.

use super::document::{Block, Document, Picture, ground, head, heading};
use super::ladder;
use crate::claims::Kind;
use crate::journal::ControlKind;
use crate::number::{chance, counted, grouped, interval_figures, percent};
use crate::study::{Claim, Headline, Layout, Registered};
use crate::summary::{DepthCell, Summary, Verification, WeakRegion};

/// What a dossier says.
pub fn of(summary: &Summary, verification: &Verification, run: &str) -> Document {
    let mut blocks = vec![
        Block::Lead(verification.sentence.clone()),
        Block::Paragraph(verification.paragraph.clone()),
    ];
    cautions(summary, &mut blocks);
    blocks.push(Block::Picture(Picture::Accuracy));
    findings(summary, verification, true, &mut blocks);
    layout(&[("", verification)], &mut blocks);
    plan(&verification.plan, &[("", verification)], &mut blocks);
    ground(summary, run, &mut blocks);
    Document {
        title: title(summary, &verification.plan.claim),
        blocks,
    }
}

/// The question that a dossier answers.
pub(super) fn title(summary: &Summary, claim: &Claim) -> String {
    let window = match claim.written.contains(char::is_alphabetic) {
        true => claim.written.clone(),
        false => format!("{}-token", grouped(claim.tokens)),
    };
    format!("{}: is the claimed {window} window real?", summary.model)
}

/// What a reader must know before the numbers.
pub(super) fn cautions(summary: &Summary, blocks: &mut Vec<Block>) {
    if !summary.exact_lengths {
        let estimated = "Lengths are estimates: the model's own tokenizer was not at hand.";
        blocks.push(Block::Paragraph(estimated.to_owned()));
    }
    if !summary.warnings.is_empty() {
        blocks.push(heading("Warnings"));
        blocks.push(Block::Bullets(summary.warnings.clone()));
    }
}

/// Everything that one verdict rests on.
pub(super) fn findings(
    summary: &Summary,
    verification: &Verification,
    with_heatmap: bool,
    blocks: &mut Vec<Block>,
) {
    ladder::ladder(verification, blocks);
    ladder::effective_length(verification, blocks);
    left_out(verification, blocks);
    depth(summary, verification, with_heatmap, blocks);
    controls(verification, blocks);
}

/// Void questions and refusals, where there are any.
fn left_out(verification: &Verification, blocks: &mut Vec<Block>) {
    let differences = verification.differences();
    if !differences.is_empty() {
        blocks.push(heading("If void questions or refusals are left out"));
        blocks.push(Block::Bullets(differences));
    }
}

/// Where in the text facts are found.
fn depth(
    summary: &Summary,
    verification: &Verification,
    with_heatmap: bool,
    blocks: &mut Vec<Block>,
) {
    let profile = &verification.depth;
    let Some(first) = profile.lengths.first() else {
        return;
    };
    blocks.push(heading("Depth: where in the text the fact stood"));
    let mut sentences: Vec<String> = verification
        .verdict
        .dead_bands
        .iter()
        .map(|band| {
            format!(
                "Depth {:.0}–{:.0} % fails {}: {} of {} right, so that its rate is at most {} (95 %, Holm over five fifths).",
                band.from_percent,
                band.to_percent,
                match band.length_tokens {
                    Some(tokens) => format!("at {} tokens", grouped(tokens)),
                    None => "over all lengths together".to_owned(),
                },
                band.tally.right,
                band.tally.answered(),
                percent(band.upper)
            )
        })
        .collect();
    // Only where the mean is good everywhere are the fifths held against the threshold.
    if verification.verdict.headline == Headline::Verified {
        let tau = percent(verification.tau_refute);
        sentences.push(format!(
            "No fifth of the depth is shown to lie below {tau} at the claim or over all lengths together."
        ));
    }
    sentences.push(match &profile.weakest {
        Some(region) => weakest(region),
        None => "No region is weaker than the rest of its lengths.".to_owned(),
    });
    blocks.push(Block::Paragraph(sentences.join(" ")));
    if with_heatmap && summary.tasks.iter().any(|task| !task.cells.is_empty()) {
        blocks.push(Block::Picture(Picture::Heatmap));
    }
    let mut names = vec![("length (tokens)".to_owned(), true)];
    names.extend(first.fifths.iter().map(|cell| {
        let (from, to) = (cell.from_percent, cell.to_percent);
        (format!("{from:.0}–{to:.0} %"), true)
    }));
    let rows = |write: &dyn Fn(&DepthCell) -> String| -> Vec<Vec<String>> {
        let row = |length: &crate::summary::DepthRow| {
            std::iter::once(grouped(length.nominal_tokens))
                .chain(length.fifths.iter().map(write))
                .collect()
        };
        profile.lengths.iter().map(row).collect()
    };
    blocks.push(Block::Paragraph(
        "Right of answered, with the exact 95 % interval of each cell (Clopper-Pearson):"
            .to_owned(),
    ));
    blocks.push(Block::Table {
        head: names.clone(),
        rows: rows(&|cell| match cell.tally.answered() {
            0 => "–".to_owned(),
            answered => format!(
                "{}/{} ({} %)",
                cell.tally.right,
                answered,
                interval_figures(cell.interval)
            ),
        }),
    });
    let label = match profile.bands.as_str() {
        "approximate" => {
            "smoothed, approximate: with five answers or fewer in a cell the bands hold the truth somewhat less often than 95 %"
        }
        _ => "smoothed, with 95 % bands",
    };
    blocks.push(Block::Paragraph(format!(
        "The same with what the neighbours say ({label}). Nothing is decided by it."
    )));
    blocks.push(Block::Table {
        head: names,
        rows: rows(&|cell| {
            let smoothed = cell.smoothed;
            format!(
                "{} ({})",
                percent(smoothed.rate),
                interval_figures(smoothed.band)
            )
        }),
    });
}

fn weakest(region: &WeakRegion) -> String {
    let lengths = match region.from_tokens == region.to_tokens {
        true => format!("{} tokens", grouped(region.from_tokens)),
        false => format!(
            "{} to {} tokens",
            grouped(region.from_tokens),
            grouped(region.to_tokens)
        ),
    };
    let place = format!(
        "{lengths}, depth {:.0}–{:.0} %",
        region.from_percent, region.to_percent
    );
    let counts = format!(
        "{} of {} right, where {:.1} were to be expected if depth did not matter",
        grouped(region.right),
        grouped(region.n),
        region.expected_right
    );
    let interval = interval_figures(region.selected_interval);
    match region.is_notable() {
        true => format!(
            "The weakest region is {place}: {counts} (p = {:.3}, adjusted for having looked at every region; interval {interval} %, selected: the region was chosen for its answers, so that fresh ones would be better on average).",
            region.p
        ),
        false => format!(
            "No region stands out: the weakest one, {place}, has {counts} (p = {:.2}, adjusted for having looked at every region; interval {interval} %, selected).",
            region.p
        ),
    }
}

/// What the controls show, and what leaked.
fn controls(verification: &Verification, blocks: &mut Vec<Block>) {
    if verification.controls.is_empty() {
        return;
    }
    blocks.push(heading("Controls"));
    let rows = verification.controls.iter().map(|control| {
        let (what, meaning) = match control.kind {
            ControlKind::ShortContext => (
                "questions in short texts",
                "what the model can do where nothing is long",
            ),
            ControlKind::NeedleOnly => (
                "the fact and the question alone",
                "whether it understands the question",
            ),
            ControlKind::NoContext => (
                "the question alone",
                "whether it knows or guesses the answer; right ones should be none",
            ),
            ControlKind::NoNeedle => (
                "the text without the fact",
                "whether the text answers by itself; right ones should be none",
            ),
            ControlKind::AbsentNeedle => (
                "a fact that was never planted",
                "whether it says so; \"none\" is right",
            ),
            ControlKind::Calibration | ControlKind::Canary | ControlKind::Window => {
                (control.kind.name(), "what reaches the model")
            }
        };
        vec![
            what.to_owned(),
            format!("{}/{}", control.right, control.answered),
            grouped(control.void),
            grouped(control.longest_tokens),
            meaning.to_owned(),
        ]
    });
    blocks.push(Block::Table {
        head: head(&[
            ("control", false),
            ("right / answered", true),
            ("void", true),
            ("longest (tokens)", true),
            ("shows", false),
        ]),
        rows: rows.collect(),
    });
    if let Some(guess) = &verification.guess
        && let Some(rate) = guess.corrected.rate
    {
        blocks.push(Block::Paragraph(format!(
            "Corrected for guesses ({} of {} right where the answer could not be known), the rate at {} tokens is {}{}. Verdicts rest on the raw rate.",
            guess.controls.right,
            guess.controls.answered(),
            grouped(guess.length_tokens),
            percent(rate),
            match guess.corrected.lower > 0.0 {
                true => format!(", at least {} with 95 %", percent(guess.corrected.lower)),
                false => String::new(),
            }
        )));
    }
    let leaks = verification.leaks.iter().map(|leak| {
        let passage = match &leak.passage {
            Some(passage) => format!("the prompt says \"{passage}\""),
            None => "the answer stands nowhere in the prompt".to_owned(),
        };
        format!(
            "Leak in control {} ({}, {} tokens): to \"{}\" the model answered \"{}\"; {passage}.",
            leak.control,
            leak.kind.name(),
            grouped(leak.length_tokens),
            leak.question,
            leak.answer
        )
    });
    let leaks: Vec<String> = leaks.collect();
    if !leaks.is_empty() {
        blocks.push(Block::Bullets(leaks));
    }
}

/// How questions were laid into texts, and why that matters.
pub(super) fn layout(all: &[(&str, &Verification)], blocks: &mut Vec<Block>) {
    let Some((_, verification)) = all.first() else {
        return;
    };
    blocks.push(heading("Layout of the questions"));
    let words = match verification.plan.layout {
        Layout::Isolated => {
            "Isolated: every question has a text, facts and a wording of its own, so that the \
             questions are independent, which the error rate of the verdict rests on."
        }
        Layout::Shared => {
            "Shared: five texts at each length hold twenty facts each, and one fact is asked at a \
             time. That is cheap where the server keeps what it has read, but the questions of one \
             text stand or fall together: the verdict is on these five texts, and other texts may \
             differ from them."
        }
    };
    blocks.push(Block::Paragraph(words.to_owned()));
    if verification.plan.layout == Layout::Shared {
        ladder::haystacks(verification, blocks);
    }
}

/// What was fixed before the first question.
pub(super) fn plan(plan: &Registered, all: &[(&str, &Verification)], blocks: &mut Vec<Block>) {
    let claim = &plan.claim;
    let kind = match claim.kind {
        Kind::Total => "prompt and answer together",
        Kind::Input => "the prompt alone",
    };
    let source = claim
        .source
        .as_ref()
        .map_or(String::new(), |source| format!("; according to {source}"));
    let bases = all.iter().map(|(kind, verification)| {
        let apart = if kind.is_empty() { "" } else { "; " };
        format!(
            "{apart}{kind} ({} of {} right): verified above {}, refuted below {}",
            verification.base.right,
            verification.base.answered(),
            percent(verification.tau_verify),
            percent(verification.tau_refute)
        )
    });
    let threshold = match plan.relative {
        true => format!(
            "{} of the rate in short texts{}",
            percent(plan.tau),
            bases.collect::<String>()
        ),
        false => percent(plan.tau),
    };
    let lengths: Vec<String> = plan
        .rungs
        .iter()
        .map(|rung| {
            format!(
                "{} ({} to {})",
                grouped(rung.nominal_tokens),
                grouped(rung.low_tokens),
                grouped(rung.high_tokens)
            )
        })
        .collect();
    let mut points = vec![
        format!("Claim: {} tokens, {kind}{source}", grouped(claim.tokens)),
        format!("Threshold: {threshold}"),
        match plan.kinds {
            1 => format!(
                "Chance of a wrong verdict: {} at most in each direction",
                chance(plan.alpha)
            ),
            kinds => format!(
                "Chance that any verdict of the {kinds} kinds is wrong: {} at most in each direction, {} for each of them",
                chance(plan.alpha),
                chance(plan.of_one_kind().alpha)
            ),
        },
        format!(
            "Lengths, in tokens, each asked at lengths drawn around it: {}",
            lengths.join("; ")
        ),
        format!(
            "Looks: after every {}, one in each fifth of the depth or more",
            counted(plan.block, "question")
        ),
        format!(
            "Not served: three prompts that meet the end of the window, at least {} s apart",
            grouped(plan.not_served_gap_ms / 1_000)
        ),
    ];
    if let Some(search) = &plan.search {
        points.push(format!(
            "Search after the verdict: from {} to {} tokens, {} at most",
            grouped(search.shortest_tokens),
            grouped(search.longest_tokens),
            counted(search.most_questions, "question")
        ));
    }
    if plan.stop_at_first {
        points.push("The first kind of use that is refuted ends the others".to_owned());
    }
    let hash = all
        .first()
        .and_then(|(_, verification)| verification.plan_hash.as_ref());
    if let Some(hash) = hash {
        points.push(format!(
            "Plan hash, registered before the first question: {hash}"
        ));
    }
    blocks.push(heading("The plan, registered before the first question"));
    blocks.push(Block::Bullets(points));
}
