//! Each software tells its window and its limits in a place of its own. Bodies are written after
//! the sources of vllm 0.33.0, sglang 0.5.23 and litellm 1.109.1, the documentation of LM Studio
//! and an answer of text-generation-inference 3.2.1.

use crate::canned::Canned;
use crate::{ask, run};
use depthfinder::endpoint::discover::{discover, fits, know_host, needed_params, service};
use depthfinder::endpoint::openai::OpenAi;
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::{Endpoint, Served};
use serde_json::json;
use std::sync::Arc;

fn models(entry: &str) -> Canned {
    Canned::new().on(
        "GET /models",
        200,
        format!(r#"{{"object":"list","data":[{entry}]}}"#),
    )
}

fn found(wire: &Canned) -> Served {
    run(discover(wire, Some("m"))).expect("served")
}

#[test]
fn vllm_tells_its_version_and_where_its_weights_are_from() {
    let wire = models(
        r#"{"id":"m","object":"model","created":1,"owned_by":"vllm","root":"Qwen/Qwen3-8B-FP8","parent":null,"max_model_len":32768}"#,
    )
    .on("GET ^/version", 200, r#"{"version":"0.33.0"}"#);
    let served = found(&wire);
    assert_eq!(served.software.as_deref(), Some("vllm"));
    assert_eq!(served.window_tokens, Some(32_768));
    assert!(served.tokenize);
    assert_eq!(served.body_limit_bytes, None);
    assert_eq!(
        served.details,
        ["vLLM 0.33.0", "weights: Qwen/Qwen3-8B-FP8"]
    );
    assert_eq!(wire.lines(), ["GET /models", "GET ^/version"]);
}

#[test]
fn sglang_tells_its_cache_and_whether_it_cuts_and_none_of_its_keys() {
    let entry = r#"{"id":"m","object":"model","created":1,"owned_by":"sglang","root":"m","max_model_len":131072}"#;
    let info = r#"{"version":"0.5.23","api_key":"sk-secret-0123456789","quantization":"fp8","kv_cache_dtype":"auto","max_total_num_tokens":65536,"max_req_input_len":65531,"allow_auto_truncate":true}"#;
    let model = r#"{"model_path":"meta/m","tokenizer_path":"meta/m","weight_version":"default"}"#;
    for (server, weights) in [
        ("GET ^/server_info", "GET ^/model_info"),
        ("GET ^/get_server_info", "GET ^/get_model_info"),
    ] {
        let wire = models(entry).on(server, 200, info).on(weights, 200, model);
        let served = found(&wire);
        assert_eq!(served.window_tokens, Some(65_536));
        assert_eq!(
            served.details,
            [
                "SGLang 0.5.23",
                "weights: meta/m",
                "weight version default",
                "quantization fp8",
                "KV cache type auto",
                "its KV cache holds 65,536 tokens",
                "allow_auto_truncate is on: a prompt that does not fit loses its end without an \
                 error",
            ]
        );
        assert_eq!(fits(&served, 65_536), Ok(()));
        let told = fits(&served, 65_537).expect_err("it would be cut");
        assert!(told.contains("--allow-auto-truncate"), "{told}");
    }
    let honest = info.replace("true", "false").replace("65536", "200000");
    let served = found(&models(entry).on("GET ^/server_info", 200, honest));
    assert_eq!(served.window_tokens, Some(131_072));
    assert_eq!(fits(&served, 1 << 30), Ok(()));
    let silent = found(&models(entry));
    assert_eq!(silent.window_tokens, Some(131_072));
    assert!(silent.details.is_empty());
}

#[test]
fn text_generation_inference_is_known_by_what_it_says_of_itself() {
    let entry = r#"{"id":"m","object":"model","created":0,"owned_by":"m"}"#;
    let info = r#"{"model_id":"mistralai/Ministral-8B-Instruct-2410","model_sha":"48","max_concurrent_requests":128,"max_input_tokens":32767,"max_total_tokens":32768,"validation_workers":2,"router":"text-generation-router","version":"3.2.1"}"#;
    let wire = models(entry).on("GET ^/info", 200, info);
    let served = found(&wire);
    assert_eq!(served.software.as_deref(), Some("tgi"));
    assert_eq!(served.window_tokens, Some(32_768));
    assert_eq!(served.body_limit_bytes, Some(2_000_000));
    assert_eq!(
        served.details,
        [
            "text-generation-inference 3.2.1",
            "weights: mistralai/Ministral-8B-Instruct-2410",
            "prompt at most 32,767 tokens",
        ]
    );
    let old = info
        .replace("max_input_tokens", "max_input_length")
        .replace("\"router\"", "\"payload_limit\":8000000,\"router\"");
    // It needs no list of models to be known.
    let served = found(&Canned::new().on("GET ^/info", 200, old));
    assert_eq!(served.software.as_deref(), Some("tgi"));
    assert_eq!(served.body_limit_bytes, Some(8_000_000));
}

#[test]
fn lm_studio_tells_what_is_loaded_in_both_of_its_own_lists() {
    let entry = r#"{"id":"m","object":"model","owned_by":"organization_owner"}"#;
    let older = r#"{"data":[{"id":"x","max_context_length":1},{"id":"m","type":"llm","quantization":"Q4_K_M","state":"loaded","max_context_length":131072,"loaded_context_length":4096}]}"#;
    let newer = r#"{"models":[{"type":"llm","key":"x","loaded_instances":[],"max_context_length":1},{"type":"llm","key":"m","quantization":{"name":"Q4_K_M","bits_per_weight":4},"loaded_instances":[{"id":"m","config":{"context_length":4096}},{"id":"m:2","config":{"context_length":8192}}],"max_context_length":131072}]}"#;
    for (path, list) in [
        ("GET ^/api/v0/models", older),
        ("GET ^/api/v1/models", newer),
    ] {
        let served = found(&models(entry).on(path, 200, list));
        assert_eq!(served.software.as_deref(), Some("lm-studio"), "{path}");
        assert_eq!(served.window_tokens, Some(4096), "{path}");
        assert_eq!(served.trained_window_tokens, Some(131_072), "{path}");
        assert_eq!(
            served.details,
            [
                "quantization Q4_K_M",
                "loaded with a context of 4,096 tokens"
            ],
            "{path}"
        );
    }
    let second = r#"{"id":"m:2","object":"model","owned_by":"organization_owner"}"#;
    let wire = models(second).on("GET ^/api/v1/models", 200, newer);
    let served = run(discover(&wire, Some("m:2"))).expect("served");
    assert_eq!(served.window_tokens, Some(8192));
    let asleep = older.replace(",\"loaded_context_length\":4096", "");
    let served = found(&models(entry).on("GET ^/api/v0/models", 200, asleep));
    assert_eq!(served.window_tokens, None);
    assert!(served.details[1].starts_with("not loaded"));
}

#[test]
fn litellm_is_known_by_header_or_by_its_moment_of_creation() {
    let entry = r#"{"id":"m","object":"model","created":1677610602,"owned_by":"openai"}"#;
    let info = r#"{"data":[
      {"model_name":"other","litellm_params":{"model":"openai/x"},"model_info":{"max_input_tokens":1}},
      {"model_name":"m","litellm_params":{"model":"hosted_vllm/qwen","api_base":"http://10.0.0.7:8000","api_key":"sk-0123456789"},"model_info":{"id":"1","max_input_tokens":131072,"max_output_tokens":8192}},
      {"model_name":"m","litellm_params":{"model":"together_ai/qwen"},"model_info":{"id":"2","max_input_tokens":32768,"max_output_tokens":null}}]}"#;
    let by_time = models(entry).on("GET ^/model/info", 200, info);
    let by_header = Canned::new()
        .on_with(
            "GET /models",
            200,
            &[("x-litellm-version", "1.109.1")],
            r#"{"data":[{"id":"m","created":5,"owned_by":"vllm"}]}"#,
        )
        .on("GET ^/model/info", 200, info);
    for wire in [by_time, by_header] {
        let served = found(&wire);
        assert_eq!(served.software.as_deref(), Some("litellm"));
        assert_eq!(served.window_tokens, Some(32_768));
        assert_eq!(served.output_limit_tokens, Some(8192));
        assert!(!served.tokenize);
        assert_eq!(
            served.details,
            ["relays to hosted_vllm/qwen", "relays to together_ai/qwen"]
        );
    }
    // A model of OpenAI's own has that moment too.
    let served = found(&models(entry));
    assert_eq!((served.software, served.details.len()), (None, 0));
}

