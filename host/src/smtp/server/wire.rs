//! The bytes between a client and a session: lines in, replies out, each wait with an end.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::reply::Reply;

/// A line of a client without its end: room for an address with every parameter, and for any password in base64.
pub(super) const LINE_BYTES_MAX: usize = 4_096;
/// How much is read at once.
const BLOCK_BYTES: usize = 32 * 1024;
/// Replies that wait for the client to stop sending commands (RFC 2920). From here on they leave at once.
const REPLIES_BYTES_MAX: usize = 16 * 1024;

/// A connection, with or without TLS.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<Stream: AsyncRead + AsyncWrite + Unpin + Send> Transport for Stream {}

/// A connection with what was read ahead and what is not sent yet.
pub(super) struct Wire {
    transport: Box<dyn Transport>,
    read: BytesMut,
    replies: Vec<u8>,
}

/// Why there is no next line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Broken {
    /// The client is gone.
    Closed,
    /// It took too long.
    Late,
    /// The line is longer than [`LINE_BYTES_MAX`].
    LineTooLong,
    /// A CR or LF stands alone.
    BareLineEnd,
}

impl Wire {
    pub(super) fn over(transport: Box<dyn Transport>) -> Self {
        Self { transport, read: BytesMut::new(), replies: Vec::new() }
    }

    /// Gives the connection back, for TLS. `None` when the client sent something that would have to be forgotten.
    pub(super) fn into_transport(self) -> Option<Box<dyn Transport>> {
        self.read.is_empty().then_some(self.transport)
    }

    /// Whether the client sent more than was looked at.
    pub(super) fn has_more(&self) -> bool {
        !self.read.is_empty()
    }

    /// Replies as soon as the client waits for it.
    pub(super) fn say(&mut self, reply: &Reply) {
        self.replies.extend_from_slice(reply.to_wire().as_bytes());
    }

    /// The next line, without its end. Nothing is lost when the wait is given up.
    pub(super) async fn line(&mut self, deadline: Instant) -> Result<Bytes, Broken> {
        loop {
            if let Some(end) = end_of_line(&self.read)? {
                let line = self.read.split_to(end).freeze();
                self.read.advance(2);
                return Ok(line);
            }
            self.fill(deadline).await?;
        }
    }

    /// At most so many of the bytes that are there, and at least one.
    pub(super) async fn some(&mut self, bytes_max: usize, deadline: Instant) -> Result<Bytes, Broken> {
        if self.read.is_empty() {
            self.fill(deadline).await?;
        }
        Ok(self.read.split_to(bytes_max.min(self.read.len())).freeze())
    }

    /// Puts back what belongs to the next command.
    pub(super) fn unread(&mut self, rest: &[u8]) {
        let mut read = BytesMut::from(rest);
        read.extend_from_slice(&self.read);
        self.read = read;
    }

    /// Sends what was said so far.
    pub(super) async fn flush(&mut self, deadline: Instant) -> Result<(), Broken> {
        let send = async {
            while !self.replies.is_empty() {
                let sent = self.transport.write(&self.replies).await.ok().filter(|sent| *sent > 0)?;
                self.replies.drain(..sent);
            }
            self.transport.flush().await.ok()
        };
        timeout_at(deadline, send).await.map_err(|_| Broken::Late)?.ok_or(Broken::Closed)
    }

    /// Says the last words, and that they were the last.
    pub(super) async fn close(mut self, deadline: Instant) {
        if self.flush(deadline).await.is_ok() {
            drop(timeout_at(deadline, self.transport.shutdown()).await);
        }
    }

    /// Sends what waits when the client does, and reads more.
    async fn fill(&mut self, deadline: Instant) -> Result<(), Broken> {
        self.flush(deadline).await?;
        self.read.reserve(BLOCK_BYTES);
        let read = timeout_at(deadline, self.transport.read_buf(&mut self.read)).await.map_err(|_| Broken::Late)?;
        if read.unwrap_or(0) == 0 { Err(Broken::Closed) } else { Ok(()) }
    }

    /// Whether so many replies wait that they must leave before more is read.
    pub(super) fn is_full(&self) -> bool {
        self.replies.len() >= REPLIES_BYTES_MAX
    }
}

/// Where the first line ends; `None` when it goes on.
fn end_of_line(read: &[u8]) -> Result<Option<usize>, Broken> {
    let end = read.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    if end.unwrap_or(read.len()) > LINE_BYTES_MAX {
        return Err(Broken::LineTooLong);
    }
    let Some(end) = end else { return Ok(None) };
    match (read[end], read.get(end + 1)) {
        (b'\r', Some(b'\n')) => Ok(Some(end)),
        (b'\r', None) => Ok(None),
        _ => Err(Broken::BareLineEnd),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_ends_in_crlf_and_in_nothing_else() {
        assert_eq!(end_of_line(b"NOOP\r\nQUIT\r\n"), Ok(Some(4)));
        assert_eq!(end_of_line(b"\r\n"), Ok(Some(0)));
        assert_eq!(end_of_line(b"NOOP\r"), Ok(None));
        assert_eq!(end_of_line(b"NOOP"), Ok(None));
        assert_eq!(end_of_line(b"NOOP\nQUIT\r\n"), Err(Broken::BareLineEnd));
        assert_eq!(end_of_line(b"NO\rOP\r\n"), Err(Broken::BareLineEnd));
        assert_eq!(end_of_line(b"NOOP\r\r\n"), Err(Broken::BareLineEnd));
    }

    #[test]
    fn a_line_has_a_bound_whether_it_ends_or_not() {
        let line = |bytes: usize| "x".repeat(bytes) + "\r\n";
        assert_eq!(end_of_line(line(LINE_BYTES_MAX).as_bytes()), Ok(Some(LINE_BYTES_MAX)));
        assert_eq!(end_of_line(line(LINE_BYTES_MAX + 1).as_bytes()), Err(Broken::LineTooLong));
        assert_eq!(end_of_line(&vec![b'x'; LINE_BYTES_MAX]), Ok(None));
        assert_eq!(end_of_line(&vec![b'x'; LINE_BYTES_MAX + 1]), Err(Broken::LineTooLong));
    }

    #[tokio::test]
    async fn replies_leave_when_the_client_waits_and_together() {
        let (client, server) = tokio::io::duplex(1_000);
        let (mut client, mut wire) = (client, Wire::over(Box::new(server)));
        let deadline = Instant::now() + Duration::from_secs(10);
        client.write_all(b"a\r\nb\r\n").await.expect("it is written");
        for line in ["a", "b"] {
            assert_eq!(wire.line(deadline).await.expect("a line"), line);
            wire.say(&Reply::new(250, "2.0.0", line));
        }
        let soon = Instant::now() + Duration::from_millis(50);
        assert_eq!(wire.line(soon).await, Err(Broken::Late));
        let mut heard = [0; 26];
        client.read_exact(&mut heard).await.expect("it is read");
        assert_eq!(&heard, b"250 2.0.0 a\r\n250 2.0.0 b\r\n");
    }

    #[test]
    fn so_many_replies_wait_and_no_more() {
        let (_client, server) = tokio::io::duplex(1);
        let mut wire = Wire::over(Box::new(server));
        let reply = Reply::new(250, "2.0.0", "x".repeat(REPLIES_BYTES_MAX / 64 - "250 2.0.0 \r\n".len()));
        for _ in 0..63 {
            wire.say(&reply);
        }
        assert!(!wire.is_full());
        wire.say(&reply);
        assert!(wire.is_full());
    }
}
