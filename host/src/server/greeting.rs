//! A time limit for the first bytes of a connection.
//!
//! Whether a connection speaks HTTP/2 shows in its first 24 bytes, and the time limit for a head begins behind them. So
//! who connects and says nothing, or a part of HTTP/2's preface and no more, would keep a place for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a client with prior knowledge of HTTP/2 sends first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream whose reads fail when it has not shown in time which protocol it speaks.
pub(super) struct Greeting<Stream> {
    stream: Stream,
    /// How much of the preface was read so far.
    preface_bytes: usize,
    /// Gone once the protocol is known.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<Stream> Greeting<Stream> {
    pub(super) fn within(time: Duration, stream: Stream) -> Self {
        Self { stream, preface_bytes: 0, deadline: Some(Box::pin(sleep(time))) }
    }

    fn saw(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.preface_bytes..];
        self.preface_bytes += bytes.len();
        if bytes.len() >= expected.len() || !expected.starts_with(bytes) {
            self.deadline = None;
        }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Greeting<Stream> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.deadline.is_some() && matches!(read, Poll::Ready(Ok(()))) {
            self.saw(&buffer.filled()[before..]);
        }
        read
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Greeting<Stream> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&str], is_known: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        let _inside = runtime.enter();
        let mut greeting = Greeting::within(Duration::from_secs(1), ());
        for piece in pieces {
            if greeting.deadline.is_some() {
                greeting.saw(piece.as_bytes());
            }
        }
        assert_eq!(greeting.deadline.is_none(), is_known, "{pieces:?}");
    }

    #[test]
    fn the_limit_ends_with_the_first_byte_that_tells() {
        check(&[], false);
        check(&["G"], true);
        check(&["P"], false);
        check(&["PO"], true);
        check(&["PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r"], false);
        check(&["PRI * HTTP/2.0\r\n\r\n", "SM\r\n\r\n"], true);
        check(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more"], true);
        check(&["PRI", " * HTTP/1.1"], true);
    }
}
