//! What stands above a picture: which model was asked what, and what the numbers rest on.

use super::canvas::{Anchor, Canvas, Type};
use super::palette::{FAINT, INK, MUTED};
use crate::number::{counted, percent, spanned};
use crate::stats::method_of;
use crate::summary::{Point, Summary, TaskSummary, Verification};
use anyhow::Result;

const TITLE: Type = Type::bold(19.0, INK);
const SUBJECT: Type = Type::regular(13.5, INK);
const BASIS: Type = Type::regular(11.5, MUTED);
const SEPARATOR: &str = "  ·  ";
/// The intervals of a study, which may be looked at and stopped at any moment.
const AT_EVERY_LOOK: &str = "95 % at every look";
/// What stays free around a picture, in pixels.
pub const MARGIN_PX: f64 = 32.0;

/// Lines of text in their final form, each with its type and its baseline.
pub struct Caption {
    lines: Vec<(String, Type, f64)>,
    /// The lower edge, in pixels.
    pub bottom_px: f64,
}

impl Caption {
    /// Lays out the model as title, then what the picture shows, then what it rests on, in
    /// lines of at most `room_px`.
    pub fn new(model: &str, subject: &[String], basis: &[String], room_px: f64) -> Result<Caption> {
        let mut y = MARGIN_PX + 14.0;
        let mut lines = vec![(TITLE.shortened(model, room_px)?, TITLE, y)];
        y += 8.0;
        for line in wrapped(subject, SUBJECT, room_px)? {
            y += 18.0;
            lines.push((line, SUBJECT, y));
        }
        y += 4.0;
        for line in wrapped(basis, BASIS, room_px)? {
            y += 16.0;
            lines.push((line, BASIS, y));
        }
        Ok(Caption {
            lines,
            bottom_px: y + 4.0,
        })
    }

    /// Writes the lines.
    pub fn write(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        for (line, look, y) in &self.lines {
            canvas.text(line, MARGIN_PX, *y, Anchor::Start, *look)?;
        }
        Ok(())
    }
}

/// Phrases in as few lines as hold them; only a phrase that fills a line alone is shortened.
fn wrapped(phrases: &[String], look: Type, room_px: f64) -> Result<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for phrase in phrases {
        let phrase = look.shortened(phrase, room_px)?;
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line}{SEPARATOR}{phrase}");
            if look.width_px(&longer)? <= room_px {
                *line = longer;
                continue;
            }
        }
        lines.push(phrase);
    }
    Ok(lines)
}

/// What was asked: the tasks where they are not named beside their lines, and the corpus.
pub fn subject(summary: &Summary, shown: &str, named_elsewhere: bool) -> Vec<String> {
    let mut phrases = vec![shown.to_owned()];
    if !named_elsewhere {
        let tasks: Vec<&str> = summary
            .tasks
            .iter()
            .map(|task| task.task.as_str())
            .collect();
        phrases.push(format!("task {}", tasks.join(", ")));
    }
    phrases.push(match &summary.dataset {
        Some(set) => format!("set {}", set.file),
        None => format!("corpus {}", summary.corpus),
    });
    phrases
}

/// What the numbers rest on: questions a cell where asked for, questions and haystacks a length,
/// the kind of the intervals (`where_shown` says where they are drawn, if they are), how lengths were counted,
/// and void trials.
pub fn basis(
    summary: &Summary,
    per_cell: Option<String>,
    where_shown: Option<&str>,
) -> Vec<String> {
    let scored = || points(summary).filter(|point| point.n > 0);
    let mut phrases = Vec::new();
    if scored().next().is_none() {
        phrases.push("no answer was scored".to_owned());
    } else {
        phrases.extend(per_cell);
        let counts = scored().map(|point| point.n);
        phrases.push(format!(
            "{} per {}length",
            match summary.dataset {
                // Whether two of them share a text the set does not say.
                Some(_) => spanned(counts, "known question"),
                None => format!(
                    "{} on {}",
                    spanned(counts, "question"),
                    spanned(scored().map(|point| point.haystacks), "haystack")
                ),
            },
            if summary.tasks.len() > 1 {
                "task and "
            } else {
                ""
            },
        ));
        phrases.extend(where_shown.map(|place| format!("{place} {}", intervals(summary))));
    }
    phrases.push(lengths(summary));
    phrases.extend(voids(summary));
    phrases
}

