//! From a TARGET to somebody who answers, with the tokenizer and the template that are known of it.

use super::arguments::Inquiry;
use super::inquiry::params;
use super::progress::Fetching;
use super::screen;
use crate::endpoint::connect::{ConnectOptions, connect};
use crate::endpoint::exchange::Patience;
use crate::endpoint::http::{Secret, is_loopback};
use crate::endpoint::pace::Limits;
use crate::endpoint::target::{Provider, Target};
use crate::endpoint::{Ask, Endpoint, Served};
use crate::gguf::Metadata;
use crate::length::parse_tokens;
use crate::local::{self, Store, server};
use crate::number::grouped;
use crate::reconcile::Basis;
use crate::rope::Rope;
use crate::sim::{SimWire, Truth};
use crate::template::ChatTemplate;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A target that can be asked.
pub struct Connected {
    /// Who answers.
    pub endpoint: Arc<dyn Endpoint>,
    /// The model's own tokenizer, where known.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// Tokens that the template adds, where known.
    pub overhead_tokens: Option<u64>,
    /// True where asking costs nothing: this machine's own models and servers.
    pub free: bool,
    /// True for models that compute one question at a time.
    pub one_at_a_time: bool,
    /// Keeps a server of ours alive.
    _server: Option<server::ManagedServer>,
}

impl Connected {
    /// The same for another run. Whoever was connected first must be kept as long: it keeps a
    /// server of ours alive.
    pub fn shared(&self) -> Connected {
        Connected {
            endpoint: self.endpoint.clone(),
            tokenizer: self.tokenizer.clone(),
            overhead_tokens: self.overhead_tokens,
            free: self.free,
            one_at_a_time: self.one_at_a_time,
            _server: None,
        }
    }
}

/// What a local model is before anything is started.
struct Local {
    path: PathBuf,
    name: String,
    metadata: Metadata,
    tokenizer: Arc<Tokenizer>,
    overhead_tokens: Option<u64>,
}

/// Connects to the target. With `--dry-run` no local model is started: `ask` must not be called then.
pub async fn target(arguments: &Inquiry, log_folder: Option<&Path>) -> Result<Connected> {
    if let (Some(("local" | "sim", _)), Some(_)) =
        (arguments.target.split_once(':'), &arguments.base_url)
    {
        bail!("--base-url is for a named provider, such as anthropic:MODEL");
    }
    match arguments.target.split_once(':') {
        Some(("local", what)) => local(arguments, what, log_folder).await,
        Some(("sim", what)) => sim(arguments, what).await,
        Some((scheme, _)) if Target::knows(scheme) => remote(arguments).await,
        _ => bail!(
            "unknown target {}: use http://host:8000/v1#model, PROVIDER:MODEL (openai, anthropic, gemini, azure, openrouter, ollama), local:NAME_OR_PATH.gguf or sim:NAME",
            arguments.target
        ),
    }
}

async fn sim(arguments: &Inquiry, what: &str) -> Result<Connected> {
    let truth = Truth::parse(what)?;
    // The simulated model says what it counts with, like a published tokenizer.
    let tokenizer = truth.tokenizer()?;
    let wire = Arc::new(SimWire::new(truth)?);
    let options = ConnectOptions {
        target: arguments.target.clone(),
        params: params(arguments)?,
        wire: Some(wire),
        ..ConnectOptions::default()
    };
    let endpoint = connect(options).await?;
    Ok(Connected {
        endpoint,
        tokenizer: Some(tokenizer),
        overhead_tokens: None,
        free: true,
        one_at_a_time: false,
        _server: None,
    })
}

