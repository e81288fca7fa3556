//! Bodies, refusals and broken connections, on loopback.

use crate::server::{Connection, Server};
use crate::{COMPLETE, ask, asked, endpoint, options, run, served, short, speaker};
use bytes::Bytes;
use depthfinder::endpoint::Endpoint;
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::endpoint::http::Http;
use depthfinder::reply::{Failure, Stop};
use depthfinder::rope::{Piece, Rope};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

pub const MS: fn(u64) -> Duration = Duration::from_millis;
pub const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"42\"}}]}\n\n";
pub const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

pub fn large(megabytes: usize) -> Rope {
    let mut rope = Rope::of("before \"quoted\" ");
    let bytes = Bytes::from(vec![b'x'; megabytes * 1_000_000]);
    rope.push(Piece {
        raw: bytes.clone(),
        json: bytes,
    });
    rope.push(Piece::of(" after\n汉"));
    rope
}

pub fn stream(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Server {
    Server::start(move |connection| {
        connection.begin_stream();
        script(connection);
    })
}

#[test]
fn the_body_arrives_byte_for_byte_with_its_exact_length() {
    let server = stream(|connection| connection.write(COMPLETE));
    let rope = large(12);
    let reply = run(endpoint(options(&server)).ask(&ask(rope.clone()))).expect("an answer");
    assert_eq!((reply.text.as_str(), reply.stop), ("42", Stop::End));
    let seen = server.seen().remove(0);
    assert!(
        seen.head
            .starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("transfer-encoding"), None);
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string().as_str())
    );
    assert!(
        !seen.head.to_lowercase().contains("depthfinder"),
        "{}",
        seen.head
    );
    let body: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(body["messages"][0]["content"], rope.text());
}

#[test]
fn a_reset_during_upload_tells_how_far_it_got() {
    let server = Server::start(|connection| connection.read_some(1_000_000));
    let failure = run(endpoint(options(&server)).ask(&ask(large(40)))).expect_err("a reset");
    let Failure::Broken { cause } = &failure else {
        panic!("{failure:?}");
    };
    assert!(
        cause.contains(" of 40.0 MB sent: likely a body limit"),
        "{cause}"
    );
    assert!(failure.is_transient());
}

#[test]
fn an_early_413_is_heard_before_the_reset_that_follows_it() {
    let server = Server::start(|connection| {
        connection.read_some(1_000_000);
        connection.write("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large");
        // As proxies do: half a second of grace, not a byte read, then a reset.
        sleep(MS(500));
    });
    for _ in 0..5 {
        let failure = run(endpoint(options(&server)).ask(&ask(large(20)))).expect_err("413");
        assert_eq!(
            failure,
            Failure::Refused {
                status: 413,
                said: "a body of 20.0 MB is too large: too large".to_owned(),
            }
        );
    }
}

#[test]
fn a_page_from_a_proxy_keeps_its_status() {
    let server = Server::start(|connection| {
        let page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
        connection.answer("502 Bad Gateway", "text/html", page);
    });
    assert_eq!(
        asked(&server).expect_err("502"),
        Failure::Server {
            status: 502,
            said: "an HTML page: 502 Bad Gateway".to_owned(),
            retry_after_ms: None,
        }
    );
}

#[test]
fn an_explanation_that_breaks_off_keeps_its_status() {
    let server = Server::start(|connection| {
        connection.read_rest();
        connection
            .write("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 5000\r\n\r\noverlo");
    });
    assert_eq!(
        asked(&server).expect_err("503"),
        Failure::Server {
            status: 503,
            said: "overlo".to_owned(),
            retry_after_ms: Some(7000),
        }
    );
}

