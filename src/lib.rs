//! depthfinder measures how deep a model's context window really is.

pub mod chart;
pub mod corpus;
pub mod endpoint;
pub mod gguf;
pub mod length;
pub mod local;
pub mod reply;
pub mod report;
pub mod rope;
pub mod seed;
pub mod sim;
pub mod stats;
pub mod summary;
pub mod task;
pub mod tokens;
