//! The report on sides that were asked the same.

use super::document::{Block, Document, Picture, heading};
use crate::comparison::{
    Comparison, Contrast, MOST_MISSING, POWER, SideSummary, Tested, detectable_points,
    least_haystacks, strictest_level,
};
use crate::number::{counted, grouped, interval_figures, percent};
use crate::stats::{Interval, Sides, detectable_drop};

/// Shares of prompts that two runs of one deployment answer differently: seen from none at all to
/// one in five.
const DISCORDANCES: [f64; 3] = [0.02, 0.05, 0.1];
/// Differing questions that are shown; the rest stand in `comparison.json`.
const MOST_SHOWN: usize = 20;
/// Characters of an answer that are shown.
const MOST_CHARACTERS: usize = 120;

/// Which loss so many pairs find, on so many haystacks of so many lengths, where each of several
/// other sides is tested.
pub fn detectable(pairs: u64, haystacks: u64, lengths: usize, others: usize) -> String {
    let level = strictest_level(others, lengths);
    let found: Vec<String> = DISCORDANCES
        .iter()
        .map(|discordance| {
            let drop = detectable_drop(pairs, *discordance, Sides::Two, level, POWER);
            format!(
                "{} where {} of the answers differ by chance",
                drop.map_or("no loss".to_string(), |drop| format!(
                    "a loss of {:.1} points",
                    100.0 * drop
                )),
                percent(*discordance)
            )
        })
        .collect();
    let least = least_haystacks(level);
    let few = match pairs > haystacks && haystacks < least {
        true => format!(
            "; but questions of one text are no independent witnesses, and fewer than {least} texts can show nothing: raise --samples"
        ),
        false => String::new(),
    };
    format!(
        "{} on {} find with a chance of {}: {}{few}",
        counted(pairs, "pair"),
        counted(haystacks, "haystack"),
        percent(POWER),
        found.join(", ")
    )
}

/// What a report on a comparison says.
pub fn of(comparison: &Comparison, folder: &str) -> Document {
    let mut blocks = Vec::new();
    for contrast in &comparison.contrasts {
        blocks.push(Block::Lead(contrast.sentence.clone()));
    }
    blocks.push(Block::Picture(Picture::Accuracy));
    blocks.push(heading("Sides"));
    blocks.push(sides(&comparison.sides));
    // A base that was asked before lies in a folder of another name.
    let is_kept = comparison.sides.first();
    let is_kept = is_kept.is_some_and(|base| base.folder != base.name);
    blocks.push(Block::Paragraph(format!(
        "Every side got the same bytes, {}; the tokens of a side's own server stand beside those \
         that the base's prompts were sized by.",
        match is_kept {
            true =>
                "the base before and the others later: what has changed with time is not told apart from the side",
            false => "in turns drawn for each haystack",
        }
    )));
    for contrast in &comparison.contrasts {
        pairs(contrast, comparison.contrasts.len(), &mut blocks);
        differing(contrast, &mut blocks);
    }
    blocks.push(heading("How to read this"));
    blocks.push(Block::Bullets(vec![
        format!(
            "A pair is a prompt that both sides answered; more than {} of the questions without a \
             pair leave a side undecided.",
            percent(MOST_MISSING)
        ),
        "The test flips the signs of whole haystacks, two-sided: questions of one text may be lost \
         together. Where no text has two questions it is McNemar's with mid-p. The interval of the \
         difference is Tango's, for independent pairs."
            .to_owned(),
        format!(
            "Of the chance of a wrong finding, {}, half is for all pairs together, with Holm's \
             correction for the other sides, and half for bands of length, with Holm's correction \
             over the bands of all sides; where there is one length all of it is for the pairs.",
            percent(comparison.alpha)
        ),
    ]));
    blocks.push(heading("Check it again"));
    blocks.push(Block::Commands(vec![format!(
        "depthfinder report {folder}"
    )]));
    Document {
        title: title(&comparison.sides),
        blocks,
    }
}

fn title(sides: &[SideSummary]) -> String {
    let names: Vec<&str> = sides.iter().map(|side| side.target.as_str()).collect();
    format!("{}: the same prompts", names.join(" and "))
}

fn table(head: &[(&str, bool)], rows: Vec<Vec<String>>) -> Block {
    Block::Table {
        head: head
            .iter()
            .map(|(name, numbers)| ((*name).to_owned(), *numbers))
            .collect(),
        rows,
    }
}

