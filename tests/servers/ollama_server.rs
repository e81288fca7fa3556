//! What an Ollama server says of itself, natively and behind OpenAI's dialect.

use crate::canned::Canned;
use crate::run;
use depthfinder::endpoint::Served;
use depthfinder::endpoint::discover::discover;
use depthfinder::endpoint::ollama;
use depthfinder::reply::Failure;
use serde_json::json;

const VERSION: &str = r#"{"version":"0.17.2"}"#;
const SHOW: &str = r#"{
  "parameters": "num_keep                       24\nnum_ctx                        8192\nstop                           \"<|eot_id|>\"",
  "details": {"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"8.0B","quantization_level":"Q4_0"},
  "model_info": {"general.architecture":"llama","llama.block_count":32,"llama.context_length":131072},
  "capabilities": ["completion"]
}"#;
const PS: &str = r#"{"models":[
  {"name":"mistral:latest","model":"mistral:latest","context_length":4096},
  {"name":"llama3.1:latest","model":"llama3.1:latest","size":5137025024,"details":{"format":"gguf"},"size_vram":5137025024,"context_length":32768}
]}"#;
const NONE_LOADED: &str = r#"{"models":[]}"#;
const TAGS: &str = r#"{"models":[{"name":"llama3.1:latest","model":"llama3.1:latest"},{"name":"qwen3:8b","model":"qwen3:8b"}]}"#;
const LOADED: &str = r#"{"model":"llama3.1","message":{"role":"assistant","content":""},"done_reason":"load","done":true}"#;

fn server() -> Canned {
    Canned::new()
        .on("GET ^/api/version", 200, VERSION)
        .on("POST ^/api/show", 200, SHOW)
        .on("GET ^/api/tags", 200, TAGS)
        .on("POST ^/api/chat", 200, LOADED)
}

#[test]
fn natively_it_declares_the_window_that_can_be_asked_for() {
    let wire = server().on("GET ^/api/ps", 200, PS);
    let served = run(ollama::discover(&wire, Some("Llama3.1"))).expect("served");
    assert_eq!(
        served,
        Served {
            model: "Llama3.1".to_owned(),
            software: Some("ollama".to_owned()),
            window_tokens: Some(131_072),
            trained_window_tokens: Some(131_072),
            details: vec![
                "Ollama 0.17.2".to_owned(),
                "weights: 8.0B, Q4_0, llama".to_owned(),
                "its Modelfile sets num_ctx 8,192".to_owned(),
                "loaded with a context of 32,768 tokens".to_owned(),
            ],
            ..Served::default()
        }
    );
    assert_eq!(wire.asked()[1].body, json!({"model": "Llama3.1"}));
}

#[test]
fn loading_asks_for_the_window_of_the_questions_and_tells_what_came_of_it() {
    let wire = server().on("GET ^/api/ps", 200, PS);
    let window = run(ollama::load(&wire, "llama3.1:latest", Some(131_072)));
    // Memory ran short.
    assert_eq!(window, Ok(Some(32_768)));
    assert_eq!(
        wire.asked()[0].body,
        json!({
            "model": "llama3.1:latest",
            "messages": [],
            "stream": false,
            "options": {"num_ctx": 131_072},
            "truncate": false,
            "shift": false,
            "keep_alive": "30m",
        })
    );
    let full = Canned::new().on(
        "POST ^/api/chat",
        500,
        r#"{"error":"model requires more system memory (8.4 GiB) than is available (5.1 GiB)"}"#,
    );
    let failure = run(ollama::load(&full, "llama3.1", None)).expect_err("no memory");
    assert!(failure.to_string().contains("8.4 GiB"), "{failure}");
}

#[test]
fn a_model_that_is_not_there_or_not_named_is_told_with_names() {
    let wire = Canned::new()
        .on("GET ^/api/version", 200, VERSION)
        .on("GET ^/api/tags", 200, TAGS)
        .on(
            "POST ^/api/show",
            404,
            r#"{"error":"model 'qwen3' not found"}"#,
        );
    let failure = run(ollama::discover(&wire, Some("qwen3"))).expect_err("no such model");
    let told = failure.to_string();
    assert!(
        told.contains("no model `qwen3`; nearest of its 2: qwen3:8b, llama3.1:latest"),
        "{told}"
    );
    let failure = run(ollama::discover(&server(), None)).expect_err("two models");
    assert!(failure.to_string().contains("2 models"), "{failure}");
    let other = Canned::new();
    let failure = run(ollama::discover(&other, Some("m"))).expect_err("another server");
    assert!(matches!(failure, Failure::NotFound { .. }));
    assert!(
        failure.to_string().contains("no Ollama server"),
        "{failure}"
    );
}

