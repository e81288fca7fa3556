//! Summaries of many shapes, built by hand, that pictures and reports are tried on.

use crate::stats::{Tally, clopper_pearson, wilson};
use crate::summary::{Cell, Point, Summary, TaskSummary, Totals, Verdicts, Verification, kinds};
use std::collections::BTreeMap;

/// What happened in a cell: scored, right, void.
pub type Outcome = (u64, u64, u64);

/// A task whose cells are told by a function of length and depth in percent.
pub fn task(
    name: &str,
    lengths: &[u64],
    depths: u32,
    haystacks: u64,
    outcome: impl Fn(u64, f64) -> Outcome,
) -> TaskSummary {
    let depth = |at: u32| 100.0 * f64::from(at) / f64::from((depths - 1).max(1));
    let mut cells = Vec::new();
    let mut curve = Vec::new();
    for length in lengths {
        let (mut n, mut right, mut void) = (0, 0, 0);
        for at in 0..depths {
            let cell = outcome(*length, depth(at));
            cells.push(Cell {
                length_tokens: *length,
                depth_percent: depth(at),
                n: cell.0,
                right: cell.1,
                void: cell.2,
                accuracy: (cell.0 > 0).then(|| cell.1 as f64 / cell.0 as f64),
                interval: (cell.0 > 0).then(|| clopper_pearson(cell.1, cell.0, 0.95)),
            });
            (n, right, void) = (n + cell.0, right + cell.1, void + cell.2);
        }
        curve.push(Point {
            length_tokens: *length,
            n,
            right,
            void,
            haystacks: haystacks.min(n),
            accuracy: (n > 0).then(|| right as f64 / n as f64),
            interval: (n > 0).then(|| clopper_pearson(right, n, 0.95)),
            accuracy_voids_failed: (n + void > 0).then(|| right as f64 / (n + void) as f64),
            substring_right: (right + n) / 2,
            credit: None,
            credit_interval: None,
        });
    }
    let sum = |of: fn(&Point) -> u64| curve.iter().map(of).sum::<u64>();
    let (n, right, void) = (sum(|p| p.n), sum(|p| p.right), sum(|p| p.void));
    let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        counts
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    TaskSummary {
        task: name.to_owned(),
        curve,
        cells,
        classes: counts(&[
            ("exact", right),
            ("distractor", (n - right) / 2),
            ("wrong", n - right - (n - right) / 2),
        ]),
        voids: counts(&[("rate-limited", void / 2), ("too-long", void - void / 2)]),
    }
}

/// A summary of some tasks.
pub fn summary(model: &str, tasks: Vec<TaskSummary>) -> Summary {
    let points = || tasks.iter().flat_map(|task| &task.curve);
    let (scored, void) = (points().map(|p| p.n).sum(), points().map(|p| p.void).sum());
    Summary {
        schema: 1,
        depthfinder: "0.1.0".to_owned(),
        target: format!("http://127.0.0.1:8000/v1#{model}"),
        model: model.to_owned(),
        corpus: "english-prose".to_owned(),
        tokenizer: "o200k_base".to_owned(),
        exact_lengths: true,
        threshold: 0.85,
        advertised_tokens: Some(131_072),
        confidence: 0.95,
        totals: Totals {
            planned: scored + void,
            scored,
            void,
            attempts: scored + 2 * void,
            controls: 0,
            fingerprint_questions: 0,
            prompt_tokens: points().map(|p| p.n * p.length_tokens).sum(),
            cached_tokens: 0,
            output_tokens: 12 * scored,
            cost_usd: None,
        },
        kinds: Vec::new(),
        tasks,
        verification: None,
        dataset: None,
        verdicts: None,
        cuts: Vec::new(),
        found_window: None,
        fingerprints: Vec::new(),
        settings: Vec::new(),
        warnings: Vec::new(),
    }
}

/// The summary of a verification that was played through.
pub fn verified(model: &str, verification: Verification) -> Summary {
    let mut summary = summary(model, vec![asked("niah_multikey", &verification)]);
    summary.threshold = verification.plan.tau;
    summary.advertised_tokens = Some(verification.plan.claim.tokens);
    summary.verify(verification);
    summary
}

