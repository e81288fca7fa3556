//! What a simulated model can and cannot do, as its name states it.

use super::dialect::words::{WORDS, Words, words};
use super::fault::Faults;
use super::solver::ALIKE;
use crate::length::parse_tokens;
use crate::task::{Kind, Task};
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

/// How steeply [`Recall::Decay`] falls: a quarter of the half length is recalled with .985, half
/// of it with .889, twice of it with .111.
const DECAY_STEEPNESS: i32 = 3;

/// Half length in tokens and steepness of [`Recall::Scout`]: the logistic curve in ln(length)
/// through .85 at 2,100 tokens, where its effective length ends, and .15 at 120,000, about what
/// Fiction.liveBench reports of Llama 4 Scout there (5 of 32). In between and beyond it gives .95
/// at 500 tokens, .67 at 7,000 and .03 at 1,000,000.
const SCOUT_HALF_TOKENS: f64 = 15_900.0;
const SCOUT_STEEPNESS: f64 = 0.857;

/// What is recalled within the band of [`Recall::Hole`].
const HOLE_RECALL: f64 = 0.1;

/// The simulated models by name, with one line each: what `sim:` can be followed by.
pub const NAMES: &[(&str, &str)] = &[
    ("perfect", "recalls every fact at every length and depth"),
    (
        "cliff=64k",
        "right up to 64,000 prompt tokens, wrong beyond",
    ),
    (
        "decay=64k",
        "recall 1 / (1 + (tokens / 64,000)^3): one half at 64,000 prompt tokens",
    ),
    (
        "middle=0.4",
        "recall 1 - 0.4 * 4d(1 - d) at depth d: 0.6 in the middle, 1 at both ends",
    ),
    (
        "flaky=0.2",
        "each request is wrong with probability 0.2, the same prompt too",
    ),
    (
        "flat=0.95",
        "recall 0.95 at every length and depth, decided by the prompt",
    ),
    (
        "scout",
        "recall 1 / (1 + (tokens / 15,900)^0.857), like Llama 4 Scout's: .95 at 500, .85 at 2,100, .15 at 120,000",
    ),
    (
        "hole=40-60",
        "recall 0.1 from 40 to 60 percent of the depth, 1 elsewhere",
    ),
    (
        "steps=64k:0.97/1M:0.8/10M:0",
        "recall 0.97 up to 64,000 prompt tokens, 0.8 up to 1,000,000; the last step holds beyond its length too",
    ),
    (
        "grep",
        "finds the sentence that holds the key and reads nothing else",
    ),
    (
        "discard",
        "throws the request away unread and answers at once, without usage: for upload speed",
    ),
];

/// What may follow any name, with one line each.
pub const MODIFIERS: &[(&str, &str)] = &[
    (
        "window=131072",
        "declares this window and refuses longer prompts",
    ),
    (
        "advertised=10M",
        "declares this window instead, whatever is true",
    ),
    (
        "words=vllm",
        "refuses them in a chat as vllm, openai, sglang, tgi, openrouter, xai, groq … do",
    ),
    ("latency=50ms", "waits this long before it answers"),
    ("seed=7", "draws other answers from the same curve"),
    (
        "fault=cut-head=32k:0.1",
        "does this wrong with a tenth of the questions; may be stated again",
    ),
    ("fault-seed=7", "draws the faults of other questions"),
    (
        "aggregate=cliff=16k",
        "has this curve in tasks of this kind, or in one task by its name (see `depthfinder tasks`)",
    ),
];

/// The shape of the recall, by which a fact is found or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Recall {
    /// Always found.
    Perfect,
    /// Found in prompts of up to so many tokens, never in longer ones.
    Cliff {
        /// The longest prompt in which facts are found.
        tokens: u64,
    },
    /// Found less and less as prompts grow: 1 / (1 + (length / half)³).
    Decay {
        /// The prompt length in tokens at which recall is one half.
        half_tokens: u64,
    },
    /// Found less in the middle: 1 − loss · 4d(1 − d) at depth d.
    Middle {
        /// What is lost at depth one half, 0…1.
        loss: f64,
    },
    /// Found or not by request, never by prompt.
    Flaky {
        /// Share of requests answered wrongly, 0…1.
        rate: f64,
    },
    /// Found with the same chance at every length and depth, by prompt and never by request.
    Flat {
        /// Share of prompts answered rightly, 0…1.
        share: f64,
    },
    /// Found less and less from early on, as Llama 4 Scout does: .85 at 2,100 prompt tokens.
    Scout,
    /// Found everywhere but within one band of depths, where one in ten is.
    Hole {
        /// Where the band starts and ends, 0…1, both ends within.
        depths: [f64; 2],
    },
    /// Found by steps of length, rising in length; the last holds beyond its own.
    Steps {
        /// The longest prompt of a step in tokens, and its recall, 0…1.
        steps: Vec<(u64, f64)>,
    },
    /// The sentence with the key is found, always, and nothing else is read.
    Grep,
    /// Nothing is read at all.
    Discard,
}

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
}

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
                _ if is_task(key) => truth.of_tasks.push((key.to_owned(), self::recall(value)?)),
                _ => bail!(
                    "a simulated model has no `{part}`; after its name may stand: {}",
                    listed(MODIFIERS)
                ),
            }
        }
        Ok(truth)
    }

    /// The model's full name, as it is declared and asked for.
    pub fn model(&self) -> String {
        format!("sim:{}", self.name)
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
        let stated = |name: &str| self.of_tasks.iter().find(|(known, _)| known == name);
        let alike = ALIKE.iter().find(|alike| alike.contains(&task.name()));
        let alike = alike.copied().unwrap_or_default().iter();
        let alike: Vec<Task> = alike.filter_map(|name| Task::named(name).ok()).collect();
        let mut tasks = std::iter::once(task).chain(alike.iter().copied());
        let own = tasks.clone().find_map(|task| stated(task.name()));
        let own = own.or_else(|| tasks.find_map(|task| stated(task.kind().name())));
        let recall = own.map_or(&self.recall, |(_, recall)| recall);
        recall.share(length_tokens, depth)
    }
}

