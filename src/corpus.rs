//! The texts that haystacks are cut from: those in this binary, or the user's own.

mod escaped;
mod folder;
pub mod reskin;

use crate::rope::Piece;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use escaped::Escaped;
pub use folder::Cleaning;
use serde::Deserialize;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A text as it lies in the binary.
pub struct Embedded {
    folder: &'static str,
    name: &'static str,
    manifest: &'static str,
    packed: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What kind of text it is, in the order of use: each is used only at lengths beyond all of those
/// before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sentences and paragraphs.
    Prose,
    /// Prose of an older state of the language: classical Chinese.
    Classical,
    /// Poems.
    Verse,
    /// Source code.
    Code,
    /// Made from real prose by a generator; used only where it is asked for.
    Generated,
}

impl Kind {
    /// All, in the order of use.
    pub const ALL: [Kind; 5] = [
        Kind::Prose,
        Kind::Classical,
        Kind::Verse,
        Kind::Code,
        Kind::Generated,
    ];

    /// The word that lists and manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Prose => "prose",
            Kind::Classical => "classical",
            Kind::Verse => "verse",
            Kind::Code => "code",
            Kind::Generated => "generated",
        }
    }
}

/// What is known of a text.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// Title.
    pub title: String,
    /// Author.
    pub author: String,
    /// Year of publication.
    pub year: i32,
    /// Language code.
    pub language: String,
    /// Prose or code.
    pub kind: Kind,
    /// Where it was taken from.
    pub source: String,
    /// Its terms.
    pub licence: String,
    /// The full text of the terms, below `corpora/`, where there is more than a word to them.
    #[serde(default)]
    pub licence_file: Option<String>,
    /// SHA-256 of the unpacked text, in hex.
    pub sha256: String,
    /// Size of the unpacked text in bytes.
    pub bytes: u64,
    /// Tokens of all of it that haystacks can hold, in o200k; measured, and recounted by a test.
    pub o200k_tokens: u64,
}

/// One text; unpacked and escaped when it is first needed.
pub struct Text {
    /// Short name, unique in its corpus.
    pub name: String,
    /// Prose, code or generated.
    pub kind: Kind,
    /// The manifest, for a text of this binary.
    pub manifest: Option<Manifest>,
    /// Of a text of the user's own, taken when it is first asked for.
    digest: OnceLock<String>,
    bytes: u64,
    packed: Option<&'static [u8]>,
    volume: Option<u32>,
    content: OnceLock<Result<Content, String>>,
    escaped: Escaped,
}

/// A text held once and seen in two ways: checked as UTF-8 when it is unpacked and never again.
struct Content {
    text: Arc<String>,
    raw: Bytes,
}

/// What lets slices of bytes share a string.
struct Shared(Arc<String>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Content {
    fn of(text: String) -> Content {
        let text = Arc::new(text);
        Content {
            raw: Bytes::from_owner(Shared(Arc::clone(&text))),
            text,
        }
    }
}

impl Text {
    fn embedded(embedded: &Embedded) -> Result<Text> {
        let manifest: Manifest = toml::from_str(embedded.manifest)
            .with_context(|| format!("bad manifest of the built-in text {}", embedded.name))?;
        Ok(Text {
            name: embedded.name.to_string(),
            kind: manifest.kind,
            digest: OnceLock::from(manifest.sha256.clone()),
            bytes: manifest.bytes,
            escaped: Escaped::new(manifest.bytes as usize),
            manifest: Some(manifest),
            packed: Some(embedded.packed),
            volume: None,
            content: OnceLock::new(),
        })
    }

    /// A text of the user's own.
    pub fn owned(name: &str, text: String) -> Text {
        Text {
            name: name.to_string(),
            kind: Kind::Prose,
            manifest: None,
            digest: OnceLock::new(),
            bytes: text.len() as u64,
            packed: None,
            volume: None,
            escaped: Escaped::new(text.len()),
            content: OnceLock::from(Ok(Content::of(text))),
        }
    }

    /// A volume of generated text, which is made when its content is first needed.
    fn generated(volume: u32) -> Result<Text> {
        let listed = reskin::listed(volume)?;
        Ok(Text {
            name: format!("generated-{volume:03}"),
            kind: Kind::Generated,
            manifest: None,
            digest: OnceLock::from(listed.blake3),
            bytes: listed.bytes,
            packed: None,
            volume: Some(volume),
            escaped: Escaped::new(listed.bytes as usize),
            content: OnceLock::new(),
        })
    }

    /// Names the text's content.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let text = self.as_str().unwrap_or_default();
            blake3::hash(text.as_bytes()).to_hex().to_string()
        })
    }

    /// Size in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.bytes
    }

    fn content(&self) -> Result<&Content> {
        let content = self.content.get_or_init(|| {
            if let Some(volume) = self.volume {
                let made = reskin::volume(volume).map_err(|error| format!("{error:#}"))?;
                return Ok(Content::of(made));
            }
            let packed = self.packed.unwrap_or_default();
            let bytes = zstd::bulk::decompress(packed, self.bytes as usize)
                .map_err(|error| error.to_string())?;
            let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
            Ok(Content::of(text))
        });
        match content {
            Ok(content) => Ok(content),
            Err(error) => bail!("the text {} cannot be unpacked: {error}", self.name),
        }
    }

    /// The text as shared bytes; UTF-8.
    pub fn raw(&self) -> Result<&Bytes> {
        Ok(&self.content()?.raw)
    }

    /// The text as a string.
    pub fn as_str(&self) -> Result<&str> {
        Ok(&self.content()?.text)
    }

    /// A stretch of the text, raw and escaped, without a copy; a long one in several pieces. Both
    /// ends are bytes of the raw text at character boundaries.
    pub fn pieces(&self, from: usize, to: usize) -> Result<impl Iterator<Item = Piece> + '_> {
        let content = self.content()?;
        let (text, raw) = (&content.text, &content.raw);
        Ok(self.escaped.pieces(text, raw, from, to))
    }
}

