//! Recorded and documented lists of models.

use super::*;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use std::sync::Mutex;

/// A server of fixed answers that notes what it was asked.
struct Canned {
    headers: Vec<(String, String)>,
    answers: Vec<(&'static str, u16, String)>,
    asked: Mutex<Vec<String>>,
}

fn canned(answers: &[(&'static str, u16, &str)]) -> Canned {
    let answers = answers
        .iter()
        .map(|(path, status, body)| (*path, *status, (*body).to_owned()));
    Canned {
        headers: Vec::new(),
        answers: answers.collect(),
        asked: Mutex::default(),
    }
}

impl Wire for Canned {
    fn send<'a>(&'a self, request: Request) -> BoxFuture<'a, Result<Response, Failure>> {
        self.asked
            .lock()
            .expect("unpoisoned")
            .push(request.path.clone());
        let answer = self.answers.iter().find(|(path, ..)| *path == request.path);
        let (status, body) = match answer {
            Some((_, status, body)) => (*status, body.clone()),
            None => (404, "404 page not found".to_owned()),
        };
        let response = Response {
            status,
            headers: self.headers.clone(),
            uploaded_ms: None,
            headers_ms: 0.0,
            began: std::time::Instant::now(),
            chunks: stream::iter([Ok(Bytes::from(body))]).boxed(),
        };
        Box::pin(async { Ok(response) })
    }
}

fn found(wire: &Canned, model: Option<&str>) -> Result<Served, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(discover(wire, model))
}

const LLAMA_MODELS: &str =
    include_str!("../../../tests/cassettes/llama-server/models.response.txt");
const LLAMA_PROPS: &str = include_str!("../../../tests/cassettes/llama-server/props.response.txt");

#[test]
fn llama_server_is_recognised_and_its_slot_window_is_believed() {
    let props = LLAMA_PROPS.replace("\"n_ctx\":8192}", "\"n_ctx\":2048}");
    assert_ne!(props, LLAMA_PROPS);
    let wire = canned(&[("/models", 200, LLAMA_MODELS), ("/props", 200, &props)]);
    assert_eq!(
        found(&wire, None).expect("one model"),
        Served {
            model: "models/.gguf".to_owned(),
            software: Some("llama-server".to_owned()),
            window_tokens: Some(2048),
            trained_window_tokens: Some(8192),
            tokenize: true,
            details: vec![
                "build b1-7e4c0a9".to_owned(),
                "slots 1".to_owned(),
                "weights: .gguf".to_owned(),
            ],
            ..Served::default()
        }
    );
    assert_eq!(
        *wire.asked.lock().expect("unpoisoned"),
        ["/models", "/props"]
    );
    let hidden = canned(&[("/models", 200, LLAMA_MODELS)]);
    assert_eq!(
        found(&hidden, None).expect("one model").window_tokens,
        Some(8192)
    );
}

#[test]
fn windows_are_read_under_every_name() {
    for (entry, software, window, trained) in [
        (
            r#"{"id":"m","owned_by":"vllm","max_model_len":32768}"#,
            Some("vllm"),
            Some(32_768),
            None,
        ),
        (
            r#"{"id":"m","owned_by":"sglang","max_model_len":4096}"#,
            Some("sglang"),
            Some(4096),
            None,
        ),
        (
            r#"{"id":"m","owned_by":"depthfinder-sim","max_model_len":128000}"#,
            Some("sim"),
            Some(128_000),
            None,
        ),
        (
            r#"{"id":"m","context_length":131072}"#,
            None,
            Some(131_072),
            None,
        ),
        (
            r#"{"id":"m","context_window":8192}"#,
            None,
            Some(8192),
            None,
        ),
        (
            r#"{"id":"m","max_context_length":32768}"#,
            None,
            Some(32_768),
            None,
        ),
        (
            r#"{"id":"m","max_context_length":32768,"loaded_context_length":4096,"owned_by":"organization_owner"}"#,
            Some("lm-studio"),
            Some(4096),
            Some(32_768),
        ),
        (r#"{"id":"m","owned_by":"openai"}"#, None, None, None),
    ] {
        let wire = canned(&[("/models", 200, &format!(r#"{{"data":[{entry}]}}"#))]);
        let served = found(&wire, None).expect(entry);
        assert_eq!(served.software.as_deref(), software, "{entry}");
        assert_eq!(
            (served.window_tokens, served.trained_window_tokens),
            (window, trained),
            "{entry}"
        );
        let asked = wire.asked.lock().expect("unpoisoned");
        assert_eq!(asked[0], "/models", "{entry}");
        assert!(asked.len() <= 5, "{asked:?}");
    }
}

#[test]
fn a_relay_is_not_taken_for_what_stands_behind_it() {
    let mut wire = canned(&[("/models", 200, LLAMA_MODELS)]);
    wire.headers = vec![("x-litellm-version".to_owned(), "1".to_owned())];
    let served = found(&wire, None).expect("one model");
    assert_eq!(
        (served.software.as_deref(), served.tokenize),
        (Some("litellm"), false)
    );
}

#[test]
fn several_models_are_listed_and_the_nearest_names_come_first() {
    let entries: Vec<String> = (0..12)
        .map(|n| format!(r#"{{"id":"org/model-{n}"}}"#))
        .collect();
    let list = format!("[{},{}]", entries.join(","), r#"{"id":"Qwen/Qwen3-8B"}"#);
    let wire = canned(&[("/models", 200, &list)]);
    let none_named = found(&wire, None).expect_err("thirteen models").to_string();
    assert!(
        none_named.contains("13 models") && none_named.ends_with("org/model-9, …"),
        "{none_named}"
    );
    let absent = found(&wire, Some("qwen3-8b"))
        .expect_err("no such name")
        .to_string();
    assert!(
        absent.contains("no model `qwen3-8b`; nearest of its 13: Qwen/Qwen3-8B, "),
        "{absent}"
    );
    assert_eq!(
        found(&wire, Some("org/model-3")).expect("listed").model,
        "org/model-3"
    );
}

#[test]
fn an_alias_is_as_good_as_a_name() {
    let wire = canned(&[(
        "/models",
        200,
        r#"{"data":[{"id":"a","aliases":["b"]},{"id":"c"}]}"#,
    )]);
    assert_eq!(found(&wire, Some("b")).expect("an alias").model, "b");
}

#[test]
fn a_server_without_a_list_needs_the_name() {
    for (status, body) in [
        (404, "no"),
        (200, "<html>"),
        (200, "{}"),
        (200, r#"{"data":[]}"#),
        (500, ""),
    ] {
        let wire = canned(&[("/models", status, body)]);
        let complaint = found(&wire, None).expect_err("no list").to_string();
        assert!(complaint.contains("name one behind a #"), "{complaint}");
        let served = found(&wire, Some("m")).expect("named");
        assert_eq!(
            served,
            Served {
                model: "m".to_owned(),
                ..Served::default()
            }
        );
    }
}

#[test]
fn a_refused_key_is_told_at_once() {
    let wire = canned(&[("/models", 401, r#"{"error":{"message":"bad key"}}"#)]);
    assert_eq!(
        found(&wire, Some("m")).expect_err("refused"),
        Failure::Unauthorized {
            said: "bad key".to_owned()
        }
    );
}
