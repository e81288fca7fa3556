//! What `gate` can be told.

use super::{Inquiry, TARGETS};
use clap::Args;
use std::ops::Deref;
use std::path::PathBuf;

/// Arguments of `gate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Gate {
    /// What every such command has; the questions are the baseline's.
    #[command(flatten)]
    pub inquiry: Inquiry,

    /// The baseline: a file that `report RUN --baseline FILE` wrote, or the folder of a sweep
    #[arg(long, value_name = "FILE", help_heading = "Gate")]
    pub baseline: PathBuf,
    /// Loss of the success rate that is tolerated: PASS says that it is less
    #[arg(
        long,
        default_value_t = 0.05,
        value_name = "SHARE",
        help_heading = "Gate"
    )]
    pub delta: f64,
    /// Gates a year: of all of them together one in two years may FAIL by chance
    #[arg(long, default_value_t = 365.0, value_name = "N", help_heading = "Gate")]
    pub runs_per_year: f64,
    /// Pairs after which the gate ends
    #[arg(long, default_value_t = 400, value_name = "N", help_heading = "Gate")]
    pub n_max: u64,
    /// Exit with 0 where neither PASS nor FAIL is shown, unless answers are missing
    #[arg(long, help_heading = "Gate")]
    pub neutral_ok: bool,
    /// Ask all questions, tell what has changed, and write the answers as a new baseline
    #[arg(long, value_name = "FILE", help_heading = "Gate")]
    pub update_baseline: Option<PathBuf>,
    /// Write the outcome as JUnit XML
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,
    /// Write the outcome for Prometheus' textfile collector
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub prometheus: Option<PathBuf>,
}

impl Deref for Gate {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.inquiry
    }
}
