//! Where the deployment changed while a run went on, and how it answered before and after.

use crate::identity::fingerprint::{Fingerprint, changed};
use crate::journal::Row;
use std::collections::HashMap;

/// Configurations that are listed with their answers.
const LISTED: usize = 4;

/// Says that what answered was not one and the same, where replies tell it: by the model they
/// name, the mark of the configuration, the provider or the software.
pub(super) fn split(settled: &HashMap<u64, &Row>) -> Option<String> {
    let mut rows: Vec<&Row> = settled.values().copied().collect();
    rows.sort_by_key(|row| (row.at_ms, row.trial.id));
    let answers: Vec<(Fingerprint, Option<bool>)> = rows
        .into_iter()
        .filter_map(|row| {
            let right = row.judged.as_ref().map(|judged| judged.class.is_right());
            Some((Fingerprint::of_reply(row.reply()?), right))
        })
        .collect();
    sentence(&answers)
}

/// The answers of one configuration: how many were scored, and how many of them right.
struct Part<'a> {
    print: &'a Fingerprint,
    scored: u64,
    right: u64,
}

fn sentence(answers: &[(Fingerprint, Option<bool>)]) -> Option<String> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut current: Option<usize> = None;
    let mut switches = 0;
    let mut first_change = None;
    for (nth, (print, right)) in answers.iter().enumerate() {
        let known = parts
            .iter()
            .position(|part| changed(part.print, print).is_empty());
        let at = known.unwrap_or_else(|| {
            parts.push(Part {
                print,
                scored: 0,
                right: 0,
            });
            parts.len() - 1
        });
        parts[at].scored += u64::from(right.is_some());
        parts[at].right += u64::from(*right == Some(true));
        if current.is_some_and(|current| current != at) {
            switches += 1;
            first_change.get_or_insert(nth);
        }
        current = Some(at);
    }
    let (first, second) = (parts.first()?, parts.get(1)?);
    let what = changed(first.print, second.print).join("; ");
    let shares = parts.iter().take(LISTED);
    let shares: Vec<String> = shares
        .map(|part| format!("{} of {}", part.right, part.scored))
        .collect();
    let more = if parts.len() > LISTED { ", …" } else { "" };
    let shares = format!("{}{more}", shares.join(", then "));
    Some(match switches {
        1 => format!(
            "run split: the deployment changed after {} of {} answers ({what}); right: {shares}. \
             Read the two parts apart",
            first_change.unwrap_or(0),
            answers.len()
        ),
        _ => format!(
            "run split: {} configurations answered, with {switches} changes between them ({what}); \
             right, each by itself: {shares}",
            parts.len()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(marks: &[(&str, bool)]) -> Vec<(Fingerprint, Option<bool>)> {
        let answer = |(mark, right): &(&str, bool)| {
            let print = Fingerprint {
                system_fingerprint: Some((*mark).to_owned()),
                ..Fingerprint::default()
            };
            (print, Some(*right))
        };
        marks.iter().map(answer).collect()
    }

    #[test]
    fn one_change_splits_the_run_and_replicas_are_counted_each_by_itself() {
        assert_eq!(sentence(&answers(&[("a", true), ("a", false)])), None);
        assert_eq!(sentence(&[]), None);
        let swapped = answers(&[("a", true), ("a", true), ("b", false), ("b", true)]);
        let told = sentence(&swapped).expect("told");
        for part in [
            "after 2 of 4 answers",
            "system_fingerprint: a, then b",
            "2 of 2, then 1 of 2",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let replicas = answers(&[("a", true), ("b", false), ("a", true), ("b", false)]);
        let told = sentence(&replicas).expect("told");
        assert!(
            told.contains("2 configurations answered, with 3 changes"),
            "{told}"
        );
        assert!(told.contains("2 of 2, then 0 of 2"), "{told}");
    }

    #[test]
    fn an_answer_that_tells_less_is_no_change() {
        let mut told = answers(&[("a", true), ("a", true)]);
        told.insert(1, (Fingerprint::default(), None));
        assert_eq!(sentence(&told), None);
    }
}
