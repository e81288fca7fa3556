//! The report on a disputed score.

use super::document::{Block, Document, Picture, head, heading};
use crate::dispute::{Design, Disputed, Hypothesis, MOST_MISSING, Shares, Verdict};
use crate::number::{chance, counted, grouped, interval_figures, percent};
use crate::stats::{
    Sides, Tested, USUAL_FLIPS, USUAL_RECITALS, detectable_drop, detectable_flips, wilson,
};

/// Share of prompts that two sides answer differently by chance, for what can be found.
const DISCORDANCE: f64 = 0.05;
/// The chance with which an effect is said to be found.
const POWER: f64 = 0.8;

/// What so many prompts can find, said before anything is asked.
pub fn findable(design: &Design, prompts: u64, pairs: u64) -> String {
    // Holm's first step: the smallest p-value is held against a part of alpha.
    let alpha = design.alpha / design.hypotheses.len().max(1) as f64;
    let drop = |pairs: u64| {
        let drop = detectable_drop(pairs, DISCORDANCE, Sides::One, alpha, POWER);
        drop.map_or("no loss".to_owned(), |drop| {
            format!("a loss of {:.1} points", 100.0 * drop)
        })
    };
    let mut found = Vec::new();
    for hypothesis in &design.hypotheses {
        found.push(match hypothesis {
            Hypothesis::OtherModel if design.reference.is_some() => {
                format!("{} against the reference", drop(prompts))
            }
            Hypothesis::OtherModel => "a share below the published one".to_owned(),
            // Half of the level is for swings in time.
            Hypothesis::Unstable => match detectable_flips(prompts, alpha / 2.0, POWER) {
                Some(flips) => format!(
                    "answers that differ with a chance of {} from one asking to the next",
                    percent(flips)
                ),
                None => "no flips".to_owned(),
            },
            // Half of the level is for famous answers.
            Hypothesis::Memorised => {
                let drop = detectable_drop(pairs, DISCORDANCE, Sides::One, alpha / 2.0, POWER);
                format!(
                    "{} from {} to the same with another answer",
                    drop.map_or("no loss".to_owned(), |drop| format!(
                        "a loss of {:.1} points",
                        100.0 * drop
                    )),
                    counted(pairs, "public fact")
                )
            }
        });
    }
    format!(
        "{} of fresh facts find with a chance of {}: {}",
        counted(prompts, "prompt"),
        percent(POWER),
        found.join("; ")
    )
}

/// What a report on a dispute says.
pub fn of(disputed: &Disputed, folder: &str) -> Document {
    let mut blocks = Vec::new();
    for conclusion in &disputed.conclusions {
        blocks.push(Block::Lead(conclusion.sentence.clone()));
    }
    if !disputed.remarks.is_empty() {
        blocks.push(Block::Bullets(disputed.remarks.clone()));
    }
    blocks.push(Block::Picture(Picture::Accuracy));
    blocks.push(heading("The three explanations"));
    blocks.push(tests(disputed));
    blocks.push(heading("Answers"));
    blocks.push(answers(disputed));
    if disputed.evidence.needles.len() > 1 {
        blocks.push(needles(disputed));
    }
    if disputed.design.tests(Hypothesis::Unstable) {
        blocks.push(heading("In time"));
        windows(disputed, &mut blocks);
    }
    blocks.push(heading("Sides"));
    blocks.push(super::comparison::sides(&disputed.sides));
    blocks.push(heading("How to read this"));
    blocks.push(Block::Bullets(reading(disputed)));
    blocks.push(heading("Check it again"));
    blocks.push(Block::Commands(vec![format!(
        "depthfinder report {folder}"
    )]));
    let target = disputed.sides.first().map_or("", |side| &side.target);
    Document {
        title: format!("{target}: a disputed score"),
        blocks,
    }
}

fn tests(disputed: &Disputed) -> Block {
    let findings = &disputed.findings;
    let tested = |hypothesis: Hypothesis| -> Option<Tested> {
        match hypothesis {
            Hypothesis::OtherModel => match (&findings.other_model, &findings.below_published) {
                (Some(finding), _) => Some(finding.tested),
                (None, published) => published.as_ref().map(|finding| finding.tested),
            },
            Hypothesis::Unstable => findings.unstable.map(|finding| finding.tested),
            Hypothesis::Memorised => findings.memorised.map(|finding| finding.tested),
        }
    };
    let rows = disputed.conclusions.iter().map(|conclusion| {
        let tested = tested(conclusion.hypothesis);
        let figure = |p: Option<f64>| p.map_or("–".to_owned(), shown);
        let missing = disputed.evidence.missing.get(&conclusion.hypothesis);
        vec![
            conclusion.hypothesis.words().to_owned(),
            match conclusion.verdict {
                Verdict::Holds => "holds".to_owned(),
                Verdict::NotShown => "not shown".to_owned(),
                Verdict::NotTested => "not tested".to_owned(),
            },
            figure(tested.map(|tested| tested.p)),
            figure(tested.map(|tested| tested.adjusted)),
            missing.map_or("–".to_owned(), |share| percent(*share)),
        ]
    });
    Block::Table {
        head: head(&[
            ("explanation", false),
            ("finding", false),
            ("p", true),
            ("p after Holm", true),
            ("missing", true),
        ]),
        rows: rows.collect(),
    }
}

fn shown(p: f64) -> String {
    match p {
        small if small < 0.001 => format!("{small:.1e}"),
        large => format!("{large:.3}"),
    }
}

