//! Laying out prompts beside copying their bytes, and indexing the corpus beside encoding it once.
//!
//! ```text
//! cargo bench --bench assembly
//! ```
//!
//! Both sides of each comparison take turns in one run; times are CPU seconds, medians first and
//! then least..most. `DEPTHFINDER_BENCH_ROUNDS` sets the turns.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::{Context, Result};
use depthfinder::answer::ValueType;
use depthfinder::corpus::Corpus;
use depthfinder::fact::Facts;
use depthfinder::index::Index;
use depthfinder::language::Language;
use depthfinder::lexicon::Lexicon;
use depthfinder::prompt::{Assembler, Needle, QuestionAt, SetPlan};
use depthfinder::tokens::Tokenizer;
use depthfinder::tokens::bundled::Bundled;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{
    Ground, cache, machine, median, on_this_thread, process_cpu, rounds, shown, verdict,
};

/// A prompt of ten million tokens costs at most so many copies of its bytes.
const MOST_COPIES: f64 = 4.0;
/// A prompt of 128,000 tokens.
const MOST_128K: Duration = Duration::from_millis(1);
/// A thousand short sentences in a prompt of a million tokens cost at most so much more than none.
const MOST_FOR_NEEDLES: Duration = Duration::from_millis(5);
/// An index costs at most so many encodings of the corpus.
const MOST_ENCODINGS: f64 = 2.0;

fn main() -> Result<()> {
    let rounds = rounds()?;
    println!("{}", machine());
    // Makes the cache where there is none yet.
    drop(Ground::lay(1000, 1)?);
    loading(rounds)?;
    ten_million(rounds)?;
    short(rounds)?;
    many_needles(rounds)?;
    indexing(rounds.div_ceil(3))
}

/// What a run reads and draws before its first prompt.
fn loading(rounds: u32) -> Result<()> {
    let (mut indexes, mut words, mut draws) = (Vec::new(), Vec::new(), Vec::new());
    let ground = Ground::lay(1000, 1)?;
    for _ in 0..rounds {
        let corpus = Corpus::open("en")?;
        let open = || Index::open(&corpus, &ground.tokenizer, Some(&cache()));
        indexes.push(on_this_thread(open)?.1);
        let (lexicon, time) = on_this_thread(|| Lexicon::open(&corpus, Some(&cache())))?;
        words.push(time);
        let english = Language::named("en")?;
        let facts = Facts::new(&ground.key, english, vec![Arc::new(lexicon)])?;
        let draw = || {
            (0..44)
                .map(|n| facts.fact(n, ValueType::Numbers))
                .collect::<Result<Vec<_>>>()
        };
        draws.push(on_this_thread(draw)?.1);
    }
    println!("read a warm index       {}", shown(&indexes));
    println!("read the corpus's words {}", shown(&words));
    println!("draw 44 facts           {}", shown(&draws));
    Ok(())
}

fn ten_million(rounds: u32) -> Result<()> {
    let ground = Ground::lay(10_000_000, rounds + 1)?;
    let assembler = Assembler::new(&ground.corpus, &ground.index, &ground.tokenizer);
    let (mut laid, mut hashed, mut warm, mut fresh) = (vec![], vec![], vec![], vec![]);
    let mut groups = ground.plan.groups.iter();
    // Texts are unpacked and escaped once for the whole run.
    let first = groups.next().context("no group")?;
    let (prompt, once) = on_this_thread(|| ground.prompt(&assembler, first))?;
    println!(
        "10M tokens, {} bytes in {} pieces: the first, with all texts unpacked and escaped, {:.0} ms",
        prompt.rope.raw_bytes(),
        prompt.rope.pieces().len(),
        once.as_secs_f64() * 1e3
    );
    let source = prompt.rope.text();
    let mut target = vec![1u8; source.len()];
    for group in groups {
        let (prompt, lay) = on_this_thread(|| ground.prompt(&assembler, group))?;
        let (_, hash) = on_this_thread(|| Ok(black_box(prompt.rope.blake3_hex())))?;
        laid.push(lay);
        hashed.push(lay + hash);
        let copy = || {
            black_box(&mut target).copy_from_slice(black_box(source.as_bytes()));
            Ok(())
        };
        warm.push(on_this_thread(copy)?.1);
        fresh.push(on_this_thread(|| Ok(black_box(source.as_bytes().to_vec())))?.1);
    }
    println!("  laid out              {}", shown(&laid));
    println!("  laid out and hashed   {}", shown(&hashed));
    println!("  copied, warm target   {}", shown(&warm));
    println!("  copied, fresh target  {}", shown(&fresh));
    let ratio = median(&hashed).as_secs_f64() / median(&warm).as_secs_f64();
    println!(
        "  laid out and hashed: {ratio:.2} copies into a warm target, at most {MOST_COPIES}: {}",
        verdict(ratio <= MOST_COPIES)
    );
    Ok(())
}

