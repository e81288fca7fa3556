//! What a server says of itself before the first question: models, window, software.

use crate::endpoint::Served;
use crate::endpoint::exchange::fetch;
use crate::endpoint::ollama;
use crate::endpoint::wire::{Body, Request, Response, Wire};
use crate::number::grouped;
use crate::reply::Failure;
use serde_json::Value;
use std::time::Duration;

mod hosts;
mod software;

pub use hosts::{know_host, needed_params, service};

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

/// Where the longest answer stands.
const OUTPUT_LIMIT: &[&str] = &[
    "/max_completion_tokens",
    "/max_output_tokens",
    "/top_provider/max_completion_tokens",
    "/outputTokenLimit",
];

const TRAINED_WINDOW: &[&str] = &["/meta/n_ctx_train", "/max_context_length"];

/// Asks a server what it serves. `model` is what the user named; without it, the only model of
/// the list is taken.
///
/// A server without a list is believed to have the named model. `/tokenize` is not called: its
/// presence is told by the software. What each software tells elsewhere costs one to three small
/// requests more, which fail in silence.
pub async fn discover(wire: &dyn Wire, model: Option<&str>) -> Result<Served, Failure> {
    let mut served = Served::default();
    let entry = match (list(wire).await?, model) {
        (Ok((response, models)), _) => {
            let entry = choose(&models, model)?.clone();
            served.model = model.or(name_of(&entry)).unwrap_or_default().to_owned();
            served.software = software::named(&response, &entry);
            entry
        }
        (Err(_), Some(model)) => {
            model.clone_into(&mut served.model);
            Value::Null
        }
        (Err(why), None) => {
            return Err(Failure::NotFound {
                said: format!("the server lists no models ({why}): name one behind a #"),
            });
        }
    };
    let first = |paths: &[&str]| paths.iter().find_map(|path| entry.pointer(path)?.as_u64());
    served.window_tokens = first(WINDOW);
    served.output_limit_tokens = first(OUTPUT_LIMIT);
    let trained = first(TRAINED_WINDOW);
    if entry.pointer("/meta/n_ctx_train").is_some() || trained > served.window_tokens {
        served.trained_window_tokens = trained;
    }
    software::look_closer(wire, &entry, &mut served).await;
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

/// Whether a question of so many tokens, answer included, can be asked without being cut in
/// silence: told before anything is spent, where the server is known to do so.
///
/// # Errors
/// In one line: what would happen, and what to do.
pub fn fits(served: &Served, needed_tokens: u64) -> Result<(), String> {
    ollama::fits(served, needed_tokens)?;
    match served.window_tokens {
        Some(window) if needed_tokens > window && software::cuts_silently(served) => Err(format!(
            "this SGLang server was started with --allow-auto-truncate and would cut a prompt of \
             {} tokens to its {} without a word: start it without, or ask for shorter lengths",
            grouped(needed_tokens),
            grouped(window)
        )),
        _ => Ok(()),
    }
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