/// What each side came to by itself.
pub fn sides(sides: &[SideSummary]) -> Block {
    let row = |side: &SideSummary| {
        let voids: Vec<String> = side
            .voids
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        vec![
            side.name.clone(),
            side.target.clone(),
            side.model.clone(),
            format!("{}/{}", side.right, side.n),
            side.accuracy.map_or("–".to_owned(), percent),
            side.interval.map_or("–".to_owned(), shown),
            match voids.is_empty() {
                true => "0".to_owned(),
                false => voids.join(", "),
            },
            side.tokens_ratio
                .map_or("not told".to_owned(), |ratio| format!("{ratio:.3}")),
        ]
    };
    table(
        &[
            ("side", false),
            ("target", false),
            ("model", false),
            ("right / scored", true),
            ("accuracy", true),
            ("interval", true),
            ("void", true),
            ("own tokens per token", true),
        ],
        sides.iter().map(row).collect(),
    )
}

fn shown(interval: Interval) -> String {
    format!("{} %", interval_figures(interval))
}

fn pairs(contrast: &Contrast, others: usize, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(format!(
        "{} against {}",
        contrast.other, contrast.base
    )));
    let row = |name: String, tested: &Tested| {
        let paired = tested.paired;
        let points = |share: f64| format!("{:+.1}", 100.0 * share);
        vec![
            name,
            grouped(paired.pairs().n),
            grouped(paired.both_right),
            grouped(paired.lose),
            grouped(paired.win),
            grouped(paired.both_wrong),
            grouped(paired.missing),
            points(tested.difference.observed),
            format!(
                "{} to {}",
                points(tested.difference.low),
                points(tested.difference.high)
            ),
            format!("{:.3}", tested.p),
            format!("{:.3}", tested.p_holm),
        ]
    };
    let mut rows = vec![row("all".to_owned(), &contrast.pooled)];
    for band in &contrast.bands {
        let lengths: Vec<String> = band
            .lengths_tokens
            .iter()
            .map(|one| grouped(*one))
            .collect();
        rows.push(row(lengths.join(", "), &band.tested));
    }
    blocks.push(table(
        &[
            ("length (tokens)", false),
            ("pairs", true),
            ("both right", true),
            ("lost", true),
            ("won", true),
            ("both wrong", true),
            ("missing", true),
            ("difference (points)", true),
            ("95 % interval", true),
            ("p", true),
            ("p after Holm", true),
        ],
        rows,
    ));
    let pairs = contrast.pooled.paired.pairs();
    blocks.push(Block::Paragraph(format!(
        "{} on {}. {}.",
        counted(pairs.n, "pair"),
        counted(contrast.haystacks, "haystack"),
        detectable_points(pairs, contrast.haystacks, others, contrast.bands.len())
    )));
}

fn differing(contrast: &Contrast, blocks: &mut Vec<Block>) {
    if contrast.differing.is_empty() {
        return;
    }
    blocks.push(Block::Heading(format!(
        "Prompts on which {} and {} differ",
        contrast.base, contrast.other
    )));
    let cut = |text: &str| {
        let mut characters = text.trim().chars();
        let mut start: String = characters.by_ref().take(MOST_CHARACTERS).collect();
        if characters.next().is_some() {
            start.push('…');
        }
        start
    };
    let rows = contrast.differing.iter().take(MOST_SHOWN).map(|one| {
        vec![
            one.trial.to_string(),
            one.task.clone(),
            grouped(one.length_tokens),
            format!("{:.0} %", one.depth_percent),
            one.expected.clone(),
            format!("{} ({})", cut(&one.base), one.base_class),
            format!("{} ({})", cut(&one.other), one.other_class),
        ]
    });
    blocks.push(table(
        &[
            ("trial", true),
            ("task", false),
            ("length", true),
            ("depth", true),
            ("right", false),
            (&contrast.base, false),
            (&contrast.other, false),
        ],
        rows.collect(),
    ));
    let more = contrast.differing.len().saturating_sub(MOST_SHOWN);
    if more > 0 {
        blocks.push(Block::Paragraph(format!(
            "{} more stand in comparison.json.",
            grouped(more as u64)
        )));
    }
}