fn short(rounds: u32) -> Result<()> {
    let ground = Ground::lay(128_000, 10 * rounds + 1)?;
    let assembler = Assembler::new(&ground.corpus, &ground.index, &ground.tokenizer);
    let (mut laid, mut hashed) = (vec![], vec![]);
    for (at, group) in ground.plan.groups.iter().enumerate() {
        // Once for its texts, which may be met here for the first time.
        ground.prompt(&assembler, group)?;
        let (prompt, lay) = on_this_thread(|| ground.prompt(&assembler, group))?;
        let (_, hash) = on_this_thread(|| Ok(black_box(prompt.rope.blake3_hex())))?;
        if at > 0 {
            laid.push(lay);
            hashed.push(lay + hash);
        }
    }
    println!("128k tokens laid out    {}", shown(&laid));
    println!(
        "  and hashed            {}: at most {} ms: {}",
        shown(&hashed),
        MOST_128K.as_millis(),
        verdict(median(&hashed) <= MOST_128K)
    );
    Ok(())
}

/// The same haystack without needles and with a thousand; its texts are met before.
fn many_needles(rounds: u32) -> Result<()> {
    let ground = Ground::lay(1_000_000, 2 * rounds + 1)?;
    let assembler = Assembler::new(&ground.corpus, &ground.index, &ground.tokenizer);
    let questions = ["Which number is that of town 17?".to_owned()];
    let (mut bare, mut sown) = (vec![], vec![]);
    for (at, group) in ground.plan.groups.iter().enumerate() {
        let needles: Vec<Needle> = (0..1000)
            .map(|town| Needle {
                sentence: format!("The number of town {town} is {}.", 7_919 * town + at),
                depth_percent: town as f64 / 10.0,
            })
            .collect();
        let trial = group.trials.first().context("an empty group")?;
        let lay = |needles: &[Needle]| -> Result<_> {
            let plan = SetPlan {
                text_tokens: 1_000_000,
                needles,
                questions: &questions,
                question_at: QuestionAt::End,
            };
            let set = assembler.set(
                &group.route(&ground.index, &ground.key, ground.plan.grid.beyond),
                plan,
            )?;
            set.prompt(0, group.rounding(trial, &ground.key))
        };
        lay(&[])?;
        let (_, without) = on_this_thread(|| lay(&[]))?;
        let (prompt, with) = on_this_thread(|| lay(&needles))?;
        black_box(prompt);
        if at > 0 {
            bare.push(without);
            sown.push(with);
        }
    }
    println!("1M tokens, no needle    {}", shown(&bare));
    println!("  1,000 needles         {}", shown(&sown));
    let more = median(&sown).saturating_sub(median(&bare));
    println!(
        "  {:.2} ms more, at most {} ms: {}",
        more.as_secs_f64() * 1e3,
        MOST_FOR_NEEDLES.as_millis(),
        verdict(more <= MOST_FOR_NEEDLES)
    );
    Ok(())
}

/// Both sides with an encoder of their own whose word cache is empty; its loading is not counted.
fn indexing(rounds: u32) -> Result<()> {
    let corpus = Corpus::open("en-prose")?;
    for text in &corpus.texts {
        text.as_str()?;
    }
    let (mut indexed, mut indexed_wall) = (vec![], vec![]);
    let (mut encoded, mut encoded_wall) = (vec![], vec![]);
    let mut loaded = vec![];
    // The built-in one is shared by the whole process, its word cache too.
    let json = Bundled::named("o200k").context("built in")?.to_json();
    let fresh = || -> Result<_> {
        let tokenizer = Tokenizer::from_json("o200k", json.clone());
        tokenizer.encoder()?;
        Ok(tokenizer)
    };
    for _ in 0..rounds {
        let (tokenizer, loading) = on_this_thread(fresh)?;
        loaded.push(loading);
        let (cpu, wall) = (process_cpu()?, Instant::now());
        black_box(Index::build(&corpus, &tokenizer)?);
        indexed.push(process_cpu()? - cpu);
        indexed_wall.push(wall.elapsed());
        drop(tokenizer);
        let tokenizer = fresh()?;
        let (cpu, wall) = (process_cpu()?, Instant::now());
        for text in &corpus.texts {
            black_box(tokenizer.encode(text.as_str()?)?);
        }
        encoded.push(process_cpu()? - cpu);
        encoded_wall.push(wall.elapsed());
    }
    println!(
        "indexing {} bytes of English prose (loading the encoder, {:.0} ms, not counted)",
        corpus.len_bytes(),
        median(&loaded).as_secs_f64() * 1e3
    );
    println!("  index, CPU            {}", shown(&indexed));
    println!("  index, wall           {}", shown(&indexed_wall));
    println!("  encode once, CPU      {}", shown(&encoded));
    println!("  encode once, wall     {}", shown(&encoded_wall));
    let ratio = median(&indexed).as_secs_f64() / median(&encoded).as_secs_f64();
    println!(
        "  an index costs {ratio:.2} encodings, at most {MOST_ENCODINGS}: {}",
        verdict(ratio <= MOST_ENCODINGS)
    );
    Ok(())
}
