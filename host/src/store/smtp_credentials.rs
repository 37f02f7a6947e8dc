//! The passwords that customers' mail programs sign in with.

use uuid::Uuid;

use super::customers::{COLUMNS, read_customer};
use super::sql::values;
use super::{Customer, Result, Store};

impl Store {
    /// The account that signs in with this name, and the hash of its password. Names are compared without regard to
    /// case.
    pub async fn smtp_login(&self, user: &str) -> Result<Option<(Customer, String)>> {
        let user = user.to_lowercase();
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, password_hash FROM customers JOIN smtp_credentials \
                 ON smtp_credentials.customer_id = customers.id WHERE email = ?1"
            );
            Ok(connection.query_one(&sql, values![user], |row| Ok((read_customer(row)?, row.text(15)?)))?)
        })
        .await
    }

    /// When a customer's password was set, in milliseconds; `None` when it has none.
    pub async fn smtp_password_set_at(&self, customer: Uuid) -> Result<Option<i64>> {
        self.read(move |connection| {
            let sql = "SELECT password_set_at FROM smtp_credentials WHERE customer_id = ?1";
            Ok(connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?)
        })
        .await
    }

    /// Gives a customer a password, of which the hash is kept. The old one ends at once.
    pub async fn set_smtp_password(&self, customer: Uuid, hash: String, now: i64) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "INSERT OR REPLACE INTO smtp_credentials VALUES (?1, ?2, ?3)";
            connection.execute(sql, values![customer.to_string(), hash.as_str(), now])?;
            Ok(())
        })
        .await
    }
}
