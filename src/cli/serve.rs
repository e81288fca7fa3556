//! `serve`: a simulated model behind real HTTP on loopback.

use super::arguments::Serve;
use super::{Exit, screen};
use crate::sim::{Truth, serve};
use anyhow::{Context, Result};

/// Serves until interrupted.
pub async fn run(arguments: &Serve) -> Result<Exit> {
    let name = arguments.target.strip_prefix("sim:").with_context(|| {
        format!(
            "only simulated models are served: sim:NAME, not {}",
            arguments.target
        )
    })?;
    let serving = serve(
        Truth::parse(name)?,
        arguments.port,
        super::setup::interrupted(),
    )
    .await?;
    screen::out(&format!("{}#sim:{name}", serving.base_url()));
    serving.stopped().await;
    Ok(Exit::Done)
}
