//! `compare`: the same prompts to two or more sides, and whether one is worse.

use super::arguments::Compare;
use super::folder::{self, Kept};
use super::sides::{self, Earlier, Prepared, ReadBack, Shared, Step};
use super::sweep::options;
use super::{Exit, ending, screen, setup};
use crate::comparison::{Comparison, Finding};
use crate::corpus::Corpus;
use crate::journal::{Asking, RunFile};
use crate::number::counted;
use crate::plan::Plan;
use crate::run::{Ended, shuffled};
use crate::seed::RunKey;
use crate::summary::{Summary, summarize};
use crate::{chart, report};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// Runs a comparison.
pub async fn run(arguments: Compare) -> Result<Exit> {
    setup::interruptible(async |stopped, begun| compare(&arguments, stopped, begun).await).await
}

async fn compare(
    arguments: &Compare,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    options::check(arguments)?;
    ensure!(
        !arguments.find_window,
        "--find-window is an option of `sweep`: compare asks no searches"
    );
    ensure!(
        arguments.others.len() <= 25,
        "at most 25 targets are compared with the base"
    );
    let base = Path::new(&arguments.target);
    let is_kept = base.join("run.json").is_file();
    let folder = folder_of(arguments)?;
    let (mut prepared, earlier, plan, key) = match is_kept {
        true => of_kept(arguments, base, &folder).await?,
        false => of_live(arguments, &folder).await?,
    };
    announce(arguments, &plan, &prepared)?;
    if arguments.dry_run {
        return Ok(Exit::Done);
    }
    let estimates = prepared.iter().map(|side| (side, side.estimate(&plan)));
    sides::consent(&estimates.collect::<Vec<_>>())?;
    if !arguments.quiet {
        screen::note(&format!("comparison folder {}", folder.display()));
    }
    let mut groups = Some(shuffled(&plan, &key));
    let shared = Shared {
        plan: &plan,
        key: &key,
        earlier: earlier.as_ref(),
    };
    let ended = sides::ask(
        &mut prepared,
        &shared,
        arguments.quiet,
        |_| Ok(Step::of(groups.take().unwrap_or_default())),
        stopped,
        begun,
    )
    .await?;
    let mut folders: Vec<PathBuf> = prepared.iter().map(|side| side.folder.clone()).collect();
    if earlier.is_some() {
        folders.insert(0, absolute(base));
    }
    drop(prepared);
    let comparison = write(&folder, &folders)?;
    conclude(arguments, &folder, &comparison, ended)
}

type Opening = (Vec<Prepared>, Option<Earlier>, Plan, RunKey);

/// All sides are asked; the base's own tokenizer sizes the prompts.
async fn of_live(arguments: &Compare, folder: &Path) -> Result<Opening> {
    let mut inquiry = arguments.inquiry.clone();
    let base_folder = folder.join(sides::letter(0));
    if let Some(earlier) = RunFile::read(&base_folder)? {
        inquiry.secret.get_or_insert(earlier.secret);
    }
    inquiry.out = Some(base_folder.clone());
    let base = Prepared::open(sides::letter(0), inquiry, arguments.threshold, base_folder).await?;
    let grid = options::grid(
        arguments,
        &base.opened.served,
        base.opened.asking.max_output_tokens,
    )?;
    let key = base.opened.key.clone();
    let secret = base.opened.secret.to_hex();
    let plan = Plan::new(grid, &key);
    let mut prepared = vec![base];
    let template = prepared[0].inquiry.clone();
    for (place, target) in arguments.others.iter().enumerate() {
        let name = sides::letter(place + 1);
        let folder = folder.join(&name);
        let inquiry = sides::other(
            &template,
            target,
            &arguments.other,
            folder.clone(),
            secret.clone(),
        );
        prepared.push(Prepared::open(name, inquiry, arguments.threshold, folder).await?);
    }
    Ok((prepared, None, plan, key))
}

