//! The report's content, before it becomes Markdown or HTML.

use super::{advice, dossier, finding, foreign};
use crate::number::{counted, grouped, interval_figures, percent};
use crate::stats::method_of;
use crate::summary::{KindSummary, Point, Summary, TaskSummary, fingerprints_line};

/// A report.
pub struct Document {
    /// Its title.
    pub title: String,
    /// Its parts in order.
    pub blocks: Vec<Block>,
}

/// A part of a report. All text is plain: whoever writes it escapes it.
pub enum Block {
    /// What is read first, in large letters.
    Lead(String),
    /// The heading of what follows.
    Heading(String),
    /// Text.
    Paragraph(String),
    /// Points in no order.
    Bullets(Vec<String>),
    /// Rows below a head. The flag of a column says that it holds numbers.
    Table {
        /// Names of the columns, and whether they hold numbers.
        head: Vec<(String, bool)>,
        /// As many fields in each as there are columns.
        rows: Vec<Vec<String>>,
    },
    /// Commands to type.
    Commands(Vec<String>),
    /// A picture.
    Picture(Picture),
}

/// The pictures of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The curve.
    Accuracy,
    /// The cells.
    Heatmap,
    /// How far each kind of use reaches.
    Kinds,
}

/// What a report on a summary says.
pub fn of(summary: &Summary, run: &str) -> Document {
    if let Some(verification) = &summary.verification {
        return dossier::of(summary, verification, run);
    }
    if let Some(set) = &summary.dataset {
        return foreign::of(summary, set, run);
    }
    if let Some(verdicts) = &summary.verdicts {
        return super::kinds::of(summary, verdicts, run);
    }
    let mut blocks = Vec::new();
    lead(summary, &mut blocks);
    if !summary.warnings.is_empty() {
        blocks.push(heading("Warnings"));
        blocks.push(Block::Bullets(summary.warnings.clone()));
    }
    if !summary.kinds.is_empty() {
        blocks.push(Block::Picture(Picture::Kinds));
        kinds(summary, &mut blocks);
    }
    if summary.tasks.iter().any(|task| !task.curve.is_empty()) {
        blocks.push(Block::Picture(Picture::Accuracy));
    }
    if summary.tasks.iter().any(|task| !task.cells.is_empty()) {
        blocks.push(Block::Picture(Picture::Heatmap));
    }
    for task in &summary.tasks {
        curve(summary, task, &mut blocks);
    }
    if !summary.tasks.is_empty() {
        blocks.push(note(summary));
    }
    ground(summary, run, &mut blocks);
    Document {
        title: format!("{}: accuracy by prompt length", summary.model),
        blocks,
    }
}

/// What every report ends with: answers by class, void trials, what was asked, and how to check it.
pub fn ground(summary: &Summary, run: &str, blocks: &mut Vec<Block>) {
    for task in &summary.tasks {
        classes(task, blocks);
    }
    voids(summary, blocks);
    blocks.push(heading("What was asked"));
    blocks.push(Block::Bullets(facts(summary)));
    blocks.push(heading("Settings that differ from the defaults"));
    blocks.push(match summary.settings.as_slice() {
        [] => Block::Paragraph("None.".to_owned()),
        settings => Block::Bullets(settings.to_vec()),
    });
    again(run, blocks);
}

/// A heading.
pub fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

/// The findings of every task.
fn lead(summary: &Summary, blocks: &mut Vec<Block>) {
    if summary.tasks.is_empty() {
        blocks.push(Block::Paragraph("Nothing was asked.".to_owned()));
    }
    for task in &summary.tasks {
        let mut sentences = Vec::new();
        sentences.push(format!("Task {}.", task.task));
        sentences.push(finding::headline(summary, task));
        sentences.extend(finding::reach(summary, task));
        sentences.push(finding::basis(task));
        blocks.push(Block::Paragraph(sentences.join(" ")));
    }
    if !summary.exact_lengths {
        let estimated = "Lengths are estimates: the model's own tokenizer was not at hand.";
        blocks.push(Block::Paragraph(estimated.to_owned()));
    }
}

