//! Brings the database to the shape that this binary knows. `migrations/README.md` says how to write the next.

use super::sql::{Connection, values};
use super::{Result, StoreError};

/// Every migration in order: version, name, SQL. A released one is never edited.
const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "foundation", include_str!("../../../migrations/0001_foundation.sql")),
    (2, "plugins", include_str!("../../../migrations/0002_plugins.sql")),
    (3, "recordings", include_str!("../../../migrations/0003_recordings.sql")),
    (4, "queue", include_str!("../../../migrations/0004_queue.sql")),
    (5, "dkim", include_str!("../../../migrations/0005_dkim.sql")),
    (6, "smtp_credentials", include_str!("../../../migrations/0006_smtp_credentials.sql")),
    (7, "suppressions", include_str!("../../../migrations/0007_suppressions.sql")),
];

/// Applies what is missing, each migration in a transaction of its own together with its record.
pub(crate) fn apply(connection: &Connection, now: i64) -> Result<()> {
    connection.batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations \
         (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sql TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    let applied = connection.query("SELECT version, sql FROM schema_migrations ORDER BY version", &[], |row| {
        Ok((row.integer(0)?, row.text(1)?))
    })?;
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if let Some(found) = applied.iter().map(|(version, _)| *version).max().filter(|found| *found > i64::from(known)) {
        return Err(StoreError::Newer { found: u32::try_from(found).unwrap_or(u32::MAX), known });
    }
    for (version, name, sql) in MIGRATIONS {
        match applied.iter().find(|(applied, _)| *applied == i64::from(*version)) {
            Some((_, stored)) if stored != sql => return Err(StoreError::Altered(*version)),
            Some(_) => {}
            None => apply_one(connection, *version, name, sql, now)?,
        }
    }
    Ok(())
}

fn apply_one(connection: &Connection, version: u32, name: &str, sql: &str, now: i64) -> Result<()> {
    connection.batch("BEGIN IMMEDIATE")?;
    let record = "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4)";
    let done = connection
        .batch(sql)
        .and_then(|()| connection.execute(record, values![version, name, sql, now]))
        .and_then(|_| connection.batch("COMMIT"));
    if let Err(error) = done {
        connection.batch("ROLLBACK")?;
        return Err(error.into());
    }
    tracing::info!(version, name, "migration applied");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    fn memory() -> Connection {
        sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("memory opens")
    }

    #[test]
    fn each_migration_is_applied_once() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        apply(&connection, 2).expect("a migrated database is left alone");
        let found = connection
            .query("SELECT version, applied_at FROM schema_migrations", &[], |row| {
                Ok((row.integer(0)?, row.integer(1)?))
            })
            .expect("the records are read");
        assert_eq!(found.len(), MIGRATIONS.len());
        assert!(found.iter().all(|(_, applied_at)| *applied_at == 1), "{found:?}");
    }

    #[test]
    fn a_database_from_the_future_is_refused_with_both_versions() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        connection.batch("INSERT INTO schema_migrations VALUES (4711, 'later', '', 1)").expect("it is recorded");
        let error = apply(&connection, 2).expect_err("it is refused").to_string();
        assert!(error.contains("4711") && error.contains("later version of Pillarbox"), "{error}");
    }

    #[test]
    fn a_migration_that_was_edited_after_its_release_is_noticed() {
        let connection = memory();
        apply(&connection, 1).expect("a new database is migrated");
        connection.batch("UPDATE schema_migrations SET sql = 'something else'").expect("it is changed");
        assert!(matches!(apply(&connection, 2), Err(StoreError::Altered(1))));
    }
}
