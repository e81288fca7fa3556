//! A sequential test with an end: looks after whole blocks, and what is left of alpha spent at the last one.

use super::Tally;
use super::evalue::{Side, ln_e_refute, ln_e_verify};
use serde::{Deserialize, Serialize};

/// What a test is made of. Both errors are per direction: they cannot both happen for one truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Success rate that is claimed at least.
    pub tau: f64,
    /// Chance of VERIFIED where the rate is below, at most.
    pub alpha_verify: f64,
    /// Chance of REFUTED where it is not, at most.
    pub alpha_refute: f64,
    /// Questions between two looks.
    pub block: u64,
    /// Questions after which the test ends, a multiple of `block`; none for one without an end.
    pub most: Option<u64>,
}

/// What a look comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The rate is above tau.
    Verified,
    /// It is below.
    Refuted,
    /// More questions are to be asked.
    Open,
    /// The test has ended without either.
    Undecided,
}

/// Successes needed at the last look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cuts {
    /// Verified from so many successes on.
    pub verify_from: u64,
    /// Refuted up to so many; none where no number is few enough.
    pub refute_to: Option<u64>,
    /// Chance that a rate of tau was verified at an earlier look.
    pub spent_verify: f64,
    /// Chance that it was refuted at an earlier look.
    pub spent_refute: f64,
}

/// How often a test ends how, and after how many questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operating {
    /// Chance of VERIFIED.
    pub verified: f64,
    /// Chance of REFUTED.
    pub refuted: f64,
    /// Mean number of questions.
    pub mean_questions: f64,
}

/// A design with its numbers worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What it was made from.
    pub design: Design,
    /// The last look's numbers; none for a test without an end.
    pub cuts: Option<Cuts>,
    /// Of each look before the last: verified from, refuted to.
    looks: Vec<(u64, Option<u64>)>,
}

impl Test {
    /// Works the numbers out: at the last look the boundary is replaced by the number of successes
    /// that spends what earlier looks have left of alpha at a rate of tau.
    pub fn new(design: Design) -> Test {
        let looks = design.most.map_or(0, |most| most / design.block.max(1));
        let looks: Vec<_> = (1..looks)
            .map(|look| boundary(&design, look * design.block))
            .collect();
        let mut test = Test {
            design,
            cuts: None,
            looks,
        };
        test.cuts = test.last_look();
        test
    }

    /// What a look comes to, void questions counted against either verdict. Between looks, and
    /// before the first, the test is open.
    pub fn look(&self, tally: Tally) -> Decision {
        let n = tally.asked();
        if n == 0 || !n.is_multiple_of(self.design.block) {
            return Decision::Open;
        }
        let (verify_from, refute_to, is_last) = match (self.design.most, self.cuts) {
            (Some(most), Some(cuts)) if n >= most => (cuts.verify_from, cuts.refute_to, true),
            _ => {
                let known = self.looks.get((n / self.design.block - 1) as usize);
                let (verify_from, refute_to) =
                    known.copied().unwrap_or_else(|| boundary(&self.design, n));
                (verify_from, refute_to, false)
            }
        };
        if tally.least_right() >= verify_from {
            Decision::Verified
        } else if refute_to.is_some_and(|refute_to| tally.most_right() <= refute_to) {
            Decision::Refuted
        } else if is_last {
            Decision::Undecided
        } else {
            Decision::Open
        }
    }

    /// What can be expected where each question of a block has its own success rate, as many as a
    /// block has questions: exact, by adding up all paths. Needs a test with an end.
    pub fn operating(&self, rates: &[f64]) -> Option<Operating> {
        let (most, cuts) = (self.design.most?, self.cuts?);
        let step = successes(rates);
        let mut running = vec![1.0];
        let (mut verified, mut refuted, mut mean_questions) = (0.0, 0.0, 0.0);
        for look in 1..=most / self.design.block {
            mean_questions += self.design.block as f64 * running.iter().sum::<f64>();
            running = convolved(&running, &step);
            let (verify_from, refute_to) = match self.looks.get(look as usize - 1) {
                Some(boundary) => *boundary,
                None => (cuts.verify_from, cuts.refute_to),
            };
            let (up, down) = absorbed(&mut running, verify_from, refute_to);
            verified += up;
            refuted += down;
        }
        Some(Operating {
            verified,
            refuted,
            mean_questions,
        })
    }

