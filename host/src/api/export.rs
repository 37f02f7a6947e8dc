//! Lists without an end, streamed a page at a time, so that memory stays flat however long they are.

use std::io;

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT;
use tokio::sync::mpsc;

use crate::reply::Reply;
use crate::store::StoreError;

/// Pages of an export that wait for a slow reader.
const PAGES_WAITING_MAX: usize = 2;

/// Whether the caller wants an answer of this type rather than JSON.
pub(crate) fn is_wanted(headers: &HeaderMap, media_type: &str) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case(media_type))
}

/// Streams `head` and then pages: each is made from the place where the one before it ended, until there is none.
pub(crate) fn stream<Place, Page>(
    content_type: &'static str,
    head: &str,
    start: Place,
    mut page: impl FnMut(Place) -> Page + Send + 'static,
) -> Reply
where
    Place: Send + 'static,
    Page: Future<Output = Result<(String, Option<Place>), StoreError>> + Send + 'static,
{
    let (pieces, stream) = mpsc::channel(PAGES_WAITING_MAX);
    let mut piece = head.to_owned();
    tokio::spawn(async move {
        let mut next = Some(start);
        while let Some(place) = next.take() {
            match page(place).await {
                Ok((text, following)) => {
                    piece.push_str(&text);
                    next = following;
                }
                Err(error) => {
                    tracing::error!(%error, "an export was broken off");
                    drop(pieces.send(Err(io::Error::other(error))).await);
                    return;
                }
            }
            // The reader may have gone away.
            if pieces.send(Ok(Bytes::from(std::mem::take(&mut piece)))).await.is_err() {
                return;
            }
        }
    });
    Reply::stream(content_type, stream)
}
