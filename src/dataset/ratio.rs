//! Python's `difflib.SequenceMatcher(None, a, b).ratio()`, to the last bit.

use std::collections::HashMap;
use std::ops::Range;

/// How alike two texts are, from 0 (nothing in common) to 1 (equal), code point by code point.
///
/// This is a port of CPython's `difflib` (`Lib/difflib.py`, `SequenceMatcher` without a junk
/// function and with `autojunk`), its quirks included: where the second text has 200 characters
/// or more, a character that makes up more than one in a hundred of it starts no match, so that
/// `ratio(a, b)` and `ratio(b, a)` may differ, and two English texts seem less alike than they
/// are.
pub fn ratio(a: &str, b: &str) -> f64 {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let both = a.len() + b.len();
    if both == 0 {
        return 1.0;
    }
    2.0 * matching(&a, &b) as f64 / both as f64
}

/// Characters in the matching blocks of both texts.
fn matching(a: &[char], b: &[char]) -> usize {
    let places = Places::of(b);
    let mut runs = Runs::new(b.len());
    let mut total = 0;
    let mut open = vec![(0..a.len(), 0..b.len())];
    while let Some((in_a, in_b)) = open.pop() {
        let block = longest(a, b, &places, &mut runs, &in_a, &in_b);
        if block.size == 0 {
            continue;
        }
        total += block.size;
        if in_a.start < block.a && in_b.start < block.b {
            open.push((in_a.start..block.a, in_b.start..block.b));
        }
        let (after_a, after_b) = (block.a + block.size, block.b + block.size);
        if after_a < in_a.end && after_b < in_b.end {
            open.push((after_a..in_a.end, after_b..in_b.end));
        }
    }
    total
}

/// Where each character of the second text stands in it, in order; those too frequent to start
/// a match are left out.
struct Places(HashMap<char, Vec<usize>>);

impl Places {
    fn of(b: &[char]) -> Places {
        /// From this length on frequent characters are left out.
        const AUTOJUNK_FROM: usize = 200;
        let mut places: HashMap<char, Vec<usize>> = HashMap::new();
        for (at, c) in b.iter().enumerate() {
            places.entry(*c).or_default().push(at);
        }
        if b.len() >= AUTOJUNK_FROM {
            let most = b.len() / 100 + 1;
            places.retain(|_, found| found.len() <= most);
        }
        Places(places)
    }

    /// The places of a character within a part of the text.
    fn within(&self, c: char, part: &Range<usize>) -> &[usize] {
        let Some(all) = self.0.get(&c) else {
            return &[];
        };
        let from = all.partition_point(|at| *at < part.start);
        let to = all.partition_point(|at| *at < part.end);
        &all[from..to]
    }
}

/// Lengths of the matches that end at the character before each place of the second text; all
/// zero between two searches.
struct Runs {
    before: Vec<usize>,
    next: Vec<usize>,
}

impl Runs {
    fn new(length: usize) -> Runs {
        Runs {
            before: vec![0; length + 1],
            next: vec![0; length + 1],
        }
    }
}

/// Equal characters: where they begin in both texts, and how many.
struct Block {
    a: usize,
    b: usize,
    size: usize,
}

/// The longest block within parts of both texts; of equally long ones the first in `a`, then the
/// first in `b`.
fn longest(
    a: &[char],
    b: &[char],
    places: &Places,
    runs: &mut Runs,
    in_a: &Range<usize>,
    in_b: &Range<usize>,
) -> Block {
    let mut best = Block {
        a: in_a.start,
        b: in_b.start,
        size: 0,
    };
    let mut written: &[usize] = &[];
    for i in in_a.clone() {
        let here = places.within(a[i], in_b);
        for &j in here {
            let size = runs.before[j] + 1;
            runs.next[j + 1] = size;
            if size > best.size {
                best = Block {
                    a: i + 1 - size,
                    b: j + 1 - size,
                    size,
                };
            }
        }
        for &j in written {
            runs.before[j + 1] = 0;
        }
        written = here;
        std::mem::swap(&mut runs.before, &mut runs.next);
    }
    for &j in written {
        runs.before[j + 1] = 0;
    }
    // The frequent characters, which start no match, may extend one.
    while best.a > in_a.start && best.b > in_b.start && a[best.a - 1] == b[best.b - 1] {
        (best.a, best.b, best.size) = (best.a - 1, best.b - 1, best.size + 1);
    }
    while best.a + best.size < in_a.end
        && best.b + best.size < in_b.end
        && a[best.a + best.size] == b[best.b + best.size]
    {
        best.size += 1;
    }
    best
}
