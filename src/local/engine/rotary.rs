//! Rotary position embedding: pairs of numbers in a head are turned by an angle that grows with the position.

use super::config::{Config, Pairing};
use anyhow::{Result, ensure};

/// How fast each pair turns.
pub struct Rotary {
    radians_per_token: Vec<f64>,
    pairing: Pairing,
}

/// The angles of a run of positions, as cosines and sines.
pub struct Turns {
    cos: Vec<f32>,
    sin: Vec<f32>,
    pairs: usize,
    pairing: Pairing,
}

impl Rotary {
    /// `factors` divide the frequencies pair by pair (`rope_freqs.weight`, as Llama 3.1 has it).
    pub fn new(config: &Config, factors: Option<&[f32]>) -> Result<Rotary> {
        let pairs = config.rotary_width / 2;
        if let Some(factors) = factors {
            ensure!(
                factors
                    .iter()
                    .all(|&factor| factor.is_finite() && factor > 0.0),
                "rope_freqs.weight holds a factor that is not a positive number"
            );
        }
        let radians_per_token = (0..pairs)
            .map(|pair| {
                let exponent = -2.0 * pair as f64 / config.rotary_width as f64;
                let factor = factors.map_or(1.0, |factors| f64::from(factors[pair]));
                config.rotary_base.powf(exponent) / factor / config.rotary_divisor
            })
            .collect();
        Ok(Rotary {
            radians_per_token,
            pairing: config.pairing,
        })
    }

    /// The angles of `count` positions from `start` on. They are computed afresh, because a table
    /// up to the end of the window would be a limit of its own.
    pub fn turns(&self, start: usize, count: usize) -> Turns {
        let pairs = self.radians_per_token.len();
        let mut cos = Vec::with_capacity(count * pairs);
        let mut sin = Vec::with_capacity(count * pairs);
        for position in start..start + count {
            for radians in &self.radians_per_token {
                let angle = position as f64 * radians;
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        Turns {
            cos,
            sin,
            pairs,
            pairing: self.pairing,
        }
    }
}

impl Turns {
    /// Turns one head at the `index`-th of these positions.
    pub fn turn(&self, head: &mut [f32], index: usize) {
        let angles = index * self.pairs..(index + 1) * self.pairs;
        let (cos, sin) = (&self.cos[angles.clone()], &self.sin[angles]);
        match self.pairing {
            Pairing::Neighbours => {
                let (pairs, _) = head.as_chunks_mut::<2>();
                for ((pair, cos), sin) in pairs.iter_mut().zip(cos).zip(sin) {
                    let [a, b] = *pair;
                    *pair = [a * cos - b * sin, a * sin + b * cos];
                }
            }
            Pairing::Halves => {
                let (low, high) = head.split_at_mut(self.pairs);
                for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                    let (a, b) = (*low, *high);
                    *low = a * cos - b * sin;
                    *high = a * sin + b * cos;
                }
            }
        }
    }
}
