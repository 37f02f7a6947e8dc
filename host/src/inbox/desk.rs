//! The inbox, as operators see it and act on it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::replay::again;
use crate::accounts::failed;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::store::{InboxFilter, InboxRow, InboxState};

/// Rows that one command reads again. Whoever wants more goes on from where it says.
pub(crate) const REPLAYED_MAX: i64 = 200;
/// Rows that are counted for a list. A longer one says that there are so many.
const COUNTED_MAX: i64 = 100_000;
/// Sources that a list names.
const SOURCES_MAX: i64 = 200;
/// Results of a replay that are told one by one: those of rows that came to something else.
const CHANGES_MAX: usize = 200;

/// Rows, newest first, but for `offset` of them.
pub(crate) async fn list(
    app: &App,
    state: Option<InboxState>,
    source: Option<String>,
    since: Option<i64>,
    offset: i64,
    limit: i64,
) -> Outcome {
    let filter = InboxFilter { state, source, since, before: None };
    let page = app.store.inbox(filter, offset, limit, COUNTED_MAX).await.map_err(failed)?;
    let totals = app.store.inbox_totals().await.map_err(failed)?;
    let sources = app.store.inbox_sources(SOURCES_MAX).await.map_err(failed)?;
    let totals = totals.iter().map(
        |total| json!({ "state": total.state.as_str(), "rows": total.rows, "oldest_at": rfc3339(total.oldest_at) }),
    );
    Ok(json!({
        "totals": totals.collect::<Vec<_>>(),
        "sources": sources,
        "rows": page.rows.iter().map(row_view).collect::<Vec<_>>(),
        "total": page.total,
    }))
}

/// One row with what came and what was made of it.
pub(crate) async fn show(app: &App, id: Uuid) -> Outcome {
    let found = app.store.inbox_row(id).await.map_err(failed)?;
    let (row, arrived, matches) = found.ok_or_else(|| missing(id))?;
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap_or(Json::Null);
    let mut answer = row_view(&row);
    let arrival = arrived.arrival;
    answer["provider"] = json!(arrival.provider);
    answer["customer_id"] = json!(arrival.customer);
    answer["source_key"] = json!(arrival.source_key);
    answer["headers"] = json!(arrival.headers);
    answer["outcome"] = read(&arrived.outcome);
    answer["matches"] = read(&matches);
    // What is no text travels in base64, and says so.
    let (encoding, body) = match String::from_utf8(arrival.body) {
        Ok(text) => ("text", text),
        Err(bytes) => ("base64", BASE64.encode(bytes.as_bytes())),
    };
    (answer["body_encoding"], answer["body"]) = (encoding.into(), body.into());
    Ok(answer)
}

/// Has rows read again, newest first and at most [`REPLAYED_MAX`] from `before` on: these, or all that the filter takes.
/// What waits to be read is left to the worker. It says where to go on.
pub(crate) async fn replay(app: &App, ids: &[Uuid], filter: InboxFilter, dry_run: bool) -> Outcome {
    let is_named = !ids.is_empty();
    let (ids, next) = if ids.is_empty() {
        let page = app.store.inbox(filter, 0, REPLAYED_MAX, 0).await.map_err(failed)?;
        let is_full = i64::try_from(page.rows.len()).is_ok_and(|rows| rows == REPLAYED_MAX);
        let next = page.rows.last().filter(|_| is_full).map(|row| row.id);
        (page.rows.into_iter().map(|row| row.id).collect(), next)
    } else if i64::try_from(ids.len()).is_ok_and(|count| count > REPLAYED_MAX) {
        return Err(format!("more than {REPLAYED_MAX} rows are named; name fewer at once"));
    } else {
        (ids.to_vec(), None)
    };
    let (mut looked, mut differing, mut accepted, mut failures, mut changes) = (0, 0, 0, 0, Vec::new());
    for id in ids {
        let (row, arrived) = match app.store.inbox_row(id).await.map_err(failed)? {
            Some((row, arrived, _)) => (row, arrived),
            None if is_named => return Err(missing(id)),
            // It was dropped meanwhile.
            None => continue,
        };
        if row.state == InboxState::Received {
            continue;
        }
        let replayed = again(app, arrived, dry_run).await.map_err(failed)?;
        looked += 1;
        accepted += replayed.accepted;
        failures += usize::from(replayed.failed.is_some());
        differing += usize::from(replayed.changed());
        if (replayed.changed() || replayed.failed.is_some()) && changes.len() < CHANGES_MAX {
            changes.push(replayed.view());
        }
    }
    if !dry_run {
        tracing::info!(looked, differing, accepted, failures, "an operator has notifications read again");
    }
    Ok(json!({ "dry_run": dry_run, "read": looked, "changed": differing, "accepted": accepted, "failed": failures,
        "rows": changes, "next": next }))
}

/// A state as a person writes it.
pub(crate) fn read_state(text: &str) -> Result<InboxState, String> {
    InboxState::parse(text).ok_or_else(|| {
        let known: Vec<_> = InboxState::ALL.iter().map(|state| state.as_str()).collect();
        format!("`{text}` is no state; there are {}", known.join(", "))
    })
}

fn missing(id: Uuid) -> String {
    format!("there is nothing in the inbox under {id}; see `pillarbox inbox list`")
}

fn row_view(row: &InboxRow) -> Json {
    let waits = row.state == InboxState::Received;
    json!({
        "id": row.id, "source": row.source, "verified": row.verified, "state": row.state.as_str(),
        "received_at": rfc3339(row.received_at), "content_type": row.content_type, "bytes": row.body_bytes,
        "accepted": row.counts.accepted, "duplicates": row.counts.duplicates, "unmatched": row.counts.unmatched,
        "guessed": row.counts.guessed, "attempts": row.attempts, "replays": row.replays,
        "due_at": waits.then(|| rfc3339(row.due_at)), "settled_at": row.settled_at.map(rfc3339),
        "plugin": row.plugin, "error": row.error,
    })
}
