//! One smooth decline: a family of curves on a grid, and what answers leave of it.

use std::collections::BTreeMap;

/// Slopes of the logistic declines, per e-fold of length.
const SLOPES: [f64; 8] = [0.2, 0.35, 0.6, 1.0, 1.8, 3.2, 6.0, 16.0];
/// Success rates far below the decline, at a threshold of 0.85, and their prior weights.
const TOPS: [(f64, f64); 6] = [
    (0.88, 0.5),
    (0.91, 0.7),
    (0.94, 1.0),
    (0.965, 1.3),
    (0.985, 1.5),
    (0.9975, 1.5),
];
/// Success rates far above it, at a threshold of 0.85.
const BOTTOMS: [f64; 5] = [0.005, 0.3, 0.6, 0.75, 0.82];
/// The threshold that tops and bottoms were chosen for; for another one they are stretched.
const CHOSEN_FOR: f64 = 0.85;
/// Steps of the grid of effective lengths, in ln tokens.
const STEP: f64 = 0.05;
/// No curve is ever surer than this: one odd answer must not rule out a model.
const CLIP: f64 = 1e-4;
/// ln likelihoods are counted in this unit.
const UNIT: f64 = 1.0 / (1u64 << 32) as f64;
/// Cells less likely than e to this power, beside the likeliest, are left out of sums.
const NEGLIGIBLE: f64 = -45.0;

/// Of curves that fall in two steps: slopes and tops of the first, what lies between, how far the
/// second one is, in ln tokens, and its slope.
const STEP_SLOPES: [f64; 3] = [1.8, 6.0, 16.0];
const STEP_TOPS: [f64; 3] = [0.91, 0.965, 0.9975];
const STEP_PLATEAUS: [f64; 3] = [0.6, 0.75, 0.82];
const STEP_DISTANCES: [f64; 4] = [1.0, 1.75, 2.5, 3.25];
const SECOND_SLOPE: f64 = 8.0;

/// How a curve falls from its top to its bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fall {
    /// A logistic curve in ln length.
    Logistic(f64),
    /// What a cut prompt still holds: a share that falls as one over the length.
    Truncation,
}

/// All of a curve but its effective length.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    fall: Fall,
    top: f64,
    bottom: f64,
    /// How far above the effective length, in ln tokens, it falls a second time, to nothing.
    second: Option<f64>,
    ln_prior: f64,
}

impl Shape {
    /// Success rate at a length that lies so far above the effective one, in ln tokens.
    fn rate(&self, tau: f64, above: f64) -> f64 {
        let at_threshold = (tau - self.bottom) / (self.top - self.bottom);
        let share = match self.fall {
            Fall::Logistic(slope) => {
                let at = slope * above - (at_threshold / (1.0 - at_threshold)).ln();
                1.0 / (1.0 + at.exp())
            }
            Fall::Truncation => (at_threshold * (-above).exp()).min(1.0),
        };
        let left = match self.second {
            Some(second) => 1.0 / (1.0 + (SECOND_SLOPE * (above - second)).exp()),
            None => 1.0,
        };
        (left * (self.bottom + (self.top - self.bottom) * share)).clamp(CLIP, 1.0 - CLIP)
    }
}

/// The curves that are thought of: every shape at every effective length of a grid.
#[derive(Clone, Debug)]
pub struct Family {
    tau: f64,
    /// ln of the effective lengths.
    thetas: Vec<f64>,
    shapes: Vec<Shape>,
}

/// Right and wrong answers at one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers {
    /// The length in tokens.
    pub tokens: f64,
    /// Right answers.
    pub right: u64,
    /// Wrong ones.
    pub wrong: u64,
}

/// The rates of every curve at one length, by effective length and then by shape.
#[derive(Clone, Debug)]
struct Rates {
    rate: Vec<f64>,
    /// ln of the rate and of one minus it in units of [`UNIT`]; made for lengths that were asked.
    ln: Option<(Vec<i64>, Vec<i64>)>,
}

/// A family with its rates at the lengths that came up: worked out once, as they cost most.
#[derive(Clone, Debug)]
pub struct Model {
    family: Family,
    /// By the bits of the length in tokens.
    rates: BTreeMap<u64, Rates>,
    /// ln likelihood of every curve, in units of [`UNIT`], of the answers that are counted. Whole
    /// numbers add up in any order: floating-point sums that grew by and by would differ in their
    /// last bits after a resume, and so could the next length.
    likelihood: Vec<i64>,
    /// Right and wrong answers counted so far, by the bits of the length.
    counted: BTreeMap<u64, (i64, i64)>,
}

/// What is left of a family after answers.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// Weight of every curve, by effective length and then by shape; they sum to 1.
    pub weights: Vec<f64>,
    /// Weight of every effective length.
    marginal: Vec<f64>,
    /// ln of the effective lengths.
    thetas: Vec<f64>,
    /// ln of the likelihood's mean over the family, by its prior.
    pub ln_evidence: f64,
}