#[test]
fn a_relay_names_who_answered_in_its_headers() {
    let wire = Canned::new().on_with(
        "POST /chat/completions",
        200,
        &[
            ("x-litellm-model-name", "together_ai/qwen"),
            ("x-litellm-call-id", "c-1"),
        ],
        r#"{"id":"1","choices":[{"message":{"content":"42"},"finish_reason":"stop"}]}"#,
    );
    let dialect = Box::new(OpenAi::default());
    let endpoint = Speaker::new(Arc::new(wire), dialect, Served::default());
    let reply = run(endpoint.ask(&ask("q"))).expect("an answer");
    assert_eq!(reply.provider.as_deref(), Some("together_ai/qwen"));
    assert_eq!(reply.request_id.as_deref(), Some("c-1"));
}

#[test]
fn llama_server_tells_its_build_its_slots_and_its_file() {
    let props = include_str!("../cassettes/llama-server/props.response.txt");
    let list = include_str!("../cassettes/llama-server/models.response.txt");
    let wire = Canned::new()
        .on("GET /models", 200, list)
        .on("GET ^/props", 200, props);
    let served = run(discover(&wire, None)).expect("served");
    assert_eq!(served.window_tokens, Some(8192));
    assert!(served.details[0].starts_with("build b1-"), "{served:?}");
    assert!(served.details[1].starts_with("slots "), "{served:?}");
}

