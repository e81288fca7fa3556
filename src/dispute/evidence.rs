//! What the answers of a dispute say: pairs, repeats, windows, and replies that are earlier ones.

use super::conclusion::Hypothesis;
use super::{Course, Design, MOST_MISSING};
use crate::comparison::Answered;
use crate::stats::{
    BestOf, Labelled, Memory, Observed, PairOutcome, Published, Recitals, Repeated, Serial, Tally,
    WindowPair, best_of, label_association, serial,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The settled answers of a side, by trial.
pub type Answers = BTreeMap<u64, Answered>;

/// Everybody's answers.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// The target's, one for each time that it was asked.
    pub askings: &'a [Answers],
    /// The reference's.
    pub reference: Option<&'a Answers>,
}

/// Right answers of those that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Right answers.
    pub right: u64,
    /// Answers that count: neither void nor an earlier reply given again.
    pub n: u64,
}

/// How far prompts could be asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// Prompts that were to be asked again.
    pub planned: u64,
    /// Those with two answers that count.
    pub answered: u64,
    /// Repeats that bear the id and the words of an earlier reply.
    pub cached: u64,
}

/// A window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When its first question was asked, in milliseconds since 1970; 0 where none was.
    pub began_ms: u64,
    /// Its answers to fresh facts.
    pub right: u64,
    /// The answers that count.
    pub n: u64,
}

/// The answers of one who computes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// What its replies say of it: fingerprint of the system, provider, model, replica.
    pub label: String,
    /// Right answers.
    pub right: u64,
    /// Answers that count.
    pub n: u64,
}

/// Answers by who computed them, as the replies tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Labelling {
    /// Who they are.
    pub labels: Vec<Label>,
    /// P-value of "whoever answers, a prompt has the same chance of a right answer".
    pub p: f64,
}

/// A public needle by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needle {
    /// Its question.
    pub question: String,
    /// With its famous answer in the text.
    pub public: Shares,
    /// With another answer there.
    pub changed: Shares,
    /// Famous answers given where the text says otherwise.
    pub recited: u64,
}

/// Tokens that both servers count for the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Prompts for which both told a count.
    pub compared: u64,
    /// The smallest difference, target less reference, in tokens.
    pub least: i64,
    /// The largest.
    pub most: i64,
}

/// What was seen, beside what the tests make of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What goes to the tests.
    #[serde(skip)]
    pub observed: Observed,
    /// Share of its pairs or repeats that each hypothesis lacks.
    pub missing: BTreeMap<Hypothesis, f64>,
    /// Fresh facts, each time that they were asked.
    pub fresh: Vec<Shares>,
    /// The reference's answers to the same.
    pub reference: Option<Shares>,
    /// Public facts with their famous answers.
    pub public: Shares,
    /// The same sentences with another answer.
    pub changed: Shares,
    /// Famous answers given where the text says otherwise.
    pub recited: u64,
    /// Each public needle by itself: a model may know one of them alone.
    pub needles: Vec<Needle>,
    /// Prompts asked again.
    pub repeats: Repeats,
    /// Replies that bear the id and the words of an earlier one, of all.
    pub cached_replies: u64,
    /// Windows of time.
    pub windows: Vec<Window>,
    /// Whether outcomes that follow each other are alike; null where all are equal.
    pub serial: Option<Serial>,
    /// Null where nothing tells who computed the answers, or it is always the same.
    pub labelling: Option<Labelling>,
    /// Null where nothing was answered.
    pub best_of: Option<BestOf>,
    /// Null without a reference, or where one of both tells no counts.
    pub token_counts: Option<TokenCounts>,
}

