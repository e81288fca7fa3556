//! Rows into numbers: counts, shares and their intervals, by length and by depth.

use super::cuts::cuts;
use super::fingerprints::fingerprints;
use super::kinds::kinds;
use super::splits::{Answered, split};
use super::warnings::warnings;
use super::{Cell, Point, Summary, TaskSummary, Totals};
use crate::ground::Corpora;
use crate::journal::{Control, Loaded, Print, Row, RunFile};
use crate::plan::{Plan, Trial};
use crate::price::Price;
use crate::prompt::QuestionAt;
use crate::run::{judge, void_reason};
use crate::stats::wilson;
use crate::task::Task;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Version of `summary.json`.
const SCHEMA: u32 = 1;
const CONFIDENCE: f64 = 0.95;

/// Scores every row anew and sums up. Rows of a trial before the one that settles it count as
/// attempts only.
pub fn summarize(
    run: &RunFile,
    plan: &Plan,
    loaded: &Loaded,
    corpora: &Corpora,
    price: Option<Price>,
) -> Summary {
    let rows = loaded.rows.as_slice();
    let mut settled: HashMap<u64, &Row> = HashMap::new();
    for row in rows.iter().filter(|row| row.settled) {
        settled.insert(row.trial.id, row);
    }
    let scored: HashMap<u64, Scored> = settled
        .iter()
        .map(|(id, row)| (*id, Scored::of(row, corpora)))
        .collect();
    let tasks: Vec<TaskSummary> = run
        .grid
        .tasks
        .iter()
        .map(|task| task_summary(*task, plan, &settled, &scored))
        .collect();
    let cuts = cuts(&loaded.controls);
    let void = scored
        .values()
        .filter(|scored| scored.void.is_some())
        .count() as u64;
    let mut totals = Totals {
        planned: plan.trials().count() as u64,
        scored: scored.len() as u64 - void,
        void,
        attempts: rows.len() as u64,
        controls: loaded.controls.len() as u64,
        fingerprint_questions: loaded.prints.len() as u64,
        ..Totals::default()
    };
    let controls = loaded.controls.iter().filter_map(Control::reply);
    let prints = loaded.prints.iter().filter_map(Print::reply);
    let replies = rows.iter().filter_map(Row::reply);
    for reply in replies.chain(controls).chain(prints) {
        totals.prompt_tokens += reply.usage.prompt_tokens.unwrap_or(0);
        totals.cached_tokens += reply.usage.cached_tokens.unwrap_or(0);
        totals.output_tokens += reply.usage.output_tokens.unwrap_or(0);
    }
    totals.cost_usd = price.map(|price| price.usd(totals.prompt_tokens, totals.output_tokens));
    let fingerprints = fingerprints(&loaded.prints);
    let mut warnings = warnings(run, &cuts, rows, &settled, &totals, corpora.main());
    let answers = settled.values().filter_map(|row| {
        Some(Answered {
            at_ms: row.at_ms,
            id: row.trial.id,
            reply: row.reply()?,
            right: row.judged.as_ref().map(|judged| judged.class.is_right()),
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
        exact_lengths: run.exact && run.overhead_tokens.is_some() && !run.is_sized_elsewhere(),
        threshold: run.asking.threshold,
        advertised_tokens: run.advertised_tokens,
        confidence: CONFIDENCE,
        verification: None,
        dataset: None,
        verdicts: None,
        kinds: match tasks.len() {
            0 | 1 => Vec::new(),
            _ => kinds(&tasks, run.asking.threshold, CONFIDENCE),
        },
        tasks,
        found_window: run.found_window.clone(),
        settings: settings(run),
        fingerprints,
        warnings,
        cuts,
        totals,
    }
}

struct Scored {
    right: bool,
    substring: bool,
    credit: Option<f64>,
    class: Option<String>,
    void: Option<String>,
}

impl Scored {
    fn of(row: &Row, corpora: &Corpora) -> Scored {
        let mut row = row.clone();
        row.void = void_reason(&row);
        let judged = judge(&row, corpora);
        Scored {
            right: judged
                .as_ref()
                .is_some_and(|judged| judged.class.is_right()),
            substring: judged.as_ref().is_some_and(|judged| judged.substring),
            credit: judged.as_ref().and_then(|judged| judged.credit),
            class: judged.map(|judged| judged.class.name().to_string()),
            void: row.void,
        }
    }
}

fn task_summary(
    task: Task,
    plan: &Plan,
    settled: &HashMap<u64, &Row>,
    scored: &HashMap<u64, Scored>,
) -> TaskSummary {
    let trials: Vec<&Trial> = plan.trials().filter(|trial| trial.task == task).collect();
    let mut curve = Vec::new();
    let mut cells = Vec::new();
    for &length_tokens in &plan.grid.lengths_tokens {
        let here: Vec<&Trial> = trials
            .iter()
            .copied()
            .filter(|trial| trial.cell_tokens() == length_tokens)
            .collect();
        curve.push(point(length_tokens, &here, scored));
        for depth_percent in plan.grid.depths.cells_percent() {
            let of_cell: Vec<&Trial> = here
                .iter()
                .copied()
                .filter(|trial| trial.cell_percent == depth_percent)
                .collect();
            let (n, right, void, _) = count(&of_cell, scored);
            cells.push(Cell {
                length_tokens,
                depth_percent,
                n,
                right,
                void,
                accuracy: share(right, n),
                interval: (n > 0).then(|| wilson(right, n, CONFIDENCE)),
            });
        }
    }
    let (mut classes, mut voids) = (BTreeMap::new(), BTreeMap::new());
    for trial in &trials {
        let Some(scored) = scored
            .get(&trial.id)
            .filter(|_| settled.contains_key(&trial.id))
        else {
            continue;
        };
        if let Some(class) = &scored.class {
            *classes.entry(class.clone()).or_insert(0) += 1;
        }
        if let Some(void) = &scored.void {
            *voids.entry(void.clone()).or_insert(0) += 1;
        }
    }
    TaskSummary {
        task: task.name().to_string(),
        curve,
        cells,
        classes,
        voids,
    }
}

fn point(length_tokens: u64, trials: &[&Trial], scored: &HashMap<u64, Scored>) -> Point {
    let (n, right, void, substring_right) = count(trials, scored);
    let haystacks: HashSet<u32> = trials
        .iter()
        .filter(|trial| {
            scored
                .get(&trial.id)
                .is_some_and(|scored| scored.void.is_none())
        })
        .map(|trial| trial.sample)
        .collect();
    Point {
        length_tokens,
        n,
        right,
        void,
        haystacks: haystacks.len() as u64,
        accuracy: share(right, n),
        interval: (n > 0).then(|| wilson(right, n, CONFIDENCE)),
        accuracy_voids_failed: share(right, n + void),
        substring_right,
        credit: mean(
            trials
                .iter()
                .filter_map(|trial| scored.get(&trial.id)?.credit),
        ),
        credit_interval: None,
    }
}

fn count(trials: &[&Trial], scored: &HashMap<u64, Scored>) -> (u64, u64, u64, u64) {
    let (mut n, mut right, mut void, mut substring) = (0, 0, 0, 0);
    for scored in trials.iter().filter_map(|trial| scored.get(&trial.id)) {
        if scored.void.is_some() {
            void += 1;
            continue;
        }
        n += 1;
        right += u64::from(scored.right);
        substring += u64::from(scored.substring);
    }
    (n, right, void, substring)
}

fn mean(credits: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = credits.fold((0u64, 0.0), |(count, sum), credit| {
        (count + 1, sum + credit)
    });
    (count > 0).then(|| sum / count as f64)
}

pub(super) fn share(right: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| right as f64 / n as f64)
}

/// What differs from the defaults, in words.
pub(super) fn settings(run: &RunFile) -> Vec<String> {
    let mut settings = Vec::new();
    let asking = &run.asking;
    if asking.max_output_tokens != 64 {
        settings.push(format!("output budget {} tokens", asking.max_output_tokens));
    }
    if asking.temperature != Some(0.0) {
        settings.push(match asking.temperature {
            Some(temperature) => format!("temperature {temperature}"),
            None => "temperature left to the server".into(),
        });
    }
    if let Some(reasoning) = &asking.reasoning {
        settings.push(format!("reasoning effort {reasoning}"));
    }
    for (name, value) in &asking.params {
        settings.push(format!("request field {name} = {value}"));
    }
    if asking.system.is_some() {
        settings.push("a system message of the user's".into());
    }
    if run.grid.question_at == QuestionAt::Start {
        settings.push("question before the haystack".into());
    }
    if run.grid.wording != crate::plan::WordingChoice::Fixed {
        settings.push("wordings drawn from the pool".into());
    }
    if run.grid.values != crate::answer::ValueType::Numbers {
        settings.push(format!("answers are {}s", run.grid.values.noun()));
    }
    if run.grid.tasks.contains(&Task::NIAH_MULTIKEY) && run.grid.keys != 5 {
        settings.push(format!("{} facts in a haystack", run.grid.keys));
    }
    if run.corpus.name != "en" && run.dataset.is_none() {
        settings.push(format!("corpus {}", run.corpus.short()));
    }
    settings
}
