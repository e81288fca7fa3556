//! Times of the statistics, which never may keep a run waiting.
//!
//! ```text
//! cargo bench --bench statistics
//! ```
//!
//! Times are CPU milliseconds, medians first and then least..most. `DEPTHFINDER_BENCH_ROUNDS` sets
//! the turns.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::Result;
use depthfinder::seed::{Secret, Stream};
use depthfinder::stats::{Design, Tally, Test, smooth, weakest_region};
use std::hint::black_box;
use std::time::Duration;
use support::{machine, median, on_this_thread, rounds, shown, verdict};

/// Rungs of a ladder, and questions on each.
const RUNGS: usize = 6;
const QUESTIONS: usize = 10_000;
/// Permutations of a scan.
const PERMUTATIONS: u32 = 999;
/// A look at all rungs.
const MOST_LOOK: Duration = Duration::from_millis(5);
/// A scan.
const MOST_SCAN: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let rounds = rounds()?;
    println!("{}", machine());
    let mut stream = Secret::from_hex("0123")?.key("").stream("bench", &[]);
    looks(rounds, &mut stream)?;
    for (lengths, depths, each) in [(6, 5, 5), (6, 5, 80), (11, 11, 3)] {
        maps(rounds, (lengths, depths, each), &mut stream)?;
    }
    Ok(())
}

/// One look at 6 rungs of 10,000 questions each, which are counted first: by a test that ends there,
/// whose boundaries are known, and by one without an end, for which every look works its own out.
fn looks(rounds: u32, stream: &mut Stream) -> Result<()> {
    let outcomes: Vec<Vec<bool>> = (0..RUNGS)
        .map(|_| (0..QUESTIONS).map(|_| stream.below(100) < 85).collect())
        .collect();
    for (name, most) in [("with an end", Some(QUESTIONS as u64)), ("open", None)] {
        let test = Test::new(Design {
            tau: 0.85,
            alpha_verify: 0.05,
            alpha_refute: 0.05 / RUNGS as f64,
            block: 5,
            most,
        });
        let mut looked = Vec::new();
        for _ in 0..rounds {
            let look = || {
                let decisions = black_box(&outcomes).iter().map(|rung| {
                    let mut tally = Tally::default();
                    for is_right in rung {
                        match is_right {
                            true => tally.right += 1,
                            false => tally.wrong += 1,
                        }
                    }
                    test.look(tally)
                });
                Ok(black_box(decisions.collect::<Vec<_>>()))
            };
            looked.push(on_this_thread(look)?.1);
        }
        println!(
            "a look at {RUNGS} x {QUESTIONS}, {name:<11} {}: at most {} ms: {}",
            shown(&looked),
            MOST_LOOK.as_millis(),
            verdict(median(&looked) < MOST_LOOK)
        );
    }
    Ok(())
}

/// The scan and the smoother on a map with so many questions a cell, most of them right.
fn maps(
    rounds: u32,
    (lengths, depths, each): (usize, usize, u64),
    stream: &mut Stream,
) -> Result<()> {
    let (mut scanned, mut smoothed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut cell = || {
            let right = (0..each).filter(|_| stream.below(100) < 90).count() as u64;
            Tally {
                right,
                wrong: each - right,
                void: 0,
            }
        };
        let cells: Vec<Vec<Tally>> = (0..lengths)
            .map(|_| (0..depths).map(|_| cell()).collect())
            .collect();
        let scan = || {
            let mut draw = |bound| stream.below(bound);
            Ok(black_box(weakest_region(&cells, PERMUTATIONS, &mut draw)))
        };
        scanned.push(on_this_thread(scan)?.1);
        smoothed.push(on_this_thread(|| Ok(black_box(smooth(&cells))))?.1);
    }
    println!("{lengths} x {depths} cells of {each} questions");
    println!(
        "  scan, {PERMUTATIONS} permutations {}: at most {} ms: {}",
        shown(&scanned),
        MOST_SCAN.as_millis(),
        verdict(median(&scanned) < MOST_SCAN)
    );
    println!("  smooth map             {}", shown(&smoothed));
    Ok(())
}
