//! No key in any output, whatever a server echoes.

use crate::server::Server;
use crate::{ask, endpoint, options, run};
use depthfinder::endpoint::Endpoint;
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::endpoint::http::{Http, Secret};
use depthfinder::rope::Rope;

const KEY: &str = "sk-proj-0123456789abcdefghijklmnop";
const OTHER: &str = "azure-9876543210-zyxwvu";

/// What hostile or clumsy servers send back, as status line and body.
fn echoes() -> Vec<(&'static str, String)> {
    let mut echoes = Vec::new();
    for key in [KEY, OTHER] {
        let long = "x".repeat(380);
        let half = key.len() / 2;
        let object = format!(r#"{{"error":{{"message":"bad key {key}","code":"{key}"}}}}"#);
        for status in [
            "400 No", "401 No", "403 No", "404 No", "413 No", "429 No", "500 No", "200 OK",
        ] {
            echoes.push((status, object.clone()));
            echoes.push((status, format!("<title>{key}</title>")));
            // The quotation is cut in the middle of the key.
            echoes.push((status, format!("{{\"error\":\"{long}{key}\"}}")));
            echoes.push((status, format!("Authorization: Bearer {key}")));
        }
        let delta = |text: &str| {
            format!(
                "data: {{\"model\":\"{key}\",\"id\":\"{key}\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
            )
        };
        let finish = format!(
            "data: {{\"system_fingerprint\":\"{key}\",\"choices\":[{{\"delta\":{{\"reasoning\":\"{key}\"}},\"finish_reason\":\"{key}\"}}]}}\n\n"
        );
        echoes.push((
            "200 OK",
            format!("{}{}{finish}", delta(&key[..half]), delta(&key[half..])),
        ));
        echoes.push(("200 OK", format!("data: {object}\n\n")));
        echoes.push(("200 OK", format!("data: {key}\n\n")));
        echoes.push((
            "200 OK",
            format!("error: {{\"message\":\"{long}{key}\"}}\n\n"),
        ));
        echoes.push(("200 OK", format!("data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}],\"timings\":{{\"{key}\":\"{key}\"}}}}\n\n")));
    }
    echoes
}

fn assert_hidden(told: &str) {
    for key in [KEY, OTHER] {
        // Half of a key is too much as well.
        assert!(!told.contains(&key[..key.len() / 2]), "{told}");
    }
}

#[test]
fn no_key_is_told_whatever_a_server_echoes() {
    for (status, body) in echoes() {
        let (line, text) = (status, body.clone());
        let server = Server::start(move |connection| {
            connection.read_rest();
            let key = connection.seen.header("authorization").unwrap_or_default();
            connection.write(format!(
                "HTTP/1.1 {line}\r\nX-Request-Id: {key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            ));
        });
        let mut options = options(&server);
        options.key = Some(Secret::new(KEY));
        options.headers = vec![("api-key".to_owned(), Secret::new(OTHER))];
        assert_hidden(&format!("{options:?} {:?}", Http::new(options.clone())));
        let outcome = run(endpoint(options).ask(&ask(Rope::of("q"))));
        let seen = server.seen().remove(0);
        assert_eq!(
            seen.header("authorization"),
            Some(format!("Bearer {KEY}").as_str())
        );
        assert_eq!(seen.header("api-key"), Some(OTHER));
        assert_hidden(&format!(
            "{outcome:?} {}",
            serde_json::to_string(&outcome).expect("JSON")
        ));
        if let Err(failure) = outcome {
            assert_hidden(&failure.to_string());
        }
    }
}

#[test]
fn discovery_tells_no_key_either() {
    for (status, body) in echoes() {
        let server = Server::start(move |connection| {
            connection.answer(status, "application/json", &body);
        });
        let options = ConnectOptions {
            target: server.base(),
            headers: vec![
                ("authorization".to_owned(), Secret::new(KEY)),
                ("api-key".to_owned(), Secret::new(OTHER)),
            ],
            ..ConnectOptions::default()
        };
        match run(connect(options)) {
            Ok(endpoint) => assert_hidden(&format!("{:?}", endpoint.served())),
            Err(error) => assert_hidden(&format!("{error:#} {error:?}")),
        }
    }
}

#[test]
fn an_unreachable_host_tells_no_key() {
    let mut options = options(&Server::start(|_| {}));
    options.base = "http://127.0.0.1:1/v1".parse().expect("an address");
    options.key = Some(Secret::new(KEY));
    let failure = run(endpoint(options).ask(&ask(Rope::of("q")))).expect_err("no server");
    assert_hidden(&format!("{failure} {failure:?}"));
}
