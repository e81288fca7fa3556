//! What is held and what is not, in every script.

use super::*;
use crate::corpus::Text;

fn lexicon(text: &str) -> Lexicon {
    Lexicon::of(&corpus(text)).expect("collects")
}

fn corpus(text: &str) -> Corpus {
    Corpus {
        name: "x".into(),
        texts: vec![Text::owned("x", text.into())],
    }
}

#[test]
fn words_pairs_and_numbers_are_found_and_others_are_not() {
    let lexicon = lexicon(
        "The well-known City of Oslo had 1,234,567 people; ids a1b2. “Four,” he said, on stony ground.",
    );
    for present in [
        "oslo",
        "OSLO",
        "well-known",
        "well",
        "1234567",
        "a1b2",
        "four",
        "stony-ground",
        "city of oslo",
    ] {
        assert!(lexicon.holds(present), "{present}");
    }
    for absent in [
        "osl",
        "known-oslo",
        "23456",
        "bergen",
        "ground-stony",
        "oslo people",
    ] {
        assert!(!lexicon.holds(absent), "{absent}");
    }
}

#[test]
fn a_key_of_the_built_in_text_is_held_with_a_space_for_its_hyphen() {
    let english = Lexicon::of(&Corpus::open("en-prose").expect("built in")).expect("collects");
    for held in ["young-man", "great-pleasure", "Good-sense"] {
        assert!(english.holds(held), "{held}");
    }
    assert!(!english.holds("happy-xylophone"));
    assert!(english.marks.blocks().is_empty());
}

#[test]
fn numbers_are_found_in_the_digits_of_any_script() {
    let lexicon = lexicon(
        "共1234567人，２３４５６７８台。 العدد ٣٬٤٥٦٬٧٨٩ فقط। संख्या ४५६७८९० है। il y a 5\u{202f}678\u{202f}901 mots; 6'789'012",
    );
    for present in [
        "1234567", "2345678", "3456789", "4567890", "5678901", "6789012",
    ] {
        assert!(lexicon.holds(present), "{present}");
    }
    assert!(!lexicon.holds("7890123"));
}

#[test]
fn letters_beyond_ascii_are_found_in_any_case_and_between_any_signs() {
    let lexicon = lexicon("«Москва», Übermut — हिन्दी।   Синий кит\nплывёт. وقال: «القط الأسود».");
    for present in [
        "москва",
        "ÜBERMUT",
        "हिन्दी",
        "синий-кит",
        "Кит плывёт",
        "القط-الأسود",
    ] {
        assert!(lexicon.holds(present), "{present}");
    }
    for absent in ["моск", "плывёт кит", "हिन्द", "القط-الأبيض"] {
        assert!(!lexicon.holds(absent), "{absent}");
    }
}

/// Held against searching the text itself, which has no false answers.
#[test]
fn what_stands_in_chinese_text_is_always_found_and_what_does_not_nearly_never() {
    let corpus = Corpus::open("zh-prose").expect("built in");
    let lexicon = Lexicon::of(&corpus).expect("collects");
    assert!(lexicon.marks.blocks().len() * 8 <= 64 << 20);
    let texts: Vec<&str> = corpus
        .texts
        .iter()
        .map(|text| text.as_str().expect("UTF-8"))
        .collect();
    let letters: Vec<char> = texts[0]
        .chars()
        .filter(|c| words::is_spaceless(*c))
        .collect();
    let mut stream = crate::seed::Secret::from_hex("07")
        .expect("hex")
        .key("")
        .stream("x", &[]);
    let (mut absent, mut wrong) = (0, 0);
    for round in 0..4000 {
        let length = 3 + round % 6;
        let mut key = String::new();
        if round % 2 == 0 {
            let from = stream.below((letters.len() - length) as u64) as usize;
            key.extend(&letters[from..from + length]);
        } else {
            key.extend((0..length).map(|_| letters[stream.below(letters.len() as u64) as usize]));
        }
        let stands = texts.iter().any(|text| text.contains(&key));
        assert!(!stands || lexicon.holds(&key), "{key} stands there");
        // The letters of a key may stand side by side but for signs between them.
        if !stands && round % 2 == 1 {
            absent += 1;
            wrong += u32::from(lexicon.holds(&key));
        }
    }
    assert!(absent > 500 && wrong * 50 < absent, "{wrong} of {absent}");
}

#[test]
fn signs_between_the_letters_of_a_key_do_not_hide_it() {
    let lexicon = lexicon("他说：“红-色，苹果”真好。町の番号は");
    for present in ["红色苹果", "红色-苹果", "苹果真", "町の番号"] {
        assert!(lexicon.holds(present), "{present}");
    }
    for absent in ["红苹果", "绿色苹果"] {
        assert!(!lexicon.holds(absent), "{absent}");
    }
}

#[test]
fn the_cache_gives_the_same_answers() {
    let corpus = corpus("one two 汉字");
    let folder = tempfile::tempdir().expect("folder");
    let first = Lexicon::open(&corpus, Some(folder.path())).expect("makes");
    let second = Lexicon::open(&corpus, Some(folder.path())).expect("reads");
    assert_eq!(first, second);
}
