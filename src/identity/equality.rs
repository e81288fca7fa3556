//! Model Equality Testing: whether target and reference draw their answers from one distribution.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::reply::Reply;
use crate::rope::Rope;
use crate::seed::Stream;
use crate::stats::{
    AnswerPair, Discrepancy, MMD_PERMUTATIONS, MixPower, mix_power, model_equality,
};
use futures_util::StreamExt;
use serde::Serialize;
use std::collections::BTreeSet;

/// The signal's name.
pub const NAME: &str = "model equality test";
/// The same behind a long text.
pub const LONG_NAME: &str = "model equality test behind a long text";
const CANNOT: &str = "a difference may come from a system message, a template or a sampler as well \
    as from other weights, and a small drift needs more answers than were asked";
/// Level of the test.
pub const ALPHA: f64 = 0.05;
/// Output budget of each answer in tokens.
pub const OUTPUT_TOKENS: u64 = 40;
/// The change that power is stated for: this share of characters drawn from elsewhere.
const STATED_SHARES: [f64; 2] = [0.03, 0.1];
/// Plays of the test by which its power is found.
const PLAYS: u64 = 40;
/// Permutations of each of these plays.
const PLAYED_PERMUTATIONS: u32 = 99;

/// Chance to find that half of the answers are other ones, below which finding nothing is a hint.
const LEAST_POWER: f64 = 0.8;
/// Share of new answers below which a side repeats itself.
const LEAST_FRESH: f64 = 0.2;

/// What is written about: one prompt each, open enough that answers vary.
const SUBJECTS: &[&str] = &[
    "a river in winter",
    "an old bicycle",
    "the smell of bread",
    "a train at night",
    "a quiet library",
    "the first snow",
    "a broken clock",
    "a market in spring",
    "an empty theatre",
    "a stone bridge",
    "a letter without a name",
    "the harbour at dawn",
    "a garden wall",
    "a forgotten song",
    "the taste of salt",
    "a paper boat",
    "a mountain hut",
    "a city without cars",
    "a blind cat",
    "the last bus",
    "a wooden chair",
    "a storm at sea",
    "a lamp in a window",
    "an unfinished map",
    "a field of stones",
    "a talking crow",
    "a rusty gate",
    "the sound of rain",
    "a glass of water",
    "a closed shop",
    "an island of birds",
    "a long staircase",
];

/// Most prompts that there are.
pub const MOST_PROMPTS: usize = SUBJECTS.len();

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Design {
    /// Prompts.
    pub prompts: usize,
    /// Answers of either side to each of them.
    pub samples: usize,
}

/// The answers of one side, a list for each prompt.
pub type Samples = Vec<Vec<String>>;

/// What one side gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampled {
    /// Its answers, each once.
    pub answers: Samples,
    /// Replies that came again with id and words of one before: no answers, but a cache's copies.
    pub copies: usize,
}

impl Sampled {
    /// Sorts replies to prompts by their numbers, of which there are so many.
    fn of(replies: impl IntoIterator<Item = (usize, Reply)>, prompts: usize) -> Sampled {
        let mut sampled = Sampled {
            answers: vec![Vec::new(); prompts],
            copies: 0,
        };
        let mut seen = BTreeSet::new();
        for (at, reply) in replies {
            let is_copy = match reply.id.filter(|id| !id.is_empty()) {
                Some(id) => !seen.insert((at, id, reply.text.clone())),
                None => false,
            };
            match sampled.answers.get_mut(at) {
                Some(answers) if !is_copy => answers.push(reply.text),
                _ => sampled.copies += usize::from(is_copy),
            }
        }
        sampled
    }

