//! `tasks` and `corpora`: what is built in.

use super::{Exit, screen};
use crate::corpus::{BUILT_IN, Corpus, Kind, Manifest};
use crate::language::Language;
use crate::task::{Kind as TaskKind, SUITES, Task};
use anyhow::Result;

/// Lists the tasks.
pub fn tasks() -> Result<Exit> {
    for kind in TaskKind::ALL {
        let mut own = Task::all().filter(|task| task.kind() == kind).peekable();
        if own.peek().is_none() {
            continue;
        }
        screen::out(&format!("{}:", kind.words()));
        for task in own {
            told(task);
        }
        screen::out("");
    }
    screen::out("Suites (--suite NAME):");
    for (name, tasks, what) in SUITES {
        screen::out(&format!("  {name:<20} {what}: {}", tasks.join(", ")));
    }
    Ok(Exit::Done)
}

/// A task with what it measures, where its idea comes from, what is right, what makes it harder,
/// and the languages that it can be asked in.
fn told(task: Task) {
    let entry = task.entry();
    screen::out(&format!("  {:<20} {}", entry.name, entry.measures));
    screen::out(&format!(
        "  {:<20} after {}; {}",
        "", entry.idea, entry.scoring
    ));
    let harder: Vec<String> = entry
        .difficulty
        .iter()
        .map(|one| {
            let (least, most) = one.range;
            format!(
                "{}={} ({least}–{most}: {})",
                one.name, one.usual, one.meaning
            )
        })
        .collect();
    let languages: Vec<&str> = Language::codes()
        .filter(|code| Language::named(code).is_ok_and(|language| (entry.speaks)(language)))
        .collect();
    let harder = match harder.is_empty() {
        true => String::new(),
        false => format!("--difficulty {}; ", harder.join(", ")),
    };
    screen::out(&format!(
        "  {:<20} {harder}languages {}",
        "",
        languages.join(" ")
    ));
}

/// Lists the corpora, how long a text each gives without repeating any, and their texts.
pub fn corpora() -> Result<Exit> {
    for line in lines()? {
        screen::out(&line);
    }
    Ok(Exit::Done)
}

fn lines() -> Result<Vec<String>> {
    let mut lines = vec!["The longest text without repetition, in o200k tokens:".to_string()];
    for (name, _, what) in BUILT_IN {
        let manifests = manifests(name)?;
        let longest: u64 = manifests.iter().map(|text| text.o200k_tokens).sum();
        let kinds: Vec<String> = Kind::ALL
            .iter()
            .filter_map(|&kind| {
                let of_kind = manifests.iter().filter(|text| text.kind == kind);
                let tokens: u64 = of_kind.map(|text| text.o200k_tokens).sum();
                (tokens > 0).then(|| format!("{} {}", grouped(tokens), kind.name()))
            })
            .collect();
        let kinds = match kinds.len() {
            0 | 1 => String::new(),
            _ => format!(" ({})", kinds.join(", ")),
        };
        lines.push(format!("{name:<10}{:>11}  {what}{kinds}", grouped(longest)));
    }
    // The corpora of part of a language's texts come after the one of all.
    let mut shown: Vec<String> = Vec::new();
    for (name, ..) in BUILT_IN {
        let new: Vec<Manifest> = manifests(name)?
            .into_iter()
            .filter(|text| !shown.contains(&text.sha256))
            .collect();
        if new.is_empty() {
            continue;
        }
        lines.extend([String::new(), name.to_string()]);
        for text in new {
            lines.push(format!(
                "{:>11}  {:>6.2} MB  {:<9}  {}, {} ({}); {}; from the {}",
                grouped(text.o200k_tokens),
                text.bytes as f64 / 1e6,
                text.kind.name(),
                text.title,
                text.author,
                year(text.year),
                text.licence,
                text.source
            ));
            shown.push(text.sha256);
        }
    }
    lines.extend([
        String::new(),
        "Your own: --corpus with a file or a folder of UTF-8 text.".to_string(),
    ]);
    Ok(lines)
}

fn manifests(corpus: &str) -> Result<Vec<Manifest>> {
    let texts = Corpus::open(corpus)?.texts;
    Ok(texts.into_iter().filter_map(|text| text.manifest).collect())
}

fn year(year: i32) -> String {
    match year {
        ..0 => format!("{} BC", -year),
        _ => year.to_string(),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;
    use crate::tokens::Tokenizer;

    /// What the list says is what the index of today counts.
    #[test]
    fn the_lengths_that_are_listed_are_those_that_the_texts_have() {
        let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
        for (name, ..) in BUILT_IN.iter().filter(|(name, ..)| !name.contains('-')) {
            let corpus = Corpus::open(name).expect("built in");
            let index = Index::build(&corpus, &tokenizer).expect("indexes");
            for (text, counted) in corpus.texts.iter().zip(&index.texts) {
                let manifest = text.manifest.as_ref().expect("it has one");
                let tokens = counted.tokens(0, counted.units());
                assert_eq!(manifest.o200k_tokens, tokens, "{name}/{}", text.name);
            }
        }
    }

    #[test]
    fn every_text_is_listed_once_with_its_licence_and_every_corpus_with_its_kinds() {
        let lines = lines().expect("lists");
        for (name, ..) in BUILT_IN {
            assert!(
                lines
                    .iter()
                    .any(|line| line.starts_with(&format!("{name} ")))
            );
            for text in manifests(name).expect("built in") {
                let held = lines.iter().filter(|line| {
                    line.contains(&format!("{}, {}", text.title, text.author))
                        && line.contains(&text.licence)
                        && line.contains(&grouped(text.o200k_tokens))
                });
                assert_eq!(held.count(), 1, "{}", text.title);
            }
        }
        let chinese = lines.iter().find(|line| line.starts_with("zh "));
        let chinese = chinese.expect("listed");
        for kind in ["prose", "classical", "verse"] {
            assert!(chinese.contains(&format!(" {kind}")), "{chinese}");
        }
    }

    #[test]
    fn every_licence_that_is_named_as_a_file_is_there() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
        for (name, ..) in BUILT_IN {
            for text in manifests(name).expect("built in") {
                let file = text.licence_file.map(|file| root.join(file));
                assert!(file.is_none_or(|file| file.is_file()), "{}", text.title);
            }
        }
    }
}
