//! Counting tokens: bundled vocabularies, tokenizer files, and the vocabulary inside a GGUF.

pub mod bundled;
pub mod fast;
pub mod vocabulary;

use crate::gguf::Metadata;
use anyhow::{Context, Result, bail};
use fast::Encoder;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// Texts up to this many bytes are counted by the small encoder of a bundled vocabulary, which
/// loads in a tenth of the time of the fast one.
const SMALL_BYTES: usize = 64 * 1024;

/// Turns text into tokens. Cheap to make: vocabularies are loaded at the first count, because
/// loading costs up to two CPU seconds and a warm index often needs none.
pub struct Tokenizer {
    name: String,
    digest: String,
    source: Source,
    encoder: OnceLock<Result<Encoder, String>>,
}

enum Source {
    Bundled(bundled::Bundled),
    /// A `tokenizer.json`, as text.
    Json(String),
    /// A GGUF's vocabulary.
    Gguf(Box<Metadata>),
}

impl Tokenizer {
    /// The names of the bundled vocabularies.
    pub const BUNDLED: &'static [&'static str] = &["o200k", "cl100k"];

    /// A bundled vocabulary by name.
    ///
    /// # Errors
    /// When no vocabulary of this name is bundled.
    pub fn bundled(name: &str) -> Result<Arc<Tokenizer>> {
        // One of each in a process: the run and the simulated model count with the same one,
        // and its fast encoder takes a CPU second and 100 MB.
        static KNOWN: Mutex<BTreeMap<String, Arc<Tokenizer>>> = Mutex::new(BTreeMap::new());
        if let Ok(known) = KNOWN.lock()
            && let Some(tokenizer) = known.get(name)
        {
            return Ok(tokenizer.clone());
        }
        let tokenizer = Tokenizer::load_bundled(name)?;
        if let Ok(mut known) = KNOWN.lock() {
            return Ok(known.entry(name.to_string()).or_insert(tokenizer).clone());
        }
        Ok(tokenizer)
    }

    fn load_bundled(name: &str) -> Result<Arc<Tokenizer>> {
        let bundled = bundled::Bundled::named(name).with_context(|| {
            format!(
                "no tokenizer named {name} is built in: use {} or the path of a tokenizer.json or .gguf",
                Tokenizer::BUNDLED.join(", ")
            )
        })?;
        Ok(Arc::new(Tokenizer {
            name: name.to_string(),
            digest: blake3::hash(format!("bundled {name} 1").as_bytes()).to_hex()[..32].to_string(),
            source: Source::Bundled(bundled),
            encoder: OnceLock::new(),
        }))
    }

    /// A tokenizer by bundled name or by the path of a `tokenizer.json` or `.gguf`.
    ///
    /// # Errors
    /// When it is neither, or the file cannot be read.
    pub fn resolve(name_or_path: &str) -> Result<Arc<Tokenizer>> {
        let path = Path::new(name_or_path);
        if !path.exists() {
            return Tokenizer::bundled(name_or_path);
        }
        if path
            .extension()
            .is_some_and(|extension| extension == "gguf")
        {
            return Tokenizer::from_gguf(path);
        }
        let json = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the tokenizer {}", path.display()))?;
        let tokenizer = Tokenizer::from_json(&name_of(path), json);
        // A file that is no tokenizer must be refused now, not at the first count.
        tokenizer
            .encoder()
            .with_context(|| format!("{} is not a usable tokenizer", path.display()))?;
        Ok(tokenizer)
    }

    /// A tokenizer out of the text of a `tokenizer.json`.
    pub fn from_json(name: &str, json: String) -> Arc<Tokenizer> {
        Arc::new(Tokenizer {
            name: name.to_string(),
            digest: blake3::hash(json.as_bytes()).to_hex()[..32].to_string(),
            source: Source::Json(json),
            encoder: OnceLock::new(),
        })
    }

    /// The tokenizer that a GGUF file carries.
    ///
    /// # Errors
    /// When the file is no GGUF, or its kind of vocabulary is not known here: it is never guessed.
    pub fn from_gguf(path: &Path) -> Result<Arc<Tokenizer>> {
        Tokenizer::from_metadata(&name_of(path), Metadata::read(path)?)
            .with_context(|| format!("cannot use the vocabulary of {}", path.display()))
    }

    /// The tokenizer that a GGUF's metadata describe.
    ///
    /// # Errors
    /// As [`Tokenizer::from_gguf`].
    pub fn from_metadata(name: &str, metadata: Metadata) -> Result<Arc<Tokenizer>> {
        let digest = vocabulary::digest(&metadata)?;
        Ok(Arc::new(Tokenizer {
            name: name.to_string(),
            digest,
            source: Source::Gguf(Box::new(metadata)),
            encoder: OnceLock::new(),
        }))
    }

    /// The name that reports show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names the vocabulary itself: equal digests count equally. 32 hex digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Tokens of a text, without any special token added.
    ///
    /// Special tokens written out in the text are read as such, as most servers do.
    pub fn count(&self, text: &str) -> Result<u64> {
        if let (Source::Bundled(bundled), true) = (&self.source, text.len() <= SMALL_BYTES)
            && self.encoder.get().is_none()
        {
            return Ok(bundled.count(text));
        }
        self.encoder()?.with_ids(text, |ids| ids.len() as u64)
    }

    /// Token ids of a text, without any special token added.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        if let (Source::Bundled(bundled), true) = (&self.source, text.len() <= SMALL_BYTES)
            && self.encoder.get().is_none()
        {
            return Ok(bundled.encode(text));
        }
        self.encoder()?.with_ids(text, <[u32]>::to_vec)
    }

    /// Where each token of a text ends, in bytes; two that share a character may end at one place.
    pub fn ends(&self, text: &str) -> Result<Vec<usize>> {
        if let (Source::Bundled(bundled), true) = (&self.source, text.len() <= SMALL_BYTES)
            && self.encoder.get().is_none()
        {
            return Ok(bundled.ends(text));
        }
        let encoder = self.encoder()?;
        let ids = self.encode(text)?;
        let mut end = 0;
        let ends: Option<Vec<usize>> = ids
            .iter()
            .map(|&id| {
                end += encoder.token_bytes(id)?;
                Some(end)
            })
            .collect();
        if let Some(ends) = ends.filter(|_| end == text.len()) {
            return Ok(ends);
        }
        // Where tokens do not say how long they are, what they decode to does.
        (1..=ids.len())
            .map(|count| Ok(self.decode(&ids[..count])?.len().min(text.len())))
            .collect()
    }

    /// The text of token ids; bytes that are no whole character are replaced.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        if let (Source::Bundled(bundled), None) = (&self.source, self.encoder.get()) {
            return Ok(bundled.decode(ids));
        }
        self.encoder()?.decode(ids)
    }

    /// The encoder, loaded at the first call.
    pub fn encoder(&self) -> Result<&Encoder> {
        let loaded = self.encoder.get_or_init(|| {
            let encoder = match &self.source {
                Source::Bundled(bundled) => Encoder::from_json(&bundled.to_json()),
                Source::Json(json) => Encoder::from_json(json),
                Source::Gguf(metadata) => {
                    vocabulary::to_json(metadata).and_then(|json| Encoder::from_json(&json))
                }
            };
            encoder.map_err(|error| format!("{error:#}"))
        });
        match loaded {
            Ok(encoder) => Ok(encoder),
            Err(error) => bail!("the tokenizer {} cannot be loaded: {error}", self.name),
        }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokenizer({}, {})", self.name, self.digest)
    }
}

fn name_of(path: &Path) -> String {
    let named = match path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
    {
        // `tokenizer.json` says nothing; its folder usually names the model.
        Some(name) if name == "tokenizer.json" => path
            .canonicalize()
            .ok()
            .and_then(|full| Some(full.parent()?.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or(name),
        Some(name) => name,
        None => return path.display().to_string(),
    };
    named
        .trim_end_matches(".gguf")
        .trim_end_matches(".json")
        .to_string()
}
