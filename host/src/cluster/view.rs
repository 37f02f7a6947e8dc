//! What can be said of the cluster.

use serde_json::json;

use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::store::control::primary::SeenNode;

/// How far this node is, how the primary answers, and which nodes it has seen.
pub(crate) async fn status(app: &App) -> Outcome {
    let at = app.store.control_cursor().await.map_err(|error| error.to_string())?;
    let Some(primary) = &app.cluster.primary else {
        return Ok(json!({ "cluster": null }));
    };
    let seen = app.cluster.nodes(primary).await;
    let figures = primary.figures();
    let trouble = app.cluster.trouble().or_else(|| seen.as_ref().err().map(ToString::to_string));
    let rows = |seen: Vec<_>| {
        let row = |node: SeenNode| {
            json!({ "node": node.node, "revision": node.revision, "seen_at": rfc3339(node.seen_at),
                "version": node.version, "plugin_generation": node.generation })
        };
        seen.into_iter().map(row).collect::<Vec<_>>()
    };
    Ok(json!({ "cluster": {
        "id": at.as_ref().map(|at| at.cluster.as_str()),
        "node": primary.node(),
        "primary": app.config.storage_url,
        "joined": app.cluster.is_joined(),
        "revision": at.map(|at| at.revision),
        "primary_revision": figures.head,
        "lag_ms": figures.lag_ms,
        "breaker": if figures.is_resting { "open" } else { "closed" },
        "calls": figures.calls,
        "failed_calls": figures.failures,
        "on_duty": app.cluster.is_on_duty(),
        "trouble": trouble,
        "nodes": seen.map(rows).unwrap_or_default(),
    } }))
}
