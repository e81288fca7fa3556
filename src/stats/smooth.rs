//! A smooth map of success over lengths and depths, with bands.

use super::banded::{Banded, Factor};
use super::grid::Grid;
use super::{Interval, Tally};
use serde::{Deserialize, Serialize};

/// A fitted cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Success rate.
    pub rate: f64,
    /// Where it lies with 95 %, approximately: with one answer a cell the band holds the truth
    /// too seldom where that bends (about 90 % of the time on a U over depth, or at a hole).
    pub band: Interval,
}

/// A smooth map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smoothed {
    /// By length, then depth, as the cells that it was made from.
    pub cells: Vec<Vec<Fitted>>,
    /// How much neighbours in length are held together: 0.3 hardly, 30 strongly.
    pub length_stiffness: f64,
    /// The same for neighbours in depth.
    pub depth_stiffness: f64,
}

/// The stiffnesses that are tried in both directions.
const STIFFNESSES: [f64; 5] = [0.3, 1.0, 3.0, 10.0, 30.0];
/// Holds the map's level, which differences alone leave free, near the pooled rate: hardly.
const LEVEL: f64 = 1e-3;
/// Standard deviations of a band of 95 %.
const BAND: f64 = 1.959_963_984_540_054;
/// Newton's method ends when no logit moves by more; it takes five to eight steps.
const STILL: f64 = 1e-9;
const MOST_STEPS: u32 = 100;
/// Evidence that differs by rounding alone is equal.
const EQUAL: f64 = 1e-9;

/// Smooths success over a map of cells, by length and then depth. Cells without answers get their
/// neighbours' rate and a wide band; void questions do not count.
///
/// The logits are a random field whose neighbours differ little (a Gaussian Markov random field of
/// first differences, Rue and Held 2005) around the pooled logit; how little, in either direction,
/// is what makes the outcomes likeliest (Laplace's approximation), and bands come from the same
/// approximation. What is drawn is not what was counted: it never decides anything.
pub fn smooth(cells: &[Vec<Tally>]) -> Smoothed {
    let grid = Grid::new(cells);
    let map = Map::new(&grid);
    let mut best: Option<(Fit, [f64; 2])> = None;
    for length in STIFFNESSES {
        for depth in STIFFNESSES {
            // From the last fit, which is near.
            let start = best.as_ref().map(|(fit, _)| fit.logits.clone());
            let Some(fit) = map.fit(length, depth, start) else {
                continue;
            };
            // Of equals the one that holds together least, whose bands are widest.
            if best
                .as_ref()
                .is_none_or(|(known, _)| fit.evidence > known.evidence + EQUAL)
            {
                best = Some((fit, [length, depth]));
            }
        }
    }
    let (cells, [length_stiffness, depth_stiffness]) = match best {
        Some((fit, stiffness)) => (map.bands(&fit), stiffness),
        None => (Vec::new(), [0.0; 2]),
    };
    Smoothed {
        cells: (0..grid.lengths)
            .map(|length| {
                (0..grid.depths)
                    .filter_map(|depth| cells.get(map.place(length, depth)).copied())
                    .collect()
            })
            .collect(),
        length_stiffness,
        depth_stiffness,
    }
}

/// The cells in an order that keeps neighbours near, the shorter axis running fastest.
struct Map {
    lengths: usize,
    depths: usize,
    right: Vec<f64>,
    n: Vec<f64>,
    level: f64,
}

/// Logits around the level, and what came of them.
struct Fit {
    logits: Vec<f64>,
    factor: Factor,
    evidence: f64,
}

impl Map {
    fn new(grid: &Grid) -> Map {
        let total = grid.total();
        // Half an answer of either kind, so that all right has a logit too.
        let rate = (total.right as f64 + 0.5) / (total.answered() as f64 + 1.0);
        let size = grid.lengths * grid.depths;
        let mut map = Map {
            lengths: grid.lengths,
            depths: grid.depths,
            right: vec![0.0; size],
            n: vec![0.0; size],
            level: (rate / (1.0 - rate)).ln(),
        };
        for length in 0..grid.lengths {
            for (depth, cell) in grid.row(length).iter().enumerate() {
                let at = map.place(length, depth);
                map.right[at] = cell.right as f64;
                map.n[at] = cell.answered() as f64;
            }
        }
        map
    }

