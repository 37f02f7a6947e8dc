//! Keeps the host at what the log says, and takes back what fails, without a person.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch::Receiver;
use tokio::time::sleep;

use super::{Note, head, life, load};
use crate::app::App;
use crate::plugins::deployment::Deployment;
use crate::plugins::{Plan, PluginId};
use crate::server::Shutdown;
use crate::store::PluginNodeRow;

/// How often the log is looked at for what other nodes have changed.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Tends the plugins until the service stops.
pub async fn watch(app: Arc<App>, mut shutdown: Receiver<Shutdown>) {
    loop {
        tokio::select! {
            () = app.plugins.alarmed() => {}
            () = sleep(LOOK_EVERY) => {}
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => return,
        }
        if let Err(error) = tend(&app).await {
            tracing::warn!(error, "the plugins could not be tended; trying again");
        }
    }
}

/// Follows the log, stops the candidates and takes back the active versions that did what they may not.
pub async fn tend(app: &App) -> Result<(), String> {
    let table = app.plugins.table();
    let generation = app.store.plugin_generation().await.map_err(|error| error.to_string())?;
    if u64::try_from(generation).ok() != Some(table.generation) {
        let _turn = app.shelf.turn.lock().await;
        reconcile(app).await?;
    }
    for (name, serving) in app.plugins.table().plugins() {
        if let Some((trial, why)) = serving.candidate.as_ref().and_then(|trial| Some((trial, trial.watch.stopped()?))) {
            tracing::warn!(plugin = %trial.version.loaded.id, why, "candidate stopped");
            life::stop_version(app, name, &trial.said.version, &Note::itself(why)).await?;
        }
        if let Some(why) = serving.probation.as_ref().and_then(|probation| probation.tripped()) {
            tracing::warn!(plugin = %serving.active.loaded.id, why, "active version taken back");
            life::roll_back_version(app, &serving.active.loaded.id, &Note::itself(why)).await?;
        }
    }
    Ok(())
}

/// Has the host serve the newest document of the log. A version that cannot be loaded here is told as a trouble of this
/// node, and what served before it goes on.
pub(super) async fn reconcile(app: &App) -> Result<(), String> {
    let head = head(app).await?;
    let (mut versions, mut troubles) = (HashMap::new(), Vec::new());
    for id in wanted(&head.deployment) {
        match load(app, &id).await {
            Ok(loaded) => drop(versions.insert(id, loaded)),
            Err(why) => {
                tracing::error!(plugin = %id, why, "a version cannot be loaded here");
                troubles.push(format!("{id} cannot be loaded: {why}"));
            }
        }
    }
    app.plugins.serve(&Plan {
        generation: u64::try_from(head.generation()).unwrap_or(0),
        deployment: &head.deployment,
        versions: &versions,
        built_in: app.shelf.built_in(),
        probation: app.config.plugin_probation,
        now: (app.now(), Instant::now()),
    });
    app.shelf.keep_only(|id| versions.contains_key(id));
    tell(app, head.generation(), troubles).await
}

/// The versions that answer, are tried, or stand ready to answer again.
fn wanted(deployment: &Deployment) -> Vec<PluginId> {
    let mut wanted = Vec::new();
    for (name, placement) in &deployment.plugins {
        let of = |version: &String| PluginId { name: name.clone(), version: version.clone() };
        if placement.active.is_some() {
            wanted.extend(placement.active.iter().map(of));
            wanted.extend(placement.candidate.iter().map(|candidate| of(&candidate.version)));
            wanted.extend(placement.history.last().cloned());
        }
    }
    wanted.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    wanted.dedup();
    wanted
}

/// Writes down how far this node has got, when that is news.
async fn tell(app: &App, generation: i64, troubles: Vec<String>) -> Result<(), String> {
    let news = Some((generation, troubles.clone()));
    if *app.shelf.told.lock().unwrap_or_else(PoisonError::into_inner) == news {
        return Ok(());
    }
    let troubles = serde_json::to_string(&troubles).expect("a list of texts serializes");
    let node = PluginNodeRow { node: app.config.node_name.clone(), generation, troubles, since: app.now() };
    app.store.note_plugin_node(node).await.map_err(|error| error.to_string())?;
    *app.shelf.told.lock().unwrap_or_else(PoisonError::into_inner) = news;
    Ok(())
}
