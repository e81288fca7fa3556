//! `sweep`: the main job, from a target to charts.

use super::arguments::Sweep;
use super::consent::Estimate;
use super::folder::{self, Ground};
use super::progress::Progressing;
use super::{Exit, connect, screen, setup};
use crate::corpus::Corpus;
use crate::endpoint::Served;
use crate::journal::{Asking, Journal, Named, RUN_SCHEMA, RunFile};
use crate::length::parse_tokens;
use crate::number::grouped;
use crate::plan::{Depths, Grid, Plan, Task, WordingChoice};
use crate::price::Price;
use crate::prompt::{Assembler, FORMAT, QuestionAt};
use crate::run::{Caps, Ended, Runner, Settings, now_ms};
use crate::seed::Secret;
use crate::summary::Summary;
use crate::task::niah::ValueType;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Reasoning models think in tokens that nobody sees.
const REASONING_TOKENS: u64 = 4096;
/// Where no window is declared, a sweep goes up to here.
const MODEST_TOKENS: u64 = 32_768;
/// Kept free in a window beside the output budget: templates and counts differ by a few tokens.
const WINDOW_MARGIN_TOKENS: u64 = 16;
/// Requests above this length are asked one at a time.
const LARGE_TOKENS: u64 = 128_000;
/// More void trials than this share leave a run undecided.
const MOST_VOID: f64 = 0.2;

