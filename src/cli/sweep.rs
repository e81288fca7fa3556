//! `sweep`: the main job, from a target to charts.

mod options;
mod params;

pub use options::temperature;
pub use params::params;

use super::arguments::Sweep;
use super::connect::Template;
use super::consent::Estimate;
use super::folder::{self, Ground};
use super::progress::Progressing;
use super::{Exit, connect, screen, setup};
use crate::corpus::Corpus;
use crate::journal::{Journal, Loaded, Named, RUN_SCHEMA, RunFile};
use crate::length::parse_tokens;
use crate::number::grouped;
use crate::plan::Plan;
use crate::prompt::{Assembler, FORMAT};
use crate::reconcile::Basis;
use crate::run::{
    Controls, Ended, Runner, Settings, Spending, calibrate, find_window, fit_before, now_ms,
};
use crate::seed::Secret;
use crate::summary::Summary;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Runs a sweep.
pub async fn run(arguments: Sweep) -> Result<Exit> {
    let (stop, stopped) = watch::channel(false);
    let listener = tokio::spawn(async move {
        setup::interrupted().await;
        let _ = stop.send(true);
        // Held until the run has ended: a dropped sender would mean that nobody can stop it.
        std::future::pending::<()>().await;
    });
    let begun = AtomicBool::new(false);
    let mut early = stopped.clone();
    let ended = tokio::select! {
        ended = sweep(arguments, stopped, &begun) => ended,
        () = async {
            let _ = early.wait_for(|stop| *stop).await;
            // A run that has begun ends by itself, with everything kept.
            if begun.load(Ordering::Acquire) {
                std::future::pending::<()>().await;
            }
        } => {
            screen::note("interrupted before the first trial: nothing was asked of the run, and nothing is lost");
            Ok(Exit::Interrupted)
        }
    };
    listener.abort();
    ended
}

