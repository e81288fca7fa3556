//! The dialects against recorded bytes, ugly streams and a raw loopback server.

mod anthropic;
mod cassettes;
mod clocks;
mod gemini;
mod network;
mod player;
mod providers;
mod responses;
mod secrecy;
mod server;
mod simulated;
mod tls;

use depthfinder::endpoint::exchange::Patience;
use depthfinder::endpoint::http::{Http, HttpOptions};
use depthfinder::endpoint::openai::OpenAi;
use depthfinder::endpoint::speaker::Speaker;
use depthfinder::endpoint::wire::Wire;
use depthfinder::endpoint::{Ask, Endpoint, Served};
use depthfinder::reply::{Failure, Reply};
use depthfinder::rope::Rope;
use std::sync::Arc;
use std::time::Duration;

/// A short stream that is complete.
const COMPLETE: &str = "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"42\"}}]}\n\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
    data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}\n\n\
    data: [DONE]\n\n";

fn ask(prompt: Rope) -> Ask {
    Ask {
        system: None,
        earlier: Vec::new(),
        prompt,
        shared_pieces: 0,
        max_output_tokens: 64,
        temperature: Some(0.0),
        reasoning: None,
    }
}

/// Clocks short enough for tests, long enough for a busy machine.
fn short() -> Patience {
    Patience {
        base: Duration::from_millis(2500),
        per_megabyte: Duration::from_secs(1),
        aftermath: Duration::from_secs(1),
    }
}

fn options(server: &server::Server) -> HttpOptions {
    let mut options = HttpOptions::new(server.base().parse().expect("an address"));
    options.idle = Duration::from_millis(400);
    options
}

fn served(software: &str) -> Served {
    Served {
        model: "m".to_owned(),
        software: Some(software.to_owned()),
        tokenize: true,
        ..Served::default()
    }
}

fn endpoint(options: HttpOptions) -> Speaker {
    let wire = Arc::new(Http::new(options).expect("a client"));
    speaker(wire, served("vllm")).with_patience(short())
}

/// An endpoint in the OpenAI dialect.
fn speaker(wire: Arc<dyn Wire>, served: Served) -> Speaker {
    Speaker::new(wire, Box::new(OpenAi::default()), served)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn asked(server: &server::Server) -> Result<Reply, Failure> {
    run(endpoint(options(server)).ask(&ask(Rope::of("What is it?"))))
}
