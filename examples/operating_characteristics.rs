//! How often a verdict is wrong, and how often one is reached, through the code that gives verdicts.
//!
//! ```text
//! cargo run --release --example operating_characteristics -- --replications 10000
//! ```
// A simulation is a program whose output is its tables.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail};
use depthfinder::claims::Kind;
use depthfinder::seed::{RunKey, Secret, Stream};
use depthfinder::stats::{Design, Tally, Test, clopper_pearson};
use depthfinder::study::{
    Claim, Headline, Layout, Limits, Outcome, Registered, STRATA, Seat, Study, ladder, simulate,
};
use std::collections::HashMap;

const TAU: f64 = 0.85;
const ALPHA: f64 = 0.05;
const CLAIM: u64 = 10_000_000;
/// Tokens of 35 × 35 prompts at lengths evenly spaced up to the claim, and of 15 × 11 spaced evenly
/// in the logarithm.
const GRIDS: [f64; 2] = [6.13e9, 0.825e9];

/// A success rate at a length (tokens) and a fifth of the depth.
type Truth<'t> = dyn Fn(f64, usize) -> f64 + Sync + 't;

fn main() -> Result<()> {
    let mut replications = 10_000;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--replications" => {
                let count = arguments.next().context("--replications N")?;
                replications = count.parse().context("--replications N")?;
            }
            other => bail!("unknown argument {other}: --replications N"),
        }
    }
    let key = Secret::from_hex("0c")?.key("operating characteristics");
    power(replications, &key);
    threshold(replications, &key);
    voids(replications, &key);
    shared(replications, &key);
    relative(replications, &key);
    ladders(replications / 10, &key);
    Ok(())
}

fn registered(claim_tokens: u64, layout: Layout) -> Registered {
    let claim = Claim {
        written: claim_tokens.to_string(),
        tokens: claim_tokens,
        kind: Kind::Total,
        source: None,
    };
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    Registered {
        rungs: ladder(&claim, 4, TAU, layout, limits),
        claim,
        tau: TAU,
        relative: false,
        alpha: ALPHA,
        ladder: 4,
        layout,
        block: match layout {
            Layout::Isolated => 5,
            Layout::Shared => 25,
        },
        not_served_gap_ms: 0,
        base_questions: 0,
        search: None,
        kinds: 1,
        stop_at_first: false,
    }
}

/// A study of the claim's length alone, which ends after `most` questions.
fn one_length(layout: Layout, most: u64) -> Registered {
    // Too short a claim for a second length.
    let mut registered = registered(1_000, layout);
    registered.rungs[0].most = Some(most);
    registered
}

/// How plays ended.
#[derive(Clone, Copy, Default)]
struct Ends {
    plays: u64,
    verified: u64,
    refuted: u64,
    questions: f64,
    tokens: f64,
}

impl Ends {
    fn add(&mut self, (headline, tokens, questions): (Headline, u64, u64)) {
        self.plays += 1;
        match headline {
            Headline::Verified | Headline::VerifiedExcept => self.verified += 1,
            Headline::Refuted | Headline::NotServed => self.refuted += 1,
            Headline::Undecided => {}
        }
        self.questions += questions as f64;
        self.tokens += tokens as f64;
    }

    fn share(&self, count: u64) -> f64 {
        count as f64 / self.plays as f64
    }

    /// `.0441 [.0402, .0483]`
    fn told(&self, count: u64) -> String {
        let interval = clopper_pearson(count, self.plays, 0.95);
        format!(
            "{:.4} [{:.4}, {:.4}]",
            self.share(count),
            interval.low,
            interval.high
        )
    }

    fn mean_questions(&self) -> f64 {
        self.questions / self.plays as f64
    }

    fn mean_tokens(&self) -> f64 {
        self.tokens / self.plays as f64
    }
}

/// Plays with a stream of randomness of their own each, so that neither the number of threads nor
/// other rows of the table change anything.
fn played(
    plays: u64,
    key: &RunKey,
    (name, row): (&str, u64),
    play: &(dyn Fn(&mut Stream) -> (Headline, u64, u64) + Sync),
) -> Ends {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let ends: Vec<Ends> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    let mut ends = Ends::default();
                    for nth in (worker..plays).step_by(threads as usize) {
                        ends.add(play(&mut key.stream(name, &[row, nth])));
                    }
                    ends
                })
            })
            .collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined.map(|ends| ends.unwrap_or_default()).collect()
    });
    ends.into_iter().fold(Ends::default(), |sum, ends| Ends {
        plays: sum.plays + ends.plays,
        verified: sum.verified + ends.verified,
        refuted: sum.refuted + ends.refuted,
        questions: sum.questions + ends.questions,
        tokens: sum.tokens + ends.tokens,
    })
}

