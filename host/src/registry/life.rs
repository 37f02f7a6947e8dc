//! What an operator does to the life of a version, one function each.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Entry, Note, change, head, load, view};
use crate::app::App;
use crate::control::Outcome;
use crate::plugins::deployment::{Bounds, Candidate, CandidateStage, Deployment, Fallback, LimitOverrides, StageSpec};
use crate::plugins::error::{Fault, PluginError};
use crate::plugins::{Loaded, PluginId, World, scorer, settings};

impl Entry {
    fn about(action: &'static str, world: World, name: &str) -> Entry {
        let name = Some(name.to_owned());
        Entry { action, world: Some(world.as_str()), name, from: None, to: None, serves: None }
    }

    fn from(mut self, id: Option<&PluginId>) -> Entry {
        self.from = id.map(|id| shown(id, self.name.as_deref()));
        self
    }

    fn to(mut self, id: &PluginId) -> Entry {
        self.to = Some(shown(id, self.name.as_deref()));
        self
    }

    fn serving(mut self, id: &PluginId) -> Entry {
        self.serves = Some(id.clone());
        self.to(id)
    }
}

/// The version, with its name where that is another one than the line is about.
fn shown(id: &PluginId, name: Option<&str>) -> String {
    if name == Some(id.name.as_str()) { id.version.clone() } else { id.to_string() }
}

fn id(name: &str, version: &str) -> PluginId {
    PluginId { name: name.to_owned(), version: version.to_owned() }
}

/// Makes an installed version serve, at once and without a failed call.
pub(crate) async fn activate(app: &App, name: &str, version: &str, unchecked: bool, note: &Note) -> Outcome {
    let loaded = fit(app, &id(name, version), unchecked).await?;
    let previous = let_serve(app, &loaded, note).await?;
    Ok(json!({ "plugin": view::loaded(&loaded), "active": true, "previous": previous.map(|id| id.to_string()) }))
}

/// Lets a loaded version serve, and gives the one in whose place it does.
pub(super) async fn let_serve(app: &App, loaded: &Arc<Loaded>, note: &Note) -> Result<Option<PluginId>, String> {
    let (world, id, now) = (loaded.world, loaded.id.clone(), app.now());
    change(app, note, |deployment| {
        let previous = deployment.activate(world, &id, now)?;
        let entry = Entry::about("activate", world, &id.name).from(previous.as_ref()).serving(&id);
        Ok((entry, previous))
    })
    .await
}

/// Tries a version beside the active one.
pub(crate) async fn try_out(
    app: &App,
    (name, version): (&str, &str),
    stage: CandidateStage,
    bounds: Bounds,
    unchecked: bool,
    note: &Note,
) -> Outcome {
    let loaded = fit(app, &id(name, version), unchecked).await?;
    let (world, id, since) = (loaded.world, loaded.id.clone(), app.now());
    let replaced = change(app, note, |deployment| {
        let candidate = Candidate { version: id.version.clone(), stage, since, bounds };
        let active = deployment.active(&id.name);
        let replaced = deployment.try_out(world, &id, candidate)?;
        Ok((Entry::about(stage.as_str(), world, &id.name).from(active.as_ref()).to(&id), replaced))
    })
    .await?;
    Ok(json!({ "plugin": view::loaded(&loaded), "stage": stage.as_str(), "bounds": bounds, "replaced": replaced }))
}

/// Makes the candidate of a plugin its active version.
pub(crate) async fn promote(app: &App, name: &str, note: &Note) -> Outcome {
    let now = app.now();
    let (from, to) = change(app, note, |deployment| {
        let world = deployment.plugins.get(name).map_or(World::Scorer, |placement| placement.world);
        let (from, to) = deployment.promote(name, now)?;
        Ok((Entry::about("promote", world, name).from(Some(&from)).serving(&to), (from, to)))
    })
    .await?;
    moved(app, &from, &to).await
}

