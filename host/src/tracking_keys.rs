//! The keys behind tracking tokens: put into use, replaced by another, taken out of use.
//!
//! Links live as long as the emails that they stand in, so an old key goes on counting until somebody retires it. A key
//! that is to sign is known as the next one long before, wherever tokens are checked.

use std::sync::Arc;

use serde_json::json;

use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::mail::token::KeyRing;
use crate::secrets::HostKey;
use crate::store::{StoreError, TrackingKey, TrackingKeyState};

/// How long a key must have been the next one before it signs, in milliseconds.
pub(crate) const KNOWN_FOR_MS: i64 = 10 * 60 * 1_000;

/// The key of this id.
pub(crate) fn derived(host_key: &HostKey, id: u8) -> [u8; 32] {
    match id {
        // As it was before there were several.
        1 => host_key.derive("tracking links"),
        _ => host_key.derive(&format!("tracking links {id}")),
    }
}

/// The ring of the first start.
pub(crate) fn first(host_key: &HostKey) -> KeyRing {
    KeyRing::new(vec![(1, derived(host_key, 1))]).expect("one key has an id of its own")
}

/// The keys whose tokens count, the one that signs first. For whoever checks tokens.
pub(crate) async fn counting(app: &App) -> Result<Vec<(u8, [u8; 32])>, StoreError> {
    let keys = app.store.tracking_keys().await?;
    let counting = keys.iter().filter(|key| key.state != TrackingKeyState::Retired);
    Ok(counting.map(|key| (key.id, derived(&app.host_key, key.id))).collect())
}

/// Reads the keys: when a service or a command starts, and when another node changed them.
pub async fn start(app: &App) -> Result<(), StoreError> {
    let keys = counting(app).await?;
    let ring = KeyRing::new(keys.clone()).expect("ids are unique, and one key is always active");
    app.tokens.store(Arc::new(ring));
    app.nodes.set_keys(keys);
    Ok(())
}

/// All of them.
pub(crate) async fn list(app: &App) -> Outcome {
    let keys = app.store.tracking_keys().await.map_err(|error| error.to_string())?;
    Ok(view(&keys))
}

/// Has the next key sign from now on.
pub(crate) async fn rotate(app: &App, force: bool) -> Outcome {
    let now = app.now();
    let before = if force { now } else { now - KNOWN_FOR_MS };
    let keys = app.store.rotate_tracking_key(before, now).await.map_err(|error| error.to_string())?;
    start(app).await.map_err(|error| error.to_string())?;
    tracing::info!(key = keys.first().map(|key| key.id), "another key signs tracking links");
    Ok(view(&keys))
}

/// Has the links of an old key count no more.
pub(crate) async fn retire(app: &App, id: u8) -> Outcome {
    let keys = app.store.retire_tracking_key(id, app.now()).await.map_err(|error| error.to_string())?;
    start(app).await.map_err(|error| error.to_string())?;
    tracing::info!(key = id, "a key of tracking links is retired");
    Ok(view(&keys))
}

fn view(keys: &[TrackingKey]) -> serde_json::Value {
    let rows = keys.iter().map(|key| {
        let since = (key.since > 0).then(|| rfc3339(key.since));
        json!({ "id": key.id, "state": key.state.as_str(), "since": since })
    });
    json!({ "keys": rows.collect::<Vec<_>>() })
}
