//! What can be typed.

mod compare;
mod dataset;
mod dispute;
mod gate;
mod identify;
mod inquiry;
mod verify;

pub use compare::{Compare, Others};
pub use dataset::SetChoice;
pub use dispute::Dispute;
pub use gate::Gate;
pub use identify::Identify;
pub use inquiry::Inquiry;
pub use verify::Verify;

use super::doctor::Doctor;
use crate::sim::{FAULTS, MODIFIERS, NAMES};
use clap::{Args, Parser, Subcommand};
use std::ops::Deref;
use std::path::PathBuf;

/// Measures how deep a model's context window really is.
#[derive(Debug, Parser)]
#[command(name = "depthfinder", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask for planted facts at many lengths and depths, or another's set, and draw the charts
    Sweep(Box<Sweep>),
    /// Test a claimed window: VERIFIED, REFUTED or UNDECIDED, with a known error rate
    Verify(Box<Verify>),
    /// Ask two or more targets the same prompts, and test whether one is worse
    Compare(Box<Compare>),
    /// Hold a deployment against a stored baseline: PASS, FAIL or NEUTRAL, for continuous integration
    Gate(Box<Gate>),
    /// Settle a disputed score: another model than the reference, unstable, or known by heart
    Dispute(Box<Dispute>),
    /// Tell who is really answering: tokenizer, answers and marks against a name or a reference
    Identify(Box<Identify>),
    /// Print the exact bytes of one prompt of a run
    Show(Show),
    /// Score and draw runs again from their journals, asking nothing
    Report(Report),
    /// Put a simulated model behind real HTTP on this machine
    Serve(Serve),
    /// Tell what an endpoint says of itself and answers, or whether this machine is ready
    #[command(after_help = TARGETS)]
    Doctor(Doctor),
    /// List the windows that vendors and hosts advertise, with sources
    Claims(Claims),
    /// List the tasks
    Tasks,
    /// List the built-in texts with their sources and licences
    Corpora,
}

const TARGETS: &str = "TARGET is one of
  http://host:8000/v1#model   any OpenAI-compatible server; #model may be left out where it lists one
  openai:MODEL                OpenAI, with the key in OPENAI_API_KEY; openai-responses:MODEL by its newer API
  anthropic:MODEL             Anthropic, with the key in ANTHROPIC_API_KEY
  gemini:MODEL                Google's Gemini, with the key in GEMINI_API_KEY or GOOGLE_API_KEY
  azure:DEPLOYMENT            Azure OpenAI at AZURE_OPENAI_ENDPOINT, with the key in AZURE_OPENAI_API_KEY
  openrouter:MODEL            OpenRouter, with the key in OPENROUTER_API_KEY
  ollama:MODEL                Ollama by its own API, at OLLAMA_HOST or on this machine
  local:NAME_OR_PATH.gguf     a model on this machine; smollm2 is fetched by itself
  sim:NAME                    a simulated model: perfect, cliff=64k, scout, grep (`serve --help` lists all)

Lengths are tokens of the complete prompt: 4k, 128k, 1M, 10M (k = 1,000; Ki and Mi are binary).
Exit codes: 0 done, verified, PASS or nothing found; 1 refuted, worse, FAIL, not consistent or a hypothesis
holds; 2 could not run; 3 undecided, NEUTRAL, more than 20 % void or stopped by a cap; 130 interrupted.";

/// Arguments of `sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Sweep {
    /// What every such command has.
    #[command(flatten)]
    pub inquiry: Inquiry,
    /// Another's set in place of the grid.
    #[command(flatten)]
    pub set: SetChoice,

    /// Lengths: 4k,32k,128k or 1k..10M [default: from 512 doubling up to the declared window]
    #[arg(long, help_heading = "Grid")]
    pub lengths: Option<String>,
    /// Steps of a range of lengths, evenly spaced on a log scale [default: doubling]
    #[arg(long, help_heading = "Grid")]
    pub steps: Option<u32>,
    /// Depths: how many, evenly spaced (11), or percent (0,25,50,75,100), or strata
    #[arg(long, default_value = "11", help_heading = "Grid")]
    pub depths: String,
    /// Samples of each cell, with fresh facts and haystack each
    #[arg(long, default_value_t = 1, help_heading = "Grid")]
    pub samples: u32,
    /// One wording for all, or a pool of wordings
    #[arg(long, default_value = "fixed", value_parser = ["fixed", "pool"], help_heading = "Grid")]
    pub wording: String,
    /// Accuracy below which a length counts as not served well
    #[arg(long, default_value_t = 0.85, help_heading = "Asking")]
    pub threshold: f64,
    /// Search for the window that is really served, refusals and silent cuts alike
    #[arg(long, help_heading = "Asking")]
    pub find_window: bool,
    /// The window that is advertised, drawn in the chart [default: as the endpoint declares]
    #[arg(long, help_heading = "Asking")]
    pub advertised: Option<String>,
    /// Share of void trials above which the run ends undecided, with exit code 3
    #[arg(
        long,
        default_value_t = 0.2,
        value_name = "SHARE",
        help_heading = "Asking"
    )]
    pub max_void: f64,
}

impl Deref for Sweep {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.inquiry
    }
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Run folder
    pub run: PathBuf,
    /// Trial, by its number in the journal
    pub trial: u64,
    /// Print what is known of the trial instead of its prompt, as JSON
    #[arg(long)]
    pub row: bool,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Run folders
    #[arg(required = true)]
    pub run: Vec<PathBuf>,
    /// Write the baseline that the run makes, a small file for `gate`
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Print the summaries as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
pub struct Claims {
    /// Words of a model, of weights or of a host [default: all]
    pub query: Vec<String>,
    /// Print the rows as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = served())]
pub struct Serve {
    /// The simulated model: sim:perfect, sim:cliff=64k …
    pub target: String,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// What goes wrong, with which share of the questions (all where none is given); may be given
    /// again
    #[arg(long, value_name = "KIND[=ARG][:RATE],…")]
    pub fault: Vec<String>,
    /// Draws the faults of other questions; the same number and the same order of questions
    /// give the same faults [default: 0]
    #[arg(long, value_name = "N")]
    pub fault_seed: Option<u64>,
    /// Write a line of JSON of each request: its faults, and its tokens as received, read, reported
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// The models, what may follow their names, and the faults.
fn served() -> String {
    let mut text = "It answers as OpenAI (/v1/chat/completions, /v1/responses), Anthropic \
        (/v1/messages), Gemini (/v1beta/models/…), Ollama (/api/chat) and vLLM (/tokenize) do.\n"
        .to_owned();
    for (title, table) in [
        ("Simulated models", NAMES),
        ("After a model's name, with a comma", MODIFIERS),
        ("Faults", FAULTS),
    ] {
        let widest = table.iter().map(|(name, _)| name.len()).max();
        let widest = widest.unwrap_or_default();
        text.push_str(&format!("\n{title}:\n"));
        for (name, what) in table {
            text.push_str(&format!("  {name:widest$}  {what}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
