//! `sweep --dataset`: another's set asked, scored by its own rule, reported and shown.

mod choice;

use super::conclude;
use crate::cli::arguments::{Show, Sweep};
use crate::cli::consent::Estimate;
use crate::cli::folder::{self, write_set};
use crate::cli::inquiry::{self, Opened, keep_adaptations, tell_of_earlier};
use crate::cli::progress::Progressing;
use crate::cli::{Exit, connect, screen};
use crate::dataset::{Dataset, Kind};
use crate::journal::{Journal, Named, RunFile};
use crate::number::{grouped, interval_figures, percent};
use crate::run::{SetRunner, Spending, conversation, shown};
use crate::summary::{SetSummary, Summary};
use anyhow::{Context, Result, ensure};
use choice::Chosen;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

pub use choice::check;

/// Asks a set.
pub async fn sweep(
    arguments: &Sweep,
    path: &Path,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    let columns = choice::columns(arguments);
    let kind = arguments.set.dataset_kind.as_deref();
    let kind = kind.and_then(Kind::from_name);
    let path = path.to_owned();
    let opening = {
        let (path, columns) = (path.clone(), columns.clone());
        tokio::task::spawn_blocking(move || Dataset::open(&path, kind, &columns))
    };
    let dataset = opening.await??;
    let asked = choice::asked(arguments, &dataset)?;
    let named = Named {
        name: choice::absolute(&path),
        digest: dataset.digest().to_owned(),
    };
    is_unchanged(arguments, &named)?;
    let name = choice::folder_name(&path);
    let mut opened = Opened::on(arguments, arguments.threshold, &name, named).await?;
    let order = choice::order(&opened.key, &asked);
    let tokenizer = opened.tokenizer.clone();
    let has_system = arguments.system.is_some();
    let (dataset, order, chosen) = tokio::task::spawn_blocking(move || {
        let chosen = Chosen::read(&dataset, &order, &tokenizer, has_system)?;
        anyhow::Ok((dataset, order, chosen))
    })
    .await??;
    let reasoning_tokens = opened.asking.max_output_tokens - arguments.max_output;
    let estimate = Estimate::of_items(
        order.len() as u64,
        chosen.prompt_tokens(),
        chosen.output_tokens(&opened.asking, reasoning_tokens),
        opened.price,
    )
    .with_fingerprints(opened.fingerprint_cost(arguments));
    if arguments.dry_run {
        chosen.print(&dataset, &asked);
        estimate.print_price(opened.free);
        return Ok(Exit::Done);
    }
    estimate.consent(arguments, &opened.caps, opened.free)?;
    let longest = chosen.longest_tokens();
    opened.make_ready(arguments, longest).await?;
    let advertised = super::options::advertised(arguments, &opened.served)?;
    let mut run = opened.run_file(arguments, choice::grid(), advertised, None);
    run.dataset = Some(asked);
    let folder = opened.folder(arguments, &name);
    folder::check(&folder, &run)?;
    begun.store(true, Ordering::Release);
    let (journal, before, mut run) = folder::enter(&folder, run)?;
    tell_of_earlier(arguments, &folder, &before);
    let connected = &opened.connected;
    if !arguments.quiet {
        connect::describe(connected, &run.basis(), longest);
    }
    let spending = Spending::new(opened.caps, opened.price, &before);
    let settings = inquiry::options::settings(
        arguments,
        &opened.asking,
        run.basis(),
        longest,
        connected.one_at_a_time,
    )?;
    let fingerprints = opened.fingerprints(arguments, &journal, &before);
    let runner = SetRunner {
        endpoint: connected.endpoint.as_ref(),
        dataset: &dataset,
        order: &order,
        tokenizer: &opened.tokenizer,
        settings,
        reasoning_tokens,
        journal: &journal,
        spending: &spending,
        fingerprints: fingerprints.as_ref(),
    };
    let mut progress = Progressing::new(arguments.quiet, opened.price);
    let ended = runner.run(&before, &mut progress, stopped).await;
    progress.finish();
    keep_adaptations(arguments, connected, &mut run, &folder)?;
    let ended = ended?;
    drop(journal);
    let summary = write_set(&folder, &run, &Journal::read(&folder)?)?;
    conclude(arguments, &folder, &summary, ended)
}

