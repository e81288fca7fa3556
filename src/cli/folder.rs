//! The run folder: named, made, resumed, read back.

mod results;

pub use results::{write, write_results, write_set, write_study};

use crate::corpus::Corpus;
use crate::fact::Facts;
use crate::ground::{Assemblers, Corpora, Grounds};
use crate::journal::{Journal, Loaded, RunFile};
use crate::plan::{Grid, Group, Numbered, Plan, Trial, groups_of, needles};
use crate::prompt::{Prompt, SetPlan};
use crate::reconcile::Basis;
use crate::run::{Laid, SHORT_TOKENS, Standing};
use crate::seed::{RunKey, Secret};
use crate::study::{Layout, Registered, STRATA, Seat};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Blocks of five questions of a study that are looked at before it begins.
const REHEARSED_BLOCKS: u32 = 20;

/// The folder of a run that names none: `outputs/20261121-190211-smollm2-niah_multikey`.
pub fn default_name(began_ms: u64, model: &str, task: &str) -> PathBuf {
    let time = jiff::Timestamp::from_millisecond(began_ms as i64)
        .map(|time| time.strftime("%Y%m%d-%H%M%S").to_string())
        .unwrap_or_else(|_| began_ms.to_string());
    let model: String = model
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
                c
            } else {
                '-'
            }
        })
        .take(60)
        .collect();
    Path::new("outputs").join(format!("{time}-{}-{task}", model.trim_matches('-')))
}

/// Files that may lie in a folder before its run has begun: a local server's log, and what a
/// kill or a full disk left of the first files.
const FORERUNNERS: &[&str] = &["llama-server.log", "run.json.part"];

/// Refuses a folder that holds anything but this run or nothing; changes nothing. Returns the
/// run as it was begun there.
pub fn check(folder: &Path, run: &RunFile) -> Result<Option<RunFile>> {
    if let Some(earlier) = RunFile::read(folder)? {
        if let Some(difference) = run.differs_from(&earlier) {
            bail!(
                "{} holds another run: {difference} differs; choose another --out, or give the same settings to go on with it",
                folder.display()
            );
        }
        return Ok(Some(earlier));
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    for entry in entries.filter_map(|entry| entry.ok()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let empty_journal =
            name == "journal.jsonl" && entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
        ensure!(
            empty_journal || FORERUNNERS.contains(&name.as_str()),
            "{} is not empty and no run folder: choose another --out",
            folder.display()
        );
    }
    Ok(None)
}

/// Makes the folder or goes on with it. Only whoever holds the journal's lock writes `run.json`,
/// so that of two that begin at once one wins with secret and rows. Returns the run as it was
/// begun.
pub fn enter(folder: &Path, run: RunFile) -> Result<(Journal, Loaded, RunFile)> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the run folder {}", folder.display()))?;
    let (journal, loaded) = Journal::open(folder)?;
    let run = match check(folder, &run)? {
        Some(earlier) if earlier.price == run.price => earlier,
        Some(earlier) => {
            let run = RunFile {
                price: run.price,
                ..earlier
            };
            run.write(folder)?;
            run
        }
        None => {
            run.write(folder)?;
            run
        }
    };
    Ok((journal, loaded, run))
}

/// A run read back from its folder.
pub struct Kept {
    /// What was asked for.
    pub run: RunFile,
    /// Its journal.
    pub loaded: Loaded,
    /// Its texts.
    pub corpora: Corpora,
    /// Its trials.
    pub plan: Plan,
    /// Its key.
    pub key: RunKey,
}

impl Kept {
    /// Reads a run folder.
    ///
    /// # Errors
    /// When it is none, or the corpus has changed since.
    pub fn read(folder: &Path) -> Result<Kept> {
        let run = RunFile::read(folder)?.with_context(|| {
            format!(
                "{} holds no run.json: is it a run folder?",
                folder.display()
            )
        })?;
        ensure!(
            run.dataset.is_none(),
            "{} holds the answers to another's set, and this command works on questions of our own alone",
            folder.display()
        );
        let loaded = Journal::read(folder)?;
        let corpus = Corpus::open(&run.corpus.name)?;
        ensure!(
            corpus.digest() == run.corpus.digest,
            "the corpus {} is not what it was when {} was made",
            run.corpus.name,
            folder.display()
        );
        let key = Secret::from_hex(&run.secret)?.key(&run.salt);
        let corpora = corpora(corpus, &run.grid)?;
        let standing = Standing::of(&run, &loaded, &corpora, &key);
        let plan = match &standing {
            Some(standing) => standing.plan.clone(),
            None => Plan::new(run.grid.clone(), &key),
        };
        Ok(Kept {
            run,
            loaded,
            corpora,
            plan,
            key,
        })
    }
}

