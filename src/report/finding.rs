//! What a curve shows, in sentences that claim no more than it does.

use crate::journal::FoundWindow;
use crate::number::{counted, grouped, interval_figures, percent, spanned};
use crate::stats::{clopper_pearson_lower, clopper_pearson_upper};
use crate::summary::{Point, Summary, TaskSummary};

/// Fewer haystacks than this give no effective length: questions on one text are not independent.
const LEAST_HAYSTACKS: u64 = 5;

/// Accuracy at one length with all that it rests on:
/// `20 % (3/15, 95 % interval 4–48 %)`.
pub fn accuracy(point: &Point, confidence: f64) -> String {
    match (point.accuracy, point.interval) {
        (Some(accuracy), Some(interval)) if point.n > 0 => format!(
            "{} ({}/{}, {} interval {} %)",
            percent(accuracy),
            point.right,
            point.n,
            percent(confidence),
            interval_figures(interval)
        ),
        _ => format!("not known ({})", unscored(point)),
    }
}

fn unscored(point: &Point) -> String {
    match point.void {
        0 => "nothing was scored".to_owned(),
        void => format!("nothing was scored, {}", counted(void, "void trial")),
    }
}

/// The headline of a task: accuracy at its shortest and its longest length.
pub fn headline(summary: &Summary, task: &TaskSummary) -> String {
    let at = |point: &Point| {
        let length = grouped(point.length_tokens);
        format!(
            "at {length} tokens: {}",
            accuracy(point, summary.confidence)
        )
    };
    match task.curve.as_slice() {
        [] => "Nothing was asked.".to_owned(),
        [only] => format!("Accuracy {}.", at(only)),
        [first, .., last] => format!("Accuracy {}; {}.", at(first), at(last)),
    }
}

/// What stands behind each length: `15 questions on 5 haystacks at each length`.
pub fn basis(task: &TaskSummary) -> String {
    let scored = || task.curve.iter().filter(|point| point.n > 0);
    if scored().next().is_none() {
        return "No answer was scored.".to_owned();
    }
    format!(
        "{} on {} at each length.",
        spanned(scored().map(|point| point.n), "question"),
        spanned(scored().map(|point| point.haystacks), "haystack"),
    )
}

/// How far the task passes: up to which length the lower end of the interval stays at or above
/// the threshold at every tested length, and what ended it.
pub fn reach(summary: &Summary, task: &TaskSummary) -> Vec<String> {
    let threshold = percent(summary.threshold);
    let confidence = percent(summary.confidence);
    let passed = task
        .curve
        .iter()
        .take_while(|point| passes(summary, point))
        .count();
    let (good, rest) = task.curve.split_at(passed);
    let mut said = Vec::new();
    if let Some(longest) = good.last() {
        let length = grouped(longest.length_tokens);
        let thinnest = good.iter().map(|point| point.haystacks).min().unwrap_or(0);
        if thinnest >= LEAST_HAYSTACKS {
            said.push(format!(
                "It passes at every tested length up to {length} tokens: the lower end of the \
                 {confidence} interval is at least {threshold} at each of them. Lengths between \
                 them were not tested."
            ));
        } else {
            said.push(format!(
                "The lower end of the {confidence} interval is at least {threshold} at every \
                 tested length up to {length} tokens, but this rests on {}, and fewer than five \
                 haystacks give no effective length. Ask with more samples.",
                counted(thinnest, "haystack")
            ));
        }
    }
    if let Some(next) = rest.first() {
        said.push(stop(summary, next, good.is_empty()));
    }
    let few = |point: &Point| point.n > 0 && point.haystacks < LEAST_HAYSTACKS;
    if good.is_empty() && task.curve.iter().any(few) {
        said.push("Fewer than five haystacks give no effective length.".to_owned());
    }
    said
}

/// Why a length does not pass.
fn stop(summary: &Summary, point: &Point, is_first: bool) -> String {
    let threshold = percent(summary.threshold);
    let length = grouped(point.length_tokens);
    let place = if is_first {
        format!("At the shortest length, {length} tokens,")
    } else {
        format!("At {length} tokens")
    };
    let Some(interval) = point.interval.filter(|_| point.n > 0) else {
        return format!(
            "{place} {}, so nothing is known from there on.",
            unscored(point)
        );
    };
    let tail = (1.0 - summary.confidence) / 2.0;
    let (with_void, asked) = (point.right + point.void, point.n + point.void);
    if interval.high < summary.threshold
        && point.void > 0
        && clopper_pearson_upper(with_void, asked, tail) >= summary.threshold
    {
        return format!(
            "{place} the answers fail, but not if the {} there counted as right.",
            counted(point.void, "void trial")
        );
    }
    if interval.high < summary.threshold {
        return format!(
            "{place} it fails: the interval of {} % lies below {threshold}.",
            interval_figures(interval)
        );
    }
    if interval.low >= summary.threshold {
        return format!(
            "{place} the answers pass, but not if the {} there counted as failures.",
            counted(point.void, "void trial")
        );
    }
    format!(
        "{place} it is undecided: the interval of {} % includes the threshold of {threshold}. More \
         samples would decide it.",
        interval_figures(interval)
    )
}

/// True where the lower bound reaches the threshold, and would reach it if void trials had
/// failed: they are no hiding place.
fn passes(summary: &Summary, point: &Point) -> bool {
    let Some(interval) = point.interval.filter(|_| point.n > 0) else {
        return false;
    };
    let tail = (1.0 - summary.confidence) / 2.0;
    let void_failed = || clopper_pearson_lower(point.right, point.n + point.void, tail);
    interval.low >= summary.threshold && (point.void == 0 || void_failed() >= summary.threshold)
}

/// What the search for the served window found.
pub fn window(found: &FoundWindow) -> String {
    let requests = counted(found.requests, "request");
    let stopped = found.stopped.as_deref().map_or(String::new(), |why| {
        format!(" The search ended early, at a limit that is no window: {why}.")
    });
    let how = |refused: u64| match found.how.as_deref() {
        Some("too-long") => format!("one of {} was refused as too long", grouped(refused)),
        Some("suspected-cut") => format!(
            "of one of {} a part seems to be missing, though the token count does not show it",
            grouped(refused)
        ),
        _ => format!("one of {} was cut without a word", grouped(refused)),
    };
    let found = match (found.served_tokens, found.refused_tokens) {
        (Some(served), Some(refused)) => format!(
            "The longest prompt that was served whole has {} tokens; {}",
            grouped(served),
            how(refused)
        ),
        (Some(served), None) => format!(
            "Prompts of up to {} tokens were served whole, the longest that was tried",
            grouped(served)
        ),
        (None, Some(refused)) => format!("No prompt was served whole; {}", how(refused)),
        (None, None) => "Nothing was learnt of the window".to_owned(),
    };
    format!("{found} ({requests}).{stopped}")
}