/// The base was asked before: its prompts are rebuilt, and the others are asked.
async fn of_kept(arguments: &Compare, base: &Path, folder: &Path) -> Result<Opening> {
    let (earlier, run, plan, key) = Earlier::of(base)?;
    let fixed = [
        (arguments.lengths.is_some(), "--lengths"),
        (arguments.steps.is_some(), "--steps"),
        (arguments.suite.is_some(), "--suite"),
        (arguments.task != ["niah_multikey"], "--task"),
        (!arguments.difficulty.is_empty(), "--difficulty"),
        (arguments.secret.is_some(), "--secret"),
        (arguments.system.is_some(), "--system"),
        (arguments.reasoning.is_some(), "--reasoning"),
        (arguments.temperature != "0", "--temperature"),
        (
            !arguments.param.is_empty(),
            "--param (--other-param is for the other side)",
        ),
    ];
    if let Some((_, name)) = fixed.iter().find(|(is_typed, _)| *is_typed) {
        bail!(
            "{} fixes what is asked and how: leave {name} out",
            base.display()
        );
    }
    if let Some(typed) = &arguments.corpus {
        ensure!(
            Corpus::open(typed)?.digest() == run.corpus.digest,
            "{} was asked on another text than {typed}: leave --corpus out",
            base.display()
        );
    }
    let template = sides::as_before(&arguments.inquiry, &run.salt, &run.corpus, &run.asking);
    let mut prepared = Vec::new();
    for (place, target) in arguments.others.iter().enumerate() {
        let name = sides::letter(place + 1);
        let folder = folder.join(&name);
        let secret = run.secret.clone();
        let inquiry = sides::other(&template, target, &arguments.other, folder.clone(), secret);
        let mut side = Prepared::open(name, inquiry, run.asking.threshold, folder).await?;
        // Its own request fields are what is sent to it.
        let params = side.opened.asking.params.clone();
        side.opened.asking = Asking {
            params,
            ..run.asking.clone()
        };
        prepared.push(side);
    }
    Ok((prepared, Some(earlier), plan, key))
}

/// The folder of the comparison, refused where it holds something else.
fn folder_of(arguments: &Compare) -> Result<PathBuf> {
    let Some(out) = &arguments.out else {
        let began_ms = crate::run::now_ms();
        let model = arguments.target.replace(['/', ':', '#'], "-");
        return Ok(folder::default_name(began_ms, &model, "compare"));
    };
    ensure!(
        !out.join("run.json").exists(),
        "{} is a run folder: choose another --out for the comparison",
        out.display()
    );
    Ok(out.clone())
}

fn absolute(folder: &Path) -> PathBuf {
    folder
        .canonicalize()
        .unwrap_or_else(|_| folder.to_path_buf())
}

/// Says what will be asked, and which difference it can find.
fn announce(arguments: &Compare, plan: &Plan, prepared: &[Prepared]) -> Result<()> {
    let pairs = plan.trials().count() as u64;
    if arguments.dry_run {
        for side in prepared {
            screen::out(&format!("side {}: {}", side.name, side.inquiry.target));
            side.estimate(plan).print(plan, side.opened.free);
        }
    }
    let mut texts: Vec<(u64, u32)> = plan
        .trials()
        .map(|trial| (trial.length_tokens, trial.sample))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    let lengths = plan.grid.lengths_tokens.len();
    let others = arguments.others.len();
    let line = report::detectable(pairs, texts.len() as u64, lengths, others);
    match arguments.dry_run {
        true => screen::out(&line),
        false if !arguments.quiet => screen::note(&line),
        false => {}
    }
    Ok(())
}