/// The texts of a run's tasks.
pub fn corpora(corpus: Corpus, grid: &Grid) -> Result<Corpora> {
    let longest = grid.lengths_tokens.last().copied().unwrap_or(0);
    Corpora::of(
        corpus,
        &grid.tasks,
        grid.languages()?.0,
        longest,
        grid.beyond,
    )
}

/// The facts of a run.
///
/// # Errors
/// When a text or a language's lists cannot be read.
pub fn facts(corpora: &Corpora, grid: &Grid, key: &RunKey) -> Result<Facts> {
    let lexicons = corpora.lexicons(super::setup::cache().as_deref())?;
    Facts::new(key, grid.languages()?.0, lexicons)
}

/// What prompts are laid out of.
pub struct Ground {
    /// The texts and their indexes.
    pub grounds: Grounds,
    /// The facts of the run.
    pub facts: Facts,
}

impl Ground {
    /// Indexes the corpus and draws the facts.
    pub fn lay(
        corpora: Corpora,
        tokenizer: &Arc<Tokenizer>,
        plan: &Plan,
        key: &RunKey,
    ) -> Result<Ground> {
        let cache = super::setup::cache();
        // The words of the texts and their token counts are found side by side.
        let (lexicons, indexes) = std::thread::scope(|scope| {
            let words = scope.spawn(|| corpora.lexicons(cache.as_deref()));
            let indexes = corpora.index(tokenizer, cache.as_deref());
            (words.join(), indexes)
        });
        let lexicons =
            lexicons.map_err(|_| anyhow::anyhow!("collecting the corpus's words failed"))??;
        let facts = Facts::new(key, plan.grid.languages()?.0, lexicons)?;
        facts.suffice(plan.facts())?;
        Ok(Ground {
            grounds: Grounds::new(corpora, Arc::clone(tokenizer), indexes?),
            facts,
        })
    }

    /// Lays out, of every task, the prompt of the shortest length with the most to plant, and one
    /// of the longest: what cannot be met is told before anything is asked.
    pub fn rehearse(&self, plan: &Plan, key: &RunKey, basis: &Basis) -> Result<()> {
        let assemblers = Assemblers::new(&self.grounds);
        let lengths = &plan.grid.lengths_tokens;
        for task in &plan.grid.tasks {
            let of = |length: Option<&u64>| -> Vec<&Group> {
                let groups = plan.groups.iter().filter(|group| {
                    let trial = &group.trials[0];
                    (Some(&trial.length_tokens), trial.task) == (length, *task)
                });
                groups.collect()
            };
            let shortest = of(lengths.first());
            let fullest = self.fullest(&plan.grid, &shortest, key)?;
            for group in fullest
                .into_iter()
                .chain(of(lengths.last()).first().copied())
            {
                self.prompt(&assemblers, plan, group, &group.trials[0], key, basis)?;
            }
        }
        Ok(())
    }

