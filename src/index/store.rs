//! The index on disk: plain little-endian numbers, a checksum at the end; anything odd means "make it anew".

use super::{Index, TextIndex, UnitId};
use crate::corpus::Corpus;
use crate::sentence::Script;
use std::path::Path;

/// Changes with the format and with everything that decides where cuts are.
const MAGIC: &[u8; 8] = b"DFINDEX5";
const CHECKSUM_BYTES: usize = 32;

/// Reads an index; none where there is none, or it is damaged or of another format.
pub fn read(path: &Path, corpus: &Corpus) -> Option<Index> {
    let bytes = std::fs::read(path).ok()?;
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    if blake3::hash(content).as_bytes() != checksum {
        return None;
    }
    let mut numbers = content
        .strip_prefix(MAGIC)?
        .chunks_exact(4)
        .map(|four| match four {
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
            _ => 0,
        });
    let additive = numbers.next()? == 1;
    let bordered = numbers.next()? == 1;
    let mut texts = Vec::new();
    for text in &corpus.texts {
        let script = *Script::ALL.get(numbers.next()? as usize)?;
        let whole_bytes = numbers.next()?;
        let len_bytes = numbers.next()?;
        let units = numbers.next()? as usize;
        if u64::from(whole_bytes) != text.len_bytes() {
            return None;
        }
        let starts: Vec<u32> = numbers.by_ref().take(units).collect();
        let tokens_before: Vec<u32> = numbers.by_ref().take(units + 1).collect();
        if tokens_before.len() != units + 1 {
            return None;
        }
        texts.push(TextIndex {
            kind: text.kind,
            script,
            len_bytes,
            starts,
            tokens_before,
        });
    }
    let mut fillers = Vec::new();
    for _ in 0..numbers.next()? {
        let length = numbers.next()?;
        let mut ids = Vec::new();
        for _ in 0..length {
            ids.push(UnitId {
                text: numbers.next()?,
                unit: numbers.next()?,
            });
        }
        fillers.push(ids);
    }
    Some(Index {
        texts,
        fillers,
        additive,
        bordered,
    })
}

/// Writes an index beside its final place and renames it, so that no reader ever sees half of
/// it. A disk that takes nothing only costs the next run its time.
pub fn write(path: &Path, corpus: &Corpus, index: &Index) {
    let mut numbers: Vec<u32> = vec![u32::from(index.additive), u32::from(index.bordered)];
    for (text, whole) in index.texts.iter().zip(&corpus.texts) {
        let whole_bytes = whole.len_bytes() as u32;
        numbers.extend([
            text.script as u32,
            whole_bytes,
            text.len_bytes,
            text.units(),
        ]);
        numbers.extend(&text.starts);
        numbers.extend(&text.tokens_before);
    }
    numbers.push(index.fillers.len() as u32);
    for ids in &index.fillers {
        numbers.push(ids.len() as u32);
        numbers.extend(ids.iter().flat_map(|id| [id.text, id.unit]));
    }
    let mut content = MAGIC.to_vec();
    content.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let checksum = blake3::hash(&content);
    content.extend(checksum.as_bytes());
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&partial, content))
        .and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        // Best effort: nothing is lost but time.
        let _ = std::fs::remove_file(&partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Corpus, Text};

    #[test]
    fn a_damaged_or_foreign_file_is_made_anew() {
        let corpus = Corpus {
            name: "x".into(),
            texts: vec![Text::owned("x", "One here. Two here. Three here.".into())],
        };
        let tokenizer = crate::tokens::Tokenizer::bundled("o200k").expect("bundled");
        let folder = tempfile::tempdir().expect("folder");
        let index = Index::open(&corpus, &tokenizer, Some(folder.path())).expect("builds");
        let path = folder
            .path()
            .join("index")
            .read_dir()
            .expect("lists")
            .next()
            .expect("one")
            .expect("entry")
            .path();
        assert_eq!(read(&path, &corpus), Some(index.clone()));
        let whole = std::fs::read(&path).expect("reads");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).expect("writes");
            assert_eq!(read(&path, &corpus), None, "byte {at} changed");
            std::fs::write(&path, &whole[..at]).expect("writes");
            assert_eq!(read(&path, &corpus), None, "cut at {at}");
        }
        assert_eq!(
            Index::open(&corpus, &tokenizer, Some(folder.path())).expect("rebuilds"),
            index
        );
    }
}
