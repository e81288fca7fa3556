//! What `dispute` can be told.

use super::{Inquiry, Others, TARGETS};
use clap::Args;
use std::ops::Deref;

/// Arguments of `dispute`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Dispute {
    /// What every such command has; `--task` names the fresh facts, public ones are added.
    #[command(flatten)]
    pub inquiry: Inquiry,

    /// The deployment that it should be: asked the same prompts
    #[arg(long, value_name = "TARGET", help_heading = "Dispute")]
    pub reference: Option<String>,
    /// Without a reference: the share of right answers that was published for such questions (0.95)
    #[arg(
        long,
        value_name = "SHARE",
        conflicts_with = "reference",
        help_heading = "Dispute"
    )]
    pub published: Option<f64>,
    /// By how much less than published is nothing
    #[arg(
        long,
        default_value_t = 0.05,
        value_name = "SHARE",
        help_heading = "Dispute"
    )]
    pub margin: f64,
    /// The hypotheses that are tested: model, stability, memory [default: all that can be]
    #[arg(long, value_delimiter = ',', value_parser = ["model", "stability", "memory"], value_name = "NAME", help_heading = "Dispute")]
    pub only: Vec<String>,
    /// Prompts of fresh facts at least, and pairs of public ones
    #[arg(
        long,
        default_value_t = 100,
        value_name = "N",
        help_heading = "Dispute"
    )]
    pub prompts: u64,
    /// Times that each prompt of fresh facts is asked, half of the study apart
    #[arg(long, default_value_t = 2, value_name = "N", help_heading = "Dispute")]
    pub askings: u32,
    /// Windows of time over which the prompts are dealt
    #[arg(long, default_value_t = 10, value_name = "N", help_heading = "Dispute")]
    pub windows: u32,
    /// Hours over which the windows are spread [default: one after the other]
    #[arg(long, value_name = "HOURS", help_heading = "Dispute")]
    pub hours: Option<f64>,
    /// Runs of which the best may have been published
    #[arg(long, default_value_t = 10, value_name = "N", help_heading = "Dispute")]
    pub best_of: u64,
    /// Chance of any false finding
    #[arg(
        long,
        default_value_t = 0.05,
        value_name = "CHANCE",
        help_heading = "Dispute"
    )]
    pub alpha: f64,
    /// Lengths of the prompts in tokens [default: 1k,4k,16k, as far as the window goes]
    #[arg(long, help_heading = "Grid")]
    pub lengths: Option<String>,
    /// Depths: how many, evenly spaced, or percent (0,25,50,75,100)
    #[arg(long, default_value = "5", help_heading = "Grid")]
    pub depths: String,
    /// What differs for the reference.
    #[command(flatten)]
    pub other: Others,
}

impl Deref for Dispute {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.inquiry
    }
}
