//! Counts of outcomes, of which void ones may have been anything.

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

/// Outcomes of questions. A void one is no answer: whether it would have been right is unknown, so
/// that evidence for a claim counts it as wrong and evidence against as right (DESIGN §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Right answers.
    pub right: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// Questions that stayed without an answer of the model.
    #[serde(default)]
    pub void: u64,
}

impl Tally {
    /// All questions, void ones too.
    pub fn asked(self) -> u64 {
        self.right + self.wrong + self.void
    }

    /// Questions that the model answered.
    pub fn answered(self) -> u64 {
        self.right + self.wrong
    }

    /// Successes where every void question counts as a failure.
    pub fn least_right(self) -> u64 {
        self.right
    }

    /// Successes where every void question counts as a success.
    pub fn most_right(self) -> u64 {
        self.right + self.void
    }

    /// Share of right answers among the answered; none where nothing was answered.
    pub fn share(self) -> Option<f64> {
        (self.answered() > 0).then(|| self.right as f64 / self.answered() as f64)
    }

    /// Share of void questions among all; 0 where nothing was asked.
    pub fn void_share(self) -> f64 {
        match self.asked() {
            0 => 0.0,
            asked => self.void as f64 / asked as f64,
        }
    }
}

impl Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally {
            right: self.right + other.right,
            wrong: self.wrong + other.wrong,
            void: self.void + other.void,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::default(), Tally::add)
    }
}
