//! Numbers that hang on a digest.

/// The n-th number of a digest, of four.
pub fn draw(digest: &blake3::Hash, nth: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&digest.as_bytes()[nth * 8..nth * 8 + 8]);
    u64::from_le_bytes(eight)
}

/// The n-th number of a digest in 0…1, 1 excluded.
pub fn unit(digest: &blake3::Hash, nth: usize) -> f64 {
    // 53 bits, as many as a fraction has.
    (draw(digest, nth) >> 11) as f64 / (1u64 << 53) as f64
}

/// The n-th number of a digest below a count; 0 where the count is.
pub fn one_of(count: usize, digest: &blake3::Hash, nth: usize) -> usize {
    match count {
        0 => 0,
        count => (draw(digest, nth) % count as u64) as usize,
    }
}

/// A digest that hangs on another and a number.
pub fn further(digest: &blake3::Hash, number: u64) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(digest.as_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.finalize()
}
