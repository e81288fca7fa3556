//! `serve`: a simulated model behind real HTTP on loopback.

use super::arguments::Serve;
use super::{Exit, screen};
use crate::sim::{Log, Responder, Truth, serve};
use anyhow::{Context, Result};

/// Serves until interrupted.
pub async fn run(arguments: &Serve) -> Result<Exit> {
    let name = arguments.target.strip_prefix("sim:").with_context(|| {
        format!(
            "only simulated models are served: sim:NAME, not {}",
            arguments.target
        )
    })?;
    let mut truth = Truth::parse(name)?;
    for list in &arguments.fault {
        truth.faults.add(list)?;
    }
    if let Some(seed) = arguments.fault_seed {
        truth.faults.seed = seed;
    }
    let model = truth.model();
    let mut responder = Responder::new(truth)?;
    if let Some(path) = &arguments.log {
        responder = responder.with_log(Log::create(path)?);
    }
    let serving = serve(responder, arguments.port, super::setup::interrupted()).await?;
    screen::out(&format!("{}#{model}", serving.base_url()));
    serving.stopped().await;
    Ok(Exit::Done)
}