    /// The group that plants and asks the most text. How much that is may differ from one to the
    /// next; where the haystack is a list of words it is the same.
    fn fullest<'g>(
        &self,
        grid: &Grid,
        groups: &[&'g Group],
        key: &RunKey,
    ) -> Result<Option<&'g Group>> {
        let mut fullest: Option<(u64, &Group)> = None;
        for &group in groups {
            let posed = group.posed(grid, &self.facts, key)?;
            let planted = posed.planted.iter().map(|planted| &planted.sentence);
            let texts = planted.chain(posed.questions.iter().map(|question| &question.text));
            let mut tokens = 0;
            for text in texts {
                tokens += self.grounds.tokenizer.count(text)?;
            }
            if fullest.is_none_or(|(most, _)| tokens > most) {
                fullest = Some((tokens, group));
            }
            if !posed.words.is_empty() {
                break;
            }
        }
        Ok(fullest.map(|(_, group)| group))
    }

    /// The same for a study: of a hundred questions of its shortest length, and of those in short
    /// contexts where its threshold is relative to them. There must be facts for every question
    /// that it may come to ask.
    pub fn rehearse_study(
        &self,
        grid: &Grid,
        registered: &Registered,
        key: &RunKey,
        basis: &Basis,
    ) -> Result<()> {
        let assemblers = Assemblers::new(&self.grounds);
        // Short contexts are never shared; shared haystacks hold as many facts each.
        let isolated = Registered {
            layout: Layout::Isolated,
            ..registered.clone()
        };
        let blocks = match registered.layout {
            Layout::Isolated => REHEARSED_BLOCKS,
            Layout::Shared => 1,
        };
        let groups = |registered: &Registered, rung_tokens: u64, blocks: u32, kind: u32| {
            let seats: Vec<Seat> = (0..blocks * STRATA as u32)
                .map(|nth| Seat {
                    rung_tokens,
                    block: nth / STRATA as u32,
                    place: nth % STRATA as u32,
                    copy: 0,
                    kind,
                })
                .collect();
            groups_of(grid, registered, key, &Numbered::all(&seats, 0))
        };
        let rehearsed = |groups: &[Group]| -> Result<()> {
            let groups: Vec<&Group> = groups.iter().collect();
            if let Some(group) = self.fullest(grid, &groups, key)? {
                self.laid(&assemblers, grid, group, &group.trials[0], key, basis)?;
            }
            Ok(())
        };
        let rungs = &registered.rungs;
        for kind in 0..registered.kinds {
            if registered.relative {
                let short = groups(&isolated, SHORT_TOKENS, REHEARSED_BLOCKS, kind);
                rehearsed(&short).with_context(|| {
                    format!(
                        "--tau-relative asks in texts of {SHORT_TOKENS} tokens first, and this task cannot be asked there: give --tau"
                    )
                })?;
            }
            if let Some((rung, most)) = rungs.first().zip(registered.most_questions())
                && registered.layout == Layout::Isolated
            {
                let seat = Seat {
                    rung_tokens: rung.nominal_tokens,
                    block: 0,
                    place: 0,
                    copy: 0,
                    kind,
                };
                let last =
                    Numbered::all(&[seat], registered.base_questions + most.saturating_sub(1));
                for group in groups_of(grid, registered, key, &last) {
                    group.posed(grid, &self.facts, key).with_context(|| {
                        format!("there are not facts enough for the {most} questions that it may take: ask an easier form with --difficulty")
                    })?;
                }
            }
            if let Some(rung) = rungs.first() {
                rehearsed(&groups(registered, rung.nominal_tokens, blocks, kind))?;
            }
            if let Some(rung) = rungs.last() {
                rehearsed(&groups(registered, rung.nominal_tokens, 1, kind))?;
            }
        }
        Ok(())
    }

    /// A trial's prompt from secret and coordinates alone.
    pub fn prompt(
        &self,
        assemblers: &Assemblers<'_>,
        plan: &Plan,
        group: &Group,
        trial: &Trial,
        key: &RunKey,
        basis: &Basis,
    ) -> Result<Prompt> {
        self.laid(assemblers, &plan.grid, group, trial, key, basis)
    }

    fn laid(
        &self,
        assemblers: &Assemblers<'_>,
        grid: &Grid,
        group: &Group,
        trial: &Trial,
        key: &RunKey,
        basis: &Basis,
    ) -> Result<Prompt> {
        let text_tokens = basis.text_tokens(trial.length_tokens);
        let laid = self.laid_again(assemblers, grid, group, trial, key, text_tokens)?;
        Ok(laid.prompt)
    }

    /// A trial's question with its prompt, whose text has so many tokens.
    ///
    /// # Errors
    /// When it cannot be laid out.
    pub fn laid_again(
        &self,
        assemblers: &Assemblers<'_>,
        grid: &Grid,
        group: &Group,
        trial: &Trial,
        key: &RunKey,
        text_tokens: u64,
    ) -> Result<Laid> {
        let posed = group.posed(grid, &self.facts, key)?;
        let needles = needles(&posed);
        let questions: Vec<String> = posed.questions.iter().map(|one| one.text.clone()).collect();
        let set = SetPlan {
            text_tokens,
            needles: &needles,
            questions: &questions,
            question_at: grid.question_at,
        };
        let made = assemblers.made(&posed)?;
        let own = made
            .as_ref()
            .map(|made| made.assembler(assemblers.tokenizer()));
        let assembler = own.as_ref().unwrap_or(assemblers.of_task(trial.task));
        let set = assembler.set(&group.route(assembler.index(), key, grid.beyond), set)?;
        let slot = trial.slot as usize;
        Ok(Laid {
            trial: trial.clone(),
            prompt: set.prompt(slot, group.rounding(trial, key))?,
            expected: None,
            question: posed.questions[slot].clone(),
        })
    }
}
