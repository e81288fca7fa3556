//! From what a user typed to an endpoint that can be asked.

use crate::endpoint::anthropic::{self, Anthropic};
use crate::endpoint::dialect::Dialect;
use crate::endpoint::discover::{discover, know_host, needed_params};
use crate::endpoint::exchange::Patience;
use crate::endpoint::gemini::{self, Gemini};
use crate::endpoint::http::{Http, HttpOptions, Secret};
use crate::endpoint::ollama::{self, NumCtx, Ollama};
use crate::endpoint::openai::{OpenAi, STRING_LIMIT_BYTES};
use crate::endpoint::openrouter::{self, OpenRouter};
use crate::endpoint::pace::{Limits, Pace};
use crate::endpoint::responses::Responses;
use crate::endpoint::speaker::Speaker;
use crate::endpoint::target::{Provider, Target, model_of};
use crate::endpoint::wire::Wire;
use crate::endpoint::{Endpoint, Served};
use anyhow::bail;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to find and reach an endpoint.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// As typed: `http://host:port/v1#model`, `openai:MODEL`, `anthropic:MODEL` …
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
    /// The user's own limits of pace.
    pub limits: Limits,
    /// A wire that is there already, such as the simulated model: of `target`, only the model
    /// behind a `#` is read then.
    pub wire: Option<Arc<dyn Wire>>,
}

/// Reads the target, asks the server what it serves and returns the endpoint.
pub async fn connect(options: ConnectOptions) -> anyhow::Result<Arc<dyn Endpoint>> {
    let (wire, target) = match &options.wire {
        Some(wire) => (Arc::clone(wire), None),
        None => {
            let target = Target::from_env(
                &options.target,
                options.api_key_env.as_deref(),
                options.base_url.as_deref(),
            )?;
            (over_network(&options, &target)?, Some(target))
        }
    };
    let model = match &target {
        Some(target) => target.model.clone(),
        None => model_of(&options.target)?,
    };
    let provider = target
        .as_ref()
        .map_or(Provider::Compatible, |target| target.provider);
    let is_own = target.as_ref().is_some_and(Target::is_own);
    let string_limit_bytes = target
        .as_ref()
        .is_some_and(Target::is_openai)
        .then_some(STRING_LIMIT_BYTES);
    let named = model.clone().unwrap_or_default();
    let params = options.params;
    let chat = |params| OpenAi {
        string_limit_bytes,
        params,
    };
    let mut num_ctx = None;
    let (dialect, mut served): (Box<dyn Dialect>, Served) = match provider {
        Provider::Compatible | Provider::OpenAi => {
            let mut served = discover(&*wire, model.as_deref()).await?;
            if let Some(host) = target.as_ref().and_then(|target| target.base.host_str()) {
                know_host(&mut served, host);
            }
            let params = [needed_params(&served), params].concat();
            match served.software.as_deref() {
                Some("openrouter") => {
                    let served = openrouter::discover(&*wire, model.as_deref(), &params).await?;
                    (Box::new(OpenRouter::new(params)), served)
                }
                _ => (Box::new(chat(params)), served),
            }
        }
        Provider::Azure => {
            // A deployment's name hides the model, and the lists there name models.
            let served = Served {
                model: named,
                software: Some("azure".to_owned()),
                ..Served::default()
            };
            (Box::new(chat(params)), served)
        }
        Provider::Anthropic => {
            let mut served = anthropic::discover(&*wire, &named, is_own).await?;
            if served.software.as_deref() == Some("ollama") {
                ollama::look_closer(&*wire, &mut served).await;
            }
            (Box::new(Anthropic::new(&served, params)), served)
        }
        Provider::Gemini => {
            let served = gemini::discover(&*wire, &named, is_own).await?;
            (Box::new(Gemini { params }), served)
        }
        Provider::Responses => {
            let mut served = discover(&*wire, model.as_deref()).await?;
            if served.software.as_deref() == Some("ollama") {
                ollama::look_closer(&*wire, &mut served).await;
            }
            served.tokenize |= is_own;
            let dialect = Responses {
                string_limit_bytes,
                params,
            };
            (Box::new(dialect), served)
        }
        Provider::OpenRouter => {
            let served = openrouter::discover(&*wire, model.as_deref(), &params).await?;
            (Box::new(OpenRouter::new(params)), served)
        }
        Provider::Ollama => {
            let served = ollama::discover(&*wire, model.as_deref()).await?;
            let chosen = NumCtx::default();
            num_ctx = Some(chosen.clone());
            let dialect = Ollama {
                num_ctx: chosen,
                params,
            };
            (Box::new(dialect), served)
        }
    };
    dialect.name().clone_into(&mut served.dialect);
    if let Some(Target {
        base,
        base_from: Some(from),
        ..
    }) = &target
    {
        let host = base.host_str().unwrap_or_default();
        let port = base.port_or_known_default().unwrap_or_default();
        let told = format!("asked at {host}:{port}, as {from} says");
        served.details.push(told);
    }
    let mut endpoint = Speaker::new(wire, dialect, served)
        .with_patience(options.patience)
        .with_pace(Pace::new(options.limits));
    if let Some(num_ctx) = num_ctx {
        endpoint = endpoint.with_num_ctx(num_ctx);
    }
    Ok(Arc::new(endpoint))
}

fn over_network(options: &ConnectOptions, target: &Target) -> anyhow::Result<Arc<dyn Wire>> {
    let mut http = HttpOptions::new(target.base.clone());
    http.key = key(target, options)?;
    http.key_header = target.key_header();
    http.headers.clone_from(&options.headers);
    http.ca_cert.clone_from(&options.ca_cert);
    http.idle = options.idle.unwrap_or(http.idle);
    Ok(Arc::new(Http::new(http)?))
}

fn key(target: &Target, options: &ConnectOptions) -> anyhow::Result<Option<Secret>> {
    let set = |name: &String| {
        std::env::var(name)
            .ok()
            .filter(|key| !key.trim().is_empty())
    };
    if let Some(key) = target.key_envs.iter().find_map(set) {
        return Ok(Some(Secret::new(&key)));
    }
    let has_header = options.headers.iter().any(|(name, _)| {
        let usual = target.key_header().unwrap_or("authorization");
        name.eq_ignore_ascii_case(usual) || name.eq_ignore_ascii_case("authorization")
    });
    match options.api_key_env {
        _ if !target.key_required => Ok(None),
        // Not repeated: somebody may have typed the key in place of a name.
        Some(_) => bail!("the variable named by --api-key-env is not set"),
        None if has_header => Ok(None),
        None => bail!(
            "no key: put it into the environment variable {}",
            target.key_envs.join(" or ")
        ),
    }
}