/// What a verification came to, and of what claim.
pub fn verdict(summary: &Summary) -> Vec<String> {
    let claim = summary.verifications().first().map(|(_, one)| one.claim());
    let mut phrases: Vec<String> = summary.headline().into_iter().collect();
    phrases.extend(claim.map(|claim| format!("claimed window {claim}")));
    let named_elsewhere = summary.verdicts.is_some();
    phrases.extend(subject(summary, "", named_elsewhere).into_iter().skip(1));
    phrases
}

/// What a verification rests on.
pub fn evidence(summary: &Summary) -> Vec<String> {
    let all = summary.verifications();
    let sum = |of: fn(&Verification) -> u64| all.iter().map(|(_, one)| of(one)).sum::<u64>();
    let mut phrases = vec![
        counted(sum(|one| one.questions), "question"),
        format!("bars: {AT_EVERY_LOOK}"),
    ];
    if all.iter().any(|(_, one)| !one.searched.is_empty()) {
        phrases.push("small points: lengths of the search".to_owned());
    }
    let is_certified = |one: &Verification| one.certified_words().is_some();
    match all.as_slice() {
        [(None, one)] => phrases.extend(
            one.certified_words()
                .map(|words| format!("shaded: certified effective length, {words}")),
        ),
        several if several.iter().any(|(_, one)| is_certified(one)) => {
            phrases.push("shaded: certified effective length".to_owned());
        }
        _ => {}
    }
    phrases.push(lengths(summary));
    let void = sum(|one| one.rungs.iter().map(|rung| rung.tally.void).sum());
    if void > 0 {
        let against = "against either verdict";
        phrases.push(format!("{} {against}", counted(void, "void question")));
    }
    phrases
}

/// How lengths were counted.
fn lengths(summary: &Summary) -> String {
    if let Some(set) = &summary.dataset {
        return set.lengths().to_owned();
    }
    let how = if summary.exact_lengths {
        "exact"
    } else {
        "estimated"
    };
    format!("lengths {how} ({})", summary.tokenizer)
}

/// The name of the intervals: `95 % Wilson interval`, or without the method where the numbers
/// are not those of one that we know.
fn intervals(summary: &Summary) -> String {
    if summary.is_study() {
        return AT_EVERY_LOOK.to_owned();
    }
    let mut methods = points(summary)
        .filter(|point| point.n > 0)
        .filter_map(|point| Some((point, point.interval?)))
        .map(|(point, interval)| method_of(interval, point.right, point.n, summary.confidence));
    let first = methods.next().flatten();
    match first.filter(|_| methods.all(|method| method == first)) {
        Some(method) => format!("{} {method} interval", percent(summary.confidence)),
        None => format!("{} interval", percent(summary.confidence)),
    }
}

/// Void trials, where there are any.
pub fn voids(summary: &Summary) -> Option<String> {
    let void: u64 = points(summary).map(|point| point.void).sum();
    (void > 0).then(|| format!("{} not scored", counted(void, "void trial")))
}

/// Writes which version drew the picture, small, so that its lower right corner is at `right_px`
/// and `bottom_px`.
pub fn signature(
    canvas: &mut Canvas<'_>,
    summary: &Summary,
    right_px: f64,
    bottom_px: f64,
) -> Result<()> {
    let text = format!("depthfinder {}", summary.depthfinder);
    canvas.text(
        &text,
        right_px,
        bottom_px,
        Anchor::End,
        Type::regular(9.5, FAINT),
    )
}

/// The points of all tasks.
pub fn points(summary: &Summary) -> impl Iterator<Item = &Point> + Clone {
    summary
        .tasks
        .iter()
        .flat_map(|task: &TaskSummary| &task.curve)
}