fn answers(disputed: &Disputed) -> Block {
    let evidence = &disputed.evidence;
    let mut named: Vec<(String, Shares)> = Vec::new();
    for (name, shares) in disputed
        .design
        .askings_folders()
        .iter()
        .zip(&evidence.fresh)
    {
        named.push((format!("fresh facts, {name}"), *shares));
    }
    if let Some(shares) = evidence.reference {
        named.push(("fresh facts, reference".to_owned(), shares));
    }
    if disputed.design.tests(Hypothesis::Memorised) {
        named.push(("public facts".to_owned(), evidence.public));
        named.push((
            "public facts with another answer".to_owned(),
            evidence.changed,
        ));
        let recited = Shares {
            right: evidence.recited,
            n: evidence.changed.n,
        };
        named.push((
            "the famous answer given against the text".to_owned(),
            recited,
        ));
    }
    let rows = named.into_iter().map(|(name, shares)| {
        let mut row = vec![name];
        row.extend(figures(shares));
        row
    });
    Block::Table {
        head: head(&[
            ("questions", false),
            ("of", true),
            ("share", true),
            ("95 % interval", true),
        ]),
        rows: rows.collect(),
    }
}

/// The public needles, each by itself.
fn needles(disputed: &Disputed) -> Block {
    let figure = |shares: Shares| format!("{}/{}", shares.right, shares.n);
    let rows = disputed.evidence.needles.iter().map(|needle| {
        vec![
            needle.question.clone(),
            figure(needle.public),
            figure(needle.changed),
            format!("{}/{}", needle.recited, needle.changed.n),
        ]
    });
    Block::Table {
        head: head(&[
            ("public needle", false),
            ("right, famous answer", true),
            ("right, another answer", true),
            ("famous against the text", true),
        ]),
        rows: rows.collect(),
    }
}

/// Count, share and interval.
fn figures(shares: Shares) -> [String; 3] {
    let share = shares.right as f64 / shares.n as f64;
    [
        format!("{}/{}", grouped(shares.right), grouped(shares.n)),
        match shares.n {
            0 => "–".to_owned(),
            _ => percent(share),
        },
        match shares.n {
            0 => "–".to_owned(),
            n => format!("{} %", interval_figures(wilson(shares.right, n, 0.95))),
        },
    ]
}

fn windows(disputed: &Disputed, blocks: &mut Vec<Block>) {
    let evidence = &disputed.evidence;
    let began = evidence.windows.iter().map(|window| window.began_ms);
    let first = began.filter(|began| *began > 0).min().unwrap_or(0);
    let rows = evidence.windows.iter().enumerate().map(|(at, window)| {
        let minutes = window.began_ms.saturating_sub(first) as f64 / 60_000.0;
        let mut row = vec![
            (at + 1).to_string(),
            match window.began_ms {
                0 => "–".to_owned(),
                _ => format!("{minutes:.1}"),
            },
        ];
        row.extend(figures(Shares {
            right: window.right,
            n: window.n,
        }));
        row
    });
    blocks.push(Block::Table {
        head: head(&[
            ("window", true),
            ("minutes after the first", true),
            ("right", true),
            ("share", true),
            ("95 % interval", true),
        ]),
        rows: rows.collect(),
    });
    if let Some(labelling) = &evidence.labelling {
        let rows = labelling.labels.iter().map(|one| {
            let mut row = vec![one.label.clone()];
            row.extend(figures(Shares {
                right: one.right,
                n: one.n,
            }));
            row
        });
        blocks.push(Block::Table {
            head: head(&[
                ("who answered", false),
                ("right", true),
                ("share", true),
                ("95 % interval", true),
            ]),
            rows: rows.collect(),
        });
        blocks.push(Block::Paragraph(format!(
            "Whether who answers makes a difference: p = {}, by dealing the outcomes of each prompt anew.",
            shown(labelling.p)
        )));
    }
    if let Some(best) = evidence.best_of {
        blocks.push(Block::Paragraph(format!(
            "One run of {} is right in {:.1} % on average. The best of {} runs would claim {:.1} % \
             where all ask the same questions, and {:.1} % where each asks fresh ones.",
            counted(best.questions, "question"),
            100.0 * best.honest,
            best.runs,
            100.0 * best.same_questions,
            100.0 * best.fresh_questions
        )));
    }
}

fn reading(disputed: &Disputed) -> Vec<String> {
    let design = &disputed.design;
    let mut bullets = vec![format!(
        "The chance of any false finding is {} at most, by Holm's procedure over the explanations \
         that were tested. \"Not shown\" is no proof of the contrary.",
        chance(design.alpha)
    )];
    if design.tests(Hypothesis::OtherModel) {
        bullets.push(match design.reference {
            Some(_) => "Another model: losses against the reference on the same bytes, asked in \
                        turns, one-sided mid-p. Other weights, a quantisation, a template or a cut \
                        prompt lose alike; `identify --reference` tells who answers."
                .to_owned(),
            None => "Another model: fewer right answers than were published, by the binomial law. \
                     The published number was measured with other prompts: this cannot tell \
                     another model from another protocol."
                .to_owned(),
        });
    }
    if design.tests(Hypothesis::Unstable) {
        bullets.push(format!(
            "Unstable: prompts whose answers are not all alike, against a flip chance of {}, and \
             Tarone's test of equal rates in all windows of time. Each prompt is asked {} times, \
             half of the study apart, and replies with the id and the words of an earlier one do \
             not count. If it fires, the other explanations are tested by whole windows.",
            percent(USUAL_FLIPS),
            design.askings
        ));
    }
    if design.tests(Hypothesis::Memorised) {
        bullets.push(format!(
            "Known by heart: the same sentence in the same text at the same depth, once with its \
             famous answer and once with another. Losses of the second, one-sided mid-p; and famous \
             answers given against the text, against {}.",
            percent(USUAL_RECITALS)
        ));
    }
    bullets.push(format!(
        "An explanation that lacks more than {} of its answers is not tested.",
        percent(MOST_MISSING)
    ));
    bullets
}
