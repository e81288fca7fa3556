//! What Anthropic's catalogue says of a model: its window and its longest answer.

use crate::endpoint::exchange::fetch;
use crate::endpoint::gathered::{path_of, text_in};
use crate::endpoint::wire::{Body, Request, Wire};
use crate::endpoint::{Served, discover as general};
use crate::reply::Failure;
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const ENTRY_LIMIT_BYTES: usize = 1 << 20;

/// Asks what is known of the model. `own`: the address is Anthropic's own, so that a missing
/// model is missing; servers of other makes may have no such path, and are asked in the way that
/// all of them understand.
///
/// # Errors
/// Failures that a question would meet just as well.
pub async fn discover(wire: &dyn Wire, model: &str, own: bool) -> Result<Served, Failure> {
    let request = Request {
        post: false,
        path: format!("/models/{}", path_of(model)),
        headers: super::headers(),
        body: Body::default(),
    };
    let entry = match fetch(wire, request, false, PATIENCE, ENTRY_LIMIT_BYTES).await? {
        Ok((_, body)) => serde_json::from_str::<Value>(&body).ok(),
        Err(refusal) => match refusal.failure() {
            failure @ (Failure::Unauthorized { .. } | Failure::Limited { .. }) => {
                return Err(failure);
            }
            failure @ Failure::NotFound { .. } if own => return Err(failure),
            _ => None,
        },
    };
    let entry = entry.filter(|entry| text_in(entry, "/type") == "model");
    let mut served = match entry {
        Some(entry) => {
            let told = |name: &str| entry.get(name).and_then(Value::as_u64);
            let lifecycle = text_in(&entry, "/lifecycle");
            Served {
                model: model.to_owned(),
                software: own.then(|| "anthropic".to_owned()),
                window_tokens: told("max_input_tokens"),
                output_limit_tokens: told("max_tokens"),
                tokenize: true,
                count_is_estimate: true,
                details: match lifecycle {
                    "" | "active" => Vec::new(),
                    other => vec![format!("the model is {other}")],
                },
                ..Served::default()
            }
        }
        None if own => Served {
            model: model.to_owned(),
            software: Some("anthropic".to_owned()),
            tokenize: true,
            count_is_estimate: true,
            ..Served::default()
        },
        None => general::discover(wire, Some(model)).await?,
    };
    if own {
        served.body_limit_bytes = Some(super::BODY_LIMIT_BYTES);
    }
    Ok(served)
}