    fn last_look(&self) -> Option<Cuts> {
        let most = self.design.most?;
        let Design {
            tau,
            alpha_verify,
            alpha_refute,
            block,
            ..
        } = self.design;
        let step = successes(&vec![tau; block as usize]);
        // Each direction as if there were no other: what the other one stops cannot err this way.
        let before_last = |is_up: bool| {
            let (mut running, mut spent) = (vec![1.0], 0.0);
            for &(verify_from, refute_to) in &self.looks {
                running = convolved(&running, &step);
                let (up, down) = match is_up {
                    true => absorbed(&mut running, verify_from, None),
                    false => absorbed(&mut running, u64::MAX, refute_to),
                };
                spent += up + down;
            }
            (convolved(&running, &step), spent)
        };
        let (running, spent_verify) = before_last(true);
        let (mut verify_from, mut left) = (most + 1, alpha_verify - spent_verify);
        while verify_from > 0 && running[verify_from as usize - 1] <= left {
            verify_from -= 1;
            left -= running[verify_from as usize];
        }
        let (running, spent_refute) = before_last(false);
        let (mut refute_to, mut left) = (None, alpha_refute - spent_refute);
        for (right, chance) in running.iter().enumerate() {
            if *chance > left {
                break;
            }
            left -= chance;
            refute_to = Some(right as u64);
        }
        Some(Cuts {
            verify_from,
            refute_to,
            spent_verify,
            spent_refute,
        })
    }
}

/// Verified from, refuted to, of a look before the last.
fn boundary(design: &Design, n: u64) -> (u64, Option<u64>) {
    let is_enough = |right: u64, side: Side| match side {
        Side::Verify => ln_e_verify(right, n, design.tau) >= -design.alpha_verify.ln(),
        Side::Refute => ln_e_refute(right, n, design.tau) >= -design.alpha_refute.ln(),
    };
    // More successes are more evidence for, and less against: halving finds both edges.
    let first = |is_past: &dyn Fn(u64) -> bool| {
        let (mut low, mut high) = (0, n + 1);
        while low < high {
            let middle = (low + high) / 2;
            match is_past(middle) {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        low
    };
    let verify_from = first(&|right| is_enough(right, Side::Verify));
    let refuted = first(&|right| !is_enough(right, Side::Refute));
    (verify_from, refuted.checked_sub(1))
}

/// Chances of 0, 1, … successes in questions of these rates.
fn successes(rates: &[f64]) -> Vec<f64> {
    rates.iter().fold(vec![1.0], |chances, rate| {
        convolved(&chances, &[1.0 - rate, *rate])
    })
}

fn convolved(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; one.len() + other.len() - 1];
    for (at, chance) in one.iter().enumerate().filter(|(_, chance)| **chance > 0.0) {
        for (more, factor) in other.iter().enumerate() {
            sums[at + more] += chance * factor;
        }
    }
    sums
}

/// Takes away what has crossed, and returns how much of it upwards and downwards.
fn absorbed(running: &mut [f64], verify_from: u64, refute_to: Option<u64>) -> (f64, f64) {
    let (mut up, mut down) = (0.0, 0.0);
    for (right, chance) in running.iter_mut().enumerate() {
        if right as u64 >= verify_from {
            up += std::mem::take(chance);
        } else if refute_to.is_some_and(|refute_to| right as u64 <= refute_to) {
            down += std::mem::take(chance);
        }
    }
    (up, down)
}

#[cfg(test)]
mod tests;
