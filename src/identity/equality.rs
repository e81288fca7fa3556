//! Model Equality Testing: whether target and reference draw their answers from one distribution.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::rope::Rope;
use crate::seed::Stream;
use crate::stats::{
    AnswerPair, Discrepancy, MMD_PERMUTATIONS, MixPower, mix_power, model_equality,
};
use futures_util::StreamExt;
use serde::Serialize;

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

/// Samples one side at temperature 1.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn sample(
    asker: &Asker<'_>,
    design: Design,
    haystack: Option<&Rope>,
) -> Result<Samples, Halt> {
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
    let mut samples = vec![Vec::new(); design.prompts.min(SUBJECTS.len())];
    for (at, outcome) in outcomes {
        if let Ok(reply) = outcome? {
            samples[at].push(reply.text);
        }
    }
    Ok(samples)
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
    /// Different answers of the target over all its answers, and of the reference.
    pub distinct: [f64; 2],
}

impl Equality {
    /// Tests. Answers are cut to the length that three quarters of all of them reach, whoever
    /// gave them: behind the end of an answer stands padding, which would count as agreement.
    pub fn of(
        target: &Samples,
        reference: &Samples,
        design: Design,
        stream: &mut Stream,
    ) -> Equality {
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
            distinct: [distinct(target), distinct(reference)],
        }
    }
}

fn distinct(samples: &Samples) -> f64 {
    let all: usize = samples.iter().map(Vec::len).sum();
    let different = samples.iter().map(|answers| {
        let set: std::collections::BTreeSet<&String> = answers.iter().collect();
        set.len()
    });
    different.sum::<usize>() as f64 / all.max(1) as f64
}

/// What it says. `tests` is how many such tests were made: each is held to its share of the level.
pub fn signal(name: &'static str, equality: &Equality, tests: usize) -> Signal {
    let mut signal = Signal::new(name, Strength::Strong, CANNOT);
    let level = ALPHA / tests.max(1) as f64;
    let Design { prompts, samples } = equality.design;
    match &equality.test {
        None => signal.see("not measured: no prompt has two answers of either side"),
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
            signal.see(format!("chance to find a change: {}", power.join(", ")));
            if test.p <= level {
                signal.read(
                    Hypothesis::Reference,
                    Says::NotConsistent,
                    format!(
                        "the distribution of the answers differs (p = {:.3})",
                        test.p
                    ),
                );
            } else {
                // No difference found is no proof of none: how small a one is in the power.
                signal.weigh(
                    Hypothesis::Reference,
                    Says::Consistent,
                    Strength::Medium,
                    format!("no difference of the answers was found (p = {:.3})", test.p),
                );
            }
        }
    }
    if equality.distinct.iter().any(|share| *share < 0.2) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::RunKey;

    const DESIGN: Design = Design {
        prompts: 8,
        samples: 6,
    };

    fn answers(words: &[&str], salt: u64) -> Samples {
        let mut stream = RunKey::public("equality").stream("answers", &[salt]);
        let mut one = || -> String {
            let words = (0..12).map(|_| words[stream.below(words.len() as u64) as usize]);
            words.collect::<Vec<_>>().join(" ")
        };
        (0..DESIGN.prompts)
            .map(|_| (0..DESIGN.samples).map(|_| one()).collect())
            .collect()
    }

    #[test]
    fn another_vocabulary_is_found_and_the_same_one_is_not() {
        let (sea, town) = (
            ["sea", "wave", "salt", "gull"],
            ["street", "shop", "bell", "tram"],
        );
        let mut stream = RunKey::public("equality").stream("test", &[]);
        let mut says = |one: &Samples, other: &Samples| {
            let equality = Equality::of(one, other, DESIGN, &mut stream);
            let signal = signal(NAME, &equality, 1);
            signal.readings[0].says
        };
        let (one, other) = (answers(&sea, 1), answers(&sea, 2));
        assert_eq!(says(&one, &other), Says::Consistent);
        assert_eq!(says(&one, &answers(&town, 3)), Says::NotConsistent);
    }

    #[test]
    fn without_answers_nothing_is_said() {
        let mut stream = RunKey::public("equality").stream("test", &[]);
        let none = vec![Vec::new(); 3];
        let equality = Equality::of(&none, &none, DESIGN, &mut stream);
        assert!(signal(NAME, &equality, 1).readings.is_empty());
    }
}
