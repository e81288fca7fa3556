//! What a paired design can find: power, the smallest difference found, pairs needed.

use super::pairs::{Pairs, mcnemar};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

/// Which differences a test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// Losses alone.
    One,
    /// A change either way.
    Two,
}

/// Chances of the two kinds of pairs that differ; the rest are alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairLaw {
    /// Base right, new one wrong.
    pub lose: f64,
    /// Base wrong, new one right.
    pub win: f64,
}

impl PairLaw {
    /// No change: a share of `discordance` (0…1) of all pairs differ by chance, half each way, as
    /// two runs of one deployment do.
    pub fn unchanged(discordance: f64) -> PairLaw {
        PairLaw::dropped(0.0, discordance)
    }

    /// The new one is worse by `drop` (0…1), on top of a share of `discordance` that differs by
    /// chance alone. Where both exceed one together, chance gives way.
    pub fn dropped(drop: f64, discordance: f64) -> PairLaw {
        let drop = drop.clamp(0.0, 1.0);
        let by_chance = discordance.clamp(0.0, 1.0 - drop) / 2.0;
        PairLaw {
            lose: drop + by_chance,
            win: by_chance,
        }
    }

    /// Share of pairs that differ.
    fn differing(self) -> f64 {
        (self.lose + self.win).clamp(0.0, 1.0)
    }

    /// Share of losses among those that differ; half where none does.
    fn losing(self) -> f64 {
        match self.lose + self.win {
            both if both > 0.0 => (self.lose / both).clamp(0.0, 1.0),
            _ => 0.5,
        }
    }
}

/// Numbers of pairs that differ which are rarer than this in total are left out of sums.
const NEGLIGIBLE: f64 = 1e-10;
/// Drops are found to this precision.
const PRECISION: f64 = 1e-4;
/// More pairs than this are never proposed.
const MOST_PAIRS: u64 = 100_000;

/// Chance that the mid-p McNemar test at `alpha` finds the change of this law in `n` pairs: exact,
/// by summing over all numbers of pairs that differ. A rejection to the wrong side does not count.
pub fn power(n: u64, law: PairLaw, sides: Sides, alpha: f64) -> f64 {
    Cuts::new(n, sides, alpha).power(law)
}

/// The smallest drop (0…1) that `n` pairs find with a chance of `power` or more, where a share of
/// `discordance` differs by chance alone. None where not even the largest possible drop is found.
pub fn detectable_drop(
    n: u64,
    discordance: f64,
    sides: Sides,
    alpha: f64,
    power: f64,
) -> Option<f64> {
    let cuts = Cuts::new(n, sides, alpha);
    let found = |drop: f64| cuts.power(PairLaw::dropped(drop, discordance)) >= power;
    let (mut below, mut above) = (0.0, 1.0);
    if !found(above) {
        return None;
    }
    while above - below > PRECISION {
        let middle = 0.5 * (below + above);
        match found(middle) {
            true => above = middle,
            false => below = middle,
        }
    }
    Some(above)
}

/// Pairs from which on a drop of `drop` is found with a chance of `power` or more, as far as
/// doubling and halving can tell: power climbs in saw teeth of a few hundredths, so that slightly
/// fewer pairs may do. None beyond 100,000 pairs.
pub fn pairs_for_drop(
    drop: f64,
    discordance: f64,
    sides: Sides,
    alpha: f64,
    chance: f64,
) -> Option<u64> {
    let law = PairLaw::dropped(drop, discordance);
    fewest(|n| power(n, law, sides, alpha) >= chance)
}

/// Chance that [`Pairs::is_noninferior`] with this margin passes `n` pairs of this law, exact.
pub fn noninferiority_power(n: u64, law: PairLaw, delta: f64, alpha: f64) -> f64 {
    over_differing(n, law, |differing, losses| {
        // One more loss never helps, so that halving finds the most losses that pass.
        let passes = |lose: u64| {
            let pairs = Pairs {
                lose,
                win: differing - lose,
                n,
            };
            pairs.is_noninferior(delta, alpha)
        };
        if !passes(0) {
            return 0.0;
        }
        let (mut most, mut too_many) = (0, differing + 1);
        while too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            match passes(middle) {
                true => most = middle,
                false => too_many = middle,
            }
        }
        losses.map_or(1.0, |law| law.cdf(most))
    })
}

