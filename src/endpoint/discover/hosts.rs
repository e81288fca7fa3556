//! What is known of a provider by its host alone: who it is, and what it must be told.

use crate::endpoint::Served;
use serde_json::{Value, json};

/// Hosts, and the software or service behind them.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("openrouter.ai", "openrouter"),
    ("fireworks.ai", "fireworks"),
    ("together.xyz", "together"),
    ("together.ai", "together"),
    ("groq.com", "groq"),
    ("cerebras.ai", "cerebras"),
    ("mistral.ai", "mistral"),
    ("deepseek.com", "deepseek"),
    ("x.ai", "xai"),
];

/// The service at a host (`api.fireworks.ai`); none where it is not known.
pub fn service(host: &str) -> Option<&'static str> {
    let host = host.to_lowercase();
    let found = HOSTS.iter().find(|(known, _)| {
        host == *known
            || host
                .strip_suffix(known)
                .is_some_and(|rest| rest.ends_with('.'))
    });
    found.map(|(_, service)| *service)
}

/// Notes the service at a host, where the server did not say what it is.
pub fn know_host(served: &mut Served, host: &str) {
    if served.software.is_none() {
        served.software = service(host).map(str::to_owned);
    }
}

/// Request fields that a server of this kind must be given, so that it refuses what it would
/// otherwise cut short. They go before the user's own, which win.
///
/// Nothing that cuts (`truncate_prompt_tokens`, `prompt_truncate_len`) is ever sent.
pub fn needed_params(served: &Served) -> Vec<(String, Value)> {
    match served.software.as_deref() {
        // Its default shrinks the output budget to what the prompt leaves of the window.
        Some("fireworks" | "together") => vec![(
            "context_length_exceeded_behavior".to_owned(),
            json!("error"),
        )],
        _ => Vec::new(),
    }
}
