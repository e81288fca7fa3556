//! Named providers over the network, on loopback: address, key, headers, fields.

use crate::server::{Seen, Server};
use crate::{ask, run};
use depthfinder::endpoint::Endpoint;
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::endpoint::http::Secret;
use depthfinder::reply::{Failure, Reply};
use depthfinder::rope::Rope;
use serde_json::{Value, json};
use std::sync::Arc;

/// A variable that is set wherever the tests run, and its value in place of a key.
const KEY_ENV: &str = "CARGO_PKG_NAME";
const KEY: &str = "depthfinder";

/// A server that answers questions with this and knows of no models.
fn answering(body: &'static str) -> Server {
    Server::start(move |connection| {
        if connection.seen.head.starts_with("GET") {
            connection.answer("404 Not Found", "application/json", "{\"error\":{}}");
        } else {
            connection.begin_stream();
            connection.write(body);
        }
    })
}

fn options(target: &str, server: &Server) -> ConnectOptions {
    ConnectOptions {
        target: target.to_owned(),
        api_key_env: Some(KEY_ENV.to_owned()),
        base_url: Some(format!("http://{}", server.address)),
        params: vec![("top_k".to_owned(), json!(1))],
        ..ConnectOptions::default()
    }
}

/// Asks one question; returns the endpoint, the outcome and the last request.
fn asked(
    options: ConnectOptions,
    server: &Server,
) -> (Arc<dyn Endpoint>, Result<Reply, Failure>, Seen) {
    let endpoint = run(connect(options)).expect("a connection");
    let outcome = run(endpoint.ask(&ask(Rope::of("What is it?"))));
    let seen = server.seen().pop().expect("a request");
    (endpoint, outcome, seen)
}

fn path(seen: &Seen) -> &str {
    seen.head.split(' ').nth(1).expect("a path")
}

#[test]
fn anthropic_is_asked_with_its_key_and_version_at_another_address_too() {
    let server = answering(crate::cassette!("anthropic", "stream"));
    let (endpoint, outcome, seen) = asked(options("anthropic:claude", &server), &server);
    assert_eq!(outcome.expect("an answer").usage.prompt_tokens, Some(4108));
    assert_eq!(path(&seen), "/v1/messages");
    assert_eq!(seen.header("x-api-key"), Some(KEY));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(
        (&body["top_k"], &body["max_tokens"]),
        (&json!(1), &json!(64))
    );
    let served = endpoint.served();
    assert_eq!(
        (served.model.as_str(), served.dialect.as_str()),
        ("claude", "anthropic")
    );
    let told = format!("asked at {}, as --base-url says", server.address);
    assert_eq!(served.details, [told]);
    let first = &server.seen()[0];
    assert_eq!(
        (path(first), first.header("anthropic-version")),
        ("/v1/models/claude", Some("2023-06-01"))
    );
    let mut newer = options("anthropic:claude", &server);
    newer.headers = vec![("anthropic-version".to_owned(), Secret::new("2026-10-21"))];
    let (_, _, seen) = asked(newer, &server);
    let versions = seen
        .head
        .to_lowercase()
        .matches("anthropic-version:")
        .count();
    assert_eq!(
        (seen.header("anthropic-version"), versions),
        (Some("2026-10-21"), 1)
    );
}

#[test]
fn gemini_is_asked_by_path_and_query_with_its_key_in_a_header() {
    let server = answering(crate::cassette!("gemini", "stream"));
    let (endpoint, outcome, seen) = asked(options("gemini:gemini-2.5-flash", &server), &server);
    assert_eq!(outcome.expect("an answer").usage.prompt_tokens, Some(4108));
    let expected = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
    assert_eq!(path(&seen), expected);
    assert_eq!(seen.header("x-goog-api-key"), Some(KEY));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(endpoint.served().dialect, "gemini");
}

