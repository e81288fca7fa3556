//! Answers at temperature 0: how far two sides agree before they part, against each with itself.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Hypothesis, Says, Signal, Strength};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

/// The signal's name.
pub const NAME: &str = "greedy divergence";
const CANNOT: &str = "honest servers part from themselves too, by batches and kernels, and the same \
    weights part by quantisation or template";
/// Output budget of each answer in tokens.
pub const OUTPUT_TOKENS: u64 = 48;
/// Answers shorter than this tell nothing where they agree, in characters.
const TELLING_CHARS: f64 = 40.0;

/// What is asked, twice of each side.
pub const PROMPTS: &[&str] = &[
    "Describe a lighthouse in three sentences.",
    "Explain to a child why the sky is blue.",
    "Write the opening of a story about a lost key.",
    "List four uses of an empty jar and say a word about each.",
    "What would happen if the moon were twice as close? Answer in a short paragraph.",
    "Give directions for brewing tea, one step a line.",
];

/// The answers of one side, twice each; null where there was none.
pub type Answers = Vec<[Option<String>; 2]>;

/// Asks every prompt twice.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn measure(asker: &Asker<'_>) -> Result<Answers, Halt> {
    let all = PROMPTS.iter().enumerate().flat_map(|(at, prompt)| {
        (1..=2).map(move |round| Probing {
            signal: NAME,
            probe: format!("{} round {round}", at + 1),
            haystack: None,
            text: (*prompt).to_owned(),
            max_output_tokens: OUTPUT_TOKENS,
            temperature: Some(0.0),
        })
    });
    let asked =
        futures_util::stream::iter(all.map(|probing| async move { asker.ask(&probing).await }));
    let outcomes: Vec<_> = asked.buffered(asker.concurrency.max(1)).collect().await;
    let mut texts = Vec::new();
    for outcome in outcomes {
        let reply = outcome?.ok();
        texts.push(
            reply
                .map(|reply| reply.text)
                .filter(|text| !text.is_empty()),
        );
    }
    Ok(texts
        .chunks_exact(2)
        .map(|two| [two[0].clone(), two[1].clone()])
        .collect())
}

/// How far two answers agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Pairs that were compared.
    pub pairs: usize,
    /// Pairs without any difference.
    pub identical: usize,
    /// Mean place of the first difference in characters; of identical ones their length.
    pub mean_chars: f64,
    /// Mean length of the longer one, in characters.
    pub length_chars: f64,
}

impl Agreement {
    fn of<'t>(pairs: impl Iterator<Item = (&'t str, &'t str)>) -> Agreement {
        let mut found = Agreement::default();
        for (one, other) in pairs {
            let common = one.chars().zip(other.chars());
            let common = common.take_while(|(one, other)| one == other).count();
            found.pairs += 1;
            found.identical += usize::from(one == other);
            found.mean_chars += common as f64;
            found.length_chars += one.chars().count().max(other.chars().count()) as f64;
        }
        let pairs = found.pairs.max(1) as f64;
        found.mean_chars /= pairs;
        found.length_chars /= pairs;
        found
    }
}

/// A side with itself.
pub fn with_itself(answers: &Answers) -> Agreement {
    let pairs = answers
        .iter()
        .filter_map(|[one, other]| Some((one.as_deref()?, other.as_deref()?)));
    Agreement::of(pairs)
}

/// A side with another.
pub fn between(ours: &Answers, theirs: &Answers) -> Agreement {
    let pairs = ours.iter().zip(theirs).flat_map(|(ours, theirs)| {
        let each = ours
            .iter()
            .flat_map(move |one| theirs.iter().map(move |other| (one, other)));
        each.filter_map(|(one, other)| Some((one.as_deref()?, other.as_deref()?)))
    });
    Agreement::of(pairs)
}

