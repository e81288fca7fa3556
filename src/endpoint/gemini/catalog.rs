//! What Google's catalogue says of a model: its window and its longest answer.

use crate::endpoint::Served;
use crate::endpoint::exchange::fetch;
use crate::endpoint::wire::{Body, Request, Wire};
use crate::reply::Failure;
use serde_json::Value;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const ENTRY_LIMIT_BYTES: usize = 1 << 20;

/// Asks what is known of the model. `own`: the address is Google's own, so that a missing model is
/// missing; relays may have no such path, and are believed to have the model.
///
/// # Errors
/// Failures that a question would meet just as well.
pub async fn discover(wire: &dyn Wire, model: &str, own: bool) -> Result<Served, Failure> {
    let request = Request {
        post: false,
        path: super::model_path(model),
        headers: Vec::new(),
        body: Body::default(),
    };
    let entry = match fetch(wire, request, false, PATIENCE, ENTRY_LIMIT_BYTES).await? {
        Ok((_, body)) => serde_json::from_str::<Value>(&body).unwrap_or_default(),
        Err(refusal) => match refusal.failure() {
            failure @ (Failure::Unauthorized { .. } | Failure::Limited { .. }) => {
                return Err(failure);
            }
            failure @ Failure::NotFound { .. } if own => return Err(failure),
            _ => Value::Null,
        },
    };
    let told = |name: &str| entry.get(name).and_then(Value::as_u64);
    let window_tokens = told("inputTokenLimit");
    Ok(Served {
        model: model.to_owned(),
        software: own.then(|| "gemini".to_owned()),
        window_tokens,
        output_limit_tokens: told("outputTokenLimit"),
        // A relay that knows the model knows how to count, too.
        tokenize: own || window_tokens.is_some(),
        ..Served::default()
    })
}
