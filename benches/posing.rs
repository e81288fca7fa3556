//! Posing each task at a million tokens: what is planted and asked, and the haystack of a task that makes its own.
//!
//! ```text
//! cargo bench --bench posing
//! ```
//!
//! Times are CPU milliseconds of one thread, medians first and then least..most; laying out the
//! prompt is not among them. `DEPTHFINDER_BENCH_ROUNDS` sets the turns.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::Result;
use depthfinder::corpus::Corpus;
use depthfinder::fact::Facts;
use depthfinder::ground::{Assemblers, Corpora, Grounds};
use depthfinder::haystack::Beyond;
use depthfinder::language::Language;
use depthfinder::lexicon::Lexicon;
use depthfinder::plan::Plan;
use depthfinder::seed::Secret;
use depthfinder::task::Task;
use depthfinder::tokens::Tokenizer;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use support::{cache, grid, machine, median, on_this_thread, rounds, shown, verdict};

const LENGTH_TOKENS: u64 = 1_000_000;
const MOST: Duration = Duration::from_millis(5);

fn main() -> Result<()> {
    let rounds = rounds()?;
    println!("{}", machine());
    let english = Language::named("en")?;
    let key = Secret::from_hex("0123")?.key("");
    let tokenizer = Tokenizer::bundled("o200k")?;
    let corpus = Corpus::open("en")?;
    let lexicon = Arc::new(Lexicon::open(&corpus, Some(&cache()))?);
    // The texts of noise and of nothing but facts are made once in a run, not for each haystack.
    let corpora = Corpora::of(corpus, &[], english, LENGTH_TOKENS, Beyond::Refused)?;
    let indexes = corpora.index(&tokenizer, Some(&cache()))?;
    let grounds = Grounds::new(corpora, tokenizer, indexes);
    let assemblers = Assemblers::new(&grounds);
    let mut slowest = Duration::ZERO;
    for task in Task::all() {
        let plan = Plan::new(grid(task, LENGTH_TOKENS, rounds + 1)?, &key);
        let facts = Facts::new(&key, english, vec![Arc::clone(&lexicon)])?;
        let (mut posing, mut making) = (vec![], vec![]);
        for group in &plan.groups {
            let (posed, took) = on_this_thread(|| group.posed(&plan.grid, &facts, &key))?;
            let (made, took_to_make) = on_this_thread(|| assemblers.made(&posed))?;
            black_box(made);
            posing.push(took);
            making.push(took_to_make);
        }
        // The first unpacks lists and counts the words of its haystack once for the whole run.
        let (posing, making) = (&posing[1..], &making[1..]);
        print!("{:<20} {}", task.name(), shown(posing));
        if median(making) > Duration::from_micros(10) {
            print!(", its haystack {}", shown(making));
        }
        println!();
        slowest = slowest.max(median(posing));
    }
    println!(
        "the slowest is posed in {:.2} ms, at most {} ms: {}",
        slowest.as_secs_f64() * 1e3,
        MOST.as_millis(),
        verdict(slowest <= MOST)
    );
    Ok(())
}