#[test]
fn streams_that_end_badly_are_told_apart() {
    let event = |data: &str| format!("data: {data}\n\n");
    let error = event(r#"{"error":{"code":502,"message":"upstream fell over"}}"#);
    for (bytes, expected) in [
        (format!("{TEXT}{FINISH}"), "ok 42"),
        (format!("{TEXT}{}", FINISH.trim_end()), "ok 42"),
        (
            format!("{TEXT}data: [DONE]\n\n"),
            "the answer broke off: the stream ended without a finish reason, after 1 events and 2 bytes of text",
        ),
        (
            TEXT.to_owned(),
            "the answer broke off: the stream ended without a finish reason, after 1 events and 2 bytes of text",
        ),
        (
            String::new(),
            "the answer broke off: the stream ended without a finish reason, with no event at all",
        ),
        (
            format!("{TEXT}{error}"),
            "the server failed (200): upstream fell over",
        ),
        (
            format!("{TEXT}{FINISH}{error}"),
            "the server failed (200): upstream fell over",
        ),
        (
            format!("{TEXT}error: {{\"code\":500,\"message\":\"old form\"}}\n\n"),
            "the server failed (200): old form",
        ),
        (
            format!("{TEXT}event: error\ndata: {{\"error\":{{\"message\":\"named\"}}}}\n\n"),
            "the server failed (200): named",
        ),
        (
            format!("{TEXT}event: error\ndata: out of memory\n\n"),
            "the server failed (200): out of memory",
        ),
        (
            format!("{TEXT}{{\"error\":\"bare\"}}\n\n"),
            "the server failed (200): bare",
        ),
        (
            format!("{TEXT}{}", event("{\"choices\":")),
            "the answer broke off: an event that is not JSON: {\"choices\":",
        ),
        (
            format!(
                "\n\n {}",
                r#"{"choices":[{"message":{"content":"42"},"finish_reason":"stop"}]}"#
            ),
            "ok 42",
        ),
        (
            format!(
                "\n{}",
                r#"{"error":{"message":"loading model","code":503}}"#
            ),
            "the server failed (200): loading model",
        ),
        (
            "<!DOCTYPE html><title>Log in</title>".to_owned(),
            "the server failed (200): an HTML page came instead of an answer",
        ),
    ] {
        let sent = bytes.clone();
        let server = stream(move |connection| connection.write(&sent));
        let told = match asked(&server) {
            Ok(reply) => format!("ok {}", reply.text),
            Err(failure) => failure.to_string(),
        };
        assert_eq!(told, expected, "{bytes}");
    }
}

#[test]
fn a_connection_that_breaks_after_the_finish_reason_has_given_its_answer() {
    for (sent, complete) in [(format!("{TEXT}{FINISH}"), true), (TEXT.to_owned(), false)] {
        let server = Server::start(move |connection| {
            connection.read_rest();
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            connection.write(format!("{:x}\r\n{sent}\r\n", sent.len()));
        });
        match asked(&server) {
            Ok(reply) => assert!(complete && reply.text == "42"),
            Err(failure) => assert!(!complete && failure.reason() == "broken", "{failure:?}"),
        }
    }
}

#[test]
fn a_character_cut_between_two_packets_is_whole() {
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"漢字😀\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let server = stream(move |connection| {
        for byte in event.as_bytes() {
            connection.write([*byte]);
            if *byte >= 0x80 {
                sleep(MS(5));
            }
        }
    });
    assert_eq!(asked(&server).expect("an answer").text, "漢字😀");
}

#[test]
fn a_refused_field_is_changed_once_for_all_later_questions() {
    let server = Server::start(|connection| {
        if connection.number == 0 {
            let said = r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}"#;
            connection.answer("400 Bad Request", "application/json", said);
        } else {
            connection.begin_stream();
            connection.write(COMPLETE);
        }
    });
    let endpoint = endpoint(options(&server));
    assert!(endpoint.adaptations().is_empty());
    for _ in 0..2 {
        run(endpoint.ask(&ask(Rope::of("q")))).expect("an answer");
    }
    let fields: Vec<bool> = server
        .seen()
        .iter()
        .map(|seen| String::from_utf8_lossy(&seen.body).contains("max_completion_tokens"))
        .collect();
    assert_eq!(fields, [false, true, true]);
    assert_eq!(endpoint.adaptations().len(), 1);
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Server::start(|connection| {
        connection.read_rest();
        connection.write(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        );
    });
    let told = asked(&server).expect_err("307").to_string();
    assert!(told.contains("redirected to /elsewhere"), "{told}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_closed_port_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut options = options(&Server::start(|_| {}));
    options.base = format!("http://{address}/v1").parse().expect("an address");
    let failure = run(endpoint(options).ask(&ask(Rope::of("q")))).expect_err("refused");
    let told = failure.to_string();
    assert_eq!(failure.reason(), "unreachable");
    assert!(
        told.contains(&address.to_string()) && told.contains("refused"),
        "{told}"
    );
}

