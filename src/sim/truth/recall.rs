//! The shapes of recall: by which a fact is found or not, and how a name states them.

use super::names::{NAMES, listed};
use super::{share, tokens};
use anyhow::{Context, Result, bail, ensure};
use statrs::function::beta::inv_beta_reg;

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
    /// Found or not by request, the same prompt too.
    Flaky {
        /// Share of requests answered wrongly, 0…1.
        rate: f64,
        /// The intraclass correlation of a prompt's answers, 0…1: at 0 all prompts are as hard as
        /// each other, at 1 a prompt is always right or always wrong.
        correlation: f64,
    },
    /// Found by another share after so many requests: one replica after the other answers, round
    /// and round. A prompt that one of them answers rightly is so by every better one.
    Drift {
        /// How many requests in a row one replica answers.
        every: u64,
        /// Share of prompts answered rightly by each replica, 0…1.
        shares: Vec<f64>,
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

impl Recall {
    /// The replica that answers a request of this number, from 0; none where there is but one.
    pub fn replica(&self, request: u64) -> Option<usize> {
        match self {
            Recall::Drift { every, shares } => Some((request / every) as usize % shares.len()),
            _ => None,
        }
    }

    /// The probability, 0…1, that a request of this number is answered rightly where chance is
    /// drawn by request: by a prompt's own `difficulty`, uniform in 0…1 (0 is the hardest). None
    /// where the prompt decides.
    ///
    /// A prompt's own probability is beta distributed with mean 1 − rate: two answers to it then
    /// differ with probability 2 · rate · (1 − rate) · (1 − correlation).
    pub fn by_request(&self, difficulty: f64) -> Option<f64> {
        let Recall::Flaky { rate, correlation } = self else {
            return None;
        };
        let mean = 1.0 - rate;
        let is_edge = |share: &f64| *share <= 0.0 || *share >= 1.0;
        Some(match correlation {
            _ if is_edge(&mean) || *correlation <= 0.0 => mean,
            correlation if *correlation >= 1.0 => f64::from(u8::from(difficulty >= *rate)),
            correlation => {
                let scale = 1.0 / correlation - 1.0;
                // The quantile's own root finder wants to stay off both ends.
                let difficulty = difficulty.clamp(1e-9, 1.0 - 1e-9);
                inv_beta_reg(mean * scale, rate * scale, difficulty).clamp(0.0, 1.0)
            }
        })
    }

    /// The probability, 0…1, that a prompt is answered rightly in a request of this number, at a
    /// depth, 0…1, of so many tokens.
    pub fn share_of(&self, request: u64, length_tokens: u64, depth: f64) -> f64 {
        match (self, self.replica(request)) {
            (Recall::Drift { shares, .. }, Some(replica)) => shares[replica],
            _ => self.share(length_tokens, depth),
        }
    }

    /// The probability, 0…1, of recalling a fact at a depth, 0…1, of a prompt of this many tokens.
    pub(super) fn share(&self, length_tokens: u64, depth: f64) -> f64 {
        match self {
            Recall::Perfect | Recall::Grep => 1.0,
            Recall::Cliff { tokens } => f64::from(u8::from(length_tokens <= *tokens)),
            Recall::Decay { half_tokens } => {
                let ratio = length_tokens as f64 / *half_tokens as f64;
                1.0 / (1.0 + ratio.powi(DECAY_STEEPNESS))
            }
            Recall::Middle { loss } => 1.0 - loss * 4.0 * depth * (1.0 - depth),
            Recall::Flaky { rate, .. } => 1.0 - rate,
            // All replicas answer as many requests.
            Recall::Drift { shares, .. } => shares.iter().sum::<f64>() / shares.len() as f64,
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

/// Reads `NAME[=ARG]`: one of [`NAMES`].
pub(super) fn recall(head: &str) -> Result<Recall> {
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
        "flaky" => {
            let argument = needed()?;
            let (rate, correlation) = argument.split_once(':').unwrap_or((argument, "0"));
            Recall::Flaky {
                rate: share(head, rate)?,
                correlation: share(head, correlation)?,
            }
        }
        "drift" => drift(head, needed()?)?,
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

/// Reads replicas: `40:0.95/0.6` is forty requests at .95, forty at .6, and so on.
fn drift(part: &str, value: &str) -> Result<Recall> {
    let example =
        || format!("`{part}` needs a number of requests and shares, like drift=40:0.95/0.6");
    let (every, shares) = value.split_once(':').with_context(example)?;
    let every: u64 = every
        .parse()
        .ok()
        .filter(|&every| every > 0)
        .with_context(example)?;
    let shares: Vec<f64> = shares
        .split('/')
        .map(|of_one| share(part, of_one))
        .collect::<Result<_>>()?;
    Ok(Recall::Drift { every, shares })
}
