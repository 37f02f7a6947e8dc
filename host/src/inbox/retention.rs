//! Letting go of what came in long ago, or that there is no room for. What it changed stays.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::server::Shutdown;
use crate::store::{DAY_MS, REPEATED_MS, StoreError};

/// Rows of one unit of work: bounds how long a write waits behind it.
const STEP_ROWS: i64 = 200;
/// How long it rests after each. The rest belongs to those who write.
const REST: Duration = Duration::from_millis(20);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How long an event that was told is known at least, in milliseconds: as long as events are kept by default.
const TOLD_MS_MIN: i64 = 90 * DAY_MS;

/// Looks for what is to go until the service stops.
pub async fn run(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let work = async {
        loop {
            if let Err(error) = look(&app).await {
                tracing::error!(%error, "old notifications could not be dropped");
            }
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
}

/// Drops the rows that are older than they may be, and then the oldest while their bodies are more than they may be.
/// What waits to be read stays in any case.
pub async fn look(app: &App) -> Result<(), StoreError> {
    let (now, keep_ms) = (app.now(), app.config.inbox_keep_days * DAY_MS);
    let old = drop_rows(app, now - keep_ms, i64::MAX).await?;
    let surplus = app.store.inbox_bytes().await? - app.config.inbox_bytes_max;
    let surplus = if surplus > 0 { drop_rows(app, i64::MAX, surplus).await? } else { 0 };
    // As long as a row is kept, what it told is known: otherwise reading it again would tell it again.
    let before = now - TOLD_MS_MIN.max(keep_ms).max(REPEATED_MS) - DAY_MS;
    while app.store.drop_reported(before, STEP_ROWS).await? == STEP_ROWS.unsigned_abs() {
        sleep(REST).await;
    }
    if old + surplus > 0 {
        tracing::info!(old, surplus, "notifications were dropped, because they were old or there is no room for them");
    }
    Ok(())
}

async fn drop_rows(app: &App, before: i64, mut bytes: i64) -> Result<u64, StoreError> {
    let mut all = 0;
    loop {
        let (dropped, dropped_bytes) = app.store.drop_inbox(before, bytes, STEP_ROWS).await?;
        all += dropped;
        bytes -= dropped_bytes;
        if dropped == 0 || bytes <= 0 {
            return Ok(all);
        }
        sleep(REST).await;
    }
}
