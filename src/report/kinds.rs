//! The dossier on a claim over several kinds of use: the verdicts together, then each kind by itself.

use super::document::{Block, Document, Picture, ground, head, heading};
use super::dossier::{cautions, findings, layout, plan, title};
use crate::number::grouped;
use crate::study::Headline;
use crate::summary::{Summary, Verdicts, Verification};

/// What a dossier on several kinds of use says: the verdicts together, then each kind by itself.
pub fn of(summary: &Summary, verdicts: &Verdicts, run: &str) -> Document {
    let mut blocks = vec![
        Block::Lead(verdicts.sentence.clone()),
        Block::Paragraph(verdicts.paragraph.clone()),
    ];
    cautions(summary, &mut blocks);
    blocks.push(Block::Picture(Picture::Accuracy));
    table(verdicts, &mut blocks);
    for kind in &verdicts.kinds {
        let verification = &kind.verification;
        blocks.push(heading(&capitalised(&kind.name())));
        blocks.push(Block::Paragraph(verification.sentence.clone()));
        blocks.push(Block::Paragraph(verification.paragraph.clone()));
        let from = blocks.len();
        findings(summary, verification, false, &mut blocks);
        // Each kind has the same parts: their headings say of which.
        for block in &mut blocks[from..] {
            if let Block::Heading(text) = block {
                let name = capitalised(kind.kind.words());
                *text = format!("{name}: {}", uncapitalised(&text.replacen(": ", ", ", 1)));
            }
        }
    }
    if summary.tasks.iter().any(|task| !task.cells.is_empty()) {
        blocks.push(heading("All kinds by length and depth"));
        blocks.push(Block::Picture(Picture::Heatmap));
    }
    let all: Vec<(&str, &Verification)> = verdicts
        .kinds
        .iter()
        .map(|kind| (kind.kind.words(), &kind.verification))
        .collect();
    layout(&all, &mut blocks);
    plan(&verdicts.plan, &all, &mut blocks);
    ground(summary, run, &mut blocks);
    Document {
        title: title(summary, &verdicts.plan.claim),
        blocks,
    }
}

/// The table of the kinds of use.
fn table(verdicts: &Verdicts, blocks: &mut Vec<Block>) {
    blocks.push(heading("Kinds of use"));
    let rows = verdicts.kinds.iter().map(|kind| {
        let verification = &kind.verification;
        let at_claim = verification.rungs.last().map(|rung| rung.tally);
        let words = verification.certified_words();
        vec![
            kind.kind.words().to_owned(),
            kind.task.clone(),
            match verification.verdict.headline {
                Headline::VerifiedExcept => "VERIFIED except a part of the depth".to_owned(),
                Headline::NotServed => "REFUTED: not served".to_owned(),
                headline => headline.word().to_owned(),
            },
            words.unwrap_or_else(|| "not certified".to_owned()),
            at_claim.map_or("–".to_owned(), |tally| {
                format!("{}/{}", tally.right, tally.answered())
            }),
            grouped(verification.questions),
            grouped(verification.tokens),
        ]
    });
    blocks.push(Block::Table {
        head: head(&[
            ("kind of use", false),
            ("task", false),
            ("verdict", false),
            ("effective length, certified", false),
            ("right / answered at the claim", true),
            ("questions", true),
            ("prompt tokens", true),
        ]),
        rows: rows.collect(),
    });
    let alone = match verdicts.is_unqualified {
        true => {
            "The claim is verified for literal retrieval, associative retrieval and aggregation \
             together, so that the verdict names no kind."
        }
        false => {
            "A verdict that names no kind needs literal retrieval, associative retrieval and \
             aggregation, each verified, and every other kind that was asked."
        }
    };
    blocks.push(Block::Paragraph(format!(
        "{alone} A search for words passes literal retrieval: it alone says little of how a \
         context is used."
    )));
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    format!("{}{rest}", first.to_uppercase())
}

fn uncapitalised(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    format!("{}{rest}", first.to_lowercase())
}
