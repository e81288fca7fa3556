//! The response headers that tell who answers: a short list of names, and nothing that is not on it.

use crate::endpoint::wire::Response;
use std::collections::BTreeMap;

/// Kept as they are: names and versions of software, regions and hosts.
const KEPT: &[&str] = &[
    "server",
    "via",
    "x-powered-by",
    "openai-version",
    "openai-model",
    "x-ms-region",
    "x-groq-region",
    "x-served-by",
    "x-replica",
    "x-backend-server",
    "x-litellm-version",
    "x-litellm-model-name",
    "x-litellm-model-group",
    "x-litellm-attempted-fallbacks",
    "fireworks-backend-host",
    "fireworks-deployment",
];

/// Their value is another with each request, or names an account: that they are there is what
/// tells, so that is all that is kept.
const NOTED: &[&str] = &[
    "anthropic-organization-id",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-tokens-limit",
    "openai-organization",
    "openai-processing-ms",
    "x-ratelimit-limit-tokens",
    "fireworks-server-time-to-first-token",
    "fireworks-prompt-tokens",
    "x-generation-id",
    "x-amzn-requestid",
    "x-amz-cf-id",
    "apim-request-id",
    "azureml-model-session",
    "x-vercel-id",
    "fly-request-id",
    "cf-ray",
];

/// What stands for a value that is not kept.
pub const PRESENT: &str = "present";

/// Longest value that is kept, in characters.
const LONGEST_CHARS: usize = 120;

/// The identifying headers of a response, by name.
pub fn of(response: &Response) -> BTreeMap<String, String> {
    let kept = KEPT.iter().filter_map(|name| {
        let value = response.header(name)?.trim();
        let value = value.chars().filter(|c| !c.is_control());
        Some((*name, value.take(LONGEST_CHARS).collect::<String>()))
    });
    let noted = NOTED
        .iter()
        .filter(|name| response.header(name).is_some())
        .map(|name| (*name, PRESENT.to_owned()));
    kept.chain(noted)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    #[test]
    fn only_listed_headers_are_kept_and_accounts_and_cookies_never() {
        let headers = [
            ("server", "llama.cpp"),
            ("set-cookie", "session=secret"),
            ("authorization", "Bearer secret"),
            ("x-api-key", "secret"),
            ("openai-organization", "acme-secret"),
            ("cf-ray", "8f00-FRA"),
            ("x-powered-by", ""),
        ];
        let response = Response {
            status: 200,
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            uploaded_ms: None,
            headers_ms: 0.0,
            began: std::time::Instant::now(),
            chunks: futures_util::stream::empty().boxed(),
        };
        let marks = of(&response);
        let expected = [
            ("cf-ray", PRESENT),
            ("openai-organization", PRESENT),
            ("server", "llama.cpp"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(marks, BTreeMap::from(expected));
        assert!(!format!("{marks:?}").contains("secret"));
    }
}
