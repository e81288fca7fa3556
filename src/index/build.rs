//! Making an index: one encode of each text, whose token borders prove the cuts, then a trial of re-joined units.

use super::{FILLERS_PER_COUNT, Index, LONGEST_FILLER_TOKENS, TextIndex, UnitId};
use crate::corpus::{Corpus, Kind, Text};
use crate::seed::Secret;
use crate::sentence;
use crate::tokens::Tokenizer;
use crate::tokens::fast::Encoder;
use anyhow::{Result, anyhow};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Units re-joined in random order to prove that their counts do not depend on their neighbours.
const TRIED_UNITS: usize = 4000;
/// The slow encoder cannot encode whole books in reasonable time; stretches of this size prove
/// the order-independence instead.
const WINDOW_BYTES: usize = 64 * 1024;
/// Stands before what is encoded out of its place: some vocabularies put a space before a text's
/// beginning (Llama 2's family), so that a unit at the beginning is not counted as inside a text.
const ANCHOR: &str = ".";

pub fn build(corpus: &Corpus, tokenizer: &Tokenizer) -> Result<Index> {
    let encoder = tokenizer.encoder()?;
    let mut texts = in_parallel(&corpus.texts, |text| index_text(text, encoder))?;
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

fn index_text(text: &Text, encoder: &Encoder) -> Result<TextIndex> {
    let content = text.as_str()?;
    let cuts = sentence::cuts(content);
    let walked = match lead_bytes(encoder)? {
        Some(lead) => encoder.with_ids(content, |ids| {
            walk(content.len(), lead, &cuts, ids, encoder)
        })?,
        None => None,
    };
    let (starts, tokens_before) = match walked {
        Some(walked) => walked,
        None => count_apart(content, &cuts, encoder)?,
    };
    Ok(TextIndex {
        code: text.kind == Kind::Code,
        len_bytes: content.len() as u32,
        starts,
        tokens_before,
    })
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

/// Tokens of a unit that begins with a space, wherever it stands inside a text.
fn count_inside(unit: &str, encoder: &Encoder) -> Result<u64> {
    let anchor = encoder.with_ids(ANCHOR, |ids| ids.len() as u64)?;
    let both = encoder.with_ids(&format!("{ANCHOR}{unit}"), |ids| ids.len() as u64)?;
    Ok(both.saturating_sub(anchor))
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
    let mut stream = Secret::from_hex("00")?.key("public").stream("rejoin", &[]);
    let units: u64 = texts.iter().map(|text| u64::from(text.units())).sum();
    let (mut joined, mut expected) = (String::new(), 0u64);
    for _ in 0..TRIED_UNITS.min(units as usize) {
        let mut pick = stream.below(units) as u32;
        for (text, index) in corpus.texts.iter().zip(texts) {
            if pick >= index.units() {
                pick -= index.units();
                continue;
            }
            // The first unit has no space before it and so is no unit of this form.
            if pick > 0 {
                let (from, to) = index.bytes(pick, pick + 1);
                joined.push_str(&text.as_str()?[from..to]);
                expected += index.tokens(pick, pick + 1);
            }
            break;
        }
    }
    if count_inside(&joined, encoder)? != expected {
        return Ok(false);
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

/// Plain single sentences by their token count: they end in a letter and a full stop and hold no
/// line break, so that they read well anywhere and end like any sentence.
fn fillers(corpus: &Corpus, texts: &[TextIndex]) -> Result<Vec<Vec<UnitId>>> {
    let mut fillers = vec![Vec::new(); LONGEST_FILLER_TOKENS + 1];
    let mut seen = vec![0u64; LONGEST_FILLER_TOKENS + 1];
    let mut stream = Secret::from_hex("00")?.key("public").stream("fillers", &[]);
    for (at, (text, index)) in corpus.texts.iter().zip(texts).enumerate() {
        if index.code && texts.iter().any(|text| !text.code) {
            continue;
        }
        let content = text.as_str()?;
        for unit in 1..index.units() {
            let count = index.tokens(unit, unit + 1) as usize;
            let (from, to) = index.bytes(unit, unit + 1);
            if count == 0
                || count > LONGEST_FILLER_TOKENS
                || !is_plain(&content.as_bytes()[from..to])
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

fn is_plain(sentence: &[u8]) -> bool {
    matches!(sentence, [b' ', first, .., last, b'.'] if first.is_ascii_uppercase() && last.is_ascii_lowercase())
        && !sentence
            .iter()
            .any(|byte| matches!(byte, b'\n' | b'"' | b'(' | b'[' | b'_') || *byte >= 0x80)
}
