//! The life of plugins: what the store keeps of them and what the plugin host serves, moved together.

use serde_json::{Value as Json, json};

use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::plugins::error::Refusal;
use crate::plugins::{Loaded, World};
use crate::store::{InstallError, NewPlugin};

/// The plugins that come with the binary, built from `plugins/` by `plugins/build.sh`.
const BUILT_IN: [&[u8]; 2] =
    [include_bytes!("../../plugins/dist/scorer.wasm"), include_bytes!("../../plugins/dist/normalizer.wasm")];

/// Installs the built-in plugins and starts what is active. A newer built-in version takes over from an older one of
/// the same name, but never from a plugin that an operator activated.
pub async fn start(app: &App) -> Result<(), String> {
    for bytes in BUILT_IN {
        let loaded = app.plugins.admit(bytes.to_vec()).await.map_err(told)?;
        let (name, version) = (loaded.id.name.clone(), loaded.id.version.clone());
        match keep(app, &loaded, bytes.to_vec(), true).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(plugin = %loaded.id, %error, "the built-in plugin is not the installed one"),
        }
        let world = loaded.world;
        let active = app.store.active_plugin(world.as_str()).await.map_err(|error| error.to_string())?;
        let known = app.store.plugins().await.map_err(|error| error.to_string())?;
        let takes_over = match &active {
            None => true,
            Some((active_name, active_version)) => {
                let is_new = !known.iter().any(|row| row.name == name && row.version == version && row.was_active);
                let from_built_in =
                    known.iter().any(|row| row.name == *active_name && row.version == *active_version && row.built_in);
                is_new && from_built_in && *active_name == name
            }
        };
        if takes_over {
            app.store.activate_plugin(name, version, app.now()).await.map_err(|error| error.to_string())?;
        }
        if serve_active(app, world).await.is_err() {
            // What an operator activated cannot run here; the built-in one keeps the service going.
            tracing::error!(world = world.as_str(), plugin = %loaded.id, "the built-in plugin serves instead");
            app.plugins.activate(&loaded);
        }
    }
    Ok(())
}

async fn serve_active(app: &App, world: World) -> Result<(), String> {
    let active = app.store.active_plugin(world.as_str()).await.map_err(|error| error.to_string())?;
    let Some((name, version)) = active else { return Err("nothing is active".into()) };
    let loaded = load(app, &name, &version).await.inspect_err(|error| {
        tracing::error!(plugin = format!("{name}@{version}"), error, "an active plugin cannot be served");
    })?;
    app.plugins.activate(&loaded);
    Ok(())
}

/// Every installed version.
pub(crate) async fn list(app: &App) -> Outcome {
    let rows = app.store.plugins().await.map_err(|error| error.to_string())?;
    let view = |row: crate::store::PluginRow| {
        json!({ "name": row.name, "version": row.version, "world": row.world, "state": row.state,
            "digest": row.digest, "size": row.size, "built_in": row.built_in, "summary": row.summary,
            "installed_at": rfc3339(row.installed_at) })
    };
    Ok(json!({ "plugins": rows.into_iter().map(view).collect::<Vec<_>>() }))
}

/// Says whether a file is a plugin that could be installed, and what it is.
pub(crate) async fn check(app: &App, bytes: Vec<u8>) -> Outcome {
    let loaded = app.plugins.admit(bytes).await.map_err(told)?;
    Ok(json!({ "plugin": view(&loaded) }))
}

/// Keeps a version, and makes it the one that serves if asked.
pub(crate) async fn install(app: &App, bytes: Vec<u8>, activate_it: bool) -> Outcome {
    let loaded = app.plugins.admit(bytes.clone()).await.map_err(told)?;
    keep(app, &loaded, bytes, false).await?;
    tracing::info!(plugin = %loaded.id, digest = loaded.digest, "plugin installed");
    if activate_it {
        return activate(app, &loaded.id.name, &loaded.id.version).await;
    }
    Ok(json!({ "plugin": view(&loaded), "active": false }))
}

/// Makes an installed version serve its world, at once and without a failed call.
pub(crate) async fn activate(app: &App, name: &str, version: &str) -> Outcome {
    let loaded = load(app, name, version).await?;
    app.store
        .activate_plugin(name.to_owned(), version.to_owned(), app.now())
        .await
        .map_err(|error| error.to_string())?;
    let previous = app.plugins.activate(&loaded);
    tracing::info!(plugin = %loaded.id, previous = previous.as_ref().map(ToString::to_string), "plugin activated");
    Ok(json!({ "plugin": view(&loaded), "active": true, "previous": previous.map(|id| id.to_string()) }))
}

/// Returns to the version that served before.
pub(crate) async fn roll_back(app: &App, name: &str) -> Outcome {
    let previous = app.store.previous_plugin(name.to_owned()).await.map_err(|error| error.to_string())?;
    let (name, version) = previous.ok_or_else(|| {
        format!(
            "no version served before {name} does now, so there is nothing to roll back to; see `pillarbox plugin list`"
        )
    })?;
    activate(app, &name, &version).await
}

async fn load(app: &App, name: &str, version: &str) -> Result<std::sync::Arc<Loaded>, String> {
    let bytes = app.store.plugin_component(name.to_owned(), version.to_owned()).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{name}@{version} is not installed; see `pillarbox plugin list`"))?;
    app.plugins.admit(bytes).await.map_err(told)
}

async fn keep(app: &App, loaded: &Loaded, component: Vec<u8>, built_in: bool) -> Result<(), String> {
    let new = NewPlugin {
        name: loaded.id.name.clone(),
        version: loaded.id.version.clone(),
        world: loaded.world.as_str(),
        digest: loaded.digest.clone(),
        summary: loaded.summary.clone(),
        component,
        built_in,
        installed_at: app.now(),
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

/// A refusal with its particulars, a line each.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn told(refusal: Refusal) -> String {
    refusal.details.iter().fold(refusal.message.clone(), |text, detail| format!("{text}\n  {detail}"))
}

fn view(loaded: &Loaded) -> Json {
    json!({
        "name": loaded.id.name,
        "version": loaded.id.version,
        "world": loaded.world.as_str(),
        "digest": loaded.digest,
        "size": loaded.size,
        "summary": loaded.summary,
        "rules": loaded.rules.len(),
        "formats": loaded.formats.iter().map(|format| format.name.clone()).collect::<Vec<_>>(),
        "warnings": loaded.warnings,
    })
}
