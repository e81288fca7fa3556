//! Words that come most often: ordinary ones of the public lists, and coded ones of five capitals.

use super::{Page, Solution};
use crate::language::Language;
use crate::task::Task;
use std::collections::{HashMap, HashSet};

/// Solves `cwe` and `fwe`.
pub fn solve(page: &Page<'_>) -> Option<Solution> {
    if let Some(asked) = page.asked("words", "common") {
        let known: HashSet<&str> = Language::codes()
            .filter_map(|code| Language::named(code).ok())
            .filter(|language| language.has("words"))
            .filter_map(|language| language.keys().ok())
            .flat_map(|keys| keys.first.iter().chain(&keys.last))
            .map(String::as_str)
            .collect();
        let count = asked.found.field("count").parse().ok()?;
        return solution(page, "cwe", &asked.language.comma, count, |word| {
            known.contains(word)
        });
    }
    let asked = page.asked("words", "frequent")?;
    let count = asked.found.field("count").parse().ok()?;
    let is_coded =
        |word: &str| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    solution(page, "fwe", &asked.language.comma, count, is_coded)
}

fn solution(
    page: &Page<'_>,
    task: &'static str,
    comma: &str,
    count: usize,
    counts: impl Fn(&str) -> bool,
) -> Option<Solution> {
    // How often, and the place of the first.
    let mut found: HashMap<&str, (usize, usize)> = HashMap::new();
    let start = page.text.as_ptr() as usize;
    for word in page.text.split_whitespace() {
        let at = word.as_ptr() as usize - start;
        match found.get_mut(word) {
            Some((times, _)) => *times += 1,
            None if counts(word) => {
                found.insert(word, (1, at));
            }
            None => {}
        }
    }
    let mut ranked: Vec<(&str, usize, usize)> = found
        .into_iter()
        .map(|(word, (times, at))| (word, times, at))
        .collect();
    ranked.sort_by_key(|(_, times, at)| (std::cmp::Reverse(*times), *at));
    if ranked.len() <= count {
        return None;
    }
    let listed = |words: &[(&str, usize, usize)]| {
        let words: Vec<&str> = words.iter().map(|(word, _, _)| *word).collect();
        words.join(comma)
    };
    let mut wrong = vec![listed(&ranked[1..=count])];
    if count > 1 {
        wrong.push(listed(&ranked[..count - 1]));
    }
    Some(Solution {
        task: Task::named(task).ok()?,
        answer: listed(&ranked[..count]),
        at: ranked[..count].iter().map(|(_, _, at)| *at).min()?,
        wrong,
    })
}
