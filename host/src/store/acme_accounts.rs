//! The accounts at certificate authorities.

use super::sql::values;
use super::{Result, Store};

impl Store {
    /// The sealed account at the authority of this directory.
    pub(crate) async fn acme_account(&self, directory: String) -> Result<Option<Vec<u8>>> {
        self.read(move |connection| {
            let sql = "SELECT sealed FROM acme_accounts WHERE directory = ?1";
            Ok(connection.query_one(sql, values![directory], |row| row.blob(0))?)
        })
        .await
    }

    /// Keeps an account; one that was there before is forgotten.
    pub(crate) async fn keep_acme_account(&self, directory: String, sealed: Vec<u8>, now: i64) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "INSERT OR REPLACE INTO acme_accounts VALUES (?1, ?2, ?3)";
            connection.execute(sql, values![directory.as_str(), sealed.clone(), now])?;
            Ok(())
        })
        .await
    }

    /// Forgets an account that its authority does not know any more.
    pub(crate) async fn forget_acme_account(&self, directory: String) -> Result<()> {
        self.control_write(move |connection| {
            connection.execute("DELETE FROM acme_accounts WHERE directory = ?1", values![directory.as_str()])?;
            Ok(())
        })
        .await
    }
}
