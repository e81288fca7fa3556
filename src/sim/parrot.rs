//! Finds what a prompt asks to be repeated letter by letter.

use std::ops::Range;

/// How far from the end of the last message the request is looked for, in bytes.
const WITHIN_BYTES: usize = 16_384;
/// The longest request, from the start of its line to its colon, in bytes.
const MOST_REQUEST_BYTES: usize = 200;

/// What a request begins with, and what else it says.
const VERBS: &[&str] = &[
    "repeat",
    "echo",
    "copy",
    "say",
    "print",
    "output",
    "reproduce",
    "write",
];
const EXACTLY: &[&str] = &[
    "exact",
    "verbatim",
    "word for word",
    "letter for letter",
    "character for character",
    "the following",
    "after me",
    "unchanged",
];

/// What a text may stand between.
const BRACKETS: &[(&str, &str)] = &[
    ("\"", "\""),
    ("“", "”"),
    ("```\n", "\n```"),
    ("`", "`"),
    ("<text>", "</text>"),
];

/// The text that the last message asks to be repeated, as in `Repeat exactly: TEXT`: what stands
/// behind the colon, to the end of the message, without one pair of quotes around it.
pub fn wanted<'t>(text: &'t str, messages: &[Range<usize>]) -> Option<&'t str> {
    let last = &text[messages.last()?.clone()];
    let from = last.ceil_char_boundary(last.len().saturating_sub(WITHIN_BYTES));
    // A request is a line's beginning; what stands before the first whole line is no beginning.
    let tail = match from {
        0 => last,
        _ => last[from..].split_once('\n')?.1,
    };
    let mut starts = vec![0];
    starts.extend(memchr::memchr_iter(b'\n', tail.as_bytes()).map(|at| at + 1));
    let wanted = starts
        .into_iter()
        .find_map(|at| behind_request(&tail[at..]))?;
    let wanted = wanted.strip_prefix(' ').unwrap_or(wanted);
    let wanted = wanted.trim_start_matches('\n').trim_end_matches('\n');
    let bare = BRACKETS.iter().find_map(|(open, close)| {
        let within = wanted.strip_prefix(open)?.strip_suffix(close)?;
        (!within.is_empty()).then_some(within)
    });
    Some(bare.unwrap_or(wanted))
}

/// What stands behind the colon of a request that a text begins with.
fn behind_request(text: &str) -> Option<&str> {
    let near = &text[..text.floor_char_boundary(MOST_REQUEST_BYTES)];
    let line = near.split('\n').next().unwrap_or_default();
    let colon = line.find(':')?;
    let request = line[..colon].to_lowercase();
    let request = request.trim_start().trim_start_matches("please ");
    let is_one = VERBS.iter().any(|verb| request.starts_with(verb))
        && EXACTLY.iter().any(|word| request.contains(word));
    is_one.then(|| &text[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<&str> {
        let whole = 0..text.len();
        wanted(text, std::slice::from_ref(&whole))
    }

    #[test]
    fn what_stands_behind_the_request_is_wanted_as_it_is() {
        for (prompt, text) in [
            ("Repeat exactly: a b", "a b"),
            ("repeat this exactly:  two  spaces ", " two  spaces "),
            (
                "Please repeat the following text verbatim:\n\nline\nline",
                "line\nline",
            ),
            ("Echo the following, and nothing else: `x:y`", "x:y"),
            (
                "Copy word for word: \"a \"quoted\" word\"",
                "a \"quoted\" word",
            ),
            ("Print exactly this: <text></s> <s></text>\n", "</s> <s>"),
            ("Some hay.\n\nMore: of it.\nRepeat exactly: ah", "ah"),
        ] {
            assert_eq!(asked(prompt), Some(text), "{prompt}");
        }
    }

    #[test]
    fn what_asks_for_no_copy_is_none() {
        for prompt in [
            "",
            "Hello.",
            "Repeat after me",
            "He said exactly: nothing. Repeat that",
            "Write a poem about this: the sea",
            "They asked him to repeat exactly: it was no use",
        ] {
            assert_eq!(asked(prompt), None, "{prompt}");
        }
    }

    #[test]
    fn it_is_found_behind_any_haystack_and_not_within_it() {
        let hay = "Nothing of note was said that day.\n".repeat(10_000);
        assert_eq!(asked(&format!("{hay}\nRepeat exactly: 那天")), Some("那天"));
        assert_eq!(asked(&format!("Repeat exactly: x\n{hay}")), None);
        let long = "0123456789".repeat(1_000);
        assert_eq!(asked(&format!("{hay}Repeat exactly: {long}")), Some(&*long));
    }
}
