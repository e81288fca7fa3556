//! depthfinder measures how deep a model's context window really is.

pub mod chart;
pub mod corpus;
pub mod endpoint;
pub mod fact;
pub mod gguf;
pub mod haystack;
pub mod index;
pub mod length;
pub mod lexicon;
pub mod local;
pub mod names;
pub mod prompt;
pub mod reply;
pub mod report;
pub mod rope;
pub mod sentence;
pub mod sim;
pub mod seed;
pub mod stats;
pub mod summary;
pub mod task;
pub mod tokens;
