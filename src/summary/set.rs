//! Rows of another's set into numbers: mean credit and share right by task, length and depth.

mod warnings;

use super::collect::{settings, share};
use super::fingerprints::fingerprints;
use super::splits::{Answered, split};
use super::{Cell, Point, Summary, TaskSummary, Totals};
use crate::journal::{Loaded, Print, RunFile, SetRow};
use crate::price::Price;
use crate::run::rescored;
use crate::stats::{Interval, wilson, wilson_mean};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of `summary.json`.
const SCHEMA: u32 = 1;
const CONFIDENCE: f64 = 0.95;
/// Lengths of no nominal kind are told by the power of two above them, and none below this.
const LEAST_BIN_TOKENS: u64 = 256;
/// More different depths than this are told in tenths.
const MOST_DEPTHS: usize = 11;
/// Replies of a task that are quoted: the worst ones, and then the best.
const SAMPLES: [usize; 2] = [3, 2];
/// Characters of a quoted text.
const SAMPLE_CHARACTERS: usize = 160;

/// What was asked of another's set, and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSummary {
    /// The file's name.
    pub file: String,
    /// BLAKE3 of its bytes in hex.
    pub digest: String,
    /// Whose set it is: `ruler`, `mrcr`, `generic`.
    pub kind: String,
    /// Items of the file.
    pub items: u64,
    /// Those of them that are asked.
    pub asked: u64,
    /// Items whose length the set does not state: the server's count of them is told, or the
    /// tokenizer's.
    pub counted: u64,
    /// True where lengths are told in powers of two: each stands for those above the half of it.
    pub binned: bool,
    /// All lengths of each task together.
    pub tasks: Vec<SetTask>,
    /// Some replies, the worst and the best of each task.
    pub samples: Vec<SetSample>,
}

impl SetSummary {
    /// Where the lengths come from, and how they are told.
    pub fn lengths(&self) -> &'static str {
        match (self.counted, self.binned) {
            (0, false) => "lengths as the set states them",
            (0, true) => "lengths as the set states them, up to each power of two",
            (_, false) => "lengths as the set states them or counted",
            (_, true) => "lengths counted, up to each power of two",
        }
    }
}

/// A task over all its lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetTask {
    /// The task's name.
    pub task: String,
    /// The rules by which its answers are scored, in words.
    pub rules: Vec<String>,
    /// Scored items.
    pub n: u64,
    /// Those of them that count as right.
    pub right: u64,
    /// Void items.
    pub void: u64,
    /// Mean credit; none where nothing was scored.
    pub credit: Option<f64>,
    /// Its interval.
    pub credit_interval: Option<Interval>,
    /// The interval of the share right.
    pub interval: Option<Interval>,
}

/// A reply beside what was expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSample {
    /// The task.
    pub task: String,
    /// The item, by its place in the file, from 0.
    pub item: u64,
    /// What the set calls it.
    pub id: String,
    /// What the reply is worth.
    pub credit: f64,
    /// The expected answers, shortened.
    pub expected: String,
    /// The reply, shortened.
    pub reply: String,
}

/// An item that is settled, scored anew.
struct Settled<'r> {
    row: &'r SetRow,
    void: Option<String>,
    credit: f64,
    right: bool,
    length_tokens: u64,
}

