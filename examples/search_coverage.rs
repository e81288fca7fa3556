//! How often the search for the effective length is right, on twelve curves whose truth is known.
//!
//! ```text
//! cargo run --release --example search_coverage -- --replications 300
//! ```
// A simulation is a program whose output is its table.
#![allow(clippy::print_stdout)]

use depthfinder::search::{BLOCK, Block, Search, Seeker};
use depthfinder::stats::{Tally, clopper_pearson};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SHORTEST: u64 = 512;
const LONGEST: u64 = 10_000_000;
const TAU: f64 = 0.85;
/// Tokens of 35 × 35 prompts at lengths evenly spaced up to the longest, and of 15 × 11.
const GRIDS: [f64; 2] = [6.13e9, 0.825e9];
/// Prompts are drawn within so much of their nominal length.
const JITTER: f64 = 0.05;

/// A truth: the success rate at a length, for the five depths of a block.
struct Truth {
    name: &'static str,
    rate: fn(f64, usize) -> f64,
}

/// A logistic decline in ln length that crosses the threshold at `effective`.
fn decline(length: f64, effective: f64, slope: f64, top: f64, bottom: f64) -> f64 {
    let share = (TAU - bottom) / (top - bottom);
    let at = slope * (length / effective).ln() - (share / (1.0 - share)).ln();
    bottom + (top - bottom) / (1.0 + at.exp())
}

/// A logistic fall from 1 to 0 with its middle at `middle`.
fn fall(length: f64, middle: f64, slope: f64) -> f64 {
    1.0 / (1.0 + (slope * (length / middle).ln()).exp())
}

const TRUTHS: [Truth; 12] = [
    Truth {
        name: "cliff",
        rate: |l, _| decline(l, 155e3, 12.0, 0.99, 0.005),
    },
    // A server that keeps the last 131,072 tokens: what lies before them is not there.
    Truth {
        name: "hard truncation",
        rate: |l, depth| {
            let cut = 1.0 - 131_072.0 / l;
            let (from, to) = (depth as f64 / 5.0, (depth + 1) as f64 / 5.0);
            0.99 * ((to - cut.max(from)) * 5.0).clamp(0.0, 1.0)
        },
    },
    Truth {
        name: "slow decay",
        rate: |l, _| decline(l, 84e3, 0.6, 0.98, 0.05),
    },
    Truth {
        name: "U depth",
        rate: |l, depth| {
            let middle = (depth as f64 + 0.5) / 5.0;
            let loss = 1.0 - fall(l, 715e3, 1.2);
            0.985 - 0.9 * loss * 4.0 * middle * (1.0 - middle)
        },
    },
    Truth {
        name: "bump",
        rate: |l, _| {
            let from_dip = (l / 45.7e3).ln() / 0.5;
            (0.97 - 0.35 * (-0.5 * from_dip * from_dip).exp()) * fall(l, 1.5e6, 3.0)
        },
    },
    Truth {
        name: "Llama-4-like",
        rate: |l, _| decline(l, 2.1e3, 1.1, 0.97, 0.1),
    },
    Truth {
        name: "late fall",
        rate: |l, _| decline(l, 1.9e6, 3.0, 0.99, 0.005),
    },
    Truth {
        name: "flat .995",
        rate: |_, _| 0.995,
    },
    Truth {
        name: "Weibull",
        rate: |l, _| 0.98 * (-(l / 4.94e6).sqrt()).exp(),
    },
    Truth {
        name: "depth hole",
        rate: |l, depth| match depth {
            2 => 0.97 * fall(l, 200e3, 4.0),
            _ => 0.97,
        },
    },
    Truth {
        name: "two-step",
        rate: |l, _| (0.17 * fall(l, 60e3, 8.0) + 0.80) * fall(l, 600e3, 12.0),
    },
    Truth {
        name: "slow linear",
        rate: |l, _| (0.85 - 0.06 * (l / 1e6).ln()).min(0.99),
    },
];

impl Truth {
    fn mean(&self, length: f64) -> f64 {
        (0..5).map(|depth| (self.rate)(length, depth)).sum::<f64>() / 5.0
    }

