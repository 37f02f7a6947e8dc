//! From the queue to an outlet. For now every domain is a sandbox, so the only outlet is the capture mailbox.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::server::Shutdown;

/// The longest sleep while something is scheduled, so that a clock that was set is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Hands over what is due until the service stops. What is left is in the queue at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    loop {
        let pause = match app.store.capture_due(app.now(), app.ids(app.now())).await {
            Ok(round) if round.captured > 0 => Duration::ZERO,
            Ok(round) => round.next_due_at.map_or(LOOK_AGAIN, |due_at| {
                let wait = u64::try_from(due_at - app.now()).unwrap_or(0);
                Duration::from_millis(wait).min(LOOK_AGAIN)
            }),
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
