//! The fonts in this binary: measuring, shortening and checking text before it is drawn.

use super::face::{DATABASE, latin};
use super::script::{Run, drawn, runs};
use anyhow::{Context as _, Result};
use resvg::usvg;
use std::cell::RefCell;
use std::collections::HashMap;
use unicode_segmentation::UnicodeSegmentation as _;

/// Texts are measured at this size and scaled: there is no hinting that would differ.
const MEASURED_PX: f64 = 100.0;

thread_local! {
    /// What was measured, for a heatmap says the same few things in hundreds of cells.
    static WIDTHS: RefCell<HashMap<(String, Weight), f64>> = RefCell::default();
}

/// The weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// For nearly everything.
    Regular,
    /// For titles and for what is to be read first.
    Bold,
}

/// How usvg reads our pictures: with the embedded fonts and no file of this machine.
pub fn options() -> usvg::Options<'static> {
    usvg::Options {
        font_family: latin().name.to_owned(),
        fontdb: DATABASE.clone(),
        ..usvg::Options::default()
    }
}

/// Width of a line of text in pixels at `size_px`.
pub fn width_px(text: &str, size_px: f64, weight: Weight) -> Result<f64> {
    let key = (text.to_owned(), weight);
    let known = WIDTHS.with_borrow(|widths| widths.get(&key).copied());
    let width = match known {
        Some(width) => width,
        None => {
            let widths = runs(text).into_iter().map(|run| measured(&run, weight));
            let width = widths.sum::<Result<f64>>()?;
            WIDTHS.with_borrow_mut(|widths| widths.insert(key, width));
            width
        }
    };
    Ok(width * size_px / MEASURED_PX)
}

/// Width of a run in pixels at `size_px`.
pub fn run_width_px(run: &Run, size_px: f64, weight: Weight) -> Result<f64> {
    Ok(measured(run, weight)? * size_px / MEASURED_PX)
}

/// Width of a run at [`MEASURED_PX`].
fn measured(run: &Run, weight: Weight) -> Result<f64> {
    match run {
        Run::Gap => Ok(latin().space_em() * MEASURED_PX),
        Run::Letters { text, family } => {
            let tree = laid_out(text, family, weight)?;
            let widths = tree.root().children().iter().map(|node| match node {
                usvg::Node::Text(text) => f64::from(text.bounding_box().width()),
                _ => 0.0,
            });
            Ok(widths.sum())
        }
    }
}

