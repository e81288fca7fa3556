//! The fonts in this binary: measuring, shortening and checking text before it is drawn.

use anyhow::{Context as _, Result};
use resvg::usvg::{self, fontdb};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Family name of the embedded fonts.
pub const FAMILY: &str = "Inter";

/// Everything that text is drawn with. Another script is one more file here: a character that
/// one face lacks is looked for in the others.
const FACES: &[&[u8]] = &[
    include_bytes!("fonts/Inter-Regular.otf"),
    include_bytes!("fonts/Inter-SemiBold.otf"),
];

/// Loaded once; no directory of the system is ever searched.
static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut database = fontdb::Database::new();
    for face in FACES {
        database.load_font_source(fontdb::Source::Binary(Arc::new(face)));
    }
    database.set_sans_serif_family(FAMILY);
    database.set_serif_family(FAMILY);
    Arc::new(database)
});

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
        font_family: FAMILY.to_owned(),
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
            let children = laid_out(text, weight)?;
            let width = children.root().children().iter().map(|node| match node {
                usvg::Node::Text(text) => f64::from(text.bounding_box().width()),
                _ => 0.0,
            });
            let width = width.sum();
            WIDTHS.with_borrow_mut(|widths| widths.insert(key, width));
            width
        }
    };
    Ok(width * size_px / MEASURED_PX)
}

/// The text itself where it fits into `room_px`, else its beginning and its end around `…`:
/// names of models differ at both ends.
pub fn shortened(text: &str, size_px: f64, weight: Weight, room_px: f64) -> Result<String> {
    if width_px(text, size_px, weight)? <= room_px {
        return Ok(text.to_owned());
    }
    let characters: Vec<char> = text.chars().collect();
    let kept = |count: usize| -> String {
        let head = count.div_ceil(2);
        let tail = characters.len() - (count - head);
        let (head, tail) = (&characters[..head], &characters[tail..]);
        head.iter().chain(&['…']).chain(tail).collect()
    };
    let (mut fits, mut too_many) = (0, characters.len());
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
/// characters that no embedded face has by `□`.
pub fn drawable(text: &str) -> Result<String> {
    let text: String = text.chars().map(harmless).collect();
    if text.is_ascii() {
        return Ok(text);
    }
    let missing: String = missing(&laid_out(&text, Weight::Regular)?)
        .into_iter()
        .chain(missing(&laid_out(&text, Weight::Bold)?))
        .collect();
    Ok(text
        .chars()
        .map(|c| if missing.contains(c) { '□' } else { c })
        .collect())
}

/// The pieces of text in a tree that were laid out with no glyph of their own.
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

/// One line of text, laid out at [`MEASURED_PX`].
fn laid_out(text: &str, weight: Weight) -> Result<usvg::Tree> {
    let weight = match weight {
        Weight::Regular => "normal",
        Weight::Bold => "bold",
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><text font-family=\"{FAMILY}\" \
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
        '\u{FFFE}' | '\u{FFFF}' => ' ',
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_has_a_glyph_in_both_weights() {
        let ascii: String = (' '..='~').collect();
        let ours = "…–—·×→≥≤%□äéñøßЖλ";
        for weight in [Weight::Regular, Weight::Bold] {
            for text in [ascii.as_str(), ours] {
                let tree = laid_out(text, weight).expect("a layout");
                assert_eq!(missing(&tree), Vec::<String>::new(), "{weight:?}");
            }
        }
    }

    #[test]
    fn a_missing_glyph_is_found_and_replaced_by_a_sign() {
        let tree = laid_out("呐喊 by Lu Xun", Weight::Regular).expect("a layout");
        assert_eq!(missing(&tree).concat(), "呐喊");
        assert_eq!(drawable("呐喊 by Lu Xun").expect("text"), "□□ by Lu Xun");
        assert_eq!(drawable("a\u{1}b\nc").expect("text"), "a b c");
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
}
