//! A plugin host for one command: with the limits of the settings, and without a data directory.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::app::plugin_limits;
use crate::config::Config;
use crate::plugins::limits::Limits;
use crate::plugins::{Loaded, Plugins};
use crate::secrets::HostKey;

/// Starts one. Compiled code is kept in the author's own cache folder, so that a plugin that takes twenty seconds to
/// compile takes them once; where that folder cannot be used, it is compiled each time.
pub(crate) fn start(config: &Config) -> Result<Plugins, String> {
    let kept = config.author_cache_dir.as_deref().and_then(|folder| {
        let key = private_key(folder).ok()?;
        Plugins::start(limits(config), Some(folder.join("compiled")), key).ok()
    });
    kept.map_or_else(|| start_without_cache(config), Ok)
}

/// Starts one that compiles anew, for measuring how long that takes.
pub(crate) fn start_without_cache(config: &Config) -> Result<Plugins, String> {
    Plugins::start(limits(config), None, [0; 32]).map_err(|error| error.to_string())
}

/// Those of the settings. Here somebody waits for the compiler, and nobody else is served meanwhile.
fn limits(config: &Config) -> Limits {
    Limits { compiler_nice: 0, ..plugin_limits(config) }
}

/// The folder is its owner's alone, and so is the key that tells our files from others.
fn private_key(folder: &Path) -> std::io::Result<[u8; 32]> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    Ok(HostKey::load(folder)?.derive("compiled plugins"))
}

/// A plugin that was admitted, and how long that took.
pub(crate) async fn admit(plugins: &Plugins, bytes: Vec<u8>) -> Result<(Arc<Loaded>, Duration), String> {
    let began = Instant::now();
    let loaded = plugins.admit(bytes).await.map_err(|refusal| refusal.told())?;
    Ok((loaded, began.elapsed()))
}

/// What a plugin is, for programs and for people.
pub(crate) fn view(loaded: &Loaded) -> Json {
    json!({
        "name": loaded.id.name,
        "version": loaded.id.version,
        "world": loaded.world.as_str(),
        "digest": loaded.digest,
        "size": loaded.size,
        "summary": loaded.summary,
        "rules": loaded.rules.len(),
        "formats": loaded.formats.iter().map(|format| format.name.clone()).collect::<Vec<_>>(),
        "settings": loaded.settings.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>(),
        "wit_version": loaded.wit_version,
    })
}
