//! OpenRouter: what a request says, what an answer gives away, and who may answer. Bodies are
//! written after its documentation and the types of its Python SDK 1.3.84.

use crate::canned::Canned;
use crate::{ask, run};
use depthfinder::endpoint::openrouter::{OpenRouter, discover};
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::{Endpoint, Served};
use depthfinder::reply::{Failure, Reply};
use serde_json::{Value, json};
use std::sync::Arc;

fn stream(last: &str) -> String {
    format!(
        ": OPENROUTER PROCESSING\n\n\
         data: {{\"id\":\"gen-1\",\"provider\":\"DeepInfra\",\"model\":\"a/b\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"42\"}},\"finish_reason\":\"stop\",\"native_finish_reason\":\"stop\"}}]}}\n\n\
         data: {{\"id\":\"gen-1\",\"provider\":\"DeepInfra\",\"model\":\"a/b\",\"choices\":[],\"usage\":{{\"prompt_tokens\":194,\"completion_tokens\":2,\"cost\":0.95,\"prompt_tokens_details\":{{\"cached_tokens\":64,\"cache_write_tokens\":100}},\"completion_tokens_details\":{{\"reasoning_tokens\":1}}}}{last}}}\n\n\
         data: [DONE]\n\n"
    )
}

fn speaker(wire: Canned, params: &[(&str, Value)]) -> (Speaker, Arc<Canned>) {
    let wire = Arc::new(wire);
    let params = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let served = Served {
        model: "a/b".to_owned(),
        ..Served::default()
    };
    let dialect = OpenRouter::new(params.collect());
    (Speaker::new(wire.clone(), Box::new(dialect), served), wire)
}

fn sent(params: &[(&str, Value)], effort: Option<&str>) -> Value {
    let wire = Canned::new().on("POST /chat/completions", 200, stream(""));
    let (endpoint, wire) = speaker(wire, params);
    let mut question = ask("q");
    question.reasoning = effort.map(str::to_owned);
    run(endpoint.ask(&question)).expect("an answer");
    let asked = wire.asked().remove(0);
    assert_eq!(
        asked.headers,
        [("X-OpenRouter-Metadata".to_owned(), "enabled".to_owned())]
    );
    asked.body
}

fn answered(last: &str) -> Result<Reply, Failure> {
    let wire = Canned::new().on("POST /chat/completions", 200, stream(last));
    run(speaker(wire, &[]).0.ask(&ask("q")))
}

#[test]
fn compression_is_turned_off_and_the_provider_may_not_change() {
    assert_eq!(
        sent(&[], None),
        json!({
            "model": "a/b",
            "messages": [{"role": "user", "content": "q"}],
            "stream": true,
            "max_tokens": 64,
            "temperature": 0,
            "plugins": [{"id": "context-compression", "enabled": false}],
            "provider": {"allow_fallbacks": false, "require_parameters": true},
        })
    );
    let body = sent(
        &[("provider", json!({"only": ["deepinfra/fp8"]}))],
        Some("low"),
    );
    assert_eq!(
        body["provider"],
        json!({"allow_fallbacks": false, "require_parameters": true, "only": ["deepinfra/fp8"]})
    );
    assert_eq!(body["reasoning"], json!({"effort": "low"}));
    assert_eq!(body.get("reasoning_effort"), None);
}

#[test]
fn the_users_plugins_keep_the_compression_off_unless_they_name_it() {
    let off = json!({"id": "context-compression", "enabled": false});
    let body = sent(&[("plugins", json!([{"id": "web"}]))], None);
    assert_eq!(body["plugins"], json!([{"id": "web"}, off]));
    let on = json!([{"id": "context-compression", "engine": "middle-out"}]);
    assert_eq!(sent(&[("plugins", on.clone())], None)["plugins"], on);
}

#[test]
fn who_answered_and_native_counts_are_read() {
    let reply = answered("").expect("an answer");
    assert_eq!(reply.provider.as_deref(), Some("DeepInfra"));
    assert_eq!(reply.usage.prompt_tokens, Some(194));
    assert_eq!(reply.usage.cached_tokens, Some(64));
    assert_eq!(reply.usage.cache_write_tokens, Some(100));
    assert_eq!(reply.cut, None);
    assert_eq!(reply.usage.told.expect("told")["cost"], 0.95);
}

