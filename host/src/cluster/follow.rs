//! Follows the log of the cluster, and has the service notice what other nodes changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Primary;
use super::join::catch_up;
use crate::app::App;
use crate::server::Shutdown;
use crate::store::StoreError;
use crate::tracking_keys;

/// How long to wait after what will not be better soon, and may have cost a copy of all tables.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// How long the end of a service waits for the primary.
const END_TIME: Duration = Duration::from_secs(1);

/// Follows until the service stops. A node on its own has nothing to follow.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    let Some(primary) = app.cluster.primary.clone() else { return };
    let rounds = async {
        loop {
            let outcome = round(&app, &primary).await;
            app.cluster.note_trouble(outcome.as_ref().err().map(ToString::to_string));
            sleep(pause(&outcome, app.config.storage_sync)).await;
        }
    };
    tokio::select! {
        () = rounds => {}
        _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
    drop(timeout(END_TIME, app.cluster.give_duty_back(&primary)).await);
}

/// How long to wait after a look. A primary that is away is left alone by the breaker.
fn pause(outcome: &Result<(), StoreError>, sync: Duration) -> Duration {
    match outcome {
        Ok(()) | Err(StoreError::Away(_)) => sync,
        Err(_) => sync.max(TROUBLE_PAUSE),
    }
}

/// Looks once at what other nodes have changed, and takes or keeps the duty. For tests, beside no other.
pub async fn look(app: &App) -> Result<(), StoreError> {
    match app.cluster.primary.clone() {
        Some(primary) => round(app, &primary).await,
        None => Ok(()),
    }
}

async fn round(app: &App, primary: &Primary) -> Result<(), StoreError> {
    let followed = catch_up(&app.store, primary).await;
    notice(app).await;
    followed?;
    app.cluster.renew_duty(primary, &app.store).await
}

/// Reads anew what the service keeps in memory of tables that other nodes changed. The plugins look for themselves.
async fn notice(app: &App) {
    let tables = app.store.touched.take();
    if tables.contains("dkim_keys") || tables.contains("domains") {
        app.signers.forget_all();
    }
    if tables.contains("acme_accounts") {
        app.acme.forget_known_account().await;
    }
    if tables.contains("tracking_keys")
        && let Err(error) = tracking_keys::start(app).await
    {
        tracing::error!(%error, "the tracking keys could not be read; trying again");
        app.store.touched.add(vec!["tracking_keys"]);
    }
    if tables.contains("tracking_hosts")
        && let Err(error) = app.tracking_hosts.changed(app).await
    {
        tracing::error!(%error, "the tracking hosts could not be read; trying again");
        app.store.touched.add(vec!["tracking_hosts"]);
    }
}
