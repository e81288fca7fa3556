//! A question as the body of a message, and what is changed where a model refuses a field.

use crate::endpoint::letter::Letter;
use crate::endpoint::openai::{number, role};
use crate::endpoint::refusal::Refusal;
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::Body;
use crate::endpoint::{Ask, Side};
use crate::rope::{Piece, escape};
use serde_json::{Map, Value, json};

/// Least that a budget for thinking may be, by the vendor's own types.
const LEAST_THINKING_TOKENS: u64 = 1024;

/// How a model may be told how much to think. Each takes one of these and answers 400 to others:
/// budgets up to 4.6, `adaptive` from 4.6, the effort alone on some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Disabled,
    Budget(u64),
    Adaptive,
    Effort,
}

/// The ways to try for an effort, the first one first.
fn ways(effort: &str) -> &'static [Way] {
    match effort {
        "none" => &[Way::Disabled],
        "minimal" => &[Way::Budget(LEAST_THINKING_TOKENS)],
        "low" => &[Way::Budget(1024), Way::Adaptive, Way::Effort],
        "medium" => &[Way::Budget(2048), Way::Adaptive, Way::Effort],
        "high" => &[Way::Budget(4096), Way::Adaptive, Way::Effort],
        _ => &[Way::Adaptive, Way::Effort],
    }
}

/// A text of a message, and whether the cached prefix ends with it.
struct Block<'a> {
    pieces: &'a [Piece],
    ends_prefix: bool,
}

/// Writes the messages. The two sides alternate, as the API wants it: turns of one side that follow
/// each other are the blocks of one message, which is what the API would make of them.
fn conversation(mut letter: Letter, ask: &Ask, breakpoints: bool) -> Letter {
    let block = |pieces, ends_prefix| Block {
        pieces,
        ends_prefix,
    };
    let mut messages: Vec<(Side, Vec<Block<'_>>)> = Vec::new();
    let mut say = |side, block| match messages.last_mut() {
        Some((last, blocks)) if *last == side => blocks.push(block),
        _ => messages.push((side, vec![block])),
    };
    for turn in &ask.earlier {
        say(turn.side, block(turn.text.pieces(), false));
    }
    match ask.prompt.pieces().split_at_checked(ask.shared_pieces) {
        // An empty block is refused.
        Some((shared, own)) if breakpoints && !shared.is_empty() && !own.is_empty() => {
            say(Side::User, block(shared, true));
            say(Side::User, block(own, false));
        }
        _ => say(Side::User, block(ask.prompt.pieces(), false)),
    }
    for (at, (side, blocks)) in messages.iter().enumerate() {
        let between = if at == 0 { "" } else { "," };
        let role = role(*side);
        letter = letter.text(format!("{between}{{\"role\":\"{role}\",\"content\":"));
        letter = match blocks.as_slice() {
            [only] => letter.text("\"").pieces(only.pieces).text("\"}"),
            several => {
                for (at, block) in several.iter().enumerate() {
                    let between = if at == 0 { "[" } else { "," };
                    let end = match block.ends_prefix {
                        true => "\",\"cache_control\":{\"type\":\"ephemeral\"}}",
                        false => "\"}",
                    };
                    letter = letter
                        .text(format!("{between}{{\"type\":\"text\",\"text\":\""))
                        .pieces(block.pieces)
                        .text(end);
                }
                letter.text("]}")
            }
        };
    }
    letter
}

/// Encodes a question. The slices of prompt and earlier turns are shared, never copied. With `breakpoints` the end of
/// the shared prefix is marked for the cache; `params` are the user's own fields, which win.
pub fn encode(
    model: &str,
    ask: &Ask,
    shape: &Shape,
    breakpoints: bool,
    params: &[(String, Value)],
) -> Body {
    let head = format!("{{\"model\":\"{}\",\"messages\":[", escape(model));
    let letter = conversation(Letter::new(head), ask, breakpoints).text("]");
    let mut fields = Map::new();
    let mut max_tokens = ask.max_output_tokens;
    if let Some(system) = &ask.system {
        fields.insert("system".into(), system.as_str().into());
    }
    fields.insert("stream".into(), true.into());
    if let Some(temperature) = ask.temperature.filter(|_| !shape.no_temperature) {
        fields.insert("temperature".into(), number(temperature));
    }
    if let Some(effort) = &ask.reasoning {
        match ways(effort).get(shape.reasoning_way) {
            Some(Way::Disabled) => {
                fields.insert("thinking".into(), json!({"type": "disabled"}));
            }
            Some(Way::Budget(budget)) => {
                let thinking = json!({"type": "enabled", "budget_tokens": budget});
                fields.insert("thinking".into(), thinking);
                // The budget must be less than the whole, or the request is refused.
                if max_tokens <= *budget {
                    max_tokens += budget;
                }
            }
            Some(Way::Adaptive) => {
                fields.insert("thinking".into(), json!({"type": "adaptive"}));
                fields.insert("output_config".into(), json!({"effort": effort}));
            }
            Some(Way::Effort) => {
                fields.insert("output_config".into(), json!({"effort": effort}));
            }
            None => {}
        }
    }
    fields.insert("max_tokens".into(), max_tokens.into());
    letter.sealed(fields, params)
}

/// The shape in which a refused question may be asked again.
pub fn adapted(shape: &Shape, refusal: &Refusal, ask: &Ask) -> Option<Shape> {
    if !matches!(refusal.status, 400 | 422) {
        return None;
    }
    let words = refusal.error().words();
    let mut next = shape.clone();
    // "`temperature` may only be set to 1 when thinking is enabled": before the thinking itself.
    let refused = [
        "may only be",
        "not permitted",
        "not support",
        "unsupported",
        "deprecated",
    ];
    if words.contains("temperature") && refused.iter().any(|phrase| words.contains(phrase)) {
        if shape.no_temperature || ask.temperature.is_none() {
            return None;
        }
        next.no_temperature = true;
        return Some(next);
    }
    let effort = ask.reasoning.as_deref()?;
    let named = ["thinking", "output_config", "effort"];
    next.reasoning_way += 1;
    let more = ways(effort).len() > next.reasoning_way;
    (more && named.iter().any(|name| words.contains(name))).then_some(next)
}

#[cfg(test)]
mod tests;
