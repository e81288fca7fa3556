//! Names in an answer: those that stand in the text, and no other can be told from talk.

use super::Candidate;
use memchr::memmem;

/// Every mention of a known name, in order. Where one name holds another, the longer one stands.
pub fn find(text: &str, known: &[String]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for name in known.iter().filter(|name| !name.is_empty()) {
        for start in memmem::find_iter(text.as_bytes(), name.as_bytes()) {
            let end = start + name.len();
            if is_whole(text, start, end) {
                found.push(Candidate {
                    value: name.clone(),
                    start,
                    end,
                });
            }
        }
    }
    found.sort_by_key(|candidate| (candidate.start, std::cmp::Reverse(candidate.end)));
    found.dedup_by(|later, earlier| later.end <= earlier.end);
    found
}

/// True where no word goes on over the ends of a mention. Scripts that put no space between words
/// have no such borders.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let goes_on = |inside: Option<char>, outside: Option<char>| {
        let is_word = |c: char| c.is_alphanumeric() && !is_unspaced(c);
        inside
            .zip(outside)
            .is_some_and(|(a, b)| is_word(a) && is_word(b))
    };
    let name = &text[start..end];
    !goes_on(name.chars().next(), text[..start].chars().next_back())
        && !goes_on(name.chars().next_back(), text[end..].chars().next())
}

/// Han, kana, and Hangul, whose particles follow a word without a space.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::find;

    fn values(text: &str, known: &[&str]) -> Vec<String> {
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        find(text, &known)
            .into_iter()
            .map(|found| found.value)
            .collect()
    }

    #[test]
    fn names_are_found_whole_and_the_longer_one_stands() {
        assert_eq!(
            values("it is kelano, not kelanor.", &["kelano"]),
            ["kelano"]
        );
        assert_eq!(
            values("new york and york", &["york", "new york"]),
            ["new york", "york"]
        );
        assert_eq!(values("kelano's", &["kelano"]), ["kelano"]);
        assert_eq!(values("nobody", &["kelano", ""]), Vec::<String>::new());
    }

    #[test]
    fn scripts_without_spaces_have_no_word_borders() {
        assert_eq!(values("答案是王明华。", &["王明华", "王明"]), ["王明华"]);
        assert_eq!(values("김민수입니다", &["김민수"]), ["김민수"]);
    }
}
