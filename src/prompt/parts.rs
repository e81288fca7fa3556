//! What a prompt is made of, as a journal row keeps it.

use crate::corpus::Corpus;
use crate::rope::{Piece, Rope};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// A stretch of a corpus text, or text of the prompt's own. In JSON the first is an array
/// `[text, from, to]` (place in the corpus, bytes), the second a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// Bytes `from..to` of a corpus text.
    Text(u32, u32, u32),
    /// A needle, a question, or what joins two texts.
    Own(String),
}

impl Part {
    /// The rope of some parts.
    ///
    /// # Errors
    /// When a part names a text or an offset that the corpus does not have.
    pub fn rope(parts: &[Part], corpus: &Corpus) -> Result<Rope> {
        let mut rope = Rope::new();
        for part in parts {
            match part {
                Part::Own(text) => rope.push(Piece::of(text)),
                Part::Text(text, from, to) => {
                    let (from, to) = (*from as usize, *to as usize);
                    let text = corpus
                        .texts
                        .get(*text as usize)
                        .context("the corpus has fewer texts")?;
                    let content = text.as_str()?;
                    ensure!(
                        from <= to
                            && content.is_char_boundary(from)
                            && content.is_char_boundary(to),
                        "the text {} has no stretch {from}..{to}: the corpus has changed",
                        text.name
                    );
                    text.pieces(from, to)?.for_each(|piece| rope.push(piece));
                }
            }
        }
        Ok(rope)
    }
}
