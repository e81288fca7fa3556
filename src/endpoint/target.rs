//! What a user types to name an endpoint: an address, or a provider, and a model.

use crate::endpoint::gathered::path_of;
use anyhow::{Context, bail, ensure};
use reqwest::Url;

/// Where the key of an `http(s)://` target is looked for, unless another variable is named.
pub const DEFAULT_KEY_ENV: &str = "DEPTHFINDER_API_KEY";

/// Azure's version of the API where no variable names one: the last that is generally available
/// in dated form. Addresses that end in `/openai/v1` need none.
const AZURE_VERSION: &str = "2024-10-21";

/// Who is spoken to, and in which dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// An address of a server that speaks like OpenAI's chat completions.
    Compatible,
    /// OpenAI's chat completions.
    OpenAi,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// A deployment at Azure.
    Azure,
    /// OpenRouter.
    OpenRouter,
    /// Ollama's own API.
    Ollama,
}

/// What is written before the colon, and what is usual there.
struct Usual {
    scheme: &'static str,
    provider: Provider,
    example: &'static str,
    /// Its own address; none where it is the user's.
    base: Option<&'static str>,
    /// Variables that the vendor's own tools read another address from.
    base_envs: &'static [&'static str],
    key_envs: &'static [&'static str],
}

const USUAL: &[Usual] = &[
    Usual {
        scheme: "openai",
        provider: Provider::OpenAi,
        example: "gpt-4.1",
        base: Some("https://api.openai.com/v1"),
        base_envs: &["OPENAI_BASE_URL"],
        key_envs: &["OPENAI_API_KEY"],
    },
    Usual {
        scheme: "openai-responses",
        provider: Provider::Responses,
        example: "gpt-4.1",
        base: Some("https://api.openai.com/v1"),
        base_envs: &["OPENAI_BASE_URL"],
        key_envs: &["OPENAI_API_KEY"],
    },
    Usual {
        scheme: "anthropic",
        provider: Provider::Anthropic,
        example: "claude-sonnet-4-5",
        base: Some("https://api.anthropic.com/v1"),
        base_envs: &["ANTHROPIC_BASE_URL"],
        key_envs: &["ANTHROPIC_API_KEY"],
    },
    Usual {
        scheme: "gemini",
        provider: Provider::Gemini,
        example: "gemini-2.5-flash",
        base: Some("https://generativelanguage.googleapis.com/v1beta"),
        base_envs: &["GOOGLE_GEMINI_BASE_URL"],
        key_envs: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    },
    Usual {
        scheme: "azure",
        provider: Provider::Azure,
        example: "my-deployment",
        base: None,
        base_envs: &["AZURE_OPENAI_ENDPOINT"],
        key_envs: &["AZURE_OPENAI_API_KEY"],
    },
    Usual {
        scheme: "openrouter",
        provider: Provider::OpenRouter,
        example: "meta-llama/llama-4-scout",
        base: Some("https://openrouter.ai/api/v1"),
        base_envs: &[],
        key_envs: &["OPENROUTER_API_KEY"],
    },
    Usual {
        scheme: "ollama",
        provider: Provider::Ollama,
        example: "qwen3:4b",
        base: Some("http://127.0.0.1:11434"),
        base_envs: &["OLLAMA_HOST"],
        key_envs: &[],
    },
];

/// Providers that are not covered, and what to do instead.
const NOT_COVERED: &[(&str, &str)] = &[
    (
        "bedrock",
        "bedrock: is not covered (signed requests, frames of its own): put a proxy that speaks \
         like OpenAI before it, such as LiteLLM, and give its address: http://host:4000/v1#MODEL",
    ),
    (
        "vertex",
        "vertex: is not covered (short-lived tokens of Google Cloud): use gemini:MODEL with an \
         API key, or put a proxy that speaks like OpenAI before it, such as LiteLLM, and give its \
         address: http://host:4000/v1#MODEL",
    ),
];

/// Who is to be asked: an address, a dialect and a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose dialect.
    pub provider: Provider,
    /// Base address; paths such as `/chat/completions` are put behind it.
    pub base: Url,
    /// The model, where it was named.
    pub model: Option<String>,
    /// The environment variables that may hold the key, in this order.
    pub key_envs: Vec<String>,
    /// True where there is no asking without a key: the provider wants one, or the user named
    /// the variable.
    pub key_required: bool,
    /// Where the address comes from when it is not the provider's own: a flag or a variable.
    pub base_from: Option<String>,
}