/// A named set of texts, in a fixed order.
pub struct Corpus {
    /// The name that reports show.
    pub name: String,
    /// The texts.
    pub texts: Vec<Text>,
}

/// The built-in corpora: name, the folders they take their texts from, and what they are.
pub const BUILT_IN: &[(&str, &[&str], &str)] = &[
    (
        "en",
        &["en", "code"],
        "English prose, then (beyond all of it) C source",
    ),
    ("en-prose", &["en"], "English prose alone"),
    ("code", &["code"], "the SQLite C source"),
    (
        "zh",
        &["zh", "zh-verse"],
        "Chinese: modern prose, then classical prose, then poems of Tang, Song and Yuan",
    ),
    ("zh-prose", &["zh"], "Chinese prose alone"),
    ("de", &["de"], "German technical prose"),
    ("fr", &["fr"], "French technical prose"),
    ("es", &["es"], "Spanish technical prose and scripture"),
    ("ru", &["ru"], "Russian technical prose"),
    ("ja", &["ja"], "Japanese: a novel and technical prose"),
    ("ar", &["ar"], "Arabic technical prose"),
    ("hi", &["hi"], "Hindi technical prose"),
    ("ko", &["ko"], "Korean technical prose"),
];

impl Corpus {
    /// A corpus by its built-in name, or the user's own text as a file or a folder.
    ///
    /// # Errors
    /// When it is none of these, or a file is not UTF-8 (naming the file and the offset).
    pub fn open(name_or_path: &str) -> Result<Corpus> {
        Ok(Corpus::read(name_or_path)?.0)
    }

    /// The same, with what was left out of the user's own text.
    ///
    /// # Errors
    /// As [`Corpus::open`].
    pub fn read(name_or_path: &str) -> Result<(Corpus, Option<Cleaning>)> {
        if let Some((name, folders, _)) = BUILT_IN.iter().find(|(name, ..)| *name == name_or_path) {
            return Ok((Corpus::built_in(name, folders)?, None));
        }
        let path = Path::new(name_or_path);
        if !path.exists() {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
            bail!(
                "no corpus {name_or_path}: it is neither built in ({}) nor a file or folder",
                names.join(", ")
            );
        }
        let (texts, cleaning) = folder::read(path)?;
        let corpus = Corpus {
            name: name_or_path.to_string(),
            texts,
        };
        Ok((corpus, Some(cleaning)))
    }

    fn built_in(name: &str, folders: &[&str]) -> Result<Corpus> {
        let mut texts = Vec::new();
        for folder in folders {
            for embedded in EMBEDDED
                .iter()
                .filter(|embedded| embedded.folder == *folder)
            {
                texts.push(Text::embedded(embedded)?);
            }
        }
        Ok(Corpus {
            name: name.to_string(),
            texts,
        })
    }

