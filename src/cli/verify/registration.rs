//! The plan of a verification, made of what was typed and what is known of the target.

use crate::claims::{self, Match, Registry};
use crate::cli::arguments::Verify;
use crate::cli::inquiry::{Opened, options};
use crate::length::parse_tokens;
use crate::number::grouped;
use crate::plan::{Depths, Grid};
use crate::prompt::QuestionAt;
use crate::search::Search;
use crate::study::{Claim, Layout, Limits, Registered, SHARED_HAYSTACKS, STRATA, ladder};
use crate::task::{Kind, Task};
use anyhow::{Context, Result, bail, ensure};

/// What stands for "whatever is said of the model".
const ADVERTISED: &str = "advertised";
/// Questions that a relative threshold is made of.
const BASE_QUESTIONS: u64 = 100;
/// Tokens by which a prompt's own count may be off where the model's tokenizer counts it: templates
/// of servers differ by a few.
const EXACT_TOKENS: u64 = 16;
/// Share by which it may be off where the server's own count sizes it.
const COUNTED: f64 = 0.005;
/// And where its counts are fitted.
const FITTED: f64 = 0.02;

/// The arguments with the tasks that stand for `--kinds`.
///
/// # Errors
/// When there is no such kind.
pub fn with_tasks(mut arguments: Verify) -> Result<Verify> {
    if !arguments.kinds.is_empty() {
        let tasks: Result<Vec<String>> = arguments
            .kinds
            .iter()
            .map(|name| {
                Ok(Kind::named(name.trim())?
                    .representative()
                    .name()
                    .to_string())
            })
            .collect();
        arguments.inquiry.task = tasks?;
    }
    Ok(arguments)
}

/// The tasks, one of each kind of use, from the simplest kind on.
fn tasks(arguments: &Verify) -> Result<Vec<Task>> {
    let mut tasks = options::tasks(arguments)?;
    tasks.sort_by_key(|task| task.kind());
    for pair in tasks.windows(2) {
        ensure!(
            pair[0].kind() != pair[1].kind(),
            "{} and {} are both {}: verify tests one task of each kind of use",
            pair[0].name(),
            pair[1].name(),
            pair[0].kind().words()
        );
    }
    Ok(tasks)
}

/// What can be refused before anything is connected, fetched or started.
pub fn check(arguments: &Verify) -> Result<()> {
    options::check(arguments)?;
    if arguments.claim != ADVERTISED {
        let tokens = parse_tokens(&arguments.claim).context("bad --claim")?;
        ensure!(
            tokens >= 256,
            "a claim of fewer than 256 tokens needs no test"
        );
    }
    for (name, share) in [
        ("--tau", Some(arguments.tau)),
        ("--tau-relative", arguments.tau_relative),
    ] {
        ensure!(
            share.is_none_or(|share| (0.05..=0.99).contains(&share)),
            "{name} is a share between 0.05 and 0.99"
        );
    }
    ensure!(
        (0.0001..=0.2).contains(&arguments.alpha),
        "--alpha is a chance between 0.0001 and 0.2"
    );
    ensure!(
        (2..=64).contains(&arguments.ladder),
        "--ladder is a ratio between 2 and 64"
    );
    let tasks = tasks(arguments)?;
    ensure!(
        tasks.len() > 1 || !arguments.stop_at_first,
        "--stop-at-first is there for several kinds of use: name them with --kinds"
    );
    ensure!(
        arguments.layout != "shared" || tasks.iter().all(|task| task.shares_haystack()),
        "--layout shared plants many facts that are asked one by one: it is there for niah_single and niah_multikey"
    );
    ensure!(
        arguments.layout != "shared" || tasks.len() == 1,
        "--layout shared takes one kind of use"
    );
    ensure!(
        arguments.layout != "shared" || !(arguments.open || arguments.search),
        "--layout shared has a fixed number of questions: leave --open and --search out"
    );
    Ok(())
}

