//! What `compare` can be told.

use super::{Sweep, TARGETS};
use clap::Args;
use std::ops::Deref;

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Compare {
    /// The base (a target, or the folder of a run that was asked before), and what every such command has.
    #[command(flatten)]
    pub sweep: Sweep,

    /// Who is asked the same
    #[arg(required = true, value_name = "OTHER")]
    pub others: Vec<String>,
    /// What differs for them.
    #[command(flatten)]
    pub other: Others,
}

/// How the other sides are asked, where it differs from the base.
#[derive(Clone, Debug, Default, Args)]
pub struct Others {
    /// Tokenizer of the other sides [default: each target's own where it is known, else --tokenizer]
    #[arg(long, value_name = "NAME", help_heading = "Other sides")]
    pub other_tokenizer: Option<String>,
    /// Environment variable that holds their API key [default: as the base, where they are at its host]
    #[arg(long, value_name = "NAME", help_heading = "Other sides")]
    pub other_api_key_env: Option<String>,
    /// Request header of theirs in place of the base's, which only go to its own host; may be given again
    #[arg(long, value_name = "NAME:VALUE", help_heading = "Other sides")]
    pub other_header: Vec<String>,
    /// Request field of theirs in place of the base's, may be given again
    #[arg(long, value_name = "KEY=JSON", help_heading = "Other sides")]
    pub other_param: Vec<String>,
    /// Address of their API, for named providers
    #[arg(long, value_name = "URL", help_heading = "Other sides")]
    pub other_base_url: Option<String>,
}

impl Deref for Compare {
    type Target = Sweep;

    fn deref(&self) -> &Sweep {
        &self.sweep
    }
}
