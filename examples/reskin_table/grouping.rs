//! Words into groups whose members can stand for one another: same part of speech and ending, then
//! near in frequency, then near in what stands beside them.

use crate::census::{Census, END, Sort};
use crate::lexicon::{BY_HAND, JJ, JJR, NN, RB, TAGS, VBD, VBN};
use crate::tagger::Tagged;
use std::collections::{BTreeMap, HashMap};

/// Groups hold so many words or a few more, never as many as two groups.
const GROUP: usize = 24;
/// The most frequent words of a class share a band of so many, the next ones one of twice as many.
const FIRST_BAND: usize = 96;
const LAST_BAND: usize = 1536;
/// Frequent words that are told apart as neighbours; all others are their parts of speech.
const NEIGHBOURS: usize = 200;
/// A word's neighbours count as if so many more had been seen beside its class.
const PRIOR: f32 = 4.0;
/// Own parts of speech, those of two neighbours on each side, and the nearest ones by name.
const WIDTH: usize = 5 * TAGS + 2 * NEIGHBOURS;

/// What must be the same in a group.
type Class = (Sort, u8, u8, u8);

/// Groups of words, each a list of places in the census.
pub fn groups(census: &Census, tagged: &Tagged, allowed: &[u32]) -> Vec<Vec<u32>> {
    let mut groups = by_hand(census);
    let features = features(census, tagged);
    for members in classes(census, tagged, allowed) {
        let mut from = 0;
        let mut band = FIRST_BAND;
        while from < members.len() {
            let mut to = (from + band).min(members.len());
            if members.len() - to < GROUP {
                to = members.len();
            }
            split(members[from..to].to_vec(), &features, &mut groups);
            from = to;
            band = (2 * band).min(LAST_BAND);
        }
    }
    groups
}

fn by_hand(census: &Census) -> Vec<Vec<u32>> {
    let places: HashMap<&str, u32> = (0u32..)
        .zip(&census.words)
        .map(|(at, word)| (&word.text[..], at))
        .collect();
    BY_HAND
        .iter()
        .map(|(_, words)| {
            words
                .split(' ')
                .filter_map(|word| places.get(word).copied())
                .collect()
        })
        .collect()
}

/// Members of each class, the most frequent first. Classes too small for a group join the nearest.
fn classes(census: &Census, tagged: &Tagged, allowed: &[u32]) -> Vec<Vec<u32>> {
    let mut classes: BTreeMap<Class, Vec<u32>> = BTreeMap::new();
    for (at, word) in census.words.iter().enumerate() {
        if !matches!(word.sort, Sort::Kept | Sort::ByHand | Sort::Name) {
            let class = class(word.sort, &word.text, &tagged.counts[at], allowed[at]);
            classes.entry(class).or_default().push(at as u32);
        }
    }
    for step in 0..2 {
        let small: Vec<Class> = classes
            .iter()
            .filter(|(_, members)| members.len() < 2 * GROUP)
            .map(|(class, _)| *class)
            .collect();
        for class in small {
            let (sort, form, first, _) = class;
            let wider = match step {
                0 => (sort, form, first, first),
                _ => (sort, 0, first, first),
            };
            if wider != class && sort == Sort::Common {
                let members = classes.remove(&class).unwrap_or_default();
                classes.entry(wider).or_default().extend(members);
            }
        }
    }
    let mut all: Vec<Vec<u32>> = classes.into_values().collect();
    for members in &mut all {
        members.sort_by_key(|&at| {
            let word = &census.words[at as usize];
            (std::cmp::Reverse(word.count), &word.text)
        });
    }
    all.retain(|members| members.len() > 1);
    all
}

/// Ending, and the one or two parts of speech that a word mostly is.
fn class(sort: Sort, text: &str, counts: &[f64; TAGS], allowed: u32) -> Class {
    if sort != Sort::Common {
        return (sort, 0, 0, 0);
    }
    let mut counts = *counts;
    let is = |tag: u8| allowed >> tag & 1 == 1;
    let form = match (is(VBD), is(VBN)) {
        (true, true) => 1,
        (true, false) => 2,
        (false, true) => 3,
        _ => 0,
    };
    // Where both have one form, how often it is which is left to the likeness of neighbours.
    counts[VBD as usize] += counts[VBN as usize];
    counts[VBN as usize] = 0.0;
    let mut order: Vec<u8> = (NN..TAGS as u8).collect();
    order.sort_by(|a, b| counts[*b as usize].total_cmp(&counts[*a as usize]));
    let total: f64 = counts.iter().sum();
    let (first, second) = (order[0], order[1]);
    let second = if counts[second as usize] >= 0.2 * total {
        second
    } else {
        first
    };
    let form = match first {
        VBD => form,
        RB if text.ends_with("ly") => 4,
        JJR if text.ends_with("st") => 5,
        JJ if text.ends_with("ed") || text.ends_with("ing") => 6,
        _ => 0,
    };
    (sort, form, first, second)
}

