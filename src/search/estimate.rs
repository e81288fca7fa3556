//! The model's interval, and the reasons not to give it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a model of one smooth decline has the effective length. It is advice beside the certified
/// bracket, and no verdict rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Lower end of the interval in tokens, to be read as one of 95 %.
    pub low_tokens: u64,
    /// Median in tokens.
    pub middle_tokens: u64,
    /// Upper end in tokens.
    pub high_tokens: u64,
    /// How often answers of such curves lie as far off them as these do.
    pub fit_p: f64,
    /// How many times as likely a decline in two steps is.
    pub two_step_odds: f64,
}

/// Why there is no interval of the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Withheld {
    /// No tested length is certainly bad, so that a model would make the upper end up.
    NothingRefuted,
    /// No smooth decline fits the answers.
    Misfit {
        /// How often answers of such curves lie as far off.
        p: f64,
    },
    /// The answers look like two declines with a plateau between.
    TwoSteps {
        /// How many times as likely they make it.
        odds: f64,
    },
    /// The interval says too little.
    TooWide {
        /// Its half-width as a factor.
        factor: f64,
    },
}

impl Estimate {
    /// Half the interval's width in ln tokens.
    pub fn half_width(&self) -> f64 {
        (self.high_tokens as f64 / self.low_tokens.max(1) as f64).ln() / 2.0
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Withheld::NothingRefuted => write!(
                out,
                "no model interval: no tested length was refuted, so nothing says where the curve crosses the threshold"
            ),
            Withheld::Misfit { p } => write!(
                out,
                "no model interval: one smooth decline does not fit the answers (p = {p:.4}); the bracket holds without it"
            ),
            Withheld::TwoSteps { odds } => write!(
                out,
                "no model interval: the answers are {odds:.0} times as likely under a decline in two steps as under a single one; the bracket holds without it"
            ),
            Withheld::TooWide { factor } => write!(
                out,
                "no model interval: the curve is so shallow that it would reach a factor of {factor:.1} to each side; the bracket holds without it"
            ),
        }
    }
}
