//! Which words and numbers a corpus holds, so that keys and answers are known to be absent from it.

mod marks;
mod near;
mod words;

use crate::corpus::{Corpus, Kind, Text};
use anyhow::Result;
use marks::Marks;
use near::NearKeys;
use std::collections::HashSet;
use std::path::Path;
use words::{Collector, KeyWords, hash, is_english};

const MAGIC: &[u8; 8] = b"DFWORDS3";

/// What stands in a corpus: hashes of all words, digit runs and pairs of key words, and marks for
/// the rest. A false "present" (once in 10^13 questions by a hash, once in a hundred by marks)
/// only costs another draw; there is no false "absent".
#[derive(Debug, PartialEq, Eq)]
pub struct Lexicon {
    hashes: Vec<u64>,
    /// Pairs of neighbouring words outside of English, and characters in a row where no spaces
    /// part the words.
    marks: Marks,
}

impl Lexicon {
    /// The words of a corpus: read from `cache`, or collected and written there.
    pub fn open(corpus: &Corpus, cache: Option<&Path>) -> Result<Lexicon> {
        Lexicon::opened(corpus, cache, "words", language)
    }

    /// The same without what tells phrases that are not English: of a text in a script without
    /// spaces its numbers. For texts whose phrases are known otherwise.
    pub fn open_numbers(corpus: &Corpus, cache: Option<&Path>) -> Result<Lexicon> {
        Lexicon::opened(corpus, cache, "numbers", |_| Some("en"))
    }

    fn opened(
        corpus: &Corpus,
        cache: Option<&Path>,
        ending: &str,
        language: fn(&Text) -> Option<&str>,
    ) -> Result<Lexicon> {
        let path = cache.map(|folder| {
            folder
                .join("index")
                .join(format!("{}.{ending}", &corpus.digest()[..16]))
        });
        if let Some(lexicon) = path.as_deref().and_then(read) {
            return Ok(lexicon);
        }
        let lexicon = Lexicon::collected(corpus, language)?;
        if let Some(path) = &path {
            lexicon.write(path);
        }
        Ok(lexicon)
    }

    /// Collects the words of a corpus.
    pub fn of(corpus: &Corpus) -> Result<Lexicon> {
        Lexicon::collected(corpus, language)
    }

    fn collected(corpus: &Corpus, language: fn(&Text) -> Option<&str>) -> Result<Lexicon> {
        let keys = KeyWords::new()?;
        let mut marked_bytes = 0;
        for text in &corpus.texts {
            marked_bytes += match is_english(language(text)) {
                true => 0,
                false => text.len_bytes(),
            };
        }
        let mut collector =
            Collector::new(&keys, NearKeys::all()?, Marks::for_text_of(marked_bytes));
        for text in &corpus.texts {
            collector.read(text.as_str()?, language(text));
        }
        let (seen, marks): (HashSet<u64>, Marks) = collector.finish();
        let mut hashes: Vec<u64> = seen.into_iter().collect();
        hashes.sort_unstable();
        Ok(Lexicon { hashes, marks })
    }

    /// True where a word, a number or a phrase stands in the corpus, in any case of letters and
    /// with digits of any script. Of the words of a phrase hyphens, spaces and line breaks are
    /// held to be the same; in scripts without spaces all signs between letters are passed over.
    pub fn holds(&self, phrase: &str) -> bool {
        let words = words::split(phrase);
        let joined = words.join("-");
        if self.has(&joined) || self.has(&words.concat()) {
            return true;
        }
        if words
            .iter()
            .any(|word| word.chars().any(words::is_spaceless))
        {
            return words::grams(&words.concat()).all(|gram| self.marks.has(gram));
        }
        // A phrase stands nowhere where two of its neighbours stand nowhere side by side.
        words.len() > 1
            && words.windows(2).all(|pair| {
                let pair = pair.join("-");
                self.has(&pair) || self.marks.has(hash(pair.as_bytes()))
            })
    }

    /// True where the two words of a key stand side by side in the corpus in any of their forms, or
    /// in scripts without spaces with or without what joins them. Where the language has no such
    /// forms listed (English), [`Lexicon::holds`] says all.
    pub fn holds_near(&self, language: &str, first: &str, last: &str) -> bool {
        let pair = near::pair(language, first, last);
        pair.is_some_and(|pair| self.hashes.binary_search(&pair).is_ok())
    }

    fn has(&self, word: &str) -> bool {
        self.hashes.binary_search(&hash(word.as_bytes())).is_ok()
    }

    fn write(&self, path: &Path) {
        let mut content = MAGIC.to_vec();
        content.extend((self.hashes.len() as u64).to_le_bytes());
        let numbers = self.hashes.iter().chain(self.marks.blocks());
        content.extend(numbers.flat_map(|number| number.to_le_bytes()));
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

/// The language of a text, where it is known. Generated text is told by its neighbouring words like
/// that of any other language than English, and holds none of their keys.
fn language(text: &Text) -> Option<&str> {
    match (&text.manifest, text.kind) {
        (Some(manifest), _) => Some(&manifest.language),
        (None, Kind::Generated) => Some("generated"),
        (None, _) => None,
    }
}

fn read(path: &Path) -> Option<Lexicon> {
    let bytes = std::fs::read(path).ok()?;
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if blake3::hash(content).as_bytes() != checksum {
        return None;
    }
    let mut numbers = content
        .strip_prefix(MAGIC)?
        .chunks_exact(8)
        .map(|eight| eight.try_into().map_or(0, u64::from_le_bytes));
    let count = usize::try_from(numbers.next()?).ok()?;
    let hashes: Vec<u64> = numbers.by_ref().take(count).collect();
    let marks = Marks::of_blocks(numbers.collect())?;
    (hashes.len() == count).then_some(Lexicon { hashes, marks })
}

#[cfg(test)]
mod tests;
