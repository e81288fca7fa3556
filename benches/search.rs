//! How long the search for the effective length takes to choose a question.
//!
//! ```text
//! cargo bench --bench search
//! ```
//!
//! One search up to 10M tokens on a slowly falling curve; wall-clock times of each call.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

use depthfinder::search::{BLOCK, Block, Search, Seeker};
use depthfinder::stats::Tally;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// A call may take so long.
const MOST: Duration = Duration::from_millis(20);

fn main() {
    let search = Search {
        precision: Some(0.25),
        ..Search::new(512, 10_000_000)
    };
    let (mut seeker, once) = timed(|| Seeker::new(search).expect("sound settings"));
    let (mut blocks, mut times) = (Vec::new(), Vec::new());
    let mut random = ChaCha8Rng::seed_from_u64(1);
    loop {
        let (next, time) = timed(|| seeker.next(&blocks));
        times.push(time);
        let Some(length_tokens) = next else { break };
        let at = (length_tokens as f64 / 1e6).sqrt();
        let right = (0..BLOCK)
            .filter(|_| (random.next_u32() as f64 / u32::MAX as f64) < 0.98 * (-at * 0.5).exp())
            .count() as u64;
        let tally = Tally {
            right,
            wrong: BLOCK - right,
            void: 0,
        };
        blocks.push(Block {
            length_tokens,
            tally,
        });
    }
    let (estimate, last) = timed(|| seeker.estimate(&blocks));
    let fresh = Seeker::new(seeker.search().clone()).expect("sound settings");
    let (_, resume) = timed(|| fresh.clone().next(&blocks));
    times.sort();
    let worst = times[times.len() - 1];
    println!("curves laid out once          {once:>12.2?}");
    println!(
        "next question, median         {:>12.2?}",
        times[times.len() / 2]
    );
    println!(
        "next question, worst of {:>4}  {worst:>12.2?}  {}",
        times.len(),
        if worst <= MOST { "ok" } else { "MISSED: 20 ms" }
    );
    println!(
        "resumed from all {:>4} blocks  {resume:>12.2?}",
        blocks.len()
    );
    println!("interval and guards           {last:>12.2?}  {estimate:?}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