/// The same for several kinds of use.
pub fn verified_kinds(model: &str, verdicts: Verdicts) -> Summary {
    let kinds = verdicts.kinds.iter();
    let tasks = kinds.map(|kind| asked(&kind.task, &kind.verification));
    let mut summary = summary(model, tasks.collect());
    summary.threshold = verdicts.plan.tau;
    summary.advertised_tokens = Some(verdicts.plan.claim.tokens);
    summary.verify_kinds(verdicts);
    summary
}

/// The task of a verification, as its rows would have been summed up.
fn asked(name: &str, verification: &Verification) -> TaskSummary {
    let rungs = || verification.rungs.iter().chain(&verification.searched);
    let mut lengths: Vec<u64> = rungs().map(|rung| rung.nominal_tokens).collect();
    lengths.sort_unstable();
    let mut task = task(name, &lengths, 5, u64::MAX, |length, depth| {
        let rung = rungs().find(|rung| rung.nominal_tokens == length);
        let tally = rung.map_or(Tally::default(), |rung| {
            rung.strata[(depth / 25.0) as usize]
        });
        (tally.answered(), tally.right, tally.void)
    });
    for cell in &mut task.cells {
        // Fifths, by their middles.
        cell.depth_percent = 10.0 + 0.8 * cell.depth_percent;
    }
    task
}

/// Doublings from `first`.
pub fn doublings(first: u64, count: u32) -> Vec<u64> {
    (0..count).map(|step| first << step).collect()
}

/// A model that loses the middle of long prompts, asked `n` times a cell.
pub fn middle_loss(n: u64) -> impl Fn(u64, f64) -> Outcome {
    move |length, depth| {
        let long = ((length as f64 / 4000.0).log2() / 6.0).clamp(0.0, 1.2);
        let middle = 1.0 - ((depth - 50.0) / 50.0).powi(2);
        let wobble = ((length / 7 + depth as u64 * 13) % 5) as f64 * 0.06;
        let share = (1.02 - long * (0.25 + 0.7 * middle) - wobble * long).clamp(0.0, 1.0);
        (n, (share * n as f64).round() as u64, 0)
    }
}

/// Suites of tasks, which pictures arrange by kinds of use: the summary of those of the program
/// that are named, and of one that is not.
pub fn suite(tasks: &[&str]) -> Summary {
    let lengths = doublings(4000, 6);
    let tasks = tasks.iter().zip(1..).map(|(name, nth)| {
        task(name, &lengths, 5, 4, move |length, depth| {
            middle_loss(4)(length * nth / 3, depth)
        })
    });
    let mut summary = summary("sim:steps", tasks.collect());
    summary.kinds = kinds(&summary.tasks, summary.threshold, summary.confidence);
    summary
}

