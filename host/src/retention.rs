//! Letting go of events that are old, or that there is no room for. What was counted of them stays for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use crate::app::App;
use crate::server::Shutdown;
use crate::store::{DAY_MS, StoreError};

/// Events of one unit of work: bounds how long a write waits behind it.
const STEP_EVENTS: i64 = 200;
/// How long it rests for each time that it worked. The rest belongs to those who write.
const REST_PER_WORK: u32 = 4;
/// Customers that are asked for at once.
const CUSTOMERS_OF_PART: i64 = 100;
/// How often it looks for events that are old.
const LOOK_EVERY: Duration = Duration::from_mins(10);

/// Looks for what is to go until the service stops.
pub async fn run(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let work = async {
        loop {
            sleep(LOOK_EVERY).await;
            if let Err(error) = look(&app).await {
                tracing::error!(%error, "old events could not be dropped");
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
}

/// Drops the events that are older than they may be, and then the oldest while there are more than there may be.
pub async fn look(app: &App) -> Result<(), StoreError> {
    let today = app.now() - app.now().rem_euclid(DAY_MS);
    if let Some(days) = app.config.event_retention_days {
        let dropped = drop_before(app, today - i64::from(days) * DAY_MS, false).await?;
        if dropped > 0 {
            tracing::info!(dropped, days, "events were dropped, because they were old");
        }
    }
    drop_by_own_days(app, today).await?;
    let Some(bytes_max) = app.config.database_bytes_max else { return Ok(()) };
    while app.store.database_size().await?.used_bytes > bytes_max {
        // The events of yesterday and today stay in any case.
        let before = app.store.oldest_event_at().await?.map(|at| at - at.rem_euclid(DAY_MS) + DAY_MS);
        let Some(before) = before.filter(|before| *before < today) else {
            tracing::warn!(bytes_max, "the database is larger than database_bytes_max, and no event in it is old");
            return Ok(());
        };
        let dropped = drop_before(app, before, true).await?;
        tracing::warn!(dropped, bytes_max, "events were dropped before their time, because there is no room for them");
        if dropped == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Drops what is older than its customer's own days.
async fn drop_by_own_days(app: &App, today: i64) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let customers = app.store.own_retentions(after, CUSTOMERS_OF_PART).await?;
        let Some((last, _)) = customers.last() else { return Ok(()) };
        after = Some(*last);
        for (customer, days) in customers.into_iter().filter(|(_, days)| *days > 0) {
            let dropped = drop_of(app, customer, today - days * DAY_MS).await?;
            if dropped > 0 {
                tracing::info!(dropped, days, %customer, "events were dropped, because they were old for their customer");
            }
        }
    }
}

/// Drops the events of all customers, or of those that have no days of their own.
async fn drop_before(app: &App, before: i64, are_all: bool) -> Result<u64, StoreError> {
    let (mut after, mut dropped) = (None, 0);
    loop {
        let customers = app.store.customers_with_events_before(before, after, are_all, CUSTOMERS_OF_PART).await?;
        let Some(last) = customers.last() else { return Ok(dropped) };
        after = Some(*last);
        for customer in customers {
            dropped += drop_of(app, customer, before).await?;
        }
    }
}

async fn drop_of(app: &App, customer: Uuid, before: i64) -> Result<u64, StoreError> {
    let mut dropped = 0;
    loop {
        let started = Instant::now();
        let gone = app.store.drop_events(customer, before, STEP_EVENTS).await?;
        dropped += gone;
        if gone == 0 {
            return Ok(dropped);
        }
        sleep(started.elapsed() * REST_PER_WORK).await;
    }
}
