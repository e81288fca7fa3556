//! The engine built in beside a llama-server: prefill speed at three lengths, and whether both give
//! the same greedy answers. Run it on a quiet machine:
//!
//! ```text
//! DEPTHFINDER_TEST_GGUF=model.gguf DEPTHFINDER_LLAMA_SERVER=bin/llama-server cargo bench --bench engine
//! ```
//!
//! `DEPTHFINDER_THREADS` sets the threads of both, `DEPTHFINDER_TEST_TEXT` names a text to ask about
//! (at least 40,000 characters), `DEPTHFINDER_BENCH_LENGTHS` the prefill lengths in tokens.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail, ensure};
use depthfinder::local::engine::Engine;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ANSWER_TOKENS: usize = 32;
const PROMPTS: usize = 50;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let (Some(gguf), Some(binary)) = (
        std::env::var_os("DEPTHFINDER_TEST_GGUF"),
        std::env::var_os("DEPTHFINDER_LLAMA_SERVER"),
    ) else {
        println!("set DEPTHFINDER_TEST_GGUF and DEPTHFINDER_LLAMA_SERVER to measure");
        return Ok(());
    };
    let (gguf, binary) = (PathBuf::from(gguf), PathBuf::from(binary));
    let threads = match std::env::var("DEPTHFINDER_THREADS") {
        Ok(threads) => threads
            .parse()
            .context("DEPTHFINDER_THREADS is not a number")?,
        Err(_) => std::thread::available_parallelism()?.get(),
    };
    let lengths = match std::env::var("DEPTHFINDER_BENCH_LENGTHS") {
        Ok(lengths) => lengths
            .split(',')
            .map(|length| {
                length
                    .parse()
                    .context("DEPTHFINDER_BENCH_LENGTHS is not a list of numbers")
            })
            .collect::<Result<Vec<usize>>>()?,
        Err(_) => vec![512, 2000, 8000],
    };
    let text = match std::env::var_os("DEPTHFINDER_TEST_TEXT") {
        Some(path) => std::fs::read_to_string(path)?,
        None => own_sources()?,
    };
    let loading = Instant::now();
    let mut engine = Engine::load(&gguf, Some(threads))?;
    println!(
        "{:?}, {threads} threads, loaded in {:.1} s",
        engine.info(),
        loading.elapsed().as_secs_f64()
    );
    let server = Server::start(&binary, &gguf, threads)?;
    let tokens = server.tokenize(&text)?;
    println!("text of {} tokens", tokens.len());
    speed(&mut engine, &server, &tokens, &lengths)?;
    agreement(&mut engine, &server, &tokens)
}

/// This package's own sources: a text that lies beside every checkout.
fn own_sources() -> Result<String> {
    let mut text = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        let mut entries = std::fs::read_dir(&folder)?.collect::<std::io::Result<Vec<_>>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => text.push_str(&std::fs::read_to_string(entry.path())?),
            }
        }
    }
    Ok(text)
}

/// Both in turns, so that what else the machine does meets both.
fn speed(engine: &mut Engine, server: &Server, tokens: &[u32], lengths: &[usize]) -> Result<()> {
    println!(
        "length  engine tok/s  server tok/s  ratio (medians of {ROUNDS}; decode tok/s: engine, server)"
    );
    for &length in lengths {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut our_decode, mut their_decode) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Another start each time, so that nothing comes out of a cache.
            let start = round + 1;
            ensure!(
                start + length <= tokens.len(),
                "the text is shorter than {length} tokens"
            );
            let prompt = &tokens[start..start + length];
            let answer = engine.generate(prompt, ANSWER_TOKENS, &[], &mut |_| true)?;
            ensure!(
                answer.cached_tokens == 0,
                "the engine had cached {}",
                answer.cached_tokens
            );
            ours.push(length as f64 / answer.prefill_ms * 1e3);
            our_decode.push((answer.tokens.len() - 1) as f64 / answer.decode_ms * 1e3);
            let (_, timings) = server.complete(prompt)?;
            theirs.push(
                timings["prompt_per_second"]
                    .as_f64()
                    .context("no prompt_per_second")?,
            );
            their_decode.push(timings["predicted_per_second"].as_f64().unwrap_or(f64::NAN));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{length:>6}  {ours:>12.1}  {theirs:>12.1}  {:>5.2} ({:.1}, {:.1})",
            ours / theirs,
            median(our_decode),
            median(their_decode)
        );
    }
    Ok(())
}

