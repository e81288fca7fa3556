//! What a simulated model can and cannot do, as its name states it.

mod names;
mod recall;

pub use names::{MODIFIERS, NAMES};
pub use recall::Recall;

use super::dialect::words::{WORDS, Words, words};
use super::family::{FAMILIES, Family, GPT};
use super::fault::Faults;
use super::leak::{LEAKS, Leak};
use super::solver::ALIKE;
use super::voice::Voice;
use crate::length::parse_tokens;
use crate::task::{Kind, Task};
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail, ensure};
use names::listed;
use recall::recall;
use std::sync::Arc;
use std::time::Duration;

/// The vocabulary that is counted with where a name states none.
const TOKENIZER: &str = "o200k";

/// A simulated model: its name and everything that the name states.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The name as it was given, without `sim:`.
    pub name: String,
    /// The recall curve.
    pub recall: Recall,
    /// The window that is enforced, in tokens of prompt and answer together.
    pub window_tokens: Option<u64>,
    /// The window that is declared where it is not the enforced one, in tokens.
    pub advertised_tokens: Option<u64>,
    /// How long it waits before the head of each completion.
    pub latency: Duration,
    /// Varies the draws; `None` is zero, and for `Recall::Flaky` a fresh one each time.
    pub seed: Option<u64>,
    /// Whose words a chat that does not fit is refused in; `None` is llama-server's.
    pub words: Option<&'static Words>,
    /// What it does wrong, and how often.
    pub faults: Faults,
    /// Curves of single tasks, or of kinds of tasks, by name.
    pub of_tasks: Vec<(String, Recall)>,
    /// What it calls itself where that is not its name.
    pub called: Option<String>,
    /// The vocabulary that it counts with: a bundled one's name or a file's path.
    pub vocabulary: String,
    /// Whose special tokens it has.
    pub family: &'static Family,
    /// What it says to what is no task; `None` is that it doesn't know.
    pub voice: Option<Voice>,
    /// Share of the public needles whose famous answer is given whatever the text says, 0…1;
    /// `None` where it is one of the answers that are given for want of a better one.
    pub memorised: Option<f64>,
    /// Whose headers, ids and fingerprint show.
    pub leak: Option<&'static Leak>,
    /// Other models that answer in its name, by the length of the prompt.
    pub behind: Vec<Behind>,
}

/// A model that answers in another's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    /// It answers prompts of more tokens than this, as the model in front counts them.
    pub above_tokens: u64,
    /// What it is like.
    pub truth: Truth,
}

/// What is the business of the model in front alone.
const OF_THE_FRONT: &[&str] = &[
    "advertised",
    "latency",
    "fault",
    "fault-seed",
    "name",
    "relay",
    "router",
];

