//! A gate for continuous integration: a stored baseline, the same prompts to the new deployment, PASS, FAIL or NEUTRAL.

mod baseline;
mod course;

pub use baseline::{BASELINE_SCHEMA, Baseline, BaselineRow};
pub use course::{Changes, Course, Gated, GatedBand, Outcome, Reference};
