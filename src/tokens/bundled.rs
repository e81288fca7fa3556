//! The vocabularies in this binary: a small encoder for joints, and a `tokenizer.json` for the fast one.

use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The pre-tokenizing expressions, as their owners publish them (and as the fast encoder
/// recognises them letter by letter).
const CL100K: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A vocabulary of the crate `bpe-openai`.
pub struct Bundled {
    small: &'static bpe_openai::Tokenizer,
    expression: &'static str,
}

impl Bundled {
    /// By name.
    pub fn named(name: &str) -> Option<Bundled> {
        match name {
            "o200k" => Some(Bundled {
                small: bpe_openai::o200k_base(),
                expression: O200K,
            }),
            "cl100k" => Some(Bundled {
                small: bpe_openai::cl100k_base(),
                expression: CL100K,
            }),
            _ => None,
        }
    }

    /// Tokens of a short text.
    pub fn count(&self, text: &str) -> u64 {
        self.small.count(text) as u64
    }

    /// Where each token of a short text ends, in bytes.
    pub fn ends(&self, text: &str) -> Vec<usize> {
        let ids = self.small.encode(text).into_iter();
        let lengths = ids.map(|id| self.small.bpe.token_bytes(id).len());
        lengths
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect()
    }

    /// Token ids of a short text.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.small.encode(text)
    }

    /// The text of ids; bytes that are no whole character are replaced.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bpe = &self.small.bpe;
        let known = ids.iter().filter(|id| (**id as usize) < bpe.num_tokens());
        let bytes: Vec<u8> = known.flat_map(|id| bpe.token_bytes(*id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The vocabulary as a `tokenizer.json`, with the merges worked out from the ranks.
    pub fn to_json(&self) -> String {
        let bpe = &self.small.bpe;
        let tokens: Vec<&[u8]> = (0..bpe.num_tokens() as u32)
            .map(|id| bpe.token_bytes(id))
            .collect();
        ranked_json(&tokens, self.expression)
    }
}

/// A `tokenizer.json` of tokens in the order of their ranks, as tiktoken and Tekken files list
/// them, with the merges worked out, and the expression that cuts the text beforehand.
pub fn ranked_json(tokens: &[&[u8]], expression: &str) -> String {
    let ranks: HashMap<&[u8], u32> = tokens
        .iter()
        .zip(0..)
        .map(|(token, id)| (*token, id))
        .collect();
    let written: Vec<String> = tokens.iter().map(|token| printable(token)).collect();
    let merges: Vec<Value> = tokens
        .iter()
        .zip(0..)
        .filter_map(|(token, rank)| merge(token, rank, &ranks))
        .map(|(left, right)| json!([written[left as usize], written[right as usize]]))
        .collect();
    let vocabulary: Map<String, Value> = written
        .into_iter()
        .zip(0u32..)
        .map(|(token, id)| (token, Value::from(id)))
        .collect();
    byte_level_json(
        json!([{"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false},
               {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]),
        vocabulary,
        merges,
        true,
        vec![],
    )
}

/// A `tokenizer.json` for a byte-level BPE.
pub fn byte_level_json(
    pre_tokenizers: Value,
    vocabulary: Map<String, Value>,
    merges: Vec<Value>,
    ignore_merges: bool,
    added_tokens: Vec<Value>,
) -> String {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added_tokens,
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre_tokenizers},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                  "ignore_merges": ignore_merges, "vocab": vocabulary, "merges": merges},
    })
    .to_string()
}

/// The character that stands for a byte in byte-level vocabularies (GPT-2's table).
pub fn printable_byte(byte: u8) -> char {
    let shifted = match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => u32::from(byte),
        0..=0x20 => 256 + u32::from(byte),
        0x7f..=0xa0 => 256 + 33 + u32::from(byte - 0x7f),
        0xad => 256 + 33 + 34,
    };
    char::from_u32(shifted).unwrap_or('\u{fffd}')
}

fn printable(token: &[u8]) -> String {
    token.iter().map(|&byte| printable_byte(byte)).collect()
}

/// The two tokens whose merge makes this one: what byte-pair encoding leaves of its bytes when
/// only earlier merges are allowed.
fn merge(token: &[u8], rank: u32, ranks: &HashMap<&[u8], u32>) -> Option<(u32, u32)> {
    if token.len() < 2 {
        return None;
    }
    let mut cuts: Vec<usize> = (0..=token.len()).collect();
    let joined = |cuts: &[usize], at: usize| {
        let pair = ranks.get(&token[cuts[at]..cuts[at + 2]])?;
        (*pair < rank).then_some(*pair)
    };
    // The rank of each piece joined with the next; a merge changes only its neighbours.
    let mut pairs: Vec<Option<u32>> = (0..token.len() - 1).map(|at| joined(&cuts, at)).collect();
    while cuts.len() > 3 {
        let (at, _) = pairs
            .iter()
            .enumerate()
            .filter_map(|(at, pair)| Some((at, (*pair)?)))
            .min_by_key(|&(_, pair)| pair)?;
        cuts.remove(at + 1);
        pairs.remove(at);
        for at in at.saturating_sub(1)..=at.min(pairs.len() - 1) {
            pairs[at] = joined(&cuts, at);
        }
    }
    Some((
        *ranks.get(&token[..cuts[1]])?,
        *ranks.get(&token[cuts[1]..])?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_table_is_a_bijection_and_has_the_known_ends() {
        let all: std::collections::HashSet<char> = (0..=255).map(printable_byte).collect();
        assert_eq!(all.len(), 256);
        assert_eq!(printable_byte(b' '), 'Ġ');
        assert_eq!(printable_byte(b'\n'), 'Ċ');
        assert_eq!(printable_byte(0xad), 'Ń');
    }

    #[test]
    fn both_encoders_end_the_tokens_of_a_text_at_the_same_places() {
        let text = "Internationalisation, 0123456789 и 漢字かな: naïve façades! 👩‍🚀\n\n  x";
        for name in ["o200k", "cl100k"] {
            let tokenizer = super::super::Tokenizer::bundled(name).expect("bundled");
            // Loads the fast encoder, which counts from then on.
            let ids = tokenizer.encode(text).expect("encodes");
            let ends = Bundled::named(name).expect("bundled").ends(text);
            assert_eq!((ends.len(), ends.last()), (ids.len(), Some(&text.len())));
            assert_eq!(tokenizer.ends(text).expect("ends"), ends, "{name}");
        }
    }

    #[test]
    fn both_encoders_of_a_vocabulary_give_the_same_ids_and_the_same_text() {
        let text = "It's 3.14159… naïve café, 12345678 times!\n\n\t汉字 👩‍👩‍👧 don't WE'LL  end.";
        for name in ["o200k", "cl100k"] {
            let bundled = Bundled::named(name).expect("bundled");
            let fast = crate::tokens::fast::Encoder::from_json(&bundled.to_json()).expect("loads");
            let ids = bundled.encode(text);
            let theirs = fast.with_ids(text, <[u32]>::to_vec).expect("encodes");
            assert_eq!(ids, theirs, "{name}");
            for end in 0..=ids.len() {
                let decoded = fast.decode(&ids[..end]).expect("decodes");
                assert_eq!(bundled.decode(&ids[..end]), decoded, "{name} {end}");
            }
        }
    }
}
