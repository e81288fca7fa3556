//! Prints the table of `identify` (`src/identity/tokenizers.csv`) out of tokenizer files.
//!
//! `cargo run --release --example tokenizer_vectors -- LIST > src/identity/tokenizers.csv`, where
//! LIST is a file of lines `NAME,PATTERNS,SOURCE,LICENCE,PATH` (see `examples/tokenizers.list`).
//! PATH is `bundled`, a `tokenizer.json`, a `.gguf`, a `tekken.json`, or a tiktoken file followed
//! by `=EXPRESSION-OF` and one of `o200k`, `llama3`.

use anyhow::{Context, Result, bail, ensure};
use depthfinder::identity::known::Known;
use depthfinder::identity::probes;
use depthfinder::tokens::Tokenizer;
use depthfinder::tokens::bundled::ranked_json;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What cuts texts in Meta's Llama 3 and 4 (`llama_models/llama*/tokenizer.py`).
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

fn main() -> Result<()> {
    let list = std::env::args().nth(1).context("name a list of files")?;
    let list = std::fs::read_to_string(&list).with_context(|| format!("cannot read {list}"))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "# probes {}", probes::digest())?;
    writeln!(out, "name,patterns,source,licence,vector,cuts")?;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        ensure!(cells.len() == 5, "not a line of five cells: {line}");
        let tokenizer = open(cells[0], cells[4]).with_context(|| cells[4].to_owned())?;
        let known = Known {
            name: cells[0].to_owned(),
            patterns: cells[1].split_whitespace().map(str::to_owned).collect(),
            licence: cells[3].to_owned(),
            ..Known::of(tokenizer, cells[2])?
        };
        writeln!(out, "{}", known.line())?;
    }
    Ok(())
}

fn open(name: &str, path: &str) -> Result<Arc<Tokenizer>> {
    if path == "bundled" {
        return Tokenizer::bundled(name);
    }
    if let Some((file, expression)) = path.split_once('=') {
        let expression = match expression {
            "llama3" => LLAMA3,
            "o200k" => O200K,
            other => bail!("no expression of {other} is known here"),
        };
        return tiktoken(name, &std::fs::read_to_string(file)?, expression);
    }
    if Path::new(path)
        .file_name()
        .is_some_and(|file| file.to_string_lossy().contains("tekken"))
    {
        return tekken(name, &std::fs::read_to_string(path)?);
    }
    Tokenizer::resolve(path)
}

/// A line a token: its bytes in base64, and its rank.
fn tiktoken(name: &str, text: &str, expression: &str) -> Result<Arc<Tokenizer>> {
    let tokens = text.lines().filter_map(|line| line.split_once(' '));
    let tokens = tokens.map(|(token, _)| bytes(token));
    let tokens = tokens.collect::<Result<Vec<_>>>()?;
    let slices: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
    Ok(Tokenizer::from_json(name, ranked_json(&slices, expression)))
}

/// Mistral's own form: the vocabulary is longer than what is used of it.
fn tekken(name: &str, text: &str) -> Result<Arc<Tokenizer>> {
    let value: Value = serde_json::from_str(text)?;
    let config = &value["config"];
    let expression = config["pattern"].as_str().context("no pattern")?;
    let number = |key: &str| config[key].as_u64().with_context(|| format!("no {key}"));
    let used = number("default_vocab_size")? - number("default_num_special_tokens")?;
    let vocabulary = value["vocab"].as_array().context("no vocabulary")?;
    let tokens = vocabulary.iter().take(used as usize);
    let tokens = tokens.map(|token| bytes(token["token_bytes"].as_str().unwrap_or_default()));
    let tokens = tokens.collect::<Result<Vec<_>>>()?;
    let slices: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
    Ok(Tokenizer::from_json(name, ranked_json(&slices, expression)))
}

fn bytes(base64: &str) -> Result<Vec<u8>> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for letter in base64.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => bail!("{} is no letter of base64", char::from(other)),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Ok(bytes)
}
