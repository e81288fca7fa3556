//! UUIDs in an answer, with or without hyphens, and what was one before a slip.

use super::Candidate;

/// Hexadecimal digits of a UUID.
const HEX_DIGITS: usize = 32;

/// A candidate has up to this many digits more or fewer.
const LENGTH_BAND_DIGITS: usize = 2;

/// Lengths of the five groups of a UUID.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// All UUIDs in order. Hyphens may be missing or misplaced; spaces or underscores in their place
/// are read where the groups are complete. Case does not matter (the plain text has none).
pub fn find(text: &str) -> Vec<Candidate> {
    let runs = runs(text);
    let mut found = Vec::new();
    let mut from = 0;
    while from < runs.len() {
        let spaced = from + GROUPS.len();
        let until = if spaced <= runs.len() && is_spaced(text, &runs[from..spaced]) {
            spaced
        } else {
            let glued = |at: &usize| &text[runs[*at - 1].1..runs[*at].0] == "-";
            from + 1 + (from + 1..runs.len()).take_while(glued).count()
        };
        let (start, end) = (runs[from].0, runs[until - 1].1);
        let hex: String = runs[from..until]
            .iter()
            .map(|(start, end)| &text[*start..*end])
            .collect();
        // A digit tells a UUID from a chain of words made of the letters a to f.
        if hex.len().abs_diff(HEX_DIGITS) <= LENGTH_BAND_DIGITS
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
            && hex.bytes().any(|byte| byte.is_ascii_digit())
        {
            let value = hyphenated(&hex);
            found.push(Candidate { value, start, end });
        }
        from = until;
    }
    found
}

/// The maximal runs of ASCII letters and digits.
fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() {
            match runs.last_mut() {
                Some((_, end)) if *end == at => *end = at + 1,
                _ => runs.push((at, at + 1)),
            }
        }
    }
    runs
}

fn is_spaced(text: &str, runs: &[(usize, usize)]) -> bool {
    let joints = runs.windows(2).map(|pair| &text[pair[0].1..pair[1].0]);
    runs.iter()
        .zip(GROUPS)
        .all(|((start, end), length)| end - start == length)
        && joints
            .into_iter()
            .all(|joint| matches!(joint, " " | "_" | "-" | " - " | "-\n"))
}

/// The canonical form where the length is right; bare digits otherwise.
fn hyphenated(hex: &str) -> String {
    if hex.len() != HEX_DIGITS || !hex.is_ascii() {
        return hex.to_owned();
    }
    let mut out = String::with_capacity(HEX_DIGITS + 4);
    let mut rest = hex;
    for length in GROUPS {
        if !out.is_empty() {
            out.push('-');
        }
        let (group, after) = rest.split_at(length);
        out.push_str(group);
        rest = after;
    }
    out
}

/// The form in which UUIDs are compared.
pub fn normal(value: &str) -> String {
    let hex: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    hyphenated(&hex)
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::find;

    const ID: &str = "3f2a1b4c-9d8e-4f5a-8b7c-1a2b3c4d5e6f";

    fn values(text: &str) -> Vec<String> {
        find(&plain(text))
            .into_iter()
            .map(|candidate| candidate.value)
            .collect()
    }

    #[test]
    fn a_uuid_is_read_in_any_dress() {
        for text in [
            ID.to_owned(),
            ID.to_uppercase(),
            ID.replace('-', ""),
            ID.replace('-', " "),
            ID.replace('-', "‑"),
            ID.replace('-', "–"),
            ID.replace('-', "_"),
            format!("urn:uuid:{ID}."),
            format!("{{{ID}}}"),
            format!("**{ID}**"),
            format!("它是{ID}。"),
            "3f2a1b4c-9d8e-4f5a-8b7c1a2b3c4d5e6f".to_owned(),
        ] {
            assert_eq!(values(&text), vec![ID.to_owned()], "{text}");
        }
    }

    #[test]
    fn a_slip_leaves_a_candidate_and_other_text_is_none() {
        assert_eq!(
            values("3f2a1b4c-9d8e-4f5a-8b7c-1a2b3c4d5e6"),
            vec!["3f2a1b4c9d8e4f5a8b7c1a2b3c4d5e6"]
        );
        for text in [
            "3f2a1b4c-9d8e",
            "3f2a1b4g-9d8e-4f5a-8b7c-1a2b3c4d5e6f",
            "a state-of-the-art jack-of-all-trades",
            "",
        ] {
            assert_eq!(values(text), Vec::<String>::new(), "{text}");
        }
    }
}
