//! What `identify` can be told.

use super::{Cli, Command, Inquiry, TARGETS};
use anyhow::{Result, bail};
use clap::{Args, Parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `identify`.
#[derive(Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Identify {
    /// Who is asked
    pub target: String,
    /// Who it is held against: the model from its own vendor, or the same weights on this machine
    #[arg(long, value_name = "TARGET", help_heading = "Identity")]
    pub reference: Option<String>,
    /// The model or tokenizer that it is said to be [default: by the target's name]
    #[arg(long, value_name = "NAME", help_heading = "Identity")]
    pub claimed: Option<String>,
    /// A tokenizer of yours beside those that are known: tokenizer.json or .gguf, may be given again
    #[arg(long, value_name = "FILE", help_heading = "Identity")]
    pub tokenizer_file: Vec<PathBuf>,
    /// Ask the same once more behind a text of so many tokens, as long as the window allows; 0 leaves it out
    #[arg(
        long,
        value_name = "TOKENS",
        default_value = "8k",
        help_heading = "Identity"
    )]
    pub long: String,
    /// Leave out the test of the answers' distribution against the reference
    #[arg(long, help_heading = "Identity")]
    pub no_equality: bool,
    /// Make that test behind the long text as well
    #[arg(
        long,
        conflicts_with = "no_equality",
        requires = "reference",
        help_heading = "Identity"
    )]
    pub long_equality: bool,
    /// Prompts of that test
    #[arg(long, default_value_t = 25, help_heading = "Identity")]
    pub prompts: usize,
    /// Answers of either side to each of them
    #[arg(long, default_value_t = 10, help_heading = "Identity")]
    pub samples: usize,
    /// Questions asked at a time [default: 4, and 1 for a local model]
    #[arg(long, help_heading = "Asking")]
    pub concurrency: Option<usize>,
    /// Attempts after the first where a failure may pass
    #[arg(long, default_value_t = 4, help_heading = "Asking")]
    pub retries: u32,
    /// Environment variable that holds the API key
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    pub api_key_env: Option<String>,
    /// Environment variable that holds the reference's API key
    #[arg(
        long,
        value_name = "NAME",
        requires = "reference",
        help_heading = "Connection"
    )]
    pub reference_api_key_env: Option<String>,
    /// Certificates to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub ca_cert: Option<PathBuf>,
    /// Request header NAME:VALUE for the target alone, may be given again; values are kept secret
    #[arg(long, value_name = "NAME:VALUE", help_heading = "Connection")]
    pub header: Vec<String>,
    /// Request field of your own as JSON, for both, may be given again
    #[arg(long, value_name = "KEY=JSON", help_heading = "Connection")]
    pub param: Vec<String>,
    /// Another address for a named provider's API, of the target alone
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    pub base_url: Option<String>,
    /// Requests a minute at most
    #[arg(long, value_name = "N", help_heading = "Connection")]
    pub rpm: Option<u64>,
    /// Tokens a minute at most, prompts and output budgets together
    #[arg(long, value_name = "TOKENS", help_heading = "Connection")]
    pub tpm: Option<String>,
    /// How local models run: auto, a llama-server, or the built-in engine
    #[arg(long, default_value = "auto", value_parser = ["auto", "llama-server", "engine"], help_heading = "Connection")]
    pub backend: String,
    /// The llama-server for local models
    #[arg(long, value_name = "PATH", help_heading = "Connection")]
    pub llama_server: Option<PathBuf>,
    /// Threads of a local model
    #[arg(long, help_heading = "Connection")]
    pub threads: Option<usize>,
    /// Stop after so many attempts
    #[arg(long, help_heading = "Spending")]
    pub max_trials: Option<u64>,
    /// Stop before more prompt tokens than this are used
    #[arg(long, help_heading = "Spending")]
    pub max_tokens: Option<String>,
    /// Stop before more dollars than this are spent
    #[arg(long, value_name = "USD", help_heading = "Spending")]
    pub max_cost: Option<f64>,
    /// Price in dollars per million tokens: IN,OUT
    #[arg(long, value_name = "IN,OUT", help_heading = "Spending")]
    pub price: Option<String>,
    /// Print what would be asked, and ask nothing
    #[arg(long, help_heading = "Spending")]
    pub dry_run: bool,
    /// Go ahead above $1, above 5M tokens, or where the price is unknown
    #[arg(long, short, help_heading = "Spending")]
    pub yes: bool,
    /// Folder of the result [default: outputs/TIME-identify-MODEL]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Print the result as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl Identify {
    /// The target's connection as a sweep would make it, with everything else at its default.
    ///
    /// # Errors
    /// When the arguments cannot be read as a sweep's.
    pub fn as_inquiry(&self) -> Result<Inquiry> {
        let mut words = self.shared();
        let mut option = |flag: &str, value: Option<OsString>| {
            words.extend(value.into_iter().flat_map(|value| [flag.into(), value]));
        };
        option("--api-key-env", self.api_key_env.clone().map(Into::into));
        option("--base-url", self.base_url.clone().map(Into::into));
        for header in &self.header {
            option("--header", Some(header.into()));
        }
        inquiry(words, &self.target)
    }

    /// The reference's connection in the same way; none without a reference.
    ///
    /// # Errors
    /// When the arguments cannot be read as a sweep's.
    pub fn reference_inquiry(&self) -> Result<Option<Inquiry>> {
        let Some(reference) = &self.reference else {
            return Ok(None);
        };
        let mut words = self.shared();
        if let Some(name) = &self.reference_api_key_env {
            words.extend(["--api-key-env".into(), name.into()]);
        }
        inquiry(words, reference).map(Some)
    }

    /// What both sides have.
    fn shared(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["depthfinder".into(), "sweep".into()];
        let mut option = |flag: &str, value: Option<OsString>| {
            words.extend(value.into_iter().flat_map(|value| [flag.into(), value]));
        };
        let number = |number: Option<u64>| number.map(|number| number.to_string().into());
        option("--ca-cert", self.ca_cert.clone().map(Into::into));
        option("--rpm", number(self.rpm));
        option("--tpm", self.tpm.clone().map(Into::into));
        option("--backend", Some(self.backend.clone().into()));
        option("--llama-server", self.llama_server.clone().map(Into::into));
        option(
            "--threads",
            number(self.threads.map(|threads| threads as u64)),
        );
        option("--max-trials", number(self.max_trials));
        option("--max-tokens", self.max_tokens.clone().map(Into::into));
        option(
            "--max-cost",
            self.max_cost.map(|usd| usd.to_string().into()),
        );
        option("--price", self.price.clone().map(Into::into));
        for param in &self.param {
            option("--param", Some(param.into()));
        }
        for (flag, is_set) in [("--quiet", self.quiet), ("--dry-run", self.dry_run)] {
            words.extend(is_set.then(|| flag.into()));
        }
        words
    }
}

fn inquiry(mut words: Vec<OsString>, target: &str) -> Result<Inquiry> {
    words.extend(["--".into(), target.into()]);
    match Cli::try_parse_from(words).map(|cli| cli.command) {
        Ok(Command::Sweep(sweep)) => Ok(sweep.inquiry),
        // Not quoted: a header may be among the words.
        _ => bail!("these arguments cannot be read"),
    }
}
