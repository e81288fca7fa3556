//! Simulated models that are not what they seem, served: what a client of the binary sees of them.

use crate::support::{Place, Started};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A served model.
struct Served {
    server: Started,
    target: String,
}

/// A reply: its head as text, and its body.
type Reply = (String, Value);

impl Served {
    fn new(place: &Place, model: &str, more: &str) -> Served {
        let mut server = place
            .depthfinder("serve --port 0")
            .arg(format!("sim:{model}"))
            .args(more)
            .start();
        let target = server.first_line();
        Served { server, target }
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        let host = self.target.split('/').nth(2).expect("a host");
        let body = body.to_string();
        let mut stream = TcpStream::connect(host).expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nanthropic-version: 2023-06-01\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("is sent");
        stream.write_all(body.as_bytes()).expect("is sent");
        let mut told = String::new();
        stream.read_to_string(&mut told).expect("UTF-8");
        let (head, body) = told.split_once("\r\n\r\n").expect("a head");
        let body = serde_json::from_str(body).expect("JSON");
        (head.to_lowercase(), body)
    }

    fn chat(&self, text: &str, more: Value) -> Reply {
        let mut body = json!({ "messages": [{ "role": "user", "content": text }] });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.post("/v1/chat/completions", &body)
    }

    fn ends(mut self) {
        self.server.signal("TERM");
        assert_eq!(self.server.wait().code, Some(0));
    }
}

fn said(reply: &Reply) -> &str {
    let content = &reply.1["choices"][0]["message"]["content"];
    content.as_str().expect("an answer")
}

#[test]
fn a_relay_bears_its_own_name_and_counts_cuts_and_talks_as_the_other_model() {
    let place = Place::new();
    let other = "tokenizer=cl100k+voice=8+family=claude+leaks=anthropic";
    let relay = format!("perfect,voice=7,name=acme-70b,relay=perfect+{other}");
    let relay = Served::new(&place, &relay, "");
    assert!(relay.target.ends_with("#acme-70b"), "{}", relay.target);
    let true_self = format!("perfect,{}", other.replace('+', ","));
    let true_self = Served::new(&place, &true_self, "");
    let claimed = Served::new(&place, "perfect,voice=7", "");
    let text = "漢字かな交じり文 наследие 0123456789 👩‍🚀 İstanbul".repeat(9);
    let message = json!([{ "role": "user", "content": text }]);
    let google = json!({ "contents": [{ "parts": [{ "text": text }] }] });
    for (path, body, count) in [
        (
            "/v1/chat/completions",
            json!({ "messages": message }),
            "/usage/prompt_tokens",
        ),
        (
            "/v1/responses",
            json!({ "input": text }),
            "/usage/input_tokens",
        ),
        (
            "/v1/messages",
            json!({ "messages": message, "max_tokens": 9 }),
            "/usage/input_tokens",
        ),
        (
            "/v1beta/models/acme-70b:generateContent",
            google,
            "/usageMetadata/promptTokenCount",
        ),
        (
            "/api/chat",
            json!({ "messages": message, "stream": false }),
            "/prompt_eval_count",
        ),
    ] {
        let counts = [&relay, &true_self, &claimed].map(|served| {
            served
                .post(path, &body)
                .1
                .pointer(count)
                .and_then(Value::as_u64)
        });
        assert!(counts[0].is_some(), "{path}");
        assert_eq!(counts[0], counts[1], "{path}");
        assert_ne!(counts[0], counts[2], "{path}");
    }
    let mut cuts = [Vec::new(), Vec::new(), Vec::new()];
    for budget in 1..=16 {
        let prompt = format!("Repeat exactly: {text}");
        for (served, cuts) in [&relay, &true_self, &claimed].into_iter().zip(&mut cuts) {
            let reply = served.chat(&prompt, json!({ "max_tokens": budget }));
            assert!(text.starts_with(said(&reply)), "{budget}");
            cuts.push(said(&reply).len());
        }
    }
    assert_eq!(cuts[0], cuts[1]);
    assert_ne!(cuts[0], cuts[2]);
    let cold = |served: &Served| {
        let reply = served.chat("Tell me about the sea.", json!({ "temperature": 0 }));
        said(&reply).to_owned()
    };
    assert_eq!(cold(&relay), cold(&true_self));
    assert_ne!(cold(&relay), cold(&claimed));
    let (head, body) = relay.chat("Hello.", json!({}));
    assert!(head.contains("anthropic-organization-id: "), "{head}");
    assert_eq!(body["model"], "acme-70b");
    for served in [relay, true_self, claimed] {
        served.ends();
    }
}

