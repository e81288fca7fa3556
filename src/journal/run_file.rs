//! `run.json`: everything that was asked for, written before the first question.

use crate::endpoint::Served;
use crate::plan::{Depths, Grid, WordingChoice};
use crate::price::Price;
use crate::prompt::QuestionAt;
use crate::reconcile::{Basis, Fit};
use crate::study::Registered;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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
    /// The plan of a verification, fixed before its first question; none for a sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<Registered>,
    /// The set that was asked; none where questions are our own. The grid is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<SetAsked>,
    /// BLAKE3 in hex over all that decides prompts, answers and verdict, the secret by its own
    /// digest: who knows it before the first question knows that nothing was changed after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// The secret in hex: with it anybody can rebuild every prompt.
    pub secret: String,
    /// The public salt.
    pub salt: String,
    /// The corpus.
    pub corpus: Named,
    /// The tokenizer that lengths are counted with.
    pub tokenizer: Named,
    /// The tokenizer that the prompts were sized by, where they are another side's; none for
    /// prompts of the run's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sized_by: Option<Named>,
    /// True where `tokenizer` is the model's own.
    pub exact: bool,
    /// True where lengths are corrected by the server's own count.
    pub server_counts: bool,
    /// Tokens that the chat template adds; none where unknown.
    pub overhead_tokens: Option<u64>,
    /// How the server's counts grow with ours, where it was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// What the search for the served window found, where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_window: Option<FoundWindow>,
    /// What had to be changed in the requests because the server refused a field, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adaptations: Vec<String>,
    /// How questions are asked.
    pub asking: Asking,
    /// What tokens cost; none where it is not known. May be given anew when the run goes on.
    #[serde(default)]
    pub price: Option<Price>,
}

/// Another's set that was asked in place of a grid. Its file is the run's `corpus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsked {
    /// Whose set it is: `ruler`, `mrcr`, `generic`.
    pub kind: String,
    /// The columns that were named, by what they mean, and `matching`, where it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Items of the file.
    pub items: u64,
    /// Those of them that are asked: the first so many in the order that secret and salt draw.
    pub asked: u64,
    /// The lengths that the set was made for, in tokens, where its own column has few of them;
    /// other lengths are told in powers of two.
    pub nominal_tokens: Vec<u64>,
}

/// What the search for the served window found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundWindow {
    /// The longest prompt that was served whole, in tokens; none where none was.
    pub served_tokens: Option<u64>,
    /// The shortest that was not, in tokens; none where all were.
    pub refused_tokens: Option<u64>,
    /// What became of that one: `too-long`, `cut-prompt`, `suspected-cut`.
    pub how: Option<String>,
    /// Requests that it took.
    pub requests: u64,
    /// Why the search ended early, where it did: a limit that is no window.
    pub stopped: Option<String>,
}

impl FoundWindow {
    /// The window in tokens, prompt and output together, where both sides of its edge were seen
    /// and lie next to each other.
    pub fn window_tokens(&self) -> Option<u64> {
        let served = self.served_tokens?;
        (self.refused_tokens == Some(served + 1)).then_some(served + 1)
    }
}

/// Something that has a name, and a digest of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// A built-in name, or the absolute path of a file or folder of the user's own.
    pub name: String,
    /// BLAKE3 over the content, 32 hex digits.
    pub digest: String,
}

impl Named {
    /// The name without the folders before it, which are nobody else's business.
    pub fn short(&self) -> &str {
        let path = Path::new(&self.name);
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if path.is_absolute() => name,
            _ => &self.name,
        }
    }
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
    /// Request fields of the user's own, by name.
    #[serde(default)]
    pub params: Map<String, Value>,
}

impl RunFile {
    /// What the expected counts rest on.
    pub fn basis(&self) -> Basis {
        let overhead_tokens = self.overhead_tokens;
        match &self.fit {
            Some(fit) => Basis::Fitted(fit.clone()),
            None if self.exact => Basis::Exact { overhead_tokens },
            None if self.server_counts => Basis::Counted {
                overhead_tokens,
                estimate: self.served.count_is_estimate,
            },
            None => Basis::Unknown,
        }
    }

