//! How often the search for the effective length is right, on twelve curves whose truth is known.
//!
//! ```text
//! cargo run --release --example search_coverage -- --replications 300
//! ```
// A simulation is a program whose output is its table.
#![allow(clippy::print_stdout)]

use anyhow::{Result, bail, ensure};
use depthfinder::search::{BLOCK, Block, Estimate, Search, Seeker, Withheld};
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
    /// Upper by lower end of the bracket.
    width: f64,
    /// Whether the model's interval holds the truth, and its half-width as a factor.
    model: Result<(bool, f64), Withheld>,
    tokens: f64,
    questions: u64,
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
    // A curve that never falls is effective at any length.
    let effective = truth.effective().unwrap_or(f64::INFINITY);
    let low = bracket.low_tokens.map_or(0.0, |low| low as f64);
    let high = bracket
        .high_tokens
        .map_or(f64::INFINITY, |high| high as f64);
    let holds = |estimate: &Estimate| {
        (estimate.low_tokens as f64..=estimate.high_tokens as f64).contains(&effective)
    };
    Outcome {
        is_covered: (low..=high).contains(&effective),
        width: high / low,
        model: seeker
            .estimate(&blocks)
            .map(|estimate| (holds(&estimate), estimate.half_width().exp())),
        tokens,
        questions: blocks.iter().map(|block| block.tally.asked()).sum(),
    }
}

/// All replications of a truth; each has its own stream of randomness, so that the number of
/// threads changes nothing.
fn replicate(settings: &Search, nth: usize, replications: u64) -> Vec<Outcome> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    let mut seeker = Seeker::new(settings.clone()).expect("sound settings");
                    (worker..replications)
                        .step_by(threads as usize)
                        .map(|replication| {
                            let seed = nth as u64 * 1_000_000 + replication;
                            let mut random = ChaCha8Rng::seed_from_u64(seed);
                            search(&mut seeker, &TRUTHS[nth], &mut random)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a search does not panic"))
            .collect()
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number for the table, or a dash.
fn shown(value: f64, decimals: usize) -> String {
    match value.is_finite() {
        true => format!("{value:.decimals$}"),
        false => "–".to_string(),
    }
}

fn line(truth: &Truth, outcomes: &[Outcome]) -> String {
    let n = outcomes.len() as f64;
    let covered = outcomes.iter().filter(|outcome| outcome.is_covered).count();
    let interval = clopper_pearson(covered as u64, outcomes.len() as u64, 0.95);
    let given: Vec<(bool, f64)> = outcomes
        .iter()
        .filter_map(|outcome| outcome.model.ok())
        .collect();
    let held = given.iter().filter(|(holds, _)| *holds).count();
    let why = |is: fn(&Withheld) -> bool| {
        outcomes
            .iter()
            .filter(|outcome| outcome.model.as_ref().is_err_and(is))
            .count()
    };
    let tokens = outcomes.iter().map(|outcome| outcome.tokens).sum::<f64>() / n;
    let questions = outcomes
        .iter()
        .map(|outcome| outcome.questions as f64)
        .sum::<f64>()
        / n;
    format!(
        "| {} | {} | {:.3} [{:.3}, {:.3}] | {} | {held}/{} | {} | {}, {}, {}, {} | {:.1} | {:.0} | {:.0} | {:.1} |",
        truth.name,
        truth
            .effective()
            .map_or("≥ 10M".to_string(), |at| format!("{:.1}k", at / 1e3)),
        covered as f64 / n,
        interval.low,
        interval.high,
        shown(
            median(outcomes.iter().map(|outcome| outcome.width).collect()),
            2
        ),
        given.len(),
        shown(median(given.iter().map(|(_, factor)| *factor).collect()), 2),
        why(|why| matches!(why, Withheld::NothingRefuted)),
        why(|why| matches!(why, Withheld::Misfit { .. })),
        why(|why| matches!(why, Withheld::TwoSteps { .. })),
        why(|why| matches!(why, Withheld::TooWide { .. })),
        tokens / 1e6,
        questions,
        GRIDS[0] / tokens,
        GRIDS[1] / tokens,
    )
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut replications, mut settings) = (300, Search::new(SHORTEST, LONGEST));
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--replications" => replications = value.parse()?,
            [name, value] if name == "--precision" => settings.precision = Some(value.parse()?),
            _ => bail!(
                "takes --replications N and --precision LN, the half-width of the model's interval"
            ),
        }
    }
    ensure!(replications > 0, "needs one replication at least");
    println!(
        "{replications} replications a curve, precision {:?}\n",
        settings.precision
    );
    println!(
        "| truth | first crossing | bracket holds it [95 % CI] | its ratio, median | model holds it | factor to each side, median | withheld: nothing refuted, misfit, two steps, too wide | M tokens | questions | 35×35 / ours | 15×11 / ours |"
    );
    println!("|---|---:|---|---:|---:|---:|---|---:|---:|---:|---:|");
    for (nth, truth) in TRUTHS.iter().enumerate() {
        println!("{}", line(truth, &replicate(&settings, nth, replications)));
    }
    Ok(())
}
