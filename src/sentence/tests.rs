//! Cuts in every script.

use super::*;
use crate::corpus::Corpus;
use unicode_segmentation::UnicodeSegmentation;

fn units(text: &str) -> Vec<&str> {
    units_of(text, Script::English)
}

fn units_of(text: &str, script: Script) -> Vec<&str> {
    let mut from = 0;
    let mut units = Vec::new();
    for cut in cuts(text, script) {
        units.push(&text[from..cut as usize]);
        from = cut as usize;
    }
    units.push(&text[from..]);
    units
}

#[test]
fn sentences_are_cut_before_their_space_and_paragraphs_are_not() {
    assert_eq!(
        units("One here. Two!\n\nThree? “Four,” he said.  Five. Six"),
        [
            "One here.",
            " Two!\n\nThree?",
            " “Four,” he said.  Five.",
            " Six"
        ]
    );
}

#[test]
fn abbreviations_initials_and_numbers_do_not_end_sentences() {
    assert_eq!(
        units("Mr. Darcy met J. Austen, No. 5, at 3.14 p.m. Sharp. Then I. He."),
        [
            "Mr. Darcy met J. Austen, No. 5, at 3.14 p.m. Sharp.",
            " Then I.",
            " He."
        ]
    );
}

#[test]
fn quotes_and_brackets_close_with_their_sentence() {
    assert_eq!(
        units("(He went.) “Yes.” ‘No.’ \"Done.\" end. now"),
        ["(He went.)", " “Yes.”", " ‘No.’", " \"Done.\" end. now"]
    );
}

#[test]
fn every_unit_begins_with_one_space_and_ends_in_a_non_space() {
    let text = Corpus::open("en-prose").expect("built in");
    for text in &text.texts[..3] {
        for unit in &units(text.as_str().expect("UTF-8"))[1..] {
            let mut chars = unit.chars();
            assert_eq!(chars.next(), Some(' '));
            assert!(chars.next().is_some_and(|c| !c.is_whitespace()), "{unit:?}");
            assert!(!unit.ends_with(char::is_whitespace), "{unit:?}");
        }
    }
}

#[test]
fn german_french_and_spanish_are_cut_at_their_own_sentence_ends() {
    for (text, expected) in [
        (
            "Er kam am 3. Oktober, z. B. um 8 Uhr. „Gut.“ Dr. Meier ging. Nun ja!",
            &[
                "Er kam am 3. Oktober, z. B. um 8 Uhr.",
                " „Gut.“",
                " Dr. Meier ging.",
                " Nun ja!",
            ][..],
        ),
        (
            "Il dit : «\u{a0}Oui.\u{a0}» Mme. Rey partit\u{a0}! «\u{a0}Non\u{a0}» fut dit.",
            &[
                "Il dit : «\u{a0}Oui.\u{a0}»",
                " Mme. Rey partit\u{a0}!",
                " «\u{a0}Non\u{a0}» fut dit.",
            ],
        ),
        (
            "El Sr. Ruiz vino. ¿Quién? ¡Él! Fin.",
            &["El Sr. Ruiz vino.", " ¿Quién?", " ¡Él!", " Fin."],
        ),
    ] {
        assert_eq!(units_of(text, Script::Latin), expected);
    }
}

#[test]
fn scripts_without_upper_case_are_cut_at_their_own_sentence_ends() {
    for (script, text, expected) in [
        (
            Script::Cyrillic,
            "Он жил на ул. Мира, т.е. близко. «Да!» А. Иванов ушёл.",
            &[
                "Он жил на ул. Мира, т.е. близко.",
                " «Да!»",
                " А. Иванов ушёл.",
            ][..],
        ),
        (
            Script::Arabic,
            "هل جاء؟ نعم، جاء. ثم ذهب۔ انتهى.",
            &["هل جاء؟", " نعم، جاء.", " ثم ذهب۔", " انتهى."],
        ),
        (
            Script::Devanagari,
            "वह आया। क्या वह गया? हाँ॥ ठीक है.",
            &["वह आया।", " क्या वह गया?", " हाँ॥", " ठीक है."],
        ),
        (
            Script::Hangul,
            "그는 왔다. 갔다! \"응?\" 끝.",
            &["그는 왔다.", " 갔다!", " \"응?\"", " 끝."],
        ),
    ] {
        assert_eq!(units_of(text, script), expected);
    }
}

#[test]
fn chinese_and_japanese_are_cut_before_the_full_stop() {
    assert_eq!(
        units_of(
            "他来了。她走了！“好。”他说。\n\n「完」。3人走。",
            Script::Spaceless
        ),
        [
            "他来了",
            "。她走了！“好。”他说",
            "。\n\n「完」。3人走",
            "。"
        ]
    );
}

#[test]
fn plain_sentences_are_told_in_every_script() {
    for (script, plain, other) in [
        (Script::Latin, " Übung macht müde.", " Er sagte „ja“ dazu."),
        (Script::Cyrillic, " Он ушёл.", " он ушёл."),
        (Script::Arabic, " ثم ذهب.", " ثم 3."),
        (Script::Devanagari, " वह आया।", " (वह) आया।"),
        (Script::Hangul, " 그는 왔다.", " 그는\n왔다."),
        (Script::Spaceless, "。他来了，走了", "。他说：“好"),
        (Script::English, " He went home.", " He said \"no\"."),
    ] {
        assert!(is_plain(plain, script), "{plain}");
        assert!(!is_plain(other, script), "{other}");
    }
}

#[test]
fn the_script_of_unknown_text_is_that_of_its_letters() {
    for (name, script) in [
        ("en", Script::English),
        ("de", Script::English),
        ("ru", Script::Cyrillic),
        ("ar", Script::Arabic),
        ("hi", Script::Devanagari),
        ("ko", Script::Hangul),
        ("zh", Script::Spaceless),
        ("ja", Script::Spaceless),
    ] {
        for text in &Corpus::open(name).expect("built in").texts {
            let content = text.as_str().expect("UTF-8");
            assert_eq!(Script::of_content(content), script, "{}", text.name);
        }
    }
}

/// Held against the Unicode segmentation, which we did not write.
#[test]
fn no_cut_of_any_text_splits_a_grapheme_and_every_unit_has_its_form() {
    for (name, ..) in crate::corpus::BUILT_IN {
        for text in &Corpus::open(name).expect("built in").texts {
            let script = Script::of(text).expect("UTF-8");
            let content = text.as_str().expect("UTF-8");
            // Whole texts take seconds; every cut of a stretch is looked at.
            let content = &content[..content.floor_char_boundary(300_000)];
            let borders: std::collections::HashSet<usize> =
                content.grapheme_indices(true).map(|(at, _)| at).collect();
            for &cut in &cuts(content, script) {
                assert!(borders.contains(&(cut as usize)), "{} {cut}", text.name);
                let (left, right) = content.split_at(cut as usize);
                let lead = if script.is_spaceless() { "。" } else { " " };
                assert!(right.starts_with(lead) && !left.ends_with(char::is_whitespace));
                let next = right[lead.len()..].chars().next();
                assert!(script.is_spaceless() || next.is_some_and(|c| !c.is_whitespace()));
            }
        }
    }
}
