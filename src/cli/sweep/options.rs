//! The options of a sweep, read and checked: defaults are filled in here.

use super::super::arguments::Sweep;
use crate::corpus::{BUILT_IN, Corpus};
use crate::endpoint::Served;
use crate::journal::{Asking, RunFile};
use crate::length::parse_tokens;
use crate::plan::{Depths, Grid, Plan, Task, WordingChoice};
use crate::price::Price;
use crate::prompt::QuestionAt;
use crate::run::{Canaries, Caps};
use crate::seed::Secret;
use crate::task::niah::ValueType;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Reasoning models think in tokens that nobody sees.
const REASONING_TOKENS: u64 = 4096;
/// Where no window is declared, a sweep goes up to here.
const MODEST_TOKENS: u64 = 32_768;
/// Kept free in a window beside the output budget: templates and counts differ by a few tokens.
const WINDOW_MARGIN_TOKENS: u64 = 16;
/// Requests above this length are asked one at a time.
const LARGE_TOKENS: u64 = 128_000;

/// What can be refused before anything is connected, fetched or started.
pub fn check(arguments: &Sweep) -> Result<()> {
    for task in &arguments.task {
        Task::named(task)?;
    }
    Depths::parse(&arguments.depths)?;
    temperature(arguments)?;
    super::params(arguments)?;
    caps(arguments)?;
    parse_tokens(&arguments.max_inflight_tokens).context("bad --max-inflight-tokens")?;
    ensure!(
        (1..=10_000).contains(&arguments.samples),
        "--samples is between 1 and 10,000"
    );
    ensure!(
        (1..=1_000).contains(&arguments.keys),
        "--keys is between 1 and 1,000"
    );
    ensure!(
        (1..=1_000_000).contains(&arguments.max_output),
        "--max-output is between 1 and 1,000,000"
    );
    ensure!(
        arguments.concurrency.is_none_or(|count| count > 0),
        "--concurrency is at least 1"
    );
    ensure!(
        (0.0..=1.0).contains(&arguments.threshold),
        "--threshold is a share between 0 and 1"
    );
    ensure!(
        (0.0..=1.0).contains(&arguments.max_void),
        "--max-void is a share between 0 and 1"
    );
    if let Some(price) = &arguments.price {
        Price::parse(price)?;
    }
    if let Some(window) = &arguments.advertised {
        parse_tokens(window).context("bad --advertised")?;
    }
    if let Some(secret) = &arguments.secret {
        Secret::from_hex(secret)?;
    }
    if let Some(lengths) = &arguments.lengths {
        self::lengths(lengths, arguments.steps)?;
    }
    Ok(())
}

/// The temperature as typed; none where it is left to the server.
pub fn temperature(arguments: &Sweep) -> Result<Option<f64>> {
    match arguments.temperature.as_str() {
        "unset" => Ok(None),
        written => written
            .parse()
            .ok()
            .filter(|temperature: &f64| (0.0..=2.0).contains(temperature))
            .map(Some)
            .with_context(|| {
                format!("--temperature is between 0 and 2, or \"unset\"; got {written}")
            }),
    }
}

/// Settings that can change answers.
pub fn asking(arguments: &Sweep) -> Result<Asking> {
    let reasons = arguments
        .reasoning
        .as_deref()
        .is_some_and(|effort| effort != "none");
    Ok(Asking {
        max_output_tokens: arguments.max_output + if reasons { REASONING_TOKENS } else { 0 },
        temperature: temperature(arguments)?,
        reasoning: arguments.reasoning.clone(),
        system: arguments.system.clone(),
        threshold: arguments.threshold,
        params: super::params(arguments)?.into_iter().collect(),
    })
}

/// When canaries are asked.
pub fn canaries(arguments: &Sweep) -> Canaries {
    match arguments.canaries.as_str() {
        "always" => Canaries::Always,
        "never" => Canaries::Never,
        _ => Canaries::Auto,
    }
}

/// What the run may spend.
pub fn caps(arguments: &Sweep) -> Result<Caps> {
    Ok(Caps {
        trials: arguments.max_trials,
        tokens: arguments
            .max_tokens
            .as_deref()
            .map(parse_tokens)
            .transpose()
            .context("bad --max-tokens")?,
        cost_usd: arguments.max_cost,
    })
}

/// What is asked, all defaults filled in.
pub fn grid(arguments: &Sweep, served: &Served, max_output_tokens: u64) -> Result<Grid> {
    let mut lengths_tokens = match &arguments.lengths {
        Some(written) => lengths(written, arguments.steps)?,
        None => default_lengths(served.window_tokens, max_output_tokens),
    };
    lengths_tokens.sort_unstable();
    lengths_tokens.dedup();
    let mut tasks: Vec<Task> = Vec::new();
    for name in &arguments.task {
        let task = Task::named(name)?;
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    Ok(Grid {
        tasks,
        lengths_tokens,
        depths: Depths::parse(&arguments.depths)?,
        samples: arguments.samples,
        keys: arguments.keys,
        values: match arguments.values.as_str() {
            "words" => ValueType::Words,
            "uuids" => ValueType::Uuids,
            _ => ValueType::Numbers,
        },
        wording: if arguments.wording == "pool" {
            WordingChoice::Pool
        } else {
            WordingChoice::Fixed
        },
        question_at: if arguments.question_at == "start" {
            QuestionAt::Start
        } else {
            QuestionAt::End
        },
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

/// What tokens cost: as typed, now or when the run began, else nothing on this machine, else the
/// provider's list price.
pub fn price(
    arguments: &Sweep,
    served: &Served,
    free: bool,
    earlier: Option<&RunFile>,
) -> Result<Option<Price>> {
    if let Some(written) = &arguments.price {
        return Price::parse(written).map(Some);
    }
    if let Some(price) = earlier.and_then(|earlier| earlier.price) {
        return Ok(Some(price));
    }
    if free {
        return Ok(Some(Price::FREE));
    }
    // List prices are those of the provider, not of whoever else serves a model of that name.
    Ok(arguments
        .target
        .starts_with("openai:")
        .then(|| Price::listed(&served.model))
        .flatten())
}

/// The window that is drawn in the chart.
pub fn advertised(arguments: &Sweep, served: &Served) -> Result<Option<u64>> {
    match &arguments.advertised {
        Some(written) => parse_tokens(written).map(Some).context("bad --advertised"),
        None => Ok(served.trained_window_tokens.or(served.window_tokens)),
    }
}

/// Haystacks asked at a time.
pub fn concurrency(arguments: &Sweep, plan: &Plan, one_at_a_time: bool) -> usize {
    let large = plan
        .grid
        .lengths_tokens
        .last()
        .is_some_and(|longest| *longest > LARGE_TOKENS);
    arguments
        .concurrency
        .unwrap_or(if one_at_a_time || large { 1 } else { 4 })
}

/// The name by which `show` and `report` find the corpus again, from any folder.
pub fn corpus_name(corpus: &Corpus) -> String {
    match BUILT_IN.iter().any(|(name, ..)| *name == corpus.name) {
        true => corpus.name.clone(),
        false => absolute(&corpus.name),
    }
}

/// The name by which `show` finds the tokenizer again.
pub fn tokenizer_name(arguments: &Sweep, tokenizer: &Tokenizer) -> String {
    match &arguments.tokenizer {
        Some(typed) if Path::new(typed).exists() => absolute(typed),
        _ => tokenizer.name().to_string(),
    }
}

fn absolute(typed: &str) -> String {
    Path::new(typed)
        .canonicalize()
        .map_or_else(|_| typed.to_string(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests;
