//! Intervals for proportions: no number without one.

use serde::{Deserialize, Serialize};

/// An interval for a proportion, both ends in 0…1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}