/// Runs a sweep.
pub async fn run(arguments: Sweep) -> Result<Exit> {
    let began_ms = now_ms();
    check(&arguments)?;
    let earlier = match &arguments.out {
        Some(folder) => RunFile::read(folder)?,
        None => None,
    };
    let local = local_folder(&arguments, began_ms)?;
    let mut connected = connect::target(&arguments, local.as_deref()).await?;
    let named = match &arguments.tokenizer {
        Some(named) => Some(Tokenizer::resolve(named)?),
        None => connected.tokenizer.clone(),
    };
    let served = connected.endpoint.served().clone();
    let server_counts = named.is_none() && served.tokenize;
    let tokenizer = match &named {
        Some(tokenizer) => tokenizer.clone(),
        None => Tokenizer::bundled("o200k")?,
    };
    connected.tokenizer = named;
    let exact = connected.tokenizer.is_some();
    if connected.overhead_tokens.is_none() && !arguments.dry_run && (exact || server_counts) {
        connected.overhead_tokens = match &earlier {
            Some(earlier) => earlier.overhead_tokens,
            None => connect::probe(connected.endpoint.as_ref(), &tokenizer, &arguments).await?,
        };
    }
    if !arguments.quiet {
        connect::describe(&connected, server_counts);
    }

    let corpus = Corpus::open(&arguments.corpus)?;
    let asking = asking(&arguments)?;
    let grid = grid(&arguments, &served, asking.max_output_tokens)?;
    let secret = match (&arguments.secret, &earlier) {
        (Some(hex), _) => Secret::from_hex(hex)?,
        (None, Some(earlier)) => Secret::from_hex(&earlier.secret)?,
        (None, None) => Secret::fresh()?,
    };
    let key = secret.key(&arguments.salt);
    let plan = Plan::new(grid.clone(), &key);
    let price = price(&arguments, &served, connected.free)?;
    let caps = caps(&arguments)?;
    let estimate = Estimate::of(&plan, asking.max_output_tokens, price);
    if arguments.dry_run {
        estimate.print(&plan, connected.free);
        return Ok(Exit::Done);
    }
    estimate.consent(&arguments, &caps, connected.free)?;

    let run = RunFile {
        schema: RUN_SCHEMA,
        depthfinder: env!("CARGO_PKG_VERSION").to_string(),
        prompt_format: FORMAT,
        began_ms,
        target: arguments.target.clone(),
        advertised_tokens: advertised(&arguments, &served)?,
        served,
        grid,
        secret: secret.to_hex(),
        salt: arguments.salt.clone(),
        corpus: Named {
            name: corpus.name.clone(),
            digest: corpus.digest(),
        },
        tokenizer: Named {
            name: tokenizer_name(&arguments, &tokenizer),
            digest: tokenizer.digest().to_string(),
        },
        exact,
        server_counts,
        overhead_tokens: connected.overhead_tokens,
        asking: asking.clone(),
    };
    let folder = match arguments.out.clone().or(local) {
        Some(folder) => folder,
        None => folder::default_name(
            began_ms,
            &run.served.model,
            run.grid.tasks.first().map_or("sweep", |task| task.name()),
        ),
    };
    folder::prepare(&folder, &run)?;
    let (journal, before) = Journal::open(&folder)?;
    note(&arguments, before.repaired.as_deref());
    if before.open_intents > 0 {
        note(
            &arguments,
            Some(&format!(
                "{} questions were sent and not answered before: they are asked again and may be paid twice",
                before.open_intents
            )),
        );
    }

    note(
        &arguments,
        Some(&format!("run folder {}", folder.display())),
    );
    let ground = {
        let (plan, key, tokenizer) = (plan.clone(), key.clone(), tokenizer.clone());
        tokio::task::spawn_blocking(move || Ground::lay(corpus, &tokenizer, &plan, &key)).await??
    };
    let assembler = Assembler::new(&ground.corpus, &ground.index, &tokenizer);
    let runner = Runner {
        endpoint: connected.endpoint.as_ref(),
        plan: &plan,
        facts: &ground.facts,
        assembler: &assembler,
        index: &ground.index,
        key: &key,
        settings: Settings {
            max_output_tokens: asking.max_output_tokens,
            temperature: asking.temperature,
            reasoning: asking.reasoning.clone(),
            system: asking.system.clone(),
            concurrency: concurrency(&arguments, &plan, connected.one_at_a_time),
            max_inflight_tokens: parse_tokens(&arguments.max_inflight_tokens)?,
            retries: arguments.retries,
            overhead_tokens: connected.overhead_tokens,
            exact,
            server_counts,
            caps,
            price,
        },
        journal: &journal,
        corpus: &ground.corpus,
    };
    let (stop, stopped) = watch::channel(false);
    let listener = tokio::spawn(async move {
        setup::interrupted().await;
        let _ = stop.send(true);
        // Held until the run has ended: a dropped sender would mean that nobody can stop it.
        std::future::pending::<()>().await;
    });
    let mut progress = Progressing::new(arguments.quiet, price);
    let ended = runner.run(&before, &mut progress, stopped).await;
    progress.finish();
    listener.abort();
    let adapted = connected.endpoint.adaptations();
    for adaptation in &adapted {
        note(&arguments, Some(adaptation));
    }
    let ended = ended?;
    drop(journal);
    let loaded = Journal::read(&folder)?;
    let summary = folder::write_results(&folder, &run, &plan, &loaded, &ground.corpus, price)?;
    conclude(&arguments, &folder, &summary, ended)
}

/// The run folder of a local model, made before its server is started because the server's log
/// belongs there.
fn local_folder(arguments: &Sweep, began_ms: u64) -> Result<Option<PathBuf>> {
    let Some(model) = arguments.target.strip_prefix("local:") else {
        return Ok(None);
    };
    if arguments.dry_run {
        return Ok(None);
    }
    let folder = arguments.out.clone().unwrap_or_else(|| {
        let stem = Path::new(model).file_stem().unwrap_or(model.as_ref());
        let task = arguments.task.first().map_or("sweep", String::as_str);
        folder::default_name(began_ms, &stem.to_string_lossy(), task)
    });
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the run folder {}", folder.display()))?;
    Ok(Some(folder))
}

