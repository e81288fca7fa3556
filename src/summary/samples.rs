//! Verifications of every outcome, played through without asking anybody, that sentences, pictures and reports are tried on.

use super::quote;
use super::verdicts::{KindVerdict, Verdicts};
use super::verification::{Verification, verification};
use super::{ControlSummary, Leak};
use crate::claims::Kind;
use crate::corpus::Corpus;
use crate::endpoint::Served;
use crate::ground::Corpora;
use crate::journal::{ControlKind, Loaded, RunFile};
use crate::language::Language;
use crate::plan::Plan;
use crate::run::Standing;
use crate::search::Search;
use crate::seed::RunKey;
use crate::stats::Tally;
use crate::study::{Claim, Layout, Limits, Next, Outcome, Registered, STRATA, Seat, ladder};
use serde_json::json;
use std::collections::HashMap;

/// A plan for a claim with the usual settings.
pub fn plan(written: &str, tokens: u64, layout: Layout) -> Registered {
    let claim = Claim {
        written: written.to_owned(),
        tokens,
        kind: Kind::Total,
        source: None,
    };
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    Registered {
        tau: 0.85,
        relative: false,
        alpha: 0.05,
        ladder: 4,
        layout,
        block: match layout {
            Layout::Isolated => 5,
            Layout::Shared => 25,
        },
        rungs: ladder(&claim, 4, 0.85, layout, limits),
        not_served_gap_ms: 1_000,
        base_questions: 0,
        search: None,
        kinds: 1,
        stop_at_first: false,
        claim,
    }
}

/// Plays a plan through, at most so many questions of it.
pub fn played(
    model: &str,
    registered: &Registered,
    base: Tally,
    most: usize,
    answer: &mut dyn FnMut(&Seat) -> Outcome,
) -> Verification {
    let mut kinds = played_kinds(model, registered, &["niah_multikey"], base, most, answer);
    kinds.swap_remove(0).verification
}

/// The same for a task of each kind of use.
pub fn played_kinds(
    model: &str,
    registered: &Registered,
    tasks: &[&str],
    base: Tally,
    most: usize,
    answer: &mut dyn FnMut(&Seat) -> Outcome,
) -> Vec<KindVerdict> {
    let studies = registered.studies(&vec![base; tasks.len()]);
    let mut known: HashMap<Seat, Outcome> = HashMap::new();
    let course = loop {
        let course = studies.replay(&|seat| known.get(seat).copied());
        let seats = match &course.next {
            Next::Ask(seats) if known.len() < most => seats.clone(),
            Next::Confirm { seat, .. } => vec![*seat],
            _ => break course,
        };
        known.extend(seats.into_iter().map(|seat| (seat, answer(&seat))));
    };
    let run: RunFile = serde_json::from_value(json!({
        "schema": 1, "depthfinder": "0.1.0", "prompt_format": 1, "began_ms": 0, "target": "sim:x",
        "served": Served { model: model.to_owned(), ..Served::default() },
        "advertised_tokens": null,
        "grid": {"tasks": tasks, "lengths_tokens": [512], "depths": {"strata": 5},
            "samples": 0, "keys": 5, "values": "numbers", "wording": "pool", "question_at": "end"},
        "secret": "00", "salt": "", "corpus": {"name": "en", "digest": "1"},
        "tokenizer": {"name": "o200k", "digest": "1"}, "exact": true, "server_counts": false,
        "overhead_tokens": 7, "price": null, "plan_hash": "0a".repeat(32),
        "asking": {"max_output_tokens": 64, "temperature": 0.0, "reasoning": null, "system": null,
            "threshold": 0.85},
    }))
    .expect("a run");
    let standing = Standing {
        plan: Plan {
            grid: run.grid.clone(),
            groups: Vec::new(),
        },
        studies,
        course,
    };
    let corpus = Corpus {
        name: "none".to_owned(),
        texts: Vec::new(),
    };
    let english = Language::named("en").expect("built in");
    let corpora = Corpora::of(corpus, &[], english, 0, Default::default()).expect("no others");
    let of_kind = |at: usize| {
        let own = || known.keys().filter(|seat| seat.kind as usize == at);
        let mut played = verification(&run, &standing, &Loaded::default(), &corpora, at);
        played.base = base;
        played.questions = own().count() as u64;
        played.tokens = own().map(|seat| seat.rung_tokens).sum();
        played.controls = controls();
        told(model, &mut played);
        KindVerdict {
            kind: run.grid.tasks[at].kind(),
            task: run.grid.tasks[at].name().to_owned(),
            verification: played,
        }
    };
    (0..tasks.len()).map(of_kind).collect()
}

