//! Symmetric matrices that are zero far from the diagonal, solved by Cholesky's method.
//!
//! Written here because nalgebra would cost half a minute of CPU in every build from nothing for
//! these few lines, and does not use the band, which makes a map of 11 × 11 ten times as fast.

/// The lower half of a symmetric matrix whose entries further than `reach` from the diagonal are
/// zero.
#[derive(Clone)]
pub(super) struct Banded {
    size: usize,
    reach: usize,
    /// By row, each from `reach` left of the diagonal to the diagonal.
    entries: Vec<f64>,
}

impl Banded {
    /// All zero.
    pub fn new(size: usize, reach: usize) -> Banded {
        Banded {
            size,
            reach,
            entries: vec![0.0; size * (reach + 1)],
        }
    }

    /// Adds to an entry on or below the diagonal, within reach.
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        let at = self.at(row, column);
        self.entries[at] += value;
    }

    /// x' M x.
    pub fn form(&self, x: &[f64]) -> f64 {
        self.times(x)
            .iter()
            .zip(x)
            .map(|(one, other)| one * other)
            .sum()
    }

    /// M x.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.size];
        for row in 0..self.size {
            for column in row.saturating_sub(self.reach)..row {
                let entry = self.entries[self.at(row, column)];
                product[row] += entry * x[column];
                product[column] += entry * x[row];
            }
            product[row] += self.entries[self.at(row, row)] * x[row];
        }
        product
    }

    /// The factor L of M = L L'; none where the matrix is not positive definite.
    pub fn factor(mut self) -> Option<Factor> {
        for row in 0..self.size {
            let first = row.saturating_sub(self.reach);
            for column in first..=row {
                let from = first.max(column.saturating_sub(self.reach));
                let products = dot(
                    &self.entries[self.at(row, from)..self.at(row, column)],
                    &self.entries[self.at(column, from)..self.at(column, column)],
                );
                let at = self.at(row, column);
                let left = self.entries[at] - products;
                self.entries[at] = match column == row {
                    false => left / self.entries[self.at(column, column)],
                    true if left > 0.0 => left.sqrt(),
                    true => return None,
                };
            }
        }
        Some(Factor(self))
    }

    fn at(&self, row: usize, column: usize) -> usize {
        row * (self.reach + 1) + column + self.reach - row
    }
}

/// A factored matrix M = L L'.
pub(super) struct Factor(Banded);

impl Factor {
    /// ln |M|.
    pub fn ln_determinant(&self) -> f64 {
        let lower = &self.0;
        let diagonal = (0..lower.size).map(|row| lower.entries[lower.at(row, row)].ln());
        2.0 * diagonal.sum::<f64>()
    }

    /// The x of M x = y.
    pub fn solve(&self, y: &[f64]) -> Vec<f64> {
        let lower = &self.0;
        let mut x = y.to_vec();
        self.forward(&mut x, 0);
        for row in (0..lower.size).rev() {
            x[row] /= lower.entries[lower.at(row, row)];
            for column in row.saturating_sub(lower.reach)..row {
                x[column] -= lower.entries[lower.at(row, column)] * x[row];
            }
        }
        x
    }

    /// The diagonal of the inverse of M.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let mut unit = vec![0.0; self.0.size];
        (0..self.0.size)
            .map(|at| {
                unit.fill(0.0);
                unit[at] = 1.0;
                self.forward(&mut unit, at);
                dot(&unit[at..], &unit[at..])
            })
            .collect()
    }

    /// Solves L x = x in place, where all before `first` is zero.
    fn forward(&self, x: &mut [f64], first: usize) {
        let lower = &self.0;
        for row in first..lower.size {
            let from = first.max(row.saturating_sub(lower.reach));
            let known = dot(
                &lower.entries[lower.at(row, from)..lower.at(row, row)],
                &x[from..row],
            );
            x[row] = (x[row] - known) / lower.entries[lower.at(row, row)];
        }
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The second difference matrix: its determinant is n + 1, and the inverse is known
    // (entry i, j: (min + 1)(n - max) / (n + 1)).
    #[test]
    fn the_second_difference_matrix_has_its_known_inverse() {
        for (size, reach) in [(1, 1), (7, 1), (7, 3)] {
            let mut matrix = Banded::new(size, reach);
            for at in 0..size {
                matrix.add(at, at, 2.0);
                if at > 0 {
                    matrix.add(at, at - 1, -1.0);
                }
            }
            let factor = matrix.factor().expect("positive definite");
            let n = size as f64;
            assert!((factor.ln_determinant() - (n + 1.0).ln()).abs() < 1e-12);
            for (at, found) in factor.inverse_diagonal().into_iter().enumerate() {
                let at = at as f64;
                assert!((found - (at + 1.0) * (n - at) / (n + 1.0)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        let mut matrix = Banded::new(2, 1);
        for (row, column, value) in [(0, 0, 1.0), (1, 0, 2.0), (1, 1, 1.0)] {
            matrix.add(row, column, value);
        }
        assert!(matrix.factor().is_none());
        assert!(Banded::new(3, 1).factor().is_none());
    }

    proptest! {
        #[test]
        fn solving_undoes_multiplying(
            entries in prop::collection::vec(-1.0..1.0f64, 60),
            x in prop::collection::vec(-5.0..5.0f64, 12),
            reach in 1usize..5,
        ) {
            let mut matrix = Banded::new(12, reach);
            let mut entries = entries.into_iter().cycle();
            for row in 0..12usize {
                for column in row.saturating_sub(reach)..row {
                    matrix.add(row, column, entries.next().expect("cycled"));
                }
                // A heavy diagonal makes it positive definite.
                matrix.add(row, row, 10.0);
            }
            let y = matrix.times(&x);
            prop_assert!((matrix.form(&x) - dot(&x, &y)).abs() < 1e-9);
            let found = matrix.factor().expect("positive definite").solve(&y);
            for (found, x) in found.iter().zip(&x) {
                prop_assert!((found - x).abs() < 1e-9);
            }
        }
    }
}
