//! `dispute`: one disputed score, and which of three explanations holds.

mod results;

use results::asked_of;
pub use results::{print, write};

use super::arguments::Dispute;
use super::consent::Estimate;
use super::folder;
use super::inquiry::options;
use super::sides::{self, Prepared, Shared, Step};
use super::{Exit, ending, screen, setup};
use crate::dispute::{
    Course, DESIGN_FILE, DISPUTE_SCHEMA, Design, Hypothesis, Part, Sitting, one_of_each_text,
};
use crate::journal::RunFile;
use crate::length::parse_tokens;
use crate::number::counted;
use crate::plan::{Depths, Grid, Plan};
use crate::report;
use crate::seed::RunKey;
use crate::task::Task;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// Lengths that are asked where none are named, in tokens.
const LENGTHS_TOKENS: [u64; 3] = [1_000, 4_000, 16_000];
/// Kept free in a window beside the output budget.
const WINDOW_MARGIN_TOKENS: u64 = 16;

/// Runs a dispute.
pub async fn run(arguments: Dispute) -> Result<Exit> {
    setup::interruptible(async |stopped, begun| dispute(&arguments, stopped, begun).await).await
}

async fn dispute(
    arguments: &Dispute,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    check(arguments)?;
    let design = design(arguments)?;
    let folder = match &arguments.out {
        Some(out) => out.clone(),
        None => {
            let model = arguments.target.replace(['/', ':', '#'], "-");
            folder::default_name(crate::run::now_ms(), &model, "dispute")
        }
    };
    if !arguments.dry_run {
        enter(&folder, &design)?;
    }
    let (mut prepared, plan, key) = open(arguments, &design, &folder).await?;
    for (place, side) in prepared.iter_mut().enumerate() {
        side.questions = Some(asked_of(&plan, place).trials().count() as u64);
    }
    let course = Course::new(&plan, &key, &design);
    announce(arguments, &design, &course, &plan, &prepared);
    if arguments.dry_run {
        return Ok(Exit::Done);
    }
    let estimates = prepared.iter().enumerate();
    let estimates = estimates.map(|(place, side)| (side, side.estimate(&asked_of(&plan, place))));
    sides::consent(&estimates.collect::<Vec<_>>())?;
    if !arguments.quiet {
        screen::note(&format!("dispute folder {}", folder.display()));
    }
    let shared = Shared {
        plan: &plan,
        key: &key,
        earlier: None,
    };
    let mut sittings = steps(&course, &design, arguments.hours).into_iter();
    let ended = sides::ask(
        &mut prepared,
        &shared,
        arguments.quiet,
        |_| Ok(sittings.next().unwrap_or_default()),
        stopped,
        begun,
    )
    .await?;
    drop(prepared);
    let disputed = write(&folder, &design)?;
    match arguments.json {
        true => screen::out(&serde_json::to_string_pretty(&disputed)?),
        false if !arguments.quiet => print(&disputed, &folder),
        false => {}
    }
    let kept = disputed
        .sides
        .iter()
        .map(|side| side.n + side.voids.values().sum::<u64>());
    if let Some(exit) = ending::early(ended, &counted(kept.sum(), "answer"), &folder)? {
        return Ok(exit);
    }
    Ok(match disputed {
        found if found.holds() => Exit::Refuted,
        found if found.is_incomplete() => Exit::Undecided,
        _ => Exit::Done,
    })
}

fn check(arguments: &Dispute) -> Result<()> {
    options::check(arguments)?;
    ensure!(
        matches!(Depths::parse(&arguments.depths)?, Depths::At(_)),
        "--depths of a dispute are fixed, so that public and fresh facts stand at the same place"
    );
    let share = |name: &str, share: f64| {
        ensure!(
            share > 0.0 && share < 1.0,
            "{name} is a share between 0 and 1"
        );
        Ok(())
    };
    share("--margin", arguments.margin)?;
    share("--alpha", arguments.alpha)?;
    if let Some(published) = arguments.published {
        ensure!(
            published > arguments.margin && published <= 1.0,
            "--published is a share of right answers above --margin, such as 0.95"
        );
    }
    ensure!(
        (2..=20).contains(&arguments.askings),
        "--askings is between 2 and 20"
    );
    ensure!(
        (1..=1_000).contains(&arguments.windows),
        "--windows is between 1 and 1,000"
    );
    ensure!(
        (1..=100_000).contains(&arguments.prompts),
        "--prompts is between 1 and 100,000"
    );
    ensure!(arguments.best_of > 0, "--best-of is at least 1");
    ensure!(
        arguments
            .hours
            .is_none_or(|hours| hours > 0.0 && hours <= 24.0 * 365.0),
        "--hours is more than 0"
    );
    for task in options::tasks(arguments)? {
        ensure!(
            ![Task::PUBLIC, Task::PUBLIC_CHANGED].contains(&task),
            "{} is asked by itself: --task names the fresh facts",
            task.name()
        );
    }
    Ok(())
}

