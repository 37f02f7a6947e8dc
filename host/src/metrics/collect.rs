//! Every family of metrics, in the order of the page.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use super::text::{Form, Kind, Text, micros};
use super::{ATTEMPT_OUTCOMES, CLASSES, Meters, NOTIFICATION_STATES, REPLIES, REQUEST_BOUNDS_US, SIGN_INS, process};
use crate::app::App;
use crate::error::Result;
use crate::hits::{SHED_EVENTS, SHED_REASONS};
use crate::mail::health::StopCause;
use crate::plugins::Loaded;
use crate::plugins::stats::{BUCKETS_US, Tally};
use crate::router::TEMPLATES;
use crate::store::InboxState;
use crate::tracking::Tracking;

/// What the contract of plugins is, as `version` prints it.
const WIT: &str = "pillarbox:plugin@1.0.0";

/// The whole page.
pub(super) async fn all(app: &App, form: Form) -> Result<String> {
    let mut text = Text::new(form);
    build(&mut text);
    process(&app.meters, (app.is_ready(), app.now()), &mut text);
    requests(&app.meters, (&app.in_flight, app.config.requests_in_flight_max), &mut text);
    plugins(app, &mut text);
    hits(&app.tracking, app.config.hit_journal_bytes_max, &mut text);
    store(app, &mut text).await?;
    mail(app, &mut text);
    cluster(app, &mut text);
    Ok(text.finish())
}

pub(super) fn build(text: &mut Text) {
    text.family(Kind::Gauge, "pillarbox_build_info", "The version that runs; always 1.");
    text.count(&[("version", env!("CARGO_PKG_VERSION")), ("wit", WIT)], 1);
}

pub(super) fn process(meters: &Meters, (is_ready, now): (bool, i64), text: &mut Text) {
    text.family(Kind::Gauge, "pillarbox_ready", "1 while the service takes requests, as /readyz says.");
    text.count(&[], u64::from(is_ready));
    text.family(Kind::Gauge, "pillarbox_uptime_seconds", "Time since the start.");
    text.value(&[], seconds(now - meters.started_at));
    process::write(text, seconds(meters.started_at));
}

pub(super) fn requests(meters: &Meters, (free, max): (&Semaphore, usize), text: &mut Text) {
    let routes = || TEMPLATES.iter().zip(&meters.routes);
    let help = "Requests of the API that were answered, by route and class of status. The route - is any other path.";
    text.family(Kind::Counter, "pillarbox_http_requests", help);
    for (route, meter) in routes() {
        for (class, count) in CLASSES.iter().zip(now(&meter.by_class)) {
            if count > 0 {
                text.count(&[("route", route), ("status", class)], count);
            }
        }
    }
    let help = "Time from a request's head to its answer.";
    text.family(Kind::Histogram, "pillarbox_http_request_duration_seconds", help);
    for (route, meter) in routes() {
        let buckets = now(&meter.buckets);
        if buckets.iter().any(|count| *count > 0) {
            let sum_us = meter.duration_us.load(Ordering::Relaxed);
            text.histogram(&[("route", route)], &REQUEST_BOUNDS_US, &buckets, sum_us);
        }
    }
    let in_flight = max.saturating_sub(free.available_permits());
    text.family(Kind::Gauge, "pillarbox_http_requests_in_flight", "Requests that are worked on.");
    text.count(&[], in_flight as u64);
}

