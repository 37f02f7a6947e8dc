//! Judging how accounts' mail is received: daily, on demand, and often enough to stop who does harm.
//!
//! Too many bounces pause an account, until an operator resumes it or the rate is good again; too many complaints suspend
//! it, until an operator makes it active. What happened before that does not count again, so nobody is stopped twice for
//! the same mail.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use crate::accounts;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::mail::health::{Received, StopCause, judge, percent};
use crate::server::Shutdown;
use crate::store::{CustomerChange, CustomerStatus, DAY_MS, HOUR_MS, SendingStop, StoreError};

/// How long a judgement looks back.
pub(crate) const JUDGED_MS: i64 = 30 * DAY_MS;
/// How long a stop looks back.
const WATCHED_MS: i64 = 7 * DAY_MS;
/// How often accounts are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Customers that are asked for at once.
const CUSTOMERS_OF_PART: i64 = 100;

/// Accounts whose sending is paused.
#[derive(Default)]
pub(crate) struct Paused(RwLock<HashSet<Uuid>>);

impl Paused {
    pub(crate) fn has(&self, customer: Uuid) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&customer)
    }

    fn set(&self, stops: &[SendingStop]) {
        let paused = stops.iter().filter(|stop| stop.cause == StopCause::Bounces && stop.lifted_at.is_none());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = paused.map(|stop| stop.customer).collect();
    }
}

/// Reads whose sending is paused. Nothing is answered before.
pub async fn start(app: &App) -> Result<(), StoreError> {
    app.paused.set(&app.store.sending_stops(None).await?);
    Ok(())
}

/// Judges and watches until the service stops.
pub async fn run(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let work = async {
        loop {
            sleep(LOOK_EVERY).await;
            if let Err(error) = look(&app).await {
                tracing::error!(%error, "accounts could not be looked at");
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
}

/// Looks at every account once: stops whom it must, and judges whose judgement is a day old.
pub async fn look(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    let mut after = None;
    loop {
        let customers = app.store.troubled_customers(after, now - WATCHED_MS, CUSTOMERS_OF_PART).await?;
        for customer in &customers {
            watch_account(app, *customer, now).await?;
        }
        after = customers.last().copied();
        if after.is_none() {
            break;
        }
    }
    start(app).await?;
    for customer in app.store.unjudged_customers(now - DAY_MS, CUSTOMERS_OF_PART).await? {
        refresh(app, customer).await?;
    }
    Ok(())
}

async fn watch_account(app: &App, customer: Uuid, now: i64) -> Result<(), StoreError> {
    let stops = app.store.sending_stops(Some(customer)).await?;
    for cause in [StopCause::Bounces, StopCause::Complaints] {
        let known = stops.iter().find(|stop| stop.cause == cause);
        // What is counted by hours begins with the first whole one.
        let lifted_at = known.and_then(|stop| stop.lifted_at).map_or(0, |at| at + HOUR_MS - 1);
        let since = lifted_at.max(now - WATCHED_MS);
        let received = app.store.received_lately(customer, since).await?;
        if let Some(stop) = known.filter(|stop| stop.lifted_at.is_none()) {
            if cause.is_over(&received) || was_ended(app, stop).await? {
                app.store.lift_stop(customer, cause, now).await?;
                tracing::info!(%customer, cause = cause.as_str(), "an account may send again");
            }
        } else if cause.is_reached(&received) {
            stop(app, customer, cause, &received, now).await?;
        }
    }
    Ok(())
}

/// Whether an operator made a suspended account active again.
async fn was_ended(app: &App, stop: &SendingStop) -> Result<bool, StoreError> {
    let customer = app.store.customer(stop.customer).await?;
    let is_active = customer.is_some_and(|customer| customer.status == CustomerStatus::Active);
    Ok(stop.cause == StopCause::Complaints && is_active)
}

async fn stop(app: &App, customer: Uuid, cause: StopCause, received: &Received, now: i64) -> Result<(), StoreError> {
    let (sent, counted, limit) = cause.measure(received);
    if cause == StopCause::Complaints {
        let suspended = CustomerChange { status: Some(CustomerStatus::Suspended), ..CustomerChange::default() };
        app.store.change_customer(customer, suspended).await?;
    }
    let stopped = SendingStop { customer, cause, stopped_at: now, sent, counted, lifted_at: None };
    app.store.stop_sending(stopped).await?;
    let rate = percent(counted, sent);
    match cause {
        StopCause::Bounces => tracing::warn!(%customer, rate, limit, counted, sent,
            "sending is paused, because too much bounces; `pillarbox customer resume` ends that"),
        StopCause::Complaints => tracing::warn!(%customer, rate, limit, counted, sent,
            "the account is suspended, because too many complain; `pillarbox customer activate` ends that"),
    }
    Ok(())
}

/// Judges a customer's mail now. `None` when it sent none lately.
pub(crate) async fn refresh(app: &App, customer: Uuid) -> Result<Option<(i64, Json)>, StoreError> {
    let now = app.now();
    let Some(health) = judge(&app.store.received(customer, now - JUDGED_MS).await?) else { return Ok(None) };
    let score = serde_json::to_value(&health).expect("a judgement has text keys and serializes");
    app.store.keep_health_score(customer, score.to_string(), now).await?;
    Ok(Some((now, score)))
}

/// Lets an account send again whose sending was paused.
pub(crate) async fn resume(app: &App, email: &str) -> Outcome {
    let failed = |error: StoreError| error.to_string();
    let customer = accounts::find(app, email).await?;
    if !app.store.lift_stop(customer.id, StopCause::Bounces, app.now()).await.map_err(failed)? {
        return Err(format!("sending of {email} is not paused"));
    }
    start(app).await.map_err(failed)?;
    tracing::info!(customer = %customer.id, "an operator let an account send again");
    Ok(json!({ "customer": email, "resumed": true }))
}

/// What a customer is stopped for, as operators see it.
pub(crate) async fn stops(app: &App, customer: Uuid) -> Result<Json, StoreError> {
    let stops = app.store.sending_stops(Some(customer)).await?;
    let stopped = stops.iter().filter(|stop| stop.lifted_at.is_none());
    Ok(stopped
        .map(|stop| {
            let rate = percent(stop.counted, stop.sent);
            json!({ "cause": stop.cause.as_str(), "since": rfc3339(stop.stopped_at), "rate": rate,
                "counted": stop.counted, "of": stop.sent })
        })
        .collect())
}
