//! Test vectors from mpmath (50 digits) and scipy, and seeded random numbers for tests.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

/// The vectors of one function.
pub fn vectors(function: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/stats_vectors.json"))
        .expect("the vectors are JSON");
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
