//! Cuts a prompt as servers do that say nothing of it, to so many tokens.

use super::body::ChatRequest;
use super::mind::{Mind, TEMPLATE_TOKENS};
use anyhow::Result;
use std::ops::Range;

/// Tokens at the start that Ollama's cut leaves: `num_keep` of 4, and the beginning of the text.
pub const OLLAMA_KEEP_TOKENS: u64 = 5;

/// What SGLang leaves free of the window when it cuts (as seen in MEDS_EIC_AR#172).
const SGLANG_SPARE_TOKENS: u64 = 7;

/// Where a message is cut: pieces of this length are counted, then ever shorter ones, and words at
/// last.
const STRETCH_BYTES: [usize; 6] = [1 << 20, 1 << 16, 1 << 12, 1 << 8, 1 << 4, 1];

/// How far a cut is moved to stand between two words, in bytes.
const NEAR_BYTES: usize = 64;

/// What is left of a prompt that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The last `window` tokens.
    Head {
        /// Tokens.
        window: u64,
    },
    /// The first `window` − 7 tokens.
    Tail {
        /// Tokens.
        window: u64,
    },
    /// The first and the last half of the window.
    Middle {
        /// Tokens.
        window: u64,
    },
    /// The first `keep` tokens and half a window's worth of the end: Ollama's.
    Half {
        /// Tokens.
        window: u64,
        /// Tokens.
        keep: u64,
    },
    /// The system's messages, and as much of the end as the window still holds.
    Rolling {
        /// Tokens.
        window: u64,
    },
    /// The last message alone, however short the prompt is.
    LastMessage,
    /// The system's messages and as many of the last others as fit whole, one at least.
    Older {
        /// Tokens.
        window: u64,
    },
}

/// A prompt that was cut.
pub struct Kept {
    /// What is left.
    pub request: ChatRequest,
    /// Its tokens as the server counts them.
    pub tokens: u64,
}

impl Cut {
    /// What is left of a prompt of so many tokens (template included), or none where it is left
    /// whole. The place of a cut is right to a few tokens; the count is the server's own formula.
    pub fn apply(self, mind: &Mind, request: &ChatRequest, tokens: u64) -> Result<Option<Kept>> {
        let ends = |head: u64, tail: u64| -> Result<Option<Kept>> {
            Ok(Some(Kept {
                request: ends(mind, request, head, tail)?,
                tokens: (head + tail).max(1),
            }))
        };
        match self {
            Cut::Head { window } if tokens > window => ends(0, window),
            Cut::Tail { window } if tokens > window.saturating_sub(SGLANG_SPARE_TOKENS) => {
                ends(window.saturating_sub(SGLANG_SPARE_TOKENS), 0)
            }
            Cut::Middle { window } if tokens > window => ends(window / 2, window - window / 2),
            Cut::Half { window, keep } if window > 1 && tokens > window - 1 => {
                let keep = keep.min(window - 1);
                let limit = half_window(window, keep);
                ends(keep, limit - keep)
            }
            Cut::Rolling { window } if tokens > window => {
                let request = rolling(mind, request, window)?;
                Ok(Some(Kept {
                    request,
                    tokens: window,
                }))
            }
            Cut::LastMessage if request.messages.len() > 1 => {
                let kept = last_messages(request, |at| at + 1 == request.messages.len());
                let tokens = mind.length(&kept)?;
                Ok(Some(Kept {
                    request: kept,
                    tokens,
                }))
            }
            Cut::Older { window } if tokens > window => older(mind, request, window),
            _ => Ok(None),
        }
    }
}

/// How many tokens Ollama leaves of a prompt that is too long for its window
/// (`contextShiftPromptLimit` in ollama/ollama, llm/llama_server.go).
pub fn half_window(window_tokens: u64, keep_tokens: u64) -> u64 {
    window_tokens - ((window_tokens - keep_tokens) / 2).max(1)
}

/// The first `head` tokens, template included, and the last `tail` ones.
fn ends(mind: &Mind, request: &ChatRequest, head: u64, tail: u64) -> Result<ChatRequest> {
    let mut kept: Vec<[Range<usize>; 2]> = request
        .messages
        .iter()
        .map(|message| [message.start..message.start, message.end..message.end])
        .collect();
    let mut left = head.saturating_sub(TEMPLATE_TOKENS);
    for (message, kept) in request.messages.iter().zip(&mut kept) {
        if left == 0 {
            break;
        }
        let (end, taken) = head_end(mind, &request.text[message.clone()], left)?;
        kept[0].end = message.start + end;
        left -= taken.min(left);
        if end < message.len() {
            break;
        }
    }
    left = tail;
    for (message, kept) in request.messages.iter().zip(&mut kept).rev() {
        if left == 0 {
            break;
        }
        let (start, taken) = tail_start(mind, &request.text[message.clone()], left)?;
        kept[1].start = (message.start + start).max(kept[0].end);
        left -= taken.min(left);
        if start > 0 {
            break;
        }
    }
    Ok(rebuilt(request, &kept))
}

