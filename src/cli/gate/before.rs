//! What a gate refuses before it connects: options that the baseline fixes, and a gate that has ended.

use crate::cli::arguments::{Cli, Command, Gate};
use crate::cli::inquiry::{options, params};
use crate::gate::Outcome;
use crate::journal::Asking;
use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Deserialize;
use std::path::Path;

/// Refuses options that would be ignored or decide nothing.
///
/// # Errors
/// In one line.
pub fn check(arguments: &Gate) -> Result<()> {
    let fixed = fixed(arguments);
    ensure!(
        fixed.is_empty(),
        "the baseline fixes {}: leave {} out",
        fixed.join(", "),
        if fixed.len() == 1 { "it" } else { "them" }
    );
    ensure!(
        arguments.delta > 0.0 && arguments.delta < 1.0,
        "--delta is a share between 0 and 1"
    );
    ensure!(
        arguments.runs_per_year > 0.0 && arguments.runs_per_year.is_finite(),
        "--runs-per-year is a number above 0"
    );
    ensure!(arguments.n_max >= 10, "--n-max is at least 10");
    options::check(&arguments.inquiry)
}

/// The options among those typed that the baseline fixes. A value typed that is the usual one
/// cannot be told from none.
fn fixed(arguments: &Gate) -> Vec<&'static str> {
    let line = ["depthfinder", "gate", "TARGET", "--baseline", "FILE"];
    let Ok(Cli {
        command: Command::Gate(plain),
    }) = Cli::try_parse_from(line)
    else {
        return Vec::new();
    };
    let (typed, plain) = (&arguments.inquiry, &plain.inquiry);
    let all = [
        ("--task", typed.task != plain.task),
        ("--suite", typed.suite != plain.suite),
        ("--difficulty", typed.difficulty != plain.difficulty),
        (
            "--haystack-lang",
            typed.haystack_lang != plain.haystack_lang,
        ),
        (
            "--question-lang",
            typed.question_lang != plain.question_lang,
        ),
        ("--keys", typed.keys != plain.keys),
        ("--values", typed.values != plain.values),
        ("--question-at", typed.question_at != plain.question_at),
        ("--beyond", typed.beyond != plain.beyond),
        ("--secret", typed.secret != plain.secret),
        ("--salt", typed.salt != plain.salt),
        ("--max-output", typed.max_output != plain.max_output),
        ("--temperature", typed.temperature != plain.temperature),
        ("--reasoning", typed.reasoning != plain.reasoning),
        ("--system", typed.system != plain.system),
    ];
    all.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name)
        .collect()
}

/// Refuses request fields other than the baseline's, which are sent anyhow.
///
/// # Errors
/// In one line.
pub fn fits(arguments: &Gate, asking: &Asking) -> Result<()> {
    let typed = params(&arguments.inquiry)?;
    ensure!(
        typed
            .iter()
            .all(|(name, value)| asking.params.get(name) == Some(value)),
        "the baseline fixes --param: leave it out, what the baseline was asked with is sent"
    );
    Ok(())
}

/// Refuses a folder whose gate has ended: its answers are those of whoever stood behind the
/// address then.
///
/// # Errors
/// In one line.
pub fn has_not_ended(folder: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Before {
        outcome: Outcome,
        #[serde(default)]
        at_ms: i64,
        #[serde(default = "yes")]
        ended: bool,
    }
    fn yes() -> bool {
        true
    }
    let path = folder.join("gate.json");
    let content = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let before: Before = serde_json::from_slice(&content)
        .with_context(|| format!("{} is damaged: choose another --out", path.display()))?;
    let at = jiff::Timestamp::from_millisecond(before.at_ms)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default();
    ensure!(
        !before.ended,
        "{}: this gate has ended with {} on {at}: choose another --out, or leave it out",
        folder.display(),
        before.outcome.word()
    );
    Ok(())
}