impl Family {
    /// One decline at an effective length from half the shortest to three times the longest
    /// length in tokens.
    pub fn new(tau: f64, shortest_tokens: u64, longest_tokens: u64) -> Family {
        let falls = SLOPES.into_iter().map(Fall::Logistic);
        let mut shapes = Vec::new();
        for fall in falls.chain([Fall::Truncation]) {
            for (top, weight) in TOPS {
                for bottom in BOTTOMS {
                    shapes.push(Shape {
                        fall,
                        top: stretched_top(top, tau),
                        bottom: bottom * tau / CHOSEN_FOR,
                        second: None,
                        ln_prior: f64::ln(weight),
                    });
                }
            }
        }
        Family {
            tau,
            thetas: thetas(shortest_tokens, longest_tokens),
            shapes,
        }
    }

    /// The same for curves that fall to a plateau and from there once more.
    pub fn of_two_steps(tau: f64, shortest_tokens: u64, longest_tokens: u64) -> Family {
        let mut shapes = Vec::new();
        for slope in STEP_SLOPES {
            for top in STEP_TOPS {
                for plateau in STEP_PLATEAUS {
                    for distance in STEP_DISTANCES {
                        shapes.push(Shape {
                            fall: Fall::Logistic(slope),
                            top: stretched_top(top, tau),
                            bottom: plateau * tau / CHOSEN_FOR,
                            second: Some(distance),
                            ln_prior: 0.0,
                        });
                    }
                }
            }
        }
        Family {
            tau,
            thetas: thetas(shortest_tokens, longest_tokens),
            shapes,
        }
    }

    fn rates(&self, tokens: f64) -> Vec<f64> {
        let ln_length = tokens.ln();
        let of = |theta: &f64| {
            let above = ln_length - theta;
            self.shapes
                .iter()
                .map(move |shape| shape.rate(self.tau, above))
        };
        self.thetas.iter().flat_map(of).collect()
    }
}

impl Model {
    /// A model that has seen no length yet.
    pub fn new(family: Family) -> Model {
        Model {
            likelihood: vec![0; family.thetas.len() * family.shapes.len()],
            family,
            rates: BTreeMap::new(),
            counted: BTreeMap::new(),
        }
    }

    /// What the answers leave, one entry a length.
    pub fn posterior(&mut self, answers: &[Answers]) -> Posterior {
        self.hear(answers);
        self.weighted()
    }

    /// Counts these answers and no others: only what has changed since the last call is added or
    /// taken away.
    pub fn hear(&mut self, answers: &[Answers]) {
        let mut changes = std::mem::take(&mut self.counted);
        changes
            .values_mut()
            .for_each(|(right, wrong)| (*right, *wrong) = (-*right, -*wrong));
        for answers in answers {
            let (right, wrong) = (answers.right as i64, answers.wrong as i64);
            let bits = answers.tokens.to_bits();
            self.counted.insert(bits, (right, wrong));
            let change = changes.entry(bits).or_default();
            *change = (change.0 + right, change.1 + wrong);
        }
        for (bits, (right, wrong)) in changes {
            if (right, wrong) != (0, 0) {
                self.count(f64::from_bits(bits), right, wrong);
            }
        }
    }

    fn count(&mut self, tokens: f64, right: i64, wrong: i64) {
        let known = known(&mut self.rates, &self.family, tokens);
        let units = |ln: f64| (ln / UNIT).round() as i64;
        let (ln_right, ln_wrong) = known.ln.get_or_insert_with(|| {
            let right = known.rate.iter().map(|rate| units(rate.ln()));
            let wrong = known.rate.iter().map(|rate| units((1.0 - rate).ln()));
            (right.collect(), wrong.collect())
        });
        let terms = ln_right.iter().zip(ln_wrong.iter());
        for (cell, (ln_right, ln_wrong)) in self.likelihood.iter_mut().zip(terms) {
            *cell += right * ln_right + wrong * ln_wrong;
        }
    }