fn answered(is_right: bool) -> Outcome {
    match is_right {
        true => Outcome::Right,
        false => Outcome::Wrong,
    }
}

/// Independent answers.
fn plain(study: &Study, truth: &Truth<'_>, stream: &mut Stream) -> (Headline, u64, u64) {
    simulate(study, &mut |seat| {
        let rate = truth(seat.rung_tokens as f64, seat.stratum());
        answered(stream.unit() < rate)
    })
}

/// The power table: one length, against the exact figures.
fn power(plays: u64, key: &RunKey) {
    println!("## Power at one length (tau .85, blocks of five), simulated | exact\n");
    println!("| p | N | VERIFIED | REFUTED | questions |");
    println!("|---|---|---|---|---|");
    let mut row = 0;
    for p in [1.0, 0.99, 0.97, 0.95, 0.93, 0.90, 0.80, 0.70, 0.50, 0.15] {
        for most in [50, 100, 200, 400] {
            let study = one_length(Layout::Isolated, most).study(Tally::default());
            let ends = played(plays, key, ("power", row), &|stream| {
                plain(&study, &|_, _| p, stream)
            });
            row += 1;
            let exact = Test::new(Design {
                tau: TAU,
                alpha_verify: ALPHA,
                alpha_refute: ALPHA,
                block: 5,
                most: Some(most),
            })
            .operating(&[p; STRATA]);
            let exact = exact.map_or_else(String::new, |exact| {
                format!(
                    "{:.4} | {:.4} | {:.1}",
                    exact.verified, exact.refuted, exact.mean_questions
                )
            });
            let exact: Vec<&str> = exact.split(" | ").collect();
            println!(
                "| {p} | {most} | {:.4} ({}) | {:.4} ({}) | {:.1} ({}) |",
                ends.share(ends.verified),
                exact[0],
                ends.share(ends.refuted),
                exact[1],
                ends.mean_questions(),
                exact[2]
            );
        }
    }
    println!();
}

/// Both errors exactly at the threshold, however the depths share it.
fn threshold(plays: u64, key: &RunKey) {
    println!("## Errors at p = tau, one length, N = 100 (at most .05 each)\n");
    println!("| depths | false VERIFIED | false REFUTED |");
    println!("|---|---|---|");
    let patterns: [(&str, [f64; STRATA]); 5] = [
        ("all alike", [0.85; 5]),
        ("mild U", [0.95, 0.80, 0.75, 0.80, 0.95]),
        ("strong U", [1.0, 0.85, 0.55, 0.85, 1.0]),
        ("one dead fifth", [1.0, 1.0, 0.25, 1.0, 1.0]),
        ("one weak end", [0.65, 0.9, 0.9, 0.9, 0.9]),
    ];
    let study = one_length(Layout::Isolated, 100).study(Tally::default());
    for (row, (name, rates)) in (0..).zip(patterns) {
        let truth = |_: f64, stratum: usize| rates[stratum];
        let ends = played(plays, key, ("threshold", row), &|stream| {
            plain(&study, &truth, stream)
        });
        println!(
            "| {name} | {} | {} |",
            ends.told(ends.verified),
            ends.told(ends.refuted)
        );
    }
    println!();
}

/// What would be answered to each question, and which answers do not arrive.
struct Hidden<'s> {
    stream: &'s mut Stream,
    /// Chances that a wrong and a right answer do not arrive.
    lost: (f64, f64),
    /// Whether a void question is asked again, or a fresh one instead of it.
    is_fresh: bool,
    known: HashMap<Seat, bool>,
}

impl Hidden<'_> {
    fn answer(&mut self, seat: &Seat) -> Outcome {
        let same = match self.is_fresh {
            true => *seat,
            false => Seat { copy: 0, ..*seat },
        };
        let unit = self.stream.unit();
        let is_right = *self.known.entry(same).or_insert(unit < TAU);
        let lost = match is_right {
            false => self.lost.0,
            true => self.lost.1,
        };
        // What was lost once may arrive when it is asked again.
        match self.stream.unit() < lost {
            true => Outcome::Void,
            false => answered(is_right),
        }
    }
}

