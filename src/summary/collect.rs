//! Rows into numbers: counts, shares and their intervals, by length and by depth.

use super::{Cell, CutFinding, Point, Summary, TaskSummary, Totals};
use crate::corpus::Corpus;
use crate::journal::{Control, ControlKind, Loaded, Row, RunFile};
use crate::number::grouped;
use crate::plan::{Plan, Task, Trial};
use crate::price::Price;
use crate::prompt::QuestionAt;
use crate::reconcile::half_window;
use crate::run::{judge, void_reason};
use crate::stats::wilson;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Version of `summary.json`.
const SCHEMA: u32 = 1;
const CONFIDENCE: f64 = 0.95;

/// Scores every row anew and sums up. Rows of a trial before the one that settles it count as
/// attempts only.
pub fn summarize(
    run: &RunFile,
    plan: &Plan,
    loaded: &Loaded,
    corpus: &Corpus,
    price: Option<Price>,
) -> Summary {
    let rows = loaded.rows.as_slice();
    let mut settled: HashMap<u64, &Row> = HashMap::new();
    for row in rows.iter().filter(|row| row.settled) {
        settled.insert(row.trial.id, row);
    }
    let scored: HashMap<u64, Scored> = settled
        .iter()
        .map(|(id, row)| (*id, Scored::of(row, corpus)))
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
        ..Totals::default()
    };
    let controls = loaded.controls.iter().filter_map(Control::reply);
    for reply in rows.iter().filter_map(Row::reply).chain(controls) {
        totals.prompt_tokens += reply.usage.prompt_tokens.unwrap_or(0);
        totals.cached_tokens += reply.usage.cached_tokens.unwrap_or(0);
        totals.output_tokens += reply.usage.output_tokens.unwrap_or(0);
    }
    totals.cost_usd = price.map(|price| price.usd(totals.prompt_tokens, totals.output_tokens));
    Summary {
        schema: SCHEMA,
        depthfinder: env!("CARGO_PKG_VERSION").to_string(),
        target: run.target.clone(),
        model: run.served.model.clone(),
        corpus: run.corpus.short().to_string(),
        tokenizer: run.tokenizer.short().to_string(),
        exact_lengths: run.exact && run.overhead_tokens.is_some(),
        threshold: run.asking.threshold,
        advertised_tokens: run.advertised_tokens,
        confidence: CONFIDENCE,
        tasks,
        found_window: run.found_window.clone(),
        settings: settings(run),
        warnings: warnings(run, &cuts, rows, &settled, &totals),
        cuts,
        totals,
    }
}

struct Scored {
    right: bool,
    substring: bool,
    class: Option<String>,
    void: Option<String>,
}