    /// The likelihoods times the prior, as weights.
    fn weighted(&self) -> Posterior {
        let shapes = &self.family.shapes;
        let mut likelihood: Vec<f64> = self
            .likelihood
            .iter()
            .map(|units| *units as f64 * UNIT)
            .collect();
        let largest = |cells: &[f64]| cells.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for row in likelihood.chunks_mut(shapes.len()) {
            for (cell, shape) in row.iter_mut().zip(shapes) {
                *cell += shape.ln_prior;
            }
        }
        let most = largest(&likelihood);
        let mut weights = likelihood;
        for weight in &mut weights {
            *weight = match *weight - most {
                ln if ln > NEGLIGIBLE => ln.exp(),
                _ => 0.0,
            };
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let priors: f64 = shapes.iter().map(|shape| shape.ln_prior.exp()).sum();
        let ln_evidence = most + (sum / (priors * self.family.thetas.len() as f64)).ln();
        Posterior {
            marginal: weights
                .chunks(shapes.len())
                .map(|row| row.iter().sum())
                .collect(),
            weights,
            thetas: self.family.thetas.clone(),
            ln_evidence,
        }
    }

    /// The rate of every curve at a length.
    pub fn rates_at(&mut self, tokens: f64) -> &[f64] {
        &known(&mut self.rates, &self.family, tokens).rate
    }

    /// What one answer at this length tells of the effective length on average, in nats: the
    /// mutual information, with the shape averaged out.
    pub fn information(&mut self, posterior: &Posterior, tokens: f64) -> f64 {
        let shapes = self.family.shapes.len();
        let known = known(&mut self.rates, &self.family, tokens);
        let (mut right, mut noise) = (0.0, 0.0);
        let rows = posterior
            .weights
            .chunks(shapes)
            .zip(known.rate.chunks(shapes))
            .zip(&posterior.marginal);
        for ((weights, rates), &marginal) in rows {
            if marginal < 1e-12 {
                continue;
            }
            let joint: f64 = weights.iter().zip(rates).map(|(w, p)| w * p).sum();
            right += joint;
            noise += marginal * entropy(joint / marginal);
        }
        (entropy(right) - noise).max(0.0)
    }
}

impl Posterior {
    /// The length in tokens below which the effective one lies with probability `share`: each
    /// point of the grid stands for the cell around it, evenly in ln tokens.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        for (theta, weight) in self.thetas.iter().zip(&self.marginal) {
            if *weight > 0.0 && below + weight >= share {
                let part = (share - below) / weight;
                return (theta + STEP * (part - 0.5)).exp();
            }
            below += weight;
        }
        // Rounding left the sum below the share: the end of the grid.
        self.thetas.last().map_or(1.0, |theta| theta.exp())
    }
}

/// ln of the effective lengths that are thought of.
fn thetas(shortest_tokens: u64, longest_tokens: u64) -> Vec<f64> {
    let first = (shortest_tokens as f64 / 2.0).ln();
    let end = (longest_tokens as f64 * 3.0).ln();
    (0..)
        .map(|at| first + STEP * f64::from(at))
        .take_while(|theta| *theta < end)
        .collect()
}

/// A top for another threshold, as far between it and 1.
fn stretched_top(top: f64, tau: f64) -> f64 {
    1.0 - (1.0 - top) * (1.0 - tau) / (1.0 - CHOSEN_FOR)
}

fn known<'a>(rates: &'a mut BTreeMap<u64, Rates>, family: &Family, tokens: f64) -> &'a mut Rates {
    rates.entry(tokens.to_bits()).or_insert_with(|| Rates {
        rate: family.rates(tokens),
        ln: None,
    })
}

/// Entropy of a yes or no, in nats.
fn entropy(share: f64) -> f64 {
    let part = |share: f64| match share > 0.0 {
        true => -share * share.ln(),
        false => 0.0,
    };
    part(share) + part(1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vector() -> Value {
        let file: Value =
            serde_json::from_str(include_str!("../../tests/vectors/stats_vectors.json"))
                .expect("the vectors are JSON");
        let vectors = file["vectors"].as_array().expect("a list of vectors");
        vectors
            .iter()
            .find(|vector| vector["fn"] == "search_posterior")
            .expect("a vector of the posterior")
            .clone()
    }

    #[test]
    fn the_posterior_agrees_with_the_one_computed_elsewhere() {
        let vector = vector();
        let input = &vector["input"];
        let tolerance = vector["rel_tol"].as_f64().expect("a tolerance");
        let answers: Vec<Answers> = (0..6)
            .map(|at| {
                let right = input["s"][at].as_u64().expect("s");
                Answers {
                    tokens: input["lengths"][at].as_f64().expect("a length"),
                    right,
                    wrong: input["n"][at].as_u64().expect("n") - right,
                }
            })
            .collect();
        let tau = input["tau"].as_f64().expect("tau");
        let mut model = Model::new(Family::new(tau, 1_000, 10_000_000));
        let posterior = model.posterior(&answers);
        let close = |ours: f64, expected: &Value| {
            let expected = expected.as_f64().expect("a number");
            (ours / expected - 1.0).abs() <= tolerance
        };
        for (share, expected) in vector["expected"]["quantiles_L"].as_object().expect("map") {
            let ours = posterior.quantile(share.parse().expect("a share"));
            assert!(close(ours, expected), "{share}: {ours} is not {expected}");
        }
        for (length, expected) in vector["expected"]["mi_nats"].as_object().expect("a map") {
            let ours = model.information(&posterior, length.parse().expect("a length"));
            assert!(close(ours, expected), "{length}: {ours} is not {expected}");
        }
    }
}
