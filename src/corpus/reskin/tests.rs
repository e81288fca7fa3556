//! What volumes promise: always the same, never the same sentence twice, built like their source.

use super::*;
use std::collections::{HashMap, HashSet};

/// Stretches of six or more words between marks that can end a sentence, by words alone.
fn sentences(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("\n\n")
        .flat_map(|paragraph| paragraph.split(['.', '!', '?']))
        .map(|part| {
            let words: Vec<String> = part
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            words
        })
        .filter(|words| words.len() >= 6)
        .map(|words| words.join(" "))
}

fn gaps(text: &str) -> Vec<&str> {
    Spans::of(text)
        .filter(|span| span.kind == SpanKind::Gap)
        .map(|span| &text[span.from..span.to])
        .collect()
}

#[test]
fn volumes_never_change() {
    // Golden: if it moves, every published run on generated text becomes unverifiable.
    assert_eq!(
        blake3::hash(LISTED.as_bytes()).to_hex().as_str(),
        "475dfe4e3ced295ae4d2dc23a77a3e3bac6988e35f2a9149422d88c68f72772c"
    );
    assert_eq!(LISTED.lines().count(), VOLUMES as usize);
    for number in [0, 5, 9, VOLUMES - 1] {
        let text = volume(number).expect("comes out as listed");
        assert_eq!(text.len() as u64, listed(number).expect("is listed").bytes);
    }
}

#[test]
fn a_volume_that_does_not_exist_is_refused_with_the_way_out() {
    let error = volume(VOLUMES).expect_err("there are no more").to_string();
    assert!(
        error.contains("184 volumes") && error.contains("--corpus DIR"),
        "{error}"
    );
}

#[test]
fn volumes_are_about_two_megabytes() {
    for number in 0..VOLUMES {
        let bytes = listed(number).expect("is listed").bytes;
        assert!((1_900_000..2_300_000).contains(&bytes), "{number}: {bytes}");
    }
}

#[test]
fn no_sentence_of_six_words_is_one_of_the_source_or_of_another_volume() {
    let mut seen: HashSet<u64> = HashSet::new();
    let digest = |sentence: &str| -> u64 {
        let hash = blake3::hash(sentence.as_bytes());
        hash.as_bytes()[..8]
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    for (_, text) in sources().expect("unpack") {
        seen.extend(sentences(&text).map(|sentence| digest(&sentence)));
    }
    assert!(seen.len() > 80_000);
    // The same chapters in four passes, and others.
    for number in [0, 1, 8, 16, VOLUMES - 8, VOLUMES - 1] {
        let text = volume(number).expect("is made");
        let own: Vec<String> = sentences(&text).collect();
        assert!(own.len() > 8_000, "{number}: {}", own.len());
        for sentence in &own {
            assert!(
                !seen.contains(&digest(sentence)),
                "volume {number}: {sentence}"
            );
        }
        seen.extend(own.iter().map(|sentence| digest(sentence)));
    }
}

#[test]
fn what_stands_between_words_is_what_the_source_has() {
    let reskin = shipped().expect("is made");
    for part in [0, 4] {
        let mut expected = String::new();
        for chapter in &reskin.chapters[reskin.parts[part].clone()] {
            if !expected.is_empty() {
                expected.push_str("\n\n");
            }
            for kept in &chapter.kept {
                expected.push_str(&reskin.texts[chapter.text][kept.clone()]);
            }
        }
        let made = reskin.volume(part as u32).expect("is made");
        assert_eq!(gaps(&made), gaps(&expected));
        assert_eq!(made.split("\n\n").count(), expected.split("\n\n").count());
    }
}

#[test]
fn a_pass_holds_every_chapter_once_and_little_is_left_out() {
    let reskin = shipped().expect("is made");
    let mut next = 0;
    for part in &reskin.parts {
        assert_eq!(part.start, next);
        next = part.end;
    }
    assert_eq!(next, reskin.chapters.len());
    let kept: usize = reskin.chapters.iter().map(Chapter::bytes).sum();
    let all: usize = reskin.texts.iter().map(String::len).sum();
    assert!(
        kept as f64 > 0.98 * all as f64 && kept < all,
        "{kept} of {all}"
    );
    let sizes = reskin.chapters.iter().map(Chapter::bytes);
    assert!(sizes.max().expect("has chapters") < 3 * CHAPTER_BYTES);
}

#[test]
fn most_words_of_content_change_and_those_of_the_grammar_stay() {
    let reskin = shipped().expect("is made");
    let table = reskin.table();
    for kept in [
        "the", "of", "and", "she", "not", "was", "mr", "don't", "xiv",
    ] {
        assert_eq!(table.find(kept.as_bytes()), None, "{kept}");
    }
    let (mut words, mut found) = (0, 0);
    for chapter in reskin.chapters.iter().step_by(40) {
        for kept in &chapter.kept {
            let text = &reskin.texts[chapter.text][kept.clone()];
            for span in Spans::of(text).filter(|span| span.kind == SpanKind::Word) {
                words += 1;
                found += u32::from(table.find(&text.as_bytes()[span.from..span.to]).is_some());
            }
        }
    }
    let share = f64::from(found) / f64::from(words);
    assert!((0.4..0.6).contains(&share), "{share}");
}

#[test]
fn groups_keep_number_and_tense() {
    let table = shipped().expect("is made").table();
    let mut ends_alike = 0.0;
    let mut counted = 0.0;
    for group in table
        .groups()
        .iter()
        .filter(|group| group.is_swap() && group.size >= 24)
    {
        let mut endings: HashMap<&str, u32> = HashMap::new();
        for id in group.first..group.first + group.size {
            let word = table.word(id);
            let ending = ["ing", "ed", "ly", "s"]
                .into_iter()
                .find(|ending| word.ends_with(ending.as_bytes()));
            *endings.entry(ending.unwrap_or("")).or_default() += 1;
        }
        ends_alike += f64::from(endings.values().copied().max().unwrap_or(0));
        counted += f64::from(group.size);
    }
    assert!(ends_alike / counted > 0.9, "{}", ends_alike / counted);
}

#[test]
fn the_english_bible_is_no_source() {
    assert!(SOURCES.iter().all(|name| !name.contains("bible")));
    assert_eq!(sources().expect("unpack").len(), SOURCES.len());
}
