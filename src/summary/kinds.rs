//! How far each kind of use reaches: tasks of one kind taken together, from literal to aggregate.

use super::{Point, TaskSummary};
use crate::stats::wilson;
use crate::task::{Kind, Task};
use serde::{Deserialize, Serialize};

/// The tasks of one kind of use together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindSummary {
    /// The kind.
    pub kind: Kind,
    /// Its tasks, by name.
    pub tasks: Vec<String>,
    /// Accuracy by length over all of them, shortest first.
    pub curve: Vec<Point>,
    /// How far it reaches.
    pub reach: Reach,
}

/// How far a curve reaches, length by length and not over all lengths at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The longest tested length up to which the lower end of every interval is at or above the
    /// threshold, in tokens.
    pub passed_tokens: Option<u64>,
    /// The longest tested length up to which every accuracy itself is at or above the threshold,
    /// in tokens.
    pub above_tokens: Option<u64>,
    /// The shortest tested length whose interval lies below the threshold, in tokens.
    pub failed_tokens: Option<u64>,
}

impl Reach {
    /// Of a curve, its shortest length first. No length is passed that is not complete: one at
    /// which a task of the kind has not been scored.
    pub fn of(curve: &[Point], threshold: f64, is_complete: &dyn Fn(u64) -> bool) -> Reach {
        let longest = |passes: &dyn Fn(&Point) -> bool| {
            let good = |point: &&Point| is_complete(point.length_tokens) && passes(point);
            let good = curve.iter().take_while(good).last();
            good.map(|point| point.length_tokens)
        };
        let fails = |point: &&Point| {
            point
                .interval
                .is_some_and(|interval| interval.high < threshold)
        };
        Reach {
            passed_tokens: longest(&|point| {
                point
                    .interval
                    .is_some_and(|interval| interval.low >= threshold)
            }),
            above_tokens: longest(&|point| {
                point.accuracy.is_some_and(|accuracy| accuracy >= threshold)
            }),
            failed_tokens: curve.iter().find(fails).map(|point| point.length_tokens),
        }
    }
}

/// The kinds of use that the tasks belong to, from the simplest on. Tasks of other people's sets
/// belong to none.
pub fn kinds(tasks: &[TaskSummary], threshold: f64, confidence: f64) -> Vec<KindSummary> {
    let of = |kind: Kind| {
        let own: Vec<&TaskSummary> = tasks
            .iter()
            .filter(|task| Task::named(&task.task).is_ok_and(|task| task.kind() == kind))
            .collect();
        let mut lengths: Vec<u64> = own
            .iter()
            .flat_map(|task| &task.curve)
            .map(|point| point.length_tokens)
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        let curve: Vec<Point> = lengths
            .into_iter()
            .map(|length| pooled(length, &own, confidence))
            .collect();
        (!own.is_empty()).then(|| KindSummary {
            kind,
            tasks: own.iter().map(|task| task.task.clone()).collect(),
            reach: Reach::of(&curve, threshold, &|length| scored(length, &own)),
            curve,
        })
    };
    Kind::ALL.into_iter().filter_map(of).collect()
}

/// True where every one of the tasks has answers at a length.
fn scored(length_tokens: u64, tasks: &[&TaskSummary]) -> bool {
    tasks.iter().all(|task| {
        let mut points = task.curve.iter();
        points.any(|point| point.length_tokens == length_tokens && point.n > 0)
    })
}

/// The points of one length of several tasks as one.
fn pooled(length_tokens: u64, tasks: &[&TaskSummary], confidence: f64) -> Point {
    let here: Vec<&Point> = tasks
        .iter()
        .flat_map(|task| &task.curve)
        .filter(|point| point.length_tokens == length_tokens)
        .collect();
    let sum = |of: fn(&Point) -> u64| here.iter().map(|point| of(point)).sum::<u64>();
    let (n, right, void) = (sum(|p| p.n), sum(|p| p.right), sum(|p| p.void));
    let share = |of: u64| (of > 0).then(|| right as f64 / of as f64);
    Point {
        length_tokens,
        n,
        right,
        void,
        // Tasks of one sample share their haystack where they can.
        haystacks: here.iter().map(|point| point.haystacks).max().unwrap_or(0),
        accuracy: share(n),
        interval: (n > 0).then(|| wilson(right, n, confidence)),
        accuracy_voids_failed: share(n + void),
        substring_right: sum(|p| p.substring_right),
        credit: None,
        credit_interval: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(length_tokens: u64, right: u64, n: u64) -> Point {
        Point {
            length_tokens,
            n,
            right,
            void: 0,
            haystacks: n,
            accuracy: (n > 0).then(|| right as f64 / n as f64),
            interval: (n > 0).then(|| wilson(right, n, 0.95)),
            accuracy_voids_failed: None,
            substring_right: right,
            credit: None,
            credit_interval: None,
        }
    }

    #[test]
    fn a_curve_reaches_to_the_last_length_before_its_first_gap() {
        let curve = [
            point(1_000, 40, 40),
            point(2_000, 36, 40),
            point(4_000, 10, 40),
            point(8_000, 40, 40),
        ];
        assert_eq!(
            Reach::of(&curve, 0.85, &|_| true),
            Reach {
                passed_tokens: Some(1_000),
                above_tokens: Some(2_000),
                failed_tokens: Some(4_000),
            }
        );
        let nothing = [point(1_000, 0, 0)];
        assert_eq!(Reach::of(&nothing, 0.85, &|_| true), Reach::default());
    }

    #[test]
    fn a_length_at_which_a_task_of_the_kind_was_not_scored_is_not_passed() {
        let task = |name: &str, curve: Vec<Point>| TaskSummary {
            task: name.into(),
            curve,
            cells: Vec::new(),
            classes: Default::default(),
            voids: Default::default(),
        };
        let good = || vec![point(1_000, 60, 60), point(2_000, 60, 60)];
        // All of the second task's questions at 2,000 tokens are void, or were never asked.
        for second in [
            vec![point(1_000, 60, 60), point(2_000, 0, 0)],
            vec![point(1_000, 60, 60)],
        ] {
            let tasks = [task("vt", good()), task("chain", second)];
            let kinds = kinds(&tasks, 0.85, 0.95);
            assert_eq!(kinds[0].reach.passed_tokens, Some(1_000));
            assert_eq!(kinds[0].reach.above_tokens, Some(1_000));
        }
        let tasks = [task("vt", good()), task("chain", good())];
        let kinds = kinds(&tasks, 0.85, 0.95);
        assert_eq!(kinds[0].reach.passed_tokens, Some(2_000));
    }

    #[test]
    fn tasks_of_a_kind_are_counted_together_and_kinds_go_from_literal_on() {
        let task = |name: &str, right: u64| TaskSummary {
            task: name.into(),
            curve: vec![point(1_000, right, 10)],
            cells: Vec::new(),
            classes: Default::default(),
            voids: Default::default(),
        };
        let tasks = [
            task("vt", 3),
            task("niah_single", 9),
            task("niah_multikey", 7),
            task("a set", 1),
        ];
        let kinds = kinds(&tasks, 0.85, 0.95);
        let told: Vec<(Kind, u64, u64)> = kinds
            .iter()
            .map(|kind| (kind.kind, kind.curve[0].right, kind.curve[0].n))
            .collect();
        assert_eq!(told, [(Kind::Literal, 16, 20), (Kind::Chained, 3, 10)]);
        assert_eq!(kinds[0].tasks, ["niah_single", "niah_multikey"]);
    }
}
