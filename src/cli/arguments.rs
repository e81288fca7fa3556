//! What can be typed.

use super::doctor::Doctor;
use crate::sim::{FAULTS, MODIFIERS, NAMES};
use clap::{Args, Parser, Subcommand};
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
    /// Ask for planted facts at many lengths and depths, and draw the charts
    Sweep(Box<Sweep>),
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
Exit codes: 0 done, 2 could not run, 3 more than 20 % void or stopped by a cap, 130 interrupted.";

/// Arguments of `sweep`.
#[derive(Debug, Args)]
#[command(after_help = TARGETS)]
pub struct Sweep {
    /// Who is asked
    pub target: String,

    /// Tasks, comma-separated (see `depthfinder tasks`)
    #[arg(
        long,
        default_value = "niah_multikey",
        value_delimiter = ',',
        help_heading = "Grid"
    )]
    pub task: Vec<String>,
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
    /// Facts in a haystack of niah_multikey, each of them asked
    #[arg(long, default_value_t = 5, help_heading = "Grid")]
    pub keys: u32,
    /// What answers look like
    #[arg(long, default_value = "numbers", value_parser = ["numbers", "words", "uuids"], help_heading = "Grid")]
    pub values: String,
    /// One wording for all, or a pool of wordings
    #[arg(long, default_value = "fixed", value_parser = ["fixed", "pool"], help_heading = "Grid")]
    pub wording: String,
    /// Where the question stands
    #[arg(long, default_value = "end", value_parser = ["end", "start"], help_heading = "Grid")]
    pub question_at: String,
    /// Haystack text: a built-in name (see `depthfinder corpora`), a file or a folder of yours
    #[arg(long, default_value = "en", help_heading = "Grid")]
    pub corpus: String,
    /// Tokenizer that lengths are counted with: o200k, cl100k, a tokenizer.json or a .gguf
    /// [default: the target's own where it is known, else o200k]
    #[arg(long, help_heading = "Grid")]
    pub tokenizer: Option<String>,
    /// The run's secret in hex [default: fresh from the operating system]
    #[arg(long, value_name = "HEX", help_heading = "Grid")]
    pub secret: Option<String>,
    /// A public value mixed into the secret, such as one that nobody knew before
    #[arg(long, default_value = "", help_heading = "Grid")]
    pub salt: String,

    /// Output budget in visible tokens; models that reason get 4,096 on top
    #[arg(long, default_value_t = 64, help_heading = "Asking")]
    pub max_output: u64,
    /// Sampling temperature, or "unset" to leave it to the server
    #[arg(long, default_value = "0", help_heading = "Asking")]
    pub temperature: String,
    /// Reasoning effort: none, low, medium, high [default: left to the model]
    #[arg(long, help_heading = "Asking")]
    pub reasoning: Option<String>,
    /// System message
    #[arg(long, help_heading = "Asking")]
    pub system: Option<String>,
    /// Haystacks asked at a time [default: 4, and 1 above 128k tokens or for a local model]
    #[arg(long, help_heading = "Asking")]
    pub concurrency: Option<usize>,
    /// Prompt tokens under way at a time
    #[arg(long, default_value = "2M", help_heading = "Asking")]
    pub max_inflight_tokens: String,
    /// Attempts after the first where a failure may pass (one at most above 100k tokens)
    #[arg(long, default_value_t = 4, help_heading = "Asking")]
    pub retries: u32,
    /// Accuracy below which a length counts as not served well
    #[arg(long, default_value_t = 0.85, help_heading = "Asking")]
    pub threshold: f64,
    /// Control prompts with codes at known places, which show what was cut: auto asks one at each length at which a token count does not match
    #[arg(long, default_value = "auto", value_parser = ["auto", "always", "never"], help_heading = "Asking")]
    pub canaries: String,
    /// Learn how the server counts tokens, from four prompts of up to 16,000 tokens, where neither its tokenizer nor a count is at hand
    #[arg(long, default_value = "auto", value_parser = ["auto", "never"], help_heading = "Asking")]
    pub calibrate: String,
    /// Search for the window that is really served, refusals and silent cuts alike
    #[arg(long, help_heading = "Asking")]
    pub find_window: bool,
    /// Share of void trials above which the run ends undecided, with exit code 3
    #[arg(
        long,
        default_value_t = 0.2,
        value_name = "SHARE",
        help_heading = "Asking"
    )]
    pub max_void: f64,
    /// The window that is advertised, drawn in the chart [default: as the endpoint declares]
    #[arg(long, help_heading = "Asking")]
    pub advertised: Option<String>,

    /// Environment variable that holds the API key
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    pub api_key_env: Option<String>,
    /// Certificates to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub ca_cert: Option<PathBuf>,
    /// Request header NAME:VALUE, may be given again; values are kept secret
    #[arg(long, value_name = "NAME:VALUE", help_heading = "Connection")]
    pub header: Vec<String>,
    /// Request field of your own as JSON, may be given again: top_k=1, 'provider={"only":["x"]}'
    #[arg(long, value_name = "KEY=JSON", help_heading = "Connection")]
    pub param: Vec<String>,
    /// Another address for a named provider's API: a proxy, or a server that speaks its dialect
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    pub base_url: Option<String>,
    /// Requests a minute at most; the limits in the provider's own headers are honoured anyhow
    #[arg(long, value_name = "N", help_heading = "Connection")]
    pub rpm: Option<u64>,
    /// Tokens a minute at most, prompts and output budgets together
    #[arg(long, value_name = "TOKENS", help_heading = "Connection")]
    pub tpm: Option<String>,
    /// Seconds that the first event of an answer may take [default: 600 and 2,000 for each megabyte of prompt]
    #[arg(long, value_name = "SECONDS", help_heading = "Connection")]
    pub first_event_timeout: Option<u64>,
    /// Seconds of silence that end an answer once it has begun [default: 300]
    #[arg(long, value_name = "SECONDS", help_heading = "Connection")]
    pub idle_timeout: Option<u64>,
    /// How local models run: auto, a llama-server (found, or fetched where it runs here), or the built-in engine
    #[arg(long, default_value = "auto", value_parser = ["auto", "llama-server", "engine"], help_heading = "Connection")]
    pub backend: String,
    /// The llama-server for local models [default: from PATH, else the pinned one is fetched]
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
    /// Print the plan with tokens, bytes, price and time, and ask nothing
    #[arg(long, help_heading = "Spending")]
    pub dry_run: bool,
    /// Go ahead above $1, above 5M tokens, or where the price is unknown
    #[arg(long, short, help_heading = "Spending")]
    pub yes: bool,

    /// Run folder; an existing one of the same run is resumed [default: outputs/TIME-MODEL-TASK]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Print the summary as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
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
