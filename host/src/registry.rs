//! The life of plugins: what the store keeps of them and what the plugin host serves, moved together.
//!
//! What serves is one document, the last one of a log. A change reads it, makes another one of it by the rules of
//! [`crate::plugins::deployment`], appends that to the log, and has the host serve it; a node that was not asked finds
//! the new document within half a second.

mod life;
mod log;
mod signed;
mod tend;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::life::{
    activate, clear_pipeline, promote, retire, roll_back, set_fallback, set_limits, set_pipeline, set_settings, stop,
    try_out,
};
pub(crate) use self::log::{LogKey, list as log, verify as verify_log};
pub use self::tend::{tend, watch};
pub(crate) use self::view::{list, nodes, pipelines, show};
use crate::app::App;
use crate::control::{Bytes, Outcome};
use crate::plugins::deployment::Deployment;
use crate::plugins::{Loaded, PluginId};
use crate::store::{InstallError, NewPlugin, PluginLogRow};

/// The plugins that come with the binary, built from `plugins/` by `plugins/build.sh`: scorer and normalizer.
pub(crate) const BUILT_IN: [&[u8]; 2] =
    [include_bytes!("../../plugins/dist/scorer.wasm"), include_bytes!("../../plugins/dist/normalizer.wasm")];
/// Who installs and activates what comes with the binary, and stops what fails.
pub(crate) const ITSELF: &str = "pillarbox";
/// How often a change is made anew when another node was faster.
const TRIES: usize = 8;

/// What a process holds of the plugins beside the store and the host.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Versions that are loaded: compiled, with their statistics.
    loaded: Mutex<HashMap<PluginId, Arc<Loaded>>>,
    built_in: OnceLock<Vec<Arc<Loaded>>>,
    /// Changes are made one after the other.
    turn: tokio::sync::Mutex<()>,
    /// What could not be loaded, and since which generation that is known to the store.
    told: Mutex<Option<(i64, Vec<String>)>>,
}

/// Who makes a change, and why: for the log.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Note {
    /// A person or a program.
    pub by: String,
    /// In their own words.
    pub why: Option<String>,
}

impl Note {
    fn itself(why: impl Into<String>) -> Note {
        Note { by: ITSELF.into(), why: Some(why.into()) }
    }
}

/// Bytes of a name or a reason in the log. What is longer is cut.
const NOTE_BYTES_MAX: usize = 1_024;

/// What a change is, for the log.
struct Entry {
    action: &'static str,
    world: Option<&'static str>,
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
    /// The version that begins to serve by it.
    serves: Option<PluginId>,
}

/// The document that serves, and where it stands in the log.
struct Head {
    row: Option<PluginLogRow>,
    deployment: Deployment,
}

impl Head {
    fn generation(&self) -> i64 {
        self.row.as_ref().map_or(0, |row| row.sequence)
    }
}

