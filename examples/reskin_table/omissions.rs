//! The sentences that no volume may hold, because they could come out as another sentence does.
//!
//! A sentence's form is what a re-skin never changes: its kept words, and the groups of the others.
//! Two sentences of different forms never become equal. So a sentence of six or more words is left
//! out where another one has its form, and where its words come round within all passes.

use depthfinder::corpus::reskin::{Omission, PASSES, SpanKind, Spans, Table};
use depthfinder::sentence;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Sentences of fewer words may recur, as they do in any text.
const WORDS: usize = 6;

struct Sentence {
    from: usize,
    to: usize,
    /// Its own form, and those of its parts that a coarser reader takes for sentences.
    forms: Vec<Form>,
    is_balanced: bool,
}

struct Form {
    digest: u128,
    is_lasting: bool,
}

/// What is to be left out of the texts, in their order.
pub fn omissions(texts: &[(String, String)], table: &Table) -> Vec<Omission> {
    let read: Vec<Vec<Vec<Sentence>>> = texts
        .iter()
        .map(|(_, text)| paragraphs(text, table))
        .collect();
    let mut forms: HashMap<u128, u32> = HashMap::new();
    for sentence in read.iter().flatten().flatten() {
        for form in &sentence.forms {
            *forms.entry(form.digest).or_default() += 1;
        }
    }
    let mut omissions = Vec::new();
    for ((name, _), paragraphs) in texts.iter().zip(&read) {
        for (at, paragraph) in paragraphs.iter().enumerate() {
            let is_omitted: Vec<bool> = paragraph
                .iter()
                .map(|sentence| {
                    let mut own = sentence.forms.iter();
                    own.any(|form| !form.is_lasting || forms[&form.digest] > 1)
                })
                .collect();
            let next = paragraphs.get(at + 1).and_then(|next| next.first());
            for (from, to) in stretches(paragraph, &is_omitted, next) {
                let text = name.clone();
                omissions.push(Omission { text, from, to });
            }
        }
    }
    omissions
}

/// The stretches that take the omitted sentences out of a paragraph and leave single spaces.
fn stretches(
    paragraph: &[Sentence],
    is_omitted: &[bool],
    next: Option<&Sentence>,
) -> Vec<(usize, usize)> {
    let (Some(first), Some(last)) = (paragraph.first(), paragraph.last()) else {
        return Vec::new();
    };
    let tears_a_quote = paragraph
        .iter()
        .zip(is_omitted)
        .any(|(sentence, omitted)| *omitted && !sentence.is_balanced);
    if tears_a_quote || is_omitted.iter().all(|omitted| *omitted) {
        return vec![(first.from, next.map_or(last.to, |next| next.from))];
    }
    let mut stretches = Vec::new();
    let mut at = 0;
    while at < paragraph.len() {
        if !is_omitted[at] {
            at += 1;
            continue;
        }
        let begun = at;
        while at < paragraph.len() && is_omitted[at] {
            at += 1;
        }
        stretches.push(match paragraph.get(at) {
            Some(kept) if begun == 0 => (first.from, kept.from),
            _ => (paragraph[begun - 1].to, paragraph[at - 1].to),
        });
    }
    stretches
}

fn paragraphs(text: &str, table: &Table) -> Vec<Vec<Sentence>> {
    let cuts = sentence::cuts(text, sentence::Script::English);
    let mut paragraphs = Vec::new();
    let mut from = 0;
    let mut cut = 0;
    for part in text.split("\n\n") {
        let to = from + part.len();
        let mut sentences = Vec::new();
        let mut begun = from;
        while cut < cuts.len() && (cuts[cut] as usize) < to {
            let end = cuts[cut] as usize;
            if end > begun {
                sentences.push(read(text, begun, end, table));
                begun = end + 1;
            }
            cut += 1;
        }
        if begun < to {
            sentences.push(read(text, begun, to, table));
        }
        if !sentences.is_empty() {
            paragraphs.push(sentences);
        }
        from = to + 2;
    }
    paragraphs
}

fn read(text: &str, from: usize, to: usize, table: &Table) -> Sentence {
    let sentence = &text[from..to];
    let mut forms: Vec<Form> = form(sentence, table).into_iter().collect();
    let parts: Vec<&str> = sentence.split_inclusive(['.', '!', '?']).collect();
    if parts.len() > 1 {
        forms.extend(parts.into_iter().filter_map(|part| form(part, table)));
    }
    let count = |mark: char| sentence.matches(mark).count();
    // A part that is all but a quotation mark of its sentence has the same form.
    forms.sort_by_key(|form| form.digest);
    forms.dedup_by_key(|form| form.digest);
    Sentence {
        from,
        to,
        forms,
        is_balanced: count('"').is_multiple_of(2)
            && count('\u{201c}') == count('\u{201d}')
            && count('(') == count(')'),
    }
}

/// None for what is too short to matter.
fn form(part: &str, table: &Table) -> Option<Form> {
    let mut form = String::new();
    let (mut words, mut rounds) = (0, 1u64);
    for span in Spans::of(part) {
        let word = &part[span.from..span.to];
        match span.kind {
            SpanKind::Gap => continue,
            SpanKind::Number => form.push('#'),
            SpanKind::Word if matches!(word, "a" | "A" | "an" | "An" | "AN") => form.push('a'),
            SpanKind::Word => match table.find(word.as_bytes()) {
                Some(id) => {
                    let group = table.group_of(id);
                    rounds = common_multiple(rounds, table.groups()[group].period().into());
                    write!(form, "{group}").expect("strings take all");
                }
                None => form.push_str(&word.to_lowercase()),
            },
        }
        form.push(' ');
        words += 1;
    }
    let digest = blake3::hash(form.as_bytes());
    (words >= WORDS).then(|| Form {
        digest: u128::from_le_bytes(digest.as_bytes()[..16].try_into().expect("16 bytes")),
        is_lasting: rounds >= PASSES.into(),
    })
}

fn common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    // Beyond any number of passes it does not matter by how much.
    (a / x.max(1) * b).min(1 << 32)
}
