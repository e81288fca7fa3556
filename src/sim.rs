//! A simulated model with a known truth: it gets the bytes of a request and nothing else.
//!
//! It never sees a plan. It reads the prompt as a server would, finds the question, the fact and
//! the fact's place, and answers by a recall curve that its name states ([`Truth`]). So whatever
//! a run concludes about it can be held against that curve, and an error anywhere between the
//! plan and the wire (a fact that was not sent, a question about another key) shows as a wrong
//! answer.

pub mod body;
pub mod completion;
pub mod cut;
pub mod dialect;
mod doors;
mod draws;
pub mod family;
pub mod fault;
pub mod json;
pub mod leak;
pub mod line;
pub mod log;
#[cfg(test)]
mod made;
pub mod memory;
pub mod mind;
mod parrot;
pub mod playback;
pub mod prefix;
pub mod reader;
pub mod responder;
pub mod route;
pub mod server;
pub mod solver;
pub mod speech;
mod truth;
pub mod voice;
pub mod wire;

pub use fault::{FAULTS, Faults};
pub use log::Log;
pub use responder::Responder;
pub use server::{Serving, serve};
pub use truth::{MODIFIERS, NAMES, Truth};
pub use wire::SimWire;