/// Greedy answers to needle questions, which are what this tool asks, and to plain stretches of
/// text, where nothing is certain. Where two answers part, the two best logits tell whether it was a
/// tie that rounding decides: a llama-server rounds activations to eight bits where weights are
/// quantised, the engine does not.
fn agreement(engine: &mut Engine, server: &Server, tokens: &[u32]) -> Result<()> {
    let (mut questions, mut stretches) = (Vec::new(), Vec::new());
    for index in 0..PROMPTS {
        let start = index * tokens.len() / (PROMPTS + 2);
        let stretch = &tokens[start..(start + 16 + index * 8).min(tokens.len())];
        let number = 1_000_003 + index * 179_424;
        let mut question = server.tokenize("<|im_start|>user\n")?;
        question.extend(stretch);
        question.extend(server.tokenize(&format!(
            "\nThe special magic number for Lisbon is {number}.\n"
        ))?);
        question.extend(stretch.iter().rev().take(8).rev());
        question.extend(server.tokenize(
            "\nWhat is the special magic number for Lisbon? Answer with the number only.<|im_end|>\n<|im_start|>assistant\n",
        )?);
        questions.push(question);
        stretches.push(stretch.to_vec());
    }
    for (what, prompts) in [
        ("needle questions", questions),
        ("stretches of text", stretches),
    ] {
        let (mut same, mut tied) = (0, 0);
        for (index, prompt) in prompts.iter().enumerate() {
            let ours = engine
                .generate(prompt, ANSWER_TOKENS, &[], &mut |_| true)?
                .tokens;
            let (theirs, _) = server.complete(prompt)?;
            ensure!(!theirs.is_empty(), "the server gave no token");
            let common = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            // The server ends at a stop token, the engine was told of none.
            if common == theirs.len() {
                same += 1;
                continue;
            }
            let mut until = prompt.to_vec();
            until.extend(&ours[..common]);
            let mut logits = engine.logits(&until)?;
            let of_theirs = logits[theirs[common] as usize];
            logits.sort_by(|a, b| b.total_cmp(a));
            let near = logits[0] - of_theirs < 0.1;
            tied += usize::from(near);
            println!(
                "{what} {index}: parts after {common} tokens, best logits {:.3} {:.3}, the server's {of_theirs:.3}{}",
                logits[0],
                logits[1],
                if near { " (tied)" } else { "" }
            );
        }
        println!(
            "{what}, greedy answers of {ANSWER_TOKENS} tokens: {same} of {PROMPTS} the same, {tied} more part at a tie within 0.1"
        );
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(binary: &Path, gguf: &Path, threads: usize) -> Result<Server> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = binary
            .parent()
            .context("DEPTHFINDER_LLAMA_SERVER is no path")?;
        let child = Command::new(binary)
            .env("LD_LIBRARY_PATH", folder)
            .arg("-m")
            .arg(gguf)
            .args(["--host", "127.0.0.1", "-c", "0", "-np", "1", "--no-webui"])
            .args(["--port", &port.to_string(), "-t", &threads.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut server = Server { child, port };
        for _ in 0..300 {
            if let Some(status) = server.child.try_wait()? {
                bail!("llama-server ended with {status}");
            }
            if server.ask("GET", "/health", &Value::Null).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("llama-server was not ready within a minute")
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        let (head, body) = reply
            .split_once("\r\n\r\n")
            .context("an answer without a head")?;
        ensure!(head.split(' ').nth(1) == Some("200"), "{path}: {body}");
        Ok(serde_json::from_str(body)?)
    }

    fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        let reply = self.ask(
            "POST",
            "/tokenize",
            &json!({ "content": text, "parse_special": true }),
        )?;
        Ok(serde_json::from_value(reply["tokens"].clone())?)
    }

    fn complete(&self, prompt: &[u32]) -> Result<(Vec<u32>, Value)> {
        let ask = json!({
            "prompt": prompt, "n_predict": ANSWER_TOKENS, "temperature": 0,
            "cache_prompt": false, "return_tokens": true,
        });
        let reply = self.ask("POST", "/completion", &ask)?;
        Ok((
            serde_json::from_value(reply["tokens"].clone())?,
            reply["timings"].clone(),
        ))
    }
}
