//! Scripts with spaces between words, other than English.

use super::Script;
use memchr::memchr_iter;
use unicode_normalization::char::is_combining_mark;

/// Words whose full stop ends no sentence, in lower case: German, French, Spanish.
const LATIN: &[&str] = &[
    "abb", "abs", "art", "aufl", "av", "bd", "bspw", "bzw", "ca", "cap", "cf", "chap", "co", "d.h",
    "dr", "dra", "ed", "e.g", "ej", "etc", "evtl", "fig", "fr", "ggf", "hr", "hrsg", "i.d.r",
    "i.e", "inc", "inkl", "jh", "jr", "lic", "m.e", "mlle", "mm", "mme", "mr", "mrs", "núm", "nr",
    "o.ä", "op", "p.ej", "p.ex", "pág", "pp", "prof", "s.o", "s.u", "sog", "sr", "sra", "srta",
    "st", "str", "tel", "u.a", "usw", "u.u", "ud", "v.a", "vgl", "vol", "vs", "z.b", "zz", "z.t",
];
/// Russian ones.
const CYRILLIC: &[&str] = &[
    "вв", "гг", "гл", "др", "ед", "им", "л.с", "млн", "млрд", "напр", "пр", "проф", "рис", "руб",
    "св", "сек", "см", "соч", "ср", "стр", "т.д", "т.е", "т.к", "т.н", "т.п", "табл", "тел", "тыс",
    "ул", "чел", "экз",
];

/// The spaces between two sentences.
pub(super) fn cuts(text: &str, script: Script) -> Vec<u32> {
    memchr_iter(b' ', text.as_bytes())
        .filter(|&space| {
            ends_sentence(&text[..space], script) && begins_sentence(&text[space + 1..])
        })
        .map(|space| space as u32)
        .collect()
}

/// A sentence that begins with a letter of the script and ends in one and its full stop.
pub(super) fn is_plain(unit: &str, script: Script) -> bool {
    let mut inner = unit.chars();
    if inner.next() != Some(' ') || !inner.next_back().is_some_and(is_stop) {
        return false;
    }
    let begins = inner.clone().next();
    let ends = inner.next_back();
    begins.is_some_and(|c| c.is_alphabetic() && !c.is_lowercase() && script.has(c))
        && ends.is_some_and(|c| script.has(c) && (c.is_alphabetic() || is_combining_mark(c)))
        && !unit.chars().any(|c| {
            matches!(
                c,
                '\n' | '"' | '(' | ')' | '[' | ']' | '_' | '“' | '”' | '„' | '«' | '»' | '‘'
            )
        })
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '؟' | '۔' | '।' | '॥')
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '_' | '*' | '”' | '’' | '“' | '‘' | '»' | '«' | '›'
    )
}

/// French sets guillemets off by spaces that do not break.
fn is_fixed_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}')
}

/// True where a text ends like a sentence, quotes and brackets behind it included.
fn ends_sentence(before: &str, script: Script) -> bool {
    let bare = before.trim_end_matches(is_closing);
    let bare = match bare.len() < before.len() {
        true => bare.trim_end_matches(is_fixed_space),
        false => bare,
    };
    match bare.chars().next_back() {
        Some('.') => !ends_abbreviation(&bare[..bare.len() - 1], script),
        Some(c) => is_stop(c),
        None => false,
    }
}

/// True where a sentence begins: an upper-case or caseless letter or a digit, behind opening
/// quotes or brackets.
fn begins_sentence(rest: &str) -> bool {
    let opening = |c: &char| {
        matches!(
            c,
            '"' | '\''
                | '('
                | '['
                | '“'
                | '‘'
                | '„'
                | '‚'
                | '«'
                | '»'
                | '‹'
                | '¿'
                | '¡'
                | '_'
                | '*'
        )
    };
    let quoted = rest.starts_with(['«', '»']);
    let mut chars = rest
        .chars()
        .skip_while(|c| opening(c) || (quoted && is_fixed_space(*c)));
    // A mark belongs to the character before it, which would be the space.
    chars.next().is_some_and(|first| {
        !is_combining_mark(first)
            && ((first.is_alphabetic() && !first.is_lowercase()) || first.is_numeric())
    })
}

/// True where the full stop behind this text belongs to an abbreviation, an initial, or an
/// ordinal (`am 3. Oktober`).
fn ends_abbreviation(before: &str, script: Script) -> bool {
    let rest = before.trim_end_matches(|c: char| {
        c.is_alphanumeric() || is_combining_mark(c) || c == '.' || c == '\u{a0}'
    });
    let word = before[rest.len()..].trim_start_matches('\u{a0}');
    let mut chars = word.chars();
    let (first, more) = (chars.next(), chars.next());
    match (first, more) {
        // `...`, or a stop behind a bracket.
        (None | Some('.'), _) => false,
        (Some(only), None) if only.is_alphabetic() => true,
        _ if word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit()) => {
            matches!(script, Script::Latin | Script::Cyrillic)
        }
        _ => {
            let known = match script {
                Script::Latin => LATIN,
                Script::Cyrillic => CYRILLIC,
                _ => return false,
            };
            let word = word.replace('\u{a0}', "").to_lowercase();
            known.contains(&word.as_str())
        }
    }
}
