//! What a client goes on sending although its answer is decided.
//!
//! Most clients look for an answer only after they have sent their whole body. If the connection were closed before,
//! a refusal (413, 401) would reach them as a broken connection. So what a handler leaves of a body is read and thrown
//! away for a while, beside the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How much of a body is thrown away, in bytes. Twice the default of `body_bytes_max`.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that may take.
const DISCARD_TIME: Duration = Duration::from_secs(10);

/// A body that arrives over a connection.
pub trait Incoming: Body<Data = Bytes> + Send + Unpin + 'static {}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Incoming for B {}

/// The body of a request.
pub struct RequestBody<B: Incoming> {
    /// Gone once it is left to be thrown away.
    incoming: Option<B>,
    /// False where the client waits to be told whether to send its body at all.
    is_coming: bool,
}

impl<B: Incoming> RequestBody<B> {
    pub(super) fn of(request: Request<B>) -> Request<Self> {
        let is_coming = !request.headers().contains_key(http::header::EXPECT);
        request.map(|incoming| Self { incoming: Some(incoming), is_coming })
    }
}

impl<B: Incoming> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.incoming.as_mut().map_or(Poll::Ready(None), |incoming| Pin::new(incoming).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Incoming> Drop for RequestBody<B> {
    fn drop(&mut self) {
        let left = self.incoming.take().filter(|incoming| self.is_coming && !incoming.is_end_stream());
        if let (Some(incoming), Ok(runtime)) = (left, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { drop(timeout(DISCARD_TIME, discard(incoming)).await) });
        }
    }
}

async fn discard(mut incoming: impl Incoming) {
    let mut discarded_bytes = 0;
    while discarded_bytes < DISCARDED_BYTES_MAX
        && let Some(Ok(frame)) = incoming.frame().await
    {
        discarded_bytes += frame.data_ref().map_or(0, Bytes::len);
    }
}