/// The plan, and the grid that its rows belong to.
pub fn register(arguments: &Verify, opened: &Opened) -> Result<(Registered, Grid)> {
    let claim = claim(arguments, opened)?;
    let layout = match arguments.layout.as_str() {
        "shared" => Layout::Shared,
        _ => Layout::Isolated,
    };
    let relative = arguments.tau_relative.is_some();
    let tau = arguments.tau_relative.unwrap_or(arguments.tau);
    let share = match (opened.exact, opened.server_counts) {
        (true, _) => 0.0,
        (false, true) => COUNTED,
        (false, false) => FITTED,
    };
    let limits = Limits {
        output_tokens: opened.asking.max_output_tokens,
        uncertainty_tokens: EXACT_TOKENS.max((share * claim.tokens as f64) as u64),
    };
    let mut rungs = ladder(&claim, arguments.ladder, tau, layout, limits);
    if arguments.open {
        for rung in &mut rungs {
            rung.most = None;
        }
    }
    let grid = Grid {
        tasks: tasks(arguments)?,
        lengths_tokens: rungs.iter().map(|rung| rung.nominal_tokens).collect(),
        depths: Depths::Strata(STRATA as u32),
        samples: 0,
        keys: arguments.keys,
        values: options::values(arguments),
        wording: options::wording(&arguments.wording),
        question_at: options::question_at(arguments),
        language: arguments.haystack_lang.clone(),
        question_language: options::question_language(arguments),
        beyond: options::beyond(arguments),
        difficulty: options::difficulty(arguments)?,
    };
    if layout == Layout::Shared && grid.question_at == QuestionAt::Start {
        bail!(
            "--layout shared shares what stands before the question: leave --question-at start out"
        );
    }
    let search = arguments.search.then(|| {
        let shortest = rungs
            .first()
            .map_or(claim.tokens, |rung| rung.nominal_tokens);
        Search {
            tau,
            alpha: arguments.alpha,
            // A length that was rounded up to a whole token is still one of the ladder.
            ..Search::new(shortest.saturating_sub(1), claim.tokens)
        }
    });
    if let Some(search) = &search {
        search.check()?;
    }
    let registered = Registered {
        claim,
        tau,
        relative,
        alpha: arguments.alpha,
        ladder: arguments.ladder,
        layout,
        block: STRATA as u64
            * match layout {
                Layout::Isolated => 1,
                Layout::Shared => u64::from(SHARED_HAYSTACKS),
            },
        rungs,
        not_served_gap_ms: arguments.not_served_gap * 1_000,
        base_questions: match relative {
            true => BASE_QUESTIONS,
            false => 0,
        },
        search,
        kinds: grid.tasks.len() as u32,
        stop_at_first: arguments.stop_at_first,
    };
    Ok((registered, grid))
}

/// What is claimed: as typed, or what is said of the model.
fn claim(arguments: &Verify, opened: &Opened) -> Result<Claim> {
    let kind = arguments.claim_kind.as_deref();
    let kind = kind.map(claims::Kind::parse).transpose()?;
    if arguments.claim != ADVERTISED {
        return Ok(Claim {
            written: arguments.claim.clone(),
            tokens: parse_tokens(&arguments.claim)?,
            kind: kind.unwrap_or(claims::Kind::Total),
            source: None,
        });
    }
    let served = &opened.served;
    match Registry::built_in().for_model(&served.model) {
        Match::One(known) => Ok(Claim {
            written: known.advertised_tokens.to_string(),
            tokens: known.advertised_tokens,
            kind: kind.unwrap_or(known.kind),
            source: Some(format!("{}: {}, {}", known.model, known.source, known.date)),
        }),
        Match::Several(known) => {
            let told: Vec<String> = known
                .iter()
                .map(|claim| {
                    let host = claim.host.as_deref().unwrap_or("the vendor");
                    format!("{} by {host}", grouped(claim.advertised_tokens))
                })
                .collect();
            bail!(
                "several windows are claimed for {}: {}; choose one with --claim TOKENS",
                served.model,
                told.join(", ")
            )
        }
        Match::None => {
            let declared = served.trained_window_tokens.or(served.window_tokens);
            let tokens = declared.with_context(|| {
                format!(
                    "nothing is known of what is claimed for {}: give --claim TOKENS",
                    served.model
                )
            })?;
            Ok(Claim {
                written: tokens.to_string(),
                tokens,
                kind: kind.unwrap_or(claims::Kind::Total),
                source: Some("the endpoint itself".to_string()),
            })
        }
    }
}
