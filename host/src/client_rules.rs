//! The rules that tell who fetched something: which are in effect, and where they come from.
//!
//! They are read from the file of the setting `client_rules`, else from `client_rules.toml` in the data directory,
//! which `pillarbox clients rules load` writes; without either, the ones that come with the binary are in effect. A
//! document that is not right is refused as a whole, and what was in effect before stays so.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::config::Config;
use crate::control::Outcome;
use crate::mail::client::Class;
use crate::mail::client::rules::{RULES_BYTES_MAX, Rules};

/// The file name inside the data directory.
const FILE: &str = "client_rules.toml";

/// The rules in effect.
pub(crate) struct ClientRules {
    current: ArcSwap<Rules>,
    path: PathBuf,
    /// Whether an operator's setting names the file, which is then theirs to write.
    by_setting: bool,
    changing: Mutex<()>,
}

impl ClientRules {
    /// Reads them as the settings say. Blocks.
    pub(crate) fn open(config: &Config) -> Result<Self, String> {
        let path = config.client_rules.clone();
        let by_setting = path.is_some();
        let path = path.unwrap_or_else(|| config.data_dir.join(FILE));
        let rules = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !by_setting => Rules::built_in(),
            Err(error) => return Err(format!("cannot read the client rules in {}: {error}", path.display())),
            Ok(text) => parse(&path, &text)?,
        };
        Ok(Self { current: ArcSwap::from_pointee(rules), path, by_setting, changing: Mutex::default() })
    }

    /// Those in effect.
    pub(crate) fn now(&self) -> Arc<Rules> {
        self.current.load_full()
    }

    /// Puts this document into effect and keeps it; without one, reads the file again.
    fn load(&self, text: Option<&str>) -> Result<(), String> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = match text {
            Some(_) if self.by_setting => {
                return Err(format!(
                    "the setting client_rules names {}: change that file, then run `pillarbox clients rules load` \
                     without a file",
                    self.path.display()
                ));
            }
            Some(text) => {
                let rules = Rules::parse(text).map_err(|wrong| wrong.to_string())?;
                keep(&self.path, text).map_err(|error| format!("cannot write {}: {error}", self.path.display()))?;
                rules
            }
            None => {
                let text = read(&self.path).map_err(|error| format!("cannot read {}: {error}", self.path.display()))?;
                parse(&self.path, &text)?
            }
        };
        self.current.store(Arc::new(rules));
        Ok(())
    }

    /// Goes back to the rules that come with the binary.
    fn reset(&self) -> Result<(), String> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.by_setting {
            return Err(format!("the setting client_rules names {}: take it out", self.path.display()));
        }
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("cannot remove {}: {error}", self.path.display()));
            }
            _ => {}
        }
        self.current.store(Arc::new(Rules::built_in()));
        Ok(())
    }

    fn view(&self) -> Json {
        let rules = self.now();
        let built_in = rules.text() == Rules::built_in().text();
        let origin = if built_in { "built in".to_owned() } else { self.path.display().to_string() };
        let listed = rules.rules.iter().map(|rule| {
            json!({ "name": rule.name, "client": rule.client, "confidence": rule.confidence,
                "class": Class::of(rule.confidence), "reason": rule.reason, "source": rule.source })
        });
        json!({ "origin": origin, "updated": rules.updated, "rules": listed.collect::<Vec<_>>(), "text": rules.text() })
    }
}

/// The rules in effect, with their document.
pub(crate) fn show(app: &App) -> Json {
    app.client_rules.view()
}

/// Puts a document into effect, or reads the file again.
pub(crate) async fn load(app: &App, text: Option<String>) -> Outcome {
    changed(app, move |rules| rules.load(text.as_deref())).await
}

/// Goes back to the rules that come with the binary.
pub(crate) async fn reset(app: &App) -> Outcome {
    changed(app, ClientRules::reset).await
}

async fn changed(app: &App, change: impl FnOnce(&ClientRules) -> Result<(), String> + Send + 'static) -> Outcome {
    let rules = Arc::clone(&app.client_rules);
    let changed = tokio::task::spawn_blocking(move || change(&rules)).await;
    changed.map_err(|error| error.to_string())??;
    tracing::info!(rules = app.client_rules.now().rules.len(), "client rules changed");
    Ok(show(app))
}

fn parse(path: &Path, text: &str) -> Result<Rules, String> {
    Rules::parse(text).map_err(|wrong| format!("the client rules in {} are not right: {wrong}", path.display()))
}

/// A file, at most so long that one byte too many can be told.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(RULES_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a file that is there as a whole or not at all, also after a power cut.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("toml.new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
