//! What operators do about edge nodes.

use serde_json::{Value as Json, json};

use super::token::{JoinToken, is_address};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::secrets::random;
use crate::store::{Invited, NodeRow, Renamed};

/// Invitations that are open at once.
pub(crate) const OPEN_MAX: i64 = 100;
/// How long a token may hold: a week.
pub(crate) const MINUTES_MAX: i64 = 7 * 24 * 60;
const MINUTE_MS: i64 = 60_000;
/// How old the newest word of a node is at most, for it to count as connected.
const CONNECTED_MS: i64 = 30_000;
/// Why nobody can be invited.
const NO_LISTENER: &str = "no listener for nodes is set: set node_listen to the address and port that edge nodes reach \
                           this service at, and start it again";

/// Makes a token for one node of this name.
pub(crate) async fn invite(app: &App, name: &str, address: Option<String>, minutes: i64) -> Outcome {
    let authority = app.nodes.authority.as_ref().ok_or(NO_LISTENER)?;
    check_name(name)?;
    if !(1..=MINUTES_MAX).contains(&minutes) {
        return Err(format!("a token holds for 1 to {MINUTES_MAX} minutes"));
    }
    let address = address.or_else(|| app.config.node_address()).ok_or(NO_LISTENER)?;
    if !is_address(&address) {
        return Err(format!("`{address}` is not a host and a port such as mail.example.com:8443"));
    }
    let secret = random::<32>().map_err(|error| error.to_string())?;
    let (now, hash) = (app.now(), crate::hash::sha256(&secret).to_vec());
    let expires_at = now + minutes * MINUTE_MS;
    let invited = app.store.invite_node(name.to_owned(), hash, (now, expires_at), OPEN_MAX).await;
    match invited.map_err(|error| error.to_string())? {
        Invited::Yes => {}
        Invited::NameTaken => return Err(format!("there is a node `{name}`, or an invitation for one")),
        Invited::TooMany => {
            return Err(format!("{OPEN_MAX} invitations are open, which is as many as may be; revoke one by its name"));
        }
    }
    tracing::info!(node = name, "node invited");
    let token = JoinToken { secret, authority: authority.hash(), address: address.clone() };
    Ok(json!({ "name": name, "token": token.to_string(), "address": address, "expires_at": rfc3339(expires_at) }))
}

/// Every node, and how far it is.
pub(crate) async fn list(app: &App) -> Outcome {
    let (now, rows) = (app.now(), app.store.nodes().await.map_err(|error| error.to_string())?);
    Ok(json!({ "edges": rows.iter().map(|row| view(row, now)).collect::<Vec<_>>() }))
}

/// Refuses a node from its next request on.
pub(crate) async fn revoke(app: &App, name: &str) -> Outcome {
    if !app.store.revoke_node(name.to_owned(), app.now()).await.map_err(|error| error.to_string())? {
        return Err(unknown(name));
    }
    app.nodes.look(app).await.map_err(|error| error.to_string())?;
    tracing::info!(node = name, "node revoked");
    Ok(json!({ "name": name, "state": "revoked" }))
}

/// Gives a node another name.
pub(crate) async fn rename(app: &App, name: &str, to: &str) -> Outcome {
    check_name(to)?;
    match app.store.rename_node(name.to_owned(), to.to_owned()).await.map_err(|error| error.to_string())? {
        Renamed::Yes => {}
        Renamed::Unknown => return Err(unknown(name)),
        Renamed::NameTaken => return Err(format!("there is a node `{to}`, or an invitation for one")),
    }
    app.nodes.look(app).await.map_err(|error| error.to_string())?;
    Ok(json!({ "name": to }))
}

fn check_name(name: &str) -> Result<(), String> {
    crate::config::name(name).map(drop)
}

fn unknown(name: &str) -> String {
    format!("there is no node `{name}`, nor an invitation for one; see `pillarbox node list`")
}

fn view(row: &NodeRow, now: i64) -> Json {
    let state = match (row.revoked_at, row.seen_at) {
        (Some(_), _) => "revoked",
        (None, None) => "joined",
        (None, Some(seen_at)) if now - seen_at <= CONNECTED_MS => "connected",
        (None, Some(_)) => "away",
    };
    let told = &row.told;
    let lag_ms = told.spool_oldest_at.map_or(0, |oldest_at| (now - oldest_at).max(0));
    json!({ "name": row.name, "node_id": row.id, "state": state, "version": told.version,
        "lag_seconds": lag_ms / 1_000, "spool_bytes": told.spool_bytes, "ring_revision": told.ring_revision,
        "seen_at": row.seen_at.map(rfc3339), "invited_at": rfc3339(row.invited_at), "joined_at": rfc3339(row.joined_at),
        "revoked_at": row.revoked_at.map(rfc3339) })
}