/// Scores every row of a set anew and sums up: from the journal alone, without the set's file.
pub fn summarize_set(run: &RunFile, loaded: &Loaded, price: Option<Price>) -> Summary {
    let asked = run.dataset.as_ref();
    let nominal: &[u64] = asked.map_or(&[], |set| &set.nominal_tokens);
    let mut last: BTreeMap<u64, &SetRow> = BTreeMap::new();
    for row in loaded.items.iter().filter(|row| row.settled) {
        last.insert(row.item, row);
    }
    let settled: Vec<Settled<'_>> = last.values().map(|row| Settled::of(row, nominal)).collect();
    let mut of_tasks: BTreeMap<&str, Vec<&Settled<'_>>> = BTreeMap::new();
    for one in &settled {
        of_tasks.entry(one.task()).or_default().push(one);
    }
    let depths = depths(&settled);
    let tasks = of_tasks
        .iter()
        .map(|(task, items)| task_summary(task, items, &depths))
        .collect();
    let totals = totals(run, loaded, &settled, price);
    let fingerprints = fingerprints(&loaded.prints);
    let mut warnings = warnings::warnings(run, loaded, &last, &totals);
    let answers = settled.iter().filter_map(|one| {
        Some(Answered {
            at_ms: one.row.at_ms,
            id: one.row.item,
            reply: one.row.reply()?,
            right: one.void.is_none().then_some(one.right),
        })
    });
    warnings.extend(split(answers, &fingerprints));
    Summary {
        schema: SCHEMA,
        depthfinder: env!("CARGO_PKG_VERSION").to_string(),
        target: run.target.clone(),
        model: run.served.model.clone(),
        corpus: run.corpus.short().to_string(),
        tokenizer: run.tokenizer.short().to_string(),
        exact_lengths: false,
        threshold: run.asking.threshold,
        advertised_tokens: run.advertised_tokens,
        confidence: CONFIDENCE,
        verification: None,
        verdicts: None,
        dataset: Some(SetSummary {
            file: run.corpus.short().to_string(),
            digest: run.corpus.digest.clone(),
            kind: asked.map_or(String::new(), |set| set.kind.clone()),
            items: asked.map_or(0, |set| set.items),
            asked: asked.map_or(0, |set| set.asked),
            counted: settled
                .iter()
                .filter(|one| one.row.length_tokens.is_none())
                .count() as u64,
            binned: settled
                .iter()
                .any(|one| !nominal.contains(&one.row.told_tokens())),
            tasks: of_tasks
                .iter()
                .map(|(task, items)| set_task(task, items))
                .collect(),
            samples: of_tasks
                .iter()
                .flat_map(|(task, items)| samples(task, items))
                .collect(),
        }),
        kinds: Vec::new(),
        tasks,
        cuts: Vec::new(),
        found_window: None,
        fingerprints,
        settings: settings(run),
        warnings,
        totals,
    }
}

impl<'r> Settled<'r> {
    fn of(row: &'r SetRow, nominal: &[u64]) -> Settled<'r> {
        let (void, scored) = rescored(row);
        let mut row_now = row.clone();
        row_now.void.clone_from(&void);
        Settled {
            row,
            credit: scored.map_or(0.0, |scored| scored.credit),
            right: scored.is_some_and(|scored| scored.right),
            length_tokens: bin(row_now.told_tokens(), nominal),
            void,
        }
    }

    fn task(&self) -> &'r str {
        self.row.task.as_deref().unwrap_or("items")
    }
}

/// The length that one is told under: itself where the set was made for it, else the power of two
/// that is not below it.
fn bin(tokens: u64, nominal: &[u64]) -> u64 {
    match nominal.contains(&tokens) {
        true => tokens,
        false => tokens.max(LEAST_BIN_TOKENS).next_power_of_two(),
    }
}

/// Where depths are told: each by itself where they are few, else the middles of tenths.
fn depths(settled: &[Settled<'_>]) -> Vec<f64> {
    let stated = settled.iter().filter_map(|one| one.row.depth_percent);
    let mut depths: Vec<f64> = stated.collect();
    depths.sort_by(f64::total_cmp);
    depths.dedup();
    if depths.len() > MOST_DEPTHS {
        depths = (0..10).map(|tenth| 5.0 + 10.0 * f64::from(tenth)).collect();
    }
    depths
}

fn nearest(depths: &[f64], depth: f64) -> Option<f64> {
    let off = |at: &f64| (at - depth).abs();
    let nearest = |a: &f64, b: &f64| off(a).total_cmp(&off(b));
    depths.iter().copied().min_by(nearest)
}

/// Counts of some items: scored, right, void, and the sum of their credits.
#[derive(Clone, Copy, Default)]
struct Count {
    n: u64,
    right: u64,
    void: u64,
    credits: f64,
}

impl Count {
    fn of<'a, 'r: 'a>(items: impl Iterator<Item = &'a Settled<'r>>) -> Count {
        let mut count = Count::default();
        for one in items {
            match &one.void {
                Some(_) => count.void += 1,
                None => {
                    count.n += 1;
                    count.right += u64::from(one.right);
                    count.credits += one.credit;
                }
            }
        }
        count
    }

    fn credit(self) -> Option<f64> {
        (self.n > 0).then(|| self.credits / self.n as f64)
    }

    fn credit_interval(self) -> Option<Interval> {
        (self.n > 0).then(|| wilson_mean(self.credits, self.n, CONFIDENCE))
    }

    fn interval(self) -> Option<Interval> {
        (self.n > 0).then(|| wilson(self.right, self.n, CONFIDENCE))
    }
}

