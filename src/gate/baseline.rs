//! The baseline: a small file fit for version control, that holds a secret and raw answers and no prompt.

use crate::ground::Corpora;
use crate::journal::{Asking, Loaded, Named, Outcome, RunFile};
use crate::plan::{Grid, Plan};
use crate::reply::Stop;
use crate::run::{Laid, void_reason};
use crate::score::{self, Judged, Question};
use crate::seed::{RunKey, Secret};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// Version of baseline files.
pub const BASELINE_SCHEMA: u32 = 1;

/// A baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that wrote it.
    pub depthfinder: String,
    /// Version of the prompt format: another one gives other bytes.
    pub prompt_format: u32,
    /// When its run began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The target as typed.
    pub target: String,
    /// The model's name.
    pub model: String,
    /// The grid.
    pub grid: Grid,
    /// The secret in hex.
    pub secret: String,
    /// The public salt.
    pub salt: String,
    /// The corpus.
    pub corpus: Named,
    /// The tokenizer that sized the prompts.
    pub tokenizer: Named,
    /// How questions were asked.
    pub asking: Asking,
    /// The answers, by trial.
    pub rows: Vec<BaselineRow>,
}

/// One answer of a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineRow {
    /// The trial.
    pub trial: u64,
    /// BLAKE3 of the prompt in hex.
    pub blake3: String,
    /// Tokens of the prompt's text by the tokenizer above.
    pub text_tokens: u64,
    /// The raw answer; none where the question was void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The reply's own id, where it had one: the same id and words later are that reply again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why the model stopped, where that was not the end of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Why it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

impl Baseline {
    /// The baseline that a run makes.
    ///
    /// # Errors
    /// When the run is a verification, whose questions depend on its answers.
    pub fn of(run: &RunFile, loaded: &Loaded) -> Result<Baseline> {
        ensure!(
            run.study.is_none(),
            "a verification is no baseline, because its questions depend on its answers: take the run of a sweep"
        );
        ensure!(
            run.sized_by.is_none(),
            "a side of a comparison is no baseline, because other tokens sized its prompts: take the run of a sweep"
        );
        let mut rows: Vec<BaselineRow> = loaded
            .rows
            .iter()
            .filter(|row| row.settled && !row.may_be_asked_again())
            .map(|row| {
                let void = void_reason(row);
                let reply = match &row.outcome {
                    Outcome::Reply(reply) if void.is_none() => Some(reply),
                    _ => None,
                };
                BaselineRow {
                    trial: row.trial.id,
                    blake3: row.prompt.blake3.clone(),
                    text_tokens: row.prompt.text_tokens,
                    answer: reply.map(|reply| reply.text.clone()),
                    id: reply
                        .and_then(|reply| reply.id.clone())
                        .filter(|id| !id.is_empty()),
                    stop: reply
                        .map(|reply| reply.stop.clone())
                        .filter(|stop| *stop != Stop::End),
                    void,
                }
            })
            .collect();
        rows.sort_by_key(|row| row.trial);
        rows.dedup_by_key(|row| row.trial);
        Ok(Baseline {
            schema: BASELINE_SCHEMA,
            depthfinder: run.depthfinder.clone(),
            prompt_format: run.prompt_format,
            began_ms: run.began_ms,
            target: run.target.clone(),
            model: run.served.model.clone(),
            grid: run.grid.clone(),
            secret: run.secret.clone(),
            salt: run.salt.clone(),
            corpus: run.corpus.clone(),
            tokenizer: run.tokenizer.clone(),
            asking: run.asking.clone(),
            rows,
        })
    }

    /// Reads a baseline file.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is of a newer format.
    pub fn read(path: &Path) -> Result<Baseline> {
        let content = std::fs::read(path)
            .with_context(|| format!("cannot read the baseline {}", path.display()))?;
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        if let Ok(Version { schema }) = serde_json::from_slice(&content)
            && schema > BASELINE_SCHEMA
        {
            bail!(
                "{} was written by a newer depthfinder (format {schema}): update depthfinder",
                path.display()
            );
        }
        serde_json::from_slice(&content)
            .with_context(|| format!("{} is no baseline, or damaged", path.display()))
    }

    /// Writes it, a line for each answer so that version control shows which have changed; whole
    /// or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut bare = self.clone();
        bare.rows.clear();
        let head = serde_json::to_string_pretty(&bare).context("cannot write the baseline")?;
        let mut text = head
            .strip_suffix("[]\n}")
            .context("a baseline ends with its rows")?
            .to_string();
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()
            .context("cannot write the baseline")?;
        text.push_str("[\n    ");
        text.push_str(&rows.join(",\n    "));
        text.push_str("\n  ]\n}\n");
        let mut partial = path.as_os_str().to_owned();
        partial.push(".part");
        std::fs::write(&partial, text)
            .and_then(|()| std::fs::rename(&partial, path))
            .with_context(|| format!("cannot write the baseline {}", path.display()))
    }

    /// Its key.
    ///
    /// # Errors
    /// When the secret is none.
    pub fn key(&self) -> Result<RunKey> {
        Ok(Secret::from_hex(&self.secret)?.key(&self.salt))
    }

    /// Refuses a baseline that would fake a drop or that decides nothing. `plan` is that of the
    /// whole grid.
    ///
    /// # Errors
    /// In one line, with what to do instead.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        let planned: HashSet<u64> = plan.trials().map(|trial| trial.id).collect();
        ensure!(
            !self.rows.is_empty(),
            "the baseline holds no answer: make one from a run that was asked to its end"
        );
        let mut seen = HashSet::new();
        let (mut answered, mut void) = (0, 0);
        for row in &self.rows {
            let trial = row.trial;
            ensure!(
                planned.contains(&trial),
                "the baseline has a trial {trial} that its plan does not have: it was changed by hand; make it anew"
            );
            ensure!(
                seen.insert(trial),
                "the baseline has trial {trial} twice: it was changed by hand; make it anew"
            );
            match (&row.answer, &row.void) {
                (Some(_), None) => answered += 1,
                (None, Some(_)) => void += 1,
                (None, None) => bail!(
                    "the baseline's trial {trial} has neither an answer nor a reason why it is void: it was changed by hand; make it anew"
                ),
                (Some(_), Some(_)) => bail!(
                    "the baseline's trial {trial} has an answer and is void: it was changed by hand; make it anew"
                ),
            }
        }
        // What is left of a run after its failures were taken out shows by what has no answer.
        let planned = planned.len();
        let missing = planned - answered - void;
        if (void + missing) * 20 > planned {
            ensure!(
                missing > void,
                "{void} of the baseline's {planned} questions are void and {missing} are not there, more than 5 %: ask the baseline again"
            );
            bail!(
                "the baseline lacks {missing} of the {planned} questions of its plan, and {void} are void: prompts that were picked by success fake a drop, and a run that was stopped early should be asked to its end"
            );
        }
        Ok(())
    }
}

impl BaselineRow {
    /// The answer, judged anew by the scorer of this version; none where it is void.
    pub fn judged(&self, laid: &Laid, language: &str, corpora: &Corpora) -> Option<Judged> {
        let answer = self.answer.as_ref()?;
        let question = Question {
            right: &laid.question.right,
            distractors: &laid.question.distractors,
            key: &laid.question.key,
            language,
        };
        let stop = self.stop.clone().unwrap_or(Stop::End);
        let mut haystack = || {
            corpora.of_task(laid.trial.task)?;
            Some(laid.prompt.rope.clone())
        };
        Some(score::judge(&question, answer, &stop, &mut haystack))
    }
}
