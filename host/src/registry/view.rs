//! What commands answer about plugins, as JSON.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{head, log};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::plugins::deployment::{CandidateStage, Deployment, StageSpec};
use crate::plugins::stats::{BUCKETS_US, Tally};
use crate::plugins::watch::{DIFFERENCE_ENDS, Seen};
use crate::plugins::{Loaded, Serving, World};
use crate::store::control::primary::SeenNode;
use crate::store::{PluginNodeRow, PluginRow};

/// Lines of the log that one plugin shows.
const LOG_LINES: i64 = 200;
/// Customers that are known by name where pipelines are listed.
const CUSTOMERS_MAX: i64 = 10_000;

/// A plugin that was admitted.
pub(super) fn loaded(loaded: &Loaded) -> Json {
    json!({
        "name": loaded.id.name,
        "version": loaded.id.version,
        "world": loaded.world.as_str(),
        "wit_version": loaded.wit_version,
        "digest": loaded.digest,
        "size": loaded.size,
        "summary": loaded.summary,
        "rules": loaded.rules.len(),
        "formats": loaded.formats.iter().map(|format| format.name.clone()).collect::<Vec<_>>(),
        "settings": loaded.settings.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>(),
        "warnings": loaded.warnings,
    })
}

/// What a plugin says of itself, whole, as the registry keeps it.
pub(super) fn declaration(loaded: &Loaded) -> Json {
    json!({
        "summary": loaded.summary,
        "attributes": loaded.attributes,
        "rules": loaded.rules,
        "formats": loaded.formats,
        "settings": loaded.settings,
    })
}

/// Every installed version, with its state.
pub(crate) async fn list(app: &App) -> Outcome {
    let deployment = head(app).await?.deployment;
    let rows = app.store.plugins().await.map_err(|error| error.to_string())?;
    let rows: Vec<_> = rows.iter().map(|row| version(row, &deployment)).collect();
    Ok(json!({ "plugins": rows }))
}

/// Where a version stands in its life.
fn state(row: &PluginRow, deployment: &Deployment) -> &'static str {
    let placement = deployment.plugins.get(&row.name);
    let candidate = placement.and_then(|placement| placement.candidate.as_ref());
    let candidate = candidate.filter(|candidate| candidate.version == row.version);
    let is_active = placement.and_then(|placement| placement.active.as_deref()) == Some(row.version.as_str());
    match candidate.map(|candidate| candidate.stage) {
        _ if is_active => "active",
        Some(stage) => stage.as_str(),
        None if row.served_at.is_some() || row.retired_at.is_some() => "retired",
        None if row.checked_at.is_some() => "checked",
        None => "installed",
    }
}

fn version(row: &PluginRow, deployment: &Deployment) -> Json {
    let time = |at: Option<i64>| at.map(rfc3339);
    json!({
        "name": row.name, "version": row.version, "world": row.world, "state": state(row, deployment),
        "wit_version": row.wit_version, "digest": row.digest, "size": row.size, "built_in": row.built_in,
        "summary": row.summary, "installed_at": rfc3339(row.installed_at), "installed_by": row.installed_by,
        "signed_by": row.signed_by, "checked_at": time(row.checked_at), "check_failure": row.check_failure,
        "served_at": time(row.served_at), "retired_at": time(row.retired_at),
    })
}

/// One plugin: its versions, how it is placed, what its calls came to, what its trial shows, and its log.
pub(crate) async fn show(app: &App, name: &str) -> Outcome {
    let deployment = head(app).await?.deployment;
    let rows = app.store.plugins().await.map_err(|error| error.to_string())?;
    let rows: Vec<_> = rows.iter().filter(|row| row.name == name).collect();
    if rows.is_empty() {
        return Err(format!("no version of {name} is installed; see `pillarbox plugin list`"));
    }
    let lines = app.store.plugin_log_before(i64::MAX, LOG_LINES).await.map_err(|error| error.to_string())?;
    let table = app.plugins.table();
    let serving = table.plugins().get(name);
    Ok(json!({
        "name": name,
        "versions": rows.iter().map(|row| version(row, &deployment)).collect::<Vec<_>>(),
        "placement": deployment.plugins.get(name),
        "serving": serving.map(|serving| self::serving(serving)),
        "log": lines.iter().filter(|line| line.name.as_deref() == Some(name)).map(log::view).collect::<Vec<_>>(),
    }))
}

