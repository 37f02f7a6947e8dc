//! Connections that wait for their next message.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::smtp::client::session::Session;

/// Connections that wait at one host.
const PER_HOST_MAX: usize = 20;
/// Connections that wait at all.
const ALL_MAX: usize = 200;

/// Connections that wait, by host. One that waited too long is closed.
pub(super) struct Pool<K> {
    idle: Duration,
    waiting: Mutex<Waiting<K>>,
}

struct Waiting<K> {
    by_host: HashMap<K, Vec<Kept>>,
    count: usize,
    /// Whether somebody will look for those that waited too long.
    is_watched: bool,
}

struct Kept {
    session: Session,
    name: Arc<str>,
    since: Instant,
}

impl<K: Copy + Eq + Hash + Send + 'static> Pool<K> {
    /// Connections wait for `idle` at most.
    pub(super) fn new(idle: Duration) -> Arc<Self> {
        let waiting = Waiting { by_host: HashMap::new(), count: 0, is_watched: false };
        Arc::new(Self { idle, waiting: Mutex::new(waiting) })
    }

    /// A connection to the host, and the host's name. The one that was used last comes first, so that those too many
    /// grow old.
    pub(super) async fn take(&self, host: K) -> Option<(Session, Arc<str>)> {
        while let Some(Kept { mut session, name, .. }) = self.pop(host) {
            if session.takes_more(Instant::now()) && session.is_alive().await {
                return Some((session, name));
            }
        }
        None
    }

    /// Keeps a connection for the next message, or takes leave where it can take none or there is no room.
    pub(super) fn keep(self: &Arc<Self>, host: K, name: Arc<str>, session: Session) {
        let now = Instant::now();
        if !session.takes_more(now) {
            leave(session);
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = waiting.count >= ALL_MAX;
        let kept = waiting.by_host.entry(host).or_default();
        if is_full || kept.len() >= PER_HOST_MAX {
            leave(session);
            return;
        }
        kept.push(Kept { session, name, since: now });
        waiting.count += 1;
        if !waiting.is_watched {
            waiting.is_watched = true;
            tokio::spawn(watch(Arc::downgrade(self), self.idle));
        }
    }

    fn pop(&self, host: K) -> Option<Kept> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = waiting.by_host.get_mut(&host)?;
        let last = kept.pop();
        if kept.is_empty() {
            waiting.by_host.remove(&host);
        }
        waiting.count -= usize::from(last.is_some());
        last
    }

    /// Closes what has waited too long, and says when the next one will have.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next: Option<Instant> = None;
        let mut closed = 0;
        waiting.by_host.retain(|_, kept| {
            // The first waits longest.
            let fresh = kept.iter().position(|kept| kept.since + self.idle > now).unwrap_or(kept.len());
            closed += fresh;
            kept.drain(..fresh).for_each(|kept| leave(kept.session));
            let ends = kept.first().map(|kept| kept.since + self.idle);
            next = next.into_iter().chain(ends).min();
            !kept.is_empty()
        });
        waiting.count -= closed;
        waiting.is_watched = next.is_some();
        next
    }
}

/// Looks after a pool as long as something waits in it.
async fn watch<K: Copy + Eq + Hash + Send + 'static>(pool: Weak<Pool<K>>, idle: Duration) {
    let mut pause = idle;
    loop {
        sleep(pause).await;
        let Some(pool) = pool.upgrade() else { return };
        let now = Instant::now();
        match pool.sweep(now) {
            Some(next) => pause = next.saturating_duration_since(now),
            None => return,
        }
    }
}

/// Says goodbye without making anybody wait for it.
fn leave(session: Session) {
    tokio::spawn(session.quit());
}
