//! Connections that end before the upload does, the command line's own switches, and the wire without a socket.

use crate::asked::{End, Reply, Server, head};
use crate::prompt;
use crate::vendor::Vendor;
use bytes::Bytes;
use depthfinder::endpoint::wire::{Body, Request, Wire};
use depthfinder::sim::{SimWire, Truth};
use futures_util::StreamExt;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Far more than the buffers of any two sockets.
const LONG: usize = 64 << 20;

#[test]
fn a_reset_comes_within_the_upload_and_without_an_answer() {
    let server = Server::start("perfect,fault=reset-upload=100k");
    let mut stream = server.connect();
    let opened = head("POST", "/v1/chat/completions", LONG);
    stream.write_all(opened.as_bytes()).expect("a head");
    let piece = vec![b'x'; 1 << 16];
    let sent = (0..LONG / piece.len()).take_while(|_| stream.write_all(&piece).is_ok());
    assert!(sent.count() < LONG / piece.len());
    let reply = Reply::read(stream, PATIENCE);
    // Where the reset overtook the writing, the reading finds a closed line.
    assert!(matches!(reply.end, End::Reset | End::Early), "{reply:?}");
    assert_eq!(reply.status, 0);
    let line = server.logged();
    assert_eq!(
        (&line["status"], &line["faults"][0]),
        (&Value::Null, &"reset-upload=100k".into())
    );
    // A client that waits in mid-upload sees the reset itself.
    let mut stream = server.connect();
    stream.write_all(opened.as_bytes()).expect("a head");
    stream.write_all(&vec![b'x'; 100_000]).expect("a piece");
    assert_eq!(Reply::read(stream, PATIENCE).end, End::Reset);
}

#[test]
fn a_413_comes_while_the_upload_is_under_way_and_the_connection_is_closed() {
    let server = Server::start("perfect,fault=early-413=100k");
    let mut stream = server.connect();
    let opened = head("POST", "/v1/chat/completions", LONG);
    stream.write_all(opened.as_bytes()).expect("a head");
    stream.write_all(&vec![b'x'; 100_000]).expect("a piece");
    let reply = Reply::read(stream, PATIENCE);
    assert_eq!(
        (reply.status, reply.header("connection")),
        (413, Some("close"))
    );
    assert!(reply.text().contains("413 Request Entity Too Large"));
    assert_ne!(reply.end, End::Open);
    // A client that goes on writing cannot write it all.
    let mut stream = server.connect();
    stream.write_all(opened.as_bytes()).expect("a head");
    let piece = vec![b'x'; 1 << 16];
    let sent = (0..LONG / piece.len()).take_while(|_| stream.write_all(&piece).is_ok());
    assert!(sent.count() < LONG / piece.len());
    assert_eq!(server.logged()["status"], 413);
    let server = Server::start("perfect,fault=early-413");
    let mut stream = server.connect();
    stream
        .write_all(head("POST", "/v1/messages", LONG).as_bytes())
        .expect("a head");
    stream.write_all(&vec![b'x'; 64_000]).expect("a piece");
    let reply = Reply::read(stream, PATIENCE);
    assert_eq!(reply.json()["error"]["type"], "request_too_large");
}