fn features(census: &Census, tagged: &Tagged) -> Vec<Vec<f32>> {
    let shares: Vec<[f32; TAGS]> = tagged
        .counts
        .iter()
        .map(|row| {
            let total: f64 = row.iter().sum::<f64>().max(1e-9);
            row.map(|count| (count / total) as f32)
        })
        .collect();
    let mut frequent: Vec<u32> = (0..census.words.len() as u32).collect();
    frequent.sort_by_key(|&at| std::cmp::Reverse(census.words[at as usize].count));
    let mut column = vec![usize::MAX; census.words.len()];
    for (place, &at) in frequent.iter().take(NEIGHBOURS).enumerate() {
        column[at as usize] = place;
    }
    let mut features = vec![vec![0f32; WIDTH]; census.words.len()];
    let tokens = &census.tokens;
    for (at, &token) in tokens.iter().enumerate() {
        if token == END {
            continue;
        }
        let row = &mut features[token as usize];
        let near = |step: isize| at.checked_add_signed(step).and_then(|at| tokens.get(at));
        for (place, step) in [-1isize, 1, -2, 2].into_iter().enumerate() {
            let Some(&other) = near(step) else { continue };
            let from = (place + 1) * TAGS;
            for (sum, share) in row[from..from + TAGS]
                .iter_mut()
                .zip(&shares[other as usize])
            {
                *sum += share;
            }
            if place < 2 && column[other as usize] < NEIGHBOURS {
                row[5 * TAGS + place * NEIGHBOURS + column[other as usize]] += 1.0;
            }
        }
    }
    for (row, share) in features.iter_mut().zip(&shares) {
        row[..TAGS].copy_from_slice(share);
    }
    features
}

/// Halves along the direction in which the words differ most, until groups are left.
fn split(members: Vec<u32>, features: &[Vec<f32>], groups: &mut Vec<Vec<u32>>) {
    let pieces = members.len() / GROUP;
    if pieces < 2 {
        groups.push(members);
        return;
    }
    let rows = likeness(&members, features);
    let axis = principal_axis(&rows);
    let mut order: Vec<(f32, u32)> = rows
        .iter()
        .zip(&members)
        .map(|(row, &at)| (row.iter().zip(&axis).map(|(a, b)| a * b).sum(), at))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let half = members.len() * (pieces / 2) / pieces;
    let sorted: Vec<u32> = order.into_iter().map(|(_, at)| at).collect();
    split(sorted[..half].to_vec(), features, groups);
    split(sorted[half..].to_vec(), features, groups);
}

/// Square roots of shares (so that distances are Hellinger's), smoothed towards the members' mean
/// and then centred.
fn likeness(members: &[u32], features: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut mean = vec![0f32; WIDTH];
    let mut total = 0f32;
    let seen = |row: &[f32]| row[TAGS..2 * TAGS].iter().sum::<f32>();
    for &at in members {
        let row = &features[at as usize];
        total += seen(row);
        for (sum, value) in mean[TAGS..].iter_mut().zip(&row[TAGS..]) {
            *sum += value;
        }
    }
    mean.iter_mut().for_each(|value| *value /= total.max(1.0));
    let mut rows: Vec<Vec<f32>> = members
        .iter()
        .map(|&at| {
            let row = &features[at as usize];
            let count = seen(row);
            row.iter()
                .zip(&mean)
                .enumerate()
                .map(|(column, (value, mean))| match column / TAGS {
                    0 => 1.5 * value.sqrt(),
                    block => {
                        let share = ((value + PRIOR * mean) / (count + PRIOR)).sqrt();
                        if block == 3 || block == 4 {
                            0.5 * share
                        } else {
                            share
                        }
                    }
                })
                .collect()
        })
        .collect();
    let mut centre = vec![0f32; WIDTH];
    for row in &rows {
        centre
            .iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += value);
    }
    let size = rows.len() as f32;
    for row in &mut rows {
        row.iter_mut()
            .zip(&centre)
            .for_each(|(value, sum)| *value -= sum / size);
    }
    rows
}

/// By power iteration from a fixed start.
fn principal_axis(rows: &[Vec<f32>]) -> Vec<f32> {
    let mut axis: Vec<f32> = (0..WIDTH)
        .map(|at| ((at * 37 + 11) % 101) as f32 - 50.0)
        .collect();
    for _ in 0..25 {
        let mut next = vec![0f32; WIDTH];
        for row in rows {
            let along: f32 = row.iter().zip(&axis).map(|(a, b)| a * b).sum();
            next.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += along * value);
        }
        let norm = next
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt()
            .max(1e-20);
        axis = next.into_iter().map(|value| value / norm).collect();
    }
    axis
}
