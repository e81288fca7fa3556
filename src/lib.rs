//! depthfinder measures how deep a model's context window really is.

pub mod chart;
pub mod endpoint;
pub mod local;
pub mod number;
pub mod reply;
pub mod report;
pub mod rope;
pub mod sim;
pub mod stats;
pub mod summary;
pub mod task;
