//! A gate for continuous integration: a stored baseline, the same prompts to the new deployment, PASS, FAIL or NEUTRAL.

mod baseline;
mod course;
mod replies;
mod verdict;

pub use baseline::{BASELINE_SCHEMA, Baseline, BaselineRow};
pub use course::{Answer, Answers, Changes, Course, Reference};
pub use replies::{answers, due_again};
pub use verdict::{CACHED, Gated, GatedBand, Outcome};