async fn remote(arguments: &Inquiry) -> Result<Connected> {
    let mut headers = Vec::new();
    for header in &arguments.header {
        let (name, value) = header.split_once(':').context(
            "a --header is NAME:VALUE; its value is not printed here because it may be a key",
        )?;
        headers.push((name.trim().to_string(), Secret::new(value.trim())));
    }
    let target = Target::from_env(
        &arguments.target,
        arguments.api_key_env.as_deref(),
        arguments.base_url.as_deref(),
    )?;
    let endpoint = connect(ConnectOptions {
        target: arguments.target.clone(),
        api_key_env: arguments.api_key_env.clone(),
        headers,
        params: params(arguments)?,
        base_url: arguments.base_url.clone(),
        ca_cert: arguments.ca_cert.clone(),
        idle: arguments.idle_timeout.map(Duration::from_secs),
        patience: patience(arguments),
        limits: Limits {
            requests_per_minute: arguments.rpm,
            tokens_per_minute: arguments
                .tpm
                .as_deref()
                .map(parse_tokens)
                .transpose()
                .context("bad --tpm")?,
        },
        ..ConnectOptions::default()
    })
    .await?;
    let free = is_loopback(&target.base);
    let tokenizer = match (&arguments.tokenizer, target.provider) {
        // Whatever else answers under the provider's dialect has a vocabulary of its own.
        (None, Provider::OpenAi | Provider::Responses) if target.is_openai() => {
            Some(Tokenizer::bundled("o200k")?)
        }
        _ => None,
    };
    Ok(Connected {
        endpoint,
        tokenizer,
        overhead_tokens: None,
        free,
        one_at_a_time: false,
        _server: None,
    })
}

/// The clock of the first event: the user's own is for prompts of any length.
fn patience(arguments: &Inquiry) -> Patience {
    match arguments.first_event_timeout {
        Some(seconds) => Patience {
            base: Duration::from_secs(seconds),
            per_megabyte: Duration::ZERO,
            ..Patience::default()
        },
        None => Patience::default(),
    }
}

async fn local(arguments: &Inquiry, what: &str, log_folder: Option<&Path>) -> Result<Connected> {
    let store = Store::from_env()?;
    let mut fetching = Fetching::new(arguments.quiet);
    let model = local::resolve(what, &store, &mut |progress| fetching.see(&progress)).await?;
    let metadata = Metadata::read(&model.path)?;
    let tokenizer = match &arguments.tokenizer {
        Some(tokenizer) => Tokenizer::resolve(tokenizer)?,
        None => Tokenizer::from_metadata(&model.name, Metadata::read(&model.path)?)
            .with_context(|| format!("cannot count the tokens of {}", model.name))?,
    };
    let overhead_tokens = match ChatTemplate::of(&metadata)? {
        Some(template) => Some(template.overhead_tokens(&tokenizer, arguments.system.as_deref())?),
        None => None,
    };
    let local = Local {
        path: model.path,
        name: model.name,
        metadata,
        tokenizer,
        overhead_tokens,
    };
    if arguments.dry_run {
        return Ok(local.connected(Arc::new(Unstarted(local.served())), None));
    }
    if let Some(binary) = llama_server(arguments, &store, &mut fetching).await? {
        fetching.say("starting llama-server");
        let options = server::Options {
            binary,
            model: local.path.clone(),
            name: Some(local.name.clone()),
            context_tokens: None,
            threads: arguments.threads,
            log: log_folder
                .map_or_else(std::env::temp_dir, Path::to_path_buf)
                .join("llama-server.log"),
            ready_within: None,
        };
        // Loading polls and waits: not on a thread that answers are read on.
        match tokio::task::spawn_blocking(move || {
            tokio::runtime::Handle::current().block_on(server::ManagedServer::start(&options))
        })
        .await?
        {
            Ok(server) => {
                let endpoint = connect(ConnectOptions {
                    target: server.base_url.clone(),
                    params: params(arguments)?,
                    ..ConnectOptions::default()
                })
                .await?;
                fetching.done();
                return Ok(local.connected(endpoint, Some(server)));
            }
            Err(error) if arguments.backend == "auto" && arguments.llama_server.is_none() => {
                fetching.say(&format!(
                    "llama-server cannot be used ({error:#}); the built-in engine runs the model"
                ));
            }
            Err(error) => return Err(error),
        }
    }
    if !arguments.param.is_empty() {
        bail!("the built-in engine takes no --param: use a llama-server (--llama-server PATH)");
    }
    let endpoint = engine(&local, arguments)?;
    fetching.done();
    Ok(local.connected(endpoint, None))
}