/// The table of the kinds of use.
fn kinds(summary: &Summary, blocks: &mut Vec<Block>) {
    blocks.push(heading("Kinds of use"));
    let head = [
        ("kind of use", false),
        ("tasks", false),
        ("right / scored", true),
        ("void", true),
        ("passes up to", true),
        ("accuracy above the threshold up to", true),
        ("below it from", true),
    ];
    let tokens = |tokens: Option<u64>| tokens.map_or("—".to_owned(), grouped);
    let sum =
        |kind: &KindSummary, of: fn(&Point) -> u64| grouped(kind.curve.iter().map(of).sum::<u64>());
    let rows = summary.kinds.iter().map(|kind| {
        vec![
            kind.kind.words().to_owned(),
            kind.tasks.join(", "),
            format!(
                "{}/{}",
                sum(kind, |point| point.right),
                sum(kind, |point| point.n)
            ),
            sum(kind, |point| point.void),
            tokens(kind.reach.passed_tokens),
            tokens(kind.reach.above_tokens),
            tokens(kind.reach.failed_tokens),
        ]
    });
    blocks.push(Block::Table {
        head: head
            .map(|(name, numbers)| (name.to_owned(), numbers))
            .to_vec(),
        rows: rows.collect(),
    });
    blocks.push(Block::Paragraph(format!(
        "A kind passes at a length where the lower end of the {} interval over all its tasks is at \
         least {}, there and at every shorter tested length, and every one of its tasks has been \
         scored; it is below where the interval's upper end is. Intervals are for each length by \
         itself. A search for words passes literal retrieval: only the kinds together say how well a context is used.",
        percent(summary.confidence),
        percent(summary.threshold)
    )));
}

/// The table of a task's curve.
fn curve(summary: &Summary, task: &TaskSummary, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading(format!("Accuracy by length: {}", task.task)));
    let interval = format!("{} interval", percent(summary.confidence));
    let head = [
        "length (tokens)",
        "right / scored",
        "haystacks",
        "accuracy",
        &interval,
        "substring rule",
        "void",
        "voids as failures",
    ];
    let row = |point: &Point| {
        let known = point.n > 0;
        let accuracy = point
            .accuracy
            .filter(|_| known)
            .map_or("–".to_owned(), percent);
        let bounds = point.interval.filter(|_| known);
        vec![
            grouped(point.length_tokens),
            format!("{}/{}", point.right, point.n),
            grouped(point.haystacks),
            accuracy,
            bounds.map_or("–".to_owned(), |interval| {
                format!("{} %", interval_figures(interval))
            }),
            format!("{}/{}", point.substring_right, point.n),
            grouped(point.void),
            match point.accuracy_voids_failed {
                Some(accuracy) if point.void > 0 => percent(accuracy),
                _ => "–".to_owned(),
            },
        ]
    };
    blocks.push(Block::Table {
        head: head.iter().map(|name| ((*name).to_owned(), true)).collect(),
        rows: task.curve.iter().map(row).collect(),
    });
}

/// How to read the tables of curves.
fn note(summary: &Summary) -> Block {
    let points = || {
        summary
            .tasks
            .iter()
            .flat_map(|task| &task.curve)
            .filter(|point| point.n > 0)
    };
    let method = points()
        .find_map(|point| method_of(point.interval?, point.right, point.n, summary.confidence));
    let by = method.map_or(String::new(), |method| {
        format!("Intervals are by {method}. ")
    });
    Block::Paragraph(format!(
        "{by}The substring rule counts an answer as right where the value stands anywhere in it; \
         it passes listings and copies of the haystack, and no conclusion here rests on it."
    ))
}

/// The table of a task's answers by class.
fn classes(task: &TaskSummary, blocks: &mut Vec<Block>) {
    if task.classes.is_empty() {
        return;
    }
    blocks.push(Block::Heading(format!("Answers by class: {}", task.task)));
    let mut classes: Vec<(&String, &u64)> = task.classes.iter().collect();
    classes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let row = |(class, count): (&String, &u64)| {
        vec![
            class.clone(),
            grouped(*count),
            advice::class(class).to_owned(),
        ]
    };
    blocks.push(Block::Table {
        head: head(&[("class", false), ("answers", true), ("meaning", false)]),
        rows: classes.into_iter().map(row).collect(),
    });
}

