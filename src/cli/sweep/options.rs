//! The options of a sweep, read and checked: defaults are filled in here.

use crate::cli::arguments::Sweep;
use crate::cli::inquiry::options;
use crate::endpoint::Served;
use crate::length::parse_tokens;
use crate::plan::{Depths, Grid};
use anyhow::{Context, Result, ensure};

/// Where no window is declared, a sweep goes up to here.
const MODEST_TOKENS: u64 = 32_768;
/// Kept free in a window beside the output budget: templates and counts differ by a few tokens.
const WINDOW_MARGIN_TOKENS: u64 = 16;

/// What can be refused before anything is connected, fetched or started.
pub fn check(arguments: &Sweep) -> Result<()> {
    options::check(arguments)?;
    Depths::parse(&arguments.depths)?;
    ensure!(
        (1..=10_000).contains(&arguments.samples),
        "--samples is between 1 and 10,000"
    );
    ensure!(
        (0.0..=1.0).contains(&arguments.threshold),
        "--threshold is a share between 0 and 1"
    );
    ensure!(
        (0.0..=1.0).contains(&arguments.max_void),
        "--max-void is a share between 0 and 1"
    );
    if let Some(window) = &arguments.advertised {
        parse_tokens(window).context("bad --advertised")?;
    }
    if let Some(lengths) = &arguments.lengths {
        self::lengths(lengths, arguments.steps)?;
    }
    Ok(())
}

/// What is asked, all defaults filled in.
pub fn grid(arguments: &Sweep, served: &Served, max_output_tokens: u64) -> Result<Grid> {
    let mut lengths_tokens = match &arguments.lengths {
        Some(written) => lengths(written, arguments.steps)?,
        None => default_lengths(served.window_tokens, max_output_tokens),
    };
    lengths_tokens.sort_unstable();
    lengths_tokens.dedup();
    Ok(Grid {
        tasks: options::tasks(arguments)?,
        lengths_tokens,
        depths: Depths::parse(&arguments.depths)?,
        samples: arguments.samples,
        keys: arguments.keys,
        values: options::values(arguments),
        wording: options::wording(&arguments.wording),
        question_at: options::question_at(arguments),
        language: arguments.haystack_lang.clone(),
        question_language: options::question_language(arguments),
        beyond: options::beyond(arguments),
        difficulty: options::difficulty(arguments)?,
    })
}

/// From 512 doubling up to the window, whose last step leaves room for the answer.
fn default_lengths(window_tokens: Option<u64>, max_output_tokens: u64) -> Vec<u64> {
    let top = window_tokens.map_or(MODEST_TOKENS, |window| {
        window
            .saturating_sub(max_output_tokens + WINDOW_MARGIN_TOKENS)
            .max(512)
    });
    let mut lengths: Vec<u64> = std::iter::successors(Some(512u64), |length| length.checked_mul(2))
        .take_while(|length| *length <= top)
        .collect();
    // The window itself is the length that matters most; one just below it adds nothing.
    if lengths.last().is_none_or(|last| top - last > last / 4) {
        lengths.push(top);
    }
    lengths
}

/// Reads `4k,32k` or `1k..10M`.
fn lengths(written: &str, steps: Option<u32>) -> Result<Vec<u64>> {
    let mut lengths = Vec::new();
    for item in written
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
    {
        match item.split_once("..") {
            None => lengths.push(parse_tokens(item)?),
            Some((low, high)) => {
                let (low, high) = (parse_tokens(low)?, parse_tokens(high)?);
                ensure!(
                    low < high && low > 0,
                    "the range of lengths {item} does not rise"
                );
                let ratio = high as f64 / low as f64;
                let steps = steps.unwrap_or_else(|| ratio.log2().round() as u32 + 1);
                ensure!(
                    (2..=1000).contains(&steps),
                    "--steps is between 2 and 1,000"
                );
                lengths.extend((0..steps).map(|step| {
                    (low as f64 * ratio.powf(f64::from(step) / f64::from(steps - 1))).round() as u64
                }));
            }
        }
    }
    ensure!(!lengths.is_empty(), "no length in {written}");
    ensure!(
        lengths.iter().all(|length| *length >= 32),
        "a length of fewer than 32 tokens holds no fact and no question"
    );
    Ok(lengths)
}

/// The window that is drawn in the chart.
pub fn advertised(arguments: &Sweep, served: &Served) -> Result<Option<u64>> {
    match &arguments.advertised {
        Some(written) => parse_tokens(written).map(Some).context("bad --advertised"),
        None => Ok(served.trained_window_tokens.or(served.window_tokens)),
    }
}

#[cfg(test)]
mod tests;
