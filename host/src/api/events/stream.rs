//! Events as server-sent events, as they happen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::{check_switches, line, view};
use crate::api::query::Query;
use crate::app::App;
use crate::error::{Error, Result};
use crate::feed::Follower;
use crate::mail::event::{EventType, PrivacyLevel};
use crate::pages;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ArrivedEvent, Customer, Store};

/// How often a stream without news says that it is still there, so that proxies keep it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a reader may take no news at all before the stream ends.
const STALL_MAX: Duration = Duration::from_mins(1);
/// Pieces that wait for a slow reader.
const PIECES_WAITING_MAX: usize = 8;
/// Events that are read at once by who catches up.
const PAGE_EVENTS: i64 = 250;
/// What a reader is told to wait before it connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How an event is told.
#[derive(Clone, Copy)]
enum Telling {
    /// To a program: events of this type, or of all.
    Json(Option<EventType>),
    /// To a page: as an item of its list.
    Html,
}

/// A stream and where it is.
struct Stream {
    store: Store,
    /// `None` for everybody's events.
    customer: Option<Uuid>,
    privacy: PrivacyLevel,
    telling: Telling,
    lasts: Duration,
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
        ("type" = inline(Option<EventType>), Query, description = "Only of this type"),
        ("Last-Event-ID" = Option<Uuid>, Header, description = "Go on behind this event; from now on when not given"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn follow(app: &App, customer: &Customer, head: &Head) -> Result<Reply> {
    check_switches(customer)?;
    let query = Query::parse(&head.query);
    let event_type = query.read("type", "an event type such as delivered", EventType::parse)?;
    let last_seen = head.headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default());
    // Before the place is looked up, so that nothing falls between the two.
    let follower = follower(app, Some(customer.id))?;
    let after = match last_seen {
        None | Some("") => app.store.last_event_row().await?,
        Some(id) => place(app, Some(customer.id), id).await?.ok_or_else(|| {
            Error::invalid(
                "Last-Event-ID is none of the account's events (any more); leave it out to follow from now on",
            )
        })?,
    };
    Ok(start(app, Some(customer.id), customer.privacy_level, Telling::Json(event_type), follower, after))
}

/// The same for a page: each event as an item of its list. What was gone by then is left out. `None` follows all customers.
pub(crate) async fn follow_for_page(app: &App, customer: Option<&Customer>, head: (&HeaderMap, &str)) -> Result<Reply> {
    let (headers, query) = head;
    let query = Query::parse(query);
    let whose = customer.map(|customer| customer.id);
    let follower = follower(app, whose)?;
    let last_seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).or_else(|| query.text("after"));
    let known = match last_seen {
        Some(id) => place(app, whose, id).await?,
        None => None,
    };
    let after = match known {
        Some(row) => row,
        None => app.store.last_event_row().await?,
    };
    let privacy = customer.map_or(PrivacyLevel::Minimal, |customer| customer.privacy_level);
    Ok(start(app, whose, privacy, Telling::Html, follower, after))
}

fn follower(app: &App, customer: Option<Uuid>) -> Result<Follower> {
    app.feed.follow(customer).ok_or(Error::Busy("Too many streams of events are open; try again"))
}

/// Where the event with this id stands.
async fn place(app: &App, customer: Option<Uuid>, id: &str) -> Result<Option<i64>> {
    match id.parse() {
        Ok(id) => Ok(app.store.event_row(customer, id).await?),
        Err(_) => Ok(None),
    }
}

fn start(
    app: &App,
    customer: Option<Uuid>,
    privacy: PrivacyLevel,
    telling: Telling,
    follower: Follower,
    after: i64,
) -> Reply {
    let (pieces, stream) = mpsc::channel(PIECES_WAITING_MAX);
    let (store, lasts) = (app.store.clone(), app.feed.stream_max());
    tokio::spawn(Stream { store, customer, privacy, telling, lasts, follower, after, pieces }.run());
    let reply = Reply::stream("text/event-stream", stream).with(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Asks proxies such as nginx not to hold pieces back.
    reply.with(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))
}

impl Stream {
    async fn run(mut self) {
        match self.go_on(Instant::now() + self.lasts).await {
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
            let read = self.store.events_arrived(self.customer, self.after, PAGE_EVENTS).await;
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
            self.tell(arrived, &mut text);
        }
        if text.is_empty() { Ok(()) } else { self.send(text).await }
    }

    fn tell(&self, arrived: &ArrivedEvent, text: &mut String) {
        match self.telling {
            Telling::Json(wanted) if wanted.is_some_and(|wanted| wanted != arrived.event.event_type) => {}
            Telling::Json(_) => {
                let view = view(arrived.event.clone(), self.privacy);
                let data = serde_json::to_string(&view).expect("an event has text keys and serializes");
                let word = view.event_type.as_str();
                text.extend(["id: ", &view.id.to_string(), "\nevent: ", word, "\ndata: ", &data, "\n\n"]);
            }
            Telling::Html => {
                let item = pages::dashboard::item(&line(&arrived.event, self.privacy));
                text.extend(["id: ", &arrived.event.id.to_string(), "\ndata: ", &item, "\n\n"]);
            }
        }
    }

    async fn send(&self, text: String) -> Result<(), End> {
        match timeout(STALL_MAX, self.pieces.send(Ok(Bytes::from(text)))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Feed;
    use crate::store::StoreLimits;

    /// What a stream tells that may last so long and of whose customer nothing is heard, until it ends or is silent.
    async fn told(lasts: Duration) -> (String, bool) {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
        let feed = Feed::with(lasts);
        feed.open();
        let follower = feed.follow(None).expect("there is a place");
        let (pieces, mut stream) = mpsc::channel(PIECES_WAITING_MAX);
        let (privacy, telling, lasts) = (PrivacyLevel::Full, Telling::Html, feed.stream_max());
        let following = Stream { store, customer: None, privacy, telling, lasts, follower, after: 0, pieces };
        let running = tokio::spawn(following.run());
        let first = stream.recv().await.expect("something is told").expect("nothing breaks it off");
        // One that may last is still there after it was caught up; it ends with its feed.
        let ended = lasts.is_zero() && stream.recv().await.is_none();
        feed.close();
        running.await.expect("nothing panics");
        (String::from_utf8_lossy(&first).into_owned(), ended)
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_time_is_over() {
        assert_eq!(told(Duration::ZERO).await, ("retry: 2000\n\n".into(), true));
        assert_eq!(told(Duration::from_hours(1)).await, ("retry: 2000\n\n".into(), false));
        assert_eq!(Feed::default().stream_max(), Duration::from_hours(1), "and that is an hour");
    }
}
