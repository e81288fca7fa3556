//! Making an index: one encode of each text, whose token borders prove the cuts, then a trial of re-joined units.

use super::{FILLERS_PER_COUNT, Index, LONGEST_FILLER_TOKENS, TextIndex, UnitId};
use crate::corpus::{Corpus, Text};
use crate::seed::Secret;
use crate::sentence::{self, Script};
use crate::tokens::Tokenizer;
use crate::tokens::fast::Encoder;
use anyhow::{Result, anyhow};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Units re-joined in random order to prove that their counts do not depend on their neighbours.
const TRIED_UNITS: usize = 4000;
/// The slow encoder cannot encode whole books in reasonable time; stretches of this size prove
/// the order-independence instead.
const WINDOW_BYTES: usize = 64 * 1024;
/// Fewer token counts than these with a plain sentence of that many tokens are few: any sum is met
/// by four sentences at the most.
const FEW_COUNTS: usize = 40;
/// Stands before what is encoded out of its place: some vocabularies put a space before a text's
/// beginning (Llama 2's family), so that a unit at the beginning is not counted as inside a text.
const ANCHOR: &str = ".";
/// A full stop that begins a unit would join with another one before it.
const ANCHOR_OF_SPACELESS: &str = "a";

pub fn build(corpus: &Corpus, tokenizer: &Tokenizer) -> Result<Index> {
    let encoder = tokenizer.encoder()?;
    let indexed = in_parallel(&corpus.texts, |text| index_text(text, encoder))?;
    let bordered = indexed.iter().all(|(_, whole)| *whole);
    let mut texts: Vec<TextIndex> = indexed.into_iter().map(|(text, _)| text).collect();
    let mut additive = true;
    for _ in 0..3 {
        additive = rejoined_units_add_up(corpus, &texts, encoder)?;
        if additive {
            break;
        }
        texts = in_parallel(&corpus.texts, |text| {
            without_dependent_units(text, &texts, corpus, encoder)
        })?;
    }
    let fillers = fillers(corpus, &texts)?;
    Ok(Index {
        texts,
        fillers,
        additive,
        bordered: bordered && additive,
    })
}

/// Maps texts on as many threads as there are processors, large texts first.
fn in_parallel<T: Send>(
    texts: &[Text],
    work: impl Fn(&Text) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(texts[at].len_bytes()));
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(texts.len());
    let mut results: Vec<(usize, Result<T>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        done.push((at, work(&texts[at])));
                    }
                    done
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .map_err(|_| anyhow!("a thread of the indexing died"))
            })
            .collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The units of a text, and whether every cut was kept.
fn index_text(text: &Text, encoder: &Encoder) -> Result<(TextIndex, bool)> {
    let content = text.as_str()?;
    let script = Script::of(text)?;
    let cuts = sentence::cuts(content, script);
    let walked = match lead_bytes(encoder)? {
        Some(lead) => encoder.with_ids(content, |ids| {
            walk(content.len(), lead, &cuts, ids, encoder)
        })?,
        None => None,
    };
    let (mut starts, mut tokens_before) = match walked {
        Some(walked) => walked,
        None => count_apart(content, &cuts, encoder)?,
    };
    let all_kept = starts.len() == cuts.len() + 1;
    let mut len_bytes = content.len() as u32;
    // What stands behind the last full stop is no unit that another one could follow.
    if script.is_spaceless() && starts.len() > 1 {
        len_bytes = starts.pop().unwrap_or(len_bytes);
        tokens_before.pop();
    }
    let index = TextIndex {
        kind: text.kind,
        script,
        len_bytes,
        starts,
        tokens_before,
    };
    Ok((index, all_kept))
}

/// Bytes that the vocabulary puts before a text's beginning; none where it does not tell how long
/// its tokens are.
fn lead_bytes(encoder: &Encoder) -> Result<Option<usize>> {
    encoder.with_ids("a", |ids| {
        let bytes: Option<usize> = ids.iter().map(|&id| encoder.token_bytes(id)).sum();
        bytes?.checked_sub(1)
    })
}