/// What it says.
pub fn signal(target: &Answers, reference: Option<&Answers>) -> Signal {
    let mut signal = Signal::of_answers(NAME, Strength::Medium, CANNOT);
    let own = with_itself(target);
    let words = |agreement: &Agreement| {
        format!(
            "{} of {} pairs identical, first difference after {:.0} of {:.0} characters on average",
            agreement.identical, agreement.pairs, agreement.mean_chars, agreement.length_chars
        )
    };
    if own.pairs == 0 {
        signal.see("not measured: no visible answers");
        return signal;
    }
    signal.see(format!("target with itself: {}", words(&own)));
    let mut observed = json!({"target": own});
    if let Some(reference) = reference {
        let theirs = with_itself(reference);
        let across = between(target, reference);
        signal.see(format!("reference with itself: {}", words(&theirs)));
        signal.see(format!("target with reference: {}", words(&across)));
        if across.pairs > 0 && theirs.pairs > 0 {
            read(&mut signal, &own, &theirs, &across);
        }
        observed = json!({"target": own, "reference": theirs, "across": across});
    }
    signal.observed = observed;
    signal
}

fn read(signal: &mut Signal, own: &Agreement, theirs: &Agreement, across: &Agreement) {
    let steady = |agreement: &Agreement| agreement.identical == agreement.pairs;
    let least = own.mean_chars.min(theirs.mean_chars);
    if across.length_chars < TELLING_CHARS {
        let why = "the answers are too short to tell".to_owned();
        signal.weigh(Hypothesis::Reference, Says::Undecided, Strength::Weak, why);
    } else if across.identical == across.pairs {
        let why = format!("all {} pairs are identical at temperature 0", across.pairs);
        signal.read(Hypothesis::Reference, Says::Consistent, why);
    } else if steady(own) && steady(theirs) && across.identical * 2 < across.pairs {
        let why = format!(
            "each repeats itself to the letter, and they agree with each other in {} of {} pairs: \
             other weights, another quantisation or another template",
            across.identical, across.pairs
        );
        signal.read(Hypothesis::Reference, Says::NotConsistent, why);
    } else {
        let says = match across.mean_chars < 0.5 * least {
            true => Says::NotConsistent,
            false => Says::Consistent,
        };
        let why = format!(
            "they part after {:.0} characters, each from itself after {least:.0}",
            across.mean_chars
        );
        signal.weigh(Hypothesis::Reference, says, Strength::Weak, why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(texts: &[&str]) -> Answers {
        let twice = |text: &&str| [Some((*text).to_owned()), Some((*text).to_owned())];
        texts.iter().map(twice).collect()
    }

    #[test]
    fn steady_sides_that_differ_count_and_unsteady_ones_only_hint() {
        let long = "A lighthouse stands on the cliff and turns its lamp over the dark water.";
        let other = "A lighthouse is a tower with a bright light that guides ships at night.";
        let same = signal(&steady(&[long, other]), Some(&steady(&[long, other])));
        assert_eq!(same.readings[0].says, Says::Consistent, "{same:?}");
        let differs = signal(&steady(&[long, long]), Some(&steady(&[other, other])));
        assert_eq!(
            (differs.readings[0].says, differs.readings[0].strength),
            (Says::NotConsistent, Strength::Medium)
        );
        let wavering: Answers = vec![[Some(long.into()), Some(other.into())]];
        let hint = signal(&wavering, Some(&steady(&[other])));
        assert_eq!(hint.readings[0].strength, Strength::Weak, "{hint:?}");
        let short = signal(&steady(&["Yes."]), Some(&steady(&["Yes."])));
        assert_eq!(short.readings[0].says, Says::Undecided);
    }

    #[test]
    fn the_first_difference_is_measured_in_characters() {
        let found = Agreement::of([("abcdé", "abcdx"), ("same", "same")].into_iter());
        assert_eq!((found.pairs, found.identical), (2, 1));
        assert!((found.mean_chars - 4.0).abs() < 1e-9);
    }
}
