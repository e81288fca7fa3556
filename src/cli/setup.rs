//! What several commands need: the cache folder, and the wish to stop.

use std::path::PathBuf;

/// The folder for indexes; none where this machine has no place for one.
pub fn cache() -> Option<PathBuf> {
    match std::env::var_os("DEPTHFINDER_CACHE") {
        Some(folder) if !folder.is_empty() => Some(PathBuf::from(folder)),
        _ => Some(dirs::cache_dir()?.join("depthfinder")),
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
