//! A published score as the only thing to hold a deployment against.

use super::{Tested, tested};
use crate::stats::{Interval, Tally, clopper_pearson};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, StudentsT};

/// Windows that a test by windows takes at least.
const LEAST_WINDOWS: usize = 6;

/// Answers beside a share of right ones that somebody has published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// The answers, by window of time.
    pub windows: Vec<Tally>,
    /// The published share, 0…1.
    pub share: f64,
    /// By how much less is nothing: other prompts, another template, other rules of scoring.
    pub margin: f64,
}

/// What a published share comes to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishedFinding {
    /// The test as a whole.
    pub tested: Tested,
    /// Answers that count.
    pub n: u64,
    /// Of these the right ones.
    pub right: u64,
    /// Their share's Clopper-Pearson interval, 95 %.
    pub interval: Interval,
    /// The published share.
    pub share: f64,
    /// The margin below it.
    pub margin: f64,
    /// One-sided p-value of "right with a chance of `share` − `margin` at least", for independent
    /// questions: the binomial law.
    pub p_questions: f64,
    /// The same by windows; it takes the place of `p_questions` where the deployment is unstable.
    pub p_windows: Option<f64>,
}

impl Published {
    /// Tests it; none where nothing was answered. By windows it is Student's test of the windows'
    /// shares, as for clusters of like size (Donner and Klar 2000, Design and Analysis of Cluster
    /// Randomization Trials, §6), and no smaller than the p-value of independent questions; fewer
    /// than six windows show nothing.
    pub(super) fn test(&self, by_windows: bool) -> Option<PublishedFinding> {
        let all: Tally = self.windows.iter().copied().sum();
        let (n, right) = (all.answered(), all.right);
        let least = (self.share - self.margin).clamp(0.0, 1.0);
        let law = Binomial::new(least, n).ok().filter(|_| n > 0)?;
        let p_questions = law.cdf(right);
        let p_windows = by_windows.then(|| self.by_windows(least).max(p_questions));
        Some(PublishedFinding {
            tested: tested(&[p_windows.unwrap_or(p_questions)]),
            n,
            right,
            interval: clopper_pearson(right, n, 0.95),
            share: self.share,
            margin: self.margin,
            p_questions,
            p_windows,
        })
    }

    fn by_windows(&self, least: f64) -> f64 {
        let shares: Vec<f64> = self.windows.iter().filter_map(|one| one.share()).collect();
        if shares.len() < LEAST_WINDOWS {
            return 1.0;
        }
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let squares: f64 = shares.iter().map(|share| (share - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        match StudentsT::new(0.0, 1.0, count - 1.0) {
            Ok(law) if error > 0.0 => law.cdf((mean - least) / error),
            // All windows alike: nothing swings.
            _ => f64::from(u8::from(mean >= least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(rights: &[u64], n: u64) -> Vec<Tally> {
        let tally = |right: &u64| Tally {
            right: *right,
            wrong: n - right,
            void: 0,
        };
        rights.iter().map(tally).collect()
    }

    fn published(rights: &[u64]) -> Published {
        Published {
            windows: windows(rights, 10),
            share: 0.95,
            margin: 0.05,
        }
    }

    #[test]
    fn a_share_far_below_the_published_one_is_found_and_one_within_the_margin_is_not() {
        let far = published(&[7; 10]).test(false).expect("tested");
        // P(Bin(100, .9) <= 70), by adding up the law in exact fractions.
        assert!((far.p_questions / 2.445_1e-8 - 1.0).abs() < 0.01, "{far:?}");
        assert_eq!((far.n, far.right, far.p_windows), (100, 70, None));
        let near = published(&[9; 10]).test(false).expect("tested");
        assert!(near.tested.p > 0.4, "{near:?}");
        assert_eq!(published(&[]).test(false), None);
    }

    #[test]
    fn swinging_windows_need_more_than_independent_questions_do() {
        // Five windows of nothing wrong, five of half: 75 of 100.
        let swings = published(&[10, 5, 10, 5, 10, 5, 10, 5, 10, 5]);
        let found = swings.test(true).expect("tested");
        assert!(found.p_questions < 1e-4, "{found:?}");
        // Student: mean .75, standard error .0833, t = -1.8 with nine degrees of freedom.
        let by_windows = found.p_windows.expect("by windows");
        assert!((by_windows - 0.052_7).abs() < 5e-4, "{found:?}");
        assert_eq!(found.tested.p, by_windows);
        let few = published(&[5, 5, 5, 5, 4]).test(true).expect("tested");
        assert_eq!(few.tested.p, 1.0);
    }
}
