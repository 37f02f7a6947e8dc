//! From the queue to an outlet. For now every domain is a sandbox, so the only outlet is the capture mailbox.

mod attempt;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::server::Shutdown;
use crate::store::StoreError;

/// The longest sleep while something is scheduled, so that a clock that was set is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Hands over everything that is due now, and says when the next email is, in milliseconds since 1970.
pub async fn deliver_due(app: &App) -> Result<Option<i64>, StoreError> {
    loop {
        let round = app.store.capture_due(app.now(), app.ids(app.now())).await?;
        if round.captured == 0 {
            return Ok(round.next_due_at);
        }
    }
}

/// Hands over what is due until the service stops. What is left is in the queue at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    loop {
        let pause = match deliver_due(&app).await {
            Ok(Some(due_at)) => Duration::from_millis(u64::try_from(due_at - app.now()).unwrap_or(0)).min(LOOK_AGAIN),
            Ok(None) => LOOK_AGAIN,
            Err(error) => {
                tracing::error!(%error, "the queue could not be worked on");
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = app.queued.notified() => {}
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
    }
}
