//! Targets as people type them, and the variables that they set.

use super::*;

fn parse(typed: &str) -> anyhow::Result<Target> {
    Target::parse(typed, None, None, &|_| None)
}

/// With these variables set.
fn with(typed: &str, base_url: Option<&str>, set: &[(&str, &str)]) -> anyhow::Result<Target> {
    Target::parse(typed, None, base_url, &|name| {
        let found = set.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

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
        let target = parse(typed).expect(typed);
        assert_eq!(target.base.as_str(), base);
        assert_eq!(target.model.as_deref(), model);
        assert_eq!(target.key_envs, [DEFAULT_KEY_ENV]);
        assert_eq!(target.provider, Provider::Compatible);
    }
}

#[test]
fn each_provider_has_its_own_address_variable_and_header() {
    for (typed, base, key_envs, header) in [
        (
            "openai:gpt-4.1",
            "https://api.openai.com/v1",
            &["OPENAI_API_KEY"][..],
            None,
        ),
        (
            "openai-responses:gpt-4.1",
            "https://api.openai.com/v1",
            &["OPENAI_API_KEY"],
            None,
        ),
        (
            "anthropic:claude",
            "https://api.anthropic.com/v1",
            &["ANTHROPIC_API_KEY"],
            Some("x-api-key"),
        ),
        (
            "gemini:gemini-2.5-pro",
            "https://generativelanguage.googleapis.com/v1beta",
            &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            Some("x-goog-api-key"),
        ),
        (
            "openrouter:a/b:free",
            "https://openrouter.ai/api/v1",
            &["OPENROUTER_API_KEY"],
            None,
        ),
        ("ollama:qwen3:4b", "http://127.0.0.1:11434/", &[], None),
    ] {
        let target = parse(typed).expect(typed);
        assert_eq!(target.base.as_str(), base);
        assert_eq!(
            target.model.as_deref(),
            typed.split_once(':').map(|(_, model)| model)
        );
        assert_eq!(target.key_envs, key_envs, "{typed}");
        assert_eq!(target.key_header(), header, "{typed}");
        assert_eq!(target.key_required, !key_envs.is_empty(), "{typed}");
        assert!(target.is_own() && target.base_from.is_none(), "{typed}");
        let own = Target::parse(typed, Some("MY_KEY"), None, &|_| None).expect(typed);
        assert_eq!(own.key_envs, ["MY_KEY"]);
        assert!(own.key_required);
    }
    assert!(parse("openai:gpt-4.1").expect("a target").is_openai());
}

#[test]
fn another_address_is_taken_with_and_without_the_tail_of_its_path() {
    for (typed, url, base) in [
        ("openai:m", "http://h:1", "http://h:1/v1"),
        ("openai:m", "http://h:1/v1/", "http://h:1/v1"),
        (
            "openai:m",
            "http://h:1/v1/chat/completions",
            "http://h:1/v1",
        ),
        (
            "openai-responses:m",
            "http://h:1/v1/responses",
            "http://h:1/v1",
        ),
        ("anthropic:m", "http://h:1", "http://h:1/v1"),
        ("anthropic:m", "http://h:1/v1", "http://h:1/v1"),
        ("anthropic:m", "http://h:1/v1/messages", "http://h:1/v1"),
        (
            "anthropic:m",
            "http://h:1/anthropic/",
            "http://h:1/anthropic/v1",
        ),
        ("gemini:m", "http://h:1", "http://h:1/v1beta"),
        ("gemini:m", "http://h:1/v1beta/", "http://h:1/v1beta"),
        ("ollama:m", "http://h:1/", "http://h:1/"),
    ] {
        let target = with(typed, Some(url), &[]).expect(typed);
        assert_eq!(target.base.as_str(), base, "{typed} {url}");
        assert_eq!(target.base_from.as_deref(), Some("--base-url"));
        assert!(!target.key_required && !target.is_own(), "{typed} {url}");
    }
    let set = [
        ("OPENAI_BASE_URL", "http://o/v1"),
        ("ANTHROPIC_BASE_URL", "http://a"),
        ("GOOGLE_GEMINI_BASE_URL", "  "),
    ];
    for (typed, url, base, from) in [
        ("openai:m", None, "http://o/v1", Some("OPENAI_BASE_URL")),
        (
            "openai-responses:m",
            None,
            "http://o/v1",
            Some("OPENAI_BASE_URL"),
        ),
        (
            "anthropic:m",
            None,
            "http://a/v1",
            Some("ANTHROPIC_BASE_URL"),
        ),
        (
            "anthropic:m",
            Some("http://b"),
            "http://b/v1",
            Some("--base-url"),
        ),
        (
            "gemini:m",
            None,
            "https://generativelanguage.googleapis.com/v1beta",
            None,
        ),
    ] {
        let target = with(typed, url, &set).expect(typed);
        assert_eq!(target.base.as_str(), base);
        assert_eq!(target.base_from.as_deref(), from);
    }
    let twice = with("http://h/v1#m", Some("http://b"), &[]).expect_err("two addresses");
    assert!(twice.to_string().contains("address already"), "{twice}");
}

#[test]
fn ollamas_host_is_read_as_its_own_tools_read_it() {
    for (host, base) in [
        ("h", "http://h:11434/"),
        ("h:80", "http://h/"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000/"),
        ("[::]", "http://127.0.0.1:11434/"),
        ("https://h/ollama/", "https://h/ollama"),
    ] {
        let target = with("ollama:m", None, &[("OLLAMA_HOST", host)]).expect(host);
        assert_eq!(target.base.as_str(), base, "{host}");
    }
}

#[test]
fn azure_is_asked_by_deployment_with_a_version_or_by_its_newer_address() {
    let endpoint = ("AZURE_OPENAI_ENDPOINT", "https://n.openai.azure.com/");
    let deployment = "https://n.openai.azure.com/openai/deployments/my%20d?api-version=";
    for (set, base) in [
        (vec![endpoint], format!("{deployment}{AZURE_VERSION}")),
        (
            vec![endpoint, ("AZURE_OPENAI_API_VERSION", "2025-04-01-preview")],
            format!("{deployment}2025-04-01-preview"),
        ),
        (
            vec![endpoint, ("OPENAI_API_VERSION", "2025-01-01")],
            format!("{deployment}2025-01-01"),
        ),
        (
            vec![endpoint, ("AZURE_OPENAI_API_VERSION", "v1")],
            "https://n.openai.azure.com/openai/v1".to_owned(),
        ),
        (
            vec![(
                "AZURE_OPENAI_ENDPOINT",
                "https://n.openai.azure.com/openai/v1/",
            )],
            "https://n.openai.azure.com/openai/v1".to_owned(),
        ),
        (
            vec![(
                "AZURE_OPENAI_ENDPOINT",
                "https://n.openai.azure.com/openai?api-version=7",
            )],
            format!("{deployment}7"),
        ),
    ] {
        let target = with("azure:my d", None, &set).expect("a target");
        assert_eq!(target.base.as_str(), base);
        assert_eq!(target.key_header(), Some("api-key"));
        assert_eq!(target.key_envs, ["AZURE_OPENAI_API_KEY"]);
        assert!(target.key_required);
    }
    let nowhere = parse("azure:d").expect_err("no address").to_string();
    assert!(nowhere.contains("AZURE_OPENAI_ENDPOINT"), "{nowhere}");
}

#[test]
fn providers_that_are_not_covered_are_named_as_such_with_a_way_out() {
    for typed in ["bedrock:anthropic.claude", "vertex:gemini-2.5-pro"] {
        let told = parse(typed).expect_err(typed).to_string();
        let scheme = typed.split_once(':').map(|(scheme, _)| scheme);
        assert!(told.starts_with(scheme.expect("a scheme")), "{told}");
        assert!(told.contains("is not covered") && told.contains("http://host:4000/v1#MODEL"));
        assert!(!told.contains('\n'));
    }
    for scheme in ["http", "https", "openai-responses", "gemini", "bedrock"] {
        assert!(Target::knows(scheme), "{scheme}");
    }
    for scheme in ["local", "sim", "magic", ""] {
        assert!(!Target::knows(scheme), "{scheme}");
    }
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
        "gemini:",
        "http://h/v1#%ffhunter2-secret",
    ] {
        let complaint = parse(typed).expect_err(typed);
        let told = format!("{complaint:#} {complaint:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    for url in [
        "http://user:hunter2-secret@h",
        "http://h?token=hunter2-secret",
        "hunter2-secret",
        "ftp://hunter2-secret/",
    ] {
        let complaint = with("anthropic:m", Some(url), &[]).expect_err(url);
        let told = format!("{complaint:#} {complaint:?}");
        assert!(told.contains("--base-url"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