fn conclude(arguments: &Sweep, folder: &Path, summary: &Summary, ended: Ended) -> Result<Exit> {
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(summary)?);
    } else if !arguments.quiet {
        print_summary(summary, folder);
    }
    let again = format!(
        "run the same command with --out {} to go on",
        folder.display()
    );
    let kept = format!(
        "{} of {} trials are kept",
        summary.totals.scored + summary.totals.void,
        summary.totals.planned
    );
    match ended {
        Ended::Complete => {}
        Ended::Interrupted => {
            screen::note(&format!("interrupted: {kept}; {again}"));
            return Ok(Exit::Interrupted);
        }
        Ended::Capped(cap) => {
            screen::note(&format!(
                "stopped by {cap}: {kept}; {again} with a higher cap"
            ));
            return Ok(Exit::Undecided);
        }
        Ended::Fatal(failure) => bail!("{failure}; {kept}; mend it and {again}"),
    }
    let settled = (summary.totals.scored + summary.totals.void).max(1);
    if summary.totals.void as f64 > MOST_VOID * settled as f64 {
        screen::note(&format!(
            "{} of {settled} trials are void, more than {:.0} %: see the reasons in {}",
            summary.totals.void,
            100.0 * MOST_VOID,
            folder.join("report.md").display()
        ));
        return Ok(Exit::Undecided);
    }
    Ok(Exit::Done)
}

/// Prints the curve and where the pictures are.
pub fn print_summary(summary: &Summary, folder: &Path) {
    for task in &summary.tasks {
        screen::out(&format!("{} on {}", task.task, summary.model));
        for point in &task.curve {
            let accuracy = match (point.accuracy, point.interval) {
                (Some(accuracy), Some(interval)) => format!(
                    "{:>5.1} %  ({}/{}, 95 % interval {:.1}–{:.1} %)",
                    100.0 * accuracy,
                    point.right,
                    point.n,
                    100.0 * interval.low,
                    100.0 * interval.high
                ),
                _ => "not scored".to_string(),
            };
            let void = if point.void > 0 {
                format!("  {} void", point.void)
            } else {
                String::new()
            };
            screen::out(&format!(
                "{:>12} tokens  {accuracy}{void}",
                grouped(point.length_tokens)
            ));
        }
    }
    for warning in &summary.warnings {
        screen::out(&format!("note: {warning}"));
    }
    screen::out(&format!("charts and report: {}", folder.display()));
}

fn note(arguments: &Sweep, line: Option<&str>) {
    if let Some(line) = line.filter(|_| !arguments.quiet) {
        screen::note(line);
    }
}

/// What can be refused before anything is connected, fetched or started.
fn check(arguments: &Sweep) -> Result<()> {
    for task in &arguments.task {
        Task::named(task)?;
    }
    Depths::parse(&arguments.depths)?;
    temperature(arguments)?;
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
    if let Some(price) = &arguments.price {
        Price::parse(price)?;
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

fn asking(arguments: &Sweep) -> Result<Asking> {
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
    })
}

fn caps(arguments: &Sweep) -> Result<Caps> {
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

fn grid(arguments: &Sweep, served: &Served, max_output_tokens: u64) -> Result<Grid> {
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

fn price(arguments: &Sweep, served: &Served, free: bool) -> Result<Option<Price>> {
    if let Some(written) = &arguments.price {
        return Price::parse(written).map(Some);
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

fn advertised(arguments: &Sweep, served: &Served) -> Result<Option<u64>> {
    match &arguments.advertised {
        Some(written) => parse_tokens(written).map(Some).context("bad --advertised"),
        None => Ok(served.trained_window_tokens.or(served.window_tokens)),
    }
}

fn concurrency(arguments: &Sweep, plan: &Plan, one_at_a_time: bool) -> usize {
    let large = plan
        .grid
        .lengths_tokens
        .last()
        .is_some_and(|longest| *longest > LARGE_TOKENS);
    arguments
        .concurrency
        .unwrap_or(if one_at_a_time || large { 1 } else { 4 })
}

/// The name by which `show` can find the tokenizer again.
fn tokenizer_name(arguments: &Sweep, tokenizer: &Arc<Tokenizer>) -> String {
    match &arguments.tokenizer {
        Some(typed) if Path::new(typed).exists() => PathBuf::from(typed)
            .canonicalize()
            .map_or_else(|_| typed.clone(), |path| path.display().to_string()),
        _ => tokenizer.name().to_string(),
    }
}

#[cfg(test)]
mod tests;
