//! Whether two endpoints answer from the same distribution: Model Equality Testing.

use serde::{Deserialize, Serialize};

/// Characters of an answer that count, at most.
pub const MOST_CHARACTERS: usize = 1000;
/// Permutations that a p-value is made of, unless something else is said.
pub const MMD_PERMUTATIONS: u32 = 999;

/// Answers of both endpoints to one prompt, at a temperature above 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerPair {
    /// Answers of the reference.
    pub reference: Vec<String>,
    /// Answers of the other one.
    pub tested: Vec<String>,
}

/// How far apart two sets of answers are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Squared maximum mean discrepancy, an unbiased estimate: around 0 (slightly negative too)
    /// where both endpoints are equal, 2 at most.
    pub mmd_squared: f64,
    /// P-value by permutation.
    pub p: f64,
    /// Prompts with two answers or more of either side, which alone count.
    pub prompts: u64,
    /// Answers of both sides to them.
    pub answers: u64,
}

/// Model Equality Testing (Gao, Liang and Guestrin 2024, arXiv:2410.20247): tests "both endpoints
/// draw their answers to each prompt from one distribution" by the maximum mean discrepancy with
/// the Hamming kernel, the share of equal Unicode code points by position. Answers are cut or
/// padded to the longest one, 1,000 at most; positions behind the end of all answers to a prompt
/// add nothing.
///
/// The p-value is (1 + permutations at least as far) / (1 + `permutations`), labels exchanged
/// within each prompt, and so exact at any size; the authors' code exchanges them over all
/// prompts and leaves the 1 out. A difference may come from a system prompt, a template or a
/// sampler as well as from another model. `draw` gives a random number below its bound. None where
/// no prompt has two answers of either side.
pub fn model_equality(
    prompts: &[AnswerPair],
    permutations: u32,
    draw: &mut impl FnMut(u64) -> u64,
) -> Option<Discrepancy> {
    let coded: Vec<(Vec<Vec<u32>>, usize)> = prompts
        .iter()
        .filter(|prompt| prompt.reference.len() >= 2 && prompt.tested.len() >= 2)
        .map(|prompt| {
            let answers = prompt.reference.iter().chain(&prompt.tested);
            (
                answers.map(|answer| code_points(answer)).collect(),
                prompt.reference.len(),
            )
        })
        .collect();
    test(&coded, permutations, draw)
}

/// The chance that [`model_equality`] with these numbers finds, at a level of .05, that a share of
/// the tested side's characters is drawn from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixPower {
    /// Share of characters that were exchanged, 0…1.
    pub share: f64,
    /// Share of plays in which it was found.
    pub power: f64,
    /// Plays: the standard error of `power` is at most 1/(2√plays).
    pub plays: u64,
}

/// Plays [`model_equality`] `plays` times with `each` answers of either side to each prompt, all
/// drawn with replacement from `pool` (answers of the reference to each prompt). On the tested
/// side a `share` (0…1) of the characters is exchanged for characters drawn from all of the pool.
/// It tells how small a change the test could have seen; a share of 0 tells its false alarms.
/// Answers that only differ from their first difference on, as those of real models do, are
/// found sooner. `draw` gives a random number below its bound.
pub fn mix_power(
    pool: &[Vec<String>],
    each: usize,
    share: f64,
    permutations: u32,
    plays: u64,
    draw: &mut impl FnMut(u64) -> u64,
) -> MixPower {
    const UNIT: u64 = 1 << 32;
    let pool: Vec<Vec<Vec<u32>>> = pool
        .iter()
        .filter(|answers| !answers.is_empty())
        .map(|answers| answers.iter().map(|answer| code_points(answer)).collect())
        .collect();
    let alphabet: Vec<u32> = pool.iter().flatten().flatten().copied().collect();
    let exchanged = (share.clamp(0.0, 1.0) * UNIT as f64) as u64;
    let mut found = 0;
    for _ in 0..plays {
        let mut prompts = Vec::with_capacity(pool.len());
        for answers in &pool {
            let mut drawn: Vec<Vec<u32>> = (0..2 * each)
                .map(|_| answers[draw(answers.len() as u64) as usize].clone())
                .collect();
            for character in drawn[each..].iter_mut().flatten() {
                if exchanged > 0 && draw(UNIT) < exchanged {
                    *character = alphabet[draw(alphabet.len() as u64) as usize];
                }
            }
            prompts.push((drawn, each));
        }
        let seen = test(&prompts, permutations, draw);
        found += u64::from(seen.is_some_and(|seen| seen.p <= 0.05));
    }
    MixPower {
        share,
        power: found as f64 / plays.max(1) as f64,
        plays,
    }
}

