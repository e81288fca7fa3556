//! A report as one HTML page that needs nothing beside it.

use super::Pictures;
use super::document::{Block, Document, Picture};

/// Plain and readable on a phone, on a desk and on paper.
const STYLE: &str = "\
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #11161c; font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 1.25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; overflow-wrap: anywhere; }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; }
figure svg { display: block; max-width: 100%; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { min-width: 6.5rem; padding: .35rem .8rem; border-bottom: 1px solid #e4e7eb; text-align: start; vertical-align: top; }
th { font-weight: 600; border-bottom-color: #9aa5b1; white-space: nowrap; }
.number { min-width: 0; text-align: right; white-space: nowrap; }
pre { overflow-x: auto; background: #f3f4f6; padding: .8rem 1rem; border-radius: .3rem; font-size: .9rem; }
@media screen and (max-width: 48rem) {
  figure { overflow-x: auto; }
  figure svg { max-width: none; width: 44rem; }
}
@media print {
  main { max-width: none; padding: 0; }
  figure, table, pre { break-inside: avoid; }
  h2 { break-after: avoid; }
  .table, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
}";

/// The sentence that a dossier opens with; only such pages need it.
const LEAD: &str =
    "font-size: 1.45rem; line-height: 1.35; font-weight: 600; margin: 1rem 0 1.25rem";

/// Writes the page. An empty picture is left out.
pub fn write(document: &Document, pictures: &Pictures<'_>) -> String {
    let title = escaped(&document.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n\
         <h1 dir=\"auto\">{title}</h1>\n"
    );
    for block in &document.blocks {
        match block {
            Block::Lead(text) => {
                out.push_str(&format!("<p style=\"{LEAD}\">{}</p>\n", escaped(text)));
            }
            Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escaped(text))),
            Block::Paragraph(text) => out.push_str(&format!("<p>{}</p>\n", escaped(text))),
            Block::Bullets(points) => {
                let points = points
                    .iter()
                    .map(|point| format!("<li>{}</li>\n", escaped(point)));
                out.push_str(&format!("<ul>\n{}</ul>\n", points.collect::<String>()));
            }
            Block::Table { head, rows } => out.push_str(&table(head, rows)),
            Block::Commands(commands) => {
                let commands = escaped_lines(commands);
                out.push_str(&format!("<pre><code>{commands}</code></pre>\n"));
            }
            Block::Picture(picture) => {
                let svg = match picture {
                    Picture::Accuracy => pictures.accuracy,
                    Picture::Heatmap => pictures.heatmap,
                    Picture::Kinds => pictures.kinds,
                };
                if !svg.is_empty() {
                    out.push_str(&format!("<figure>\n{}\n</figure>\n", svg.trim()));
                }
            }
        }
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn table(head: &[(String, bool)], rows: &[Vec<String>]) -> String {
    let class = |numbers: bool| if numbers { " class=\"number\"" } else { "" };
    // A cell of Arabic reads from right to left, whatever the page does.
    let cell = |numbers: bool| match numbers {
        true => class(true),
        false => " dir=\"auto\"",
    };
    let mut out = String::from("<div class=\"table\">\n<table>\n<thead><tr>");
    for (name, numbers) in head {
        out.push_str(&format!(
            "<th scope=\"col\"{}>{}</th>",
            class(*numbers),
            escaped(name)
        ));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (field, (_, numbers)) in row.iter().zip(head) {
            out.push_str(&format!("<td{}>{}</td>", cell(*numbers), escaped(field)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    out
}

fn escaped_lines(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    lines.join("\n")
}

/// Text that a browser shows as it is, in elements and attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    // A number and its sign stay on one line.
    out.replace(" %", "\u{a0}%")
}