#[test]
fn a_small_body_limit_is_known_where_it_is_fixed() {
    let served = found(&models(r#"{"id":"m","owned_by":"rapid-mlx"}"#));
    assert_eq!(served.body_limit_bytes, Some(8_388_608));
}

#[test]
fn a_server_that_answers_everything_with_a_page_is_not_taken_for_anything() {
    let page = "<html><title>Welcome</title></html>";
    let mut wire = models(r#"{"id":"m","object":"model","created":1677610602,"owned_by":"me"}"#);
    for line in ["GET ^/api/version", "GET ^/info", "GET ^/model/info"] {
        wire = wire.on(line, 200, page);
    }
    let served = found(&wire);
    assert_eq!((served.software, served.window_tokens), (None, None));
    assert_eq!(wire.lines().len(), 4);
    for body in [r#"{"version":3}"#, r#"{"data":[{}]}"#, "[]", "null", "{}"] {
        let mut wire =
            models(r#"{"id":"m","object":"model","created":1677610602,"owned_by":"me"}"#);
        for line in ["GET ^/api/version", "GET ^/info", "GET ^/model/info"] {
            wire = wire.on(line, 200, body);
        }
        assert_eq!(found(&wire).software, None, "{body}");
    }
}

#[test]
fn a_service_is_known_by_its_host_and_given_what_it_needs() {
    for (host, name) in [
        ("api.openai.com", Some("openai")),
        ("openrouter.ai", Some("openrouter")),
        ("API.fireworks.ai", Some("fireworks")),
        ("api.together.xyz", Some("together")),
        ("api.x.ai", Some("xai")),
        ("notx.ai", None),
        ("fireworks.ai.example", None),
        ("localhost", None),
    ] {
        assert_eq!(service(host), name, "{host}");
    }
    let mut served = Served::default();
    know_host(&mut served, "api.fireworks.ai");
    assert_eq!(
        needed_params(&served),
        [(
            "context_length_exceeded_behavior".to_owned(),
            json!("error")
        )]
    );
    // What the server said of itself goes before its address.
    let mut relay = Served {
        software: Some("litellm".to_owned()),
        ..Served::default()
    };
    know_host(&mut relay, "api.fireworks.ai");
    assert_eq!(relay.software.as_deref(), Some("litellm"));
    assert!(needed_params(&relay).is_empty());
}
