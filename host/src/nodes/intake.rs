//! Hits that a node hands over: all of a batch are in the database before it hears so, each once by its id.

use std::time::{Duration, Instant};

use super::Node;
use super::batch::{self, BatchError, BatchKind, HITS_BATCH};
use super::wire::HitsReply;
use crate::app::App;
use crate::error::{Error, Result};
use crate::hits::HitRecord;
use crate::store::JournaledHit;

/// Hits of one unit of work: bounds how long a send waits behind them.
const UNIT_MAX: usize = 1_000;
/// How long a node is asked to rest, for each time that its batch took, while the database has other work.
const REST_PER_WORK: u32 = 4;
/// The longest rest that a node is asked for.
const REST_MAX: Duration = Duration::from_secs(2);

pub(super) async fn take(app: &App, node: &Node, body: &[u8]) -> Result<HitsReply> {
    let started = Instant::now();
    let mut hits = read(app, body)?;
    let mut new = 0;
    // In their order, so that those of an email are in theirs.
    while !hits.is_empty() {
        let rest = hits.split_off(hits.len().min(UNIT_MAX));
        new += app.store.apply_node_hits(std::mem::replace(&mut hits, rest), app.client_rules.now()).await?;
    }
    let (name, node_id) = node.label();
    tracing::debug!(node = name, %node_id, new, "hits of a node taken over");
    Ok(HitsReply { new, rest_ms: rest_ms(app, started) })
}

/// How long a node is asked to rest whose batch was begun with then, in milliseconds.
pub(super) fn rest_ms(app: &App, started: Instant) -> u64 {
    let is_busy = app.store.writes_waiting() > 0 || app.tracking.hits.figures().unapplied_bytes > 0;
    let rest = if is_busy { (started.elapsed() * REST_PER_WORK).min(REST_MAX) } else { Duration::ZERO };
    u64::try_from(rest.as_millis()).unwrap_or(0)
}

/// The records of a batch.
pub(super) fn records(kind: BatchKind, body: &[u8]) -> Result<Vec<&[u8]>> {
    batch::records(kind, body).map_err(|error| match error {
        // The node is of a later version, and waits until this one is too.
        BatchError::Version => Error::UnsupportedType(kind.media_type),
        wrong => Error::invalid(wrong.to_string()),
    })
}

/// Every record of a batch, or what is wrong with it: a part of it is never taken.
fn read(app: &App, body: &[u8]) -> Result<Vec<JournaledHit>> {
    let records = records(HITS_BATCH, body)?;
    let now = app.now();
    let hit = |(number, record): (usize, &&[u8])| {
        let hit = HitRecord::decode(record).ok_or_else(|| Error::invalid(format!("record {number} is no hit")))?;
        // A clock that is ahead makes no hits of tomorrow.
        Ok(JournaledHit { at: hit.at.min(now), ..hit.journaled() })
    };
    records.iter().enumerate().map(hit).collect()
}
