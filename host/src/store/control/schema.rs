//! The shape of the control tables, so that the primary has the very same.

use super::TABLES;
use crate::store::sql::{Connection, SqlError, values};

/// The last migration that changed a control table. The primary keeps it, and a node whose tables have another shape does
/// not follow it.
pub(crate) const CONTROL_SCHEMA: i64 = 11;

/// The statements that make the control tables, each before those that need it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ControlSchema(pub(crate) Vec<String>);

impl ControlSchema {
    pub(crate) fn read(connection: &Connection) -> Result<Self, SqlError> {
        let mut statements = Vec::new();
        for kind in ["table", "index"] {
            for table in TABLES {
                let sql =
                    "SELECT sql FROM sqlite_master WHERE tbl_name = ?1 AND type = ?2 AND sql IS NOT NULL ORDER BY name";
                statements.extend(connection.query(sql, values![table, kind], |row| row.text(0))?);
            }
        }
        Ok(Self(statements))
    }
}