#[test]
fn a_count_goes_to_the_servers_root_with_the_whole_text() {
    let server = Server::start(|connection| {
        connection.answer(
            "200 OK",
            "application/json",
            r#"{"count":5,"tokens":[1,2,3,4,5]}"#,
        );
    });
    for (software, field) in [("llama-server", "content"), ("vllm", "prompt")] {
        let wire = Arc::new(Http::new(options(&server)).expect("a client"));
        let endpoint = speaker(wire, served(software)).with_patience(short());
        assert_eq!(run(endpoint.count_tokens(&large(1))), Some(5));
        let seen = server.seen().pop().expect("a request");
        assert!(
            seen.head.starts_with("POST /tokenize HTTP/1.1\r\n"),
            "{}",
            seen.head
        );
        let body: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
        assert_eq!(body[field], large(1).text());
    }
}

#[test]
fn connecting_discovers_the_only_model_and_asks_it() {
    let server = Server::start(|connection| {
        if connection.seen.head.starts_with("GET /v1/models ") {
            let list = r#"{"data":[{"id":"org/model","owned_by":"vllm","max_model_len":4096}]}"#;
            connection.answer("200 OK", "application/json", list);
        } else {
            connection.begin_stream();
            connection.write(COMPLETE);
        }
    });
    run(async {
        let endpoint = connect(ConnectOptions {
            target: server.base(),
            ..ConnectOptions::default()
        });
        let endpoint = endpoint.await.expect("an endpoint");
        assert_eq!(endpoint.served().window_tokens, Some(4096));
        endpoint.ask(&ask(Rope::of("q"))).await.expect("an answer");
    });
    let asked = server.seen();
    let asked = asked
        .iter()
        .find(|seen| seen.head.starts_with("POST /v1/chat/completions "))
        .expect("a question");
    let body: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
    assert_eq!(body["model"], "org/model");
}

#[test]
fn a_variable_that_was_named_must_hold_a_key() {
    let server = Server::start(|connection| connection.answer("404 No", "text/plain", ""));
    let complaint = |name: &str| {
        let connecting = connect(ConnectOptions {
            target: format!("{}#m", server.base()),
            api_key_env: Some(name.to_owned()),
            ..ConnectOptions::default()
        });
        format!("{:#}", run(connecting).err().expect("no key"))
    };
    let unset = complaint("NO_SUCH_VARIABLE_FOR_A_KEY");
    assert!(unset.contains("--api-key-env is not set"), "{unset}");
    let key_itself = complaint("sk-0123456789abcdef");
    assert!(
        key_itself.contains("the NAME of a variable"),
        "{key_itself}"
    );
    assert!(!key_itself.contains("0123456789"), "{key_itself}");
    assert!(server.seen().is_empty());
}

#[test]
fn a_proxy_carries_far_addresses_and_never_near_ones() {
    let server = stream(|connection| connection.write(COMPLETE));
    let near = Server::start(|connection| {
        connection.begin_stream();
        connection.write(COMPLETE);
    });
    let status = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "network::asks_through_the_environment",
            "--ignored",
        ])
        .env("HTTP_PROXY", format!("http://{}", server.address))
        .env("http_proxy", format!("http://{}", server.address))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env(
            "TEST_BASES",
            format!("http://model.invalid:8000/v1 {}", near.base()),
        )
        .output()
        .expect("a child");
    assert!(
        status.status.success(),
        "{}",
        String::from_utf8_lossy(&status.stdout)
    );
    let through: Vec<String> = server.seen().into_iter().map(|seen| seen.head).collect();
    assert_eq!(through.len(), 1);
    assert!(
        through[0].starts_with("POST http://model.invalid:8000/v1/chat/completions "),
        "{}",
        through[0]
    );
    assert_eq!(near.seen().len(), 1);
}

#[test]
#[ignore = "the child of the test above, which sets its environment"]
fn asks_through_the_environment() {
    let bases = std::env::var("TEST_BASES").expect("set by the parent");
    for base in bases.split(' ') {
        let mut options = options(&Server::start(|_| {}));
        options.base = base.parse().expect("an address");
        run(endpoint(options).ask(&ask(Rope::of("q")))).expect("an answer");
    }
}
