//! The word lists that keys and answers are drawn from.

use anyhow::{Context, Result};

include!(concat!(env!("OUT_DIR"), "/lists.rs"));

/// A list by its name: the file under `corpora/names` without its ending.
///
/// # Errors
/// When there is no such list.
pub fn list(name: &str) -> Result<Vec<String>> {
    let list = LISTS.iter().find(|(known, _)| *known == name);
    let (_, packed) = list.with_context(|| format!("there is no list {name}"))?;
    unpack(packed, name)
}

/// Larger than every list; the unpacked size is not kept beside them.
const MOST_BYTES: usize = 4 << 20;

fn unpack(packed: &[u8], name: &str) -> Result<Vec<String>> {
    let bytes = zstd::bulk::decompress(packed, MOST_BYTES)
        .with_context(|| format!("the list of {name} cannot be unpacked"))?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("the list of {name} is not UTF-8"))?;
    Ok(text.lines().map(str::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_long_sorted_and_distinct() {
        for (name, least) in [("adjectives", 800), ("nouns", 6_000)] {
            let list = list(name).expect("unpacks");
            assert!(list.len() > least);
            assert!(list.is_sorted_by(|a, b| a < b));
        }
    }
}
