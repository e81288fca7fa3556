//! What `verify` can be told.

use super::{Inquiry, TARGETS};
use clap::Args;
use std::ops::Deref;

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Verify {
    /// What every such command has.
    #[command(flatten)]
    pub inquiry: Inquiry,

    /// The claimed window: 10M, 128k, or `advertised` for what the registry says of the model, else the endpoint
    #[arg(long, value_name = "TOKENS", help_heading = "Claim")]
    pub claim: String,
    /// Kinds of use, a verdict on each: literal, selective, associative, chained, aggregate; for tasks of your own choice name one of each kind with --task
    #[arg(long, value_name = "KIND", value_delimiter = ',', conflicts_with_all = ["task", "suite"], help_heading = "Claim")]
    pub kinds: Vec<String>,
    /// End all kinds of use as soon as one is refuted [default: each gets its verdict and its effective length]
    #[arg(long, help_heading = "Claim")]
    pub stop_at_first: bool,
    /// What the claim counts: prompt and answer (total) or the prompt alone (input) [default: the registry's, else total]
    #[arg(long, value_parser = ["total", "input"], help_heading = "Claim")]
    pub claim_kind: Option<String>,
    /// Share of right answers that the claim stands for
    #[arg(
        long,
        default_value_t = 0.85,
        conflicts_with = "tau_relative",
        help_heading = "Claim"
    )]
    pub tau: f64,
    /// The same as a share of the rate in short contexts, which is measured first
    #[arg(long, value_name = "SHARE", help_heading = "Claim")]
    pub tau_relative: Option<f64>,
    /// Chance of a wrong verdict, in each direction; of several kinds of use that of any wrong one
    #[arg(long, default_value_t = 0.05, help_heading = "Claim")]
    pub alpha: f64,
    /// Ratio between neighbouring lengths below the claim
    #[arg(long, default_value_t = 4, help_heading = "Claim")]
    pub ladder: u64,
    /// Haystacks: one for every question (isolated), or five a length with twenty facts each (shared)
    #[arg(long, default_value = "isolated", value_parser = ["isolated", "shared"], help_heading = "Claim")]
    pub layout: String,
    /// One wording for all, or a pool of wordings
    #[arg(long, default_value = "pool", value_parser = ["fixed", "pool"], help_heading = "Claim")]
    pub wording: String,
    /// No last look: go on until a verdict, a cap or an interruption
    #[arg(long, help_heading = "Claim")]
    pub open: bool,
    /// Go on after the verdict until the effective length is known closely
    #[arg(long, conflicts_with_all = ["open", "tau_relative"], help_heading = "Claim")]
    pub search: bool,
    /// Seconds between three refusals that show that a length is not served
    #[arg(
        long,
        default_value_t = 60,
        value_name = "SECONDS",
        help_heading = "Claim"
    )]
    pub not_served_gap: u64,
}

impl Deref for Verify {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.inquiry
    }
}