    /// The corpus with so many volumes of generated text behind all others: none is made before
    /// its content is needed, and each by itself.
    ///
    /// # Errors
    /// When there are not so many volumes.
    pub fn with_generated(mut self, volumes: u32) -> Result<Corpus> {
        for volume in 0..volumes {
            self.texts.push(Text::generated(volume)?);
        }
        Ok(self)
    }

    /// Names the content of all texts in their order: 32 hex digits.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for text in &self.texts {
            hasher.update(text.digest().as_bytes());
            hasher.update(match text.kind {
                Kind::Prose => b"text",
                other => other.name().as_bytes(),
            });
        }
        hasher.finalize().to_hex()[..32].to_string()
    }

    /// Size in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.texts.iter().map(Text::len_bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn every_built_in_text_is_what_its_manifest_says() {
        for (name, ..) in BUILT_IN {
            for text in &Corpus::open(name).expect("built in").texts {
                let manifest = text.manifest.as_ref().expect("has one");
                let raw = text.raw().expect("unpacks");
                assert_eq!(raw.len() as u64, manifest.bytes, "{}", text.name);
                let sha: String = Sha256::digest(raw)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                assert_eq!(sha, manifest.sha256, "{}", text.name);
                assert!(!text.as_str().expect("UTF-8").contains('\r'));
                assert!(!manifest.licence.is_empty() && !manifest.source.is_empty());
            }
        }
    }

    #[test]
    fn volumes_stand_behind_all_other_texts_and_are_what_they_were_named_as() {
        let plain = || Corpus::open("en").expect("built in");
        let corpus = plain().with_generated(3).expect("three volumes");
        let (real, made) = corpus.texts.split_at(plain().texts.len());
        assert!(real.iter().all(|text| text.kind != Kind::Generated));
        assert_eq!(made.len(), 3);
        for text in made {
            assert_eq!(text.kind, Kind::Generated);
            assert!(text.content.get().is_none(), "made before it is needed");
        }
        let raw = made[2].raw().expect("is made");
        assert_eq!(raw.len() as u64, made[2].len_bytes());
        assert_eq!(blake3::hash(raw).to_hex().as_str(), made[2].digest());
        let digests = [0, 2, 3].map(|volumes| {
            let corpus = plain().with_generated(volumes).expect("volumes");
            corpus.digest()
        });
        assert_eq!(digests[0], plain().digest());
        assert!(digests[0] != digests[1] && digests[1] != digests[2]);
        assert!(plain().with_generated(reskin::VOLUMES + 1).is_err());
    }

    fn joined(text: &Text, from: usize, to: usize) -> (Vec<u8>, Vec<u8>) {
        let pieces: Vec<Piece> = text.pieces(from, to).expect("slices").collect();
        let join = |part: fn(&Piece) -> &Bytes| pieces.iter().flat_map(part).copied().collect();
        assert!(pieces.iter().all(|piece| !piece.raw.is_empty()));
        (join(|piece| &piece.raw), join(|piece| &piece.json))
    }

    #[test]
    fn pieces_are_the_same_stretch_raw_and_escaped() {
        let corpus = Corpus::open("en-prose").expect("built in");
        let text = &corpus.texts[0];
        let whole = text.as_str().expect("UTF-8");
        for (from, to) in [
            (0, 0),
            (0, 10),
            (4_000, 9_001),
            (123_456, 200_000),
            (262_143, 262_145),
            (262_144, 524_288),
            (100, 800_000),
            (0, whole.len()),
        ] {
            let (from, to) = (
                whole.floor_char_boundary(from),
                whole.floor_char_boundary(to),
            );
            let (raw, json) = joined(text, from, to);
            assert_eq!(raw, &whole.as_bytes()[from..to]);
            assert_eq!(json, crate::rope::escape(&whole[from..to]).as_bytes());
        }
    }

    #[test]
    fn pieces_never_end_inside_a_character() {
        for shift in 0..4 {
            let whole = format!("{}{}", "x".repeat(shift), "\u{1f600}\n".repeat(150_000));
            let text = Text::owned("x", whole.clone());
            for (from, to) in [(shift, whole.len()), (shift + 5, 524_280 + shift)] {
                let to = whole.floor_char_boundary(to);
                for piece in text.pieces(from, to).expect("slices") {
                    assert!(std::str::from_utf8(&piece.raw).is_ok());
                    assert!(std::str::from_utf8(&piece.json).is_ok());
                }
                let (raw, json) = joined(&text, from, to);
                assert_eq!(raw, &whole.as_bytes()[from..to]);
                assert_eq!(json, crate::rope::escape(&whole[from..to]).as_bytes());
            }
        }
    }
}