impl Truth {
    /// Reads `NAME[=ARG][,key=value…]`: one of [`NAMES`], then any of [`MODIFIERS`].
    pub fn parse(name: &str) -> Result<Truth> {
        let mut parts = name.split(',').map(str::trim);
        let recall = recall(parts.next().unwrap_or_default())?;
        let mut truth = Truth {
            name: name.trim().to_owned(),
            recall,
            window_tokens: None,
            advertised_tokens: None,
            latency: Duration::ZERO,
            seed: None,
            words: None,
            faults: Faults::default(),
            of_tasks: Vec::new(),
            called: None,
            vocabulary: TOKENIZER.to_owned(),
            family: &GPT,
            voice: None,
            memorised: None,
            leak: None,
            behind: Vec::new(),
        };
        let mut seen = Vec::new();
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            ensure!(
                key == "fault" || !seen.contains(&key),
                "sim:{name} states {key} twice: leave one out"
            );
            seen.push(key);
            match key {
                "window" => truth.window_tokens = Some(tokens(part, value)?),
                "advertised" => truth.advertised_tokens = Some(tokens(part, value)?),
                "latency" => {
                    truth.latency = duration(value).with_context(|| format!("in `{part}`"))?;
                }
                "words" => {
                    truth.words = Some(words(value).with_context(|| {
                        let names: Vec<&str> = WORDS.iter().map(|words| words.name).collect();
                        format!("`{part}`: known are the words of {}", names.join(", "))
                    })?);
                }
                "fault" => truth.faults.add(value)?,
                "seed" | "fault-seed" => {
                    let seed = value.parse().with_context(|| {
                        format!("`{part}` is no whole number: write it like {key}=7")
                    })?;
                    if key == "seed" {
                        truth.seed = Some(seed);
                    } else {
                        truth.faults.seed = seed;
                    }
                }
                "name" => {
                    ensure!(
                        !value.is_empty(),
                        "`{part}` needs a name, like name=acme-70b"
                    );
                    truth.called = Some(value.to_owned());
                }
                "tokenizer" => {
                    ensure!(
                        !value.is_empty(),
                        "`{part}` needs a vocabulary, like tokenizer=cl100k"
                    );
                    value.clone_into(&mut truth.vocabulary);
                }
                "family" => truth.family = among(part, value, FAMILIES, |family| family.name)?,
                "leaks" => truth.leak = Some(among(part, value, LEAKS, |leak| leak.name)?),
                "voice" => {
                    truth.voice =
                        Some(Voice::parse(value).with_context(|| format!("in `{part}`"))?);
                }
                "memorised" => truth.memorised = Some(share(part, value)?),
                "relay" => truth.behind.push(behind(part, 0, value)?),
                "router" => {
                    let (length, other) = value.split_once(':').with_context(|| {
                        format!("`{part}` needs a length and a model, like router=32k:cliff=8k")
                    })?;
                    truth
                        .behind
                        .push(behind(part, tokens(part, length)?, other)?);
                }
                _ if is_task(key) => truth.of_tasks.push((key.to_owned(), self::recall(value)?)),
                _ => bail!(
                    "a simulated model has no `{part}`; after its name may stand: {}",
                    listed(MODIFIERS)
                ),
            }
        }
        truth.behind.sort_by_key(|behind| behind.above_tokens);
        Ok(truth)
    }

    /// The vocabulary that it counts with.
    ///
    /// # Errors
    /// When there is none of this name and no such file, or the file is none.
    pub fn tokenizer(&self) -> Result<Arc<Tokenizer>> {
        Tokenizer::resolve(&self.vocabulary)
            .with_context(|| format!("in `tokenizer={}`", self.vocabulary))
    }

    /// The model's full name, as it is declared and asked for.
    pub fn model(&self) -> String {
        let called = self.called.clone();
        called.unwrap_or_else(|| format!("sim:{}", self.name))
    }

    /// The window that it declares, in tokens.
    pub fn declared_window_tokens(&self) -> Option<u64> {
        self.advertised_tokens.or(self.window_tokens)
    }

    /// The probability, 0…1, that a fact at this depth (0 the start, 1 the end) of a prompt of
    /// this length (in tokens of the whole prompt, template included) is recalled.
    pub fn recall(&self, length_tokens: u64, depth: f64) -> f64 {
        self.recall.share(length_tokens, depth)
    }

    /// The same in a task, by its own curve or that of its kind where the name states one; and by
    /// those of the tasks whose prompts cannot be told from its own.
    pub fn recall_in(&self, task: Task, length_tokens: u64, depth: f64) -> f64 {
        self.curve(task).share(length_tokens, depth)
    }

    /// The curve that a task has.
    pub fn curve(&self, task: Task) -> &Recall {
        let stated = |name: &str| self.of_tasks.iter().find(|(known, _)| known == name);
        let alike = ALIKE.iter().find(|alike| alike.contains(&task.name()));
        let alike = alike.copied().unwrap_or_default().iter();
        let alike: Vec<Task> = alike.filter_map(|name| Task::named(name).ok()).collect();
        let mut tasks = std::iter::once(task).chain(alike.iter().copied());
        let own = tasks.clone().find_map(|task| stated(task.name()));
        let own = own.or_else(|| tasks.find_map(|task| stated(task.kind().name())));
        own.map_or(&self.recall, |(_, recall)| recall)
    }
}

/// Reads a model that answers in another's name: a name with `+` where commas stand otherwise.
fn behind(part: &str, above_tokens: u64, written: &str) -> Result<Behind> {
    for stated in written.split('+').skip(1) {
        let key = stated.split('=').next().unwrap_or_default();
        ensure!(
            !OF_THE_FRONT.contains(&key),
            "`{part}`: {key} is for the model in front, behind a comma"
        );
    }
    let truth = Truth::parse(&written.replace('+', ",")).with_context(|| format!("in `{part}`"))?;
    ensure!(
        truth.recall != Recall::Discard,
        "`{part}`: a model that reads nothing stands behind no other"
    );
    Ok(Behind {
        above_tokens,
        truth,
    })
}

/// One of a table, by its name.
fn among<T>(
    part: &str,
    value: &str,
    table: &[&'static T],
    name: impl Fn(&T) -> &'static str,
) -> Result<&'static T> {
    let found = table.iter().find(|entry| name(entry) == value).copied();
    found.with_context(|| {
        let names: Vec<&str> = table.iter().map(|entry| name(entry)).collect();
        format!("`{part}`: known are {}", names.join(", "))
    })
}

/// True for the name of a task or of a kind of tasks.
fn is_task(name: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.name() == name) || Task::named(name).is_ok()
}

fn tokens(part: &str, value: &str) -> Result<u64> {
    let tokens = parse_tokens(value).with_context(|| format!("in `{part}`"))?;
    ensure!(tokens > 0, "in `{part}`: a length is at least one token");
    Ok(tokens)
}

fn share(part: &str, value: &str) -> Result<f64> {
    match value.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => bail!("`{part}` needs a share between 0 and 1"),
    }
}

/// Reads a time: `50ms` or `2s`.
pub(super) fn duration(value: &str) -> Result<Duration> {
    let (digits, scale_ms) = match value.strip_suffix("ms") {
        Some(digits) => (digits, 1.0),
        None => (value.strip_suffix('s').unwrap_or_default(), 1_000.0),
    };
    match digits.parse::<f64>() {
        // A day at most: beyond it a `Duration` would not even be representable.
        Ok(number) if (0.0..=86_400_000.0).contains(&(number * scale_ms)) => {
            Ok(Duration::from_secs_f64(number * scale_ms / 1_000.0))
        }
        _ => bail!("`{value}` is no time: write it like 50ms or 2s"),
    }
}

#[cfg(test)]
mod tests;