impl Target {
    /// True for what stands before the colon of a target that this module reads.
    pub fn knows(scheme: &str) -> bool {
        matches!(scheme, "http" | "https")
            || USUAL.iter().any(|usual| usual.scheme == scheme)
            || NOT_COVERED.iter().any(|(name, _)| *name == scheme)
    }

    /// Reads `http(s)://host[:port][/path][#model]` or `PROVIDER:MODEL`. `key_env` is the user's
    /// own choice of variable, `base_url` another address for a named provider's API, and `env`
    /// looks up an environment variable.
    ///
    /// No error repeats what was typed: it may hold a key in the wrong place.
    pub fn parse(
        typed: &str,
        key_env: Option<&str>,
        base_url: Option<&str>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Target> {
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        ensure!(
            key_env.is_none_or(|name| !name.is_empty() && is_name(name)),
            "--api-key-env wants the NAME of a variable that holds the key, not the key itself"
        );
        let (scheme, model) = typed.split_once(':').unwrap_or((typed, ""));
        if let Some((_, why)) = NOT_COVERED.iter().find(|(name, _)| *name == scheme) {
            bail!("{why}");
        }
        let Some(usual) = USUAL.iter().find(|usual| usual.scheme == scheme) else {
            return Target::address(typed, key_env, base_url);
        };
        ensure!(
            !model.is_empty(),
            "name the model: {scheme}:MODEL, as in {scheme}:{}",
            usual.example
        );
        let set = |name: &&str| env(name).filter(|value| !value.trim().is_empty());
        let from_env = usual
            .base_envs
            .iter()
            .find_map(|name| set(name).map(|value| (value.trim().to_owned(), (*name).to_owned())));
        let other = base_url
            .map(|url| (url.to_owned(), "--base-url".to_owned()))
            .or(from_env);
        let (address, base_from) = match (other, usual.base) {
            (Some((address, from)), _) => (address, Some(from)),
            (None, Some(own)) => (own.to_owned(), None),
            (None, None) => bail!(
                "no address: put your resource's, such as https://NAME.openai.azure.com, into the \
                 environment variable AZURE_OPENAI_ENDPOINT or give it with --base-url"
            ),
        };
        let told_by = base_from.as_deref().unwrap_or(scheme);
        let base = match usual.provider {
            Provider::Ollama => host_and_port(&address, told_by)?,
            _ => checked(&address, told_by)?,
        };
        // A server of the user's own may want no key.
        let key_required = key_env.is_some()
            || (!usual.key_envs.is_empty()
                && (base_from.is_none() || usual.provider == Provider::Azure));
        Ok(Target {
            provider: usual.provider,
            base: completed(usual.provider, base, model, &|name| set(&name)),
            model: Some(model.to_owned()),
            key_envs: match key_env {
                Some(name) => vec![name.to_owned()],
                None => usual.key_envs.iter().map(|&name| name.to_owned()).collect(),
            },
            key_required,
            base_from,
        })
    }

    /// The same, with the environment of this process.
    pub fn from_env(
        typed: &str,
        key_env: Option<&str>,
        base_url: Option<&str>,
    ) -> anyhow::Result<Target> {
        Target::parse(typed, key_env, base_url, &|name| std::env::var(name).ok())
    }

    fn address(
        typed: &str,
        key_env: Option<&str>,
        base_url: Option<&str>,
    ) -> anyhow::Result<Target> {
        ensure!(
            typed.starts_with("http://") || typed.starts_with("https://"),
            "the target is neither an address (http://host:port/v1#model) nor a provider's model, \
             such as openai:MODEL"
        );
        ensure!(
            base_url.is_none(),
            "--base-url is for a named provider (anthropic:MODEL --base-url URL); this target is \
             an address already"
        );
        let (address, model) = match typed.split_once('#') {
            Some((address, model)) => (address, percent_decoded(model)?),
            None => (typed, String::new()),
        };
        let mut base = checked(address, "the target")?;
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").unwrap_or(path);
        // Every server of this kind has its paths below /v1; an address without one means it.
        let path = if path.is_empty() { "/v1" } else { path }.to_owned();
        base.set_path(&path);
        Ok(Target {
            provider: Provider::Compatible,
            base,
            model: (!model.is_empty()).then_some(model),
            key_envs: vec![key_env.unwrap_or(DEFAULT_KEY_ENV).to_owned()],
            key_required: key_env.is_some(),
            base_from: None,
        })
    }

    /// True where OpenAI's own limits hold.
    pub fn is_openai(&self) -> bool {
        self.base.host_str() == Some("api.openai.com")
    }

    /// True where the provider itself is asked, and no server in its place.
    pub fn is_own(&self) -> bool {
        let own = USUAL.iter().find(|usual| usual.provider == self.provider);
        let own = own.and_then(|usual| Url::parse(usual.base?).ok());
        own.is_some_and(|own| own.host_str() == self.base.host_str())
    }

    /// The header that carries the key bare; none where it is `Authorization: Bearer`.
    pub fn key_header(&self) -> Option<&'static str> {
        match self.provider {
            Provider::Anthropic => Some("x-api-key"),
            Provider::Gemini => Some("x-goog-api-key"),
            Provider::Azure => Some("api-key"),
            _ => None,
        }
    }
}