#[test]
fn azure_is_asked_by_deployment_with_the_version_in_every_query() {
    let server = answering(crate::cassette!("azure", "stream"));
    let mut typed = options("azure:my-gpt", &server);
    typed.base_url = Some(format!(
        "http://{}/?api-version=2025-04-01-preview",
        server.address
    ));
    let (endpoint, outcome, seen) = asked(typed, &server);
    assert_eq!(outcome.expect("an answer").text, "4829173");
    assert_eq!(
        path(&seen),
        "/openai/deployments/my-gpt/chat/completions?api-version=2025-04-01-preview"
    );
    assert_eq!(seen.header("api-key"), Some(KEY));
    assert_eq!(seen.header("authorization"), None);
    // A deployment is in no list of models, so none is asked for.
    assert_eq!(server.seen().len(), 1);
    assert_eq!(endpoint.served().model, "my-gpt");
    let mut newer = options("azure:my-gpt", &server);
    newer.base_url = Some(format!("http://{}/openai/v1", server.address));
    let (_, _, seen) = asked(newer, &server);
    assert_eq!(path(&seen), "/openai/v1/chat/completions");
    let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(body["model"], "my-gpt");
}

#[test]
fn responses_and_chat_go_to_the_same_address_by_different_paths() {
    let server = answering(crate::cassette!("openai-responses", "stream"));
    let (endpoint, outcome, seen) = asked(options("openai-responses:m", &server), &server);
    assert_eq!(outcome.expect("an answer").usage.prompt_tokens, Some(4108));
    assert_eq!(path(&seen), "/v1/responses");
    let bearer = format!("Bearer {KEY}");
    assert_eq!(seen.header("authorization"), Some(bearer.as_str()));
    assert_eq!(endpoint.served().dialect, "openai-responses");
    let server = answering(crate::cassette!("azure", "stream"));
    let (endpoint, outcome, seen) = asked(options("openai:m", &server), &server);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(path(&seen), "/v1/chat/completions");
    assert_eq!(endpoint.served().dialect, "openai-chat");
}

#[test]
fn a_refused_temperature_is_left_out_and_told() {
    let server = Server::start(|connection| {
        if connection.seen.head.starts_with("GET") {
            return connection.answer("404 Not Found", "application/json", "{}");
        }
        connection.read_rest();
        let body = String::from_utf8_lossy(&connection.seen.body).into_owned();
        let (status, body) = match body.contains("temperature") {
            true => (
                "400 Bad Request",
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"temperature: Extra inputs are not permitted"}}"#,
            ),
            false => ("200 OK", crate::cassette!("anthropic", "whole")),
        };
        connection.write(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ));
    });
    let (endpoint, outcome, _) = asked(options("anthropic:m", &server), &server);
    assert_eq!(outcome.expect("an answer").text, "4829173");
    let told = endpoint.adaptations();
    assert!(
        told.len() == 1 && told[0].contains("temperature"),
        "{told:?}"
    );
}

#[test]
fn no_key_is_told_whatever_a_provider_echoes() {
    for target in ["anthropic:m", "gemini:m", "azure:m", "openai-responses:m"] {
        for status in ["400 No", "401 No", "429 No", "500 No", "200 OK"] {
            let server = Server::start(move |connection| {
                connection.read_rest();
                let body = format!(
                    "{{\"type\":\"error\",\"error\":{{\"type\":\"overloaded_error\",\"message\":\"bad key {KEY}\",\"code\":\"{KEY}\"}}}}"
                );
                connection.write(format!(
                    "HTTP/1.1 {status}\r\nRequest-Id: {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                ));
            });
            let told = match run(connect(options(target, &server))) {
                // Not `{:?}`: a backtrace names this crate, whose name is the key here.
                Err(error) => format!("{error:#}"),
                Ok(endpoint) => {
                    let outcome = run(endpoint.ask(&ask(Rope::of("q"))));
                    format!("{outcome:?} {:?}", endpoint.served())
                }
            };
            assert!(!told.contains(KEY), "{target} {status}: {told}");
        }
    }
}