impl Recall {
    /// The probability, 0…1, of recalling a fact at a depth, 0…1, of a prompt of this many tokens.
    fn share(&self, length_tokens: u64, depth: f64) -> f64 {
        match self {
            Recall::Perfect | Recall::Grep => 1.0,
            Recall::Cliff { tokens } => f64::from(u8::from(length_tokens <= *tokens)),
            Recall::Decay { half_tokens } => {
                let ratio = length_tokens as f64 / *half_tokens as f64;
                1.0 / (1.0 + ratio.powi(DECAY_STEEPNESS))
            }
            Recall::Middle { loss } => 1.0 - loss * 4.0 * depth * (1.0 - depth),
            Recall::Flaky { rate } => 1.0 - rate,
            Recall::Flat { share } => *share,
            Recall::Scout => {
                let ratio = length_tokens as f64 / SCOUT_HALF_TOKENS;
                1.0 / (1.0 + ratio.powf(SCOUT_STEEPNESS))
            }
            Recall::Hole { depths: [from, to] } => match (*from..=*to).contains(&depth) {
                true => HOLE_RECALL,
                false => 1.0,
            },
            Recall::Steps { steps } => {
                let step = steps.iter().find(|(tokens, _)| length_tokens <= *tokens);
                step.or(steps.last()).map_or(0.0, |(_, recall)| *recall)
            }
            Recall::Discard => 0.0,
        }
    }
}

/// True for the name of a task or of a kind of tasks.
fn is_task(name: &str) -> bool {
    Kind::ALL.iter().any(|kind| kind.name() == name) || Task::named(name).is_ok()
}

fn recall(head: &str) -> Result<Recall> {
    let (name, argument) = match head.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (head, None),
    };
    let needed = || {
        argument.with_context(|| match example(name) {
            Some(example) => format!("sim:{name} needs a number, like sim:{example}"),
            None => unknown(head),
        })
    };
    let recall = match name {
        "cliff" => Recall::Cliff {
            tokens: tokens(head, needed()?)?,
        },
        "decay" => Recall::Decay {
            half_tokens: tokens(head, needed()?)?,
        },
        "middle" => Recall::Middle {
            loss: share(head, needed()?)?,
        },
        "flaky" => Recall::Flaky {
            rate: share(head, needed()?)?,
        },
        "flat" => Recall::Flat {
            share: share(head, needed()?)?,
        },
        "hole" => Recall::Hole {
            depths: band(head, needed()?)?,
        },
        "steps" => Recall::Steps {
            steps: steps(head, needed()?)?,
        },
        "perfect" | "scout" | "grep" | "discard" => {
            ensure!(
                argument.is_none(),
                "sim:{name} takes no number: drop `={}`",
                argument.unwrap_or_default()
            );
            match name {
                "perfect" => Recall::Perfect,
                "scout" => Recall::Scout,
                "grep" => Recall::Grep,
                _ => Recall::Discard,
            }
        }
        _ => bail!(unknown(head)),
    };
    Ok(recall)
}

fn unknown(head: &str) -> String {
    format!(
        "there is no simulated model `{head}`; there are {}",
        listed(NAMES)
    )
}

fn example(name: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .map(|&(example, _)| example)
        .find(|example| example.split('=').next() == Some(name))
}

fn listed(table: &[(&str, &str)]) -> String {
    let names: Vec<&str> = table.iter().map(|&(name, _)| name).collect();
    names.join(", ")
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

/// Reads a band of depths in percent: `40-60`.
fn band(part: &str, value: &str) -> Result<[f64; 2]> {
    let percent = |text: &str| {
        let percent = text.trim().parse::<f64>().ok();
        percent.filter(|percent| (0.0..=100.0).contains(percent))
    };
    value
        .split_once('-')
        .and_then(|(from, to)| percent(from).zip(percent(to)))
        .filter(|(from, to)| from < to)
        .map(|(from, to)| [from / 100.0, to / 100.0])
        .with_context(|| format!("`{part}` needs two depths in percent, like hole=40-60"))
}

/// Reads steps of recall by length: `64k:0.97/1M:0.8`.
fn steps(part: &str, value: &str) -> Result<Vec<(u64, f64)>> {
    let mut steps: Vec<(u64, f64)> = Vec::new();
    for step in value.split('/') {
        let (length, recall) = step.split_once(':').with_context(|| {
            format!("`{part}` needs a length and a share in each step, like steps=64k:0.97/1M:0.8")
        })?;
        let length_tokens = tokens(part, length)?;
        ensure!(
            steps.last().is_none_or(|last| last.0 < length_tokens),
            "`{part}` needs its steps by length, the shortest first"
        );
        steps.push((length_tokens, share(part, recall)?));
    }
    Ok(steps)
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
