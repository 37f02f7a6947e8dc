//! Checks domains when their time has come, retires former keys, and begins rotations that are due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::check::check;
use super::records::KEPT_MS;
use super::rotation::{self, no_check};
use super::work::CHECKS_MAX;
use crate::app::App;
use crate::server::Shutdown;
use crate::store::StoreError;

/// How often to look for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Rotations that begin at each look: each takes a core for a while.
const ROTATIONS_MAX: i64 = 2;

/// Tends the domains until the service stops. What is due then is due at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    let mut tender = Tender::new(&app);
    loop {
        if let Err(error) = tender.look().await {
            tracing::warn!(%error, "the domains could not be tended; trying again");
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
    }
}

/// Does everything that is due now, and waits for it. For tests, beside no service.
pub async fn tend_due(app: &Arc<App>) -> Result<(), String> {
    let mut tender = Tender::new(app);
    loop {
        tender.look().await.map_err(|error| error.to_string())?;
        if tender.under_way.is_empty() {
            return Ok(());
        }
        while tender.under_way.join_next().await.is_some() {}
    }
}

struct Tender {
    app: Arc<App>,
    under_way: JoinSet<Uuid>,
    /// The domains of these tasks.
    checked: HashSet<Uuid>,
}

impl Tender {
    fn new(app: &Arc<App>) -> Self {
        Self { app: Arc::clone(app), under_way: JoinSet::new(), checked: HashSet::new() }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        while let Some(ended) = self.under_way.try_join_next() {
            match ended {
                Ok(domain) => drop(self.checked.remove(&domain)),
                Err(error) => tracing::error!(%error, "a check of a domain ended in a panic"),
            }
        }
        if self.under_way.is_empty() {
            self.checked.clear();
        }
        if !self.app.cluster.is_on_duty() {
            return Ok(());
        }
        let now = self.app.now();
        self.app.store.retire_keys(now - KEPT_MS, now, self.app.ids(now)).await?;
        self.rotate(now).await?;
        // Those that are being checked are due still.
        let limit = CHECKS_MAX + self.checked.len();
        let due = self.app.store.domains_to_check(now, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
        for domain in due {
            if self.under_way.len() == CHECKS_MAX {
                break;
            }
            if self.checked.insert(domain) {
                let app = Arc::clone(&self.app);
                self.under_way.spawn(async move {
                    if let Err(error) = check(&app, domain, false).await {
                        tracing::warn!(%domain, error = no_check(&error), "a domain could not be checked; trying again");
                    }
                    domain
                });
            }
        }
        Ok(())
    }

    async fn rotate(&self, now: i64) -> Result<(), StoreError> {
        let Some(after) = self.app.config.dkim_rotate_after else { return Ok(()) };
        let before = now - i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        for domain in self.app.store.domains_to_rotate(before, ROTATIONS_MAX).await? {
            if let Err(error) = rotation::rotate(&self.app, &domain).await {
                tracing::warn!(domain = %domain.id, why = error.message(), "the keys of a domain could not be rotated");
            }
        }
        Ok(())
    }
}
