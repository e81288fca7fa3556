//! The encoder proper: the fast pre-release of `tokenizers`, or the stable one for what that refuses.

use super::bundled::printable_byte;
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tokenizers::pipeline::{
    EncodeOptions, Override, PipelineModel, PipelineToken, PipelineTokenizer,
};

/// Encodes and decodes by one `tokenizer.json`.
pub struct Encoder {
    kind: Kind,
}

enum Kind {
    /// With the first id that stands for nothing, see [`fill_bytes`].
    Fast(PipelineTokenizer, u32),
    /// About a hundredth of the speed, but it takes any regular expression.
    Stable(Box<tokenizers_stable::Tokenizer>),
}

impl Encoder {
    /// Reads a `tokenizer.json` of any age.
    pub fn from_json(json: &str) -> Result<Encoder> {
        let mut value: Value = serde_json::from_str(json).context("it is not JSON")?;
        match fast(&mut value) {
            Ok((fast, unused)) => Ok(Encoder {
                kind: Kind::Fast(fast, unused),
            }),
            Err(refused) => Encoder::stable_from_json(json)
                .map_err(|error| anyhow!("{error}; the fast reader says: {refused}")),
        }
    }

    /// Reads a `tokenizer.json` with the stable release, to check the other against it.
    pub fn stable_from_json(json: &str) -> Result<Encoder> {
        let mut stable: tokenizers_stable::Tokenizer =
            json.parse().map_err(|error| anyhow!("{error}"))?;
        // A file's own settings would cap counts silently.
        stable
            .with_truncation(None)
            .map_err(|error| anyhow!("{error}"))?
            .with_padding(None);
        Ok(Encoder {
            kind: Kind::Stable(Box::new(stable)),
        })
    }

    /// True for the fast encoder, whose speed makes indexing a matter of a second.
    pub fn is_fast(&self) -> bool {
        matches!(self.kind, Kind::Fast(..))
    }

    /// Hands the ids of `text` to `see`, with no special token added and no truncation.
    pub fn with_ids<T>(&self, text: &str, see: impl FnOnce(&[u32]) -> T) -> Result<T> {
        match &self.kind {
            Kind::Fast(fast, unused) => {
                let mut ids = Vec::with_capacity(text.len() / 4);
                fast.encode_into(text, &plain(), &mut ids)
                    .map_err(|error| anyhow!("the text cannot be tokenized: {error}"))?;
                if *unused < u32::MAX {
                    ids.retain(|token| token.id() < *unused);
                }
                Ok(see(PipelineToken::cast_slice(&ids)))
            }
            Kind::Stable(stable) => {
                let encoding = stable
                    .encode_fast(text, false)
                    .map_err(|error| anyhow!("the text cannot be tokenized: {error}"))?;
                Ok(see(encoding.get_ids()))
            }
        }
    }

    /// The text of ids; special tokens are written out.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        match &self.kind {
            Kind::Fast(fast, _) => fast.decode(ids, false),
            Kind::Stable(stable) => return stable.decode(ids, false).map_err(|e| anyhow!("{e}")),
        }
        .map_err(|error| anyhow!("tokens cannot be decoded: {error}"))
    }

    /// How many bytes of text a token stands for, where the vocabulary tells; the sum over an
    /// encoded text must be checked against the text's length.
    pub fn token_bytes(&self, id: u32) -> Option<usize> {
        let Kind::Fast(fast, _) = &self.kind else {
            return None;
        };
        let model = fast.get_model();
        let token = model.id_to_token(id)?;
        match model {
            // One printable character stands for each byte.
            PipelineModel::BPE(bpe) if bpe.is_byte_level() => Some(token.chars().count()),
            _ if is_byte_fallback(&token) => Some(1),
            // SentencePiece writes a space as U+2581.
            _ => Some(
                token
                    .chars()
                    .map(|c| if c == '▁' { 1 } else { c.len_utf8() })
                    .sum(),
            ),
        }
    }
}

fn fast(value: &mut Value) -> Result<(PipelineTokenizer, u32)> {
    tokenizers::canonicalize_value(value).map_err(|error| anyhow!("{error}"))?;
    let unused = fill_bytes(value);
    let fast = tokenizers::from_json(&value.to_string()).map_err(|error| anyhow!("{error}"))?;
    Ok((fast, unused))
}

/// Gives ids to the bytes that a byte-level vocabulary has no token for (SmolLM2's lacks 21),
/// because the fast encoder refuses such gaps. Returns the first of these ids: servers leave such
/// bytes out, and so their ids are dropped from every text.
fn fill_bytes(value: &mut Value) -> u32 {
    let ids = |tokens: &Value| -> Option<u32> {
        let ids = tokens.as_array()?.iter().map(|token| token["id"].as_u64());
        u32::try_from(ids.max()??).ok()
    };
    let added = ids(&value["added_tokens"]).unwrap_or(0);
    let model = &mut value["model"];
    if model["byte_level"] != true || !model["unk_token"].is_null() {
        return u32::MAX;
    }
    let Some(vocabulary) = model["vocab"].as_object_mut() else {
        return u32::MAX;
    };
    let lacking = |token: &String| !vocabulary.contains_key(token);
    let bytes = (0..=255).map(|byte| printable_byte(byte).to_string());
    let missing: Vec<String> = bytes.filter(lacking).collect();
    let known = vocabulary.values().filter_map(Value::as_u64).max();
    let last = known.and_then(|last| u32::try_from(last).ok());
    let (false, Some(last)) = (missing.is_empty(), last) else {
        return u32::MAX;
    };
    let first = last.max(added) + 1;
    for (token, id) in missing.into_iter().zip(first..) {
        vocabulary.insert(token, Value::from(id));
    }
    first
}

fn is_byte_fallback(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}

/// Truncation and padding are overridden, as in [`Encoder::stable_from_json`].
fn plain() -> EncodeOptions {
    EncodeOptions {
        add_special_tokens: false,
        encode_special_tokens: false,
        padding: Override::Off,
        truncation: Override::Off,
    }
}
