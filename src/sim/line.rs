//! One client's connection, which can be told to end with a reset instead of a farewell.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection.
pub struct Line {
    stream: TcpStream,
    scissors: Scissors,
}

/// What a connection is marked with for a reset.
#[derive(Clone, Default)]
pub struct Scissors(Arc<AtomicBool>);

impl Scissors {
    /// The connection will end with a reset.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Line {
    /// A connection, and what marks it.
    pub fn new(stream: TcpStream) -> (Line, Scissors) {
        let scissors = Scissors::default();
        let line = Line {
            stream,
            scissors: scissors.clone(),
        };
        (line, scissors)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.scissors.0.load(Ordering::Relaxed) {
            // A linger time of zero turns the farewell into a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.scissors.0.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
