//! In which order a dispute asks: prompts dealt over windows of time, each asked again half the study later.

use super::Design;
use super::conclusion::Hypothesis;
use crate::plan::{Group, Plan, Trial};
use crate::seed::{RunKey, Stream};
use crate::task::Task;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Which part of the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fresh facts.
    Fresh,
    /// Public facts, and the same with another answer.
    Public,
}

/// Questions that follow each other, of one part and one asking.
#[derive(Clone, Debug)]
pub struct Sitting {
    /// The window of time, from 0.
    pub window: u32,
    /// Which time its prompts are asked, from 0.
    pub asking: u32,
    /// Which part.
    pub part: Part,
    /// The questions, each by itself.
    pub groups: Vec<Group>,
}

/// A dispute's questions in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct Course {
    design: Design,
    sittings: Vec<Sitting>,
    windows: HashMap<u64, u32>,
    fresh: Vec<u64>,
    twins: Vec<(u64, u64)>,
}

/// The part of a plan that a dispute asks: of each text one question of each task, at a depth that
/// goes round with the samples. Questions of one text may fail together, and the tests take
/// prompts as independent.
pub fn one_of_each_text(plan: &Plan) -> Plan {
    let cells = plan.grid.depths.cells_percent();
    let mut taken = HashSet::new();
    let mut groups = plan.groups.clone();
    for group in &mut groups {
        group.trials.retain(|trial| {
            let wanted = cells[trial.sample as usize % cells.len()];
            trial.cell_percent == wanted
                && taken.insert((trial.task.code(), trial.length_tokens, trial.sample))
        });
    }
    groups.retain(|group| !group.trials.is_empty());
    Plan {
        grid: plan.grid.clone(),
        groups,
    }
}

impl Course {
    /// Deals the prompts of a plan, one of each text, over the windows, the lengths evenly, so that
    /// no window is harder than another; a public needle and its twin with another answer stay
    /// together.
    pub fn new(plan: &Plan, key: &RunKey, design: &Design) -> Course {
        let plan = &one_of_each_text(plan);
        let count = design.windows.max(1);
        let mut stream = key.stream("dispute", &[u64::from(count)]);
        let single = |group: &Group, trial: &Trial| Group {
            trials: vec![trial.clone()],
            ..group.clone()
        };
        // By length.
        let mut fresh: BTreeMap<u64, Vec<Vec<Group>>> = BTreeMap::new();
        let mut public: BTreeMap<(u64, u32), [Option<Group>; 2]> = BTreeMap::new();
        for group in &plan.groups {
            for trial in &group.trials {
                let twin = [Task::PUBLIC, Task::PUBLIC_CHANGED];
                let place = twin.iter().position(|task| *task == trial.task);
                let one = single(group, trial);
                match place {
                    None => {
                        let of_length = fresh.entry(trial.length_tokens).or_default();
                        of_length.push(vec![one]);
                    }
                    Some(place) => {
                        let text = (trial.length_tokens, trial.sample);
                        let pair = public.entry(text).or_default();
                        pair[place] = Some(one);
                    }
                }
            }
        }
        let mut pairs: BTreeMap<u64, Vec<Vec<Group>>> = BTreeMap::new();
        let mut twins = Vec::new();
        for ((length, _), pair) in public {
            if let [Some(famous), Some(changed)] = pair {
                twins.push((famous.trials[0].id, changed.trials[0].id));
                let of_length = pairs.entry(length).or_default();
                of_length.push(vec![famous, changed]);
            }
        }
        let fresh_ids = fresh.values().flatten().flatten();
        let fresh_ids = fresh_ids.map(|group| group.trials[0].id).collect();
        let fresh = dealt(fresh, count, &mut stream);
        let pairs = dealt(pairs, count, &mut stream);
        let mut windows = HashMap::new();
        for blocks in [&fresh, &pairs] {
            for (window, groups) in (0..).zip(blocks) {
                for group in groups {
                    windows.insert(group.trials[0].id, window);
                }
            }
        }
        Course {
            sittings: sittings(design, fresh, pairs),
            design: design.clone(),
            windows,
            fresh: fresh_ids,
            twins,
        }
    }

    /// What is asked, in order.
    pub fn sittings(&self) -> &[Sitting] {
        &self.sittings
    }

    /// Windows of time from the first question to the last.
    pub fn all_windows(&self) -> u32 {
        self.sittings.last().map_or(0, |last| last.window + 1)
    }

    /// The window in which a trial is asked for the first time (`asking` 0) or again.
    pub fn window(&self, trial: u64, asking: u32) -> Option<u32> {
        let first = *self.windows.get(&trial)?;
        Some(first + asking * gap(&self.design))
    }

    /// The trials of fresh facts.
    pub fn fresh(&self) -> &[u64] {
        &self.fresh
    }

    /// Trials of public needles, each with its twin that has another answer.
    pub fn twins(&self) -> &[(u64, u64)] {
        &self.twins
    }
}

/// Windows between two askings of a prompt.
fn gap(design: &Design) -> u32 {
    design.windows.div_ceil(2)
}

/// Deals the questions of each length over the windows in turn, beginning where the length before
/// ended, so that windows are of like size and difficulty; each window in random order.
fn dealt(
    lengths: BTreeMap<u64, Vec<Vec<Group>>>,
    windows: u32,
    stream: &mut Stream,
) -> Vec<Vec<Group>> {
    let mut blocks: Vec<Vec<Vec<Group>>> = vec![Vec::new(); windows as usize];
    let mut order: Vec<usize> = Vec::new();
    for mut units in lengths.into_values() {
        stream.shuffle(&mut units);
        for unit in units {
            if order.is_empty() {
                order = (0..blocks.len()).collect();
                stream.shuffle(&mut order);
            }
            if let Some(window) = order.pop() {
                blocks[window].push(unit);
            }
        }
    }
    let mut flat = Vec::new();
    for mut units in blocks {
        stream.shuffle(&mut units);
        for unit in &mut units {
            stream.shuffle(unit);
        }
        flat.push(units.into_iter().flatten().collect());
    }
    flat
}

fn sittings(design: &Design, fresh: Vec<Vec<Group>>, public: Vec<Vec<Group>>) -> Vec<Sitting> {
    let mut sittings = Vec::new();
    let askings = match design.tests(Hypothesis::Unstable) {
        true => design.askings.max(1),
        false => 1,
    };
    let last = design.windows.saturating_sub(1) + (askings - 1) * gap(design);
    for window in 0..=last {
        for asking in 0..askings {
            let block = window.checked_sub(asking * gap(design));
            let Some(groups) = block.and_then(|block| fresh.get(block as usize)) else {
                continue;
            };
            sittings.push(Sitting {
                window,
                asking,
                part: Part::Fresh,
                groups: groups.clone(),
            });
        }
        if let Some(groups) = public.get(window as usize) {
            sittings.push(Sitting {
                window,
                asking: 0,
                part: Part::Public,
                groups: groups.clone(),
            });
        }
    }
    sittings.retain(|sitting| !sitting.groups.is_empty());
    sittings
}

#[cfg(test)]
mod tests;