/// Installs the built-in plugins and starts what is active. A newer built-in version takes over from an older one of
/// the same name, but never from a plugin that an operator activated.
pub async fn start(app: &App) -> Result<(), String> {
    let mut built_in = Vec::new();
    for bytes in BUILT_IN {
        let loaded = app.plugins.admit(bytes.to_vec()).await.map_err(|refusal| refusal.told())?;
        app.shelf.put(&loaded);
        built_in.push((loaded, bytes));
    }
    let _ = app.shelf.built_in.set(built_in.iter().map(|(loaded, _)| loaded.clone()).collect());
    for (loaded, bytes) in built_in {
        match keep(app, &loaded, bytes.to_vec(), ITSELF, true, None).await {
            // What comes with the binary is tried once for each version, not at every start.
            Ok(true) => {
                if let Err(error) = try_samples(app, &loaded).await {
                    tracing::warn!(plugin = %loaded.id, %error, "what came of its check could not be kept");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(plugin = %loaded.id, %error, "the built-in plugin is not the installed one"),
        }
        if takes_over(app, &loaded).await? {
            let served = life::let_serve(app, &loaded, &Note::itself("it comes with this version of Pillarbox")).await;
            match served {
                // While the primary is away, what served before goes on. The next start tries again.
                Err(error) if app.cluster.primary.is_some() => {
                    tracing::warn!(plugin = %loaded.id, error, "the built-in plugin does not take over");
                }
                served => drop(served?),
            }
        }
    }
    tend::reconcile(app).await
}

async fn takes_over(app: &App, loaded: &Loaded) -> Result<bool, String> {
    let deployment = head(app).await?.deployment;
    if deployment.stages(loaded.world).is_empty() {
        return Ok(true);
    }
    let rows = app.store.plugins().await.map_err(|error| error.to_string())?;
    let row = |id: &PluginId| rows.iter().find(|row| row.name == id.name && row.version == id.version);
    let is_new = row(&loaded.id).is_none_or(|row| row.served_at.is_none());
    let serving = deployment.active(&loaded.id.name);
    Ok(is_new && serving.is_some_and(|id| row(&id).is_some_and(|row| row.built_in)))
}

/// Says whether a file is a plugin that could be installed, and what it is.
pub(crate) async fn check(app: &App, bytes: Vec<u8>) -> Outcome {
    let loaded = app.plugins.admit(bytes).await.map_err(|refusal| refusal.told())?;
    let samples =
        app.plugins.try_samples(&loaded).await.map_err(|why| format!("{} is not fit to serve: {why}", loaded.id))?;
    Ok(json!({ "plugin": view::loaded(&loaded), "samples": samples }))
}

/// Keeps a version and checks it, and makes it the one that serves if asked. Where a signature is required, it is
/// verified before anything of the file is parsed.
pub(crate) async fn install(
    app: &App,
    bytes: Vec<u8>,
    signature: Option<Vec<u8>>,
    activate_it: bool,
    unchecked: bool,
    note: &Note,
) -> Outcome {
    let vouched = signed::before(app, &bytes, signature)?;
    let loaded = app.plugins.admit(bytes.clone()).await.map_err(|refusal| refusal.told())?;
    let vouched = signed::after(app, vouched, &loaded)?;
    let is_new = keep(app, &loaded, bytes, &note.by, false, vouched).await?;
    if is_new {
        tracing::info!(plugin = %loaded.id, digest = loaded.digest, "plugin installed");
    }
    let failure = try_samples(app, &loaded).await?;
    if activate_it {
        return activate(app, &loaded.id.name, &loaded.id.version, unchecked, note).await;
    }
    let state = if failure.is_none() { "checked" } else { "installed" };
    Ok(json!({ "plugin": view::loaded(&loaded), "state": state, "active": false, "check_failure": failure }))
}

/// Has a version answer every sample and keeps what came of it: why it failed, if it did.
async fn try_samples(app: &App, loaded: &Arc<Loaded>) -> Result<Option<String>, String> {
    let failure = app.plugins.try_samples(loaded).await.err();
    let PluginId { name, version } = loaded.id.clone();
    let noted = app.store.note_plugin_check(name, version, failure.clone(), app.now()).await;
    noted.map_err(|error| error.to_string())?;
    Ok(failure)
}

/// The bytes of an installed version, for a command that runs it in its own process.
pub(crate) async fn component(app: &App, name: String, version: String) -> Outcome {
    let id = format!("{name}@{version}");
    let bytes = app.store.plugin_component(name, version).await.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{id} is not installed; see `pillarbox plugin list`"))?;
    Ok(json!({ "component": Bytes(bytes) }))
}

/// A version that is installed: from memory, or from the store and the compiled code on disk.
async fn load(app: &App, id: &PluginId) -> Result<Arc<Loaded>, String> {
    if let Some(loaded) = app.shelf.get(id) {
        return Ok(loaded);
    }
    let bytes = app.store.plugin_component(id.name.clone(), id.version.clone()).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{id} is not installed; see `pillarbox plugin list`"))?;
    signed::still(app, id, &bytes).await?;
    let loaded = app.plugins.admit(bytes).await.map_err(|refusal| refusal.told())?;
    app.shelf.put(&loaded);
    Ok(loaded)
}

impl Shelf {
    fn get(&self, id: &PluginId) -> Option<Arc<Loaded>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn put(&self, loaded: &Arc<Loaded>) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(loaded.id.clone(), loaded.clone());
    }

    /// Lets go of versions that nothing refers to. What is asked for again is loaded again.
    fn keep_only(&self, wanted: impl Fn(&PluginId) -> bool) {
        let is_built_in = |id: &PluginId| self.built_in().iter().any(|loaded| loaded.id == *id);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|id, _| wanted(id) || is_built_in(id));
    }

    fn built_in(&self) -> &[Arc<Loaded>] {
        self.built_in.get().map_or(&[], Vec::as_slice)
    }
}

async fn head(app: &App) -> Result<Head, String> {
    let row = app.store.plugin_log_head().await.map_err(|error| error.to_string())?;
    let deployment = match &row {
        Some(row) => serde_json::from_str(&row.deployment)
            .map_err(|error| format!("line {} of the plugin log cannot be read: {error}", row.sequence))?,
        None => Deployment::default(),
    };
    Ok(Head { row, deployment })
}

/// Makes a change, stores it and serves it. `make` may be asked again when another node was faster.
async fn change<T>(
    app: &App,
    note: &Note,
    make: impl Fn(&mut Deployment) -> Result<(Entry, T), String>,
) -> Result<T, String> {
    let _turn = app.shelf.turn.lock().await;
    for _ in 0..TRIES {
        let head = head(app).await?;
        let mut deployment = head.deployment.clone();
        let (entry, told) = make(&mut deployment)?;
        if deployment == head.deployment {
            return Ok(told);
        }
        let serves = entry.serves.clone().map(|id| (id.name, id.version));
        let row = log::next(&app.log_key, &head, entry, note, &deployment, app.now());
        let (action, name) = (row.action.clone(), row.name.clone());
        let (from, to) = (row.from_version.clone(), row.to_version.clone());
        if app.store.append_plugin_log(row, serves).await.map_err(|error| error.to_string())? {
            tracing::info!(action, plugin = name, from, to, by = note.by, "plugins changed");
            tend::reconcile(app).await?;
            return Ok(told);
        }
    }
    Err("the plugins are being changed by others as well; try again".into())
}

/// True when it was not there before.
async fn keep(
    app: &App,
    loaded: &Loaded,
    component: Vec<u8>,
    installed_by: &str,
    built_in: bool,
    vouched: Option<signed::Vouched>,
) -> Result<bool, String> {
    let (signature, signed_by) = vouched.map(|vouched| (vouched.document, vouched.verified.key_id)).unzip();
    let new = NewPlugin {
        name: loaded.id.name.clone(),
        version: loaded.id.version.clone(),
        world: loaded.world.as_str(),
        wit_version: loaded.wit_version.clone(),
        digest: loaded.digest.clone(),
        summary: loaded.summary.clone(),
        declaration: view::declaration(loaded).to_string(),
        component,
        built_in,
        installed_at: app.now(),
        installed_by: log::cut(installed_by),
        signature,
        signed_by,
    };
    app.store.install_plugin(new).await.map_err(|error| match error {
        InstallError::Taken => format!(
            "{} is installed already with other bytes; a name and version stand for one component for ever, so give \
             this one a new version",
            loaded.id
        ),
        InstallError::Store(error) => error.to_string(),
    })
}
