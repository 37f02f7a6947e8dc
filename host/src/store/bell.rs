//! Tells the delivery worker what was queued, once it is on disk.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What the worker is told. There is one entry for a destination however much is queued for it, and the worker takes
/// them all at once.
#[derive(Default)]
pub(crate) struct Bell {
    news: Mutex<News>,
    rung: Notify,
}

/// What happened since the worker looked.
#[derive(Default)]
pub(crate) struct News {
    /// Where something was queued, each with the earliest time, in milliseconds.
    pub(crate) arrivals: BTreeMap<String, i64>,
    /// Whether a destination was paused or goes on.
    pub(crate) pauses_changed: bool,
}

impl Bell {
    pub(super) fn ring(&self, arrivals: impl IntoIterator<Item = (String, i64)>) {
        let mut news = self.news();
        for (destination, due_at) in arrivals {
            let known = news.arrivals.entry(destination).or_insert(due_at);
            *known = due_at.min(*known);
        }
        drop(news);
        self.rung.notify_one();
    }

    pub(super) fn ring_for_pauses(&self) {
        self.news().pauses_changed = true;
        self.rung.notify_one();
    }

    /// The news since the last time.
    pub(crate) fn take(&self) -> News {
        mem::take(&mut self.news())
    }

    /// Returns when there are news that nobody waited for yet.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
