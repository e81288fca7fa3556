//! Small talk: what a simulated model says to what is no task, drawn from a distribution of its own.
//!
//! Two models with one voice say the same things equally often, and the same thing where the
//! temperature is 0. Each word hangs on the prompt, the place and the word before, so that the two
//! need not be asked in the same order.

use super::draws::{one_of, unit};
use anyhow::{Context, Result, ensure};

/// The words that there are.
const WORDS: &str = "a about after again air all always and another around as at away bird blue boat \
    book bread bridge bright by calm castle city clear cloud coat cold corner country dark day deep \
    door down each early earth east evening every far field fire first fish floor for forest friend \
    from garden gate gold good grass great green harbour heart high hill home hour house in into \
    island it lake lamp land last late leaf letter light little long many market moon morning \
    mountain music near never new night north now of old on once open orchard other over path place \
    quiet rain red river road roof room round salt sand sea second shadow ship shore silver sky slow \
    small snow soft some song south star stone storm story street summer sun table tall that the then \
    there this time to town train tree under valley village wall warm water way west wheel white wide \
    wind window winter with wood word year yellow";

/// How many words compete for a place; the n-th has the weight 1 / n².
const RIVALS: usize = 6;
/// Before so many words nothing ends.
const LEAST_WORDS: usize = 10;
/// After so many everything does.
const MOST_WORDS: usize = 60;
/// At how many of the places an end is the likeliest of all.
const END_SHARE: f64 = 0.08;
/// Below it the likeliest word is taken, always.
const COLD: f64 = 0.01;

/// A way of speaking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// Which one.
    pub seed: u64,
    /// Share of the places, 0…1, where words are drawn otherwise: a model that was changed a little.
    pub accent: f64,
}

impl Voice {
    /// Reads `7` or `7:0.1`.
    ///
    /// # Errors
    /// When it is no whole number and share.
    pub fn parse(written: &str) -> Result<Voice> {
        let (seed, accent) = written.split_once(':').unwrap_or((written, "0"));
        let seed = seed
            .parse()
            .ok()
            .context("a voice is a whole number, like 7")?;
        let accent: f64 = accent
            .parse()
            .ok()
            .context("an accent is a share, like 7:0.1")?;
        ensure!(
            (0.0..=1.0).contains(&accent),
            "an accent is a share between 0 and 1"
        );
        Ok(Voice { seed, accent })
    }

    /// What it says to a prompt at a temperature (1 is the distribution itself). `chance` gives
    /// numbers in 0…1 by their number, in another way for each request.
    pub fn say(
        &self,
        prompt: &blake3::Hash,
        temperature: f64,
        chance: impl Fn(usize) -> f64,
    ) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut said = String::new();
        let mut before = "";
        for place in 0..MOST_WORDS {
            let nth = match temperature < COLD {
                true => 0,
                false => rank(temperature, chance(place)),
            };
            match self.word(prompt, place, before, nth, &words) {
                Some(word) => {
                    if place > 0 {
                        said.push(' ');
                    }
                    said.push_str(word);
                    before = word;
                }
                None => break,
            }
        }
        let mut letters = said.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).chain(['.']).collect()
    }

    /// The n-th likeliest word at a place; none where that is the end.
    fn word<'w>(
        &self,
        prompt: &blake3::Hash,
        place: usize,
        before: &str,
        nth: usize,
        words: &[&'w str],
    ) -> Option<&'w str> {
        let here = |what: &str| {
            let mut hasher = blake3::Hasher::new();
            hasher
                .update(what.as_bytes())
                .update(&self.seed.to_le_bytes())
                .update(prompt.as_bytes())
                .update(&(place as u64).to_le_bytes())
                .update(before.as_bytes());
            hasher.finalize()
        };
        let is_accented = self.accent > 0.0 && unit(&here("accent"), 0) < self.accent;
        let own = here(if is_accented { "otherwise" } else { "word" });
        // An end takes the place of the likeliest word and moves the others down.
        let ends = place >= LEAST_WORDS && unit(&own, 0) < END_SHARE;
        let nth = match (ends, nth) {
            (true, 0) => return None,
            (true, nth) => nth - 1,
            (false, nth) => nth,
        };
        // One draw starts the list of rivals, another is the step to the next: none comes twice.
        let start = one_of(words.len(), &own, 1);
        let step = 1 + one_of(words.len() / RIVALS - 1, &own, 2);
        words.get((start + nth * step) % words.len()).copied()
    }
}

/// Which of the rivals a number in 0…1 falls on.
fn rank(temperature: f64, number: f64) -> usize {
    let weight = |nth: usize| ((nth + 1) as f64).powf(-2.0 / temperature);
    let mut left = number * (0..RIVALS).map(weight).sum::<f64>();
    for nth in 0..RIVALS - 1 {
        left -= weight(nth);
        if left < 0.0 {
            return nth;
        }
    }
    RIVALS - 1
}

#[cfg(test)]
mod tests;