#[test]
fn a_sweep_of_a_router_finds_the_front_below_its_border_and_the_other_model_above() {
    let place = Place::new();
    let model = "perfect,router=900:flat=0,seed=3";
    let served = Served::new(&place, model, "");
    let sweep = |target: &str, out: &str| {
        place
            .sweep(
                target,
                "--lengths 600,1200 --depths 3 --samples 2 --secret 2d",
            )
            .args("--tokenizer o200k --quiet --out")
            .arg(out)
            .ends(0);
        place.run(out)
    };
    let run = sweep(&served.target, "served");
    for row in run.rows() {
        let is_right = row["judged"]["class"] == "exact";
        let is_short = row["trial"]["length_tokens"] == 600;
        assert_eq!(is_right, is_short, "{row}");
    }
    assert_eq!(run.settled().len(), 20);
    let in_process = sweep(&format!("sim:{model}"), "in-process");
    assert_eq!(run.settled(), in_process.settled());
    served.ends();
}

#[test]
fn replicas_take_turns_by_requests_and_say_who_they_are() {
    let place = Place::new();
    let served = Served::new(&place, "drift=3:1/0", "");
    for number in 0..12 {
        let prompt = format!(
            "{number}. The special magic number for oslo is 4829173.\n\nWhat is \
            the special magic number for oslo? Answer with the number only."
        );
        let reply = served.chat(&prompt, json!({}));
        let replica = ["r0", "r1"][number / 3 % 2];
        assert!(
            reply.0.contains(&format!("x-replica: {replica}")),
            "{}",
            reply.0
        );
        let print = reply.1["system_fingerprint"]
            .as_str()
            .expect("a fingerprint");
        assert!(print.ends_with(replica), "{print}");
        assert_eq!(said(&reply) == "4829173", replica == "r0");
    }
    served.ends();
}

#[test]
fn a_cache_gives_one_reply_again_and_a_flaky_model_without_one_does_not() {
    let place = Place::new();
    let replies = |more: &str| {
        let served = Served::new(&place, "flaky=0.5,voice=1", more);
        let replies = (0..12).map(|_| served.chat("Tell me about the sea.", json!({})).1);
        let replies: BTreeSet<String> = replies.map(|body| body.to_string()).collect();
        served.ends();
        replies.len()
    };
    assert_eq!(replies("--fault cached-answer"), 1);
    assert_eq!(replies("--fault similar-answer=10"), 1);
    assert_eq!(replies(""), 12);
}

#[test]
fn public_needles_known_by_heart_are_told_against_the_text() {
    let place = Place::new();
    let classes = |target: &str, task: &str, out: &str| {
        place
            .sweep(
                target,
                "--lengths 1000 --depths 3 --samples 4 --secret 2e --quiet",
            )
            .args("--task")
            .arg(task)
            .args("--out")
            .arg(out)
            .ends(0);
        let rows = place.run(out).rows().into_iter();
        let right = rows.filter(|row| row["judged"]["class"] == "exact").count();
        (right, place.run(out).settled().len())
    };
    let knows = "sim:flat=0,memorised=1.0";
    assert_eq!(classes(knows, "public", "a"), (12, 12));
    assert_eq!(classes(knows, "public_changed", "b"), (0, 12));
    assert_eq!(
        classes("sim:perfect,memorised=0", "public_changed", "c"),
        (12, 12)
    );
    assert_eq!(classes("sim:flat=0,memorised=0", "public", "d"), (0, 12));
}

#[test]
fn help_lists_every_mode() {
    let place = Place::new();
    let told = place.depthfinder("serve --help").ends(0);
    for mode in [
        "drift=",
        "relay=",
        "router=",
        "voice=",
        "family=",
        "tokenizer=",
        "memorised=",
        "leaks=",
        "name=",
        "cached-answer",
        "similar-answer",
        "flaky=0.2:0.5",
    ] {
        assert!(told.stdout.contains(mode), "{mode} is not listed");
    }
}
