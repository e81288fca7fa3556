//! How fast: waits between attempts, and how many tokens are under way at a time.

use rand::Rng as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Waits of both large vendors' own clients: the server's word, else doubling from half a second.
pub struct Backoff;

impl Backoff {
    /// The wait before the attempt after `failures` failures.
    pub fn wait(failures: u32, retry_after_ms: Option<u64>) -> Duration {
        if let Some(asked) = retry_after_ms {
            return Duration::from_millis(asked.min(600_000));
        }
        let seconds = (0.5 * 2f64.powi(failures.min(10) as i32)).min(8.0);
        // Jitter keeps many clients from coming back together; it decides nothing that is measured.
        let jitter = rand::rng().next_u32() as f64 / f64::from(u32::MAX);
        Duration::from_secs_f64(seconds * (1.0 - 0.25 * jitter))
    }
}

/// A budget of prompt tokens under way.
pub struct Inflight {
    limit: u64,
    prompt: AtomicU64,
    output: AtomicU64,
    freed: Notify,
}

/// Gives its tokens back when dropped.
pub struct Permit<'a> {
    inflight: &'a Inflight,
    prompt: u64,
    output: u64,
}

impl Inflight {
    pub fn new(limit: u64) -> Inflight {
        Inflight {
            limit,
            prompt: AtomicU64::new(0),
            output: AtomicU64::new(0),
            freed: Notify::new(),
        }
    }

    /// Tokens under way: of prompts, and of answers at most.
    pub fn tokens(&self) -> (u64, u64) {
        (
            self.prompt.load(Ordering::Relaxed),
            self.output.load(Ordering::Relaxed),
        )
    }

    /// Waits until a prompt fits; one larger than the limit goes when it is alone.
    pub async fn take(&self, prompt: u64, output: u64) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            let fits = self
                .prompt
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                    (taken == 0 || taken + prompt <= self.limit).then_some(taken + prompt)
                });
            if fits.is_ok() {
                self.output.fetch_add(output, Ordering::AcqRel);
                return Permit {
                    inflight: self,
                    prompt,
                    output,
                };
            }
            freed.await;
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.inflight
            .prompt
            .fetch_sub(self.prompt, Ordering::AcqRel);
        self.inflight
            .output
            .fetch_sub(self.output, Ordering::AcqRel);
        self.inflight.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_eight_seconds_and_honour_the_server() {
        for (failures, longest) in [(0, 0.5), (1, 1.0), (4, 8.0), (30, 8.0)] {
            let wait = Backoff::wait(failures, None).as_secs_f64();
            assert!(
                (0.75 * longest..=longest).contains(&wait),
                "{failures}: {wait}"
            );
        }
        assert_eq!(Backoff::wait(0, Some(1234)), Duration::from_millis(1234));
    }

    #[tokio::test]
    async fn the_budget_holds_back_and_lets_one_large_request_through() {
        let inflight = Inflight::new(100);
        let first = inflight.take(500, 64).await;
        let mut second = std::pin::pin!(inflight.take(10, 64));
        let early = tokio::time::timeout(Duration::from_millis(20), second.as_mut()).await;
        assert!(early.is_err());
        drop(first);
        let second = second.await;
        assert_eq!(inflight.tokens(), (10, 64));
        drop(second);
        assert_eq!(inflight.tokens(), (0, 0));
    }
}
