//! Showing statistics to operators, and keeping them right: counting them again, on command and for what happened before there were any.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::accounts;
use crate::api::stats::outbound::bounced;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::server::Shutdown;
use crate::store::{Counted, Counts, DAY_MS, DetailKind, StatDays, StatFilter, StoreError};

/// Customers whose days are asked for at once.
const CUSTOMERS_OF_PART: i64 = 100;
/// Days that one part counts. Between two days others get to write.
const DAYS_OF_PART: usize = 31;

/// A day of a customer: where a part begins.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct StatPlace {
    /// The customer's id.
    pub customer: Uuid,
    /// When the day begins, in milliseconds since 1970.
    pub day: i64,
}

/// Most days that are shown.
pub(crate) const DAYS_MAX: u32 = 2_000;

/// What was counted in some days, today included, of one customer or of all together.
pub(crate) async fn show(app: &App, customer: Option<&str>, days: u32) -> Outcome {
    let whose = match customer {
        Some(email) => Some(accounts::find(app, email).await?.id),
        None => None,
    };
    let days = i64::from(days.clamp(1, DAYS_MAX));
    let until = app.now() - app.now().rem_euclid(DAY_MS) + DAY_MS;
    let filter = StatFilter { from: until - days * DAY_MS, until, ..StatFilter::default() };
    let failed = |error: StoreError| error.to_string();
    let counted = app.store.stat_series(whose, filter.clone(), false, Counted::ALL).await.map_err(failed)?;
    let classes = app.store.stat_details(whose, filter.clone(), DetailKind::BounceClass).await.map_err(failed)?;
    let (mut totals, mut series) = (Counts::default(), Vec::new());
    for day in 0..days {
        let at = filter.from + day * DAY_MS;
        let counts = counted.get(&at).copied().unwrap_or_default();
        totals.add(&counts);
        let mut row = figures(&counts);
        row["date"] = rfc3339(at)[..10].into();
        series.push(row);
    }
    let classes: Vec<_> =
        classes.into_iter().map(|(class, total)| json!({ "class": class, "bounced": total })).collect();
    Ok(json!({ "customer": customer, "days": days, "totals": figures(&totals), "series": series, "bounces": classes }))
}

fn figures(counts: &Counts) -> Json {
    json!({
        "sent": counts.of(Counted::Sent),
        "delivered": counts.of(Counted::Delivered),
        "bounced": bounced(counts),
        "opened": counts.of(Counted::UniqueOpens),
        "opened_by_people": counts.of(Counted::UniqueHumanOpens),
        "clicked": counts.of(Counted::UniqueClicks),
        "clicked_by_people": counts.of(Counted::UniqueHumanClicks),
        "complained": counts.of(Counted::Complained),
        "unsubscribed": counts.of(Counted::Unsubscribed),
        "failed": counts.of(Counted::Failed),
    })
}

/// Counts a part again and says where the next one begins.
pub(crate) async fn rebuild(app: &App, from: Option<StatPlace>, customer: Option<&str>, dry_run: bool) -> Outcome {
    let customer = match customer {
        Some(email) => Some(accounts::find(app, email).await?.id),
        None => None,
    };
    let failed = |error: StoreError| error.to_string();
    let Some(days) = days_from(app, from, customer).await.map_err(failed)? else {
        return Ok(json!({ "next": null, "days": 0, "rows": 0, "wrong": 0 }));
    };
    let first = from.filter(|from| from.customer == days.customer).map_or(days.first, |from| from.day);
    let (mut day, mut counted, mut rows, mut wrong) = (first, 0, 0, 0);
    while day <= days.last && counted < DAYS_OF_PART {
        let rebuilt = app.store.rebuild_stats(days.customer, day, dry_run).await.map_err(failed)?;
        rows += rebuilt.rows;
        wrong += rebuilt.wrong;
        counted += 1;
        day += DAY_MS;
    }
    // Behind its last day a customer has none left, so the next part looks for the next customer.
    let next = StatPlace { customer: days.customer, day };
    Ok(json!({ "next": next, "days": counted, "rows": rows, "wrong": wrong }))
}

/// The customer that is to be counted, with its days.
async fn days_from(app: &App, from: Option<StatPlace>, only: Option<Uuid>) -> Result<Option<StatDays>, StoreError> {
    let mut after = match (from, only) {
        (Some(StatPlace { customer, .. }), _) | (None, Some(customer)) => before(customer),
        (None, None) => None,
    };
    loop {
        let customers = app.store.stat_days(after, app.now(), CUSTOMERS_OF_PART).await?;
        let Some(last) = customers.last() else { return Ok(None) };
        after = Some(last.customer);
        let is_wanted = |days: &StatDays| only.is_none_or(|only| only == days.customer);
        let has_days = |days: &StatDays| {
            from.is_none_or(|from| from.customer != days.customer || from.day <= days.last) && days.first <= days.last
        };
        if let Some(days) = customers.iter().find(|days| is_wanted(days) && has_days(days)) {
            return Ok(Some(*days));
        }
        if only.is_some_and(|only| only <= last.customer) {
            return Ok(None);
        }
    }
}

/// The largest id before this one, so that it is itself among those after.
fn before(customer: Uuid) -> Option<Uuid> {
    customer.as_u128().checked_sub(1).map(Uuid::from_u128)
}

/// Counts what happened before there were statistics, a part at a time. It may be broken off at any time.
pub(crate) async fn catch_up(app: Arc<App>, mut stopping: watch::Receiver<Shutdown>) {
    let work = async {
        if !app.store.has_stat_backlog().await.map_err(|error| error.to_string())? {
            return Ok(());
        }
        tracing::info!("counting the events of before there were statistics");
        let mut from: Option<StatPlace> = None;
        loop {
            let part = rebuild(&app, from, None, false).await?;
            from = serde_json::from_value(part["next"].clone()).map_err(|error| error.to_string())?;
            if from.is_none() {
                break;
            }
        }
        app.store.end_stat_backlog().await.map_err(|error| error.to_string())?;
        tracing::info!("all events are counted");
        Ok::<_, String>(())
    };
    tokio::select! {
        outcome = work => {
            if let Err(error) = outcome {
                tracing::error!(error, "events could not be counted; `pillarbox stats rebuild` does it");
            }
        }
        _ = stopping.wait_for(|step| *step >= Shutdown::Drain) => {}
    }
}