/// The versions that are called, each with its role. Who installs versions decides how many labels there are.
fn plugins(app: &App, text: &mut Text) {
    let table = app.plugins.table();
    let mut called: Vec<(&Loaded, &'static str, Tally)> = Vec::new();
    for serving in table.plugins().values() {
        let active = &serving.active.loaded;
        called.push((active, "active", active.stats.tally()));
        if let Some(trial) = &serving.candidate {
            called.push((&trial.version.loaded, trial.said.stage.as_str(), trial.version.loaded.stats.tally()));
        }
    }
    text.family(Kind::Gauge, "pillarbox_plugin_generation", "The line of the plugin log that this process serves.");
    text.count(&[], table.generation);
    text.family(Kind::Gauge, "pillarbox_plugin_state", "1 for what each version is: active, shadow or canary.");
    for (loaded, state, _) in &called {
        let [name, version] = labels(loaded);
        text.count(&[name, version, ("world", loaded.world.as_str()), ("state", state)], 1);
    }
    text.family(Kind::Gauge, "pillarbox_plugin_resting", "1 while a version rests after repeated failures.");
    for (loaded, ..) in &called {
        text.count(&labels(loaded), u64::from(loaded.rests_for().is_some()));
    }
    text.family(Kind::Counter, "pillarbox_plugin_calls", "Calls of a version, answered or not.");
    for (loaded, _, tally) in &called {
        text.count(&labels(loaded), tally.calls);
    }
    text.family(Kind::Counter, "pillarbox_plugin_failures", "Calls of a version that failed, by kind.");
    for (loaded, _, tally) in &called {
        let [name, version] = labels(loaded);
        for (kind, count) in &tally.failures {
            text.count(&[name, version, ("kind", kind)], *count);
        }
    }
    let help = "Time of a version's calls, waiting included.";
    text.family(Kind::Histogram, "pillarbox_plugin_call_duration_seconds", help);
    for (loaded, _, tally) in &called {
        text.histogram(&labels(loaded), &BUCKETS_US, &tally.buckets, tally.duration_us);
    }
    text.family(Kind::Counter, "pillarbox_plugin_cpu_seconds", "CPU time of a version's calls.");
    for (loaded, _, tally) in &called {
        text.value(&labels(loaded), micros(tally.cpu_us));
    }
    text.family(Kind::Gauge, "pillarbox_plugin_memory_max_bytes", "The most memory that a call of a version had.");
    for (loaded, _, tally) in &called {
        text.count(&labels(loaded), tally.memory_bytes_max);
    }
}

fn labels(loaded: &Loaded) -> [(&str, &str); 2] {
    [("plugin", &loaded.id.name), ("version", &loaded.id.version)]
}

pub(super) fn hits(tracking: &Tracking, bytes_max: u64, text: &mut Text) {
    let hits = &tracking.hits;
    let figures = hits.figures();
    let help = "Bytes of opens and clicks that are on disk and not yet in the database.";
    text.family(Kind::Gauge, "pillarbox_hit_journal_bytes", help);
    text.count(&[], figures.unapplied_bytes);
    text.family(Kind::Gauge, "pillarbox_hit_journal_limit_bytes", "Bytes that there may be of them.");
    text.count(&[], bytes_max);
    let help = "Age of the oldest open or click that is not in the database yet.";
    text.family(Kind::Gauge, "pillarbox_hit_journal_lag_seconds", help);
    text.value(&[], seconds(hits.lag_ms(tracking.now())));
    text.family(Kind::Counter, "pillarbox_hit_journal_records", "Opens and clicks that were written to the journal.");
    text.count(&[], figures.records);
    text.family(Kind::Counter, "pillarbox_hit_journal_batches", "Batches that they were written in.");
    text.count(&[], figures.batches);
    text.family(Kind::Counter, "pillarbox_hit_journal_failures", "Writes and flushes of the journal that failed.");
    text.count(&[], figures.failures);
    text.family(
        Kind::Counter,
        "pillarbox_hits_shed",
        "Opens, clicks and, at an edge node, unsubscriptions that were not recorded, by reason.",
    );
    for (event, counts) in SHED_EVENTS.iter().zip(hits.shed_counts()) {
        for (reason, count) in SHED_REASONS.iter().zip(counts) {
            text.count(&[("event", event.as_str()), ("reason", reason)], count);
        }
    }
}

async fn store(app: &App, text: &mut Text) -> Result<()> {
    let figures = app.store.figures().await?;
    text.family(Kind::Gauge, "pillarbox_write_queue_length", "Units of work that wait for the database's writer.");
    text.count(&[], app.store.writes_waiting() as u64);
    text.family(Kind::Gauge, "pillarbox_write_queue_limit", "Units of work that may wait.");
    text.count(&[], app.config.write_queue_max as u64);
    text.family(
        Kind::Gauge,
        "pillarbox_emails_waiting",
        "Copies of emails that were accepted and have not reached their end.",
    );
    text.count(&[], figures.emails_waiting);
    text.family(Kind::Counter, "pillarbox_emails_stored", "Emails that were accepted, over all starts.");
    text.count(&[], figures.emails);
    text.family(Kind::Counter, "pillarbox_events_stored", "Events that were recorded, over all starts.");
    text.count(&[], figures.events);
    text.family(Kind::Gauge, "pillarbox_table_rows", "Rows of a table, as far as their numbers tell.");
    for (table, rows) in figures.tables {
        text.count(&[("table", table)], rows);
    }
    let size = app.store.database_size().await?;
    text.family(Kind::Gauge, "pillarbox_database_bytes", "Bytes of the database's file.");
    text.count(&[], size.file_bytes);
    text.family(Kind::Gauge, "pillarbox_database_used_bytes", "Bytes of them that are in use.");
    text.count(&[], size.used_bytes);
    text.family(Kind::Gauge, "pillarbox_event_followers", "Streams of events that are open.");
    text.count(&[], app.feed.followers() as u64);
    let help = "Accounts that may not send, because too much bounced or was complained about.";
    text.family(Kind::Gauge, "pillarbox_accounts_stopped", help);
    let stops = app.store.sending_stops(None).await?;
    for cause in [StopCause::Bounces, StopCause::Complaints] {
        let stopped = stops.iter().filter(|stop| stop.cause == cause && stop.lifted_at.is_none()).count();
        text.count(&[("cause", cause.as_str())], stopped as u64);
    }
    text.family(
        Kind::Counter,
        "pillarbox_notifications",
        "Notifications that came in by a webhook or as mail, by what they came to.",
    );
    for (state, count) in NOTIFICATION_STATES.iter().zip(now(&app.meters.notifications)) {
        text.count(&[("state", state.as_str())], count);
    }
    inbox(app, text);
    Ok(())
}

/// What is kept of what came in, as the inbox's worker counted it a moment ago.
fn inbox(app: &App, text: &mut Text) {
    let totals = app.inbox.totals();
    let of = |state: InboxState| totals.iter().find(|total| total.state == state);
    text.family(Kind::Gauge, "pillarbox_inbox_rows", "Notifications that are kept, by state.");
    for state in InboxState::ALL {
        let rows = of(*state).map_or(0, |total| u64::try_from(total.rows).unwrap_or(0));
        text.count(&[("state", state.as_str())], rows);
    }
    let help = "Age of the oldest notification that waits to be read.";
    text.family(Kind::Gauge, "pillarbox_inbox_waiting_seconds", help);
    let oldest_at = of(InboxState::Received).map(|total| total.oldest_at);
    text.value(&[], seconds(oldest_at.map_or(0, |at| app.now() - at)));
}

/// How a node of a cluster follows it.
fn cluster(app: &App, text: &mut Text) {
    let Some(primary) = &app.cluster.primary else { return };
    let figures = primary.figures();
    text.family(Kind::Gauge, "pillarbox_cluster_joined", "1 once this node has the rows of its cluster.");
    text.count(&[], u64::from(app.cluster.is_joined()));
    text.family(Kind::Gauge, "pillarbox_cluster_revision", "Changes of the control plane that this node has applied.");
    text.count(&[], u64::try_from(figures.revision).unwrap_or(0));
    let help = "Time since this node last had everything that the primary has.";
    text.family(Kind::Gauge, "pillarbox_cluster_lag_seconds", help);
    text.value(&[], seconds(figures.lag_ms));
    text.family(
        Kind::Gauge,
        "pillarbox_cluster_breaker_open",
        "1 while the primary is left alone, as it does not answer.",
    );
    text.count(&[], u64::from(figures.is_resting));
    text.family(Kind::Gauge, "pillarbox_cluster_on_duty", "1 while this node tends domains and certificates for all.");
    text.count(&[], u64::from(app.cluster.is_on_duty()));
    text.family(Kind::Counter, "pillarbox_cluster_calls", "Calls of the primary.");
    text.count(&[], figures.calls);
    text.family(Kind::Counter, "pillarbox_cluster_call_failures", "Calls of the primary that had no answer.");
    text.count(&[], figures.failures);
}

/// What comes in by SMTP, and what goes out.
fn mail(app: &App, text: &mut Text) {
    let meters = &app.meters;
    text.family(Kind::Counter, "pillarbox_delivery_attempts", "Attempts to hand over a copy, by what they came to.");
    for (outcome, count) in ATTEMPT_OUTCOMES.iter().zip(now(&meters.attempts)) {
        text.count(&[("outcome", outcome)], count);
    }
    text.family(Kind::Counter, "pillarbox_smtp_messages", "Messages that came by SMTP, by the kind of the reply.");
    for (reply, count) in REPLIES.iter().zip(now(&meters.smtp_messages)) {
        text.count(&[("reply", reply)], count);
    }
    text.family(Kind::Counter, "pillarbox_smtp_sign_ins", "Passwords that were given by SMTP.");
    for (password, count) in SIGN_INS.iter().zip(now(&meters.smtp_sign_ins)) {
        text.count(&[("password", password)], count);
    }
}

fn now(numbers: &[AtomicU64]) -> Vec<u64> {
    numbers.iter().map(|number| number.load(Ordering::Relaxed)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact")]
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1e3
}
