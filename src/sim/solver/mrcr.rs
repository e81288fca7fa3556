//! OpenAI's MRCR as its published set asks it: the i-th of several pieces of writing, in other messages.

use super::{Page, Solution};
use crate::task::Task;
use crate::task::ordinal::NAME;

/// Solves a conversation that ends as those of `openai/mrcr` do: `Prepend X to the 2nd (1 indexed)
/// poem about tapirs. Do not include any other text in your response.`
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let (last, earlier) = page.messages.split_last()?;
    let asked = page.text[last.clone()].trim().strip_prefix("Prepend ")?;
    let (prefix, asked) = asked.split_once(" to the ")?;
    let (nth, asked) = asked.split_once(" (1 indexed) ")?;
    let nth: usize = nth.trim_end_matches(char::is_alphabetic).parse().ok()?;
    let (wanted, _) = asked.split_once(". Do not include")?;
    let wanted = wanted.to_lowercase();
    // A piece follows the message that asked for it.
    let (mut alike, mut others) = (Vec::new(), Vec::new());
    for pair in earlier.windows(2) {
        let request = page.text[pair[0].clone()].trim().trim_end_matches('.');
        let piece = &page.text[pair[1].clone()];
        let request = request.to_lowercase();
        if request.ends_with(&wanted) {
            alike.push((pair[1].start, piece));
        } else if request.starts_with("write ") {
            others.push(piece);
        }
    }
    let (at, piece) = *alike.get(nth.checked_sub(1)?)?;
    let wrong = alike.iter().map(|(_, piece)| *piece).chain(others);
    Some(Solution {
        task: Task::named(NAME).ok()?,
        answer: format!("{prefix}{piece}"),
        at,
        wrong: wrong
            .filter(|other| *other != piece)
            .map(|other| format!("{prefix}{other}"))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(messages: &[&str]) -> Option<Solution> {
        let mut text = String::new();
        let mut places = Vec::new();
        for message in messages {
            places.push(text.len()..text.len() + message.len());
            text.push_str(message);
            text.push('\n');
        }
        solve(&Page::new(&text, &places))
    }

    #[test]
    fn the_wanted_piece_is_told_behind_the_prefix() {
        let conversation = |nth: &str| {
            let asked = format!(
                "Prepend xY9 to the {nth} (1 indexed) poem about tapirs. Do not include any other \
                 text in your response."
            );
            solved(&[
                "Write a poem about tapirs",
                "one",
                "Write a song about tapirs",
                "two",
                "Write a poem about tapirs.",
                "three",
                &asked,
            ])
        };
        let first = conversation("1st").expect("understood");
        assert_eq!(first.answer, "xY9one");
        assert!(first.wrong.contains(&"xY9three".to_owned()));
        assert_eq!(conversation("2nd").expect("understood").answer, "xY9three");
        assert_eq!(conversation("3rd"), None);
        assert_eq!(solved(&["Prepend xY9 to the poem."]), None);
    }
}