/// Places and counts of units out of the tokens of the whole text. A cut inside a token is
/// dropped. None where the vocabulary does not tell how long its tokens are.
fn walk(
    len_bytes: usize,
    lead_bytes: usize,
    cuts: &[u32],
    ids: &[u32],
    encoder: &Encoder,
) -> Option<(Vec<u32>, Vec<u32>)> {
    let mut lengths: Vec<u16> = Vec::new();
    let (mut starts, mut tokens_before) = (vec![0], vec![0]);
    // In bytes of what is encoded: the text and what stands before its beginning.
    let (mut at, mut next) = (0usize, 0usize);
    for (tokens, &id) in ids.iter().enumerate() {
        while next < cuts.len() && cuts[next] as usize + lead_bytes <= at {
            if cuts[next] as usize + lead_bytes == at {
                starts.push(cuts[next]);
                tokens_before.push(tokens as u32);
            }
            next += 1;
        }
        let id = id as usize;
        if id >= lengths.len() {
            lengths.resize(id + 1, 0);
        }
        if lengths[id] == 0 {
            lengths[id] = u16::try_from(encoder.token_bytes(id as u32)?).ok()?;
        }
        at += usize::from(lengths[id]);
    }
    tokens_before.push(ids.len() as u32);
    (at == len_bytes + lead_bytes).then_some((starts, tokens_before))
}

/// Tokens of a unit that begins with a space or a full stop, wherever it stands inside a text.
fn count_inside(unit: &str, encoder: &Encoder) -> Result<u64> {
    let anchor = match unit.starts_with(sentence::STOP) {
        true => ANCHOR_OF_SPACELESS,
        false => ANCHOR,
    };
    let before = encoder.with_ids(anchor, |ids| ids.len() as u64)?;
    let both = encoder.with_ids(&format!("{anchor}{unit}"), |ids| ids.len() as u64)?;
    Ok(both.saturating_sub(before))
}

/// Places and counts of units, each encoded by itself.
fn count_apart(content: &str, cuts: &[u32], encoder: &Encoder) -> Result<(Vec<u32>, Vec<u32>)> {
    let mut starts = vec![0];
    starts.extend_from_slice(cuts);
    let mut tokens_before = Vec::with_capacity(starts.len() + 1);
    let mut total = 0u32;
    for (at, &start) in starts.iter().enumerate() {
        tokens_before.push(total);
        let end = starts
            .get(at + 1)
            .map_or(content.len(), |&end| end as usize);
        let unit = &content[start as usize..end];
        total += match at {
            0 => encoder.with_ids(unit, |ids| ids.len() as u32)?,
            _ => count_inside(unit, encoder)? as u32,
        };
    }
    tokens_before.push(total);
    Ok((starts, tokens_before))
}

