//! Which software answers, and where each kind of it tells its window and its limits.

use super::{get, told};
use crate::endpoint::Served;
use crate::endpoint::ollama;
use crate::endpoint::wire::{Response, Wire};
use crate::number::grouped;
use futures_util::future::join;
use serde_json::{Value, json};

/// `--payload-limit` of text-generation-inference, unless it was started with another.
const TGI_BODY_BYTES: u64 = 2_000_000;
/// Rapid-MLX's fixed limit (raullenchai/Rapid-MLX#706).
const RAPID_MLX_BODY_BYTES: u64 = 8 << 20;
/// LiteLLM lists every model with this moment of creation (`DEFAULT_MODEL_CREATED_AT_TIME`).
const LITELLM_CREATED: u64 = 1_677_610_602;
/// How a detail begins that says that SGLang may cut prompts.
const AUTO_TRUNCATE: &str = "allow_auto_truncate is on";
/// How many deployments behind one of a relay's names are described.
const RELAYS_SHOWN: usize = 8;

/// The software by what the list of models gives away.
pub(super) fn named(response: &Response, entry: &Value) -> Option<String> {
    let owner = entry.get("owned_by").and_then(Value::as_str);
    let by_owner = match owner.unwrap_or_default() {
        "llamacpp" => Some("llama-server"),
        "vllm" => Some("vllm"),
        "sglang" => Some("sglang"),
        "library" => Some("ollama"),
        "organization_owner" => Some("lm-studio"),
        "rapid-mlx" => Some("rapid-mlx"),
        "koboldcpp" => Some("koboldcpp"),
        "fireworks" => Some("fireworks"),
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
    let by_fields = (entry.get("top_provider").is_some() && entry.get("canonical_slug").is_some())
        .then_some("openrouter");
    by_owner.or(by_header).or(by_fields).map(str::to_owned)
}

/// Asks a server whose software is known for what that software tells elsewhere, and one whose
/// software is not known whether it is one of those that a list of models does not give away.
pub(super) async fn look_closer(wire: &dyn Wire, entry: &Value, served: &mut Served) {
    match served.software.as_deref() {
        Some("llama-server") => llama_server(wire, served).await,
        Some("vllm") => vllm(wire, entry, served).await,
        Some("sglang") => sglang(wire, served).await,
        Some("lm-studio") => lm_studio(wire, served).await,
        Some("litellm") => {
            litellm(wire, served).await;
        }
        Some("ollama") => {
            ollama::look_closer(wire, served).await;
        }
        Some("rapid-mlx") => served.body_limit_bytes = Some(RAPID_MLX_BODY_BYTES),
        Some(_) => {}
        None => {
            let created = entry.get("created").and_then(Value::as_u64);
            let _ = ollama::look_closer(wire, served).await
                || text_generation_inference(wire, served).await
                || (created == Some(LITELLM_CREATED) && litellm(wire, served).await);
        }
    }
}

/// Where a prompt that does not fit is cut without an error, so that asking makes no sense.
pub(super) fn cuts_silently(served: &Served) -> bool {
    served
        .details
        .iter()
        .any(|detail| detail.starts_with(AUTO_TRUNCATE))
}

async fn llama_server(wire: &dyn Wire, served: &mut Served) {
    // None where a proxy hides it.
    let Some(props) = told(wire, get("/props"), true).await else {
        return;
    };
    let settings = &props["default_generation_settings"];
    // Only here stands the window of one slot: the flag's value is shared by all of them.
    if let Some(slot) = settings["n_ctx"].as_u64().filter(|n_ctx| *n_ctx > 0) {
        served.window_tokens = Some(slot);
    }
    let details = &mut served.details;
    line(details, "build", &props["build_info"]);
    line(details, "slots", &props["total_slots"]);
    if let Some(path) = props["model_path"].as_str() {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        details.push(format!("weights: {file}"));
    }
}

async fn vllm(wire: &dyn Wire, entry: &Value, served: &mut Served) {
    let version = told(wire, get("/version"), true).await.unwrap_or_default();
    line(&mut served.details, "vLLM", &version["version"]);
    if entry["root"].as_str() != Some(&served.model) {
        line(&mut served.details, "weights:", &entry["root"]);
    }
}

/// Its account of itself holds its keys as well, so fields are picked and nothing is passed on.
async fn sglang(wire: &dyn Wire, served: &mut Served) {
    let (server, model) = join(
        either(wire, "/server_info", "/get_server_info"),
        either(wire, "/model_info", "/get_model_info"),
    )
    .await;
    let details = &mut served.details;
    line(details, "SGLang", &server["version"]);
    if model["model_path"].as_str() != Some(&served.model) {
        line(details, "weights:", &model["model_path"]);
    }
    line(details, "weight version", &model["weight_version"]);
    line(details, "quantization", &server["quantization"]);
    line(details, "KV cache type", &server["kv_cache_dtype"]);
    if let Some(pool) = server["max_total_num_tokens"].as_u64() {
        details.push(format!("its KV cache holds {} tokens", grouped(pool)));
        // Longer prompts are refused whatever the model could read.
        served.window_tokens = served.window_tokens.map(|window| window.min(pool));
    }
    if server["allow_auto_truncate"] == json!(true) {
        details.push(format!(
            "{AUTO_TRUNCATE}: a prompt that does not fit loses its end without an error"
        ));
    }
}

async fn either(wire: &dyn Wire, path: &str, older: &str) -> Value {
    match told(wire, get(path), true).await {
        Some(value) => value,
        None => told(wire, get(older), true).await.unwrap_or_default(),
    }
}

async fn text_generation_inference(wire: &dyn Wire, served: &mut Served) -> bool {
    let Some(info) = told(wire, get("/info"), true).await else {
        return false;
    };
    // `max_input_length` before version 2.
    let input = [&info["max_input_tokens"], &info["max_input_length"]];
    let input = input.into_iter().find_map(Value::as_u64);
    let (Some(total), Some(input)) = (info["max_total_tokens"].as_u64(), input) else {
        return false;
    };
    served.software = Some("tgi".to_owned());
    served.window_tokens = Some(total);
    let limit = info["payload_limit"].as_u64().unwrap_or(TGI_BODY_BYTES);
    served.body_limit_bytes = Some(limit);
    let details = &mut served.details;
    line(details, "text-generation-inference", &info["version"]);
    line(details, "weights:", &info["model_id"]);
    line(details, "weights' type", &info["model_dtype"]);
    details.push(format!("prompt at most {} tokens", grouped(input)));
    true
}

async fn lm_studio(wire: &dyn Wire, served: &mut Served) {
    let model = served.model.clone();
    let is_it = |entry: &&Value, key: &str| entry[key].as_str() == Some(&model);
    let older = told(wire, get("/api/v0/models"), true).await;
    let older = older.unwrap_or_default();
    let listed = older["data"].as_array().into_iter().flatten();
    if let Some(entry) = listed.clone().find(|entry| is_it(entry, "id")) {
        served.trained_window_tokens = entry["max_context_length"].as_u64();
        let quantization = entry["quantization"].as_str();
        let loaded = entry["loaded_context_length"].as_u64();
        return tell_lm_studio(served, quantization, loaded);
    }
    let newer = told(wire, get("/api/v1/models"), true).await;
    let newer = newer.unwrap_or_default();
    for entry in newer["models"].as_array().into_iter().flatten() {
        let instances = entry["loaded_instances"].as_array();
        let mut instances = instances.into_iter().flatten();
        let by_key = is_it(&entry, "key");
        // An instance has a name of its own where there are several of one model.
        let instance = match instances.clone().find(|instance| is_it(instance, "id")) {
            None if by_key => instances.next(),
            found => found,
        };
        if by_key || instance.is_some() {
            served.trained_window_tokens = entry["max_context_length"].as_u64();
            let quantization = entry["quantization"]["name"].as_str();
            let loaded = instance.and_then(|one| one["config"]["context_length"].as_u64());
            return tell_lm_studio(served, quantization, loaded);
        }
    }
}

fn tell_lm_studio(served: &mut Served, quantization: Option<&str>, loaded: Option<u64>) {
    served.window_tokens = loaded;
    if let Some(quantization) = quantization {
        let line = format!("quantization {quantization}");
        served.details.push(line);
    }
    served.details.push(match loaded {
        Some(tokens) => format!("loaded with a context of {} tokens", grouped(tokens)),
        None => "not loaded: its context is chosen when the first question loads it".to_owned(),
    });
}

/// True where it is one. Several deployments may stand behind one name: the smallest window of
/// them is declared.
async fn litellm(wire: &dyn Wire, served: &mut Served) -> bool {
    let info = told(wire, get("/model/info"), true).await;
    let info = info.unwrap_or_default();
    let Some(entries) = info["data"].as_array() else {
        return false;
    };
    let behind: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["model_name"].as_str() == Some(&served.model))
        .collect();
    if behind.is_empty() {
        return false;
    }
    served.software = Some("litellm".to_owned());
    let least = |key: &str| {
        let numbers = behind
            .iter()
            .filter_map(|entry| entry["model_info"][key].as_u64());
        numbers.min()
    };
    served.window_tokens = least("max_input_tokens").or(served.window_tokens);
    served.output_limit_tokens = least("max_output_tokens").or(served.output_limit_tokens);
    // Only this of its parameters: others hold addresses and keys.
    for entry in behind.iter().take(RELAYS_SHOWN) {
        let upstream = &entry["litellm_params"]["model"];
        line(&mut served.details, "relays to", upstream);
    }
    true
}

/// A line of what is there: names and numbers.
fn line(details: &mut Vec<String>, what: &str, value: &Value) {
    match value {
        Value::String(text) if !text.is_empty() => details.push(format!("{what} {text}")),
        Value::Number(number) => details.push(format!("{what} {number}")),
        _ => {}
    }
}
