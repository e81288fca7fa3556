//! The numbers of a verification's lengths: what decided each, and what they certify.

use super::document::{Block, head, heading};
use crate::number::{grouped, interval_figures};
use crate::stats::Decision;
use crate::summary::{RungSummary, Verification};

/// Haystacks differ by more than chance below this p-value.
const DIFFERENT: f64 = 0.05;

/// The table of the ladder.
pub fn ladder(verification: &Verification, blocks: &mut Vec<Block>) {
    blocks.push(heading("The ladder"));
    let rows = verification.rungs.iter().enumerate().map(|(at, rung)| {
        let most = verification.plan.rungs.get(at).and_then(|rung| rung.most);
        let mut row = counts(rung);
        row.push(decided(rung, most, verification.enough_evidence()));
        row.push(needed(rung, most));
        row
    });
    let more = [
        ("what decided it", false),
        ("needed at the last look", false),
    ];
    blocks.push(Block::Table {
        head: head(&[COUNTS.as_slice(), &more].concat()),
        rows: rows.collect(),
    });
    let (verify, refute) = verification.enough_evidence();
    let mut note = format!(
        "The intervals hold at every look at once, so that the study could be watched and stopped at any moment; \
         they have two ends and the verdict one, so that a length may be verified though its interval reaches a little below the threshold. \
         Evidence is an e-value: how many times as likely the answers are if the rate lies on that \
         side of the threshold. A length is verified from {} on and refuted from {} on",
        grouped(verify.round() as u64),
        grouped(refute.round() as u64)
    );
    if verification.rungs.len() > 1 {
        note.push_str(&format!(
            ", which is {} times as much, because any of {} lengths could refute the claim by chance",
            verification.rungs.len(),
            verification.rungs.len()
        ));
    }
    note.push_str(
        ". At its last look a length may also be decided by its count. Void questions count as \
         wrong in the evidence for, and as right in the evidence against.",
    );
    blocks.push(Block::Paragraph(note));
}

/// What is certified of the effective length, with the lengths of the search where there was one.
pub fn effective_length(verification: &Verification, blocks: &mut Vec<Block>) {
    blocks.push(heading("The effective length"));
    let mut sentences = verification.effective_length();
    if let Some(search) = &verification.search {
        let undecided: Vec<String> = search
            .bracket
            .undecided
            .iter()
            .map(|length| {
                format!(
                    "{} tokens ({}/{})",
                    grouped(length.tokens),
                    length.tally.right,
                    length.tally.answered()
                )
            })
            .collect();
        if !undecided.is_empty() {
            sentences.push(format!(
                "Asked between and neither certified nor refuted: {}.",
                undecided.join(", ")
            ));
        }
    }
    sentences.push(
        "The prompts of a length lie within 5 % of it, so that each end is known to within 5 %."
            .to_owned(),
    );
    blocks.push(Block::Paragraph(sentences.join(" ")));
    if verification.searched.is_empty() {
        return;
    }
    blocks.push(Block::Paragraph(
        "Lengths that the search asked beside the ladder:".to_owned(),
    ));
    blocks.push(Block::Table {
        head: head(&COUNTS),
        rows: verification.searched.iter().map(counts).collect(),
    });
}

