//! The faulty server, byte by byte: every vendor's shapes, and every fault that can be ordered.

mod asked;
mod cuts;
mod shapes;
mod streams;
mod uploads;
mod vendor;

use depthfinder::tokens::Tokenizer;

/// The tokens that the simulated chat template adds.
const TEMPLATE_TOKENS: u64 = 7;

/// The value that is asked for.
const VALUE: &str = "4829173";

/// What is said where nothing is found.
const NO_IDEA: &str = "I don't know.";

/// Tokens of a text.
fn tokens(text: &str) -> u64 {
    let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
    tokenizer.count(text).expect("a count")
}

/// A text of so many sentences before the fact and so many after it, and the question at its end.
fn prompt(before: usize, after: usize) -> String {
    let hay = |count: usize| "Nothing of note was said that day. ".repeat(count);
    format!(
        "{}The special magic number for brave-otter is {VALUE}. {}\n\nWhat is the special magic \
         number for brave-otter? Answer with the number only.",
        hay(before),
        hay(after)
    )
}
