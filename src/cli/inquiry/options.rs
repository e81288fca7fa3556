//! The options that every inquiry has, read and checked: defaults are filled in here.

use crate::answer::ValueType;
use crate::cli::arguments::Inquiry;
use crate::corpus::{BUILT_IN, Corpus};
use crate::endpoint::Served;
use crate::haystack::Beyond;
use crate::journal::{Asking, RunFile};
use crate::language::Language;
use crate::length::parse_tokens;
use crate::plan::WordingChoice;
use crate::price::Price;
use crate::prompt::QuestionAt;
use crate::reconcile::Basis;
use crate::run::{Canaries, Caps, Settings};
use crate::seed::Secret;
use crate::task::{SUITES, Task};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// Reasoning models think in tokens that nobody sees.
const REASONING_TOKENS: u64 = 4096;
/// Requests above this length are asked one at a time.
const LARGE_TOKENS: u64 = 128_000;

/// What can be refused before anything is connected, fetched or started.
pub fn check(arguments: &Inquiry) -> Result<()> {
    let (told, asked) = languages(arguments)?;
    for task in tasks(arguments)? {
        let speaks = task.entry().speaks;
        for language in [told, asked] {
            ensure!(
                speaks(language),
                "the task {} is not there in {}: see `depthfinder tasks`",
                task.name(),
                language.name
            );
        }
    }
    difficulty(arguments)?;
    temperature(arguments)?;
    super::params(arguments)?;
    caps(arguments)?;
    parse_tokens(&arguments.max_inflight_tokens).context("bad --max-inflight-tokens")?;
    ensure!(
        (1..=1_000).contains(&arguments.keys),
        "--keys is between 1 and 1,000"
    );
    ensure!(
        (1..=1_000_000).contains(&arguments.max_output),
        "--max-output is between 1 and 1,000,000"
    );
    ensure!(
        arguments.concurrency.is_none_or(|count| count > 0),
        "--concurrency is at least 1"
    );
    if let Some(price) = &arguments.price {
        Price::parse(price)?;
    }
    if let Some(secret) = &arguments.secret {
        Secret::from_hex(secret)?;
    }
    Ok(())
}

/// The temperature as typed; none where it is left to the server.
pub fn temperature(arguments: &Inquiry) -> Result<Option<f64>> {
    match arguments.temperature.as_str() {
        "unset" => Ok(None),
        written => written
            .parse()
            .ok()
            .filter(|temperature: &f64| (0.0..=2.0).contains(temperature))
            .map(Some)
            .with_context(|| {
                format!("--temperature is between 0 and 2, or \"unset\"; got {written}")
            }),
    }
}

/// Settings that can change answers.
pub fn asking(arguments: &Inquiry, threshold: f64) -> Result<Asking> {
    Ok(Asking {
        max_output_tokens: arguments.max_output + thinking_tokens(arguments.reasoning.as_deref()),
        temperature: temperature(arguments)?,
        reasoning: arguments.reasoning.clone(),
        system: arguments.system.clone(),
        threshold,
        params: super::params(arguments)?.into_iter().collect(),
    })
}

/// What is added to the output budget for reasoning of this effort.
fn thinking_tokens(effort: Option<&str>) -> u64 {
    match effort {
        None | Some("none") => 0,
        Some(_) => REASONING_TOKENS,
    }
}

/// The part of an output budget that is not for reasoning: what `--max-output` was.
pub fn visible_tokens(asking: &Asking) -> u64 {
    asking
        .max_output_tokens
        .saturating_sub(thinking_tokens(asking.reasoning.as_deref()))
}

/// The languages of text and questions.
fn languages(arguments: &Inquiry) -> Result<(&'static Language, &'static Language)> {
    let told = Language::named(&arguments.haystack_lang)?;
    let asked = question_language(arguments);
    Ok((told, asked.map_or(Ok(told), |code| Language::named(&code))?))
}

/// The language of the questions, where it is not that of the text.
pub fn question_language(arguments: &Inquiry) -> Option<String> {
    let asked = arguments.question_lang.clone();
    asked.filter(|code| *code != arguments.haystack_lang)
}

/// What makes tasks harder, each number within what one of the tasks takes.
pub fn difficulty(arguments: &Inquiry) -> Result<BTreeMap<String, u64>> {
    let mut asked = BTreeMap::new();
    for written in arguments.difficulty.iter().map(|one| one.trim()) {
        let (name, number) = written
            .split_once('=')
            .and_then(|(name, number)| Some((name.trim(), number.trim().parse().ok()?)))
            .with_context(|| {
                format!("--difficulty is written NAME=N, like hops=4; got {written}")
            })?;
        let tasks = tasks(arguments)?;
        let known = tasks.iter().flat_map(|task| task.entry().difficulty);
        let fitting: Vec<_> = known.filter(|known| known.name == name).collect();
        ensure!(
            !fitting.is_empty(),
            "none of the tasks has a {name}: see `depthfinder tasks`"
        );
        for known in fitting {
            let (least, most) = known.range;
            ensure!(
                (least..=most).contains(&number),
                "--difficulty {name} is between {least} and {most}"
            );
        }
        asked.insert(name.to_string(), number);
    }
    Ok(asked)
}

