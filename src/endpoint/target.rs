//! What a user types to name an endpoint: an address, or a provider, and a model.

use anyhow::{Context, bail, ensure};
use reqwest::Url;

/// Where the key of an `http(s)://` target is looked for, unless another variable is named.
pub const DEFAULT_KEY_ENV: &str = "DEPTHFINDER_API_KEY";

/// A target in the OpenAI-compatible dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Base address; paths such as `/chat/completions` are put behind it.
    pub base: Url,
    /// The model, where it was named.
    pub model: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: String,
    /// True where there is no asking without a key: the provider wants one, or the user named
    /// the variable.
    pub key_required: bool,
}

impl Target {
    /// Reads `http(s)://host[:port][/path][#model]` or `openai:MODEL`. `key_env` is the user's
    /// own choice of variable.
    ///
    /// No error repeats what was typed: it may hold a key in the wrong place.
    pub fn parse(typed: &str, key_env: Option<&str>) -> anyhow::Result<Target> {
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        ensure!(
            key_env.is_none_or(|name| !name.is_empty() && is_name(name)),
            "--api-key-env wants the NAME of a variable that holds the key, not the key itself"
        );
        if let Some(model) = typed.strip_prefix("openai:") {
            ensure!(
                !model.is_empty(),
                "name the model: openai:MODEL, as in openai:gpt-4.1"
            );
            return Ok(Target {
                base: Url::parse("https://api.openai.com/v1").context("OpenAI's address")?,
                model: Some(model.to_owned()),
                key_env: key_env.unwrap_or("OPENAI_API_KEY").to_owned(),
                key_required: true,
            });
        }
        ensure!(
            typed.starts_with("http://") || typed.starts_with("https://"),
            "the target is neither an address (http://host:port/v1#model) nor openai:MODEL"
        );
        let (address, model) = match typed.split_once('#') {
            Some((address, model)) => (address, percent_decoded(model)?),
            None => (typed, String::new()),
        };
        let mut base = Url::parse(address)
            .context("the target is not a valid address: write http://host:port/v1#model")?;
        let key_required = key_env.is_some();
        let key_env = key_env.unwrap_or(DEFAULT_KEY_ENV).to_owned();
        if !base.username().is_empty() || base.password().is_some() {
            bail!(
                "the target holds a user name or password, which would end up in records: \
                 take it out and put the key into the variable {key_env}"
            );
        }
        for (name, _) in base.query_pairs() {
            let name = name.to_lowercase();
            let secret = ["key", "token", "secret", "sig", "password"];
            if secret.iter().any(|word| name.contains(word)) {
                bail!(
                    "the target holds a key in its query, which would end up in records: \
                     take it out and put the key into the variable {key_env}"
                );
            }
        }
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/chat/completions").unwrap_or(path);
        // Every server of this kind has its paths below /v1; an address without one means it.
        let path = if path.is_empty() { "/v1" } else { path }.to_owned();
        base.set_path(&path);
        Ok(Target {
            base,
            model: (!model.is_empty()).then_some(model),
            key_env,
            key_required,
        })
    }

    /// True where OpenAI's own limits hold.
    pub fn is_openai(&self) -> bool {
        self.base.host_str() == Some("api.openai.com")
    }
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
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_model_and_path() {
        for (typed, base, model) in [
            ("http://h:8000/v1#m", "http://h:8000/v1", Some("m")),
            ("http://h:8000", "http://h:8000/v1", None),
            ("http://h:8000/#", "http://h:8000/v1", None),
            (
                "https://h/api/v1/#a/b:c%20d%2f%e6%b1%89",
                "https://h/api/v1",
                Some("a/b:c d/汉"),
            ),
            (
                "http://h/v1/chat/completions#50%",
                "http://h/v1",
                Some("50%"),
            ),
            (
                "http://[::1]:1/x?api-version=2#m",
                "http://[::1]:1/x?api-version=2",
                Some("m"),
            ),
        ] {
            let target = Target::parse(typed, None).expect(typed);
            assert_eq!(target.base.as_str(), base);
            assert_eq!(target.model.as_deref(), model);
            assert_eq!(target.key_env, DEFAULT_KEY_ENV);
        }
    }

    #[test]
    fn openai_has_its_own_address_and_variable() {
        let target = Target::parse("openai:gpt-4.1", None).expect("a target");
        assert_eq!(target.base.as_str(), "https://api.openai.com/v1");
        assert_eq!(target.model.as_deref(), Some("gpt-4.1"));
        assert_eq!(target.key_env, "OPENAI_API_KEY");
        assert!(target.is_openai() && target.key_required);
        let own = Target::parse("openai:gpt-4.1", Some("MY_KEY")).expect("a target");
        assert_eq!(own.key_env, "MY_KEY");
    }

    #[test]
    fn a_key_in_the_wrong_place_is_refused_and_not_repeated() {
        for typed in [
            "http://user:hunter2-secret@h/v1#m",
            "https://hunter2-secret@h/v1",
            "https://h/v1?api_key=hunter2-secret#m",
            "http://user:hunter2-secret@ho st/v1",
            "hunter2-secret",
            "openai:",
            "http://h/v1#%ffhunter2-secret",
        ] {
            let complaint = Target::parse(typed, None).expect_err(typed);
            let told = format!("{complaint:#} {complaint:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
