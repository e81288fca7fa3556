//! The providers behind one of OpenRouter's models: each has a window and a quantization of its own.

use crate::endpoint::Served;
use crate::endpoint::discover;
use crate::endpoint::wire::Wire;
use crate::number::{counted, grouped};
use crate::reply::Failure;
use serde_json::Value;

/// How many providers are described one by one.
const PROVIDERS_SHOWN: usize = 12;

/// Asks what is served under a model's name. `params` are the user's own request fields, of which
/// `provider` says who may answer. The declared window is the largest among those who may; it is
/// smaller for some of them wherever more than one may answer.
///
/// # Errors
/// As `discover::discover`.
pub async fn discover(
    wire: &dyn Wire,
    model: Option<&str>,
    params: &[(String, Value)],
) -> Result<Served, Failure> {
    let mut served = discover::discover(wire, model).await?;
    served.software = Some("openrouter".to_owned());
    served.tokenize = false;
    // A variant (`:free`, `:nitro`) is a part of the slug.
    let path = format!("/models/{}/endpoints", served.model);
    let told = discover::told(wire, discover::get(&path), false).await;
    let endpoints = told
        .as_ref()
        .and_then(|told| told.pointer("/data/endpoints")?.as_array());
    let allowed = allowed(params);
    let endpoints: Vec<&Value> = endpoints
        .into_iter()
        .flatten()
        .filter(|endpoint| may_answer(endpoint, &allowed))
        .collect();
    if endpoints.is_empty() {
        if let Some(names) = &allowed {
            served.details.push(format!(
                "none of its known providers is named {}",
                names.join(" or ")
            ));
        }
        return Ok(served);
    }
    let number = |endpoint: &Value, key: &str| endpoint.get(key).and_then(Value::as_u64);
    let windows = endpoints
        .iter()
        .filter_map(|endpoint| number(endpoint, "context_length"));
    let (least, most) = (windows.clone().min(), windows.max());
    served.window_tokens = most.or(served.window_tokens);
    let outputs = endpoints
        .iter()
        .filter_map(|endpoint| number(endpoint, "max_completion_tokens"));
    served.output_limit_tokens = outputs.min().or(served.output_limit_tokens);
    for endpoint in endpoints.iter().take(PROVIDERS_SHOWN) {
        served.details.push(line_of(endpoint));
    }
    if endpoints.len() > PROVIDERS_SHOWN {
        let more = (endpoints.len() - PROVIDERS_SHOWN) as u64;
        served
            .details
            .push(format!("and {}", counted(more, "further provider")));
    }
    if endpoints.len() > 1 {
        let windows = if least == most {
            String::new()
        } else {
            " and their windows differ".to_owned()
        };
        served.details.push(format!(
            "{} may answer{windows}: pin one with --param 'provider={{\"only\":[\"TAG\"]}}'",
            counted(endpoints.len() as u64, "provider")
        ));
    }
    Ok(served)
}

fn line_of(endpoint: &Value) -> String {
    let word = |key: &str| endpoint.get(key).and_then(Value::as_str);
    let number = |key: &str| endpoint.get(key).and_then(Value::as_u64).map(grouped);
    let mut line = format!("provider {}", word("provider_name").unwrap_or("unnamed"));
    if let Some(tag) = word("tag") {
        line.push_str(&format!(" ({tag})"));
    }
    line.push_str(": ");
    let window = number("context_length").unwrap_or_else(|| "an unknown window of".to_owned());
    line.push_str(&format!("{window} tokens"));
    for (key, what) in [
        ("max_prompt_tokens", "prompt at most"),
        ("max_completion_tokens", "output at most"),
    ] {
        if let Some(tokens) = number(key) {
            line.push_str(&format!(", {what} {tokens}"));
        }
    }
    if let Some(quantization) = word("quantization").filter(|word| *word != "unknown") {
        line.push_str(&format!(", {quantization}"));
    }
    line
}

/// Who the user says may answer; none where that is left open.
fn allowed(params: &[(String, Value)]) -> Option<Vec<String>> {
    let (_, provider) = params.iter().rev().find(|(name, _)| name == "provider")?;
    let only = provider.get("only")?.as_array()?;
    let names: Vec<String> = only
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_lowercase)
        .collect();
    (!names.is_empty()).then_some(names)
}

/// `deepinfra` names all of DeepInfra's endpoints, `deepinfra/fp8` one of them.
fn may_answer(endpoint: &Value, allowed: &Option<Vec<String>>) -> bool {
    let Some(allowed) = allowed else { return true };
    let word = |key: &str| {
        let word = endpoint.get(key).and_then(Value::as_str);
        word.unwrap_or_default().to_lowercase()
    };
    let (tag, name) = (word("tag"), word("provider_name"));
    let family = tag.split('/').next().unwrap_or_default();
    allowed
        .iter()
        .any(|wanted| [tag.as_str(), family, &name].contains(&wanted.as_str()))
}