impl Evidence {
    /// Gathers it. `draw` gives a random number below its bound.
    pub fn of(
        design: &Design,
        course: &Course,
        sides: Sides<'_>,
        draw: &mut impl FnMut(u64) -> u64,
    ) -> Evidence {
        let cached = earlier_replies(sides.askings);
        let seen = Seen {
            course,
            sides,
            cached: &cached,
        };
        let mut missing = BTreeMap::new();
        let mut observed = Observed::default();
        let tally = |trials: &mut dyn Iterator<Item = u64>, asking: usize| {
            shares(trials.map(|trial| seen.right(asking, trial)))
        };
        let fresh_trials = || course.fresh().iter().copied();
        let windows = seen.windows();
        if design.tests(Hypothesis::OtherModel) {
            if sides.reference.is_some() {
                let pairs = seen.against_reference();
                let lacking = pairs
                    .iter()
                    .filter(|pair| pair.outcome == PairOutcome::Missing);
                let share = share_of(lacking.count(), pairs.len());
                missing.insert(Hypothesis::OtherModel, share);
                observed.reference = (share <= MOST_MISSING).then_some(pairs);
            } else if let Some(published) = design.published {
                let all = tally(&mut fresh_trials(), 0);
                let planned = course.fresh().len();
                let share = share_of(planned - (all.n as usize).min(planned), planned);
                missing.insert(Hypothesis::OtherModel, share);
                observed.published = (share <= MOST_MISSING).then(|| Published {
                    windows: seen.first_by_window(),
                    share: published,
                    margin: design.margin,
                });
            }
        }
        let prompts = seen.prompts();
        let repeats = Repeats {
            planned: match design.tests(Hypothesis::Unstable) {
                true => prompts.len() as u64,
                false => 0,
            },
            answered: prompts
                .iter()
                .filter(|prompt| prompt.answered() >= 2)
                .count() as u64,
            cached: cached.iter().filter(|(asking, _)| *asking > 0).count() as u64,
        };
        if design.tests(Hypothesis::Unstable) {
            let lacking = repeats.planned - repeats.answered;
            let share = share_of(lacking as usize, repeats.planned as usize);
            missing.insert(Hypothesis::Unstable, share);
            observed.repeats = (share <= MOST_MISSING).then(|| Repeated {
                prompts: prompts.clone(),
                windows: match windows.len() {
                    0 | 1 => Vec::new(),
                    _ => windows.iter().map(Window::tally).collect(),
                },
            });
        }
        let twins = course.twins();
        let mut changed_trials = twins.iter().map(|(_, changed)| *changed);
        let changed = tally(&mut changed_trials, 0);
        let needles = seen.needles();
        let recited = needles.iter().map(|needle| needle.recited).sum();
        if design.tests(Hypothesis::Memorised) {
            let pairs = seen.against_public();
            let lacking = pairs
                .iter()
                .filter(|pair| pair.outcome == PairOutcome::Missing);
            let share = share_of(lacking.count(), pairs.len());
            missing.insert(Hypothesis::Memorised, share);
            observed.memory = (share <= MOST_MISSING).then_some(Memory {
                pairs,
                recitals: Some(Recitals {
                    given: recited,
                    asked: changed.n,
                }),
            });
        }
        Evidence {
            observed,
            missing,
            fresh: (0..sides.askings.len())
                .map(|asking| tally(&mut fresh_trials(), asking))
                .collect(),
            reference: sides
                .reference
                .map(|answers| shares(fresh_trials().map(|trial| answers.get(&trial)?.right))),
            public: tally(&mut twins.iter().map(|(public, _)| *public), 0),
            changed,
            recited,
            needles,
            repeats,
            cached_replies: cached.len() as u64,
            serial: serial(&seen.in_order()),
            labelling: seen.labelling(draw),
            best_of: best_of(&prompts, design.best_of, prompts.len() as u64),
            token_counts: seen.token_counts(),
            windows,
        }
    }
}

impl Window {
    fn tally(&self) -> Tally {
        Tally {
            right: self.right,
            wrong: self.n - self.right,
            void: 0,
        }
    }
}

fn share_of(part: usize, whole: usize) -> f64 {
    match whole {
        0 => 1.0,
        whole => part as f64 / whole as f64,
    }
}

