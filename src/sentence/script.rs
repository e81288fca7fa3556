//! How a text is written: what ends its sentences, and whether spaces part its words.

use crate::corpus::Text;
use anyhow::Result;

/// Characters of a text that are looked at to tell its script.
const LOOKED_AT: usize = 20_000;

/// How a text is written. English is apart from other Latin text only because its abbreviations
/// and its published prompts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// English, source code, and whatever is not known better.
    English,
    /// German, French, Spanish and others in Latin letters.
    Latin,
    /// Russian and others.
    Cyrillic,
    /// Arabic and others, `؟` and `۔` among the ends of sentences.
    Arabic,
    /// Hindi and others, whose sentences end in a danda.
    Devanagari,
    /// Korean.
    Hangul,
    /// Chinese and Japanese: no spaces.
    Spaceless,
}

impl Script {
    /// All, in the order of their numbers in a stored index.
    pub const ALL: [Script; 7] = [
        Script::English,
        Script::Latin,
        Script::Cyrillic,
        Script::Arabic,
        Script::Devanagari,
        Script::Hangul,
        Script::Spaceless,
    ];

    /// The script of a text: its manifest's, or the one that most of its letters are of.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn of(text: &Text) -> Result<Script> {
        match &text.manifest {
            Some(manifest) => Ok(Script::of_language(&manifest.language)),
            None => Ok(Script::of_content(text.as_str()?)),
        }
    }

    /// By a language's code, or a programming language's.
    pub fn of_language(code: &str) -> Script {
        match code.split(['-', '_']).next().unwrap_or(code) {
            "de" | "fr" | "es" | "it" | "pt" | "nl" => Script::Latin,
            "ru" | "uk" | "bg" => Script::Cyrillic,
            "ar" | "fa" | "ur" => Script::Arabic,
            "hi" | "mr" | "ne" => Script::Devanagari,
            "ko" => Script::Hangul,
            "zh" | "ja" => Script::Spaceless,
            _ => Script::English,
        }
    }

    /// By the letters at the beginning of a text.
    pub fn of_content(text: &str) -> Script {
        let mut letters = [0usize; Script::ALL.len()];
        for letter in text.chars().filter(|c| c.is_alphabetic()).take(LOOKED_AT) {
            letters[Script::of_letter(letter) as usize] += 1;
        }
        // Japanese and Chinese text about computers is half Latin letters, other scripts too.
        let mut best = Script::English;
        for script in Script::ALL {
            let weight = |script: Script| match script {
                Script::English => letters[0],
                other => letters[other as usize] * 3,
            };
            if weight(script) > weight(best) {
                best = script;
            }
        }
        best
    }

    fn of_letter(letter: char) -> Script {
        match letter {
            '\u{400}'..='\u{52f}' => Script::Cyrillic,
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{feff}' => {
                Script::Arabic
            }
            '\u{900}'..='\u{97f}' => Script::Devanagari,
            '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7ff}' => Script::Hangul,
            '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}' => {
                Script::Spaceless
            }
            _ => Script::English,
        }
    }

    /// True for Chinese and Japanese.
    pub fn is_spaceless(self) -> bool {
        self == Script::Spaceless
    }

    /// True where the letter belongs to the script (Latin letters to two of them).
    pub(super) fn has(self, letter: char) -> bool {
        let of_letter = Script::of_letter(letter);
        of_letter == self || (self == Script::Latin && of_letter == Script::English)
    }
}