/// What is tested: what was asked for, else all that can be.
fn design(arguments: &Dispute) -> Result<Design> {
    let has_other = arguments.reference.is_some() || arguments.published.is_some();
    let speaks = public_is_spoken(arguments)?;
    let mut hypotheses = Vec::new();
    for hypothesis in Hypothesis::ALL {
        let can = match hypothesis {
            Hypothesis::OtherModel => has_other,
            Hypothesis::Unstable => true,
            Hypothesis::Memorised => speaks,
        };
        let is_named = arguments.only.iter().any(|name| name == hypothesis.word());
        ensure!(
            can || !is_named,
            "{}",
            match hypothesis {
                Hypothesis::OtherModel =>
                    "another model than what? Give --reference TARGET or --published SHARE",
                _ => "there are no public facts in this language: leave `memory` out of --only",
            }
        );
        if can && (arguments.only.is_empty() || is_named) {
            hypotheses.push(hypothesis);
        }
    }
    if !arguments.only.is_empty() {
        ensure!(
            !has_other || hypotheses.contains(&Hypothesis::OtherModel),
            "--reference and --published are for the hypothesis `model`: add it to --only"
        );
    } else if !arguments.quiet {
        for hypothesis in Hypothesis::ALL {
            if !hypotheses.contains(&hypothesis) {
                screen::note(match hypothesis {
                    Hypothesis::OtherModel => {
                        "not tested: whether it is another model (give --reference or --published)"
                    }
                    _ => "not tested: what is known by heart (no public facts in this language)",
                });
            }
        }
    }
    let is_repeated = hypotheses.contains(&Hypothesis::Unstable);
    Ok(Design {
        schema: DISPUTE_SCHEMA,
        alpha: arguments.alpha,
        windows: arguments.windows,
        askings: if is_repeated { arguments.askings } else { 1 },
        best_of: arguments.best_of,
        reference: arguments.reference.clone(),
        published: arguments.published,
        margin: arguments.margin,
        hypotheses,
    })
}

fn public_is_spoken(arguments: &Dispute) -> Result<bool> {
    let grid = grid(arguments, vec![1_000], Vec::new())?;
    let (told, asked) = grid.languages()?;
    let speaks = Task::PUBLIC.entry().speaks;
    // A question in another language would have to know the needle by its other name.
    Ok(speaks(told) && told.code == asked.code)
}

/// Makes the folder, or goes on with the dispute in it.
fn enter(folder: &Path, design: &Design) -> Result<()> {
    if let Some(earlier) = Design::read(folder)? {
        ensure!(
            earlier == *design,
            "{} holds a dispute of another design: choose another --out, or give the same settings to go on with it",
            folder.display()
        );
        return Ok(());
    }
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    ensure!(
        is_empty,
        "{} is not empty and no dispute's folder: choose another --out",
        folder.display()
    );
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut json = serde_json::to_vec_pretty(design).context("cannot write design.json")?;
    json.push(b'\n');
    folder::write(folder, DESIGN_FILE, &json)
}

/// Connects everybody: the target, the target again, the reference.
async fn open(
    arguments: &Dispute,
    design: &Design,
    folder: &Path,
) -> Result<(Vec<Prepared>, Plan, RunKey)> {
    let mut inquiry = arguments.inquiry.clone();
    let names = design.askings_folders();
    let first_folder = folder.join(&names[0]);
    if let Some(earlier) = RunFile::read(&first_folder)? {
        inquiry.secret.get_or_insert(earlier.secret);
    }
    inquiry.out = Some(first_folder.clone());
    let threshold = design.published.unwrap_or(0.85);
    let first = Prepared::open(names[0].clone(), inquiry, threshold, first_folder).await?;
    let mut tasks = options::tasks(arguments)?;
    if design.tests(Hypothesis::Memorised) {
        tasks.extend([Task::PUBLIC, Task::PUBLIC_CHANGED]);
    }
    let window = first.opened.served.window_tokens;
    let output_tokens = first.opened.asking.max_output_tokens;
    let lengths = lengths(arguments, window, output_tokens)?;
    let plan = Plan::new(grid(arguments, lengths, tasks)?, &first.opened.key);
    let plan = one_of_each_text(&plan);
    let key = first.opened.key.clone();
    let mut prepared = vec![first];
    for name in &names[1..] {
        let again = prepared[0].again(0, name.clone(), folder.join(name))?;
        prepared.push(again);
    }
    if let (Some(target), Some(name)) = (&design.reference, design.reference_folder()) {
        let folder = folder.join(name);
        let secret = prepared[0].opened.secret.to_hex();
        let template = prepared[0].inquiry.clone();
        let inquiry = sides::other(&template, target, &arguments.other, folder.clone(), secret);
        prepared.push(Prepared::open(name.to_owned(), inquiry, threshold, folder).await?);
    }
    Ok((prepared, plan, key))
}

