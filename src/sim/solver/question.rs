//! Questions on short documents of people and towns, one of them or two.

use super::{Page, Solution};
use crate::language::Language;
use crate::task::Task;

/// What belongs to a document stands at most so far behind its first sentence, in bytes.
const DOCUMENT_BYTES: usize = 1200;

/// A place in the text and the name that stands there.
type Name = (usize, String);

/// Solves `qa_1` and `qa_2`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let asks: [(&str, &str, &str); 5] = [
        ("ask_birth", "person", "town"),
        ("ask_teacher", "teacher", "teacher"),
        ("ask_home", "home", "home"),
        ("ask_river", "place", "river"),
        ("ask_founder", "founder", "founder"),
    ];
    asks.iter().find_map(|&(ask, sentence, blank)| {
        let asked = page.asked("question", ask)?;
        let name = asked.found.field("name");
        let is_of_town = matches!(ask, "ask_river" | "ask_founder");
        let languages = Language::codes().filter_map(|code| Language::named(code).ok());
        languages
            .filter(|language| language.has("question"))
            .find_map(|language| {
                let born = document(page, language, "person", ("name", name), "person", "town")?;
                let (at, answer) = match is_of_town {
                    false => document(page, language, "person", ("name", name), sentence, blank)?,
                    true => document(page, language, "place", ("town", &born.1), sentence, blank)?,
                };
                // Who takes the town where a person settled, or the next name of the kind.
                let home = document(page, language, "person", ("name", name), "home", "home");
                let astray = match (is_of_town, ask) {
                    (true, _) => home.and_then(|(_, town)| {
                        document(page, language, "place", ("town", &town), sentence, blank)
                    }),
                    (false, "ask_birth") => home,
                    (false, "ask_home") => Some(born),
                    (false, _) => None,
                };
                Some(Solution {
                    task: Task::named(match is_of_town {
                        true => "qa_2",
                        false => "qa_1",
                    })
                    .ok()?,
                    answer,
                    at,
                    wrong: astray.map(|(_, name)| name).into_iter().collect(),
                })
            })
    })
}

/// What stands in a blank of a sentence of a document that is about something.
fn document(
    page: &Page<'_>,
    language: &Language,
    first: &str,
    about: (&str, &str),
    sentence: &str,
    blank: &str,
) -> Option<Name> {
    let opening = language.form("question", first).ok()?.with(&[about]);
    let opening = opening.find(page.text).into_iter().next()?;
    if sentence == first {
        return Some((opening.from, opening.field(blank).to_string()));
    }
    let to = page.text.floor_char_boundary(opening.to + DOCUMENT_BYTES);
    let behind = page.text.get(opening.to..to)?;
    let form = language.form("question", sentence).ok()?;
    let found = form.find(behind).into_iter().next()?;
    Some((opening.from, found.field(blank).to_string()))
}
