//! The grid of trials: lengths × depths × samples, in the order in which they are asked.

use crate::fact::Facts;
use crate::haystack::Route;
use crate::index::Index;
use crate::prompt::{Needle, QuestionAt};
use crate::seed::{RunKey, Stream};
use crate::study::Seat;
use crate::task::niah::{self, ValueType, WORDINGS};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

mod seats;

pub use seats::{Numbered, groups_of};

/// A task of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One keyed fact in the haystack.
    NiahSingle,
    /// Several keyed facts of one form, each of them asked.
    NiahMultikey,
}

impl Task {
    /// Name, as typed and as reported, and what the task measures.
    pub const ALL: &'static [(Task, &'static str, &'static str)] = &[
        (
            Task::NiahSingle,
            "niah_single",
            "one keyed fact, literal retrieval (RULER; Kamradt's needle test)",
        ),
        (
            Task::NiahMultikey,
            "niah_multikey",
            "several keyed facts of one form, one asked at a time (RULER)",
        ),
    ];

    /// By name.
    pub fn named(name: &str) -> Result<Task> {
        Task::ALL
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(task, ..)| *task)
            .with_context(|| {
                let names: Vec<&str> = Task::ALL.iter().map(|(_, name, _)| *name).collect();
                format!("no task {name}: there are {}", names.join(", "))
            })
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Task::NiahSingle => "niah_single",
            Task::NiahMultikey => "niah_multikey",
        }
    }
}

/// How depths are laid out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depths {
    /// These depths, in percent.
    At(Vec<f64>),
    /// So many equal strata, a random depth in each.
    Strata(u32),
}

impl Depths {
    /// Reads `11` (evenly spaced), `0,25,50` (percent) or `strata`.
    pub fn parse(written: &str) -> Result<Depths> {
        let written = written.trim();
        if written == "strata" {
            return Ok(Depths::Strata(5));
        }
        if !written.contains([',', '.', '%']) {
            let count: u32 = written.parse().ok().filter(|n| (1..=1001).contains(n)).with_context(|| {
                format!("depths are a number of evenly spaced ones (11), a list in percent (0,25,50) or strata; got {written}")
            })?;
            let last = f64::from(count.max(2) - 1);
            return Ok(Depths::At(match count {
                1 => vec![50.0],
                _ => (0..count)
                    .map(|at| millionths(100.0 * f64::from(at) / last))
                    .collect(),
            }));
        }
        let mut depths = Vec::new();
        for item in written
            .split(',')
            .map(|item| item.trim().trim_end_matches('%'))
            .filter(|item| !item.is_empty())
        {
            let depth: f64 = item
                .parse()
                .with_context(|| format!("the depth {item} is not a number"))?;
            if !(0.0..=100.0).contains(&depth) {
                bail!("the depth {item} is not between 0 and 100 percent");
            }
            depths.push(millionths(depth));
        }
        depths.sort_by(f64::total_cmp);
        depths.dedup();
        if depths.is_empty() {
            bail!("no depth in {written}");
        }
        Ok(Depths::At(depths))
    }

    /// The depths that cells are reported at, in percent.
    pub fn cells_percent(&self) -> Vec<f64> {
        match self {
            Depths::At(depths) => depths.clone(),
            Depths::Strata(count) => (0..*count)
                .map(|at| 100.0 * (f64::from(at) + 0.5) / f64::from(*count))
                .collect(),
        }
    }

    fn asked_percent(&self, cell: usize, stream: &mut Stream) -> f64 {
        match self {
            Depths::At(depths) => depths[cell],
            Depths::Strata(count) => 100.0 * (cell as f64 + stream.unit()) / f64::from(*count),
        }
    }
}

/// Rounded to what every reader of JSON gives back exactly: the last bits of a longer number
/// would make a run differ from itself after it was written and read.
fn millionths(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}

/// Which wording needles and questions take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WordingChoice {
    /// The first form, always.
    Fixed,
    /// One of the forms, drawn per haystack.
    Pool,
}

/// What was asked for: everything that decides which prompts a run has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Tasks in the order asked.
    pub tasks: Vec<Task>,
    /// Lengths of the complete prompt in tokens, ascending.
    pub lengths_tokens: Vec<u64>,
    /// Depths.
    pub depths: Depths,
    /// Samples of each cell, each with a haystack and facts of its own.
    pub samples: u32,
    /// Facts in a haystack of `niah_multikey`.
    pub keys: u32,
    /// What answers look like.
    pub values: ValueType,
    /// Wording.
    pub wording: WordingChoice,
    /// Where the question stands.
    pub question_at: QuestionAt,
}

