//! What a unit of work writes to the control tables, so that another node repeats it exactly.
//!
//! Time, ids and randomness are arguments of the store, so a statement and its values are all there is to repeat. What
//! would come out differently elsewhere is refused while it is recorded: statements on tables that other nodes do not
//! share, and functions that look at a clock, at chance or at the connection.

use serde::{Deserialize, Serialize};

use super::TABLES;
use crate::store::SqlError;
use crate::store::datum::Datum;
use crate::store::sql::Value;

/// Statements of one unit of work.
pub(crate) const STATEMENTS_MAX: usize = 500;
/// Functions that say something else each time, or at each connection.
const CHANGING: [&str; 14] = [
    "changes",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "julianday",
    "last_insert_rowid",
    "random",
    "randomblob",
    "strftime",
    "time",
    "total_changes",
    "unixepoch",
];

/// A statement that changed rows of a control table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Datum>,
    /// Rows that it changed. A node where it changes another number has other rows.
    pub(crate) changed: u64,
}

impl Statement {
    /// The table that it writes.
    pub(crate) fn table(&self) -> &str {
        written_table(&self.sql).unwrap_or_default()
    }
}

/// Notes what is written, in order.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) statements: Vec<Statement>,
}

impl Recorder {
    /// Looks at a statement before it is run.
    pub(crate) fn check(&self, sql: &str) -> Result<(), SqlError> {
        let refuse = |why: &str| Err(SqlError::Misuse(format!("{why} in a unit of the control plane: {sql}")));
        let Some(table) = written_table(sql) else { return refuse("only INSERT, UPDATE and DELETE may write") };
        if !TABLES.contains(&table) {
            return refuse("a table that other nodes do not have is written");
        }
        if words(sql).any(|word| CHANGING.contains(&word.to_ascii_lowercase().as_str())) {
            return refuse("something that is not the same on every node is asked for");
        }
        if self.statements.len() >= STATEMENTS_MAX {
            return refuse("there are too many statements");
        }
        Ok(())
    }

    /// Notes a statement that was run. One that changed nothing changes nothing elsewhere either.
    pub(crate) fn note(&mut self, sql: &str, values: &[Value], changed: u64) {
        if changed > 0 {
            let values = values.iter().map(Datum::from).collect();
            self.statements.push(Statement { sql: sql.to_owned(), values, changed });
        }
    }
}

/// The table after `INSERT INTO`, `UPDATE` or `DELETE FROM`; `None` for another statement.
fn written_table(sql: &str) -> Option<&str> {
    let mut words = words(sql);
    match words.next()? {
        "INSERT" => words.find(|word| *word == "INTO").and_then(|_| words.next()),
        "UPDATE" => words.next(),
        "DELETE" => words.next().filter(|word| *word == "FROM").and_then(|_| words.next()),
        _ => None,
    }
}

/// The words of a statement, without what stands between quotes.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let outside = sql.split('\'').step_by(2);
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    outside.flat_map(move |text| text.split(move |character| !is_part(character))).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(sql: &str) -> String {
        Recorder::default().check(sql).expect_err(sql).to_string()
    }

    #[test]
    fn statements_on_control_tables_may_be_recorded() {
        for sql in [
            "INSERT INTO customers VALUES (?1)",
            "INSERT OR REPLACE INTO smtp_credentials VALUES (?1, ?2, ?3)",
            "UPDATE domains SET status = 'random()' WHERE id = ?1",
            "DELETE FROM dkim_keys WHERE domain_id = ?1",
        ] {
            Recorder::default().check(sql).expect(sql);
        }
    }

    #[test]
    fn what_another_node_would_not_repeat_exactly_is_refused() {
        for table in ["emails", "events", "queue", "suppressions", "plugin_nodes", "control_cursor"] {
            assert!(refusal(&format!("DELETE FROM {table}")).contains("other nodes do not have"), "{table}");
        }
        for sql in [
            "UPDATE domains SET created_at = unixepoch() * 1000",
            "UPDATE domains SET ownership_token = lower(hex(randomblob(16)))",
            "DELETE FROM plugins WHERE installed_at = CURRENT_TIMESTAMP",
            "INSERT INTO plugin_log (sequence) VALUES (last_insert_rowid())",
        ] {
            assert!(refusal(sql).contains("not the same on every node"), "{sql}");
        }
        for sql in ["CREATE TABLE customers (id)", "PRAGMA user_version = 1", "REPLACE INTO customers VALUES (1)", ""] {
            assert!(refusal(sql).contains("only INSERT, UPDATE and DELETE"), "{sql}");
        }
    }

    #[test]
    fn a_unit_has_so_many_statements_and_no_more() {
        let mut recorder = Recorder::default();
        let sql = "DELETE FROM customers WHERE id = ?1";
        for _ in 0..STATEMENTS_MAX {
            recorder.check(sql).expect("it is inside");
            recorder.note(sql, &[Value::Integer(1)], 1);
        }
        assert!(recorder.check(sql).expect_err("it is outside").to_string().contains("too many statements"));
    }

    #[test]
    fn what_changed_nothing_is_not_repeated() {
        let mut recorder = Recorder::default();
        recorder.note("DELETE FROM customers", &[], 0);
        recorder.note("DELETE FROM domains", &[], 2);
        assert_eq!(recorder.statements.iter().map(Statement::table).collect::<Vec<_>>(), ["domains"]);
    }
}