/// Verdicts over several kinds of use, by name: all verified, one refuted and one undecided, and
/// all but the one that was refuted first unfinished.
pub fn kinds_gallery() -> Vec<(&'static str, &'static str, Verdicts)> {
    const TASKS: [&str; 3] = ["niah_single", "associative", "sum"];
    let plan = Registered {
        kinds: 3,
        ..plan("128k", 128_000, Layout::Isolated)
    };
    let first = Registered {
        stop_at_first: true,
        ..plan.clone()
    };
    let none = Tally::default();
    let mixed = |seat: &Seat| match seat.kind {
        0 => Outcome::Right,
        // Nine in ten, at every length.
        1 if (seat.block * 5 + seat.place).is_multiple_of(10) => Outcome::Wrong,
        2 if seat.rung_tokens > 16_000 => Outcome::Wrong,
        _ => Outcome::Right,
    };
    let (perfect, cliff) = ("sim:perfect", "sim:perfect,aggregate=cliff=16k");
    let two = Registered {
        kinds: 2,
        search: Some(Search::new(plan.rungs[0].nominal_tokens - 1, 128_000)),
        ..plan.clone()
    };
    let play = |model: &'static str,
                plan: &Registered,
                tasks: &[&str],
                truth: &dyn Fn(&Seat) -> Outcome| {
        let answer = &mut |seat: &Seat| truth(seat);
        let kinds = played_kinds(model, plan, tasks, none, usize::MAX, answer);
        Verdicts::of(model, plan, kinds)
    };
    vec![
        (
            "kinds_verified",
            perfect,
            play(perfect, &plan, &TASKS, &|_| Outcome::Right),
        ),
        ("kinds_mixed", cliff, play(cliff, &plan, &TASKS, &mixed)),
        ("kinds_stopped", cliff, play(cliff, &first, &TASKS, &mixed)),
        (
            "kinds_search",
            cliff,
            play(
                cliff,
                &two,
                &["niah_single", "sum"],
                &|seat| match seat.kind == 1 && seat.rung_tokens > 20_000 {
                    true => Outcome::Wrong,
                    false => Outcome::Right,
                },
            ),
        ),
    ]
}

/// Writes sentence and paragraph anew after a change.
pub fn told(model: &str, verification: &mut Verification) {
    verification.sentence = quote::sentence(model, verification);
    verification.paragraph = quote::paragraph(verification);
}

fn controls() -> Vec<ControlSummary> {
    [
        (ControlKind::ShortContext, 10, 10),
        (ControlKind::NeedleOnly, 5, 5),
        (ControlKind::NoContext, 10, 0),
        (ControlKind::NoNeedle, 6, 0),
        (ControlKind::AbsentNeedle, 6, 6),
    ]
    .map(|(kind, answered, right)| ControlSummary {
        kind,
        answered,
        right,
        void: 0,
        longest_tokens: 2_000,
    })
    .to_vec()
}

/// Answers that are right with the chance that a truth gives at a length in tokens and a fifth.
fn chances(truth: impl Fn(u64, usize) -> f64) -> impl FnMut(&Seat) -> Outcome {
    let mut stream = RunKey::public("samples").stream("answers", &[]);
    move |seat| match stream.unit() < truth(seat.rung_tokens, seat.stratum()) {
        true => Outcome::Right,
        false => Outcome::Wrong,
    }
}

