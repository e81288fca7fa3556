//! Chinese and Japanese: sentences end in an ideographic full stop, and no space follows.

use memchr::memmem;

/// What separates two sentences, and begins the second unit.
///
/// A cut behind it is wrong in many vocabularies, because their expressions take one sign that is
/// no letter together with the letters after it (`。我们` is one piece). The same expressions end
/// a run of letters or digits before any other sign, so that the cut before the full stop adds up:
/// here it does what the space does in English.
pub const STOP: &str = "。";

/// The full stops between two sentences: behind a letter or a digit, not before a closing quote.
/// One at the end of the text is among them.
pub(super) fn cuts(text: &str) -> Vec<u32> {
    memmem::find_iter(text.as_bytes(), STOP)
        .filter(|&stop| {
            let behind = text[stop + STOP.len()..].trim_start().chars().next();
            text[..stop].ends_with(char::is_alphanumeric)
                && behind.is_none_or(|c| c.is_alphanumeric() || is_opening(c))
        })
        .map(|stop| stop as u32)
        .collect()
}

/// A sentence of letters, digits and commas on one line.
pub(super) fn is_plain(unit: &str) -> bool {
    let Some(sentence) = unit.strip_prefix(STOP) else {
        return false;
    };
    sentence.starts_with(char::is_alphabetic)
        && sentence.ends_with(char::is_alphabetic)
        && sentence
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '，' | '、' | '；' | '：' | ' '))
}

fn is_opening(c: char) -> bool {
    matches!(
        c,
        '「' | '『' | '（' | '《' | '〈' | '【' | '“' | '‘' | '(' | '"'
    )
}
