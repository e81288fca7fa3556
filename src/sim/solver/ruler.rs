//! RULER's keyed facts in its own words, so that its published form can be asked of a simulated model.

use super::{Page, Solution};
use crate::task::Task;
use std::collections::HashSet;

/// What a fact of RULER's begins with, and what stands between its key and its value
/// (`scripts/data/synthetic/niah.py` of NVIDIA/RULER).
const FACT: &str = "One of the special magic ";
const IS: &str = " is: ";
/// What its questions begin and end with.
const QUESTIONS: [&str; 2] = [
    "What is the special magic ",
    "What are all the special magic ",
];
const ASKED_OF: &str = " mentioned in the provided text?";

/// Solves RULER's `niah` tasks: one key or several, one value each or several.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let end = page.ends().first()?;
    let (question, _) = end.rsplit_once(ASKED_OF)?;
    let begin = |words: &&str| Some(question.rfind(*words)? + words.len());
    let asked = &question[QUESTIONS.iter().filter_map(begin).max()?..];
    let (_, keys) = asked.split_once(" for ")?;
    let keys: HashSet<&str> = keys
        .split(", ")
        .flat_map(|key| key.split("and "))
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .collect();
    let (mut right, mut wrong, mut at) = (Vec::new(), Vec::new(), None);
    for (place, _) in page.text.match_indices(FACT) {
        let told = &page.text[place + FACT.len()..];
        let Some((key, value)) = told
            .split_once(" for ")
            .and_then(|(_, told)| told.split_once(IS))
        else {
            continue;
        };
        // Values are numbers, words joined by hyphens, or UUIDs.
        let value = value.split(['.', ' ', '\n']).next().unwrap_or_default();
        match keys.contains(key) {
            true => {
                at.get_or_insert(place);
                right.push(value);
            }
            false => wrong.push(value.to_owned()),
        }
    }
    Some(Solution {
        task: Task::named(match keys.len() {
            1 => "niah_multikey_1",
            _ => "niah_multiquery",
        })
        .ok()?,
        answer: right.join(", "),
        at: at?,
        wrong,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(question: &str) -> Option<Solution> {
        let text = format!(
            "Some special magic numbers are hidden within the following text. Make sure to \
             memorize it.\nGrass. One of the special magic numbers for wary-cat is: 4829173. Sky. \
             One of the special magic numbers for odd-land is: 7431220.\nOne of the special magic \
             numbers for wary-cat is: 5550198. Sun.\n{question}"
        );
        let whole = 0..text.len();
        solve(&Page::new(&text, std::slice::from_ref(&whole)))
    }

    #[test]
    fn all_values_of_the_keys_that_are_asked_for_are_told_and_no_others() {
        let one = "What is the special magic number for odd-land mentioned in the provided text? \
                   The special magic number for odd-land mentioned in the provided text is";
        let one = solved(one).expect("understood");
        assert_eq!(one.answer, "7431220");
        assert_eq!(one.wrong, ["4829173", "5550198"]);
        let all = "What are all the special magic numbers for wary-cat mentioned in the provided \
                   text?";
        assert_eq!(solved(all).expect("understood").answer, "4829173, 5550198");
        let both = "What are all the special magic numbers for odd-land, and wary-cat mentioned in \
                    the provided text?";
        let both = solved(both).expect("understood");
        assert_eq!(both.answer, "4829173, 7431220, 5550198");
        let none = "What is the special magic number for no-one mentioned in the provided text?";
        assert_eq!(solved(none), None);
        assert_eq!(solved("What is the number?"), None);
    }
}
