//! The tokenizer vector behind a long text: another tokenizer there, multiplied usage, or a prompt that was cut.

use super::inflation;
use super::known::Known;
use super::probes::{PLAIN, PROBES};
use super::signal::{Hypothesis, Says, Signal, Strength};
use super::vector::{Distance, Vector};
use crate::rope::Rope;
use crate::tokens::Tokenizer;
use anyhow::Result;

/// The signal's name.
pub const NAME: &str = "behind a long text";
const CANNOT: &str = "a router that chooses by something else than length, or above the length \
    that was tried, is not seen";
/// Share of the long text's tokens below which it was cut, whatever the probes show.
const CUT_BELOW: f64 = 0.6;
/// The same where the probes fit no tokenizer better, by an estimate of the tokens, and by the
/// server's own tokenizer.
const SHORT_OF_ESTIMATE: f64 = 0.85;
const SHORT_OF_COUNT: f64 = 0.99;
/// Tokens by which a count may waver where every prompt is cut to one length: the seams of a cut
/// are tokenized anew.
const SEAM_TOKENS: i64 = 4;

/// How many tokens the long text should have by the server's own way of counting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Tokens.
    pub tokens: f64,
    /// True where the server's tokenizer is at hand, false for an estimate.
    pub is_counted: bool,
}

impl Expected {
    /// Counts the text with the tokenizer whose counts the short vector has (multiplied as there).
    /// Where that is not at hand, with o200k, and by what both make of plain English.
    ///
    /// # Errors
    /// When a tokenizer cannot be loaded.
    pub fn of(haystack: &Rope, short: &Vector, known: &[Known]) -> Result<Expected> {
        let text = haystack.text();
        for distance in short.distances(known) {
            let own = known.iter().find(|known| known.name == distance.name);
            let tokenizer = own.and_then(|known| known.tokenizer.as_ref());
            let is_its = distance.is_exact() || distance.is_scaled(short.total());
            if let Some(tokenizer) = tokenizer.filter(|_| is_its) {
                return Ok(Expected {
                    tokens: tokenizer.count(&text)? as f64 * distance.ratio,
                    is_counted: true,
                });
            }
        }
        let o200k = Tokenizer::bundled("o200k")?;
        let plain = PROBES.iter().position(|probe| probe.name == PLAIN);
        let own = plain.and_then(|at| short.deltas.get(at).copied().flatten());
        let plain_tokens = o200k.count(&PROBES[plain.unwrap_or_default()].text())?;
        let ratio = own.map_or(1.0, |own| own as f64 / plain_tokens.max(1) as f64);
        Ok(Expected {
            tokens: o200k.count(&text)? as f64 * ratio,
            is_counted: false,
        })
    }

    fn least_share(self) -> f64 {
        match self.is_counted {
            true => SHORT_OF_COUNT,
            false => SHORT_OF_ESTIMATE,
        }
    }
}

/// True where the probes behind the long text add what they add alone up to one number and no
/// more: every prompt was cut to the same length.
fn is_capped(short: &Vector, long: &Vector) -> bool {
    let pairs = short.deltas.iter().zip(&long.deltas);
    let pairs: Vec<(i64, i64)> = pairs
        .filter_map(|(short, long)| Some(((*short)?, (*long)?)))
        .collect();
    let Some(most) = pairs.iter().map(|(_, long)| *long).max() else {
        return false;
    };
    let fits = |(short, long): &(i64, i64)| (long - short.min(&most)).abs() <= SEAM_TOKENS;
    pairs.iter().all(fits) && pairs.iter().any(|(short, _)| *short > most + SEAM_TOKENS)
}

/// What the vector behind a long text says beside the short one.
pub fn signal(short: &Vector, long: &Vector, expected: Expected, known: &[Known]) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Strong, CANNOT);
    let grown = long.base_tokens.zip(short.base_tokens);
    let grown = grown.map(|(long, short)| long.saturating_sub(short));
    signal.see(match (grown, &long.failed) {
        (Some(grown), _) => format!("the long text is {grown} tokens by the server's count"),
        (None, Some(failed)) => format!("not measured: {failed}"),
        (None, None) => "not measured: no prompt tokens are reported".to_owned(),
    });
    if let Some(grown) = grown.filter(|_| short.is_told() && long.is_told()) {
        read(&mut signal, (short, long), grown as f64, expected, known);
    }
    signal
}

