//! A run folder as a stranger reads it: lines of JSON and nothing of the product's own types.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A run folder; it may not be there yet.
pub struct RunFolder {
    path: PathBuf,
}

/// What a settled trial came to: prompt, right answer, class or reason of the void, answer.
pub type Settled = (String, String, String, String);

impl RunFolder {
    /// The one at a path.
    pub fn at(path: PathBuf) -> RunFolder {
        RunFolder { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of it as bytes.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let path = self.path.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A file of it as JSON.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Lines of the journal that are whole; none where there is no journal yet.
    pub fn line_count(&self) -> usize {
        std::fs::read(self.path.join("journal.jsonl")).map_or(0, |bytes| {
            bytes.iter().filter(|&&byte| byte == b'\n').count()
        })
    }

    /// Every line of the journal.
    pub fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.bytes("journal.jsonl")).expect("UTF-8");
        let parse = |line: &str| serde_json::from_str(line).expect("a line of JSON");
        text.lines().map(parse).collect()
    }

    /// Every row of the journal: what came of an attempt.
    pub fn rows(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["line"] == "row");
        lines
    }

    /// What each settled trial came to, by its number. A trial settled twice is an error.
    pub fn settled(&self) -> BTreeMap<u64, Settled> {
        let mut settled = BTreeMap::new();
        for row in self.rows().iter().filter(|row| row["settled"] == true) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let class = match &row["void"] {
                Value::Null => row["judged"]["class"].to_string(),
                void => format!("void: {}", text(void)),
            };
            let came_to = (
                text(&row["prompt"]["blake3"]),
                text(&row["expected"]),
                class,
                text(&row["outcome"]["reply"]["text"]),
            );
            let trial = row["trial"]["id"].as_u64().expect("a number");
            let before = settled.insert(trial, came_to);
            assert_eq!(before, None, "trial {trial} is settled twice");
        }
        settled
    }

    /// The prompts' digests by trial.
    pub fn prompts(&self) -> BTreeMap<u64, String> {
        let digest = |(trial, settled): (u64, Settled)| (trial, settled.0);
        self.settled().into_iter().map(digest).collect()
    }

    /// Trials that were sent again after a row had settled them.
    pub fn asked_again(&self) -> Vec<u64> {
        let mut settled = std::collections::HashSet::new();
        let mut again = Vec::new();
        for line in self.lines() {
            if line["line"] == "row" && line["settled"] == true {
                settled.insert(line["trial"]["id"].as_u64());
            } else if line["line"] == "intent" && settled.contains(&line["trial"].as_u64()) {
                again.extend(line["trial"].as_u64());
            }
        }
        again
    }

    /// What a verification came to, as `summary.json` tells it.
    pub fn verification(&self) -> Value {
        self.json("summary.json")["verification"].clone()
    }

    /// The rows of one length of a verification's ladder.
    pub fn rung(&self, tokens: u64) -> Vec<Value> {
        let mut rows = self.rows();
        rows.retain(|row| row["trial"]["seat"]["rung_tokens"] == tokens);
        rows
    }

    /// Controls that have a right answer.
    pub fn controls(&self) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["line"] == "control" && !line["item"].is_null());
        lines
    }

    /// Every file of the folder with its bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let names = super::names(&self.path).into_iter();
        names
            .map(|name| (name.clone(), self.bytes(&name)))
            .collect()
    }
}
