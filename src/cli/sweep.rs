//! `sweep`: the main job, from a target to charts.

pub mod dataset;
pub mod options;

use super::arguments::Sweep;
use super::consent::Estimate;
use super::folder::{self, Ground};
use super::inquiry::{self, Opened, keep_adaptations, tell_of_earlier};
use super::progress::Progressing;
use super::{Exit, connect, screen, setup};
use crate::ground::Assemblers;
use crate::journal::Journal;
use crate::number::grouped;
use crate::plan::Plan;
use crate::run::{Controls, Ended, Runner, Spending};
use crate::summary::Summary;
use anyhow::{Result, bail};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Runs a sweep.
pub async fn run(arguments: Sweep) -> Result<Exit> {
    setup::interruptible(async |stopped, begun| sweep(&arguments, stopped, begun).await).await
}

async fn sweep(
    arguments: &Sweep,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    options::check(arguments)?;
    dataset::check(arguments)?;
    if let Some(path) = &arguments.set.dataset {
        return dataset::sweep(arguments, path, stopped, begun).await;
    }
    // A suite stands for its tasks; the default of --task beside it was not typed.
    let first = arguments.task.first().map_or("sweep", String::as_str);
    let name = arguments.suite.as_deref().unwrap_or(first);
    let (mut opened, corpus) = Opened::open(arguments, arguments.threshold, name).await?;
    let asking = opened.asking.clone();
    let grid = options::grid(arguments, &opened.served, asking.max_output_tokens)?;
    let key = opened.key.clone();
    let plan = Plan::new(grid.clone(), &key);
    let estimate = Estimate::of(&plan, asking.max_output_tokens, opened.price)
        .with_fingerprints(opened.fingerprint_cost(arguments));
    let longest = plan.grid.lengths_tokens.last().copied().unwrap_or(0);
    if arguments.dry_run {
        estimate.print(&plan, opened.free);
        if !opened.exact && !opened.server_counts && arguments.calibrate == "auto" {
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
    estimate.consent(arguments, &opened.caps, opened.free)?;
    opened.make_ready(arguments, longest).await?;
    let advertised = options::advertised(arguments, &opened.served)?;
    let run = opened.run_file(arguments, grid, advertised, None);
    let folder = opened.folder(arguments, name);
    folder::check(&folder, &run)?;
    let tokenizer = opened.tokenizer.clone();
    let ground = {
        let (plan, key, tokenizer) = (plan.clone(), key.clone(), tokenizer.clone());
        let basis = run.basis();
        tokio::task::spawn_blocking(move || {
            let ground = Ground::lay(
                folder::corpora(corpus, &plan.grid)?,
                &tokenizer,
                &plan,
                &key,
            )?;
            ground.rehearse(&plan, &key, &basis)?;
            anyhow::Ok(ground)
        })
        .await??
    };
    begun.store(true, Ordering::Release);
    let (journal, before, mut run) = folder::enter(&folder, run)?;
    tell_of_earlier(arguments, &folder, &before);
    let connected = &opened.connected;
    let assemblers = Assemblers::new(&ground.grounds);
    let assembler = assemblers.main();
    let mut controls = Controls::new(
        connected.endpoint.as_ref(),
        assembler,
        &key,
        &journal,
        run.basis(),
        arguments.retries,
        Spending::new(opened.caps, opened.price, &before),
        &before.controls,
    );
    opened.settle(&mut controls, arguments);
    controls.fingerprints = opened.fingerprints(arguments, &journal, &before);
    let routes: Vec<_> = plan
        .groups
        .iter()
        .filter(|group| group.trials[0].set == 0)
        .take(4)
        .map(|group| group.route(assembler.index(), &key, plan.grid.beyond))
        .collect();
    let mut ahead = stopped.clone();
    let learning = inquiry::learn(
        arguments,
        &mut run,
        &mut controls,
        &routes,
        &before,
        &folder,
        arguments.find_window,
    );
    let ended_early = tokio::select! {
        learnt = learning => learnt?,
        _ = ahead.wait_for(|stop| *stop) => Some(Ended::Interrupted),
    };
    if let Some(ended) = ended_early {
        let loaded = Journal::read(&folder)?;
        let summary =
            folder::write_results(&folder, &run, &plan, &loaded, &ground.grounds.corpora)?;
        return conclude(arguments, &folder, &summary, ended);
    }
    if !arguments.quiet {
        connect::describe(connected, &run.basis(), longest);
    }
    let runner = Runner {
        endpoint: connected.endpoint.as_ref(),
        plan: &plan,
        facts: &ground.facts,
        assemblers: &assemblers,
        key: &key,
        settings: inquiry::options::settings(
            arguments,
            &asking,
            run.basis(),
            longest,
            connected.one_at_a_time,
        )?,
        journal: &journal,
        corpora: &ground.grounds.corpora,
        controls: &controls,
    };
    let mut progress = Progressing::new(arguments.quiet, opened.price);
    let ended = runner.run(&before, &mut progress, stopped).await;
    progress.finish();
    keep_adaptations(arguments, connected, &mut run, &folder)?;
    let ended = ended?;
    drop(journal);
    let loaded = Journal::read(&folder)?;
    let summary = folder::write_results(&folder, &run, &plan, &loaded, &ground.grounds.corpora)?;
    conclude(arguments, &folder, &summary, ended)
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
    if let Some(set) = &summary.dataset {
        return dataset::print(summary, set, folder);
    }
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