/// Errors that come instead of wrong answers, and instead of right ones.
fn voids(plays: u64, key: &RunKey) {
    println!(
        "## Errors at p = tau where answers do not arrive, one length, N = 100 (at most .05 each)\n"
    );
    println!(
        "| void | wrong answers lost: false VERIFIED | the same with a fresh question for each void one | right answers lost: false REFUTED | the same with a fresh question |"
    );
    println!("|---|---|---|---|---|");
    let study = one_length(Layout::Isolated, 100).study(Tally::default());
    for (row, void) in (0..).zip([0.0, 0.05, 0.10, 0.15, 0.20]) {
        let ends = |is_wrong: bool, is_fresh: bool| {
            let lost = match is_wrong {
                true => ((void / (1.0 - TAU)).min(1.0), 0.0),
                false => (0.0, void / TAU),
            };
            played(
                plays,
                key,
                (
                    "voids",
                    4 * row + 2 * u64::from(is_wrong) + u64::from(is_fresh),
                ),
                &|stream| {
                    let mut hidden = Hidden {
                        stream,
                        lost,
                        is_fresh,
                        known: HashMap::new(),
                    };
                    simulate(&study, &mut |seat| hidden.answer(seat))
                },
            )
        };
        let verified = |ends: Ends| ends.told(ends.verified);
        let refuted = |ends: Ends| ends.told(ends.refuted);
        println!(
            "| {:.0} % | {} | {} | {} | {} |",
            100.0 * void,
            verified(ends(true, false)),
            verified(ends(true, true)),
            refuted(ends(false, false)),
            refuted(ends(false, true))
        );
    }
    println!();
}

/// A Beta(a, b) number by Jöhnk's rule, which holds for any a and b.
fn beta(a: f64, b: f64, stream: &mut Stream) -> f64 {
    loop {
        let (x, y) = (stream.unit().powf(1.0 / a), stream.unit().powf(1.0 / b));
        if x + y > 0.0 && x + y <= 1.0 {
            return x / (x + y);
        }
    }
}

/// Rates of five haystacks with an intra-class correlation of .2 around the threshold.
fn haystacks(is_exact: bool, stream: &mut Stream) -> [f64; 5] {
    let strength = 1.0 / 0.2 - 1.0;
    let mut rates = [0.0; 5].map(|_: f64| beta(TAU * strength, (1.0 - TAU) * strength, stream));
    loop {
        let off = TAU - rates.iter().sum::<f64>() / 5.0;
        if !is_exact || off.abs() < 1e-9 {
            return rates;
        }
        rates = rates.map(|rate| (rate + off).clamp(0.0, 1.0));
    }
}

/// Five haystacks whose questions share them.
fn shared(plays: u64, key: &RunKey) {
    println!(
        "## Errors at p = tau in shared haystacks, one length, ICC .2 (the verdict is on these five)\n"
    );
    println!("| truth | false VERIFIED | false REFUTED |");
    println!("|---|---|---|");
    let study = one_length(Layout::Shared, 100).study(Tally::default());
    for (row, (name, is_exact)) in (0..).zip([
        ("tau on these five haystacks", true),
        ("tau over all haystacks that could have been drawn", false),
    ]) {
        let ends = played(plays, key, ("shared", row), &|stream| {
            let rates = haystacks(is_exact, stream);
            simulate(&study, &mut |seat| {
                answered(stream.unit() < rates[seat.haystack() as usize])
            })
        });
        println!(
            "| {name} | {} | {} |",
            ends.told(ends.verified),
            ends.told(ends.refuted)
        );
    }
    println!();
}

/// A threshold relative to a measured short-context rate.
fn relative(plays: u64, key: &RunKey) {
    println!(
        "## Errors at p = .85 x base where the base is measured (100 questions), N = 100 (at most .05 each)\n"
    );
    println!("| base | false VERIFIED | false REFUTED |");
    println!("|---|---|---|");
    let mut registered = one_length(Layout::Isolated, 100);
    registered.relative = true;
    for (row, base) in (0..).zip([0.99, 0.95, 0.9, 0.8, 0.6]) {
        let ends = played(plays, key, ("relative", row), &|stream| {
            let right = (0..100).filter(|_| stream.unit() < base).count() as u64;
            let study = registered.study(Tally {
                right,
                wrong: 100 - right,
                void: 0,
            });
            plain(&study, &|_, _| TAU * base, stream)
        });
        println!(
            "| {base} | {} | {} |",
            ends.told(ends.verified),
            ends.told(ends.refuted)
        );
    }
    println!();
}