/// The llama-server to use; none for the built-in engine.
async fn llama_server(
    arguments: &Inquiry,
    store: &Store,
    fetching: &mut Fetching,
) -> Result<Option<PathBuf>> {
    if arguments.backend == "engine" {
        return Ok(None);
    }
    if let Some(found) = local::find_llama_server(arguments.llama_server.as_deref(), store)? {
        return Ok(Some(found));
    }
    match local::fetch_llama_server(store, &mut |progress| fetching.see(&progress)).await {
        Ok(fetched) => Ok(Some(fetched)),
        Err(error) if arguments.backend == "auto" => {
            fetching.say(&format!(
                "no llama-server here ({error:#}); the built-in engine runs the model"
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(feature = "engine")]
fn engine(local: &Local, arguments: &Inquiry) -> Result<Arc<dyn Endpoint>> {
    let engine = local::in_process::InProcess::load(
        &local.path,
        &local.name,
        &local.metadata,
        local.tokenizer.clone(),
        arguments.threads,
    )?;
    Ok(Arc::new(engine))
}

#[cfg(not(feature = "engine"))]
fn engine(local: &Local, _arguments: &Inquiry) -> Result<Arc<dyn Endpoint>> {
    bail!(
        "{} needs a llama-server (--llama-server PATH): this depthfinder was built without its engine",
        local.name
    )
}

impl Local {
    fn served(&self) -> Served {
        Served {
            model: self.name.clone(),
            window_tokens: self.metadata.context_tokens(),
            trained_window_tokens: self.metadata.context_tokens(),
            ..Served::default()
        }
    }

    fn connected(
        &self,
        endpoint: Arc<dyn Endpoint>,
        server: Option<server::ManagedServer>,
    ) -> Connected {
        Connected {
            endpoint,
            tokenizer: Some(self.tokenizer.clone()),
            overhead_tokens: self.overhead_tokens,
            free: true,
            one_at_a_time: true,
            _server: server,
        }
    }
}

/// A local model of a dry run: described, never started.
struct Unstarted(Served);

impl Endpoint for Unstarted {
    fn served(&self) -> &Served {
        &self.0
    }

    fn ask<'a>(
        &'a self,
        _ask: &'a Ask,
    ) -> futures_util::future::BoxFuture<'a, Result<crate::reply::Reply, crate::reply::Failure>>
    {
        Box::pin(async {
            Err(crate::reply::Failure::Unreachable {
                cause: "a dry run asks nothing".into(),
            })
        })
    }
}

/// Two short texts in several alphabets: a tokenizer that is not the server's own shows on the
/// second, because the two then differ by more than the template.
const SHORT: &str = "The sea was calm.\n\nWhat was calm? Answer with one word only.";
const VARIED: &str = "In 1984 the harbour master's ledger listed 27,519 crates, 3.14159 tonnes of \
    Ölpapier, «naïve façade» tiles, and a crate marked 漢字かな交じり文. Вчера капитан записал: \
    0xDEADBEEF, http://example.org/a?b=c&d=%20, {\"key\": [1, 2, 3]}. Antidisestablishmentarianism, \
    he wrote, is an unpronounceable word; internationalisation (i18n) is another. \
    The sea was calm.\n\nWhat was calm? Answer with one word only.";
/// Tokens by which the two may differ: some templates trim, some servers add a blank.
const TEMPLATE_TOLERANCE_TOKENS: i64 = 2;

/// What two short questions tell of a server's count.
pub enum Template {
    /// It adds so many tokens to any text.
    Adds(u64),
    /// It reports no counts.
    Untold,
    /// It counts otherwise than the tokenizer, which therefore is not its own; in words.
    Differs(String),
}

/// Measures the template: what the server reports for two short questions, less their own tokens,
/// by the tokenizer or, where `server_counts`, by the server's own count.
///
/// # Errors
/// When even a short question fails: better told before a long one is paid for.
pub async fn probe(
    endpoint: &dyn Endpoint,
    tokenizer: &Tokenizer,
    arguments: &Inquiry,
    server_counts: bool,
) -> Result<Template> {
    let mut added = Vec::new();
    for text in [SHORT, VARIED] {
        let prompt = Rope::of(text);
        let ask = Ask {
            system: arguments.system.clone(),
            earlier: Vec::new(),
            prompt: prompt.clone(),
            shared_pieces: 0,
            max_output_tokens: arguments.max_output.max(16),
            temperature: super::inquiry::options::temperature(arguments)?,
            reasoning: arguments.reasoning.clone(),
        };
        let reply = endpoint
            .ask(&ask)
            .await
            .context("a short trial question failed")?;
        let own = match server_counts {
            true => endpoint.count_tokens(&prompt).await,
            false => Some(tokenizer.count(text)?),
        };
        match (reply.usage.prompt_tokens, own) {
            (Some(reported), Some(own)) => added.push(reported as i64 - own as i64),
            _ => return Ok(Template::Untold),
        }
    }
    let (short, varied) = (added[0], added[1]);
    if short < 0 || (short - varied).abs() > TEMPLATE_TOLERANCE_TOKENS {
        return Ok(Template::Differs(format!(
            "the server does not count as {} does: {short} tokens more for one short text, {varied} \
             for another",
            match server_counts {
                true => "its own counting endpoint",
                false => tokenizer.name(),
            }
        )));
    }
    Ok(Template::Adds(short as u64))
}

/// Says in two lines what was found, and which cut would go unnoticed at the longest length.
pub fn describe(connected: &Connected, basis: &Basis, longest_tokens: u64) {
    let served = connected.endpoint.served();
    let window = served
        .window_tokens
        .map_or("declares no window".to_string(), |tokens| {
            format!("declares a window of {} tokens", grouped(tokens))
        });
    let software = served
        .software
        .as_deref()
        .map_or(String::new(), |name| format!(" ({name})"));
    screen::note(&format!("{}{software} {window}", served.model));
    let name = connected
        .tokenizer
        .as_ref()
        .map(|tokenizer| tokenizer.name());
    let lengths = match (basis, name) {
        (Basis::Exact { overhead_tokens: Some(overhead) }, Some(name)) => {
            format!("lengths are exact: counted with {name}, {overhead} tokens of chat template included")
        }
        (Basis::Exact { .. }, Some(name)) => {
            format!("lengths are counted with {name}; the chat template's tokens are not known")
        }
        (Basis::Counted { estimate: true, .. }, _) => {
            "lengths follow the server's own count, which is an estimate".to_string()
        }
        (Basis::Counted { .. }, _) => {
            "lengths follow the server's own count, to a few tokens".to_string()
        }
        (Basis::Fitted(fit), _) => format!(
            "lengths are fitted to the server's counts ({:.3} tokens per token of ours, residual {:.2} %)",
            fit.slope,
            100.0 * fit.residual
        ),
        _ => "the model's tokenizer is not known: lengths are estimates by o200k (give it with --tokenizer)".to_string(),
    };
    screen::note(&match basis.blind_tokens(longest_tokens) {
        Some(blind) => format!(
            "{lengths}; a cut of more than {} tokens would show",
            grouped(blind)
        ),
        None => {
            format!("{lengths}; a cut of the prompt would show only if it were a quarter or more")
        }
    });
}
