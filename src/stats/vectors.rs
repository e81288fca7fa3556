//! What tests are held against: vectors from mpmath (50 digits) and scipy, METHOD.md, seeded numbers.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const VECTORS: &str = include_str!("../../tests/vectors/stats_vectors.json");

/// The vectors of one function.
pub fn vectors(function: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let found: Vec<_> = file["vectors"]
        .as_array()
        .expect("a list of vectors")
        .iter()
        .filter(|vector| vector["fn"] == function)
        .cloned()
        .collect();
    assert!(!found.is_empty(), "no vector for {function}");
    found
}

pub fn close(ours: f64, expected: f64, relative: f64) -> bool {
    (ours - expected).abs() <= relative * expected.abs().max(1e-300)
}

/// A number of a vector.
pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// A whole number of a vector.
pub fn whole(value: &Value) -> u64 {
    value.as_u64().expect("a whole number")
}

/// Random numbers below a bound, the same ones for the same seed.
pub fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut stream = ChaCha20Rng::seed_from_u64(seed);
    // The remainder's bias is below 1e-12 for the bounds of these tests.
    move |bound| stream.next_u64() % bound
}

/// The text whose tables the long tests hold true.
pub fn method() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("METHOD.md");
    std::fs::read_to_string(path).expect("METHOD.md")
}

/// All texts of Rust below a folder.
fn texts(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *found += &std::fs::read_to_string(&path).expect("a text");
        }
    }
}

#[test]
fn every_function_of_the_vectors_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = String::new();
    for folder in ["src", "tests"] {
        texts(&root.join(folder), &mut found);
    }
    let file: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let all = file["vectors"].as_array().expect("a list of vectors");
    assert_eq!(Some(all.len() as u64), file["count"].as_u64());
    let untested: BTreeSet<&str> = all
        .iter()
        .map(|vector| vector["fn"].as_str().expect("a function's name"))
        .filter(|function| !found.contains(&format!("\"{function}\"")))
        .collect();
    assert!(untested.is_empty(), "no test asks for {untested:?}");
}
