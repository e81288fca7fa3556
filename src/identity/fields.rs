//! Names, marks and headers of the answers: whose they look like.

use super::asker::Side;
use super::record::Attempt;
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::journal::Outcome;
use crate::reply::Reply;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The signal's name.
pub const NAME: &str = "fields and headers";
const CANNOT: &str = "any server can write any field: they betray the careless and clear nobody";

/// How the ids of answers begin, and whose they are.
const IDS: &[(&str, &str)] = &[
    ("chatcmpl-", "OpenAI's form, which most servers copy"),
    ("msg_", "Anthropic"),
    ("gen-", "OpenRouter"),
    ("resp_", "OpenAI's responses"),
    ("cmpl-", "vLLM or OpenAI's completions"),
];

/// Headers that only these vendors send themselves.
const VENDORS: &[(&str, &str)] = &[
    ("anthropic-", "Anthropic"),
    ("openai-", "OpenAI"),
    ("x-groq-", "Groq"),
    ("fireworks-", "Fireworks"),
    ("x-litellm-", "LiteLLM"),
    ("x-amzn-", "Amazon"),
    ("x-amz-", "Amazon"),
    ("apim-", "Azure"),
    ("azureml-", "Azure"),
    ("x-ms-", "Azure"),
    ("cf-ray", "Cloudflare"),
    ("x-vercel-", "Vercel"),
    ("fly-", "Fly"),
];

/// What the answers of one side bear.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Fields {
    /// Models that the answers name.
    pub models: BTreeSet<String>,
    /// How their ids begin.
    pub id_prefixes: BTreeSet<String>,
    /// Marks of the configuration.
    pub system_fingerprints: BTreeSet<String>,
    /// Who computed them, where a router says it.
    pub providers: BTreeSet<String>,
    /// Identifying headers, with every value that was seen.
    pub headers: BTreeMap<String, BTreeSet<String>>,
}

impl Fields {
    /// Collects them from the attempts of one side.
    pub fn of(attempts: &[Attempt], side: Side) -> Fields {
        let mut fields = Fields::default();
        for attempt in attempts.iter().filter(|attempt| attempt.side == side) {
            if let Outcome::Reply(reply) = &attempt.outcome {
                fields.take(reply);
            }
        }
        fields
    }

    fn take(&mut self, reply: &Reply) {
        self.models.extend(reply.model.clone());
        self.id_prefixes
            .extend(reply.id.as_deref().and_then(prefix));
        self.system_fingerprints
            .extend(reply.system_fingerprint.clone());
        self.providers.extend(reply.provider.clone());
        for (name, value) in &reply.headers {
            let values = self.headers.entry(name.clone()).or_default();
            values.insert(value.clone());
        }
    }

    /// Vendors whose own headers or ids are among them.
    pub fn vendors(&self) -> BTreeSet<&'static str> {
        let by_header = VENDORS
            .iter()
            .filter(|(start, _)| self.headers.keys().any(|name| name.starts_with(start)));
        let by_id = self.id_prefixes.contains("msg_").then_some("Anthropic");
        by_header.map(|(_, vendor)| *vendor).chain(by_id).collect()
    }
}

/// The beginning of an id that is the same for all: up to its first `-` or `_`.
fn prefix(id: &str) -> Option<String> {
    let at = id.find(['-', '_'])?;
    let start = &id[..=at];
    let is_word = start.len() <= 12 && start[..at].chars().all(|c| c.is_ascii_alphabetic());
    is_word.then(|| start.to_owned())
}

/// What a mark of the configuration looks like.
pub fn mark(fingerprint: &str) -> &'static str {
    match fingerprint {
        "fp_ollama" => "Ollama's constant",
        mark if mark.starts_with("vllm-") => "vLLM's",
        mark if mark.starts_with("fp_") => "OpenAI's form",
        mark if is_build(mark) => "llama.cpp's build",
        _ => "of no known form",
    }
}

/// True for `b10434-7e4c0a9`.
fn is_build(mark: &str) -> bool {
    let rest = mark.strip_prefix('b').unwrap_or_default();
    rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Who makes the models of such a name, where only one vendor serves them.
fn maker(model: &str) -> Option<&'static str> {
    let model = model.to_lowercase();
    let name = model.rsplit('/').next().unwrap_or(&model);
    match name {
        name if name.contains("claude") => Some("Anthropic"),
        name if name.starts_with("gpt-oss") => None,
        name if name.starts_with("gpt-") || name.starts_with("o1") || name.starts_with("o3") => {
            Some("OpenAI")
        }
        _ => None,
    }
}

