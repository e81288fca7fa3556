//! Sets of no fixed form: a prompt, answers, and columns that say the rest.

use super::columns::{Columns, Matching, Meaning};
use super::record::{Record, messages};
use super::{Content, Outline, Role, Rule};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Whether a record has a prompt and answers.
pub fn recognised(record: &Record, columns: &Columns) -> bool {
    [Meaning::Prompt, Meaning::Answers]
        .iter()
        .all(|meaning| columns.find(*meaning, record).is_some())
}

/// What a record says of itself; the prompt and the answers are looked at as well.
pub fn outline(record: &Record, columns: &Columns) -> Result<Outline> {
    let prompt = column(record, columns, Meaning::Prompt, "prompt")?;
    ensure!(
        matches!(record.needed(prompt)?, Value::String(_) | Value::Array(_)),
        "`{prompt}` is neither a text nor a list of messages"
    );
    known_answers(record, columns)?;
    let (length_tokens, depth_percent) = (
        stated(
            record,
            columns,
            Meaning::Length,
            Record::count,
            "a count of tokens",
        )?,
        stated(record, columns, Meaning::Depth, Record::number, "a number")?,
    );
    let label = |meaning| {
        let column = columns.find(meaning, record)?;
        record.label(column)
    };
    Ok(Outline {
        id: label(Meaning::Id).unwrap_or_default(),
        line: 0,
        task: label(Meaning::Task),
        length_tokens,
        depth_percent,
        text_bytes: 0,
    })
}

/// The prompt and the answers.
pub fn content(mut record: Record, columns: &Columns) -> Result<Content> {
    let answers = known_answers(&record, columns)?;
    let prompt = column(&record, columns, Meaning::Prompt, "prompt")?.to_owned();
    let messages = match record.0.remove(&prompt) {
        Some(Value::String(text)) => vec![(Role::User, text)],
        Some(list @ Value::Array(_)) => messages(list, &prompt)?,
        _ => bail!("`{prompt}` is neither a text nor a list of messages"),
    };
    let rule = match columns.matching {
        Matching::Any => Rule::Any,
        Matching::All => Rule::All,
        Matching::Exact => Rule::Exact,
    };
    Ok(Content {
        messages,
        answers,
        rule,
        output_tokens: None,
    })
}

/// Turns depths into percent where all of the file are fractions: none above 1, and one between.
/// A column that was given or is called percent is taken at its word.
pub fn fractions_to_percent(outlines: &mut [Outline], columns: &Columns) {
    let percent = |name: &str| name.to_lowercase().contains("percent");
    if columns.depth.as_deref().is_some_and(percent) {
        return;
    }
    let depths = || outlines.iter().filter_map(|outline| outline.depth_percent);
    let fractions = depths().all(|depth| (0.0..=1.0).contains(&depth));
    if fractions && depths().any(|depth| depth > 0.0 && depth < 1.0) {
        for outline in outlines {
            outline.depth_percent = outline.depth_percent.map(|depth| 100.0 * depth);
        }
    }
}

/// The answers, of which an empty one would be found in any reply.
fn known_answers(record: &Record, columns: &Columns) -> Result<Vec<String>> {
    let column = column(record, columns, Meaning::Answers, "answers")?;
    let answers = record.answers(column)?;
    let empty = answers.iter().any(|answer| answer.trim().is_empty());
    ensure!(!empty, "an answer in `{column}` is empty");
    Ok(answers)
}

/// The column with a meaning, which must be there.
fn column<'a>(
    record: &Record,
    columns: &'a Columns,
    meaning: Meaning,
    words: &str,
) -> Result<&'a str> {
    columns.find(meaning, record).with_context(|| {
        format!(
            "no column for the {words} among {}; name it",
            record.columns()
        )
    })
}

/// A number where the record states one. A column that was named must hold one.
fn stated<T>(
    record: &Record,
    columns: &Columns,
    meaning: Meaning,
    read: impl Fn(&Record, &str) -> Option<T>,
    words: &str,
) -> Result<Option<T>> {
    let Some(column) = columns.find(meaning, record) else {
        return Ok(None);
    };
    let number = read(record, column);
    ensure!(
        number.is_some() || columns.given(meaning).is_none(),
        "`{column}` is not {words}"
    );
    Ok(number)
}
