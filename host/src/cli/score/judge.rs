//! Who judges: the scorers that serve a data directory, or one scorer in a sandbox of the command's own.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::super::Failure;
use super::super::plugin::waiting;
use super::super::session::Session;
use crate::api::scoring::analyze_raw_by;
use crate::app::plugin_limits;
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::kit::{build, host};
use crate::plugins::{Loaded, Plugins, World};
use crate::registry::BUILT_IN;
use crate::store::LOCK_FILE;

/// A place where messages are judged.
pub(super) struct Judge {
    by: By,
    told: String,
}

enum By {
    Serving(Arc<Session>),
    One { plugins: Box<Plugins>, scorer: Arc<Loaded> },
}

impl Judge {
    /// The scorer of a file; else those that serve the data directory, when there is one; else the built-in one. No data
    /// directory is made for this.
    pub(super) async fn open(config: Config, plugin: Option<&Path>) -> Result<Self, Failure> {
        let data = config.data_dir.display().to_string();
        if plugin.is_none() && config.data_dir.join(LOCK_FILE).exists() {
            return Ok(Self { by: By::Serving(Session::open(config).await?), told: format!("serves in {data}") });
        }
        let (bytes, told) = match plugin {
            Some(file) => (build::read(file, plugin_limits(&config).component_bytes_max)?, file.display().to_string()),
            None => (BUILT_IN[0].to_vec(), format!("built in; there is no data directory {data}")),
        };
        let plugins = host::start(&config)?;
        let bar = waiting("compiling the scorer for this machine");
        let admitted = host::admit(&plugins, bytes).await;
        bar.finish_and_clear();
        let (scorer, _) = admitted?;
        if scorer.world != World::Scorer {
            return Err(format!("{told} is a {}, and messages are judged by a scorer", scorer.world).into());
        }
        Ok(Self { by: By::One { plugins: Box::new(plugins), scorer }, told })
    }

    /// Whose judgement it is, in words.
    pub(super) fn told(&self) -> &str {
        &self.told
    }

    /// What the analyze route would answer to the message in `raw`.
    pub(super) async fn judge(&self, message: &[u8]) -> Result<Value, Failure> {
        match &self.by {
            By::Serving(session) => session.run(Command::Score { message: Bytes(message.to_vec()) }).await,
            By::One { plugins, scorer } => {
                // Each message is judged for itself, whatever came of the ones before it.
                scorer.forgive();
                let reply = analyze_raw_by(plugins, scorer, message).await.map_err(|error| error.to_string())?;
                Ok(serde_json::to_value(reply)?)
            }
        }
    }
}
