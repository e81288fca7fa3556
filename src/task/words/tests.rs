//! What lists of words promise.

use super::*;
use crate::task::golden;
use std::collections::HashMap;

fn counts<'w>(words: impl Iterator<Item = &'w str>) -> HashMap<&'w str, usize> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// The asked words lead whatever of the end is cut, and whatever word of the list is added then.
fn leads(entry: &Entry, code: &str, text_tokens: u64, kept_percent: usize) {
    let posed = golden::posed_of(entry, code, text_tokens);
    let right = &posed.questions[0].right.values;
    let kept = posed.words.len() * kept_percent / 100;
    let counts = counts(posed.words.iter().take(kept));
    let least = right.iter().map(|word| counts[word.as_str()]).min();
    let others = counts
        .iter()
        .filter(|(word, _)| **word != FILLER && !right.iter().any(|right| right == *word));
    let most = others.map(|(_, count)| *count).max();
    assert!(
        least > most,
        "{} in {code}, {text_tokens} tokens, {kept_percent} %: {least:?} and {most:?}",
        entry.name
    );
}

#[test]
fn the_asked_words_lead_wherever_the_list_is_cut() {
    for code in ["en", "zh"] {
        for text_tokens in [100, 256] {
            leads(&CWE, code, text_tokens, 60);
        }
        for text_tokens in [500, 2_000, 30_000, 400_000] {
            for kept_percent in [100, 95, 80, 60] {
                leads(&CWE, code, text_tokens, kept_percent);
                leads(&FWE, code, text_tokens, kept_percent);
            }
        }
    }
}

#[test]
fn frequencies_are_ruler_s() {
    let posed = golden::posed_of(&CWE, "en", 4_096);
    let of_common = counts(posed.words.iter());
    let right = &posed.questions[0].right.values;
    assert_eq!(right.len(), 10);
    assert!(of_common.values().all(|count| [30, 3].contains(count)));
    assert!(right.iter().all(|word| of_common[word.as_str()] == 30));
    // Where the words of the language are used up, all come more often and the ratio stays.
    let long = golden::posed_of(&CWE, "zh", 300_000);
    let of_long = counts(long.words.iter());
    let least = of_long.values().min().expect("words");
    assert!(
        *least > 3
            && of_long
                .values()
                .all(|count| [*least, 10 * least].contains(count))
    );
    let posed = golden::posed_of(&FWE, "en", 100_000);
    let of_coded = counts(posed.words.iter());
    let values = &posed.questions[0].right.values;
    for (nth, word) in values.iter().enumerate() {
        let rank = (nth + 2) as f64;
        let ratio = of_coded[word.as_str()] as f64 * rank * rank / of_coded[FILLER] as f64;
        assert!((ratio - 1.0).abs() < 0.01, "{word}: {ratio}");
    }
}

#[test]
fn words_of_questions_and_answers_are_not_in_the_list() {
    for code in ["en", "zh"] {
        let frequent = golden::posed_in(&FWE, code);
        assert!(frequent.questions[0].text.contains(FILLER));
        let posed = golden::posed_of(&CWE, code, 50_000);
        let text = posed.questions[0].text.to_lowercase();
        for word in counts(posed.words.iter()).keys() {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn prompts_never_change() {
    golden::check(&CWE);
    golden::check(&FWE);
}

#[test]
#[ignore = "a measurement for release builds: cargo test --release words -- --ignored"]
fn a_million_tokens_are_posed_in_milliseconds() {
    for entry in [&CWE, &FWE] {
        for code in ["en", "zh"] {
            let took = (0..5).map(|_| golden::timed(entry, code, 1_000_000).1);
            let best = took.min().expect("five");
            assert!(best.as_millis() < 8, "{} in {code}: {best:?}", entry.name);
        }
    }
}