fn shares(outcomes: impl Iterator<Item = Option<bool>>) -> Shares {
    let mut shares = Shares::default();
    for right in outcomes.flatten() {
        shares.n += 1;
        shares.right += u64::from(right);
    }
    shares
}

/// Replies that bear the id and the words of an earlier one: who gave them did not compute them.
/// An id under which different words were sent is no name of a reply (some servers give all the
/// same), and says nothing.
fn earlier_replies(askings: &[Answers]) -> HashSet<(usize, u64)> {
    let mut by_id: HashMap<&str, Vec<(usize, &Answered)>> = HashMap::new();
    for (asking, answers) in askings.iter().enumerate() {
        for answered in answers.values() {
            if let Some(id) = &answered.reply_id {
                by_id.entry(id).or_default().push((asking, answered));
            }
        }
    }
    let mut earlier = HashSet::new();
    for replies in by_id.values_mut() {
        replies.sort_by_key(|(asking, answered)| (answered.at_ms, *asking, answered.trial));
        let words = |at: usize| &replies[at].1.text;
        if (1..replies.len()).all(|at| words(at) == words(0)) {
            let again = replies.iter().skip(1);
            earlier.extend(again.map(|(asking, answered)| (*asking, answered.trial)));
        }
    }
    earlier
}

/// The answers, without the replies that are earlier ones.
struct Seen<'a> {
    course: &'a Course,
    sides: Sides<'a>,
    cached: &'a HashSet<(usize, u64)>,
}

