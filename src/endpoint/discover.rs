//! What a server says of itself before the first question: models, window, software.

use crate::endpoint::Served;
use crate::endpoint::exchange::fetch;
use crate::endpoint::ollama;
use crate::endpoint::wire::{Body, Request, Response, Wire};
use crate::reply::Failure;
use serde_json::Value;
use std::time::Duration;

/// Model lists are long at resellers, never this long.
const LIST_LIMIT_BYTES: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(30);
/// For questions whose answer can be done without.
const CURIOSITY: Duration = Duration::from_secs(10);
/// How many names an error lists.
const NAMES_SHOWN: usize = 10;

/// Where servers write the window that they serve, in the order of belief: first what is loaded
/// now, then what the model could do.
const WINDOW: &[&str] = &[
    "/max_model_len",
    "/meta/n_ctx",
    "/loaded_context_length",
    "/context_length",
    "/context_window",
    "/max_context_length",
    "/max_input_tokens",
    "/inputTokenLimit",
];

const TRAINED_WINDOW: &[&str] = &["/meta/n_ctx_train", "/max_context_length"];

/// Asks a server what it serves. `model` is what the user named; without it, the only model of
/// the list is taken.
///
/// A server without a list is believed to have the named model. `/tokenize` is not called: its
/// presence is told by the software.
pub async fn discover(wire: &dyn Wire, model: Option<&str>) -> Result<Served, Failure> {
    let (response, models) = match list(wire).await? {
        Ok(listed) => listed,
        Err(why) => {
            let Some(model) = model else {
                return Err(Failure::NotFound {
                    said: format!("the server lists no models ({why}): name one behind a #"),
                });
            };
            return Ok(Served {
                model: model.to_owned(),
                ..Served::default()
            });
        }
    };
    let entry = choose(&models, model)?;
    let first = |paths: &[&str]| paths.iter().find_map(|path| entry.pointer(path)?.as_u64());
    let mut served = Served {
        model: model.or(name_of(entry)).unwrap_or_default().to_owned(),
        software: software(&response, entry),
        window_tokens: first(WINDOW),
        ..Served::default()
    };
    let trained = first(TRAINED_WINDOW);
    if entry.pointer("/meta/n_ctx_train").is_some() || trained > served.window_tokens {
        served.trained_window_tokens = trained;
    }
    if served.software.as_deref() == Some("llama-server") {
        // Only here stands the window of one slot: the flag's value is shared by all of them.
        if let Some(slot) = slot_window(wire).await {
            served.window_tokens = Some(slot);
        }
    }
    if matches!(served.software.as_deref(), None | Some("ollama")) {
        // A list names an Ollama server only where its models come from the library.
        ollama::look_closer(wire, &mut served).await;
    }
    served.tokenize = matches!(
        served.software.as_deref(),
        Some("llama-server" | "vllm" | "sglang")
    );
    Ok(served)
}

type Listed = Result<(Response, Vec<Value>), String>;

/// The list of models, or in words why there is none. Failures that a named model would meet
/// just as well are failures.
async fn list(wire: &dyn Wire) -> Result<Listed, Failure> {
    let fetched = fetch(wire, get("/models"), false, PATIENCE, LIST_LIMIT_BYTES).await?;
    let (response, body) = match fetched {
        Ok(fetched) => fetched,
        Err(refusal) => {
            return match refusal.failure() {
                failure @ (Failure::Unauthorized { .. } | Failure::Limited { .. }) => Err(failure),
                other => Ok(Err(other.to_string())),
            };
        }
    };
    let Ok(value) = serde_json::from_str::<Value>(&body) else {
        return Ok(Err("its answer to /models is not JSON".to_owned()));
    };
    // Together sends a bare list; Ollama-like servers say `models`.
    let entries = [value.get("data"), value.get("models"), Some(&value)];
    let entries = entries.into_iter().flatten().find_map(Value::as_array);
    let models: Vec<Value> = entries.into_iter().flatten().cloned().collect();
    Ok(if models.iter().any(|entry| name_of(entry).is_some()) {
        Ok((response, models))
    } else {
        Err("its list of models is empty".to_owned())
    })
}

