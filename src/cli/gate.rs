//! `gate`: a deployment against a stored baseline, for continuous integration.

mod before;
mod outcome;

use super::arguments::{Gate, Others};
use super::folder::{self, Ground, Kept};
use super::inquiry::options;
use super::sides::{self, Earlier, Prepared, Shared, Step};
use super::{Exit, ending, screen, setup};
use crate::corpus::Corpus;
use crate::gate::{
    Answer, Answers, Baseline, CACHED, Course, Outcome, Reference, answers, due_again,
};
use crate::ground::Assemblers;
use crate::journal::{Journal, Loaded, Named, RunFile};
use crate::number::counted;
use crate::plan::Plan;
use crate::report;
use crate::run::{Ended, Laid, shuffled};
use crate::seed::RunKey;
use crate::stats::{GateRules, alpha_fail};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::watch;

/// Shares of answers that differ by chance, for which the chances of the gate are told.
const DISCORDANCES: [f64; 3] = [0.02, 0.05, 0.1];
/// With fewer texts than this PASS may be out of reach.
const FEW_TEXTS: u64 = 100;

/// Runs a gate.
pub async fn run(arguments: Gate) -> Result<Exit> {
    setup::interruptible(async |stopped, begun| gate(&arguments, stopped, begun).await).await
}

/// What a baseline is before anything is asked.
struct Opened {
    baseline: Baseline,
    key: RunKey,
    /// The whole grid's.
    whole: Plan,
    /// Without the questions that the baseline does not have.
    plan: Plan,
    laid: HashMap<u64, Laid>,
    course: Course,
}

async fn gate(
    arguments: &Gate,
    stopped: watch::Receiver<bool>,
    begun: &AtomicBool,
) -> Result<Exit> {
    before::check(arguments)?;
    let baseline = read(&arguments.baseline)?;
    before::fits(arguments, &baseline.asking)?;
    let folder = match &arguments.out {
        Some(out) => out.clone(),
        None => {
            let target = arguments.target.replace(['/', ':', '#'], "-");
            folder::default_name(crate::run::now_ms(), &target, "gate")
        }
    };
    before::has_not_ended(&folder)?;
    let (corpus, named) = corpus(arguments, &baseline.corpus)?;
    let mut inquiry = sides::other(
        &sides::as_before(&arguments.inquiry, &baseline.salt, &named, &baseline.asking),
        &arguments.target,
        &Others::default(),
        folder.clone(),
        baseline.secret.clone(),
    );
    inquiry.base_url = arguments.base_url.clone();
    let threshold = baseline.asking.threshold;
    let mut side = Prepared::open("gate".into(), inquiry, threshold, folder.clone()).await?;
    side.opened.asking = baseline.asking.clone();
    let opened = open(arguments, baseline, corpus, &side.opened.tokenizer)?;
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
    let corpora = folder::corpora(Corpus::open(&named.name)?, &opened.plan.grid)?;
    // What failed in an earlier session and may succeed in this one.
    let mut due: Option<HashMap<u64, u32>> = None;
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
            let due = due.get_or_insert_with(|| due_again(&journal.rows));
            let told = answers(&journal.rows, &corpora, &opened.baseline, due);
            Ok(Step::of(opened.course.next(&told).1))
        },
        stopped,
        begun,
    )
    .await?;
    let loaded = Journal::read(&folder)?;
    let run = RunFile::read(&folder)?.context("the run has no run.json")?;
    folder::write_results(&folder, &run, &opened.plan, &loaded, &corpora)?;
    let told = answers(
        &loaded.rows,
        &corpora,
        &opened.baseline,
        &due.unwrap_or_default(),
    );
    let (gate, _) = opened.course.next(&told);
    let mut gated = opened
        .course
        .gated(gate, &told, &run.target, &opened.baseline.target);
    let is_update = arguments.update_baseline.is_some();
    let has_verdict = gated.outcome != Outcome::Neutral && !is_update;
    gated.at_ms = crate::run::now_ms();
    gated.ended = match &ended {
        Ended::Complete => has_verdict || due_again(&loaded.rows).is_empty(),
        Ended::Capped(_) => has_verdict,
        Ended::Interrupted | Ended::Fatal(_) => false,
    };
    let kept = counted(gated.asked, "pair");
    let is_capped = matches!(ended, Ended::Capped(_));
    match &ended {
        Ended::Complete | Ended::Capped(_) => outcome::tell(arguments, &folder, &gated, true)?,
        Ended::Interrupted => outcome::tell(arguments, &folder, &gated, false)?,
        // What could not be asked to its end has come to nothing that others should read.
        Ended::Fatal(_) => {}
    }
    let is_silent = arguments.quiet && !matches!(ended, Ended::Fatal(_));
    if matches!(ended, Ended::Interrupted) && is_silent {
        return Ok(Exit::Interrupted);
    }
    if !is_silent {
        // What a cap has left may do for PASS or FAIL.
        if let Some(Exit::Interrupted) = ending::early(ended, &kept, &folder)? {
            return Ok(Exit::Interrupted);
        }
    }
    if let Some(path) = &arguments.update_baseline {
        update(arguments, &opened, &run, &loaded, &told, path)?;
    }
    Ok(match gated.outcome {
        Outcome::Pass => Exit::Done,
        Outcome::Fail => Exit::Refuted,
        Outcome::Neutral
            if arguments.neutral_ok && !is_capped && !gated.is_for_want_of_answers() =>
        {
            Exit::Done
        }
        Outcome::Neutral => Exit::Undecided,
    })
}

