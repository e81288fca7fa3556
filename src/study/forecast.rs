//! What a study will need under a supposed truth, by playing it through without asking anybody.

use super::{Headline, Next, Outcome, Seat, Study, verdict};
use crate::seed::Stream;
use std::collections::HashMap;

/// What plays of a study came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Share of plays that ended VERIFIED (a dead band or not).
    pub verified: f64,
    /// Share that ended REFUTED.
    pub refuted: f64,
    /// Mean prompt tokens.
    pub mean_tokens: f64,
    /// Mean number of questions.
    pub mean_questions: f64,
}

/// One play: what it came to, its prompt tokens and its questions.
pub fn simulate(study: &Study, answer: &mut dyn FnMut(&Seat) -> Outcome) -> (Headline, u64, u64) {
    let mut known: HashMap<Seat, Outcome> = HashMap::new();
    loop {
        let progress = study.replay(&|seat| known.get(seat).copied());
        match progress.next {
            Next::Ask(seats) => known.extend(seats.into_iter().map(|seat| (seat, answer(&seat)))),
            Next::Confirm { seat, .. } => {
                known.insert(seat, answer(&seat));
            }
            Next::Nothing => {
                let headline = verdict(study, &progress).headline;
                let tokens = progress.seats.iter().map(|seat| seat.rung_tokens).sum();
                return (headline, tokens, progress.seats.len() as u64);
            }
        }
    }
}

/// Plays a study `plays` times where a question at a length (tokens) and depth (0…1) is answered
/// rightly with the chance that `truth` gives.
pub fn forecast(
    study: &Study,
    plays: u32,
    truth: &dyn Fn(u64, f64) -> f64,
    stream: &mut Stream,
) -> Forecast {
    let mut sums = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..plays {
        let mut answer = |seat: &Seat| {
            let depth = (seat.stratum() as f64 + stream.unit()) / super::STRATA as f64;
            match stream.unit() < truth(seat.rung_tokens, depth) {
                true => Outcome::Right,
                false => Outcome::Wrong,
            }
        };
        let (headline, tokens, questions) = simulate(study, &mut answer);
        match headline {
            Headline::Verified | Headline::VerifiedExcept => sums.0 += 1.0,
            Headline::Refuted | Headline::NotServed => sums.1 += 1.0,
            Headline::Undecided => {}
        }
        sums.2 += tokens as f64;
        sums.3 += questions as f64;
    }
    let plays = f64::from(plays.max(1));
    Forecast {
        verified: sums.0 / plays,
        refuted: sums.1 / plays,
        mean_tokens: sums.2 / plays,
        mean_questions: sums.3 / plays,
    }
}
