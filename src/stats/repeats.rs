//! Outcomes that hang together: groups with rates of their own, and prompts asked more than once.

use super::deal::deal;
use super::{Tally, clopper_pearson_lower};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// From so many outcomes on the normal law gives the p-value; below, permutations do.
const ENOUGH_FOR_NORMAL: u64 = 100;
/// Permutations of [`heterogeneity`].
const PERMUTATIONS: u32 = 999;
/// Scores that differ by rounding alone are equal.
const EQUAL: f64 = 1e-9;

/// Whether groups differ by more than chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// Tarone's score, standard normal where all groups have one rate.
    pub z: f64,
    /// One-sided p-value: small where the groups differ.
    pub p: f64,
}

/// Tarone's test of "all groups (needles, haystacks, depths, time windows) have the same success
/// rate", with the normal law's p-value (Tarone 1979, Biometrika 66:585). Void questions do not
/// count. None where all outcomes are equal or no group has two: then nothing can differ.
pub fn tarone(groups: &[Tally]) -> Option<Heterogeneity> {
    let rights: Vec<u64> = groups.iter().map(|group| group.right).collect();
    let z = Tarone::new(groups)?.z(&rights);
    let p = Normal::standard().sf(z);
    Some(Heterogeneity { z, p })
}

/// [`tarone`] with a p-value by permutation of the outcomes over the groups where there are fewer
/// than 100 of them, for which the normal law is too rough. `draw` gives a random number below
/// its bound.
pub fn heterogeneity(groups: &[Tally], draw: &mut impl FnMut(u64) -> u64) -> Option<Heterogeneity> {
    let normal = tarone(groups)?;
    let law = Tarone::new(groups)?;
    if law.sizes.iter().sum::<u64>() >= ENOUGH_FOR_NORMAL {
        return Some(normal);
    }
    let right = groups.iter().map(|group| group.right).sum();
    let mut dealt = vec![0; groups.len()];
    let at_least = (0..PERMUTATIONS)
        .filter(|_| {
            deal(right, &law.sizes, &mut dealt, draw);
            law.z(&dealt) >= normal.z - EQUAL
        })
        .count();
    Some(Heterogeneity {
        z: normal.z,
        p: (1 + at_least) as f64 / f64::from(1 + PERMUTATIONS),
    })
}

/// What of the score stays the same however the outcomes are dealt.
struct Tarone {
    sizes: Vec<u64>,
    rate: f64,
    total: f64,
    spread: f64,
}

impl Tarone {
    fn new(groups: &[Tally]) -> Option<Tarone> {
        let sizes: Vec<u64> = groups.iter().map(|group| group.answered()).collect();
        let all: Tally = groups.iter().copied().sum();
        let pairs: f64 = sizes
            .iter()
            .map(|size| *size as f64 * (*size as f64 - 1.0))
            .sum();
        (all.right > 0 && all.wrong > 0 && pairs > 0.0).then(|| Tarone {
            sizes,
            rate: all.right as f64 / all.answered() as f64,
            total: all.answered() as f64,
            spread: (2.0 * pairs).sqrt(),
        })
    }

    fn z(&self, rights: &[u64]) -> f64 {
        let squares: f64 = rights
            .iter()
            .zip(&self.sizes)
            .map(|(right, size)| (*right as f64 - *size as f64 * self.rate).powi(2))
            .sum();
        (squares / (self.rate * (1.0 - self.rate)) - self.total) / self.spread
    }
}

/// How alike the answers to one prompt are, from prompts that were asked more than once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Prompts with two answers or more.
    pub prompts: u64,
    /// Success rate over all their answers.
    pub rate: f64,
    /// Chance that two answers to one prompt differ.
    pub flips: f64,
    /// Variance of an outcome within a prompt: half of `flips`.
    pub within: f64,
    /// Share of the variance that lies between prompts (intraclass correlation): 1 where repeats
    /// tell nothing new, about 0 where they are as good as fresh prompts. None where all answers
    /// were equal.
    pub icc: Option<f64>,
}

impl Repeats {
    /// Variance of the mean of `prompts` prompts asked `repeats` times each; none where the
    /// intraclass correlation is unknown. Repeats never beat as many fresh prompts.
    pub fn variance_of_mean(self, prompts: u64, repeats: u64) -> Option<f64> {
        let icc = self.icc?;
        let outcome = self.rate * (1.0 - self.rate);
        Some(outcome * (icc + (1.0 - icc) / repeats as f64) / prompts as f64)
    }
}

/// How alike repeated answers are; each tally holds the answers to one prompt. None where no
/// prompt has two answers.
pub fn repeat_icc(prompts: &[Tally]) -> Option<Repeats> {
    let repeated = || prompts.iter().filter(|prompt| prompt.answered() >= 2);
    let count = repeated().count() as u64;
    if count == 0 {
        return None;
    }
    let differing = |prompt: &Tally| {
        let n = prompt.answered() as f64;
        2.0 * prompt.right as f64 * prompt.wrong as f64 / (n * (n - 1.0))
    };
    let flips = repeated().map(differing).sum::<f64>() / count as f64;
    let rate = repeated().copied().sum::<Tally>().share()?;
    let independent = 2.0 * rate * (1.0 - rate);
    Some(Repeats {
        prompts: count,
        rate,
        flips,
        within: flips / 2.0,
        icc: (independent > 0.0).then(|| 1.0 - flips / independent),
    })
}

/// Whether answers flip more often than is usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flips {
    /// Lower bound of the chance that two answers differ, one-sided at 95 %.
    pub lower: f64,
    /// P-value of "answers flip no more often than is usual".
    pub p: f64,
}

/// Tests `discordant` of `pairs` prompts asked twice whose two answers differ against a `usual`
/// share of them (0…1, such as 0.05), by the binomial law.
pub fn flips(discordant: u64, pairs: u64, usual: f64) -> Flips {
    let p = match (discordant.min(pairs), Binomial::new(usual, pairs)) {
        (0, _) => 1.0,
        (discordant, Ok(law)) => law.sf(discordant - 1),
        // No share at all was meant: nothing can be said against it.
        (_, Err(_)) => 1.0,
    };
    Flips {
        lower: clopper_pearson_lower(discordant, pairs, 0.05),
        p,
    }
}

/// By how much the variance of a mean grows where outcomes come in clusters of `size` with this
/// intraclass correlation (Kish 1965): so many questions are worth one.
pub fn design_effect(size: f64, icc: f64) -> f64 {
    1.0 + (size - 1.0) * icc
}

#[cfg(test)]
mod tests;
