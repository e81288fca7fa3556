//! Counts tokens in a text.

use anyhow::{Result, bail};
use std::sync::Arc;

/// A tokenizer.
pub struct Tokenizer(&'static bpe_openai::Tokenizer);

impl Tokenizer {
    /// A tokenizer that comes with the program, by name.
    pub fn bundled(name: &str) -> Result<Arc<Tokenizer>> {
        match name {
            "o200k" => Ok(Arc::new(Tokenizer(bpe_openai::o200k_base()))),
            _ => bail!("no bundled tokenizer is called `{name}`"),
        }
    }

    /// Number of tokens in a text.
    pub fn count(&self, text: &str) -> u64 {
        self.0.count(text) as u64
    }
}