/// The coordinates of one trial; together with the grid and the secret they are its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Place in the run, counted from 0: how people name it (`show RUN 17`).
    pub id: u64,
    /// Task.
    pub task: Task,
    /// Length of the complete prompt in tokens.
    pub length_tokens: u64,
    /// Sample, from 0.
    pub sample: u32,
    /// The haystack's set of facts, from 0: sets of one sample share the haystack's text.
    pub set: u32,
    /// Which fact of the set is asked.
    pub slot: u32,
    /// The depth whose cell it counts for, in percent.
    pub cell_percent: f64,
    /// The asked depth in percent; differs from the cell's only for strata.
    pub depth_percent: f64,
    /// Its place in a study; none for trials of a grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<Seat>,
}

impl Trial {
    /// The length whose cell it counts for, in tokens; a study asks a little around it.
    pub fn cell_tokens(&self) -> u64 {
        self.seat
            .map_or(self.length_tokens, |seat| seat.rung_tokens)
    }
}

/// Trials that share a haystack with its needles, and so a prefix; asked one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Place among the haystacks of the run: the facts `facts_from..` are its own.
    pub facts_from: u64,
    /// Wording, by its place in the pool.
    pub wording: usize,
    /// The depth of each of its facts, in percent, in the order of their slots.
    pub planted_percent: Vec<f64>,
    /// Those of them that are asked.
    pub trials: Vec<Trial>,
}

/// All trials of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was made from.
    pub grid: Grid,
    /// Groups in the order they are asked.
    pub groups: Vec<Group>,
}

impl Plan {
    /// Lays out a grid.
    pub fn new(grid: Grid, key: &RunKey) -> Plan {
        let cells = grid.depths.cells_percent();
        let mut groups = Vec::new();
        let (mut id, mut facts) = (0, 0);
        for sample in 0..grid.samples {
            for &length_tokens in &grid.lengths_tokens {
                for &task in &grid.tasks {
                    let keys = match task {
                        Task::NiahSingle => 1,
                        Task::NiahMultikey => grid.keys as usize,
                    };
                    for (set, slots) in sets(cells.len(), keys, sample as usize)
                        .into_iter()
                        .enumerate()
                    {
                        let at = [task as u64, length_tokens, u64::from(sample), set as u64];
                        let mut depth = key.stream("depth", &at);
                        let trials: Vec<Trial> = slots
                            .iter()
                            .enumerate()
                            .map(|(slot, &cell)| Trial {
                                id: id + slot as u64,
                                task,
                                length_tokens,
                                sample,
                                set: set as u32,
                                slot: slot as u32,
                                cell_percent: cells[cell],
                                depth_percent: grid.depths.asked_percent(cell, &mut depth),
                                seat: None,
                            })
                            .collect();
                        let wording = match grid.wording {
                            WordingChoice::Fixed => 0,
                            WordingChoice::Pool => {
                                key.stream("wording", &at).below(WORDINGS.len() as u64) as usize
                            }
                        };
                        id += trials.len() as u64;
                        groups.push(Group {
                            facts_from: facts,
                            wording,
                            planted_percent: trials
                                .iter()
                                .map(|trial| trial.depth_percent)
                                .collect(),
                            trials,
                        });
                        facts += keys as u64;
                    }
                }
            }
        }
        let groups = in_asking_order(groups, key);
        Plan { grid, groups }
    }

    /// Every trial, in the order asked.
    pub fn trials(&self) -> impl Iterator<Item = &Trial> {
        self.groups.iter().flat_map(|group| &group.trials)
    }

    /// Number of facts that the run plants.
    pub fn facts(&self) -> u64 {
        self.groups.iter().map(Group::facts_to).max().unwrap_or(0)
    }

    /// The group and the slot of a trial.
    pub fn find(&self, id: u64) -> Option<(&Group, &Trial)> {
        self.groups
            .iter()
            .find_map(|group| Some((group, group.trials.iter().find(|trial| trial.id == id)?)))
    }
}

