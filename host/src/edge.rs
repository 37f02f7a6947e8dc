//! An edge node: it answers what readers' programs fetch, near them and with the origin away, and hands over what it
//! recorded. It has the keys of tokens, a journal and the address of the origin, and nothing else: no customer, no email
//! and no address of anybody. Where it takes notifications of providers, it has those that are on their way home.

mod addresses;
mod aside;
mod backoff;
mod cursor;
mod forwarder;
mod identity;
mod joining;
mod link;
mod notifications;
mod operators;
mod progress;
mod ring;
mod shipper;
mod spool;

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;

use self::cursor::CursorFile;
pub(crate) use self::forwarder::Seen as SeenNotifications;
use self::identity::Identity;
pub(crate) use self::joining::join;
use self::link::Link;
use self::notifications::Notifications;
pub use self::operators::handle as handle_operator;
use self::progress::Progress;
pub(crate) use self::progress::Seen;
use self::ring::Ring;
use self::shipper::Shipper;
use self::spool::Spool;
pub(crate) use self::spool::{Figures as SpoolFigures, SHED_REASONS};
use crate::api::tracking;
use crate::app::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::hits::Hits;
use crate::ids::IdOrder;
use crate::metrics::Meters;
use crate::reply::{Body, Reply};
use crate::request::{Head, SMALL_BODY_BYTES_MAX, complete, read_within, refusal, request_id};
use crate::router::{OpenRoute, Route};
use crate::tracking::Tracking;

/// An edge node without its sockets.
pub struct Edge {
    /// The settings in effect.
    pub config: Config,
    pub(crate) tracking: Tracking,
    pub(crate) meters: Meters,
    pub(crate) in_flight: Semaphore,
    ring: Arc<Ring>,
    /// `None` when it takes none and has none.
    notifications: Option<Notifications>,
    progress: Arc<Progress>,
    draining: AtomicBool,
    /// What it was called when it joined.
    name: String,
}

impl Edge {
    /// Opens the journal in `config.data_dir`, whose lock the caller holds, and begins to hand over what is in it. Blocks.
    pub fn open(config: Config, clock: &Clock) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let data_dir = config.data_dir.as_path();
        joining::check_directory(data_dir)?;
        let nobody = || {
            let directory = data_dir.display();
            format!("{directory} belongs to no edge node: join first, by `pillarbox edge join TOKEN`")
        };
        let identity = Identity::load(data_dir)?.ok_or_else(nobody)?;
        let name = identity.name.clone();
        let ring = Arc::new(Ring::load(data_dir)?);
        let progress: Arc<Progress> = Arc::default();
        let cursor = CursorFile::open(data_dir)?;
        let from = cursor.cursor;
        let link = Arc::new(ArcSwap::from_pointee(Link::new(&identity, Arc::clone(clock))?));
        let has_notifications = config.edge_webhooks || Spool::is_left(data_dir);
        let notifications = has_notifications.then(|| Notifications::open(&config, Arc::clone(&link))).transpose()?;
        let shipper = Shipper {
            link,
            identity,
            ring: Arc::clone(&ring),
            addresses: notifications.as_ref().filter(|_| config.edge_webhooks).map(Notifications::addresses),
            progress: Arc::clone(&progress),
            cursor,
            data_dir: data_dir.to_owned(),
            clock: Arc::clone(clock),
        };
        let hits = Hits::open(&config, from, |out| shipper.start(out))?;
        let tokens = Arc::clone(&ring.tokens);
        let tracking = Tracking::new(&config, tokens, hits, (IdOrder::default(), Arc::clone(clock)));
        let in_flight = Semaphore::new(config.requests_in_flight_max);
        let meters = Meters::new(clock());
        let draining = AtomicBool::new(false);
        Ok(Self { config, tracking, meters, in_flight, ring, notifications, progress, draining, name })
    }

    /// Says that the node is about to stop, so that load balancers send no more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it can answer: it has keys of tokens, and was not revoked. What waits for the origin does not matter.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.ring.is_there()
    }

    pub(crate) fn progress(&self) -> Seen {
        self.progress.look()
    }

    /// What is in the spool of notifications, and what became of others. `None` when it takes none and has none.
    pub(crate) fn notifications(&self) -> Option<(SpoolFigures, SeenNotifications)> {
        self.notifications.as_ref().map(Notifications::figures)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Takes no more, and gives the hits that it took a moment to get to the origin. Notifications wait for the next start.
    /// Blocks.
    pub fn close(&self) {
        if let Some(notifications) = &self.notifications {
            notifications.close();
        }
        self.tracking.hits.close();
    }
}

