//! What an Ollama server says of a model: trained for, loaded with, and whether a prompt fits.

use super::{fields, window_option};
use crate::endpoint::Served;
use crate::endpoint::discover::{get, missing, post, told};
use crate::endpoint::exchange::fetch;
use crate::endpoint::wire::Wire;
use crate::number::grouped;
use crate::reply::Failure;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// For questions that only look something up.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_LIMIT_BYTES: usize = 32 << 20;
/// Loading reads tens of gigabytes from disk.
const LOADING: Duration = Duration::from_secs(600);

/// The smallest window that an Ollama server gives by itself, in tokens: below 24 GiB of GPU
/// memory (32,768 below 48 GiB, 262,144 above; `server/routes.go` of ollama@fb30760).
const DEFAULT_WINDOW_TOKENS: u64 = 4096;

/// Asks an Ollama server what it serves, by its own API. The declared window is the one that the
/// weights were made for, because that much can be asked for.
///
/// # Errors
/// Where nothing answers, or where it has no such model: with the nearest names.
pub async fn discover(wire: &dyn Wire, model: Option<&str>) -> Result<Served, Failure> {
    let version = fetch(
        wire,
        get("/api/version"),
        true,
        PATIENCE,
        ANSWER_LIMIT_BYTES,
    )
    .await?;
    let version = match version {
        Ok((_, body)) => version_in(serde_json::from_str(&body).ok().as_ref()),
        Err(refusal) => match refusal.failure() {
            failure @ (Failure::Unauthorized { .. } | Failure::Limited { .. }) => {
                return Err(failure);
            }
            _ => None,
        },
    };
    let Some(version) = version else {
        return Err(Failure::NotFound {
            said: "no Ollama server answers at this address (it has no /api/version)".to_owned(),
        });
    };
    let model = match model {
        Some(model) => model.to_owned(),
        None => only_model(wire).await?,
    };
    let shown = fetch(
        wire,
        post("/api/show", &json!({ "model": model })),
        true,
        PATIENCE,
        ANSWER_LIMIT_BYTES,
    );
    let shown: Value = match shown.await? {
        Ok((_, body)) => serde_json::from_str(&body).unwrap_or_default(),
        Err(refusal) if refusal.status == 404 => {
            return Err(missing(&names(wire).await, &model));
        }
        Err(refusal) => return Err(refusal.failure()),
    };
    let mut served = Served {
        model,
        ..Served::default()
    };
    tell(&mut served, &version, &shown);
    served.window_tokens = served.trained_window_tokens;
    if !is_remote(&shown) {
        let loaded = loaded_window(wire, &served.model).await;
        tell_loaded(&mut served, loaded);
        served.window_tokens = served.window_tokens.or(loaded);
    }
    Ok(served)
}

/// Looks closer at a server that is spoken to in OpenAI's dialect and turned out to be Ollama:
/// there the window cannot be asked for, so the declared one is the one that is loaded. A model
/// that is not loaded yet is loaded, which costs time and no tokens.
///
/// True where it is an Ollama server.
pub async fn look_closer(wire: &dyn Wire, served: &mut Served) -> bool {
    let version = told(wire, get("/api/version"), true).await;
    let Some(version) = version_in(version.as_ref()) else {
        return false;
    };
    // Other software has a version there as well, and no list of what runs.
    let running = told(wire, get("/api/ps"), true).await;
    if !running.is_some_and(|running| running["models"].is_array()) {
        return false;
    }
    let show = post("/api/show", &json!({ "model": served.model }));
    let shown = told(wire, show, true).await.unwrap_or_default();
    tell(served, &version, &shown);
    if is_remote(&shown) {
        served.window_tokens = served.trained_window_tokens;
        return true;
    }
    let mut loaded = loaded_window(wire, &served.model).await;
    if loaded.is_none() && shown.is_object() {
        let request = post(
            "/api/chat",
            &json!({"model": served.model, "messages": [], "stream": false}),
        );
        let loading = fetch(wire, request, true, LOADING, ANSWER_LIMIT_BYTES);
        if matches!(loading.await, Ok(Ok(_))) {
            loaded = loaded_window(wire, &served.model).await;
        }
    }
    tell_loaded(served, loaded);
    served.window_tokens = loaded;
    true
}

/// Loads the model with the window that the questions will ask for, and returns the window that
/// it really has: none where the server does not tell. It costs no tokens. Memory that runs
/// short makes it smaller than asked for.
///
/// # Errors
/// Where the model cannot be loaded.
pub async fn load(
    wire: &dyn Wire,
    model: &str,
    num_ctx: Option<u64>,
) -> Result<Option<u64>, Failure> {
    let mut request = Map::new();
    request.insert("model".into(), model.into());
    request.insert("messages".into(), json!([]));
    request.insert("stream".into(), false.into());
    request.append(&mut fields(window_option(num_ctx)));
    let request = post("/api/chat", &Value::Object(request));
    match fetch(wire, request, true, LOADING, ANSWER_LIMIT_BYTES).await? {
        Ok(_) => Ok(loaded_window(wire, model).await),
        Err(refusal) => Err(refusal.failure()),
    }
}