/// Whether the haystacks that questions share differ.
pub fn haystacks(verification: &Verification, blocks: &mut Vec<Block>) {
    let rungs = || {
        let all = verification.rungs.iter();
        all.filter(|rung| !rung.haystacks.is_empty() && rung.tally.answered() > 0)
    };
    let rows = rungs().map(|rung| {
        let counts: Vec<String> = rung
            .haystacks
            .iter()
            .map(|tally| format!("{}/{}", tally.right, tally.answered()))
            .collect();
        let found = match rung.heterogeneity {
            Some(found) => vec![
                format!("{:.2}", found.z),
                format!("{:.3}", found.p),
                match found.p < DIFFERENT {
                    true => "they differ by more than chance: other texts may too".to_owned(),
                    false => "no more than chance would make them".to_owned(),
                },
            ],
            None => vec![
                "–".to_owned(),
                "–".to_owned(),
                "all answers were alike".to_owned(),
            ],
        };
        let mut row = vec![grouped(rung.nominal_tokens), counts.join(" · ")];
        row.extend(found);
        row
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return;
    }
    blocks.push(Block::Table {
        head: head(&[
            ("length (tokens)", true),
            ("right / answered by text", false),
            ("Tarone's z", true),
            ("p", true),
            ("do the texts differ?", false),
        ]),
        rows,
    });
}

/// The columns that [`counts`] fills.
const COUNTS: [(&str, bool); 7] = [
    ("length (tokens)", true),
    ("right / answered", true),
    ("void", true),
    ("refusals", true),
    ("95 % at every look", true),
    ("evidence for", true),
    ("evidence against", true),
];

fn counts(rung: &RungSummary) -> Vec<String> {
    let asked = rung.tally.asked() > 0;
    vec![
        grouped(rung.nominal_tokens),
        format!("{}/{}", rung.tally.right, rung.tally.answered()),
        grouped(rung.tally.void),
        grouped(rung.refusals),
        match asked {
            true => format!("{} %", interval_figures(rung.interval)),
            false => "–".to_owned(),
        },
        evidence(rung.ln_e_verify),
        evidence(rung.ln_e_refute),
    ]
}

/// An e-value as people read it.
fn evidence(ln: Option<f64>) -> String {
    /// From here on, in powers of ten, only the power tells.
    const LARGE: f64 = 6.0;
    let Some(ln) = ln else {
        return "–".to_owned();
    };
    let power = ln / std::f64::consts::LN_10;
    let value = ln.exp();
    match value {
        _ if power >= LARGE => format!("over 10^{:.0}", power.floor()),
        10.0.. => grouped(value.round() as u64),
        0.1.. => format!("{value:.1}"),
        0.001.. => format!("{value:.3}"),
        _ => "under 0.001".to_owned(),
    }
}

/// What decided a length, in words.
fn decided(rung: &RungSummary, most: Option<u64>, (verify, refute): (f64, f64)) -> String {
    if rung.not_served {
        return "not served: three prompts met the end of the window".to_owned();
    }
    let by = |enough: f64, ln: Option<f64>| {
        let is_last = most.is_some_and(|most| rung.tally.asked() >= most);
        match is_last && ln.is_none_or(|ln| ln < enough.ln()) {
            true => "by the count at its last look",
            false => "by the evidence",
        }
    };
    match rung.decision {
        Some(Decision::Verified) => format!("verified {}", by(verify, rung.ln_e_verify)),
        Some(Decision::Refuted) => format!("refuted {}", by(refute, rung.ln_e_refute)),
        Some(Decision::Undecided) => "undecided at its last look".to_owned(),
        _ if rung.tally.asked() > 0 => "open: the verdict did not need it".to_owned(),
        _ => "not asked".to_owned(),
    }
}

fn needed(rung: &RungSummary, most: Option<u64>) -> String {
    let Some(most) = most else {
        return "no last look".to_owned();
    };
    let verify = rung
        .verify_from
        .map(|from| format!("{} right verify", grouped(from)));
    let refute = rung
        .refute_to
        .map(|to| format!("{} or fewer refute", grouped(to)));
    let both: Vec<String> = verify.into_iter().chain(refute).collect();
    format!("of {}: {}", grouped(most), both.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_written_so_that_people_can_compare_it() {
        let written = [
            None,
            Some(-9.0),
            Some(-2.7),
            Some(0.0),
            Some(3.0),
            Some(9.0),
            Some(40.0),
        ]
        .map(evidence);
        assert_eq!(
            written,
            [
                "–",
                "under 0.001",
                "0.067",
                "1.0",
                "20",
                "8,103",
                "over 10^17"
            ]
        );
    }
}
