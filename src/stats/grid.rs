//! Outcomes by length and depth.

use super::Tally;

/// Cells by length, then depth. Rows that are too short count as if nothing was asked there.
pub(super) struct Grid {
    pub lengths: usize,
    pub depths: usize,
    cells: Vec<Tally>,
}

impl Grid {
    pub fn new(rows: &[Vec<Tally>]) -> Grid {
        let depths = rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = rows
            .iter()
            .flat_map(|row| (0..depths).map(|at| row.get(at).copied().unwrap_or_default()))
            .collect();
        Grid {
            lengths: rows.len(),
            depths,
            cells,
        }
    }

    /// The cells of one length.
    pub fn row(&self, length: usize) -> &[Tally] {
        &self.cells[length * self.depths..][..self.depths]
    }

    /// All cells in one.
    pub fn total(&self) -> Tally {
        self.cells.iter().copied().sum()
    }
}
