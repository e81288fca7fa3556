//! Whether more tokens are reported, and charged, than there are.

use super::known::Known;
use super::signal::{Hypothesis, Says, Signal, Strength};
use super::vector::{Distance, Vector, factor as factor_of};
use serde::Serialize;

/// The signal's name.
pub const NAME: &str = "usage inflation";
const CANNOT: &str = "it needs the model's own tokenizer: where that is not known, the one whose \
    counts have the same proportions stands in, and a hidden system message shows in the base \
    alone and not here";
/// What it is held against where only the reference counts in the same proportions.
const REFERENCE: &str = "the reference";
/// Reported over counted, above which it is suspicious, and above which it is red (a rule of
/// thumb of public audits of resellers).
pub const SUSPICIOUS: f64 = 1.05;
/// The second of the two.
pub const RED: f64 = 1.20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inflation {
    /// The tokenizer that it was held against.
    pub tokenizer: String,
    /// Tokens reported over tokens counted, over all probes.
    pub ratio: f64,
    /// True where the ratio is the same in all probes, as of counts that are multiplied.
    pub even: bool,
}

/// Compares the reported counts with those of the tokenizers of the name, or, where none is
/// known, with the one whose proportions they have, be it the reference's.
pub fn of(
    vector: &Vector,
    reference: Option<&Vector>,
    known: &[Known],
    claimed: &[&Known],
) -> Option<Inflation> {
    if !vector.is_told() {
        return None;
    }
    let total = vector.total();
    let even = |distance: &Distance| distance.is_exact() || distance.is_scaled(total);
    let all = vector.distances(known);
    let own = vector.distances(claimed.iter().copied());
    // An honest count of another tokenizer is no inflation.
    let found = own
        .iter()
        .chain(&all)
        .find(|distance| distance.is_exact())
        .or_else(|| own.iter().chain(&all).find(|distance| even(distance)));
    // A reference counts with the tokenizer that it should be, whether that is known or not.
    let factor = reference.filter(|reference| found.is_none() && reference.is_told());
    if let Some(ratio) = factor.and_then(|reference| factor_of(vector, reference)) {
        return Some(Inflation {
            tokenizer: REFERENCE.to_owned(),
            ratio,
            even: true,
        });
    }
    let found = found.or(own.first())?;
    Some(Inflation {
        tokenizer: found.name.clone(),
        ratio: found.ratio,
        even: even(found),
    })
}

/// What it says.
pub fn signal(
    vector: &Vector,
    reference: Option<&Vector>,
    known: &[Known],
    claimed: &[&Known],
) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Medium, CANNOT);
    let Some(found) = of(vector, reference, known, claimed) else {
        signal.see("not measured: no tokenizer to hold the reported counts against");
        return signal;
    };
    let Inflation {
        tokenizer, ratio, ..
    } = &found;
    let word = match *ratio {
        ratio if !found.even && ratio > SUSPICIOUS => {
            "uneven, so another tokenizer is as likely as inflation"
        }
        _ if !found.even => "not inflated",
        ratio if ratio > RED => "red",
        ratio if ratio > SUSPICIOUS => "suspicious",
        _ => "not inflated",
    };
    signal.see(format!(
        "{ratio:.3} tokens are reported for each token of {tokenizer}: {word}"
    ));
    if found.even && *ratio > SUSPICIOUS {
        let strength = if *ratio > RED {
            Strength::Strong
        } else {
            Strength::Medium
        };
        signal.weigh(
            Hypothesis::Usage,
            Says::NotConsistent,
            strength,
            format!("every count is {ratio:.3} times that of {tokenizer}"),
        );
    } else if found.even {
        signal.read(
            Hypothesis::Usage,
            Says::Consistent,
            format!("{ratio:.3} reported for each token of {tokenizer}"),
        );
    }
    signal.observed = serde_json::to_value(&found).unwrap_or_default();
    signal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::known::Table;

    #[test]
    fn multiplied_counts_are_inflated_and_another_tokenizers_are_not() {
        let table = &Table::built_in().expect("the table").known;
        let of_name = |name: &str| {
            table
                .iter()
                .find(|known| known.name == name)
                .expect("known")
        };
        let vector = |name: &str, times: f64| Vector {
            base_tokens: Some(30),
            deltas: of_name(name)
                .vector
                .iter()
                .map(|count| Some((*count as f64 * times).round() as i64))
                .collect(),
            failed: None,
        };
        for (name, times, claimed, says) in [
            ("o200k", 1.0, "o200k", Says::Consistent),
            ("o200k", 1.1, "o200k", Says::NotConsistent),
            ("o200k", 1.3, "o200k", Says::NotConsistent),
            // Gemma's own counts under another name are honest counts.
            ("gemma-3", 1.0, "o200k", Says::Consistent),
        ] {
            let found = signal(&vector(name, times), None, table, &[of_name(claimed)]);
            let readings: Vec<Says> = found.readings.iter().map(|reading| reading.says).collect();
            assert_eq!(readings, [says], "{name} times {times}: {found:?}");
        }
        // Without a claim the proportions tell.
        let found = of(&vector("llama-3", 1.25), None, table, &[]).expect("found");
        assert_eq!((found.tokenizer.as_str(), found.even), ("llama-3", true));
        assert!((found.ratio - 1.25).abs() < 0.01);
        // Nor where nothing is known at all, beside an honest reference.
        let honest = vector("llama-3", 1.0);
        let found = signal(&vector("llama-3", 1.25), Some(&honest), &[], &[]);
        assert_eq!(found.readings[0].says, Says::NotConsistent, "{found:?}");
        assert_eq!(found.readings[0].strength, Strength::Strong);
        assert!(signal(&honest, Some(&honest), &[], &[]).readings.is_empty());
    }
}
