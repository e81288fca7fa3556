//! Whether two values are one slip apart.

/// True where one insertion, deletion, substitution or swap of neighbours turns `a` into `b`
/// (Damerau's four slips). Equal values are not near each other.
pub fn one_slip(a: &str, b: &str) -> bool {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..], &b[head..]);
    match (a, b) {
        ([], []) => false,
        ([_, a_rest @ ..], _) if a_rest == b => true,
        (_, [_, b_rest @ ..]) if b_rest == a => true,
        ([_, a_rest @ ..], [_, b_rest @ ..]) if a_rest == b_rest => true,
        ([a0, a1, a_rest @ ..], [b0, b1, b_rest @ ..]) => a0 == b1 && a1 == b0 && a_rest == b_rest,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::one_slip;
    use proptest::prelude::*;

    /// Optimal string alignment by the textbook's table, to check the short form against.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let differ = usize::from(a[i - 1] != b[j - 1]);
                    let mut best = (table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1)
                        .min(table[i - 1][j - 1] + differ);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(table[i - 2][j - 2] + 1);
                    }
                    best
                };
            }
        }
        table[a.len()][b.len()]
    }

    #[test]
    fn the_four_slips_are_near_and_two_are_not() {
        for (a, b, near) in [
            ("6761316", "676131", true),
            ("676131", "6761316", true),
            ("4829173", "4829713", true),
            ("4829173", "4829174", true),
            ("4829173", "4829173", false),
            ("4829173", "4829", false),
            ("4829173", "8429137", false),
            ("", "", false),
            ("", "1", true),
        ] {
            assert_eq!(one_slip(a, b), near, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn one_slip_is_distance_one(a in "[12]{0,7}", b in "[12]{0,7}") {
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            prop_assert_eq!(one_slip(&a, &b), distance(&x, &y) == 1);
        }
    }
}