fn task_summary(task: &str, items: &[&Settled<'_>], depths: &[f64]) -> TaskSummary {
    let lengths: BTreeSet<u64> = items.iter().map(|one| one.length_tokens).collect();
    let (mut curve, mut cells) = (Vec::new(), Vec::new());
    for &length_tokens in &lengths {
        let here = || {
            let items = items.iter().copied();
            items.filter(|one| one.length_tokens == length_tokens)
        };
        let count = Count::of(here());
        curve.push(Point {
            length_tokens,
            n: count.n,
            right: count.right,
            void: count.void,
            // Whether two items share a text the set does not say.
            haystacks: count.n,
            accuracy: share(count.right, count.n),
            interval: count.interval(),
            accuracy_voids_failed: share(count.right, count.n + count.void),
            substring_right: count.right,
            credit: count.credit(),
            credit_interval: count.credit_interval(),
        });
        for &depth_percent in depths {
            let count = Count::of(here().filter(|one| {
                let depth = one.row.depth_percent;
                depth.is_some_and(|depth| nearest(depths, depth) == Some(depth_percent))
            }));
            cells.push(Cell {
                length_tokens,
                depth_percent,
                n: count.n,
                right: count.right,
                void: count.void,
                accuracy: share(count.right, count.n),
                interval: count.interval(),
            });
        }
    }
    // Of a task that states no depth there is no map.
    if cells.iter().all(|cell| cell.n + cell.void == 0) {
        cells.clear();
    }
    let mut voids = BTreeMap::new();
    for void in items.iter().filter_map(|one| one.void.clone()) {
        *voids.entry(void).or_insert(0) += 1;
    }
    TaskSummary {
        task: task.to_owned(),
        curve,
        cells,
        classes: BTreeMap::new(),
        voids,
    }
}

fn set_task(task: &str, items: &[&Settled<'_>]) -> SetTask {
    let count = Count::of(items.iter().copied());
    let rules: BTreeSet<&str> = items.iter().map(|one| one.row.rule.words()).collect();
    SetTask {
        task: task.to_owned(),
        rules: rules.into_iter().map(str::to_owned).collect(),
        n: count.n,
        right: count.right,
        void: count.void,
        credit: count.credit(),
        credit_interval: count.credit_interval(),
        interval: count.interval(),
    }
}

/// Some replies of a task: those of least credit, then those of most, each in the order of the file.
fn samples(task: &str, items: &[&Settled<'_>]) -> Vec<SetSample> {
    let mut scored: Vec<&&Settled<'_>> = items.iter().filter(|one| one.void.is_none()).collect();
    scored.sort_by(|a, b| a.credit.total_cmp(&b.credit));
    let [worst, best] = SAMPLES;
    let worst = worst.min(scored.len());
    let from = scored.len().saturating_sub(best).max(worst);
    scored[..worst]
        .iter()
        .chain(&scored[from..])
        .map(|one| SetSample {
            task: task.to_owned(),
            item: one.row.item,
            id: one.row.id.clone(),
            credit: one.credit,
            expected: shortened(&one.row.answers.join(", ")),
            reply: shortened(one.row.reply().map_or("", |reply| &reply.text)),
        })
        .collect()
}

/// A text in one line of so many characters at most.
fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SAMPLE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn totals(run: &RunFile, loaded: &Loaded, settled: &[Settled<'_>], price: Option<Price>) -> Totals {
    let void = settled.iter().filter(|one| one.void.is_some()).count() as u64;
    let mut totals = Totals {
        planned: run.dataset.as_ref().map_or(0, |set| set.asked),
        scored: settled.len() as u64 - void,
        void,
        attempts: loaded.items.len() as u64,
        fingerprint_questions: loaded.prints.len() as u64,
        ..Totals::default()
    };
    let prints = loaded.prints.iter().filter_map(Print::reply);
    for reply in loaded.items.iter().filter_map(SetRow::reply).chain(prints) {
        totals.prompt_tokens += reply.usage.prompt_tokens.unwrap_or(0);
        totals.cached_tokens += reply.usage.cached_tokens.unwrap_or(0);
        totals.output_tokens += reply.usage.output_tokens.unwrap_or(0);
    }
    totals.cost_usd = price.map(|price| price.usd(totals.prompt_tokens, totals.output_tokens));
    totals
}

#[cfg(test)]
mod tests;