/// Ends the trial of a plugin's candidate.
pub(crate) async fn stop(app: &App, name: &str, note: &Note) -> Outcome {
    let version = change(app, note, |deployment| {
        let world = deployment.plugins.get(name).map_or(World::Scorer, |placement| placement.world);
        let candidate = deployment.stop(name)?;
        let entry = Entry::about("stop", world, name).from(Some(&id(name, &candidate.version)));
        Ok((entry, candidate.version))
    })
    .await?;
    Ok(json!({ "name": name, "version": version, "stopped": true }))
}

/// Ends the trial of this version, unless another one is tried by now.
pub(super) async fn stop_version(app: &App, name: &str, version: &str, note: &Note) -> Result<(), String> {
    let placed = head(app).await?.deployment.plugins.remove(name);
    let is_tried =
        placed.and_then(|placement| placement.candidate).is_some_and(|candidate| candidate.version == version);
    if is_tried { stop(app, name, note).await.map(drop) } else { Ok(()) }
}

/// Returns to what served before.
pub(crate) async fn roll_back(app: &App, name: &str, note: &Note) -> Outcome {
    let now = app.now();
    let (from, to) = change(app, note, |deployment| {
        let world = deployment.plugins.get(name).map_or(World::Scorer, |placement| placement.world);
        let (from, to) = deployment.roll_back(name, now)?;
        Ok((Entry::about("rollback", world, name).from(Some(&from)).serving(&to), (from, to)))
    })
    .await?;
    moved(app, &from, &to).await
}

/// Takes this version back, unless another one serves by now.
pub(super) async fn roll_back_version(app: &App, id: &PluginId, note: &Note) -> Result<(), String> {
    let is_active = head(app).await?.deployment.active(&id.name).as_ref() == Some(id);
    if is_active { roll_back(app, &id.name, note).await.map(drop) } else { Ok(()) }
}

async fn moved(app: &App, from: &PluginId, to: &PluginId) -> Outcome {
    let loaded = load(app, to).await?;
    Ok(json!({ "plugin": view::loaded(&loaded), "active": true, "previous": from.to_string() }))
}

/// Puts a version aside: it stays installed, and nobody activates it by mistake.
pub(crate) async fn retire(app: &App, name: &str, version: &str) -> Outcome {
    let deployment = head(app).await?.deployment;
    let placement = deployment.plugins.get(name);
    let is_tried = placement.and_then(|placement| placement.candidate.as_ref());
    if placement.and_then(|placement| placement.active.as_deref()) == Some(version) {
        return Err(format!("{name}@{version} serves; activate another version or roll back first"));
    }
    if is_tried.is_some_and(|candidate| candidate.version == version) {
        return Err(format!("{name}@{version} is tried; `pillarbox plugin stop {name}` ends that first"));
    }
    let retired = app.store.retire_plugin(name.to_owned(), version.to_owned(), Some(app.now())).await;
    if !retired.map_err(|error| error.to_string())? {
        return Err(format!("{name}@{version} is not installed; see `pillarbox plugin list`"));
    }
    tracing::info!(plugin = format!("{name}@{version}"), "plugin retired");
    Ok(json!({ "name": name, "version": version, "retired": true }))
}

/// Puts these plugins in this order, for everybody or for one customer. A stage may name a version, which then becomes
/// the plugin's active one.
pub(crate) async fn set_pipeline(
    app: &App,
    world: World,
    customer: Option<&str>,
    stages: Vec<(String, Option<String>, f64)>,
    note: &Note,
) -> Outcome {
    let customer = match customer {
        Some(email) => Some(customer_id(app, email).await?),
        None => None,
    };
    for (name, version, _) in &stages {
        if let Some(version) = version {
            let loaded = fit(app, &id(name, version), false).await?;
            if loaded.world != world {
                return Err(format!("{} is a {}, not a {world}", loaded.id, loaded.world));
            }
        }
    }
    let now = app.now();
    change(app, note, |deployment| {
        for (name, version, _) in &stages {
            if let Some(version) = version {
                deployment.name_version(world, &id(name, version), now)?;
            }
        }
        let specs = stages.iter().map(|(name, _, weight)| StageSpec { name: name.clone(), weight: *weight });
        deployment.set_pipeline(world, customer, specs.collect())?;
        let to = stages.iter().map(|(name, _, weight)| format!("{name}:{weight}")).collect::<Vec<_>>().join(" ");
        let name = customer.map(|customer| format!("customer {customer}"));
        let entry =
            Entry { action: "pipeline", world: Some(world.as_str()), name, from: None, to: Some(to), serves: None };
        Ok((entry, ()))
    })
    .await?;
    view::pipelines(app).await
}