/// The window in tokens that the model is loaded with now; none where it is not loaded. Worth
/// reading again after the first answer.
pub async fn loaded_window(wire: &dyn Wire, model: &str) -> Option<u64> {
    let running = told(wire, get("/api/ps"), true).await?;
    let running = running.get("models")?.as_array()?;
    let entry = running.iter().find(|entry| {
        ["model", "name"].iter().any(|key| {
            let name = entry.get(key).and_then(Value::as_str);
            name.is_some_and(|name| is_same(name, model))
        })
    })?;
    let window = entry.get("context_length")?.as_u64()?;
    Some(window).filter(|tokens| *tokens > 0)
}

/// Whether a question of so many tokens, answer included, can be asked without being cut. Only
/// Ollama behind OpenAI's dialect is known to cut what does not fit and to say nothing of it.
///
/// # Errors
/// In one line: what would happen, and what to do.
pub fn fits(served: &Served, needed_tokens: u64) -> Result<(), String> {
    if served.software.as_deref() != Some("ollama") || served.dialect == "ollama" {
        return Ok(());
    }
    let window = served.window_tokens.unwrap_or(DEFAULT_WINDOW_TOKENS);
    if needed_tokens <= window {
        return Ok(());
    }
    let state = match served.window_tokens {
        Some(_) => format!("has {} loaded with {}", served.model, grouped(window)),
        None => format!(
            "does not tell its context for {}, by default {}",
            served.model,
            grouped(window)
        ),
    };
    Err(format!(
        "this Ollama server {state} tokens and would cut a prompt of {} without a word: \
         use ollama:{}, which asks for the window it needs, or start it with \
         OLLAMA_CONTEXT_LENGTH={needed_tokens}",
        grouped(needed_tokens),
        served.model
    ))
}

fn tell(served: &mut Served, version: &str, shown: &Value) {
    served.software = Some("ollama".to_owned());
    served.details.push(format!("Ollama {version}"));
    let info = shown.get("model_info").and_then(Value::as_object);
    served.trained_window_tokens = info.into_iter().flatten().find_map(|(key, value)| {
        key.ends_with(".context_length")
            .then(|| value.as_u64())
            .flatten()
    });
    let weights = ["parameter_size", "quantization_level", "family"]
        .iter()
        .filter_map(|key| shown.pointer(&format!("/details/{key}"))?.as_str())
        .filter(|word| !word.is_empty());
    let weights = weights.collect::<Vec<_>>().join(", ");
    if !weights.is_empty() {
        served.details.push(format!("weights: {weights}"));
    }
    if let Some(num_ctx) = set_num_ctx(shown) {
        let line = format!("its Modelfile sets num_ctx {}", grouped(num_ctx));
        served.details.push(line);
    }
    if let Some(host) = shown.get("remote_host").and_then(Value::as_str) {
        served.details.push(format!("computed at {host}"));
    }
}

/// A cloud model is computed elsewhere: nothing is loaded here, and no window can be asked for.
fn is_remote(shown: &Value) -> bool {
    shown["remote_host"]
        .as_str()
        .is_some_and(|host| !host.is_empty())
}

fn tell_loaded(served: &mut Served, loaded: Option<u64>) {
    served.details.push(match loaded {
        Some(tokens) => format!("loaded with a context of {} tokens", grouped(tokens)),
        None => "not loaded".to_owned(),
    });
}

/// `num_ctx` out of a model's parameters, which are lines of a name and a value.
fn set_num_ctx(shown: &Value) -> Option<u64> {
    let parameters = shown.get("parameters")?.as_str()?;
    parameters.lines().find_map(|line| {
        let value = line.trim().strip_prefix("num_ctx")?;
        value.trim().parse::<f64>().ok().map(|tokens| tokens as u64)
    })
}

fn version_in(value: Option<&Value>) -> Option<String> {
    let version = value?.get("version")?.as_str()?;
    Some(version.to_owned())
}

async fn names(wire: &dyn Wire) -> Vec<String> {
    let tags = told(wire, get("/api/tags"), true).await;
    let models = tags
        .as_ref()
        .and_then(|tags| tags.get("models")?.as_array());
    let names = models.into_iter().flatten().filter_map(|entry| {
        let name = entry.get("model").or_else(|| entry.get("name"))?.as_str()?;
        Some(name.to_owned())
    });
    names.collect()
}

async fn only_model(wire: &dyn Wire) -> Result<String, Failure> {
    let names = names(wire).await;
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::NotFound {
            said: "the server has no models: fetch one with `ollama pull NAME`".to_owned(),
        }),
        several => Err(crate::endpoint::discover::several(several)),
    }
}

/// A name without a tag means `latest`.
fn is_same(left: &str, right: &str) -> bool {
    let tagged = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        match last.contains(':') {
            true => name.to_lowercase(),
            false => format!("{}:latest", name.to_lowercase()),
        }
    };
    tagged(left) == tagged(right)
}
