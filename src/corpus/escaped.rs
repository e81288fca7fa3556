//! A text escaped for JSON, with the way back from raw offsets.

use crate::rope::escape;
use bytes::Bytes;

/// Raw bytes between two marks.
const STEP_BYTES: usize = 4096;

/// The escaped copy of a text.
pub struct Escaped {
    json: Bytes,
    /// Offset in `json` of every `STEP_BYTES`-th raw byte.
    marks: Vec<u32>,
    /// Raw bytes of the text that are escaped, as offsets within their step, and where each
    /// step's offsets begin.
    offsets: Vec<(u16, u8)>,
    steps: Vec<u32>,
}

impl Escaped {
    /// Escapes a text of at most 4 GiB.
    pub fn of(text: &str) -> Escaped {
        let json = escape(text);
        let (mut marks, mut offsets, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let mut grown = 0u32;
        for (at, chunk) in text.as_bytes().chunks(STEP_BYTES).enumerate() {
            marks.push((at * STEP_BYTES) as u32 + grown);
            steps.push(offsets.len() as u32);
            for (within, &byte) in chunk.iter().enumerate() {
                if byte < 0x20 || byte == b'"' || byte == b'\\' {
                    let growth = growth(byte);
                    offsets.push((within as u16, growth));
                    grown += u32::from(growth);
                }
            }
        }
        marks.push(json.len() as u32);
        steps.push(offsets.len() as u32);
        Escaped {
            json: Bytes::from(json),
            marks,
            offsets,
            steps,
        }
    }

    /// The escaped form of the raw bytes `from..to`.
    pub fn slice(&self, from: usize, to: usize) -> Bytes {
        self.json.slice(self.at(from)..self.at(to))
    }

    fn at(&self, raw: usize) -> usize {
        let step = raw / STEP_BYTES;
        if step + 1 >= self.steps.len() {
            return self.json.len();
        }
        let within = (raw % STEP_BYTES) as u16;
        let growth: usize = self.offsets[self.steps[step] as usize..self.steps[step + 1] as usize]
            .iter()
            .take_while(|(offset, _)| *offset < within)
            .map(|(_, growth)| usize::from(*growth))
            .sum();
        self.marks[step] as usize + usize::from(within) + growth
    }
}

/// How many bytes longer an escaped byte is.
fn growth(byte: u8) -> u8 {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        _ => 5,
    }
}