    /// The first crossing of the threshold; none where it is never crossed.
    fn effective(&self) -> Option<f64> {
        let step: f64 = 1.0005;
        let lengths = (0..).map(|nth| SHORTEST as f64 * step.powi(nth));
        lengths
            .take_while(|length| *length <= LONGEST as f64)
            .find(|length| self.mean(*length) < TAU)
    }
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// What one search came to.
struct Outcome {
    is_covered: bool,
    width: Option<f64>,
    raw: Option<[f64; 5]>,
    tokens: f64,
    questions: u64,
    first: (f64, u64),
}

fn search(seeker: &mut Seeker, truth: &Truth, random: &mut ChaCha8Rng) -> Outcome {
    let (mut blocks, mut tokens) = (Vec::new(), 0.0);
    while let Some(length_tokens) = seeker.next(&blocks) {
        let mut tally = Tally::default();
        for depth in 0..BLOCK as usize {
            let jitter = JITTER * (2.0 * uniform(random) - 1.0);
            let length = (length_tokens as f64 * jitter.exp()).min(LONGEST as f64);
            tokens += length;
            match uniform(random) < (truth.rate)(length, depth) {
                true => tally.right += 1,
                false => tally.wrong += 1,
            }
        }
        blocks.push(Block {
            length_tokens,
            tally,
        });
    }
    let bracket = seeker.search().bracket(&blocks);
    let effective = truth.effective();
    let is_covered = bracket
        .low_tokens
        .is_none_or(|low| effective.is_none_or(|at| low as f64 <= at))
        && bracket
            .high_tokens
            .is_none_or(|high| effective.is_some_and(|at| at <= high as f64));
    Outcome {
        is_covered,
        width: bracket
            .low_tokens
            .zip(bracket.high_tokens)
            .map(|(low, high)| high as f64 / low as f64),
        raw: seeker.raw(&blocks),
        tokens,
        questions: blocks.iter().map(|block| block.tally.asked()).sum(),
        first: (0.0, 0),
    }
}

fn main() {
    let arg = |name: &str| std::env::args().skip_while(|a| a != name).nth(1);
    let n: u64 = arg("--replications").map_or(300, |n| n.parse().expect("number"));
    let precision: f64 = arg("--precision").map_or(0.25, |n| n.parse().expect("number"));
    let only = arg("--only");
    let mut settings = Search::new(SHORTEST, LONGEST);
    settings.precision = (precision > 0.0).then_some(precision);
    let mut seeker = Seeker::new(settings);
    for (nth, truth) in TRUTHS.iter().enumerate() {
        if only
            .as_ref()
            .is_some_and(|only| !truth.name.contains(only.as_str()))
        {
            continue;
        }
        let effective = truth.effective();
        let start = std::time::Instant::now();
        let outcomes: Vec<Outcome> = (0..n)
            .map(|rep| {
                let mut random = ChaCha8Rng::seed_from_u64(nth as u64 * 1_000_000 + rep);
                search(&mut seeker, truth, &mut random)
            })
            .collect();
        let covered = outcomes.iter().filter(|o| o.is_covered).count() as u64;
        let ci = clopper_pearson(covered, n, 0.95);
        let mut widths: Vec<f64> = outcomes
            .iter()
            .map(|o| o.width.unwrap_or(f64::INFINITY))
            .collect();
        widths.sort_by(f64::total_cmp);
        let tokens = outcomes.iter().map(|o| o.tokens).sum::<f64>() / n as f64;
        let questions = outcomes.iter().map(|o| o.questions).sum::<u64>() as f64 / n as f64;
        let raws: Vec<[f64; 5]> = outcomes.iter().filter_map(|o| o.raw).collect();
        let hit = |r: &&[f64; 5]| effective.is_some_and(|at| r[0] <= at && at <= r[2]);
        let mcov = raws.iter().filter(hit).count();
        let wide = raws
            .iter()
            .filter(|r| (r[2] / r[0]).ln() / 2.0 > precision)
            .count();
        let past = raws.iter().filter(|r| r[2] > LONGEST as f64).count();
        let q = |f: &dyn Fn(&[f64; 5]) -> f64, s: f64| {
            let mut v: Vec<f64> = raws.iter().map(f).collect();
            v.sort_by(f64::total_cmp);
            if v.is_empty() {
                0.0
            } else {
                v[((v.len() as f64 * s) as usize).min(v.len() - 1)]
            }
        };
        println!(
            "{:16} eff {:>9.0} | cover {:.3} [{:.3} {:.3}] width {:5.2} | model {}/{} wide {} past {} | p<.01 {} p q05 {:.3} q50 {:.2} | LR q50 {:.1} q95 {:.1} q99 {:.1} q05 {:.1}| {:.1}M tok {:.0} q | {:.0} {:.1} | {:.1}s",
            truth.name,
            effective.unwrap_or(0.0),
            covered as f64 / n as f64,
            ci.low,
            ci.high,
            widths[widths.len() / 2],
            mcov,
            raws.len(),
            wide,
            past,
            raws.iter().filter(|r| r[3] < 0.01).count(),
            q(&|r| r[3], 0.05),
            q(&|r| r[3], 0.5),
            q(&|r| r[4], 0.5),
            q(&|r| r[4], 0.95),
            q(&|r| r[4], 0.99),
            q(&|r| r[4], 0.05),
            tokens / 1e6,
            questions,
            GRIDS[0] / tokens,
            GRIDS[1] / tokens,
            start.elapsed().as_secs_f64()
        );
    }
    let _ = &search;
}
