//! `verify`: a claimed window gets a verdict whose error rate is known.

mod announcement;
mod registration;

use super::arguments::Verify;
use super::consent::Estimate;
use super::folder::{self, Ground};
use super::inquiry::{self, Opened, keep_adaptations, note, tell_of_earlier};
use super::progress::Progressing;
use super::{Exit, connect, screen, setup};
use crate::ground::Assemblers;
use crate::journal::{ControlKind, Journal};
use crate::plan::Plan;
use crate::run::{Controls, Ended, Runner, Spending};
use crate::study::Headline;
use crate::summary::Summary;
use anyhow::{Result, bail};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// What run folders are called after.
const NAME: &str = "verify";

/// Runs a verification.
pub async fn run(arguments: Verify) -> Result<Exit> {
    let arguments = registration::with_tasks(arguments)?;
    setup::interruptible(async |stopped, begun| verify(&arguments, stopped, begun).await).await
}

async fn verify(
    arguments: &Verify,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    registration::check(arguments)?;
    let tau = arguments.tau_relative.unwrap_or(arguments.tau);
    let (mut opened, corpus) = Opened::open(arguments, tau, NAME).await?;
    let asking = opened.asking.clone();
    let (mut registered, planned) = registration::register(arguments, &opened)?;
    let fingerprints = opened.fingerprint_cost(arguments);
    let estimate = Estimate::of_study(&registered, asking.max_output_tokens, opened.price)
        .with_fingerprints(fingerprints);
    if arguments.dry_run {
        announcement::told(&registered, &planned.tasks, &opened, &mut screen::out)?;
        estimate.print_fingerprints();
        return Ok(Exit::Done);
    }
    let caps = &opened.caps;
    let is_capped = caps.tokens.is_some() || caps.trials.is_some() || caps.cost_usd.is_some();
    if registered.most_tokens().is_none() && !(opened.free || arguments.yes || is_capped) {
        bail!(
            "an open study has no last question: add a cap such as --max-tokens or --max-cost, or --yes"
        );
    }
    estimate.consent(arguments, caps, opened.free)?;
    opened
        .make_ready(arguments, registered.claim.tokens)
        .await?;
    // How well the server's counts are known has been learnt just now.
    let grid;
    (registered, grid) = registration::register(arguments, &opened)?;
    let longest = registered.claim.tokens;
    let run = opened.run_file(
        arguments,
        grid.clone(),
        Some(longest),
        Some(registered.clone()),
    );
    let folder = opened.folder(arguments, NAME);
    folder::check(&folder, &run)?;
    let (key, tokenizer) = (opened.key.clone(), opened.tokenizer.clone());
    let plan = Plan {
        grid,
        groups: Vec::new(),
    };
    let ground = {
        let (plan, key, tokenizer) = (plan.clone(), key.clone(), tokenizer.clone());
        let (basis, registered) = (run.basis(), registered.clone());
        tokio::task::spawn_blocking(move || {
            let ground = Ground::lay(
                folder::corpora(corpus, &plan.grid)?,
                &tokenizer,
                &plan,
                &key,
            )?;
            ground.rehearse_study(&plan.grid, &registered, &key, &basis)?;
            anyhow::Ok(ground)
        })
        .await??
    };
    if !arguments.quiet {
        announcement::told(&registered, &planned.tasks, &opened, &mut screen::note)?;
    }
    begun.store(true, Ordering::Release);
    let (journal, before, mut run) = folder::enter(&folder, run)?;
    tell_of_earlier(arguments, &folder, &before);
    note(
        arguments,
        run.plan_hash
            .as_ref()
            .map(|hash| format!("plan registered: {hash}"))
            .as_deref(),
    );
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
    let routes: Vec<_> = (0..4)
        .map(|nth| controls.route(ControlKind::Calibration, nth))
        .collect();
    let mut ahead = stopped.clone();
    let learning = inquiry::learn(
        arguments,
        &mut run,
        &mut controls,
        &routes,
        &before,
        &folder,
        false,
    );
    let ended_early = tokio::select! {
        learnt = learning => learnt?,
        _ = ahead.wait_for(|stop| *stop) => Some(Ended::Interrupted),
    };
    let ended = match ended_early {
        Some(ended) => Ok(ended),
        None => {
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
            let following = runner.follow(&registered, &before, &mut progress, stopped);
            let ended = following.await;
            progress.finish();
            ended
        }
    };
    keep_adaptations(arguments, connected, &mut run, &folder)?;
    let ended = ended?;
    drop(journal);
    let loaded = Journal::read(&folder)?;
    let summary = folder::write_study(&folder, &run, &key, &loaded, &ground.grounds.corpora)?;
    conclude(arguments, &folder, &summary, ended)
}

fn conclude(arguments: &Verify, folder: &Path, summary: &Summary, ended: Ended) -> Result<Exit> {
    let all = summary.verifications();
    let together = summary.verdicts.as_ref().map(|verdicts| verdicts.headline);
    let alone = all.first().map(|(_, one)| one.verdict.headline);
    let Some(headline) = together.or(alone) else {
        bail!("{} holds no verification", folder.display());
    };
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(summary)?);
    } else if !arguments.quiet {
        print_verification(summary, folder);
    }
    let again = format!(
        "run the same command with --out {} to go on",
        folder.display()
    );
    let questions: u64 = all.iter().map(|(_, one)| one.questions).sum();
    let kept = format!("{questions} questions are kept");
    match ended {
        Ended::Complete => {}
        Ended::Interrupted => {
            screen::note(&format!("interrupted: {kept}; {again}"));
            return Ok(Exit::Interrupted);
        }
        // What is decided stays so, whatever the controls or the search were still to ask.
        Ended::Capped(cap) => {
            screen::note(&format!(
                "stopped by {cap}: {kept}; {again} with a higher cap"
            ));
        }
        Ended::Fatal(failure) if headline == Headline::Undecided => {
            bail!("{failure}; {kept}; mend it and {again}")
        }
        Ended::Fatal(failure) => screen::note(&format!(
            "{failure}: the verdict stands, and what was to follow it was not asked; {again}"
        )),
    }
    Ok(match headline {
        Headline::Verified => Exit::Done,
        Headline::Refuted | Headline::NotServed => Exit::Refuted,
        Headline::VerifiedExcept | Headline::Undecided => Exit::Undecided,
    })
}

/// Prints the verdict, its numbers, and where the pictures are.
pub fn print_verification(summary: &Summary, folder: &Path) {
    if let Some(verification) = &summary.verification {
        screen::out(&verification.sentence);
        screen::out("");
        screen::out(&verification.paragraph);
    }
    if let Some(verdicts) = &summary.verdicts {
        screen::out(&verdicts.sentence);
        screen::out("");
        for kind in &verdicts.kinds {
            screen::out(&kind.verification.sentence);
        }
        screen::out("");
        screen::out(&verdicts.paragraph);
    }
    for warning in &summary.warnings {
        screen::out(&format!("note: {warning}"));
    }
    screen::out(&format!("charts and report: {}", folder.display()));
}
