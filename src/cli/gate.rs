//! `gate`: a deployment against a stored baseline, for continuous integration.

use super::arguments::{Gate, Others};
use super::folder::{self, Ground, Kept};
use super::inquiry::options;
use super::sides::{self, Earlier, Prepared, Shared, Step};
use super::{Exit, ending, screen, setup};
use crate::comparison::answers;
use crate::corpus::Corpus;
use crate::gate::{Baseline, Course, Gated, Outcome, Reference};
use crate::ground::Assemblers;
use crate::journal::{Journal, Loaded, RunFile};
use crate::number::counted;
use crate::plan::Plan;
use crate::report;
use crate::run::{Laid, shuffled};
use crate::seed::RunKey;
use crate::stats::{GateRules, alpha_fail};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// Shares of answers that differ by chance, for which the chances of the gate are told.
const DISCORDANCES: [f64; 3] = [0.02, 0.05, 0.1];

/// Runs a gate.
pub async fn run(arguments: Gate) -> Result<Exit> {
    setup::interruptible(async |stopped, begun| gate(&arguments, stopped, begun).await).await
}

/// What a baseline is before anything is asked.
struct Opened {
    baseline: Baseline,
    key: RunKey,
    plan: Plan,
    laid: HashMap<u64, Laid>,
    course: Course,
}

async fn gate(
    arguments: &Gate,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    check(arguments)?;
    let baseline = read(&arguments.baseline)?;
    let folder = match &arguments.out {
        Some(out) => out.clone(),
        None => {
            let target = arguments.target.replace(['/', ':', '#'], "-");
            folder::default_name(crate::run::now_ms(), &target, "gate")
        }
    };
    let mut inquiry = sides::other(
        &sides::as_before(
            &arguments.inquiry,
            &baseline.salt,
            &baseline.corpus,
            &baseline.asking,
        ),
        &arguments.target,
        &Others::default(),
        folder.clone(),
        baseline.secret.clone(),
    );
    inquiry.base_url = arguments.base_url.clone();
    let threshold = baseline.asking.threshold;
    let mut side = Prepared::open("gate".into(), inquiry, threshold, folder.clone()).await?;
    side.opened.asking = baseline.asking.clone();
    let opened = open(arguments, baseline, &side.opened.tokenizer)?;
    announce(arguments, &opened);
    if arguments.dry_run {
        side.estimate(&opened.plan)
            .print(&opened.plan, side.opened.free);
        return Ok(Exit::Done);
    }
    side.estimate(&opened.plan)
        .consent(&side.inquiry, &side.opened.caps, side.opened.free)?;
    let earlier = Earlier {
        laid: opened.laid.clone(),
        sized_by: opened.baseline.tokenizer.clone(),
    };
    let shared = Shared {
        plan: &opened.plan,
        key: &opened.key,
        earlier: Some(&earlier),
    };
    let corpora = folder::corpora(
        Corpus::open(&opened.baseline.corpus.name)?,
        &opened.plan.grid,
    )?;
    let mut rest = arguments
        .update_baseline
        .is_some()
        .then(|| shuffled(&opened.plan, &opened.key));
    let mut prepared = [side];
    let ended = sides::ask(
        &mut prepared,
        &shared,
        arguments.quiet,
        |journals| {
            if let Some(rest) = rest.take() {
                return Ok(Step::of(rest));
            }
            if arguments.update_baseline.is_some() {
                return Ok(Step::default());
            }
            let [journal] = journals else {
                bail!("a gate asks one side");
            };
            let (_, block) = opened.course.next(&right(journal, &corpora));
            Ok(Step::of(block))
        },
        stopped,
        begun,
    )
    .await?;
    let loaded = Journal::read(&folder)?;
    let run = RunFile::read(&folder)?.context("the run has no run.json")?;
    folder::write_results(&folder, &run, &opened.plan, &loaded, &corpora)?;
    let (gate, _) = opened.course.next(&right(&loaded, &corpora));
    let gated = opened
        .course
        .gated(gate, &run.target, &opened.baseline.target);
    tell(arguments, &folder, &gated)?;
    let kept = counted(gated.asked, "pair");
    match ending::early(ended, &kept, &folder)? {
        Some(Exit::Interrupted) => return Ok(Exit::Interrupted),
        // What a cap has left may do for PASS or FAIL.
        Some(_) | None => {}
    }
    if let Some(path) = &arguments.update_baseline {
        update(&opened, &run, &loaded, &corpora, path)?;
    }
    Ok(match gated.outcome {
        Outcome::Pass => Exit::Done,
        Outcome::Fail => Exit::Refuted,
        Outcome::Neutral if arguments.neutral_ok && !gated.is_for_want_of_answers() => Exit::Done,
        Outcome::Neutral => Exit::Undecided,
    })
}