/// What this process serves of a plugin, and what it saw of it.
fn serving(serving: &Serving) -> Json {
    let of = |loaded: &Loaded| {
        json!({ "version": loaded.id.version, "calls": tally(&loaded.stats.tally()),
            "resting_ms": loaded.rests_for().map(|rest| u64::try_from(rest.as_millis()).unwrap_or(u64::MAX)) })
    };
    let candidate = serving.candidate.as_ref().map(|trial| {
        let percent = match trial.said.stage {
            CandidateStage::Canary { percent } => Some(percent),
            CandidateStage::Shadow => None,
        };
        let mut shown = of(&trial.version.loaded);
        shown["stage"] = trial.said.stage.as_str().into();
        shown["percent"] = json!(percent);
        shown["since"] = rfc3339(trial.said.since).into();
        shown["bounds"] = json!(trial.said.bounds);
        shown["stopped"] = json!(trial.watch.stopped());
        shown["seen"] = seen(&trial.watch.seen());
        shown
    });
    json!({ "active": of(&serving.active.loaded), "candidate": candidate })
}

pub(crate) fn tally(tally: &Tally) -> Json {
    let buckets = BUCKETS_US.iter().map(Some).chain([None]).zip(&tally.buckets);
    let failures: serde_json::Map<_, _> =
        tally.failures.iter().map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
    json!({
        "calls": tally.calls, "failed": tally.failed(), "failures": failures,
        "p50_us": tally.quantile_us(0.5), "p99_us": tally.quantile_us(0.99),
        "duration_us": tally.duration_us, "cpu_us": tally.cpu_us, "memory_bytes_max": tally.memory_bytes_max,
        "buckets": buckets.map(|(end_us, count)| json!({ "up_to_us": end_us, "calls": count })).collect::<Vec<_>>(),
    })
}

fn seen(seen: &Seen) -> Json {
    let ends = DIFFERENCE_ENDS.iter().map(Some).chain([None]).zip(&seen.differences);
    let examples = seen.examples.iter().map(|example| {
        let difference = &example.difference;
        json!({ "input": example.input.to_string(), "before": difference.before, "after": difference.after,
            "is_flip": difference.is_flip, "gained": difference.gained, "lost": difference.lost })
    });
    json!({
        "compared": seen.compared, "flips": seen.flips, "failures": seen.failures, "skipped": seen.skipped,
        "last_failure": seen.last_failure, "cpu_us": { "active": seen.cpu_us.0, "candidate": seen.cpu_us.1 },
        "differences": ends.map(|(end, count)| json!({ "up_to_points": end, "inputs": count })).collect::<Vec<_>>(),
        "rules": seen.rules.iter().map(|(rule, (gained, lost))| {
            json!({ "rule": rule, "gained": gained, "lost": lost }) }).collect::<Vec<_>>(),
        "examples": examples.collect::<Vec<_>>(),
    })
}

/// Who is asked, for everybody and for customers with a pipeline of their own.
pub(crate) async fn pipelines(app: &App) -> Outcome {
    let deployment = head(app).await?.deployment;
    let stages = |specs: &[StageSpec]| {
        let stage = |spec: &StageSpec| {
            let version = deployment.active(&spec.name).map(|id| id.version);
            json!({ "name": spec.name, "version": version, "weight": spec.weight })
        };
        specs.iter().map(stage).collect::<Vec<_>>()
    };
    let known = app.store.customers(CUSTOMERS_MAX).await.map_err(|error| error.to_string())?;
    let email = |id: &Uuid| known.iter().find(|customer| customer.id == *id).map(|customer| customer.email.as_str());
    let customers = deployment.customers.iter();
    let customers: Vec<_> = customers
        .map(|(id, specs)| json!({ "customer_id": id, "email": email(id), "stages": stages(specs) }))
        .collect();
    Ok(json!({
        "scorers": stages(deployment.stages(World::Scorer)),
        "normalizers": stages(deployment.stages(World::Normalizer)),
        "customers": customers,
    }))
}

/// How far every node has got.
pub(crate) async fn nodes(app: &App) -> Outcome {
    let generation = app.store.plugin_generation().await.map_err(|error| error.to_string())?;
    let rows = match &app.cluster.primary {
        Some(primary) => app.cluster.nodes(primary).await.map(|nodes| nodes.into_iter().map(of_cluster).collect()),
        None => app.store.plugin_nodes().await,
    };
    let rows = rows.map_err(|error| error.to_string())?;
    let node = |row: PluginNodeRow| {
        let troubles: Json = serde_json::from_str(&row.troubles).unwrap_or_default();
        json!({ "node": row.node, "generation": row.generation, "behind": generation - row.generation,
            "troubles": troubles, "since": rfc3339(row.since) })
    };
    Ok(json!({ "generation": generation, "nodes": rows.into_iter().map(node).collect::<Vec<_>>() }))
}

/// A node as the primary has seen it: it served this at that time.
fn of_cluster(node: SeenNode) -> PluginNodeRow {
    PluginNodeRow { node: node.node, generation: node.generation, troubles: node.troubles, since: node.seen_at }
}