fn lengths(arguments: &Dispute, window: Option<u64>, output_tokens: u64) -> Result<Vec<u64>> {
    let Some(written) = &arguments.lengths else {
        let room = window.map_or(u64::MAX, |window| {
            window.saturating_sub(output_tokens + WINDOW_MARGIN_TOKENS)
        });
        let fitting = LENGTHS_TOKENS.into_iter().filter(|length| *length <= room);
        let fitting: Vec<u64> = fitting.collect();
        return Ok(match fitting.is_empty() {
            true => vec![room.max(512)],
            false => fitting,
        });
    };
    let items = written.split(',').map(str::trim);
    let lengths: Result<Vec<u64>> = items
        .filter(|item| !item.is_empty())
        .map(parse_tokens)
        .collect();
    let mut lengths = lengths?;
    lengths.sort_unstable();
    lengths.dedup();
    ensure!(
        lengths.first().is_some_and(|shortest| *shortest >= 32),
        "--lengths are at least 32 tokens each: 1k,4k,16k"
    );
    Ok(lengths)
}

fn grid(arguments: &Dispute, lengths_tokens: Vec<u64>, tasks: Vec<Task>) -> Result<Grid> {
    let depths = Depths::parse(&arguments.depths)?;
    // Of each task a question of each length.
    let fresh = options::tasks(arguments)?.len();
    let a_sample = (lengths_tokens.len() * fresh.max(1)) as u64;
    let samples = arguments.prompts.div_ceil(a_sample.max(1));
    Ok(Grid {
        tasks,
        lengths_tokens,
        depths,
        samples: u32::try_from(samples).context("--prompts is too large")?,
        keys: arguments.keys,
        values: options::values(arguments),
        wording: options::wording("fixed"),
        question_at: options::question_at(arguments),
        language: arguments.haystack_lang.clone(),
        question_language: options::question_language(arguments),
        beyond: options::beyond(arguments),
        difficulty: options::difficulty(arguments)?,
    })
}

/// The sittings as steps of the sides, windows spread over the hours asked for.
fn steps(course: &Course, design: &Design, hours: Option<f64>) -> Vec<Step> {
    let reference = design.askings as usize;
    let windows = course.all_windows().saturating_sub(1).max(1);
    let wait_ms = hours.map_or(0, |hours| (hours * 3_600_000.0 / f64::from(windows)) as u64);
    let mut window = 0;
    let step = |sitting: &Sitting| {
        let is_next = sitting.window > window;
        window = sitting.window;
        let mut sides = vec![sitting.asking as usize];
        let is_compared = sitting.asking == 0 && sitting.part == Part::Fresh;
        if is_compared && design.reference.is_some() {
            sides.push(reference);
        }
        Step {
            groups: sitting.groups.clone(),
            sides,
            wait_ms: if is_next { wait_ms } else { 0 },
        }
    };
    course.sittings().iter().map(step).collect()
}

/// Says what will be asked, and what that can find.
fn announce(
    arguments: &Dispute,
    design: &Design,
    course: &Course,
    plan: &Plan,
    prepared: &[Prepared],
) {
    let line = report::findable(
        design,
        course.fresh().len() as u64,
        course.twins().len() as u64,
    );
    if !arguments.dry_run {
        if !arguments.quiet {
            screen::note(&line);
            if design.tests(Hypothesis::Unstable) && arguments.temperature != "0" {
                screen::note(
                    "at a temperature other than 0 answers differ by sampling alone, and count as unstable",
                );
            }
        }
        return;
    }
    let (mut trials, mut tokens) = (0, 0);
    for (place, side) in prepared.iter().enumerate() {
        screen::out(&format!("{}: {}", side.name, side.inquiry.target));
        let asked = asked_of(plan, place);
        let estimate: Estimate = side.estimate(&asked);
        trials += estimate.trials;
        tokens += estimate.prompt_tokens;
        estimate.print(&asked, side.opened.free);
    }
    screen::out(&format!(
        "all together: {} and {} prompt tokens",
        counted(trials, "question"),
        crate::number::grouped(tokens)
    ));
    screen::out(&line);
}
