//! Sending prompts of ten million tokens over loopback beside a raw socket, and the memory of eight at a time.
//!
//! ```text
//! cargo bench --bench upload
//! ```
//!
//! The server is this program again in another process: it reads and discards. Both sides take
//! turns in one run over connections that stay open.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::{Context, Result, bail};
use depthfinder::endpoint::connect::{ConnectOptions, connect};
use depthfinder::endpoint::openai::encode;
use depthfinder::endpoint::shape::Shape;
use depthfinder::endpoint::{Ask, Endpoint};
use depthfinder::prompt::Assembler;
use depthfinder::rope::Rope;
use futures_util::future::try_join_all;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{
    Ground, Server, machine, median, peak_rss_bytes, process_cpu, send_raw, serve, shown, verdict,
};

/// Share of the raw socket's rate.
const LEAST_SHARE: f64 = 0.5;
/// Requests in flight for the memory.
const TOGETHER: usize = 8;
/// Memory beyond the corpus, raw and escaped.
const MOST_EXTRA_BYTES: u64 = 200_000_000;
const ROUNDS: u32 = 15;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    if let Some(together) = value("--serve") {
        return serve(together.parse()?, |address| println!("{address}"));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    if let Some(address) = value("--client") {
        return runtime.block_on(eight(address));
    }
    println!("{}", machine());
    runtime.block_on(rate())?;
    memory()
}

async fn endpoint(address: &str) -> Result<Arc<dyn Endpoint>> {
    connect(ConnectOptions {
        target: format!("http://{address}/v1#m"),
        ..ConnectOptions::default()
    })
    .await
}

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

async fn rate() -> Result<()> {
    let server = Server::start(1)?;
    let endpoint = endpoint(&server.address).await?;
    let ground = Ground::lay(10_000_000, 1)?;
    let assembler = Assembler::new(&ground.corpus, &ground.index, &ground.tokenizer);
    let group = ground.plan.groups.first().context("no group")?;
    let ask = ask(ground.prompt(&assembler, group)?.rope);
    let body = encode("m", &ask, &Shape::default(), None, &[])
        .slices
        .concat();
    let mut raw = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.address,
        body.len()
    )
    .into_bytes();
    raw.extend_from_slice(&body);
    let mut stream = TcpStream::connect(&server.address)?;
    stream.set_nodelay(true)?;
    let (mut ours, mut theirs) = (vec![], vec![]);
    let (mut our_cpu, mut their_cpu) = (Duration::ZERO, Duration::ZERO);
    for round in 0..=ROUNDS {
        let (cpu, began) = (process_cpu()?, Instant::now());
        endpoint.ask(&ask).await?;
        let (our_time, our_use) = (began.elapsed(), process_cpu()? - cpu);
        let cpu = process_cpu()?;
        let their_time = send_raw(&mut stream, &raw)?;
        let their_use = process_cpu()? - cpu;
        // The first opens the connection and warms the server.
        if round > 0 {
            ours.push(our_time);
            theirs.push(their_time);
            our_cpu += our_use;
            their_cpu += their_use;
        }
    }
    println!("a request of {} bytes with its answer", raw.len());
    println!("  depthfinder, wall     {}", shown(&ours));
    println!("  raw socket, wall      {}", shown(&theirs));
    println!(
        "  CPU of the client: {:.1} ms and {:.1} ms",
        our_cpu.as_secs_f64() * 1e3 / f64::from(ROUNDS),
        their_cpu.as_secs_f64() * 1e3 / f64::from(ROUNDS)
    );
    let share = median(&theirs).as_secs_f64() / median(&ours).as_secs_f64();
    println!(
        "  {:.2} GB/s, {:.0} % of the raw socket's rate, at least {:.0} %: {}",
        raw.len() as f64 / median(&ours).as_secs_f64() / 1e9,
        100.0 * share,
        100.0 * LEAST_SHARE,
        verdict(share >= LEAST_SHARE)
    );
    Ok(())
}

/// The memory of a fresh process that does nothing else.
fn memory() -> Result<()> {
    let server = Server::start(TOGETHER)?;
    let client = Command::new(std::env::current_exe()?)
        .args(["--client", &server.address])
        .output()?;
    let said = String::from_utf8_lossy(&client.stdout).into_owned();
    if !client.status.success() {
        bail!(
            "the client failed: {}",
            String::from_utf8_lossy(&client.stderr)
        );
    }
    print!("{said}");
    Ok(())
}

/// Asks eight prompts of ten million tokens at once; the server reads none before all have begun.
async fn eight(address: &str) -> Result<()> {
    let endpoint = endpoint(address).await?;
    let ground = Ground::lay(10_000_000, TOGETHER as u32)?;
    let assembler = Assembler::new(&ground.corpus, &ground.index, &ground.tokenizer);
    let mut asks = Vec::new();
    for group in &ground.plan.groups {
        asks.push(ask(ground.prompt(&assembler, group)?.rope));
    }
    let sent: u64 = asks.iter().map(|ask| ask.prompt.json_bytes()).sum();
    let laid_bytes = peak_rss_bytes()?;
    try_join_all(asks.iter().map(|ask| endpoint.ask(ask))).await?;
    let peak_bytes = peak_rss_bytes()?;
    let mut corpus_bytes = ground.corpus.len_bytes();
    for text in &ground.corpus.texts {
        let pieces = text.pieces(0, text.raw()?.len())?;
        corpus_bytes += pieces.map(|piece| piece.json.len() as u64).sum::<u64>();
    }
    let extra = peak_bytes.saturating_sub(corpus_bytes);
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{} requests in flight, {:.0} MB of bodies: peak memory {:.0} MB ({:.0} MB before the first was sent)",
        asks.len(),
        mb(sent),
        mb(peak_bytes),
        mb(laid_bytes)
    );
    println!(
        "  the corpus, raw and escaped, is {:.0} MB; beyond it {:.0} MB, at most {:.0} MB: {}",
        mb(corpus_bytes),
        mb(extra),
        mb(MOST_EXTRA_BYTES),
        verdict(extra <= MOST_EXTRA_BYTES)
    );
    Ok(())
}
