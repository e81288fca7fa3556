//! Where the answer is cut by budgets of one, two, three … tokens: the tokenizer of the output.

use super::asker::{Asker, Halt, Probing};
use super::known::{CUTS, Known, cuts};
use super::probes::REPEATED;
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::rope::Rope;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

/// The signal's name.
pub const NAME: &str = "output cut";
const CANNOT: &str = "a model that answers otherwise each time, or that thinks before it speaks, \
    shows no cut positions; a match proves the family of the tokenizer and not the model";
/// Cut positions below which nothing is said.
const LEAST: usize = 6;
/// Share of matching positions for and against a tokenizer.
const FITS: f64 = 0.9;
const MISSES: f64 = 0.6;

/// What was asked.
fn text() -> String {
    format!("Repeat the following line exactly, and write nothing else.\n{REPEATED}")
}

/// What was seen of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cuts {
    /// The longest answer.
    pub longest: String,
    /// Length in characters of the answer at each budget from 1; null where it was not the
    /// beginning of the longest, or there was none.
    pub lengths: Vec<Option<usize>>,
    /// True where the answer had ended by itself, so that its last budget cut nothing.
    pub ended: bool,
    /// Why there is nothing.
    pub failed: Option<String>,
}

impl Cuts {
    /// Asks for the line with every budget.
    ///
    /// # Errors
    /// Where nothing more can be asked.
    pub async fn measure(
        asker: &Asker<'_>,
        signal: &'static str,
        haystack: Option<&Rope>,
    ) -> Result<Cuts, Halt> {
        if !asker.cuts_anywhere() {
            return Ok(Cuts {
                failed: Some("this API takes no budget below 16 tokens".to_owned()),
                ..Cuts::default()
            });
        }
        let budgets = 1..=CUTS as u64;
        let asked = futures_util::stream::iter(budgets.map(|budget| {
            let probing = Probing {
                signal,
                probe: format!("cut {budget}"),
                haystack: haystack.cloned(),
                text: text(),
                max_output_tokens: budget,
                temperature: Some(0.0),
            };
            async move { asker.ask(&probing).await }
        }));
        let outcomes: Vec<_> = asked.buffered(asker.concurrency.max(1)).collect().await;
        let mut texts = Vec::new();
        let mut found = Cuts::default();
        for outcome in outcomes {
            texts.push(match outcome? {
                Ok(reply) => {
                    found.ended = reply.stop == crate::reply::Stop::End;
                    Some(reply.text)
                }
                Err(failure) => {
                    found.failed.get_or_insert(failure.to_string());
                    None
                }
            });
        }
        Ok(Cuts::of(&texts, found))
    }

    fn of(texts: &[Option<String>], found: Cuts) -> Cuts {
        let told = texts.iter().flatten();
        let longest = told
            .max_by_key(|text| text.len())
            .cloned()
            .unwrap_or_default();
        let lengths = texts.iter().map(|text| {
            let text = text.as_ref()?;
            longest
                .starts_with(text.as_str())
                .then(|| text.chars().count())
        });
        Cuts {
            lengths: lengths.collect(),
            longest,
            ..found
        }
    }

    /// The positions that can be compared: of the longest answer the last one is cut by its end.
    fn positions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let whole = self.longest.chars().count();
        let lengths = self.lengths.iter().enumerate();
        lengths.filter_map(move |(at, length)| {
            let length = (*length)?;
            (length > 0 && length < whole).then_some((at, length))
        })
    }

    /// How many cut positions there are, and how many of them a tokenizer has at the same budget.
    /// None where it is not at hand for this answer.
    fn fit(&self, known: &Known) -> Option<(usize, usize)> {
        let answer = self.longest.trim_start();
        let own = match &known.tokenizer {
            Some(tokenizer) => cuts(tokenizer, &self.longest, CUTS).ok()?,
            // The table has the positions of the line itself.
            None if REPEATED.starts_with(answer) && answer.len() == self.longest.len() => {
                known.cuts.clone()
            }
            None => return None,
        };
        let compared: Vec<bool> = self
            .positions()
            .map(|(at, length)| own.get(at) == Some(&length))
            .collect();
        Some((
            compared.len(),
            compared.iter().filter(|fits| **fits).count(),
        ))
    }
}