#[test]
fn behind_openais_dialect_it_is_recognised_and_declares_what_is_loaded() {
    for owner in ["library", "someone", ""] {
        let models = format!(
            r#"{{"object":"list","data":[{{"id":"llama3.1","object":"model","created":1,"owned_by":"{owner}"}}]}}"#
        );
        let wire = server()
            .on("GET /models", 200, models)
            .on("GET ^/api/ps", 200, NONE_LOADED)
            .on("GET ^/api/ps", 200, NONE_LOADED)
            .on("GET ^/api/ps", 200, PS);
        let served = run(discover(&wire, None)).expect("served");
        assert_eq!(served.software.as_deref(), Some("ollama"), "{owner}");
        assert_eq!(served.window_tokens, Some(32_768));
        assert_eq!(served.trained_window_tokens, Some(131_072));
        assert!(!served.tokenize);
        // Loaded as any question there would load it: nothing is asked for.
        let asked = wire.asked();
        let load = asked.iter().find(|asked| asked.line == "POST ^/api/chat");
        assert_eq!(
            load.expect("it was not loaded").body,
            json!({"model": "llama3.1", "messages": [], "stream": false})
        );
        let told = ollama::fits(&served, 131_136).expect_err("too small");
        assert_eq!(
            told,
            "this Ollama server has llama3.1 loaded with 32,768 tokens and would cut a prompt of \
             131,136 without a word: use ollama:llama3.1, which asks for the window it needs, or \
             start it with OLLAMA_CONTEXT_LENGTH=131136"
        );
        assert_eq!(ollama::fits(&served, 32_768), Ok(()));
    }
}

#[test]
fn a_model_computed_elsewhere_is_neither_loaded_nor_refused() {
    let show = r#"{"remote_host":"https://ollama.com:443","remote_model":"gpt-oss:120b","details":{"parameter_size":"116.8B"},"model_info":{"gptoss.context_length":131072}}"#;
    let wire = || {
        Canned::new()
            .on("GET ^/api/version", 200, VERSION)
            .on("POST ^/api/show", 200, show)
            .on("GET ^/api/ps", 200, NONE_LOADED)
            .on(
                "GET /models",
                200,
                r#"{"data":[{"id":"gpt-oss:120b-cloud","owned_by":"library"}]}"#,
            )
    };
    let behind = run(discover(&wire(), None)).expect("served");
    assert_eq!(ollama::fits(&behind, 131_072), Ok(()));
    let native = run(ollama::discover(&wire(), Some("gpt-oss:120b-cloud"))).expect("served");
    for served in [behind, native] {
        assert_eq!(served.window_tokens, Some(131_072));
        assert_eq!(
            served.details,
            [
                "Ollama 0.17.2",
                "weights: 116.8B",
                "computed at https://ollama.com:443"
            ]
        );
    }
}

#[test]
fn a_version_alone_makes_no_ollama() {
    let wire = Canned::new()
        .on(
            "GET /models",
            200,
            r#"{"data":[{"id":"m","owned_by":"me"}]}"#,
        )
        .on(
            "GET ^/api/version",
            200,
            r#"{"version":"0.6.5","deployment_id":""}"#,
        );
    let served = run(discover(&wire, None)).expect("served");
    assert_eq!(served.software, None);
    assert!(wire.lines().iter().all(|line| !line.starts_with("POST")));
}

#[test]
fn only_an_ollama_behind_openais_dialect_is_refused() {
    let served = |software: &str, dialect: &str| Served {
        model: "m".to_owned(),
        software: Some(software.to_owned()),
        dialect: dialect.to_owned(),
        ..Served::default()
    };
    assert!(ollama::fits(&served("vllm", "openai-chat"), 1 << 20).is_ok());
    assert!(ollama::fits(&served("ollama", "ollama"), 1 << 20).is_ok());
    assert!(ollama::fits(&Served::default(), 1 << 20).is_ok());
    // It keeps silent of its context: the smallest default holds.
    let silent = served("ollama", "openai-chat");
    assert!(ollama::fits(&silent, 4096).is_ok());
    let told = ollama::fits(&silent, 4097).expect_err("too small");
    assert!(told.contains("by default 4,096"), "{told}");
}