/// Refuses to go on with a run whose file has changed.
fn is_unchanged(arguments: &Sweep, now: &Named) -> Result<()> {
    let Some(folder) = &arguments.out else {
        return Ok(());
    };
    let Some(earlier) = RunFile::read(folder)?.filter(|earlier| earlier.dataset.is_some()) else {
        return Ok(());
    };
    ensure!(
        earlier.corpus.digest == now.digest,
        "{} is not the file that {} was begun with: its answers are kept; put the file back, or choose another --out",
        now.name,
        folder.display()
    );
    Ok(())
}

/// Scores and draws a run of a set again, from its journal; none where the run is of another kind.
///
/// # Errors
/// Where the set's file is there and has changed: the journal would say what it no longer holds.
pub fn report(folder: &Path) -> Result<Option<Summary>> {
    let Some(run) = of_set(folder)? else {
        return Ok(None);
    };
    if Path::new(&run.corpus.name).exists() {
        ensure!(
            digest(Path::new(&run.corpus.name))? == run.corpus.digest,
            "the set {} is not what it was when {} was made: put the file back, or move it away to report on the journal alone",
            run.corpus.name,
            folder.display()
        );
    }
    let loaded = Journal::read(folder)?;
    let summary = write_set(folder, &run, &loaded)
        .with_context(|| format!("cannot report on {}", folder.display()))?;
    Ok(Some(summary))
}

/// Prints the words of an item, or its last row; none where the run is of another kind.
pub fn show(arguments: &Show) -> Result<Option<Exit>> {
    let folder = &arguments.run;
    let Some(run) = of_set(folder)? else {
        return Ok(None);
    };
    let loaded = Journal::read(folder)?;
    let row = loaded
        .items
        .iter()
        .rev()
        .find(|row| row.item == arguments.trial);
    if arguments.row {
        let row =
            row.with_context(|| format!("item {} has not been asked yet", arguments.trial))?;
        screen::out(&serde_json::to_string_pretty(row)?);
        return Ok(Some(Exit::Done));
    }
    let asked = run.dataset.as_ref().context("a set")?;
    let dataset = Dataset::open(
        Path::new(&run.corpus.name),
        Kind::from_name(&asked.kind),
        &choice::columns_of(asked),
    )?;
    ensure!(
        dataset.digest() == run.corpus.digest,
        "the set {} is not what it was when {} was made: the words of item {} are gone",
        run.corpus.name,
        folder.display(),
        arguments.trial
    );
    let place = usize::try_from(arguments.trial)?;
    ensure!(
        place < dataset.len(),
        "there is no item {place}: the set has items 0 to {}",
        dataset.len() - 1
    );
    let conversation = conversation(dataset.item(place)?.messages)?;
    if let Some(row) = row {
        ensure!(
            row.prompt.blake3 == conversation.blake3_hex(),
            "the words of item {place} are not those that were sent"
        );
    }
    screen::raw(&shown(&conversation)?);
    Ok(Some(Exit::Done))
}

/// The run of a folder, where it is one of a set.
fn of_set(folder: &Path) -> Result<Option<RunFile>> {
    Ok(RunFile::read(folder)?.filter(|run| run.dataset.is_some()))
}

/// BLAKE3 of a file.
fn digest(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let file = std::fs::File::open(path);
    file.and_then(|file| hasher.update_reader(file).map(|_| ()))
        .with_context(|| format!("cannot read the set {}", path.display()))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Prints what a set came to.
pub fn print(summary: &Summary, set: &SetSummary, folder: &Path) {
    for (task, whole) in summary.tasks.iter().zip(&set.tasks) {
        screen::out(&format!(
            "{} of {} on {}, by {}",
            task.task,
            set.file,
            summary.model,
            whole.rules.join("; or ")
        ));
        for point in &task.curve {
            let credit = match (point.credit, point.credit_interval) {
                (Some(credit), Some(interval)) => format!(
                    "mean credit {} ({} interval {} %), right {}/{}",
                    percent(credit),
                    percent(summary.confidence),
                    interval_figures(interval),
                    point.right,
                    point.n
                ),
                _ => "not scored".to_string(),
            };
            let void = match point.void {
                0 => String::new(),
                void => format!("  {void} void"),
            };
            screen::out(&format!(
                "{:>12} tokens  {credit}{void}",
                grouped(point.length_tokens)
            ));
        }
    }
    screen::out(set.lengths());
    for warning in &summary.warnings {
        screen::out(&format!("note: {warning}"));
    }
    screen::out(&format!("charts and report: {}", folder.display()));
}
