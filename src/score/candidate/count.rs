//! Counts in an answer: whole numbers of a few digits, and number words where there is no digit.

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

/// All counts of a plain text, in order. `known` are normal forms of values that stand in the
/// text: `123,456` is one number or two, and they tell which.
pub fn find(text: &str, numerals: &[String], known: &[String]) -> Vec<Candidate> {
    let mut found = digits(text, known);
    drop_marks(text, &mut found);
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
fn digits(text: &str, known: &[String]) -> Vec<Candidate> {
    let runs = runs(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < runs.len() {
        // How many more runs could be groups of the same number.
        let groups = (at + 1..runs.len())
            .take_while(|&next| joins(text, runs[next - 1], runs[next]))
            .count();
        let groups = match runs[at].1 - runs[at].0 {
            1..=3 => groups,
            _ => 0,
        };
        let of = |from: usize, to: usize| Candidate {
            value: normal(&text[runs[from].0..runs[to].1]),
            start: runs[from].0,
            end: runs[to].1,
        };
        let is_known = |candidate: &Candidate| known.contains(&candidate.value);
        // A list of counts may be written without spaces. It is one where its parts are known, or
        // where it would be a number of more than six digits.
        let (whole, first) = (of(at, at + groups.min(1)), of(at, at));
        let is_in_list = groups > 1 || at > 0 && joins(text, runs[at - 1], runs[at]);
        let is_apart = || is_in_list || is_known(&first) || is_known(&of(at + 1, at + 1));
        let is_one = groups > 0 && (is_known(&whole) || !is_apart());
        at += 1 + usize::from(is_one);
        let candidate = if is_one { whole } else { first };
        if text[candidate.start..candidate.end]
            .bytes()
            .filter(u8::is_ascii_digit)
            .count()
            <= MOST_DIGITS
        {
            found.push(candidate);
        }
    }
    found
}

/// Takes out the marks of a numbered list: 1, 2, 3 and so on at the beginnings of lines, or each
/// right before another number, with a point, a bracket or a colon behind them.
fn drop_marks(text: &str, found: &mut Vec<Candidate>) {
    let is_mark = |nth: usize, wanted: usize, found: &[Candidate]| {
        let mark = &found[nth];
        let behind = &text[mark.end..];
        let Some(rest) = behind.strip_prefix(['.', ')', ':', '、']) else {
            return false;
        };
        let before = text[..mark.start].trim_end_matches([' ', '(']);
        let begins = before.is_empty() || before.ends_with('\n');
        let space = rest.len() - rest.trim_start_matches(' ').len();
        let leads = found
            .get(nth + 1)
            .is_some_and(|next| next.start == mark.end + behind.len() - rest.len() + space);
        // "1.5" is a number.
        let is_apart = space > 0 || !behind.starts_with('.');
        mark.value == wanted.to_string() && is_apart && (begins || leads)
    };
    let mut marks = Vec::new();
    for nth in 0..found.len() {
        if is_mark(nth, marks.len() + 1, found) {
            marks.push(nth);
        }
    }
    // One alone may be an answer, and so may what is all that there is.
    if marks.len() < 2 || marks.len() == found.len() {
        return;
    }
    let mut nth = 0;
    found.retain(|_| {
        nth += 1;
        !marks.contains(&(nth - 1))
    });
}

/// Maximal runs of digits: where they begin and end.
fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if !byte.is_ascii_digit() {
            continue;
        }
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

/// True where a run can be the next three digits of the number before it.
fn joins(text: &str, before: (usize, usize), run: (usize, usize)) -> bool {
    run.1 - run.0 == 3 && matches!(&text[before.1..run.0], "," | "'")
}

#[cfg(test)]
mod tests {
    use super::{find, numerals};

    fn values(text: &str, language: &str) -> Vec<String> {
        let found = find(text, &numerals(language), &[]);
        found.into_iter().map(|candidate| candidate.value).collect()
    }

    #[test]
    fn counts_are_digits_or_number_words_where_there_is_none() {
        for (text, expected) in [
            ("7", vec!["7"]),
            ("there are 07 of them", vec!["7"]),
            ("1,204 in all", vec!["1204"]),
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

    #[test]
    fn the_marks_of_a_numbered_list_are_no_counts() {
        for (text, expected) in [
            ("1. 123\n2. 456\n3. 65", vec!["123", "456", "65"]),
            ("1. 123 2. 456 3. 65", vec!["123", "456", "65"]),
            ("1) 123\n2) 456", vec!["123", "456"]),
            ("(1) 123\n(2) 456", vec!["123", "456"]),
            ("1: 123, 2: 456", vec!["123", "456"]),
            ("1. the first is 123\n2. the other 456", vec!["123", "456"]),
            // Numbers that are no marks.
            ("1. 123", vec!["1", "123"]),
            ("2. 123\n3. 456", vec!["2", "123", "3", "456"]),
            ("1\n2\n3", vec!["1", "2", "3"]),
            ("1.\n2.", vec!["1", "2"]),
            ("1, 2, 3", vec!["1", "2", "3"]),
        ] {
            assert_eq!(values(text, "en"), expected, "{text}");
        }
    }

    #[test]
    fn counts_written_without_spaces_are_counts_and_groups_of_one_number_are_one() {
        for (text, expected) in [
            ("204,350", vec!["204", "350"]),
            ("204,350,999", vec!["204", "350", "999"]),
            ("123,456,789,234", vec!["123", "456", "789", "234"]),
            ("65,204,999", vec!["65", "204", "999"]),
            ("204,65,350", vec!["204", "65", "350"]),
            ("123,350", vec!["123", "350"]),
            ("204'350", vec!["204", "350"]),
            // Nothing of it is known.
            ("123,456", vec!["123456"]),
            ("12,345 and 350", vec!["12345", "350"]),
            ("1000,123", vec!["1000", "123"]),
        ] {
            let known = ["204", "350", "999"].map(String::from);
            let found = find(text, &[], &known).into_iter();
            let found: Vec<String> = found.map(|candidate| candidate.value).collect();
            assert_eq!(found, expected, "{text}");
        }
        let known = ["1204".to_string(), "204".to_string()];
        let found = find("1,204", &[], &known);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].value, "1204");
    }
}
