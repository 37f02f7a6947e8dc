//! What serves, as the last line of a log that only grows, and which node has got how far.

use super::sql::{Row, SqlError, values};
use super::{Result, Store};

/// One change of what serves.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginLogRow {
    /// Counts from 1 without a gap; the generation of the deployment.
    pub sequence: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Who made it.
    pub by: String,
    /// What it was, in a word.
    pub action: String,
    /// `scorer` or `normalizer`, where the change is about one.
    pub world: Option<String>,
    /// Which plugin.
    pub name: Option<String>,
    /// What served or was tried before: a version, or `name@version` of another plugin.
    pub from_version: Option<String>,
    /// What does now.
    pub to_version: Option<String>,
    /// In the words of whoever made it.
    pub why: Option<String>,
    /// All that serves after it, as JSON.
    pub deployment: String,
    /// Over all of this and the hash of the row before.
    pub hash: Vec<u8>,
}

/// How far a node has got.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginNodeRow {
    /// Its name.
    pub node: String,
    /// The sequence of the log that it serves.
    pub generation: i64,
    /// What it could not load, a sentence each, as a JSON list.
    pub troubles: String,
    /// Since when that is so, in milliseconds.
    pub since: i64,
}

const COLUMNS: &str = "sequence, at, by, action, world, name, from_version, to_version, why, deployment, hash";

impl Store {
    /// The newest row.
    pub(crate) async fn plugin_log_head(&self) -> Result<Option<PluginLogRow>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM plugin_log ORDER BY sequence DESC LIMIT 1");
            Ok(connection.query_one(&sql, &[], read_row)?)
        })
        .await
    }

    /// The sequence of the newest row; 0 when there is none.
    pub(crate) async fn plugin_generation(&self) -> Result<i64> {
        self.read(|connection| {
            let sql = "SELECT COALESCE(MAX(sequence), 0) FROM plugin_log";
            Ok(connection.query_one(sql, &[], |row| row.integer(0))?.unwrap_or(0))
        })
        .await
    }

    /// Appends a row, and notes when a version began to serve. False, and nothing is done, when the row before it is
    /// not the newest any more.
    pub(crate) async fn append_plugin_log(&self, row: PluginLogRow, serves: Option<(String, String)>) -> Result<bool> {
        self.control_write(move |connection| {
            let sql = "INSERT INTO plugin_log SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 \
                       WHERE ?1 = 1 + (SELECT COALESCE(MAX(sequence), 0) FROM plugin_log)";
            let at = row.at;
            let appended = connection.execute(
                sql,
                values![
                    row.sequence,
                    row.at,
                    row.by.clone(),
                    row.action.clone(),
                    row.world.clone(),
                    row.name.clone(),
                    row.from_version.clone(),
                    row.to_version.clone(),
                    row.why.clone(),
                    row.deployment.clone(),
                    row.hash.clone(),
                ],
            )?;
            if let Some((name, version)) = serves.clone().filter(|_| appended == 1) {
                let sql = "UPDATE plugins SET served_at = ?3, retired_at = NULL WHERE name = ?1 AND version = ?2";
                connection.execute(sql, values![name, version, at])?;
            }
            Ok(appended == 1)
        })
        .await
    }

    /// At most `limit` rows before a sequence, newest first.
    pub(crate) async fn plugin_log_before(&self, sequence: i64, limit: i64) -> Result<Vec<PluginLogRow>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM plugin_log WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2");
            Ok(connection.query(&sql, values![sequence, limit], read_row)?)
        })
        .await
    }

    /// At most `limit` rows after a sequence, oldest first.
    pub(crate) async fn plugin_log_after(&self, sequence: i64, limit: i64) -> Result<Vec<PluginLogRow>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM plugin_log WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
            Ok(connection.query(&sql, values![sequence, limit], read_row)?)
        })
        .await
    }

    /// Notes how far a node has got.
    pub(crate) async fn note_plugin_node(&self, node: PluginNodeRow) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT INTO plugin_nodes VALUES (?1, ?2, ?3, ?4) ON CONFLICT (node) DO UPDATE SET \
                       generation = excluded.generation, troubles = excluded.troubles, since = excluded.since";
            connection.execute(sql, values![node.node, node.generation, node.troubles, node.since])?;
            Ok(())
        })
        .await
    }

    /// Every node that ever served, by name.
    pub(crate) async fn plugin_nodes(&self) -> Result<Vec<PluginNodeRow>> {
        self.read(|connection| {
            let sql = "SELECT node, generation, troubles, since FROM plugin_nodes ORDER BY node LIMIT 1000";
            Ok(connection.query(sql, &[], |row| {
                Ok(PluginNodeRow {
                    node: row.text(0)?,
                    generation: row.integer(1)?,
                    troubles: row.text(2)?,
                    since: row.integer(3)?,
                })
            })?)
        })
        .await
    }
}

fn read_row(row: &Row) -> Result<PluginLogRow, SqlError> {
    Ok(PluginLogRow {
        sequence: row.integer(0)?,
        at: row.integer(1)?,
        by: row.text(2)?,
        action: row.text(3)?,
        world: row.text_or_null(4)?,
        name: row.text_or_null(5)?,
        from_version: row.text_or_null(6)?,
        to_version: row.text_or_null(7)?,
        why: row.text_or_null(8)?,
        deployment: row.text(9)?,
        hash: row.blob(10)?,
    })
}
