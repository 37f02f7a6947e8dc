//! Entering the addresses of emails of before events were found by them, a little at a time.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::server::Shutdown;

/// Emails of one unit of work: bounds how long a write waits behind it.
const STEP_EMAILS: i64 = 200;

/// Enters all of them, resting as long as it works. It may be broken off at any time. Until it is done, events are found by
/// reading them.
pub(crate) async fn enter(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let work = async {
        loop {
            let started = Instant::now();
            if !app.store.enter_old_addresses(STEP_EMAILS).await? {
                return Ok::<_, crate::store::StoreError>(());
            }
            sleep(started.elapsed()).await;
        }
    };
    tokio::select! {
        outcome = work => {
            if let Err(error) = outcome {
                tracing::error!(%error, "the addresses of earlier emails could not be entered; the next start goes on");
            }
        }
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
}
