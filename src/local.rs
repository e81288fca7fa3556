//! Models on this machine: found or fetched by name, served by llama-server or by the engine built in.

pub mod cached;
pub mod catalog;
#[cfg(feature = "engine")]
pub mod engine;
pub mod fetch;
#[cfg(feature = "engine")]
pub mod in_process;
pub mod llama_server;
pub mod model;
pub mod part;
pub mod probe;
pub mod progress;
pub mod server;
pub mod store;
pub mod tls;
pub mod watchdog;
pub mod wheel;

pub use llama_server::{fetch_llama_server, find_llama_server};
pub use model::{Model, resolve};
pub use progress::{OnProgress, Progress};
pub use store::Store;