fn check(arguments: &Gate) -> Result<()> {
    let typed = &arguments.inquiry;
    let asks_otherwise = typed.task != ["niah_multikey"]
        || typed.suite.is_some()
        || !typed.difficulty.is_empty()
        || typed.haystack_lang != "en"
        || typed.question_lang.is_some()
        || typed.corpus.is_some()
        || typed.secret.is_some();
    ensure!(
        !asks_otherwise,
        "the baseline fixes tasks, languages, corpus and secret: leave these options out"
    );
    ensure!(
        arguments.delta > 0.0 && arguments.delta < 1.0,
        "--delta is a share between 0 and 1"
    );
    ensure!(
        arguments.runs_per_year > 0.0,
        "--runs-per-year is more than 0"
    );
    ensure!(arguments.n_max >= 10, "--n-max is at least 10");
    options::check(typed)
}

/// Reads a baseline file, or makes one of a run folder.
fn read(path: &Path) -> Result<Baseline> {
    if !path.is_dir() {
        return Baseline::read(path);
    }
    let kept = Kept::read(path)?;
    Baseline::of(&kept.run, &kept.loaded)
}

/// Lays the baseline's prompts out again, and scores its answers with this version's scorer.
fn open(arguments: &Gate, baseline: Baseline, own: &Arc<Tokenizer>) -> Result<Opened> {
    ensure!(
        baseline.prompt_format == crate::prompt::FORMAT,
        "the baseline has prompts of format {} and this depthfinder makes format {}: make a new baseline with it",
        baseline.prompt_format,
        crate::prompt::FORMAT
    );
    let corpus = Corpus::open(&baseline.corpus.name)?;
    ensure!(
        corpus.digest() == baseline.corpus.digest,
        "the corpus {} is not what it was when the baseline was made: make a new one",
        baseline.corpus.short()
    );
    let key = baseline.key()?;
    let mut plan = Plan::new(baseline.grid.clone(), &key);
    baseline.check(&plan)?;
    let tokenizer = match own.digest() == baseline.tokenizer.digest {
        true => own.clone(),
        false => Tokenizer::resolve(&baseline.tokenizer.name).with_context(|| {
            format!(
                "the baseline's prompts were sized by the tokenizer {}, which is not at hand: give it with --tokenizer",
                baseline.tokenizer.short()
            )
        })?,
    };
    ensure!(
        tokenizer.digest() == baseline.tokenizer.digest,
        "the tokenizer {} is not the one that sized the baseline's prompts: make a new baseline",
        baseline.tokenizer.short()
    );
    let known: HashMap<u64, _> = baseline.rows.iter().map(|row| (row.trial, row)).collect();
    for group in &mut plan.groups {
        group.trials.retain(|trial| known.contains_key(&trial.id));
    }
    plan.groups.retain(|group| !group.trials.is_empty());
    let ground = Ground::lay(
        folder::corpora(corpus, &plan.grid)?,
        &tokenizer,
        &plan,
        &key,
    )?;
    let assemblers = Assemblers::new(&ground.grounds);
    let language = plan.grid.languages()?.1.code;
    let mut laid = HashMap::new();
    let mut reference = Reference::new();
    for group in &plan.groups {
        for trial in &group.trials {
            let row = known[&trial.id];
            let one =
                ground.laid_again(&assemblers, &plan.grid, group, trial, &key, row.text_tokens)?;
            ensure!(
                one.prompt.rope.blake3_hex() == row.blake3,
                "the baseline's prompt {} cannot be rebuilt by this depthfinder {}: make a new baseline with it",
                trial.id,
                env!("CARGO_PKG_VERSION")
            );
            let judged = row.judged(&one, language, &ground.grounds.corpora);
            reference.insert(trial.id, judged.map(|judged| judged.class.is_right()));
            laid.insert(trial.id, one);
        }
    }
    let rules = GateRules {
        delta: arguments.delta,
        alpha_fail: alpha_fail(arguments.runs_per_year),
        n_max: arguments.n_max,
        ..GateRules::default()
    };
    let course = Course::new(rules, shuffled(&plan, &key), reference);
    Ok(Opened {
        baseline,
        key,
        plan,
        laid,
        course,
    })
}

