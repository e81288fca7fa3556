//! One record of a set, and how its columns are read.

use super::Role;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

/// The columns of a record by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record(pub Map<String, Value>);

impl Record {
    /// A value, unless it is missing or null.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.0.get(column).filter(|value| !value.is_null())
    }

    /// The names of the columns, as people read them.
    pub fn columns(&self) -> String {
        const MOST: usize = 12;
        let mut names: Vec<String> = self
            .0
            .keys()
            .take(MOST)
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        match self.0.len() {
            0 => names.push("(none)".to_owned()),
            more if more > MOST => names.push(format!("and {} more", more - MOST)),
            _ => {}
        }
        names.join(", ")
    }

    /// A value that must be there.
    pub fn needed(&self, column: &str) -> Result<&Value> {
        match self.get(column) {
            Some(value) => Ok(value),
            None => bail!("no `{column}` in the columns {}", self.columns()),
        }
    }

    /// A text that must be there.
    pub fn text(&self, column: &str) -> Result<&str> {
        let text = self.needed(column)?.as_str();
        text.with_context(|| format!("`{column}` is not a text"))
    }

    /// Takes a text out of the record, so that there is no second copy of it.
    pub fn take_text(&mut self, column: &str) -> Result<String> {
        self.text(column)?;
        match self.0.remove(column) {
            Some(Value::String(text)) => Ok(text),
            _ => bail!("`{column}` is not a text"),
        }
    }

    /// A short text or a number, as a text.
    pub fn label(&self, column: &str) -> Option<String> {
        match self.get(column)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A number, or a text that is one.
    pub fn number(&self, column: &str) -> Option<f64> {
        let number = match self.get(column)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    /// A count: a whole number that is not negative, however it is written.
    pub fn count(&self, column: &str) -> Option<u64> {
        let number = self.number(column)?;
        // Beyond 2^53 not every whole number is a double.
        (number >= 0.0 && number.fract() == 0.0 && number <= 9e15).then_some(number as u64)
    }

    /// Expected answers: a text or a number, or a list of them.
    pub fn answers(&self, column: &str) -> Result<Vec<String>> {
        fn one(value: &Value, column: &str) -> Result<String> {
            match value {
                Value::String(text) => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                Value::Bool(truth) => Ok(truth.to_string()),
                _ => bail!("`{column}` holds something that is no text and no number"),
            }
        }
        let value = self.needed(column)?;
        let answers: Vec<String> = match value {
            Value::Array(list) => list
                .iter()
                .map(|value| one(value, column))
                .collect::<Result<_>>()?,
            value => vec![one(value, column)?],
        };
        ensure!(!answers.is_empty(), "`{column}` holds no answer");
        Ok(answers)
    }
}

/// The messages of a conversation: a list of objects with `role` and `content`, where a content
/// is a text or a list of parts with `text`.
pub fn messages(value: Value, column: &str) -> Result<Vec<(Role, String)>> {
    let Value::Array(list) = value else {
        bail!("`{column}` is not a list of messages");
    };
    ensure!(!list.is_empty(), "`{column}` holds no message");
    let read = |(at, value): (usize, Value)| {
        message(value).with_context(|| format!("message {} of `{column}`", at + 1))
    };
    list.into_iter().enumerate().map(read).collect()
}

fn message(value: Value) -> Result<(Role, String)> {
    let Value::Object(mut message) = value else {
        bail!("not an object with `role` and `content`");
    };
    let role = match message.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user" | "human") => Role::User,
        Some("assistant" | "model") => Role::Assistant,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            bail!("the role {other:?} is none of system, user, assistant")
        }
        None => bail!("no `role`"),
    };
    let content = match message.remove("content") {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts
            .into_iter()
            .map(|mut part| match part.get_mut("text").map(Value::take) {
                Some(Value::String(text)) => Ok(text),
                _ => bail!("a part of the content is not text"),
            })
            .collect::<Result<String>>()?,
        _ => bail!("no text in `content`"),
    };
    Ok((role, content))
}
