//! A request body that streams out of shared slices with its exact length, and notes how far it got.

use crate::endpoint::wire;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

/// Largest slice handed to the connection at once. Between two of them the connection gets a
/// turn to read, so that an early 413 is seen before the write that it makes fail.
const FRAME_BYTES: usize = 256 * 1024;

/// How much of a body was handed to the connection, and when the last of it was.
#[derive(Debug)]
pub struct Progress {
    total_bytes: u64,
    handed_bytes: AtomicU64,
    finished: OnceLock<Instant>,
}

impl Progress {
    /// Length of the whole body in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes handed over so far.
    pub fn handed_bytes(&self) -> u64 {
        self.handed_bytes.load(Ordering::Relaxed)
    }

    /// When the last byte was handed over; none while there are more.
    pub fn finished(&self) -> Option<Instant> {
        self.finished.get().copied()
    }
}

/// The body itself.
pub struct Upload {
    slices: VecDeque<Bytes>,
    progress: Arc<Progress>,
    gave_a_turn: bool,
}

impl Upload {
    /// A body of these slices, none of which is copied, and the account of its progress.
    pub fn of(body: wire::Body) -> (Upload, Arc<Progress>) {
        let progress = Arc::new(Progress {
            total_bytes: body.len_bytes(),
            handed_bytes: AtomicU64::new(0),
            finished: OnceLock::new(),
        });
        let slices = body.slices.into_iter().filter(|slice| !slice.is_empty());
        let upload = Upload {
            slices: slices.collect(),
            progress: Arc::clone(&progress),
            gave_a_turn: true,
        };
        (upload, progress)
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let Some(front) = this.slices.front_mut() else {
            return Poll::Ready(None);
        };
        if !this.gave_a_turn {
            this.gave_a_turn = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let slice = if front.len() > FRAME_BYTES {
            front.split_to(FRAME_BYTES)
        } else {
            this.slices.pop_front().unwrap_or_default()
        };
        // Short slices (needle edges) go out together; a turn is given once per large one.
        this.gave_a_turn = slice.len() < FRAME_BYTES;
        let length = slice.len() as u64;
        this.progress
            .handed_bytes
            .fetch_add(length, Ordering::Relaxed);
        if this.slices.is_empty() {
            let _ = this.progress.finished.set(Instant::now());
        }
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.slices.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.progress.total_bytes - self.progress.handed_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;
    use http_body_util::BodyExt;

    #[test]
    fn large_slices_are_cut_without_being_copied() {
        let big = Bytes::from(vec![b'x'; 3 * FRAME_BYTES + 7]);
        let body = wire::Body {
            slices: vec![Bytes::from_static(b"{"), Bytes::new(), big.clone()],
        };
        let (mut upload, progress) = Upload::of(body);
        assert_eq!(upload.size_hint().exact(), Some(big.len() as u64 + 1));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut at = 0;
            while let Some(frame) = upload.frame().await {
                let data = frame.expect("no error").into_data().expect("data");
                assert!(data.len() <= FRAME_BYTES);
                if at > 0 {
                    assert_eq!(data.as_ptr(), big[at - 1..].as_ptr(), "a copy at {at}");
                }
                at += data.len();
                assert_eq!(progress.finished().is_some(), at == big.len() + 1);
            }
            assert_eq!(at as u64, progress.handed_bytes());
        });
    }
}