/// What it says.
pub fn signal(
    target: &Cuts,
    reference: Option<&Cuts>,
    known: &[Known],
    claimed: &[&Known],
) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Medium, CANNOT);
    let positions = target.positions().count();
    let mut fits: Vec<(&str, usize, usize)> = known
        .iter()
        .filter_map(|known| {
            let (compared, fitting) = target.fit(known)?;
            Some((known.name.as_str(), compared, fitting))
        })
        .collect();
    fits.sort_by_key(|(_, _, fitting)| std::cmp::Reverse(*fitting));
    if positions < LEAST {
        signal.see(match &target.failed {
            Some(failed) => format!("not measured: {failed}"),
            None => format!(
                "not measured: {positions} cut positions are too few (it answered {:?})",
                shortened(&target.longest)
            ),
        });
    } else {
        let best = fits.first().map_or(0, |fit| fit.2);
        let names: Vec<&str> = fits
            .iter()
            .filter(|fit| fit.2 == best && best > 0)
            .map(|fit| fit.0)
            .collect();
        let fitting = best as f64 >= FITS * positions as f64;
        signal.see(match (names.is_empty(), fitting) {
            (true, _) => {
                format!("{positions} cut positions, and no known tokenizer to hold them against")
            }
            (false, true) => format!(
                "{best} of {positions} cut positions are those of {} (of the {} known tokenizers \
                 {} can be held against this answer)",
                names.join(", "),
                known.len(),
                fits.len()
            ),
            // Plain words are cut alike by many: the nearest of a few is no family.
            (false, false) => format!(
                "no tokenizer that this answer can be held against fits its {positions} cut \
                 positions (at most {best}, {}; tried: {})",
                names.join(", "),
                fits.iter().map(|fit| fit.0).collect::<Vec<_>>().join(", ")
            ),
        });
        let own = claimed.iter().filter_map(|known| {
            let (compared, fitting) = target.fit(known)?;
            Some((known.name.as_str(), fitting as f64 / compared.max(1) as f64))
        });
        if let Some((name, share)) = own.max_by(|one, other| one.1.total_cmp(&other.1)) {
            let mut why = format!(
                "{:.0} % of the cut positions are those of {name}",
                100.0 * share
            );
            let says = match share {
                share if share >= FITS => Says::Consistent,
                share if share < MISSES => Says::NotConsistent,
                _ => Says::Undecided,
            };
            // Plain words are cut alike by many vocabularies.
            let alike = fits.iter().filter(|fit| fit.2 == best && fit.0 != name);
            let strength = match (says, alike.count()) {
                (Says::Consistent, 1..) => {
                    why.push_str(", and of others too");
                    Strength::Weak
                }
                _ => Strength::Medium,
            };
            signal.weigh(Hypothesis::Name, says, strength, why);
        }
        if let Some(reference) = reference {
            compare(target, reference, Hypothesis::Reference, &mut signal);
        }
    }
    signal.observed = json!({"target": target, "reference": reference, "fits": fits});
    signal
}

