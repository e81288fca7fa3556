//! Who is really answering: signals that tell models and servers apart, each with its strength.
//!
//! Every signal is a file that asks through [`crate::endpoint::Endpoint`], so that simulated, local
//! and remote models all work, and gives a [`signal::Signal`]: what was seen, what it says for or
//! against a hypothesis, how much that weighs, and what it cannot show. [`study::identify`] asks
//! them all; [`signal::weigh`] says what they come to. The words are "consistent" and "not
//! consistent": none of this proves which weights were run, and a difference has honest causes.

pub mod asker;
pub mod budget;
pub mod coverage;
pub mod cutting;
pub mod equality;
pub mod fields;
pub mod fingerprint;
pub mod greedy;
pub mod inflation;
pub mod known;
pub mod limits;
pub mod probes;
pub mod record;
pub mod report;
pub mod self_description;
pub mod signal;
pub mod special;
pub mod study;
pub mod twist;
pub mod vector;