#[test]
fn the_command_line_orders_faults_and_keeps_a_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut serving = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
        .args([
            "serve",
            "sim:perfect",
            "--fault",
            "cut-head=600,no-usage:0.5",
        ])
        .args(["--fault", "status=503:0.25", "--fault-seed", "5", "--log"])
        .arg(&log)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut told = String::new();
    let out = serving.stdout.take().expect("an output");
    BufReader::new(out).read_line(&mut told).expect("a line");
    let address = told
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next());
    let address = address.expect("an address");
    let (path, body) = Vendor::Chat.question(&[("user", &prompt(60, 60))], true, 64);
    let body = body.to_string();
    let mut expected = depthfinder::sim::Faults::default();
    expected.add("cut-head=600,no-usage:0.5").expect("faults");
    expected.add("status=503:0.25").expect("a fault");
    expected.seed = 5;
    for number in 0..20 {
        let mut stream = std::net::TcpStream::connect(address).expect("a connection");
        let request = head("POST", &path, body.len()) + &body;
        stream.write_all(request.as_bytes()).expect("a request");
        let reply = Reply::read(stream, PATIENCE);
        let drawn = expected.draw(number).names;
        let refused = drawn.contains(&"status=503".to_owned());
        assert_eq!(reply.status, if refused { 503 } else { 200 });
        if !refused {
            let usage = Vendor::Chat.hear(&reply).usage.map(|usage| usage.0);
            let left = (!drawn.contains(&"no-usage".to_owned())).then_some(600);
            assert_eq!(usage, left);
        }
    }
    serving.kill().expect("an end");
    serving.wait().expect("an end");
    let text = std::fs::read_to_string(&log).expect("a log");
    let names = |line: &str| -> Vec<String> {
        let line: Value = serde_json::from_str(line).expect("JSON");
        serde_json::from_value(line["faults"].clone()).expect("names")
    };
    let logged: Vec<Vec<String>> = text.lines().map(names).collect();
    let drawn: Vec<Vec<String>> = (0..20).map(|number| expected.draw(number).names).collect();
    assert_eq!(logged, drawn);
    for wrong in ["madness", "cut-head", "no-usage:7"] {
        let told = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
            .args(["serve", "sim:perfect", "--fault", wrong])
            .output()
            .expect("a process");
        assert_eq!(told.status.code(), Some(2), "{wrong}");
        let line = String::from_utf8(told.stderr).expect("UTF-8");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

/// What a model says over the wire that needs no socket: text so far, and how it broke if it did.
fn carried(model: &str, within: Duration) -> (String, Option<String>) {
    let wire = SimWire::new(Truth::parse(model).expect(model)).expect("a wire");
    let (path, body) = Vendor::Chat.question(&[("user", &prompt(60, 60))], true, 64);
    let request = Request {
        post: true,
        path,
        headers: Vec::new(),
        body: Body {
            slices: vec![Bytes::from(body.to_string())],
        },
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut said = String::new();
        let talking = tokio::time::timeout(within, async {
            let mut response = match wire.send(request).await {
                Ok(response) => response,
                Err(failure) => return Some(format!("{failure:?}")),
            };
            said = format!("{} ", response.status);
            while let Some(chunk) = response.chunks.next().await {
                match chunk {
                    Ok(chunk) => said.push_str(&String::from_utf8_lossy(&chunk)),
                    Err(failure) => return Some(format!("{failure:?}")),
                }
            }
            None
        });
        match talking.await {
            Ok(broken) => (said, broken),
            Err(_) => (said, Some("silence".into())),
        }
    })
}

#[test]
fn the_wire_without_a_socket_does_the_same_wrongs() {
    let short = Duration::from_millis(400);
    let heard = |fault: &str, within| carried(&format!("perfect,fault={fault}"), within);
    let (said, broken) = heard("cut-head=600", PATIENCE);
    assert!(
        said.contains("\"prompt_tokens\":600") && broken.is_none(),
        "{said}"
    );
    assert_eq!(heard("status=529", PATIENCE).0[..4], *"529 ");
    assert_eq!(heard("early-413", PATIENCE).0[..4], *"413 ");
    let (said, broken) = heard("reset-upload", PATIENCE);
    assert!(said.is_empty() && broken.is_some_and(|why| why.contains("reset")));
    assert_eq!(
        heard("stall-before", short),
        (String::new(), Some("silence".into()))
    );
    let (said, broken) = heard("stall-mid", short);
    assert!(said.len() > 10 && !said.contains("[DONE]"), "{said}");
    assert_eq!(broken.as_deref(), Some("silence"));
    let (said, broken) = heard("break-mid", PATIENCE);
    assert!(said.len() > 10 && broken.is_some_and(|why| why.contains("Broken")));
    let (said, broken) = heard("keep-alive-for-ever=10ms", short);
    assert!(
        said.matches(": keep-alive").count() > 3 && !said.contains("data"),
        "{said}"
    );
    assert_eq!(broken.as_deref(), Some("silence"));
    assert!(heard("split-utf8", PATIENCE).0.contains("[DONE]"));
}
