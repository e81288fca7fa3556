//! Which part of speech each word is, and how often: a hidden Markov model over the lexicon's parts of speech.
//!
//! Trained by expectation and maximisation (Baum and Welch 1970; for tagging Merialdo 1994), begun
//! from the pairs of words that can be only one part of speech each. Only sums, products and
//! quotients are used, so that every machine finds the same numbers.

use crate::lexicon::{SENT, TAGS};

const ROUNDS: usize = 8;

/// Expected occurrences by word and part of speech.
pub struct Tagged {
    /// One row a word.
    pub counts: Vec<[f64; TAGS]>,
}

/// `tokens` names words, with the word 0 between sentences; `allowed` has the bits of each word.
pub fn tag(tokens: &[u32], allowed: &[u32]) -> Tagged {
    let candidates: Vec<Vec<u8>> = allowed
        .iter()
        .map(|bits| (0..TAGS as u8).filter(|tag| bits >> tag & 1 == 1).collect())
        .collect();
    let mut frequency = vec![0f64; allowed.len()];
    let mut follows = vec![[0.05f64; TAGS]; TAGS];
    for pair in tokens.windows(2) {
        if let ([a], [b]) = (
            &candidates[pair[0] as usize][..],
            &candidates[pair[1] as usize][..],
        ) {
            follows[*a as usize][*b as usize] += 1.0;
        }
    }
    for &token in tokens {
        frequency[token as usize] += 1.0;
    }
    let mut counts: Vec<[f64; TAGS]> = vec![[0.0; TAGS]; allowed.len()];
    for (word, tags) in candidates.iter().enumerate() {
        for &tag in tags {
            counts[word][tag as usize] = frequency[word] / tags.len() as f64;
        }
    }
    for _ in 0..ROUNDS {
        (follows, counts) = round(tokens, &candidates, &follows, &counts);
    }
    Tagged { counts }
}

type Follows = Vec<[f64; TAGS]>;

fn round(
    tokens: &[u32],
    candidates: &[Vec<u8>],
    follows: &Follows,
    counts: &[[f64; TAGS]],
) -> (Follows, Vec<[f64; TAGS]>) {
    let mut transition = follows.clone();
    for row in &mut transition {
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= total);
    }
    let mut totals = [1e-9f64; TAGS];
    for row in counts {
        for (total, count) in totals.iter_mut().zip(row) {
            *total += count;
        }
    }
    // A little of each allowed part of speech stays, so that early rounds decide nothing for good.
    let emission =
        |word: u32, tag: u8| (counts[word as usize][tag as usize] + 0.05) / totals[tag as usize];
    let mut new_follows = vec![[0.05f64; TAGS]; TAGS];
    let mut new_counts = vec![[0f64; TAGS]; counts.len()];
    for sentence in tokens.split(|&token| token == 0) {
        if !sentence.is_empty() {
            walk(
                sentence,
                candidates,
                &transition,
                &emission,
                &mut new_follows,
                &mut new_counts,
            );
        }
    }
    (new_follows, new_counts)
}

/// Forwards and backwards over one sentence, which stands between two sentence ends.
fn walk(
    sentence: &[u32],
    candidates: &[Vec<u8>],
    transition: &Follows,
    emission: &impl Fn(u32, u8) -> f64,
    follows: &mut Follows,
    counts: &mut [[f64; TAGS]],
) {
    let mut forward: Vec<Vec<f64>> = Vec::with_capacity(sentence.len());
    for (at, &word) in sentence.iter().enumerate() {
        let mut row: Vec<f64> = candidates[word as usize]
            .iter()
            .map(|&tag| {
                let reached: f64 = match at {
                    0 => transition[SENT as usize][tag as usize],
                    _ => candidates[sentence[at - 1] as usize]
                        .iter()
                        .zip(&forward[at - 1])
                        .map(|(&before, weight)| weight * transition[before as usize][tag as usize])
                        .sum(),
                };
                reached * emission(word, tag)
            })
            .collect();
        scale(&mut row);
        forward.push(row);
    }
    let mut backward: Vec<f64> = candidates[sentence[sentence.len() - 1] as usize]
        .iter()
        .map(|&tag| transition[tag as usize][SENT as usize])
        .collect();
    for at in (0..sentence.len()).rev() {
        let here = &candidates[sentence[at] as usize];
        let mut belief: Vec<f64> = forward[at]
            .iter()
            .zip(&backward)
            .map(|(a, b)| a * b)
            .collect();
        scale(&mut belief);
        for (&tag, share) in here.iter().zip(&belief) {
            counts[sentence[at] as usize][tag as usize] += share;
        }
        if at == 0 {
            for (&tag, share) in here.iter().zip(&belief) {
                follows[SENT as usize][tag as usize] += share;
            }
            break;
        }
        if at == sentence.len() - 1 {
            for (&tag, share) in here.iter().zip(&belief) {
                follows[tag as usize][SENT as usize] += share;
            }
        }
        let before = &candidates[sentence[at - 1] as usize];
        let onward: Vec<f64> = here
            .iter()
            .zip(&backward)
            .map(|(&tag, weight)| weight * emission(sentence[at], tag))
            .collect();
        let mut pairs: Vec<f64> = Vec::with_capacity(before.len() * here.len());
        for (&tag, weight) in before.iter().zip(&forward[at - 1]) {
            for (&next, onward) in here.iter().zip(&onward) {
                pairs.push(weight * transition[tag as usize][next as usize] * onward);
            }
        }
        scale(&mut pairs);
        let mut pair = pairs.iter();
        for &tag in before {
            for (&next, share) in here.iter().zip(&mut pair) {
                follows[tag as usize][next as usize] += share;
            }
        }
        backward = before
            .iter()
            .map(|&tag| {
                here.iter()
                    .zip(&onward)
                    .map(|(&next, weight)| transition[tag as usize][next as usize] * weight)
                    .sum()
            })
            .collect();
        scale(&mut backward);
    }
}

fn scale(row: &mut [f64]) {
    let total: f64 = row.iter().sum();
    if total > 0.0 {
        row.iter_mut().for_each(|value| *value /= total);
    }
}
