//! The encoder proper: the fast pre-release of `tokenizers`, or the stable one for what that refuses.

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
    Fast(PipelineTokenizer),
    /// About a hundredth of the speed, but it takes any regular expression.
    Stable(Box<tokenizers_stable::Tokenizer>),
}

impl Encoder {
    /// Reads a `tokenizer.json` of any age.
    pub fn from_json(json: &str) -> Result<Encoder> {
        let mut value: Value = serde_json::from_str(json).context("it is not JSON")?;
        let fast = tokenizers::canonicalize_value(&mut value)
            .map_err(|error| anyhow!("{error}"))
            .and_then(|()| {
                tokenizers::from_json(&value.to_string()).map_err(|error| anyhow!("{error}"))
            });
        let refused = match fast {
            Ok(fast) => {
                return Ok(Encoder {
                    kind: Kind::Fast(fast),
                });
            }
            Err(refused) => refused,
        };
        let stable: tokenizers_stable::Tokenizer = json
            .parse()
            .map_err(|error| anyhow!("{error}; the fast reader says: {refused}"))?;
        Ok(Encoder {
            kind: Kind::Stable(Box::new(stable)),
        })
    }

    /// Reads a `tokenizer.json` with the stable release, to check the other against it.
    pub fn stable_from_json(json: &str) -> Result<Encoder> {
        let stable = json.parse().map_err(|error| anyhow!("{error}"))?;
        Ok(Encoder {
            kind: Kind::Stable(Box::new(stable)),
        })
    }

    /// True for the fast encoder, whose speed makes indexing a matter of a second.
    pub fn is_fast(&self) -> bool {
        matches!(self.kind, Kind::Fast(_))
    }

    /// Hands the ids of `text` to `see`, with no special token added and no truncation.
    pub fn with_ids<T>(&self, text: &str, see: impl FnOnce(&[u32]) -> T) -> Result<T> {
        match &self.kind {
            Kind::Fast(fast) => {
                let mut ids = Vec::with_capacity(text.len() / 4);
                fast.encode_into(text, &plain(), &mut ids)
                    .map_err(|error| anyhow!("the text cannot be tokenized: {error}"))?;
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
            Kind::Fast(fast) => fast.decode(ids, false),
            Kind::Stable(stable) => return stable.decode(ids, false).map_err(|e| anyhow!("{e}")),
        }
        .map_err(|error| anyhow!("tokens cannot be decoded: {error}"))
    }

    /// How many bytes of text a token stands for, where the vocabulary tells; the sum over an
    /// encoded text must be checked against the text's length.
    pub fn token_bytes(&self, id: u32) -> Option<usize> {
        let Kind::Fast(fast) = &self.kind else {
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

fn is_byte_fallback(token: &str) -> bool {
    token.len() == 6 && token.starts_with("<0x") && token.ends_with('>')
}

/// Truncation and padding are overridden: a file's own settings would cap counts silently.
fn plain() -> EncodeOptions {
    EncodeOptions {
        add_special_tokens: false,
        encode_special_tokens: false,
        padding: Override::Off,
        truncation: Override::Off,
    }
}