/// Lets a customer have what everybody has.
pub(crate) async fn clear_pipeline(app: &App, email: &str, note: &Note) -> Outcome {
    let customer = customer_id(app, email).await?;
    change(app, note, |deployment| {
        if !deployment.clear_pipeline(customer) {
            return Err(format!("{email} has no pipeline of its own"));
        }
        let name = Some(format!("customer {customer}"));
        let world = Some(World::Scorer.as_str());
        Ok((Entry { action: "pipeline", world, name, from: None, to: None, serves: None }, ()))
    })
    .await?;
    view::pipelines(app).await
}

async fn customer_id(app: &App, email: &str) -> Result<Uuid, String> {
    let found = app.store.customer_by_email(email).await.map_err(|error| error.to_string())?;
    found
        .map(|customer| customer.id)
        .ok_or_else(|| format!("there is no customer {email}; see `pillarbox customer list`"))
}

/// Sets and unsets what an operator wants of a plugin. Each value is checked against what the active version takes, and by the
/// version itself if it does so. What it refuses leaves everything as it was.
pub(crate) async fn set_settings(
    app: &App,
    name: &str,
    set: &BTreeMap<String, String>,
    unset: &[String],
    note: &Note,
) -> Outcome {
    let active = head(app).await?.deployment.active(name);
    let active = active.ok_or_else(|| format!("no version of {name} serves; see `pillarbox plugin list`"))?;
    let loaded = load(app, &active).await?;
    settings::check(&loaded.settings, set).map_err(|why| format!("{active}: {why}"))?;
    if set.is_empty() && unset.is_empty() {
        return Ok(settings_view(name, &loaded, &head(app).await?.deployment.plugins[name].settings));
    }
    let merged = |deployment: &Deployment| {
        let mut settings = deployment.plugins.get(name).map(|placement| placement.settings.clone()).unwrap_or_default();
        settings.extend(set.clone());
        settings.retain(|name, _| !unset.contains(name));
        settings
    };
    let wanted = merged(&head(app).await?.deployment);
    accepted(app, &loaded, &wanted).await.map_err(|why| format!("{active}: {why}"))?;
    let now_set = change(app, note, |deployment| {
        let settings = merged(deployment);
        deployment.set_settings(name, settings.clone())?;
        let words = set.keys().map(|name| format!("+{name}")).chain(unset.iter().map(|name| format!("-{name}")));
        let mut entry = Entry::about("settings", loaded.world, name);
        entry.to = Some(words.collect::<Vec<_>>().join(" "));
        Ok((entry, settings))
    })
    .await?;
    Ok(settings_view(name, &loaded, &now_set))
}

/// Asks a scorer that checks its settings whether they make sense to it.
async fn accepted(app: &App, loaded: &Arc<Loaded>, set: &BTreeMap<String, String>) -> Result<(), String> {
    let checks = loaded.attributes.iter().any(|(name, _)| name == settings::CHECK_ATTRIBUTE);
    if loaded.world != World::Scorer || !checks {
        return Ok(());
    }
    let attributes = vec![(settings::CHECK_ATTRIBUTE.to_owned(), "true".to_owned())];
    let question = scorer::Message { attributes, ..scorer::Message::default() };
    let call = app.plugins.score_with(loaded, question, settings::effective(&loaded.settings, set)).await;
    match call.result {
        Ok(_) => Ok(()),
        Err(PluginError::Failed { fault: Fault::Refused(why), .. }) => Err(why),
        Err(error) => Err(format!("whether it takes the settings could not be told: {error}")),
    }
}