/// A verification of every outcome, by name, with the model's name.
pub fn gallery() -> Vec<(&'static str, &'static str, Verification)> {
    const ALL: usize = usize::MAX;
    let none = Tally::default();
    let long = plan("10M", 10_000_000, Layout::Isolated);
    let short = plan("128k", 128_000, Layout::Isolated);
    let mut all = Vec::new();
    let mut add = |name, model, verification| all.push((name, model, verification));

    let right = &mut chances(|_, _| 1.0);
    add(
        "verified",
        "sim:perfect",
        played("sim:perfect", &short, none, ALL, right),
    );
    let bad = &mut |seat: &Seat| match seat.stratum() < 2 {
        true => Outcome::Right,
        false => Outcome::Wrong,
    };
    add(
        "refuted",
        "sim:scout",
        played("sim:scout", &long, none, ALL, bad),
    );

    let lower = Registered {
        tau: 0.7,
        rungs: plan("128k", 128_000, Layout::Isolated).rungs,
        ..short.clone()
    };
    let hole = &mut |seat: &Seat| match seat.stratum() != 2 || seat.block % 5 == 4 {
        true => Outcome::Right,
        false => Outcome::Wrong,
    };
    add(
        "hole",
        "sim:hole",
        played("sim:hole", &lower, none, ALL, hole),
    );

    let mut at_ms = 0;
    let cut = &mut |seat: &Seat| match seat.rung_tokens > 131_072 {
        true => {
            at_ms += 2_000;
            Outcome::NotServed { at_ms }
        }
        false => Outcome::Right,
    };
    let million = plan("1M", 1_000_000, Layout::Isolated);
    let mut cut = played("gpt-4.1-mini", &million, none, ALL, cut);
    cut.window_tokens = Some(131_072);
    told("gpt-4.1-mini", &mut cut);
    add("not_served", "gpt-4.1-mini", cut);

    let close = &mut chances(|_, _| 0.88);
    add(
        "undecided",
        "sim:flat",
        played("sim:flat", &short, none, ALL, close),
    );
    add(
        "unfinished",
        "sim:perfect",
        played("sim:perfect", &short, none, 12, right),
    );
    add(
        "unasked",
        "sim:perfect",
        played("sim:perfect", &short, none, 0, right),
    );

    let seeking = Registered {
        search: Some(Search::new(million.rungs[0].nominal_tokens - 1, 1_000_000)),
        ..million.clone()
    };
    let cliff = &mut chances(|tokens, _| f64::from(u8::from(tokens < 180_000)));
    add(
        "search",
        "sim:cliff=180k",
        played("sim:cliff=180k", &seeking, none, ALL, cliff),
    );

    let shared = plan("32k", 32_000, Layout::Shared);
    let texts = &mut |seat: &Seat| match (seat.haystack() + seat.block).is_multiple_of(5) {
        true => Outcome::Wrong,
        false => Outcome::Right,
    };
    add(
        "shared",
        "sim:flat",
        played("sim:flat", &shared, none, ALL, texts),
    );

    let relative = Registered {
        relative: true,
        base_questions: 100,
        ..plan("16k", 16_000, Layout::Isolated)
    };
    let base = Tally {
        right: 93,
        wrong: 7,
        void: 0,
    };
    let usual = &mut |seat: &Seat| match (5 * seat.block + seat.place) % 20 {
        7 => Outcome::Wrong,
        _ => Outcome::Right,
    };
    add(
        "relative",
        "sim:flat=0.93",
        played("sim:flat=0.93", &relative, base, ALL, usual),
    );

    let flaky = &mut |seat: &Seat| match (seat.block + seat.place) % 9 {
        0 => Outcome::Void,
        1 => Outcome::Wrong,
        _ => Outcome::Right,
    };
    let mut voids = played("sim:flaky", &short, none, ALL, flaky);
    for rung in &mut voids.rungs {
        rung.refusals = rung.tally.wrong / 2;
    }
    told("sim:flaky", &mut voids);
    add("flaky", "sim:flaky", voids);

    let mut leaky = played("sim:leaky", &short, none, ALL, &mut chances(|_, _| 1.0));
    leaky.leaks = vec![Leak {
        kind: ControlKind::NoNeedle,
        control: 17,
        length_tokens: 8_000,
        question: "What is the special magic number for Oslo?".to_owned(),
        answer: "4829173".to_owned(),
        passage: Some("the number 4829173 stood on the door".to_owned()),
    }];
    leaky.verdict.headline = crate::study::Headline::Undecided;
    leaky.verdict.why =
        Some("a question was answered rightly though its fact was nowhere in the prompt".into());
    told("sim:leaky", &mut leaky);
    add("leak", "sim:leaky", leaky);
    assert!(
        all.iter()
            .all(|(_, _, one)| one.rungs[0].strata.len() == STRATA)
    );
    all
}
