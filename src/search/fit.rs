//! Whether one smooth decline can have given these answers.

use super::posterior::{Answers, Model, Posterior};
use statrs::function::gamma::gamma_ur;

/// Curves of less weight than this are left out.
const NEGLIGIBLE: f64 = 1e-7;

/// Posterior-predictive p of the chi-square over the lengths: how often new answers of the same
/// curves would lie as far off them, averaged over the curves.
pub(super) fn predictive_p(model: &mut Model, posterior: &Posterior, answers: &[Answers]) -> f64 {
    let rates: Vec<Vec<f64>> = answers
        .iter()
        .map(|answers| model.rates_at(answers.tokens).to_vec())
        .collect();
    let mut p = 0.0;
    for (cell, &weight) in posterior.weights.iter().enumerate() {
        if weight < NEGLIGIBLE {
            continue;
        }
        // Each length adds 1 on average, and its variance is that of a squared standardised
        // binomial; a gamma distribution of the same mean and variance stands for the sum.
        let (mut chi_square, mut mean, mut variance) = (0.0, 0.0, 0.0);
        for (rates, answers) in rates.iter().zip(answers) {
            let n = (answers.right + answers.wrong) as f64;
            let noise = n * rates[cell] * (1.0 - rates[cell]);
            chi_square += (answers.right as f64 - n * rates[cell]).powi(2) / noise;
            mean += 1.0;
            variance += 2.0 + 1.0 / noise - 6.0 / n;
        }
        let scale = variance / mean;
        p += weight * gamma_ur(mean / scale, (chi_square / scale).max(1e-9));
    }
    p
}
