//! What shows of a vendor through somebody else's interface: headers, ids, fingerprints.

/// A vendor's marks.
#[derive(Debug, PartialEq, Eq)]
pub struct Leak {
    /// The vendor.
    pub name: &'static str,
    /// What ids of answers begin with, where it is not as usual in the dialect.
    pub id: Option<&'static str>,
    /// `system_fingerprint` of a chat; `None` where there is none.
    pub fingerprint: Option<&'static str>,
    /// `provider` of a chat, as routers name who computed.
    pub provider: Option<&'static str>,
    /// Headers, names in lower case; a `{n}` stands for the number of the request.
    headers: &'static [(&'static str, &'static str)],
}

static ANTHROPIC: Leak = Leak {
    name: "anthropic",
    id: Some("msg_"),
    fingerprint: None,
    provider: None,
    headers: &[
        ("request-id", "req_011CSHoEeqs5C35K2UUqR{n}"),
        (
            "anthropic-organization-id",
            "7a1b0c1e-0000-4000-8000-000000000000",
        ),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
        ("server", "cloudflare"),
    ],
};

static OPENAI: Leak = Leak {
    name: "openai",
    id: Some("chatcmpl-"),
    fingerprint: Some("fp_44709d6fcb"),
    provider: None,
    headers: &[
        ("openai-organization", "user-sim"),
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", "req_{n}"),
        ("server", "cloudflare"),
    ],
};

static OPENROUTER: Leak = Leak {
    name: "openrouter",
    id: Some("gen-"),
    fingerprint: None,
    provider: Some("Sim"),
    headers: &[("server", "cloudflare")],
};

static VLLM: Leak = Leak {
    name: "vllm",
    id: Some("chatcmpl-"),
    fingerprint: Some("vllm-0.11.0-tp1"),
    provider: None,
    headers: &[("server", "uvicorn")],
};

static OLLAMA: Leak = Leak {
    name: "ollama",
    id: None,
    fingerprint: Some("fp_ollama"),
    provider: None,
    headers: &[],
};

/// All of them.
pub const LEAKS: &[&Leak] = &[&ANTHROPIC, &OPENAI, &OPENROUTER, &VLLM, &OLLAMA];

impl Leak {
    /// The headers of a request of this number.
    pub fn headers(&self, request: u64) -> impl Iterator<Item = (String, String)> {
        let number = request.to_string();
        self.headers
            .iter()
            .map(move |(name, value)| ((*name).to_owned(), value.replace("{n}", &number)))
    }
}