/// An address that holds no credential. `told_by` says where it stands.
fn checked(address: &str, told_by: &str) -> anyhow::Result<Url> {
    let base = Url::parse(address.trim()).ok();
    let base = base.filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host());
    let base = base.with_context(|| {
        format!("{told_by} is not a valid address: write http://host:port/v1, with #model behind it in a target")
    })?;
    if !base.username().is_empty() || base.password().is_some() {
        bail!(
            "{told_by} holds a user name or password, which would end up in records: \
             take it out and put the key into a variable (--api-key-env NAME)"
        );
    }
    for (name, _) in base.query_pairs() {
        let name = name.to_lowercase();
        let secret = ["key", "token", "secret", "sig", "password"];
        if secret.iter().any(|word| name.contains(word)) {
            bail!(
                "{told_by} holds a key in its query, which would end up in records: \
                 take it out and put the key into a variable (--api-key-env NAME)"
            );
        }
    }
    Ok(base)
}

/// Ollama's own tools take a bare host in OLLAMA_HOST, with its port or without, and the address
/// that a server listens on.
fn host_and_port(written: &str, told_by: &str) -> anyhow::Result<Url> {
    let has_scheme = written.contains("://");
    let written = written.trim_end_matches('/');
    let mut base = match has_scheme {
        true => checked(written, told_by)?,
        false => checked(&format!("http://{written}"), told_by)?,
    };
    let has_port = written
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if !has_port && !has_scheme {
        let _ = base.set_port(Some(11434));
    }
    // Everywhere is where a server listens, not where it is.
    if matches!(base.host_str(), Some("0.0.0.0" | "[::]")) {
        let _ = base.set_host(Some("127.0.0.1"));
    }
    Ok(base)
}

/// The address with what the provider's paths stand behind: people give it with and without.
fn completed(
    provider: Provider,
    mut base: Url,
    model: &str,
    env: &dyn Fn(&'static str) -> Option<String>,
) -> Url {
    let path = base.path().trim_end_matches('/');
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    let cut = |tail: &str| path.strip_suffix(tail).unwrap_or(path).to_owned();
    let path = match provider {
        Provider::Compatible | Provider::Ollama => path.to_owned(),
        Provider::OpenAi | Provider::OpenRouter if path.is_empty() => "/v1".to_owned(),
        Provider::OpenAi | Provider::OpenRouter => cut("/chat/completions"),
        Provider::Responses if path.is_empty() => "/v1".to_owned(),
        Provider::Responses => cut("/responses"),
        // The vendor's tools put /v1 behind ANTHROPIC_BASE_URL.
        Provider::Anthropic if ends(&["/v1"]) => path.to_owned(),
        Provider::Anthropic if ends(&["/v1/messages"]) => cut("/messages"),
        Provider::Anthropic => format!("{path}/v1"),
        Provider::Gemini if ends(&["/v1beta", "/v1alpha", "/v1"]) => path.to_owned(),
        Provider::Gemini => format!("{path}/v1beta"),
        Provider::Azure if ends(&["/openai/v1"]) => path.to_owned(),
        Provider::Azure => {
            let path = cut("/openai");
            let versions = ["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"];
            let version = versions.into_iter().find_map(env);
            let version = version.unwrap_or_else(|| AZURE_VERSION.to_owned());
            if version == "v1" {
                format!("{path}/openai/v1")
            } else {
                if !base.query_pairs().any(|(name, _)| name == "api-version") {
                    base.query_pairs_mut().append_pair("api-version", &version);
                }
                format!("{path}/openai/deployments/{}", path_of(model))
            }
        }
    };
    base.set_path(&path);
    base
}

/// The model behind the `#` of any target, decoded; none where there is none.
pub fn model_of(typed: &str) -> anyhow::Result<Option<String>> {
    match typed.split_once('#') {
        Some((_, model)) if !model.is_empty() => Ok(Some(percent_decoded(model)?)),
        _ => Ok(None),
    }
}

fn percent_decoded(text: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let decoded = pair
            .filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match decoded {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).context("the model's name is not valid UTF-8 after decoding")
}

#[cfg(test)]
mod tests;
