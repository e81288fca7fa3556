//! What an answer looks like, and by which rule it is right.

use serde::{Deserialize, Serialize};

/// What a value looks like. The names are RULER's where it has them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Digits: seven for keyed facts.
    #[default]
    Numbers,
    /// An adjective and a noun joined by a hyphen.
    Words,
    /// A random UUID in lower case.
    Uuids,
    /// One of the names that stand in the text: people, places, things, variables.
    Names,
    /// A whole number small enough to count to, in digits or in words.
    Counts,
}

impl ValueType {
    /// The English noun that stands for a value of this type.
    pub fn noun(self) -> &'static str {
        match self {
            ValueType::Numbers => "number",
            ValueType::Words => "word",
            ValueType::Uuids => "uuid",
            ValueType::Names => "name",
            ValueType::Counts => "count",
        }
    }
}

/// How many values are right, and whether their order matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// One value and no other.
    #[default]
    One,
    /// All of several values and no other, in any order.
    All,
    /// All of several values and no other, in this order.
    Order,
    /// No value: the text does not say it, and that is to be said.
    Absent,
}

impl Rule {
    /// True for the rule that rows need not name.
    pub fn is_one(&self) -> bool {
        *self == Rule::One
    }
}

/// What is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// What values look like.
    pub value_type: ValueType,
    /// The rule.
    pub rule: Rule,
    /// The values: one, several, or none at all.
    pub values: Vec<String>,
}

impl Right {
    /// One value.
    pub fn one(value_type: ValueType, value: impl Into<String>) -> Right {
        Right {
            value_type,
            rule: Rule::One,
            values: vec![value.into()],
        }
    }

    /// All of several.
    pub fn all(value_type: ValueType, values: Vec<String>) -> Right {
        Right {
            value_type,
            rule: Rule::All,
            values,
        }
    }

    /// Several in this order.
    pub fn order(value_type: ValueType, values: Vec<String>) -> Right {
        Right {
            value_type,
            rule: Rule::Order,
            values,
        }
    }

    /// None; values would look like this.
    pub fn absent(value_type: ValueType) -> Right {
        Right {
            value_type,
            rule: Rule::Absent,
            values: Vec::new(),
        }
    }

    /// As journals and reports show it.
    pub fn shown(&self) -> String {
        match self.rule {
            Rule::Absent => "none".to_string(),
            _ => self.values.join(", "),
        }
    }
}
