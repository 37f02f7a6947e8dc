//! The registry of plugins: every version that was ever installed, and which one serves.

use super::sql::{Row, SqlError, is_duplicate, values};
use super::{Result, Store, StoreError};

/// A version to be installed.
#[derive(Clone, Debug)]
pub struct NewPlugin {
    /// Shared by its versions.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// `scorer` or `normalizer`.
    pub world: &'static str,
    /// `sha256:` and the hex digest of `component`.
    pub digest: String,
    /// One sentence of its own.
    pub summary: String,
    /// The bytes as they were installed.
    pub component: Vec<u8>,
    /// True when it came with the binary.
    pub built_in: bool,
    /// Now, in milliseconds.
    pub installed_at: i64,
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// It serves its world.
    Active,
    /// It is kept and can be activated.
    Installed,
}

/// An installed version, without its bytes.
#[derive(Clone, Debug)]
pub struct PluginRow {
    /// Shared by its versions.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// `scorer` or `normalizer`.
    pub world: String,
    /// `sha256:` and hex.
    pub digest: String,
    /// One sentence of its own.
    pub summary: String,
    /// Bytes as installed.
    pub size: i64,
    /// True when it came with the binary.
    pub built_in: bool,
    /// Milliseconds since 1970.
    pub installed_at: i64,
    /// Where it stands.
    pub state: PluginState,
    /// True when it served at some time, now included.
    pub was_active: bool,
}

/// Why a version was not installed.
#[derive(Debug)]
pub(crate) enum InstallError {
    /// This name and version stand for other bytes.
    Taken,
    /// The store could not.
    Store(StoreError),
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Store {
    /// Keeps a version. The same bytes again are fine, other bytes under a known name and version are not.
    pub(crate) async fn install_plugin(&self, new: NewPlugin) -> Result<(), InstallError> {
        self.write(move |connection| {
            let known = connection
                .query_one(
                    "SELECT digest FROM plugins WHERE name = ?1 AND version = ?2",
                    values![new.name.as_str(), new.version.as_str()],
                    |row| row.text(0),
                )
                .map_err(StoreError::from)?;
            match known {
                Some(digest) if digest == new.digest => return Ok(()),
                Some(_) => return Err(InstallError::Taken),
                None => {}
            }
            let inserted = connection.execute(
                "INSERT INTO plugins VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                values![
                    new.name,
                    new.version,
                    new.world,
                    new.digest,
                    new.summary,
                    new.component,
                    new.built_in,
                    new.installed_at,
                ],
            );
            match inserted {
                Err(error) if is_duplicate(&error) => Err(InstallError::Taken),
                Err(error) => Err(StoreError::from(error).into()),
                Ok(_) => Ok(()),
            }
        })
        .await
    }

    /// Makes an installed version the one that serves its world. False when it is not installed.
    pub(crate) async fn activate_plugin(&self, name: String, version: String, now: i64) -> Result<bool> {
        self.write(move |connection| {
            let sql = "INSERT INTO activations (world, name, version, activated_at) \
                       SELECT world, name, version, ?3 FROM plugins WHERE name = ?1 AND version = ?2";
            Ok(connection.execute(sql, values![name, version, now])? == 1)
        })
        .await
    }

    /// Every installed version: by world and name, newest first.
    pub async fn plugins(&self) -> Result<Vec<PluginRow>> {
        self.read(|connection| {
            let sql = "SELECT name, version, world, digest, summary, length(component), built_in, installed_at, \
                       (name, version) = (SELECT name, version FROM activations WHERE activations.world = \
                       plugins.world ORDER BY sequence DESC LIMIT 1), (name, version) IN (SELECT name, version FROM \
                       activations) FROM plugins \
                       ORDER BY world, name, installed_at DESC, version DESC";
            Ok(connection.query(sql, &[], read_plugin)?)
        })
        .await
    }

    /// The bytes of an installed version.
    pub(crate) async fn plugin_component(&self, name: String, version: String) -> Result<Option<Vec<u8>>> {
        self.read(move |connection| {
            let sql = "SELECT component FROM plugins WHERE name = ?1 AND version = ?2";
            Ok(connection.query_one(sql, values![name, version], |row| row.blob(0))?)
        })
        .await
    }

    /// What serves a world: name and version.
    pub(crate) async fn active_plugin(&self, world: &'static str) -> Result<Option<(String, String)>> {
        self.read(move |connection| {
            let sql = "SELECT name, version FROM activations WHERE world = ?1 ORDER BY sequence DESC LIMIT 1";
            Ok(connection.query_one(sql, values![world], |row| Ok((row.text(0)?, row.text(1)?)))?)
        })
        .await
    }

    /// The version of `name` that served before the one that serves now; `None` when there was no other.
    pub(crate) async fn previous_plugin(&self, name: String) -> Result<Option<(String, String)>> {
        self.read(move |connection| {
            // Rolling back twice must not swing back and forth, so what was rolled back does not count as before.
            let sql = "WITH served AS (SELECT sequence, world, name, version FROM activations WHERE world = \
                       (SELECT world FROM activations WHERE name = ?1 ORDER BY sequence DESC LIMIT 1)), \
                       now AS (SELECT name, version FROM served ORDER BY sequence DESC LIMIT 1) \
                       SELECT served.name, served.version FROM served, now \
                       WHERE served.sequence < (SELECT MIN(sequence) FROM served AS again \
                       WHERE (again.name, again.version) = (now.name, now.version)) \
                       ORDER BY served.sequence DESC LIMIT 1";
            Ok(connection.query_one(sql, values![name], |row| Ok((row.text(0)?, row.text(1)?)))?)
        })
        .await
    }
}

fn read_plugin(row: &Row) -> Result<PluginRow, SqlError> {
    let active = row.integer_or_null(8)? == Some(1);
    Ok(PluginRow {
        name: row.text(0)?,
        version: row.text(1)?,
        world: row.text(2)?,
        digest: row.text(3)?,
        summary: row.text(4)?,
        size: row.integer(5)?,
        built_in: row.flag(6)?,
        installed_at: row.integer(7)?,
        state: if active { PluginState::Active } else { PluginState::Installed },
        was_active: row.flag(9)?,
    })
}
