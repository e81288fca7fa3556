//! What a signal comes to: what was seen, for or against which hypothesis, how strong, and what it cannot show.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much a signal weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Shown and never counted: anybody can make a model say anything.
    Shown,
    /// A hint: honest servers differ in it, or it is easily imitated.
    Weak,
    /// Counts where nothing strong speaks.
    Medium,
    /// Decides.
    Strong,
}

impl Strength {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Strength::Shown => "shown, not scored",
            Strength::Weak => "weak",
            Strength::Medium => "medium",
            Strength::Strong => "strong",
        }
    }
}

/// What is held to be true or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hypothesis {
    /// It counts tokens as the model of its name does.
    Name,
    /// It is what the reference is.
    Reference,
    /// Behind a long text the same answers as behind none.
    Long,
    /// It reports as many tokens as there are.
    Usage,
}

/// How something stands to a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// It fits.
    Consistent,
    /// It does not.
    NotConsistent,
    /// It tells nothing.
    Undecided,
}

impl Says {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Says::Consistent => "consistent",
            Says::NotConsistent => "not consistent",
            Says::Undecided => "undecided",
        }
    }
}

/// What a signal says of one hypothesis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// Of which.
    pub hypothesis: Hypothesis,
    /// How it stands to it.
    pub says: Says,
    /// How much that weighs.
    pub strength: Strength,
    /// Why, in a few words.
    pub why: String,
}

/// A signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// Its name.
    pub name: &'static str,
    /// How much it can weigh at most.
    pub strength: Strength,
    /// What was seen, a line each.
    pub seen: Vec<String>,
    /// What it says.
    pub readings: Vec<Reading>,
    /// What it cannot show.
    pub cannot: &'static str,
    /// The observation itself.
    pub observed: Value,
}

impl Signal {
    /// A signal of which nothing was seen yet.
    pub fn new(name: &'static str, strength: Strength, cannot: &'static str) -> Signal {
        Signal {
            name,
            strength,
            seen: Vec::new(),
            readings: Vec::new(),
            cannot,
            observed: Value::Null,
        }
    }

    /// Puts a line of what was seen.
    pub fn see(&mut self, line: impl Into<String>) {
        self.seen.push(line.into());
    }

    /// Puts what it says of a hypothesis, at its full strength.
    pub fn read(&mut self, hypothesis: Hypothesis, says: Says, why: impl Into<String>) {
        let strength = self.strength;
        self.weigh(hypothesis, says, strength, why);
    }

    /// The same, at another strength.
    pub fn weigh(
        &mut self,
        hypothesis: Hypothesis,
        says: Says,
        strength: Strength,
        why: impl Into<String>,
    ) {
        self.readings.push(Reading {
            hypothesis,
            says,
            strength,
            why: why.into(),
        });
    }
}

/// What all signals together say of a hypothesis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Of which.
    pub hypothesis: Hypothesis,
    /// The name that it was held against: a tokenizer, a target, a length.
    pub against: String,
    /// How they stand to it.
    pub says: Says,
    /// The signals that decided, strongest first.
    pub because: Vec<String>,
}

/// Weighs all readings of a hypothesis. None where no signal has one.
///
/// One strong reading against it decides, since a true model gives none (the test of the answers
/// errs once in twenty, which is stated with it). Two medium ones against it decide where nothing
/// strong is for it. For it, one strong or medium reading is enough, because "consistent" claims
/// no more than that.
pub fn weigh(hypothesis: Hypothesis, against: &str, signals: &[Signal]) -> Option<Verdict> {
    let mut readings: Vec<(&Reading, &str)> = signals
        .iter()
        .flat_map(|signal| {
            signal
                .readings
                .iter()
                .map(move |reading| (reading, signal.name))
        })
        .filter(|(reading, _)| reading.hypothesis == hypothesis)
        .collect();
    if readings.is_empty() {
        return None;
    }
    readings.sort_by_key(|(reading, _)| std::cmp::Reverse(reading.strength));
    let count = |says: Says, strength: Strength| {
        let found = readings.iter().filter(|(reading, _)| reading.says == says);
        found
            .filter(|(reading, _)| reading.strength == strength)
            .count()
    };
    let strong_for = count(Says::Consistent, Strength::Strong);
    let strong_against = count(Says::NotConsistent, Strength::Strong);
    let medium_for = count(Says::Consistent, Strength::Medium);
    let medium_against = count(Says::NotConsistent, Strength::Medium);
    let says = if strong_against > 0 || (medium_against > 1 && strong_for == 0) {
        Says::NotConsistent
    } else if strong_for > 0 || (medium_for > 0 && medium_against == 0) {
        Says::Consistent
    } else {
        Says::Undecided
    };
    let because = readings
        .iter()
        .filter(|(reading, _)| match says {
            Says::Undecided => reading.strength > Strength::Shown,
            decided => reading.says == decided && reading.strength >= Strength::Medium,
        })
        .map(|(reading, name)| format!("{name} ({}): {}", reading.strength.name(), reading.why));
    Some(Verdict {
        hypothesis,
        against: against.to_owned(),
        says,
        because: because.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(readings: &[(Says, Strength)]) -> Vec<Signal> {
        let signal = |(says, strength): &(Says, Strength)| {
            let mut signal = Signal::new("test", *strength, "");
            signal.read(Hypothesis::Reference, *says, "");
            signal
        };
        readings.iter().map(signal).collect()
    }

    fn verdict(readings: &[(Says, Strength)]) -> Option<Says> {
        let verdict = weigh(Hypothesis::Reference, "x", &signals(readings));
        verdict.map(|verdict| verdict.says)
    }

    #[test]
    fn one_strong_reading_against_decides_and_weak_ones_never_do() {
        use Says::{Consistent, NotConsistent, Undecided};
        use Strength::{Medium, Shown, Strong, Weak};
        assert_eq!(verdict(&[]), None);
        assert_eq!(
            verdict(&[(Consistent, Strong), (NotConsistent, Strong)]),
            Some(NotConsistent)
        );
        assert_eq!(verdict(&[(NotConsistent, Weak); 5]), Some(Undecided));
        assert_eq!(verdict(&[(NotConsistent, Shown); 5]), Some(Undecided));
        assert_eq!(verdict(&[(NotConsistent, Medium)]), Some(Undecided));
        assert_eq!(verdict(&[(NotConsistent, Medium); 2]), Some(NotConsistent));
        assert_eq!(
            verdict(&[
                (NotConsistent, Medium),
                (NotConsistent, Medium),
                (Consistent, Strong)
            ]),
            Some(Consistent)
        );
        assert_eq!(
            verdict(&[(Consistent, Medium), (NotConsistent, Weak)]),
            Some(Consistent)
        );
        assert_eq!(verdict(&[(Consistent, Weak)]), Some(Undecided));
    }
}