fn code_points(answer: &str) -> Vec<u32> {
    answer
        .chars()
        .take(MOST_CHARACTERS)
        .map(u32::from)
        .collect()
}

/// One prompt's answers as how alike each two of them are, and what of that stays under any
/// exchange of labels.
struct Alike {
    /// Positions with the same character, `size` × `size`, 0 on the diagonal.
    equal: Vec<u32>,
    size: usize,
    /// Answers of the reference, which come first.
    reference: usize,
    /// Sum of each row.
    rows: Vec<u64>,
    /// Sum over all pairs.
    total: u64,
}

impl Alike {
    fn new(answers: &[Vec<u32>], reference: usize, length: usize) -> Alike {
        let size = answers.len();
        let mut equal = vec![0; size * size];
        for (at, one) in answers.iter().enumerate() {
            for (other_at, other) in answers.iter().enumerate().skip(at + 1) {
                let longer = one.len().max(other.len());
                let both = one
                    .iter()
                    .zip(other)
                    .filter(|(one, other)| one == other)
                    .count();
                // Behind the longer answer both are padded, and so equal.
                let count = (both + length - longer) as u32;
                equal[at * size + other_at] = count;
                equal[other_at * size + at] = count;
            }
        }
        let rows: Vec<u64> = equal
            .chunks(size.max(1))
            .map(|row| row.iter().map(|count| u64::from(*count)).sum())
            .collect();
        let total = rows.iter().sum::<u64>() / 2;
        Alike {
            equal,
            size,
            reference,
            rows,
            total,
        }
    }

    /// Sums over the pairs within the reference, within the tested side and across, where the
    /// reference is the first so many of `order`.
    fn sums(&self, order: &[usize]) -> [u64; 3] {
        let mut within = 0;
        let mut rows = 0;
        for (at, one) in order[..self.reference].iter().enumerate() {
            rows += self.rows[*one];
            let row = &self.equal[one * self.size..(one + 1) * self.size];
            within += order[..at]
                .iter()
                .map(|other| u64::from(row[*other]))
                .sum::<u64>();
        }
        let across = rows - 2 * within;
        [within, self.total - within - across, across]
    }
}

fn test(
    prompts: &[(Vec<Vec<u32>>, usize)],
    permutations: u32,
    draw: &mut impl FnMut(u64) -> u64,
) -> Option<Discrepancy> {
    let length = prompts
        .iter()
        .flat_map(|(answers, _)| answers.iter().map(Vec::len))
        .max()?
        .max(1);
    let alike: Vec<Alike> = prompts
        .iter()
        .map(|(answers, reference)| Alike::new(answers, *reference, length))
        .collect();
    let choose = |count: usize| (count * count.saturating_sub(1) / 2) as f64;
    let (mut within, mut other, mut across) = (0.0, 0.0, 0.0);
    for prompt in &alike {
        let tested = prompt.size - prompt.reference;
        within += choose(prompt.reference);
        other += choose(tested);
        across += (prompt.reference * tested) as f64;
    }
    if within == 0.0 || other == 0.0 {
        return None;
    }
    let mut orders: Vec<Vec<usize>> = alike
        .iter()
        .map(|prompt| (0..prompt.size).collect())
        .collect();
    let distance = |orders: &[Vec<usize>]| -> f64 {
        let mut sums = [0u64; 3];
        for (prompt, order) in alike.iter().zip(orders) {
            for (sum, more) in sums.iter_mut().zip(prompt.sums(order)) {
                *sum += more;
            }
        }
        let [x, y, xy] = sums.map(|sum| sum as f64 / length as f64);
        x / within + y / other - 2.0 * xy / across
    };
    let observed = distance(&orders);
    let at_least = (0..permutations)
        .filter(|_| {
            for (order, prompt) in orders.iter_mut().zip(&alike) {
                // The first so many places of a shuffle are enough.
                for at in 0..prompt.reference {
                    let from = at + draw((prompt.size - at) as u64) as usize;
                    order.swap(at, from);
                }
            }
            distance(&orders) >= observed - 1e-12
        })
        .count();
    Some(Discrepancy {
        mmd_squared: observed,
        p: (1 + at_least) as f64 / f64::from(1 + permutations),
        prompts: alike.len() as u64,
        answers: alike.iter().map(|prompt| prompt.size as u64).sum(),
    })
}
