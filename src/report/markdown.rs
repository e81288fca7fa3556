//! A report as Markdown.

use super::document::{Block, Document, Picture};

/// Writes CommonMark with GitHub's tables.
pub fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", escaped(&document.title));
    for block in &document.blocks {
        out.push('\n');
        match block {
            Block::Lead(text) => out.push_str(&format!("**{}**\n", escaped(text))),
            Block::Heading(text) => out.push_str(&format!("## {}\n", escaped(text))),
            Block::Paragraph(text) => out.push_str(&format!("{}\n", escaped(text))),
            Block::Bullets(points) => {
                for point in points {
                    out.push_str(&format!("- {}\n", escaped(point)));
                }
            }
            Block::Table { head, rows } => {
                let names = head.iter().map(|(name, _)| escaped(name));
                out.push_str(&row(names));
                let rules = head
                    .iter()
                    .map(|(_, numbers)| if *numbers { "---:" } else { "---" });
                out.push_str(&row(rules.map(str::to_owned)));
                for fields in rows {
                    out.push_str(&row(fields.iter().map(|field| escaped(field))));
                }
            }
            Block::Commands(commands) => {
                out.push_str(&format!("```sh\n{}\n```\n", commands.join("\n")));
            }
            Block::Picture(Picture::Accuracy) => {
                out.push_str("![Accuracy by prompt length](accuracy.png)\n");
            }
            Block::Picture(Picture::Kinds) => {
                out.push_str("![How far each kind of use reaches](kinds.png)\n");
            }
            Block::Picture(Picture::Heatmap) => {
                out.push_str("![Accuracy by prompt length and depth](heatmap.png)\n");
            }
        }
    }
    out
}

fn row(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.collect();
    format!("| {} |\n", fields.join(" | "))
}

/// Text that Markdown shows as it is. Underscores inside words stay, for they mean nothing there
/// and names are full of them.
fn escaped(text: &str) -> String {
    let characters: Vec<char> = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let is_word = |at: Option<usize>| {
        at.and_then(|at| characters.get(at))
            .is_some_and(|c| c.is_alphanumeric())
    };
    let mut out = String::with_capacity(text.len());
    for (at, c) in characters.iter().enumerate() {
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' => true,
            '_' => !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))),
            // Only at the beginning of a line do these make a heading or a list.
            '#' | '-' | '+' | '=' => at == 0,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(*c);
    }
    out
}
