//! What is sent back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use serde::Serialize;
use tokio::sync::mpsc::Receiver;

/// A 1x1 transparent GIF.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// All of it, or nothing any more.
    Whole(Option<Bytes>),
    /// What a task produces piece by piece. The channel is bounded, so a slow reader slows the task. An error breaks
    /// the connection off, so that nobody takes a part for the whole.
    Stream(Receiver<io::Result<Bytes>>),
}

impl Reply {
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body: Body::Whole(Some(body.into())) }
    }

    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let text = serde_json::to_vec(value).expect("what we answer has text keys and serializes");
        Self::new(status, "application/json", text)
    }

    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// A page, with the policy that says what a browser may do with it.
    pub(crate) fn html(status: StatusCode, page: String, policy: &'static str) -> Self {
        Self::new(status, "text/html; charset=utf-8", page)
            .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))
            .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    pub(crate) fn stream(content_type: &'static str, pieces: Receiver<io::Result<Bytes>>) -> Self {
        Self { body: Body::Stream(pieces), ..Self::new(StatusCode::OK, content_type, "") }
    }

    pub(crate) fn pixel(status: StatusCode) -> Self {
        Self::new(status, "image/gif", PIXEL).with(CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"))
    }

    pub(crate) fn redirect(to: HeaderValue) -> Self {
        let reply = Self { headers: HeaderMap::new(), ..Self::new(StatusCode::FOUND, "", "") };
        reply.with(LOCATION, to).with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(Frame::data).map(Ok)),
            Self::Stream(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => SizeHint::new(),
        }
    }
}