#[test]
fn a_prompt_that_was_compressed_is_told_by_the_router_itself() {
    let metadata = |pipeline: Value| {
        let metadata = json!({
            "requested": "a/b", "strategy": "direct", "attempt": 1, "is_byok": false, "region": null,
            "summary": "available=2, selected=Novita",
            "endpoints": {"total": 2, "available": [
                {"provider": "DeepInfra", "model": "a/b", "selected": false},
                {"provider": "Novita", "model": "a/b", "selected": true},
            ]},
            "pipeline": pipeline,
        });
        answered(&format!(",\"openrouter_metadata\":{metadata}")).expect("an answer")
    };
    let guarded = metadata(json!([{"type": "guardrail", "name": "pii", "summary": "clean"}]));
    assert_eq!(guarded.cut, None);
    // What each event says goes before what the account of the route says.
    assert_eq!(guarded.provider.as_deref(), Some("DeepInfra"));
    let told = metadata(json!([
        {"type": "guardrail", "name": "pii"},
        {"type": "context_compression", "name": "context-compression",
         "summary": "middle-out: 160000 to 131072 tokens"},
    ]));
    assert_eq!(
        told.cut.as_deref(),
        Some("context compression: middle-out: 160000 to 131072 tokens")
    );
    let silent = metadata(json!([{"type": "context_compression"}]));
    assert_eq!(
        silent.cut.as_deref(),
        Some("context compression: no further word")
    );
}

#[test]
fn a_model_that_knows_no_temperature_is_asked_without_one() {
    let none = r#"{"error":{"message":"No endpoints found that can handle the requested parameters. To learn more about provider routing, visit: the documentation","code":404}}"#;
    let wire = Canned::new().on("POST /chat/completions", 404, none).on(
        "POST /chat/completions",
        200,
        stream(""),
    );
    let (endpoint, wire) = speaker(wire, &[]);
    run(endpoint.ask(&ask("q"))).expect("an answer");
    assert_eq!(wire.asked()[0].body["temperature"], 0);
    assert_eq!(wire.asked()[1].body.get("temperature"), None);
    assert!(endpoint.adaptations()[0].contains("temperature"));
    // It cannot be dropped twice.
    let (endpoint, wire) = speaker(Canned::new().on("POST /chat/completions", 404, none), &[]);
    let failure = run(endpoint.ask(&ask("q"))).expect_err("no provider");
    assert!(matches!(failure, Failure::NotFound { .. }), "{failure:?}");
    assert_eq!(wire.asked().len(), 2);
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_no_answer() {
    let body = "data: {\"id\":\"gen-1\",\"choices\":[{\"delta\":{\"content\":\"4\"}}]}\n\n\
         data: {\"id\":\"gen-1\",\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n";
    let wire = Canned::new().on("POST /chat/completions", 200, body);
    let failure = run(speaker(wire, &[]).0.ask(&ask("q"))).expect_err("an error");
    assert_eq!(failure.reason(), "server-error");
    assert!(failure.to_string().contains("Provider disconnected"));
}

const MODELS: &str = r#"{"data":[{"id":"a/b","canonical_slug":"a/b","name":"B","created":1,"context_length":1048576,
  "top_provider":{"context_length":32000,"max_completion_tokens":4096,"is_moderated":false}}]}"#;
const ENDPOINTS: &str = r#"{"data":{"id":"a/b","name":"B","endpoints":[
  {"name":"DeepInfra | a/b","provider_name":"DeepInfra","tag":"deepinfra/fp8","quantization":"fp8","context_length":131072,"max_prompt_tokens":null,"max_completion_tokens":16384},
  {"name":"Novita | a/b","provider_name":"Novita","tag":"novita","quantization":"unknown","context_length":32000,"max_prompt_tokens":28000,"max_completion_tokens":null}
]}}"#;

#[test]
fn the_window_is_the_providers_and_not_the_models() {
    let wire = || {
        Canned::new()
            .on("GET /models", 200, MODELS)
            .on("GET /models/a/b/endpoints", 200, ENDPOINTS)
    };
    let pins = |names: Value| vec![("provider".to_owned(), json!({ "only": names }))];
    let open = run(discover(&wire(), Some("a/b"), &[])).expect("served");
    assert_eq!(open.software.as_deref(), Some("openrouter"));
    assert_eq!(open.window_tokens, Some(131_072));
    assert_eq!(open.output_limit_tokens, Some(16_384));
    assert_eq!(
        open.details,
        [
            "provider DeepInfra (deepinfra/fp8): 131,072 tokens, output at most 16,384, fp8",
            "provider Novita (novita): 32,000 tokens, prompt at most 28,000",
            "2 providers may answer and their windows differ: pin one with --param \
             'provider={\"only\":[\"TAG\"]}'",
        ]
    );
    for (pin, window) in [
        ("novita", 32_000),
        ("DeepInfra", 131_072),
        ("deepinfra/fp8", 131_072),
    ] {
        let pinned = run(discover(&wire(), Some("a/b"), &pins(json!([pin])))).expect("served");
        assert_eq!(pinned.window_tokens, Some(window), "{pin}");
        assert_eq!(pinned.details.len(), 1, "{pin}");
    }
    let wrong = run(discover(&wire(), Some("a/b"), &pins(json!(["groq"])))).expect("served");
    assert_eq!(wrong.details, ["none of its known providers is named groq"]);
    // Without the list of providers the model's own account is left.
    let bare = Canned::new().on("GET /models", 200, MODELS);
    let served = run(discover(&bare, Some("a/b"), &[])).expect("served");
    assert_eq!(served.window_tokens, Some(1_048_576));
    assert_eq!(served.output_limit_tokens, Some(4096));
}