/// What follows where the haystack's text has ended.
pub fn beyond(arguments: &Inquiry) -> Beyond {
    match arguments.beyond.as_str() {
        "repeated" => Beyond::Repeated,
        "generated" => Beyond::Generated,
        _ => Beyond::Refused,
    }
}

/// The corpus as typed, or that of the language.
pub fn corpus(arguments: &Inquiry) -> &str {
    let typed = arguments.corpus.as_deref();
    typed.unwrap_or(&arguments.haystack_lang)
}

/// The tasks, each once.
pub fn tasks(arguments: &Inquiry) -> Result<Vec<Task>> {
    let mut tasks: Vec<Task> = Vec::new();
    let suite: Vec<String> = match &arguments.suite {
        None => arguments.task.clone(),
        Some(name) => SUITES
            .iter()
            .find(|(known, ..)| known == name)
            .map(|(_, tasks, _)| tasks.iter().map(ToString::to_string).collect())
            .with_context(|| {
                let names: Vec<&str> = SUITES.iter().map(|(name, ..)| *name).collect();
                format!("no suite {name}: there are {}", names.join(", "))
            })?,
    };
    for name in &suite {
        let task = Task::named(name)?;
        if !tasks.contains(&task) {
            tasks.push(task);
        }
    }
    Ok(tasks)
}

/// What answers look like.
pub fn values(arguments: &Inquiry) -> ValueType {
    match arguments.values.as_str() {
        "words" => ValueType::Words,
        "uuids" => ValueType::Uuids,
        _ => ValueType::Numbers,
    }
}

/// Which wording needles and questions take.
pub fn wording(typed: &str) -> WordingChoice {
    match typed {
        "pool" => WordingChoice::Pool,
        _ => WordingChoice::Fixed,
    }
}

/// Where the question stands.
pub fn question_at(arguments: &Inquiry) -> QuestionAt {
    match arguments.question_at.as_str() {
        "start" => QuestionAt::Start,
        _ => QuestionAt::End,
    }
}

/// When canaries are asked.
fn canaries(arguments: &Inquiry) -> Canaries {
    match arguments.canaries.as_str() {
        "always" => Canaries::Always,
        "never" => Canaries::Never,
        _ => Canaries::Auto,
    }
}

/// True where fingerprints are taken of whoever answers.
pub fn takes_fingerprints(arguments: &Inquiry) -> bool {
    let scheme = arguments.target.split_once(':').map(|(scheme, _)| scheme);
    arguments.fingerprints == "auto" && !matches!(scheme, Some("sim" | "local"))
}

/// What the run may spend.
pub fn caps(arguments: &Inquiry) -> Result<Caps> {
    Ok(Caps {
        trials: arguments.max_trials,
        tokens: arguments
            .max_tokens
            .as_deref()
            .map(parse_tokens)
            .transpose()
            .context("bad --max-tokens")?,
        cost_usd: arguments.max_cost,
    })
}

/// What tokens cost: as typed, now or when the run began, else nothing on this machine, else the
/// provider's list price.
pub fn price(
    arguments: &Inquiry,
    served: &Served,
    free: bool,
    earlier: Option<&RunFile>,
) -> Result<Option<Price>> {
    if let Some(written) = &arguments.price {
        return Price::parse(written).map(Some);
    }
    if let Some(price) = earlier.and_then(|earlier| earlier.price) {
        return Ok(Some(price));
    }
    if free {
        return Ok(Some(Price::FREE));
    }
    // List prices are those of the provider, not of whoever else serves a model of that name.
    Ok(arguments
        .target
        .starts_with("openai:")
        .then(|| Price::listed(&served.model))
        .flatten())
}

/// Haystacks asked at a time.
fn concurrency(arguments: &Inquiry, longest_tokens: u64, one_at_a_time: bool) -> usize {
    let large = longest_tokens > LARGE_TOKENS;
    arguments
        .concurrency
        .unwrap_or(if one_at_a_time || large { 1 } else { 4 })
}

/// How trials are asked.
pub fn settings(
    arguments: &Inquiry,
    asking: &Asking,
    basis: Basis,
    longest_tokens: u64,
    one_at_a_time: bool,
) -> Result<Settings> {
    Ok(Settings {
        max_output_tokens: asking.max_output_tokens,
        temperature: asking.temperature,
        reasoning: asking.reasoning.clone(),
        system: asking.system.clone(),
        concurrency: concurrency(arguments, longest_tokens, one_at_a_time),
        max_inflight_tokens: parse_tokens(&arguments.max_inflight_tokens)?,
        retries: arguments.retries,
        basis,
        canaries: canaries(arguments),
    })
}

/// The name by which `show` and `report` find the corpus again, from any folder.
pub fn corpus_name(corpus: &Corpus) -> String {
    match BUILT_IN.iter().any(|(name, ..)| *name == corpus.name) {
        true => corpus.name.clone(),
        false => absolute(&corpus.name),
    }
}

/// The name by which `show` finds the tokenizer again.
pub fn tokenizer_name(arguments: &Inquiry, tokenizer: &Tokenizer) -> String {
    match &arguments.tokenizer {
        Some(typed) if Path::new(typed).exists() => absolute(typed),
        _ => tokenizer.name().to_string(),
    }
}

fn absolute(typed: &str) -> String {
    Path::new(typed)
        .canonicalize()
        .map_or_else(|_| typed.to_string(), |path| path.display().to_string())
}
