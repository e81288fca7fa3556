//! Generated text beside real text: speed, repeats, compression and tokens.
//!
//! ```text
//! cargo bench --bench generator
//! ```
//!
//! Times are CPU milliseconds of one thread, medians first and then least..most.
//! `DEPTHFINDER_BENCH_ROUNDS` sets the turns.
// A bench is a program whose output is its table.
#![allow(clippy::print_stdout)]

mod support;

use anyhow::Result;
use depthfinder::corpus::reskin::{self, VOLUMES_A_PASS};
use std::collections::HashSet;
use std::hint::black_box;
use std::io::Write as _;
use support::{machine, median, on_this_thread, rounds, shown, verdict};

/// Megabytes a second on one core.
const LEAST_SPEED: f64 = 50.0;
/// How much text the shares of repeats are of.
const COUNTED_BYTES: usize = 40_000_000;
const WINDOW_BYTES: usize = 1_000_000;
const LEVEL: i32 = 19;

fn main() -> Result<()> {
    let rounds = rounds()?;
    println!("{}", machine());
    let (shipped, once) = on_this_thread(reskin::shipped)?;
    println!(
        "unpack the source and read the table, once: {:.0} ms",
        once.as_secs_f64() * 1e3
    );
    let mut passes = Vec::new();
    let mut bytes = 0;
    for round in 0..rounds {
        let pass = || -> Result<usize> {
            let numbers = round * VOLUMES_A_PASS..(round + 1) * VOLUMES_A_PASS;
            numbers
                .map(|number| Ok(black_box(shipped.volume(number)?).len()))
                .sum()
        };
        let (size, time) = on_this_thread(pass)?;
        bytes = size;
        passes.push(time);
    }
    let speed = bytes as f64 / 1e6 / median(&passes).as_secs_f64();
    println!("a pass of {bytes} bytes {}", shown(&passes));
    println!(
        "  {speed:.0} MB/s a core, at least {LEAST_SPEED}: {}",
        verdict(speed >= LEAST_SPEED)
    );

    let sources = reskin::sources()?;
    let real = joined(sources.iter().map(|(_, text)| &text[..]));
    let volumes: Vec<String> = (0..3 * VOLUMES_A_PASS)
        .map(reskin::volume)
        .collect::<Result<_>>()?;
    let made = joined(volumes.iter().map(|text| &text[..]));
    let both = format!("{real}\n\n{made}");
    let repeated = format!("{real}\n\n{real}\n\n{real}");
    let first = &made[..made.floor_char_boundary(real.len())];
    let forty = |text: &str| text[..text.floor_char_boundary(COUNTED_BYTES)].to_string();
    println!(
        "{:<34} {:>6} {:>16} {:>10} {:>7} {:>7}",
        "", "dup8", "zstd 1 MB", "zstd whole", "o200k", "cl100k"
    );
    for (name, text) in [
        ("real, 16.5 MB", real.clone()),
        ("generated, one pass", first.to_string()),
        ("real repeated, 40 MB", forty(&repeated)),
        ("real, then generated, 40 MB", forty(&both)),
        ("generated alone, 40 MB", forty(&made)),
    ] {
        let (mean, least, most) = windows(&text)?;
        println!(
            "{name:<34} {:5.2}% {mean:5.2} ({least:.2}-{most:.2}) {:10.2} {:7.3} {:7.3}",
            100.0 * repeats(&text),
            whole(&text)?,
            letters_a_token(&text, bpe_openai::o200k_base()),
            letters_a_token(&text, bpe_openai::cl100k_base()),
        );
    }
    verbatim(&real, &volumes);
    Ok(())
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<Vec<&str>>().join("\n\n")
}

fn digest(words: &[u64]) -> u64 {
    words.iter().fold(0, |sum: u64, word| {
        (sum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

fn words(text: &str) -> impl Iterator<Item = u64> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
                (sum ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
            })
        })
}

/// Share of the runs of eight words that stand earlier in the same text.
fn repeats(text: &str) -> f64 {
    let words: Vec<u64> = words(text).collect();
    let mut seen = HashSet::with_capacity(words.len());
    let runs = words.windows(8);
    let count = runs.len();
    runs.filter(|run| !seen.insert(digest(run))).count() as f64 / count as f64
}

/// Mean, least and most compression of nine windows spread over a text.
fn windows(text: &str) -> Result<(f64, f64, f64)> {
    let bytes = text.as_bytes();
    let mut ratios = Vec::new();
    for at in 1..10 {
        let from = (bytes.len() - WINDOW_BYTES) * at / 10;
        let window = &bytes[from..from + WINDOW_BYTES];
        let packed = zstd::bulk::compress(window, LEVEL)?;
        ratios.push(window.len() as f64 / packed.len() as f64);
    }
    ratios.sort_by(f64::total_cmp);
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    Ok((mean, ratios[0], ratios[ratios.len() - 1]))
}

/// Compression of all of it, however far apart its repeats are.
fn whole(text: &str) -> Result<f64> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(27)?;
    encoder.write_all(text.as_bytes())?;
    Ok(text.len() as f64 / encoder.finish()?.len() as f64)
}

/// By paragraphs, because one long string is slow to count.
fn letters_a_token(text: &str, tokenizer: &bpe_openai::Tokenizer) -> f64 {
    let tokens: usize = text
        .split_inclusive("\n\n")
        .map(|part| tokenizer.count(part))
        .sum();
    text.chars().count() as f64 / tokens as f64
}

/// Sentences of six or more words that stand in the real text or in an earlier volume.
fn verbatim(real: &str, volumes: &[String]) {
    let sentences = |text: &str| -> Vec<u64> {
        text.split("\n\n")
            .flat_map(|paragraph| paragraph.split(['.', '!', '?']))
            .map(|part| words(part).collect::<Vec<u64>>())
            .filter(|words| words.len() >= 6)
            .map(|words| digest(&words))
            .collect()
    };
    let mut seen: HashSet<u64> = sentences(real).into_iter().collect();
    let (mut counted, mut met) = (0, 0);
    for volume in volumes {
        let own = sentences(volume);
        counted += own.len();
        met += own
            .iter()
            .filter(|sentence| seen.contains(sentence))
            .count();
        seen.extend(own);
    }
    println!(
        "sentences of six or more words that stand in the source or an earlier volume: {met} of {counted} in {} volumes: {}",
        volumes.len(),
        verdict(met == 0)
    );
}