/// Which cells the facts of each set stand at. Every set has `keys` facts; sets are shifted so
/// that together they cover all `cells` depths, and what is left over of the last ones is spread
/// by sample, so that no depth is favoured over many samples.
fn sets(cells: usize, keys: usize, sample: usize) -> Vec<Vec<usize>> {
    let count = cells.div_ceil(keys);
    let mut extra = sample * (count * keys - cells);
    (0..count)
        .map(|set| {
            let mut slots: Vec<usize> = (set..cells).step_by(count).collect();
            while slots.len() < keys {
                let next = extra % cells;
                extra += 1;
                // The same depth twice only where there are fewer depths than facts.
                if !slots.contains(&next) || slots.len() >= cells {
                    slots.push(next);
                }
            }
            slots.sort_unstable();
            slots
        })
        .collect()
}

/// All lengths of sample 1 before sample 2, lengths shuffled within a round, so that neither time
/// nor a cap is confounded with length; within a haystack from deep to shallow, so that what the
/// sets share stays a prefix as long as it can.
fn in_asking_order(mut groups: Vec<Group>, key: &RunKey) -> Vec<Group> {
    let mut rank = std::collections::HashMap::new();
    let mut lengths: Vec<u64> = groups
        .iter()
        .map(|group| group.trials[0].length_tokens)
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    let samples = groups
        .iter()
        .map(|group| group.trials[0].sample)
        .max()
        .map_or(0, |last| last + 1);
    for sample in 0..samples {
        let mut order = lengths.clone();
        key.stream("order", &[u64::from(sample)])
            .shuffle(&mut order);
        for (place, length) in order.into_iter().enumerate() {
            rank.insert((sample, length), place);
        }
    }
    groups.sort_by(|a, b| {
        let place = |group: &Group| {
            let trial = &group.trials[0];
            (
                trial.sample,
                rank.get(&(trial.sample, trial.length_tokens)).copied(),
                trial.task as u8,
            )
        };
        let shallowest = |group: &Group| {
            group
                .trials
                .iter()
                .map(|trial| trial.depth_percent)
                .fold(100.0, f64::min)
        };
        place(a)
            .cmp(&place(b))
            .then(shallowest(b).total_cmp(&shallowest(a)))
    });
    groups
}

impl Group {
    /// The haystack's route: that of its sample and length, shared by its sets and tasks.
    pub fn route(&self, index: &Index, key: &RunKey) -> Route {
        let trial = &self.trials[0];
        Route::draw(
            index,
            &mut key.stream("route", &[trial.length_tokens, u64::from(trial.sample)]),
        )
    }

    /// The stream that picks the rounding sentences of a trial.
    pub fn rounding(&self, trial: &Trial, key: &RunKey) -> Stream {
        key.stream(
            "rounding",
            &[
                trial.task as u64,
                trial.length_tokens,
                u64::from(trial.sample),
                u64::from(trial.set),
                u64::from(trial.slot),
            ],
        )
    }

    /// The needles, one per fact and in its place.
    pub fn needles(&self, facts: &Facts, values: ValueType) -> Result<Vec<Needle>> {
        self.planted_percent
            .iter()
            .enumerate()
            .map(|(slot, &depth_percent)| {
                let fact = self.fact(facts, slot as u32)?;
                Ok(Needle {
                    sentence: niah::needle(self.wording, values, &fact.key, &fact.value),
                    depth_percent,
                })
            })
            .collect()
    }

    /// The questions, one per fact and in its place.
    pub fn questions(&self, facts: &Facts, values: ValueType) -> Result<Vec<String>> {
        (0..self.planted_percent.len())
            .map(|slot| {
                let fact = self.fact(facts, slot as u32)?;
                Ok(niah::question(self.wording, values, &fact.key))
            })
            .collect()
    }

    /// The fact in a slot.
    pub fn fact<'f>(&self, facts: &'f Facts, slot: u32) -> Result<&'f crate::fact::Fact> {
        facts
            .get(self.facts_from + u64::from(slot))
            .context("a trial's fact was not drawn")
    }

    /// The values of the other facts in the haystack.
    pub fn siblings(&self, facts: &Facts, slot: u32) -> Result<Vec<String>> {
        (0..self.planted_percent.len() as u32)
            .filter(|other| *other != slot)
            .map(|other| Ok(self.fact(facts, other)?.value.clone()))
            .collect()
    }

    /// One past its last fact.
    pub fn facts_to(&self) -> u64 {
        self.facts_from + self.planted_percent.len() as u64
    }
}

#[cfg(test)]
mod tests;
