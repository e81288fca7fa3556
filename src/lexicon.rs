//! Which words and numbers a corpus holds, so that keys and answers are known to be absent from it.

use crate::corpus::Corpus;
use anyhow::Result;
use std::collections::HashSet;
use std::path::Path;

const MAGIC: &[u8; 8] = b"DFWORDS1";

/// Hashes of all words and digit runs of a corpus. A false "present" (once in 10^13 questions)
/// only costs another draw; there is no false "absent".
pub struct Lexicon {
    hashes: Vec<u64>,
}

impl Lexicon {
    /// The words of a corpus: read from `cache`, or collected and written there.
    pub fn open(corpus: &Corpus, cache: Option<&Path>) -> Result<Lexicon> {
        let path = cache.map(|folder| {
            folder
                .join("index")
                .join(format!("{}.words", &corpus.digest()[..16]))
        });
        if let Some(lexicon) = path.as_deref().and_then(read) {
            return Ok(lexicon);
        }
        let lexicon = Lexicon::of(corpus)?;
        if let Some(path) = &path {
            lexicon.write(path);
        }
        Ok(lexicon)
    }

    /// Collects the words of a corpus.
    pub fn of(corpus: &Corpus) -> Result<Lexicon> {
        let mut seen = HashSet::new();
        for text in &corpus.texts {
            collect(text.as_str()?, &mut seen);
        }
        let mut hashes: Vec<u64> = seen.into_iter().collect();
        hashes.sort_unstable();
        Ok(Lexicon { hashes })
    }

    /// True where a word, a digit run, or a pair joined by a hyphen stands in the corpus,
    /// in any case of letters.
    pub fn holds(&self, word: &str) -> bool {
        self.hashes.binary_search(&hash(word.as_bytes())).is_ok()
    }

    fn write(&self, path: &Path) {
        let mut content = MAGIC.to_vec();
        content.extend(self.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
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
}

fn read(path: &Path) -> Option<Lexicon> {
    let bytes = std::fs::read(path).ok()?;
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if blake3::hash(content).as_bytes() != checksum {
        return None;
    }
    let hashes = content
        .strip_prefix(MAGIC)?
        .chunks_exact(8)
        .map(|eight| eight.try_into().map_or(0, u64::from_le_bytes))
        .collect();
    Some(Lexicon { hashes })
}

/// Words are runs of letters and digits (every byte beyond ASCII counts as a letter); two of them
/// with one hyphen between are a word as well, and digit runs with separators are one number.
fn collect(text: &str, seen: &mut HashSet<u64>) {
    let bytes = text.as_bytes();
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let mut at = 0;
    let mut previous: Option<(usize, usize)> = None;
    while at < bytes.len() {
        if !inside(bytes[at]) {
            at += 1;
            continue;
        }
        let from = at;
        while at < bytes.len() && inside(bytes[at]) {
            at += 1;
        }
        seen.insert(hash(&bytes[from..at]));
        if let Some((start, end)) = previous {
            let digits = bytes[from].is_ascii_digit() && bytes[end - 1].is_ascii_digit();
            match bytes[end] {
                b'-' if end + 1 == from => {
                    seen.insert(hash(&bytes[start..at]));
                }
                b',' | b'.' | b' ' if end + 1 == from && digits => {
                    let joined: Vec<u8> = bytes[start..at]
                        .iter()
                        .copied()
                        .filter(u8::is_ascii_digit)
                        .collect();
                    seen.insert(hash(&joined));
                    // A long number's groups join one by one.
                    previous = Some((start, at));
                    continue;
                }
                _ => {}
            }
        }
        previous = Some((from, at));
    }
}

/// FNV-1a over the lower-case form.
fn hash(word: &[u8]) -> u64 {
    word.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Text;

    #[test]
    fn words_pairs_and_numbers_are_found_and_others_are_not() {
        let corpus = Corpus {
            name: "x".into(),
            texts: vec![Text::owned(
                "x",
                "The well-known City of Oslo had 1,234,567 people; ids a1b2.".into(),
            )],
        };
        let lexicon = Lexicon::of(&corpus).expect("collects");
        for present in ["oslo", "OSLO", "well-known", "well", "1234567", "a1b2"] {
            assert!(lexicon.holds(present), "{present}");
        }
        for absent in ["osl", "known-city", "23456", "bergen"] {
            assert!(!lexicon.holds(absent), "{absent}");
        }
    }

    #[test]
    fn the_cache_gives_the_same_answers() {
        let corpus = Corpus {
            name: "x".into(),
            texts: vec![Text::owned("x", "one two".into())],
        };
        let folder = tempfile::tempdir().expect("folder");
        let first = Lexicon::open(&corpus, Some(folder.path())).expect("makes");
        let second = Lexicon::open(&corpus, Some(folder.path())).expect("reads");
        assert_eq!(first.hashes, second.hashes);
    }
}