/// The text itself where it fits into `room_px`, else its beginning and its end around `…`:
/// names of models differ at both ends.
pub fn shortened(text: &str, size_px: f64, weight: Weight, room_px: f64) -> Result<String> {
    if width_px(text, size_px, weight)? <= room_px {
        return Ok(text.to_owned());
    }
    // What people take for one letter is never cut.
    let letters: Vec<&str> = text.graphemes(true).collect();
    let kept = |count: usize| -> String {
        let head = count.div_ceil(2);
        let tail = letters.len() - (count - head);
        format!("{}…{}", letters[..head].concat(), letters[tail..].concat())
    };
    let (mut fits, mut too_many) = (0, letters.len());
    while too_many - fits > 1 {
        let middle = fits.midpoint(too_many);
        if width_px(&kept(middle), size_px, weight)? <= room_px {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    Ok(kept(fits))
}

/// The text with everything replaced that cannot be drawn: control characters by a space, and
/// letters that no embedded font has by `□`.
pub fn drawable(text: &str) -> String {
    let text: String = text.chars().map(harmless).collect();
    if text.is_ascii() {
        return text;
    }
    text.graphemes(true)
        .map(|letter| if drawn(letter) { letter } else { "□" })
        .collect()
}

/// The pieces of text in a tree that were laid out with no glyph of their own.
#[cfg(test)]
pub fn missing(tree: &usvg::Tree) -> Vec<String> {
    fn search(group: &usvg::Group, found: &mut Vec<String>) {
        for node in group.children() {
            match node {
                usvg::Node::Group(group) => search(group, found),
                usvg::Node::Text(text) => {
                    for span in text.layouted() {
                        let absent = |glyph: &&usvg::layout::PositionedGlyph| glyph.id.0 == 0;
                        let glyphs = span.positioned_glyphs.iter().filter(absent);
                        found.extend(glyphs.map(|glyph| glyph.text.clone()));
                    }
                }
                usvg::Node::Path(_) | usvg::Node::Image(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    search(tree.root(), &mut found);
    found
}

/// Letters for one font, laid out at [`MEASURED_PX`].
fn laid_out(text: &str, family: &str, weight: Weight) -> Result<usvg::Tree> {
    let weight = match weight {
        Weight::Regular => "normal",
        Weight::Bold => "bold",
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><text font-family=\"{family}\" \
         font-size=\"{MEASURED_PX}\" font-weight=\"{weight}\">{}</text></svg>",
        escape(text)
    );
    usvg::Tree::from_str(&svg, &options()).with_context(|| format!("text {text:?} has no layout"))
}

/// Text as the inside of an XML element or attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(harmless(other)),
        }
    }
    out
}

/// A space in place of what XML forbids, and of the signs that turn the order of letters round:
/// a model's name must not be able to rewrite what stands beside it.
fn harmless(c: char) -> char {
    match c {
        '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}' => ' ',
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Titles in the languages that have corpora, and letters that other names may hold.
    const TITLES: [&str; 14] = [
        "Pride and Prejudice: “It is a truth universally acknowledged…”",
        "鲁迅《呐喊》：“从来如此，便对么？”（狂人日记）",
        "Die Leiden des jungen Werthers – Größe, Übermaß, ẞ",
        "À la recherche du temps perdu, cœur, Noël, «où»",
        "Don Quijote de la Mancha: ¿qué? ¡año!",
        "Преступление и наказание: «Ёж», объявление, щи",
        "吾輩は猫である。名前はまだ無い。カタカナ・ガギグ「鍵」",
        "كتاب كليلة ودمنة، قال: لا بأس؟ ١٢٣ الله",
        "गोदान — प्रेमचंद: क्षत्रिय, ज्ञान, श्री, कर्म। १२३",
        "무정 — 이광수, 소설 ‘봄’ 값 128k",
        "اردو: پاکستان، گھر، ٹوپی، چ ڑ ے",
        "Ελληνικά, Українська: ґєії, Tiếng Việt: Đặng",
        "Qwen3-呐喊 (مرحبا, नमस्ते) 조선 128k · ≥ 95 %",
        "Ωμέγα → ∞ ± × ÷ € £ ¥",
    ];

    /// What a run of a title is laid out as.
    fn trees(title: &str, weight: Weight) -> Vec<(String, usvg::Tree)> {
        let letters = runs(title).into_iter().filter_map(|run| match run {
            Run::Gap => None,
            Run::Letters { text, family } => {
                let tree = laid_out(&text, family, weight).expect("a layout");
                Some((text, tree))
            }
        });
        letters.collect()
    }

    /// The glyphs of a tree from left to right: what each stands for, and its number.
    fn glyphs(tree: &usvg::Tree) -> Vec<(String, u32)> {
        let usvg::Node::Text(text) = &tree.root().children()[0] else {
            return Vec::new();
        };
        let glyphs = text
            .layouted()
            .iter()
            .flat_map(|span| &span.positioned_glyphs);
        glyphs
            .map(|glyph| (glyph.text.clone(), glyph.id.0))
            .collect()
    }

    #[test]
    fn every_printable_ascii_character_has_a_glyph_in_both_weights() {
        let ascii: String = (' '..='~').collect();
        let ours = "…–—·×→≥≤%□äéñøßЖλ";
        for weight in [Weight::Regular, Weight::Bold] {
            for text in [ascii.as_str(), ours] {
                let tree = laid_out(text, latin().name, weight).expect("a layout");
                assert_eq!(missing(&tree), Vec::<String>::new(), "{weight:?}");
            }
        }
    }

    #[test]
    fn every_letter_of_titles_in_every_language_has_a_glyph_in_both_weights() {
        for title in TITLES {
            assert_eq!(drawable(title), title);
            for weight in [Weight::Regular, Weight::Bold] {
                for (text, tree) in trees(title, weight) {
                    assert_eq!(missing(&tree), Vec::<String>::new(), "{text:?} of {title}");
                    assert!(!glyphs(&tree).is_empty(), "{text:?} of {title}");
                }
            }
            assert!(
                width_px(title, 19.0, Weight::Bold).expect("a width") > 100.0,
                "{title}"
            );
        }
    }

    #[test]
    fn arabic_is_joined_and_read_from_right_to_left() {
        let (_, tree) = trees("مرحبا", Weight::Regular).remove(0);
        let word = glyphs(&tree);
        let spoken: String = word.iter().rev().map(|(text, _)| text.as_str()).collect();
        assert_eq!(spoken, "مرحبا");
        for (letter, id) in &word[1..4] {
            let alone = glyphs(&trees(letter, Weight::Regular).remove(0).1);
            // Only reh keeps its form after a letter that it joins, and even it changes.
            assert_ne!(alone[0].1, *id, "{letter} stands alone");
        }
        // Lam and alef are one sign.
        assert_eq!(glyphs(&trees("لا", Weight::Regular).remove(0).1).len(), 1);
    }

    #[test]
    fn devanagari_letters_are_put_together_and_reordered() {
        // Five characters: ka, virama, ssa are one sign, and the vowel i stands before it.
        let found = glyphs(&trees("क्षि", Weight::Regular).remove(0).1);
        assert_eq!(found.len(), 2, "{found:?}");
        let vowel = glyphs(&trees("कि", Weight::Regular).remove(0).1);
        let alone = glyphs(&trees("क", Weight::Regular).remove(0).1);
        assert_eq!(vowel[1].1, alone[0].1, "{vowel:?}");
    }

    #[test]
    fn a_missing_glyph_is_found_and_replaced_by_a_sign() {
        let tree = laid_out("ሰላም by who", latin().name, Weight::Regular).expect("a layout");
        assert_eq!(missing(&tree).concat(), "ሰላም");
        assert_eq!(drawable("ሰላም by 呐喊"), "□□□ by 呐喊");
        assert_eq!(drawable("a\u{1}b\nc\u{2029}d"), "a b c d");
        assert_eq!(drawable("👩\u{200D}👧 and 😀"), "□ and □");
    }

    #[test]
    fn bold_is_another_face_and_width_grows_with_size() {
        let regular = width_px("Llama-4-Scout", 12.0, Weight::Regular).expect("a width");
        let bold = width_px("Llama-4-Scout", 12.0, Weight::Bold).expect("a width");
        let twice = width_px("Llama-4-Scout", 24.0, Weight::Regular).expect("a width");
        assert!(regular < bold, "{regular} {bold}");
        assert!((twice - 2.0 * regular).abs() < 1e-6);
        assert!((60.0..110.0).contains(&regular), "{regular}");
    }

    #[test]
    fn long_names_lose_their_middle_and_keep_both_ends() {
        let name = "unsloth/Llama-4-Scout-17B-16E-Instruct-GGUF-UD-Q4_K_XL";
        let short = shortened(name, 12.0, Weight::Regular, 150.0).expect("text");
        assert!(
            short.starts_with("unsloth/") && short.ends_with("_K_XL"),
            "{short}"
        );
        assert!(short.contains('…'));
        let width = width_px(&short, 12.0, Weight::Regular).expect("a width");
        assert!((130.0..=150.0).contains(&width), "{width}");
        assert_eq!(
            shortened("short", 12.0, Weight::Regular, 150.0).expect("text"),
            "short"
        );
        assert_eq!(
            shortened(name, 12.0, Weight::Regular, 1.0).expect("text"),
            "…"
        );
    }
    #[test]
    fn a_shortened_title_keeps_whole_letters() {
        let title = "क्षत्रिय ज्ञान श्री कर्म प्रेमचंद गोदान".repeat(3);
        let letters: Vec<&str> = title.graphemes(true).collect();
        for room_px in [40.0, 90.0, 200.0] {
            let short = shortened(&title, 12.0, Weight::Bold, room_px).expect("text");
            let (head, tail) = short.split_once('…').expect("shortened");
            let count = head.graphemes(true).count();
            assert_eq!(head, letters[..count].concat());
            assert!(title.ends_with(tail));
            assert!(width_px(&short, 12.0, Weight::Bold).expect("a width") <= room_px);
        }
    }
}