/// The table of void trials, with what can be done.
fn voids(summary: &Summary, blocks: &mut Vec<Block>) {
    if summary.tasks.iter().all(|task| task.voids.is_empty()) {
        return;
    }
    blocks.push(heading("Void trials"));
    let what = match summary.is_study() {
        false => {
            "Something other than the model came between. Void trials are not in the accuracy \
             above; each is a row of the journal. The column \"voids as failures\" shows what it \
             would be if every one of them had been answered wrongly."
        }
        true => {
            "Something other than the model came between. A void question is asked again once; one \
             that stays void counts as wrong where VERIFIED is at stake and as right where REFUTED \
             is. Each is a row of the journal."
        }
    };
    blocks.push(Block::Paragraph(what.to_owned()));
    let mut rows = Vec::new();
    for task in &summary.tasks {
        for (reason, count) in &task.voids {
            let (meaning, remedy) = advice::void(reason);
            let fields = [
                task.task.as_str(),
                reason,
                &grouped(*count),
                meaning,
                remedy,
            ];
            rows.push(fields.map(str::to_owned).to_vec());
        }
    }
    let names = [
        ("task", false),
        ("reason", false),
        ("trials", true),
        ("meaning", false),
        ("what to do", false),
    ];
    blocks.push(Block::Table {
        head: head(&names),
        rows,
    });
}

/// The head of a table: names of columns, and whether they hold numbers.
pub fn head(names: &[(&str, bool)]) -> Vec<(String, bool)> {
    names
        .iter()
        .map(|(name, numbers)| ((*name).to_owned(), *numbers))
        .collect()
}

/// What was asked of whom, and what it took.
fn facts(summary: &Summary) -> Vec<String> {
    let totals = &summary.totals;
    let how = if summary.exact_lengths {
        "exact"
    } else {
        "estimated"
    };
    let mut facts = vec![
        format!("Target: {}", summary.target),
        format!("Model: {}", summary.model),
    ];
    match &summary.dataset {
        Some(set) => {
            facts.push(format!("Set: {}, BLAKE3 {}", set.file, set.digest));
            facts.push(format!(
                "Items: {} of {}, as {}",
                grouped(set.asked),
                grouped(set.items),
                set.kind
            ));
            facts.push(format!(
                "Tokens that no server counted: by {}",
                summary.tokenizer
            ));
        }
        None => {
            facts.push(format!("Corpus: {}", summary.corpus));
            facts.push(format!(
                "Lengths: {how}, counted with {}",
                summary.tokenizer
            ));
        }
    }
    // A verification's plan says both, and what they mean.
    let plain = !summary.is_study();
    if plain {
        facts.push(format!("Threshold: {}", percent(summary.threshold)));
    }
    if let Some(window) = summary.advertised_tokens.filter(|_| plain) {
        facts.push(format!("Advertised window: {} tokens", grouped(window)));
    }
    if let Some(found) = &summary.found_window {
        facts.push(format!("Served window: {}", finding::window(found)));
    }
    if totals.controls > 0 {
        facts.push(format!(
            "Control prompts, which score nothing: {}",
            grouped(totals.controls)
        ));
    }
    if let Some(line) = fingerprints_line(&summary.fingerprints) {
        facts.push(format!("Fingerprints of who answers: {line}"));
    }
    facts.push(format!(
        "Trials: {} planned, {} scored, {} void, in {}",
        grouped(totals.planned),
        grouped(totals.scored),
        grouped(totals.void),
        counted(totals.attempts, "attempt"),
    ));
    facts.push(format!(
        "Tokens, as reported: {} of prompts, {} of them cached, {} of output",
        grouped(totals.prompt_tokens),
        grouped(totals.cached_tokens),
        grouped(totals.output_tokens),
    ));
    if let Some(cost) = totals.cost_usd {
        facts.push(format!("Price: ${cost:.2}"));
    }
    facts.push(format!("depthfinder {}", summary.depthfinder));
    facts
}

/// How to check all this again.
fn again(run: &str, blocks: &mut Vec<Block>) {
    blocks.push(heading("Check it again"));
    let what = "The first command computes this report again from the journal without asking the \
                model. The second shows the exact bytes of one prompt; TRIAL is the number of a \
                journal row.";
    blocks.push(Block::Paragraph(what.to_owned()));
    let run = shell_word(run);
    let commands = [
        format!("depthfinder report {run}"),
        format!("depthfinder show {run} TRIAL"),
    ];
    blocks.push(Block::Commands(commands.to_vec()));
}

/// A word as a shell reads it back.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
