//! A disputed score settled in one study: is it another model than the reference, is it unstable, does it know the benchmark by heart.

mod conclusion;
mod course;
mod evidence;

pub use conclusion::{Conclusion, Disputed, Hypothesis, Verdict};
pub use course::{Course, Part, Sitting, one_of_each_text};
pub use evidence::{
    Evidence, Label, Labelling, Needle, Repeats, Shares, Sides, TokenCounts, Window,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of `design.json` and of `dispute.json`.
pub const DISPUTE_SCHEMA: u32 = 1;
/// Share of answers without a pair, or of repeats that are none, above which nothing is found.
pub const MOST_MISSING: f64 = 0.2;
/// The file that a dispute's folder begins with.
pub const DESIGN_FILE: &str = "design.json";

/// What is tested and how, fixed before the first question (`design.json`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Version of this format.
    pub schema: u32,
    /// The hypotheses that are tested.
    pub hypotheses: Vec<Hypothesis>,
    /// Chance of any false finding.
    pub alpha: f64,
    /// Windows of time over which the prompts are dealt.
    pub windows: u32,
    /// Times that each prompt is asked.
    pub askings: u32,
    /// Runs of which the best might have been published.
    pub best_of: u64,
    /// The reference as typed, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// A published share of right answers, where there is no reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
    /// By how much less than published is nothing.
    pub margin: f64,
}

impl Design {
    /// True where the hypothesis is tested.
    pub fn tests(&self, hypothesis: Hypothesis) -> bool {
        self.hypotheses.contains(&hypothesis)
    }

    /// The folders of the target's askings, in order.
    pub fn askings_folders(&self) -> Vec<String> {
        let names = (1..=self.askings).map(|nth| match nth {
            1 => "first".to_owned(),
            2 => "again".to_owned(),
            nth => format!("again-{nth}"),
        });
        names.collect()
    }

    /// The folder of the reference, where one is asked.
    pub fn reference_folder(&self) -> Option<&'static str> {
        self.reference.as_ref().map(|_| "reference")
    }

    /// Reads the design of a dispute's folder; none where the folder is of something else.
    ///
    /// # Errors
    /// When it is damaged, or of a later version.
    pub fn read(folder: &Path) -> Result<Option<Design>> {
        let path = folder.join(DESIGN_FILE);
        let Ok(content) = std::fs::read(&path) else {
            return Ok(None);
        };
        let design: Design = serde_json::from_slice(&content).with_context(|| {
            format!(
                "{} is damaged; the answers in the folders beside it are untouched: give the same command again with another --out",
                path.display()
            )
        })?;
        ensure!(
            design.schema <= DISPUTE_SCHEMA,
            "{} is of version {}, later than this depthfinder knows",
            path.display(),
            design.schema
        );
        Ok(Some(design))
    }
}
