//! OpenAI's MRCR: return the i-th of several pieces of writing that were asked for alike.

use super::record::{Record, messages};
use super::{Content, Outline, Rule};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

const PROMPT: &str = "prompt";
const ANSWER: &str = "answer";
const PREFIX: &str = "random_string_to_prepend";

/// Whether a record is one of MRCR.
pub fn recognised(record: &Record) -> bool {
    [PROMPT, ANSWER, PREFIX]
        .iter()
        .all(|column| record.get(column).is_some())
}

/// What a record says of itself. The place of the wanted piece is that of its message among all
/// (`desired_msg_index` of `total_messages`); the length is in characters only (`n_chars`), so
/// that none is stated in tokens.
pub fn outline(record: &Record) -> Result<Outline> {
    ensure!(
        matches!(record.needed(PROMPT)?, Value::String(_) | Value::Array(_)),
        "`{PROMPT}` is neither a list of messages nor one as a text"
    );
    record.text(ANSWER)?;
    ensure!(!record.text(PREFIX)?.is_empty(), "`{PREFIX}` is empty");
    let wanted = record.count("desired_msg_index");
    let messages = record.count("total_messages").filter(|all| *all > 0);
    let depth = wanted.zip(messages).filter(|(at, all)| at <= all);
    Ok(Outline {
        id: record
            .label("id")
            .or_else(|| record.label("index"))
            .unwrap_or_default(),
        line: 0,
        task: record
            .count("n_needles")
            .map(|needles| format!("mrcr_{needles}needle")),
        length_tokens: None,
        depth_percent: depth.map(|(at, all)| 100.0 * at as f64 / all as f64),
        text_bytes: 0,
    })
}

/// The conversation and the answer. A reply has to be as long as the answer: as many tokens are
/// left as half its characters, about twice what English needs.
pub fn content(mut record: Record) -> Result<Content> {
    let conversation = match record.0.remove(PROMPT) {
        Some(Value::String(text)) => serde_json::from_str(&text)
            .with_context(|| format!("`{PROMPT}` is not a list of messages"))?,
        Some(value) => value,
        None => Value::Null,
    };
    let answer = record.take_text(ANSWER)?;
    let prefix = record.take_text(PREFIX)?;
    let output_tokens = answer.chars().count() as u64 / 2 + 64;
    Ok(Content {
        messages: messages(conversation, PROMPT)?,
        answers: vec![answer],
        rule: Rule::Mrcr { prefix },
        output_tokens: Some(output_tokens),
    })
}