    fn place(&self, length: usize, depth: usize) -> usize {
        match self.depths <= self.lengths {
            true => length * self.depths + depth,
            false => depth * self.lengths + length,
        }
    }

    /// The precision of the logits around the level before anything is known.
    fn precision(&self, length_stiffness: f64, depth_stiffness: f64) -> Banded {
        let mut precision = Banded::new(self.n.len(), self.depths.min(self.lengths).max(1));
        let mut tie = |one: usize, other: usize, stiffness: f64| {
            precision.add(one, one, stiffness);
            precision.add(other, other, stiffness);
            precision.add(one.max(other), one.min(other), -stiffness);
        };
        for length in 0..self.lengths {
            for depth in 0..self.depths {
                let here = self.place(length, depth);
                if length > 0 {
                    tie(here, self.place(length - 1, depth), length_stiffness);
                }
                if depth > 0 {
                    tie(here, self.place(length, depth - 1), depth_stiffness);
                }
            }
        }
        for at in 0..self.n.len() {
            precision.add(at, at, LEVEL);
        }
        precision
    }

    /// The likeliest logits at these stiffnesses, by Newton's method.
    fn fit(&self, length: f64, depth: f64, start: Option<Vec<f64>>) -> Option<Fit> {
        let precision = self.precision(length, depth);
        let gain = |logits: &[f64]| self.ln_likelihood(logits) - 0.5 * precision.form(logits);
        let mut logits = start.unwrap_or_else(|| vec![0.0; self.n.len()]);
        let mut height = gain(&logits);
        for _ in 0..MOST_STEPS {
            let pull = precision.times(&logits);
            let slope: Vec<f64> = (0..logits.len())
                .map(|at| self.right[at] - self.n[at] * self.rate(logits[at]) - pull[at])
                .collect();
            let mut step = self.curvature(&precision, &logits).factor()?.solve(&slope);
            // Far from the top a whole step may lead down.
            let (next, reached) = loop {
                let next: Vec<f64> = logits.iter().zip(&step).map(|(f, step)| f + step).collect();
                let reached = gain(&next);
                let largest = step.iter().fold(0.0f64, |most, step| most.max(step.abs()));
                if reached >= height || largest < STILL {
                    break (next, reached);
                }
                step.iter_mut().for_each(|step| *step *= 0.5);
            };
            (logits, height) = (next, reached);
            if step.iter().all(|step| step.abs() < STILL) {
                break;
            }
        }
        let before = precision.clone().factor()?.ln_determinant();
        let factor = self.curvature(&precision, &logits).factor()?;
        Some(Fit {
            evidence: height + 0.5 * before - 0.5 * factor.ln_determinant(),
            logits,
            factor,
        })
    }

    /// Minus the second derivative of the height.
    fn curvature(&self, precision: &Banded, logits: &[f64]) -> Banded {
        let mut curvature = precision.clone();
        for (at, (logit, n)) in logits.iter().zip(&self.n).enumerate() {
            let rate = self.rate(*logit);
            curvature.add(at, at, n * rate * (1.0 - rate));
        }
        curvature
    }

    fn ln_likelihood(&self, logits: &[f64]) -> f64 {
        let cells = logits.iter().zip(&self.right).zip(&self.n);
        cells
            .map(|((logit, right), n)| {
                let logit = self.level + logit;
                // ln(1 + e^x), written so that it neither overflows nor loses digits.
                right * logit - n * (logit.max(0.0) + (-logit.abs()).exp().ln_1p())
            })
            .sum()
    }

    fn rate(&self, logit: f64) -> f64 {
        logistic(self.level + logit)
    }

    fn bands(&self, fit: &Fit) -> Vec<Fitted> {
        let variances = fit.factor.inverse_diagonal();
        let cells = fit.logits.iter().zip(variances);
        cells
            .map(|(logit, variance)| {
                let (centre, half) = (self.level + logit, BAND * variance.sqrt());
                Fitted {
                    rate: logistic(centre),
                    band: Interval {
                        low: logistic(centre - half),
                        high: logistic(centre + half),
                    },
                }
            })
            .collect()
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests;
