//! Events as they happen, for everybody who follows them.
//!
//! New events are read once, however many follow, and handed out by customer through rings of a bounded size. Who is too
//! slow for a ring reads from the database where it left off, so that nothing is left out and nothing piles up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use uuid::Uuid;

use crate::app::App;
use crate::server::Shutdown;
use crate::store::{ArrivedEvent, StoreError};

/// How long a stream goes on. Who follows it connects again, with its key, which may be another's by then.
const STREAM_MAX: Duration = Duration::from_hours(1);
/// Followers of all customers together.
pub(crate) const FOLLOWERS_MAX: usize = 4_096;
/// Events that a follower may be behind before it reads from the database.
const RING_EVENTS: usize = 256;
/// Events that are read at once.
const PAGE_EVENTS: i64 = 1_000;
/// How long events gather before they are read, so that a flood costs no more than its events.
const GATHER: Duration = Duration::from_millis(10);
/// The pause after the database failed.
const PAUSE: Duration = Duration::from_secs(1);

/// A ring for each customer that is followed, and under `None` one of everybody's events, for operators.
type Rings = HashMap<Option<Uuid>, broadcast::Sender<Arc<ArrivedEvent>>>;

/// Whoever follows.
pub(crate) struct Feed {
    /// `None` before somebody hands events out, and when the service stops.
    rings: Mutex<Option<Rings>>,
    places: Arc<Semaphore>,
    stream_max: Duration,
}

/// A place among those who follow.
pub(crate) struct Follower {
    pub(crate) events: broadcast::Receiver<Arc<ArrivedEvent>>,
    _place: OwnedSemaphorePermit,
}

impl Default for Feed {
    fn default() -> Self {
        Self::with(STREAM_MAX)
    }
}

impl Feed {
    /// With another bound on how long a stream goes on.
    pub(crate) fn with(stream_max: Duration) -> Self {
        Self { rings: Mutex::new(None), places: Arc::new(Semaphore::new(FOLLOWERS_MAX)), stream_max }
    }

    /// How long a stream goes on.
    pub(crate) fn stream_max(&self) -> Duration {
        self.stream_max
    }

    /// Follows a customer's events from now on, or everybody's. `None` when [`FOLLOWERS_MAX`] do, or the service starts or stops.
    pub(crate) fn follow(&self, customer: Option<Uuid>) -> Option<Follower> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut rings = self.rings();
        let ring = rings.as_mut()?.entry(customer).or_insert_with(|| broadcast::channel(RING_EVENTS).0);
        Some(Follower { events: ring.subscribe(), _place: place })
    }

    /// How many follow.
    pub(crate) fn followers(&self) -> usize {
        FOLLOWERS_MAX - self.places.available_permits()
    }

    /// Lets followers in.
    pub(crate) fn open(&self) {
        *self.rings() = Some(HashMap::new());
    }

    /// Ends every stream, so that the service can stop.
    pub(crate) fn close(&self) {
        *self.rings() = None;
    }

    fn hand_out(&self, events: Vec<ArrivedEvent>) {
        let mut rings = self.rings();
        let Some(rings) = rings.as_mut() else { return };
        for event in events {
            let event = Arc::new(event);
            for whose in [Some(event.event.customer_id), None] {
                if let Some(ring) = rings.get(&whose) {
                    // Nobody may be left.
                    drop(ring.send(Arc::clone(&event)));
                }
            }
        }
        rings.retain(|_, ring| ring.receiver_count() > 0);
    }

    fn rings(&self) -> MutexGuard<'_, Option<Rings>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out events until the service stops.
pub async fn run(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let mut commits = app.store.commits();
    // Nobody follows yet, so nobody misses what is there already.
    let mut after = loop {
        match app.store.last_event_row().await {
            Ok(last) => break last,
            Err(error) => tracing::error!(%error, "nobody can follow events yet, because the database cannot be read"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    app.feed.open();
    loop {
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return },
            _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
        tokio::time::sleep(GATHER).await;
        if let Err(error) = hand_out_new(&app, &mut after).await {
            tracing::error!(%error, "followers of events wait, because the database cannot be read");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Hands out what came after this row, and moves it on.
async fn hand_out_new(app: &App, after: &mut i64) -> Result<(), StoreError> {
    // Read before anybody is looked for: who begins to follow later than that has read at least so far.
    let last = app.store.last_event_row().await?;
    if app.feed.followers() == 0 {
        *after = last;
        return Ok(());
    }
    while *after < last {
        let arrived = app.store.events_arrived(None, *after, PAGE_EVENTS).await?;
        *after = arrived.next;
        app.feed.hand_out(arrived.events);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_follow_as_may_and_one_that_leaves_makes_room() {
        let feed = Feed::default();
        let customer = Some(Uuid::from_u128(1));
        assert!(feed.follow(customer).is_none(), "nobody hands events out yet");
        feed.open();
        let mut followers: Vec<_> = (0..FOLLOWERS_MAX).filter_map(|_| feed.follow(customer)).collect();
        assert_eq!((followers.len(), feed.followers()), (FOLLOWERS_MAX, FOLLOWERS_MAX), "just inside");
        assert!(feed.follow(None).is_none(), "just outside, whoever it is");
        followers.pop();
        assert!(feed.follow(None).is_some());
        feed.close();
        assert!(feed.follow(customer).is_none());
    }
}