fn rolling(mind: &Mind, request: &ChatRequest, window: u64) -> Result<ChatRequest> {
    let mut kept = Vec::new();
    let mut left = window.saturating_sub(TEMPLATE_TOKENS);
    for (at, message) in request.messages.iter().enumerate() {
        let system = request.system.get(at) == Some(&true);
        if system {
            left = left.saturating_sub(mind.count(request.message(at))?);
        }
        let start = if system { message.start } else { message.end };
        kept.push([start..message.end, message.end..message.end]);
    }
    for (at, message) in request.messages.iter().enumerate().rev() {
        if left == 0 || request.system.get(at) == Some(&true) {
            continue;
        }
        let (start, taken) = tail_start(mind, request.message(at), left)?;
        kept[at][0].start = message.start + start;
        left = if start > 0 { 0 } else { left - taken.min(left) };
    }
    Ok(rebuilt(request, &kept))
}

fn older(mind: &Mind, request: &ChatRequest, window: u64) -> Result<Option<Kept>> {
    let count = request.messages.len();
    let mut tokens = TEMPLATE_TOKENS;
    let mut counts = Vec::new();
    for at in 0..count {
        let length = mind.count(request.message(at))?;
        if request.system[at] {
            tokens += length;
        }
        counts.push(length);
    }
    let mut first = count;
    for at in (0..count).rev().filter(|&at| !request.system[at]) {
        if first < count && tokens + counts[at] > window {
            break;
        }
        tokens += counts[at];
        first = at;
    }
    let dropped = (0..first).any(|at| !request.system[at]);
    Ok(dropped.then(|| Kept {
        request: last_messages(request, |at| at >= first || request.system[at]),
        tokens,
    }))
}

fn last_messages(request: &ChatRequest, keep: impl Fn(usize) -> bool) -> ChatRequest {
    let kept: Vec<[Range<usize>; 2]> = request
        .messages
        .iter()
        .enumerate()
        .map(|(at, message)| {
            let end = if keep(at) { message.end } else { message.start };
            [message.start..end, message.end..message.end]
        })
        .collect();
    rebuilt(request, &kept)
}

/// A request of what is kept of each message; those of which nothing is left are gone.
fn rebuilt(request: &ChatRequest, kept: &[[Range<usize>; 2]]) -> ChatRequest {
    let mut cut = ChatRequest {
        stream: request.stream,
        include_usage: request.include_usage,
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        sampling: request.sampling.clone(),
        ollama: request.ollama.clone(),
        ..ChatRequest::default()
    };
    for (at, parts) in kept.iter().enumerate() {
        let start = cut.text.len();
        for part in parts {
            cut.text.push_str(&request.text[part.clone()]);
        }
        if cut.text.len() > start {
            cut.messages.push(start..cut.text.len());
            cut.system.push(request.system.get(at) == Some(&true));
            cut.text.push('\n');
        }
    }
    cut
}

/// Where the last `tokens` tokens of a text begin, and how many they are.
fn tail_start(mind: &Mind, text: &str, tokens: u64) -> Result<(usize, u64)> {
    let (mut start, mut taken) = (text.len(), 0);
    for stretch in STRETCH_BYTES {
        while start > 0 {
            let from = near(text, 0, start.saturating_sub(stretch));
            let more = mind.count(&text[from..start])?;
            if taken + more > tokens {
                break;
            }
            (start, taken) = (from, taken + more);
        }
    }
    Ok((start, taken))
}

/// Where the first `tokens` tokens of a text end, and how many they are.
fn head_end(mind: &Mind, text: &str, tokens: u64) -> Result<(usize, u64)> {
    let (mut end, mut taken) = (0, 0);
    for stretch in STRETCH_BYTES {
        while end < text.len() {
            let to = if text.len() - end <= stretch {
                text.len()
            } else {
                let to = near(text, end, end + stretch);
                if to > end {
                    to
                } else {
                    text.ceil_char_boundary(end + stretch)
                }
            };
            let more = mind.count(&text[end..to])?;
            if taken + more > tokens {
                break;
            }
            (end, taken) = (to, taken + more);
        }
    }
    Ok((end, taken))
}

/// A place to cut at or before this one: in front of a space where one is near, for no token
/// reaches over it.
fn near(text: &str, floor: usize, at: usize) -> usize {
    let from = at.saturating_sub(NEAR_BYTES).max(floor);
    match memchr::memrchr(b' ', &text.as_bytes()[from..at]) {
        Some(space) if from + space > floor => from + space,
        _ => text.floor_char_boundary(at),
    }
}

#[cfg(test)]
mod tests;
