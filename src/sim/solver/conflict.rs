//! A fact that is changed again and again, read in the order of the text.

use super::{Page, Solution};
use crate::task::Task;
use crate::task::conflict::{Asked, NAME};

/// Solves `conflict`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    let mut forms = Asked::ALL.into_iter();
    let (form, asked) = forms.find_map(|form| Some((form, page.asked(NAME, form.question())?)))?;
    let key = asked.found.field("key");
    let starts = page.told(NAME, "start");
    let changes = page.told(NAME, "change");
    let start = starts.iter().find(|told| told.found.field("key") == key)?;
    let own: Vec<_> = std::iter::once(start)
        .chain(changes.iter().filter(|told| told.found.field("key") == key))
        .collect();
    let told = match form {
        Asked::First => own.first()?,
        _ => own.last()?,
    };
    let values = starts.iter().chain(&changes);
    let values = values.map(|told| told.found.field("value").to_string());
    let (answer, wrong) = match form {
        // Who counts the first value too, or every change of the text.
        Asked::Count => {
            let count = own.len() - 1;
            let mut wrong = vec![own.len(), changes.len()];
            wrong.retain(|other| *other != count);
            let wrong = wrong.iter().map(ToString::to_string).collect();
            (count.to_string(), wrong)
        }
        _ => {
            let value = told.found.field("value").to_string();
            (
                value.clone(),
                values.filter(|other| *other != value).collect(),
            )
        }
    };
    Some(Solution {
        task: Task::named(NAME).ok()?,
        answer,
        at: told.found.from,
        wrong,
    })
}
