//! As much of Markdown as the documents use.

use std::path::PathBuf;

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(named) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if named == language {
                found.push(block.join("\n"));
            }
        }
    }
    found
}

/// The text without its fenced blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands between single backticks.
pub fn spans(text: &str) -> Vec<String> {
    let prose = prose(text);
    let lines = prose
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    lines.map(str::to_owned).collect()
}

/// The fields of all tables below a heading, up to the next one of the same or a higher level,
/// without heads and rules. A line "Fields of `x`:" puts `x.` before the first fields below it.
pub fn rows_below(text: &str, heading: &str) -> Vec<Vec<String>> {
    let level = |line: &str| line.bytes().take_while(|b| *b == b'#').count();
    let mut lines = text
        .lines()
        .skip_while(|line| level(line) == 0 || line.trim_start_matches(['#', ' ']) != heading)
        .peekable();
    let own = lines.peek().map_or(0, |line| level(line));
    assert!(own > 0, "no heading {heading}");
    let below: Vec<&str> = lines
        .skip(1)
        .take_while(|line| level(line) == 0 || level(line) > own)
        .collect();
    let mut rows = Vec::new();
    let mut prefix = String::new();
    for (at, line) in below.iter().enumerate() {
        if let Some(of) = line.strip_prefix("Fields of ") {
            prefix = format!("{}.", spans(of)[0]);
        }
        let is_rule = |line: &&str| line.starts_with("|--") || line.starts_with("| --");
        if !line.starts_with('|') || is_rule(line) || below.get(at + 1).is_some_and(is_rule) {
            continue;
        }
        let mut row: Vec<String> = line
            .trim_matches('|')
            .split(" | ")
            .map(|field| field.trim().to_owned())
            .collect();
        if !prefix.is_empty() {
            row[0] = format!("`{prefix}{}`", spans(&row[0])[0]);
        }
        rows.push(row);
    }
    rows
}

/// Where links and pictures lead.
pub fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The names under which headings can be linked to, as GitHub makes them.
pub fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches(['#', ' ']).to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// A command line as a shell splits it, where it has no quotes but single ones.
pub fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (at, stretch) in line.split('\'').enumerate() {
        match at % 2 {
            0 => words.extend(stretch.split_whitespace().map(str::to_owned)),
            _ => words.push(stretch.to_owned()),
        }
    }
    words
}