    /// True where the prompts were sized by a tokenizer that is not the run's own.
    pub fn is_sized_elsewhere(&self) -> bool {
        let by = self.sized_by.as_ref();
        by.is_some_and(|by| by.digest != self.tokenizer.digest)
    }

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
        self.told()
            .into_iter()
            .zip(other.told())
            .map(|((name, ours), (_, theirs))| (name, ours, theirs))
            .find(|(_, ours, theirs)| ours != theirs)
            .map(|(name, ours, theirs)| match name {
                "secret" => "the secret".to_string(),
                _ if ours.len() + theirs.len() > 100 => format!("the {name}"),
                _ => format!("the {name} ({theirs} there, {ours} now)"),
            })
    }

    /// The digest of the plan, as [`RunFile::plan_hash`] keeps it.
    pub fn hashed(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, value) in self.told() {
            let value = match name {
                "secret" => blake3::hash(value.as_bytes()).to_hex().to_string(),
                _ => value,
            };
            for part in [name, value.as_str()] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// All that decides prompts and answers, as name and value.
    fn told(&self) -> Vec<(&'static str, String)> {
        fn list<T>(items: &[T], told: impl Fn(&T) -> String) -> String {
            items.iter().map(told).collect::<Vec<_>>().join(",")
        }
        fn maybe<T: ToString>(value: Option<T>) -> String {
            value.map_or("none".to_string(), |value| value.to_string())
        }
        let (grid, asking) = (&self.grid, &self.asking);
        // In the order of their names, whatever order they were typed in.
        let mut params: Vec<String> = asking
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        params.sort();
        let depths = match &grid.depths {
            Depths::At(depths) => list(depths, f64::to_string),
            Depths::Strata(count) => format!("{count} strata"),
        };
        let question_at = match grid.question_at {
            QuestionAt::End => "end",
            QuestionAt::Start => "start",
        };
        let wording = match grid.wording {
            WordingChoice::Fixed => "fixed",
            WordingChoice::Pool => "pool",
        };
        let mut told = vec![
            ("prompt format", self.prompt_format.to_string()),
            ("model", self.served.model.clone()),
            ("corpus", self.corpus.digest.clone()),
            ("tokenizer", self.tokenizer.digest.clone()),
            (
                "list of tasks",
                list(&grid.tasks, |task| task.name().into()),
            ),
            (
                "list of lengths",
                list(&grid.lengths_tokens, u64::to_string),
            ),
            ("list of depths", depths),
            ("number of samples", grid.samples.to_string()),
            ("number of keys", grid.keys.to_string()),
            ("kind of values", grid.values.noun().to_string()),
            ("wording", wording.to_string()),
            ("question's place", question_at.to_string()),
            ("secret", self.secret.clone()),
            ("salt", format!("\"{}\"", self.salt)),
            ("template's length", maybe(self.overhead_tokens)),
            ("output budget", asking.max_output_tokens.to_string()),
            ("temperature", maybe(asking.temperature)),
            ("reasoning effort", maybe(asking.reasoning.as_deref())),
            ("system message", maybe(asking.system.as_deref())),
            ("threshold", asking.threshold.to_string()),
            ("list of parameters", format!("[{}]", params.join(", "))),
            (
                "registered plan",
                maybe(
                    self.study
                        .as_ref()
                        .and_then(|study| serde_json::to_string(study).ok()),
                ),
            ),
        ];
        // Of runs without a set the digest stays what it was before there were sets.
        if let Some(set) = &self.dataset {
            told.push(("number of items asked", set.asked.to_string()));
            told.push(("kind of set", set.kind.clone()));
            let columns = set.columns.iter();
            let columns: Vec<String> = columns
                .map(|(meaning, column)| format!("{meaning}={column}"))
                .collect();
            told.push(("columns", format!("[{}]", columns.join(", "))));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asking(more: &Value) -> Asking {
        let mut written = json!({"max_output_tokens": 64, "temperature": 0.0, "reasoning": null,
            "system": null, "threshold": 0.85});
        if let (Some(asking), Some(more)) = (written.as_object_mut(), more.as_object()) {
            asking.extend(more.clone());
        }
        serde_json::from_value(written).expect("settings")
    }

    fn run(asking: Asking) -> RunFile {
        let run = json!({
            "schema": 1, "depthfinder": "0", "prompt_format": 1, "began_ms": 0, "target": "sim:perfect",
            "served": Served::default(), "advertised_tokens": null,
            "grid": {"tasks": ["niah_single"], "lengths_tokens": [512], "depths": {"at": [50.0]},
                "samples": 1, "keys": 1, "values": "numbers", "wording": "fixed", "question_at": "end"},
            "secret": "00", "salt": "", "corpus": {"name": "en", "digest": "1"},
            "tokenizer": {"name": "o200k", "digest": "1"}, "exact": true, "server_counts": false,
            "overhead_tokens": null, "asking": asking, "price": null,
        });
        serde_json::from_value(run).expect("a run")
    }

    #[test]
    fn parameters_are_compared_by_name_whatever_their_order_and_older_folders_have_none() {
        let one = run(asking(&json!({"params": {"top_k": 1, "seed": 7}})));
        let same = run(asking(&json!({"params": {"seed": 7, "top_k": 1}})));
        let other = run(asking(&json!({"params": {"seed": 8, "top_k": 1}})));
        let older = run(asking(&json!({})));
        assert_eq!(one.differs_from(&same), None);
        assert_eq!(
            older.differs_from(&run(asking(&json!({"params": {}})))),
            None
        );
        let told = one.differs_from(&other).expect("another run");
        assert_eq!(
            told,
            "the list of parameters ([seed=8, top_k=1] there, [seed=7, top_k=1] now)"
        );
        assert!(one.differs_from(&older).is_some());
    }
}