/// Reads a baseline file, or makes one of a run folder.
fn read(path: &Path) -> Result<Baseline> {
    if !path.is_dir() {
        return Baseline::read(path);
    }
    let kept = Kept::read(path)?;
    Baseline::of(&kept.run, &kept.loaded)
}

/// The baseline's text: where it lay, or where `--corpus` says that it lies here.
fn corpus(arguments: &Gate, before: &Named) -> Result<(Corpus, Named)> {
    let typed = arguments.corpus.as_deref();
    let corpus = Corpus::open(typed.unwrap_or(&before.name)).with_context(|| match typed {
        Some(_) => "cannot read --corpus".to_string(),
        None => format!(
            "the baseline's text {} is not at hand: say with --corpus where it lies",
            before.short()
        ),
    })?;
    let digest = corpus.digest();
    ensure!(
        digest == before.digest,
        "{} is not what it was when the baseline was made: make a new one{}",
        match typed {
            Some(typed) => format!("the corpus {typed}"),
            None => format!("the corpus {}", before.short()),
        },
        match typed {
            Some(_) => "",
            None => ", or say with --corpus where the same text lies",
        }
    );
    let name = options::corpus_name(&corpus);
    Ok((corpus, Named { name, digest }))
}

/// Lays the baseline's prompts out again, and scores its answers with this version's scorer.
fn open(
    arguments: &Gate,
    baseline: Baseline,
    corpus: Corpus,
    own: &Arc<Tokenizer>,
) -> Result<Opened> {
    ensure!(
        baseline.prompt_format == crate::prompt::FORMAT,
        "the baseline has prompts of format {} and this depthfinder makes format {}: make a new baseline with it",
        baseline.prompt_format,
        crate::prompt::FORMAT
    );
    let key = baseline.key()?;
    let whole = Plan::new(baseline.grid.clone(), &key);
    baseline.check(&whole)?;
    let mut plan = whole.clone();
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
    let course = Course::new(rules, &plan.groups, reference, &key);
    Ok(Opened {
        baseline,
        key,
        whole,
        plan,
        laid,
        course,
    })
}

/// Says what the gate can show, before it asks.
fn announce(arguments: &Gate, opened: &Opened) {
    let mut stream = opened.key.stream("gate-chances", &[]);
    let chances = DISCORDANCES.map(|share| {
        let mut draw = |below| stream.below(below);
        (share, opened.course.chances(share, &mut draw))
    });
    let told: Vec<String> = chances
        .iter()
        .map(|(share, chances)| {
            format!(
                "{:.0} % where {:.0} % of the answers differ by chance ({:.0} pairs)",
                100.0 * chances.pass,
                100.0 * share,
                chances.mean_pairs
            )
        })
        .collect();
    let texts = opened.course.texts();
    let mut lines = vec![format!(
        "up to {} on {}; chance of PASS if nothing has changed: {}",
        counted(opened.course.pairs(), "pair"),
        counted(texts, "text"),
        told.join(", ")
    )];
    if texts < FEW_TEXTS && chances[0].1.pass < 0.9 {
        lines.push(format!(
            "the baseline's questions lie on {} only, and questions of one text are no independent pairs: PASS may be out of reach; make one with more --samples, or raise --delta",
            counted(texts, "text")
        ));
    }
    for line in lines {
        match arguments.dry_run {
            true => screen::out(&line),
            false if !arguments.quiet => screen::note(&line),
            false => {}
        }
    }
}

/// Writes the new answers as a baseline, and says what has changed.
fn update(
    arguments: &Gate,
    opened: &Opened,
    run: &RunFile,
    loaded: &Loaded,
    told: &Answers,
    path: &Path,
) -> Result<()> {
    let cached = Answer::Missing(CACHED.to_string());
    let cached = told.values().filter(|answer| **answer == cached).count();
    ensure!(
        cached == 0,
        "{cached} of the new answers bear the id and the words of an earlier reply, out of a cache of replies: no baseline was written; ask past the cache with another --out"
    );
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
    baseline
        .check(&opened.whole)
        .context("no baseline was written, because no gate would take it")?;
    let changes = opened.course.changes(told);
    let mut lines = report::changes(&changes, &opened.baseline, &baseline);
    baseline.write(path)?;
    lines.push(format!(
        "new baseline of {} answers written to {}",
        baseline.rows.len(),
        path.display()
    ));
    for line in lines.iter().filter(|_| !arguments.quiet) {
        match arguments.json {
            // Standard output is JSON alone.
            true => screen::note(line),
            false => screen::out(line),
        }
    }
    Ok(())
}