impl Scored {
    fn of(row: &Row, corpus: &Corpus) -> Scored {
        let mut row = row.clone();
        row.void = void_reason(&row);
        let judged = judge(&row, corpus);
        Scored {
            right: judged
                .as_ref()
                .is_some_and(|judged| judged.class.is_right()),
            substring: judged.as_ref().is_some_and(|judged| judged.substring),
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
            .filter(|trial| trial.length_tokens == length_tokens)
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

fn share(right: u64, n: u64) -> Option<f64> {
    (n > 0).then(|| right as f64 / n as f64)
}

/// What canaries showed, one finding a length. A suspicion needs a reader: a model that finds all
/// codes of a shorter prompt.
fn cuts(controls: &[Control]) -> Vec<CutFinding> {
    let canaries = || controls.iter().filter(|c| c.kind == ControlKind::Canary);
    let reads = canaries()
        .filter(|control| control.is_whole())
        .map(|control| control.length_tokens)
        .min();
    let mut findings: Vec<CutFinding> = Vec::new();
    for control in canaries().filter(|control| control.reply().is_some()) {
        let (proven, looks) = (control.is_proven_cut(), control.looks_cut());
        let can_read = reads.is_some_and(|length| length < control.length_tokens);
        if !proven && (looks.is_none() || !can_read) {
            continue;
        }
        let reported = control.reply().and_then(|reply| reply.usage.prompt_tokens);
        let half = reported.and_then(half_window).filter(|_| proven);
        let mut words = match looks {
            Some(cut) => cut.words().to_owned(),
            None => "which part is missing does not show".to_owned(),
        };
        if let Some(window) = half {
            words.push_str(&format!(
                "; its count is what Ollama leaves of a window of {window} tokens"
            ));
        }
        findings.retain(|finding| finding.length_tokens != control.length_tokens);
        findings.push(CutFinding {
            length_tokens: control.length_tokens,
            proven,
            cut: looks,
            reported_tokens: reported,
            half_window_tokens: half,
            words,
        });
    }
    findings.sort_by_key(|finding| finding.length_tokens);
    findings
}

/// What differs from the defaults, in words.
fn settings(run: &RunFile) -> Vec<String> {
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
    if run.grid.values != crate::task::niah::ValueType::Numbers {
        settings.push(format!("answers are {}s", run.grid.values.noun()));
    }
    if run.grid.tasks.contains(&Task::NiahMultikey) && run.grid.keys != 5 {
        settings.push(format!("{} facts in a haystack", run.grid.keys));
    }
    if run.corpus.name != "en" {
        settings.push(format!("corpus {}", run.corpus.short()));
    }
    settings
}

/// What a reader of the charts must know.
fn warnings(
    run: &RunFile,
    cuts: &[CutFinding],
    rows: &[Row],
    settled: &HashMap<u64, &Row>,
    totals: &Totals,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !run.exact && !run.server_counts && run.fit.is_none() {
        warnings.push(format!(
            "lengths are counted with {}, not with the model's own tokenizer: they may be 15 % off (give it with --tokenizer)",
            run.tokenizer.short()
        ));
    } else if let Some(fit) = &run.fit {
        warnings.push(format!(
            "lengths are fitted to the server's counts of {} prompts ({:.3} tokens per token of {}): they may be {:.1} % off",
            fit.samples.len(),
            fit.slope,
            run.tokenizer.short(),
            100.0 * fit.tolerance()
        ));
    } else if run.overhead_tokens.is_none() {
        warnings
            .push("the chat template's tokens are not known and not counted in the lengths".into());
    }
    let unsaid = rows
        .iter()
        .filter(|row| {
            row.settled
                && row
                    .reply()
                    .is_some_and(|reply| reply.usage.prompt_tokens.is_none())
        })
        .count();
    if unsaid > 0 {
        warnings.push(format!(
            "{unsaid} replies came without token counts: a silent cut of the prompt cannot be ruled out for them"
        ));
    }
    for finding in cuts {
        warnings.push(format!(
            "at {} tokens {}: {}",
            grouped(finding.length_tokens),
            match finding.proven {
                true => "the server cut the prompt",
                false =>
                    "a cut of the prompt is suspected, though the token count does not show it",
            },
            finding.words
        ));
    }
    warnings.extend(run.adaptations.iter().cloned());
    let providers: BTreeSet<&str> = settled
        .values()
        .filter_map(|row| row.reply()?.provider.as_deref())
        .collect();
    if providers.len() > 1 {
        let names: Vec<&str> = providers.into_iter().collect();
        warnings.push(format!(
            "replies came from different providers ({}): pin one with --param provider={{\"only\":[\"NAME\"]}}",
            names.join(", ")
        ));
    }
    let open = totals.planned - settled.len() as u64;
    if open > 0 {
        warnings.push(format!(
            "{open} of {} trials are not asked yet",
            totals.planned
        ));
    }
    let repeated = settled
        .values()
        .filter(|row| row.prompt.shares.repeated_tokens > 0)
        .count();
    if repeated > 0 {
        warnings.push(format!(
            "{repeated} prompts repeat a sentence of their haystack"
        ));
    }
    let code = settled
        .values()
        .filter(|row| row.prompt.shares.code_tokens > 0)
        .count();
    if code > 0 {
        warnings.push(format!(
            "{code} haystacks go on in source code beyond all prose"
        ));
    }
    let mut models: Vec<&str> = settled
        .values()
        .filter_map(|row| row.reply()?.model.as_deref())
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    models.sort_unstable();
    if models.len() > 1 {
        warnings.push(format!(
            "replies name different models: {}",
            models.join(", ")
        ));
    }
    let prints: HashSet<&str> = settled
        .values()
        .filter_map(|row| row.reply()?.system_fingerprint.as_deref())
        .collect();
    if prints.len() > 1 {
        warnings.push(format!(
            "the server's system_fingerprint changed within the run ({} values)",
            prints.len()
        ));
    }
    warnings
}
