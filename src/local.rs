//! Models on this machine: found or fetched by name, served by llama-server or by the engine built in.

#[cfg(feature = "engine")]
pub mod engine;