impl Seen<'_> {
    /// Whether an answer is right; none where it does not count.
    fn right(&self, asking: usize, trial: u64) -> Option<bool> {
        match self.cached.contains(&(asking, trial)) {
            true => None,
            false => self.sides.askings.get(asking)?.get(&trial)?.right,
        }
    }

    fn window(&self, trial: u64, asking: usize) -> u64 {
        u64::from(self.course.window(trial, asking as u32).unwrap_or(0))
    }

    /// Each fresh prompt's answers.
    fn prompts(&self) -> Vec<Tally> {
        let tally = |trial: &u64| {
            let mut tally = Tally::default();
            for asking in 0..self.sides.askings.len() {
                match self.right(asking, *trial) {
                    Some(true) => tally.right += 1,
                    Some(false) => tally.wrong += 1,
                    None => tally.void += 1,
                }
            }
            tally
        };
        self.course.fresh().iter().map(tally).collect()
    }

    fn windows(&self) -> Vec<Window> {
        let mut windows = vec![Window::default(); self.course.all_windows() as usize];
        for (asking, answers) in self.sides.askings.iter().enumerate() {
            for trial in self.course.fresh() {
                let at = self.window(*trial, asking) as usize;
                let (Some(window), Some(answered)) = (windows.get_mut(at), answers.get(trial))
                else {
                    continue;
                };
                if window.began_ms == 0 || answered.at_ms < window.began_ms {
                    window.began_ms = answered.at_ms;
                }
                if let Some(right) = self.right(asking, *trial) {
                    window.n += 1;
                    window.right += u64::from(right);
                }
            }
        }
        windows
    }

    /// The first answers by window.
    fn first_by_window(&self) -> Vec<Tally> {
        let mut windows: BTreeMap<u64, Tally> = BTreeMap::new();
        for trial in self.course.fresh() {
            let right = self.right(0, *trial);
            *windows.entry(self.window(*trial, 0)).or_default() += Tally {
                right: u64::from(right == Some(true)),
                wrong: u64::from(right == Some(false)),
                void: u64::from(right.is_none()),
            };
        }
        windows.into_values().collect()
    }

    /// The reference (base) and the target on the same bytes.
    fn against_reference(&self) -> Vec<WindowPair> {
        let pair = |trial: &u64| {
            let reference = self.sides.reference.and_then(|answers| answers.get(trial));
            let ours = self.sides.askings.first().and_then(|one| one.get(trial));
            let outcome = match (reference, ours) {
                (Some(reference), Some(ours)) if reference.prompt == ours.prompt => {
                    PairOutcome::of(reference.right, self.right(0, *trial))
                }
                _ => PairOutcome::Missing,
            };
            WindowPair {
                window: self.window(*trial, 0),
                outcome,
            }
        };
        self.course.fresh().iter().map(pair).collect()
    }

    /// The famous answer in the text (base) and another one there.
    fn against_public(&self) -> Vec<WindowPair> {
        let pair = |(public, changed): &(u64, u64)| WindowPair {
            window: self.window(*public, 0),
            outcome: PairOutcome::of(self.right(0, *public), self.right(0, *changed)),
        };
        self.course.twins().iter().map(pair).collect()
    }

    /// Public needles, by their questions.
    fn needles(&self) -> Vec<Needle> {
        let first = self.sides.askings.first();
        let mut needles: BTreeMap<&str, Needle> = BTreeMap::new();
        for (public, changed) in self.course.twins() {
            for (trial, is_changed) in [(public, false), (changed, true)] {
                let Some(answered) = first.and_then(|answers| answers.get(trial)) else {
                    continue;
                };
                let Some(right) = self.right(0, *trial) else {
                    continue;
                };
                let needle = needles.entry(&answered.question).or_insert_with(|| Needle {
                    question: answered.question.clone(),
                    public: Shares::default(),
                    changed: Shares::default(),
                    recited: 0,
                });
                let shares = match is_changed {
                    true => &mut needle.changed,
                    false => &mut needle.public,
                };
                shares.n += 1;
                shares.right += u64::from(right);
                needle.recited += u64::from(is_changed && answered.recites);
            }
        }
        needles.into_values().collect()
    }

    /// First answers in the order of asking.
    fn in_order(&self) -> Vec<bool> {
        let Some(first) = self.sides.askings.first() else {
            return Vec::new();
        };
        let mut answers: Vec<(u64, u64, bool)> = self
            .course
            .fresh()
            .iter()
            .filter_map(|trial| Some((first.get(trial)?.at_ms, *trial, self.right(0, *trial)?)))
            .collect();
        answers.sort_unstable();
        answers.into_iter().map(|(_, _, right)| right).collect()
    }

    fn labelling(&self, draw: &mut impl FnMut(u64) -> u64) -> Option<Labelling> {
        let mut names: Vec<&str> = Vec::new();
        let mut labelled = Vec::new();
        for (asking, answers) in self.sides.askings.iter().enumerate() {
            for trial in self.course.fresh() {
                let Some(answered) = answers.get(trial) else {
                    continue;
                };
                let (Some(label), Some(right)) = (&answered.label, self.right(asking, *trial))
                else {
                    continue;
                };
                let known = names.iter().position(|name| name == label);
                let at = known.unwrap_or_else(|| {
                    names.push(label);
                    names.len() - 1
                });
                labelled.push(Labelled {
                    stratum: *trial,
                    label: at as u64,
                    right,
                });
            }
        }
        let found = label_association(&labelled, draw)?;
        let labels = found.labels.iter().filter_map(|(at, tally)| {
            Some(Label {
                label: (*names.get(*at as usize)?).to_owned(),
                right: tally.right,
                n: tally.answered(),
            })
        });
        Some(Labelling {
            labels: labels.collect(),
            p: found.p,
        })
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        let reference = self.sides.reference?;
        let ours = self.sides.askings.first()?;
        let differences: Vec<i64> = self
            .course
            .fresh()
            .iter()
            .filter_map(|trial| {
                let ours = ours.get(trial)?.reported_tokens?;
                let theirs = reference.get(trial)?.reported_tokens?;
                Some(ours as i64 - theirs as i64)
            })
            .collect();
        Some(TokenCounts {
            compared: differences.len() as u64,
            least: *differences.iter().min()?,
            most: *differences.iter().max()?,
        })
    }
}
