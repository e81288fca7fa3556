//! Every dialect against the simulated model's server, which speaks them all and was written apart
//! from them, with its faults and without.

use crate::player::Make;
use crate::{ask, run, short};
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::endpoint::http::{Http, HttpOptions};
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::{Ask, Endpoint, Served};
use depthfinder::reply::{Failure, Reply, Stop};
use depthfinder::rope::{Piece, Rope};
use depthfinder::sim::{Responder, Truth, serve};
use depthfinder::tokens::Tokenizer;
use std::sync::Arc;

const DIALECTS: &[&str] = &["openai", "openai-responses", "anthropic", "gemini"];

/// Sentences of a text that is longer than the blocks in which the server remembers prefixes.
const LONG: usize = 4000;

/// A question whose answer stands in the text, behind a prefix that is shared.
fn question(sentences: usize) -> Ask {
    let mut prompt = Rope::of(&format!(
        "{}The special magic number for oslo is 4829173.\n",
        "The sea was calm and the ship lay still. ".repeat(sentences)
    ));
    prompt.push(Piece::of(
        "\nWhat is the special magic number for oslo? Answer with the number only.",
    ));
    Ask {
        shared_pieces: 1,
        ..ask(prompt)
    }
}

/// Asks the same question twice in one dialect of a model with these faults.
fn asked(
    dialect: &str,
    faults: &[&str],
    sentences: usize,
) -> (Served, Vec<Result<Reply, Failure>>) {
    let mut truth = Truth::parse("perfect,window=65536").expect("a model");
    for fault in faults {
        truth.faults.add(fault).expect("a fault");
    }
    run(async {
        let responder = Responder::new(truth).expect("a model");
        let serving = serve(responder, 0, std::future::pending());
        let serving = serving.await.expect("a server");
        let endpoint = connect(ConnectOptions {
            target: format!("{dialect}:sim:perfect,window=65536"),
            base_url: Some(format!("http://{}", serving.address)),
            patience: short(),
            ..ConnectOptions::default()
        });
        let endpoint = endpoint.await.expect("a connection");
        let question = question(sentences);
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            outcomes.push(endpoint.ask(&question).await);
        }
        (endpoint.served().clone(), outcomes)
    })
}

fn second(dialect: &str, fault: &str) -> Result<Reply, Failure> {
    asked(dialect, &[fault], 60).1.remove(1)
}

#[test]
fn every_dialect_gets_the_same_answer_and_the_same_accounts() {
    let own = Tokenizer::bundled("o200k").expect("built in");
    let own = own.count(&question(LONG).prompt.text()).expect("counted");
    for dialect in DIALECTS {
        let (served, mut outcomes) = asked(dialect, &[], LONG);
        assert_eq!(served.window_tokens, Some(65_536), "{dialect}");
        let second = outcomes.remove(1).expect(dialect);
        let first = outcomes.remove(0).expect(dialect);
        for reply in [&first, &second] {
            assert!(reply.text.contains("4829173"), "{dialect}: {}", reply.text);
            assert_eq!((&reply.stop, reply.reasoning.as_str()), (&Stop::End, ""));
            let told = reply.usage.prompt_tokens.expect("a count");
            assert!(
                (own..own + 16).contains(&told),
                "{dialect}: {told} of {own}"
            );
            assert!(reply.usage.told.is_some() && reply.usage.output_tokens > Some(0));
            assert_eq!(reply.model.as_deref(), Some("sim:perfect,window=65536"));
        }
        assert_eq!(first.usage.prompt_tokens, second.usage.prompt_tokens);
        assert_eq!(first.usage.cached_tokens.unwrap_or(0), 0, "{dialect}");
        assert!(
            second.usage.cached_tokens > Some(0),
            "{dialect}: {second:?}"
        );
    }
}

#[test]
fn every_dialect_names_the_same_faults_alike() {
    for dialect in DIALECTS {
        for (fault, reason, transient) in [
            ("status=401", "unauthorized", false),
            ("status=404", "not-found", false),
            ("status=413", "refused-request", false),
            ("status=429", "rate-limited", true),
            ("status=500", "server-error", true),
            ("status=503", "server-error", true),
            ("status=529", "server-error", true),
            ("html-502", "server-error", true),
            ("error-in-200", "server-error", true),
            ("break-mid", "broken", true),
            ("no-finish", "broken", true),
            ("stall-before=60s", "timed-out", true),
            ("keep-alive-for-ever=50ms", "timed-out", true),
        ] {
            let failure = second(dialect, fault).expect_err(fault);
            assert_eq!(failure.reason(), reason, "{dialect} {fault}: {failure:?}");
            assert_eq!(failure.is_transient(), transient, "{dialect} {fault}");
        }
    }
}

