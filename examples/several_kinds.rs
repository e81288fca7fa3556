//! How often any verdict over several kinds of use is wrong, with alpha divided among them and without.
//!
//! ```text
//! cargo run --release --example several_kinds -- --replications 10000
//! ```
// A simulation is a program whose output is its tables.
#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail};
use depthfinder::claims::Kind;
use depthfinder::seed::{RunKey, Secret};
use depthfinder::stats::clopper_pearson;
use depthfinder::study::{
    Claim, Headline, Layout, Limits, Outcome, Registered, Seat, Studies, ladder, verdict,
};
use std::cell::RefCell;

const TAU: f64 = 0.85;
const ALPHA: f64 = 0.05;
const KINDS: u32 = 3;
/// Three lengths: 8,000, 32,000 and the claim.
const CLAIM: u64 = 128_000;

/// A success rate of a kind at a length in tokens.
type Truth = fn(u32, u64) -> f64;

/// What three kinds may be like.
const TRUTHS: &[(&str, Truth)] = &[
    ("all at tau at the claim, .99 below", |_, tokens| {
        at_claim(tokens, TAU, 0.99)
    }),
    ("all at tau everywhere", |_, _| TAU),
    (
        "one perfect, two at tau at the claim",
        |kind, tokens| match kind {
            0 => 1.0,
            _ => at_claim(tokens, TAU, 0.99),
        },
    ),
    (
        "two perfect, one .70 at the claim",
        |kind, tokens| match kind {
            2 => at_claim(tokens, 0.7, 1.0),
            _ => 1.0,
        },
    ),
    ("all perfect", |_, _| 1.0),
    ("all .97 everywhere", |_, _| 0.97),
    ("all .95 everywhere", |_, _| 0.95),
];

fn at_claim(tokens: u64, there: f64, below: f64) -> f64 {
    match tokens == CLAIM {
        true => there,
        false => below,
    }
}

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
    let key = Secret::from_hex("0d")?.key("several kinds");
    println!(
        "| truth of three kinds | alpha | any false VERIFIED | any false REFUTED | all VERIFIED | any REFUTED | questions |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (row, (name, truth)) in (0..).zip(TRUTHS) {
        for (how, alpha) in [("divided", ALPHA), ("undivided", f64::from(KINDS) * ALPHA)] {
            let studies = registered(alpha).studies(&[]);
            let told = Plays::of(&studies, replications, *truth, &key, row);
            println!("| {name} | {how} | {} |", told.cells().join(" | "));
        }
    }
    Ok(())
}

/// A plan of three kinds that share so much of alpha.
fn registered(alpha: f64) -> Registered {
    let claim = Claim {
        written: "128k".to_string(),
        tokens: CLAIM,
        kind: Kind::Total,
        source: None,
    };
    let limits = Limits {
        output_tokens: 64,
        uncertainty_tokens: 16,
    };
    Registered {
        rungs: ladder(&claim, 4, TAU, Layout::Isolated, limits),
        claim,
        tau: TAU,
        relative: false,
        alpha,
        ladder: 4,
        layout: Layout::Isolated,
        block: 5,
        not_served_gap_ms: 60_000,
        base_questions: 0,
        search: None,
        kinds: KINDS,
        stop_at_first: false,
    }
}

/// What plays came to.
#[derive(Default)]
struct Plays {
    plays: u64,
    falsely_verified: u64,
    falsely_refuted: u64,
    all_verified: u64,
    any_refuted: u64,
    questions: u64,
}

impl Plays {
    fn of(studies: &Studies, plays: u64, truth: Truth, key: &RunKey, row: u64) -> Plays {
        let mut sums = Plays {
            plays,
            ..Plays::default()
        };
        let rungs = &studies.registered.rungs;
        // Whether a kind deserves VERIFIED, and REFUTED: above and below at some length.
        let is_good = |kind| {
            rungs
                .iter()
                .all(|rung| truth(kind, rung.nominal_tokens) > TAU)
        };
        let is_bad = |kind| {
            rungs
                .iter()
                .any(|rung| truth(kind, rung.nominal_tokens) < TAU)
        };
        for nth in 0..plays {
            // The same for both ways to deal with alpha.
            let stream = RefCell::new(key.stream("plays", &[row, nth]));
            let course = studies.replay(&|seat: &Seat| {
                let rate = truth(seat.kind, seat.rung_tokens);
                Some(match stream.borrow_mut().unit() < rate {
                    true => Outcome::Right,
                    false => Outcome::Wrong,
                })
            });
            let each = studies.kinds.iter().zip(&course.kinds);
            let headlines: Vec<Headline> = each
                .map(|(study, progress)| verdict(study, progress).headline)
                .collect();
            let is_verified =
                |one: &Headline| matches!(one, Headline::Verified | Headline::VerifiedExcept);
            let is_refuted = |one: &Headline| *one == Headline::Refuted;
            let kinds = || (0..).zip(&headlines);
            sums.falsely_verified +=
                u64::from(kinds().any(|(kind, one)| is_verified(one) && !is_good(kind)));
            sums.falsely_refuted +=
                u64::from(kinds().any(|(kind, one)| is_refuted(one) && !is_bad(kind)));
            sums.all_verified += u64::from(headlines.iter().all(is_verified));
            sums.any_refuted += u64::from(headlines.iter().any(is_refuted));
            sums.questions += course.seats.len() as u64;
        }
        sums
    }

    fn cells(&self) -> [String; 5] {
        let share = |count: u64| count as f64 / self.plays as f64;
        let told = |count: u64| {
            let interval = clopper_pearson(count, self.plays, 0.95);
            format!(
                "{:.4} [{:.4}, {:.4}]",
                share(count),
                interval.low,
                interval.high
            )
        };
        [
            told(self.falsely_verified),
            told(self.falsely_refuted),
            format!("{:.3}", share(self.all_verified)),
            format!("{:.3}", share(self.any_refuted)),
            format!("{:.0}", share(self.questions)),
        ]
    }
}
