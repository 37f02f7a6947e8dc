//! The control tables of this node as a replica of the primary's.

use serde::{Deserialize, Serialize};

use super::primary::{Rows, Unit, insert};
use super::{ControlSchema, Recorder, TABLES};
use crate::store::datum::Datum;
use crate::store::sql::{Connection, Row, SqlError, Value, is_constraint, values};
use crate::store::{Result, Store, StoreError};

/// Where this node is in the log of its cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cursor {
    pub(crate) cluster: String,
    pub(crate) revision: i64,
    /// The unit at that revision; empty for the beginning, and after a copy of the tables.
    pub(crate) unit_id: String,
}

/// The rows of all control tables, in the order of [`TABLES`].
pub(crate) type Copied = Vec<(&'static str, Rows)>;

impl Store {
    /// Where this node is. `None` when it belongs to no cluster.
    pub(crate) async fn control_cursor(&self) -> Result<Option<Cursor>> {
        self.read(|connection| Ok(cursor(connection)?)).await
    }

    /// Applies units that follow on one another, and says which tables they wrote. Those that were applied before are
    /// passed over. What changes other rows here than at the primary is [`StoreError::Diverged`], and undone.
    pub(crate) async fn apply_units(&self, units: Vec<Unit>) -> Result<Vec<&'static str>> {
        self.write(move |connection| {
            let Some(mut at) = cursor(connection)? else { return Err(StoreError::Diverged) };
            let mut touched = Vec::new();
            for unit in units {
                if unit.revision <= at.revision {
                    continue;
                }
                if unit.revision != at.revision + 1 {
                    return Err(StoreError::Diverged);
                }
                for statement in unit.statements {
                    // What we would not record we do not repeat, whoever wrote it there.
                    Recorder::default()
                        .check(&statement.sql)
                        .map_err(|error| StoreError::Primary(error.to_string()))?;
                    let table = TABLES.into_iter().find(|table| *table == statement.table());
                    touched.push(table.ok_or(StoreError::Diverged)?);
                    let values: Vec<Value> = statement.values.into_iter().map(Value::from).collect();
                    match connection.execute(&statement.sql, &values) {
                        Ok(changed) if changed == statement.changed => {}
                        Ok(_) => return Err(StoreError::Diverged),
                        Err(error) if is_constraint(&error) => return Err(StoreError::Diverged),
                        Err(error) => return Err(error.into()),
                    }
                }
                at = Cursor { revision: unit.revision, unit_id: unit.id, ..at };
            }
            set_cursor(connection, &at)?;
            touched.sort_unstable();
            touched.dedup();
            Ok(touched)
        })
        .await
    }

    /// Puts a copy of the primary's tables in the place of this node's own. What else it has stays; a row of that which
    /// would refer to nothing then undoes it all.
    pub(crate) async fn replace_control_tables(&self, tables: Copied, at: Cursor) -> Result<()> {
        self.write(move |connection| {
            connection.batch("PRAGMA defer_foreign_keys = ON")?;
            for table in TABLES.iter().rev() {
                connection.execute(&format!("DELETE FROM {table}"), &[])?;
            }
            for (table, rows) in tables {
                for row in rows {
                    let sql = insert(table, row.len());
                    let values: Vec<Value> = row.into_iter().map(Value::from).collect();
                    connection.execute(&sql, &values)?;
                }
            }
            let sql = "SELECT \"table\", parent FROM pragma_foreign_key_check";
            let dangling = connection.query_one(sql, &[], |row| Ok((row.text(0)?, row.text(1)?)))?;
            if let Some((table, parent)) = dangling {
                return Err(StoreError::Orphaned { table, parent });
            }
            Ok(set_cursor(connection, &at)?)
        })
        .await
    }

    /// Everything that a new primary needs: the shape of the control tables and all their rows.
    pub(crate) async fn control_tables(&self) -> Result<(ControlSchema, Copied)> {
        self.read(|connection| {
            let mut tables = Vec::new();
            for table in TABLES {
                let sql = format!("SELECT * FROM {table} ORDER BY 1, 2");
                let rows = connection.query(&sql, &[], Row::values)?;
                tables.push((table, rows.iter().map(|row| row.iter().map(Datum::from).collect()).collect()));
            }
            Ok((ControlSchema::read(connection)?, tables))
        })
        .await
    }

    /// Has this node follow a cluster from here on, with the tables that it has; or none.
    pub(crate) async fn set_control_cursor(&self, at: Option<Cursor>) -> Result<()> {
        self.write(move |connection| match at {
            Some(at) => Ok(set_cursor(connection, &at)?),
            None => Ok(connection.execute("DELETE FROM control_cursor", &[]).map(drop)?),
        })
        .await
    }
}

pub(super) fn cursor(connection: &Connection) -> Result<Option<Cursor>, SqlError> {
    connection.query_one("SELECT cluster, revision, unit_id FROM control_cursor", &[], |row| {
        Ok(Cursor { cluster: row.text(0)?, revision: row.integer(1)?, unit_id: row.text(2)? })
    })
}

fn set_cursor(connection: &Connection, at: &Cursor) -> Result<(), SqlError> {
    let sql = "INSERT OR REPLACE INTO control_cursor VALUES (1, ?1, ?2, ?3)";
    connection.execute(sql, values![at.cluster.as_str(), at.revision, at.unit_id.as_str()]).map(drop)
}
