//! What can be expected of a gate: it is played many times.

use super::{Gate, GatePlace, GateRules, GateVerdict};
use crate::stats::{PairLaw, PairOutcome};
use serde::{Deserialize, Serialize};

/// Whole numbers that a chance is cut into.
const UNIT: u64 = 1 << 48;

/// How a gate can be expected to end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateChances {
    /// Share of PASS.
    pub pass: f64,
    /// Share of FAIL.
    pub fail: f64,
    /// Mean number of pairs asked.
    pub mean_pairs: f64,
    /// Plays that the shares are of: their standard error is at most 1/(2√plays).
    pub plays: u64,
}

/// Plays the gate `plays` times over pairs at these places, which come out by their bands' laws;
/// two questions of one text are correlated by `alike` (0…1). `draw` gives a random number below
/// its bound. 4,000 plays of a gate of 400 pairs take a few tenths of a second.
pub fn gate_chances(
    rules: GateRules,
    places: &[GatePlace],
    laws: &[PairLaw],
    alike: f64,
    plays: u64,
    draw: &mut impl FnMut(u64) -> u64,
) -> GateChances {
    let share = |chance: f64| (chance.clamp(0.0, 1.0) * UNIT as f64) as u64;
    let limits: Vec<(u64, u64)> = laws
        .iter()
        .map(|law| (share(law.lose), share(law.lose) + share(law.win)))
        .collect();
    // A question takes its text's outcome with the root of the correlation, and two do both.
    let takes = share(alike.max(0.0).sqrt());
    let texts = places.iter().map(|place| place.text + 1).max().unwrap_or(0);
    let mut gate = Gate::new(rules, laws.len());
    let (mut pass, mut fail, mut pairs) = (0u64, 0u64, 0u64);
    for _ in 0..plays {
        gate.restart();
        let mut common: Vec<Option<u64>> = vec![None; texts];
        for place in places {
            let drawn = match takes > 0 && draw(UNIT) < takes {
                true => *common[place.text].get_or_insert_with(|| draw(UNIT)),
                false => draw(UNIT),
            };
            let (lose, differs) = limits.get(place.band).copied().unwrap_or((0, 0));
            let outcome = match drawn {
                drawn if drawn < lose => PairOutcome::Lose,
                drawn if drawn < differs => PairOutcome::Win,
                _ => PairOutcome::Same,
            };
            if gate.pair(*place, outcome).is_some() {
                break;
            }
        }
        match gate.finish() {
            GateVerdict::Pass => pass += 1,
            GateVerdict::Fail { .. } => fail += 1,
            GateVerdict::Neutral(_) => {}
        }
        pairs += gate.asked();
    }
    let share = |count: u64| count as f64 / plays.max(1) as f64;
    GateChances {
        pass: share(pass),
        fail: share(fail),
        mean_pairs: share(pairs),
        plays,
    }
}
