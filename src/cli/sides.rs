//! Sides that are asked the same prompts: opened, made ready, and run together.

mod prepared;

pub use prepared::{Prepared, as_before, consent, letter, other};

use super::folder::{self, Ground, Kept};
use super::inquiry::{self, keep_adaptations};
use super::progress::Progressing;
use crate::comparison::{Answered, SideSummary, answers};
use crate::corpus::Corpus;
use crate::ground::Assemblers;
use crate::haystack::Route;
use crate::journal::{Journal, Loaded, Named, RunFile};
use crate::plan::{Grid, Group, Plan};
use crate::run::{
    Controls, Ended, Event, Known, Laid, Prompts, Runner, Side, Sink, Spending, ask_all, kept,
    last_fingerprint,
};
use crate::seed::RunKey;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tokio::sync::watch;

/// What is asked next.
#[derive(Default)]
pub struct Step {
    /// The questions; none where all is asked.
    pub groups: Vec<Group>,
    /// The places of the sides that are asked; all where none is named.
    pub sides: Vec<usize>,
    /// Milliseconds that pass first, where any of the questions is due.
    pub wait_ms: u64,
}

impl Step {
    /// Questions to all sides, at once.
    pub fn of(groups: Vec<Group>) -> Step {
        Step {
            groups,
            ..Step::default()
        }
    }

    fn asks(&self, place: usize) -> bool {
        self.sides.is_empty() || self.sides.contains(&place)
    }
}

/// A side with everything that its questions need.
struct Entered {
    run: RunFile,
    ground: Ground,
    journal: Journal,
    before: Loaded,
}

/// The prompts of the base where they were asked before.
pub struct Earlier {
    /// By trial.
    pub laid: HashMap<u64, Laid>,
    /// The tokenizer that sized them.
    pub sized_by: Named,
}

impl Earlier {
    /// Reads the prompts of a run folder as they were sent.
    ///
    /// # Errors
    /// When one cannot be rebuilt.
    pub fn of(folder: &Path) -> Result<(Earlier, RunFile, Plan, RunKey)> {
        let Kept {
            run,
            loaded,
            corpora,
            plan,
            key,
        } = Kept::read(folder)?;
        ensure!(
            run.study.is_none(),
            "{} is a verification, whose questions depend on its answers: compare takes the folder of a sweep",
            folder.display()
        );
        let made: Vec<_> = plan
            .grid
            .tasks
            .iter()
            .filter(|task| corpora.of_task(**task).is_none())
            .collect();
        let laid = if made.is_empty() {
            kept(&loaded.rows, &corpora, &|trial| {
                anyhow::bail!("trial {} has no haystack to be read", trial.id)
            })?
        } else {
            let tokenizer = Tokenizer::resolve(&run.tokenizer.name).with_context(|| {
                format!("the haystacks of {} are made for each prompt, and its tokenizer is not at hand", made[0].name())
            })?;
            let ground = Ground::lay(
                folder::corpora(Corpus::open(&run.corpus.name)?, &plan.grid)?,
                &tokenizer,
                &plan,
                &key,
            )?;
            let assemblers = Assemblers::new(&ground.grounds);
            kept(&loaded.rows, &corpora, &|trial| {
                let (group, trial) = plan
                    .find(trial.id)
                    .context("a trial that the plan does not have")?;
                let prompt = ground.prompt(&assemblers, &plan, group, trial, &key, &run.basis())?;
                Ok(prompt.rope)
            })?
        };
        ensure!(
            !laid.is_empty(),
            "{} holds no question that was asked",
            folder.display()
        );
        let sized_by = run.tokenizer.clone();
        Ok((Earlier { laid, sized_by }, run, plan, key))
    }
}

/// Everything that the sides share.
pub struct Shared<'p> {
    /// The plan of all.
    pub plan: &'p Plan,
    /// Its key.
    pub key: &'p RunKey,
    /// The base's prompts, where it was asked before and is no side itself.
    pub earlier: Option<&'p Earlier>,
}