#[test]
fn every_dialect_reads_what_is_odd_and_no_failure() {
    for dialect in DIALECTS {
        let reply = second(dialect, "no-done").expect(dialect);
        assert_eq!(reply.stop, Stop::End, "{dialect}");
        let reply = second(dialect, "no-usage").expect(dialect);
        assert_eq!(
            (reply.usage.prompt_tokens, reply.usage.told),
            (None, None),
            "{dialect}"
        );
        let reply = second(dialect, "split-utf8").expect(dialect);
        assert!(reply.text.contains('“') && !reply.text.contains('\u{fffd}'));
        let reply = second(dialect, "wrong-model=other-1").expect(dialect);
        assert_eq!(reply.model.as_deref(), Some("other-1"), "{dialect}");
        let reply = second(dialect, "clamped-output=2").expect(dialect);
        assert_eq!(reply.stop, Stop::Length, "{dialect}");
        let reply = second(dialect, "empty-answer").expect(dialect);
        assert_eq!(
            (reply.text.as_str(), reply.stop),
            ("", Stop::End),
            "{dialect}"
        );
        let reply = second(dialect, "reasoning-eats-budget").expect(dialect);
        assert_eq!(
            (reply.text.as_str(), reply.stop),
            ("", Stop::Length),
            "{dialect}"
        );
        assert!(!reply.reasoning.is_empty(), "{dialect}");
        assert!(
            reply.usage.reasoning_tokens > Some(0),
            "{dialect}: {:?}",
            reply.usage
        );
    }
}

#[test]
fn a_prompt_over_the_window_is_too_long_in_every_dialect_and_the_window_is_named() {
    for dialect in DIALECTS {
        let mut truth = Truth::parse("perfect,window=256").expect("a model");
        truth.faults.seed = 1;
        let outcome = run(async {
            let responder = Responder::new(truth).expect("a model");
            let serving = serve(responder, 0, std::future::pending());
            let serving = serving.await.expect("a server");
            let endpoint = connect(ConnectOptions {
                target: format!("{dialect}:sim:perfect,window=256"),
                base_url: Some(format!("http://{}", serving.address)),
                ..ConnectOptions::default()
            });
            endpoint
                .await
                .expect("a connection")
                .ask(&question(60))
                .await
        });
        let failure = outcome.expect_err(dialect);
        assert_eq!(failure.reason(), "too-long", "{dialect}: {failure:?}");
        // OpenAI's Responses name none.
        if *dialect != "openai-responses" {
            let window = match failure {
                Failure::TooLong { window_tokens, .. } => window_tokens,
                _ => None,
            };
            assert_eq!(window, Some(256), "{dialect}");
        }
    }
}

#[test]
fn anthropic_and_gemini_count_a_text_as_their_servers_do() {
    let makes: [(&str, &str, Make); 3] = [
        ("anthropic", "/v1", || {
            Box::new(depthfinder::endpoint::anthropic::Anthropic::default())
        }),
        ("gemini", "/v1beta", || {
            Box::new(depthfinder::endpoint::gemini::Gemini::default())
        }),
        ("responses", "/v1", || {
            Box::new(depthfinder::endpoint::responses::Responses::default())
        }),
    ];
    let own = Tokenizer::bundled("o200k").expect("built in");
    let text = question(60).prompt;
    let own = own.count(&text.text()).expect("counted");
    for (name, path, make) in makes {
        let count = run(async {
            let truth = Truth::parse("perfect").expect("a model");
            let responder = Responder::new(truth).expect("a model");
            let serving = serve(responder, 0, std::future::pending());
            let serving = serving.await.expect("a server");
            let base = format!("http://{}{path}", serving.address);
            let options = HttpOptions::new(base.parse().expect("an address"));
            let wire = Arc::new(Http::new(options).expect("a client"));
            let served = Served {
                model: "sim:perfect".to_owned(),
                tokenize: true,
                ..Served::default()
            };
            let endpoint = Speaker::new(wire, make(), served);
            endpoint.count_tokens(&text).await
        });
        let count = count.expect(name);
        assert!((own..own + 16).contains(&count), "{name}: {count} of {own}");
    }
}
