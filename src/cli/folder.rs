//! The run folder: named, made, resumed, read back.

use crate::corpus::Corpus;
use crate::fact::Facts;
use crate::index::Index;
use crate::journal::{Journal, Loaded, RunFile};
use crate::lexicon::Lexicon;
use crate::plan::Plan;
use crate::seed::{RunKey, Secret};
use crate::summary::{Summary, summarize};
use crate::tokens::Tokenizer;
use crate::{chart, report};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

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

/// Makes the folder, or checks that an existing one is of the same run.
pub fn prepare(folder: &Path, run: &RunFile) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the run folder {}", folder.display()))?;
    let Some(earlier) = RunFile::read(folder)? else {
        let strangers = std::fs::read_dir(folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
            .filter_map(|entry| entry.ok())
            .any(|entry| entry.file_name() != "llama-server.log");
        ensure!(
            !strangers,
            "{} is not empty and no run folder: choose another --out",
            folder.display()
        );
        return run.write(folder);
    };
    if let Some(difference) = run.differs_from(&earlier) {
        bail!(
            "{} holds another run: {difference} differs; choose another --out, or give the same settings to go on with it",
            folder.display()
        );
    }
    Ok(())
}

/// A run read back from its folder.
pub struct Kept {
    /// What was asked for.
    pub run: RunFile,
    /// Its journal.
    pub loaded: Loaded,
    /// Its corpus.
    pub corpus: Corpus,
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
        let loaded = Journal::read(folder)?;
        let corpus = Corpus::open(&run.corpus.name)?;
        ensure!(
            corpus.digest() == run.corpus.digest,
            "the corpus {} is not what it was when {} was made",
            run.corpus.name,
            folder.display()
        );
        let key = Secret::from_hex(&run.secret)?.key(&run.salt);
        let plan = Plan::new(run.grid.clone(), &key);
        Ok(Kept {
            run,
            loaded,
            corpus,
            plan,
            key,
        })
    }
}

/// What prompts are laid out of.
pub struct Ground {
    /// The corpus.
    pub corpus: Corpus,
    /// Its index.
    pub index: Index,
    /// The facts of the run.
    pub facts: Facts,
}

impl Ground {
    /// Indexes the corpus and draws the facts.
    pub fn lay(corpus: Corpus, tokenizer: &Tokenizer, plan: &Plan, key: &RunKey) -> Result<Ground> {
        let cache = super::setup::cache();
        // The words of the corpus and its token counts are found side by side.
        let (lexicon, index) = std::thread::scope(|scope| {
            let words = scope.spawn(|| Lexicon::open(&corpus, cache.as_deref()));
            let index = Index::open(&corpus, tokenizer, cache.as_deref());
            (words.join(), index)
        });
        let lexicon =
            lexicon.map_err(|_| anyhow::anyhow!("collecting the corpus's words failed"))??;
        let facts = Facts::draw(key, plan.grid.values, plan.facts(), &lexicon)?;
        Ok(Ground {
            corpus,
            index: index?,
            facts,
        })
    }
}

/// Sums a run up and writes `summary.json`, the charts, the tables and the reports.
pub fn write_results(
    folder: &Path,
    run: &RunFile,
    plan: &Plan,
    loaded: &Loaded,
    corpus: &Corpus,
    price: Option<crate::price::Price>,
) -> Result<Summary> {
    let summary = summarize(run, plan, &loaded.rows, corpus, price);
    let mut json = serde_json::to_vec_pretty(&summary).context("cannot write summary.json")?;
    json.push(b'\n');
    write(folder, "summary.json", &json)?;
    let (accuracy, heatmap) = std::thread::scope(|scope| {
        let accuracy = scope.spawn(|| chart::accuracy(&summary));
        (accuracy.join(), chart::heatmap(&summary))
    });
    let accuracy = accuracy.map_err(|_| anyhow::anyhow!("drawing the curve failed"))??;
    let heatmap = heatmap?;
    write(folder, "accuracy.svg", accuracy.svg.as_bytes())?;
    write(folder, "accuracy.png", &accuracy.png)?;
    write(folder, "heatmap.svg", heatmap.svg.as_bytes())?;
    write(folder, "heatmap.png", &heatmap.png)?;
    let name = folder.display().to_string();
    write(folder, "cells.csv", report::csv(&summary).as_bytes())?;
    write(
        folder,
        "report.md",
        report::markdown(&summary, &name).as_bytes(),
    )?;
    write(
        folder,
        "report.html",
        report::html(&summary, &name, &accuracy.svg, &heatmap.svg).as_bytes(),
    )?;
    Ok(summary)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, content).with_context(|| {
        format!(
            "cannot write {}: the journal is complete; `depthfinder report {}` draws it again",
            path.display(),
            folder.display()
        )
    })
}
