//! What "the best of k runs" would have claimed of a deployment whose answers flip.

use super::Tally;
use super::repeats::repeat_icc;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, Discrete};

/// The honest share beside what picking the best of several runs makes of it; shares in 0…1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestOf {
    /// Runs of which the best would be told.
    pub runs: u64,
    /// Questions in each of them.
    pub questions: u64,
    /// Mean of the prompts' success rates: what one run comes to on average.
    pub honest: f64,
    /// Expected share of the best run where each asks the same questions: only flips help.
    pub same_questions: f64,
    /// Expected share of the best run where each draws fresh questions: the luck of the draw
    /// helps too.
    pub fresh_questions: f64,
}

/// The expected best of `runs` runs of `questions` questions each, from prompts that were asked
/// more than once (void answers do not count). None where nothing was answered, or where `runs`
/// or `questions` is 0.
///
/// The law of one run's right answers is that of a sum of independent prompts with their observed
/// rates, exact by convolution, and the best of k has F^k for its distribution. Two corrections
/// are applied to how far the best lies above the mean, both by the square root of a ratio of
/// variances: observed rates of R repeats hold (R − 1)/R of the variance within prompts only (by
/// [`repeat_icc`]), and a run may have another number of questions than there are prompts. Fresh
/// questions are right by a binomial law of the honest share. Where whole runs swing together
/// (windows of time), a best run lies higher still.
pub fn best_of(prompts: &[Tally], runs: u64, questions: u64) -> Option<BestOf> {
    let rates: Vec<f64> = prompts.iter().filter_map(|prompt| prompt.share()).collect();
    if rates.is_empty() || runs == 0 || questions == 0 {
        return None;
    }
    let count = rates.len() as f64;
    let honest = rates.iter().sum::<f64>() / count;
    let mut chances = vec![1.0];
    for rate in &rates {
        chances.push(0.0);
        for at in (0..chances.len()).rev() {
            let before = at.checked_sub(1).map_or(0.0, |from| chances[from]);
            chances[at] = chances[at] * (1.0 - rate) + before * rate;
        }
    }
    let observed: f64 = rates.iter().map(|rate| rate * (1.0 - rate)).sum::<f64>() / count;
    // Without repeats nothing is known of flips, and none are assumed.
    let within = repeat_icc(prompts).map_or(0.0, |repeats| repeats.within);
    let wider = match observed > 0.0 {
        true => (within / observed * count / questions as f64).sqrt(),
        false => 0.0,
    };
    let above = expected_best(&chances, runs) / count - honest;
    let fresh = match Binomial::new(honest.clamp(0.0, 1.0), questions) {
        Ok(law) => {
            let chances: Vec<f64> = (0..=questions).map(|right| law.pmf(right)).collect();
            expected_best(&chances, runs) / questions as f64
        }
        Err(_) => honest,
    };
    Some(BestOf {
        runs,
        questions,
        honest,
        same_questions: (honest + above * wider).clamp(honest, 1.0),
        fresh_questions: fresh.clamp(honest, 1.0),
    })
}

/// The mean of the largest of `runs` draws of a number with these chances of 0, 1, 2 …
fn expected_best(chances: &[f64], runs: u64) -> f64 {
    let mut up_to = 0.0;
    let mut mean = 0.0;
    // The mean is the sum over numbers of the chance to be above them.
    for chance in &chances[..chances.len() - 1] {
        up_to += chance;
        mean += 1.0 - f64::powf(f64::min(up_to, 1.0), runs as f64);
    }
    mean
}
