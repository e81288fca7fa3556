//! The kinds of questions: each task plants facts in a haystack and asks for them.

pub mod niah;
