//! A line of text as runs of one font and one direction, from left to right.
//!
//! usvg finds fonts for missing glyphs by itself, but lays out a whole line with each font and
//! merges the glyphs one by one, which loses some wherever two fonts make a different number of
//! them of the same letters: in every line that mixes Arabic or Devanagari with anything else. So
//! each run is drawn as a text of its own.

use super::face::{FAMILIES, Family, latin};
use unicode_bidi::{BidiInfo, Level};
use unicode_segmentation::UnicodeSegmentation as _;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Room between two words.
    Gap,
    /// Letters for one font, without a space at either end.
    Letters {
        /// In the order in which they are spoken.
        text: String,
        /// What draws all of them.
        family: &'static str,
    },
}

/// The runs of a line that stands in a text read from left to right.
pub fn runs(line: &str) -> Vec<Run> {
    // No letter of this family reads from right to left.
    if line.chars().all(|c| latin().has(c)) {
        return vec![Run::Letters {
            text: line.to_owned(),
            family: latin().name,
        }];
    }
    let order = BidiInfo::new(line, Some(Level::ltr()));
    let mut runs = Vec::new();
    for paragraph in &order.paragraphs {
        let (levels, parts) = order.visual_runs(paragraph, paragraph.range.clone());
        for part in parts {
            let leftwards = levels[part.start].is_rtl();
            let mut found = pieces(&line[part], leftwards);
            if leftwards {
                found.reverse();
            }
            runs.append(&mut found);
        }
    }
    // Of several spaces one is drawn, as SVG does.
    runs.dedup_by(|a, b| (&*a, &*b) == (&Run::Gap, &Run::Gap));
    runs
}

/// Cuts a text of one direction by families, in the order in which it is spoken.
fn pieces(text: &str, leftwards: bool) -> Vec<Run> {
    let mut pieces: Vec<(String, &'static Family)> = Vec::new();
    for cluster in text.graphemes(true) {
        let blank = cluster.chars().all(char::is_whitespace);
        match pieces.last_mut() {
            // Spaces stay between the words of a script, and so do the signs within a text that
            // reads to the left, for a sign alone would not be mirrored.
            Some((piece, family)) if (blank || leftwards) && covers(family, cluster) => {
                piece.push_str(cluster);
            }
            Some((piece, family)) if std::ptr::eq(*family, family_of(cluster)) => {
                piece.push_str(cluster);
            }
            _ => pieces.push((cluster.to_owned(), family_of(cluster))),
        }
    }
    let mut runs = Vec::new();
    for (piece, family) in pieces {
        let letters = piece.trim();
        let (before, after) = (
            piece.starts_with(char::is_whitespace),
            piece.ends_with(char::is_whitespace) && !letters.is_empty(),
        );
        if before {
            runs.push(Run::Gap);
        }
        if !letters.is_empty() {
            let text = match leftwards && std::ptr::eq(family, latin()) {
                true => letters.chars().map(mirrored).collect(),
                false => letters.to_owned(),
            };
            runs.push(Run::Letters {
                text,
                family: family.name,
            });
        }
        if after {
            runs.push(Run::Gap);
        }
    }
    runs
}

/// The family that draws a cluster of characters: the first that has all of them.
fn family_of(cluster: &str) -> &'static Family {
    let all = FAMILIES.iter().find(|family| covers(family, cluster));
    all.unwrap_or(latin())
}

/// Whether a family has all characters of a cluster that can be seen.
fn covers(family: &Family, cluster: &str) -> bool {
    cluster.chars().all(|c| unseen(c) || family.has(c))
}

/// Whether any family draws a cluster of characters.
pub fn drawn(cluster: &str) -> bool {
    FAMILIES.iter().any(|family| covers(family, cluster))
}

/// Characters that only say how others are to be drawn: joiners, marks of a line's possible ends,
/// variants of a sign.
fn unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// The sign that stands for another in a text that reads to the left.
fn mirrored(c: char) -> char {
    match c {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '{' => '}',
        '}' => '{',
        '<' => '>',
        '>' => '<',
        '«' => '»',
        '»' => '«',
        '≤' => '≥',
        '≥' => '≤',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs as `family:text`, gaps as `_`.
    fn said(line: &str) -> Vec<String> {
        let said = runs(line).into_iter().map(|run| match run {
            Run::Gap => "_".to_owned(),
            Run::Letters { text, family } => {
                let word = family.split(' ').next_back().unwrap_or_default();
                format!("{word}:{text}")
            }
        });
        said.collect()
    }

    #[test]
    fn a_line_of_one_script_is_one_run() {
        for line in [
            "Qwen3 · 128k – 95 %",
            "Преступление и наказание",
            "Ωμέγα",
            "呐喊与彷徨",
        ] {
            assert_eq!(runs(line).len(), 1, "{line}");
        }
        assert_eq!(said("नमस्ते दुनिया"), ["Devanagari:नमस्ते दुनिया"]);
        assert_eq!(said("مرحبا بالعالم"), ["Arabic:مرحبا بالعالم"]);
        assert_eq!(said("조선말 사전"), ["Fallback:조선말 사전"]);
    }

    #[test]
    fn a_line_of_many_scripts_is_cut_where_the_font_changes() {
        assert_eq!(
            said("Emma 与 呐喊 2"),
            ["Inter:Emma", "_", "Fallback:与 呐喊", "_", "Inter:2"]
        );
        assert_eq!(
            said("Qwen3、हिन्दी"),
            ["Inter:Qwen3", "Fallback:、", "Devanagari:हिन्दी"]
        );
    }

    #[test]
    fn words_that_read_to_the_left_stand_in_their_order() {
        assert_eq!(
            said("a مرحبا 128 بالعالم b"),
            [
                "Inter:a",
                "_",
                "Arabic:بالعالم",
                "_",
                "Inter:128",
                "_",
                "Arabic:مرحبا",
                "_",
                "Inter:b"
            ]
        );
        // Within the Arabic the bracket that opens stands at the right, and is drawn the other way.
        assert_eq!(
            said("سلام (مرحبا) سلام"),
            [
                "Arabic:سلام",
                "_",
                "Inter:(",
                "Arabic:مرحبا",
                "Inter:)",
                "_",
                "Arabic:سلام"
            ]
        );
    }

    #[test]
    fn marks_stay_with_their_letter() {
        assert_eq!(said("呐e\u{301}"), ["Fallback:呐", "Inter:e\u{301}"]);
        assert_eq!(said("क्\u{200D}ष"), ["Devanagari:क्\u{200D}ष"]);
        assert!(drawn("e\u{301}") && !drawn("呐\u{301}") && !drawn("👩\u{200D}👧"));
    }
}