fn choose<'a>(models: &'a [Value], wanted: Option<&str>) -> Result<&'a Value, Failure> {
    let names = || {
        let names = models.iter().filter_map(name_of).map(str::to_owned);
        names.collect::<Vec<_>>()
    };
    let Some(wanted) = wanted else {
        return match models {
            [only] => Ok(only),
            _ => Err(several(&names())),
        };
    };
    let found = models.iter().find(|entry| {
        let aliases = entry.get("aliases").and_then(Value::as_array);
        let mut aliases = aliases.into_iter().flatten().filter_map(Value::as_str);
        name_of(entry) == Some(wanted) || aliases.any(|alias| alias == wanted)
    });
    found.ok_or_else(|| missing(&names(), wanted))
}

/// The complaint that a server has several models and none was named.
pub fn several(names: &[String]) -> Failure {
    let shown = &names[..names.len().min(NAMES_SHOWN)];
    let more = if names.len() > NAMES_SHOWN {
        ", …"
    } else {
        ""
    };
    Failure::NotFound {
        said: format!(
            "the server has {} models, name one behind a #: {}{more}",
            names.len(),
            shown.join(", ")
        ),
    }
}

/// The complaint that a server does not have the named model, with the names nearest to it.
pub fn missing(names: &[String], wanted: &str) -> Failure {
    let total = names.len();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_by_cached_key(|name| std::cmp::Reverse(likeness(name, wanted)));
    names.truncate(NAMES_SHOWN);
    Failure::NotFound {
        said: format!(
            "the server has no model `{wanted}`; nearest of its {total}: {}",
            names.join(", ")
        ),
    }
}

/// How many pairs of letters two names share: enough to put the meant one first.
fn likeness(name: &str, wanted: &str) -> usize {
    let pairs = |text: &str| {
        let low: Vec<char> = text.to_lowercase().chars().collect();
        low.windows(2)
            .map(|pair| (pair[0], pair[1]))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (left, right) = (pairs(name), pairs(wanted));
    let union = left.union(&right).count().max(1);
    left.intersection(&right).count() * 1000 / union
}

fn name_of(entry: &Value) -> Option<&str> {
    ["id", "name", "model", "key"]
        .iter()
        .find_map(|key| entry.get(key).and_then(Value::as_str))
        .filter(|name| !name.is_empty())
}

fn software(response: &Response, entry: &Value) -> Option<String> {
    let owner = entry
        .get("owned_by")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let by_owner = match owner {
        "llamacpp" => Some("llama-server"),
        "vllm" => Some("vllm"),
        "sglang" => Some("sglang"),
        "library" => Some("ollama"),
        "organization_owner" => Some("lm-studio"),
        "depthfinder-sim" => Some("sim"),
        _ => None,
    };
    let by_header = if response.header("x-litellm-version").is_some() {
        // A relay: what stands behind it cannot be asked for /props or /tokenize.
        return Some("litellm".to_owned());
    } else if response.header("server") == Some("llama.cpp") {
        Some("llama-server")
    } else {
        None
    };
    by_owner.or(by_header).map(str::to_owned)
}

/// llama-server's `/props`; none where a proxy hides it.
async fn slot_window(wire: &dyn Wire) -> Option<u64> {
    let props = told(wire, get("/props"), true).await?;
    props
        .pointer("/default_generation_settings/n_ctx")?
        .as_u64()
        .filter(|n_ctx| *n_ctx > 0)
}

/// What a small request tells, as JSON. None where it is refused, breaks, or answers with
/// something else: whoever asks so can do without.
pub async fn told(wire: &dyn Wire, request: Request, to_root: bool) -> Option<Value> {
    let fetched = fetch(wire, request, to_root, CURIOSITY, LIST_LIMIT_BYTES).await;
    let (_, body) = fetched.ok()?.ok()?;
    serde_json::from_str(&body).ok()
}

/// A request for what stands at a path.
pub fn get(path: &str) -> Request {
    Request {
        post: false,
        path: path.to_owned(),
        headers: Vec::new(),
        body: Body::default(),
    }
}

/// A request that hands over some JSON.
pub fn post(path: &str, body: &Value) -> Request {
    Request {
        post: true,
        path: path.to_owned(),
        headers: Vec::new(),
        body: Body {
            slices: vec![body.to_string().into()],
        },
    }
}

#[cfg(test)]
mod tests;