    /// True where nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

/// Samples one side at temperature 1.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn sample(
    asker: &Asker<'_>,
    design: Design,
    haystack: Option<&Rope>,
) -> Result<Sampled, Halt> {
    let signal = if haystack.is_some() { LONG_NAME } else { NAME };
    let all = SUBJECTS.iter().take(design.prompts).enumerate();
    let all = all.flat_map(|(at, subject)| {
        (0..design.samples).map(move |nth| {
            let probing = Probing {
                signal,
                probe: format!("{} sample {}", at + 1, nth + 1),
                haystack: haystack.cloned(),
                text: format!("Write two sentences about {subject}."),
                max_output_tokens: OUTPUT_TOKENS,
                temperature: Some(1.0),
            };
            async move { (at, asker.ask(&probing).await) }
        })
    });
    let asked = futures_util::stream::iter(all).buffered(asker.concurrency.max(1));
    let outcomes: Vec<_> = asked.collect().await;
    let mut replies = Vec::new();
    for (at, outcome) in outcomes {
        replies.extend(outcome?.ok().map(|reply| (at, reply)));
    }
    Ok(Sampled::of(replies, design.prompts.min(SUBJECTS.len())))
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Equality {
    /// How much was asked.
    pub design: Design,
    /// Characters of each answer that were compared.
    pub characters: usize,
    /// The test.
    pub test: Option<Discrepancy>,
    /// What it could have found.
    pub power: Vec<MixPower>,
    /// Chance to find that half of the answers are to another prompt, at a level of .05.
    pub power_of_half: f64,
    /// Different answers of the target over all its answers, and of the reference.
    pub distinct: [f64; 2],
    /// Of the answers after the first to a prompt the share that is new, of the target and of the
    /// reference; null where no prompt has two.
    pub fresh: [Option<f64>; 2],
    /// Replies that were left out as a cache's copies, of the target and of the reference.
    pub copies: [usize; 2],
}

impl Equality {
    /// Which of the two hardly ever says anything new.
    fn is_repeating(&self) -> [bool; 2] {
        self.fresh
            .map(|fresh| fresh.is_some_and(|fresh| fresh < LEAST_FRESH))
    }

    /// Tests. Answers are cut to the length that three quarters of all of them reach, whoever
    /// gave them: behind the end of an answer stands padding, which would count as agreement.
    pub fn of(
        target: &Sampled,
        reference: &Sampled,
        design: Design,
        stream: &mut Stream,
    ) -> Equality {
        let copies = [target.copies, reference.copies];
        let (target, reference) = (&target.answers, &reference.answers);
        let mut lengths: Vec<usize> = target
            .iter()
            .chain(reference)
            .flatten()
            .map(|answer| answer.chars().count())
            .collect();
        lengths.sort_unstable();
        let characters = lengths.get(lengths.len() / 4).copied().unwrap_or(0).max(16);
        let cut = |answers: &Vec<String>| -> Vec<String> {
            let cut = |answer: &String| answer.chars().take(characters).collect();
            answers.iter().map(cut).collect()
        };
        let pairs: Vec<AnswerPair> = target
            .iter()
            .zip(reference)
            .map(|(target, reference)| AnswerPair {
                reference: cut(reference),
                tested: cut(target),
            })
            .collect();
        let mut draw = |bound: u64| stream.below(bound);
        let test = model_equality(&pairs, MMD_PERMUTATIONS, &mut draw);
        let power_of_half = power_of_half(&pairs, &mut draw);
        let pool: Vec<Vec<String>> = pairs.into_iter().map(|pair| pair.reference).collect();
        let power = STATED_SHARES.map(|share| {
            mix_power(
                &pool,
                design.samples,
                share,
                PLAYED_PERMUTATIONS,
                PLAYS,
                &mut draw,
            )
        });
        Equality {
            design,
            characters,
            test,
            power: power.to_vec(),
            power_of_half,
            distinct: [distinct(target), distinct(reference)],
            fresh: [fresh(target), fresh(reference)],
            copies,
        }
    }
}

fn distinct(samples: &Samples) -> f64 {
    let all: usize = samples.iter().map(Vec::len).sum();
    let different = samples.iter().map(|answers| {
        let set: BTreeSet<&String> = answers.iter().collect();
        set.len()
    });
    different.sum::<usize>() as f64 / all.max(1) as f64
}

/// Of the answers after the first to a prompt the share that was not given before.
fn fresh(samples: &Samples) -> Option<f64> {
    let several = samples.iter().filter(|answers| answers.len() > 1);
    let (mut new, mut after) = (0, 0);
    for answers in several {
        let set: BTreeSet<&String> = answers.iter().collect();
        new += set.len() - 1;
        after += answers.len() - 1;
    }
    (after > 0).then(|| new as f64 / after as f64)
}

/// The chance that the test finds a tested side of which every second answer is to another
/// prompt: what it can see of a model that says something else. Played on the reference's own
/// answers, drawn with replacement, with as many of either side as there are.
fn power_of_half(pairs: &[AnswerPair], draw: &mut impl FnMut(u64) -> u64) -> f64 {
    let pairs: Vec<&AnswerPair> = pairs
        .iter()
        .filter(|pair| pair.reference.len() >= 2 && pair.tested.len() >= 2)
        .collect();
    let mut found = 0;
    for _ in 0..PLAYS {
        let mut one = |answers: &[String]| answers[draw(answers.len() as u64) as usize].clone();
        let played: Vec<AnswerPair> = pairs
            .iter()
            .enumerate()
            .map(|(at, pair)| {
                let other = &pairs[(at + 1) % pairs.len()].reference;
                let own = &pair.reference;
                AnswerPair {
                    reference: (0..own.len()).map(|_| one(own)).collect(),
                    tested: (0..pair.tested.len())
                        .map(|nth| one(if nth % 2 == 0 { own } else { other }))
                        .collect(),
                }
            })
            .collect();
        let seen = model_equality(&played, PLAYED_PERMUTATIONS, draw);
        found += u64::from(seen.is_some_and(|seen| seen.p <= ALPHA));
    }
    found as f64 / PLAYS as f64
}

/// What it says. `tests` is how many such tests were made: each is held to its share of the level.
pub fn signal(name: &'static str, equality: &Equality, tests: usize) -> Signal {
    let mut signal = Signal::of_answers(name, Strength::Strong, CANNOT);
    let level = ALPHA / tests.max(1) as f64;
    let Design { prompts, samples } = equality.design;
    let sides = ["target", "reference"];
    let copied: Vec<String> = sides
        .iter()
        .zip(equality.copies)
        .filter(|(_, copies)| *copies > 0)
        .map(|(side, copies)| format!("{copies} of the {side}'s replies"))
        .collect();
    let copied = copied.join(" and ");
    if !copied.is_empty() {
        signal.see(format!(
            "{copied} came again with id and words of an earlier one: a cache's copies, left out"
        ));
    }
    match &equality.test {
        None if copied.is_empty() => {
            signal.see("not measured: no prompt has two answers of either side");
        }
        None => signal.read(
            Hypothesis::Reference,
            Says::Undecided,
            format!("a cache of replies answers: {copied} are copies, and too few others are left"),
        ),
        Some(test) => {
            signal.see(format!(
                "MMD² {:.4}, p = {:.3} at a level of {level:.3} ({prompts} prompts, {samples} \
                 answers each of either side, first {} characters)",
                test.mmd_squared, test.p, equality.characters
            ));
            let power: Vec<String> = equality
                .power
                .iter()
                .map(|power| {
                    format!(
                        "{:.0} % of the characters exchanged: {:.2}",
                        100.0 * power.share,
                        power.power
                    )
                })
                .collect();
            signal.see(format!(
                "chance to find a change: {}, half of the answers to another prompt: {:.2}",
                power.join(", "),
                equality.power_of_half
            ));
            read(&mut signal, equality, test.p, level);
        }
    }
    if equality.is_repeating().contains(&true) {
        signal.see(format!(
            "of the target's answers {:.0} % are different ones, of the reference's {:.0} %: a \
             temperature that is ignored, a cache or a model that always says the same",
            100.0 * equality.distinct[0],
            100.0 * equality.distinct[1]
        ));
    }
    signal.observed = serde_json::to_value(equality).unwrap_or_default();
    signal
}

fn read(signal: &mut Signal, equality: &Equality, p: f64, level: f64) {
    let repeating = equality.is_repeating();
    if p <= level && repeating[0] != repeating[1] {
        // A frozen answer differs from a drawn one whoever gives it.
        let side = if repeating[0] { "target" } else { "reference" };
        signal.read(
            Hypothesis::Reference,
            Says::Undecided,
            format!(
                "the {side} alone says the same again and again: a cache of replies or a \
                 temperature that is ignored, and no distribution to compare (p = {p:.3})"
            ),
        );
    } else if p <= level {
        signal.read(
            Hypothesis::Reference,
            Says::NotConsistent,
            format!("the distribution of the answers differs (p = {p:.3})"),
        );
    } else if equality.power_of_half < LEAST_POWER {
        signal.weigh(
            Hypothesis::Reference,
            Says::Consistent,
            Strength::Weak,
            format!(
                "no difference of the answers was found (p = {p:.3}), and hardly any would have \
                 been: more --prompts and --samples are needed"
            ),
        );
    } else {
        // No difference found is no proof of none: how small a one is in the power.
        signal.weigh(
            Hypothesis::Reference,
            Says::Consistent,
            Strength::Medium,
            format!("no difference of the answers was found (p = {p:.3})"),
        );
    }
}

#[cfg(test)]
mod tests;
