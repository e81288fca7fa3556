//! Voices: equal where they should be, and apart where they should be.

use super::super::draws::further;
use super::*;
use std::collections::{BTreeMap, HashSet};

fn voice(written: &str) -> Voice {
    Voice::parse(written).expect(written)
}

fn prompt(number: u64) -> blake3::Hash {
    blake3::hash(&number.to_le_bytes())
}

/// What a voice says in a request of this number.
fn said(voice: Voice, about: u64, temperature: f64, request: u64) -> String {
    let request = blake3::hash(&request.to_be_bytes());
    voice.say(&prompt(about), temperature, |place| {
        unit(&further(&request, place as u64), 0)
    })
}

#[test]
fn at_temperature_zero_a_voice_says_one_thing_to_a_prompt_and_another_voice_another() {
    let mut all = HashSet::new();
    for about in 0..50 {
        let first = said(voice("1"), about, 0.0, 1);
        for request in 2..6 {
            assert_eq!(said(voice("1"), about, 0.0, request), first);
        }
        assert_ne!(said(voice("2"), about, 0.0, 1), first);
        assert!(all.insert(first));
    }
}

#[test]
fn at_temperature_one_answers_vary_and_so_do_their_lengths() {
    let texts: HashSet<String> = (0..200)
        .map(|request| said(voice("1"), 7, 1.0, request))
        .collect();
    assert!(texts.len() > 150, "{}", texts.len());
    let words: HashSet<usize> = texts.iter().map(|text| text.split(' ').count()).collect();
    assert!(
        words.len() > 5
            && words
                .iter()
                .all(|&count| (LEAST_WORDS..=MOST_WORDS).contains(&count))
    );
    for text in &texts {
        assert!(
            text.starts_with(|c: char| c.is_ascii_uppercase()) && text.ends_with('.'),
            "{text}"
        );
    }
}

/// How often each word is the first, over many requests.
fn first_words(
    voice: Voice,
    temperature: f64,
    requests: std::ops::Range<u64>,
) -> BTreeMap<String, f64> {
    let count = (requests.end - requests.start) as f64;
    let mut shares = BTreeMap::new();
    for request in requests {
        let text = said(voice, 3, temperature, request);
        let first = text.split([' ', '.']).next().unwrap_or_default();
        *shares.entry(first.to_owned()).or_insert(0.0) += 1.0 / count;
    }
    shares
}

#[test]
fn one_voice_has_one_distribution_whoever_asks_and_the_stated_weights() {
    let shares = first_words(voice("1"), 1.0, 0..4_000);
    assert_eq!(shares.len(), RIVALS);
    let again = first_words(voice("1"), 1.0, 10_000..14_000);
    let mut sorted: Vec<f64> = shares.values().copied().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let total: f64 = (1..=RIVALS).map(|nth| 1.0 / (nth * nth) as f64).sum();
    for (nth, share) in sorted.iter().enumerate() {
        let stated = 1.0 / ((nth + 1) * (nth + 1)) as f64 / total;
        // Five standard deviations of 4,000 draws.
        let off = 5.0 * (stated * (1.0 - stated) / 4_000.0).sqrt();
        assert!((share - stated).abs() < off, "{nth}: {share} {stated}");
    }
    for (word, share) in &again {
        assert!((share - shares[word]).abs() < 0.06, "{word}");
    }
    let other = first_words(voice("2"), 1.0, 0..500);
    let common = other
        .keys()
        .filter(|word| shares.contains_key(*word))
        .count();
    assert!(common < RIVALS, "{common}");
}

#[test]
fn heat_makes_the_distribution_flatter() {
    let most = |temperature| {
        let shares = first_words(voice("1"), temperature, 0..2_000);
        shares.values().copied().fold(0.0, f64::max)
    };
    assert!(most(0.3) > most(1.0) + 0.1 && most(1.0) > most(2.0) + 0.1);
}

#[test]
fn an_accent_changes_about_as_many_words_as_it_says() {
    let mut kept = 0;
    for about in 0..400 {
        let plain = said(voice("1"), about, 0.0, 1);
        let accented = said(voice("1:0.1"), about, 0.0, 1);
        let first = |text: &str| text.split([' ', '.']).next().map(str::to_owned);
        kept += u32::from(first(&plain) == first(&accented));
    }
    // Nine in ten first words stay: 400 draws have a standard deviation of six.
    assert!((330..=385).contains(&kept), "{kept}");
    assert_eq!(said(voice("1:0"), 1, 1.0, 1), said(voice("1"), 1, 1.0, 1));
}

#[test]
fn what_is_no_voice_is_refused() {
    for written in ["", "x", "-1", "1:", "1:x", "1:2", "1:-0.1", "1:NaN"] {
        assert!(Voice::parse(written).is_err(), "{written}");
    }
}
