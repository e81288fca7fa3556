//! The grid of trials: lengths × depths × samples, in the order in which they are asked.

use crate::answer::ValueType;
use crate::fact::Facts;
use crate::haystack::{Beyond, Route};
use crate::index::Index;
use crate::language::Language;
use crate::prompt::{Needle, QuestionAt};
use crate::seed::{RunKey, Stream};
use crate::study::Seat;
use crate::task::{Hay, Posed, Scene, Sizes, Task};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod seats;

pub use seats::{Numbered, groups_of};

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
    /// The language of the text and of what is planted.
    #[serde(default = "english")]
    pub language: String,
    /// The language of the questions; none where it is that of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question_language: Option<String>,
    /// What follows where the haystack's text has ended.
    #[serde(default, skip_serializing_if = "is_refused")]
    pub beyond: Beyond,
    /// What was asked of the tasks' difficulty, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub difficulty: BTreeMap<String, u64>,
}

/// The language of a run file that names none.
fn english() -> String {
    "en".to_string()
}

/// True for what run files need not name.
fn is_refused(beyond: &Beyond) -> bool {
    *beyond == Beyond::Refused
}

impl Grid {
    /// What decides how many facts and questions a haystack has.
    pub fn sizes(&self) -> Sizes<'_> {
        Sizes {
            keys: u64::from(self.keys),
            asked: &self.difficulty,
        }
    }

    /// The languages of text and questions.
    ///
    /// # Errors
    /// When there is no such language.
    pub fn languages(&self) -> Result<(&'static Language, &'static Language)> {
        let told = Language::named(&self.language)?;
        match &self.question_language {
            Some(code) => Ok((told, Language::named(code)?)),
            None => Ok((told, told)),
        }
    }

    /// The wording of a haystack.
    fn wording(&self, task: Task, stream: impl FnOnce() -> Stream) -> usize {
        // Texts of keyed facts tell them in the first wording, and so do their needles.
        if matches!(task.entry().hay, Hay::Numbers | Hay::Uuids) {
            return 0;
        }
        let count = self.languages().map_or(1, |(told, asked)| {
            told.wordings.len().min(asked.wordings.len())
        });
        match self.wording {
            WordingChoice::Fixed => 0,
            WordingChoice::Pool => stream().below(count as u64) as usize,
        }
    }
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
    /// Its first fact among those of the run.
    pub facts_from: u64,
    /// How many of them it takes.
    pub facts: u64,
    /// Wording, by its place in the pool.
    pub wording: usize,
    /// Depths in percent, one for each question in the order of their slots.
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
                    let keys = (task.entry().questions)(&grid.sizes()).max(1) as usize;
                    let taken = (task.entry().facts)(&grid.sizes());
                    for (set, slots) in sets(cells.len(), keys, sample as usize)
                        .into_iter()
                        .enumerate()
                    {
                        let at = [task.code(), length_tokens, u64::from(sample), set as u64];
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
                        let wording = grid.wording(task, || key.stream("wording", &at));
                        id += trials.len() as u64;
                        groups.push(Group {
                            facts_from: facts,
                            facts: taken,
                            wording,
                            planted_percent: trials
                                .iter()
                                .map(|trial| trial.depth_percent)
                                .collect(),
                            trials,
                        });
                        facts += taken;
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
                trial.task.code(),
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
    pub fn route(&self, index: &Index, key: &RunKey, beyond: Beyond) -> Route {
        let trial = &self.trials[0];
        let beyond = match trial.task.entry().hay {
            Hay::Noise => Beyond::Repeated,
            // It is all generated.
            Hay::Made => Beyond::Generated,
            _ => beyond,
        };
        let mut stream = key.stream("route", &[trial.length_tokens, u64::from(trial.sample)]);
        Route::draw_beyond(index, &mut stream, beyond)
    }

    /// The stream that picks the rounding sentences of a trial.
    pub fn rounding(&self, trial: &Trial, key: &RunKey) -> Stream {
        key.stream(
            "rounding",
            &[
                trial.task.code(),
                trial.length_tokens,
                u64::from(trial.sample),
                u64::from(trial.set),
                u64::from(trial.slot),
            ],
        )
    }

    /// What is planted and asked.
    ///
    /// # Errors
    /// When the language lacks the task's sentences, or there are not enough facts.
    pub fn posed(&self, grid: &Grid, facts: &Facts, key: &RunKey) -> Result<Posed> {
        self.posed_in(self.trials[0].length_tokens, grid, facts, key)
    }

    /// The same for a text of another length: lists of words are made as long as their text.
    ///
    /// # Errors
    /// As [`Group::posed`].
    pub fn posed_in(
        &self,
        text_tokens: u64,
        grid: &Grid,
        facts: &Facts,
        key: &RunKey,
    ) -> Result<Posed> {
        let trial = &self.trials[0];
        let (told, asked) = grid.languages()?;
        let at = [
            trial.task.code(),
            trial.length_tokens,
            u64::from(trial.sample),
            u64::from(trial.set),
        ];
        let mut scene = Scene {
            told,
            asked,
            values: grid.values,
            wording: self.wording,
            sizes: grid.sizes(),
            facts,
            facts_from: self.facts_from,
            depths_percent: &self.planted_percent,
            text_tokens,
            stream: key.stream("scene", &[trial.task.drawn_as(), at[1], at[2], at[3]]),
        };
        (trial.task.entry().pose)(&mut scene)
    }

    /// One past its last fact.
    pub fn facts_to(&self) -> u64 {
        self.facts_from + self.facts
    }
}

/// What is planted, as prompts are laid out with it.
pub fn needles(posed: &Posed) -> Vec<Needle> {
    let planted = posed.planted.iter();
    let needles = planted.map(|planted| Needle {
        sentence: planted.sentence.clone(),
        depth_percent: planted.depth_percent,
    });
    needles.collect()
}

#[cfg(test)]
mod tests;