/// Asks the sides, in steps: `next` is given the answers so far and says what comes next, no
/// groups to end.
///
/// # Errors
/// As [`ask_all`], and when a side cannot be made ready.
pub async fn ask(
    prepared: &mut [Prepared],
    shared: &Shared<'_>,
    quiet: bool,
    mut next: impl FnMut(&[Loaded]) -> Result<Step>,
    stopped: watch::Receiver<bool>,
    begun: &std::sync::atomic::AtomicBool,
) -> Result<Ended> {
    let plan = shared.plan;
    let grid: &Grid = &plan.grid;
    let longest = grid.lengths_tokens.last().copied().unwrap_or(0);
    let sized_by = match (shared.earlier, prepared.first()) {
        (Some(earlier), _) => Some(earlier.sized_by.clone()),
        (None, Some(first)) => Some(first.opened.tokenizer_named(&first.inquiry)),
        (None, None) => None,
    };
    let mut entered = Vec::new();
    for place in 0..prepared.len() {
        let learnt = prepared[place]
            .again
            .map(|first| prepared[first].opened.learnt());
        let side = &mut prepared[place];
        match learnt {
            Some(learnt) => side.opened.take_over(learnt),
            None => side.opened.make_ready(&side.inquiry, longest).await?,
        }
        let mut run = side
            .opened
            .run_file(&side.inquiry, grid.clone(), None, None);
        if place > 0 || shared.earlier.is_some() {
            run.sized_by = sized_by.clone();
        }
        if let Some(earlier) = folder::check(&side.folder, &run)? {
            ensure!(
                earlier.target == run.target,
                "{} holds the answers of {}, and this is {}: choose another --out",
                side.folder.display(),
                earlier.target,
                run.target
            );
        }
        let corpus = side.corpus.take().context("a side is asked twice")?;
        let (plan, key) = (plan.clone(), shared.key.clone());
        let (tokenizer, basis) = (side.opened.tokenizer.clone(), run.basis());
        let is_own = run.sized_by.is_none();
        let ground = tokio::task::spawn_blocking(move || {
            let ground = Ground::lay(
                folder::corpora(corpus, &plan.grid)?,
                &tokenizer,
                &plan,
                &key,
            )?;
            if is_own {
                ground.rehearse(&plan, &key, &basis)?;
            }
            anyhow::Ok(ground)
        })
        .await??;
        entered.push((run, ground));
    }
    begun.store(true, std::sync::atomic::Ordering::Release);
    let mut sides = Vec::new();
    for (side, (run, ground)) in prepared.iter().zip(entered) {
        let (journal, before, run) = folder::enter(&side.folder, run)?;
        inquiry::tell_of_earlier(&side.inquiry, &side.folder, &before);
        sides.push(Entered {
            run,
            ground,
            journal,
            before,
        });
    }
    let assemblers: Vec<Assemblers<'_>> = sides
        .iter()
        .map(|side| Assemblers::new(&side.ground.grounds))
        .collect();
    let mut controls: Vec<Controls<'_>> = Vec::new();
    for ((side, assemblers), prepared) in sides.iter().zip(&assemblers).zip(&*prepared) {
        let mut own = Controls::new(
            prepared.opened.connected.endpoint.as_ref(),
            assemblers.main(),
            shared.key,
            &side.journal,
            side.run.basis(),
            prepared.inquiry.retries,
            // One purse for all: a cap is what the whole study may cost.
            match controls.first() {
                None => Spending::new(prepared.opened.caps, prepared.opened.price, &side.before),
                Some(first) => first.spending.together(prepared.opened.price, &side.before),
            },
            &side.before.controls,
        );
        prepared.opened.settle(&mut own, &prepared.inquiry);
        own.fingerprints =
            prepared
                .opened
                .fingerprints(&prepared.inquiry, &side.journal, &side.before);
        controls.push(own);
    }
    let mut runs: Vec<RunFile> = sides.iter().map(|side| side.run.clone()).collect();
    for place in 0..prepared.len() {
        let prepared = &prepared[place];
        if let Some(first) = prepared.again {
            runs[place].fit = runs[first].fit.clone();
            runs[place].write(&prepared.folder)?;
            controls[place].basis = runs[place].basis();
            continue;
        }
        let routes: Vec<Route> = plan
            .groups
            .iter()
            .filter(|group| group.trials[0].set == 0)
            .take(4)
            .map(|group| group.route(assemblers[place].main().index(), shared.key, grid.beyond))
            .collect();
        let mut ahead = stopped.clone();
        let learning = inquiry::learn(
            &prepared.inquiry,
            &mut runs[place],
            &mut controls[place],
            &routes,
            &sides[place].before,
            &prepared.folder,
            false,
        );
        let ended = tokio::select! {
            learnt = learning => learnt?,
            _ = ahead.wait_for(|stop| *stop) => Some(Ended::Interrupted),
        };
        if let Some(ended) = ended {
            return Ok(ended);
        }
        if !prepared.inquiry.quiet {
            super::connect::describe(&prepared.opened.connected, &runs[place].basis(), longest);
        }
    }
    let mut progress = Progressing::new(quiet, None);
    let all = plan.trials().count() as u64;
    let questions: Vec<u64> = prepared
        .iter()
        .map(|side| side.questions.unwrap_or(all))
        .collect();
    let done: usize = sides
        .iter()
        .map(|side| Known::of(&side.before).settled.len())
        .sum();
    progress.see(&Event::Began {
        planned: questions.iter().sum(),
        done: done as u64,
    });
    let ended = loop {
        let journals: Vec<Loaded> = prepared
            .iter()
            .map(|prepared| Journal::read(&prepared.folder))
            .collect::<Result<_>>()?;
        let step = next(&journals)?;
        if step.groups.is_empty() {
            break Ended::Complete;
        }
        let known: Vec<Known> = journals.iter().map(Known::of).collect();
        if step.wait_ms > 0 && is_due(&step, &known) {
            progress.see(&Event::Pausing {
                wait_ms: step.wait_ms,
                length_tokens: None,
            });
            let mut ahead = stopped.clone();
            tokio::select! {
                () = tokio::time::sleep(std::time::Duration::from_millis(step.wait_ms)) => {}
                _ = ahead.wait_for(|stop| *stop) => break Ended::Interrupted,
            }
        }
        let mut asked = Vec::new();
        let of_sides = sides.iter().zip(prepared.iter()).zip(known);
        for (place, ((side, prepared), known)) in of_sides.enumerate() {
            asked.push(Side {
                known,
                is_asked: step.asks(place),
                questions: questions[place],
                runner: Runner {
                    endpoint: prepared.opened.connected.endpoint.as_ref(),
                    plan,
                    facts: &side.ground.facts,
                    assemblers: &assemblers[place],
                    key: shared.key,
                    settings: inquiry::options::settings(
                        &prepared.inquiry,
                        &prepared.opened.asking,
                        runs[place].basis(),
                        longest,
                        prepared.opened.connected.one_at_a_time,
                    )?,
                    journal: &side.journal,
                    corpora: &side.ground.grounds.corpora,
                    controls: &controls[place],
                },
            });
        }
        let prompts = match shared.earlier {
            Some(earlier) => Prompts::Kept(&earlier.laid),
            None => Prompts::OfFirst,
        };
        let ended = ask_all(
            &asked,
            &step.groups,
            &prompts,
            &mut progress,
            stopped.clone(),
        )
        .await;
        match ended {
            Ok(Ended::Complete) => {}
            Ok(ended) => break ended,
            Err(error) => {
                progress.finish();
                return Err(error);
            }
        }
    };
    progress.finish();
    for own in &controls {
        let fingerprints = own.fingerprints.as_ref();
        last_fingerprint(fingerprints, &ended, &own.spending, stopped.clone()).await?;
    }
    for (prepared, run) in prepared.iter().zip(&mut runs) {
        keep_adaptations(
            &prepared.inquiry,
            &prepared.opened.connected,
            run,
            &prepared.folder,
        )?;
    }
    Ok(ended)
}

