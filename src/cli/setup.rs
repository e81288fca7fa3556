//! What several commands need: the cache folder, and the wish to stop.

use super::{Exit, screen};
use anyhow::Result;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Runs a command that a signal may stop. The command sets `begun` once it ends by itself when
/// stopped, with everything kept; before that it is simply dropped.
pub async fn interruptible(
    command: impl AsyncFnOnce(watch::Receiver<bool>, &AtomicBool) -> Result<Exit>,
) -> Result<Exit> {
    let (stop, stopped) = watch::channel(false);
    let listener = tokio::spawn(async move {
        interrupted().await;
        let _ = stop.send(true);
        // Held until the run has ended: a dropped sender would mean that nobody can stop it.
        std::future::pending::<()>().await;
    });
    let begun = AtomicBool::new(false);
    let mut early = stopped.clone();
    let ended = tokio::select! {
        ended = command(stopped, &begun) => ended,
        () = async {
            let _ = early.wait_for(|stop| *stop).await;
            if begun.load(Ordering::Acquire) {
                std::future::pending::<()>().await;
            }
        } => {
            screen::note("interrupted before the first trial: nothing was asked of the run, and nothing is lost");
            Ok(Exit::Interrupted)
        }
    };
    listener.abort();
    ended
}

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
