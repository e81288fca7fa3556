//! Verdicts of the whole binary on simulated models whose truth is known, with real prompts, many times.
//!
//! ```text
//! cargo build --release && cargo run --release --example verify_runs -- --runs 200
//! ```
// Its output is its table.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail, ensure};
use depthfinder::stats::clopper_pearson;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name, target, claim and what else is typed.
const CASES: &[(&str, &str, &str, &[&str])] = &[
    ("perfect", "sim:perfect", "16k", &[]),
    (".95 flat", "sim:flat=0.95", "16k", &[]),
    ("exactly tau", "sim:flat=0.85", "16k", &[]),
    ("flaky, .70", "sim:flaky=0.3", "16k", &[]),
    ("Scout-like", "sim:scout", "10M", &[]),
    ("cliff at 180k", "sim:cliff=180k", "10M", &[]),
    (
        "keeps the last 4k, and says so",
        "sim:perfect,fault=cut-head=4k",
        "16k",
        &["--not-served-gap", "0"],
    ),
    (
        "dead depth 40-60 %",
        "sim:hole=40-60",
        "16k",
        &["--tau", "0.7"],
    ),
];

/// Counts by exit code: verified, refuted, undecided or verified but for a depth, anything else.
#[derive(Default)]
struct Ends([AtomicU64; 4]);

fn main() -> Result<()> {
    let mut runs = 200;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => {
                let count = arguments.next().context("--runs N")?;
                runs = count.parse().context("--runs N")?;
            }
            other => bail!("unknown argument {other}: --runs N"),
        }
    }
    let binary = binary()?;
    let folder =
        std::env::temp_dir().join(format!("depthfinder-verify-runs-{}", std::process::id()));
    println!("| truth | claim | runs | VERIFIED | REFUTED | UNDECIDED or except a depth |");
    println!("|---|---|---|---|---|---|");
    for (nth, (name, target, claim, more)) in CASES.iter().enumerate() {
        let ends = Ends::default();
        let next = AtomicU64::new(0);
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let run = next.fetch_add(1, Ordering::Relaxed);
                        if run >= runs {
                            break;
                        }
                        let out = folder.join(format!("{nth}-{run}"));
                        let code = verified(&binary, target, claim, more, nth, run, &out);
                        // A folder of prompts' coordinates and answers: a megabyte each.
                        let _ = std::fs::remove_dir_all(&out);
                        let place = match code {
                            Some(0) => 0,
                            Some(1) => 1,
                            Some(3) => 2,
                            _ => 3,
                        };
                        ends.0[place].fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let count = |place: usize| ends.0[place].load(Ordering::Relaxed);
        ensure!(
            count(3) == 0,
            "{} runs of {target} ended otherwise",
            count(3)
        );
        let told = |place: usize| {
            let interval = clopper_pearson(count(place), runs, 0.95);
            format!(
                "{} ({:.3}–{:.3})",
                count(place),
                interval.low,
                interval.high
            )
        };
        println!(
            "| {name} | {claim} | {runs} | {} | {} | {} |",
            told(0),
            told(1),
            told(2)
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

/// The binary that was built beside this program.
fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own
        .parent()
        .and_then(Path::parent)
        .map(|folder| folder.join(format!("depthfinder{}", std::env::consts::EXE_SUFFIX)));
    let binary = beside.filter(|binary| binary.exists());
    binary.context("build the binary first: cargo build --release")
}

/// One run: its exit code.
fn verified(
    binary: &Path,
    target: &str,
    claim: &str,
    more: &[&str],
    nth: usize,
    run: u64,
    out: &Path,
) -> Option<i32> {
    let status = Command::new(binary)
        .args(["verify", target, "--claim", claim, "--quiet"])
        .args(["--secret", &format!("{:04x}{run:08x}", nth + 1)])
        .arg("--out")
        .arg(out)
        .args(more)
        .status();
    status.ok()?.code()
}