async fn sweep(
    arguments: Sweep,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    let began_ms = now_ms();
    options::check(&arguments)?;
    let earlier = match &arguments.out {
        Some(folder) => RunFile::read(folder)?,
        None => None,
    };
    let corpus = Corpus::open(&arguments.corpus)?;
    let typed = arguments.tokenizer.as_deref();
    let typed = typed.map(Tokenizer::resolve).transpose()?;
    let local = local_folder(&arguments, began_ms)?;
    let connecting = connect::target(&arguments, local.as_deref()).await;
    let mut connected = connecting.inspect_err(|_| {
        if let Some(folder) = &local {
            // Only where it is empty: a log in it may say why.
            let _ = std::fs::remove_dir(folder);
        }
    })?;
    let named = typed.or_else(|| connected.tokenizer.clone());
    let served = connected.endpoint.served().clone();
    let server_counts = named.is_none() && served.tokenize;
    let tokenizer = match &named {
        Some(tokenizer) => tokenizer.clone(),
        None => Tokenizer::bundled("o200k")?,
    };
    connected.tokenizer = named;
    // A relay on this machine costs what its user says.
    let free = connected.free && arguments.price.is_none();
    let exact = connected.tokenizer.is_some();
    let asking = options::asking(&arguments)?;
    let grid = options::grid(&arguments, &served, asking.max_output_tokens)?;
    let secret = match (&arguments.secret, &earlier) {
        (Some(hex), _) => Secret::from_hex(hex)?,
        (None, Some(earlier)) => Secret::from_hex(&earlier.secret)?,
        (None, None) => Secret::fresh()?,
    };
    let key = secret.key(&arguments.salt);
    let plan = Plan::new(grid.clone(), &key);
    let price = options::price(&arguments, &served, free, earlier.as_ref())?;
    let caps = options::caps(&arguments)?;
    let estimate = Estimate::of(&plan, asking.max_output_tokens, price);
    if !arguments.dry_run {
        estimate.consent(&arguments, &caps, free)?;
    }
    let longest = plan.grid.lengths_tokens.last().copied().unwrap_or(0);
    if !arguments.dry_run {
        let ready = connected
            .endpoint
            .make_ready(longest, asking.max_output_tokens);
        ready.await?;
    }
    let mut server_counts = server_counts;
    let mut exact = exact;
    if let Some(earlier) = &earlier {
        (exact, server_counts) = (earlier.exact, earlier.server_counts);
        connected.overhead_tokens = earlier.overhead_tokens;
    } else if connected.overhead_tokens.is_none() && !arguments.dry_run && (exact || server_counts)
    {
        let endpoint = connected.endpoint.as_ref();
        match connect::probe(endpoint, &tokenizer, &arguments, server_counts).await? {
            Template::Adds(tokens) => connected.overhead_tokens = Some(tokens),
            Template::Untold => {}
            Template::Differs(words) => {
                note(
                    &arguments,
                    Some(&format!("{words}; lengths are fitted instead")),
                );
                (exact, server_counts) = (false, false);
            }
        }
    }
    if arguments.dry_run {
        estimate.print(&plan, free);
        if !exact && !server_counts && arguments.calibrate == "auto" {
            screen::out(&format!(
                "before them: four prompts, about {} tokens together, to learn how the server counts",
                grouped(longest.clamp(1_000, 16_000) * 5 / 2)
            ));
        }
        if arguments.find_window {
            screen::out(
                "before them: a few prompts as long as the window, to find the one that is served",
            );
        }
        return Ok(Exit::Done);
    }

    let run = RunFile {
        schema: RUN_SCHEMA,
        depthfinder: env!("CARGO_PKG_VERSION").to_string(),
        prompt_format: FORMAT,
        began_ms,
        target: arguments.target.clone(),
        advertised_tokens: options::advertised(&arguments, &served)?,
        served,
        grid,
        secret: secret.to_hex(),
        salt: arguments.salt.clone(),
        corpus: Named {
            name: options::corpus_name(&corpus),
            digest: corpus.digest(),
        },
        tokenizer: Named {
            name: options::tokenizer_name(&arguments, &tokenizer),
            digest: tokenizer.digest().to_string(),
        },
        exact,
        server_counts,
        overhead_tokens: connected.overhead_tokens,
        fit: earlier.as_ref().and_then(|earlier| earlier.fit.clone()),
        found_window: earlier
            .as_ref()
            .and_then(|earlier| earlier.found_window.clone()),
        adaptations: Vec::new(),
        asking: asking.clone(),
        price,
    };
    let folder = match arguments.out.clone().or(local) {
        Some(folder) => folder,
        None => folder::default_name(
            began_ms,
            &run.served.model,
            run.grid.tasks.first().map_or("sweep", |task| task.name()),
        ),
    };
    folder::check(&folder, &run)?;
    let ground = {
        let (plan, key, tokenizer) = (plan.clone(), key.clone(), tokenizer.clone());
        let basis = run.basis();
        tokio::task::spawn_blocking(move || {
            let ground = Ground::lay(corpus, &tokenizer, &plan, &key)?;
            ground.rehearse(&tokenizer, &plan, &key, &basis)?;
            anyhow::Ok(ground)
        })
        .await??
    };
    begun.store(true, Ordering::Release);
    let (journal, before, mut run) = folder::enter(&folder, run)?;
    tell_of_earlier(&arguments, &folder, &before);
    let assembler = Assembler::new(&ground.corpus, &ground.index, &tokenizer);
    let mut controls = Controls::new(
        connected.endpoint.as_ref(),
        &assembler,
        &ground.index,
        &key,
        &journal,
        run.basis(),
        arguments.retries,
        Spending::new(caps, price, &before),
        &before.controls,
    );
    controls.system = asking.system.clone();
    controls.temperature = asking.temperature;
    controls.reasoning = asking.reasoning.clone();
    controls.reasoning_tokens = asking.max_output_tokens - arguments.max_output;
    let mut ahead = stopped.clone();
    let ended_early = tokio::select! {
        prepared = prepare(&arguments, &mut run, &mut controls, &plan, &before, &folder) => prepared?,
        _ = ahead.wait_for(|stop| *stop) => Some(Ended::Interrupted),
    };
    if let Some(ended) = ended_early {
        let loaded = Journal::read(&folder)?;
        let summary = folder::write_results(&folder, &run, &plan, &loaded, &ground.corpus)?;
        return conclude(&arguments, &folder, &summary, ended);
    }
    if !arguments.quiet {
        connect::describe(&connected, &run.basis(), longest);
    }
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
            concurrency: options::concurrency(&arguments, &plan, connected.one_at_a_time),
            max_inflight_tokens: parse_tokens(&arguments.max_inflight_tokens)?,
            retries: arguments.retries,
            basis: run.basis(),
            canaries: options::canaries(&arguments),
        },
        journal: &journal,
        corpus: &ground.corpus,
        controls: &controls,
    };
    let mut progress = Progressing::new(arguments.quiet, price);
    let ended = runner.run(&before, &mut progress, stopped).await;
    progress.finish();
    let adapted = connected.endpoint.adaptations();
    for adaptation in &adapted {
        note(&arguments, Some(adaptation));
    }
    if adapted != run.adaptations && !adapted.is_empty() {
        run.adaptations = adapted;
        run.write(&folder)?;
    }
    let ended = ended?;
    drop(journal);
    let loaded = Journal::read(&folder)?;
    let summary = folder::write_results(&folder, &run, &plan, &loaded, &ground.corpus)?;
    conclude(&arguments, &folder, &summary, ended)
}

