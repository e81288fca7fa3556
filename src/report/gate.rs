//! What a gate came to, in the forms that machines of continuous integration read.

use super::document::{Block, Document};
use super::html;
use crate::gate::{Baseline, Changes, Gated, GatedBand, Outcome};
use crate::number::grouped;
use crate::stats::Tally;

/// Trials that are named one by one where a baseline changes.
const MOST_NAMED: usize = 20;

/// As Markdown: the sentence, the bands, and what the evidence was.
pub fn markdown(gated: &Gated) -> String {
    let head = [
        ("length", false),
        ("pairs", true),
        ("lost", true),
        ("won", true),
        ("texts lost", true),
        ("won", true),
        ("", false),
    ];
    let row = |band: &GatedBand| {
        vec![
            band.words(),
            grouped(band.pairs),
            grouped(band.lose),
            grouped(band.win),
            grouped(band.texts_lose),
            grouped(band.texts_win),
            if band.fails { "worse" } else { "" }.to_owned(),
        ]
    };
    let points = |share: f64| format!("{:+.1}", 100.0 * share);
    super::markdown::write(&Document {
        title: format!("depthfinder gate: {}", gated.outcome.word()),
        blocks: vec![
            Block::Lead(gated.sentence.clone()),
            Block::Paragraph(format!("{} against {}", gated.target, gated.baseline)),
            Block::Table {
                head: head
                    .map(|(name, number)| (name.to_owned(), number))
                    .to_vec(),
                rows: gated.bands.iter().map(row).collect(),
            },
            Block::Paragraph(format!(
                "{} of {} pairs without an answer; difference {} points ({} to {} by Tango, for a \
                 fixed number of independent pairs); evidence for PASS {:.2} of {:.2}, for FAIL {:.2} of {:.2} \
                 (logarithms of e-values over {} texts, valid at every look).",
                gated.missing,
                gated.asked,
                points(gated.difference.observed),
                points(gated.difference.low),
                points(gated.difference.high),
                gated.ln_e_pass,
                gated.ln_pass_at,
                gated.ln_e_fail,
                gated.ln_fail_at,
                grouped(gated.texts),
            )),
        ],
    })
}

/// As JUnit XML. What is neither PASS nor FAIL is a skipped case, so that no reader counts it as
/// shown.
pub fn junit(gated: &Gated) -> String {
    let sentence = html::escaped(&gated.sentence);
    let (failures, skipped) = match gated.outcome {
        Outcome::Pass => (0, 0),
        Outcome::Fail => (1 + gated.bands.iter().filter(|band| band.fails).count(), 0),
        Outcome::Neutral => (0, 1),
    };
    let inner = match gated.outcome {
        Outcome::Pass => String::new(),
        Outcome::Fail => format!("<failure message=\"{sentence}\"/>"),
        Outcome::Neutral => format!("<skipped message=\"{sentence}\"/>"),
    };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites>\n  <testsuite name=\"depthfinder gate\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"{skipped}\">\n    <testcase classname=\"{}\" name=\"all lengths\">\
         {inner}<system-out>{sentence}</system-out></testcase>\n",
        1 + gated.bands.len(),
        html::escaped(&gated.target),
    );
    for band in &gated.bands {
        let told = format!(
            "{} lost and {} won of {} pairs",
            band.lose, band.win, band.pairs
        );
        let inner = match band.fails {
            true => format!("<failure message=\"{told}\"/>"),
            false => format!("<system-out>{told}</system-out>"),
        };
        out.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\">{inner}</testcase>\n",
            html::escaped(&gated.target),
            html::escaped(&band.words()),
        ));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// For Prometheus' textfile collector.
pub fn prometheus(gated: &Gated) -> String {
    let label = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let target = format!(
        "target=\"{}\",baseline=\"{}\"",
        label(&gated.target),
        label(&gated.baseline)
    );
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, values: Vec<(String, f64)>| {
        out.push_str(&format!(
            "# HELP depthfinder_gate_{name} {help}\n# TYPE depthfinder_gate_{name} gauge\n"
        ));
        for (more, value) in values {
            out.push_str(&format!(
                "depthfinder_gate_{name}{{{target}{more}}} {value}\n"
            ));
        }
    };
    let outcome = match gated.outcome {
        Outcome::Pass => 1.0,
        Outcome::Neutral => 0.0,
        Outcome::Fail => -1.0,
    };
    let plain = |value: f64| vec![(String::new(), value)];
    gauge(
        "outcome",
        "1 for PASS, 0 for NEUTRAL, -1 for FAIL",
        plain(outcome),
    );
    gauge(
        "timestamp_seconds",
        "When the gate ended, in seconds since 1970",
        plain(gated.at_ms as f64 / 1000.0),
    );
    gauge(
        "pairs_asked",
        "Pairs asked, missing ones too",
        plain(gated.asked as f64),
    );
    gauge(
        "pairs_missing",
        "Pairs without an answer",
        plain(gated.missing as f64),
    );
    gauge(
        "difference",
        "Share of right answers, new less baseline",
        plain(gated.difference.observed),
    );
    gauge(
        "ln_e_pass",
        "Logarithm of the evidence for PASS",
        plain(gated.ln_e_pass),
    );
    gauge(
        "ln_e_fail",
        "Logarithm of the evidence for FAIL",
        plain(gated.ln_e_fail),
    );
    let by_band = |of: &dyn Fn(&GatedBand) -> u64| {
        let bands = gated.bands.iter();
        bands
            .map(|band| {
                (
                    format!(",lengths=\"{}\"", label(&band.words())),
                    of(band) as f64,
                )
            })
            .collect()
    };
    gauge(
        "pairs_lost",
        "Right in the baseline alone",
        by_band(&|band| band.lose),
    );
    gauge(
        "pairs_won",
        "Right in the new deployment alone",
        by_band(&|band| band.win),
    );
    out
}

/// What a new baseline changes.
pub fn changes(changes: &Changes, before: &Baseline, after: &Baseline) -> Vec<String> {
    let mut lines = vec![format!(
        "baseline of {} ({}) becomes that of {} ({})",
        before.target, before.model, after.target, after.model
    )];
    let rate = |tally: &Tally| format!("{}/{}", tally.right, tally.right + tally.wrong);
    for (lengths, old, new) in &changes.bands {
        let shown: Vec<String> = lengths.iter().map(|length| grouped(*length)).collect();
        lines.push(format!(
            "{:>20} tokens  {} right before, {} now",
            shown.join(", "),
            rate(old),
            rate(new)
        ));
    }
    for (what, trials) in [("lost", &changes.lost), ("won", &changes.won)] {
        if trials.is_empty() {
            continue;
        }
        let named: Vec<String> = trials.iter().take(MOST_NAMED).map(u64::to_string).collect();
        let more = trials.len().saturating_sub(MOST_NAMED);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!(
            "{} {what}: trials {}{more}",
            trials.len(),
            named.join(", ")
        ));
    }
    if changes.missing > 0 {
        lines.push(format!(
            "{} questions have no answer now and leave the baseline",
            changes.missing
        ));
    }
    if before.depthfinder != after.depthfinder {
        lines.push(format!(
            "depthfinder {} becomes {}",
            before.depthfinder, after.depthfinder
        ));
    }
    lines
}
