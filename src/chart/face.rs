//! The fonts in this binary: a family for some scripts each, and which characters it has.

use resvg::usvg::fontdb;
use std::sync::{Arc, LazyLock, OnceLock};
use ttf_parser::Face;

/// Fonts of one design.
pub struct Family {
    /// What the font files call themselves.
    pub name: &'static str,
    regular: &'static [u8],
    /// Missing where the design has one weight only.
    bold: Option<&'static [u8]>,
    parsed: OnceLock<Option<Face<'static>>>,
}

impl Family {
    const fn new(
        name: &'static str,
        regular: &'static [u8],
        bold: Option<&'static [u8]>,
    ) -> Family {
        Family {
            name,
            regular,
            bold,
            parsed: OnceLock::new(),
        }
    }

    /// The regular face.
    fn face(&self) -> Option<&Face<'static>> {
        let parsed = || Face::parse(self.regular, 0).ok();
        self.parsed.get_or_init(parsed).as_ref()
    }

    /// Whether the family has a glyph for a character. Both weights have the same.
    pub fn has(&self, c: char) -> bool {
        self.face()
            .is_some_and(|face| face.glyph_index(c).is_some())
    }

    /// Width of a space at a size of 1.
    pub fn space_em(&self) -> f64 {
        let width = |face: &Face<'_>| {
            let space = face.glyph_index(' ')?;
            let advance = f64::from(face.glyph_hor_advance(space)?);
            Some(advance / f64::from(face.units_per_em()))
        };
        self.face().and_then(width).unwrap_or(0.25)
    }
}

/// All families, in the order in which a character is looked for: Latin, Greek, Cyrillic and most
/// signs; Han, kana and Hangul; Arabic; Devanagari.
pub static FAMILIES: [Family; 4] = [
    Family::new(
        "Inter",
        include_bytes!("fonts/Inter-Regular.otf"),
        Some(include_bytes!("fonts/Inter-SemiBold.otf")),
    ),
    Family::new(
        "Droid Sans Fallback",
        include_bytes!("fonts/DroidSansFallback-Subset.ttf"),
        None,
    ),
    Family::new(
        "Noto Sans Arabic",
        include_bytes!("fonts/NotoSansArabic-Regular.ttf"),
        Some(include_bytes!("fonts/NotoSansArabic-Bold.ttf")),
    ),
    Family::new(
        "Noto Sans Devanagari",
        include_bytes!("fonts/NotoSansDevanagari-Regular.ttf"),
        Some(include_bytes!("fonts/NotoSansDevanagari-Bold.ttf")),
    ),
];

/// The family of everything but foreign scripts.
pub fn latin() -> &'static Family {
    &FAMILIES[0]
}

/// Loaded once; no directory of the system is ever searched. Loading reads the headers of the
/// fonts only: a picture without a script does not pay for its font.
pub static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut database = fontdb::Database::new();
    for family in &FAMILIES {
        for face in [Some(family.regular), family.bold].into_iter().flatten() {
            database.load_font_source(fontdb::Source::Binary(Arc::new(face)));
        }
    }
    database.set_sans_serif_family(latin().name);
    database.set_serif_family(latin().name);
    Arc::new(database)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_of_a_family_have_the_same_characters_and_its_name() {
        for family in &FAMILIES {
            let regular = family.face().expect("a font");
            assert!(regular.glyph_index(' ').is_some() && family.space_em() > 0.1);
            let faces = || {
                DATABASE
                    .faces()
                    .filter(|face| face.families[0].0 == family.name)
            };
            assert_eq!(faces().count(), 1 + usize::from(family.bold.is_some()));
            let Some(bold) = family.bold else { continue };
            let bold = Face::parse(bold, 0).expect("a font");
            let differ =
                |c: &char| regular.glyph_index(*c).is_some() != bold.glyph_index(*c).is_some();
            let found: Vec<char> = ('\0'..=char::MAX).filter(differ).collect();
            assert_eq!(found, Vec::<char>::new(), "{}", family.name);
        }
    }
}