/// What must be known before the first trial: how the server counts, and which window it serves.
/// What was learnt is written to `run.json` at once. Returns how the run ended, where it did.
async fn prepare(
    arguments: &Sweep,
    run: &mut RunFile,
    controls: &mut Controls<'_>,
    plan: &Plan,
    before: &Loaded,
    folder: &Path,
) -> Result<Option<Ended>> {
    let longest = plan.grid.lengths_tokens.last().copied().unwrap_or(0);
    if matches!(run.basis(), Basis::Unknown) && arguments.calibrate == "auto" {
        run.fit = match fit_before(&before.controls) {
            Some(fit) => Some(fit),
            None => {
                note(
                    arguments,
                    Some("learning how the server counts tokens, from four prompts"),
                );
                let routes: Vec<_> = plan
                    .groups
                    .iter()
                    .filter(|group| group.trials[0].set == 0)
                    .take(4)
                    .map(|group| group.route(controls.index, controls.key))
                    .collect();
                match calibrate(controls, &routes, longest).await? {
                    Ok(fit) => fit,
                    Err(failure) => return Ok(Some(Ended::Fatal(failure))),
                }
            }
        };
        if run.fit.is_some() {
            run.write(folder)?;
        }
        controls.basis = run.basis();
    }
    if arguments.find_window && run.found_window.is_none() {
        note(arguments, Some("searching for the window that is served"));
        let declared = run.served.window_tokens.or(run.advertised_tokens);
        let ceiling = declared.map_or(longest.max(65_536), |declared| declared + declared / 4);
        let found = find_window(controls, declared, ceiling).await?;
        note(arguments, Some(&crate::report::window(&found)));
        run.found_window = Some(found);
        run.write(folder)?;
    }
    Ok(None)
}

/// Says what an earlier session left behind.
fn tell_of_earlier(arguments: &Sweep, folder: &Path, before: &Loaded) {
    note(arguments, before.repaired.as_deref());
    let lost = match before.unanswered {
        0 => None,
        1 => Some("one question was sent and not answered before: it is asked again and may be paid twice".to_string()),
        several => Some(format!(
            "{several} questions were sent and not answered before: they are asked again and may be paid twice"
        )),
    };
    note(arguments, lost.as_deref());
    note(arguments, Some(&format!("run folder {}", folder.display())));
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
    if summary.totals.void as f64 > arguments.max_void * settled as f64 {
        screen::note(&format!(
            "{} of {settled} trials are void, more than {:.0} %: see the reasons in {}",
            summary.totals.void,
            100.0 * arguments.max_void,
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