/// Compares two lists of cut positions, which can be done where both have the same answer.
pub fn compare(one: &Cuts, other: &Cuts, hypothesis: Hypothesis, into: &mut Signal) {
    let common: String = one
        .longest
        .chars()
        .zip(other.longest.chars())
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one)
        .collect();
    let within = common.chars().count();
    let both = one.lengths.iter().zip(&other.lengths);
    let both: Vec<bool> = both
        .filter_map(|(one, other)| Some(((*one)?, (*other)?)))
        .filter(|(one, other)| *one.max(other) < within && *one.min(other) > 0)
        .map(|(one, other)| one == other)
        .collect();
    if both.len() < LEAST {
        into.see(format!(
            "the two answers have {} cut positions in common, too few to compare",
            both.len()
        ));
        return;
    }
    let same = both.iter().filter(|same| **same).count();
    let share = same as f64 / both.len() as f64;
    let why = format!("{same} of {} cut positions are the same", both.len());
    let says = match share {
        share if share >= FITS => Says::Consistent,
        share if share < MISSES => Says::NotConsistent,
        _ => Says::Undecided,
    };
    into.weigh(hypothesis, says, Strength::Medium, why);
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::known::Table;
    use crate::tokens::Tokenizer;

    /// What a model of this vocabulary answers at each budget.
    fn cut_by(name: &str, answer: &str) -> Cuts {
        let tokenizer = Tokenizer::bundled(name).expect("bundled");
        let ids = tokenizer.encode(answer).expect("encodes");
        let texts: Vec<Option<String>> = (1..=CUTS)
            .map(|count| {
                Some(
                    tokenizer
                        .decode(&ids[..count.min(ids.len())])
                        .expect("decodes"),
                )
            })
            .collect();
        Cuts::of(&texts, Cuts::default())
    }

    fn says(signal: &Signal) -> Vec<Says> {
        signal.readings.iter().map(|reading| reading.says).collect()
    }

    #[test]
    fn the_line_shows_its_vocabulary_even_where_only_the_table_knows_it() {
        let table = &Table::built_in().expect("the table").known;
        let of_name = |name: &str| {
            table
                .iter()
                .find(|known| known.name == name)
                .expect("known")
        };
        let seen = cut_by("o200k", REPEATED);
        assert_eq!(
            says(&signal(&seen, None, table, &[of_name("o200k")])),
            [Says::Consistent]
        );
        for other in ["smollm2", "gemma-3", "deepseek-v3"] {
            let found = signal(&seen, None, table, &[of_name(other)]);
            assert_eq!(says(&found), [Says::NotConsistent], "{other}: {found:?}");
        }
    }

    #[test]
    fn any_answer_shows_the_vocabularies_that_are_at_hand() {
        let table = &Table::built_in().expect("the table").known;
        let o200k = table
            .iter()
            .find(|known| known.name == "o200k")
            .expect("known");
        let answer = "Certainly! Electroencephalographers' XMLHttpRequests, unbelievably, \
            mischaracterize 31415926 internationalization";
        let found = signal(&cut_by("o200k", answer), None, table, &[o200k]);
        assert_eq!(says(&found), [Says::Consistent], "{found:?}");
    }

    #[test]
    fn the_nearest_of_the_vocabularies_at_hand_is_not_named_where_none_fits() {
        let table = &Table::built_in().expect("the table").known;
        // Another answer than the line, of a model whose vocabulary is not in the binary: each
        // word of its own is a token more.
        let mut seen = cut_by(
            "o200k",
            "What is the capital of France? It is Paris, as all say.",
        );
        for length in seen.lengths.iter_mut().flatten().skip(2).step_by(2) {
            *length -= 1;
        }
        let found = signal(&seen, None, table, &[]);
        assert!(found.seen[0].contains("no tokenizer"), "{found:?}");
        assert!(found.seen[0].contains("tried: o200k"), "{found:?}");
    }

    #[test]
    fn two_sides_are_compared_only_where_they_say_the_same() {
        let mut signal = Signal::new(NAME, Strength::Medium, CANNOT);
        let (one, other) = (cut_by("o200k", REPEATED), cut_by("cl100k", REPEATED));
        compare(&one, &one, Hypothesis::Reference, &mut signal);
        compare(
            &one,
            &cut_by("o200k", "I cannot do that."),
            Hypothesis::Reference,
            &mut signal,
        );
        assert_eq!(says(&signal), [Says::Consistent]);
        assert!(signal.seen[0].contains("too few"), "{signal:?}");
        compare(&one, &other, Hypothesis::Reference, &mut signal);
        assert_ne!(says(&signal)[1], Says::Consistent);
    }

    #[test]
    fn a_short_or_missing_answer_says_nothing() {
        let table = &Table::built_in().expect("the table").known;
        let claimed: Vec<&Known> = table.iter().collect();
        for seen in [Cuts::default(), cut_by("o200k", "I don't know.")] {
            assert!(signal(&seen, None, table, &claimed).readings.is_empty());
        }
    }
}