fn read(
    signal: &mut Signal,
    (short, long): (&Vector, &Vector),
    grown: f64,
    expected: Expected,
    known: &[Known],
) {
    let distance = long.against(short);
    let times = match !distance.is_exact() && distance.is_scaled(long.total()) {
        true => distance.ratio,
        false => 1.0,
    };
    let share = grown / (times * expected.tokens).max(1.0);
    let is_short = share < expected.least_share();
    let all = distance.compared;
    let by = match expected.is_counted {
        true => "by its own tokenizer",
        false => "by an estimate",
    };
    let cut = format!(
        "the prompt was cut: {grown:.0} tokens are reported for a text that has {:.0} {by}",
        times * expected.tokens
    );
    let other = || other(short, long, known);
    let (says, strength, why) = if share < CUT_BELOW {
        (Says::Undecided, Strength::Strong, cut)
    } else if distance.is_exact() && !is_short {
        let why = format!("all {all} probes are counted behind the long text as alone");
        (Says::Consistent, Strength::Strong, why)
    } else if times != 1.0 && !is_short {
        if times > inflation::SUSPICIOUS {
            let strength = match times > inflation::RED {
                true => Strength::Strong,
                false => Strength::Medium,
            };
            let why = format!("behind the long text every count is {times:.3} times that alone");
            signal.weigh(Hypothesis::Usage, Says::NotConsistent, strength, why);
        }
        let why = format!(
            "all {all} probes are counted behind the long text as alone, {times:.3} times: the \
             same tokenizer, and other usage"
        );
        (Says::Consistent, Strength::Medium, why)
    } else if distance.is_rounded() && !is_short {
        match short.multiplied(known) {
            Some(multiplied) => {
                let why = format!(
                    "all {all} probes are counted behind the long text as alone, but for the \
                     rounding of counts that are {:.3} times those of {}",
                    multiplied.ratio, multiplied.name
                );
                (Says::Consistent, Strength::Strong, why)
            }
            None => {
                let why = "no probe is counted more than one token differently: rounding, and no \
                     other tokenizer that is known";
                (Says::Undecided, Strength::Strong, why.to_owned())
            }
        }
    } else if let Some(other) = other() {
        let how = match other.is_exact() {
            true => format!("exactly as {} does", other.name),
            false => format!("as {} does, {:.3} times", other.name, other.ratio),
        };
        let why = format!(
            "behind the long text all {all} probes are counted {how}: another tokenizer answers there"
        );
        (Says::NotConsistent, Strength::Strong, why)
    } else if is_capped(short, long) {
        let why = format!(
            "the prompt was cut: the probes add {} tokens behind the long text and {} alone, as \
             where every prompt is cut to one length",
            long.total(),
            short.total()
        );
        (Says::Undecided, Strength::Strong, why)
    } else if is_short {
        (Says::Undecided, Strength::Strong, cut)
    } else {
        let why = format!(
            "behind the long text {} of {all} probes are counted differently, by {} tokens in \
             all: another tokenizer answers there",
            all - distance.agreeing,
            distance.l1
        );
        (Says::NotConsistent, Strength::Strong, why)
    };
    signal.weigh(Hypothesis::Long, says, strength, why);
}

/// The known tokenizer whose counts stand behind the long text and not before it.
fn other(short: &Vector, long: &Vector, known: &[Known]) -> Option<Distance> {
    let is_its = |vector: &Vector, name: &str| {
        let found = known.iter().find(|known| known.name == name);
        let distances = vector.distances(found);
        let mut distances = distances.iter();
        distances.any(|own| own.is_exact() || own.is_scaled(vector.total()))
    };
    let exact = long.distances(known).into_iter().find(Distance::is_exact);
    let found = exact.or_else(|| long.multiplied(known))?;
    (!is_its(short, &found.name)).then_some(found)
}

#[cfg(test)]
mod tests;