/// A logistic decline in ln length that crosses the threshold at `effective`.
fn decline(length: f64, effective: f64, slope: f64, top: f64, bottom: f64) -> f64 {
    let share = (TAU - bottom) / (top - bottom);
    let at = slope * (length / effective).ln() - (share / (1.0 - share)).ln();
    bottom + (top - bottom) / (1.0 + at.exp())
}

/// Whole studies of a 10M claim: what they end with, and what they cost beside the usual grids.
fn ladders(plays: u64, key: &RunKey) {
    println!(
        "## Whole studies of a 10M claim (ladder 4), and the tokens of grids that give no verdict\n"
    );
    println!("| truth | VERIFIED | REFUTED | tokens | questions | 35x35 / ours | 15x11 / ours |");
    println!("|---|---|---|---|---|---|---|");
    let at_claim = |rate: f64| {
        move |length: f64, _: usize| match length < CLAIM as f64 {
            true => 0.99,
            false => rate,
        }
    };
    let middle = |stratum: usize| {
        let depth = (stratum as f64 + 0.5) / STRATA as f64;
        4.0 * depth * (1.0 - depth)
    };
    let (at_tau, at_70, at_80) = (at_claim(TAU), at_claim(0.7), at_claim(0.8));
    let u_depth = |length: f64, stratum: usize| {
        let loss = 1.0 - 1.0 / (1.0 + (length / 715e3).powf(1.2));
        0.985 - 0.9 * loss * middle(stratum)
    };
    let truncation = |length: f64, stratum: usize| {
        // The last 131,072 tokens are kept.
        let cut = 1.0 - 131_072.0 / length;
        let (from, to) = (stratum as f64 / 5.0, (stratum + 1) as f64 / 5.0);
        0.99 * ((to - cut.max(from)) * 5.0).clamp(0.0, 1.0)
    };
    let u_at_tau = |_: f64, stratum: usize| [0.95, 0.80, 0.75, 0.80, 0.95][stratum];
    let truths: [(&str, &Truth<'_>); 17] = [
        ("Llama-4-like (.15 at 120k)", &|l, _| {
            1.0 / (1.0 + (l / 15_900.0).powf(0.857))
        }),
        ("cliff at 180k", &|l, _| if l <= 180e3 { 0.99 } else { 0.0 }),
        ("hard truncation at 131k", &truncation),
        ("slow decay (84k)", &|l, _| {
            decline(l, 84e3, 0.6, 0.98, 0.05)
        }),
        ("U depth (255k)", &u_depth),
        ("late fall (1.9M)", &|l, _| {
            decline(l, 1.9e6, 3.0, 0.99, 0.005)
        }),
        ("perfect", &|_, _| 1.0),
        (".99 everywhere", &|_, _| 0.99),
        (".97 everywhere", &|_, _| 0.97),
        (".95 everywhere", &|_, _| 0.95),
        (".93 everywhere", &|_, _| 0.93),
        (".90 everywhere", &|_, _| 0.90),
        ("tau at the claim, .99 below", &at_tau),
        ("tau everywhere", &|_, _| TAU),
        ("tau everywhere, U depth", &u_at_tau),
        (".70 at the claim only", &at_70),
        (".80 at the claim only", &at_80),
    ];
    let study = registered(CLAIM, Layout::Isolated).study(Tally::default());
    for (row, (name, truth)) in (0..).zip(truths) {
        let ends = played(plays.max(1), key, ("ladders", row), &|stream| {
            plain(&study, truth, stream)
        });
        let tokens = ends.mean_tokens();
        println!(
            "| {name} | {:.3} | {:.3} | {:.2}M | {:.0} | {:.1} | {:.1} |",
            ends.share(ends.verified),
            ends.share(ends.refuted),
            tokens / 1e6,
            ends.mean_questions(),
            GRIDS[0] / tokens,
            GRIDS[1] / tokens
        );
    }
    println!();
}
