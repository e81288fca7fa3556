//! The fingerprints that a run took of whoever answered, and what of them changed.

use crate::identity::fingerprint::{Fingerprint, changed, questions};
use crate::journal::{Moment, Outcome, Print};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A fingerprint of whoever answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FingerprintSummary {
    /// When in the run it was taken; every session has a start of its own.
    pub moment: Moment,
    /// When it was begun, in milliseconds since 1970.
    pub at_ms: u64,
    /// Questions of the run that were settled then.
    pub settled: u64,
    /// Questions that it took, attempts included.
    pub questions: u64,
    /// What was told.
    #[serde(flatten)]
    pub print: Fingerprint,
    /// What could not be asked, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What differs from the fingerprint before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// The fingerprints of a journal, in the order in which they were begun.
pub(super) fn fingerprints(prints: &[Print]) -> Vec<FingerprintSummary> {
    let mut by_number: BTreeMap<u64, Vec<&Print>> = BTreeMap::new();
    for print in prints {
        by_number.entry(print.fingerprint).or_default().push(print);
    }
    let mut taken: Vec<FingerprintSummary> = Vec::new();
    for lines in by_number.values() {
        let first = lines[0];
        let last = |probe: &str| lines.iter().rev().find(|line| line.probe == probe);
        let print = Fingerprint::of_answers(|probe| last(probe)?.reply());
        let missing = questions().into_iter().filter_map(|(probe, _)| {
            let why = match last(probe).map(|line| &line.outcome) {
                Some(Outcome::Reply(_)) => return None,
                Some(Outcome::Failure(failure)) => failure.to_string(),
                None => "not asked".to_owned(),
            };
            Some(format!("{probe}: {why}"))
        });
        taken.push(FingerprintSummary {
            moment: first.moment,
            at_ms: first.at_ms,
            settled: first.settled,
            questions: lines.len() as u64,
            missing: missing.collect(),
            changed: taken
                .last()
                .map(|before| changed(&before.print, &print))
                .unwrap_or_default(),
            print,
        });
    }
    taken
}

/// All of them in a line; none where none was taken.
pub fn fingerprints_line(taken: &[FingerprintSummary]) -> Option<String> {
    let moments: Vec<&str> = taken.iter().map(|one| one.moment.name()).collect();
    if moments.is_empty() {
        return None;
    }
    let questions: u64 = taken.iter().map(|one| one.questions).sum();
    let changes: Vec<String> = taken
        .iter()
        .filter(|one| !one.changed.is_empty())
        .map(|one| {
            let what = one.changed.join("; ");
            format!("at the {} ({what})", one.moment.name())
        })
        .collect();
    let missing: Vec<String> = taken
        .iter()
        .filter(|one| !one.missing.is_empty())
        .map(|one| format!("at the {} ({})", one.moment.name(), one.missing.join("; ")))
        .collect();
    let told = taken
        .iter()
        .any(|one| one.missing.len() < one.print.counts.len());
    let mut line = format!("{} ({questions} short questions)", moments.join(", "));
    line.push_str(&match (told, changes.as_slice()) {
        (false, _) => ": nothing was told".to_owned(),
        (true, []) if taken.len() == 1 => String::new(),
        (true, []) => ": unchanged".to_owned(),
        (true, changes) => format!(": changed {}", changes.join(", ")),
    });
    if !missing.is_empty() {
        line.push_str(&format!("; not answered {}", missing.join(", ")));
    }
    Some(line)
}
