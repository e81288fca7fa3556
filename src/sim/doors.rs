//! The codes of a control prompt, as a reader finds them.

use crate::canary::QUESTION;
use memchr::memmem;
use std::ops::Range;

/// How far from either end of a prompt the question is looked for, in bytes.
const QUESTION_WITHIN_BYTES: usize = 4096;

/// What a control prompt's sentences begin with, and what stands before the code.
const BEFORE: &str = "The entry code of the ";
const BETWEEN: &str = " door is ";

/// The codes in the order of the text, each with the place where it stands (in bytes); none where
/// nobody asks for codes.
pub fn codes<'t>(text: &'t str, messages: &[Range<usize>]) -> Option<Vec<(usize, &'t str)>> {
    let asked = messages.iter().any(|message| {
        let message = &text[message.clone()];
        let head = &message[..message.floor_char_boundary(QUESTION_WITHIN_BYTES)];
        let from = message.len().saturating_sub(QUESTION_WITHIN_BYTES);
        let tail = &message[message.floor_char_boundary(from)..];
        head.contains(QUESTION) || tail.contains(QUESTION)
    });
    asked.then(|| {
        memmem::find_iter(text.as_bytes(), BEFORE.as_bytes())
            .filter_map(|at| {
                let rest = &text[at + BEFORE.len()..];
                let near = &rest[..rest.floor_char_boundary(64)];
                let (_, code) = near.split_once(BETWEEN)?;
                let is_code = |c: char| c.is_ascii_alphanumeric() || c == '-';
                let end = code.find(|c| !is_code(c))?;
                (end > 0).then(|| (at, &code[..end]))
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_are_asked_for_and_nowhere_else() {
        let told = "The entry code of the red door is KRT-7439. It rained. The entry code of the \
                    white door is BBD-6666. The entry code of the sea is unknown.";
        let text = format!("{told}\n\n{QUESTION}");
        let whole = 0..text.len();
        let found = codes(&text, std::slice::from_ref(&whole)).expect("asked");
        let names: Vec<&str> = found.iter().map(|(_, code)| *code).collect();
        assert_eq!(names, ["KRT-7439", "BBD-6666"]);
        let whole = 0..told.len();
        assert_eq!(codes(told, std::slice::from_ref(&whole)), None);
    }
}