/// Reads the sides back, compares them, and writes everything that the folder holds.
pub fn write(folder: &Path, folders: &[PathBuf]) -> Result<Comparison> {
    let mut read = Vec::new();
    for folder in folders {
        let back = ReadBack::of(folder)?;
        let Kept {
            run,
            loaded,
            corpora,
            plan,
            ..
        } = &back.kept;
        let summary = summarize(run, plan, loaded, corpora, run.price);
        read.push((back, summary));
    }
    let place_of = |at: &Path| match at.strip_prefix(folder) {
        Ok(below) => below.display().to_string(),
        Err(_) => at.display().to_string(),
    };
    let base = &read.first().context("a comparison has no side")?.0;
    let first_is_kept = !folders[0].starts_with(folder);
    let summaries = read
        .iter()
        .zip(folders)
        .enumerate()
        .map(|(place, ((back, _), at))| back.summary(&sides::letter(place), &place_of(at), base))
        .collect();
    // Of a run that was asked before only what it was asked can have a pair.
    let planned = match first_is_kept {
        true => base.answers.len() as u64,
        false => base.kept.plan.trials().count() as u64,
    };
    let answers: Vec<_> = read.iter().map(|(back, _)| back.answers.clone()).collect();
    let comparison = Comparison::of(summaries, &answers, planned);
    for ((back, _), at) in read.iter().zip(folders) {
        // A run that was asked before is read and never written.
        if at.starts_with(folder) {
            let Kept {
                run,
                loaded,
                corpora,
                plan,
                ..
            } = &back.kept;
            folder::write_results(at, run, plan, loaded, corpora)?;
        }
    }
    let labels: Vec<(String, &Summary)> = read
        .iter()
        .enumerate()
        .map(|(place, (back, summary))| {
            (
                format!("{} {}", sides::letter(place), back.kept.run.target),
                summary,
            )
        })
        .collect();
    let picture = chart::sides("Several sides", &labels)?;
    let mut json =
        serde_json::to_vec_pretty(&comparison).context("cannot write comparison.json")?;
    json.push(b'\n');
    let name = folder.display().to_string();
    folder::write(folder, "comparison.json", &json)?;
    folder::write(folder, "accuracy.svg", picture.svg.as_bytes())?;
    folder::write(folder, "accuracy.png", &picture.png)?;
    folder::write(
        folder,
        "report.md",
        report::comparison_markdown(&comparison, &name).as_bytes(),
    )?;
    folder::write(
        folder,
        "report.html",
        report::comparison_html(&comparison, &name, &picture.svg).as_bytes(),
    )?;
    Ok(comparison)
}

/// The sides' folders of a comparison that was begun.
pub fn folders(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let path = folder.join("comparison.json");
    let Ok(content) = std::fs::read(&path) else {
        return Ok(None);
    };
    let comparison: Comparison = serde_json::from_slice(&content).with_context(|| {
        format!(
            "{} is damaged; the sides' folders beside it are untouched",
            path.display()
        )
    })?;
    Ok(Some(
        comparison
            .sides
            .iter()
            .map(|side| folder.join(&side.folder))
            .collect(),
    ))
}

fn conclude(
    arguments: &Compare,
    folder: &Path,
    comparison: &Comparison,
    ended: Ended,
) -> Result<Exit> {
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(comparison)?);
    } else if !arguments.quiet {
        print(comparison, folder);
    }
    let kept = comparison
        .sides
        .iter()
        .map(|side| side.n + side.voids.values().sum::<u64>());
    let kept = counted(kept.sum(), "answer");
    if let Some(exit) = ending::early(ended, &kept, folder)? {
        return Ok(exit);
    }
    Ok(match comparison.finding() {
        Finding::Worse => Exit::Refuted,
        Finding::Undecided => Exit::Undecided,
        Finding::Better | Finding::NoDifference => Exit::Done,
    })
}

/// Prints what was found, and where the rest is.
pub fn print(comparison: &Comparison, folder: &Path) {
    for side in &comparison.sides {
        let accuracy = side.accuracy.map_or("not scored".to_string(), |accuracy| {
            format!(
                "{:.1} % right ({}/{})",
                100.0 * accuracy,
                side.right,
                side.n
            )
        });
        let ratio = side.tokens_ratio.map_or(String::new(), |ratio| {
            format!(", {ratio:.3} tokens per token of a")
        });
        // Why there is no answer is half of what an undecided side is about.
        let void: String = side
            .voids
            .iter()
            .map(|(reason, count)| format!(", {count} void ({reason})"))
            .collect();
        screen::out(&format!(
            "{} {}: {accuracy}{void}{ratio}",
            side.name, side.target
        ));
    }
    for contrast in &comparison.contrasts {
        screen::out(&contrast.sentence);
    }
    screen::out(&format!("chart and report: {}", folder.display()));
}
