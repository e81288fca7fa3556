//! Which column of a set means what.

use super::record::Record;

/// How the expected answers of a generic set are held against a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// One of them is enough.
    #[default]
    Any,
    /// Each counts.
    All,
    /// The reply is one of them and nothing else.
    Exact,
}

impl Matching {
    /// The matching that a word names.
    pub fn from_name(name: &str) -> Option<Matching> {
        match name {
            "any" => Some(Matching::Any),
            "all" => Some(Matching::All),
            "exact" => Some(Matching::Exact),
            _ => None,
        }
    }
}

/// The columns of a generic set, where they are not named as usual. What is named here must be
/// there; without a name the first of the usual names that a record has is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The prompt: a text, or a list of messages. Usual: `messages`, `prompt`, `input`,
    /// `question`.
    pub prompt: Option<String>,
    /// The expected answers: a text, or a list. Usual: `answers`, `answer`, `outputs`, `targets`,
    /// `target`.
    pub answers: Option<String>,
    /// The length in tokens. Usual: `length_tokens`, `length`, `context_length`.
    pub length: Option<String>,
    /// The depth, in percent; or as a fraction where all of the file are between 0 and 1. Usual:
    /// `depth_percent`, `depth`.
    pub depth: Option<String>,
    /// The task. Usual: `task`, `category`.
    pub task: Option<String>,
    /// The identifier. Usual: `id`, `_id`, `index`.
    pub id: Option<String>,
    /// How answers are held against a reply.
    pub matching: Matching,
}

/// A meaning that a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Prompt,
    Answers,
    Length,
    Depth,
    Task,
    Id,
}

impl Columns {
    /// The name that was given for a meaning.
    pub fn given(&self, meaning: Meaning) -> Option<&str> {
        match meaning {
            Meaning::Prompt => self.prompt.as_deref(),
            Meaning::Answers => self.answers.as_deref(),
            Meaning::Length => self.length.as_deref(),
            Meaning::Depth => self.depth.as_deref(),
            Meaning::Task => self.task.as_deref(),
            Meaning::Id => self.id.as_deref(),
        }
    }

    /// The column with a meaning: the given one, or the first usual one that the record has.
    pub fn find(&self, meaning: Meaning, record: &Record) -> Option<&str> {
        let usual: &[&'static str] = match meaning {
            Meaning::Prompt => &["messages", "prompt", "input", "question"],
            Meaning::Answers => &["answers", "answer", "outputs", "targets", "target"],
            Meaning::Length => &["length_tokens", "length", "context_length"],
            Meaning::Depth => &["depth_percent", "depth"],
            Meaning::Task => &["task", "category"],
            Meaning::Id => &["id", "_id", "index"],
        };
        self.given(meaning).or_else(|| {
            usual
                .iter()
                .copied()
                .find(|name| record.get(name).is_some())
        })
    }
}
