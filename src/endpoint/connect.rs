//! From what a user typed to an endpoint that can be asked.

use crate::endpoint::Endpoint;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::discover::discover;
use crate::endpoint::exchange::Patience;
use crate::endpoint::http::{Http, HttpOptions, Secret};
use crate::endpoint::openai::{OpenAi, STRING_LIMIT_BYTES};
use crate::endpoint::speaker::Speaker;
use crate::endpoint::target::{Target, model_of};
use crate::endpoint::wire::Wire;
use anyhow::bail;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to find and reach an endpoint.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// As typed: `http://host:port/v1#model`, `openai:MODEL`.
    pub target: String,
    /// The environment variable with the key; none means the target's usual one.
    pub api_key_env: Option<String>,
    /// Further request headers; their values are treated as credentials.
    pub headers: Vec<(String, Secret)>,
    /// Request fields of the user's own (name, value), which win over ours.
    pub params: Vec<(String, serde_json::Value)>,
    /// Another address for a named provider's API: a proxy, or a server that speaks its dialect.
    pub base_url: Option<String>,
    /// A PEM file with certificates to trust beside the system's.
    pub ca_cert: Option<PathBuf>,
    /// Longest silence once an answer's first byte has come; none means five minutes.
    pub idle: Option<Duration>,
    /// How long the first event of an answer may take.
    pub patience: Patience,
    /// A wire that is there already, such as the simulated model: of `target`, only the model
    /// behind a `#` is read then.
    pub wire: Option<Arc<dyn Wire>>,
}

/// Reads the target, asks the server what it serves and returns the endpoint.
pub async fn connect(options: ConnectOptions) -> anyhow::Result<Arc<dyn Endpoint>> {
    let (wire, model, is_openai) = match options.wire {
        Some(wire) => (wire, model_of(&options.target)?, false),
        None => {
            let target = Target::parse(&options.target, options.api_key_env.as_deref())?;
            let mut http = HttpOptions::new(target.base.clone());
            http.key = key(&target, options.api_key_env.is_some())?;
            http.headers = options.headers;
            http.ca_cert = options.ca_cert;
            http.idle = options.idle.unwrap_or(http.idle);
            let is_openai = target.is_openai();
            let wire: Arc<dyn Wire> = Arc::new(Http::new(http)?);
            (wire, target.model, is_openai)
        }
    };
    let mut served = discover(&*wire, model.as_deref()).await?;
    let dialect: Box<dyn Dialect> = Box::new(OpenAi {
        string_limit_bytes: is_openai.then_some(STRING_LIMIT_BYTES),
        params: options.params,
    });
    dialect.name().clone_into(&mut served.dialect);
    let endpoint = Speaker::new(wire, dialect, served).with_patience(options.patience);
    Ok(Arc::new(endpoint))
}

fn key(target: &Target, named: bool) -> anyhow::Result<Option<Secret>> {
    match std::env::var(&target.key_env) {
        Ok(key) if !key.trim().is_empty() => Ok(Some(Secret::new(&key))),
        _ if !target.key_required => Ok(None),
        // Not repeated: somebody may have typed the key in place of a name.
        _ if named => bail!("the variable named by --api-key-env is not set"),
        _ => bail!(
            "no key: put it into the environment variable {}",
            target.key_env
        ),
    }
}
