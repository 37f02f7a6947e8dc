//! Events as server-sent events, as they happen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::{check_switches, view};
use crate::api::query::Query;
use crate::app::App;
use crate::error::{Error, Result};
use crate::feed::Follower;
use crate::mail::event::{EventType, PrivacyLevel};
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ArrivedEvent, Customer, Store};

/// How often a stream without news says that it is still there, so that proxies keep it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream goes on. Who follows it connects again, with its key, which may be another's by then.
const STREAM_MAX: Duration = Duration::from_hours(1);
/// How long a reader may take no news at all before the stream ends.
const STALL_MAX: Duration = Duration::from_mins(1);
/// Pieces that wait for a slow reader.
const PIECES_WAITING_MAX: usize = 8;
/// Events that are read at once by who catches up.
const PAGE_EVENTS: i64 = 250;
/// What a reader is told to wait before it connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream and where it is.
struct Stream {
    store: Store,
    customer: Uuid,
    privacy: PrivacyLevel,
    event_type: Option<EventType>,
    follower: Follower,
    /// The place of the last event that was looked at.
    after: i64,
    pieces: Sender<io::Result<Bytes>>,
}

/// Why a stream ends.
enum End {
    /// The reader is gone, or as good as.
    Reader,
    /// The service stops.
    Service,
    Store(crate::store::StoreError),
}

/// Events as they happen, as server-sent events. Each has its `id`; `Last-Event-ID`, which browsers send by themselves,
/// goes on behind the one that was seen last.
#[utoipa::path(get, path = "/api/v1/events/stream", tag = "Events",
    params(
        ("type" = Option<String>, Query, description = "Only of this type"),
        ("Last-Event-ID" = Option<Uuid>, Header, description = "Go on behind this event; from now on when not given"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn follow(app: &App, customer: &Customer, head: &Head) -> Result<Reply> {
    check_switches(customer)?;
    let query = Query::parse(&head.query);
    let event_type = query.read("type", "an event type such as delivered", EventType::parse)?;
    let last_seen = head.headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default());
    // Before the place is looked up, so that nothing falls between the two.
    let follower = app.feed.follow(customer.id);
    let follower = follower.ok_or(Error::Busy("Too many streams of events are open; try again"))?;
    let after = match last_seen {
        None | Some("") => app.store.last_event_row().await?,
        Some(id) => {
            let row = match id.parse() {
                Ok(id) => app.store.event_row(customer.id, id).await?,
                Err(_) => None,
            };
            row.ok_or_else(|| {
                Error::invalid(
                    "Last-Event-ID is none of the account's events (any more); leave it out to follow from now on",
                )
            })?
        }
    };
    let (pieces, stream) = mpsc::channel(PIECES_WAITING_MAX);
    let (store, privacy) = (app.store.clone(), customer.privacy_level);
    let stream_of = Stream { store, customer: customer.id, privacy, event_type, follower, after, pieces };
    tokio::spawn(stream_of.run());
    let reply = Reply::stream("text/event-stream", stream).with(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks proxies such as nginx not to hold pieces back.
    Ok(reply.with(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
}

impl Stream {
    async fn run(mut self) {
        match self.go_on(Instant::now() + STREAM_MAX).await {
            Ok(()) | Err(End::Reader | End::Service) => {}
            Err(End::Store(error)) => {
                tracing::error!(%error, "a stream of events was broken off");
                drop(self.pieces.try_send(Err(io::Error::other(error))));
            }
        }
    }

    async fn go_on(&mut self, end: Instant) -> Result<(), End> {
        self.send(format!("retry: {RETRY_MS}\n\n")).await?;
        self.catch_up().await?;
        while Instant::now() < end {
            let wait = end.min(Instant::now() + HEARTBEAT);
            match timeout_at(wait, self.follower.events.recv()).await {
                Ok(Ok(arrived)) => self.show(&[arrived]).await?,
                Ok(Err(RecvError::Lagged(_))) => self.catch_up().await?,
                Ok(Err(RecvError::Closed)) => return Err(End::Service),
                Err(_) => self.send(": nothing new\n\n".into()).await?,
            }
        }
        Ok(())
    }

    /// Shows from the database what was recorded since.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let read = self.store.events_arrived(Some(self.customer), self.after, PAGE_EVENTS).await;
            let arrived = read.map_err(End::Store)?;
            let events: Vec<_> = arrived.events.into_iter().map(Arc::new).collect();
            self.show(&events).await?;
            self.after = arrived.next;
            if arrived.is_all {
                return Ok(());
            }
        }
    }

    async fn show(&mut self, events: &[Arc<ArrivedEvent>]) -> Result<(), End> {
        let mut text = String::new();
        for arrived in events {
            // The ring has what was read from the database too.
            if arrived.row <= self.after {
                continue;
            }
            self.after = arrived.row;
            if self.event_type.is_none_or(|wanted| wanted == arrived.event.event_type) {
                let view = view(arrived.event.clone(), self.privacy);
                let data = serde_json::to_string(&view).expect("an event has text keys and serializes");
                let word = view.event_type.as_str();
                text.extend(["id: ", &view.id.to_string(), "\nevent: ", word, "\ndata: ", &data, "\n\n"]);
            }
        }
        if text.is_empty() { Ok(()) } else { self.send(text).await }
    }

    async fn send(&self, text: String) -> Result<(), End> {
        match timeout(STALL_MAX, self.pieces.send(Ok(Bytes::from(text)))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Reader),
        }
    }
}
