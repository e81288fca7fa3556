//! The lengths at which a claim is tested.

use super::{Claim, Layout, Rung, SHARED_FACTS, SHARED_HAYSTACKS, STRATA};
use crate::claims::Kind;

/// Shortest length of the ladder of a long claim.
const LONG_FLOOR_TOKENS: u64 = 4_000;
/// Claims from here on are long ones.
const LONG_CLAIM_TOKENS: u64 = 128_000;
/// Shortest length of the ladder of others.
const SHORT_FLOOR_TOKENS: u64 = 512;
/// Lengths below the claim are drawn this far around their rung.
const SPREAD: f64 = 0.05;
/// Questions at the claim, and at the shorter, cheaper lengths at most.
const LEAST_QUESTIONS: f64 = 100.0;
const MOST_QUESTIONS: f64 = 400.0;
/// Up to here `LEAST_QUESTIONS` have power; a higher threshold needs more of them.
const USUAL_FAILURES: f64 = 0.15;

/// What a prompt at the claim must leave free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Tokens by which the prompt's own count may be off.
    pub uncertainty_tokens: u64,
}

/// The lengths from the claim downwards by `ratio`, shortest first, each with the number of
/// questions after which it ends: 100 at the claim, more where they are cheap.
pub fn ladder(claim: &Claim, ratio: u64, tau: f64, layout: Layout, limits: Limits) -> Vec<Rung> {
    let reserved = limits.uncertainty_tokens
        + match claim.kind {
            Kind::Total => limits.output_tokens,
            Kind::Input => 0,
        };
    let top = claim.tokens.saturating_sub(reserved).max(1);
    let floor = match claim.tokens >= LONG_CLAIM_TOKENS {
        true => LONG_FLOOR_TOKENS,
        false => SHORT_FLOOR_TOKENS,
    };
    let most = |nominal: u64| {
        let least = LEAST_QUESTIONS * (USUAL_FAILURES / (1.0 - tau).max(1e-3)).max(1.0);
        let cheap = least * claim.tokens as f64 / nominal as f64;
        let most = cheap.min(least * MOST_QUESTIONS / LEAST_QUESTIONS) as u64;
        match layout {
            Layout::Isolated => most.next_multiple_of(STRATA as u64),
            // Each haystack has so many facts and no more.
            Layout::Shared => u64::from(SHARED_HAYSTACKS * SHARED_FACTS),
        }
    };
    let mut rungs = vec![Rung {
        nominal_tokens: claim.tokens,
        low_tokens: (top as f64 * (1.0 - SPREAD)).ceil() as u64,
        high_tokens: top,
        most: Some(most(claim.tokens)),
    }];
    let step = ratio.max(2) as f64;
    let mut exact = claim.tokens as f64 / step;
    while exact >= floor as f64 {
        let nominal = exact.round() as u64;
        rungs.push(Rung {
            nominal_tokens: nominal,
            low_tokens: (nominal as f64 * (1.0 - SPREAD)).round() as u64,
            high_tokens: (nominal as f64 * (1.0 + SPREAD)).round() as u64,
            most: Some(most(nominal)),
        });
        exact /= step;
    }
    rungs.reverse();
    rungs
}