/// Says what the gate can show, before it asks.
fn announce(arguments: &Gate, opened: &Opened) {
    let mut stream = opened.key.stream("gate-chances", &[]);
    let chances: Vec<String> = DISCORDANCES
        .iter()
        .map(|share| {
            let chances = opened
                .course
                .chances(*share, &mut |below| stream.below(below));
            format!(
                "{:.0} % where {:.0} % of the answers differ by chance ({:.0} pairs)",
                100.0 * chances.pass,
                100.0 * share,
                chances.mean_pairs
            )
        })
        .collect();
    let line = format!(
        "up to {} pairs; chance of PASS if nothing has changed: {}",
        opened.course.pairs(),
        chances.join(", ")
    );
    match arguments.dry_run {
        true => screen::out(&line),
        false if !arguments.quiet => screen::note(&line),
        false => {}
    }
}

/// The new answers by trial: right, wrong, or none.
fn right(loaded: &Loaded, corpora: &crate::ground::Corpora) -> HashMap<u64, Option<bool>> {
    answers(&loaded.rows, corpora)
        .into_iter()
        .map(|(trial, answered)| (trial, answered.right))
        .collect()
}

/// Writes the outcome wherever it was asked for, and prints it in one line.
fn tell(arguments: &Gate, folder: &Path, gated: &Gated) -> Result<()> {
    let mut json = serde_json::to_vec_pretty(gated).context("cannot write gate.json")?;
    json.push(b'\n');
    folder::write(folder, "gate.json", &json)?;
    let markdown = report::gate_markdown(gated);
    folder::write(folder, "gate.md", markdown.as_bytes())?;
    let files: [(&Option<PathBuf>, String); 2] = [
        (&arguments.junit, report::junit(gated)),
        (&arguments.prometheus, report::prometheus(gated)),
    ];
    for (path, content) in files {
        if let Some(path) = path {
            std::fs::write(path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    // Set by GitHub's runners: what is appended there stands on the page of the job.
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let appended = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(markdown.as_bytes()));
        if let Err(error) = appended {
            screen::note(&format!("the step summary could not be written: {error}"));
        }
    }
    if arguments.json {
        screen::out(&serde_json::to_string_pretty(gated)?);
    } else {
        screen::out(&gated.sentence);
    }
    Ok(())
}

/// Writes the new answers as a baseline, and says what has changed.
fn update(
    opened: &Opened,
    run: &RunFile,
    loaded: &Loaded,
    corpora: &crate::ground::Corpora,
    path: &Path,
) -> Result<()> {
    let mut of = run.clone();
    of.sized_by = None;
    let mut baseline = Baseline::of(&of, loaded)?;
    baseline.tokenizer = opened.baseline.tokenizer.clone();
    // The prompts are the old ones: what they were sized to stays.
    let sized: HashMap<u64, u64> = opened
        .baseline
        .rows
        .iter()
        .map(|row| (row.trial, row.text_tokens))
        .collect();
    for row in &mut baseline.rows {
        row.text_tokens = sized.get(&row.trial).copied().unwrap_or(row.text_tokens);
    }
    baseline.check(&opened.plan)?;
    let new = right(loaded, corpora);
    let changes = opened.course.changes(&new);
    for line in report::changes(&changes, &opened.baseline, &baseline) {
        screen::out(&line);
    }
    baseline.write(path)?;
    screen::out(&format!(
        "new baseline of {} answers written to {}",
        baseline.rows.len(),
        path.display()
    ));
    Ok(())
}
