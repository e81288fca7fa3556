//! The one place of randomness: a run secret, a public salt, and streams drawn from them by name.

use anyhow::{Context, Result, bail};
use rand::TryRng;
use rand::rngs::SysRng;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Separates these keys from every other use of BLAKE3; part of the prompt format.
const CONTEXT: &str = "depthfinder 2026-11 prompt randomness v1";
/// The same for what is public.
const PUBLIC_CONTEXT: &str = "depthfinder 2026-11 public randomness v1";

/// The run's secret, from which every prompt can be rebuilt: 32 bytes, written in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A fresh secret from the operating system.
    pub fn fresh() -> Result<Secret> {
        let mut bytes = [0; 32];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| anyhow::anyhow!("the operating system gave no randomness: {error}"))?;
        Ok(Secret(bytes))
    }

    /// Reads a secret of 1 to 32 bytes in hex; shorter ones are padded with zeros on the right.
    pub fn from_hex(hex: &str) -> Result<Secret> {
        let digits = hex.trim();
        if digits.is_empty() || digits.len() > 64 || !digits.len().is_multiple_of(2) {
            bail!(
                "a secret is 2 to 64 hex digits, an even number of them; got {}",
                digits.len()
            );
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().take(digits.len() / 2).enumerate() {
            *byte = digits
                .get(2 * at..2 * at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .context("a secret holds hex digits only (0-9, a-f)")?;
        }
        Ok(Secret(bytes))
    }

    /// The secret in 64 hex digits.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key of all randomness of a run: secret and public salt together, so that a secret
    /// cannot be redrawn until it suits once the salt is known.
    pub fn key(&self, salt: &str) -> RunKey {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.0);
        hasher.update(salt.as_bytes());
        RunKey(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The key of all randomness of one run.
#[derive(Clone, PartialEq, Eq)]
pub struct RunKey([u8; 32]);

impl RunKey {
    /// A key that anybody can make: for draws that must be the same for everyone who checks, and
    /// that nothing is gained from foreseeing.
    pub fn public(purpose: &str) -> RunKey {
        RunKey(blake3::derive_key(PUBLIC_CONTEXT, purpose.as_bytes()))
    }

    /// A stream of its own for a named purpose and coordinates. Two streams with different
    /// names or coordinates are independent; the same ones give the same stream for ever.
    pub fn stream(&self, domain: &str, coordinates: &[u64]) -> Stream {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(domain.len() as u64).to_le_bytes());
        hasher.update(domain.as_bytes());
        for coordinate in coordinates {
            hasher.update(&coordinate.to_le_bytes());
        }
        Stream(ChaCha20Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A random order of `0..size` for a named purpose.
    pub fn permutation(&self, domain: &str, size: u64) -> Permutation {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // Streams hash the length of a name: no name is as long as this.
        hasher.update(&u64::MAX.to_le_bytes());
        hasher.update(domain.as_bytes());
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        Permutation {
            key: *hasher.finalize().as_bytes(),
            size,
            half_bits: bits.div_ceil(2).clamp(1, 31),
        }
    }
}

impl std::fmt::Debug for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunKey(…)")
    }
}

/// A random order of `0..size`, looked up at any place without drawing what stands before it.
pub struct Permutation {
    key: [u8; 32],
    size: u64,
    half_bits: u32,
}

impl Permutation {
    /// How many numbers there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The number at a place; places beyond the size begin again.
    ///
    /// A Feistel network over the next power of four, walked until it lands inside (Black and
    /// Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002): less than four steps on
    /// average.
    pub fn at(&self, place: u64) -> u64 {
        if self.size < 2 {
            return 0;
        }
        let mut number = place % self.size;
        loop {
            number = self.network(number);
            if number < self.size {
                return number;
            }
        }
    }

    fn network(&self, number: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & mask);
        // Four rounds make a strong pseudo-random permutation (Luby and Rackoff 1988); two more
        // for the small domains.
        for round in 0..6u8 {
            let mut hasher = blake3::Hasher::new_keyed(&self.key);
            hasher.update(&[round]);
            hasher.update(&right.to_le_bytes());
            let mut first = [0; 8];
            first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
            (left, right) = (right, left ^ (u64::from_le_bytes(first) & mask));
        }
        left << self.half_bits | right
    }
}

/// A stream of random numbers. The draws are written out here, not taken from `rand`'s
/// distributions, because those may change between versions and prompts may not.
pub struct Stream(ChaCha20Rng);

impl Stream {
    /// A number in `0..bound`, without bias. `bound` 0 gives 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Rejection of the incomplete last stretch of 2^64.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.0.next_u64();
            if draw < limit {
                return draw % bound;
            }
        }
    }

    /// A number in `0.0..1.0` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Sixteen random bytes.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Shuffles in place (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_never_change() {
        // A golden value: if it moves, every published run becomes unverifiable.
        let key = Secret::from_hex("00ff").expect("hex").key("");
        let mut stream = key.stream("golden", &[1, 2]);
        let draws: Vec<u64> = (0..4).map(|_| stream.below(1000)).collect();
        assert_eq!(draws, [576, 189, 969, 965]);
    }

    #[test]
    fn names_coordinates_and_salt_separate_streams() {
        let secret = Secret::from_hex("01").expect("hex");
        let draw = |key: RunKey, name: &str, at: &[u64]| key.stream(name, at).below(u64::MAX);
        let base = draw(secret.key(""), "a", &[1]);
        assert_ne!(base, draw(secret.key(""), "b", &[1]));
        assert_ne!(base, draw(secret.key(""), "a", &[2]));
        assert_ne!(base, draw(secret.key("salt"), "a", &[1]));
        assert_eq!(base, draw(secret.key(""), "a", &[1]));
    }

    #[test]
    fn a_permutation_meets_every_number_once_in_an_order_of_its_own() {
        let key = Secret::from_hex("03").expect("hex").key("");
        for size in [1u64, 2, 3, 7, 64, 1000, 4097] {
            let order = |name: &str| -> Vec<u64> {
                let permutation = key.permutation(name, size);
                (0..size).map(|place| permutation.at(place)).collect()
            };
            let mut sorted = order("a");
            sorted.sort_unstable();
            assert_eq!(sorted, (0..size).collect::<Vec<_>>(), "{size}");
            assert!(size < 64 || order("a") != order("b"));
        }
        // A golden value, as for streams.
        let permutation = key.permutation("golden", 9_000_000);
        let drawn: Vec<u64> = (0..4).map(|place| permutation.at(place)).collect();
        assert_eq!(drawn, [4_725_273, 47_288, 5_157_061, 8_461_010]);
    }

    #[test]
    fn a_secret_survives_its_hex_and_bad_hex_is_refused() {
        let secret = Secret::fresh().expect("randomness");
        assert_eq!(Secret::from_hex(&secret.to_hex()).expect("hex"), secret);
        for bad in ["", "0", "zz", &"0".repeat(66), "äöü1"] {
            assert!(Secret::from_hex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut stream = Secret::from_hex("02")
            .expect("hex")
            .key("")
            .stream("x", &[]);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[stream.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
