//! The dialect against the simulated model's Ollama, which was written from the same source by
//! other hands.

use crate::{ask, run};
use depthfinder::endpoint::Endpoint;
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::reply::{Failure, Stop};
use depthfinder::sim::{Responder, Truth, serve};
use std::sync::Arc;

/// Does something with the model served and asked natively.
fn with_model<T>(name: &str, work: impl AsyncFnOnce(Arc<dyn Endpoint>) -> T) -> T {
    run(async {
        let truth = Truth::parse(name).expect("a model");
        let responder = Responder::new(truth).expect("a responder");
        let serving = serve(responder, 0, std::future::pending());
        let base = serving.await.expect("a port").base_url();
        let endpoint = connect(ConnectOptions {
            target: format!("ollama:sim:{name}"),
            base_url: Some(base.trim_end_matches("/v1").to_owned()),
            ..ConnectOptions::default()
        });
        work(endpoint.await.expect("an endpoint")).await
    })
}

fn question(sentences: usize) -> String {
    format!(
        "{}The special magic number for brave-otter is 4829173.\n\nWhat is the special magic number \
         for brave-otter? Answer with the number only.",
        "Nothing of note was said that day. ".repeat(sentences)
    )
}

#[test]
fn a_question_is_answered_with_counts() {
    with_model("perfect,window=32768", async |endpoint| {
        let served = endpoint.served();
        assert_eq!(served.dialect, "ollama");
        assert_eq!(served.window_tokens, Some(32_768));
        endpoint.make_ready(8000, 64).await.expect("it is loaded");
        let reply = endpoint.ask(&ask(&question(500))).await.expect("an answer");
        assert!(reply.text.contains("4829173"), "{reply:?}");
        assert_eq!(reply.stop, Stop::End);
        let prompt = reply.usage.prompt_tokens.expect("told");
        assert!((3500..5000).contains(&prompt), "{prompt}");
    });
}

#[test]
fn what_does_not_fit_the_chosen_window_is_refused_and_not_cut() {
    with_model("perfect,window=32768", async |endpoint| {
        endpoint.make_ready(1900, 32).await.expect("it is loaded");
        let outcome = endpoint.ask(&ask(&question(500))).await;
        assert!(
            matches!(outcome, Err(Failure::TooLong { .. })),
            "{outcome:?}"
        );
    });
}
