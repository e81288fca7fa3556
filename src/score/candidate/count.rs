//! Counts in an answer: whole numbers of a few digits, and number words where there is no digit.

use super::number::{self, Group};
use super::{Candidate, name};
use crate::language::Language;
use crate::score::answer::plain;

/// A longer run of digits is no count.
const MOST_DIGITS: usize = 6;

/// The number words of a language, from zero on, in plain form.
pub fn numerals(language: &str) -> Vec<String> {
    let language = Language::named(language);
    language.map_or_else(
        |_| Vec::new(),
        |language| language.numerals.iter().map(|word| plain(word)).collect(),
    )
}

/// A number without separators and leading zeros.
pub fn normal(value: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let bare = digits.trim_start_matches('0');
    match (digits.is_empty(), bare.is_empty()) {
        (true, _) => value.trim().to_owned(),
        (false, true) => "0".to_owned(),
        (false, false) => bare.to_owned(),
    }
}

/// All counts of a plain text, in order.
pub fn find(text: &str, numerals: &[String]) -> Vec<Candidate> {
    let found = digits(text);
    if !found.is_empty() {
        return found;
    }
    let words = name::find(text, numerals).into_iter();
    let counted = words.filter_map(|word| {
        let count = numerals.iter().position(|numeral| *numeral == word.value)?;
        Some(Candidate {
            value: count.to_string(),
            ..word
        })
    });
    counted.collect()
}

/// Runs of digits, with separators between groups of three taken out.
fn digits(text: &str) -> Vec<Candidate> {
    let groups = number::groups(text);
    let mut rest = groups.as_slice();
    let mut found = Vec::new();
    while let [first, ..] = rest {
        let joins = |pair: &&[Group<'_>]| {
            let between = &text[pair[0].end..pair[1].start];
            matches!(between, "," | "'") && pair[1].digits.len() == 3
        };
        let joined = match first.digits.len() {
            1..=3 => rest.windows(2).take_while(joins).count(),
            _ => 0,
        };
        let (own, behind) = rest.split_at(1 + joined);
        rest = behind;
        let digits: String = own.iter().map(|group| group.digits).collect();
        if digits.len() <= MOST_DIGITS {
            found.push(Candidate {
                value: normal(&digits),
                start: first.start,
                end: own[joined].end,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{find, numerals};

    fn values(text: &str, language: &str) -> Vec<String> {
        let found = find(text, &numerals(language));
        found.into_iter().map(|candidate| candidate.value).collect()
    }

    #[test]
    fn counts_are_digits_or_number_words_where_there_is_none() {
        for (text, expected) in [
            ("7", vec!["7"]),
            ("there are 07 of them", vec!["7"]),
            ("1,204 in all", vec!["1204"]),
            ("1,204,000 in all, 7 here", vec!["7"]),
            ("1204,000", vec!["1204", "0"]),
            ("seven", vec!["7"]),
            ("twenty-one times", vec!["21"]),
            ("one of the 7", vec!["7"]),
            ("12, then 3", vec!["12", "3"]),
            ("0", vec!["0"]),
            ("many", vec![]),
            ("12345678", vec![]),
        ] {
            assert_eq!(values(text, "en"), expected, "{text}");
        }
    }
}
