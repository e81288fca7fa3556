//! A whole sweep as a process beside needlehaystack 2 against the same instant server, in CPU seconds.
//!
//! ```text
//! DEPTHFINDER_BENCH_NIAH=venv/bin/niah cargo bench --bench sweep
//! ```
//!
//! `DEPTHFINDER_BENCH_NIAH` names the `niah` command of needlehaystack 2.0.0 (Python 3.12 or later),
//! which needs tiktoken's cl100k vocabulary at hand (`TIKTOKEN_CACHE_DIR`); without it only our
//! side is measured. All commands take turns. `DEPTHFINDER_BENCH_ROUNDS` sets the turns.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Server, cache, children_cpu, machine, median, rounds, serve, shown, verdict};

/// Fewer CPU seconds than needlehaystack by this factor.
const LEAST_FACTOR: f64 = 10.0;
const GRID: &[&str] = &["--lengths", "128k", "--depths", "11", "--samples", "4"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        let together = arguments.get(at + 1).context("no number")?.parse()?;
        return serve(together, |address| println!("{address}"));
    }
    let rounds = rounds()?;
    println!("{}", machine());
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-sweep");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work)?;
    beside_needlehaystack(&work, rounds)?;
    offline(&work, rounds.div_ceil(3))
}

/// One command that is measured.
struct Side {
    name: &'static str,
    command: Command,
    /// Removed before each turn.
    out: PathBuf,
    cpu: Vec<Duration>,
    wall: Vec<Duration>,
}

impl Side {
    fn sweep(name: &'static str, target: &str, more: &[&str], work: &Path) -> Side {
        let out = work.join("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_depthfinder"));
        command
            .args(["sweep", target, "--quiet", "--out"])
            .arg(&out)
            .args(more)
            .env("DEPTHFINDER_CACHE", cache());
        Side::of(name, command, out)
    }

    fn of(name: &'static str, mut command: Command, out: PathBuf) -> Side {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Side {
            name,
            command,
            out,
            cpu: Vec::new(),
            wall: Vec::new(),
        }
    }

    fn turn(&mut self) -> Result<()> {
        let _ = std::fs::remove_dir_all(&self.out);
        let _ = std::fs::remove_file(&self.out);
        let (cpu, began) = (children_cpu()?, Instant::now());
        let done = self.command.output()?;
        self.cpu.push(children_cpu()? - cpu);
        self.wall.push(began.elapsed());
        ensure!(
            done.status.success(),
            "{} failed: {}",
            self.name,
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }

    fn mean_cpu_s(&self) -> f64 {
        let sum: Duration = self.cpu.iter().sum();
        sum.as_secs_f64() / self.cpu.len().max(1) as f64
    }

    fn print(&self) {
        println!("{}", self.name);
        println!(
            "  CPU  {}, mean {:.1} ms",
            shown(&self.cpu),
            1e3 * self.mean_cpu_s()
        );
        println!("  wall {}", shown(&self.wall));
    }
}

fn measure(sides: &mut [Side], rounds: u32) -> Result<()> {
    // The first turn warms every cache.
    for round in 0..=rounds {
        for side in sides.iter_mut() {
            side.turn()?;
            if round == 0 {
                side.cpu.clear();
                side.wall.clear();
            }
        }
    }
    for side in sides {
        side.print();
    }
    Ok(())
}

fn beside_needlehaystack(work: &Path, rounds: u32) -> Result<()> {
    let server = Server::start(1)?;
    let target = format!("http://{}/v1#m", server.address);
    let single = [GRID, &["--task", "niah_single", "--keys", "1"]].concat();
    let mut sides = vec![
        Side::sweep(
            "depthfinder, niah_single, 44 requests of 128k tokens",
            &target,
            &single,
            work,
        ),
        Side::sweep(
            "depthfinder, niah_multikey, 60 requests of 128k tokens",
            &target,
            GRID,
            work,
        ),
    ];
    match std::env::var_os("DEPTHFINDER_BENCH_NIAH") {
        Some(niah) => sides.push(needlehaystack(Path::new(&niah), &server.address, work)?),
        None => println!("needlehaystack is not measured: DEPTHFINDER_BENCH_NIAH is not set"),
    }
    measure(&mut sides, rounds)?;
    if let [ours, _, theirs] = &sides[..] {
        let factor = median(&theirs.cpu).as_secs_f64() / median(&ours.cpu).as_secs_f64();
        println!(
            "needlehaystack takes {factor:.1} times the CPU of depthfinder, at least {LEAST_FACTOR}: {}",
            verdict(factor >= LEAST_FACTOR)
        );
    }
    Ok(())
}

/// needlehaystack's own essays and its nearest task: one fresh fact, 11 depths, 4 seeds.
fn needlehaystack(niah: &Path, address: &str, work: &Path) -> Result<Side> {
    let (model, run) = (work.join("model.yaml"), work.join("run.yaml"));
    let out = work.join("needlehaystack.jsonl");
    std::fs::write(
        &model,
        "id: m\nruntime: {sdk: openai-python, api: chat_completions}\n\
         client: {api_key_env: OPENAI_API_KEY}\n\
         request: {model: m, max_tokens: 64, temperature: 0}\n",
    )?;
    std::fs::write(
        &run,
        format!(
            "run_name: bench\nmodel: {}\ntask: {{type: uuid}}\n\
             haystack: {{type: files, path: PaulGrahamEssays}}\n\
             sweep: {{context_lengths: [128000], depth_percents: {{min: 0, max: 100, num: 11}}, seeds: [1, 2, 3, 4]}}\n\
             runner: {{concurrency: 1, resume: false}}\nstore: {{type: jsonl, path: {}}}\n",
            model.display(),
            out.display()
        ),
    )?;
    let mut command = Command::new(niah);
    command
        .arg("run")
        .arg(&run)
        .current_dir(work)
        .env("OPENAI_API_KEY", "none")
        .env("OPENAI_BASE_URL", format!("http://{address}/v1"));
    Ok(Side::of(
        "needlehaystack, 44 requests of 128k tokens",
        command,
        out,
    ))
}

/// Everything without a network, up to ten million tokens.
fn offline(work: &Path, rounds: u32) -> Result<()> {
    let more = ["--lengths", "1M,10M", "--depths", "5"];
    let mut sides = [Side::sweep(
        "offline, sim:perfect, 5 questions each at 1M and 10M tokens",
        "sim:perfect",
        &more,
        work,
    )];
    measure(&mut sides, rounds)
}