/// Serves one request of a reader's program, or of a provider. Whatever happens inside becomes an answer.
pub async fn handle<B>(edge: &Edge, peer: IpAddr, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>,
{
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers, edge.tracking.now());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let head = Head { method: parts.method, uri: parts.uri, query, headers: parts.headers, peer };
    let path = head.uri.path();
    let route = route(edge, head.method.as_str(), path);
    let template = route.map_or("-", |route| Route::Open(route).template());
    let reply = serve(edge, route, path, &head, body).await.unwrap_or_else(|error| refusal(&error, &request_id));
    let status = reply.status.as_u16();
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    edge.meters.count_request(template, status, duration_us);
    tracing::info!(target: "access", method = %head.method, route = template, status, duration_us, request_id);
    complete(reply, &head.method, &request_id)
}

/// The routes that an edge node has.
fn route<'a>(edge: &Edge, method: &str, path: &'a str) -> Option<OpenRoute<'a>> {
    match Route::find(method, path)? {
        Route::Keyed(_) => None,
        Route::Open(route) => match route {
            OpenRoute::TrackOpen { .. }
            | OpenRoute::TrackClick { .. }
            | OpenRoute::Unsubscribe { .. }
            | OpenRoute::ConfirmUnsubscribe { .. } => Some(route),
            OpenRoute::Receive { .. } | OpenRoute::LookAtSource { .. } => {
                Some(route).filter(|_| edge.config.edge_webhooks)
            }
            OpenRoute::AcmeChallenge { .. }
            | OpenRoute::Bounce
            | OpenRoute::Complaint
            | OpenRoute::Dashboard
            | OpenRoute::DashboardSignIn
            | OpenRoute::DashboardStream
            | OpenRoute::OpenApi
            | OpenRoute::Reference => None,
        },
    }
}

async fn serve<B>(edge: &Edge, route: Option<OpenRoute<'_>>, path: &str, head: &Head, body: B) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>,
{
    let Some(route) = route else {
        let methods: Vec<_> =
            Route::methods(path).into_iter().filter(|method| self::route(edge, method, path).is_some()).collect();
        return Err(Error::no_route(&methods));
    };
    let Ok(_place) = edge.in_flight.try_acquire() else {
        return Err(Error::Busy("The service has more requests under way than it may; try again"));
    };
    match (&edge.notifications, route) {
        (Some(notifications), OpenRoute::Receive { source }) => {
            let (head, now) = ((head, head.peer), edge.tracking.now());
            return Box::pin(notifications.receive(&edge.config, source, head, body, now)).await;
        }
        (Some(notifications), OpenRoute::LookAtSource { source }) => return notifications.look(source),
        _ => {}
    }
    // Without keys it cannot tell its own links from others.
    if !edge.ring.is_there() {
        return Ok(match route {
            OpenRoute::TrackOpen { .. } => Reply::pixel(StatusCode::SERVICE_UNAVAILABLE),
            _ => tracking::unavailable(),
        });
    }
    let tracking = &edge.tracking;
    match route {
        OpenRoute::TrackOpen { token } => tracking::open(tracking, token, head).await,
        OpenRoute::TrackClick { token } => tracking::click(tracking, token, head).await,
        OpenRoute::ConfirmUnsubscribe { token } => Ok(tracking::confirm_unsubscribe_at_edge(tracking, token)),
        OpenRoute::Unsubscribe { token } => {
            let time = edge.config.body_read_timeout;
            let body = Box::pin(read_within(time, &head.headers, body, SMALL_BODY_BYTES_MAX)).await?;
            Ok(tracking::unsubscribe_at_edge(tracking, token, head, &body).await)
        }
        OpenRoute::AcmeChallenge { .. }
        | OpenRoute::Bounce
        | OpenRoute::Complaint
        | OpenRoute::Dashboard
        | OpenRoute::DashboardSignIn
        | OpenRoute::DashboardStream
        | OpenRoute::OpenApi
        | OpenRoute::Receive { .. }
        | OpenRoute::LookAtSource { .. }
        | OpenRoute::Reference => Err(Error::NotFound("Not found")),
    }
}
