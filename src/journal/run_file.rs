//! `run.json`: everything that was asked for, written before the first question.

use crate::endpoint::Served;
use crate::plan::Grid;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of `run.json`.
pub const RUN_SCHEMA: u32 = 1;

/// A run as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of this format.
    pub schema: u32,
    /// Version of depthfinder that began it.
    pub depthfinder: String,
    /// Version of the prompt format: the same secret gives the same bytes only within one.
    pub prompt_format: u32,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The target as typed.
    pub target: String,
    /// What the endpoint said of itself.
    pub served: Served,
    /// The window that is advertised, in tokens, where known.
    pub advertised_tokens: Option<u64>,
    /// The grid.
    pub grid: Grid,
    /// The secret in hex: with it anybody can rebuild every prompt.
    pub secret: String,
    /// The public salt.
    pub salt: String,
    /// The corpus.
    pub corpus: Named,
    /// The tokenizer that lengths are counted with.
    pub tokenizer: Named,
    /// True where that is the model's own.
    pub exact: bool,
    /// True where lengths are corrected by the server's own count.
    pub server_counts: bool,
    /// Tokens that the chat template adds; none where unknown.
    pub overhead_tokens: Option<u64>,
    /// How questions are asked.
    pub asking: Asking,
}

/// Something that has a name, and a digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// As typed or built in.
    pub name: String,
    /// BLAKE3 over the content, 32 hex digits.
    pub digest: String,
}

/// Settings that can change answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// Output budget in tokens.
    pub max_output_tokens: u64,
    /// Sampling temperature; none leaves it to the server.
    pub temperature: Option<f64>,
    /// Reasoning effort.
    pub reasoning: Option<String>,
    /// System message.
    pub system: Option<String>,
    /// Accuracy below which a length no longer counts as served well, a share.
    pub threshold: f64,
}

impl RunFile {
    /// Reads a folder's `run.json`; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is of a newer format.
    pub fn read(folder: &Path) -> Result<Option<RunFile>> {
        let path = folder.join("run.json");
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        if let Ok(Version { schema }) = serde_json::from_slice(&content)
            && schema > RUN_SCHEMA
        {
            bail!(
                "{} was written by a newer depthfinder (format {schema}): update depthfinder; nothing was changed",
                path.display()
            );
        }
        serde_json::from_slice(&content).map(Some).with_context(|| {
            format!(
                "{} is damaged; the journal beside it is untouched",
                path.display()
            )
        })
    }

    /// Writes `run.json`, whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join("run.json");
        let partial = folder.join("run.json.part");
        let mut content = serde_json::to_vec_pretty(self).context("cannot write run.json")?;
        content.push(b'\n');
        std::fs::write(&partial, content)
            .and_then(|()| std::fs::rename(&partial, &path))
            .with_context(|| {
                format!(
                    "cannot write {}: is the folder read-only or the disk full?",
                    path.display()
                )
            })
    }

    /// The first thing in which two runs would have different prompts or answers, in words; none
    /// where one can go on with the other's folder. Secret and salt are compared too.
    pub fn differs_from(&self, other: &RunFile) -> Option<String> {
        let pairs: [(&str, String, String); 11] = [
            (
                "prompt format",
                self.prompt_format.to_string(),
                other.prompt_format.to_string(),
            ),
            (
                "model",
                self.served.model.clone(),
                other.served.model.clone(),
            ),
            (
                "corpus",
                self.corpus.digest.clone(),
                other.corpus.digest.clone(),
            ),
            (
                "tokenizer",
                self.tokenizer.digest.clone(),
                other.tokenizer.digest.clone(),
            ),
            (
                "lengths",
                format!("{:?}", self.grid.lengths_tokens),
                format!("{:?}", other.grid.lengths_tokens),
            ),
            (
                "depths",
                format!("{:?}", self.grid.depths),
                format!("{:?}", other.grid.depths),
            ),
            (
                "grid",
                format!("{:?}", self.grid),
                format!("{:?}", other.grid),
            ),
            ("secret", self.secret.clone(), other.secret.clone()),
            ("salt", self.salt.clone(), other.salt.clone()),
            (
                "template",
                format!("{:?}", self.overhead_tokens),
                format!("{:?}", other.overhead_tokens),
            ),
            (
                "settings",
                format!("{:?}", self.asking),
                format!("{:?}", other.asking),
            ),
        ];
        pairs
            .into_iter()
            .find(|(_, ours, theirs)| ours != theirs)
            .map(|(name, ours, theirs)| match name {
                "secret" => "the secret".to_string(),
                _ => format!("the {name} ({theirs} there, {ours} now)"),
            })
    }
}
