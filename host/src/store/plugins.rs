//! Every version of every plugin that was ever installed. Which of them serves is in [`super::plugin_log`].

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
    /// Which version of the contract it was built for.
    pub wit_version: String,
    /// `sha256:` and the hex digest of `component`.
    pub digest: String,
    /// One sentence of its own.
    pub summary: String,
    /// What it says of itself, as JSON.
    pub declaration: String,
    /// The bytes as they were installed.
    pub component: Vec<u8>,
    /// True when it came with the binary.
    pub built_in: bool,
    /// Now, in milliseconds.
    pub installed_at: i64,
    /// Who installed it.
    pub installed_by: String,
    /// The document that came with it, when it was verified.
    pub signature: Option<String>,
    /// The key that made `signature`.
    pub signed_by: Option<String>,
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
    /// Which version of the contract it was built for.
    pub wit_version: String,
    /// `sha256:` and hex.
    pub digest: String,
    /// One sentence of its own.
    pub summary: String,
    /// What it says of itself, as JSON.
    pub declaration: String,
    /// Bytes as installed.
    pub size: i64,
    /// True when it came with the binary.
    pub built_in: bool,
    /// Milliseconds since 1970.
    pub installed_at: i64,
    /// Who installed it.
    pub installed_by: String,
    /// The document that came with it.
    pub signature: Option<String>,
    /// The key that made `signature`.
    pub signed_by: Option<String>,
    /// When it last answered every sample.
    pub checked_at: Option<i64>,
    /// Why it did not, the last time it was asked.
    pub check_failure: Option<String>,
    /// When it last began to serve.
    pub served_at: Option<i64>,
    /// When it was put aside.
    pub retired_at: Option<i64>,
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

/// The columns of a [`PluginRow`], in the order in which `read_plugin` takes them.
const COLUMNS: &str = "name, version, world, wit_version, digest, summary, declaration, length(component), built_in, \
                       installed_at, installed_by, signature, signed_by, checked_at, check_failure, served_at, \
                       retired_at";

impl Store {
    /// Keeps a version. The same bytes again are fine and may bring another signature, other bytes under a known name and version are not. False when
    /// it was there already.
    pub(crate) async fn install_plugin(&self, new: NewPlugin) -> Result<bool, InstallError> {
        self.control_write(move |connection| {
            let known = connection
                .query_one(
                    "SELECT digest FROM plugins WHERE name = ?1 AND version = ?2",
                    values![new.name.as_str(), new.version.as_str()],
                    |row| row.text(0),
                )
                .map_err(StoreError::from)?;
            match known {
                Some(digest) if digest == new.digest => {
                    if new.signature.is_some() {
                        let sql = "UPDATE plugins SET signature = ?3, signed_by = ?4 WHERE name = ?1 AND version = ?2";
                        let signed = values![
                            new.name.as_str(),
                            new.version.as_str(),
                            new.signature.clone(),
                            new.signed_by.clone(),
                        ];
                        connection.execute(sql, signed).map_err(StoreError::from)?;
                    }
                    return Ok(false);
                }
                Some(_) => return Err(InstallError::Taken),
                None => {}
            }
            let sql = "INSERT INTO plugins (name, version, world, wit_version, digest, summary, declaration, \
                       component, built_in, installed_at, installed_by, signature, signed_by) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
            let inserted = connection.execute(
                sql,
                values![
                    new.name.as_str(),
                    new.version.as_str(),
                    new.world,
                    new.wit_version.as_str(),
                    new.digest.as_str(),
                    new.summary.as_str(),
                    new.declaration.as_str(),
                    new.component.clone(),
                    new.built_in,
                    new.installed_at,
                    new.installed_by.as_str(),
                    new.signature.clone(),
                    new.signed_by.clone(),
                ],
            );
            match inserted {
                Err(error) if is_duplicate(&error) => Err(InstallError::Taken),
                Err(error) => Err(StoreError::from(error).into()),
                Ok(_) => Ok(true),
            }
        })
        .await
    }

    /// Notes that a version answered every sample, or why not.
    pub(crate) async fn note_plugin_check(
        &self,
        name: String,
        version: String,
        failure: Option<String>,
        now: i64,
    ) -> Result<()> {
        self.control_write(move |connection| {
            let checked_at = failure.is_none().then_some(now);
            let sql = "UPDATE plugins SET checked_at = ?3, check_failure = ?4 WHERE name = ?1 AND version = ?2";
            connection.execute(sql, values![name.as_str(), version.as_str(), checked_at, failure.clone()])?;
            Ok(())
        })
        .await
    }

    /// Puts a version aside, or takes it back with `None`. False when it is not installed.
    pub(crate) async fn retire_plugin(&self, name: String, version: String, at: Option<i64>) -> Result<bool> {
        self.control_write(move |connection| {
            let sql = "UPDATE plugins SET retired_at = ?3 WHERE name = ?1 AND version = ?2";
            Ok(connection.execute(sql, values![name.as_str(), version.as_str(), at])? == 1)
        })
        .await
    }

    /// Every installed version: by world and name, newest first.
    pub async fn plugins(&self) -> Result<Vec<PluginRow>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM plugins ORDER BY world, name, installed_at DESC, version DESC");
            Ok(connection.query(&sql, &[], read_plugin)?)
        })
        .await
    }

    /// One installed version.
    pub(crate) async fn plugin(&self, name: String, version: String) -> Result<Option<PluginRow>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM plugins WHERE name = ?1 AND version = ?2");
            Ok(connection.query_one(&sql, values![name, version], read_plugin)?)
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
}

fn read_plugin(row: &Row) -> Result<PluginRow, SqlError> {
    Ok(PluginRow {
        name: row.text(0)?,
        version: row.text(1)?,
        world: row.text(2)?,
        wit_version: row.text(3)?,
        digest: row.text(4)?,
        summary: row.text(5)?,
        declaration: row.text(6)?,
        size: row.integer(7)?,
        built_in: row.flag(8)?,
        installed_at: row.integer(9)?,
        installed_by: row.text(10)?,
        signature: row.text_or_null(11)?,
        signed_by: row.text_or_null(12)?,
        checked_at: row.integer_or_null(13)?,
        check_failure: row.text_or_null(14)?,
        served_at: row.integer_or_null(15)?,
        retired_at: row.integer_or_null(16)?,
    })
}
