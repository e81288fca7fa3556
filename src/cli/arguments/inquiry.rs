//! What every command that asks a model can be told.

use clap::Args;
use std::path::PathBuf;

/// Who is asked, what, how, and what it may cost.
#[derive(Clone, Debug, Args)]
pub struct Inquiry {
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
    /// A set of tasks in place of --task (see `depthfinder tasks`)
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "task",
        help_heading = "Grid"
    )]
    pub suite: Option<String>,
    /// What makes tasks harder: NAME=N, comma-separated (see `depthfinder tasks`)
    #[arg(
        long,
        value_name = "NAME=N",
        value_delimiter = ',',
        help_heading = "Grid"
    )]
    pub difficulty: Vec<String>,
    /// Language of the haystack and of the facts in it (see `depthfinder corpora`)
    #[arg(long, value_name = "CODE", default_value = "en", help_heading = "Grid")]
    pub haystack_lang: String,
    /// Language of the questions [default: that of the haystack]
    #[arg(long, value_name = "CODE", help_heading = "Grid")]
    pub question_lang: Option<String>,
    /// Facts in a haystack of niah_multikey, each of them asked
    #[arg(long, default_value_t = 5, help_heading = "Grid")]
    pub keys: u32,
    /// What answers look like
    #[arg(long, default_value = "numbers", value_parser = ["numbers", "words", "uuids"], help_heading = "Grid")]
    pub values: String,
    /// Where the question stands
    #[arg(long, default_value = "end", value_parser = ["end", "start"], help_heading = "Grid")]
    pub question_at: String,
    /// Haystack text: a built-in name (see `depthfinder corpora`), a file or a folder of yours
    /// [default: that of the language]
    #[arg(long, help_heading = "Grid")]
    pub corpus: Option<String>,
    /// What follows where the haystack's text has ended: nothing (longer lengths are refused), the same text again, or generated text (English)
    #[arg(long, default_value = "refused", value_parser = ["refused", "repeated", "generated"], help_heading = "Grid")]
    pub beyond: String,
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
    /// Control prompts with codes at known places, which show what was cut: auto asks one at each length at which a token count does not match
    #[arg(long, default_value = "auto", value_parser = ["auto", "always", "never"], help_heading = "Asking")]
    pub canaries: String,
    /// Learn how the server counts tokens, from four prompts of up to 16,000 tokens, where neither its tokenizer nor a count is at hand
    #[arg(long, default_value = "auto", value_parser = ["auto", "never"], help_heading = "Asking")]
    pub calibrate: String,
    /// Four short questions to an endpoint at the start, the middle and the end, whose token counts show whether the tokenizer, the model or the server has changed meanwhile
    #[arg(long, default_value = "auto", value_parser = ["auto", "never"], help_heading = "Asking")]
    pub fingerprints: String,
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
