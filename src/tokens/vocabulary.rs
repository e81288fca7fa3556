//! The vocabulary inside a GGUF, written as a `tokenizer.json`.

use super::bundled::byte_level_json;
use crate::gguf::Metadata;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

/// Llama 3's expression; Qwen 2's differs in taking digits one by one.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Token types as llama.cpp numbers them.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// Names the vocabulary: 32 hex digits.
pub fn digest(metadata: &Metadata) -> Result<String> {
    let pre = pre_tokenizers(metadata)?.1;
    let mut hasher = blake3::Hasher::new();
    hasher.update(pre.as_bytes());
    for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.merges"] {
        for text in metadata
            .texts(key)
            .with_context(|| format!("it has no {key}"))?
        {
            hasher.update(text.as_bytes());
            hasher.update(&[0]);
        }
    }
    Ok(hasher.finalize().to_hex()[..32].to_string())
}

/// The vocabulary as a `tokenizer.json`.
///
/// # Errors
/// When the vocabulary is not a byte-level BPE of a pre-tokenizer known here.
pub fn to_json(metadata: &Metadata) -> Result<String> {
    let (pre, name) = pre_tokenizers(metadata)?;
    let tokens = metadata
        .texts("tokenizer.ggml.tokens")
        .context("it has no tokens")?;
    let merges = metadata
        .texts("tokenizer.ggml.merges")
        .context("it has no merges")?
        .iter()
        .map(|merge| Value::from(merge.as_str()))
        .collect();
    let types = metadata
        .integers("tokenizer.ggml.token_type")
        .unwrap_or(&[]);
    let mut vocabulary = Map::new();
    let mut added = Vec::new();
    for (id, token) in tokens.iter().enumerate() {
        let kind = types.get(id).copied().unwrap_or(1);
        if kind == CONTROL || kind == USER_DEFINED {
            added.push(
                json!({"id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": kind == CONTROL}),
            );
        }
        vocabulary.insert(token.clone(), Value::from(id));
    }
    Ok(byte_level_json(
        pre,
        vocabulary,
        merges,
        name == "llama-bpe",
        added,
    ))
}

/// The pre-tokenizers by llama.cpp's name. An unknown name is refused, never guessed: a wrong
/// expression gives counts that are nearly right.
fn pre_tokenizers(metadata: &Metadata) -> Result<(Value, &str)> {
    let model = metadata.text("tokenizer.ggml.model").unwrap_or("none");
    ensure!(
        model == "gpt2",
        "its vocabulary is of the kind {model}, and only byte-level BPE (gpt2) can be read out of a GGUF: give the model's tokenizer.json with --tokenizer"
    );
    let name = metadata.text("tokenizer.ggml.pre").unwrap_or("default");
    let byte_level = |regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex});
    let split = |expression: &str| json!([{"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false}, byte_level(false)]);
    let value = match name {
        "smollm" => json!([{"type": "Digits", "individual_digits": true}, byte_level(true)]),
        "gpt-2" => json!([byte_level(true)]),
        "llama-bpe" | "llama3" | "llama-v3" => split(LLAMA3),
        "qwen2" | "deepseek-r1-qwen" => split(QWEN2),
        other => bail!(
            "its pre-tokenizer {other} is not known here (smollm, llama-bpe, qwen2, gpt-2 are): give the model's tokenizer.json with --tokenizer"
        ),
    };
    let name = if matches!(name, "llama3" | "llama-v3") {
        "llama-bpe"
    } else {
        name
    };
    Ok((value, name))
}
