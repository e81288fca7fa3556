//! Servers other than OpenAI's own that speak its dialect or their own: what they say of
//! themselves, how they are asked, and how fast.

mod canned;
mod doctor;
mod ollama;
mod ollama_server;
mod ollama_sim;
mod openrouter;
mod pacing;
mod windows;

use depthfinder::endpoint::Ask;
use depthfinder::rope::Rope;

fn ask(prompt: &str) -> Ask {
    Ask {
        system: None,
        earlier: Vec::new(),
        prompt: Rope::of(prompt),
        shared_pieces: 0,
        max_output_tokens: 64,
        temperature: Some(0.0),
        reasoning: None,
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}