/// Whether anything of a step was not asked before.
fn is_due(step: &Step, known: &[Known]) -> bool {
    let mut asked = known
        .iter()
        .enumerate()
        .filter(|(place, _)| step.asks(*place));
    asked.any(|(_, known)| {
        let mut trials = step.groups.iter().flat_map(|group| &group.trials);
        trials.any(|trial| !known.settled.contains(&trial.id))
    })
}

/// A side read back from its folder: its answers, scored anew.
pub struct ReadBack {
    /// What it was asked.
    pub kept: Kept,
    /// Its settled questions.
    pub answers: BTreeMap<u64, Answered>,
}

impl ReadBack {
    /// Reads a side's folder.
    ///
    /// # Errors
    /// As [`Kept::read`].
    pub fn of(folder: &Path) -> Result<ReadBack> {
        let kept = Kept::read(folder)?;
        let answers = answers(&kept.loaded.rows, &kept.corpora);
        Ok(ReadBack { kept, answers })
    }

    /// Sums it up against the tokens that the base's prompts have.
    pub fn summary(&self, name: &str, folder: &str, base: &ReadBack) -> SideSummary {
        let sized: HashMap<u64, u64> = base
            .kept
            .loaded
            .rows
            .iter()
            .map(|row| {
                (
                    row.trial.id,
                    row.prompt.text_tokens + base.kept.run.overhead_tokens.unwrap_or(0),
                )
            })
            .collect();
        SideSummary::of(name, &self.kept.run, folder, &self.answers, &|trial| {
            sized.get(&trial).copied()
        })
    }
}