/// True for weights that anybody can serve, so that a closed vendor's headers do not belong there.
fn is_open(model: &str) -> bool {
    let model = model.to_lowercase();
    [
        "llama",
        "qwen",
        "mistral",
        "gemma",
        "deepseek",
        "phi-",
        "smollm",
        "gpt-oss",
        "reflection",
    ]
    .iter()
    .any(|name| model.contains(name))
}

/// What it says of a target that was asked for `model`.
pub fn signal(model: &str, target: &Fields, reference: Option<&Fields>) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Medium, CANNOT);
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    for (what, set) in [
        ("model named", &target.models),
        ("computed by", &target.providers),
    ] {
        if !set.is_empty() {
            signal.see(format!("{what}: {}", list(set)));
        }
    }
    for start in &target.id_prefixes {
        let known = IDS.iter().find(|(known, _)| known == start);
        let whose = known.map_or("of no known vendor", |(_, whose)| whose);
        signal.see(format!("ids begin with {start} ({whose})"));
    }
    for fingerprint in &target.system_fingerprints {
        let form = mark(fingerprint);
        signal.see(format!("system_fingerprint {fingerprint} ({form})"));
    }
    if target.system_fingerprints.len() > 1 {
        signal.see("system_fingerprint changed while it was asked".to_owned());
    }
    for (name, values) in &target.headers {
        signal.see(format!("header {name}: {}", list(values)));
    }
    let closed = ["Anthropic", "OpenAI"];
    for vendor in target.vendors() {
        let foreign = closed.contains(&vendor)
            && (maker(model).is_some_and(|maker| maker != vendor) || is_open(model));
        if foreign {
            signal.read(
                Hypothesis::Name,
                Says::NotConsistent,
                format!("marks of {vendor} on answers of {model}"),
            );
        }
    }
    if let Some(reference) = reference {
        let mut differing = Vec::new();
        for (what, ours, theirs) in [
            ("id prefix", &target.id_prefixes, &reference.id_prefixes),
            (
                "system_fingerprint",
                &target.system_fingerprints,
                &reference.system_fingerprints,
            ),
            ("provider", &target.providers, &reference.providers),
        ] {
            if ours != theirs {
                differing.push(what);
            }
        }
        let servers = |fields: &Fields| fields.headers.get("server").cloned();
        if servers(target) != servers(reference) {
            differing.push("server header");
        }
        let (says, why) = match differing.is_empty() {
            true => (Says::Consistent, "their fields look alike".to_owned()),
            false => (
                Says::NotConsistent,
                format!("they differ in {}", differing.join(", ")),
            ),
        };
        signal.weigh(Hypothesis::Reference, says, Strength::Weak, why);
    }
    signal.observed = json!({"target": target, "reference": reference});
    signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_vendors_marks_on_open_weights_are_found() {
        let mut fields = Fields::default();
        fields.headers.insert(
            "anthropic-ratelimit-tokens-limit".into(),
            ["present".into()].into(),
        );
        fields.id_prefixes.extend(prefix("msg_01ABC"));
        let found = signal("reflection-70b", &fields, None);
        assert_eq!(found.readings[0].says, Says::NotConsistent, "{found:?}");
        assert!(signal("claude-sonnet-5", &fields, None).readings.is_empty());
        // Nothing known of the name: shown and not judged.
        assert!(signal("house-model", &fields, None).readings.is_empty());
    }

    #[test]
    fn ids_and_marks_are_known_by_their_form() {
        assert_eq!(prefix("chatcmpl-8a1f").as_deref(), Some("chatcmpl-"));
        assert_eq!(prefix("8a1f-22"), None);
        assert_eq!(prefix("plain"), None);
        assert_eq!(mark("b10434-abc"), "llama.cpp's build");
        assert_eq!(mark("vllm-0.33.0-tp2-1a2b3c4d"), "vLLM's");
        assert_eq!(mark("fp_ollama"), "Ollama's constant");
        assert_eq!(mark("fp_44709d6fcb"), "OpenAI's form");
    }
}
