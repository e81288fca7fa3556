//! Several kinds of use under one plan: a study of each, so that no verdict hangs on another.

use super::{Next, Outcome, Progress, Registered, Seat, Study};
use crate::stats::Tally;

/// The studies of a plan, one for each kind of use.
#[derive(Debug)]
pub struct Studies {
    /// The plan of all of them.
    pub registered: Registered,
    /// The study of each kind, in the order of the run's tasks.
    pub kinds: Vec<Study>,
}

/// Where the studies of a plan stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Each kind's own.
    pub kinds: Vec<Progress>,
    /// Every question given out so far, of all kinds; its number here is its number in the run.
    pub seats: Vec<Seat>,
    /// What must happen next.
    pub next: Next,
}

impl Registered {
    /// The plan of one of its kinds, with its share of alpha.
    ///
    /// The chance that any verdict of a family is wrong is at most the sum of their chances
    /// (Bonferroni), whatever hangs together, in which order they are asked and when somebody
    /// stops: each test holds its share at every look at once, by Ville's inequality.
    pub fn of_one_kind(&self) -> Registered {
        let kinds = f64::from(self.kinds.max(1));
        let mut one = Registered {
            alpha: self.alpha / kinds,
            kinds: 1,
            stop_at_first: false,
            ..self.clone()
        };
        if let Some(search) = &mut one.search {
            search.alpha /= kinds;
        }
        one
    }

    /// Works the numbers of every kind out. `bases` are the kinds' answers in short contexts; see
    /// [`Registered::study`].
    pub fn studies(&self, bases: &[Tally]) -> Studies {
        let one = self.of_one_kind();
        let base = |kind: u32| bases.get(kind as usize).copied().unwrap_or_default();
        let study = |kind| Study {
            kind,
            ..one.study(base(kind))
        };
        Studies {
            registered: self.clone(),
            kinds: (0..self.kinds.max(1)).map(study).collect(),
        }
    }
}

impl Studies {
    /// Goes through the studies from their beginning with the outcomes that are known: a function
    /// of these alone, so that a killed run goes on as if it had not been.
    pub fn replay(&self, outcome: &dyn Fn(&Seat) -> Option<Outcome>) -> Course {
        let mut course = Course {
            kinds: self.kinds.iter().map(Study::begun).collect(),
            seats: Vec::new(),
            next: Next::Nothing,
        };
        while let Some(at) = self.choose(&course) {
            let progress = &mut course.kinds[at];
            let given_out = progress.seats.len();
            self.kinds[at].advance(progress, outcome);
            course.seats.extend(&progress.seats[given_out..]);
            if progress.next != Next::Nothing {
                course.next = progress.next.clone();
                break;
            }
        }
        course
    }

    /// The kind whose block is due: the one with the shortest length to ask, so that what fails
    /// early in any kind costs no long prompt of another; searches come after all verdicts.
    fn choose(&self, course: &Course) -> Option<usize> {
        if self.registered.stop_at_first && course.kinds.iter().any(Progress::is_refuted) {
            return None;
        }
        let due = course
            .kinds
            .iter()
            .enumerate()
            .filter_map(|(at, progress)| {
                Some((progress.is_decided, progress.coming_tokens()?, at))
            });
        due.min().map(|(.., at)| at)
    }
}

#[cfg(test)]
mod tests;
