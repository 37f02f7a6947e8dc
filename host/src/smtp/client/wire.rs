//! The bytes of a conversation: replies in, commands and messages out, each within its time.

use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::failure::Failure;
use crate::mail::reply::{LINE_BYTES_MAX, NoReply, Reply, ReplyReader, Stage};

/// Bytes of a message that are written at once.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// Room for what is read at once.
const READ_BYTES: usize = 1_024;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Any: AsyncRead + AsyncWrite + Send + Unpin> Stream for Any {}

/// A connection and what was read of it and not yet asked for.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    unread: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), unread: BytesMut::new() }
    }

    /// The connection itself, when nothing was read ahead of what was asked for.
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.unread.is_empty().then_some(self.stream)
    }

    /// Whether the other side keeps silent and has the connection open.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut read = std::pin::pin!(self.stream.read(&mut byte));
        let looked = std::future::poll_fn(|context| Poll::Ready(read.as_mut().poll(context).is_pending())).await;
        looked && self.unread.is_empty()
    }

    /// The next reply, whole within `limit`.
    pub(super) async fn reply(&mut self, stage: Stage, limit: Duration) -> Result<Reply, Failure> {
        let read = async {
            let mut reader = ReplyReader::default();
            loop {
                let line = self.line(stage).await?;
                if let Some(reply) = reader.push(&line).map_err(|error| Failure::Garbage(stage, error))? {
                    return Ok(reply);
                }
            }
        };
        timeout(limit, read).await.unwrap_or(Err(Failure::Silent(stage, limit)))
    }

    /// The next line without its end. Servers that end lines with a bare LF are understood.
    async fn line(&mut self, stage: Stage) -> Result<BytesMut, Failure> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.unread[seen..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.unread.split_to(seen + end + 1);
                line.truncate(seen + end);
                if line.ends_with(b"\r") {
                    line.truncate(line.len() - 1);
                }
                return Ok(line);
            }
            seen = self.unread.len();
            // One more is the CR of a line that is just as long as it may be.
            if seen > LINE_BYTES_MAX + 1 {
                return Err(Failure::Garbage(stage, NoReply::LongLine));
            }
            self.unread.reserve(READ_BYTES);
            match self.stream.read_buf(&mut self.unread).await {
                Ok(0) => return Err(Failure::Closed(stage)),
                Ok(_) => {}
                Err(error) => return Err(lost(stage, error)),
            }
        }
    }

    /// Writes commands within `limit`.
    pub(super) async fn write(&mut self, stage: Stage, limit: Duration, bytes: &[u8]) -> Result<(), Failure> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(limit, written).await {
            Ok(done) => done.map_err(|error| lost(stage, error)),
            Err(_) => Err(Failure::Silent(stage, limit)),
        }
    }

    /// Writes a message, each block within `limit`. It has ended once its last block is begun.
    pub(super) async fn write_message(&mut self, limit: Duration, parts: &[&[u8]]) -> Result<(), Failure> {
        let mut left: usize = parts.iter().map(|part| part.len()).sum();
        let mut block = Vec::with_capacity(left.min(BLOCK_BYTES));
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(BLOCK_BYTES - block.len()));
                block.extend_from_slice(now);
                rest = later;
                left -= now.len();
                if block.len() == BLOCK_BYTES || left == 0 {
                    let stage = if left == 0 { Stage::Message } else { Stage::Text };
                    self.write(stage, limit, &block).await?;
                    block.clear();
                }
            }
        }
        Ok(())
    }
}

/// A connection that the other side ended reads better as that.
fn lost(stage: Stage, error: io::Error) -> Failure {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Failure::Closed(stage),
        _ => Failure::Broken(stage, error),
    }
}

#[cfg(test)]
mod tests;
