//! A small writer of GGUF metadata: a vocabulary out of a `tokenizer.json`, as a converter would write it.

use serde_json::Value;
use std::path::Path;

/// A metadata value of the kinds that a vocabulary needs.
pub enum Item {
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i32>),
}

/// Writes a file with these metadata and no tensors.
pub fn write(path: &Path, items: &[(&str, Item)]) {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend((items.len() as u64).to_le_bytes());
    for (key, item) in items {
        text(&mut out, key);
        match item {
            Item::Text(value) => {
                out.extend(8u32.to_le_bytes());
                text(&mut out, value);
            }
            Item::Texts(values) => {
                array(&mut out, 8, values.len());
                values.iter().for_each(|value| text(&mut out, value));
            }
            Item::Integers(values) => {
                array(&mut out, 5, values.len());
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
    std::fs::write(path, out).expect("written");
}

/// What a converter writes of a byte-level `tokenizer.json`: tokens by id, merges, kinds.
pub fn vocabulary(json: &str, pre: &str) -> Vec<(&'static str, Item)> {
    const NORMAL: i32 = 1;
    const CONTROL: i32 = 3;
    const USER_DEFINED: i32 = 4;
    const UNUSED: i32 = 5;
    let json: Value = serde_json::from_str(json).expect("JSON");
    let vocab = json["model"]["vocab"].as_object().expect("a vocabulary");
    let added = json["added_tokens"].as_array().expect("added tokens");
    let mut entries: Vec<(u64, &str, i32)> = Vec::new();
    for (token, id) in vocab {
        entries.push((id.as_u64().expect("an id"), token, NORMAL));
    }
    for token in added {
        let kind = match token["special"].as_bool() {
            Some(true) => CONTROL,
            _ => USER_DEFINED,
        };
        let id = token["id"].as_u64().expect("an id");
        entries.retain(|entry| entry.0 != id);
        entries.push((id, token["content"].as_str().expect("text"), kind));
    }
    let size = entries.iter().map(|entry| entry.0).max().expect("some") as usize + 1;
    let mut tokens: Vec<String> = (0..size).map(|id| format!("[UNUSED{id}]")).collect();
    let mut kinds = vec![UNUSED; size];
    for (id, token, kind) in entries {
        tokens[id as usize] = token.to_owned();
        kinds[id as usize] = kind;
    }
    let merges = json["model"]["merges"].as_array().expect("merges");
    let merges = merges.iter().map(|merge| match merge.as_array() {
        Some(pair) => format!(
            "{} {}",
            pair[0].as_str().expect("text"),
            pair[1].as_str().expect("text")
        ),
        None => merge.as_str().expect("text").to_owned(),
    });
    vec![
        ("tokenizer.ggml.model", Item::Text("gpt2".into())),
        ("tokenizer.ggml.pre", Item::Text(pre.into())),
        ("tokenizer.ggml.merges", Item::Texts(merges.collect())),
        ("tokenizer.ggml.tokens", Item::Texts(tokens)),
        ("tokenizer.ggml.token_type", Item::Integers(kinds)),
    ]
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn array(out: &mut Vec<u8>, kind: u32, length: usize) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((length as u64).to_le_bytes());
}