fn settings_view(name: &str, loaded: &Loaded, set: &BTreeMap<String, String>) -> Json {
    let rows: Vec<_> = loaded
        .settings
        .iter()
        .map(|rule| {
            let mut row = json!(rule);
            row["value"] = set.get(&rule.name).cloned().unwrap_or_else(|| rule.default_text()).into();
            row["is_set"] = set.contains_key(&rule.name).into();
            row
        })
        .collect();
    json!({ "name": name, "version": loaded.id.version, "settings": rows })
}

/// Bounds the calls of a plugin more tightly than the host does. Fields that are `None` stay as they are.
pub(crate) async fn set_limits(app: &App, name: &str, limits: LimitOverrides, clear: bool, note: &Note) -> Outcome {
    let limits = change(app, note, |deployment| {
        let placement = deployment.plugins.get(name).cloned();
        let before = placement.as_ref().filter(|_| !clear).map(|placement| placement.limits).unwrap_or_default();
        let merged = LimitOverrides {
            cpu_ms: limits.cpu_ms.or(before.cpu_ms),
            wall_ms: limits.wall_ms.or(before.wall_ms),
            memory_bytes: limits.memory_bytes.or(before.memory_bytes),
            table_elements: limits.table_elements.or(before.table_elements),
            input_bytes: limits.input_bytes.or(before.input_bytes),
            output_bytes: limits.output_bytes.or(before.output_bytes),
            calls: limits.calls.or(before.calls),
        };
        merged.check(app.plugins.limits())?;
        deployment.set_limits(name, merged)?;
        let world = placement.map_or(World::Scorer, |placement| placement.world);
        let mut entry = Entry::about("limits", world, name);
        entry.to = Some(json!(merged).to_string());
        Ok((entry, merged))
    })
    .await?;
    let host = app.plugins.limits();
    Ok(json!({ "name": name, "limits": limits, "host": {
        "cpu_ms": host.cpu_ms_max, "wall_ms": host.wall_ms_max, "memory_bytes": host.memory_bytes_max,
        "table_elements": host.table_elements_max, "input_bytes": host.input_bytes_max,
        "output_bytes": host.output_bytes_max, "calls": host.slots } }))
}

/// Says what answers when a plugin fails.
pub(crate) async fn set_fallback(app: &App, name: &str, rungs: &[Fallback], note: &Note) -> Outcome {
    change(app, note, |deployment| {
        deployment.set_fallback(name, rungs.to_vec())?;
        let world = deployment.plugins[name].world;
        let mut entry = Entry::about("fallback", world, name);
        let words: Vec<_> = rungs.iter().map(|rung| rung.as_str()).collect();
        entry.to = Some(if words.is_empty() { "none".into() } else { words.join(",") });
        Ok((entry, ()))
    })
    .await?;
    Ok(json!({ "name": name, "fallback": rungs }))
}

/// A version that may serve: it is installed, loads here, was not put aside, and has passed its check.
async fn fit(app: &App, id: &PluginId, unchecked: bool) -> Result<Arc<Loaded>, String> {
    let row = app.store.plugin(id.name.clone(), id.version.clone()).await.map_err(|error| error.to_string())?;
    let row = row.ok_or_else(|| format!("{id} is not installed; see `pillarbox plugin list`"))?;
    let loaded = load(app, id).await?;
    if unchecked {
        return Ok(loaded);
    }
    if row.retired_at.is_some() {
        return Err(format!("{id} is retired; --unchecked makes it serve all the same"));
    }
    if row.checked_at.is_none() {
        let why = row.check_failure.unwrap_or_else(|| "it was not checked yet".into());
        return Err(format!(
            "{id} is installed and did not pass its check: {why}; --unchecked makes it serve all the same"
        ));
    }
    Ok(loaded)
}
