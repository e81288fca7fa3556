//! A set of hashes as bits: whatever was put in is found, and little else.

/// Bits per byte of text. Each byte of Chinese gives up to one and a third hashes (one to four
/// characters in a row, for every character of three bytes), each byte of other text a sixth.
const BITS_PER_BYTE: u64 = 8;
/// 64 MiB.
const MOST_BITS: u64 = 1 << 29;

/// A set of hashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// A power of two of them, or none.
    blocks: Vec<u64>,
}

impl Marks {
    /// An empty set for what a text of so many bytes holds; none for none.
    pub fn for_text_of(len_bytes: u64) -> Marks {
        let bits = match len_bytes {
            0 => 0,
            _ => (len_bytes * BITS_PER_BYTE)
                .next_power_of_two()
                .clamp(1 << 12, MOST_BITS),
        };
        Marks {
            blocks: vec![0; (bits / 64) as usize],
        }
    }

    /// As they were kept.
    pub fn of_blocks(blocks: Vec<u64>) -> Option<Marks> {
        (blocks.is_empty() || blocks.len().is_power_of_two()).then_some(Marks { blocks })
    }

    /// As they are kept.
    pub fn blocks(&self) -> &[u64] {
        &self.blocks
    }

    pub fn put(&mut self, hash: u64) {
        if let Some((block, bit)) = self.place(hash) {
            self.blocks[block] |= bit;
        }
    }

    pub fn has(&self, hash: u64) -> bool {
        self.place(hash)
            .is_some_and(|(block, bit)| self.blocks[block] & bit != 0)
    }

    fn place(&self, hash: u64) -> Option<(usize, u64)> {
        let mask = (self.blocks.len() as u64).checked_sub(1)?;
        // The low bits of the hash are its best mixed ones only after another turn.
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some((((mixed >> 6) & mask) as usize, 1 << (mixed >> 58)))
    }
}
