//! What is done for domains at the moment: at most so much at once, and nothing twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use uuid::Uuid;

/// Domains that are checked at once.
pub(crate) const CHECKS_MAX: usize = 8;
/// How long a check waits for its turn.
const PATIENCE: Duration = Duration::from_secs(15);
/// Domains whose keys are made at once.
const MAKING_KEYS_MAX: usize = 1;

/// Places for what is done for domains.
pub(crate) struct Work {
    checks: Semaphore,
    making_keys: Arc<Semaphore>,
    under_way: Mutex<HashMap<Uuid, Arc<OnceCell<()>>>>,
    patience: Duration,
}

/// Why a check did not come about.
#[derive(Debug)]
pub(crate) enum NoCheck<E> {
    /// Too many others were before it.
    Busy,
    /// It failed.
    Failed(E),
}

impl Default for Work {
    fn default() -> Self {
        Self {
            checks: Semaphore::new(CHECKS_MAX),
            making_keys: Arc::new(Semaphore::new(MAKING_KEYS_MAX)),
            under_way: Mutex::default(),
            patience: PATIENCE,
        }
    }
}

impl Work {
    /// Runs the check of a domain in its turn. Where one is under way already, its end is waited for instead; where that
    /// was given up, this one takes its place.
    pub(crate) async fn check<E>(
        &self,
        domain: Uuid,
        check: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<(), NoCheck<E>> {
        let shared = Shared { work: self, domain, cell: self.join(domain) };
        let run = async || {
            let turn = timeout(self.patience, self.checks.acquire()).await.map_err(|_| NoCheck::Busy)?;
            let _turn = turn.expect("the places are never closed");
            check().await.map_err(NoCheck::Failed)
        };
        shared.cell.get_or_try_init(run).await.copied()
    }

    /// A place to make keys in.
    pub(crate) async fn making_keys(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.making_keys).acquire_owned().await.expect("the places are never closed")
    }

    fn join(&self, domain: Uuid) -> Arc<OnceCell<()>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(under_way.entry(domain).or_default())
    }
}

/// A part in a check. The check is forgotten once it is done, or everybody who waited is gone.
struct Shared<'a> {
    work: &'a Work,
    domain: Uuid,
    cell: Arc<OnceCell<()>>,
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let mut under_way = self.work.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = under_way.get(&self.domain).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // The list and this one hold it.
        if is_ours && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            under_way.remove(&self.domain);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    fn is_empty(work: &Work) -> bool {
        work.under_way.lock().expect("nothing panicked").is_empty()
    }

    #[tokio::test]
    async fn who_asks_while_a_check_is_under_way_gets_its_end() {
        let (work, runs) = (Work::default(), AtomicUsize::new(0));
        let (started, go_on) = (Notify::new(), Notify::new());
        let check = async || {
            runs.fetch_add(1, Ordering::Relaxed);
            started.notify_one();
            go_on.notified().await;
            Ok::<_, ()>(())
        };
        let asks = join_all((0..3).map(|_| work.check(Uuid::nil(), check)));
        let release = async {
            started.notified().await;
            go_on.notify_one();
        };
        let (ends, ()) = tokio::join!(asks, release);
        assert!(ends.iter().all(Result::is_ok) && runs.load(Ordering::Relaxed) == 1);
        assert!(is_empty(&work));
        go_on.notify_one();
        work.check(Uuid::nil(), check).await.expect("it is run again");
        assert_eq!(runs.load(Ordering::Relaxed), 2, "a later one is a check of its own");
    }

    #[tokio::test]
    async fn a_check_that_was_given_up_or_failed_is_forgotten() {
        let work = Work::default();
        let given_up = work.check(Uuid::nil(), async || std::future::pending::<Result<(), ()>>().await);
        timeout(Duration::from_millis(5), given_up).await.expect_err("it never ends");
        assert!(is_empty(&work));
        let failed = work.check(Uuid::nil(), async || Err("no")).await;
        assert!(matches!(failed, Err(NoCheck::Failed("no"))) && is_empty(&work));
        work.check(Uuid::nil(), async || Ok::<_, ()>(())).await.expect("it is run");
        assert!(is_empty(&work));
    }

    #[tokio::test]
    async fn so_many_are_checked_at_once_and_one_more_waits_in_vain() {
        let work = Work { patience: Duration::from_millis(20), ..Work::default() };
        let running = AtomicUsize::new(0);
        let endless = async || {
            running.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<(), ()>>().await
        };
        let all = join_all((0..CHECKS_MAX).map(|number| work.check(Uuid::from_u128(number as u128), endless)));
        let one_more = async {
            tokio::task::yield_now().await;
            assert_eq!(running.load(Ordering::Relaxed), CHECKS_MAX);
            work.check(Uuid::max(), endless).await
        };
        tokio::select! {
            _ = all => panic!("they never end"),
            end = one_more => assert!(matches!(end, Err(NoCheck::Busy))),
        }
        work.check(Uuid::max(), async || Ok::<_, ()>(())).await.expect("there is room again");
    }
}