/// Encodes random units joined in random order, and stretches in the text's own order.
fn rejoined_units_add_up(corpus: &Corpus, texts: &[TextIndex], encoder: &Encoder) -> Result<bool> {
    // Where texts of both forms meet, the joint is encoded.
    for spaceless in [false, true] {
        if !shuffled_units_add_up(corpus, texts, spaceless, encoder)? {
            return Ok(false);
        }
    }
    for (text, index) in corpus.texts.iter().zip(texts) {
        let content = text.as_str()?;
        let end = index
            .starts
            .partition_point(|&start| (start as usize) < WINDOW_BYTES) as u32;
        let (from, to) = index.bytes(0, end);
        let whole = encoder.with_ids(&content[from..to], |ids| ids.len() as u64)?;
        if whole != index.tokens(0, end) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn shuffled_units_add_up(
    corpus: &Corpus,
    texts: &[TextIndex],
    spaceless: bool,
    encoder: &Encoder,
) -> Result<bool> {
    let mut stream = Secret::from_hex("00")?.key("public").stream("rejoin", &[]);
    let of_form: Vec<(&Text, &TextIndex)> = corpus
        .texts
        .iter()
        .zip(texts)
        .filter(|(_, index)| index.script.is_spaceless() == spaceless)
        .collect();
    let units: u64 = of_form
        .iter()
        .map(|(_, index)| u64::from(index.units()))
        .sum();
    let (mut joined, mut expected) = (String::new(), 0u64);
    for _ in 0..TRIED_UNITS.min(units as usize) {
        let mut pick = stream.below(units) as u32;
        for (text, index) in &of_form {
            if pick >= index.units() {
                pick -= index.units();
                continue;
            }
            // The first unit begins with nothing and so is no unit of this form.
            if pick > 0 {
                let (from, to) = index.bytes(pick, pick + 1);
                joined.push_str(&text.as_str()?[from..to]);
                expected += index.tokens(pick, pick + 1);
            }
            break;
        }
    }
    Ok(count_inside(&joined, encoder)? == expected)
}

/// The index of a text without the cuts before units whose count alone is not their count in place.
fn without_dependent_units(
    text: &Text,
    texts: &[TextIndex],
    corpus: &Corpus,
    encoder: &Encoder,
) -> Result<TextIndex> {
    let at = corpus
        .texts
        .iter()
        .position(|other| std::ptr::eq(other, text))
        .unwrap_or(0);
    let index = &texts[at];
    let content = text.as_str()?;
    let (mut starts, mut tokens_before) = (vec![0], vec![0]);
    for unit in 1..index.units() {
        let (from, to) = index.bytes(unit, unit + 1);
        let alone = count_inside(&content[from..to], encoder)?;
        if alone == index.tokens(unit, unit + 1) {
            starts.push(index.starts[unit as usize]);
            tokens_before.push(index.tokens_before[unit as usize]);
        }
    }
    tokens_before.extend(index.tokens_before.last());
    Ok(TextIndex {
        starts,
        tokens_before,
        ..index.clone()
    })
}

/// Plain single sentences by their token count, of the kind of text that is used first. Where a
/// corpus of short paragraphs has few, units that hold a paragraph's end serve as well.
fn fillers(corpus: &Corpus, texts: &[TextIndex]) -> Result<Vec<Vec<UnitId>>> {
    let mut fillers = sampled(corpus, texts, sentence::is_plain)?;
    let counts = fillers.iter().filter(|ids| !ids.is_empty()).count();
    // Texts of planted facts end their sentences in numbers.
    if counts == 0 {
        fillers = sampled(corpus, texts, |unit, _| unit.matches('\n').count() <= 1)?;
    }
    // English is as its published prompts are.
    if counts < FEW_COUNTS && texts.iter().any(|text| text.script != Script::English) {
        let others = sampled(corpus, texts, |unit, script| {
            let short = unit.split("\n\n").count() == 2;
            script != Script::English && short && unit.ends_with(|c: char| !c.is_whitespace())
        })?;
        for (ids, others) in fillers.iter_mut().zip(others) {
            if ids.is_empty() {
                *ids = others;
            }
        }
    }
    Ok(fillers)
}

/// An even sample of the units that qualify, by their token count.
fn sampled(
    corpus: &Corpus,
    texts: &[TextIndex],
    qualifies: impl Fn(&str, Script) -> bool,
) -> Result<Vec<Vec<UnitId>>> {
    let mut fillers = vec![Vec::new(); LONGEST_FILLER_TOKENS + 1];
    let mut seen = vec![0u64; LONGEST_FILLER_TOKENS + 1];
    let mut stream = Secret::from_hex("00")?.key("public").stream("fillers", &[]);
    let first_kind = texts.iter().map(|text| text.kind).min();
    for (at, (text, index)) in corpus.texts.iter().zip(texts).enumerate() {
        if Some(index.kind) != first_kind {
            continue;
        }
        let content = text.as_str()?;
        for unit in 1..index.units() {
            let count = index.tokens(unit, unit + 1) as usize;
            let (from, to) = index.bytes(unit, unit + 1);
            if count == 0
                || count > LONGEST_FILLER_TOKENS
                || !qualifies(&content[from..to], index.script)
            {
                continue;
            }
            let id = UnitId {
                text: at as u32,
                unit,
            };
            // Reservoir sampling keeps an even share of all that qualify.
            seen[count] += 1;
            if fillers[count].len() < FILLERS_PER_COUNT {
                fillers[count].push(id);
            } else {
                let place = stream.below(seen[count]) as usize;
                if let Some(slot) = fillers[count].get_mut(place) {
                    *slot = id;
                }
            }
        }
    }
    Ok(fillers)
}