/// Pairs that show "no worse by `delta`" with a chance of `power` or more where nothing has
/// changed and a share of `discordance` differs by chance. None beyond 100,000 pairs.
pub fn pairs_for_noninferiority(
    delta: f64,
    discordance: f64,
    alpha: f64,
    power: f64,
) -> Option<u64> {
    let law = PairLaw::unchanged(discordance);
    fewest(|n| noninferiority_power(n, law, delta, alpha) >= power)
}

/// Where the mid-p test starts to reject, for each number of pairs that differ.
struct Cuts {
    n: u64,
    alpha: f64,
    sides: Sides,
    /// Losses from which on it rejects, by the number of differing pairs; above it: never.
    from: std::cell::RefCell<std::collections::HashMap<u64, u64>>,
}

impl Cuts {
    fn new(n: u64, sides: Sides, alpha: f64) -> Cuts {
        Cuts {
            n,
            alpha,
            sides,
            from: std::cell::RefCell::default(),
        }
    }

    fn from(&self, differing: u64) -> u64 {
        *self
            .from
            .borrow_mut()
            .entry(differing)
            .or_insert_with(|| fewest_losses(differing, self.sides, self.alpha))
    }

    fn power(&self, law: PairLaw) -> f64 {
        over_differing(self.n, law, |differing, losses| {
            let from = self.from(differing);
            match (from > differing, losses) {
                (true, _) => 0.0,
                (false, Some(law)) if from > 0 => law.sf(from - 1),
                (false, _) => 1.0,
            }
        })
    }
}

/// The fewest losses among `differing` pairs that the test rejects; `differing` + 1 where none.
fn fewest_losses(differing: u64, sides: Sides, alpha: f64) -> u64 {
    let rejects = |lose: u64| {
        let test = mcnemar(lose, differing - lose);
        match sides {
            Sides::One => test.mid_loss <= alpha,
            Sides::Two => test.mid <= alpha,
        }
    };
    // From half of them on both p-values fall with each loss.
    let (mut too_few, mut enough) = (differing / 2, differing + 1);
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        match rejects(middle) {
            true => enough = middle,
            false => too_few = middle,
        }
    }
    enough
}

/// The mean of `chance` over the number of pairs that differ among `n`. It is given that number
/// and the law of losses among them, which is none where no pair differs.
fn over_differing(n: u64, law: PairLaw, chance: impl Fn(u64, Option<Binomial>) -> f64) -> f64 {
    let Ok(differing) = Binomial::new(law.differing(), n) else {
        return 0.0;
    };
    let (mean, spread) = (
        n as f64 * law.differing(),
        (n as f64 * law.differing() * (1.0 - law.differing())).sqrt(),
    );
    // Eight standard deviations and a few more for the skewed ones.
    let reach = 8.0 * spread + 20.0;
    let (first, last) = (
        (mean - reach).max(0.0) as u64,
        ((mean + reach).ceil() as u64).min(n),
    );
    (first..=last)
        .map(|count| (count, differing.pmf(count)))
        .filter(|(_, weight)| *weight > NEGLIGIBLE / 1e4)
        .map(|(count, weight)| {
            let losses = match count {
                0 => None,
                _ => Binomial::new(law.losing(), count).ok(),
            };
            weight * chance(count, losses)
        })
        .sum()
}

/// The smallest number that is enough, by doubling and halving; then as many less as stay enough.
fn fewest(is_enough: impl Fn(u64) -> bool) -> Option<u64> {
    let mut above = 1;
    while !is_enough(above) {
        above *= 2;
        if above > MOST_PAIRS {
            return None;
        }
    }
    let mut below = above / 2;
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        match is_enough(middle) {
            true => above = middle,
            false => below = middle,
        }
    }
    Some(above)
}