/// Every shape that a picture must be good at, by name.
pub fn gallery() -> Vec<(&'static str, Summary)> {
    let mut all = Vec::new();
    let mut add = |name, summary| all.push((name, summary));

    let plain = [4000, 8000, 16_000, 32_000, 64_000, 128_000];
    add(
        "plain",
        summary(
            "smollm2-360m-instruct",
            vec![task("niah_single", &plain, 5, 5, middle_loss(3))],
        ),
    );

    let eight = doublings(1024, 8);
    let three = vec![
        task("niah_single", &eight, 11, 5, middle_loss(6)),
        task("niah_multikey", &eight, 11, 5, |length, depth| {
            let (n, right, _) = middle_loss(6)(length * 2, depth);
            (n, right, u64::from(length > 60_000 && depth > 80.0))
        }),
        task(
            "associative_recall_two_hops",
            &eight,
            11,
            5,
            |length, depth| {
                let (n, right, _) = middle_loss(6)(length * 6, depth);
                (n, right / 2, 0)
            },
        ),
    ];
    add("three", summary("Qwen3-235B-A22B-Instruct-2507", three));

    let twelve = doublings(4096, 12);
    let mut wide = summary(
        "/srv/models/unsloth/Llama-4-Scout-17B-16E-Instruct-GGUF/UD-Q4_K_XL/Llama-4-Scout-17B-16E-Instruct-UD-Q4_K_XL-00001-of-00002.gguf",
        vec![task("niah_single", &twelve, 35, 12, |length, depth| {
            let (n, right, _) = middle_loss(3)(length / 8, depth);
            if length > 4_000_000 && depth > 30.0 {
                (0, 0, 3)
            } else if length > 1_000_000 && depth > 60.0 {
                (n - 1, right.min(n - 1), 1)
            } else {
                (n, right, 0)
            }
        })],
    );
    wide.advertised_tokens = Some(10_000_000);
    wide.exact_lengths = false;
    add("wide", wide);

    let voids = task(
        "niah_single",
        &[4000, 32_000, 120_000, 128_000],
        5,
        4,
        |length, depth| match length {
            128_000 => (0, 0, 4),
            120_000 if depth == 50.0 => (0, 0, 4),
            120_000 => (2, 1, 2),
            32_000 if depth == 0.0 => (3, 3, 1),
            _ => (4, 4, 0),
        },
    );
    add("voids", summary("gpt-oss-20b", vec![voids]));

    let right = |_, _| (4, 4, 0);
    let wrong = |_, _| (4, 0, 0);
    add(
        "right",
        summary(
            "sim:perfect",
            vec![task("niah_single", &plain, 11, 5, right)],
        ),
    );
    add(
        "wrong",
        summary(
            "sim:broken",
            vec![task("niah_single", &plain, 11, 5, wrong)],
        ),
    );
    let both = vec![
        task("niah_single", &plain, 5, 5, right),
        task("niah_multi", &plain, 5, 5, right),
    ];
    add("both_right", summary("sim:perfect", both));

    let mut single = summary(
        "tiny",
        vec![task("niah_single", &[8192], 5, 3, |_, depth| {
            (3, u64::from(depth != 50.0) * 2, 0)
        })],
    );
    single.advertised_tokens = None;
    add("single", single);

    let two = vec![
        task("niah_single", &[4000, 1_000_000], 1, 2, |_, _| (5, 4, 0)),
        task("niah_multi", &[4000, 1_000_000], 1, 2, |_, _| (5, 1, 0)),
    ];
    add("two", summary("claude-sonnet-4-5", two));

    let mut million = summary(
        "gemini-2.5-pro",
        vec![task(
            "niah_single",
            &[1000, 10_000, 100_000, 1_000_000, 10_000_000],
            11,
            3,
            middle_loss(1),
        )],
    );
    million.advertised_tokens = Some(1_048_576);
    for point in &mut million.tasks[0].curve {
        point.interval = Some(wilson(point.right, point.n, 0.95));
    }
    add("ten_million", million);

    add(
        "many",
        summary(
            "dense-grid",
            vec![task(
                "niah_single",
                &(1..=35).map(|step| 4000 * step).collect::<Vec<_>>(),
                35,
                35,
                middle_loss(1),
            )],
        ),
    );

    let mut scripts = summary(
        "Qwen3-呐喊 猫である (مرحبا، سلام) नमस्ते श्री 조선말 Ёж 128k",
        vec![task("niah_single 中文", &plain, 5, 5, middle_loss(3))],
    );
    scripts.corpus = "《狂人日记》 · कर्मभूमि · كليلة ودمنة".to_owned();
    add("scripts", scripts);

    let never = |_, _| (0, 0, 3);
    add(
        "nothing",
        summary(
            "unreachable",
            vec![task("niah_single", &plain, 5, 0, never)],
        ),
    );
    for (name, model, verification) in crate::summary::samples::gallery() {
        all.push((name, verified(model, verification)));
    }
    for (name, model, verdicts) in crate::summary::samples::kinds_gallery() {
        all.push((name, verified_kinds(model, verdicts)));
    }
    all
}
